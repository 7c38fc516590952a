"""Faults on request: accounts that fail, throttling, server errors, delays, connections that break off."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, fields
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.sandbox.core.models import Account

# What befalls an attempt to publish, and not a request.
OF_ACCOUNTS = ("fail_account", "fail_comment")
KINDS = (*OF_ACCOUNTS, "throttle", "server_error", "delay", "drop_before", "drop_after")
_WHOLE_NUMBERS = {"count", "after", "account_id", "status"}
_NUMBERS = {"retry_after", "seconds"}


class FaultError(ValueError):
    """Say what is wrong with a fault that was asked for."""


@dataclass(slots=True)
class Fault:
    """One rule, which counts itself down. ``after`` and ``count`` are what is left to skip and to do.

    :param operation: the operation it waits for, ``*`` for any. Those of accounts do not look at it: they
        count attempts to publish, whichever request or departure time began them.
    """

    kind: str
    operation: str = "*"
    count: int = 1
    after: int = 0
    account_id: int | None = None
    provider: str | None = None
    code: str | int | None = None
    message: str | None = None
    raw: Any = None
    status: int = 500
    retry_after: float | None = None
    http_date: bool = False
    seconds: float = 0.0

    def due(self) -> bool:
        """Count one match, and tell whether the rule acts on it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.count <= 0:
            return False
        self.count -= 1
        return True

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_faults(rules: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return the rules, checked.

    :raises FaultError: a kind, a key or an operation is unknown.
    """
    names = [each.name for each in fields(Fault)]
    faults = []
    for rule in rules:
        for name in rule:
            if name not in names:
                raise FaultError(f"A fault has no {name!r}. It may have: {', '.join(names)}.")
        if rule.get("kind") not in KINDS:
            raise FaultError(f"A fault's kind is one of {', '.join(KINDS)}, not {rule.get('kind')!r}.")
        if rule.get("operation", "*") not in ("*", *load_operations()):
            raise FaultError(f"There is no operation {rule['operation']!r}.")
        for name in _WHOLE_NUMBERS | _NUMBERS:
            kinds = int if name in _WHOLE_NUMBERS else (int, float)
            if rule.get(name) is not None and (
                isinstance(rule[name], bool) or not isinstance(rule[name], kinds)
            ):
                raise FaultError(f"A fault's {name} is a number, not {rule[name]!r}.")
        if rule["kind"] in OF_ACCOUNTS and not (rule.get("account_id") or rule.get("provider")):
            raise FaultError(f"{rule['kind']} needs an account_id or a provider.")
        waits = {"retry_after": 1} if rule["kind"] == "throttle" else {}
        faults.append(Fault(**{**waits, **rule}))
    return faults


def due_for_request(faults: list[Fault], operation: str) -> Fault | None:
    """Return the fault that befalls this request: the first that is due. One request meets one fault."""
    for fault in faults:
        if fault.kind not in OF_ACCOUNTS and fault.operation in ("*", operation) and fault.due():
            return fault
    return None


def due_for_account(faults: list[Fault], account: Account, kind: str = "fail_account") -> Fault | None:
    """Return the fault of this kind that befalls this attempt to publish."""
    for fault in faults:
        mine = fault.account_id == account.id or fault.provider == account.provider
        if fault.kind == kind and mine and fault.due():
            return fault
    return None


def account_errors(fault: Fault, account: Account) -> list[Any]:
    """Return why publishing failed, as posts carry it.

    A raw network error is two entries, a readable line and an object; any other failure is one line (SDK 1.66.3,
    ``Account.errors``).
    """
    message = fault.message or "The network refused the post."
    if fault.code is None and fault.raw is None:
        return [message]
    line = f"{account.provider}: {message}" + (f" (code {fault.code})" if fault.code is not None else "")
    return [line, {"platform": account.provider, "code": fault.code, "message": message, "raw": fault.raw}]


def injected_reply(fault: Fault) -> Reply | None:
    """Return the answer that a throttle or a server error gives in place of acting."""
    headers = {}
    if fault.retry_after is not None:
        # A date has to make sense on the client's clock, which the sandbox's own may have left behind.
        when = formatdate(time.time() + fault.retry_after, usegmt=True)
        headers["Retry-After"] = when if fault.http_date else str(math.ceil(fault.retry_after))
    if fault.kind == "throttle":
        wait = math.ceil(fault.retry_after or 0)
        headers |= {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}
        headers["X-RateLimit-Reset"] = str(int(time.time()) + wait)
        body: dict[str, Any] = {"message": fault.message or "Too Many Attempts."}
        return Reply.of({**body, **({"code": fault.code} if fault.code else {})}, 429, headers)
    if fault.kind == "server_error":
        return Reply.of({"message": fault.message or "Server Error"}, fault.status, headers)
    return None
