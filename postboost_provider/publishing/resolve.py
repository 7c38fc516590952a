"""A row of a calendar, in its author's words -> what PostBoost takes, and back for what it refuses."""

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
from postboost_provider.idempotency import identity as identities
from postboost_provider.publishing.body import Post, Words, content_for, left_out, post_body
from postboost_provider.publishing.error_mapping import ErrorMapping, find_account_name, is_provider
from postboost_provider.publishing.post import Problem, Row
from postboost_provider.services.accounts import Accounts, load_accounts
from postboost_provider.services.media import upload as uploads
from postboost_provider.services.media.upload import MediaFile, Medium
from postboost_provider.services.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

# What makes a medium this one (uuid, hash of the content, or URL), and what is to be uploaded: None for a uuid.
Media = tuple[str, Medium | None]
# A row's own media under "", and those of a variant under its name.
MediaByWho = dict[str, list[Media]]


class RowError(Exception):
    """A row that can't be sent, and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(p) for p in problems))
        self.problems = tuple(problems)


class Resolver:
    """Resolve the rows of one calendar.

    :param scope: what tags and their keys belong to.
    :param find_media: gives the file that a row's media path means.
    :param media_salt: what makes the same URL another file, on top of scope and row: of a post that each run of a DAG
        publishes anew, the run.
    """

    def __init__(
        self,
        api: PostBoostClient,
        scope: str,
        find_media: Callable[[str], MediaFile],
        *,
        media_salt: str = "",
    ) -> None:
        self._api = api
        self._media_salt = f"{scope}\n{media_salt}"
        # The same for every task: two that miss the same tag at once make one.
        self._tag_key = identities.digest("tags")
        self._find_media = find_media
        self._read: dict[str, Medium] = {}
        self._ids: dict[tuple[str, str, str], int] = {}
        self._tags = Tags(api)
        self._accounts: Accounts | None = None
        self._error_mapping: ErrorMapping | None = None

    def media(self, row: Row) -> MediaByWho:
        """Read the row's files. Nothing is uploaded.

        :raises RowError: one of them can't be read, or is none that can be uploaded.
        """
        own = {"": row.media, **{v.who: v.media for v in row.variants if v.media is not None}}
        return {who: [self._read_media(name) for name in names] for who, names in own.items()}

    def body(
        self, row: Row, mode: str, media: MediaByWho, *, dry_run: bool = False, all_times: bool = False
    ) -> dict[str, Any]:
        """Return the body of the row's post, having uploaded its files and made its tags.

        :param dry_run: leave files and missing tags out instead.
        :param all_times: name the time of each account of a planned post, also of those that have none of their own.
        :raises RowError: a name means nothing, or an account can't be posted to.
        """
        with column("accounts"):
            accounts = self._known_accounts().find(row.accounts)
            if mode != "draft":
                _check_connected(accounts)
        with column("tags"):
            missing = self._tags.missing(row.tags) if dry_run else []
            names = [tag for tag in row.tags if tag not in missing]
            tags = self._tags.ids(names, idempotency_key=self._tag_key) if names else []
        times = self._times(row, accounts)
        if all_times and mode == "schedule" and row.publish_at is not None:
            times = {int(a["id"]): times.get(int(a["id"]), row.publish_at) for a in accounts}
        plain = self._words(row, accounts, {})
        for account in accounts:
            with column("first_comment"):
                content_for(plain.get(int(account["id"]), plain[0]), account)
        ids = {
            who: [self._media_id(m, row) for m in found if not (dry_run and m[1] is not None)]
            for who, found in media.items()
        }
        words = self._words(row, accounts, ids)
        body = post_body(
            Post(
                words=words.pop(0),
                accounts=accounts,
                mode=mode,  # type: ignore[arg-type]  # one of Mode by construction
                publish_at=row.publish_at,
                tags=tags,
                variants=words,
                account_times=times,
                ai_generated=row.ai_generated,
            )
        )
        self._error_mapping = ErrorMapping(row, body, self._find_accounts)
        return body

    def _times(self, row: Row, accounts: Sequence[Mapping[str, Any]]) -> dict[int, datetime]:
        """Return the times that accounts have of their own, by account id."""
        said: dict[int, tuple[str, datetime]] = {}
        # What is said of an account goes before what is said of its network.
        for who, at in sorted(row.account_times, key=lambda time: not is_provider(time[0])):
            for account in self._among(accounts, who, "account_times"):
                earlier, _ = said.get(int(account["id"]), ("", at))
                _check_named_once("account_times", earlier, who)
                said[int(account["id"])] = (who, at)
        return {account_id: at for account_id, (_, at) in said.items()}

    def _words(
        self, row: Row, accounts: Sequence[Mapping[str, Any]], media: Mapping[str, Sequence[int]]
    ) -> dict[int, Words]:
        """Return what is published by account id, and under 0 what all the others get."""
        words = {0: Words(row.text, media.get("", ()), row.thread, row.first_comment)}
        own: dict[int, dict[str, str]] = {}
        # What is said of an account goes before what is said of its network.
        for variant in sorted(row.variants, key=lambda v: not is_provider(v.who)):
            where = f"variants[{variant.who!r}]" if row.place == "post" else f"text:{variant.who}"
            for account in self._among(accounts, variant.who, where):
                account_id = int(account["id"])
                changes = {
                    "text": variant.text,
                    "media": media.get(variant.who),
                    "thread": variant.thread,
                    "first_comment": variant.first_comment,
                    "options": variant.options,
                }
                said: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
                words[account_id] = replace(words.get(account_id, words[0]), **said)
                for name in said:
                    _check_named_once(name, own.get(account_id, {}).get(name, ""), variant.who)
                own.setdefault(account_id, {}).update(dict.fromkeys(said, variant.who))
        for account in accounts:
            account_id = int(account["id"])
            left = left_out(words.get(account_id, words[0]), account["provider"])
            # Of what all get, each network takes what it has. What is said for one alone is meant for it.
            if left and (who := own.get(account_id, {}).get(left)):
                raise RowError([Problem(f"{left}:{who}", _beside(left, account))])
        return words

    def _among(self, accounts: Sequence[Mapping[str, Any]], who: str, where: str) -> list[Mapping[str, Any]]:
        """Return those of a post's accounts that a network's or an account's name means.

        :param where: what the author calls the place of that name.
        """
        with column(where):
            name = f"{who}:*" if is_provider(who) else who
            meant = {int(account["id"]) for account in self._known_accounts().find([name])}
            found = [account for account in accounts if int(account["id"]) in meant]
            if not found:
                raise PostBoostConfigError(
                    f"{who!r} is none of this post's accounts. Add it to accounts, or leave out what is said for it."
                )
            return found

    def explain(self, error: PostBoostRequestError) -> str:
        """Say what PostBoost refused in the author's words: columns and account names."""
        if isinstance(error, ValidationError) and error.errors and not error.is_mapped:
            return "PostBoost refused it: " + "; ".join(str(p) for p in self.problems(error.errors))
        if error.body.get("account_id"):
            return f"{self.describe_issue(error.body)} ({error})"
        return str(error)

    def problems(self, errors: Mapping[str, Sequence[str]]) -> list[Problem]:
        """Return what the API says is wrong with the body that was built last, in its author's words."""
        if self._error_mapping is None:
            return [Problem(name, "; ".join(texts)) for name, texts in errors.items()]
        return self._error_mapping.problems(errors)

    def describe_issue(self, issue: Mapping[str, Any]) -> str:
        """Return what a guardrail says, with the account that it says it of."""
        account_id = issue.get("account_id")
        said = str(issue.get("message") or issue.get("code"))
        return said if account_id is None else f"{self.account_name(account_id)}: {said}"

    def account_name(self, account_id: int) -> str:
        """Return an account as its author would write it."""
        return find_account_name(self._find_accounts, account_id)

    def _find_accounts(self, names: Sequence[str | int]) -> list[Mapping[str, Any]]:
        return self._known_accounts().find(names)

    def _known_accounts(self) -> Accounts:
        if self._accounts is None:
            self._accounts = load_accounts(self._api)
        return self._accounts

    def _read_media(self, name: str) -> Media:
        with column("media"), _reading(name):
            # A file that many rows have is read once.
            if name not in self._read:
                self._read[name] = uploads.read_medium(name, self._find_media)
            medium = self._read[name]
            return medium.content, None if medium.is_item else medium

    def _media_id(self, media: Media, row: Row) -> int:
        content, medium = media
        medium = medium or Medium(content, content)
        # What is behind a URL may be another file for another row.
        known = (content, medium.name, "" if medium.file else row.key)
        with column("media"), _reading(medium.name):
            if known not in self._ids:
                item = uploads.bring(self._api, medium, salt=f"{self._media_salt}\n{row.key}")
                self._ids[known] = uploads.media_id(uploads.wait_until_ready(self._api, item))
            return self._ids[known]


@contextmanager
def column(name: str) -> Iterator[None]:
    """Say of an error that the author made in which column."""
    try:
        yield
    except PostBoostConfigError as error:
        raise RowError([Problem(name, str(error))]) from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say of whatever a storage raises which file it was: each has exceptions of its own."""
    try:
        yield
    except PostBoostError:
        raise
    except Exception as error:
        raise PostBoostConfigError(
            f"{name} can't be read ({type(error).__name__}: {error}). Correct the path; for a file on object storage, "
            "install the Airflow provider of that storage and set object_storage_conn_id."
        ) from error


def _check_named_once(what: str, earlier: str, who: str) -> None:
    if earlier and earlier != who and is_provider(earlier) == is_provider(who):
        raise RowError([Problem(what, f"{earlier!r} and {who!r} are the same account. Keep one of them.")])


def _beside(left: str, account: Mapping[str, Any]) -> str:
    name = account_name(account)
    if left == "thread":
        return f"{name} gets a first comment, and PostBoost publishes no thread there. Leave the thread out."
    return (
        f"{name} gets a thread, and PostBoost publishes no first comment beside one. Make it the last part of the thread, "
        "or give this account thread=[]."
    )


def _check_connected(accounts: Sequence[Mapping[str, Any]]) -> None:
    dead = [account_name(a) for a in accounts if a.get("authorized") is False]
    if dead:
        raise PostBoostConfigError(
            f"{', '.join(dead)} must be reconnected before anything goes out there. Reconnect it in PostBoost "
            "under Accounts, then run the task again."
        )
