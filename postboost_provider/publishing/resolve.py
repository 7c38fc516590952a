"""A post as its author writes it -> the body of its request, and the author's names for what PostBoost refuses."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    ValidationError,
)
from postboost_provider.idempotency.identity import digest
from postboost_provider.polling.outcome import account_name
from postboost_provider.publishing.body import (
    FIRST_COMMENT_PROVIDERS,
    Content,
    content_items,
    dropped_part,
    post_body,
)
from postboost_provider.publishing.error_mapping import (
    ErrorMapping,
    account_pattern,
    find_account_name,
    is_provider,
    read_problems,
)
from postboost_provider.publishing.post import VARIANT_FIELDS, InvalidPostError, Post, Problem, Variant
from postboost_provider.services.accounts import Accounts, load_accounts
from postboost_provider.services.media import upload as uploads
from postboost_provider.services.media.file_content import reading
from postboost_provider.services.media.library import media_id
from postboost_provider.services.media.upload import MediaFile, Medium
from postboost_provider.services.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

# What identifies a medium (uuid, hash of the content, or URL), and what to upload: None for a uuid.
Media = tuple[str, Medium | None]
# A post's own media under "", and those of a variant under its target.
MediaByTarget = dict[str, list[Media]]


class Resolver:
    """Find accounts, tags and media for the posts of one run: each is read, created or uploaded once.

    :param upload_again: upload a file again where an earlier attempt may have, and nothing tells.
    """

    def __init__(
        self, api: PostBoostClient, find_media: Callable[[str], MediaFile], *, upload_again: bool = False
    ) -> None:
        self._api = api
        self._upload_again = upload_again
        self._find_media = find_media
        self._read: dict[str, Medium] = {}
        self._ids: dict[tuple[str, str, str], int] = {}
        self._tags = Tags(api)
        self._accounts: Accounts | None = None

    def find_accounts(self, names: Sequence[str | int]) -> list[Mapping[str, Any]]:
        if self._accounts is None:
            self._accounts = load_accounts(self._api)
        return self._accounts.find(names)

    def account_name(self, account_id: int) -> str:
        """Return the name of an account, or its id where it can't be looked up."""
        return find_account_name(self.find_accounts, account_id)

    def describe_issue(self, issue: Mapping[str, Any]) -> str:
        """Return the message of a guardrail, with the account that it is about."""
        account_id = issue.get("account_id")
        message = clean_text(issue.get("message") or issue.get("code"))
        return message if account_id is None else f"{self.account_name(account_id)}: {message}"

    def tag_ids(self, names: Sequence[str], *, dry_run: bool) -> list[int]:
        """Return the ids of tags, creating missing ones; a dry run leaves them out."""
        missing = self._tags.missing(names) if dry_run else []
        names = [name for name in names if name not in missing]
        # The same key for every task: two that miss the same tag at once create one.
        return self._tags.ids(names, idempotency_key=digest("tags")) if names else []

    def read_medium(self, name: str) -> Media:
        """Read a file or check a URL or uuid. A file of many posts is read once."""
        with as_problem("media"), reading(name, "media"):
            if name not in self._read:
                self._read[name] = uploads.read_medium(name, self._find_media)
            medium = self._read[name]
            return medium.content, None if medium.is_item else medium

    def media_id(self, media: Media, salt: str) -> int:
        """Upload a medium and return its id. The same URL may serve another file for another ``salt``."""
        content, medium = media
        medium = medium or Medium(content, content)
        known = (content, medium.name, "" if medium.file else salt)
        with as_problem("media"), reading(medium.name, "media"):
            if known not in self._ids:
                item = uploads.upload_media(self._api, medium, salt=salt, upload_again=self._upload_again)
                self._ids[known] = media_id(uploads.wait_until_ready(self._api, item))
            return self._ids[known]


class PostResolution:
    """Resolve one post, and name its fields in what PostBoost refuses.

    :param media_salt: identifies the post; where each run publishes a new one, also the run.
    """

    def __init__(self, resolver: Resolver, post: Post, media_salt: str) -> None:
        self._resolver = resolver
        self._post = post
        self._media_salt = media_salt
        self._error_mapping: ErrorMapping | None = None

    def media(self) -> MediaByTarget:
        """Read the post's files without uploading them; one that can't be used is an :class:`InvalidPostError`."""
        named = {v.target: v.media for v in self._post.variants if v.media is not None}
        named = {"": self._post.media, **named}
        return {target: [self._resolver.read_medium(n) for n in names] for target, names in named.items()}

    def body(
        self, mode: str, media: MediaByTarget, *, dry_run: bool = False, all_times: bool = False
    ) -> dict[str, Any]:
        """Upload the post's files, create its tags, and return its body.

        :param dry_run: leave files and missing tags out instead.
        :param all_times: name the time of every account of a scheduled post, even without a time of its own.
        :raises InvalidPostError: a name is unknown, or an account can't be posted to.
        """
        post, resolver = self._post, self._resolver
        with as_problem("accounts"):
            accounts = resolver.find_accounts(post.accounts)
            if mode != "draft":
                _check_connected(accounts)
        with as_problem("tags"):
            tags = resolver.tag_ids(post.tags, dry_run=dry_run)
        times = self._times(accounts)
        if all_times and mode == "schedule" and post.publish_at is not None:
            times = {int(a["id"]): times.get(int(a["id"]), post.publish_at) for a in accounts}
        self._contents(accounts, {})
        if dry_run:
            media = {target: [m for m in found if m[1] is None] for target, found in media.items()}
        ids = {t: [resolver.media_id(m, self._media_salt) for m in found] for t, found in media.items()}
        body = post_body(
            mode,
            accounts,
            self._contents(accounts, ids),
            publish_at=post.publish_at,
            tags=tags,
            account_times=times,
            ai_generated=post.ai_generated,
        )
        self._error_mapping = ErrorMapping(post, body, resolver.find_accounts)
        return body

    def explain(self, error: PostBoostError) -> str:
        """Return what PostBoost refused, with the author's names of fields and accounts."""
        if isinstance(error, ValidationError) and error.errors and not error.is_mapped:
            return "PostBoost refused it: " + "; ".join(str(p) for p in self.problems(error.errors))
        if isinstance(error, PostBoostRequestError) and error.body.get("account_id"):
            return f"{self._resolver.describe_issue(error.body)} ({error})"
        return str(error)

    def problems(self, errors: Mapping[str, Sequence[str]]) -> list[Problem]:
        """Return the API's messages as problems of the post."""
        return read_problems(errors, self.field)

    def field(self, name: str) -> str:
        """Return the author's name of a field; the API's own while there is no body."""
        return self._error_mapping.field(name) if self._error_mapping else name

    def _times(self, accounts: Sequence[Mapping[str, Any]]) -> dict[int, datetime]:
        """Return the times that accounts have of their own, by account id."""
        times: dict[int, tuple[str, datetime]] = {}
        # An account's time overrides that of its network.
        for target, at in sorted(self._post.account_times, key=lambda time: not is_provider(time[0])):
            for account in self._among(accounts, target, "account_times"):
                earlier, _ = times.get(int(account["id"]), ("", at))
                _check_named_once("account_times", earlier, target)
                times[int(account["id"])] = (target, at)
        return {account_id: at for account_id, (_, at) in times.items()}

    def _contents(
        self, accounts: Sequence[Mapping[str, Any]], media: Mapping[str, Sequence[int]]
    ) -> dict[int, Content]:
        """Return what is published by account id, and under 0 what all the others get."""
        post = self._post
        contents = {0: Content(post.text, media.get("", ()), post.thread, post.first_comment)}
        # By account id and part: the target of the variant that gave it.
        given: dict[int, dict[str, str]] = {}
        for variant in sorted(post.variants, key=lambda v: not is_provider(v.target)):
            changes = {name: getattr(variant, name) for name in VARIANT_FIELDS}
            changes["media"] = media.get(variant.target)
            changes = {name: value for name, value in changes.items() if value is not None}
            for account in self._among(accounts, variant.target, self._variant_name(variant)):
                account_id = int(account["id"])
                contents[account_id] = replace(contents.get(account_id, contents[0]), **changes)
                for name in changes:
                    field = post.variant_field(variant.target, name)
                    _check_named_once(field, given.get(account_id, {}).get(name, ""), variant.target)
                given.setdefault(account_id, {}).update(dict.fromkeys(changes, variant.target))
        for account in accounts:
            account_id = int(account["id"])
            content, mine = contents.get(account_id, contents[0]), given.get(account_id, {})
            if (
                account["provider"] in FIRST_COMMENT_PROVIDERS
                and content.first_comment == ""
                and "thread" not in mine
            ):
                # A first comment is all that can follow the text there, and its variant leaves it out.
                contents[account_id] = content = replace(content, thread=())
            with as_problem():
                part = dropped_part(content, account["provider"])
            # Each network takes what it supports of the common content, but a variant must not lose a part.
            if part and (target := mine.get(part)):
                field = post.variant_field(target, part)
                raise InvalidPostError([Problem(field, _dropped_beside(part, account), "not_published")])
            try:
                content_items(content, account)
            except PostBoostConfigError as error:
                part = str(error.field)
                raise InvalidPostError([self._unsupported(part, mine.get(part), account, error)]) from None
        return contents

    def _unsupported(
        self, part: str, target: str | None, account: Mapping[str, Any], error: PostBoostConfigError
    ) -> Problem:
        """Return the problem of a part that a network lacks, which the variant for ``target`` gave, or else the post."""
        if target:
            return Problem(self._post.variant_field(target, part), f"{error} Remove it.", error.code)
        advice = "Give the account a row of its own."
        if not self._post.is_row:
            nothing: Any = [] if part == "thread" else ""
            advice = f"Leave it out there with variants={ {account['provider']: {part: nothing}} }."
        return Problem(part, f"{error} {advice}", error.code)

    def _variant_name(self, variant: Variant) -> str:
        """Return the variant's argument, or its first column."""
        if not self._post.is_row:
            return f"variants[{variant.target!r}]"
        part = next((name for name in VARIANT_FIELDS if getattr(variant, name) is not None), "text")
        return self._post.variant_field(variant.target, part)

    def _among(
        self, accounts: Sequence[Mapping[str, Any]], target: str, field: str
    ) -> list[Mapping[str, Any]]:
        """Return those of the post's accounts that match a network or an account, named in ``field``."""
        with as_problem(field):
            ids = {int(a["id"]) for a in self._resolver.find_accounts([account_pattern(target)])}
        if among := [account for account in accounts if int(account["id"]) in ids]:
            return among
        message = f"{target!r} is not among this post's accounts. Add it to accounts, or remove this."
        raise InvalidPostError([Problem(field, message, "not_among_accounts")])


def media_contents(media: MediaByTarget) -> dict[str, list[str]]:
    """Return the identifiers of the media, for the hash of the post's intent."""
    return {target: [content for content, _ in found] for target, found in media.items()}


@contextmanager
def as_problem(field: str = "") -> Iterator[None]:
    """Turn an error into a problem of the post, in ``field`` or the field that the error names."""
    try:
        yield
    except InvalidPostError:
        raise
    except PostBoostConfigError as error:
        raise InvalidPostError([Problem(field or error.field or "", str(error), error.code)]) from error


def _check_named_once(field: str, earlier: str, target: str) -> None:
    if earlier and earlier != target and is_provider(earlier) == is_provider(target):
        message = f"{earlier!r} and {target!r} are the same account. Keep one of them."
        raise InvalidPostError([Problem(field, message, "repeated")])


def _dropped_beside(part: str, account: Mapping[str, Any]) -> str:
    name = account_name(account)
    if part == "thread":
        return f"{name} gets a first comment, and PostBoost publishes no thread there. Remove the thread."
    return f"{name} gets a thread, and no first comment beside it. Make it the last part, or give this account thread=[]."


def _check_connected(accounts: Sequence[Mapping[str, Any]]) -> None:
    disconnected = [account_name(a) for a in accounts if a.get("authorized") is False]
    if disconnected:
        raise PostBoostConfigError(
            f"{', '.join(disconnected)} must be reconnected in PostBoost under Accounts. Then run the task again.",
            code="disconnected_account",
        )
