"""Generic resources, by kind."""

from __future__ import annotations

import pytest

GONE = {"message": "Not found."}


# By path: the first body, the changes, and whether its pages have numbers.
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
def test_a_record_is_created_read_listed_changed_and_deleted(member, kind):
    body, change, paged = KINDS[kind]
    created = member.post(f"/{kind}", json=body)
    assert created.status_code == 201
    thing = created.json()["data"]
    url = f"/{kind}/{thing.get('uuid') or thing['id']}"
    listed = member.get(f"/{kind}").json()
    assert (listed["data"], "meta" in listed) == ([thing], paged)
    if kind != "agents":  # agents have no get operation
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
def test_each_kind_has_its_own_response_to_a_deletion(member, kind, reply):
    thing = member.post(f"/{kind}", json=KINDS[kind][0]).json()["data"]
    response = member.delete(f"/{kind}/{thing.get('uuid') or thing['id']}")
    assert (response.status_code, response.json() if response.content else None) == (
        200 if reply else 204,
        reply,
    )


def test_pages_are_of_100_newest_first_unless_asked_otherwise(member):
    for number in range(101):
        member.post("/hashtag-groups", json={"name": str(number), "content": "#a"})
    page = member.get("/hashtag-groups").json()
    assert (len(page["data"]), page["data"][0]["name"], page["meta"]["per_page"]) == (100, "100", 100)
    page = member.get("/hashtag-groups", params={"per_page": 60, "page": 2}).json()
    assert (len(page["data"]), page["meta"]["last_page"]) == (41, 2)


def test_missing_fields_stay_and_null_resets_a_field(member):
    feed = member.post("/rss-feeds", json={**KINDS["rss-feeds"][0], "mode": "queue", "name": "N"}).json()[
        "data"
    ]
    assert (feed["active"], feed["max_items_per_run"], feed["template"]) == (True, 3, "{title}\n\n{link}")
    changed = member.put(f"/rss-feeds/{feed['uuid']}", json={"name": None, "mode": None}).json()["data"]
    assert changed == {**feed, "name": None, "mode": "draft"}


def test_errors_of_a_body_are_in_laravels_format(member):
    body = {"url": "x" * 2049, "account_ids": [], "mode": "loud", "max_items_per_run": 6, "active": "yes"}
    response = member.post("/rss-feeds", json=body)
    assert response.status_code == 422
    assert response.json()["errors"] == {
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


def test_a_limited_key_only_sees_records_of_its_accounts(admin, connect):
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
