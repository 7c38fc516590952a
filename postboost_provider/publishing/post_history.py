"""A post that an author wants published once, and its entries in the activity log."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    GatewayError,
    NotFinishedError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostRequestError,
)
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.label import TRASH, HeldAct, PostAct
from postboost_provider.idempotency.log_check import PROOF_SECONDS, is_known_blind, prove_sight
from postboost_provider.publishing.approval import unsettled_edits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Act, Actor
    from postboost_provider.idempotency.label import Owner
    from postboost_provider.polling.outcome import PostOutcome
    from postboost_provider.publishing.attempt_start import AttemptStart

Result = Literal["created", "replayed", "adopted", "updated", "skipped"]

# The outcomes of entries about a post that exists. "ok" and none are not documented for these operations.
_DONE = ("created", "updated", "replayed", "ok", None)


@dataclass(frozen=True, slots=True)
class Intention:
    """A post that an author wants published once.

    :param actor: the task or the row that publishes it.
    :param intent: hash of what the author wrote, or None where it can no longer be computed.
    :param mode: ``draft``, ``schedule``, ``queue`` or ``now``.
    :param allow_duplicate: send it even if the account got the same content within 24 hours.
    :param refuse_altered: fail where PostBoost changes a text.
    :param keep_live: an edit after the post went live is no error, and changes nothing.
    :param edit_waiting: an edit may be sent while the post waits for approval.
    :param accept_unknown: what the log does not tell is no error.
    :param start: when this attempt began; None where its words can't be older than what the log has.
    """

    actor: Actor
    intent: str | None
    mode: str
    allow_duplicate: bool = False
    refuse_altered: bool = False
    keep_live: bool = False
    edit_waiting: bool = False
    accept_unknown: bool = False
    start: AttemptStart | None = None

    @property
    def act(self) -> Act:
        return self.actor.act(PostAct(self.intent, self.mode))


@dataclass(frozen=True, slots=True)
class Published:
    """What was done for an intention. ``outcome`` is None for a post that was deleted since."""

    result: Result
    why: str
    post_uuid: str
    outcome: PostOutcome | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownPost:
    """A post in the activity log, with the intent and mode that were last written to it.

    :param post_uuid: None if the log shows that it was created, but not its uuid.
    :param intent: None if the label lacks it or was cut: then the post may have any words.
    :param created_at: of the log's entry.
    :param unsettled: see :func:`unsettled_edits`.
    """

    post_uuid: str | None
    intent: str | None
    mode: str | None
    created_at: str | None = None
    unsettled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class History:
    """What the activity log says of one post: the entries of its task or row, newest first.

    :param former: those that version 0.1.0 wrote under another identity. They are about other idempotency keys.
    """

    entries: tuple[LogEntry, ...] = ()
    former: tuple[LogEntry, ...] = ()

    @cached_property
    def known(self) -> KnownPost | None:
        """The post that an earlier attempt created, if the log shows it and the task has not moved it to the trash.

        Entries of actions name the post, too, but not what its author wrote.
        """
        post = _latest(self._kept)
        return post and replace(post, unsettled=unsettled_edits(self.entries))

    @property
    def own_trash(self) -> KnownPost | None:
        """The post that the task has moved to the trash when it was killed, where it has not created another one."""
        return None if self.known else _latest(self._own_trash)

    def written_since(self, before: History) -> list[KnownPost]:
        """Return what was written to the post since an earlier read of the log."""
        new = Counter(self.entries) - Counter(before.entries)
        return [
            post
            for entry in new
            if entry.outcome != "replayed" and not entry.label.kept and (post := _latest([entry]))
        ]

    @property
    def told_at(self) -> str | None:
        """When the log was last told of the post."""
        return max((e.created_at for e in self._kept if e.created_at and _latest([e])), default=None)

    @cached_property
    def first_revision(self) -> int:
        """The first key revision after those that PostBoost has proven to hold a refusal, or a post that was trashed.

        Every refused attempt sends its bytes once more, and the stored refusal that comes back is an entry ``replayed``.
        Attempts at the same time find the same entries, and use the same revision.
        """
        settled = [
            act.revision
            for entry in self.entries
            if entry.is_settled_refusal and (act := entry.label.post) and act.revision is not None
        ]
        trashed = [act.revision or 0 for entry in self._own_trash if (act := entry.label.post)]
        return max((*settled, *trashed), default=-1) + 1

    @property
    def _kept(self) -> list[LogEntry]:
        own_trash = self._own_trash
        return [entry for entry in (*self.entries, *self.former) if entry not in own_trash]

    @cached_property
    def _own_trash(self) -> list[LogEntry]:
        """The successes about posts that the task has moved to the trash."""
        found: list[LogEntry] = []
        trashed: set[str | None] = set()
        for entry in self.entries:
            if entry.label.act == TRASH and entry.is_success:
                trashed.add(entry.post_uuid)
            elif entry.label.post and entry.http_status < 400 and trashed:
                # An entry without a uuid is older than what came of it.
                is_one = entry.post_uuid in trashed or None in (entry.post_uuid, *trashed)
                found += [entry] if is_one else []
        return found

    @property
    def held(self) -> set[HeldAct]:
        """What attempts have noted about revisions that were in use."""
        return {act for entry in self.entries if (act := entry.label.held)}

    def at(self, revision: int) -> list[LogEntry]:
        """Return the entries under a key revision, and those whose revision is not known."""
        return [e for e in self.entries if e.label.post and e.label.post.revision in (None, revision)]


def _latest(entries: Iterable[LogEntry]) -> KnownPost | None:
    found = [e for e in entries if e.label.kept or (e.http_status < 400 and e.outcome in _DONE)]
    # A write that is still in the log is newer than what was kept of one. A replayed response has written nothing: another
    # attempt may have changed the words since.
    found.sort(key=lambda entry: 2 if entry.outcome == "replayed" else 1 if entry.label.kept else 0)
    for entry in found:
        if kept := entry.label.kept:
            return KnownPost(kept.post_uuid, kept.intent, kept.mode, entry.created_at)
        # Every update names its post.
        if (act := entry.label.post) and (entry.post_uuid or entry.outcome != "updated"):
            return KnownPost(entry.post_uuid, act.intent, act.mode, entry.created_at)
    return None


def read_histories(
    api: PostBoostClient,
    *owners: Owner,
    on_unknown: str = "fail",
    since: str | None = None,
    latest: bool = False,
) -> dict[str, History] | None:
    """Return what the log has of the owners' posts, by log identity; None where the token may not read the log.

    :param since: only what was written from then on, in PostBoost's time.
    :param latest: see :func:`read_log`.
    :param on_unknown: with ``publish``, a log that PostBoost refuses for another reason counts as one that may not be read.
    :raises PostBoostConfigError: PostBoost refuses to show the log; ``code`` is ``log_unreadable``.
    """
    entries: list[LogEntry] = []
    try:
        for owner in owners:
            if (of_owner := read_log(api, owner, since=since, latest=latest)) is None:
                return None
            entries += of_owner
    except PostBoostRequestError as error:
        is_final = isinstance(error, PermissionDeniedError) or error.status in (400, 404, 422)
        if not is_final or isinstance(error, GatewayError):
            raise
        if on_unknown == "publish":
            return None
        raise PostBoostConfigError(
            f"PostBoost's activity log can't be read, so it is not known what earlier attempts published. Nothing was sent. "
            f"{error} To accept that posts may be published again, set on_unknown='publish'.",
            code="log_unreadable",
            field="on_unknown",
        ) from error
    found: dict[str, list[LogEntry]] = defaultdict(list)
    for entry in entries:
        found[entry.label.identity].append(entry)
    return {identity: History(tuple(of_one)) for identity, of_one in found.items()}


def require_sight(api: PostBoostClient, actor: Actor) -> None:
    """Refuse to publish where the log is empty because it is blind.

    :raises NotFinishedError: it does not show a request of now; ``code`` is ``blind_log``.
    """
    if prove_sight(api, actor):
        return
    blind_log = NotFinishedError(
        f"PostBoost's activity log does not show a request that was made {PROOF_SECONDS:.0f} s ago. It may therefore lack the "
        "posts of earlier attempts, too. Nothing was sent. Retry the task if the log is late. If it is switched off, look for "
        "the posts in PostBoost, or accept that they may be published again with on_unknown='publish'.",
        code="blind_log",
        field="on_unknown",
    )
    # A retry may find this request, but for a log that a check has found blind.
    blind_log.retryable = not is_known_blind(api)
    raise blind_log


def history_of(histories: Mapping[str, History] | None, actor: Actor) -> History:
    """Return the actor's history, with that under its identity of version 0.1.0."""
    found = (histories or {}).get(actor.log_identity, History())
    return replace(found, former=history_of(histories, actor.former).entries) if actor.former else found


def read_history(api: PostBoostClient, actor: Actor, *, latest: bool = False) -> History:
    """Return what the log has of the actor's post."""
    return history_of(read_histories(api, *actor.owners, latest=latest), actor)


def read_warnings(response: Any) -> tuple[str, ...]:
    """Return the warnings that came with a post, as clean text."""
    found = response.get("warnings") if isinstance(response, dict) else None
    return tuple(
        clean_text((w.get("message") or w.get("code")) if isinstance(w, dict) else w) for w in found or ()
    )
