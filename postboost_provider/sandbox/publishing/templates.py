"""Post templates and hashtag groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.resources import Record, Resource
from postboost_provider.sandbox.media.library import render_media
from postboost_provider.sandbox.publishing.post_input import media_by_id

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.validation import Fields


def _complete_template(call: Call, fields: Fields, record: Record) -> None:
    known = media_by_id(call.workspace)
    for index, item in enumerate(record["content"]):
        if any(each not in known for each in item.get("media") or ()):
            fields.add_error(f"content.{index}.media", "The selected media is invalid.")


def _render_template(call: Call, record: Record) -> Record:
    """Render media as the media endpoints do; deleted media is left out."""
    known = media_by_id(call.workspace)
    content = [
        {
            "body": item.get("body") or "",
            "media": [render_media(call, known[each]) for each in item.get("media") or () if each in known],
        }
        for item in record["content"]
    ]
    return {**record, "content": content}


Resource(
    "template",
    key="id",
    fields={"content": []},
    dated=False,
    complete=_complete_template,
    render=_render_template,
).register()
Resource("hashtag_group", key="id", dated=False).register()
