"""The initial data: two workspaces of fictional companies with users, accounts and tags."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import (
    AccessToken,
    Account,
    AccountGroup,
    ApiKey,
    Membership,
    Tag,
    User,
    Workspace,
)
from postboost_provider.sandbox.core.panel_models import Subscription
from postboost_provider.sandbox.core.store import Store
from postboost_provider.sandbox.publishing import account_state

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.settings import Settings

# Name, username, provider. Ambiguous on purpose: "northwind" exists on twitter and on threads, and there are two
# instagram accounts.
_NORTHWIND = (
    ("Northwind Coffee", "northwind", "twitter"),
    ("Northwind Coffee", "northwind", "threads"),
    ("Northwind Coffee Roasters", "northwind.coffee", "instagram"),
    ("Northwind Coffee Berlin", "northwind.berlin", "instagram"),
    ("Northwind Coffee Page", "northwindcoffee", "facebook_page"),
    ("Northwind Coffee GmbH", "northwind-coffee", "linkedin_page"),
    ("Northwind Sky", "northwind.bsky.social", "bluesky"),
    ("Northwind Toots", "northwind@mastodon.social", "mastodon"),
    ("Northwind Video", "northwindvideo", "youtube"),
    ("Northwind Boards", "northwindboards", "pinterest"),
    ("Northwind Clips", "northwindclips", "tiktok"),
    ("Northwind Old Page", "northwindold", "facebook_page"),
)
_CONTOSO = (
    ("Contoso Outdoor", "contoso", "twitter"),
    ("Contoso Outdoor", "contoso.outdoor", "instagram"),
    ("Contoso Outdoor Inc.", "contoso-outdoor", "linkedin_page"),
    ("Contoso Trails", "contoso.bsky.social", "bluesky"),
    ("Contoso Alerts", "contosoalerts", "telegram"),
)
_NEEDS_RECONNECTION = "northwindold"
_WITHOUT_TOKEN = "contosoalerts"


def stable_uuid(*words: str) -> str:
    """Return the same UUID for the same words, so that seeded data keeps its UUIDs across runs."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "postboost-sandbox:" + "/".join(words)))


def seeded_store(settings: Settings, tokens: dict[str, str]) -> Store:
    """Return a new store with these tokens."""
    store = Store(settings)
    now = store.clock.now()
    past = now - timedelta(days=200)
    admin = _add_user(store, "Ada Admin", "ada@northwind.example", past, is_admin=True)
    member = _add_user(store, "Max Member", "max@northwind.example", past)
    viewer = _add_user(store, "Vera Viewer", "vera@northwind.example", past)
    northwind = _workspace(store, "Northwind Coffee", "Europe/Berlin", admin, past, _NORTHWIND)
    contoso = _workspace(store, "Contoso Outdoor", "America/New_York", admin, past, _CONTOSO)
    for workspace in (northwind, contoso):
        _add_member(workspace, admin, "admin")
        _add_member(workspace, member, "member")
        _add_member(workspace, viewer, "viewer")
    _add_group(store, northwind, "Short texts", ("twitter", "threads", "bluesky", "mastodon"))
    _add_group(store, northwind, "Visual", ("instagram", "pinterest"))
    _add_group(store, contoso, "Everywhere", ("twitter", "instagram", "linkedin_page", "bluesky"))
    for workspace, name, color in (
        (northwind, "Launch", "#d97706"),
        (northwind, "Evergreen", "#15803d"),
        (contoso, "Trails", "#0369a1"),
    ):
        tag = Tag(store.next_id("tag"), stable_uuid(workspace.name, "tag", name), name, color)
        workspace.tags[tag.uuid] = tag
    _add_conversation(northwind, "bluesky", "Are you open on Sunday?", "question", now)
    _add_conversation(northwind, "mastodon", "Best coffee in town.", "praise", now - timedelta(hours=2))
    _add_credentials(store, tokens, admin, member, viewer, northwind, now)
    return store


def _add_user(store: Store, name: str, email: str, created_at: datetime, *, is_admin: bool = False) -> User:
    user = User(store.next_id("user"), name, email, is_admin, created_at, email_verified_at=created_at)
    store.users[user.id] = user
    return user


def _workspace(
    store: Store,
    name: str,
    timezone: str,
    owner: User,
    created_at: datetime,
    accounts: tuple[tuple[str, str, str], ...],
) -> Workspace:
    workspace = Workspace(store.next_id("workspace"), stable_uuid(name), name, timezone, owner, created_at)
    store.workspaces[workspace.uuid] = workspace
    workspace.subscriptions.append(Subscription("default", f"sub_{workspace.id}", "team_monthly", "active"))
    for number, (title, username, provider) in enumerate(accounts):
        account = Account(
            id=store.next_id("account"),
            uuid=stable_uuid(name, provider, username),
            name=title,
            username=username,
            provider=provider,
            created_at=created_at + timedelta(hours=number),
            has_token=username != _WITHOUT_TOKEN,
        )
        if username == _NEEDS_RECONNECTION:
            account_state.disconnect(account, account.created_at)
        workspace.accounts[account.id] = account
    return workspace


def _add_member(workspace: Workspace, user: User, role: Literal["admin", "member", "viewer"]) -> None:
    workspace.members[user.id] = Membership(user, role, role == "admin", workspace.created_at)


def _add_group(store: Store, workspace: Workspace, name: str, providers: tuple[str, ...]) -> None:
    ids = [account.id for account in workspace.accounts.values() if account.provider in providers]
    group = AccountGroup(store.next_id("group"), stable_uuid(workspace.name, "group", name), name, ids)
    workspace.groups[group.uuid] = group


def _add_conversation(workspace: Workspace, provider: str, body: str, label: str, at: datetime) -> None:
    """Add a conversation with one comment to the inbox; the API has no operation for it."""
    account = next(each for each in workspace.accounts.values() if each.provider == provider)
    author = {"name": "Grace Guest", "handle": "grace.example", "avatar_url": None}
    labels = {
        "sentiment": "positive" if label == "praise" else "neutral",
        "ai_label": label,
        "is_spam": False,
    }
    message = {
        "id": stable_uuid(workspace.name, "message", body),
        "direction": "inbound",
        "body": body,
        "author": author,
        "created_at": rfc3339(at),
        **labels,
    }
    key = stable_uuid(workspace.name, "conversation", body)
    workspace.records.setdefault("inbox_conversation", {})[key] = {
        "id": key,
        "provider": provider,
        "type": "comment",
        "status": "open",
        "unread": True,
        **labels,
        "is_hidden": False,
        "provider_post_id": "1000000000",
        "account": {name: getattr(account, name) for name in ("id", "uuid", "name", "provider")},
        "author": author,
        "messages": [message],
        "last_message_at": rfc3339(at),
    }


def _add_credentials(
    store: Store,
    tokens: dict[str, str],
    admin: User,
    member: User,
    viewer: User,
    workspace: Workspace,
    now: datetime,
) -> None:
    today = now.date()
    for name, user, expires_on in (
        ("member", member, None),
        ("admin", admin, None),
        ("viewer", viewer, None),
        ("expiring", member, today + timedelta(days=3)),
        ("expired", member, today - timedelta(days=1)),
    ):
        store.access_tokens[tokens[name]] = AccessToken(tokens[name], user, expires_on)
    key = ApiKey(
        id=store.next_id("key"),
        token=tokens["scoped"],
        name="Sandbox key",
        user=admin,
        workspace_uuid=workspace.uuid,
        abilities=["read", "write", "publish"],
        account_ids=None,
        expires_on=None,
        created_at=now,
    )
    workspace.keys[key.id] = key
    store.api_keys[key.token] = key
