"""The single-post operator: one post whatever happens, words that mean what they say, both modes of waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from postboost_provider.api.errors import UnconfirmedError
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import VARIANTS, client, creates, make_key, posts, variant_name
from tests.failures import fails
from tests.operators.posting import LATER, SOON, departed, run
from tests.remote_files import serving

pytestmark = pytest.mark.usefixtures("naps")


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
@pytest.mark.parametrize("publish", ["draft", "schedule", "queue", "now"])
def test_a_retried_task_creates_one_post(sandbox: Sandbox, variant: dict[str, Any], publish: Any) -> None:
    sandbox.reset(**variant)
    options = {"publish": publish, "publish_at": SOON, "timezone": "UTC"}
    first, second = run(**options), run(**options)
    assert (first["result"], second["result"]) == ("created", "adopted")
    assert first["uuid"] == second["uuid"]
    assert len(posts(sandbox)) == len(creates(sandbox)) == 1


def test_another_run_another_map_index_and_another_salt_are_other_posts(sandbox: Sandbox) -> None:
    run(text="one")
    for n, changes in enumerate(({"run_id": "other"}, {"map_index": 0}, {"map_index": 1})):
        ctx = context()
        for name, value in changes.items():
            setattr(ctx["ti"], name, value)
        assert run(ctx, text=f"text {n}")["result"] == "created"
    assert run(text="salted", idempotency_salt="again")["result"] == "created"
    assert len(posts(sandbox)) == 5


def test_a_list_that_has_shifted_meanwhile_publishes_nothing_twice(sandbox: Sandbox) -> None:
    def run_all(*texts: str) -> list[str]:
        results = []
        for index, text in enumerate(texts):
            ctx = context()
            ctx["ti"].map_index = index
            results.append(run(ctx, text=text, publish="now", post_key=text)["result"])
        return results

    assert run_all("A", "B") == ["created", "created"]
    sandbox.advance(25 * 3600)
    assert run_all("N", "A", "B") == ["created", "adopted", "adopted"]
    assert sorted(p["text"] for p in posts(sandbox)) == ["A", "B", "N"]


def test_an_edited_task_updates_its_post_until_it_is_live(sandbox: Sandbox) -> None:
    first = run(publish="schedule", publish_at=SOON, timezone="UTC")
    second = run(text="Hello again", publish="schedule", publish_at=SOON, timezone="UTC")
    assert (second["result"], second["uuid"]) == ("updated", first["uuid"])
    sandbox.advance(3 * 86400)
    with pytest.raises(AirflowFailException, match=first["uuid"]):
        run(text="Too late", publish="schedule", publish_at=SOON, timezone="UTC")
    assert [p["text"] for p in posts(sandbox)] == ["Hello again"]


def test_a_lost_response_creates_no_second_post(sandbox: Sandbox) -> None:
    sandbox.faults({"operation": "create_post", "kind": "drop_after", "count": 100})
    assert run(publish="now")["result"] == "adopted"
    assert len(posts(sandbox)) == 1
    sandbox.reset()
    sandbox.faults({"operation": "create_post", "kind": "drop_before", "count": 100})
    with pytest.raises(UnconfirmedError):
        run(publish="now")
    sandbox.faults()
    assert run(publish="now")["result"] == "created"


def test_a_key_that_cannot_read_the_activity_log_sends_nothing_late(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    options: dict[str, Any] = {"accounts": 5, "publish": "schedule", "publish_at": SOON, "timezone": "UTC"}
    run(**options)
    naps.append(3 * 86400)
    sandbox.advance(naps[0])
    with fails(word="'read'"):
        run(**options)
    assert len(posts(sandbox)) == 1


def attempt(number: int, **run: Any) -> dict[str, Any]:
    ctx = context()
    ctx["ti"].try_number = number
    for name, value in run.items():
        setattr(ctx["dag_run"], name, value)
    return ctx


@pytest.mark.parametrize("publish", ["now", "draft", "queue"])
@pytest.mark.parametrize(
    ("abilities", "hours"), [((), 25), ((), 400 * 24), (("read",), 91 * 24), (("read",), 400 * 24)], ids=str
)
def test_a_later_attempt_whose_first_one_may_be_forgotten_is_refused(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    naps: list[float],
    publish: Any,
    abilities: tuple[str, ...],
    hours: int,
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish", *abilities))
    began = datetime.now(UTC)
    times: dict[str, Any] = {"run_after": began, "start_date": began, "clear_number": 0}
    options: dict[str, Any] = {"accounts": 5, "publish": publish}
    assert run(attempt(1, **times), **options)["result"] == "created"
    naps.append(hours * 3600)
    sandbox.advance(hours * 3600)
    cleared = {**times, "clear_number": 1, "start_date": began + timedelta(hours=hours)}
    for again in (times, cleared):
        with fails(code="beyond_memory", field="on_unknown"):
            run(attempt(2, **again), **options)
    assert len(posts(sandbox)) == 1
    assert run(attempt(2, **times), **options, on_unknown="publish")["result"] == "created"


def test_a_first_attempt_and_a_retry_within_memory_publish_however_old_the_run_is(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    old, now = datetime.now(UTC) - timedelta(days=400), datetime.now(UTC)
    # A backfill.
    times: dict[str, Any] = {"run_after": old, "start_date": now, "clear_number": 0}
    assert run(attempt(1, **times), accounts=5, text="One")["result"] == "created"
    ctx = attempt(2, **times)
    ctx["ti"].run_id = "another"
    assert run(ctx, accounts=5, text="Two")["result"] == "created"


def test_a_later_attempt_of_a_run_without_any_time_is_refused(sandbox: Sandbox) -> None:
    with fails(code="beyond_memory"):
        run(attempt(2, run_after=None))
    logical = {**attempt(2, run_after=None), "logical_date": datetime.now(UTC)}
    assert run(logical)["result"] == "created"


def test_a_later_attempt_that_finds_its_post_is_not_refused(sandbox: Sandbox) -> None:
    old = datetime.now(UTC) - timedelta(days=400)
    first = run(attempt(1, run_after=old))
    assert run(attempt(2, run_after=old))["uuid"] == first["uuid"]


def test_a_group_is_its_accounts(sandbox: Sandbox) -> None:
    assert len(run(accounts="Short texts")["accounts"]) > 1


@pytest.mark.parametrize("publish", ["now", "queue", "draft"])
def test_times_of_a_post_that_is_not_planned_are_not_used_and_said_to_be_so(
    sandbox: Sandbox, naps: list[float], capsys: Any, publish: Any
) -> None:
    result = run(
        publish=publish,
        publish_at=LATER,
        account_times={"twitter": LATER},
        wait_for_completion=publish == "now",
    )
    assert result["status"] == {"now": "published", "queue": "scheduled", "draft": "draft"}[publish]
    assert sum(naps) < 3600
    said = capsys.readouterr().out
    assert all(f"{name} is ignored" in said for name in ("publish_at", "account_times"))


def test_a_time_that_was_taken_back_is_not_kept(sandbox: Sandbox) -> None:
    options: dict[str, Any] = {
        "accounts": ["twitter:northwind", "threads:northwind"],
        "publish": "schedule",
        "publish_at": SOON,
        "timezone": "UTC",
    }
    uuid = run(**options, account_times={"threads": LATER})["uuid"]
    assert run(**options)["result"] == "updated"
    sandbox.advance(2 * 86400 + 3600)
    assert departed(sandbox, uuid) == {"twitter": "published", "threads": "published"}


@pytest.mark.parametrize("order", [1, -1])
def test_the_time_of_an_account_goes_before_that_of_its_network(sandbox: Sandbox, order: int) -> None:
    times = [("twitter:northwind", f"{SOON}+00:00"), ("twitter", LATER)][::order]
    uuid = run(publish="schedule", publish_at=LATER, account_times=dict(times))["uuid"]
    sandbox.advance(2 * 86400 + 3600)
    assert departed(sandbox, uuid) == {"twitter": "published"}


def test_an_account_may_have_a_time_of_its_own(sandbox: Sandbox) -> None:
    later = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M+00:00")
    result = run(
        accounts=["twitter:northwind", "threads:northwind"],
        publish="schedule",
        publish_at=SOON,
        timezone="UTC",
        account_times={"threads:northwind": later},
    )
    sandbox.advance(2 * 86400 + 3600)
    assert departed(sandbox, result["uuid"]) == {"twitter": "published", "threads": "pending"}


@pytest.mark.parametrize(
    ("options", "field", "word"),
    [
        ({"text": " "}, "text", "empty"),
        ({"accounts": []}, "accounts", "empty"),
        ({"accounts": "@northwind"}, "accounts", "2 accounts"),
        ({"accounts": "facebook_page:northwindold", "publish": "now"}, "accounts", "reconnected"),
        ({"publish": "later"}, "publish", "'later'"),
        ({"publish": "schedule"}, "publish_at", "empty"),
        ({"publish": "schedule", "publish_at": SOON}, "publish_at", "time zone"),
        ({"publish": "schedule", "publish_at": SOON, "timezone": "Berlin"}, "timezone", "'Berlin'"),
        (
            {"publish": "schedule", "publish_at": "2026-01-01 09:00", "timezone": "UTC"},
            "publish_at",
            "passed",
        ),
        ({"publish": "draft", "wait_for_completion": True}, "wait_for_completion", "draft"),
        ({"accounts": "youtube:northwindvideo", "first_comment": "Hi"}, "first_comment", "youtube"),
        ({"accounts": "facebook_page:northwindcoffee", "thread": ["Two"]}, "thread", "facebook_page"),
        (
            {"thread": ["Two"], "variants": {"twitter": {"first_comment": "Hi"}}},
            "variants['twitter']['first_comment']",
            "twitter:northwind",
        ),
        (
            {
                "accounts": "facebook_page:northwindcoffee",
                "first_comment": "Hi",
                "variants": {"facebook_page": {"thread": ["Two"]}},
            },
            "variants['facebook_page']['thread']",
            "facebook_page:northwindcoffee",
        ),
        ({"variants": {"linkedin_page": {"text": "x"}}}, "variants['linkedin_page']", "'linkedin_page'"),
        ({"variants": {"twitter": {"txt": "x"}}}, "variants['twitter']", "'txt'"),
        ({"account_times": {"twitter": "soon"}}, "account_times (twitter)", "'soon'"),
        ({"on_duplicate": "shrug"}, "on_duplicate", "'shrug'"),
        ({"on_unknown": "shrug"}, "on_unknown", "'shrug'"),
        ({"on_partial": "shrug"}, "on_partial", "'shrug'"),
        ({"on_kill": "shrug"}, "on_kill", "'shrug'"),
        ({"text": "x" * 281, "publish": "now"}, "text", "280"),
        ({"text": {"text": "x"}}, "text", "dict"),
        ({"text": ["x"]}, "text", "list"),
        ({"first_comment": b"x"}, "first_comment", "bytes"),
        ({"thread": ["Two", {"text": "x"}]}, "thread", "list"),
        ({"variants": {"twitter": {"text": ["x"]}}}, "variants['twitter']['text']", "list"),
        ({"post_key": "None"}, "post_key", "'None'"),
        (
            {"variants": {"1": {"text": "x"}, "twitter:northwind": {"text": "y"}}},
            "variants['twitter:northwind']['text']",
            "'1'",
        ),
        (
            {
                "publish": "schedule",
                "publish_at": SOON,
                "timezone": "UTC",
                "account_times": {"linkedin_page": SOON},
            },
            "account_times",
            "'linkedin_page'",
        ),
        ({"text": "None"}, "text", "'None'"),
        ({"first_comment": "None"}, "first_comment", "'None'"),
        ({"thread": ["Two", "None"]}, "thread", "'None'"),
        ({"tags": "None"}, "tags", "'None'"),
        ({"variants": {"twitter": {"text": "None"}}}, "variants['twitter']['text']", "'None'"),
        ({"variants": "twitter"}, "variants", "'twitter'"),
        ({"account_times": "9 am"}, "account_times", "'9 am'"),
        ({"ai_generated": "maybe"}, "ai_generated", "'maybe'"),
    ],
)
def test_a_wrong_argument_fails_without_a_retry_and_posts_nothing(
    sandbox: Sandbox, options: dict[str, Any], field: str, word: str
) -> None:
    with fails(word=word, field=field):
        run(**options)
    assert posts(sandbox) == []
    assert creates(sandbox) == []


def test_a_post_that_somebody_deleted_is_not_made_again(sandbox: Sandbox) -> None:
    uuid = run()["uuid"]
    with client(sandbox) as api:
        api.call("delete_post", parameters={"post_uuid": uuid}, body={"trash": False})
    assert run(publish="now", wait_for_completion=True)["result"] == "skipped"


def test_each_run_fetches_its_own_media_from_a_url(sandbox: Sandbox) -> None:
    tomorrow = context()
    tomorrow["ti"].run_id = "another run"
    with serving() as source:
        url = f"{source.url}/bean.png"
        uuids = [
            run(ctx, text=text, media=url)["uuid"]
            for ctx, text in ((context(), "Monday"), (context(), "Monday"), (tomorrow, "Tuesday"))
        ]
    with client(sandbox) as api:
        found = [api.call("get_post", parameters={"post_uuid": uuid}) for uuid in uuids]
    media = [post["versions"][0]["content"][0]["media"][0] for post in found]
    assert media[0] == media[1] != media[2]
