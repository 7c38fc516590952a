"""The fields of a post's body -> what its author wrote: columns of a calendar, arguments of an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.account_name import account_name
from postboost_provider.api.error_mapping import say
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.publishing.post import Problem, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WORDS = {
    "date": "publish_at",
    "time": "publish_at",
    "timezone": "publish_at",
    "schedule": "publish_at",
    "allow_duplicate": "on_duplicate",
}


class ErrorMapping:
    """The words for one body, and for a row's shorter one: what it does not hold is named as well as it can be.

    :param body: what was sent for the row.
    :param find: gives the accounts that a name means, or raises :class:`PostBoostConfigError`.
    """

    def __init__(
        self,
        row: Row,
        body: Mapping[str, Any],
        find: Callable[[Sequence[str | int]], list[Mapping[str, Any]]],
    ) -> None:
        self._row = row
        self._body = body
        self._find = find
        # A post that is written in a DAG has arguments, and a row of a calendar has columns.
        self._is_single = row.place == "post"

    def problems(self, errors: Mapping[str, Sequence[str]]) -> list[Problem]:
        """Return what the API says is wrong as problems of the row."""
        return [
            Problem(word, say(name, list(texts), word))
            for name, texts in errors.items()
            for word in (self.word(name),)
        ]

    def word(self, field: str) -> str:
        """Return the author's word for a field such as ``versions.1.content.0.body`` or ``accounts.0``."""
        head, *rest = field.split(".")
        if head == "versions":
            return self._word_in_version(rest)
        if head == "accounts":
            found = self._at(head, *rest[:1]) if rest else None
            return f"accounts ({self._account(found)})" if found else head
        if head == "accounts_schedule":
            found = self._at(head, *rest[:1], "account_id")
            return f"account_times ({self._account(found)})" if found else "account_times"
        if head in ("queue", "schedule_now"):
            return "publish" if self._is_single else "mode"
        return WORDS.get(head, head)

    def _word_in_version(self, rest: Sequence[str]) -> str:
        account_id = self._at("versions", *rest[:1], "account_id")
        what = self._part(rest)
        who = self._variant(account_id, what) if account_id else None
        if who is None:
            named = what
        else:
            named = f"variants[{who!r}][{what!r}]" if self._is_single else f"{what}:{who}"
        name = self._medium(rest, who) if what == "media" else None
        return f"{named} ({name})" if name else named

    def _part(self, rest: Sequence[str]) -> str:
        """Return which part of what is published a field of a version is about."""
        if "media" in rest or "video_thumbs" in rest:
            return "media"
        if "options" in rest:
            return "options"
        if rest[1:2] != ["content"] or rest[2:3] in ([], ["0"]):
            return "text"
        said = self._at("versions", *rest[:3], "body")
        threads = [self._row.thread, *(v.thread or () for v in self._row.variants)]
        return "thread" if any(said in thread for thread in threads) else "first_comment"

    def _variant(self, account_id: int, what: str) -> str | None:
        """Return the name under which the author gave the account this of its own, or None."""
        named = None
        # What is said of an account goes before what is said of its network.
        for variant in sorted(self._row.variants, key=lambda v: not is_provider(v.who)):
            name = f"{variant.who}:*" if is_provider(variant.who) else variant.who
            try:
                accounts = self._find([name])
            except PostBoostConfigError:
                continue
            if getattr(variant, what) is not None and any(int(a["id"]) == int(account_id) for a in accounts):
                named = variant.who
        return named

    def _medium(self, rest: Sequence[str], who: str | None) -> str | None:
        media = next((v.media for v in self._row.variants if v.who == who), None) or self._row.media
        index = rest[-1] if rest[-2:-1] == ["media"] else ""
        return media[int(index)] if index.isdecimal() and int(index) < len(media) else None

    def _account(self, account_id: Any) -> str:
        return find_account_name(self._find, account_id)

    def _at(self, *way: str) -> Any:
        """Return what is there in the body, or None."""
        found: Any = self._body
        for step in way:
            try:
                found = found[int(step)] if isinstance(found, list) else found[step]
            except (IndexError, KeyError, TypeError, ValueError):
                return None
        return found


def find_account_name(find: Callable[[Sequence[str | int]], list[Mapping[str, Any]]], account_id: Any) -> str:
    """Return an account as people write it, or its id where it can't be looked up."""
    try:
        account = find([account_id])[0]
    except PostBoostConfigError:
        return f"account {account_id}"
    return account_name(account)


def is_provider(who: str) -> bool:
    """Tell the name of a network from that of an account."""
    return who.replace("_", "").isalpha()
