"""Why an operation is not sent again: it is done, may be done, or was sent with another body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.operations import Operation, load_operations
from postboost_provider.idempotency.log_check import prove_sight
from postboost_provider.idempotency.memory import LOG_IS_SURE_FOR, key_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Actor


def check_memory_of(
    api: PostBoostClient,
    actor: Actor,
    op: Operation,
    entries: list[LogEntry] | None,
    since: timedelta,
    parameters: Mapping[str, Any],
) -> bool:
    """Refuse to do again what an earlier attempt may have done, where nothing can tell.

    :param entries: what the activity log has of it, without any success; None where the log can't be read.
    :return: whether the log was proven to show what is written.
    :raises PostBoostConfigError: ``code`` is ``unknown_outcome``, ``beyond_memory`` or ``blind_log``.
    """
    unknown = f"{op.operation}: an earlier attempt of this task may have done it already"
    if entries is None and not op.idempotency_key:
        message = f"{unknown}, and there is no way to tell: {why_unseen(op)}. {what_to_do(op)}"
        raise PostBoostConfigError(message, code="unknown_outcome", field="on_unknown")
    if since >= (key_memory(api) if entries is None else LOG_IS_SURE_FOR):
        kept = (
            "an idempotency key for 24 hours at most" if entries is None else "its activity log for 90 days"
        )
        raise PostBoostConfigError(
            f"{unknown}, and PostBoost keeps {kept}. {what_to_do(op)}",
            code="beyond_memory",
            field="on_unknown",
        )
    if op.idempotency_key and since < key_memory(api):
        return False
    # Without a key, what an earlier attempt has on its way is waited for.
    has_key = op.idempotency_key and key_memory(api)
    if not prove_sight(api, actor, parameters.get("workspace_uuid"), waits=not has_key):
        raise PostBoostConfigError(
            f"{unknown}, and PostBoost's activity log does not show the request that it has just sent. Retry the task if the log is late. "
            f"{what_to_do(op)}",
            code="blind_log",
            field="on_unknown",
        )
    return True


def already_done(op: Operation, done: LogEntry) -> PostBoostConfigError:
    lost = " Delete it: its secret is lost." if op.secret else ""
    return PostBoostConfigError(
        f"{op.operation}: this task has done it already, at {done.created_at}, and PostBoost does not return the response "
        f"again.{lost} {where_to_look(op)} To do it once more, give the task another idempotency_salt.",
        code="already_done",
        field="idempotency_salt",
    )


def other_body(op: Operation, done: LogEntry | None) -> PostBoostConfigError:
    seen = (
        f"this task has done it with another body, at {done.created_at}. Change what it created, or give"
        if done is not None
        else "an earlier attempt has sent it with another body, and the token may not read the activity log (ability 'read') "
        f"that has its outcome. {where_to_look(op)} To send it anyway, give"
    )
    return PostBoostConfigError(
        f"{op.operation}: {seen} the task another idempotency_salt.", code="other_body", field="body"
    )


def why_unseen(op: Operation) -> str:
    if op.tier == "workspace":
        return "the token may not read the activity log (ability 'read')"
    return "it takes no idempotency key, and PostBoost's activity log is only about workspaces"


def where_to_look(op: Operation) -> str:
    lists = (f"with {o.operation}" for o in load_operations().values() if o.path == op.path and o.is_list)
    return f"Look for it {next(lists, 'in PostBoost')}."


def what_to_do(op: Operation) -> str:
    return f"{where_to_look(op)} If it does not exist, set on_unknown='send': then it is sent again."
