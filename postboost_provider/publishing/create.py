"""Publish an intention exactly once, whatever happened to earlier tries. No Airflow in here.

Three nets hold it: the idempotency key (24 hours, PostBoost's), the ledger of client labels (90 days,
PostBoost's), and the duplicate guard (the same content within 24 hours).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFoundError,
    PostBoostConfigError,
    PostBoostRequestError,
    UnconfirmedError,
)
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.activity_log import Entry, label, read_ledger
from postboost_provider.idempotency.actor import Actor
from postboost_provider.idempotency.key import MAX_GENERATIONS, is_key_reuse
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import PostOutcome, read_post
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

Body = Callable[[], Mapping[str, Any]]
Result = Literal["created", "replayed", "adopted", "updated", "skipped"]

# How often a key that was used with another content is waited for. A 422 that names no field is taken for that, too.
MAX_WAITS = 10
# For so long a request may be under way: twice what a client waits for its answer, and this at least.
UNDER_WAY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Intention:
    """Something an author wants published once.

    :param scope: the ledger's name for what it belongs to (a calendar, a task).
    :param identity: what makes it the same intention in every try.
    :param intent: hash of what the author wrote, or None where that can't be told any more.
    :param mode: ``draft``, ``schedule``, ``queue`` or ``now``.
    :param allow_duplicate: send it although the same content went to the same account within 24 hours.
    """

    scope: str
    identity: tuple[str, ...]
    intent: str | None
    mode: str
    allow_duplicate: bool = False

    @property
    def ledger_identity(self) -> str:
        return identities.ledger_identity(self.identity)

    @property
    def client_label(self) -> str:
        return label(self.scope, self.ledger_identity, self.intent or "", self.mode)

    def key(self, generation: int) -> str:
        return identities.idempotency_key(self.identity, generation)


@dataclass(frozen=True, slots=True)
class Published:
    """What was done for an intention. ``outcome`` is None for a post that somebody deleted since."""

    result: Result
    why: str
    post_uuid: str
    outcome: PostOutcome | None
    warnings: tuple[str, ...] = field(default=())


class KeyHeldError(UnconfirmedError):
    """Another try has used the key with another content, and whether that made a post can't be told yet.

    :param generation: which generation of the key it was.
    """

    def __init__(self, generation: int) -> None:
        super().__init__(
            "Another try is sending this post with another content, or was refused it a moment ago. Run the task again: it "
            "looks before it sends."
        )
        self.generation = generation


def create_once(api: PostBoostClient, intention: Intention, body: Body, *, ledger: bool) -> Published:
    """Create the post, unless an earlier try has done so; wait for another try that is under way.

    :param body: gives the body for ``create_post``.
    :param ledger: whether the token may read the activity log.
    :raises PostBoostRequestError: PostBoost refused, and nothing was created.
    :raises UnconfirmedError: nobody can say whether it was created; a repeat of the task looks first.
    """
    met: KeyHeldError | None = None
    for _ in range(MAX_WAITS):
        try:
            return create(api, intention, body, ledger=ledger, met=met.generation if met else None)
        except KeyHeldError as error:
            met = error
        found = wait_for_others(api, intention.scope, [intention.ledger_identity])
        if (entry := found.get(intention.ledger_identity)) is not None:
            return adopt(api, intention, entry, body)
    raise met or AssertionError("it was tried")


def create(
    api: PostBoostClient, intention: Intention, body: Body, *, ledger: bool, met: int | None = None
) -> Published:
    """Create the post, unless an earlier try has done so. The parameters are those of :func:`create_once`.

    :param met: the generation of the key that another try held, and that was waited for since: whatever was under way
        then is over, and the log has no post of it.
    :raises KeyHeldError: another try holds the key: see :func:`wait_for_others`.
    """
    content = body()
    for generation in range(met or 0, MAX_GENERATIONS):
        try:
            reply = api.send(
                "create_post",
                body=content,
                idempotency_key=intention.key(generation),
                client_label=intention.client_label,
                allow_duplicate=intention.allow_duplicate,
            )
        except (PostBoostRequestError, UnconfirmedError) as error:
            reused = is_key_reuse(error)
            if isinstance(error, PostBoostRequestError) and error.is_stored_refusal:
                if reused and generation == met:
                    # Its own answer, which is about the values after all.
                    raise
                continue
            if not reused and not isinstance(error, (DuplicatePostError, UnconfirmedError)):
                raise
            if reused and not ledger:
                raise UnconfirmedError(
                    "An earlier try sent this post with another content, and the token may not read the activity log "
                    "(ability 'read') that tells what became of it. Look in PostBoost; give the token the ability, or "
                    "give the post a new key to publish it anew."
                ) from error
            # Whatever the answer was, a post that the ledger calls ours is ours.
            entry = look_up(api, intention) if ledger else None
            if entry is not None:
                return adopt(api, intention, entry, lambda: content)
            if reused and generation == met:
                # It was refused, and PostBoost keeps that answer.
                continue
            if reused:
                raise KeyHeldError(generation) from error
            raise
        post = reply.payload
        if not isinstance(post, dict) or not post.get("uuid"):
            if ledger and (entry := look_up(api, intention)) is not None:
                return adopt(api, intention, entry, lambda: content)
            raise UnconfirmedError(
                f"create_post: PostBoost answered {reply.status} without a post. It may have been created: run the "
                "task again, which looks first."
            )
        result: Result = "replayed" if reply.replayed else "created"
        why = "an earlier try had created it" if reply.replayed else ""
        return Published(result, why, str(post["uuid"]), read_post(post), _warnings(post))
    raise PostBoostConfigError(
        f"{MAX_GENERATIONS} tries within 24 hours were refused, and PostBoost repeats those answers. Mend what "
        "they complained of and try again tomorrow, or change the text."
    )


def wait_for_others(api: PostBoostClient, scope: str, wanted: Collection[str]) -> dict[str, Entry]:
    """Wait for as long as a request may be under way, and return what the ledger has by then.

    :param wanted: what other tries are sending; as soon as the ledger has all of it, the wait is over.
    """
    timeout = max(UNDER_WAY_SECONDS, 2 * api.settings.timeout_seconds)
    log.info(
        "Earlier attempts sent %d posts with other content. Waiting up to %.0f s to see what became of them.",
        len(wanted),
        timeout,
    )

    def ask() -> Finding:
        found = read_ledger(api, scope, *wanted if len(wanted) == 1 else ()) or {}
        return Finding(all(identity in found for identity in wanted), found)

    return dict(wait_briefly(ask, timeout, None, known=Finding(False, {}), first=0.5, longest=15.0))


def look_up(api: PostBoostClient, intention: Intention) -> Entry | None:
    """Return what the ledger knows of this one intention. One request."""
    found = read_ledger(api, intention.scope, intention.ledger_identity)
    return (found or {}).get(intention.ledger_identity)


def compare(
    api: PostBoostClient, intention: Intention, entry: Entry, listed: PostOutcome | None = None
) -> Published | PostOutcome:
    """Read the post that an earlier try created, and say what is to be done about it.

    :param listed: the post as a list gave it a moment ago, which is enough to leave it as it is. One that is to be
        changed is read anew: it may have gone out since, or been moved.
    :return: nothing is (a post that is as its author wants it, or that somebody took away), or the post that is to be
        updated.
    :raises PostBoostConfigError: the author changed it in a way that comes too late, or that PostBoost can't do.
    """
    unchanged = entry.intent in (None, intention.intent)
    try:
        outcome = listed if listed is not None and unchanged else _read(api, entry.post_uuid)
    except NotFoundError:
        return Published("skipped", "created earlier, and deleted in PostBoost since", entry.post_uuid, None)
    if outcome.trashed:
        why = "created earlier, and moved to trash in PostBoost since"
        return Published("skipped", why, outcome.uuid, outcome)
    if intention.intent is None:
        why = (
            "an earlier try had created it; its files can't be read any more, so that no edit was looked for"
        )
        return Published("adopted", why, outcome.uuid, outcome)
    if unchanged:
        return Published("adopted", "an earlier try had created it", outcome.uuid, outcome)
    if not outcome.can_be_changed:
        raise _too_late(outcome)
    if intention.mode == "draft" and entry.mode not in (None, "draft") and outcome.status != "draft":
        raise PostBoostConfigError(
            f"Its mode was changed to draft, but post {outcome.uuid} is {outcome.status}, and PostBoost's API has no "
            "way back to a draft. Move it to trash in PostBoost, or change the mode back."
        )
    return outcome


def adopt(api: PostBoostClient, intention: Intention, entry: Entry, body: Body) -> Published:
    """Go on from the post that an earlier try created, and bring it up to date where its author changed it.

    :param body: gives the body for ``update_post``, where one is needed.
    :raises PostBoostConfigError: like :func:`compare`.
    """
    found = compare(api, intention, entry)
    return found if isinstance(found, Published) else update(api, intention, entry, found, body)


def update(
    api: PostBoostClient, intention: Intention, entry: Entry, outcome: PostOutcome, body: Body
) -> Published:
    """Bring a post up to date that :func:`compare` gave."""
    if intention.mode != "queue" or entry.mode in (None, "queue") or outcome.status == "draft":
        return _update(api, intention, outcome, body())
    # A post that is planned keeps its time when it is updated; a place in the queue is asked for on its own. That comes
    # first: the update tells the ledger that all is as its author wants it.
    Actor(intention.scope, intention.identity).send(
        api,
        "queue",
        "add_post_to_queue",
        {"post_uuid": outcome.uuid},
        {},
        allow_duplicate=intention.allow_duplicate,
    )
    done = _update(api, intention, _read(api, outcome.uuid), body())
    return replace(done, why="moved to the queue")


def _update(
    api: PostBoostClient, intention: Intention, outcome: PostOutcome, body: Mapping[str, Any]
) -> Published:
    changed = {**body, **_kept_schedule(outcome, body)}
    where = {"post_uuid": outcome.uuid}
    warnings: tuple[str, ...] = ()
    call = {"parameters": where, "body": changed, "client_label": intention.client_label}
    try:
        try:
            reply = api.send("update_post", **call, allow_duplicate=intention.allow_duplicate)
        except DuplicatePostError as error:
            # Whether the guard leaves the post itself out of the comparison is not documented.
            if error.existing_post_uuid != outcome.uuid:
                # Not as what it is: nobody shall take the other post for this one.
                raise PostBoostConfigError(
                    f"Post {outcome.uuid} was to be changed, and is as it was: {error}"
                ) from error
            reply = api.send("update_post", **call, allow_duplicate=True)
        warnings = _warnings(reply.payload)
    except PostBoostRequestError as error:
        now = _read(api, outcome.uuid)
        if error.status not in (400, 422) or now.can_be_changed:
            raise
        # It went out meanwhile. If the ledger has this very update, it was ours, and only its answer was lost.
        entry = look_up(api, intention)
        if entry is None or entry.intent != intention.intent:
            raise _too_late(now) from error
    # PostBoost answers an update with no post (SDK 1.66.3): read it back.
    fresh = _read(api, outcome.uuid)
    return Published("updated", "changed since it was created", fresh.uuid, fresh, warnings)


def _read(api: PostBoostClient, uuid: str) -> PostOutcome:
    return read_post(api.call("get_post", parameters={"post_uuid": uuid}))


def _kept_schedule(outcome: PostOutcome, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what keeps a planned post planned.

    Whether an update that names no time leaves the post scheduled is not documented, and a new place in the queue
    is not what a changed text asks for.
    """
    if (
        outcome.status == "draft"
        or outcome.scheduled_at is None
        or body.get("schedule")
        or body.get("schedule_now")
    ):
        return {}
    at = outcome.scheduled_at
    planned = {"schedule": True, "timezone": "UTC", "date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
    return {**planned, "queue": False} if "queue" in body else planned


def _too_late(outcome: PostOutcome) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"It was changed after it went out: post {outcome.uuid} is {outcome.status}. Undo the change, or give it a "
        "new key to publish it as another post."
    )


def _warnings(answer: Any) -> tuple[str, ...]:
    found = answer.get("warnings") if isinstance(answer, dict) else None
    return tuple(str((w.get("message") or w.get("code")) if isinstance(w, dict) else w) for w in found or ())
