"""Add many sample posts, media, tags and workspaces, the same ones each time, for tests of long lists."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import Account, Membership, Tag, Workspace
from postboost_provider.sandbox.core.store import Store, new_uuid
from postboost_provider.sandbox.media.placeholder_images import add_placeholder
from postboost_provider.sandbox.publishing import lifecycle
from postboost_provider.sandbox.publishing.network_rules import NEEDS_MEDIA
from postboost_provider.sandbox.server.seed import stable_uuid

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.media_models import Media

KINDS = ("posts", "media", "tags", "workspaces")
MAX_COUNT = 200_000
PAST, FUTURE = timedelta(days=90), timedelta(days=30)
# The statuses of ten consecutive posts.
STATUSES = ("published",) * 6 + ("failed", "scheduled", "scheduled", "draft")


def seed_more(store: Store, wanted: Mapping[str, Any]) -> dict[str, int]:
    """Add the wanted numbers of ``posts``, ``media``, ``tags`` and ``workspaces``.

    They are added to the first workspace, or to ``workspace_uuid``. New workspaces have its members and copies of its
    accounts. Published and failed posts lie in the last 90 days, scheduled ones in the next 30.

    :raises ValueError: a name is unknown, a number is invalid, or the workspace does not exist.
    """
    if not isinstance(wanted, Mapping) or not set(wanted) <= {*KINDS, "workspace_uuid"}:
        raise ValueError(
            f"Give the numbers of {', '.join(KINDS)}, and workspace_uuid for any but the first workspace."
        )
    counts = {kind: wanted.get(kind, 0) for kind in KINDS}
    for kind, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_COUNT:
            raise ValueError(f"{kind} must be a number from 0 to {MAX_COUNT}, not {count!r}.")
    uuid = wanted.get("workspace_uuid") or next(iter(store.workspaces))
    if uuid not in store.workspaces:
        raise ValueError(
            f"The workspace {uuid!r} does not exist. The workspaces are: {', '.join(store.workspaces)}."
        )
    workspace = store.workspaces[uuid]
    for _ in range(counts["workspaces"]):
        _add_workspace(store, workspace)
    for number in range(counts["tags"]):
        tag = Tag(store.next_id("tag"), new_uuid(), f"Tag {number + 1}", "#475569")
        workspace.tags[tag.uuid] = tag
    media = [_add_image(store, workspace, number) for number in range(counts["media"])]
    accounts = [
        account
        for account in workspace.accounts.values()
        if account.authorized and account.has_token and (media or account.provider not in NEEDS_MEDIA)
    ]
    tag_ids = [tag.id for tag in workspace.tags.values()]
    for number in range(counts["posts"]):
        _add_post(store, workspace, accounts[number % len(accounts)], media, tag_ids, number, counts["posts"])
    store.events.clear()  # webhooks are not told of sample data
    return counts


def _add_workspace(store: Store, model: Workspace) -> None:
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


def _add_image(store: Store, workspace: Workspace, number: int) -> Media:
    """Add a square whose color depends on the number."""
    color = zlib.crc32(str(number).encode()).to_bytes(4, "big")[:3]
    name, alt_text = f"image-{number + 1}.png", f"Image {number + 1}"
    return add_placeholder(store, workspace, name, (32, 32), color, alt_text=alt_text)


def _add_post(
    store: Store,
    workspace: Workspace,
    account: Account,
    media: list[Media],
    tag_ids: list[int],
    number: int,
    count: int,
) -> None:
    now, status = store.clock.now(), STATUSES[number % len(STATUSES)]
    share = (number + 1) / (count + 1)
    has_media = bool(media) and (number % 3 == 0 or account.provider in NEEDS_MEDIA)
    media_ids = [media[number % len(media)].id] if has_media else []
    post = lifecycle.create(
        store,
        workspace,
        [lifecycle.version(0, f"Sample post {number + 1}", media_ids)],
        [account],
        tag_ids=tag_ids[number % len(tag_ids) :][:1] if tag_ids else (),
        created_at=now - PAST * (1 - share),
    )
    if status == "draft":
        return
    at = now + FUTURE * share if status == "scheduled" else post.created_at
    lifecycle.set_publish_times(post, at.replace(second=0, microsecond=0), None)
    if status == "scheduled":
        lifecycle.schedule(store, post)
    else:
        errors = [f"{account.provider} rejected the post."] if status == "failed" else []
        lifecycle.record_result(store, post, post.targets[0], at, errors)
        lifecycle.finish(store, post)
        account.last_error = None
