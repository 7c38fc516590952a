"""A task that publishes one post and is killed at any of its requests: one post, one item, each account once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.media import upload as media_module
from tests.airflow_stubs import context, use_connection
from tests.clients import client, posts
from tests.faults.killing import kill_at_each_request
from tests.naps import pass_at_once

IMAGE = Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png"


@pytest.mark.parametrize("store_4xx", [True, False])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_announcement_that_is_killed_at_each_of_its_requests_in_turn_is_published_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: Any, moment: str, store_4xx: bool
) -> None:
    sandbox.reset(store_4xx=store_4xx, chunk_size=1000)
    sandbox.faults({"kind": "fail_account", "account_id": 2})
    use_connection(monkeypatch, sandbox)
    monkeypatch.setattr(media_module, "MULTIPART_LIMIT_BYTES", 1000)
    pass_at_once(mocker, sandbox.advance)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )

    def announce(*, wait: bool) -> Any:
        operator = PostBoostCreatePostOperator(
            task_id="announce",
            text="We are open",
            accounts=["twitter:northwind", "threads:northwind"],
            variants={"threads": {"text": "In other words"}},
            media=str(IMAGE),
            tags="opening",
            publish="now",
            wait_for_completion=wait,
            on_partial="retry_failed_accounts",
        )
        return operator.execute(context())  # type: ignore[arg-type]

    # Enough to include accounts, tag, chunks, check and post, and then the polls and the retry.
    _, killed = kill_at_each_request(monkeypatch, moment, lambda: announce(wait=False))
    assert killed > 8
    result, killed = kill_at_each_request(monkeypatch, moment, lambda: announce(wait=True))
    assert killed > 4
    assert [a["status"] for a in result["accounts"]] == ["published", "published"]
    assert [p["uuid"] for p in posts(sandbox)] == [result["uuid"]]
    with client(sandbox) as api:
        assert len(list(api.pages("list_media"))) == 1
        assert [t["name"] for t in api.pages("list_tags")].count("opening") == 1
    done = Counter(r["operation"] for r in sandbox.requests() if r["status"] < 300)
    assert done["complete_chunked_upload"] == 1
    assert done["retry_post_account"] == 1
