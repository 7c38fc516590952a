"""What the panel's operators refuse, and what PostBoost refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    ValidationError,
)
from postboost_provider.operators.panel import (
    PostBoostAddMemberOperator,
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
    PostBoostDeleteUserOperator,
    PostBoostDeleteWorkspaceOperator,
    PostBoostRemoveMemberOperator,
    PostBoostUpdateUserOperator,
    PostBoostUpdateWorkspaceOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.failures import fails
from tests.operators.panels import EMAIL, MAX, call, run

pytestmark = pytest.mark.usefixtures("panel")


@pytest.mark.parametrize("token", ["member", "scoped"])
@pytest.mark.parametrize(
    ("operator", "options"),
    [
        (PostBoostCreateUserOperator, {"user_email": EMAIL, "name": "Olga"}),
        (PostBoostUpdateUserOperator, {"user": EMAIL, "changes": {"name": "x"}}),
        (PostBoostDeleteUserOperator, {"user": EMAIL, "confirm_name": "x"}),
        (PostBoostCreateWorkspaceOperator, {"name": "Client"}),
        (PostBoostCreateWorkspaceOperator, {"name": "Client", "workspace_owner": EMAIL}),
        (PostBoostUpdateWorkspaceOperator, {"workspace_uuid": "x", "changes": {"name": "x"}}),
        (PostBoostDeleteWorkspaceOperator, {"workspace_uuid": "x", "confirm_name": "x"}),
        (PostBoostAddMemberOperator, {"workspace_uuid": "x", "user": EMAIL}),
        (PostBoostRemoveMemberOperator, {"workspace_uuid": "x", "user": EMAIL}),
    ],
)
def test_a_token_without_admin_rights_fails_at_its_first_request(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token: str, operator: Any, options: dict[str, Any]
) -> None:
    use_connection(monkeypatch, sandbox, token)
    with fails(PermissionDeniedError, "'postboost_default'"):
        run(operator, **options)
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("operator", "options", "kind", "word"),
    [
        (
            PostBoostCreateUserOperator,
            {"user_email": "olga", "name": "Olga"},
            PostBoostConfigError,
            "user_email",
        ),
        (
            PostBoostCreateUserOperator,
            {"user_email": EMAIL, "name": "O", "if_exists": "x"},
            PostBoostConfigError,
            "if_exists",
        ),
        (
            PostBoostCreateWorkspaceOperator,
            {"name": "C", "workspace_owner": "no@body.example"},
            PostBoostConfigError,
            "no@body.example",
        ),
        (
            PostBoostCreateWorkspaceOperator,
            {"name": "C", "access_status": "free"},
            PostBoostConfigError,
            "access_status",
        ),
        (PostBoostCreateWorkspaceOperator, {"name": "x" * 61}, ValidationError, "60"),
        (PostBoostCreateWorkspaceOperator, {"name": " "}, PostBoostConfigError, "name"),
        (
            PostBoostUpdateWorkspaceOperator,
            {"workspace_uuid": "x", "changes": {}},
            PostBoostConfigError,
            "changes",
        ),
        (
            PostBoostUpdateWorkspaceOperator,
            {"workspace_uuid": "x", "changes": {"nmae": 1}},
            PostBoostConfigError,
            "nmae",
        ),
        (
            PostBoostUpdateWorkspaceOperator,
            {"workspace_uuid": "x", "changes": {"name": "x"}},
            NotFoundError,
            "404",
        ),
        (PostBoostUpdateUserOperator, {"user": 1}, PostBoostConfigError, "changes"),
        (PostBoostUpdateUserOperator, {"user": 1, "changes": {"email": MAX}}, ValidationError, "email"),
        (
            PostBoostCreateUserOperator,
            {"user_email": "o@x y", "name": "O"},
            ValidationError,
            "user_email: ",
        ),
        (
            PostBoostUpdateUserOperator,
            {"user": 1, "changes": {"password": "sesame"}},
            PostBoostConfigError,
            "contains password",
        ),
        (PostBoostUpdateUserOperator, {"user": 99, "changes": {"name": "x"}}, PostBoostConfigError, "99"),
        (
            PostBoostAddMemberOperator,
            {"workspace_uuid": "x", "user": 1, "role": "owner"},
            PostBoostConfigError,
            "role",
        ),
        (PostBoostAddMemberOperator, {"workspace_uuid": "x", "user": 1}, NotFoundError, "404"),
        (
            PostBoostAddMemberOperator,
            {"workspace_uuid": "x", "user": 1, "if_exists": ""},
            PostBoostConfigError,
            "if_exists",
        ),
        (PostBoostRemoveMemberOperator, {"workspace_uuid": "x", "user": 1}, NotFoundError, "404"),
    ],
)
def test_what_can_not_be_meant_fails_without_a_retry(
    sandbox: Sandbox, operator: Any, options: dict[str, Any], kind: Any, word: str
) -> None:
    before = call(sandbox, "list_workspaces")["meta"]["total"]
    with fails(kind, word) as error:
        run(operator, **options)
    assert "sesame" not in str(error.value)
    assert call(sandbox, "list_workspaces")["meta"]["total"] == before


def test_default_args_of_the_dag_are_not_taken_for_ours() -> None:
    """Airflow's operators have an ``owner`` and an ``email`` of their own, which many DAGs set for all tasks."""
    for operator, options in (
        (PostBoostCreateWorkspaceOperator, {"name": "Client"}),
        (PostBoostCreateUserOperator, {"user_email": EMAIL, "name": "Olga"}),
    ):
        made = operator(task_id="act", default_args={"owner": "data"}, **options)  # type: ignore[arg-type]
        assert made.owner == "data"
        assert getattr(made, "workspace_owner", None) is None
