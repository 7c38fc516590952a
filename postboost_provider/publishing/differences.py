"""Compare a post in PostBoost with what was asked for."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostError, UnconfirmedError
from postboost_provider.api.operations import get_operation
from postboost_provider.api.pagination import first_page, items_of, next_page
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import read_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.publishing.post_history import KnownPost

# How many lists of posts, newest first, to search for one whose uuid the activity log lacks.
MOST_LISTS = 10
# The log's entry is written when the post is.
ENTRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a post that differs from what was sent.

    :param is_text: it is a text, and not an account or the time.
    :param is_altered: PostBoost's processing of texts explains it: spaces, tags, entities.
    """

    what: str
    asked: Any
    found: Any
    is_text: bool = False
    is_altered: bool = False

    def __str__(self) -> str:
        return f"{self.what} is {self.found!r}, and {self.asked!r} was sent"


def differences(body: Mapping[str, Any], post: Mapping[str, Any]) -> list[Difference]:
    """Return what differs: the accounts, each account's texts, and the time of a scheduled post.

    :param body: of ``create_post``.
    :param post: as PostBoost returns it. What a response lacks is not compared.
    """
    with reading_response("get_post"):
        return _differences(body, post)


def _differences(body: Mapping[str, Any], post: Mapping[str, Any]) -> list[Difference]:
    found: list[Difference] = []
    accounts = {int(i) for i in body.get("accounts") or ()}
    if isinstance(post.get("accounts"), list):
        reached = {int(account["id"]) for account in post["accounts"] if account.get("id") is not None}
        if reached != accounts:
            found.append(Difference("accounts", sorted(accounts), sorted(reached)))
    if post.get("versions"):
        for account_id in sorted({0, *accounts}):
            asked, seen = _texts(body["versions"], account_id), _texts(post["versions"], account_id)
            # The accounts without texts of their own get those of the original.
            if asked != seen and (asked, seen) not in [(each.asked, each.found) for each in found]:
                altered = [_plain(text) for text in asked] == [_plain(text) for text in seen]
                what = f"the text for account {account_id}" if account_id else "the text"
                found.append(Difference(what, asked, seen, is_text=True, is_altered=altered))
    asked_at, seen_at = _time(body), read_utc(post.get("scheduled_at"))
    if asked_at and seen_at and asked_at != seen_at:
        found.append(Difference("the scheduled time", str(asked_at), str(seen_at)))
    return found


def describe(found: Sequence[Difference]) -> str:
    return "; ".join(map(str, found))


def identify(api: PostBoostClient, known: KnownPost, body: Mapping[str, Any]) -> str:
    """Return the uuid of a post that the activity log has without one, found by its words and accounts.

    :raises UnconfirmedError: not exactly one post fits; ``code`` is ``uuid_unknown``. Not retryable.
    """

    def fits(post: Mapping[str, Any]) -> bool:
        # The time of a post that went out at once, or is out, is when that was.
        asked = body if post.get("status") in ("scheduled", "needs_approval") else {**body, "date": None}
        return all(each.is_altered for each in differences(asked, post))

    return find_made(api, known, fits)


def find_made(api: PostBoostClient, known: KnownPost, fits: Callable[[Mapping[str, Any]], bool]) -> str:
    """Return the uuid of the one post that fits, and was made when the activity log says, as a draft or not as one.

    :raises UnconfirmedError: as for :func:`identify`. A retry would find the same.
    """
    operation, made_at, found = get_operation("list_posts"), read_utc(known.created_at), []
    page: dict[str, Any] | None = first_page(operation, {})
    for _ in range(MOST_LISTS):
        if page is None:
            break
        payload = api.call("list_posts", parameters=page)
        for post in items_of(operation, payload):
            at = read_utc(post.get("created_at"))
            is_then = not (at and made_at) or abs((at - made_at).total_seconds()) <= ENTRY_SECONDS
            is_same_kind = known.mode is None or (post.get("status") == "draft") == (known.mode == "draft")
            if is_then and is_same_kind and fits(post):
                found.append(str(post["uuid"]))
        page = next_page(operation, page, payload)
    if len(found) == 1:
        return found[0]
    error = UnconfirmedError(
        f"PostBoost's activity log shows that this post was created, but not its uuid, and {len(found)} posts have its words, "
        "accounts and time. Nothing was sent. Look for it in PostBoost; give the task another key to publish it again.",
        code="uuid_unknown",
    )
    error.retryable = False
    raise error


def _texts(versions: Sequence[Mapping[str, Any]], account_id: int) -> list[str]:
    """Return the texts that an account gets."""
    original = next((v for v in versions if v.get("is_original")), versions[0])
    own = (v for v in versions if v.get("account_id") == account_id and not v.get("is_original"))
    return [str(item.get("body") or "") for item in next(own, original).get("content") or ()]


def _plain(text: str) -> str:
    """Return a text without what PostBoost may change in it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", html.unescape(text))).split())


def _time(body: Mapping[str, Any]) -> datetime | None:
    # Other modes, and accounts with times of their own, leave the time to PostBoost.
    if not (body.get("schedule") and body.get("date")) or body.get("accounts_schedule"):
        return None
    try:
        return read_utc(f"{body['date']} {body['time']}")
    except PostBoostError:
        return None
