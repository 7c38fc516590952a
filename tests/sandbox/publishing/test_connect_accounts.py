"""Connecting accounts."""

from __future__ import annotations


def test_links_are_for_admins_and_ten_a_minute(sandbox, admin, member, accounts):
    body = {"provider": "linkedin"}
    assert member.post("/accounts/connect-links", json=body).status_code == 403
    statuses = [admin.post("/accounts/connect-links", json=body).status_code for _ in range(11)]
    assert statuses == [201] * 10 + [429]
    page, tweets = accounts["northwindold"], accounts["northwind"]
    link = admin.post(f"/accounts/{page['uuid']}/reconnect-links")
    assert (link.status_code, link.json()["account_uuid"]) == (201, page["uuid"])
    assert admin.post(f"/accounts/{tweets['uuid']}/reconnect-links").status_code == 422
    sandbox.change(reconnect_links="off")
    assert admin.post(f"/accounts/{page['uuid']}/reconnect-links").status_code == 404


def test_a_channel_is_connected_once_and_then_updated(admin):
    hook = {"webhook_url": "https://hooks.slack.com/services/T1/B2/s3", "name": "Team"}
    first = admin.post("/accounts/connect/slack", json=hook)
    again = admin.post("/accounts/connect/slack", json={**hook, "name": "News"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert "s3" not in first.text
    assert admin.get(f"/accounts/{first.json()['uuid']}").json()["name"] == "News"
    for provider, body, field in (
        ("discord", hook, "webhook_url"),
        ("telegram", {"chat": "@a"}, "bot_token"),
    ):
        response = admin.post(f"/accounts/connect/{provider}", json=body)
        assert list(response.json()["errors"]) == [field]
    assert admin.post("/accounts/connect/myspace", json={}).status_code == 404
