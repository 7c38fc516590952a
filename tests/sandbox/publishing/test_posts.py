from __future__ import annotations

import pytest

from tests.sandbox.bodies import errors, post

MISSING = "00000000-0000-0000-0000-000000000000"


def test_a_draft_is_returned_completely_and_listed_first(member, accounts):
    member.post("/posts", json=post("older"))
    created = member.post("/posts", json=post("newer", accounts["northwind"], tags=[1]))
    assert created.status_code == 201
    draft = created.json()
    assert draft["status"] == "draft"
    assert draft["versions"][0]["options"] == {}
    assert draft["tags"][0]["name"] == "Launch"
    assert draft["accounts"][0]["publish_status"] == "pending"
    assert "warnings" not in draft
    assert "publish_progress" not in draft
    assert member.get(f"/posts/{draft['uuid']}").json() == draft
    assert member.get("/posts").json()["data"][0] == draft


@pytest.mark.parametrize(
    "change, field, message",
    [
        ({"versions": []}, "versions", "The versions field is required."),
        ({"accounts": [999]}, "accounts.0", "The selected account is invalid."),
        ({"accounts": ["one"]}, "accounts.0", "The accounts.0 field must be an integer."),
        ({"tags": [999]}, "tags.0", "The selected tag is invalid."),
        ({"date": "01.02.2027", "time": "10:00"}, "date", "The date does not match the format Y-m-d."),
        ({"date": "2027-02-30", "time": "10:00"}, "date", "The date does not match the format Y-m-d."),
        ({"date": "2027-02-01", "time": "10:00:00"}, "time", "The time does not match the format H:i."),
        ({"timezone": "Mars/Olympus"}, "timezone", "The timezone field must be a valid timezone."),
        ({"schedule": True, "accounts": [1]}, "date", "The date field is required."),
        ({"schedule": True, "accounts": [1], "date": "2027-02-01"}, "time", "The time field is required."),
        ({"schedule_now": True, "accounts": []}, "accounts", "The accounts field is required."),
        ({"schedule": "yes"}, "schedule", "The schedule field must be true or false."),
    ],
)
def test_an_invalid_field_is_named_in_laravels_format(member, change, field, message):
    assert errors(member.post("/posts", json={**post(), **change}))[field] == [message]


@pytest.mark.parametrize(
    "version, field",
    [
        ({"is_original": False, "account_id": 0}, "versions.0.is_original"),
        ({"is_original": True, "account_id": 1}, "versions.0.account_id"),
        ({"is_original": True, "account_id": 0, "content": []}, "versions.0.content"),
        ({"is_original": True}, "versions.0.account_id"),
        ({"is_original": True, "account_id": 0, "content": [{"media": [7]}]}, "versions.0.content.0.media.0"),
        (
            {"is_original": True, "account_id": 0, "content": [{"media": ["1"]}]},
            "versions.0.content.0.media.0",
        ),
        ({"is_original": True, "account_id": 0, "content": ["text"]}, "versions.0.content.0"),
    ],
)
def test_an_invalid_version_is_named_by_its_index(member, version, field):
    body = {"versions": [{"content": [{"body": "x"}], **version}]}
    assert field in errors(member.post("/posts", json=body))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"null"])
def test_a_body_that_is_not_an_object_lacks_the_required_fields(member, content):
    response = member.post("/posts", content=content, headers={"Content-Type": "application/json"})
    assert errors(response)["versions"] == ["The versions field is required."]


def test_a_time_in_the_past_is_refused_when_scheduling_and_kept_on_a_draft(member, accounts):
    past = {"date": "2020-01-01", "time": "10:00"}
    assert "date" in errors(member.post("/posts", json=post("x", accounts["threads"], schedule=True, **past)))
    draft = member.post("/posts", json=post("x", accounts["threads"], **past)).json()
    assert (draft["status"], draft["scheduled_at"]) == ("draft", "2020-01-01 09:00:00")


def test_times_are_read_in_the_workspaces_zone_unless_the_body_names_one(member, accounts):
    when = {"date": "2030-07-01", "time": "10:00", "schedule": True}
    berlin = member.post("/posts", json=post("a", accounts["threads"], **when)).json()
    assert (berlin["status"], berlin["scheduled_at"]) == ("scheduled", "2030-07-01 08:00:00")
    tokyo = member.post("/posts", json=post("b", accounts["threads"], timezone="Asia/Tokyo", **when)).json()
    assert tokyo["scheduled_at"] == "2030-07-01 01:00:00"


def test_networks_are_checked_on_scheduling_and_not_on_drafts(member, accounts):
    everywhere = [accounts[name] for name in ("northwind", "northwind.coffee", "northwindvideo")]
    body = post("x" * 281, *everywhere)
    assert member.post("/posts", json=body).status_code == 201
    found = errors(member.post("/posts", json={**body, "queue": True}))
    assert set(found) == {
        "versions.0.content.0.body",
        "versions.0.content.0.media",
        "versions.0.options.youtube.title",
    }
    assert len(found["versions.0.content.0.media"]) == 2


def test_an_accounts_own_version_is_the_one_that_is_checked(member, accounts):
    body = post("x" * 281, accounts["northwind"], queue=True)
    short = {"account_id": accounts["northwind"]["id"], "is_original": False, "content": [{"body": "short"}]}
    body["versions"].append(short)
    assert member.post("/posts", json=body).status_code == 201


def test_a_long_threads_post_is_only_a_warning(member, accounts):
    created = member.post("/posts", json=post("x" * 501, accounts["threads"], queue=True))
    assert created.status_code == 201
    assert [each["code"] for each in created.json()["warnings"]] == ["threads_too_long"]


def test_update_replaces_and_responds_with_success_only(member, accounts):
    uuid = member.post("/posts", json=post("before", accounts["threads"], tags=[1])).json()["uuid"]
    assert member.put(f"/posts/{uuid}", json=post("after")).json() == {"success": True}
    after = member.get(f"/posts/{uuid}").json()
    assert after["versions"][0]["content"][0]["body"] == "after"
    assert (after["accounts"], after["tags"]) == ([], [])


def test_update_does_not_take_the_post_for_its_own_duplicate(member, accounts):
    body = post("same", accounts["threads"])
    uuid = member.post("/posts", json=body).json()["uuid"]
    assert member.put(f"/posts/{uuid}", json=body).status_code == 200


@pytest.mark.parametrize("choice, status", [("keep", "scheduled"), ("drop", "draft")])
def test_an_update_keeps_or_drops_the_schedule_by_the_setting(sandbox, member, accounts, choice, status):
    sandbox.reset(put_schedule=choice)
    when = {"date": "2030-01-01", "time": "10:00"}
    uuid = member.post("/posts", json=post("a", accounts["threads"], schedule=True, **when)).json()["uuid"]
    assert member.put(f"/posts/{uuid}", json=post("b", accounts["threads"])).status_code == 200
    after = member.get(f"/posts/{uuid}").json()
    assert after["status"] == status
    assert after["scheduled_at"] == ("2030-01-01 09:00:00" if choice == "keep" else None)


def test_an_update_with_schedule_false_makes_a_draft(member, accounts):
    uuid = member.post("/posts", json=post("a", accounts["threads"], queue=True)).json()["uuid"]
    member.put(f"/posts/{uuid}", json=post("a", accounts["threads"], schedule=False))
    assert member.get(f"/posts/{uuid}").json()["status"] == "draft"


def test_an_update_without_accounts_makes_a_draft(member, accounts):
    uuid = member.post("/posts", json=post("a", accounts["threads"], queue=True)).json()["uuid"]
    assert member.put(f"/posts/{uuid}", json=post("a")).status_code == 200
    assert member.get(f"/posts/{uuid}").json()["status"] == "draft"


def test_an_update_that_keeps_the_schedule_is_checked_by_the_networks_rules(member, accounts):
    uuid = member.post("/posts", json=post("a", accounts["northwind"], queue=True)).json()["uuid"]
    errors(member.put(f"/posts/{uuid}", json=post("x" * 281, accounts["northwind"])))
    assert member.get(f"/posts/{uuid}").json()["versions"][0]["content"][0]["body"] == "a"


@pytest.mark.parametrize("status", [400, 422])
def test_a_published_post_cannot_be_edited(sandbox, member, accounts, status):
    sandbox.reset(edit_published_status=status, publish_seconds=0)
    created = member.post("/posts", json=post("a", accounts["threads"], schedule_now=True)).json()
    assert created["status"] == "published"
    response = member.put(f"/posts/{created['uuid']}", json=post("b", accounts["threads"]))
    assert response.status_code == status


def test_validate_always_responds_200_with_all_findings(member, accounts):
    response = member.post("/posts/validate", json=post("x" * 301, accounts["northwind.bsky.social"]))
    report = response.json()
    assert response.status_code == 200
    assert report["valid"] is False
    assert "versions.0.content.0.body" in report["errors"]
    assert report["publish_at"] is None
    assert report["warnings"] == []
    assert report["accounts"][0]["connection"]["reconnect_reason"] is None
    assert member.get("/posts").json()["data"] == []


def test_validate_of_nothing_is_still_200(member):
    report = member.post("/posts/validate").json()
    assert report["errors"] == {"versions": ["The versions field is required."]}


def test_validate_returns_when_a_valid_post_would_be_published(member, accounts):
    when = {"date": "2030-01-01", "time": "10:00", "schedule": True}
    report = member.post("/posts/validate", json=post("ok", accounts["threads"], **when)).json()
    assert report["valid"] is True
    assert report["errors"] == {}
    assert report["publish_at"] == "2030-01-01T09:00:00Z"


def test_deleting_is_permanent_unless_trash_is_set(member):
    gone, trashed = (member.post("/posts", json=post(text)).json()["uuid"] for text in ("a", "b"))
    response = member.delete(f"/posts/{gone}")
    assert response.json() == {"deleted": True, "deleted_from_app": True, "to_trash": False}
    assert member.get(f"/posts/{gone}").status_code == 404
    response = member.request("DELETE", f"/posts/{trashed}", json={"trash": True})
    assert response.json() == {"deleted": True, "deleted_from_app": True, "to_trash": True}
    assert member.get(f"/posts/{trashed}").json()["trashed"] is True
    assert member.get("/posts").json()["data"] == []
    assert member.put(f"/posts/{trashed}", json=post("c")).status_code == 404


def test_bulk_delete_ignores_missing_posts(member):
    uuid = member.post("/posts", json=post()).json()["uuid"]
    assert member.request("DELETE", "/posts", json={"posts": [uuid, MISSING]}).json()["deleted"] is True
    assert member.request("DELETE", "/posts", json={"posts": [uuid]}).json()["deleted"] is False
    assert errors(member.request("DELETE", "/posts", json={})) == {"posts": ["The posts field is required."]}


def test_delete_mode_can_leave_the_post_in_the_app(sandbox, member, accounts):
    sandbox.reset(publish_seconds=0)
    uuid = member.post("/posts", json=post("a", accounts["threads"], schedule_now=True)).json()["uuid"]
    response = member.request("DELETE", f"/posts/{uuid}", json={"delete_mode": "social_only"})
    assert response.json() == {"deleted": True, "deleted_from_app": False, "to_trash": False}
    assert member.get(f"/posts/{uuid}").json()["accounts"][0]["external_url"] is None
    errors(member.request("DELETE", f"/posts/{uuid}", json={"delete_mode": "everywhere"}))


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/posts/{}"), ("PUT", "/posts/{}"), ("DELETE", "/posts/{}"), ("POST", "/posts/schedule/{}")],
)
def test_an_unknown_post_is_not_found(member, method, path):
    response = member.request(method, path.format(MISSING))
    assert (response.status_code, response.json()) == (404, {"message": "Not found."})


def test_a_page_has_laravels_links_and_meta(member):
    for number in range(3):
        member.post("/posts", json=post(f"post {number}"))
    page = member.get("/posts", params={"limit": 2, "page": 2}).json()
    assert [each["versions"][0]["content"][0]["body"] for each in page["data"]] == ["post 0"]
    meta = {key: value for key, value in page["meta"].items() if key not in ("links", "path")}
    assert meta == {"current_page": 2, "from": 3, "last_page": 2, "per_page": 2, "to": 3, "total": 3}
    assert page["links"]["next"] is None
    assert [
        each["versions"][0]["content"][0]["body"] for each in member.get(page["links"]["prev"]).json()["data"]
    ] == [
        "post 2",
        "post 1",
    ]
    beyond = member.get("/posts", params={"page": 9}).json()
    assert (beyond["data"], beyond["meta"]["from"], beyond["meta"]["per_page"]) == ([], None, 50)


@pytest.mark.parametrize(
    "change",
    [
        {"accounts_schedule": [{"account_id": {"id": 2}, "date": "2030-01-01", "time": "10:00"}]},
        {"accounts_schedule": ["noon"]},
        {"accounts": [9], "schedule_now": True, "versions_options": {"youtube": ["title"]}},
        {"accounts": {"id": 1}},
        {"timezone": ["Europe/Berlin"]},
        {"tags": "Launch"},
    ],
)
def test_invalid_types_never_cause_a_server_error(member, change):
    options = change.pop("versions_options", {})
    body = {**post("x"), **change}
    body["versions"][0]["options"] = options
    assert member.post("/posts", json=body).status_code < 500
    assert member.post("/posts/validate", json=body).status_code == 200


def test_a_broken_multipart_body_lacks_its_file(member):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = member.post("/media", content=b"--c\r\nnonsense", headers=headers)
    assert errors(response) == {"file": ["The file field is required."]}


def test_scheduling_without_a_time_is_rejected(member, accounts):
    for given in ({}, {"date": "2030-01-01"}, {"time": "10:00"}):
        response = member.post("/posts", json=post("x", accounts["threads"], schedule=True, **given))
        assert response.status_code == 422
        assert set(response.json()["errors"]) == {"date", "time"} - set(given)


def test_the_last_writer_wins_whatever_was_read_before(member):
    """Posts have no lock, no version and no time of their last change."""
    uuid = member.post("/posts", json=post("first")).json()["uuid"]
    seen = member.get(f"/posts/{uuid}")
    assert "etag" not in seen.headers
    assert "updated_at" not in seen.json()
    for text in ("second", "third"):
        response = member.put(f"/posts/{uuid}", json=post(text), headers={"If-Match": '"first"'})
        assert response.json() == {"success": True}
    assert member.get(f"/posts/{uuid}").json()["versions"][0]["content"][0]["body"] == "third"


def test_removed_operations_do_not_exist(member, connect):
    png = {"file": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    media = member.post("/media", files=png).json()["uuid"]
    assert member.delete(f"/media/{media}").status_code == 405
    assert connect("admin", None).get("/panel/subscriptions").status_code == 404
    uuid = member.post("/posts", json=post()).json()["uuid"]
    for path in ("reject", "duplicate", "restore", "unschedule"):
        assert member.post(f"/posts/{path}/{uuid}").status_code in (404, 405)
