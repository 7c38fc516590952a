"""The approval in the safety modes."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from postboost_provider.operators.approval import PostBoostApprovePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import posts
from tests.operators.test_approval import ask, draft, forms, respond

__all__ = ["forms"]


@pytest.mark.parametrize("mode", ["draft", "check"])
def test_nobody_is_asked_where_the_safety_mode_forbids_to_publish(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, forms: list[dict[str, Any]], mode: str
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    (approve, _) = forms[0]["options"]
    monkeypatch.setenv("POSTBOOST_MODE", mode)
    with pytest.raises(AirflowSkipException, match=mode):
        PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid).execute(context())  # type: ignore[arg-type]
    with pytest.raises(AirflowSkipException, match=mode):
        respond(uuid, approve)
    assert len(forms) == 1
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
