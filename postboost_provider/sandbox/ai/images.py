"""AI images: prompts, generation, edits, variations and alt texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.ai.brand_voice import brand_voice_meta
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.shapes import read_body, read_with_defaults
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import render_media
from postboost_provider.sandbox.media.placeholder_images import SIZES, add_placeholder
from postboost_provider.sandbox.rules import ai_credits

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.media_models import Media


@handles("image_prompt")
def image_prompt(call: Call) -> Response:
    wanted = read_with_defaults(call)
    ai_credits.charge(call, text=1)
    data = {"prompt": _prompt(wanted)}
    return Response.of({"data": data, "meta": brand_voice_meta(call, wanted.get("use_brand_voice", True))})


@handles("image_generate")
def image_generate(call: Call) -> Response:
    """Generate from a caption for a network, else from the caller's own prompt."""
    wanted = read_with_defaults(call)
    fields = Fields(call.fields)
    if wanted.get("caption"):
        fields.text("platform", required=True)
    elif not wanted.get("prompt"):
        fields.add_error("caption", "The caption field is required when prompt is not present.")
    fields.raise_errors()
    own = not wanted.get("caption")
    prompt = wanted["prompt"] if own else _prompt(wanted)
    data = {**_generate(call, wanted), "prompt_used": prompt, "revised_prompt": None}
    voice = not own and wanted.get("use_brand_voice", True)
    return Response.of({"data": data, "meta": brand_voice_meta(call, voice)})


@handles("image_edit")
def image_edit(call: Call) -> Response:
    wanted = read_with_defaults(call)
    _image_of(call, "media_uuid")
    if wanted.get("mask_uuid"):
        _image_of(call, "mask_uuid")
    data = {**_generate(call, wanted), "prompt_used": wanted["prompt"], "revised_prompt": None}
    return Response.of({"data": data, "meta": brand_voice_meta(call, wanted.get("use_brand_voice", False))})


@handles("image_variations")
def image_variations(call: Call) -> Response:
    wanted = read_with_defaults(call)
    _image_of(call, "media_uuid")
    return Response.of({"data": _generate(call, wanted)})


@handles("image_alt_text")
def image_alt_text(call: Call) -> Response:
    """Describe an image, and save the description as its alt text."""
    read_body(call)
    media = _image_of(call, "media_uuid")
    ai_credits.charge(call, text=1)
    media.alt_text = f"An image: {media.name}"
    data = {
        "media_uuid": media.uuid,
        "alt_text": media.alt_text,
        "credits_used": 1,
        "credits_remaining": ai_credits.text_left(call.store, call.workspace),
    }
    return Response.of({"data": data})


def _image_of(call: Call, name: str) -> Media:
    """Return the image of the library that a field of the body names."""
    fields = Fields(call.fields)
    media = call.workspace.media.get(str(call.fields.get(name)))
    if media is None or not media.mime_type.startswith("image/"):
        fields.add_error(name, f"The selected {name.replace('_', ' ')} is invalid.")
    fields.raise_errors()
    assert media is not None  # noqa: S101  checked above
    return media


def _generate(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """Generate the requested images. They cost image credits, or text credits if images have no pool."""
    count, ratio = int(wanted["count"]), str(wanted.get("aspect_ratio") or "1:1")
    pooled = call.store.settings.ai_image_pool
    text, image = (0, count) if pooled else (count * ai_credits.IMAGE_WEIGHT, 0)
    ai_credits.charge(call, text=text, image=image)
    images = [
        add_placeholder(call.store, call.workspace, f"ai-{call.store.next_id('image')}.png", SIZES[ratio])
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
    return f"An image for {wanted['platform']}: {wanted['caption']}"
