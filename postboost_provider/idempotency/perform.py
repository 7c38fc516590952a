"""Send any operation for a task, so that a try of it that comes later does not do it again. No Airflow in here.

Three kinds of operation are told apart (``api/operations.json``). What is repeatable is sent. What takes an idempotency
key gets the task's own: for 24 hours PostBoost answers a repeat with what it has answered before. Everything that is
not repeatable is looked for first in PostBoost's activity log, which keeps the label of each write for 90 days.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
)
from postboost_provider.api.operations import Operation, get_operation, load_operations
from postboost_provider.api.requests import prepare
from postboost_provider.api.times import read_utc
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.key import MAX_GENERATIONS, is_key_reuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import FilePart
    from postboost_provider.idempotency.actor import Actor

log = logging.getLogger(__name__)

# PostBoost knows a key for 24 hours (SDK 1.66.3). Its clock is not ours, and a request takes its time.
KEY_IS_SURE_FOR = timedelta(hours=23, minutes=30)
Entry = dict[str, Any]


def send_once(
    api: PostBoostClient,
    actor: Actor,
    operation: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    files: Mapping[str, FilePart] | None = None,
    is_retry: bool = False,
    is_void: Callable[[Any], bool] = lambda _: False,
) -> Any:
    """Send one operation, unless the same task has done it before, and return its answer.

    The same task with other parameters is another act; with another body it is not.

    :param is_retry: an earlier try may have sent it, and no person has looked since.
    :param is_void: tells of an answer that PostBoost gave to an earlier try whether what it was about has come to nothing:
        then it is sent anew. For operations with a key.
    :raises PostBoostConfigError: the call does not fit the operation, or the task has done it already and its answer
        can't be had any more. Nothing was sent.
    :raises UnconfirmedError: no answer came to a write; a repeat of the task looks first.
    """
    op = get_operation(operation)
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    call: dict[str, Any] = {"parameters": given, "body": body, "files": files}
    # Before anything else is asked: what does not fit is never sent.
    prepare(api.settings, operation, **call)
    target = _hash(given)
    call["client_label"] = f"{_act(actor, operation, target)} {_hash(body or {})}"
    if op.is_read or op.repeatable:
        return _send_repeatable(api, op, call)
    entries = _entries(api, op, call)
    if op.idempotency_key:
        return _send_keyed(api, op, (*actor.identity, operation, target), call, entries, is_void)
    return _send_bare(api, op, call, entries, is_retry=is_retry)


def was_done(api: PostBoostClient, actor: Actor, operation: str) -> bool:
    """Tell whether the activity log says that this task has sent the operation, without parameters, and with success."""
    label = f"{_act(actor, operation, _hash({}))} "
    call = {"parameters": {}, "client_label": label}
    return _done(_entries(api, get_operation(operation), call)) is not None


def _act(actor: Actor, operation: str, target: str) -> str:
    return f"airflow/{actor.scope}/{identities.ledger_identity(actor.identity)} {operation} {target}"


def _hash(values: Mapping[str, Any]) -> str:
    return identities.intent_hash(
        {name: json.dumps(values[name], default=str, sort_keys=True) for name in values}
    )


def _send_repeatable(api: PostBoostClient, op: Operation, call: dict[str, Any]) -> Any:
    try:
        return api.send(op.operation, **call).payload
    except NotFoundError:
        # What this task has deleted, in a try whose answer was lost, is as it wanted it.
        if op.method != "DELETE" or _done(_entries(api, op, call)) is None:
            raise
        log.info("%s: an earlier try of this task has done it.", op.operation)
        return None


def _send_keyed(
    api: PostBoostClient,
    op: Operation,
    identity: tuple[str, ...],
    call: dict[str, Any],
    entries: list[Entry] | None,
    is_void: Callable[[Any], bool],
) -> Any:
    done = _done(entries)
    # The loop begins with the key of the oldest try whose answer is kept, which is the first that is free again.
    kept = [e for e in entries or () if e is done or 400 <= int(e["http_status"]) < 429]
    if done is not None and not _key_is_sure(kept[-1]):
        if op.operation == "create_post" and done.get("post_uuid"):
            log.info("create_post: an earlier try of this task has created post %s.", done["post_uuid"])
            return api.call("get_post", parameters={**call["parameters"], "post_uuid": done["post_uuid"]})
        raise _done_already(op, done)
    if done is not None and done["client"] != call["client_label"]:
        raise _sent_differently(op, done)
    if entries is None and op.tier == "workspace":
        log.warning(
            "%s: the token may not read the activity log (ability 'read'), so that only the idempotency key keeps a repeat "
            "of this task from doing it again, and only for 24 hours.",
            op.operation,
        )
    refused = _refused(entries, done, call["client_label"])
    last: PostBoostRequestError | None = None
    for generation in range(MAX_GENERATIONS):
        key = identities.idempotency_key(identity, generation)
        try:
            reply = api.send(op.operation, idempotency_key=key, **call)
            if not reply.replayed or not is_void(reply.payload):
                return reply.payload
        except PostBoostRequestError as error:
            last = error
            if error.is_stored_refusal:
                continue
            if not is_key_reuse(error):
                raise
            # An earlier try sent another body. Where that was refused, the key's next generation is the first that counts.
            if generation < refused:
                continue
            if done is not None or entries is None:
                raise _sent_differently(op, done) from error
            raise UnconfirmedError(
                f"{op.operation}: another try of this task is sending it with another body. Run the task again when "
                "that is through: it looks before it sends."
            ) from error
    raise last or UnconfirmedError(f"{op.operation} was not tried.")


def _send_bare(
    api: PostBoostClient, op: Operation, call: dict[str, Any], entries: list[Entry] | None, *, is_retry: bool
) -> Any:
    if entries is None and is_retry:
        raise PostBoostConfigError(
            f"{op.operation}: an earlier try may have sent it, and nothing tells whether it has: {_why_unseen(op)}. "
            f"{_where_to_look(op)} If it is not there, clear the task: it is sent then."
        )
    if (done := _done(entries)) is not None:
        raise _done_already(op, done)
    try:
        return api.send(op.operation, **call).payload
    except UnconfirmedError as error:
        if entries is not None:
            raise UnconfirmedError(f"{error} {_where_to_look(op)}") from error
        told = UnconfirmedError(
            f"{op.operation}: sent, but no answer came. It may have happened, and a repeat could not tell: "
            f"{_why_unseen(op)}. {_where_to_look(op)} If it is not there, clear the task: it is sent again then."
        )
        told.retryable = False
        raise told from error
    except PostBoostError as error:
        # Of two tries nobody could tell what the first one did.
        error.retryable = entries is not None
        raise


def _entries(api: PostBoostClient, op: Operation, call: Mapping[str, Any]) -> list[Entry] | None:
    """Return what the activity log has of this act, newest first; None where it can't be asked."""
    if op.tier != "workspace":
        return None
    given = call["parameters"]
    workspace = {name: given[name] for name in ("workspace_uuid",) if name in given}
    # Whatever the body was: that is the last word of the label.
    act = call["client_label"].rpartition(" ")[0]
    try:
        found = list(api.pages("list_api_activity", parameters={**workspace, "client": act}))
    except PermissionDeniedError:
        return None
    return [entry for entry in found if str(entry.get("client")).rpartition(" ")[0] == act]


def _done(entries: list[Entry] | None) -> Entry | None:
    """Return the entry by which it was done; a repeat that was answered from memory did nothing."""
    done = (e for e in entries or () if int(e["http_status"]) < 400 and e.get("outcome") != "replayed")
    return next(done, None)


def _refused(entries: list[Entry] | None, done: Entry | None, label: str) -> int:
    """Return of how many keys the answer may be a refusal that PostBoost keeps: so often another was tried."""
    seen = list(entries or ())
    if done is not None:
        return sum(400 <= int(entry["http_status"]) < 429 for entry in seen[seen.index(done) :])
    # A body that met another one's key was refused as well, and says nothing of what became of that.
    return len({e["client"] for e in seen if 400 <= int(e["http_status"]) < 429 and e["client"] != label})


def _key_is_sure(done: Entry) -> bool:
    at = read_utc(done.get("created_at"))
    return at is not None and datetime.now(UTC) - at < KEY_IS_SURE_FOR


def _done_already(op: Operation, done: Entry) -> PostBoostConfigError:
    lost = " Delete it: nobody has its secret any more." if op.secret else ""
    return PostBoostConfigError(
        f"{op.operation}: this task has done it already, at {done.get('created_at')} by PostBoost's activity log, and "
        f"PostBoost does not give the answer again.{lost} {_where_to_look(op)} To do it once more, give the task another "
        "idempotency_salt."
    )


def _sent_differently(op: Operation, done: Entry | None) -> PostBoostConfigError:
    if done is not None:
        seen = (
            f"this task has done it with another body, at {done.get('created_at')}. Change what it made, or"
        )
    else:
        seen = (
            "an earlier try of this task has sent it with another body, and the token may not read the activity log "
            f"(ability 'read') that tells what became of it. {_where_to_look(op)} To send it all the same,"
        )
    return PostBoostConfigError(f"{op.operation}: {seen} give the task another idempotency_salt.")


def _why_unseen(op: Operation) -> str:
    if op.tier == "workspace":
        return "the token may not read the activity log (ability 'read')"
    return "it takes no idempotency key, and PostBoost's activity log is about workspaces alone"


def _where_to_look(op: Operation) -> str:
    """Say which operation lists what this one makes, where there is one."""
    lists = (o.operation for o in load_operations().values() if o.path == op.path and o.is_list)
    name = next(lists, None)
    return f"Look for it with {name}." if name else "Look for it in PostBoost."
