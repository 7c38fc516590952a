"""What can be found out about a connection, each finding with its cure: nothing secret, nothing personal."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.credentials import describe_span, probe_of, shortfall
from postboost_provider.api.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostError,
    PostBoostRequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.requests import ClientSettings, Reply

# Airflow runs ``test_connection`` inside its API server: it may not hold a worker of that up.
TOTAL_SECONDS = 9.0
LONGEST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out. ``todo`` says what to do, where something is to be done."""

    level: Literal["ok", "warning", "error"]
    topic: str
    said: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.said} {self.todo}".rstrip()

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def check_connection(settings: ClientSettings, unknown_extras: list[str]) -> tuple[bool, str]:
    """Return whether tasks can work with the connection, with a message for a person: ``test_connection``.

    Only a 401 means that the token is dead.
    """
    ends = time.monotonic() + TOTAL_SECONDS

    def send(operation: str, **call: Any) -> Reply:
        left = max(0.2, (ends - time.monotonic()) / 2)
        hurried = replace(settings, timeout_seconds=min(settings.timeout_seconds, left / 2))
        with PostBoostClient(hurried, attempts=1, deadline_seconds=left / 2) as api:
            return api.send(operation, **call)

    check = Check(settings, send)
    found: list[Finding | None] = [check.token()]
    if check.is_alive:
        found += [check.workspaces(), check.panel(), check.expiry(None), extras(unknown_extras)]
    said = " ".join(str(finding) for finding in found if finding is not None)
    return not any(finding.level == "error" for finding in found if finding is not None), said


def extras(unknown: list[str]) -> Finding | None:
    if not unknown:
        return None
    return Finding("warning", "connection", f"Unknown extras, which are not used: {', '.join(unknown)}.")


class Check:
    """Find out about a connection with reads; the first is :meth:`token`, which the others build on.

    :param send: sends an operation, as :meth:`~postboost_provider.api.client.PostBoostClient.send` does.
    """

    def __init__(self, settings: ClientSettings, send: Callable[..., Reply]) -> None:
        self.settings = settings
        self.send = send
        self.is_alive = False
        self.refusal: PostBoostRequestError | None = None
        self.server_date: str | None = None
        self.mine: list[dict[str, Any]] | None = None

    def token(self) -> Finding:
        """Say whether the token is alive, and may read where the tasks will."""
        try:
            self.server_date = self.send(probe_of(self.settings)).date
        except (NotFoundError, PermissionDeniedError) as error:
            self.is_alive, self.refusal = True, error
            return Finding("error", "token", f"The token is alive, but: {error}")
        except PostBoostRequestError as error:
            why = (
                str(error)
                if isinstance(error, AuthenticationError)
                else f"PostBoost answered, but not as expected: {error}"
            )
            return Finding("error", "token", why)
        except PostBoostError as error:
            return Finding("error", "token", str(error))
        self.is_alive = True
        return Finding("ok", "token", f"Connected to {self.settings.base_url}.")

    def expiry(self, min_validity: timedelta | None) -> Finding:
        """Say when the token expires; None wants nothing of it."""
        expiry, now = self.settings.expiry, datetime.now(UTC)
        said = f"The token {expiry.describe(now)}."
        if expiry.kind == "unknown":
            return Finding("warning", "expiry", said, "Set expires_on to be warned in time.")
        if expiry.is_over(now):
            level: Literal["warning", "error"] = "warning" if min_validity is None else "error"
            return Finding(level, "expiry", said, "PostBoost still accepts it: correct expires_on.")
        if min_validity is not None and shortfall(expiry, now, min_validity, None):
            wanted = f"At least {describe_span(min_validity)} are wanted: rotate it."
            return Finding("error", "expiry", said, wanted)
        return Finding("ok", "expiry", said)

    def workspaces(self) -> Finding | None:
        """Say which workspaces the token's user is a member of, and whether the configured one is among them."""
        try:
            found = self.send("list_my_workspaces").payload["data"]
            self.mine = [{**w, "name": str(w["name"]), "uuid": str(w["uuid"])} for w in found]
        except (PostBoostError, KeyError, TypeError):
            if not self.settings.workspace_uuid:
                return None
            said = "Which workspaces it sees can't be told: a scoped key may not list them."
            return Finding("ok", "workspaces", said)
        names = [f"{w['name']} ({w['uuid']})" for w in self.mine[:LONGEST_NAMES]]
        more = f" and {len(self.mine) - LONGEST_NAMES} more" if len(self.mine) > LONGEST_NAMES else ""
        count = f"{len(self.mine)} workspace{'' if len(self.mine) == 1 else 's'}"
        seen = f"It sees {count}: {', '.join(names) or 'none'}{more}."
        if not self.settings.workspace_uuid:
            return Finding(
                "warning", "workspaces", seen, "Set workspace_uuid to one of them, or name it in each task."
            )
        if self.membership is not None:
            return Finding("ok", "workspaces", f"{seen} The configured one is among them.")
        missing = f"{seen} The configured one, {self.settings.workspace_uuid}, is not among them:"
        return Finding("error", "workspaces", missing, "correct workspace_uuid.")

    @property
    def membership(self) -> dict[str, Any] | None:
        """The configured workspace as its member sees it, once :meth:`workspaces` has looked."""
        return next((w for w in self.mine or () if w["uuid"] == self.settings.workspace_uuid), None)

    def panel(self) -> Finding:
        try:
            self.send("list_workspaces")
        except PermissionDeniedError:
            return Finding("ok", "panel", "The admin panel is closed to it, which only platform admins need.")
        except PostBoostError:
            return Finding("ok", "panel", "Whether the admin panel answers can't be told.")
        return Finding("ok", "panel", "The admin panel answers too.")
