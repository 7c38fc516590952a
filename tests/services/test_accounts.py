from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.services.accounts import Accounts, Tags, load_accounts
from tests.api.support import WORKSPACE


def account(number: int | str, provider: str, username: str | None, name: str = "Acme") -> dict[str, Any]:
    return {"id": number, "provider": provider, "username": username, "name": name}


# The newest first, as PostBoost lists them.
LISTED = [
    account(31, "mastodon", "@acme@social.test"),
    account("9", "linkedin_page", None, "Acme Inc"),
    account(8, "gbp", "shop"),
    account(5, "facebook_page", "acme"),
    account(3, "twitter", "Acme"),
    account(2, "twitter", "acme_news"),
    account(12, "bluesky", "31"),
]


def ids(*names: str | int) -> list[int]:
    return [int(found["id"]) for found in Accounts(LISTED).find(names)]


def refused(*names: str | int) -> str:
    with pytest.raises(PostBoostConfigError) as caught:
        ids(*names)
    return str(caught.value)


@pytest.mark.parametrize(
    "name, found",
    [
        (3, [3]),
        ("3", [3]),
        (" 9 ", [9]),
        ("@acme_news", [2]),
        ("acme_news", [2]),
        ("ACME_News", [2]),
        ("twitter:acme", [3]),
        ("Twitter:@Acme", [3]),
        ("twitter: acme ", [3]),
        ("x:acme", [3]),
        ("X:acme", [3]),
        ("facebook:acme", [5]),
        ("google:shop", [8]),
        ("twitter:*", [2, 3]),
        ("x:*", [2, 3]),
        ("gbp:*", [8]),
        ("mastodon:@acme@social.test", [31]),
        ("@acme@social.test", [31]),
        ("31", [31]),
        ("@31", [12]),
        ("bluesky:31", [12]),
    ],
)
def test_an_account_is_found_the_way_people_name_it(name, found):
    assert ids(name) == found


def test_accounts_come_once_and_in_the_order_of_their_ids_however_they_are_written():
    assert ids("gbp:*", "twitter:*", 3, "@acme_news") == ids("@acme_news", 3, "x:*", 8, "8") == [2, 3, 8]


@pytest.mark.parametrize(
    "name",
    ["@nobody", "nobody", "99", "twitter:nobody", "tiktok:*", "twitter:", ":acme", "@", "", "*", "Acme Inc"],
)
def test_an_account_that_is_not_there_is_answered_with_those_that_are(name):
    said = refused(3, name)
    assert said.startswith(
        f"{name!r} is no account of this workspace. It has: 2 (twitter:acme_news), 3 (twitter:Acme),"
    )
    assert "9 (linkedin_page:Acme Inc)" in said


def test_a_name_of_several_accounts_is_answered_with_them_and_the_way_out():
    assert refused("@acme") == (
        "'@acme' means 2 accounts: 3 (twitter:Acme), 5 (facebook_page:acme). Write provider:username or the id."
    )


def test_without_any_account_the_message_says_where_to_connect_one():
    with pytest.raises(PostBoostConfigError, match="It has: none; connect one in PostBoost under Accounts"):
        Accounts([]).find(["3"])


def test_the_accounts_of_a_workspace_are_one_request(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/accounts").respond(json={"data": LISTED})
    assert [a["id"] for a in load_accounts(connect()).find(["x:*"])] == [2, 3]
    assert route.call_count == 1


def test_a_token_that_may_not_list_accounts_takes_their_ids(connect, postboost):
    postboost.get(f"/{WORKSPACE}/accounts").respond(403, json={"code": "insufficient_scope"})
    accounts = load_accounts(connect())
    assert [a["id"] for a in accounts.find([" 12 ", 3, "12"])] == [3, 12]
    with pytest.raises(PostBoostConfigError, match=r"^'@acme' can't be looked up.*rite the account's id"):
        accounts.find(["@acme"])


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


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("twitter:acm", "Did you mean twitter:acme?"),
        ("twiter:*", "Did you mean twitter:*?"),
        ("twitter:acme,threads:acme", "Several are separated by a semicolon"),
        ("['twitter:acme']", "pass the list itself"),
    ],
)
def test_a_name_that_is_none_comes_with_what_may_have_been_meant(name, hint):
    accounts = Accounts([{"id": 1, "provider": "twitter", "username": "acme", "name": "Acme"}])
    with pytest.raises(PostBoostConfigError) as caught:
        accounts.find([name])
    assert hint in str(caught.value)
