"""The single-post operator: one post whatever happens, words that mean what they say, both modes of waiting."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import UnconfirmedError
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import VARIANTS, client, creates, make_key, posts, variant_name
from tests.deferrals import run_to_end
from tests.sandbox.source import serving

SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> list[float]:
    """Let a nap of the operator or of the trigger move its clock and the sandbox's, and note how long each was."""
    use_connection(monkeypatch, sandbox)
    taken: list[float] = []

    def nap(seconds: float) -> None:
        assert len(taken) < 50, "the wait does not come to an end"
        taken.append(seconds)
        sandbox.advance(seconds)

    async def anap(seconds: float) -> None:
        nap(seconds)

    mocker.patch("postboost_provider.operators.posts.time", SimpleNamespace(sleep=nap))
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    mocker.patch("postboost_provider.publishing.time", SimpleNamespace(sleep=sandbox.advance))
    mocker.patch("postboost_provider.triggers.posts.asyncio", SimpleNamespace(sleep=anap))
    mocker.patch("postboost_provider.triggers.looks.GATHER_SECONDS", 0)
    for module in ("operators", "triggers"):
        clock = mocker.patch(f"postboost_provider.{module}.posts.datetime", wraps=datetime)
        clock.now.side_effect = lambda zone: datetime.now(zone) + timedelta(seconds=sum(taken))
    return taken


def run(ctx: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Run the operator to its end, through every deferral."""
    arguments = {"text": "Hello", "accounts": ["twitter:northwind"], **options}
    result: dict[str, Any] = run_to_end(lambda: PostBoostCreatePostOperator(task_id="post", **arguments), ctx)
    json.dumps(result)
    return result


def texts(sandbox: Sandbox, uuid: str) -> dict[int, list[str]]:
    with client(sandbox) as api:
        post = api.call("get_post", parameters={"post_uuid": uuid})
    return {v["account_id"]: [item["body"] for item in v["content"]] for v in post["versions"]}


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
@pytest.mark.parametrize("publish", ["draft", "schedule", "queue", "now"])
def test_a_task_that_is_tried_again_makes_one_post(
    sandbox: Sandbox, variant: dict[str, Any], publish: Any
) -> None:
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
    with pytest.raises(AirflowFailException, match=f"post {first['uuid']} is published"):
        run(text="Too late", publish="schedule", publish_at=SOON, timezone="UTC")
    assert [p["text"] for p in posts(sandbox)] == ["Hello again"]


def test_a_lost_answer_is_no_second_post(sandbox: Sandbox) -> None:
    sandbox.faults({"operation": "create_post", "kind": "drop_after", "count": 100})
    assert run(publish="now")["result"] == "adopted"
    assert len(posts(sandbox)) == 1
    sandbox.reset()
    sandbox.faults({"operation": "create_post", "kind": "drop_before", "count": 100})
    with pytest.raises(UnconfirmedError):
        run(publish="now")
    sandbox.faults()
    assert run(publish="now")["result"] == "created"


def test_threads_comments_variants_and_options_each_go_where_they_belong(sandbox: Sandbox) -> None:
    result = run(
        accounts=["twitter:northwind", "facebook_page:northwindcoffee", "linkedin_page:northwind-coffee"],
        thread=["Two", "Three"],
        first_comment="The link",
        variants={"linkedin_page": {"text": "For colleagues", "thread": [], "first_comment": ""}},
        tags=["launch", "new tag"],
    )
    assert texts(sandbox, result["uuid"]) == {
        0: ["Hello", "Two", "Three"],
        5: ["Hello", "The link"],
        6: ["For colleagues"],
    }


def test_the_text_of_a_list_or_a_mapping_is_what_it_says(sandbox: Sandbox, mocker: Any) -> None:
    sent = mocker.spy(PostBoostClient, "send")
    result = run(
        accounts="['twitter:northwind', 'linkedin_page:northwind-coffee']",
        thread="['Two', '[3/3] The end']",
        tags="['launch']",
        variants="{'linkedin_page': {'text': 'For colleagues', 'thread': []}}",
        ai_generated="True",
    )
    assert texts(sandbox, result["uuid"]) == {0: ["Hello", "Two", "[3/3] The end"], 6: ["For colleagues"]}
    assert [c.kwargs["body"]["ai_generated"] for c in sent.mock_calls if c.args[1] == "create_post"] == [True]
    with client(sandbox) as api:
        assert [
            t["name"] for t in api.call("get_post", parameters={"post_uuid": result["uuid"]})["tags"]
        ] == ["Launch"]


def test_a_key_that_can_not_tell_networks_sends_no_thread_with_a_comment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    options: dict[str, Any] = {"accounts": 5, "thread": ["Two"]}
    with pytest.raises(AirflowFailException, match="the key lacks the ability 'read'"):
        run(first_comment="The link", **options)
    assert texts(sandbox, run(**options)["uuid"]) == {0: ["Hello", "Two"]}


def test_a_key_that_can_not_look_back_sends_nothing_late(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    options: dict[str, Any] = {"accounts": 5, "publish": "schedule", "publish_at": SOON, "timezone": "UTC"}
    run(**options)
    naps.append(3 * 86400)
    sandbox.advance(naps[0])
    with pytest.raises(AirflowFailException, match="has passed.*the key lacks the ability 'read'"):
        run(**options)
    assert len(posts(sandbox)) == 1


def test_a_group_is_its_accounts(sandbox: Sandbox) -> None:
    assert len(run(accounts="Short texts")["accounts"]) > 1


LATER = (datetime.now(UTC) + timedelta(days=4)).strftime("%Y-%m-%dT%H:%M+00:00")


def departed(sandbox: Sandbox, uuid: str) -> dict[str, str]:
    with client(sandbox) as api:
        accounts = api.call("get_post", parameters={"post_uuid": uuid})["accounts"]
    return {a["provider"]: a["publish_status"] for a in accounts}


@pytest.mark.parametrize("publish", ["now", "queue", "draft"])
def test_times_of_a_post_that_is_not_planned_are_not_used_and_said_to_be_so(
    sandbox: Sandbox, naps: list[float], caplog: Any, publish: Any
) -> None:
    result = run(
        publish=publish,
        publish_at=LATER,
        account_times={"twitter": LATER},
        wait_for_completion=publish == "now",
    )
    assert result["status"] == {"now": "published", "queue": "scheduled", "draft": "draft"}[publish]
    assert sum(naps) < 3600


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
    ("options", "what"),
    [
        ({"text": " "}, "text: it is empty"),
        ({"accounts": []}, "accounts: it is empty"),
        ({"accounts": "@northwind"}, "means 2 accounts"),
        ({"accounts": "facebook_page:northwindold", "publish": "now"}, "must be reconnected"),
        ({"publish": "later"}, "mode: 'later' is unknown"),
        ({"publish": "schedule"}, "publish_at: it is empty"),
        ({"publish": "schedule", "publish_at": SOON}, "has no time zone"),
        ({"publish": "schedule", "publish_at": "2026-01-01 09:00", "timezone": "UTC"}, "has passed"),
        ({"publish": "draft", "wait_for_completion": True}, "would wait for ever"),
        (
            {"accounts": "youtube:northwindvideo", "first_comment": "Hi"},
            "publishes no first comment on youtube",
        ),
        (
            {"accounts": "facebook_page:northwindcoffee", "thread": ["Two"]},
            "publishes no thread on facebook_page",
        ),
        (
            {"thread": ["Two"], "variants": {"twitter": {"first_comment": "Hi"}}},
            "first_comment:twitter: twitter:northwind gets a thread, and PostBoost publishes no first comment beside one",
        ),
        (
            {
                "accounts": "facebook_page:northwindcoffee",
                "first_comment": "Hi",
                "variants": {"facebook_page": {"thread": ["Two"]}},
            },
            "thread:facebook_page: facebook_page:northwindcoffee gets a first comment",
        ),
        ({"variants": {"linkedin_page": {"text": "x"}}}, "'linkedin_page' is none of this post's accounts"),
        ({"variants": {"twitter": {"txt": "x"}}}, "'txt' of 'twitter' is unknown"),
        ({"account_times": {"twitter": "soon"}}, "account_times: twitter: 'soon' is not a date with a time"),
        ({"on_duplicate": "shrug"}, "on_duplicate is 'shrug'"),
        ({"on_partial": "shrug"}, "on_partial is 'shrug'"),
        ({"on_kill": "shrug"}, "on_kill is 'shrug'"),
        (
            {"publish": "now", "wait_for_completion": True, "deferrable": True, "on_kill": "trash"},
            "on_kill='trash' needs a worker that is killed",
        ),
        ({"text": "x" * 281, "publish": "now"}, "PostBoost would refuse it: text:"),
        ({"text": {"text": "x"}}, "text: it is a dict, and no text. Pass the words themselves"),
        ({"text": ["x"]}, "text: it is a list, and no text"),
        ({"first_comment": b"x"}, "first_comment: it is a bytes, and no text"),
        ({"thread": ["Two", {"text": "x"}]}, "thread: it is a list, and no text"),
        ({"variants": {"twitter": {"text": ["x"]}}}, "it is a list, and no text"),
        ({"post_key": "None"}, "post_key is 'None'"),
        (
            {"variants": {"1": {"text": "x"}, "twitter:northwind": {"text": "y"}}},
            "text: '1' and 'twitter:northwind' are the same account",
        ),
        (
            {
                "publish": "schedule",
                "publish_at": SOON,
                "timezone": "UTC",
                "account_times": {"linkedin_page": SOON},
            },
            "account_times: 'linkedin_page' is none of this post's accounts",
        ),
        ({"text": "None"}, "text is 'None', which is what a template makes of nothing"),
        ({"first_comment": "None"}, "first_comment is 'None'"),
        ({"thread": ["Two", "None"]}, "thread: it says 'None'"),
        ({"tags": "None"}, "tags is 'None'"),
        ({"variants": {"twitter": {"text": "None"}}}, "variants..twitter....text..: it says 'None'"),
        ({"variants": "twitter"}, "variants: 'twitter' is no mapping"),
        ({"account_times": "9 am"}, "account_times: '9 am' is no mapping"),
        ({"ai_generated": "maybe"}, "ai_generated: 'maybe' is none of True, False and None"),
    ],
)
def test_a_wrong_argument_fails_without_a_retry_and_posts_nothing(
    sandbox: Sandbox, options: dict[str, Any], what: str
) -> None:
    with pytest.raises(AirflowFailException, match=what):
        run(**options)
    assert posts(sandbox) == []
    assert creates(sandbox) == []


@pytest.mark.parametrize("on_duplicate", ["fail", "reuse", "allow"])
def test_the_same_content_of_somebody_else(sandbox: Sandbox, on_duplicate: Any) -> None:
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        other = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    if on_duplicate == "fail":
        with pytest.raises(AirflowFailException, match=f"Earlier post: {other}"):
            run()
        return
    result = run(on_duplicate=on_duplicate)
    assert (result["uuid"] == other) == (on_duplicate == "reuse")
    assert len(posts(sandbox)) == (1 if on_duplicate == "reuse" else 2)


@pytest.mark.parametrize(
    ("accounts", "other", "lacks"),
    [
        (["twitter:northwind", "threads:northwind"], {}, "does not go to threads:northwind"),
        (["twitter:northwind"], {}, "is a draft, which does not go out"),
        (["twitter:northwind"], {"schedule_now": True}, "failed on twitter"),
    ],
)
def test_a_post_that_does_less_is_not_reused(
    sandbox: Sandbox, accounts: list[str], other: dict[str, Any], lacks: str
) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        uuid = api.call("create_post", body={"versions": versions, "accounts": [1], **other})["uuid"]
    sandbox.advance(60)
    publish: Any = "draft" if len(accounts) > 1 else "now"
    with pytest.raises(AirflowFailException, match=f"post {uuid} has the same content, but {lacks}"):
        run(accounts=accounts, publish=publish, on_duplicate="reuse")
    assert len(posts(sandbox)) == 1


def test_a_post_with_other_words_elsewhere_or_a_later_time_is_not_reused(sandbox: Sandbox) -> None:
    both = {"accounts": ["twitter:northwind", "threads:northwind"], "on_duplicate": "reuse"}
    variant = {"threads": {"text": "In other words"}}
    first = run(**both, variants=variant, publish="schedule", publish_at=SOON, timezone="UTC")["uuid"]
    again: dict[str, Any] = {**both, "idempotency_salt": "again"}
    with pytest.raises(
        AirflowFailException, match=f"post {first} .* says something else on threads:northwind"
    ):
        run(**again, publish="schedule", publish_at=SOON, timezone="UTC")
    with pytest.raises(AirflowFailException, match=f"post {first} .* goes out later, at {SOON} UTC"):
        run(**again, variants=variant, publish="now")
    assert run(**again, variants=variant, publish="queue")["uuid"] == first


def test_a_reused_post_is_not_posted_again_when_the_task_is_cleared_days_later(sandbox: Sandbox) -> None:
    other = run(publish="now")["uuid"]
    again: dict[str, Any] = {"publish": "now", "idempotency_salt": "again", "on_duplicate": "reuse"}
    for _ in range(2):
        assert run(**again)["uuid"] == other
    sandbox.advance(25 * 3600)
    with pytest.raises(AirflowFailException, match="an earlier try of this task found the same content"):
        run(**again)
    assert len(posts(sandbox)) == 1


def test_an_edit_that_another_post_has_already_is_no_reuse_of_that_post(sandbox: Sandbox) -> None:
    options = {"publish": "schedule", "publish_at": SOON, "timezone": "UTC", "on_duplicate": "reuse"}
    mine = run(**options)["uuid"]
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Better", "media": []}]}]
        other = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    with pytest.raises(AirflowFailException, match=f"Post {mine} .* is as it was: .*Earlier post: {other}"):
        run(text="Better", **options)


@pytest.mark.parametrize("deferrable", [False, True])
def test_it_waits_until_the_post_is_live(sandbox: Sandbox, naps: list[float], deferrable: bool) -> None:
    left = datetime.fromisoformat(f"{SOON}+00:00") - datetime.now(UTC)
    result = run(
        publish="schedule", publish_at=SOON, timezone="UTC", wait_for_completion=True, deferrable=deferrable
    )
    assert (result["result"], result["status"]) == ("created", "published")
    assert result["accounts"][0]["external_url"].startswith("https://")
    assert naps[0] == pytest.approx(left.total_seconds(), abs=30)
    looks = [r for r in sandbox.requests() if r["operation"] == "get_post"]
    assert len(looks) <= 4


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_account_that_is_due_later_than_the_timeout_is_waited_for(
    sandbox: Sandbox, naps: list[float], deferrable: bool
) -> None:
    later = datetime.fromisoformat(f"{SOON}+00:00") + timedelta(hours=5)
    result = run(
        accounts=["twitter:northwind", "threads:northwind"],
        publish="schedule",
        publish_at=SOON,
        timezone="UTC",
        account_times={"threads:northwind": later},
        wait_for_completion=True,
        deferrable=deferrable,
        timeout=600,
    )
    assert [a["status"] for a in result["accounts"]] == ["published", "published"]
    assert len(naps) <= 3


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("on_partial", ["fail", "succeed", "retry_failed_accounts"])
def test_some_accounts_got_it(sandbox: Sandbox, deferrable: bool, on_partial: Any) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 2, "message": "The session is invalid."})
    options = {
        "accounts": ["twitter:northwind", "threads:northwind"],
        "publish": "now",
        "wait_for_completion": True,
        "deferrable": deferrable,
        "on_partial": on_partial,
    }
    if on_partial == "fail":
        with pytest.raises(AirflowFailException, match="The session is invalid"):
            run(**options)
        return
    result = run(**options)
    expected = ["published", "failed" if on_partial == "succeed" else "published"]
    assert [a["status"] for a in result["accounts"]] == expected
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_first_comment_that_failed_is_told(sandbox: Sandbox, capsys: Any, deferrable: bool) -> None:
    sandbox.faults({"kind": "fail_comment", "provider": "facebook_page", "message": "Comments are off."})
    result = run(
        accounts="facebook_page:northwindcoffee",
        first_comment="The link",
        publish="now",
        wait_for_completion=True,
        deferrable=deferrable,
    )
    assert result["status"] == "published"
    assert result["accounts"][0]["errors"] == ["Comments are off."]
    assert "but not all of it: Comments are off." in capsys.readouterr().out


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("again", [0, 1])
def test_several_accounts_that_failed_are_sent_to_one_after_another(
    sandbox: Sandbox, deferrable: bool, again: int
) -> None:
    """PostBoost refuses the second one while the first is publishing."""
    sandbox.faults(*({"kind": "fail_account", "account_id": n, "count": 1 + again} for n in (1, 2)))
    options = {
        "accounts": ["twitter:northwind", "threads:northwind", "facebook_page:northwindcoffee"],
        "publish": "now",
        "wait_for_completion": True,
        "deferrable": deferrable,
        "on_partial": "retry_failed_accounts",
    }
    if again:
        with pytest.raises(AirflowFailException, match=r"(?s)twitter 'Northwind Coffee'.*threads 'Northwind"):
            run(**options)
    else:
        assert [a["status"] for a in run(**options)["accounts"]] == ["published"] * 3
    assert sum(r["operation"] == "retry_post_account" for r in sandbox.requests()) == 2


def test_an_account_that_fails_again_is_not_sent_to_for_ever(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1, "count": 99})
    with pytest.raises(AirflowFailException, match="posts failed"):
        run(publish="now", wait_for_completion=True, on_partial="retry_failed_accounts")
    assert sum(r["operation"] == "retry_post_account" for r in sandbox.requests()) == 1


def test_a_retry_whose_answer_was_lost_leaves_the_task_repeatable(sandbox: Sandbox) -> None:
    sandbox.faults(
        {"kind": "fail_account", "account_id": 1}, {"operation": "retry_post_account", "kind": "drop_after"}
    )
    options = {"publish": "now", "wait_for_completion": True, "on_partial": "retry_failed_accounts"}
    first = run(**options)
    assert run(**options)["uuid"] == first["uuid"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(("on_kill", "left"), [("keep", 1), ("trash", 0)])
def test_a_killed_task_keeps_its_post_or_trashes_it(sandbox: Sandbox, on_kill: Any, left: int) -> None:
    operator = PostBoostCreatePostOperator(
        task_id="post",
        text="Hello",
        accounts=["1"],
        publish="schedule",
        publish_at=SOON,
        timezone="UTC",
        on_kill=on_kill,
    )
    operator.on_kill()
    operator.execute(context())  # type: ignore[arg-type]
    operator.on_kill()
    assert len([p for p in posts(sandbox) if not p["trashed"]]) == left


def test_a_killed_task_leaves_alone_what_is_out(sandbox: Sandbox) -> None:
    operator = PostBoostCreatePostOperator(
        task_id="post", text="Hello", accounts=1, publish="now", on_kill="trash"
    )
    operator.execute(context())  # type: ignore[arg-type]
    sandbox.advance(60)
    operator.on_kill()
    assert [p["trashed"] for p in posts(sandbox)] == [False]


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
