"""The connection test, and the checks that it shares with the diagnosis. Findings contain nothing secret or personal."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Unpack

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.credentials import probe_of
from postboost_provider.api.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostError,
    PostBoostRequestError,
)
from postboost_provider.api.expiry import describe_span, shortfall
from postboost_provider.api.safety import explain
from postboost_provider.api.settings import API_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.requests import SendArguments
    from postboost_provider.api.responses import Response
    from postboost_provider.api.settings import ClientSettings

# Airflow runs ``test_connection`` inside its API server, and it must not block one of its workers for long.
TOTAL_SECONDS = 9.0
MAX_NAMES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``todo`` says what to do about it, if anything."""

    level: Literal["ok", "warning", "error"]
    topic: str
    message: str
    todo: str = ""

    def __str__(self) -> str:
        return clean_text(f"{self.message} {self.todo}".rstrip())

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def check_connection(settings: ClientSettings, unknown_extras: list[str]) -> tuple[bool, str]:
    """Return whether tasks can work with the connection, with a message for a person.

    Only a 401 means that PostBoost does not accept the token.
    """
    deadline = time.monotonic() + TOTAL_SECONDS

    def send(operation: str, **arguments: Unpack[SendArguments]) -> Response:
        left = max(0.2, (deadline - time.monotonic()) / 2)
        hurried = replace(settings, timeout_seconds=min(settings.timeout_seconds, left / 2))
        with PostBoostClient(hurried, attempts=1, deadline_seconds=left / 2) as api:
            return api.send(operation, **arguments)

    checks = Checks(settings, send)
    results: list[Finding | None] = [checks.token()]
    if checks.works:
        results += [checks.workspaces(), checks.panel(), checks.expiry(None)]
        results += [check_extras(unknown_extras), check_safety(settings)]
    findings = [finding for finding in results if finding]
    return all(finding.level != "error" for finding in findings), " ".join(map(str, findings))


def check_extras(unknown: list[str]) -> Finding | None:
    if not unknown:
        return None
    return Finding("warning", "connection", f"Unknown extras, which are ignored: {', '.join(unknown)}.")


def check_safety(settings: ClientSettings) -> Finding | None:
    """Report a safety mode: somebody may wonder why nothing is published."""
    if not (text := explain(settings)):
        return None
    return Finding("warning", "mode", text[0].upper() + text[1:])


@dataclass
class Checks:
    """Check a connection with read operations. :meth:`token` comes first; the others use its results.

    :ivar works: PostBoost accepts the token, even if it may not read what was asked for.
    :ivar refusal: the 403 or 404 that a working token got.
    """

    settings: ClientSettings
    send: Callable[..., Response]
    works: bool = False
    refusal: PostBoostRequestError | None = None
    server_date: str | None = None
    mine: list[dict[str, Any]] | None = None

    def token(self) -> Finding:
        """Report whether PostBoost accepts the token and lets it read where the tasks will work."""
        try:
            self.server_date = self.send(probe_of(self.settings)).date
        except NotFoundError as error:
            if not self.settings.base_url.endswith(API_PATH):
                text = f"Nothing was found at {self.settings.base_url}, which does not end in {API_PATH}: {error}"
                return Finding("error", "token", text, "Correct the host, or leave its path out.")
            self.works, self.refusal = True, error
            return Finding("error", "token", f"PostBoost accepts the token, but: {error}")
        except PermissionDeniedError as error:
            self.works, self.refusal = True, error
            return Finding("error", "token", f"PostBoost accepts the token, but: {error}")
        except PostBoostError as error:
            is_odd = isinstance(error, PostBoostRequestError) and not isinstance(error, AuthenticationError)
            prefix = "PostBoost's response was unexpected: " if is_odd else ""
            return Finding("error", "token", f"{prefix}{error}")
        self.works = True
        return Finding("ok", "token", f"Connected to {self.settings.base_url}.")

    def expiry(self, min_validity: timedelta | None) -> Finding:
        """Report when the token expires. ``min_validity`` is how long it must last, if there is a requirement."""
        expiry, now = self.settings.expiry, datetime.now(UTC)
        text = f"The token {expiry.describe(now)}."
        if expiry.kind == "unknown":
            return Finding("warning", "expiry", text, "Set expires_on to be warned in time.")
        if expiry.is_over(now):
            level: Literal["warning", "error"] = "warning" if min_validity is None else "error"
            return Finding(level, "expiry", text, "PostBoost still accepts it. Correct expires_on.")
        if min_validity is not None and shortfall(expiry, now, min_validity, None):
            todo = f"It must last at least {describe_span(min_validity)}. Rotate it."
            return Finding("error", "expiry", text, todo)
        return Finding("ok", "expiry", text)

    def workspaces(self) -> Finding | None:
        """Report the workspaces of the token's user, and whether the configured one is among them."""
        try:
            found = self.send("list_my_workspaces").payload["data"]
            self.mine = [{**w, "name": str(w["name"]), "uuid": str(w["uuid"])} for w in found]
        except (PostBoostError, KeyError, TypeError):
            if not self.settings.workspace_uuid:
                return None
            return Finding(
                "ok", "workspaces", "The token's workspaces are unknown: a scoped key may not list them."
            )
        names = [f"{w['name']} ({w['uuid']})" for w in self.mine[:MAX_NAMES]]
        more = f" and {len(self.mine) - MAX_NAMES} more" if len(self.mine) > MAX_NAMES else ""
        count = f"{len(self.mine)} workspace{'' if len(self.mine) == 1 else 's'}"
        seen = f"The token can see {count}: {', '.join(names) or 'none'}{more}."
        if not self.settings.workspace_uuid:
            todo = "Set workspace_uuid to one of them, or name the workspace in each task."
            return Finding("warning", "workspaces", seen, todo)
        if self.membership is None:
            text = f"{seen} The configured one, {self.settings.workspace_uuid}, is not among them."
            return Finding("error", "workspaces", text, "Correct workspace_uuid.")
        return Finding("ok", "workspaces", f"{seen} The configured one is among them.")

    @property
    def membership(self) -> dict[str, Any] | None:
        """The configured workspace as its member sees it. Known after :meth:`workspaces`."""
        return next((w for w in self.mine or () if w["uuid"] == self.settings.workspace_uuid), None)

    def panel(self) -> Finding:
        """Report whether the token opens the admin panel."""
        text = "The token can use the admin panel."
        try:
            self.send("list_workspaces")
        except PermissionDeniedError:
            text = "The token can't use the admin panel, which only platform admins need."
        except PostBoostError:
            text = "Whether the token can use the admin panel is unknown."
        return Finding("ok", "panel", text)
