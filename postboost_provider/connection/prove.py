"""Prove the assumptions about PostBoost against PostBoost itself, with a draft and a tag that are deleted again."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
)
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import read_utc, schedule_fields
from postboost_provider.connection.assumptions import ASSUMPTIONS
from postboost_provider.connection.created import Created
from postboost_provider.idempotency.activity_log import label_of
from postboost_provider.idempotency.label import LONGEST, Owner, digest
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import require_post
from postboost_provider.polling.poller import utc_now, wait_briefly
from postboost_provider.services.accounts import account_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.responses import Response

NOBODY = "00000000-0000-0000-0000-000000000000"
# What a text filter could change: tags, entities, spaces at the ends, a line break and an emoji.
TEXT = "  <b>airflow-provider-postboost</b> &amp; 2 < 3\nA draft of its connection check: {name} \U0001f600  "
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """What was seen of one assumption. ``holds`` is None where nothing was seen."""

    name: str
    expected: str
    seen: str
    holds: bool | None
    otherwise: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class Proof:
    """The results, and what could not be deleted."""

    results: list[Result]
    left: list[str]

    @property
    def observed(self) -> dict[str, bool]:
        """What to store in the connection."""
        return {result.name: result.holds for result in self.results if result.holds is not None}


def prove(
    api: PostBoostClient,
    account: str,
    *,
    cleaner: PostBoostClient | None = None,
    patience: float = PATIENCE,
    clock: Callable[[], datetime] = utc_now,
) -> Proof:
    """Create a draft for an account and a tag, read back what PostBoost made of them, and delete both.

    :param api: a client that sends each request once, with the abilities ``read`` and ``write``.
    :param cleaner: a client that retries, to delete what was created.
    :param account: the account of the draft, as ``accounts`` of the operators takes it. Nothing is published.
    :param patience: for how many seconds the activity log is read until it has the writes.
    :param clock: returns the current time.
    :raises PostBoostError: it could not begin: nothing was created, or the error says what was.
    """
    (account_id,) = account_ids(api, account)[:1]
    created = Created(cleaner or api, name := uuid.uuid4().hex)
    prover = _Prover(api, account_id, patience, clock, created, name)
    seen: dict[str, tuple[str, bool | None]] = {}
    try:
        seen.update(prover.run())
    except PostBoostError as error:
        if left := created.clean_up():
            error.args = (f"{error} Delete in PostBoost what is left: {'; '.join(left)}",)
        raise
    except BaseException:
        created.clean_up()
        raise
    left = created.clean_up()
    return Proof(
        [
            Result(each.name, each.expected, *_said(seen.get(each.name)), each.otherwise)
            for each in ASSUMPTIONS
        ],
        left,
    )


def _said(seen: tuple[str, bool | None] | None) -> tuple[str, bool | None]:
    return ("not seen", None) if seen is None else (clean_text(seen[0]), seen[1])


@dataclass
class _Prover:
    api: PostBoostClient
    account_id: int
    patience: float
    clock: Callable[[], datetime]
    created: Created
    name: str

    @property
    def owner(self) -> Owner:
        """Whose writes these are in the log."""
        return self._owner_of(self.name)

    @property
    def text(self) -> str:
        """The text of the draft, by which it can be found."""
        return TEXT.format(name=self.name)

    def _owner_of(self, name: str) -> Owner:
        return Owner(f"check~{digest(self.name)[:8]}", f"check~{name[:12]}")

    def label(self, act: str, owner: Owner | None = None) -> str:
        """Return a label of the longest length in use."""
        owner = owner or self.owner
        return str(owner.label(f"{act} ".ljust(LONGEST - len(f"{owner.label()} "), "x")))

    def key(self, act: str) -> str:
        return digest("check", self.name, act)

    def run(self) -> Iterator[tuple[str, tuple[str, bool | None]]]:
        """Yield what is seen of each assumption: a text, and whether it holds."""
        at = self.clock().replace(second=0, microsecond=0) + timedelta(days=365)
        version = {"account_id": 0, "is_original": True, "content": [{"body": self.text, "media": []}]}
        body = {"versions": [version], "accounts": [self.account_id], "tags": [], **schedule_fields(at)}
        try:
            first = self._create(body)
        except UnconfirmedError:
            # The same key finds it, or creates the only one.
            first = self._create(body)
        found = first.payload["uuid"]
        post = require_post(self.api.call("get_post", parameters={"post_uuid": found}), found)
        yield "text_verbatim", self._text(post)
        yield "times_utc", _time(post, at)
        yield "replay", self._replay(first, body)
        other = {**version, "content": [{"body": f"{self.text} Edited.", "media": []}]}
        yield "key_reuse", self._reuse({**body, "versions": [other]})
        yield "refusal_stored", self._stored_refusal()
        yield "key_in_flight", self._in_flight()
        self._seen("validate_post", body=body, client_label=self.label("validate"))
        yield from self._log()
        yield "not_found", self._not_found()
        yield "unknown_workspace", self._unknown_workspace()

    def _create(self, body: Mapping[str, Any]) -> Response:
        try:
            response = self.api.send(
                "create_post", body=body, idempotency_key=self.key("post"), client_label=self.label("create")
            )
            with reading_response("create_post"):
                self.created.posts.add(str(uuid.UUID(response.payload["uuid"])))
        except PostBoostError as error:
            is_refused = isinstance(error, PostBoostRequestError) and error.status < 500
            self.created.may_have_another |= not is_refused
            raise
        return response

    def _seen(self, operation: str, **arguments: Any) -> Response | PostBoostError:
        """Return the response or the error."""
        try:
            return self.api.send(operation, **arguments)
        except PostBoostError as error:
            return error

    def _text(self, post: Mapping[str, Any]) -> tuple[str, bool | None]:
        try:
            text = post["versions"][0]["content"][0]["body"]
        except (LookupError, TypeError):
            return "the response has no text", None
        return repr(text) if text != self.text else "as it was sent", text == self.text

    def _replay(self, first: Response, body: Mapping[str, Any]) -> tuple[str, bool | None]:
        try:
            again = self._create(body)
        except PostBoostError as error:
            return _brief(error), False
        same = again.payload.get("uuid") == first.payload["uuid"]
        marked = "marked" if again.replayed else "not marked as a replay"
        seen = f"{again.status} after {first.status}, {'the same post' if same else 'another post'}, {marked}"
        return seen, same and again.replayed and again.status == first.status

    def _reuse(self, body: Mapping[str, Any]) -> tuple[str, bool | None]:
        try:
            response = self._create(body)
        except PostBoostRequestError as error:
            plain = error.status == 422 and not error.code and not error.body.get("errors")
            return _brief(error), plain
        return f"{response.status}, accepted", False

    def _stored_refusal(self) -> tuple[str, bool | None]:
        """A tag without a name can't be created. Its label is another one's: the log's filter has to leave it out."""
        errors, other = [], self._owner_of(digest(self.name))
        for _ in range(2):
            call = {"body": {"name": "", "hex_color": "#94a3b8"}, "idempotency_key": self.key("refused")}
            error = self._seen("create_tag", client_label=self.label("refused", other), **call)
            if not isinstance(error, PostBoostRequestError):
                return f"{_brief(error)}: it was not refused", None
            errors.append(error)
        return f"{_brief(errors[1])}{'' if errors[1].replayed else ', not'} replayed", errors[1].replayed

    def _in_flight(self) -> tuple[str, bool | None]:
        """Send the same request twice at once."""
        call = {
            "body": {"name": self.created.tag_name, "hex_color": "#94a3b8"},
            "idempotency_key": self.key("tag"),
            "client_label": self.label("tag"),
        }
        self.created.made_tag = True
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: self._seen("create_tag", **call), range(2)))
        refused = [each for each in both if isinstance(each, PostBoostRequestError)]
        if not refused:
            return "the first request had ended before the second one came", None
        return _brief(refused[0]), len(refused) == 1 and refused[0].status == 409

    def _log(self) -> Iterator[tuple[str, tuple[str, bool | None]]]:
        """Read the log until it has the last write, and check the entries."""
        filtered: tuple[str, bool | None]
        begun, own = self.clock(), str(self.owner.label())
        client: str | None = own
        try:
            rows = self._rows(client)
            is_ignored = len(self._own(rows)) < len(rows)
            filtered = (
                ("it was ignored", False) if is_ignored else (f"{len(own)} characters are accepted", True)
            )
        except PostBoostError as error:
            rows, client, filtered = [], None, (_brief(error), False)

        def find(rows: list[dict[str, Any]]) -> Finding:
            found = self._own(rows)
            # The last write. A label that was cut lacks the act.
            is_last = lambda row: row.get("outcome") == "validated" or "validate" in _act(row)
            return Finding(any(map(is_last, found)), found)

        ask = lambda: find(self._rows(client))
        try:
            rows = wait_briefly(ask, self.patience, None, known=find(rows), longest=1.0, clock=self.clock)
        except PostBoostError as error:
            yield "log_visible", (_brief(error), False)
            return
        if not rows:
            yield "log_visible", (f"no entry after {self.patience:g} s", False)
            return
        yield "log_visible", (f"after {(self.clock() - begun).total_seconds():.0f} s", True)
        yield "log_filter", filtered
        kept = max(len(str(row["client"])) for row in rows)
        yield "log_label", (f"{kept} of {LONGEST} characters", kept == LONGEST)
        created = [row for row in rows if row.get("outcome") == "created" and "create" in _act(row)]
        if created:
            named = all(row.get("post_uuid") in self.created.posts for row in created)
            yield "log_post_uuid", ("the uuid" if named else "no uuid", named)
        # Tasks look for the label only.
        outcomes = {str(row.get("outcome")) for row in rows if "validate" in _act(row)}
        if kept == LONGEST:
            yield "log_validated", (", ".join(sorted(outcomes)) or "no entry", bool(outcomes))

    def _own(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if (label := label_of(row)) and self.owner.wrote(label)]

    def _rows(self, client: str | None) -> list[dict[str, Any]]:
        # The clock of this machine may differ from PostBoost's.
        since = (self.clock() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = {"client": client} if client else {"since": since}
        with reading_response("list_api_activity"):
            return [dict(row) for row in self.api.pages("list_api_activity", parameters=where)]

    def _not_found(self) -> tuple[str, bool | None]:
        seen = self._seen("get_post", parameters={"post_uuid": NOBODY})
        return _brief(seen), isinstance(seen, NotFoundError) and bool(seen.body.get("message"))

    def _unknown_workspace(self) -> tuple[str, bool | None]:
        seen = self._seen("list_tags", parameters={"workspace_uuid": NOBODY})
        return _brief(seen), isinstance(seen, NotFoundError)


def _act(row: Mapping[str, Any]) -> str:
    label = label_of(row)
    return (label and label.act) or ""


def _time(post: Mapping[str, Any], at: datetime) -> tuple[str, bool | None]:
    text = post.get("scheduled_at")
    try:
        found = read_utc(text)
    except PostBoostError:
        return str(text), False
    if found is None:
        return "a draft has no time", None
    return f"{text} for {at:%Y-%m-%dT%H:%MZ}", found == at


def _brief(seen: Response | PostBoostError) -> str:
    """Return status, code and fields of a response."""
    if not isinstance(seen, PostBoostRequestError):
        return type(seen).__name__ if isinstance(seen, PostBoostError) else str(seen.status)
    code = f", code {seen.code}" if seen.code else ""
    errors = seen.body.get("errors")
    fields = f", errors for {', '.join(map(str, errors))}" if isinstance(errors, dict) and errors else ""
    return f"{seen.status}{code}{fields}"
