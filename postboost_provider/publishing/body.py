"""A post with ids in place of names -> the body of ``create_post``, ``update_post`` and ``validate_post``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.times import planned, schedule_fields
from postboost_provider.polling.outcome import account_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


# Item 1 of a version's content is the first comment here (SDK 1.66.3) ...
FIRST_COMMENT_PROVIDERS = frozenset(
    {"facebook_page", "instagram", "instagram_standalone", "linkedin", "linkedin_page"}
)
# ... the next part of a thread there, which readers see as a reply below the post ...
THREAD_PROVIDERS = frozenset({"twitter", "threads", "bluesky", "mastodon", "pixelfed"})
# ... and is dropped silently elsewhere.


@dataclass(frozen=True)
class Content:
    """What is published on an account.

    :param media: ids, in order.
    :param thread: the parts of a thread after ``text``, on networks that have threads.
    :param first_comment: a comment below the post; on networks that have threads a reply, unless there is a ``thread``.
    :param options: the network's own options, such as a title for YouTube.
    """

    text: str
    media: Sequence[int] = ()
    thread: Sequence[str] = ()
    first_comment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def post_body(
    mode: str,
    accounts: Sequence[Mapping[str, Any]],
    contents: Mapping[int, Content],
    *,
    publish_at: datetime | None = None,
    tags: Sequence[int] = (),
    account_times: Mapping[int, datetime] | None = None,
    ai_generated: bool | None = None,
) -> dict[str, Any]:
    """Return the body for ``create_post``, ``update_post`` and ``validate_post``.

    :param contents: what is published by account id, and under 0 what all the others get.
    :param account_times: other times for some accounts, by account id.
    :param ai_generated: whether networks label the post; None leaves it to PostBoost.
    :raises PostBoostConfigError: a network would silently drop a part of it, or mode ``schedule`` has no time.
    """
    body: dict[str, Any] = {
        "versions": _versions(accounts, contents),
        "accounts": [int(account["id"]) for account in accounts],
        "tags": list(tags),
    }
    if mode == "schedule":
        if publish_at is None:
            raise PostBoostConfigError(
                "A scheduled post needs a time: set publish_at.", code="missing_time", field="publish_at"
            )
        body |= planned(publish_at)
    elif mode != "draft":
        body[{"queue": "queue", "now": "schedule_now"}[mode]] = True
    if account_times:
        times = dict(sorted(account_times.items()))
        body |= {"timezone": "UTC", "accounts_schedule": account_schedule(times)}
    if ai_generated is not None:
        body["ai_generated"] = ai_generated
    return body


def account_schedule(times: Mapping[int, datetime]) -> list[dict[str, Any]]:
    """Return the times that accounts have of their own; their ``timezone`` is that of the post."""
    fields = {account_id: schedule_fields(at) for account_id, at in times.items()}
    return [{"account_id": i, "date": at["date"], "time": at["time"]} for i, at in fields.items()]


def _versions(accounts: Sequence[Mapping[str, Any]], contents: Mapping[int, Content]) -> list[dict[str, Any]]:
    """Return the original, and a version for each account whose content or options differ from it."""
    common = next((account for account in accounts if int(account["id"]) not in contents), None)
    original = content_items(contents[0], common)
    versions: list[dict[str, Any]] = [{"account_id": 0, "is_original": True, "content": original}]
    for account in accounts:
        account_id = int(account["id"])
        content = contents.get(account_id, contents[0])
        items, options = content_items(content, account), _options(content, account)
        if items != original or options:
            version = {"account_id": account_id, "is_original": False, "content": items}
            versions.append({**version, **({"options": options} if options else {})})
    return versions


def content_items(content: Content, account: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the items of a version's content as the account's network needs them.

    :raises PostBoostConfigError: a thread or a first comment for a network that would drop it.
    """
    # If the token may not list accounts, their networks are not known, and PostBoost decides.
    provider = account["provider"] if account else None
    comment = [content.first_comment] if content.first_comment else []
    further: list[str] = []
    if provider is None or provider in THREAD_PROVIDERS:
        further = list(content.thread) or comment
    elif provider in FIRST_COMMENT_PROVIDERS:
        if content.thread and not comment:
            raise _dropped("thread", account)
        further = comment
    elif content.thread or comment:
        raise _dropped("thread" if content.thread else "first_comment", account)
    return [{"body": content.text, "media": list(content.media)}, *({"body": text} for text in further)]


def dropped_part(content: Content, provider: str | None) -> str | None:
    """Return which of ``thread`` and ``first_comment`` is dropped because the network publishes the other, if one is.

    :raises PostBoostConfigError: both are set, and the network is not known: ``provider`` is None.
    """
    if not (content.thread and content.first_comment):
        return None
    if provider is None:
        raise PostBoostConfigError(
            "Without the ability 'read' of the API key, it is not known whether the account has threads or first comments. "
            "Give the key that ability, or set only one of the two.",
            code="accounts_unreadable",
            field="thread",
        )
    return "first_comment" if provider in THREAD_PROVIDERS else "thread"


def _dropped(part: str, account: Mapping[str, Any] | None) -> PostBoostConfigError:
    message = (
        f"{account_name(account) if account else 'an account'} does not support a {part.replace('_', ' ')}."
    )
    return PostBoostConfigError(message, code="not_published", field=part)


def _options(content: Content, account: Mapping[str, Any]) -> dict[str, Any]:
    if not content.options:
        return {}
    values = dict(content.options)
    if account["provider"] == "tiktok":
        # TikTok's options are maps by account (SDK 1.66.3); authors write the value.
        key = f"account-{int(account['id'])}"
        values = {name: v if isinstance(v, dict) else {key: v} for name, v in values.items()}
    return {str(account["provider"]): values}
