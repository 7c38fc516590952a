"""API responses: JSON that is encoded once, errors that are raised, and Laravel's page envelope."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it is sent, and as it is stored for an ``Idempotency-Key``."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None

    @classmethod
    def of(cls, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        content = _encode(body).encode()
        code = body.get("code") if isinstance(body, dict) and status >= 400 else None
        return cls(status, content, {"content-type": "application/json", **(headers or {})}, code)


NO_CONTENT = Response(204, b"")
SUCCESS = Response.of({"success": True})


class ErrorResponse(Exception):
    """Respond with an error: always a ``message``, and a ``code`` where PostBoost has one for it."""

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **details: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.response = Response.of({"message": message, **details}, status, headers)


def not_found() -> ErrorResponse:
    return ErrorResponse(404, "Not found.")


def forbidden(code: str | None = None) -> ErrorResponse:
    details: dict[str, Any] = {"code": code} if code else {}
    return ErrorResponse(403, "Access forbidden.", **details)


def invalid(errors: Mapping[str, list[str]]) -> ErrorResponse:
    """Return Laravel's validation error, with the message of PostBoost's errors page."""
    return ErrorResponse(422, "Validation errors.", errors=dict(errors))


def page_of(
    items: Sequence[T],
    *,
    url: str,
    query: Sequence[tuple[str, str]],
    per_page: int,
    render: Callable[[T], dict[str, Any]],
    visible: Callable[[T], bool] = lambda _: True,
) -> Response:
    """Return one page in Laravel's envelope.

    :param visible: applied *after* counting, so pages may be short or empty. PostBoost lists posts this way for a
        key that is limited to some accounts (SDK 1.66.3, ``create_api_key``).
    """
    given = dict(query)
    page = page_number(given.get("page"))
    last = max(1, math.ceil(len(items) / per_page))
    start = (page - 1) * per_page
    shown = items[start : start + per_page]

    def link(number: int) -> str | None:
        if not 1 <= number <= last:
            return None
        return f"{url}?{urlencode([pair for pair in query if pair[0] != 'page'] + [('page', str(number))])}"

    numbers = [
        {"url": link(number) if number else None, "label": str(number or "..."), "active": number == page}
        for number in _linked_pages(page, last)
    ]
    return Response.of(
        {
            "data": [render(item) for item in shown if visible(item)],
            "links": {"first": link(1), "last": link(last), "prev": link(page - 1), "next": link(page + 1)},
            "meta": {
                "current_page": page,
                "from": start + 1 if shown else None,
                "last_page": last,
                "links": [
                    {"url": link(page - 1), "label": "&laquo; Previous", "active": False},
                    *numbers,
                    {"url": link(page + 1), "label": "Next &raquo;", "active": False},
                ],
                "path": url,
                "per_page": per_page,
                "to": start + len(shown) if shown else None,
                "total": len(items),
            },
        }
    )


def _linked_pages(page: int, last: int) -> list[int]:
    """Return the pages that Laravel's paginator links to, with 0 for those it leaves out."""
    if last < 14:
        return list(range(1, last + 1))
    start, end = [1, 2, 0], [0, last - 1, last]
    if page <= 7:
        return [*range(1, 11), *end]
    if page > last - 7:
        return [*start, *range(last - 9, last + 1)]
    return [*start, *range(page - 3, page + 4), *end]


def page_size(name: str, text: str | None, *, default: int, maximum: int = 100) -> int:
    """Read ``limit``, which is capped and below 1 is the default, or ``per_page``, which has a range (SDK 1.66.3).

    :raises ErrorResponse: 422 for a ``per_page`` outside its range.
    """
    if text is None:
        return default
    size = int(text) if text.isdecimal() and len(text) < 10 else 0
    if name == "limit":
        return min(size, maximum) if size >= 1 else default
    if not 1 <= size <= maximum:
        raise invalid({name: [f"The {name.replace('_', ' ')} field must be between 1 and {maximum}."]})
    return size


def page_number(text: str | None) -> int:
    """Read ``page``; anything that is not a page number is the first page."""
    return max(1, int(text)) if text is not None and text.isdecimal() and len(text) < 10 else 1
