"""Posts: create, read, list, update, validate and delete."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import rfc3339, stamp
from postboost_provider.sandbox.core.models import Account, Happening, Post, Target, Workspace
from postboost_provider.sandbox.core.replies import Refusal, Reply, invalid, not_found, page_of, page_size
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import not_ready
from postboost_provider.sandbox.publishing import delivery as publishing, guardrails, networks
from postboost_provider.sandbox.publishing.accounts import render_account
from postboost_provider.sandbox.publishing.health import render_health
from postboost_provider.sandbox.publishing.post_input import (
    PostInput,
    media_by_id,
    named_accounts,
    read_post,
    refuse_past,
)
from postboost_provider.sandbox.publishing.queue import NO_SLOTS, at_the_earliest, next_free_slots
from postboost_provider.sandbox.publishing.tags import render_tag
from postboost_provider.sandbox.rules.auth import post_is_visible, require_ability, require_accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELETE_MODES = ("app_only", "app_and_social", "social_only")


def render_post(workspace: Workspace, post: Post) -> dict[str, Any]:
    tags = [tag for tag in workspace.tags.values() if tag.id in post.tag_ids]
    progress = {"publish_progress": publishing.publish_progress(post)} if post.status == "publishing" else {}
    return {
        "id": post.id,
        "uuid": post.uuid,
        "status": post.status,
        **progress,
        "accounts": [_render_target(target) for target in post.targets],
        "versions": post.versions,
        "tags": [render_tag(tag) for tag in tags],
        "scheduled_at": stamp(post.scheduled_at),
        "published_at": stamp(post.published_at),
        "created_at": stamp(post.created_at),
        "trashed": post.trashed,
    }


def _render_target(target: Target) -> dict[str, Any]:
    return {
        **render_account(target.account),
        "publish_status": target.status,
        "published_parts": target.published_parts,
        "external_url": target.external_url,
        "provider_post_id": target.provider_post_id,
        "errors": target.errors,
    }


def post_of(call: Call) -> Post:
    """Return the post of the path; a limited key may not touch posts that involve other accounts."""
    post = call.workspace.posts.get(call.path["post_uuid"])
    if post is None:
        raise not_found()
    require_accounts(call, [target.account.id for target in post.targets])
    return post


def untrashed_post_of(call: Call) -> Post:
    post = post_of(call)
    if post.trashed:
        raise not_found()
    return post


def needs_approval(call: Call) -> bool:
    """Tell whether what this caller schedules waits for approval: a matter of the role, in the sandbox."""
    return call.membership is not None and call.membership.role in call.store.settings.approval_required_for


def planned_departures(call: Call, draft: PostInput, *, but: Post | None = None) -> dict[int, datetime]:
    """Return when each account would publish; nothing for a draft."""
    if draft.plan == "now":
        return {account.id: call.now for account in draft.accounts}
    if draft.plan == "queue":
        return next_free_slots(call.workspace, draft.accounts, call.now, but=but)
    if draft.plan != "at" or draft.at is None:
        return {}
    if draft.account_times is not None:
        return {account.id: draft.account_times.get(account.id, draft.at) for account in draft.accounts}
    offsets = _offsets(but)
    return {account.id: draft.at + offsets.get(account.id, timedelta()) for account in draft.accounts}


def _offsets(post: Post | None) -> dict[int, timedelta]:
    """Return how far from the post's time each account departs."""
    return {target.account.id: target.offset for target in post.targets} if post is not None else {}


def warnings_of(call: Call, versions: list[dict[str, Any]], accounts: Sequence[Account]) -> dict[str, Any]:
    """Return ``warnings``, a key that is absent when there are none (SDK 1.66.3)."""
    found = networks.warnings(versions, accounts, media_by_id(call.workspace))
    return {"warnings": found} if found else {}


@answers("list_posts")
def list_posts(call: Call) -> Reply:
    posts = [post for post in call.workspace.posts.values() if not post.trashed]
    return page_of(
        sorted(posts, key=lambda post: (post.created_at, post.id), reverse=True),
        url=call.origin + call.url,
        query=call.query,
        per_page=page_size(call.parameter("limit"), default=50),
        render=lambda post: render_post(call.workspace, post),
        visible=lambda post: post_is_visible(call, post),
    )


@answers("get_post")
def get_post(call: Call) -> Reply:
    return Reply.of(render_post(call.workspace, post_of(call)))


@answers("create_post")
def create_post(call: Call) -> Reply:
    require_accounts(call, named_accounts(call.fields))
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    if draft.plan != "draft":
        require_ability(call, "publish")
    departures = _check(call, fields, draft)
    post = Post(
        id=call.store.next_id("post"),
        uuid=new_uuid(),
        created_at=call.now,
        versions=draft.versions,
        targets=[Target(account) for account in draft.accounts],
        tag_ids=draft.tag_ids,
    )
    call.workspace.posts[post.uuid] = post
    call.post_uuid = post.uuid
    _place(call, post, draft, departures)
    rendered = render_post(call.workspace, post)
    return Reply.of({**rendered, **warnings_of(call, post.versions, draft.accounts)}, 201)


@answers("update_post")
def update_post(call: Call) -> Reply:
    """Replace the post. The reply is not the post, only whether it worked (SDK 1.66.3)."""
    post = untrashed_post_of(call)
    require_accounts(call, named_accounts(call.fields))
    refuse_in_history(post, call.store.settings.edit_published_status)
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    was_waiting = post.status in ("scheduled", "needs_approval")
    # One endpoint, two abilities: a scheduled post takes `publish`, a draft takes `write` (SDK 1.66.3).
    require_ability(call, "publish" if was_waiting else "write")
    if draft.plan != "draft":
        require_ability(call, "publish")
    waited_for_approval = post.status == "needs_approval"
    keeps = was_waiting and not draft.plan_stated and call.store.settings.put_schedule == "keep"
    # Without accounts there is nothing to schedule: the post becomes a draft.
    if keeps and draft.plan == "draft" and draft.accounts:
        draft.plan = "at"
        refuse_past(fields, call.now, draft.at, draft.account_times)
        draft.at = draft.at or post.scheduled_at
    departures = _check(call, fields, draft, but=post)
    offsets = _offsets(post)
    publishing.call_off(call.store, post)
    post.versions, post.tag_ids = draft.versions, draft.tag_ids
    post.targets = [Target(account, offsets.get(account.id, timedelta())) for account in draft.accounts]
    _place(call, post, draft, departures, waits=keeps and waited_for_approval)
    return Reply.of({"success": True, **warnings_of(call, post.versions, draft.accounts)})


def refuse_in_history(post: Post, status: int) -> None:
    """Refuse to change a post of which something is published, or about to be."""
    if post.status == "publishing" or any(target.status == "published" for target in post.targets):
        raise Refusal(status, "A published post cannot be edited.")


def _check(call: Call, fields: Fields, draft: PostInput, *, but: Post | None = None) -> dict[int, datetime]:
    """Refuse what is wrong with the post; return when each account departs."""
    fields.finish()
    if draft.plan != "draft":
        library = media_by_id(call.workspace)
        if errors := networks.requirements(draft.versions, draft.accounts, library, not_ready(call)):
            raise invalid(errors)
    departures = planned_departures(call, draft, but=but)
    if draft.plan == "queue" and len(departures) < len(draft.accounts):
        raise invalid({"queue": [NO_SLOTS]})
    if found := _issues(call, draft, departures, but=but):
        raise found[0].refusal()
    return departures


def _issues(
    call: Call, draft: PostInput, departures: dict[int, datetime], *, but: Post | None = None
) -> list[guardrails.Issue]:
    return guardrails.issues(
        call.store,
        call.workspace,
        draft.versions,
        draft.accounts,
        at_the_earliest(departures) if draft.plan == "queue" else departures,
        allow_duplicate=draft.allow_duplicate,
        but=but,
    )


def _place(
    call: Call, post: Post, draft: PostInput, departures: dict[int, datetime], *, waits: bool = False
) -> None:
    """Give the post its time, and let it go, wait for approval or stay a draft."""
    if draft.plan in ("now", "queue"):
        publishing.set_times(post, min(departures.values()), departures)
    elif draft.at is not None:
        publishing.set_times(post, draft.at, draft.account_times)
    else:
        post.scheduled_at = None
    if draft.plan == "draft":
        return
    if waits or needs_approval(call):
        post.status = "needs_approval"
    else:
        publishing.set_out(call.store, post)


@answers("validate_post")
def validate_post(call: Call) -> Reply:
    """Check a post without creating it: 200 whatever it finds (SDK 1.66.3)."""
    require_accounts(call, named_accounts(call.fields))
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    found: list[guardrails.Issue] = []
    warnings: list[dict[str, Any]] = []
    departures: dict[int, datetime] = {}
    if not fields.errors:
        library = media_by_id(call.workspace)
        fields.errors.update(networks.requirements(draft.versions, draft.accounts, library, not_ready(call)))
        warnings = networks.warnings(draft.versions, draft.accounts, library)
        departures = planned_departures(call, draft)
        found = _issues(call, draft, departures)
    return Reply.of(
        {
            "valid": not fields.errors and not found,
            "errors": fields.errors,
            "issues": [issue.as_dict() for issue in found],
            "warnings": warnings,
            "publish_at": rfc3339(min(departures.values(), default=None)),
            "accounts": render_health(call, draft.accounts),
        }
    )


@answers("delete_post")
def delete_post(call: Call) -> Reply:
    return _delete(call, [post_of(call)])


@answers("delete_posts_bulk")
def delete_posts_bulk(call: Call) -> Reply:
    """Delete the posts of the list that exist; one that does not is no error."""
    fields = Fields(call.fields)
    uuids = fields.items("posts", required=True)
    fields.finish()
    posts = [
        call.workspace.posts[uuid] for uuid in uuids if isinstance(uuid, str) and uuid in call.workspace.posts
    ]
    for post in posts:
        require_accounts(call, [target.account.id for target in post.targets])
    return _delete(call, posts)


def _delete(call: Call, posts: list[Post]) -> Reply:
    fields = Fields(call.fields)
    to_trash = bool(fields.boolean("trash"))
    mode = fields.text("delete_mode") or "app_only"
    if mode not in _DELETE_MODES:
        fields.refuse("delete_mode", "The selected delete mode is invalid.")
    fields.finish()
    from_app = mode != "social_only"
    for post in posts:
        if mode != "app_only":
            for target in post.targets:
                target.external_url = target.provider_post_id = None
        if not from_app:
            continue
        if not post.trashed:
            call.store.happenings.append(Happening("post.deleted", call.now, post, workspace=call.workspace))
        if post.status != "publishing":
            call.store.unfinished.discard(post)
        if to_trash:
            post.trashed = True
        else:
            call.store.unfinished.discard(post)
            del call.workspace.posts[post.uuid]
    removed = from_app and bool(posts)
    return Reply.of({"deleted": bool(posts), "deleted_from_app": removed, "to_trash": removed and to_trash})
