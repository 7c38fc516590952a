"""The workspace's brand voice: read, change, delete, or learn it from posts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.resources import Record, enveloped
from postboost_provider.sandbox.core.responses import SUCCESS, ErrorResponse, Response
from postboost_provider.sandbox.core.scope import require_named_accounts
from postboost_provider.sandbox.core.shapes import read_body, read_with_defaults
from postboost_provider.sandbox.rules import ai_credits
from postboost_provider.sandbox.rules.auth import require_ability

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Workspace

_DEFAULTS: Record = {
    **dict.fromkeys(("business_name", "mission", "industry", "personality")),
    **{name: [] for name in ("audience", "topics_preferred", "topics_avoided", "avoid_words")},
    "preferred_cta": [],
    "example_posts": [],
    "tone_formal": 3,
    "tone_playful": 3,
    "tone_technical": 3,
    "emoji_style": "moderate",
    "hashtag_strategy": "mix",
    "updated_at": None,
}
_MINIMUM_POSTS = 3
_EXAMPLES = 5


def _saved(call: Call) -> Record | None:
    return call.workspace.records.get("brand_voice", {}).get("saved")


def has_brand_voice(workspace: Workspace) -> bool:
    return bool(workspace.records.get("brand_voice"))


def brand_voice_meta(call: Call, requested: object) -> dict[str, bool]:
    """Return the ``meta`` of AI responses: whether the brand voice was applied."""
    return {"brand_voice_applied": bool(requested) and has_brand_voice(call.workspace)}


def _save(call: Call, voice: Record) -> Record:
    voice = {**voice, "updated_at": rfc3339(call.now)}
    call.workspace.records["brand_voice"] = {"saved": voice}
    return voice


@handles("get_brand_voice")
def get_brand_voice(call: Call) -> Response:
    return enveloped(call, _saved(call))


@handles("update_brand_voice")
def update_brand_voice(call: Call) -> Response:
    """Change the fields that were sent; null resets a field."""
    sent = {name: _DEFAULTS[name] if value is None else value for name, value in read_body(call).items()}
    return enveloped(call, _save(call, {**(_saved(call) or _DEFAULTS), **sent}))


@handles("delete_brand_voice")
def delete_brand_voice(call: Call) -> Response:
    call.workspace.records.pop("brand_voice", None)
    return SUCCESS


@handles("learn_brand_voice")
def learn_brand_voice(call: Call) -> Response:
    """Propose a voice from the latest published posts; ``apply`` saves it and needs the ability ``write``."""
    wanted = read_with_defaults(call)
    if wanted["apply"]:
        require_ability(call, "write")
    account_ids = wanted.get("account_ids")
    require_named_accounts(call, account_ids or None)
    texts = [
        post.versions[0]["content"][0]["body"]
        for post in sorted(call.workspace.posts.values(), key=lambda post: post.id, reverse=True)
        if post.status == "published"
        and (account_ids is None or {each.account.id for each in post.targets} <= set(account_ids))
    ][: wanted["limit"]]
    if len(texts) < _MINIMUM_POSTS:
        message = f"At least {_MINIMUM_POSTS} published posts are needed; the workspace has {len(texts)}."
        raise ErrorResponse(422, message, code="not_enough_posts")
    ai_credits.charge(call, text=1)
    learned = {
        "personality": "Direct and friendly.",
        "topics_preferred": ["Products"],
        "tone_formal": 2,
        "example_posts": texts[:_EXAMPLES],
    }
    voice = _saved(call) or _DEFAULTS
    applied = {
        name: value
        for name, value in learned.items()
        if wanted["overwrite"] or voice[name] == _DEFAULTS[name]
    }
    proposed = {**voice, **applied}
    if wanted["apply"]:
        proposed = _save(call, proposed)
    meta: dict[str, Any] = {
        "applied": wanted["apply"],
        "posts_used": len(texts),
        "learned_fields": list(applied),
        "credits_used": 1,
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    return Response.of({"data": proposed, "meta": meta})
