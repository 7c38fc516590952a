"""The diagnosis of a connection: everything that ``postboost check`` reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    ModeError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    is_retryable,
)
from postboost_provider.api.expiry import describe_span
from postboost_provider.api.settings import API_PATH, DEFAULT_BASE_URL, is_loopback
from postboost_provider.connection.check import Checks, Finding, check_extras, check_safety
from postboost_provider.connection.key_expiry import look_up_expiry
from postboost_provider.services.account_health import read_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postboost_provider.api.requests import CallArguments
    from postboost_provider.api.settings import ClientSettings

LABEL = "airflow-provider-postboost check"
NOBODY = "00000000-0000-0000-0000-000000000000"
# One request for each ability. It changes nothing even if it is allowed, because what it names does not exist.
PROBES: dict[str, tuple[str, CallArguments]] = {
    "write": ("delete_tag", {"parameters": {"tag_uuid": NOBODY}}),
    "publish": ("retry_post_account", {"parameters": {"post_uuid": NOBODY, "account_uuid": NOBODY}}),
    "ai": ("image_alt_text", {"body": {"media_uuid": NOBODY}}),
    "webhooks": ("list_webhook_subscriptions", {}),
}
NEEDED = ("read", "write", "publish")
# The clock decides what is in the past: a scheduled time, an expiry date, a calendar's window.
TOLERATED_SKEW = timedelta(seconds=30)
LARGEST_SKEW = timedelta(minutes=5)


def diagnose(
    read: Callable[[], tuple[ClientSettings, list[str]]],
    min_validity: timedelta,
    admin_conn_id: str | None,
    connect: Callable[[str], PostBoostClient],
    *,
    posting: bool = False,
    remarks: Callable[[], list[str]] = list,
) -> Iterator[Finding]:
    """Yield the findings about a connection. Nothing is changed in PostBoost.

    :param read: reads the connection: its settings, and the names of its unknown extras.
    :param min_validity: how long its token must last from now.
    :param admin_conn_id: an admin's connection, to look up when a scoped key expires; ``connect`` returns its client.
    :param posting: whether the connection is to post: what keeps it from that is an error instead of a warning.
    :param remarks: returns what is odd about the connection, but does no harm.
    """
    try:
        settings, unknown = read()
    except PostBoostConfigError as error:
        yield Finding("error", "connection", str(error))
        return
    yield check_extras(unknown) or Finding("ok", "connection", f"{settings.name} is complete.")
    for remark in remarks():
        yield Finding("warning", "connection", remark)
    if (safety := check_safety(settings)) is not None:
        yield safety
    yield _base_url(settings)
    try:
        if admin_conn_id and settings.scoped_key_id:
            with connect(admin_conn_id) as admin:
                settings = replace(settings, expiry=look_up_expiry(settings, admin, admin_conn_id))
    except PostBoostError as error:
        yield Finding("warning", "expiry", f"The expiry date of the scoped key can't be looked up: {error}")
    try:
        client = PostBoostClient(settings, attempts=3, deadline_seconds=30)
    except PostBoostConfigError as error:
        yield Finding("error", "connection", str(error))
        return
    with client as api:
        checks = Checks(settings, api.send)
        yield checks.token()
        if not checks.works:
            return
        yield checks.expiry(min_validity)
        for found in (
            checks.workspaces(),
            _role(checks, posting),
            checks.panel(),
            _plan(checks),
            _clock(checks),
        ):
            if found is not None:
                yield found
        if settings.workspace_uuid and not (checks.refusal and not checks.refusal.code):
            yield _abilities(checks, posting)
            yield from _accounts(checks)


def _base_url(settings: ClientSettings) -> Finding:
    url = settings.base_url
    if url == DEFAULT_BASE_URL:
        return Finding("ok", "base URL", f"{url}, PostBoost's own.")
    if not url.endswith(API_PATH):
        text = f"{url} does not end in {API_PATH}, as PostBoost's own, {DEFAULT_BASE_URL}, does."
        return Finding("warning", "base URL", text, "Correct the host, or leave the path out.")
    if is_loopback(urlsplit(url).hostname or ""):
        return Finding("ok", "base URL", f"{url}, a sandbox on this machine.")
    text = f"{url} is not PostBoost's own, {DEFAULT_BASE_URL}."
    return Finding("warning", "base URL", text, "Check that this is intended.")


def _role(checks: Checks, posting: bool) -> Finding | None:
    pivot = (checks.membership or {}).get("pivot")
    if not isinstance(pivot, dict) or not (role := pivot.get("role")):
        return None
    may_approve = ", and may approve posts" if pivot.get("can_approve") else ""
    text = f"The token's user has the role {role} in the workspace{may_approve}."
    if role == "viewer":
        level: Literal["warning", "error"] = "error" if posting else "warning"
        return Finding(level, "role", text, "A viewer can only read. Posting needs a member or an admin.")
    return Finding("ok", "role", text)


def _plan(checks: Checks) -> Finding | None:
    """A workspace whose plan has no API access responds with 403 to everything (SDK 1.66.3)."""
    if not checks.settings.workspace_uuid:
        return None
    if checks.refusal is None:
        return Finding("ok", "plan", "The workspace's plan has API access.")
    if isinstance(checks.refusal, PermissionDeniedError) and not checks.refusal.code and checks.membership:
        text = "The workspace refuses one of its members. Its plan seems to have no API access."
        return Finding("error", "plan", text, "Ask the owner of the workspace to check its plan.")
    return None


def _clock(checks: Checks) -> Finding | None:
    try:
        theirs = parsedate_to_datetime(checks.server_date or "")
    except ValueError:
        return None
    # A time whose zone is not known is one of UTC.
    skew = abs(datetime.now(UTC) - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)))
    if skew <= TOLERATED_SKEW:
        return Finding("ok", "clock", "The clocks of this machine and the server agree.")
    text = f"The clocks of this machine and the server differ by {describe_span(skew)}."
    todo = "Set this machine's clock by NTP: it decides what is in the past."
    return Finding("warning" if skew <= LARGEST_SKEW else "error", "clock", text, todo)


def _abilities(checks: Checks, posting: bool) -> Finding:
    can: dict[str, bool | None] = {"read": checks.refusal is None}
    for ability, (operation, arguments) in PROBES.items():
        try:
            checks.send(operation, **arguments, client_label=LABEL)
            can[ability] = True
        except PermissionDeniedError:
            can[ability] = False
        except ModeError:
            can[ability] = None
        except PostBoostError as error:
            # PostBoost checks the ability first: "not found" or "not valid" means that the token has it.
            can[ability] = None if is_retryable(error) else True
    by_result = {result: [a for a, value in can.items() if value is result] for result in (True, False, None)}
    text = f"The token's abilities: {', '.join(by_result[True]) or 'none'}"
    text += f"; not {', '.join(by_result[False])}" if by_result[False] else ""
    text += f"; unknown: {', '.join(by_result[None])}" if by_result[None] else ""
    if lacking := [ability for ability in NEEDED if can[ability] is False]:
        todo = f"Posting also needs {', '.join(lacking)}: a key with that ability, or a user with the role member."
        return Finding("error" if posting else "warning", "abilities", f"{text}.", todo)
    return Finding("ok", "abilities", f"{text}.")


def _accounts(checks: Checks) -> Iterator[Finding]:
    now = datetime.now(UTC)
    try:
        entries = checks.send("get_account_health").payload["data"]
        accounts = [read_account(entry, now) for entry in entries]
    except (PostBoostError, AttributeError, KeyError, TypeError, ValueError) as error:
        yield Finding("warning", "accounts", f"The accounts can't be read ({type(error).__name__}: {error}).")
        return
    if not accounts:
        todo = "Connect one in PostBoost, under Accounts."
        yield Finding("warning", "accounts", "The workspace has no account.", todo)
        return
    good = sum(not account.problems for account in accounts)
    yield Finding("ok", "accounts", f"{good} of {len(accounts)} accounts can publish.")
    for account in accounts:
        if account.problems:
            yield Finding("warning", "accounts", f"{account}")
        elif account.status in ("expiring", "failing"):
            at = f" at {account.expires_at:%Y-%m-%d %H:%M} UTC" if account.expires_at else ""
            what = f"its connection expires{at}" if account.status == "expiring" else "its latest post failed"
            todo = f"Reconnect it: {account.reconnect_url}" if account.reconnect_url else ""
            yield Finding("warning", "accounts", f"{account.label}: {what}.", todo)
