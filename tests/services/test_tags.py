from __future__ import annotations

import json

import httpx
import pytest
import respx

from postboost_provider.api.errors import ValidationError
from postboost_provider.services.tags import Tags
from tests.api.support import WORKSPACE


@pytest.fixture
def made(postboost: respx.Router) -> list[httpx.Request]:
    """The requests that make tags in a workspace that has one; each new one gets the next id."""
    requests: list[httpx.Request] = []

    def make(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(
            201, json={"id": 10 + len(requests), "name": json.loads(request.content)["name"]}
        )

    postboost.get(f"/{WORKSPACE}/tags", name="list").respond(json={"data": [{"id": 7, "name": "Launch"}]})
    postboost.post(f"/{WORKSPACE}/tags").mock(side_effect=make)
    return requests


def keys(requests: list[httpx.Request]) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in requests]


def test_a_tag_that_is_there_is_found_whatever_its_case_and_made_by_nobody(connect, made):
    assert Tags(connect()).ids(["launch", "LAUNCH"], idempotency_key="k") == [7]
    assert made == []


def test_a_tag_that_is_missing_is_made_once(connect, postboost, made):
    tags = Tags(connect())
    assert tags.missing(["launch", "spring"]) == ["spring"]
    assert tags.ids(["launch", "spring"], idempotency_key="k") == [7, 11]
    assert tags.ids(["Spring", "autumn"], idempotency_key="k") == [11, 12]
    assert [json.loads(request.content) for request in made] == [
        {"name": "spring", "hex_color": "#94a3b8"},
        {"name": "autumn", "hex_color": "#94a3b8"},
    ]
    assert postboost["list"].call_count == 1


def test_a_tag_in_two_spellings_is_one_tag(connect, made):
    assert Tags(connect()).ids(["Straße", "STRASSE"], idempotency_key="k") == [11]
    assert len(made) == 1


def test_the_same_tag_is_asked_for_with_the_same_key_by_every_run(connect, made):
    for _ in range(2):
        Tags(connect()).ids(["spring"], idempotency_key="k")
    one, two = keys(made)
    assert one == two


@pytest.mark.parametrize(
    "one, other", [("größe", "grüße"), ("日本", "東京"), ("spring", "autumn"), ("x" * 300, "x" * 301)]
)
def test_different_tags_have_different_keys(connect, made, one, other):
    assert Tags(connect()).ids([one, other], idempotency_key="k" * 64) == [11, 12]
    assert len(set(keys(made))) == 2


def test_tags_of_different_calendars_have_different_keys(connect, made):
    for key in ("a", "b"):
        Tags(connect()).ids(["spring"], idempotency_key=key)
    assert len(set(keys(made))) == 2


def test_a_tag_that_another_attempt_has_created_meanwhile_is_used(connect, postboost):
    lists = [{"data": []}, {"data": [{"id": 9, "name": "SPRING"}, {"id": 8, "name": "Spring"}]}]
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[httpx.Response(200, json=each) for each in lists])
    taken = {"message": "Taken.", "errors": {"name": ["The name has already been taken."]}}
    postboost.post(f"/{WORKSPACE}/tags").respond(422, json=taken)
    assert Tags(connect()).ids(["spring"], idempotency_key="k") == [8]


def test_a_tag_that_is_refused_for_another_reason_is_an_error(connect, postboost):
    postboost.get(f"/{WORKSPACE}/tags").respond(json={"data": []})
    postboost.post(f"/{WORKSPACE}/tags").respond(422, json={"message": "No.", "errors": {"name": ["Long."]}})
    with pytest.raises(ValidationError):
        Tags(connect()).ids(["spring"], idempotency_key="k")
