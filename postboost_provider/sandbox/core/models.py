"""The sandbox's data: users, workspaces and everything in them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.sandbox.core.content_digest import content_digest

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.media_models import Download, Folder, Media, UploadSession
    from postboost_provider.sandbox.core.panel_models import Subscription
    from postboost_provider.sandbox.core.responses import Response

PostStatus = Literal["draft", "scheduled", "needs_approval", "publishing", "published", "failed"]
Role = Literal["admin", "member", "viewer"]


@dataclass(eq=False, slots=True)
class User:
    id: int
    name: str
    email: str
    is_admin: bool
    created_at: datetime
    email_verified_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Membership:
    user: User
    role: Role
    can_approve: bool
    joined_at: datetime


@dataclass(eq=False, slots=True)
class AccessToken:
    """A dashboard token: acts as its user everywhere. Expires at 00:00 UTC *on* ``expires_on``."""

    token: str
    user: User
    expires_on: date | None


@dataclass(eq=False, slots=True)
class ApiKey:
    """A scoped key of one workspace. ``expires_on`` is the *last day* it works, in UTC (SDK 1.66.3)."""

    id: int
    token: str
    name: str
    user: User
    workspace_uuid: str
    abilities: list[str]
    account_ids: list[int] | None
    expires_on: date | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Account:
    """A connected social profile.

    :param disconnected_at: when the account stopped being authorized.
    :param reconnect_code: why, for the networks that PostBoost checks daily.
    :param expires_at: when the connection expires unless somebody reconnects the account.
    :param expiry_announced: whether webhooks were told of the coming expiry.
    :param daily_cap: overrides the setting of that name.
    :param by_content: the posts that had this content for the account. They may have changed since, or be deleted.
    :param by_day: the posts that were to be published on this UTC day, likewise.
    """

    id: int
    uuid: str
    name: str
    username: str
    provider: str
    created_at: datetime
    authorized: bool = True
    has_token: bool = True
    disconnected_at: datetime | None = None
    reconnect_code: str | None = None
    expires_at: datetime | None = None
    expiry_announced: bool = False
    daily_cap: int | None = None
    last_success_at: datetime | None = None
    last_error: str | None = None
    by_content: dict[bytes, dict[Post, None]] = field(default_factory=dict)
    by_day: dict[date, dict[Post, None]] = field(default_factory=dict)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Leave the indexes out of a saved state: they are built again from the posts."""
        return None, {**_values(self), "by_content": {}, "by_day": {}}


@dataclass(eq=False, slots=True)
class AccountGroup:
    id: int
    uuid: str
    name: str
    account_ids: list[int]


@dataclass(eq=False, slots=True)
class Tag:
    id: int
    uuid: str
    name: str
    hex_color: str


@dataclass(eq=False, slots=True)
class Target:
    """One account of a post: when to publish to it, and the outcome.

    :param offset: how long after the post's scheduled time.
    """

    account: Account
    offset: timedelta = timedelta()
    publish_at: datetime | None = None
    status: Literal["pending", "publishing", "published", "failed"] = "pending"
    finished_at: datetime | None = None
    published_parts: int = 0
    external_url: str | None = None
    provider_post_id: str | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Post:
    id: int
    uuid: str
    created_at: datetime
    versions: list[dict[str, Any]]
    targets: list[Target]
    tag_ids: list[int]
    status: PostStatus = "draft"
    scheduled_at: datetime | None = None
    published_at: datetime | None = None
    trashed: bool = False
    approved: bool = False

    def content_for(self, account: Account) -> list[dict[str, Any]]:
        return version_for(self.versions, account)["content"]  # type: ignore[no-any-return]

    def target_of(self, account: Account) -> Target | None:
        return next((target for target in self.targets if target.account is account), None)

    def index_content(self) -> None:
        """Note the content of each account, to find duplicates of it. Call it after every change of the content."""
        for target in self.targets:
            if digest := content_digest(self.content_for(target.account)):
                target.account.by_content.setdefault(digest, {})[self] = None

    def index_days(self) -> None:
        """Note the day of each account's publish time, to count an account's posts of a day."""
        for target in self.targets:
            if target.publish_at is not None:
                target.account.by_day.setdefault(target.publish_at.astimezone(UTC).date(), {})[self] = None


def version_for(versions: list[dict[str, Any]], account: Account) -> dict[str, Any]:
    """Return the account's own version, else the original, which is the first."""
    return next((version for version in versions if version["account_id"] == account.id), versions[0])


@dataclass(eq=False, slots=True)
class Webhook:
    uuid: str
    name: str
    callback_url: str
    events: list[str]
    secret: str
    created_at: datetime


@dataclass(eq=False, slots=True)
class Event:
    """Something that webhooks are told of.

    :param event: the event's type, such as ``post.published``.
    :param post: the post it is about; without one, it is about ``account``, or has only ``data``.
    :param account: with a post, the account of the post that it is about.
    :param workspace: None where the post or the account identifies it.
    """

    event: str
    moment: datetime
    post: Post | None = None
    account: Account | None = None
    workspace: Workspace | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Delivery:
    """One event for one webhook. ``id`` is the event's, and the same in every attempt."""

    id: str
    event: str
    workspace_uuid: str
    webhook: Webhook
    body: bytes
    moment: datetime
    status: Literal["pending", "delivered", "failed", "held"] = "pending"
    attempts: int = 0
    error: str | None = None


@dataclass(eq=False, slots=True)
class Activity:
    id: int
    user_id: int
    token_ref: str
    client: str | None
    route_name: str
    method: str
    post_uuid: str | None
    outcome: str
    http_status: int
    created_at: datetime


@dataclass(eq=False, slots=True)
class ReportExport:
    """A report of a period. ``content`` is None where it could not be generated."""

    uuid: str
    format: str
    dataset: str | None
    period: str | None
    start: date
    end: date
    account_ids: list[int] | None
    content: bytes | None
    created_at: datetime


@dataclass(eq=False, slots=True)
class RepurposeRun:
    """A source that is being turned into a draft.

    :param wanted: the request's body, with its defaults.
    :param origin: the server's origin, for the URLs of slides.
    :param voice: whether the brand voice was applied.
    :param outcome: its result at ``ends_at``.
    """

    id: int
    workspace: Workspace
    wanted: dict[str, Any]
    source: dict[str, Any]
    accounts: list[Account]
    origin: str
    voice: bool
    outcome: Literal["ok", "partial", "failed"]
    started_at: datetime
    ends_at: datetime
    post_uuid: str | None = None
    credits_used: int = 0
    result: dict[str, Any] | None = None
    error: str | None = None


@dataclass(slots=True)
class IdempotencyRecord:
    """A used ``Idempotency-Key``. Without a response, the first request is still running."""

    fingerprint: str
    started_at: datetime
    response: Response | None = None
    post_uuid: str | None = None


@dataclass(eq=False, slots=True)
class Workspace:
    """A workspace and what is in it.

    :param credits_spent: time, text credits and image credits of every use of AI.
    :param by_age: its posts, the oldest first.
    :param records: plain JSON of everything without a class, by kind and key. See ``resources.py``.
    """

    id: int
    uuid: str
    name: str
    timezone: str
    owner: User | None
    created_at: datetime
    updated_at: datetime | None = None
    access_status: Literal["subscription", "unlimited", "locked"] = "subscription"
    subscriptions: list[Subscription] = field(default_factory=list)
    members: dict[int, Membership] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    groups: dict[str, AccountGroup] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    uploads: dict[str, UploadSession] = field(default_factory=dict)
    downloads: dict[str, Download] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    exports: dict[str, ReportExport] = field(default_factory=dict)
    runs: dict[int, RepurposeRun] = field(default_factory=dict)
    credits_spent: list[tuple[datetime, int, int]] = field(default_factory=list)
    keys: dict[int, ApiKey] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    activity: deque[Activity] = field(default_factory=deque)
    by_age: list[Post] = field(default_factory=list)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Leave the index out of a saved state."""
        return None, {**_values(self), "by_age": []}

    def index_posts(self) -> None:
        """Build the indexes of a saved state again."""
        self.by_age = sorted(self.posts.values(), key=_age)
        for post in self.by_age:
            post.index_content()
            post.index_days()

    def add_post(self, post: Post) -> None:
        self.posts[post.uuid] = post
        insort(self.by_age, post, key=_age)
        post.index_content()

    def remove_post(self, post: Post) -> None:
        del self.posts[post.uuid]
        del self.by_age[bisect_left(self.by_age, _age(post), key=_age)]

    def has_post(self, post: Post) -> bool:
        return self.posts.get(post.uuid) is post


def _values(record: Account | Workspace) -> dict[str, Any]:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _age(post: Post) -> tuple[datetime, int]:
    return post.created_at, post.id
