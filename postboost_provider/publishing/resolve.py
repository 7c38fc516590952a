"""A post as its author writes it -> the body that PostBoost takes, and the author's names for what PostBoost refuses."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postboost_provider.api.account_name import account_name
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    ValidationError,
)
from postboost_provider.idempotency.identity import digest
from postboost_provider.publishing.body import Content, ResolvedPost, content_items, dropped_part, post_body
from postboost_provider.publishing.error_mapping import ErrorMapping, find_account_name, is_provider
from postboost_provider.publishing.post import VARIANT_FIELDS, InvalidPostError, Post, Problem, Variant
from postboost_provider.services.accounts import Accounts, load_accounts
from postboost_provider.services.media import upload as uploads
from postboost_provider.services.media.upload import MediaFile, Medium
from postboost_provider.services.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

# What identifies a medium (uuid, hash of the content, or URL), and what is to be uploaded: None for a uuid.
Media = tuple[str, Medium | None]
# A post's own media under "", and those of a variant under its target.
MediaByTarget = dict[str, list[Media]]


class Resolver:
    """Find accounts, tags and media for the posts of one run: each is read, created or uploaded once.

    :param find_media: returns the file that a media path means.
    """

    def __init__(self, api: PostBoostClient, find_media: Callable[[str], MediaFile]) -> None:
        self._api = api
        # The same for every task: two that miss the same tag at once create one.
        self._tag_key = digest("tags")
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
        """Return an account as its author would write it."""
        return find_account_name(self.find_accounts, account_id)

    def describe_issue(self, issue: Mapping[str, Any]) -> str:
        """Return the message of a guardrail, with the account that it is about."""
        account_id = issue.get("account_id")
        message = str(issue.get("message") or issue.get("code"))
        return message if account_id is None else f"{self.account_name(account_id)}: {message}"

    def tag_ids(self, names: Sequence[str], *, dry_run: bool) -> list[int]:
        """Return the ids of tags, creating missing ones; a dry run leaves them out."""
        missing = self._tags.missing(names) if dry_run else []
        names = [name for name in names if name not in missing]
        return self._tags.ids(names, idempotency_key=self._tag_key) if names else []

    def read_medium(self, name: str) -> Media:
        """Read a file or check a URL or uuid. A file that many posts have is read once."""
        with as_problem("media"), _reading(name):
            if name not in self._read:
                self._read[name] = uploads.read_medium(name, self._find_media)
            medium = self._read[name]
            return medium.content, None if medium.is_item else medium

    def media_id(self, media: Media, salt: str) -> int:
        """Return the id of a medium, having uploaded it.

        :param salt: the same URL may serve another file for another salt.
        """
        content, medium = media
        medium = medium or Medium(content, content)
        known = (content, medium.name, "" if medium.file else salt)
        with as_problem("media"), _reading(medium.name):
            if known not in self._ids:
                item = uploads.upload_media(self._api, medium, salt=salt)
                self._ids[known] = uploads.media_id(uploads.wait_until_ready(self._api, item))
            return self._ids[known]


class PostResolution:
    """Resolve one post, and name its fields in what PostBoost refuses.

    :param media_salt: identifies the post, or the run and the post where each run publishes a new one.
    """

    def __init__(self, resolver: Resolver, post: Post, media_salt: str) -> None:
        self._resolver = resolver
        self._post = post
        self._media_salt = media_salt
        self._error_mapping: ErrorMapping | None = None

    def media(self) -> MediaByTarget:
        """Read the post's files. Nothing is uploaded.

        :raises InvalidPostError: a file can't be read, or is not of a type that PostBoost supports.
        """
        own = {
            "": self._post.media,
            **{v.target: v.media for v in self._post.variants if v.media is not None},
        }
        return {target: [self._resolver.read_medium(name) for name in names] for target, names in own.items()}

    def body(
        self, mode: str, media: MediaByTarget, *, dry_run: bool = False, all_times: bool = False
    ) -> dict[str, Any]:
        """Return the body of the post, having uploaded its files and created its tags.

        :param dry_run: leave files and missing tags out instead.
        :param all_times: name the time of each account of a scheduled post, also of those without a time of their own.
        :raises InvalidPostError: a name means nothing, or an account can't be posted to.
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
        contents = self._contents(accounts, {})
        for account in accounts:
            with as_problem():
                content_items(contents.get(int(account["id"]), contents[0]), account)
        ids = {
            target: [
                resolver.media_id(m, self._media_salt) for m in found if not (dry_run and m[1] is not None)
            ]
            for target, found in media.items()
        }
        contents = self._contents(accounts, ids)
        body = post_body(
            ResolvedPost(
                content=contents.pop(0),
                accounts=accounts,
                mode=mode,  # type: ignore[arg-type]  # one of Mode by construction
                publish_at=post.publish_at,
                tags=tags,
                variants=contents,
                account_times=times,
                ai_generated=post.ai_generated,
            )
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
        """Return what the API reports as problems of the post; with the API's own fields while there is no body."""
        if self._error_mapping is None:
            return [Problem(name, "; ".join(texts)) for name, texts in errors.items()]
        return self._error_mapping.problems(errors)

    def _times(self, accounts: Sequence[Mapping[str, Any]]) -> dict[int, datetime]:
        """Return the times that accounts have of their own, by account id."""
        times: dict[int, tuple[str, datetime]] = {}
        # What is given for an account overrides what is given for its network.
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
        # Which variant gave an account which part.
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
            with as_problem():
                part = dropped_part(contents.get(account_id, contents[0]), account["provider"])
            # Of what all accounts get, each network takes what it has. A variant must not lose a part.
            if part and (target := given.get(account_id, {}).get(part)):
                field = post.variant_field(target, part)
                raise InvalidPostError([Problem(field, _dropped_beside(part, account), "not_published")])
        return contents

    def _variant_name(self, variant: Variant) -> str:
        """Return how the author writes the variant: an argument, or its first column."""
        if not self._post.is_row:
            return f"variants[{variant.target!r}]"
        part = next((name for name in VARIANT_FIELDS if getattr(variant, name) is not None), "text")
        return self._post.variant_field(variant.target, part)

    def _among(
        self, accounts: Sequence[Mapping[str, Any]], target: str, field: str
    ) -> list[Mapping[str, Any]]:
        """Return those of the post's accounts that the name of a network or an account means.

        :param field: where the author wrote the name.
        """
        with as_problem(field):
            found = self._resolver.find_accounts([f"{target}:*" if is_provider(target) else target])
            ids = {int(account["id"]) for account in found}
            among = [account for account in accounts if int(account["id"]) in ids]
            if not among:
                raise PostBoostConfigError(
                    f"{target!r} is not among this post's accounts. Add it to accounts, or remove what is given for it.",
                    code="not_among_accounts",
                )
            return among


def media_contents(media: MediaByTarget) -> dict[str, list[str]]:
    """Return what identifies the media, for the hash of the post's intent."""
    return {target: [content for content, _ in found] for target, found in media.items()}


@contextmanager
def as_problem(field: str = "") -> Iterator[None]:
    """Turn an error about what the author wrote into a problem of the post.

    :param field: where the author wrote it. Default: the field that the error names.
    """
    try:
        yield
    except InvalidPostError:
        raise
    except PostBoostConfigError as error:
        raise InvalidPostError([Problem(field or error.field or "", str(error), error.code)]) from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Name the file in whatever a storage raises: each has exceptions of its own."""
    try:
        yield
    except PostBoostError:
        raise
    except Exception as error:
        raise PostBoostConfigError(
            f"{name} can't be read ({type(error).__name__}: {error}). Correct the path. For a file on object storage, "
            "install the Airflow provider of that storage and set object_storage_conn_id.",
            code="unreadable_file",
        ) from error


def _check_named_once(field: str, earlier: str, target: str) -> None:
    if earlier and earlier != target and is_provider(earlier) == is_provider(target):
        message = f"{earlier!r} and {target!r} are the same account. Keep one of them."
        raise InvalidPostError([Problem(field, message, "repeated")])


def _dropped_beside(part: str, account: Mapping[str, Any]) -> str:
    name = account_name(account)
    if part == "thread":
        return (
            f"{name} gets a first comment, and PostBoost does not publish a thread there. Remove the thread."
        )
    return (
        f"{name} gets a thread, and PostBoost does not publish a first comment beside it. Make the comment the last part "
        "of the thread, or give this account thread=[]."
    )


def _check_connected(accounts: Sequence[Mapping[str, Any]]) -> None:
    disconnected = [account_name(a) for a in accounts if a.get("authorized") is False]
    if disconnected:
        raise PostBoostConfigError(
            f"{', '.join(disconnected)} must be reconnected before PostBoost can publish there. Reconnect it in PostBoost "
            "under Accounts, then run the task again.",
            code="disconnected_account",
        )
