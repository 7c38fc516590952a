"""Whether PostBoost's activity log shows what is written now. An empty log may be blind: switched off, late or not for us."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from postboost_provider.api.errors import (
    PermissionDeniedError,
    ValidationError,
)
from postboost_provider.api.settings import assumes
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.label import Probe
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.idempotency.label import Label

log = logging.getLogger(__name__)

PROOF_SECONDS = 10.0
# A request may take this long, or twice as long as a client waits for its response.
LONGEST_REQUEST_SECONDS = 60.0
# A post without accounts. PostBoost only checks it, and logs that (SDK 1.66.3, ``validated``); the response does not matter.
_PROBE = {
    "versions": [{"account_id": 0, "is_original": True, "content": [{"body": "-", "media": []}]}],
    "accounts": [],
}


def longest_request(api: PostBoostClient) -> float:
    """Return for how many seconds a request may be on its way."""
    return max(LONGEST_REQUEST_SECONDS, 2 * api.settings.timeout_seconds)


def prove_sight(
    api: PostBoostClient, actor: Actor, workspace_uuid: str | None = None, *, waits: bool = False
) -> bool:
    """Return whether the log shows a harmless request that is made now: then it shows all that was done before, too.

    ``postboost check --prove`` may have noted in the connection that it does not.

    :param workspace_uuid: a workspace other than the connection's.
    :param waits: wait first for what earlier attempts may have on its way.
    """
    if False in (assumes(api.settings, "log_visible"), assumes(api.settings, "log_validated")):
        return False
    if waits:
        seconds = longest_request(api)
        log.info("An earlier attempt may have a request on its way. Waiting %.0f s for it.", seconds)
        nothing = Finding(False)
        wait_briefly(lambda: nothing, seconds, None, known=nothing, first=seconds, longest=seconds)
    label = actor.label(Probe(secrets.token_hex(4)))
    # A token that may not make it has no proof.
    with suppress(PermissionDeniedError):
        send_probe(api, label, workspace_uuid)

    def ask() -> Finding:
        seen = any(
            entry.label == label for entry in read_log(api, actor.owner, workspace_uuid=workspace_uuid) or ()
        )
        return Finding(seen, seen)

    return bool(wait_briefly(ask, PROOF_SECONDS, None, first=0.5, longest=3.0))


def send_probe(api: PostBoostClient, label: Label, workspace_uuid: str | None = None) -> None:
    """Write a label to the log, and nothing else."""
    where = {"workspace_uuid": workspace_uuid} if workspace_uuid else None
    # PostBoost logs a refusal as well.
    with suppress(ValidationError):
        api.send("validate_post", parameters=where, body=_PROBE, client_label=str(label))
