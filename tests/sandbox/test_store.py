"""The generic store, by the kinds of things in it."""

from __future__ import annotations

import pytest

from postboost_provider.sandbox.core.shapes import _rule, load_shapes
from tests.sandbox.bodies import post

GONE = {"message": "Not found."}
# What there is of each kind: path, what is sent at first, what is changed, and whether a page of it has numbers.
KINDS = {
    "templates": ({"name": "T", "content": [{"body": "Hi"}]}, {"name": "U"}, True),
    "hashtag-groups": ({"name": "G", "content": "#a #b"}, {"name": "G", "content": "#c"}, True),
    "mentions": (
        {"name": "Ann", "identities": [{"provider": "x", "handle": "@ann"}]},
        {"name": "Bob", "identities": []},
        True,
    ),
    "rss-feeds": (
        {"url": "https://a.example/rss", "account_ids": [1]},
        {"mode": "queue", "name": "News"},
        False,
    ),
    "agents": ({"type": "pre_publish_checker"}, {"schedule": "daily", "enabled": False}, False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_created_is_read_listed_changed_and_deleted(member, kind):
    body, change, paged = KINDS[kind]
    created = member.post(f"/{kind}", json=body)
    assert created.status_code == 201
    thing = created.json()["data"]
    url = f"/{kind}/{thing.get('uuid') or thing['id']}"
    listed = member.get(f"/{kind}").json()
    assert (listed["data"], "meta" in listed) == ([thing], paged)
    if kind != "agents":  # which have no operation that gets one
        assert member.get(url).json()["data"] == thing
    changed = member.put(url, json=change).json()["data"]
    assert change.items() <= changed.items()
    assert changed.keys() == thing.keys()
    assert member.get(f"/{kind}").json()["data"] == [changed]
    assert member.delete(url).status_code in (200, 204)
    assert member.get(f"/{kind}").json()["data"] == []
    assert (member.put(url, json=change).status_code, member.put(url, json=change).json()) == (404, GONE)


@pytest.mark.parametrize(
    "kind, reply",
    [
        ("templates", None),
        ("mentions", {"success": True}),
        ("rss-feeds", {"success": True}),
        ("agents", {"deleted": True}),
    ],
)
def test_each_family_has_its_own_answer_to_a_deletion(member, kind, reply):
    thing = member.post(f"/{kind}", json=KINDS[kind][0]).json()["data"]
    answer = member.delete(f"/{kind}/{thing.get('uuid') or thing['id']}")
    assert (answer.status_code, answer.json() if answer.content else None) == (200 if reply else 204, reply)


def test_pages_are_of_100_newest_first_unless_asked_otherwise(member):
    for number in range(101):
        member.post("/hashtag-groups", json={"name": str(number), "content": "#a"})
    page = member.get("/hashtag-groups").json()
    assert (len(page["data"]), page["data"][0]["name"], page["meta"]["per_page"]) == (100, "100", 100)
    page = member.get("/hashtag-groups", params={"per_page": 60, "page": 2}).json()
    assert (len(page["data"]), page["meta"]["last_page"]) == (41, 2)


def test_what_is_left_out_stays_and_null_sets_it_back(member):
    feed = member.post("/rss-feeds", json={**KINDS["rss-feeds"][0], "mode": "queue", "name": "N"}).json()[
        "data"
    ]
    assert (feed["active"], feed["max_items_per_run"], feed["template"]) == (True, 3, "{title}\n\n{link}")
    changed = member.put(f"/rss-feeds/{feed['uuid']}", json={"name": None, "mode": None}).json()["data"]
    assert changed == {**feed, "name": None, "mode": "draft"}


def test_what_is_wrong_with_a_body_is_said_in_laravels_shape(member):
    body = {"url": "x" * 2049, "account_ids": [], "mode": "loud", "max_items_per_run": 6, "active": "yes"}
    answer = member.post("/rss-feeds", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "url": ["The url field must not be greater than 2048 characters."],
        "account_ids": ["The account ids field is required."],
        "mode": ["The mode field must be one of draft, queue, needs_approval."],
        "max_items_per_run": ["The max items per run field must be between 1 and 5."],
        "active": ["The active field must be true or false."],
    }
    assert list(
        member.post("/rss-feeds", json={**KINDS["rss-feeds"][0], "account_ids": [99]}).json()["errors"]
    ) == ["account_ids"]
    nested = {"name": "A", "identities": [{"provider": "x"}, "y"]}
    assert list(member.post("/mentions", json=nested).json()["errors"]) == [
        "identities.0.handle",
        "identities.1",
    ]


def test_a_template_shows_its_media_as_the_library_does(member):
    png = {"file": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    media = member.post("/media", files=png).json()
    body = {"name": "T", "content": [{"body": "Hi", "media": [int(media["id"])]}]}
    template = member.post("/templates", json=body).json()["data"]
    assert template["content"] == [{"body": "Hi", "media": [media]}]
    wrong = member.post("/templates", json={"name": "T", "content": [{"media": [99]}]})
    assert list(wrong.json()["errors"]) == ["content.0.media"]


def test_a_mention_with_a_known_identity_is_added_to(member):
    first = member.post("/mentions", json=KINDS["mentions"][0])
    assert (first.status_code, first.json()["data"]["reference"]) == (201, 1)
    identities = [{"provider": "x", "handle": "Ann"}, {"provider": "threads", "handle": "ann"}]
    again = member.post("/mentions", json={"name": "Other", "identities": identities})
    assert again.status_code == 200
    assert again.json()["data"]["id"] == first.json()["data"]["id"]
    assert [each["provider"] for each in again.json()["data"]["identities"]] == ["x", "threads"]
    second = member.post("/mentions", json={"name": "Joann"}).json()["data"]
    stolen = member.put(f"/mentions/{second['id']}", json={"name": "Joann", "identities": identities})
    assert list(stolen.json()["errors"]) == ["identities"]
    assert [each["name"] for each in member.get("/mentions", params={"q": "ann"}).json()["data"]] == [
        "Ann",
        "Joann",
    ]
    assert member.delete("/mentions/nothing").json() == {"success": False}


def test_a_recycling_rule_is_of_a_post_or_of_a_tag(member):
    uuid = member.post("/posts", json=post()).json()["uuid"]
    rule = member.post(f"/posts/{uuid}/recycle", json={"interval_days": 7, "max_runs": 3})
    assert rule.status_code == 201
    assert rule.json()["data"]["type"] == "post"
    assert rule.json()["data"]["placement"] == "queue"
    tag = member.get("/tags").json()["data"][0]["uuid"]
    pool = {"interval_days": 1, "tag_uuid": tag, "start_at": "2030-01-01T02:00:00+02:00"}
    other = member.post("/recycling-rules", json=pool).json()["data"]
    assert (other["type"], other["next_run_at"]) == ("tag_pool", "2030-01-01T00:00:00Z")
    paused = member.put(f"/recycling-rules/{other['uuid']}", json={"active": False}).json()["data"]
    assert paused["next_run_at"] is None
    assert [each["uuid"] for each in member.get("/recycling-rules").json()["data"]] == [
        other["uuid"],
        rule.json()["data"]["uuid"],
    ]
    assert member.get(f"/recycling-rules/{other['uuid']}/runs").json() == {"data": []}
    nothing = member.post("/recycling-rules", json={"interval_days": 1, "type": "post"})
    assert list(nothing.json()["errors"]) == ["post_uuid"]


def test_a_limited_key_has_what_is_of_its_accounts_alone(admin, connect):
    body = {"name": "b", "abilities": ["read", "write"], "account_ids": [1]}
    limited = connect(admin.post("/api-keys", json=body).json()["data"]["token"])
    mine, other = ({"url": "https://a.example/rss", "account_ids": [each]} for each in (1, 2))
    uuid = admin.post("/rss-feeds", json=other).json()["data"]["uuid"]
    assert limited.post("/rss-feeds", json=mine).status_code == 201
    assert limited.post("/rss-feeds", json=other).status_code == 403
    assert limited.get(f"/rss-feeds/{uuid}").status_code == 403
    assert [each["account_ids"] for each in limited.get("/rss-feeds").json()["data"]] == [[1]]
    tag = admin.get("/tags").json()["data"][0]["uuid"]
    rule = {"interval_days": 1, "tag_uuid": tag}
    assert limited.post("/recycling-rules", json=rule).status_code == 403
    assert limited.post("/recycling-rules", json={**rule, "account_ids": [1]}).status_code == 201


def test_a_viewer_reads_and_changes_nothing(connect, member):
    viewer = connect("viewer")
    member.post("/hashtag-groups", json=KINDS["hashtag-groups"][0])
    assert len(viewer.get("/hashtag-groups").json()["data"]) == 1
    assert viewer.post("/hashtag-groups", json=KINDS["hashtag-groups"][0]).status_code == 403


def test_every_rule_of_the_shapes_can_be_read():
    """A rule that is not understood would be a list of words with one strange word in it."""

    def rules(shape):
        if isinstance(shape, str):
            yield shape
        for each in (
            shape.values() if isinstance(shape, dict) else shape[:1] if isinstance(shape, list) else ()
        ):
            yield from rules(each)

    for shapes in load_shapes().values():
        for shape in shapes.values():
            for text in rules(shape):
                words = _rule(text).words
                assert not any(".." in word or "/" in word.replace(" ", "") for word in words), text
