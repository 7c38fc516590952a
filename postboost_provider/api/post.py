"""What a person means by a post -> the body the API wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

Mode = Literal["draft", "schedule", "queue", "now"]

# Item 1 of a version's content is the first comment here (PostBoost's create_post, SDK 1.66.3) ...
FIRST_COMMENT_PROVIDERS = frozenset(
    {"facebook_page", "instagram", "instagram_standalone", "linkedin", "linkedin_page"}
)
# ... the next part of a thread there, which readers see as a reply below the post ...
THREAD_PROVIDERS = frozenset({"twitter", "threads", "bluesky", "mastodon", "pixelfed"})
# ... and is dropped without a word elsewhere.


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its author means it, with ids in place of names.

    :param publish_at: the aware instant that ``schedule`` is for; PostBoost plans to the minute.
    :param media: integer ids, in order.
    """

    text: str
    accounts: Sequence[Mapping[str, Any]]
    mode: Mode
    publish_at: datetime | None = None
    media: Sequence[int] = ()
    tags: Sequence[int] = ()
    first_comment: str | None = None


def post_body(post: Post) -> dict[str, Any]:
    """Return the body for ``create_post``, ``update_post`` and ``validate_post``.

    :raises PostBoostConfigError: a first comment for a network that would drop it, or no time to schedule for.
    """
    content: list[dict[str, Any]] = [{"body": post.text, "media": list(post.media)}]
    if post.first_comment:
        check_first_comment(post.accounts)
        content.append({"body": post.first_comment})
    body: dict[str, Any] = {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [int(account["id"]) for account in post.accounts],
        "tags": list(post.tags),
    }
    if post.mode == "schedule":
        if post.publish_at is None:
            raise PostBoostConfigError("A post to be scheduled needs a time: give publish_at.")
        body |= {"schedule": True, "timezone": "UTC"}
        body |= {"date": f"{post.publish_at:%Y-%m-%d}", "time": f"{post.publish_at:%H:%M}"}
    elif post.mode == "queue":
        body["queue"] = True
    elif post.mode == "now":
        body["schedule_now"] = True
    return body


def check_first_comment(accounts: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a first comment that a network would drop without a word."""
    # A token that may not list accounts does not know their networks; then PostBoost decides.
    known = [a for a in accounts if a["provider"] is not None]
    dropped = [a for a in known if a["provider"] not in FIRST_COMMENT_PROVIDERS | THREAD_PROVIDERS]
    if dropped:
        names = ", ".join(f"{a['provider']}:{a.get('username') or a['name']}" for a in dropped)
        raise PostBoostConfigError(
            f"PostBoost publishes no first comment on {names}. Leave it out there: give these accounts a post of "
            "their own without one."
        )
