"""The workspace's brand voice: one, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.ai import credits as ai_credits
from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import SUCCESS, Refusal, Reply
from postboost_provider.sandbox.core.resources import Record, enveloped
from postboost_provider.sandbox.core.shapes import defaults, read_body
from postboost_provider.sandbox.rules.auth import require_ability, require_accounts

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import Workspace

_UNSET: Record = {
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
_FEWEST_POSTS = 3
_EXAMPLES = 5


def _saved(call: Call) -> Record | None:
    return call.workspace.records.get("brand_voice", {}).get("saved")


def has_brand_voice(workspace: Workspace) -> bool:
    return bool(workspace.records.get("brand_voice"))


def _save(call: Call, voice: Record) -> Record:
    voice = {**voice, "updated_at": rfc3339(call.now)}
    call.workspace.records["brand_voice"] = {"saved": voice}
    return voice


@answers("get_brand_voice")
def get_brand_voice(call: Call) -> Reply:
    return enveloped(call, _saved(call))


@answers("update_brand_voice")
def update_brand_voice(call: Call) -> Reply:
    """Change what was sent; null sets it back."""
    sent = {name: _UNSET[name] if value is None else value for name, value in read_body(call).items()}
    return enveloped(call, _save(call, {**(_saved(call) or _UNSET), **sent}))


@answers("delete_brand_voice")
def delete_brand_voice(call: Call) -> Reply:
    call.workspace.records.pop("brand_voice", None)
    return SUCCESS


@answers("learn_brand_voice")
def learn_brand_voice(call: Call) -> Reply:
    """Propose a voice from the latest published posts; saved only with ``apply``, which takes ``write``."""
    wanted = {**defaults("learn_brand_voice"), **read_body(call)}
    if wanted["apply"]:
        require_ability(call, "write")
    limit = call.caller.key.account_ids if call.caller.key else None
    account_ids = wanted.get("account_ids")
    require_accounts(call, account_ids or ([-1] if limit is not None else []))
    texts = [
        post.versions[0]["content"][0]["body"]
        for post in sorted(call.workspace.posts.values(), key=lambda post: post.id, reverse=True)
        if post.status == "published"
        and (account_ids is None or {each.account.id for each in post.targets} <= set(account_ids))
    ][: wanted["limit"]]
    if len(texts) < _FEWEST_POSTS:
        message = f"At least {_FEWEST_POSTS} published posts are needed; there are {len(texts)}."
        raise Refusal(422, message, code="not_enough_posts")
    ai_credits.require(call.store, call.workspace, text=1)
    ai_credits.spend(call.workspace, call.now, text=1)
    learned = {
        "personality": "Direct and friendly.",
        "topics_preferred": ["Products"],
        "tone_formal": 2,
        "example_posts": texts[:_EXAMPLES],
    }
    voice = _saved(call) or _UNSET
    taken = {
        name: value for name, value in learned.items() if wanted["overwrite"] or voice[name] == _UNSET[name]
    }
    proposed = {**voice, **taken}
    if wanted["apply"]:
        proposed = _save(call, proposed)
    meta: dict[str, Any] = {
        "applied": wanted["apply"],
        "posts_used": len(texts),
        "learned_fields": list(taken),
        "credits_used": 1,
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    return Reply.of({"data": proposed, "meta": meta})
