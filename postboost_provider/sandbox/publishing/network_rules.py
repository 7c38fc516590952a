"""The networks' rules: what a post must fulfill, and warnings for what a network will reject or ignore."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import Account, version_for

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from postboost_provider.sandbox.core.media_models import Media

# From PostBoost's own GitHub Action, and for Bluesky from the SDK 1.66.3.
TEXT_LIMITS = {
    "twitter": 280,
    "facebook_page": 5000,
    "instagram": 2200,
    "instagram_standalone": 2200,
    "mastodon": 500,
    "youtube": 5000,
    "pinterest": 500,
    "linkedin": 3000,
    "linkedin_page": 3000,
    "tiktok": 2200,
    "bluesky": 300,
}
NEEDS_MEDIA = {"instagram", "instagram_standalone", "pinterest", "tiktok", "youtube"}
_LINKEDIN = {"linkedin", "linkedin_page"}
_THREADING = {"twitter", "threads", "bluesky", "mastodon", "pixelfed"}
_COMMENTING = {"facebook_page", "instagram", "instagram_standalone"}
_LINK = re.compile(r"https?://\S+")


def live_parts(account: Account, content: Sequence[Mapping[str, Any]]) -> int:
    """Return how many items are published: the post, and a first comment or the rest of a thread (SDK 1.66.3)."""
    if account.provider in _THREADING:
        return len(content)
    return min(2, len(content)) if account.provider in _COMMENTING else 1


def requirements(
    versions: list[dict[str, Any]],
    accounts: Sequence[Account],
    library: Mapping[int, Media],
    blocked_media: Container[int] = (),
) -> dict[str, list[str]]:
    """Return why the post cannot be scheduled to these accounts, as the ``errors`` of a 422.

    :param blocked_media: media that cannot be scheduled yet.
    """
    errors: dict[str, list[str]] = {}
    for account in accounts:
        version = version_for(versions, account)
        where = f"versions.{versions.index(version)}"
        content, options = version["content"], version["options"]
        limit = TEXT_LIMITS.get(account.provider)
        for index, item in enumerate(content):
            if limit is not None and len(item["body"]) > limit:
                message = f"{account.provider} ({account.name}) allows at most {limit} characters."
                errors.setdefault(f"{where}.content.{index}.body", []).append(message)
            if any(each in blocked_media for each in item["media"]):
                message = "A video is still being processed."
                errors.setdefault(f"{where}.content.{index}.media", []).append(message)
        attached = [library[each] for each in content[0]["media"] if each in library]
        for message in _media_problems(account, attached):
            errors.setdefault(f"{where}.content.0.media", []).append(message)
        if account.provider == "youtube":
            title = _option(options, "youtube", "title")
            if not isinstance(title, str) or not 1 <= len(title) <= 100:
                message = "YouTube needs a title of at most 100 characters."
                errors.setdefault(f"{where}.options.youtube.title", []).append(message)
        if account.provider in ("instagram", "instagram_standalone"):
            collaborators = _option(options, account.provider, "collaborators")
            if isinstance(collaborators, list) and len(collaborators) > 3:
                message = "Instagram allows at most 3 collaborators."
                errors.setdefault(f"{where}.options.{account.provider}.collaborators", []).append(message)
    return errors


def _option(options: Mapping[str, Any], network: str, name: str) -> Any:
    own = options.get(network)
    return own.get(name) if isinstance(own, dict) else None


def _media_problems(account: Account, attached: list[Media]) -> list[str]:
    if account.provider in NEEDS_MEDIA and not attached:
        return [f"{account.provider} ({account.name}) requires media."]
    if any(media.mime_type == "application/pdf" for media in attached):
        if account.provider not in _LINKEDIN:
            return [f"{account.provider} ({account.name}) does not accept PDFs; only LinkedIn does."]
        if len(attached) > 1:
            return ["A PDF must be the only media of a post."]
    return []


def warnings(
    versions: list[dict[str, Any]], accounts: Sequence[Account], library: Mapping[int, Media]
) -> list[dict[str, Any]]:
    """Return what a network will reject or ignore; warnings do not prevent scheduling (SDK 1.66.3)."""
    found = []
    for account in accounts:
        content = version_for(versions, account)["content"]
        for code, message in _warnings_for(account.provider, content, library):
            found.append({"code": code, "account_id": account.id, "message": message})
    return found


def _warnings_for(
    provider: str, content: Sequence[Mapping[str, Any]], library: Mapping[int, Media]
) -> list[tuple[str, str]]:
    found = []
    body = content[0]["body"]
    if provider == "threads":
        if any(_threads_length(item["body"]) > 500 for item in content):
            found.append(("threads_too_long", "Threads allows at most 500 characters."))
        if any(len(_LINK.findall(item["body"])) > 5 for item in content):
            found.append(("threads_too_many_links", "Threads allows at most 5 links."))
    if provider in _LINKEDIN and len(content) > 1:
        message = "First comments are not enabled for LinkedIn here; the comment will not be posted."
        found.append(("linkedin_first_comment_unavailable", message))
    if provider == "youtube":
        if len(body.encode()) > 5000:
            found.append(
                ("youtube_description_too_long", "YouTube allows at most 5000 bytes of description.")
            )
        if "<" in body or ">" in body:
            found.append(("youtube_forbidden_characters", "YouTube does not allow < and > in a description."))
    if provider in ("instagram", "instagram_standalone"):
        for media in (library[each] for each in content[0]["media"] if each in library):
            if media.width and media.height and not 4 / 5 <= media.width / media.height <= 1.91:
                found.append(("instagram_image_ratio", "Instagram accepts images from 4:5 to 1.91:1."))
    return found


def _threads_length(text: str) -> int:
    """Count as Threads does: an emoji counts as its UTF-8 bytes, other characters as one (SDK 1.66.3)."""
    return sum(len(char.encode()) if ord(char) > 0xFFFF else 1 for char in text)
