"""Do something once, however often a task is attempted: a post, an action on a post, or any operation.

The idempotency key protects a request for 24 hours. Beyond that, PostBoost's activity log tells for 90 days what earlier
attempts did. Operations that are safe to retry (``api/operations.json``) are sent again.
"""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Unpack

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    NotFoundError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
)
from postboost_provider.api.operations import Operation, get_operation
from postboost_provider.api.requests import prepare
from postboost_provider.api.safety import as_sent
from postboost_provider.api.times import read_utc, utc_now
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.effect import check_effect
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.idempotency.key import (
    NextRevision,
    Refusal,
    send_again,
    send_past_stored_responses,
    step_past_stored_refusal,
)
from postboost_provider.idempotency.label import OperationAct, short_action
from postboost_provider.idempotency.memory import key_memory
from postboost_provider.idempotency.refusals import (
    already_done,
    check_memory_of,
    other_body,
    what_to_do,
    where_to_look,
    why_unseen,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import FilePart, KeyedArguments
    from postboost_provider.api.responses import Response
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Act, Actor
    from postboost_provider.idempotency.key import T
    from postboost_provider.idempotency.label import Label

log = logging.getLogger(__name__)


def perform(
    api: PostBoostClient,
    act: Act,
    operation: str,
    *,
    read: Callable[[Response], T] = attrgetter("payload"),
    on_error: Callable[[PostBoostRequestError | UnconfirmedError, int], T] = step_past_stored_refusal,
    first: int = 0,
    **call: Unpack[KeyedArguments],
) -> T:
    """Send an operation with the label and idempotency key of the act, as :func:`send_past_stored_responses` does."""
    return send_past_stored_responses(
        api, operation, act.key, read=read, on_error=on_error, first=first, label=act.label_at, **call
    )


def perform_action(
    api: PostBoostClient,
    actor: Actor,
    action: str,
    operation: str,
    parameters: Mapping[str, Any],
    body: Any,
    *,
    allow_duplicate: bool = False,
) -> None:
    """Send an action on a post. The caller has checked that it is not done yet.

    The key revision starts at the number of times the actor has sent this before, by the activity log: a second genuine
    action must not get the stored response of the first one.

    :param action: its name in the activity log.
    """
    act = actor.act(short_action(action), action, *map(str, parameters.values()))
    entries = read_log(api, actor.owner) or ()
    earlier = sum(entry.label == act.label and entry.outcome != "replayed" for entry in entries)
    call = {"parameters": parameters, "body": body, "allow_duplicate": allow_duplicate}
    perform(api, act, operation, first=earlier, **call)


def perform_operation(
    api: PostBoostClient,
    actor: Actor,
    operation: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    files: Mapping[str, FilePart] | None = None,
    since: timedelta | None = None,
    send_unknown: bool = False,
    is_void: Callable[[Any], bool] = lambda _: False,
    note: str = "",
    clock: Callable[[], datetime] = utc_now,
) -> Any:
    """Send any operation, unless the same task has done it before, and return its response.

    The same task with other parameters is another act; with another body it is not.

    :param since: how long ago the first attempt may have begun; None if this is the first.
    :param send_unknown: send it again where an earlier attempt may have done it, and nothing tells.
    :param is_void: whether the thing in a stored response is of no use any more: then the operation is sent again.
    :param note: kept in the activity log for later attempts. See :func:`find_done`.
    :param clock: returns the current time.
    :raises PostBoostConfigError: the call does not fit the operation, or the task has done it already and its response
        is lost. Nothing was sent.
    :raises UnconfirmedError: no response came to a write; a retry of the task checks before it writes.
    """
    op = get_operation(operation)
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    # In the safety mode "draft" it is another body, and so is its hash.
    body = as_sent(api.settings, operation, body)
    call: dict[str, Any] = {"parameters": given, "body": body, "files": files}
    # First of all: what does not fit the operation is never sent.
    prepare(api.settings, operation, **call)
    target = _hash(given)
    what = OperationAct.of(operation, target, _hash(body or {}), note)
    request = _Request(api, op, actor.act(what, operation, target), call, clock)
    if op.is_read or op.retryable:
        return request.send_retryable(actor)
    entries = _find_entries(api, actor, op, given)
    if (
        since is not None
        and not send_unknown
        and _done(entries) is None
        and check_memory_of(api, actor, op, entries, since, given)
    ):
        # What was on its way, or not in the log yet, is in it now.
        entries = _find_entries(api, actor, op, given)
    if op.idempotency_key:
        return request.send_with_key(actor, entries, is_void)
    return request.send_without_key(entries, send_unknown=send_unknown)


def find_done(
    api: PostBoostClient, actor: Actor, operation: str, parameters: Mapping[str, Any] | None = None
) -> LogEntry | None:
    """Return the log entry of this task's successful request, if there is one."""
    return _done(_find_entries(api, actor, get_operation(operation), parameters or {}))


@dataclass(frozen=True, slots=True)
class _Request:
    api: PostBoostClient
    op: Operation
    act: Act
    call: Mapping[str, Any]
    clock: Callable[[], datetime]

    def send_retryable(self, actor: Actor) -> Any:
        name = self.op.operation
        try:
            done = self._send()
        except NotFoundError:
            # The task itself may have deleted it, in an attempt whose response was lost.
            if self.op.method != "DELETE" or not find_done(self.api, actor, name, self.call["parameters"]):
                raise
            log.info("%s: an earlier attempt of this task has done it.", name)
            return None
        except PostBoostRequestError as error:
            # "success" is false where nothing was deleted (SDK 1.66.3, ``delete_mention``).
            if self.op.method != "DELETE" or error.code != "not_successful":
                raise
            check_effect(self.api, self.op, self.call, error)
            log.info("%s: it does not exist.", name)
            return error.body
        check_effect(self.api, self.op, self.call)
        return done

    def send_with_key(
        self, actor: Actor, entries: list[LogEntry] | None, is_void: Callable[[Any], bool]
    ) -> Any:
        name, done = self.op.operation, _done(entries)
        # The first key is that of the oldest attempt whose response is stored: PostBoost forgets that one first.
        kept = [entry for entry in entries or () if entry is done or entry.is_refusal]
        if done is not None and not self._is_key_sure(kept[-1]):
            if _body(done.label) not in (None, self._body):
                raise other_body(self.op, done)
            if name == "create_post" and done.post_uuid:
                log.info("create_post: an earlier attempt of this task has created post %s.", done.post_uuid)
                where = {**self.call["parameters"], "post_uuid": done.post_uuid}
                return self.api.call("get_post", parameters=where)
            raise already_done(self.op, done)
        if done is not None and _body(done.label) != self._body:
            raise other_body(self.op, done)
        if entries is None and self.op.tier == "workspace":
            log.warning(
                "%s: the token may not read the activity log (ability 'read'). Only the idempotency key keeps a retry of "
                "this task from doing it again, and only for 24 hours.",
                name,
            )

        def read(response: Response) -> Any:
            if response.replayed and is_void(response.payload):
                raise NextRevision
            return response.payload

        def on_error(error: PostBoostRequestError | UnconfirmedError, revision: int) -> Any:
            if isinstance(error, PostBoostRequestError) and error.is_stored_refusal:
                raise NextRevision
            found = send_again(error, self.call["body"] or {}, lambda: read(self._send_again(revision)))
            if not isinstance(found, Refusal):
                return found
            if found.about != "key":
                raise found.error
            # Another body was sent under this key. The log may show by now what became of it.
            fresh = _find_entries(self.api, actor, self.op, self.call["parameters"])
            if fresh is None:
                raise other_body(self.op, None) from error
            if revision in _refused_revisions(fresh):
                raise NextRevision
            if (other := _done(fresh)) is not None:
                # Version 0.1.0 did not log which key its success has: the next one, at most as often as it was refused.
                if _body(other.label) == self._body and revision < sum(e.is_refusal for e in fresh):
                    raise NextRevision
                raise other_body(self.op, other) from error
            raise UnconfirmedError(
                f"{name}: another attempt of this task uses its idempotency key with another body, and PostBoost's activity log "
                f"does not show its outcome. Retry the task once that attempt has ended. PostBoost responded: {error}",
                code="key_in_use",
            ) from error

        dead = {revision for revision in _refused_revisions(entries or []) if revision is not None}
        first = next(revision for revision in itertools.count() if revision not in dead)
        if done is not None and done.label.operation:
            first = done.label.operation.revision or 0
        return perform(self.api, self.act, name, read=read, on_error=on_error, first=first, **self.call)

    def _send_again(self, revision: int) -> Response:
        key, label = self.act.key(revision), str(self.act.label_at(revision))
        return self.api.send(self.op.operation, idempotency_key=key, client_label=label, **self.call)

    def send_without_key(self, entries: list[LogEntry] | None, *, send_unknown: bool) -> Any:
        op = self.op
        if (done := _done(entries)) is not None:
            raise already_done(op, done)
        try:
            return self._send()
        except LOST_RESPONSE as error:
            cause = getattr(error, "cause", str(error))
            if entries is not None or send_unknown:
                if not isinstance(error, UnconfirmedError):
                    raise
                raise UnconfirmedError(f"{error} {where_to_look(op)}", cause=cause) from error
            final = UnconfirmedError(
                f"{op.operation}: sent, but it is not known whether it was done ({cause}), and a later attempt can't tell: "
                f"{why_unseen(op)}. {what_to_do(op)}",
                code="unknown_outcome",
                field="on_unknown",
                cause=cause,
            )
            final.retryable = False
            raise final from error
        except PostBoostError as error:
            # A second attempt could not tell what the first one did.
            error.retryable = entries is not None or send_unknown
            raise

    def _send(self) -> Any:
        return self.api.send(self.op.operation, client_label=str(self.act.label), **self.call).payload

    def _is_key_sure(self, entry: LogEntry) -> bool:
        at = read_utc(entry.created_at)
        return at is not None and self.clock() - at < key_memory(self.api)

    @property
    def _body(self) -> str | None:
        return _body(self.act.label)


def _find_entries(
    api: PostBoostClient, actor: Actor, op: Operation, parameters: Mapping[str, Any]
) -> list[LogEntry] | None:
    """Return the log entries of this act with any body, newest first; None where the log can't be read."""
    if op.tier != "workspace":
        return None
    entries = read_log(api, actor.owner, workspace_uuid=parameters.get("workspace_uuid"))
    if entries is None:
        return None
    target = OperationAct.of(op.operation, _hash(parameters), "").target
    return [e for e in entries if e.label.operation and e.label.operation.target == target]


def _refused_revisions(entries: list[LogEntry]) -> set[int | None]:
    """Return the key revisions that PostBoost has proven to hold a refusal."""
    return {e.label.operation.revision for e in entries if e.is_settled_refusal and e.label.operation}


def _body(label: Label) -> str | None:
    return label.operation.body if label.operation else None


def _hash(values: Mapping[str, Any]) -> str:
    return intent_hash({name: json.dumps(values[name], default=str, sort_keys=True) for name in values})


def _done(entries: list[LogEntry] | None) -> LogEntry | None:
    """Return the newest success."""
    return next((entry for entry in entries or () if entry.is_success), None)
