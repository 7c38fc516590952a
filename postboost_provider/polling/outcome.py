"""What became of a post, account by account, and how an account is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostError, PublishError, UnexpectedResponseError
from postboost_provider.api.responses import reading_response
from postboost_provider.api.safety import require_live
from postboost_provider.api.times import read_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postboost_provider.api.errors import NotFoundError
    from postboost_provider.api.settings import ClientSettings

# PostBoost's post statuses (SDK 1.66.3) and those of an account inside a post.
WAITING = frozenset({"draft", "scheduled", "needs_approval", "publishing"})
SETTLED = frozenset({"published", "failed"})
ACCOUNT_STATUSES = frozenset({"pending", "publishing", "published", "failed"})


def account_name(account: Mapping[str, Any]) -> str:
    """Return ``provider:username``, as ``accounts`` arguments take it, or the display name where it has no username.

    An account of which only the id is known, because the token may not list accounts, is ``account <id>``.
    """
    if not account["provider"]:
        return f"account {clean_text(account['id'])}"
    return clean_text(f"{account['provider']}:{account.get('username') or account['name']}")


@dataclass(frozen=True, slots=True)
class AccountOutcome:
    """One account of a post. ``status`` is None before the first attempt to publish."""

    uuid: str
    provider: str
    name: str
    status: str | None
    external_url: str | None
    errors: tuple[str, ...]

    def __str__(self) -> str:
        return account_name(asdict(self))

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "errors": list(self.errors)}


@dataclass(frozen=True, slots=True)
class PostOutcome:
    """A post as PostBoost last reported it. Instants are aware and in UTC."""

    uuid: str
    status: str
    scheduled_at: datetime | None
    published_at: datetime | None
    trashed: bool
    accounts: tuple[AccountOutcome, ...]

    @property
    def is_settled(self) -> bool:
        """Published or failed, and no account is still publishing."""
        return self.status in SETTLED and not any(a.status == "publishing" for a in self.accounts)

    @property
    def failed_accounts(self) -> tuple[AccountOutcome, ...]:
        """The accounts that failed; in a failed post also those to which PostBoost never sent it."""
        if self.status == "failed":
            return tuple(a for a in self.accounts if a.status != "published")
        return tuple(a for a in self.accounts if a.status == "failed")

    @property
    def is_published_somewhere(self) -> bool:
        return any(a.status == "published" for a in self.accounts)

    @property
    def is_failed_everywhere(self) -> bool:
        """No account got it, and none is about to."""
        everywhere = self.status == "failed" or {a.status for a in self.accounts} == {"failed"}
        return everywhere and self.is_settled and not self.is_published_somewhere

    @property
    def can_be_changed(self) -> bool:
        """PostBoost accepts changes until it publishes the post."""
        return self.status in ("draft", "scheduled", "needs_approval") and not self.trashed

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for XCom, with times in ISO 8601."""
        return {
            "uuid": self.uuid,
            "status": self.status,
            "scheduled_at": self.scheduled_at.isoformat() if self.scheduled_at else None,
            "published_at": self.published_at.isoformat() if self.published_at else None,
            "accounts": [a.as_dict() for a in self.accounts],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PostOutcome:
        """Return the outcome of which :meth:`as_dict` returned the values."""
        accounts = tuple(AccountOutcome(**{**a, "errors": tuple(a["errors"])}) for a in values["accounts"])
        times = {key: read_utc(values[key]) for key in ("scheduled_at", "published_at")}
        return cls(values["uuid"], values["status"], **times, trashed=False, accounts=accounts)


def read_post(post: Mapping[str, Any]) -> PostOutcome:
    """Read a post as ``get_post``, ``create_post`` and ``list_posts`` return it.

    :raises PostBoostError: this version does not know its status. A guess could end a wait early or publish twice.
    :raises UnexpectedResponseError: it is not a post.
    """
    with reading_response("get_post"):
        return _read_post(post)


def require_post(payload: Any, uuid: str) -> dict[str, Any]:
    """Return the payload of ``get_post``, which is the post that was asked for.

    :raises UnexpectedResponseError: it is not a post (``code`` is ``unreadable_response``), or another one (``other_post``).
    """
    if not (isinstance(payload, Mapping) and payload.get("uuid") and payload.get("status")):
        raise _no_post(payload)
    if (found := clean_text(payload["uuid"])).casefold() != uuid.strip().casefold():
        raise UnexpectedResponseError(
            f"get_post: PostBoost's response to a request for post {uuid} is post {found}. Retry the task.",
            code="other_post",
        )
    return dict(payload)


def _no_post(payload: Any) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        f"get_post: PostBoost's response is not a post, because it has no uuid or no status: {clean_text(payload)[:100]!r}. "
        "Retry the task.",
        code="unreadable_response",
    )


def _read_post(post: Mapping[str, Any]) -> PostOutcome:
    if not (post.get("uuid") and post.get("status")):
        raise _no_post(post)
    uuid, status = clean_text(post["uuid"]), str(post["status"])
    if status not in WAITING | SETTLED:
        raise _unknown_status(f"Post {uuid}", status)
    return PostOutcome(
        uuid=uuid,
        status=status,
        scheduled_at=read_utc(post.get("scheduled_at")),
        published_at=read_utc(post.get("published_at")),
        trashed=bool(post.get("trashed")),
        accounts=tuple(_read_account(uuid, account) for account in post.get("accounts") or ()),
    )


def read_awaited(post: Mapping[str, Any], settings: ClientSettings) -> PostOutcome:
    """Read a post that a task waits for.

    :raises PublishError: it was moved to trash, so the wait would never end.
    :raises ModeError: it is a draft, which the safety mode keeps tasks from publishing.
    """
    outcome = read_post(post)
    if outcome.trashed:
        raise PublishError(
            f"Post {outcome.uuid} was moved to trash in PostBoost, so it will not be published.",
            code="trashed",
        )
    if outcome.status == "draft":
        require_live(settings, f"Post {outcome.uuid} is a draft, and nobody waits for it")
    return outcome


def missing(uuid: str, error: NotFoundError) -> PublishError:
    """Return the error of a post that is not found."""
    return PublishError(
        f"Post {uuid} was not found: it was deleted, or belongs to another workspace. {error}",
        code="post_not_found",
    )


def _read_account(post_uuid: str, account: Mapping[str, Any]) -> AccountOutcome:
    status = account.get("publish_status")
    if status is not None and status not in ACCOUNT_STATUSES:
        raise _unknown_status(f"Account {account_name(account)} of post {post_uuid}", status)
    return AccountOutcome(
        uuid=str(account.get("uuid")),
        provider=str(account.get("provider")),
        name=str(account.get("name")),
        status=status,
        external_url=account.get("external_url"),
        errors=_read_errors(account.get("errors")),
    )


def _unknown_status(what: str, status: str) -> PostBoostError:
    return PostBoostError(
        f"{what} has the status {status!r}, which this version does not know. Update airflow-provider-postboost, or report "
        "it.",
        code="unknown_status",
    )


def _read_errors(errors: Any) -> tuple[str, ...]:
    """Return errors as clean text, each once: PostBoost mixes texts and objects, and may return an error in both forms."""
    texts: list[str] = []
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        text = str(error or "")
        if isinstance(error, Mapping):
            message, code = str(error.get("message") or error.get("raw") or ""), error.get("code")
            text = f"{message} ({code})" if code and message else message or str(code or "")
        text = clean_text(text)
        if text and not any(text in known for known in texts):
            texts = [known for known in texts if known not in text]
            texts.append(text)
    return tuple(texts)


def conclude(outcomes: Sequence[PostOutcome], on_partial: str) -> list[str]:
    """Check settled posts, and return a line for each that is only partly published.

    :param on_partial: ``fail``, or ``succeed``: a post that is published on at least one account counts as published.
    :raises PublishError: posts failed. It has every outcome.
    """
    bad = [o for o in outcomes if o.status == "failed" or o.failed_accounts]
    partial = [o for o in bad if o.is_published_somewhere] if on_partial == "succeed" else []
    if failed := [o for o in bad if o not in partial]:
        raise PublishError(
            f"{len(failed)} of {len(outcomes)} posts failed:\n{describe_failures(failed)}\nFix the cause (often: reconnect the "
            "account) and retry the account in PostBoost. What is published stays published.",
            [outcome.as_dict() for outcome in outcomes],
            code="publish_failed",
        )
    some = [f"Post {o.uuid} was published on some accounts only:\n{describe_failures([o])}" for o in partial]
    # A first comment that fails leaves the post published, and its account has the error (SDK 1.66.3).
    return some + [
        f"Post {o.uuid} was published on {a}, but only in part: {'; '.join(a.errors)}"
        for o in outcomes
        for a in o.accounts
        if a.status == "published" and a.errors
    ]


def describe_published(outcomes: Sequence[PostOutcome]) -> str:
    """Return the end of a wait as a log shows it: a line for each account, with its URL."""
    published = sum(outcome.status == "published" for outcome in outcomes)
    lines = [
        f"  post {outcome.uuid}, {account}: {account.external_url or account.status}"
        for outcome in outcomes
        for account in outcome.accounts
        if account.status == "published"
    ]
    return "\n".join([f"{published} of {len(outcomes)} posts are published.", *map(clean_text, lines)])


def describe_failures(outcomes: Sequence[PostOutcome]) -> str:
    """Return a line for each account that failed: post, account, reason."""
    lines = []
    for outcome in outcomes:
        for account in outcome.failed_accounts:
            why = "; ".join(account.errors) or f"status {account.status or 'never sent'}"
            lines.append(f"  post {outcome.uuid}, {account}: {why}")
        if outcome.status == "failed" and not outcome.accounts:
            lines.append(f"  post {outcome.uuid}: failed, and PostBoost names no account")
    return "\n".join(lines)


def describe_status(outcome: PostOutcome) -> str:
    """Return the state of a post as a clause, for a log line or a message."""
    when = f"{outcome.scheduled_at:%Y-%m-%d %H:%M} UTC" if outcome.scheduled_at else "no time set"
    if outcome.status == "needs_approval":
        return f"waits for approval in PostBoost ({when})"
    if outcome.status == "draft":
        return "is a draft that is not scheduled"
    if outcome.status == "scheduled":
        return f"is scheduled for {when}"
    published = sum(account.status == "published" for account in outcome.accounts)
    return f"is {outcome.status}, with {published} of {len(outcome.accounts)} accounts published"
