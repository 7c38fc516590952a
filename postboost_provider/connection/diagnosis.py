"""Everything that can be found out about a connection: what ``postboost check`` says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.credentials import describe_span
from postboost_provider.api.errors import (
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.api.requests import DEFAULT_BASE_URL, is_loopback
from postboost_provider.connection.check import Check, Finding, extras
from postboost_provider.connection.key_expiry import look_up_expiry
from postboost_provider.services.account_health import read_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postboost_provider.api.requests import ClientSettings

LABEL = "airflow-provider-postboost check"
NOBODY = "00000000-0000-0000-0000-000000000000"
# A request for each ability that can't do anything, whether it is allowed or not: what it names does not exist.
PROBES: dict[str, tuple[str, dict[str, Any]]] = {
    "write": ("delete_tag", {"parameters": {"tag_uuid": NOBODY}}),
    "publish": ("retry_post_account", {"parameters": {"post_uuid": NOBODY, "account_uuid": NOBODY}}),
    "ai": ("image_alt_text", {"body": {"media_uuid": NOBODY}}),
    "webhooks": ("list_webhook_subscriptions", {}),
}
NEEDED = ("read", "write", "publish")
# The clock decides what is in the past: a planned time, a token's date, a calendar's window.
TOLERATED_SKEW = timedelta(seconds=30)
LARGEST_SKEW = timedelta(minutes=5)


def checkup(
    read: Callable[[], tuple[ClientSettings, list[str]]],
    min_validity: timedelta,
    admin_conn_id: str | None,
    connect: Callable[[str], PostBoostClient],
) -> Iterator[Finding]:
    """Give the findings about a connection, one after the other. Nothing is changed at PostBoost.

    :param read: reads the connection: its settings, and the names of extras that are not known.
    :param min_validity: how long its token must last from now on.
    :param admin_conn_id: an admin's connection, to look up when a scoped key expires.
    :param connect: gives a client of that connection.
    """
    try:
        settings, unknown = read()
    except PostBoostConfigError as error:
        yield Finding("error", "connection", str(error))
        return
    yield extras(unknown) or Finding("ok", "connection", f"{settings.name} is complete.")
    yield _base_url(settings)
    try:
        if admin_conn_id and settings.scoped_key_id:
            with connect(admin_conn_id) as admin:
                settings = replace(settings, expiry=look_up_expiry(settings, admin, admin_conn_id))
    except PostBoostError as error:
        yield Finding("warning", "expiry", f"When the scoped key expires can't be looked up: {error}")
    try:
        client = PostBoostClient(settings, attempts=3, deadline_seconds=30)
    except PostBoostConfigError as error:
        yield Finding("error", "connection", str(error))
        return
    with client as api:
        check = Check(settings, api.send)
        yield check.token()
        if not check.is_alive:
            return
        yield check.expiry(min_validity)
        for found in (check.workspaces(), _role(check), check.panel(), _plan(check), _clock(check)):
            if found is not None:
                yield found
        if settings.workspace_uuid and not (check.refusal and not check.refusal.code):
            yield _abilities(check)
            yield from _accounts(check)


def _base_url(settings: ClientSettings) -> Finding:
    url = settings.base_url
    if url == DEFAULT_BASE_URL:
        return Finding("ok", "base URL", f"{url}, PostBoost's own.")
    host = url.partition("://")[2].partition("/")[0]
    if is_loopback(host.rpartition(":")[0] or host):
        return Finding("ok", "base URL", f"{url}, on this machine: a sandbox.")
    return Finding(
        "warning", "base URL", f"{url} is not PostBoost's own, {DEFAULT_BASE_URL}.", "Is that meant?"
    )


def _role(check: Check) -> Finding | None:
    pivot = (check.membership or {}).get("pivot") or {}
    role = pivot.get("role")
    if not role:
        return None
    may_approve = ", and may approve posts" if pivot.get("can_approve") else ""
    said = f"The token's user is {role} of the workspace{may_approve}."
    if role == "viewer":
        return Finding("warning", "role", said, "A viewer can read: posting takes a member or an admin.")
    return Finding("ok", "role", said)


def _plan(check: Check) -> Finding | None:
    """A workspace whose plan has no API access answers 403 to everything (SDK 1.66.3)."""
    if not check.settings.workspace_uuid:
        return None
    if check.refusal is None:
        return Finding("ok", "plan", "The workspace's plan has API access.")
    if isinstance(check.refusal, PermissionDeniedError) and not check.refusal.code and check.membership:
        said = "The workspace refuses one of its members: its plan seems to have no API access."
        return Finding("error", "plan", said, "Ask the owner of the workspace to look at its plan.")
    return None


def _clock(check: Check) -> Finding | None:
    try:
        theirs = parsedate_to_datetime(check.server_date or "")
    except ValueError:
        return None
    skew = abs(datetime.now(UTC) - theirs)
    if skew <= TOLERATED_SKEW:
        return Finding("ok", "clock", "The clocks of this machine and of the server agree.")
    said = f"The clocks of this machine and of the server are {describe_span(skew)} apart."
    todo = "Set this machine's by NTP: it decides what has passed."
    return Finding("warning" if skew <= LARGEST_SKEW else "error", "clock", said, todo)


def _abilities(check: Check) -> Finding:
    can: dict[str, bool | None] = {"read": check.refusal is None}
    for ability, (operation, call) in PROBES.items():
        try:
            check.send(operation, **call, client_label=LABEL)
            can[ability] = True
        except PermissionDeniedError:
            can[ability] = False
        except (RateLimitedError, ServerError, UnconfirmedError, UnreachableError):
            can[ability] = None
        except PostBoostError:
            # Not found, not valid, used up: none of these is said to one who may not.
            can[ability] = True
    told = {word: [a for a, value in can.items() if value is word] for word in (True, False, None)}
    said = f"It may {', '.join(told[True]) or 'nothing'}"
    said += f"; not {', '.join(told[False])}" if told[False] else ""
    said += f"; not known: {', '.join(told[None])}" if told[None] else ""
    if lacking := [ability for ability in NEEDED if can[ability] is False]:
        todo = f"Posting takes {', '.join(lacking)}, too: a key with that ability, or a user with the role member."
        return Finding("warning", "abilities", f"{said}.", todo)
    return Finding("ok", "abilities", f"{said}.")


def _accounts(check: Check) -> Iterator[Finding]:
    now = datetime.now(UTC)
    try:
        entries = check.send("get_account_health").payload["data"]
        accounts = [read_account(entry, now) for entry in entries]
    except PostBoostError as error:
        yield Finding("warning", "accounts", f"The accounts can't be read: {error}")
        return
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        yield Finding("warning", "accounts", f"PostBoost's answer on the accounts can't be read ({error!r}).")
        return
    if not accounts:
        yield Finding(
            "warning", "accounts", "There is no account.", "Connect one in PostBoost, under Accounts."
        )
        return
    good = sum(not account.problems for account in accounts)
    yield Finding("ok", "accounts", f"{good} of {len(accounts)} accounts can publish.")
    for account in accounts:
        if account.problems:
            yield Finding("warning", "accounts", f"{account}")
        elif account.status in ("expiring", "failing"):
            ends = f" at {account.expires_at:%Y-%m-%d %H:%M} UTC" if account.expires_at else ""
            what = f"its connection ends{ends}" if account.status == "expiring" else "its latest post failed"
            todo = f"Reconnect it: {account.reconnect_url}" if account.reconnect_url else ""
            named = f"{account.provider} {account.name!r} (id {account.id})"
            yield Finding("warning", "accounts", f"{named}: {what}.", todo)
