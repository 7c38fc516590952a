from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.services.accounts import Accounts, load_accounts
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


def refused(*names: str | int) -> PostBoostConfigError:
    with pytest.raises(PostBoostConfigError) as caught:
        ids(*names)
    assert caught.value.field == "accounts"
    return caught.value


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
def test_the_error_for_an_unknown_account_lists_those_that_exist(name):
    error = refused(3, name)
    assert error.code == "unknown_account"
    for named in (repr(name), "twitter:Acme (id 3)", "linkedin_page:Acme Inc (id 9)"):
        assert named in str(error)


def test_the_error_for_an_ambiguous_account_lists_its_matches_and_the_fix():
    error = refused("@acme")
    assert error.code == "ambiguous_account"
    assert "twitter:Acme (id 3), facebook_page:acme (id 5)" in str(error)
    assert "twitter:acme_news" not in str(error)


def test_without_any_account_the_message_says_where_to_connect_one():
    with pytest.raises(PostBoostConfigError, match="connect one"):
        Accounts([]).find(["3"])


def test_the_accounts_of_a_workspace_are_one_request(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/accounts").respond(json={"data": LISTED})
    assert [a["id"] for a in load_accounts(connect()).find(["x:*"])] == [2, 3]
    assert route.call_count == 1


def test_a_token_that_may_not_list_accounts_takes_their_ids(connect, postboost):
    postboost.get(f"/{WORKSPACE}/accounts").respond(403, json={"code": "insufficient_scope"})
    accounts = load_accounts(connect())
    assert [a["id"] for a in accounts.find([" 12 ", 3, "12"])] == [3, 12]
    with pytest.raises(PostBoostConfigError, match="@acme") as caught:
        accounts.find(["@acme"])
    assert caught.value.code == "accounts_unreadable"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("twitter:acm", "mean twitter:acme?"),
        ("twiter:*", "mean twitter:*?"),
        ("twitter:acme,threads:acme", "semicolon"),
        ("['twitter:acme']", "the list itself"),
    ],
)
def test_a_name_that_is_none_comes_with_what_may_have_been_meant(name, hint):
    accounts = Accounts([{"id": 1, "provider": "twitter", "username": "acme", "name": "Acme"}])
    with pytest.raises(PostBoostConfigError) as caught:
        accounts.find([name])
    assert hint in str(caught.value)


def test_the_suggestion_comes_before_the_list_and_the_list_is_wrapped():
    listed = [
        {"id": n, "provider": "facebook_page", "username": f"page-of-shop-{n}", "name": ""} for n in range(40)
    ]
    with pytest.raises(PostBoostConfigError) as caught:
        Accounts(listed).find(["facebook_page:page-of-shop-x"])
    first, *lines = str(caught.value).splitlines()
    assert "Did you mean facebook_page:page-of-shop-" in first
    assert len(lines) > 10
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if "facebook_page:page-of-shop-7 (id 7)" in line]
