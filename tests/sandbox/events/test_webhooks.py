"""Webhooks: subscriptions, events, signatures and attempts."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.sandbox.bodies import post

ALL = ["post.scheduled", "post.published", "post.published_all", "post.publishing_failed", "post.deleted"]


class Receiver:
    """The received deliveries, and the responses to the next ones: 200 by default."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, bytes]] = []
        self.responses: list[int] = []
        self.url = ""

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.got.append((self.headers, body))
            status = received.responses.pop(0) if received.responses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{received.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def quick(sandbox: Any) -> None:
    sandbox.change(webhook_retry_seconds=0, publish_seconds=0)


def until(condition: Callable[[], Any]) -> None:
    """Deliveries run in the background in real time."""
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.005)


def settled(sandbox: Any) -> list[dict[str, Any]]:
    until(lambda: all(each["status"] != "pending" for each in sandbox.deliveries()))
    return sandbox.deliveries()


def subscribe(admin, receiver, events=ALL, **more):
    response = admin.post(
        "/webhooks/subscriptions", json={"callback_url": receiver.url, "events": events, **more}
    )
    assert response.status_code == 201, response.text
    return response.json()["data"]


def test_the_secret_is_shown_once(admin, receiver):
    made = subscribe(admin, receiver, source="zapier")
    assert made["name"] == "Zapier trigger"
    assert made["active"] is True
    assert made["secret"]
    (listed,) = admin.get("/webhooks/subscriptions").json()["data"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}


def test_a_lost_response_leaves_an_active_subscription(sandbox, admin, receiver):
    """It ignores Idempotency-Keys: a retry creates another subscription."""
    for _ in range(2):
        body = {"callback_url": receiver.url, "events": ["post.deleted"]}
        admin.post("/webhooks/subscriptions", json=body, headers={"Idempotency-Key": "same"})
    assert len(admin.get("/webhooks/subscriptions").json()["data"]) == 2


def test_only_admins_and_keys_with_the_ability_may_subscribe(member, scoped, admin, connect):
    assert member.get("/webhooks/subscriptions").status_code == 403
    assert scoped.get("/webhooks/subscriptions").json()["code"] == "insufficient_scope"
    key = admin.post("/api-keys", json={"name": "hooks", "abilities": ["webhooks"]}).json()["data"]
    assert connect(key["token"]).get("/webhooks/subscriptions").json() == {"data": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"callback_url": "http://hooks.example/postboost"},
        {"callback_url": "not a url"},
        {"callback_url": "https://10.0.0.7/hook"},
        {"callback_url": "https://169.254.169.254/latest"},
        {"callback_url": "https://[fd00::1]/hook"},
        {"callback_url": "https://[::ffff:10.0.0.7]/hook"},
        {"callback_url": "https://0x0a000007/hook"},
        {"callback_url": "https://intranet/hook"},
        {"callback_url": "https://printer.local/hook"},
        {"callback_url": None},
        {"events": []},
        {"events": ["post.created"]},
        {"events": ["post.failed"]},
        {"events": ["post.approved"]},
        {"source": "ifttt"},
        {"callback_url": "https://hooks.example/" + "x" * 255},
    ],
)
def test_an_invalid_subscription_is_rejected(admin, changes):
    body = {"callback_url": "https://hooks.example/postboost", "events": ["post.deleted"], **changes}
    response = admin.post("/webhooks/subscriptions", json=body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) <= {*changes, *(f"{name}.0" for name in changes)}


def test_private_urls_are_accepted_by_the_setting(sandbox, admin):
    sandbox.change(webhook_private_urls=True)
    body = {"callback_url": "https://10.0.0.7/hook", "events": ["post.deleted"]}
    assert admin.post("/webhooks/subscriptions", json=body).status_code == 201


def test_a_post_is_followed_from_its_schedule_to_its_end(sandbox, admin, member, receiver, accounts):
    secret = subscribe(admin, receiver)["secret"]
    ids = [accounts["threads"]["id"], accounts["northwind.bsky.social"]["id"]]
    sandbox.faults({"kind": "fail_account", "provider": "bluesky"})
    uuid = member.post(
        "/posts", json=post(accounts=ids, schedule=True, date="2099-01-01", time="09:00", timezone="UTC")
    ).json()["uuid"]
    until(lambda: receiver.events() == ["post.scheduled"])
    member.post(f"/posts/schedule/{uuid}", json={"postNow": True})
    until(lambda: len(receiver.got) == 3)
    assert sorted(receiver.events()[1:]) == ["post.published", "post.publishing_failed"]
    bluesky = accounts["northwind.bsky.social"]["uuid"]
    member.post(f"/posts/retry/{uuid}/{bluesky}")
    until(lambda: len(receiver.got) == 5)
    member.request("DELETE", f"/posts/{uuid}", json={"trash": True})
    until(lambda: len(receiver.got) == 6)
    assert sorted(receiver.events()[3:]) == ["post.deleted", "post.published", "post.published_all"]
    for headers, body in receiver.got:
        assert headers["X-Signature"] == hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-PostBoost-Workspace"] == sandbox.workspaces[0]["uuid"]
        sent = json.loads(body)
        assert set(sent) == {"event", "id", "occurred_at", "workspace_uuid", "data"}
        assert sent["occurred_at"].endswith("+00:00")
        assert sent["data"]["uuid"] == uuid
        per_account = sent["event"] in ("post.published", "post.publishing_failed")
        assert ("account" in sent["data"]) is per_account
    assert len({json.loads(body)["id"] for _, body in receiver.got}) == 6


def test_webhooks_are_delivered_while_no_requests_arrive(sandbox, admin, member, receiver, accounts):
    sandbox.change(publish_seconds=0.05)
    subscribe(admin, receiver, ["post.published_all"])
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    until(lambda: receiver.events() == ["post.published_all"])


@pytest.mark.parametrize(("responses", "status"), [([500, 302], "delivered"), ([500, 404, 302], "failed")])
def test_three_attempts_with_one_id(sandbox, admin, member, receiver, accounts, responses, status):
    receiver.responses = responses
    subscribe(admin, receiver, ["post.published_all"])
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    (delivery,) = settled(sandbox)
    assert (delivery["status"], delivery["attempts"]) == (status, 3)
    assert (delivery["error"] is None) is (status == "delivered")
    assert len({body for _, body in receiver.got}) == 1
    assert len(receiver.got) == 3


def test_a_delivery_can_be_resent(sandbox, admin, member, receiver, accounts):
    subscribe(admin, receiver, ["post.published_all"])
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    (delivery,) = settled(sandbox)
    sandbox.resend(delivery["id"])
    until(lambda: len(receiver.got) == 2)
    assert receiver.got[0][1] == receiver.got[1][1]
    with pytest.raises(ValueError, match="nope"):
        sandbox.resend("nope")


def test_deliveries_stay_on_this_machine_by_default(sandbox, admin, member, accounts):
    body = {"callback_url": "https://hooks.example/postboost", "events": ["post.published_all"]}
    assert admin.post("/webhooks/subscriptions", json=body).status_code == 201
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    (delivery,) = settled(sandbox)
    assert (delivery["status"], delivery["attempts"]) == ("held", 0)
    assert "webhook_deliver_anywhere" in delivery["error"]


def test_a_deleted_subscription_receives_nothing(sandbox, admin, member, receiver, accounts):
    made = subscribe(admin, receiver)
    assert admin.delete(f"/webhooks/subscriptions/{made['uuid']}").status_code == 200
    assert admin.delete(f"/webhooks/subscriptions/{made['uuid']}").status_code == 404
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    assert sandbox.deliveries() == []


def test_a_receiver_that_is_gone_is_reported(sandbox, admin, member, accounts):
    body = {"callback_url": "http://127.0.0.1:1/", "events": ["post.published_all"]}
    secret = admin.post("/webhooks/subscriptions", json=body).json()["data"]["secret"]
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    (delivery,) = settled(sandbox)
    assert (delivery["status"], delivery["attempts"]) == ("failed", 3)
    assert "could not be reached" in delivery["error"]
    assert secret not in json.dumps(sandbox.deliveries())


def test_reply_drafts_and_connected_channels_are_announced(admin, receiver):
    events = ["inbox.draft.created", "inbox.draft.sent", "account.added", "account.updated"]
    subscribe(admin, receiver, events)
    conversation = admin.get("/inbox/conversations").json()["data"][0]["id"]
    draft = admin.post(f"/inbox/conversations/{conversation}/drafts", json={"body": "Yes"}).json()["data"]
    sent = admin.post(f"/inbox/drafts/{draft['id']}/approve").json()["data"]
    channel = {"bot_token": "made-up", "chat": "@news"}
    account = [admin.post("/accounts/connect/telegram", json=channel).json() for _ in range(2)][1]
    until(lambda: len(receiver.got) == 4)
    told = {each["event"]: each["data"] for each in (json.loads(body) for _, body in receiver.got)}
    assert told == {
        "inbox.draft.created": draft,
        "inbox.draft.sent": sent,
        "account.added": account,
        "account.updated": account,
    }
