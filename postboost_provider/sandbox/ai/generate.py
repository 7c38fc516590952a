"""The smaller AI operations: captions from a blog post, pictures, prompts and alt texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.ai import credits as ai_credits
from postboost_provider.sandbox.ai.brand_voice import has_brand_voice
from postboost_provider.sandbox.ai.captions import caption, make_draft, target_accounts
from postboost_provider.sandbox.ai.drawing import SIZES, draw
from postboost_provider.sandbox.ai.repurposing import title_of
from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.shapes import defaults, read_body
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import render_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Media


def _read(call: Call) -> dict[str, Any]:
    sent = {name: value for name, value in read_body(call).items() if value is not None}
    return {**defaults(call.operation.operation), **sent}


@answers("blog_to_social")
def blog_to_social(call: Call) -> Reply:
    wanted = _read(call)
    fields = Fields(call.fields)
    if not wanted.get("url"):
        fields.text("title", required=True)
        fields.text("excerpt", required=True)
    accounts = target_accounts(call, fields, wanted)
    fields.finish()
    ai_credits.require(call.store, call.workspace, text=len(accounts))
    title = wanted.get("title") or title_of(wanted["url"])
    excerpt = wanted.get("excerpt") or f"What is behind {wanted.get('url')}."
    captions = [caption(account, title, excerpt) for account in accounts]
    ai_credits.spend(call.workspace, call.now, text=len(captions))
    data: dict[str, Any] = {
        "blog_title": title,
        "blog_excerpt": excerpt,
        "captions": captions,
        "credits_used": len(captions),
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    if wanted.get("create_post"):
        image = (
            draw(call.store, call.workspace, "blog.png", SIZES["16:9"]) if wanted.get("image_url") else None
        )
        media = {account.id: [image.id] for account in accounts} if image else {}
        post = make_draft(call.store, call.workspace, captions, media)
        call.post_uuid = data["post_uuid"] = post.uuid
        if image:
            data["media"] = {"id": image.id, "url": render_media(call, image)["url"]}
    return Reply.of({"data": data, "meta": _voice(call, wanted.get("use_brand_voice", True))})


@answers("image_prompt")
def image_prompt(call: Call) -> Reply:
    wanted = _read(call)
    ai_credits.require(call.store, call.workspace, text=1)
    ai_credits.spend(call.workspace, call.now, text=1)
    data = {"prompt": _prompt(wanted)}
    return Reply.of({"data": data, "meta": _voice(call, wanted.get("use_brand_voice", True))})


@answers("image_generate")
def image_generate(call: Call) -> Reply:
    """Draw from a caption for a network, else from the caller's own prompt."""
    wanted = _read(call)
    fields = Fields(call.fields)
    if wanted.get("caption"):
        fields.text("platform", required=True)
    elif not wanted.get("prompt"):
        fields.refuse("caption", "The caption field is required when prompt is not present.")
    fields.finish()
    own = not wanted.get("caption")
    prompt = wanted["prompt"] if own else _prompt(wanted)
    data = {**_pictures(call, wanted), "prompt_used": prompt, "revised_prompt": None}
    voice = not own and wanted.get("use_brand_voice", True)
    return Reply.of({"data": data, "meta": _voice(call, voice)})


@answers("image_edit")
def image_edit(call: Call) -> Reply:
    wanted = _read(call)
    _picture(call, "media_uuid")
    if wanted.get("mask_uuid"):
        _picture(call, "mask_uuid")
    data = {**_pictures(call, wanted), "prompt_used": wanted["prompt"], "revised_prompt": None}
    return Reply.of({"data": data, "meta": _voice(call, wanted.get("use_brand_voice", False))})


@answers("image_variations")
def image_variations(call: Call) -> Reply:
    wanted = _read(call)
    _picture(call, "media_uuid")
    return Reply.of({"data": _pictures(call, wanted)})


@answers("image_alt_text")
def image_alt_text(call: Call) -> Reply:
    """Describe a picture, and save what was said of it with it."""
    read_body(call)
    media = _picture(call, "media_uuid")
    ai_credits.require(call.store, call.workspace, text=1)
    ai_credits.spend(call.workspace, call.now, text=1)
    media.alt_text = f"A picture: {media.name}"
    data = {
        "media_uuid": media.uuid,
        "alt_text": media.alt_text,
        "credits_used": 1,
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    return Reply.of({"data": data})


def _picture(call: Call, name: str) -> Media:
    """Return the image of the library that a field of the body names."""
    fields = Fields(call.fields)
    media = call.workspace.media.get(str(call.fields.get(name)))
    if media is None or not media.mime_type.startswith("image/"):
        fields.refuse(name, f"The selected {name.replace('_', ' ')} is invalid.")
    fields.finish()
    assert media is not None  # noqa: S101  refused above
    return media


def _pictures(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """Draw as many as were asked for. They cost image credits, or text credits where there is no pool of those."""
    count, ratio = int(wanted["count"]), str(wanted.get("aspect_ratio") or "1:1")
    pooled = call.store.settings.ai_image_pool
    text, image = (0, count) if pooled else (count * ai_credits.IMAGE_WEIGHT, 0)
    ai_credits.require(call.store, call.workspace, text=text, image=image)
    ai_credits.spend(call.workspace, call.now, text=text, image=image)
    images = [
        draw(call.store, call.workspace, f"ai-{call.store.next_id('picture')}.png", SIZES[ratio])
        for _ in range(count)
    ]
    return {
        "images": [render_media(call, each) for each in images],
        "aspect_ratio": ratio,
        "quality": wanted["quality"],
        "credits_used": text,
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
        "image_credits_used": image,
        "image_credits_remaining": ai_credits.image_left(call.store, call.workspace),
    }


def _prompt(wanted: dict[str, Any]) -> str:
    return f"A picture for {wanted['platform']}: {wanted['caption']}"


def _voice(call: Call, wanted: Any) -> dict[str, bool]:
    return {"brand_voice_applied": bool(wanted) and has_brand_voice(call.workspace)}
