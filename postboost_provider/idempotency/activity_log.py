"""PostBoost's own activity log as a ledger of what was written under which label.

It keeps the client label of every write with the outcome and the post's uuid for 90 days, and can be read by the
start of a label (SDK 1.66.3, ``list_api_activity``). Whatever became of a worker, this remembers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postboost_provider.api.client import PostBoostClient

KEPT_FOR = timedelta(days=90)
# What :func:`label` writes, or the identity alone. An action on the post has words of its own there ("retry ..."): the
# stored answer to one names the post, and says nothing of what its author wrote.
_LABEL = re.compile(r"(?P<identity>\S+)( (?P<intent>[0-9a-f]{16})? (?P<mode>draft|schedule|queue|now))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A post that the ledger names.

    :param identity: the second part of the label: whose post it is.
    :param intent: the last intent that was written to it under this label, or None where the label lacks it.
    :param mode: the mode of that intent, likewise.
    """

    identity: str
    post_uuid: str
    intent: str | None
    mode: str | None


def label(scope: str, identity: str, intent: str, mode: str) -> str:
    """Return the client label of a write: ``airflow/<scope>/<identity> <intent> <mode>``."""
    return f"airflow/{scope}/{identity} {intent} {mode}"


def read_ledger(api: PostBoostClient, scope: str, identity: str | None = None) -> dict[str, Entry] | None:
    """Return what was created in that scope, by identity; None where the token may not read the log.

    :param identity: look for this one alone. One page of requests; a whole scope takes a few.
    """
    prefix = f"airflow/{scope}/{identity or ''}"
    try:
        return _newest_by_identity(api, prefix, f"airflow/{scope}/")
    except PermissionDeniedError:
        return None


def _newest_by_identity(api: PostBoostClient, prefix: str, start: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in _entries(api, prefix, start):
        # Newest first: the first entry of an identity has its latest intent.
        found.setdefault(entry.identity, entry)
    return found


def _entries(api: PostBoostClient, prefix: str, start: str) -> Iterator[Entry]:
    for activity in api.pages("list_api_activity", parameters={"client": prefix}):
        client = str(activity.get("client") or "")
        # A server that matches with LIKE takes "_" in the prefix for any character.
        if not client.startswith(prefix) or not activity.get("post_uuid"):
            continue
        if activity.get("outcome") not in ("created", "updated", "replayed"):
            continue
        if found := _LABEL.fullmatch(client.removeprefix(start)):
            yield Entry(**found.groupdict(), post_uuid=str(activity["post_uuid"]))


def was_duplicate(api: PostBoostClient, scope: str, identity: str, intent: str | None) -> bool:
    """Return whether PostBoost has refused this intent as a duplicate."""
    label_start = f"airflow/{scope}/{identity} {intent or ''} "
    return any(
        str(a.get("client") or "").startswith(label_start) and a.get("outcome") == "blocked_duplicate"
        for a in api.pages("list_api_activity", parameters={"client": label_start})
    )
