"""The single-post operator waits, sends again to accounts that failed, and is killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from postboost_provider.api.errors import PublishError
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import posts
from tests.failures import fails
from tests.operators.posting import SOON, run

pytestmark = pytest.mark.usefixtures("naps")


@pytest.mark.parametrize("deferrable", [False, True])
def test_it_waits_until_the_post_is_live(sandbox: Sandbox, naps: list[float], deferrable: bool) -> None:
    left = datetime.fromisoformat(f"{SOON}+00:00") - datetime.now(UTC)
    result = run(
        publish="schedule", publish_at=SOON, timezone="UTC", wait_for_completion=True, deferrable=deferrable
    )
    assert (result["result"], result["status"]) == ("created", "published")
    assert result["accounts"][0]["external_url"].startswith("https://")
    assert naps[0] == pytest.approx(left.total_seconds(), abs=30)
    polls = [r for r in sandbox.requests() if r["operation"] == "get_post"]
    assert len(polls) <= 4


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
        with fails(PublishError, "The session is invalid"):
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
    assert "Comments are off." in capsys.readouterr().out


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
        with fails(PublishError, "threads:Northwind"):
            run(**options)
    else:
        assert [a["status"] for a in run(**options)["accounts"]] == ["published"] * 3
    assert sum(r["operation"] == "retry_post_account" for r in sandbox.requests()) == 2


def test_an_account_that_fails_again_is_not_sent_to_for_ever(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1, "count": 99})
    with fails(PublishError):
        run(publish="now", wait_for_completion=True, on_partial="retry_failed_accounts")
    assert sum(r["operation"] == "retry_post_account" for r in sandbox.requests()) == 1


@pytest.mark.parametrize("on_partial", ["fail", "succeed"])
@pytest.mark.parametrize("wait_for_completion", [False, True])
def test_a_post_that_failed_on_every_account_is_not_reused_as_a_success(
    sandbox: Sandbox, on_partial: Any, wait_for_completion: bool
) -> None:
    sandbox.faults(*({"kind": "fail_account", "account_id": n, "message": "Revoked."} for n in (1, 2)))
    options = {"accounts": [1, 2], "publish": "now", "on_partial": on_partial}
    uuid = run(**options)["uuid"]
    sandbox.advance(60)
    with fails(PublishError, uuid, code="publish_failed"):
        run(**options, wait_for_completion=wait_for_completion)
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("wait_for_completion", [False, True])
def test_a_post_that_failed_on_every_account_is_retried_where_that_is_asked_for(
    sandbox: Sandbox, deferrable: bool, wait_for_completion: bool
) -> None:
    sandbox.faults(*({"kind": "fail_account", "account_id": n} for n in (1, 2)))
    options = {"accounts": [1, 2], "publish": "now", "on_partial": "retry_failed_accounts"}
    run(**options)
    sandbox.advance(60)
    result = run(**options, wait_for_completion=wait_for_completion, deferrable=deferrable)
    assert (result["result"], [a["status"] for a in result["accounts"]]) == ("adopted", ["published"] * 2)
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("failed", [[1], [1, 2]])
@pytest.mark.parametrize("on_partial", ["fail", "succeed", "retry_failed_accounts"])
def test_a_post_that_is_over_when_it_is_read_back_is_judged_without_a_wait(
    sandbox: Sandbox, failed: list[int], on_partial: Any
) -> None:
    """In the attempt that creates it, and in those that find it."""
    sandbox.reset(publish_seconds=0)
    sandbox.faults(*({"kind": "fail_account", "account_id": n} for n in failed))
    for _ in range(2):
        attempt = partial(run, accounts=[1, 2], publish="now", on_partial=on_partial)
        if on_partial == "fail" or (on_partial == "succeed" and len(failed) == 2):
            with fails(PublishError, "Northwind", code="publish_failed"):
                attempt()
        else:
            published = sum(a["status"] == "published" for a in attempt()["accounts"])
            assert published == (1 if on_partial == "succeed" else 2)
    assert len(posts(sandbox)) == 1


def test_after_a_lost_response_of_a_retry_the_task_can_run_again(sandbox: Sandbox) -> None:
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


def test_a_killed_task_does_not_change_a_live_post(sandbox: Sandbox) -> None:
    operator = PostBoostCreatePostOperator(
        task_id="post", text="Hello", accounts=1, publish="now", on_kill="trash"
    )
    operator.execute(context())  # type: ignore[arg-type]
    sandbox.advance(60)
    operator.on_kill()
    assert [p["trashed"] for p in posts(sandbox)] == [False]


def test_an_airflow_whose_triggers_are_not_told_refuses(sandbox: Sandbox, mocker: Any) -> None:
    mocker.patch("postboost_provider.airflow_support.compat.can_kill_triggers", return_value=False)
    operator = PostBoostCreatePostOperator(
        task_id="a",
        text="Hello",
        accounts=1,
        publish="now",
        wait_for_completion=True,
        deferrable=True,
        on_kill="trash",
    )
    with fails(field="on_kill"):
        operator.execute(context())  # type: ignore[arg-type]
    assert posts(sandbox) == []
