"""A dry run of one post: PostBoost checks it, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import posts
from tests.failures import fails
from tests.operators.posting import SOON, run

PNG = Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png"


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


def writes(sandbox: Sandbox) -> set[str]:
    is_write = lambda r: r["method"] != "GET" and r["operation"] != "validate_post"
    return {r["operation"] for r in sandbox.requests() if is_write(r)}


def test_it_returns_what_would_be_sent(sandbox: Sandbox) -> None:
    ctx = context()
    options: dict[str, Any] = {
        "media": [str(PNG)],
        "tags": ["new"],
        "publish": "schedule",
        "publish_at": SOON,
    }
    found = run(ctx, dry_run=True, timezone="UTC", wait_for_completion=True, **options)
    assert (found["uuid"], found["result"]) == (None, "skipped")
    assert "files" in found["why"]
    assert found["body"]["versions"][0]["content"][0]["body"] == "Hello"
    assert found["body"]["accounts"] == [1]
    assert writes(sandbox) == set()
    assert "uuid" not in ctx["pushed"]
    assert posts(sandbox) == []


def test_it_finds_the_post_of_an_earlier_attempt(sandbox: Sandbox) -> None:
    made = run()
    before = writes(sandbox)
    found = run(dry_run=True, text="Edited")
    assert (found["uuid"], found["result"]) == (made["uuid"], "skipped")
    assert "found" in found["why"]
    assert writes(sandbox) == before
    assert [p["text"] for p in posts(sandbox)] == ["Hello"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"text": "x" * 3000}, "text"),
        ({"publish": "schedule", "publish_at": "2020-01-01T10:00Z"}, "publish_at"),
        ({"media": ["missing.png"]}, "media"),
        ({"accounts": ["@nobody"]}, "accounts"),
    ],
)
def test_it_fails_for_what_would_be_refused(sandbox: Sandbox, options: dict[str, Any], field: str) -> None:
    with fails(field=field):
        run(dry_run=True, **{"publish": "now", **options})
    assert writes(sandbox) == set()


def test_a_duplicate_is_refused_unless_that_is_accepted() -> None:
    run(publish="now")
    other = {"publish": "now", "idempotency_salt": "other", "dry_run": True}
    with fails(field="accounts", code="refused"):
        run(**other)
    assert run(**other, on_duplicate="allow")["result"] == "skipped"
    assert run(**other, on_duplicate="reuse")["result"] == "skipped"
