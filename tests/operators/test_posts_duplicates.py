"""The single-post operator and content that was posted before."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.operators.posting import SOON, run

pytestmark = pytest.mark.usefixtures("naps")


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
    with pytest.raises(AirflowFailException, match="an earlier attempt of this task found"):
        run(**again)
    assert len(posts(sandbox)) == 1


def test_an_edit_that_another_post_has_already_is_no_reuse_of_that_post(sandbox: Sandbox) -> None:
    options = {"publish": "schedule", "publish_at": SOON, "timezone": "UTC", "on_duplicate": "reuse"}
    mine = run(**options)["uuid"]
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Better", "media": []}]}]
        other = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    with pytest.raises(
        AirflowFailException, match=f"Post {mine} .* stays as it was: .*Earlier post: {other}"
    ):
        run(text="Better", **options)
