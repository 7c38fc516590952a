"""Whatever PostBoost, Airflow or an author may hand over: it is read, or refused with a typed error."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from postboost_provider.api import arguments, responses, times
from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.expiry import parse_expiry
from postboost_provider.api.field_errors import map_fields
from postboost_provider.api.operations import load_operations
from postboost_provider.api.pagination import items_of, next_page
from postboost_provider.api.rate_limit import Pace
from postboost_provider.api.requests import retry_after_seconds
from postboost_provider.api.settings import check_base_url, split_host
from postboost_provider.api.transport import RawResponse
from postboost_provider.calendar.csv import number_rows, read_csv, read_rows
from postboost_provider.calendar.report import Report, invalid
from postboost_provider.connection.read import read_connection
from postboost_provider.polling import post_uuids
from postboost_provider.polling.outcome import PostOutcome, conclude, describe_status, read_awaited, read_post
from postboost_provider.polling.post_lists import PostLists
from postboost_provider.polling.schedule import Wait
from postboost_provider.services import reports, repurpose
from postboost_provider.services.account_health import AccountsCanPublish
from postboost_provider.services.accounts import Accounts
from postboost_provider.services.analytics import rows as analytics_rows
from postboost_provider.services.media.upload import read_medium
from postboost_provider.triggers.base import read_event
from tests.api.support import request, settings

NOW = datetime(2026, 10, 16, 9, 30, tzinfo=UTC)
quickly = hypothesis_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01 00:00:00",
        "2026-10-16",
        "٣",
        "²",
        "1e999",
        "NaN",
    ]
)
TEXT = st.one_of(ODD_TEXTS, st.text(max_size=20))
NUMBER = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -1, 0, 2**63]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


def spoiled(good: Any) -> st.SearchStrategy[Any]:
    """Return values like a good one, of which any part may be missing or anything else."""
    if isinstance(good, dict):
        parts = {key: spoiled(value) for key, value in good.items()}
        like: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=parts)
        return st.one_of(like, st.fixed_dictionaries(parts), JSON)
    if isinstance(good, list):
        return st.one_of(st.just(good), st.lists(spoiled(good[0]), max_size=2), JSON)
    return st.one_of(st.just(good), st.just(good), JSON)


POST = {
    "uuid": "p1",
    "status": "published",
    "scheduled_at": "2026-10-16 09:30:00",
    "published_at": None,
    "trashed": False,
    "accounts": [
        {
            "id": 1,
            "uuid": "a1",
            "provider": "twitter",
            "name": "Acme",
            "username": "acme",
            "publish_status": "failed",
            "external_url": None,
            "errors": [{"message": "No.", "code": "no"}],
        }
    ],
    "versions": [{"account_id": 0, "is_original": True, "content": [{"body": "Hi", "media": [1]}]}],
}
HEALTH = {
    "data": [
        {
            "id": 1,
            "uuid": "a1",
            "provider": "twitter",
            "name": "Acme",
            "authorized": True,
            "has_token": True,
            "healthy": True,
            "connection": {
                "status": "ok",
                "expires_at": "2026-10-16 09:30:00",
                "reconnect_reason": {"code": "x"},
            },
            "daily_cap": {"used_today": 1, "limit": 25},
        }
    ]
}
ISSUES = {"issues": [{"account_id": 1, "code": "account_daily_cap_reached", "used": 1, "limit": 2}]}


class Sending:
    """A client to which PostBoost responds with this, whatever it is asked."""

    def __init__(self, payload: Any) -> None:
        self.payload, self.settings = payload, settings()

    def call(self, operation: str, **_: Any) -> Any:
        return self.payload

    def pages(self, operation: str, **_: Any) -> Any:
        op = load_operations()[operation]
        return iter(items_of(op, self.payload))


def read_outcomes(post: Any) -> None:
    outcome = read_post(post)
    describe_status(outcome)
    assert PostOutcome.from_dict(outcome.as_dict()).uuid == outcome.uuid
    wait = Wait(NOW, timedelta(days=1), timedelta(seconds=10))
    assert wait.pause([outcome], NOW, 0.5) >= timedelta(0)
    wait.is_over([outcome], NOW)
    read_awaited(post, settings())
    conclude([outcome], "fail")


def read_response(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
    for operation in ("list_tags", "delete_post", "create_post"):
        with suppress(PostBoostError):
            responses.read(settings(), request(operation), RawResponse(status, headers or {}, content), NOW)


def read_error(payload: Any, status: int) -> None:
    with map_fields("column"):
        responses.read(
            settings(), request("list_tags"), RawResponse(status, {}, json.dumps(payload).encode()), NOW
        )


def read_pages(payload: Any) -> None:
    for name in ("list_posts", "list_tags", "get_posting_schedule_slots", "list_media"):
        if (operation := load_operations().get(name)) is not None:
            with suppress(PostBoostError):
                items_of(operation, payload)
                next_page(operation, {}, payload)


def read_calendar(cells: Any) -> None:
    found = read_rows(number_rows(cells), "Europe/Berlin")
    Report("c", [invalid(row, row.problems) for row in found]).describe_bad()


def read_settings(values: tuple[Any, Any, Any, Any]) -> None:
    host, password, extras, port = values
    known = {"conn_id": "c", "conn_type": "postboost", "login": None, "schema": None}
    read_connection(
        SimpleNamespace(host=host, password=password, port=port, extra=None, extra_dejson=extras, **known),
        extras,
        "c",
    )  # type: ignore[arg-type]


EXTRAS = {
    "workspace_uuid": "b0a7d2c4-0000-4000-8000-000000000001",
    "expires_on": "2026-10-16",
    "scoped_key_id": 7,
    "timeout_seconds": 30,
    "proxy": "http://proxy.test:3128",
    "ca_bundle": "/ca.pem",
    "client_label": "x",
}
PAGE = {
    "data": [{"uuid": "p1"}],
    "meta": {"last_page": 2},
    "links": {"next": None},
    "next_cursor": "c",
    "slots": [{"at": "x"}],
}
ERROR = {"message": "No.", "code": "x", "errors": {"name": ["No."]}, "retry_after": 1, "limit": 1, "used": 1}
ROW = {
    "key": "a",
    "publish_at": "2026-10-16 09:30",
    "timezone": "UTC",
    "accounts": "1",
    "text": "t",
    "media": "x.png",
}
RUN = {
    "run_id": 1,
    "status": "partial",
    "post_uuid": "p",
    "captions": [{"provider": "x", "account_id": 1}],
    "error": "",
}
EVENT = {
    "status": "error",
    "message": "m",
    "can_retry": True,
    "type": "ServerError",
    "details": {"status": 500},
}
EXPORT = {"data": {"uuid": "e", "status": "ready", "error": None, "expires_at": None}}
ANALYTICS = {
    "data": {"best_account": {"name": "x"}, "total_posts": {"value": 1}},
    "period": {"previous_start_date": "x"},
}
ACCOUNT = {"id": 1, "uuid": "a1", "provider": "twitter", "name": "Acme", "username": "acme"}


def analytics(kind: str) -> Callable[[Any], Any]:
    from postboost_provider.services.analytics import Period

    period = Period(NOW.date(), NOW.date())
    return lambda payload: list(analytics_rows(Sending(payload), kind, period))  # type: ignore[arg-type]


READERS: dict[str, tuple[Callable[[Any], Any], st.SearchStrategy[Any]]] = {
    "times.read_utc": (times.read_utc, JSON),
    "times.to_instant": (lambda pair: times.to_instant(*pair), st.tuples(TEXT, st.one_of(st.none(), TEXT))),
    "times.to_instant of a time": (
        lambda pair: times.to_instant(*pair),
        st.tuples(
            st.datetimes(timezones=st.one_of(st.none(), st.timezones())),
            st.sampled_from(["Europe/Berlin", "UTC"]),
        ),
    ),
    "expiry": (parse_expiry, JSON),
    "retry-after": (
        lambda text: retry_after_seconds(text, NOW.timestamp()),
        st.one_of(TEXT, NUMBER.map(str)),
    ),
    "rate limit headers": (
        lambda pair: Pace().slow_down({"x-ratelimit-limit": pair[0], "x-ratelimit-remaining": pair[1]}),
        st.tuples(st.one_of(TEXT, NUMBER.map(str)), st.one_of(TEXT, NUMBER.map(str))),
    ),
    "posts": (read_outcomes, spoiled(POST)),
    "lists of posts": (lambda payload: PostLists([f"p{n}" for n in range(20)]).find(payload), spoiled(PAGE)),
    "account health": (
        lambda pair: AccountsCanPublish((1,)).read(list(pair), NOW),
        st.tuples(spoiled(HEALTH), spoiled(ISSUES)),
    ),
    "accounts": (
        lambda found: Accounts(found).find(["acme", "twitter:*", "x"]),
        st.lists(spoiled(ACCOUNT), max_size=3),
    ),
    "bytes of a response": (read_response, st.binary(max_size=50)),
    "successes": (lambda payload: read_response(json.dumps(payload).encode()), JSON),
    "errors": (
        lambda pair: read_error(*pair),
        st.tuples(spoiled(ERROR), st.sampled_from([200, 401, 403, 404, 409, 422, 429, 500])),
    ),
    "pages": (read_pages, spoiled(PAGE)),
    "rendered texts": (arguments.read_text, TEXT),
    "rendered uuids": (post_uuids.read_uuids, JSON),
    "rendered seconds": (lambda value: arguments.read_seconds("timeout", value), JSON),
    "calendar as bytes": (
        lambda content: read_csv(content, "c.csv"),
        st.one_of(
            st.binary(max_size=60),
            TEXT.map(lambda t: f"key,accounts,text\n{t}".encode("utf-8", "surrogatepass")),
        ),
    ),
    "calendar as rows": (read_calendar, st.lists(spoiled(ROW), max_size=3)),
    "connections": (
        read_settings,
        st.tuples(
            st.one_of(st.none(), TEXT),
            st.one_of(st.none(), TEXT),
            spoiled(EXTRAS),
            st.one_of(st.none(), st.integers()),
        ),
    ),
    "base URLs": (lambda text: check_base_url(f"https://{text}"), TEXT),
    "hosts": (lambda text: split_host(text, None), TEXT),
    "media": (
        lambda text: read_medium(text, lambda name: pytest.fail("no file")),
        TEXT.map(lambda text: f"https://{text}"),
    ),
    "events of a trigger": (lambda payload: read_event(payload, "outcomes"), spoiled(EVENT)),
    "reports": (reports._export, spoiled(EXPORT)),
    "repurpose runs": (repurpose.started, spoiled(RUN)),
    "analytics of posts": (analytics("posts"), spoiled({"data": [POST], "accounts": [{"account_id": 1}]})),
    "analytics of accounts": (analytics("accounts"), spoiled({"data": [ACCOUNT]})),
    "analytics in total": (analytics("summary"), spoiled(ANALYTICS)),
}


@pytest.mark.parametrize("name", READERS)
def test_data_from_outside_is_read_or_refused(name: str) -> None:
    read, values = READERS[name]

    @quickly
    @given(values)
    def check(value: Any) -> None:
        with suppress(PostBoostError):
            read(value)

    check()
