"""``kill -9`` at any moment, as often as you like: each row is one post in the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts

ROOT = Path(__file__).parents[2]
IMAGE = str(ROOT / "dags_examples" / "media" / "latte_art.png")
ROWS = 6


def publish(sandbox: Sandbox, rows: list[dict[str, Any]], die_at: int, moment: str) -> dict[str, int] | None:
    """Run the process, and return its counts, or None where it was killed."""
    arguments = [sandbox.base_url, sandbox.workspaces[0]["uuid"], sandbox.tokens["member"], json.dumps(rows)]
    command = [
        sys.executable,
        str(Path(__file__).parent / "publish_calendar.py"),
        *arguments,
        str(die_at),
        moment,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def calendar() -> list[dict[str, Any]]:
    at = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    common = {"publish_at": at, "timezone": "UTC", "accounts": "1;2", "media": IMAGE, "tags": "new one"}
    return [{"key": str(n), "text": f"Number {n}", **common} for n in range(ROWS)]


@pytest.mark.parametrize("fingerprint", ["raw", "parsed"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_is_killed_at_each_of_its_requests_in_turn_creates_each_post_once(
    sandbox: Sandbox, fingerprint: str, moment: str
) -> None:
    """The first process is killed at its first request, the next at its second, until one finishes."""
    sandbox.reset(idempotency_fingerprint=fingerprint)
    rows, counts, die_at = calendar(), None, 0
    while counts is None:
        die_at += 1
        assert die_at < 40
        counts = publish(sandbox, rows, die_at, moment)
    # Enough to include the activity log, the accounts, the tags, an upload and the rows.
    assert die_at > ROWS + 3
    assert sum(counts.values()) == ROWS
    assert counts.keys() <= {"created", "replayed", "adopted"}
    assert sorted(p["text"] for p in posts(sandbox)) == sorted(row["text"] for row in rows)
    with client(sandbox) as api:
        assert len(list(api.pages("list_media"))) == 1
        assert [t["name"] for t in api.pages("list_tags")].count("new one") == 1
