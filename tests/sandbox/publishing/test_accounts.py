"""Accounts and account groups."""

from __future__ import annotations


def test_accounts_are_newest_first_and_can_be_searched(member, accounts):
    listed = member.get("/accounts").json()["data"]
    assert [each["created_at"] for each in listed] == sorted(
        (each["created_at"] for each in listed), reverse=True
    )
    assert len({each["provider"] for each in listed}) >= 8

    def usernames(**params):
        return {each["username"] for each in member.get("/accounts", params=params).json()["data"]}

    assert usernames(**{"providers[]": ["youtube", "tiktok"]}) == {"northwindvideo", "northwindclips"}
    assert usernames(unauthorized="true") == {"northwindold"}
    assert usernames(keyword="TOOTS") == {"northwind@mastodon.social"}
    group = next(each for each in member.get("/account-groups").json()["data"] if each["name"] == "Visual")
    assert usernames(group=group["uuid"]) == {"northwind.coffee", "northwind.berlin", "northwindboards"}


def test_a_username_and_a_provider_are_ambiguous_in_the_first_workspace(member):
    listed = member.get("/accounts").json()["data"]
    assert {each["provider"] for each in listed if each["username"] == "northwind"} == {"twitter", "threads"}
    assert [each["provider"] for each in listed].count("instagram") == 2


def test_account_groups_are_wrapped_listed_by_name_and_deleted_with_204(member, accounts):
    ids = [accounts["threads"]["id"]]
    created = member.post("/account-groups", json={"name": "All", "accounts": ids})
    assert created.status_code == 201
    group = created.json()["data"]
    assert group["account_ids"] == ids
    url = f"/account-groups/{group['uuid']}"
    assert member.put(url, json={"name": "A"}).json()["data"] == {**group, "name": "A", "account_ids": []}
    page = member.get("/account-groups", params={"per_page": 2}).json()
    assert [each["name"] for each in page["data"]] == ["A", "Short texts"]
    assert page["meta"]["per_page"] == 2
    assert member.get(url).json()["data"]["name"] == "A"
    gone = member.delete(url)
    assert (gone.status_code, gone.content) == (204, b"")
    assert member.get(url).status_code == 404
    assert member.post("/account-groups", json={"accounts": [999]}).json()["errors"] == {
        "name": ["The name field is required."],
        "accounts.0": ["The selected account is invalid."],
    }
