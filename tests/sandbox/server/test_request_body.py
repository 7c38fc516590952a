"""Bodies are read as Laravel reads them: JSON, forms, and values sent as texts."""

from __future__ import annotations

import httpx
import pytest

from postboost_provider.sandbox.server.request_body import nested
from tests.remote_files import PNG
from tests.sandbox.bodies import errors, fields_with_errors, post

JSON = {"Content-Type": "application/json"}
HALF = '"\\ud83d"'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"versions":[{{"account_id":0,"is_original":true,"content":[{{"body":{HALF}}}]}}]}}',
        f"{{{HALF}: 1}}",
    ],
    ids=["a text", "a name"],
)
def test_half_of_a_surrogate_pair_is_rejected_and_stored_nowhere(sandbox, member, body):
    response = member.post("/posts", content=body, headers={**JSON, "Idempotency-Key": "one"})
    assert fields_with_errors(response) == {"body"}
    assert member.get("/posts").json()["meta"]["total"] == 0
    assert [entry["outcome"] for entry in member.get("/activity").json()["data"]] == ["validation_failed"]
    assert member.put("/brand-voice", content=f'{{"tone": {HALF}}}', headers=JSON).status_code == 422
    assert httpx.get(sandbox.control_url + "/state").status_code == 200


@pytest.mark.parametrize("name", [b"x\xed\xa0\xbd", b"\xff", '"x"'.encode("utf-16")], ids=repr)
def test_bytes_that_are_not_utf_8_are_rejected_and_stored_nowhere(sandbox, member, name):
    body = b'{"name": "%b", "hex_color": "#ffffff"}' % name
    assert fields_with_errors(member.post("/tags", content=body, headers=JSON)) >= {"name"}
    assert member.get("/tags").status_code == 200
    assert httpx.post(sandbox.control_url + "/faults", content=body, headers=JSON).status_code == 422


def test_a_whole_surrogate_pair_is_a_character(member):
    body = '{"versions":[{"account_id":0,"is_original":true,"content":[{"body":"\\ud83d\\ude00 \\\\u"}]}]}'
    created = member.post("/posts", content=body, headers=JSON).json()
    assert created["versions"][0]["content"][0]["body"] == "\U0001f600 \\u"


def test_the_control_endpoints_reject_half_of_a_surrogate_pair(sandbox):
    body = f'[{{"kind": "fail_account", "account_id": 1, "message": {HALF}}}]'
    assert httpx.post(sandbox.control_url + "/faults", content=body, headers=JSON).status_code == 422
    assert sandbox.state()["faults"] == []


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"name": NaN}', b'{"name": "\xff"}', b"null", b"[]", b"{"]
)
def test_a_body_that_is_not_an_object_has_no_fields(member, body):
    assert fields_with_errors(member.post("/tags", content=body, headers=JSON)) == {"name", "hex_color"}


def test_a_form_is_read_like_json(member, accounts):
    threads = accounts["threads"]["id"]
    form = {
        "versions[0][account_id]": "0",
        "versions[0][is_original]": "1",
        "versions[0][content][0][body]": "Fresh & strong",
        "versions[0][options][instagram][type]": "reel",
        "accounts[]": str(threads),
        "schedule": "0",
    }
    created = member.post("/posts", data=form)
    assert created.status_code == 201, created.text
    (version,) = created.json()["versions"]
    assert (version["account_id"], version["is_original"]) == (0, True)
    assert version["content"][0]["body"] == "Fresh & strong"
    assert version["options"] == {"instagram": {"type": "reel"}}
    assert [each["id"] for each in created.json()["accounts"]] == [threads]
    assert created.json()["status"] == "draft"


def test_multipart_fields_are_read_like_a_form(admin):
    data = {"name": "k", "abilities[0]": "read", "abilities[1]": "write", "account_ids[0]": "1"}
    created = admin.post("/api-keys", data=data, files={"unused": ("a.png", PNG)})
    assert created.status_code == 201, created.text
    key = created.json()["data"]
    assert (key["abilities"], key["account_ids"]) == (["read", "write"], [1])


@pytest.mark.parametrize(
    "pairs, expected",
    [
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[0]", "1"), ("a[5]", "2")], {"a": ["1", "2"]}),
        ([("a[b][c]", "1"), ("a[b][d]", "2")], {"a": {"b": {"c": "1", "d": "2"}}}),
        ([("a[0][b]", "1"), ("a[1][b]", "2")], {"a": [{"b": "1"}, {"b": "2"}]}),
        ([("a", "1"), ("a[b]", "2")], {"a": {"b": "2"}}),
        ([("a[b", "1")], {"a[b": "1"}),
        ([("a" + "[b]" * 5000, "1")], {}),
    ],
)
def test_names_with_brackets_are_lists_and_objects(pairs, expected):
    assert nested(pairs) == expected


@pytest.mark.parametrize(
    "value, accepted", [(1, True), ("1", True), (0, True), ("yes", False), ("true", False)]
)
def test_zeros_and_ones_are_booleans(member, value, accepted):
    body = post()
    body["versions"][0]["is_original"] = True
    response = member.post("/posts", json={**body, "allow_duplicate": value})
    assert response.status_code == (201 if accepted else 422)
    if not accepted:
        assert set(errors(response)) == {"allow_duplicate"}


def test_texts_of_digits_are_integers(member, accounts):
    threads = accounts["threads"]["id"]
    body = post("digits", accounts["threads"])
    body["accounts"] = [str(threads)]
    body["versions"].append(
        {"account_id": str(threads), "is_original": 0, "content": [{"body": "own"}], "synced_with": "0"}
    )
    created = member.post("/posts", json=body).json()
    assert [each["id"] for each in created["accounts"]] == [threads]
    assert (created["versions"][1]["account_id"], created["versions"][1]["synced_with"]) == (threads, 0)


def test_a_limited_key_is_limited_for_texts_of_digits_too(admin, connect, accounts):
    own, other = accounts["threads"], accounts["northwind.bsky.social"]
    key = admin.post("/api-keys", json={"name": "k", "abilities": ["write"], "account_ids": [own["id"]]})
    limited = connect(key.json()["data"]["token"])
    for account, status in ((own, 201), (other, 403)):
        body = {**post("limited"), "accounts": [str(account["id"])]}
        assert limited.post("/posts", json=body).status_code == status


@pytest.mark.parametrize("name", ["providers[]", "providers[0]"])
def test_lists_in_the_query_have_both_forms(member, name):
    found = member.get("/accounts", params={name: "threads"}).json()["data"]
    assert {each["provider"] for each in found} == {"threads"}


@pytest.mark.parametrize("normalized", [False, True])
def test_texts_are_trimmed_and_empty_ones_become_null_by_the_setting(sandbox, member, normalized):
    sandbox.change(normalize_texts=normalized)
    created = member.post("/templates", json={"name": "  Two  ", "content": [{"body": " text ", "url": ""}]})
    assert created.status_code in (200, 201), created.text
    template = created.json().get("data") or created.json()
    assert template["name"] == ("Two" if normalized else "  Two  ")
    body = member.post("/posts", json=post("\n text \t")).json()["versions"][0]["content"][0]["body"]
    assert body == ("text" if normalized else "\n text \t")
