"""Injected faults: failing accounts, throttling, server errors, delays and dropped connections."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, fields
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.sandbox.core.models import Account

THROTTLE_CODE = "too_many_requests"
# Faults of publishing; the others are faults of a request.
ACCOUNT_KINDS = ("fail_account", "fail_comment")
KINDS = (*ACCOUNT_KINDS, "throttle", "server_error", "delay", "drop_before", "drop_after")
_WHOLE_NUMBERS = {"count", "after", "account_id", "status"}
_NUMBERS = {"retry_after", "seconds"}


class FaultError(ValueError):
    """A fault rule is invalid."""


@dataclass(slots=True)
class Fault:
    """A fault rule. It counts down ``after``, the matches to skip, and then ``count``, the matches to act on.

    :param operation: the operation it applies to, ``*`` for any. Faults of accounts ignore it: they count attempts to
        publish, whatever started them.
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
        """Count one match, and return whether the rule acts on it."""
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
    """Return validated rules.

    :raises FaultError: a kind, a key or an operation is unknown.
    """
    names = [each.name for each in fields(Fault)]
    faults = []
    for rule in rules:
        for name in rule:
            if name not in names:
                raise FaultError(f"A fault has no key {name!r}. Its keys are: {', '.join(names)}.")
        if rule.get("kind") not in KINDS:
            raise FaultError(
                f"{rule.get('kind')!r} is not a kind of fault. The kinds are: {', '.join(KINDS)}."
            )
        if rule.get("operation", "*") not in ("*", *load_operations()):
            raise FaultError(f"The operation {rule['operation']!r} does not exist.")
        for name in _WHOLE_NUMBERS | _NUMBERS:
            kinds = int if name in _WHOLE_NUMBERS else (int, float)
            if rule.get(name) is not None and (
                isinstance(rule[name], bool) or not isinstance(rule[name], kinds)
            ):
                raise FaultError(f"A fault's {name} must be a number, not {rule[name]!r}.")
        if rule["kind"] in ACCOUNT_KINDS and not (rule.get("account_id") or rule.get("provider")):
            raise FaultError(f"{rule['kind']} needs an account_id or a provider.")
        defaults = {"retry_after": 1} if rule["kind"] == "throttle" else {}
        faults.append(Fault(**{**defaults, **rule}))
    return faults


def due_for_request(faults: list[Fault], operation: str) -> Fault | None:
    """Return the fault of this request: the first that is due. A request has at most one."""
    for fault in faults:
        if fault.kind not in ACCOUNT_KINDS and fault.operation in ("*", operation) and fault.due():
            return fault
    return None


def due_for_account(faults: list[Fault], account: Account, kind: str = "fail_account") -> Fault | None:
    """Return the fault of this kind for this attempt to publish."""
    for fault in faults:
        matches = fault.account_id == account.id or fault.provider == account.provider
        if fault.kind == kind and matches and fault.due():
            return fault
    return None


def account_errors(fault: Fault, account: Account) -> list[Any]:
    """Return the errors of a failed account of a post.

    A raw network error has two entries, a readable line and an object; any other failure has one line (SDK 1.66.3,
    ``Account.errors``).
    """
    message = fault.message or "The network rejected the post."
    if fault.code is None and fault.raw is None:
        return [message]
    line = f"{account.provider}: {message}" + (f" (code {fault.code})" if fault.code is not None else "")
    return [line, {"platform": account.provider, "code": fault.code, "message": message, "raw": fault.raw}]


def injected_response(fault: Fault, *, throttle_code: bool) -> Response | None:
    """Return the response of a throttle or a server error; the request is not handled.

    :param throttle_code: whether a throttle has a code if the rule has none.
    """
    headers = {}
    if fault.retry_after is not None:
        # A date is read by the client's clock; the sandbox's own may be ahead of it.
        when = formatdate(time.time() + fault.retry_after, usegmt=True)
        headers["Retry-After"] = when if fault.http_date else str(math.ceil(fault.retry_after))
    if fault.kind == "throttle":
        wait = math.ceil(fault.retry_after or 0)
        headers |= {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}
        headers["X-RateLimit-Reset"] = str(int(time.time()) + wait)
        body: dict[str, Any] = {"message": fault.message or "Too Many Attempts."}
        code = fault.code or (THROTTLE_CODE if throttle_code else None)
        return Response.of({**body, **({"code": code} if code else {})}, 429, headers)
    if fault.kind == "server_error":
        return Response.of({"message": fault.message or "Server Error"}, fault.status, headers)
    return None
