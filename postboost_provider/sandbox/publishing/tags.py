"""Tags."""

from __future__ import annotations

import re
from typing import Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.models import Tag
from postboost_provider.sandbox.core.replies import SUCCESS, Reply, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields


def render_tag(tag: Tag) -> dict[str, Any]:
    return {"id": tag.id, "uuid": tag.uuid, "name": tag.name, "hex_color": tag.hex_color}


def _tag_of(call: Call) -> Tag:
    tag = call.workspace.tags.get(call.path["tag_uuid"])
    if tag is None:
        raise not_found()
    return tag


def _read_tag(call: Call) -> tuple[str, str]:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, longest=255) or ""
    color = fields.text("hex_color", required=True) or ""
    if color and not re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color):
        fields.refuse("hex_color", "The hex color field must be a # and 3 or 6 hex digits.")
    fields.finish()
    return name, color


@answers("list_tags")
def list_tags(call: Call) -> Reply:
    newest_first = sorted(call.workspace.tags.values(), key=lambda tag: tag.id, reverse=True)
    return Reply.of({"data": [render_tag(tag) for tag in newest_first]})


@answers("create_tag")
def create_tag(call: Call) -> Reply:
    name, color = _read_tag(call)
    tag = Tag(call.store.next_id("tag"), new_uuid(), name, color)
    call.workspace.tags[tag.uuid] = tag
    return Reply.of(render_tag(tag), 201)


@answers("get_tag")
def get_tag(call: Call) -> Reply:
    return Reply.of(render_tag(_tag_of(call)))


@answers("update_tag")
def update_tag(call: Call) -> Reply:
    tag = _tag_of(call)
    tag.name, tag.hex_color = _read_tag(call)
    return SUCCESS


@answers("delete_tag")
def delete_tag(call: Call) -> Reply:
    tag = _tag_of(call)
    del call.workspace.tags[tag.uuid]
    for post in call.workspace.posts.values():
        post.tag_ids = [each for each in post.tag_ids if each != tag.id]
    return SUCCESS
