"""Every operator in check mode: it changes nothing, and its task is skipped where that was all it had to do."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import BaseOperator

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import posts
from tests.deferrals import run_to_end
from tests.security.cases import CASES, World, classes, make, short

OPERATORS = {short(name): kind for name, kind in classes().items() if issubclass(kind, BaseOperator)}
# They read. The last one has a person replace the token, and writes to Airflow only.
READING = {
    "AnalyticsToStorageOperator",
    "AccountHealthSensor",
    "PostSensor",
    "TokenExpirySensor",
    "RotateTokenOperator",
    # Its test is among those of the rotation.
    "RotateKeyOperator",
}
# Nothing is left to do there.
DONE = [("Operator", 1), ("ResumeSubscriptionOperator", 0)]
EACH = [
    (name, index) for name in CASES if name in OPERATORS.keys() - READING for index in range(len(CASES[name]))
]


def writes(sandbox: Sandbox) -> list[str]:
    return [
        str(r["operation"])
        for r in sandbox.requests()
        if r["method"] != "GET" and r["operation"] != "validate_post"
    ]


@pytest.fixture(autouse=True)
def quick(mocker: Any) -> None:
    quiet = SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic, time=time.time)
    mocker.patch("postboost_provider.api.client.time", quiet)


@pytest.mark.parametrize(("name", "index"), EACH)
def test_in_check_mode_it_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path, name: str, index: int
) -> None:
    world = World(sandbox, tmp_path)
    arguments = CASES[name][index](world)
    for conn_id in ("postboost_default", "admin"):
        token = world.token if conn_id == "postboost_default" else "admin"
        use_connection(monkeypatch, sandbox, token, conn_id, **world.extras)
    monkeypatch.setenv("POSTBOOST_MODE", "check")
    before, held = writes(sandbox), posts(sandbox)
    task = make(OPERATORS[name], arguments)
    if (name, index) in DONE:
        run_to_end(lambda: task)
    else:
        with pytest.raises(AirflowSkipException, match="check"):
            run_to_end(lambda: task, {**context(), "task_instance": SimpleNamespace(id="ti")})
    assert writes(sandbox) == before
    assert posts(sandbox) == held
