"""The fields of a post's body -> the columns or arguments that its author wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.field_errors import describe_field
from postboost_provider.polling.outcome import account_name
from postboost_provider.publishing.post import Post, Problem, Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FIELDS = {
    **dict.fromkeys(("date", "time", "timezone", "schedule"), "publish_at"),
    "allow_duplicate": "on_duplicate",
}


@dataclass(frozen=True, slots=True)
class ErrorMapping:
    """Map the fields of one body to what the author of its post wrote.

    :param body: what was sent for the post. A field that it does not have is named as precisely as possible.
    :param find: returns the accounts that a name means, or raises :class:`PostBoostConfigError`.
    """

    post: Post
    body: Mapping[str, Any]
    find: Callable[[Sequence[str | int]], list[Mapping[str, Any]]]

    def field(self, name: str) -> str:
        """Return the author's name for a field such as ``versions.1.content.0.body`` or ``accounts.0``."""
        head, *rest = name.split(".")
        if head == "versions":
            return self._field_in_version(rest)
        if head == "accounts":
            account_id = self._at(head, *rest[:1]) if rest else None
            return f"accounts ({find_account_name(self.find, account_id)})" if account_id else head
        if head == "accounts_schedule":
            account_id = self._at(head, *rest[:1], "account_id")
            return (
                f"account_times ({find_account_name(self.find, account_id)})"
                if account_id
                else "account_times"
            )
        if head in ("queue", "schedule_now"):
            return "mode" if self.post.is_row else "publish"
        return FIELDS.get(head, head)

    def _field_in_version(self, rest: Sequence[str]) -> str:
        account_id = self._at("versions", *rest[:1], "account_id")
        part = self._part(rest)
        variant = self._variant(account_id, part) if account_id else None
        field = self.post.variant_field(variant.target, part) if variant else part
        name = self._medium(rest, variant) if part == "media" else None
        return f"{field} ({name})" if name else field

    def _part(self, rest: Sequence[str]) -> str:
        """Return the part of the content that a field of a version belongs to."""
        if "media" in rest or "video_thumbs" in rest:
            return "media"
        if "options" in rest:
            return "options"
        if rest[1:2] != ["content"] or rest[2:3] in ([], ["0"]):
            return "text"
        text = self._at("versions", *rest[:3], "body")
        threads = [self.post.thread, *(v.thread or () for v in self.post.variants)]
        return "thread" if any(text in thread for thread in threads) else "first_comment"

    def _variant(self, account_id: int, part: str) -> Variant | None:
        """Return the variant that gives the account this part, or None."""
        # An account's variant overrides that of its network.
        for variant in sorted(self.post.variants, key=lambda v: is_provider(v.target)):
            try:
                accounts = self.find([account_pattern(variant.target)])
            except PostBoostError:
                # The error that is mapped must be reported, whatever happens here.
                continue
            if getattr(variant, part) is not None and any(int(a["id"]) == int(account_id) for a in accounts):
                return variant
        return None

    def _medium(self, rest: Sequence[str], variant: Variant | None) -> str | None:
        media = (variant.media if variant else None) or self.post.media
        index = rest[-1] if rest[-2:-1] == ["media"] else ""
        return media[int(index)] if index.isdecimal() and int(index) < len(media) else None

    def _at(self, *path: str) -> Any:
        """Return the value at a path of the body, or None."""
        found: Any = self.body
        for step in path:
            try:
                found = found[int(step)] if isinstance(found, list) else found[step]
            except (IndexError, KeyError, TypeError, ValueError):
                return None
        return found


def read_problems(errors: Mapping[str, Sequence[str]], field: Callable[[str], str]) -> list[Problem]:
    """Return the API's messages by field of the body as problems; ``field`` returns the author's name of one."""
    fields = {name: field(name) for name in errors}
    return [
        Problem(clean_text(fields[name]), clean_text(describe_field(name, list(texts), fields[name])))
        for name, texts in errors.items()
    ]


def find_account_name(find: Callable[[Sequence[str | int]], list[Mapping[str, Any]]], account_id: Any) -> str:
    """Return the name of an account, or its id where it can't be looked up."""
    try:
        return account_name(find([account_id])[0])
    except PostBoostError:
        return f"account {account_id}"


def is_provider(target: str) -> bool:
    """Return whether this is the name of a network, not of an account."""
    return target.replace("_", "").isalpha()


def account_pattern(target: str) -> str:
    """Return the name by which the accounts of a network, or one account, are found."""
    return f"{target}:*" if is_provider(target) else target
