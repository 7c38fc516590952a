"""Users in the panel."""

from __future__ import annotations

from tests.sandbox.bodies import SUCCESS, errors, user


def test_users_are_listed_15_per_page_and_searched_by_name_or_address(panel):
    for number in range(14):
        assert panel("POST", "users", **user(f"u{number}@client.example")).status_code == 201
    page = panel("GET", "users").json()
    assert (page["meta"]["per_page"], page["meta"]["total"], len(page["data"])) == (15, 17, 15)
    assert [each["name"] for each in page["data"]][:3] == ["Ada Admin", "Max Member", "Vera Viewer"]
    assert len(panel("GET", "users?page=2").json()["data"]) == 2
    assert panel("GET", "users?keyword=U13@").json()["data"][0]["email"] == "u13@client.example"
    assert panel("GET", "users?keyword=vera").json()["meta"]["total"] == 1


def test_a_user_is_created_changed_and_deleted(panel, olga, connect):
    assert olga.keys() == {*("id", "name", "email", "avatar", "is_admin", "email_verified_at", "created_at")}
    assert (olga["is_admin"], olga["email_verified_at"]) == (False, None)
    path = f"users/{olga['id']}"
    assert panel("GET", path).json() == olga
    changed = {"name": "Olga O.", "email": "OLGA@client.example", "is_admin": True}
    assert panel("PUT", path, **changed).json() == SUCCESS
    assert panel("GET", path).json() == {**olga, **changed}
    assert panel("DELETE", path).json() == SUCCESS
    assert panel("GET", path).status_code == panel("DELETE", path).status_code == 404


def test_an_invalid_user_is_rejected_with_all_errors(panel, olga):
    assert set(errors(panel("POST", "users"))) == {"name", "email", "password", "is_admin"}
    taken = errors(panel("POST", "users", **user("Olga@Client.example")))
    assert taken == {"email": ["The email has already been taken."]}
    assert set(errors(panel("POST", "users", **user("olga")))) == {"email"}
    assert set(errors(panel("POST", "users", **user("o@x.example", password="another one")))) == {"password"}
    short = {"password": "short", "password_confirmation": "short"}
    assert "at least 8" in errors(panel("POST", "users", **user("o@x.example", **short)))["password"][0]
    mine = {"name": "Olga", "email": "ada@northwind.example", "is_admin": False}
    assert set(errors(panel("PUT", f"users/{olga['id']}", **mine))) == {"email"}


def test_nobody_deletes_themselves(panel, olga):
    refused = panel("DELETE", "users/1")
    assert (refused.status_code, refused.json()["success"]) == (400, False)
    assert panel("DELETE", "users", users=[1, olga["id"], 99]).json() == SUCCESS
    assert [each["id"] for each in panel("GET", "users").json()["data"]] == [1, 2, 3]


def test_a_deleted_user_takes_tokens_and_memberships_along(panel, connect, workspace, olga):
    member = connect("member", None)
    assert len(member.get("/workspaces").json()["data"]) == 2
    panel("DELETE", "users/2")
    assert member.get("/workspaces").status_code == 401
    panel("DELETE", f"users/{olga['id']}")
    assert panel("GET", f"workspaces/{workspace['uuid']}").json().get("owner") is None
