"""Edits of posts that wait for approval: none may take a post out of approval unnoticed.

Whether an edit keeps a post waiting is not documented, and a post does not say who approved it. So the activity log is told
before such an edit, and again once the post was seen to wait still. Without the second note a post that does not wait any
more may have lost its approval, and no later attempt takes it for what its author wanted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PublishError
from postboost_provider.idempotency.label import ApprovalNote
from postboost_provider.idempotency.log_check import send_probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.polling.outcome import PostOutcome


def note_waiting(api: PostBoostClient, actor: Actor, before: PostOutcome) -> None:
    """Note in the log that a post is about to be edited, if it waits for approval."""
    if before.status == "needs_approval":
        _note(api, actor, before, is_kept=False)


def settle(api: PostBoostClient, actor: Actor, before: PostOutcome, after: PostOutcome) -> None:
    """Note in the log that an edit kept a post waiting for approval, if it waited.

    :raises PublishError: as :func:`check_approval`.
    """
    check_approval(before, after)
    if before.status == "needs_approval":
        _note(api, actor, after, is_kept=True)


def check_unsettled(
    api: PostBoostClient, actor: Actor, outcome: PostOutcome, unsettled: frozenset[str]
) -> None:
    """Check a post that an earlier attempt may have taken out of its approval.

    :param unsettled: what :func:`unsettled_edits` returned.
    :raises PublishError: it does not wait any more; ``code`` is ``approval_lost``.
    """
    if ApprovalNote.of(outcome.uuid, is_kept=False).post not in unsettled:
        return
    if not _keeps(outcome):
        raise _lost(outcome)
    _note(api, actor, outcome, is_kept=True)


def unsettled_edits(entries: Iterable[LogEntry]) -> frozenset[str]:
    """Return the starts of the uuids of posts that were edited while they waited, and not seen to wait afterwards.

    :param entries: newest first.
    """
    notes: dict[str, list[tuple[str | None, bool]]] = defaultdict(list)
    for entry in entries:
        if note := entry.label.approval:
            notes[note.post].append((entry.created_at, note.is_kept))
    # The log's times have no fractions of a second: several notes may be the newest.
    return frozenset(
        post
        for post, of_post in notes.items()
        if not any(is_kept for created_at, is_kept in of_post if created_at == of_post[0][0])
    )


def check_approval(before: PostOutcome, after: PostOutcome) -> None:
    """Fail if an edit has taken a post out of its approval.

    :raises PublishError: ``code`` is ``approval_lost``.
    """
    if before.status == "needs_approval" and not _keeps(after):
        raise _lost(after)


def _note(api: PostBoostClient, actor: Actor, outcome: PostOutcome, *, is_kept: bool) -> None:
    send_probe(api, actor.label(ApprovalNote.of(outcome.uuid, is_kept=is_kept)))


def _keeps(outcome: PostOutcome) -> bool:
    return outcome.status in ("needs_approval", "draft")


def _lost(outcome: PostOutcome) -> PublishError:
    return PublishError(
        f"Post {outcome.uuid} waited for approval when it was updated, and is {outcome.status} now: PostBoost may have taken it "
        "out of approval. If nobody has approved it, move it to trash in PostBoost. If somebody has, mark the task as "
        "successful.",
        [outcome.as_dict()],
        code="approval_lost",
    )
