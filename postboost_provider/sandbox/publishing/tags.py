"""Tags: create, read, list, update and delete."""

from __future__ import annotations

import re
from typing import Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.models import Tag
from postboost_provider.sandbox.core.responses import SUCCESS, Response
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields


def render_tag(tag: Tag) -> dict[str, Any]:
    return {"id": tag.id, "uuid": tag.uuid, "name": tag.name, "hex_color": tag.hex_color}


def _tag_of(call: Call) -> Tag:
    return call.find(call.workspace.tags, "tag_uuid")


def _read_tag(call: Call) -> tuple[str, str]:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=255) or ""
    color = fields.text("hex_color", required=True) or ""
    if color and not re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color):
        fields.add_error("hex_color", "The hex color field must be a # and 3 or 6 hex digits.")
    fields.raise_errors()
    return name, color


@handles("list_tags")
def list_tags(call: Call) -> Response:
    newest_first = sorted(call.workspace.tags.values(), key=lambda tag: tag.id, reverse=True)
    return Response.of({"data": [render_tag(tag) for tag in newest_first]})


@handles("create_tag")
def create_tag(call: Call) -> Response:
    name, color = _read_tag(call)
    tag = Tag(call.store.next_id("tag"), new_uuid(), name, color)
    call.workspace.tags[tag.uuid] = tag
    return Response.of(render_tag(tag), 201)


@handles("get_tag")
def get_tag(call: Call) -> Response:
    return Response.of(render_tag(_tag_of(call)))


@handles("update_tag")
def update_tag(call: Call) -> Response:
    tag = _tag_of(call)
    tag.name, tag.hex_color = _read_tag(call)
    return SUCCESS


@handles("delete_tag")
def delete_tag(call: Call) -> Response:
    tag = _tag_of(call)
    del call.workspace.tags[tag.uuid]
    for post in call.workspace.posts.values():
        post.tag_ids = [each for each in post.tag_ids if each != tag.id]
    return SUCCESS
