"""Captions from a blog post."""

from __future__ import annotations

from typing import Any

from postboost_provider.sandbox.ai.brand_voice import brand_voice_meta
from postboost_provider.sandbox.ai.captions import caption, make_draft, target_accounts, title_of
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.shapes import read_with_defaults
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import render_media
from postboost_provider.sandbox.media.placeholder_images import SIZES, add_placeholder
from postboost_provider.sandbox.rules import ai_credits


@handles("blog_to_social")
def blog_to_social(call: Call) -> Response:
    wanted = read_with_defaults(call)
    fields = Fields(call.fields)
    if not wanted.get("url"):
        fields.text("title", required=True)
        fields.text("excerpt", required=True)
    accounts = target_accounts(call, fields, wanted)
    fields.raise_errors()
    ai_credits.charge(call, text=len(accounts))
    title = wanted.get("title") or title_of(wanted["url"])
    excerpt = wanted.get("excerpt") or f"Read more at {wanted.get('url')}."
    captions = [caption(account, title, excerpt) for account in accounts]
    data: dict[str, Any] = {
        "blog_title": title,
        "blog_excerpt": excerpt,
        "captions": captions,
        "credits_used": len(captions),
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    if wanted.get("create_post"):
        image = (
            add_placeholder(call.store, call.workspace, "blog.png", SIZES["16:9"])
            if wanted.get("image_url")
            else None
        )
        media = {account.id: [image.id] for account in accounts} if image else {}
        post = make_draft(call.store, call.workspace, captions, media)
        call.post_uuid = data["post_uuid"] = post.uuid
        if image:
            data["media"] = {"id": image.id, "url": render_media(call, image)["url"]}
    return Response.of({"data": data, "meta": brand_voice_meta(call, wanted.get("use_brand_voice", True))})
