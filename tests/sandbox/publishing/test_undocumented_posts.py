"""The switches for what PostBoost does not document about posts and their media."""

from __future__ import annotations

import httpx
import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import post

AT = {"schedule": True, "date": "2099-01-01", "time": "10:00", "timezone": "UTC"}


@pytest.mark.parametrize(
    "processing, kept",
    [
        ("verbatim", " <b>Fish</b> &amp; chips < 3 \n"),
        ("trim", "<b>Fish</b> &amp; chips < 3"),
        ("strip_tags", " Fish &amp; chips < 3 \n"),
        ("decode_entities", " <b>Fish</b> & chips < 3 \n"),
    ],
)
def test_texts_are_stored_by_the_setting(sandbox, member, processing, kept):
    sandbox.change(text_processing=processing)
    created = member.post("/posts", json=post(" <b>Fish</b> &amp; chips < 3 \n"))
    assert created.status_code == 201
    assert created.json()["versions"][0]["content"][0]["body"] == kept
    read = member.get(f"/posts/{created.json()['uuid']}").json()
    assert read["versions"][0]["content"][0]["body"] == kept


@pytest.mark.parametrize("processing", ["keep", "reencode"])
def test_images_are_stored_by_the_setting(sandbox, member, processing):
    sandbox.change(image_processing=processing)
    item = member.post("/media", files={"file": ("a.png", PNG)}).json()
    kept = httpx.get(item["url"]).content
    assert kept.startswith(PNG)
    assert (kept == PNG) == (item["size"] == len(PNG)) == (processing == "keep")
    assert len(kept) == item["size"]
    assert item["width"] == 1


def test_a_large_image_that_is_encoded_again_has_another_size(sandbox, member):
    sandbox.change(image_processing="reencode", keep_media_bytes=10)
    member.post("/media", files={"file": ("a.png", PNG)})
    assert sandbox.state()["media"][0]["size"] > len(PNG)


@pytest.mark.parametrize(
    "setting, finished, now",
    [
        ("never", "published", "publishing"),
        ("waiting", "published", "processing"),
        ("finished", "archived", "publishing"),
    ],
)
def test_an_unknown_status_appears_after_creation(sandbox, member, accounts, setting, finished, now):
    sandbox.change(unknown_status=setting)
    assert member.post("/posts", json=post("draft")).json()["status"] == "draft"
    created = member.post("/posts", json=post("now", accounts["threads"], schedule_now=True)).json()
    assert created["status"] == now
    sandbox.advance(10)
    assert member.get(f"/posts/{created['uuid']}").json()["status"] == finished
    assert finished in {each["status"] for each in member.get("/posts").json()["data"]}


@pytest.fixture
def waiting(sandbox, member, accounts):
    """Return the uuid of a member's post that waits for approval."""
    sandbox.change(approval_required_for=["member"])
    created = member.post("/posts", json=post("old", accounts["threads"], **AT)).json()
    assert created["status"] == "needs_approval"
    return created["uuid"]


def edited(client, uuid, accounts, **plan):
    response = client.put(f"/posts/{uuid}", json=post("new", accounts["threads"], **plan))
    assert response.status_code == 200, response.text
    return client.get(f"/posts/{uuid}").json()["status"]


@pytest.mark.parametrize(
    "setting, editor, plan, expected",
    [
        ("role", "member", AT, "needs_approval"),
        ("role", "member", {}, "needs_approval"),
        ("role", "admin", AT, "scheduled"),
        ("role", "admin", {}, "needs_approval"),
        ("wait", "member", AT, "needs_approval"),
        ("wait", "admin", AT, "needs_approval"),
        ("wait", "admin", {}, "needs_approval"),
        ("schedule", "member", AT, "scheduled"),
        ("schedule", "member", {}, "scheduled"),
        ("schedule", "admin", {}, "scheduled"),
    ],
)
def test_an_edit_of_a_post_that_waits(
    sandbox, member, admin, accounts, waiting, setting, editor, plan, expected
):
    sandbox.change(edit_waiting=setting)
    assert edited(member if editor == "member" else admin, waiting, accounts, **plan) == expected


@pytest.mark.parametrize("plan", [AT, {}], ids=["with its time", "without"])
@pytest.mark.parametrize(
    "setting, by_member, by_admin",
    [
        ("role", "needs_approval", "scheduled"),
        ("wait", "needs_approval", "needs_approval"),
        ("schedule", "scheduled", "scheduled"),
    ],
)
@pytest.mark.parametrize("editor", ["member", "admin"])
def test_an_edit_of_an_approved_post(
    sandbox, member, admin, accounts, waiting, plan, setting, by_member, by_admin, editor
):
    sandbox.change(edit_approved=setting)
    assert admin.post(f"/posts/approve/{waiting}").status_code == 200
    client, expected = (member, by_member) if editor == "member" else (admin, by_admin)
    assert edited(client, waiting, accounts, **plan) == expected
