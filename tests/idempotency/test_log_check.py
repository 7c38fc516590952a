"""What a proof has stored in the connection decides where the activity log is blind."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PermissionDeniedError
from postboost_provider.idempotency.identity import Actor
from postboost_provider.idempotency.log_check import prove_sight
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, settings

ACTOR = Actor.of_row("cal", "row")


@pytest.mark.parametrize("name", ["log_visible", "log_validated"])
def test_a_log_that_was_found_blind_is_not_asked(sandbox: Sandbox, name: str) -> None:
    observed = ((name, False),)
    with PostBoostClient(settings(sandbox, observed=observed)) as api:
        assert prove_sight(api, ACTOR) is False
    assert sandbox.requests() == []


def test_a_log_that_was_found_to_see_is_still_asked(sandbox: Sandbox) -> None:
    """It may have been switched off since."""
    with PostBoostClient(settings(sandbox, observed=(("log_visible", True),))) as api:
        assert prove_sight(api, ACTOR) is True
    assert [r["operation"] for r in sandbox.requests()][:1] == ["validate_post"]


def test_a_token_that_may_not_make_the_harmless_request_has_proven_nothing(
    sandbox: Sandbox, mocker: Any
) -> None:
    refused = PermissionDeniedError("no", status=403, code="insufficient_scope")
    mocker.patch("postboost_provider.idempotency.log_check.PROOF_SECONDS", 0.01)
    with client(sandbox) as api:
        mocker.patch.object(api, "send", side_effect=refused)
        assert prove_sight(api, ACTOR) is False
