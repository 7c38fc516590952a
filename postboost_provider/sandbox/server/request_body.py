"""Read the body of a request: JSON, a form or multipart, as Laravel reads them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from postboost_provider.sandbox.core.calls import Upload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

_MAX_DEPTH = 64  # PHP's max_input_nesting_level
_UNTRIMMED = {"password", "password_confirmation", "current_password"}
_NAME = re.compile(r"([^\[]+)((?:\[[^\[\]]*\])*)")


class UnreadableBodyError(ValueError):
    """The body cannot be stored or sent back: it has half of a surrogate pair."""


@dataclass(slots=True)
class Body:
    """The fields and files of a body.

    :param problem: why the body has no fields although it has the format of JSON.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    problem: str | None = None


async def read_body(request: Request, raw: bytes, *, normalize_texts: bool) -> Body:
    """Return fields and files. An unreadable body has no fields, and fails on the required ones."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            body = await _read_multipart(request)
        elif kind == "application/x-www-form-urlencoded":
            pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
            body = Body(nested(pairs))
        else:
            parsed = read_json(raw)
            body = Body(parsed if isinstance(parsed, dict) else {})
    except UnreadableBodyError as error:
        return Body(problem=str(error))
    except (ValueError, HTTPException):
        return Body()
    if normalize_texts:
        body.fields = {name: _normalized(name, value) for name, value in body.fields.items()}
    return body


def read_json(raw: bytes) -> Any:
    """Return the value, an empty object for an empty body.

    :raises UnreadableBodyError: a text has half of a surrogate pair.
    :raises ValueError: the body is not JSON, has a number that JSON does not have, or is nested too deeply.
    """
    if not raw:
        return {}
    try:
        # Not from bytes: json.loads accepts half of a surrogate pair there.
        value = json.loads(raw.decode("utf-8"), parse_constant=_reject_constant)
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None
    # Only an escape such as \ud83d can be one now: its own bytes are not UTF-8.
    if b"\\u" in raw:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UnreadableBodyError("The body has half of a surrogate pair, which is not text.") from None
    return value


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


async def _read_multipart(request: Request) -> Body:
    pairs, uploads = [], {}
    async with request.form() as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                kind = value.content_type or "application/octet-stream"
                uploads[name] = Upload(value.filename or "file", kind, await value.read())
            else:
                pairs.append((name, value))
    return Body(nested(pairs), uploads)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields of a form, with ``a[0]``, ``a[]`` and ``a[b]`` as lists and objects, as PHP reads them."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else [name]
        if len(path) > _MAX_DEPTH:
            continue
        inside = root
        for part in path[:-1]:
            key = part or str(len(inside))
            if not isinstance(inside.get(key), dict):
                inside[key] = {}
            inside = inside[key]
        inside[path[-1] or str(len(inside))] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    """Return the value with a list in place of each object whose keys are numbers."""
    if not isinstance(value, dict):
        return value
    items = {key: _with_lists(each) for key, each in value.items()}
    return list(items.values()) if all(re.fullmatch("[0-9]+", key) for key in items) else items


def _normalized(name: str, value: Any) -> Any:
    """Return texts without surrounding spaces, and null for empty ones, as Laravel's middleware does."""
    if isinstance(value, dict):
        return {key: _normalized(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_normalized(name, each) for each in value]
    if isinstance(value, str) and name not in _UNTRIMMED:
        return value.strip() or None
    return value
