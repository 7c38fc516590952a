"""What ``test_connection`` looks at and how it says so: nothing secret, nothing personal, a cure for each failure."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostError,
    PostBoostRequestError,
)

if TYPE_CHECKING:
    from postboost_provider.api.contract import ClientSettings

# Airflow runs this inside its API server: it may not hold a worker of that up.
TOTAL_SECONDS = 9.0
LONGEST_NAMES = 5


def check_connection(settings: ClientSettings, unknown_extras: list[str]) -> tuple[bool, str]:
    """Return whether tasks can work with the connection, with a message for a person.

    Only a 401 means that the token is dead.
    """
    ends = time.monotonic() + TOTAL_SECONDS
    refused = ""
    try:
        _read(settings, "list_tags" if settings.workspace_uuid else "list_my_workspaces", ends, share=0.5)
    except AuthenticationError as error:
        return False, str(error)
    except (NotFoundError, PermissionDeniedError) as error:
        refused = str(error)
    except PostBoostRequestError as error:
        return False, f"PostBoost answered, but not as expected: {error}"
    except PostBoostError as error:
        return False, str(error)
    workspaces = _workspaces(settings, ends)
    is_member = workspaces is None or not settings.workspace_uuid or _find(settings, workspaces) is not None
    said = [
        f"Connected to {settings.base_url}." if not refused else f"The token is alive, but: {refused}",
        _describe_workspaces(settings, workspaces),
        _describe_panel(settings, ends),
        f"The token {settings.expiry.describe(datetime.now(UTC))}.",
        "Set expires_on to be warned in time." if settings.expiry.kind == "unknown" else "",
        f"Unknown extras, which are not used: {', '.join(unknown_extras)}." if unknown_extras else "",
    ]
    return not refused and is_member, " ".join(filter(None, said))


def _find(settings: ClientSettings, workspaces: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((w for w in workspaces if w["uuid"] == settings.workspace_uuid), None)


def _read(settings: ClientSettings, operation: str, ends: float, share: float = 1.0) -> Any:
    left = max(0.2, (ends - time.monotonic()) * share)
    hurried = replace(settings, timeout_seconds=min(settings.timeout_seconds, left / 2))
    with PostBoostClient(hurried, attempts=1, deadline_seconds=left / 2) as api:
        return api.call(operation)


def _workspaces(settings: ClientSettings, ends: float) -> list[dict[str, Any]] | None:
    """Return the workspaces that the token's user is a member of, or None where that can't be told."""
    try:
        found = _read(settings, "list_my_workspaces", ends, share=0.5)["data"]
        return [{"name": str(w["name"]), "uuid": str(w["uuid"])} for w in found]
    except (PostBoostError, KeyError, TypeError):
        return None


def _describe_workspaces(settings: ClientSettings, workspaces: list[dict[str, Any]] | None) -> str:
    if workspaces is None:
        return (
            "Which workspaces it sees can't be told: a scoped key may not list them."
            if settings.workspace_uuid
            else ""
        )
    names = [f"{w['name']} ({w['uuid']})" for w in workspaces[:LONGEST_NAMES]]
    more = f" and {len(workspaces) - LONGEST_NAMES} more" if len(workspaces) > LONGEST_NAMES else ""
    seen = f"It sees {len(workspaces)} workspace{'' if len(workspaces) == 1 else 's'}: {', '.join(names) or 'none'}{more}."
    if not settings.workspace_uuid:
        return f"{seen} Set workspace_uuid to one of them, or name it in each task."
    if _find(settings, workspaces) is not None:
        return f"{seen} The configured one is among them."
    return f"{seen} The configured one, {settings.workspace_uuid}, is not among them: correct workspace_uuid."


def _describe_panel(settings: ClientSettings, ends: float) -> str:
    try:
        _read(settings, "list_workspaces", ends)
    except PermissionDeniedError:
        return "The admin panel is closed to it, which only platform admins need."
    except PostBoostError:
        return "Whether the admin panel answers can't be told."
    return "The admin panel answers too."
