"""Read a post from a request body: its versions, accounts, tags and schedule."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.sandbox.core.validation import Fields, as_integer, is_integer

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.media_models import Media
    from postboost_provider.sandbox.core.models import Account, Workspace

_TAG = re.compile(r"</?[A-Za-z!][^>]*>")
Plan = Literal["draft", "at", "queue", "now"]


@dataclass(slots=True)
class PostInput:
    """A post as it was sent.

    :param plan: the requested scheduling. Which flag wins is not documented; here it is ``schedule_now``, then
        ``queue``, then ``schedule``.
    :param plan_stated: whether the body has ``schedule``, even if false.
    :param at: ``date`` and ``time`` in UTC; a draft keeps it.
    :param account_times: publish times of single accounts; None if none were sent.
    """

    versions: list[dict[str, Any]]
    accounts: list[Account]
    tag_ids: list[int]
    plan: Plan
    plan_stated: bool
    at: datetime | None
    account_times: dict[int, datetime] | None
    allow_duplicate: bool


def media_by_id(workspace: Workspace) -> dict[int, Media]:
    return {media.id: media for media in workspace.media.values()}


def read_post(call: Call, fields: Fields) -> PostInput:
    """Return the post of the body; errors are left in ``fields.errors``."""
    workspace = call.workspace
    versions = _versions(fields, workspace, call.store.settings.text_processing)
    ids = fields.ids("accounts", workspace.accounts, "account")
    accounts = [workspace.accounts[each] for each in ids]
    tag_ids = fields.ids("tags", {tag.id for tag in workspace.tags.values()}, "tag")
    flags = {name: fields.boolean(name) for name in ("schedule_now", "queue", "schedule", "ai_generated")}
    plan: Plan = (
        "now"
        if flags["schedule_now"]
        else "queue"
        if flags["queue"]
        else "at"
        if flags["schedule"]
        else "draft"
    )
    zone = fields.timezone("timezone", workspace.timezone)
    at = fields.moment(zone, required=plan == "at")
    account_times = read_account_times(fields, zone, accounts)
    if plan == "at":
        reject_past(fields, call.now, at, account_times)
    if plan != "draft" and not fields.values.get("accounts"):
        fields.add_error("accounts", "The accounts field is required.")
    return PostInput(
        versions=versions,
        accounts=accounts,
        tag_ids=tag_ids,
        plan=plan,
        plan_stated=flags["schedule"] is not None,
        at=at,
        account_times=account_times,
        allow_duplicate=bool(fields.boolean("allow_duplicate")) or allows_duplicate(call),
    )


def allows_duplicate(call: Call) -> bool:
    return call.headers.get("x-allow-duplicate", "").lower() in ("true", "1")


def named_accounts(values: Mapping[str, Any]) -> list[Any]:
    """Return every account id in a post's body, to check it against a limited key's accounts."""
    versions = values.get("versions")
    accounts = values.get("accounts")
    ids = list(accounts) if isinstance(accounts, list) else []
    for version in versions if isinstance(versions, list) else []:
        if isinstance(version, Mapping):
            ids.append(version.get("account_id", 0))
    return [as_integer(each) for each in ids]


def read_account_times(
    fields: Fields, zone: ZoneInfo, accounts: Sequence[Account]
) -> dict[int, datetime] | None:
    """Return ``accounts_schedule``; entries for accounts that are not on the post are ignored (SDK 1.66.3)."""
    if fields.values.get("accounts_schedule") is None:
        return None
    own = {account.id for account in accounts}
    times = {}
    for index, value in enumerate(fields.items("accounts_schedule")):
        entry = fields.inside(f"accounts_schedule.{index}", value)
        moment = entry.moment(zone, required=True)
        account_id = as_integer(entry.present("account_id", required=True))
        if is_integer(account_id) and account_id in own and moment is not None:
            times[account_id] = moment
    return times


def reject_past(
    fields: Fields, now: datetime, at: datetime | None, account_times: Mapping[int, datetime] | None
) -> None:
    if at is not None and at < now:
        fields.add_error("date", "The post cannot be scheduled in the past.")
    if any(moment < now for moment in (account_times or {}).values()):
        fields.add_error("accounts_schedule", "An account cannot be scheduled in the past.")


def _versions(fields: Fields, workspace: Workspace, processing: str) -> list[dict[str, Any]]:
    library = media_by_id(workspace)
    versions = []
    for index, value in enumerate(fields.items("versions", required=True)):
        version = fields.inside(f"versions.{index}", value)
        is_original = bool(version.boolean("is_original", required=True))
        account_id = as_integer(version.values.get("account_id"))
        if account_id is None:
            version.add_error("account_id", "The account id field is required.")
        elif not is_integer(account_id):
            version.add_error("account_id", "The account id field must be an integer.")
        elif index == 0 and account_id != 0:
            version.add_error("account_id", "The original version uses account_id 0.")
        elif index > 0 and account_id not in workspace.accounts:
            version.add_error("account_id", "The selected account is invalid.")
        synced_with = as_integer(version.values.get("synced_with"))
        if synced_with is not None and not is_integer(synced_with):
            version.add_error("synced_with", "The synced with field must be an integer.")
        options = version.present("options") or {}
        versions.append(
            {
                "account_id": account_id,
                "is_original": is_original,
                "synced_with": None if is_original else synced_with,
                "content": _content(version, library, processing),
                "options": dict(version.inside("options", options).values),
            }
        )
    # The message is from PostBoost's errors page; that the original must be first, from SDK 1.66.3.
    if versions and not any(version["is_original"] for version in versions):
        fields.add_error("versions.0.is_original", "At least one version with is_original: true is required.")
    elif versions and not versions[0]["is_original"]:
        fields.add_error("versions.0.is_original", "The first version must be the original.")
    return versions


def _stored_text(text: str, processing: str) -> str:
    """Return the text as the setting ``text_processing`` has it stored."""
    if processing == "trim":
        return text.strip()
    if processing == "strip_tags":
        return _TAG.sub("", text)
    return html.unescape(text) if processing == "decode_entities" else text


def _content(version: Fields, library: Mapping[int, Media], processing: str) -> list[dict[str, Any]]:
    content = []
    for index, value in enumerate(version.items("content", required=True)):
        item = version.inside(f"content.{index}", value)
        content.append(
            {
                "body": _stored_text(item.text("body") or "", processing),
                "url": item.text("url"),
                "media": item.ids("media", library, "media"),
                "video_thumbs": item.items("video_thumbs"),
            }
        )
    return content
