"""Workspaces and their members in the panel."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import SUCCESS, errors, post


def test_a_workspace_is_created_changed_and_deleted(panel, workspace, olga):
    assert workspace.keys() == {
        *("uuid", "name", "hex_color", "avatar", "owner", "access_status", "created_at")
    }
    assert (workspace["owner"], workspace["hex_color"]) == (olga, "4f46e5")
    path = f"workspaces/{workspace['uuid']}"
    assert panel("GET", path).json() == workspace
    changed = {"name": "Client Inc.", "owner_id": 1, "access_status": "unlimited"}
    assert panel("PUT", path, **changed, hex_color="ffffff").json() == SUCCESS
    seen = panel("GET", path).json()
    assert (seen["name"], seen["owner"]["id"], seen["access_status"]) == tuple(changed.values())
    assert seen["hex_color"] == "4f46e5"
    assert panel("DELETE", path).json() == SUCCESS
    assert panel("GET", path).status_code == panel("DELETE", path).status_code == 404


def test_two_workspaces_may_have_the_same_name(panel, workspace, olga):
    body = {"name": "Client", "owner_id": olga["id"], "access_status": "subscription"}
    assert panel("POST", "workspaces", **body).status_code == 201
    assert panel("GET", "workspaces?keyword=client").json()["meta"]["total"] == 2


@pytest.mark.parametrize(("choice", "owner"), [("keep", "Olga Owner"), ("drop", None)])
def test_an_update_that_does_not_name_the_owner_keeps_or_drops_it(sandbox, panel, workspace, choice, owner):
    sandbox.change(put_owner=choice)
    path = f"workspaces/{workspace['uuid']}"
    panel("PUT", path, name="Client", access_status="unlimited")
    seen = panel("GET", path).json().get("owner")
    assert (seen and seen["name"]) == owner


def test_an_invalid_workspace_is_rejected_with_all_errors(panel):
    assert set(errors(panel("POST", "workspaces"))) == {"name", "access_status"}
    bad = {"name": "x" * 61, "access_status": "free", "owner_id": 99}
    assert set(errors(panel("POST", "workspaces", **bad))) == {"name", "access_status", "owner_id"}


def test_workspaces_are_found_by_word_access_and_subscription(panel, workspace):
    def names(query: str) -> list[str]:
        return [each["name"] for each in panel("GET", f"workspaces?{query}").json()["data"]]

    assert names("keyword=CONTOSO") == ["Contoso Outdoor"]
    assert names("subscription_status=active") == ["Northwind Coffee", "Contoso Outdoor"]
    panel("PUT", f"workspaces/{workspace['uuid']}", name="Client", access_status="locked")
    assert names("access_status=locked") == ["Client"]


def test_several_workspaces_are_deleted_at_once_with_all_that_is_in_them(sandbox, panel, member, scoped):
    uuids = [each["uuid"] for each in sandbox.workspaces]
    accounts = member.get("/accounts").json()["data"]
    member.post("/posts", json=post("x", accounts[0], schedule_now=True))
    assert panel("DELETE", "workspaces", workspaces=[*uuids, "nope"]).json() == SUCCESS
    assert panel("GET", "workspaces").json()["data"] == []
    assert member.get("/posts").status_code == 404
    assert scoped.get("/posts").status_code == 401
    assert sandbox.state()["posts"] == []
    assert set(errors(panel("DELETE", "workspaces", workspaces=[1]))) == {"workspaces.0"}


def test_a_locked_workspace_is_forbidden_to_everyone(panel, member, sandbox):
    path = f"workspaces/{sandbox.workspaces[0]['uuid']}"
    panel("PUT", path, name="Northwind Coffee", access_status="locked")
    assert member.get("/tags").json() == {"message": "Access forbidden."}


def test_the_callers_workspaces_are_listed_most_recently_updated_first(sandbox, panel, connect):
    member = connect("member", None)

    def names():
        return [each["name"] for each in member.get("/workspaces").json()["data"]]

    assert names() == ["Northwind Coffee", "Contoso Outdoor"]
    path = f"workspaces/{sandbox.workspaces[1]['uuid']}"
    panel("PUT", path, name="Contoso Outdoor", access_status="unlimited")
    assert names() == ["Contoso Outdoor", "Northwind Coffee"]


def test_members_come_change_and_go(panel, workspace, connect):
    path = f"workspaces/{workspace['uuid']}/users"
    member = connect("member", None)
    place = {"user_id": 2, "role": "viewer", "can_approve": True, "is_owner": False}
    added = panel("POST", path, **place)
    assert (added.status_code, added.json()) == (201, SUCCESS)
    mine = member.get("/workspaces").json()["data"][0]
    assert (mine["uuid"], mine["pivot"]["role"], mine["pivot"]["can_approve"]) == (
        *(workspace["uuid"], "viewer", True),
    )
    assert member.post(f"/{workspace['uuid']}/tags", json={}).status_code == 403
    assert panel("PUT", path, **{**place, "role": "member", "can_approve": False}).json() == SUCCESS
    assert member.post(f"/{workspace['uuid']}/tags", json={}).status_code == 422
    assert panel("DELETE", path, user_id=2).json() == SUCCESS
    assert member.get(f"/{workspace['uuid']}/tags").status_code == 403
    assert panel("DELETE", path, user_id=2).status_code == panel("PUT", path, **place).status_code == 404
    assert panel("GET", "users/2").status_code == 200


@pytest.mark.parametrize("status", [422, 201])
def test_adding_a_member_again_is_an_error_or_changes_the_membership(
    sandbox, panel, workspace, connect, status
):
    sandbox.change(member_again=status)
    path = f"workspaces/{workspace['uuid']}/users"
    place = {"user_id": 2, "role": "viewer", "can_approve": False, "is_owner": False}
    panel("POST", path, **place)
    again = panel("POST", path, **{**place, "role": "admin"})
    assert again.status_code == status
    role = connect("member", None).get("/workspaces").json()["data"][0]["pivot"]["role"]
    assert role == ("viewer" if status == 422 else "admin")


def test_is_owner_sets_and_removes_the_owner(panel, workspace, olga):
    path = f"workspaces/{workspace['uuid']}"

    def owner():
        seen = panel("GET", path).json().get("owner")
        return seen and seen["id"]

    place = {"role": "admin", "can_approve": True}
    panel("POST", f"{path}/users", user_id=2, is_owner=True, **place)
    assert owner() == 2
    panel("PUT", f"{path}/users", user_id=olga["id"], is_owner=False, **place)
    assert owner() == 2
    panel("PUT", f"{path}/users", user_id=2, is_owner=False, **place)
    assert owner() is None
    panel("PUT", f"{path}/users", user_id=2, is_owner=True, **place)
    panel("DELETE", f"{path}/users", user_id=2)
    assert owner() is None


def test_an_invalid_member_is_rejected_with_all_errors(panel, workspace):
    path = f"workspaces/{workspace['uuid']}/users"
    assert set(errors(panel("POST", path))) == {"user_id", "role", "can_approve", "is_owner"}
    bad = {"user_id": 99, "role": "owner", "can_approve": "yes", "is_owner": False}
    assert errors(panel("POST", path, **bad))["user_id"] == ["The selected user id is invalid."]
    assert set(errors(panel("POST", path, **bad))) == {"user_id", "role", "can_approve"}
    assert panel("POST", "workspaces/nope/users", **bad).status_code == 404
