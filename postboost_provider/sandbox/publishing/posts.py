"""Posts: create, read, list, update, validate and delete."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339, stamp
from postboost_provider.sandbox.core.models import Account, Event, Post, Target, Workspace
from postboost_provider.sandbox.core.responses import ErrorResponse, Response, invalid, not_found
from postboost_provider.sandbox.core.scope import post_is_visible, require_accounts
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import unschedulable_media
from postboost_provider.sandbox.publishing import guardrails, lifecycle, network_rules
from postboost_provider.sandbox.publishing.account_health import render_health
from postboost_provider.sandbox.publishing.accounts import render_account
from postboost_provider.sandbox.publishing.post_input import (
    PostInput,
    media_by_id,
    named_accounts,
    read_post,
    reject_past,
)
from postboost_provider.sandbox.publishing.queue import NO_SLOTS, at_earliest_slot, next_free_slots
from postboost_provider.sandbox.publishing.tags import render_tag
from postboost_provider.sandbox.rules.auth import require_ability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.sandbox.core.settings import Settings

_DELETE_MODES = ("app_only", "app_and_social", "social_only")
# The statuses that the setting unknown_status shows in place of documented ones.
_UNKNOWN_STATUS = {
    ("waiting", "scheduled"): "processing",
    ("waiting", "publishing"): "processing",
    ("finished", "published"): "archived",
    ("finished", "failed"): "archived",
}


def render_post(settings: Settings, workspace: Workspace, post: Post) -> dict[str, Any]:
    tags = [tag for tag in workspace.tags.values() if tag.id in post.tag_ids]
    progress = {"publish_progress": lifecycle.publish_progress(post)} if post.status == "publishing" else {}
    return {
        "id": post.id,
        "uuid": post.uuid,
        "status": _UNKNOWN_STATUS.get((settings.unknown_status, post.status), post.status),
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
    """Return the post of the path; a limited key gets a 403 for posts with other accounts."""
    post = call.find(call.workspace.posts, "post_uuid")
    require_accounts(call, [target.account.id for target in post.targets])
    return post


def untrashed_post_of(call: Call) -> Post:
    post = post_of(call)
    if post.trashed:
        raise not_found()
    return post


def needs_approval(call: Call) -> bool:
    """Return whether the caller's posts need approval. In the sandbox it depends only on the role."""
    return call.membership is not None and call.membership.role in call.store.settings.approval_required_for


def planned_publish_times(
    call: Call, draft: PostInput, *, exclude: Post | None = None
) -> dict[int, datetime]:
    """Return when each account would publish; empty for a draft."""
    if draft.plan == "now":
        return {account.id: call.now for account in draft.accounts}
    if draft.plan == "queue":
        return next_free_slots(call.workspace, draft.accounts, call.now, exclude=exclude)
    if draft.plan != "at" or draft.at is None:
        return {}
    if draft.account_times is not None:
        return {account.id: draft.account_times.get(account.id, draft.at) for account in draft.accounts}
    offsets = _offsets(exclude)
    return {account.id: draft.at + offsets.get(account.id, timedelta()) for account in draft.accounts}


def _offsets(post: Post | None) -> dict[int, timedelta]:
    """Return each account's offset from the post's scheduled time."""
    return {target.account.id: target.offset for target in post.targets} if post is not None else {}


def warnings_of(call: Call, versions: list[dict[str, Any]], accounts: Sequence[Account]) -> dict[str, Any]:
    """Return ``warnings``; the key is absent without any (SDK 1.66.3)."""
    found = network_rules.warnings(versions, accounts, media_by_id(call.workspace))
    return {"warnings": found} if found else {}


@handles("list_posts")
def list_posts(call: Call) -> Response:
    return call.page(
        [post for post in reversed(call.workspace.by_age) if not post.trashed],
        lambda post: render_post(call.store.settings, call.workspace, post),
        per_page=50,
        size_parameter="limit",
        visible=lambda post: post_is_visible(call, post),
    )


@handles("get_post")
def get_post(call: Call) -> Response:
    return Response.of(render_post(call.store.settings, call.workspace, post_of(call)))


@handles("create_post")
def create_post(call: Call) -> Response:
    require_accounts(call, named_accounts(call.fields))
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    if draft.plan != "draft":
        require_ability(call, "publish")
    publish_times = _check(call, fields, draft)
    _require_plan_for_another(call)
    post = lifecycle.create(call.store, call.workspace, draft.versions, draft.accounts, tag_ids=draft.tag_ids)
    call.post_uuid = post.uuid
    _apply_plan(call, post, draft, publish_times, waits=needs_approval(call))
    rendered = render_post(call.store.settings, call.workspace, post)
    return Response.of({**rendered, **warnings_of(call, post.versions, draft.accounts)}, 201)


def _require_plan_for_another(call: Call) -> None:
    limit = call.store.settings.plan_posts
    if limit and len(call.workspace.posts) >= limit:
        raise ErrorResponse(422, f"Your plan has a limit of {limit} posts.")


@handles("update_post")
def update_post(call: Call) -> Response:
    """Replace the post. The response only reports success, without the post (SDK 1.66.3)."""
    post = untrashed_post_of(call)
    require_accounts(call, named_accounts(call.fields))
    require_editable(post, call.store.settings.edit_published_status)
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    was_scheduled = post.status in ("scheduled", "needs_approval")
    # One endpoint, two abilities: `publish` for a scheduled post, `write` for a draft (SDK 1.66.3).
    require_ability(call, "publish" if was_scheduled else "write")
    if draft.plan != "draft":
        require_ability(call, "publish")
    keeps = was_scheduled and not draft.plan_stated and call.store.settings.put_schedule == "keep"
    # Without accounts the post becomes a draft.
    if keeps and draft.plan == "draft" and draft.accounts:
        draft.plan = "at"
        reject_past(fields, call.now, draft.at, draft.account_times)
        draft.at = draft.at or post.scheduled_at
    publish_times = _check(call, fields, draft, exclude=post)
    waits = _waits_after_edit(call, post, keeps=keeps)
    offsets = _offsets(post)
    lifecycle.unschedule(call.store, post)
    post.versions, post.tag_ids = draft.versions, draft.tag_ids
    post.targets = [Target(account, offsets.get(account.id, timedelta())) for account in draft.accounts]
    post.index_content()
    _apply_plan(call, post, draft, publish_times, waits=waits)
    post.approved = post.approved and post.status == "scheduled"
    return Response.of({"success": True, **warnings_of(call, post.versions, draft.accounts)})


def _waits_after_edit(call: Call, post: Post, *, keeps: bool) -> bool:
    """Return whether the post waits for approval after the edit, if it is scheduled then.

    :param keeps: whether the edit does not say when to publish, so that the post keeps its time.
    """
    settings, waited = call.store.settings, post.status == "needs_approval"
    choice = settings.edit_waiting if waited else settings.edit_approved if post.approved else "role"
    if choice != "role":
        return choice == "wait"
    return (keeps and waited) or needs_approval(call)


def require_editable(post: Post, status: int) -> None:
    """Reject a change of a post that is publishing or published on any account."""
    if post.status == "publishing" or any(target.status == "published" for target in post.targets):
        raise ErrorResponse(status, "A published post cannot be edited.")


def _check(
    call: Call, fields: Fields, draft: PostInput, *, exclude: Post | None = None
) -> dict[int, datetime]:
    """Reject an invalid post, else return when each account publishes."""
    fields.raise_errors()
    if draft.plan != "draft":
        library = media_by_id(call.workspace)
        if errors := network_rules.requirements(
            draft.versions, draft.accounts, library, unschedulable_media(call)
        ):
            raise invalid(errors)
    publish_times = planned_publish_times(call, draft, exclude=exclude)
    if draft.plan == "queue" and len(publish_times) < len(draft.accounts):
        raise invalid({"queue": [NO_SLOTS]})
    if found := _issues(call, draft, publish_times, exclude=exclude):
        raise found[0].error_response()
    return publish_times


def _issues(
    call: Call, draft: PostInput, publish_times: dict[int, datetime], *, exclude: Post | None = None
) -> list[guardrails.Issue]:
    return guardrails.issues(
        call.store,
        call.workspace,
        draft.versions,
        draft.accounts,
        at_earliest_slot(publish_times) if draft.plan == "queue" else publish_times,
        allow_duplicate=draft.allow_duplicate,
        exclude=exclude,
    )


def _apply_plan(
    call: Call,
    post: Post,
    draft: PostInput,
    publish_times: dict[int, datetime],
    *,
    waits: bool,
) -> None:
    """Set the times of the post, then schedule it, submit it for approval or leave it a draft.

    :param waits: whether a post that is to be scheduled waits for approval.
    """
    if draft.plan in ("now", "queue"):
        lifecycle.set_publish_times(post, min(publish_times.values()), publish_times)
    elif draft.at is not None:
        lifecycle.set_publish_times(post, draft.at, draft.account_times)
    else:
        post.scheduled_at = None
    if draft.plan == "draft":
        return
    if waits:
        post.status = "needs_approval"
    else:
        lifecycle.schedule(call.store, post)


@handles("validate_post")
def validate_post(call: Call) -> Response:
    """Validate a post without creating it: always 200 (SDK 1.66.3)."""
    require_accounts(call, named_accounts(call.fields))
    fields = Fields(call.fields)
    draft = read_post(call, fields)
    found: list[guardrails.Issue] = []
    warnings: list[dict[str, Any]] = []
    publish_times: dict[int, datetime] = {}
    if not fields.errors:
        library = media_by_id(call.workspace)
        fields.errors.update(
            network_rules.requirements(draft.versions, draft.accounts, library, unschedulable_media(call))
        )
        warnings = network_rules.warnings(draft.versions, draft.accounts, library)
        publish_times = planned_publish_times(call, draft)
        found = _issues(call, draft, publish_times)
    return Response.of(
        {
            "valid": not fields.errors and not found,
            "errors": fields.errors,
            "issues": [issue.as_dict() for issue in found],
            "warnings": warnings,
            "publish_at": rfc3339(min(publish_times.values(), default=None)),
            "accounts": render_health(call, draft.accounts),
        }
    )


@handles("delete_post")
def delete_post(call: Call) -> Response:
    return _delete(call, [post_of(call)])


@handles("delete_posts_bulk")
def delete_posts_bulk(call: Call) -> Response:
    """Delete the posts of the list that exist; a missing one is not an error."""
    fields = Fields(call.fields)
    uuids = fields.items("posts", required=True)
    fields.raise_errors()
    posts = [
        call.workspace.posts[uuid] for uuid in uuids if isinstance(uuid, str) and uuid in call.workspace.posts
    ]
    for post in posts:
        require_accounts(call, [target.account.id for target in post.targets])
    return _delete(call, posts)


def _delete(call: Call, posts: list[Post]) -> Response:
    fields = Fields(call.fields)
    to_trash = bool(fields.boolean("trash"))
    mode = fields.text("delete_mode") or "app_only"
    if mode not in _DELETE_MODES:
        fields.add_error("delete_mode", "The selected delete mode is invalid.")
    fields.raise_errors()
    from_app = mode != "social_only"
    for post in posts:
        if mode != "app_only":
            for target in post.targets:
                target.external_url = target.provider_post_id = None
        if not from_app:
            continue
        if not post.trashed:
            call.store.events.append(Event("post.deleted", call.now, post, workspace=call.workspace))
        if post.status != "publishing":
            call.store.unfinished.discard(post)
        if to_trash:
            post.trashed = True
        else:
            call.store.unfinished.discard(post)
            call.workspace.remove_post(post)
    removed = from_app and bool(posts)
    return Response.of(
        {"deleted": bool(posts), "deleted_from_app": removed, "to_trash": removed and to_trash}
    )
