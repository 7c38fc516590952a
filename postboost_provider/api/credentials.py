"""Why PostBoost rejected a token, and how to find out whether one works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from postboost_provider.api.expiry import ROTATION_STEPS

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.api.settings import ClientSettings


def probe_of(settings: ClientSettings) -> str:
    """Return a read operation that gets a 401 only if the token does not work. A 403 means that it works."""
    return "list_tags" if settings.workspace_uuid else "list_my_workspaces"


@dataclass(slots=True)
class Refusal:
    """What a client knows about a rejected token, beyond what its settings say.

    :param accepted: PostBoost accepted the same token earlier in this task.
    :param reread: what the connection had when it was read again: the ``same`` token, another one (``replaced``),
        another one for another host (``elsewhere``), or nothing if it was not read.
    """

    accepted: bool = False
    reread: Literal["", "same", "replaced", "elsewhere"] = ""


def explain_401(settings: ClientSettings, now: datetime, refusal: Refusal | None = None) -> tuple[str, str]:
    """Return why a token was rejected, as far as that is known, and what to do. The response is always the same."""
    if not settings.token:
        return "The request had no token.", "Set the connection's password."
    refusal = refusal or Refusal()
    whose = f"The token of {settings.name}"
    if refusal.reread == "elsewhere":
        return (
            f"{whose} was replaced since this task started, by one for another host, where it is not sent.",
            "Clear this task to start it with the current connection.",
        )
    start = {
        "": whose,
        "same": f"The connection was read again and still has the same token. {whose}",
        "replaced": f"{whose} was replaced since this task started, and the new one is rejected too. It",
    }[refusal.reread]
    return f"{start} {_cause(settings, now, refusal)}", ROTATION_STEPS


def _cause(settings: ClientSettings, now: datetime, refusal: Refusal) -> str:
    expiry, described = settings.expiry, settings.expiry.describe(now)
    if expiry.is_over(now):
        return f"{described}."
    dated = "" if expiry.kind == "unknown" else f"According to expires_on it {described}. "
    if refusal.accepted:
        return f"was accepted earlier in this task. {dated}It was revoked{'' if dated else ', or it has expired'}."
    if mistake := _mistake_in(settings.token):
        return f"is not accepted. It is mistyped: it {mistake}."
    if dated:
        return f"is not accepted. {dated}It was revoked or mistyped, or the date belongs to another token."
    return "is not accepted. It has expired, was revoked or is mistyped. Set expires_on to learn the cause next time."


def _mistake_in(token: str) -> str:
    """Return what shows that this text is not a token, or nothing. The result contains no part of the token."""
    if token and not token.strip("*"):
        return "consists of the asterisks that stand for a hidden token"
    if token.startswith(("'", '"', "`", "<")) or token.endswith(("'", '"', "`", ">")):
        return "has quotes or brackets around it"
    if token.startswith(("$", "{{", "%(")):
        return "is a placeholder that was never filled in"
    return ""
