"""Saved texts: post templates and hashtag groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.resources import Record, Resource
from postboost_provider.sandbox.media.library import render_media
from postboost_provider.sandbox.publishing.post_input import media_by_id

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.validation import Fields


def _finish_template(call: Call, fields: Fields, record: Record) -> None:
    known = media_by_id(call.workspace)
    for index, item in enumerate(record["content"]):
        if any(each not in known for each in item.get("media") or ()):
            fields.refuse(f"content.{index}.media", "The selected media is invalid.")


def _show_template(call: Call, record: Record) -> Record:
    """Show media as the media endpoints do; what was deleted is gone here too."""
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
    "template", key="id", fields={"content": []}, dated=False, finish=_finish_template, show=_show_template
).register()
Resource("hashtag_group", key="id", dated=False).register()
