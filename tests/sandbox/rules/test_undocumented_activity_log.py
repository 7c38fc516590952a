"""The switches for what PostBoost does not document about its activity log."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import post

LABEL = "dag/task/2026-01-01/" + "x" * 100


def labelled(label=LABEL):
    return {"X-PostBoost-Client": label}


def entries(api, **params):
    response = api.get("/activity", params=params)
    assert response.status_code == 200, response.text
    return response.json()["data"]


@pytest.mark.parametrize("length, kept", [(0, LABEL), (64, LABEL[:64]), (500, LABEL)])
def test_labels_are_cut(sandbox, member, length, kept):
    sandbox.change(activity_label_length=length)
    member.post("/posts", json=post(), headers=labelled())
    assert [entry["client"] for entry in entries(member)] == [kept]
    assert len(entries(member, client=kept[:50])) == 1
    assert len(entries(member, client=LABEL)) == (1 if kept == LABEL else 0)


@pytest.mark.parametrize("named", [True, False])
def test_entries_of_creates_have_a_post_uuid_by_the_setting(sandbox, member, named):
    sandbox.change(activity_post_uuid=named)
    headers = {"Idempotency-Key": "one"}
    uuid = member.post("/posts", json=post(), headers=headers).json()["uuid"]
    member.post("/posts", json=post(), headers=headers)
    member.put(f"/posts/{uuid}", json=post("other"))
    found = [(entry["outcome"], entry["post_uuid"]) for entry in entries(member)]
    created = uuid if named else None
    assert found == [("updated", uuid), ("replayed", created), ("created", created)]


@pytest.mark.parametrize(
    "readers, allowed",
    [("everybody", {"viewer", "member", "admin"}), ("admins", {"admin"}), ("nobody", set())],
)
@pytest.mark.parametrize("refusal", [403, 200])
def test_who_reads_the_log(sandbox, connect, member, readers, allowed, refusal):
    sandbox.change(activity_readers=readers, activity_refusal=refusal)
    member.post("/posts", json=post())
    for name in ("viewer", "member", "admin"):
        response = connect(name).get("/activity")
        if name in allowed:
            assert (response.status_code, response.json()["meta"]["total"]) == (200, 1)
        elif refusal == 403:
            assert (response.status_code, response.json()) == (403, {"message": "Access forbidden."})
        else:
            assert (response.status_code, response.json()["data"]) == (200, [])
            assert response.json()["meta"]["total"] == 0


def test_a_log_that_is_off_stays_empty(sandbox, member):
    sandbox.change(activity_log="off")
    member.post("/posts", json=post())
    assert entries(member) == []


def test_entries_appear_late(sandbox, member):
    sandbox.change(activity_delay=60)
    member.post("/posts", json=post())
    assert entries(member) == []
    sandbox.advance(61)
    assert [entry["outcome"] for entry in entries(member)] == ["created"]


@pytest.mark.parametrize("longer", ["refuse", "ignore"])
def test_the_label_filter_takes_short_prefixes_only(sandbox, member, longer):
    sandbox.change(activity_prefix_length=10, activity_long_prefix=longer)
    member.post("/posts", json=post(), headers=labelled())
    member.post("/tags", json={}, headers=labelled("someone/else"))
    assert len(entries(member, client=LABEL[:10])) == 1
    response = member.get("/activity", params={"client": LABEL[:11]})
    if longer == "refuse":
        assert (response.status_code, list(response.json()["errors"])) == (422, ["client"])
    else:
        assert (response.status_code, response.json()["meta"]["total"]) == (200, 2)


@pytest.mark.parametrize("status", [200, 404, 422, 500])
def test_the_status_of_the_log(sandbox, member, status):
    sandbox.change(activity_status=status)
    response = member.get("/activity")
    assert response.status_code == status
    assert ("message" in response.json()) == (status != 200)
