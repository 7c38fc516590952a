"""Fill a workspace with made-up posts, media and tags, the same ones each time: for lists and pages that are long."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from postboost_provider.sandbox.core.content import content_of
from postboost_provider.sandbox.core.models import Account, Media, Membership, Post, Tag, Target, Workspace
from postboost_provider.sandbox.core.store import Store, new_uuid
from postboost_provider.sandbox.media.library import add_media
from postboost_provider.sandbox.publishing import delivery as publishing
from postboost_provider.sandbox.publishing.networks import NEEDS_MEDIA
from postboost_provider.sandbox.server.seed import stable_uuid

KINDS = ("posts", "media", "tags", "workspaces")
MOST = 200_000
PAST, FUTURE = timedelta(days=90), timedelta(days=30)
# Of ten posts in a row: what has become of each.
FATES = ("published",) * 6 + ("failed", "scheduled", "scheduled", "draft")


def add_volume(store: Store, wanted: Mapping[str, Any]) -> dict[str, int]:
    """Add what is wanted: ``posts``, ``media``, ``tags`` and ``workspaces``, each a number.

    They go to the first workspace, or to ``workspace_uuid``. New workspaces have its members and copies of its
    accounts. Published and failed posts lie in the last 90 days, scheduled ones in the next 30.

    :raises ValueError: a name is unknown, a number is none, or there is no such workspace.
    """
    if not isinstance(wanted, Mapping) or not set(wanted) <= {*KINDS, "workspace_uuid"}:
        raise ValueError(f"Say how many of {', '.join(KINDS)}, and workspace_uuid if it is not the first.")
    counts = {kind: wanted.get(kind, 0) for kind in KINDS}
    for kind, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST:
            raise ValueError(f"{kind} is a number from 0 to {MOST}, not {count!r}.")
    uuid = wanted.get("workspace_uuid") or next(iter(store.workspaces))
    if uuid not in store.workspaces:
        raise ValueError(f"There is no workspace {uuid!r}. They are: {', '.join(store.workspaces)}.")
    workspace = store.workspaces[uuid]
    for number in range(counts["workspaces"]):
        _add_workspace(store, workspace, number)
    for number in range(counts["tags"]):
        tag = Tag(store.next_id("tag"), new_uuid(), f"Tag {number + 1}", "#475569")
        workspace.tags[tag.uuid] = tag
    media = [_add_picture(store, workspace, number) for number in range(counts["media"])]
    accounts = [
        account
        for account in workspace.accounts.values()
        if account.authorized and account.has_token and (media or account.provider not in NEEDS_MEDIA)
    ]
    tag_ids = [tag.id for tag in workspace.tags.values()]
    for number in range(counts["posts"]):
        _add_post(store, workspace, accounts[number % len(accounts)], media, tag_ids, number, counts["posts"])
    store.happenings.clear()  # webhooks are not told of what is made up
    return counts


def _add_workspace(store: Store, model: Workspace, number: int) -> None:
    now, name = store.clock.now(), f"Workspace {len(store.workspaces) + 1}"
    workspace = Workspace(
        store.next_id("workspace"), new_uuid(), name, model.timezone, model.owner, now - PAST
    )
    workspace.members = {
        each.user.id: Membership(each.user, each.role, each.can_approve, now - PAST)
        for each in model.members.values()
    }
    for each in model.accounts.values():
        account = Account(
            id=store.next_id("account"),
            uuid=stable_uuid(workspace.uuid, each.provider, each.username),
            name=each.name,
            username=f"{each.username}.{workspace.id}",
            provider=each.provider,
            created_at=now - PAST,
        )
        workspace.accounts[account.id] = account
    store.workspaces[workspace.uuid] = workspace


def _add_picture(store: Store, workspace: Workspace, number: int) -> Media:
    return add_media(
        store,
        workspace,
        content_of(_png(number), store.settings.keep_media_bytes),
        name=f"picture-{number + 1}.png",
        mime_type="image/png",
        alt_text=f"Picture {number + 1}",
        folder=None,
    )


def _png(number: int, size: int = 32) -> bytes:
    """Return a square of one colour, another for each number."""
    colour = zlib.crc32(str(number).encode()).to_bytes(4, "big")[:3]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * size) * size
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _add_post(
    store: Store,
    workspace: Workspace,
    account: Account,
    media: list[Media],
    tag_ids: list[int],
    number: int,
    count: int,
) -> None:
    now, fate = store.clock.now(), FATES[number % len(FATES)]
    share = (number + 1) / (count + 1)
    has_media = bool(media) and (number % 3 == 0 or account.provider in NEEDS_MEDIA)
    content = {
        "body": f"Made-up post {number + 1}",
        "url": None,
        "media": [media[number % len(media)].id] if has_media else [],
        "video_thumbs": [],
    }
    version: dict[str, Any] = {
        "account_id": 0,
        "is_original": True,
        "synced_with": None,
        "content": [content],
        "options": {},
    }
    post = Post(
        id=store.next_id("post"),
        uuid=new_uuid(),
        created_at=now - PAST * (1 - share),
        versions=[version],
        targets=[Target(account)],
        tag_ids=tag_ids[number % len(tag_ids) :][:1] if tag_ids else [],
    )
    workspace.posts[post.uuid] = post
    if fate == "draft":
        return
    at = now + FUTURE * share if fate == "scheduled" else post.created_at
    publishing.set_times(post, at.replace(second=0, microsecond=0), None)
    if fate == "scheduled":
        publishing.set_out(store, post)
    else:
        errors = [f"{account.provider} refused the post."] if fate == "failed" else []
        publishing.arrive(store, post, post.targets[0], at, errors)
        publishing.conclude(store, post)
        account.last_error = None
