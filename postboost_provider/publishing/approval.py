"""Edits of posts that wait for approval: none may take a post out of approval unnoticed.

Whether an edit keeps a post waiting is not documented, and a post does not say who approved it. So such a post is edited only
if its author has decided that. Then the activity log is told before the edit, and again once the post was seen to wait still.
Without the second note a post that does not wait any more may have lost its approval, and no later attempt takes it for what
its author wanted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFinishedError, PostBoostConfigError, PublishError
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.label import ApprovalNote
from postboost_provider.idempotency.log_check import PROOF_SECONDS, send_probe
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.polling.outcome import PostOutcome


def refuse_waiting(outcome: PostOutcome, *, edit_waiting: bool) -> None:
    """Refuse to edit a post that waits for approval.

    :param edit_waiting: its author wants it edited.
    :raises PostBoostConfigError: its author has not decided that; ``code`` is ``waits_for_approval``.
    """
    if outcome.status != "needs_approval" or edit_waiting:
        return
    raise PostBoostConfigError(
        f"Post {outcome.uuid} waits for approval, and PostBoost does not document whether an edit takes it out of that: it might "
        "be published without approval. Nothing was changed. Approve or reject the post in PostBoost first, or accept that with "
        "on_edit_while_waiting='edit'.",
        code="waits_for_approval",
        field="on_edit_while_waiting",
    )


def note_waiting(api: PostBoostClient, actor: Actor, before: PostOutcome, *, edit_waiting: bool) -> None:
    """Note in the log that a post that waits for approval is about to be edited, or refuse that as :func:`refuse_waiting`.

    Every later attempt must see the note. So the edit is not sent before the log shows it.

    :raises NotFinishedError: the log does not show the note; ``code`` is ``blind_log``. Nothing was changed.
    """
    refuse_waiting(before, edit_waiting=edit_waiting)
    if before.status != "needs_approval":
        return
    note = ApprovalNote.of(before.uuid, is_kept=False)

    def ask() -> Finding:
        # Again each time: a note of the second in which an earlier edit was settled does not count.
        send_probe(api, actor.label(note))
        seen = note.post in unsettled_edits(read_log(api, actor.owner) or ())
        return Finding(seen, seen)

    message = (
        f"Post {before.uuid} waits for approval, and PostBoost's activity log does not show a note of {PROOF_SECONDS:.0f} s ago "
        "that it is about to be edited. A later attempt could not tell whether the edit took it out of its approval. Nothing was "
        "changed. Retry the task once the log shows it, or approve or reject the post in PostBoost first."
    )
    try:
        wait_briefly(ask, PROOF_SECONDS, message, first=1.0, longest=3.0)
    except NotFinishedError as error:
        raise NotFinishedError(message, code="blind_log", field="on_edit_while_waiting") from error


def settle(api: PostBoostClient, actor: Actor, before: PostOutcome, after: PostOutcome) -> None:
    """Note in the log that an edit kept a post waiting for approval, if it waited.

    :raises PublishError: as :func:`check_approval`.
    """
    check_approval(before, after)
    if before.status == "needs_approval":
        _note_kept(api, actor, after)


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
    _note_kept(api, actor, outcome)


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


def _note_kept(api: PostBoostClient, actor: Actor, outcome: PostOutcome) -> None:
    send_probe(api, actor.label(ApprovalNote.of(outcome.uuid, is_kept=True)))


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
