"""The single-post operator and content that was posted before."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import DuplicatePostError
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.failures import fails
from tests.operators.posting import SOON, run

pytestmark = pytest.mark.usefixtures("naps")


@pytest.mark.parametrize("on_duplicate", ["fail", "reuse", "allow"])
def test_the_same_content_of_somebody_else(sandbox: Sandbox, on_duplicate: Any) -> None:
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        other = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    if on_duplicate == "fail":
        with fails(DuplicatePostError, other):
            run()
        return
    result = run(on_duplicate=on_duplicate)
    assert (result["uuid"] == other) == (on_duplicate == "reuse")
    assert len(posts(sandbox)) == (1 if on_duplicate == "reuse" else 2)


@pytest.mark.parametrize(
    ("accounts", "other"),
    [
        (["twitter:northwind", "threads:northwind"], {}),
        (["twitter:northwind"], {}),
        (["twitter:northwind"], {"schedule_now": True}),
    ],
    ids=["lacks an account", "is a draft", "failed"],
)
def test_a_post_that_does_less_is_not_reused(
    sandbox: Sandbox, accounts: list[str], other: dict[str, Any]
) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        uuid = api.call("create_post", body={"versions": versions, "accounts": [1], **other})["uuid"]
    sandbox.advance(60)
    publish: Any = "draft" if len(accounts) > 1 else "now"
    with fails(word=uuid):
        run(accounts=accounts, publish=publish, on_duplicate="reuse")
    assert len(posts(sandbox)) == 1


def test_a_post_with_other_words_elsewhere_or_a_later_time_is_not_reused(sandbox: Sandbox) -> None:
    both = {"accounts": ["twitter:northwind", "threads:northwind"], "on_duplicate": "reuse"}
    variant = {"threads": {"text": "In other words"}}
    first = run(**both, variants=variant, publish="schedule", publish_at=SOON, timezone="UTC")["uuid"]
    again: dict[str, Any] = {**both, "idempotency_salt": "again"}
    with fails(word="threads:northwind"):
        run(**again, publish="schedule", publish_at=SOON, timezone="UTC")
    with fails(word=SOON):
        run(**again, variants=variant, publish="now")
    assert run(**again, variants=variant, publish="queue")["uuid"] == first


def test_a_reused_post_is_not_posted_again_when_the_task_is_cleared_days_later(sandbox: Sandbox) -> None:
    other = run(publish="now")["uuid"]
    again: dict[str, Any] = {"publish": "now", "idempotency_salt": "again", "on_duplicate": "reuse"}
    for _ in range(2):
        assert run(**again)["uuid"] == other
    sandbox.advance(25 * 3600)
    with fails(word="content"):
        run(**again)
    assert len(posts(sandbox)) == 1


def test_an_edit_that_matches_another_post_does_not_reuse_that_post(sandbox: Sandbox) -> None:
    options = {"publish": "schedule", "publish_at": SOON, "timezone": "UTC", "on_duplicate": "reuse"}
    run(**options)
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Better", "media": []}]}]
        other = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    with fails(word=other):
        run(text="Better", **options)
