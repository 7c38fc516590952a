from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from tests.sandbox.bodies import post

AT = {"date": "2030-01-01", "time": "10:00", "timezone": "UTC"}


def test_the_same_content_for_the_same_account_within_a_day_is_a_duplicate(sandbox, member, accounts):
    first = member.post("/posts", json=post("Fresh  Beans", accounts["threads"])).json()["uuid"]
    body = post("fresh beans", accounts["threads"], accounts["northwind"])
    refused = member.post("/posts", json=body)
    assert refused.status_code == 409
    assert refused.json() == {
        "message": refused.json()["message"],
        "code": "duplicate_post",
        "account_id": accounts["threads"]["id"],
        "existing_post_uuid": first,
    }
    issues = member.post("/posts/validate", json=body).json()["issues"]
    assert issues == [refused.json()]
    assert member.post("/posts", json=post("fresh beans", accounts["northwind"])).status_code == 201
    sandbox.advance(86400)
    assert member.post("/posts", json=post("fresh beans", accounts["threads"])).status_code == 201


def test_a_duplicate_passes_with_the_body_field_or_the_header(member, accounts):
    body = post("same", accounts["threads"])
    member.post("/posts", json=body)
    assert member.post("/posts", json={**body, "allow_duplicate": True}).status_code == 201
    assert member.post("/posts", json=body, headers={"X-Allow-Duplicate": "true"}).status_code == 201


def test_scheduling_a_duplicate_needs_the_header(member, accounts):
    body = post("same", accounts["threads"], **AT)
    member.post("/posts", json=body)
    uuid = member.post("/posts", json={**body, "allow_duplicate": True}).json()["uuid"]
    now = {"postNow": False}
    assert member.post(f"/posts/schedule/{uuid}", json=now).json()["code"] == "duplicate_post"
    response = member.post(f"/posts/schedule/{uuid}", json=now, headers={"X-Allow-Duplicate": "true"})
    assert response.status_code == 200


@pytest.mark.parametrize("counts", [True, False])
def test_a_trashed_post_counts_as_a_duplicate_by_the_setting(sandbox, member, accounts, counts):
    sandbox.reset(duplicate_check_trashed=counts)
    body = post("same", accounts["threads"])
    uuid = member.post("/posts", json=body).json()["uuid"]
    member.request("DELETE", f"/posts/{uuid}", json={"trash": True})
    assert member.post("/posts", json=body).status_code == (409 if counts else 201)


def test_an_account_that_needs_reconnection_accepts_only_drafts(member, accounts):
    old = accounts["northwindold"]
    assert old["authorized"] is False
    assert member.post("/posts", json=post("draft", old)).status_code == 201
    refused = member.post("/posts", json=post("out", old, queue=True))
    assert refused.status_code == 422
    assert (refused.json()["code"], refused.json()["account_id"]) == ("account_unauthorized", old["id"])
    assert "errors" not in refused.json()


def test_an_account_without_a_stored_token_accepts_only_drafts(connect):
    contoso = connect("member", 1)
    alerts = next(each for each in contoso.get("/accounts").json()["data"] if each["provider"] == "telegram")
    refused = contoso.post("/posts", json=post("out", alerts, schedule_now=True))
    assert (refused.status_code, refused.json()["code"]) == (422, "account_token_missing")


def test_the_daily_cap_is_that_of_the_planned_utc_day(sandbox, member, accounts):
    sandbox.reset(daily_cap=2)
    account = accounts["threads"]
    for text in ("one", "two"):
        member.post("/posts", json=post(text, account, schedule=True, **AT))
    refused = member.post("/posts", json=post("three", account, schedule=True, **AT))
    assert refused.status_code == 429
    body = refused.json()
    assert (body["code"], body["limit"], body["used"]) == ("account_daily_cap_reached", 2, 2)
    assert "Retry-After" not in refused.headers
    next_day = {**AT, "date": "2030-01-02"}
    assert member.post("/posts", json=post("three", account, schedule=True, **next_day)).status_code == 201
    report = member.post("/posts/validate", json=post("four", account, schedule=True, **AT)).json()
    assert (report["valid"], report["issues"][0]["code"]) == (False, "account_daily_cap_reached")


@pytest.mark.parametrize("enforced", [True, False])
def test_the_x_limit_applies_only_if_enforced(sandbox, member, accounts, enforced):
    sandbox.reset(x_enforced=enforced, x_monthly_limit=3)
    thread = post("one", accounts["northwind"], schedule=True, **AT)
    thread["versions"][0]["content"].append({"body": "two"})
    assert member.post("/posts", json=thread).status_code == 201
    thread["versions"][0]["content"][0]["body"] = "three"
    response = member.post("/posts", json=thread)
    assert response.status_code == (429 if enforced else 201)
    if enforced:
        assert set(response.json()) == {"message", "code"}
        assert response.json()["code"] == "x_monthly_cap_reached"
        thread["date"] = "2030-02-01"
        assert member.post("/posts", json=thread).status_code == 201


def test_for_the_queue_the_cap_is_that_of_the_earliest_slots_day(sandbox, member, accounts):
    first, second = accounts["threads"], accounts["northwind"]
    with time_machine.travel(datetime(2026, 9, 1, 14, 30, tzinfo=UTC), tick=False):  # 16:30 in Berlin
        sandbox.reset(daily_cap=1)
        last_today = member.post("/posts", json=post("one", first, queue=True)).json()["scheduled_at"]
        assert last_today == "2026-09-01 15:00:00"
        # The first account would publish tomorrow, the second today.
        refused = member.post("/posts", json=post("two", first, second, queue=True))
        assert (refused.status_code, refused.json()["account_id"]) == (429, first["id"])
        assert member.post("/posts", json=post("two", first, queue=True)).status_code == 201
