"""An API request as the handlers see it, and the registry of handlers by operation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from postboost_provider.sandbox.core.responses import Response, not_found, page_of, page_size

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.api.operations import Operation
    from postboost_provider.sandbox.core.models import ApiKey, Membership, User, Workspace
    from postboost_provider.sandbox.core.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated user. A scoped key acts as the user who created it."""

    token: str
    user: User
    key: ApiKey | None = None

    @property
    def token_ref(self) -> str:
        """First 12 hex characters of the SHA-256 of the token (SDK 1.66.3, ``ApiActivity``)."""
        return hashlib.sha256(self.token.encode()).hexdigest()[:12]

    @property
    def account_ids(self) -> list[int] | None:
        """The accounts that a scoped key is limited to; None is no limit."""
        return self.key.account_ids if self.key else None


@dataclass(frozen=True, slots=True)
class Upload:
    filename: str
    content_type: str
    content: bytes


@dataclass(slots=True)
class Call:
    """One request.

    :param fields: the JSON object, or the fields of a form. Any other body has no fields, as in Laravel, and
        fails on the required ones.
    :param post_uuid: the post it is about, for the activity log.
    :param body_problem: why the body cannot be read; the request gets a 422.
    """

    operation: Operation
    store: Store
    caller: Caller
    membership: Membership | None
    workspace_or_none: Workspace | None
    origin: str
    url: str
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    raw: bytes
    fields: dict[str, Any]
    uploads: dict[str, Upload] = field(default_factory=dict)
    post_uuid: str | None = None
    body_problem: str | None = None

    @property
    def workspace(self) -> Workspace:
        if self.workspace_or_none is None:
            raise RuntimeError(f"{self.operation.operation} has no workspace in its path")
        return self.workspace_or_none

    @property
    def now(self) -> datetime:
        return self.store.clock.now()

    @property
    def client(self) -> str | None:
        """The label in the activity log: ``X-PostBoost-Client``, else the ``User-Agent`` (SDK 1.66.3)."""
        return self.headers.get("x-postboost-client") or self.headers.get("user-agent")

    def parameter(self, name: str) -> str | None:
        """Return a query parameter by its name in the URL, None where it is absent or empty."""
        return next((value for key, value in self.query if key == name and value), None)

    def parameters(self, name: str) -> list[str]:
        """Return the values of a list in the query: of ``name[]`` or ``name[0]``."""
        return [value for key, value in self.query if re.fullmatch(rf"{re.escape(name)}\[\d*\]", key)]

    def find(self, items: Mapping[str, T], name: str) -> T:
        """Return the item whose key is in the path under that name.

        :raises ErrorResponse: 404 if it does not exist.
        """
        return _existing(items.get(self.path[name]))

    def find_by_id(self, items: Mapping[int, T], name: str) -> T:
        """Return the item whose integer id is in the path under that name.

        :raises ErrorResponse: 404 if it does not exist.
        """
        number = self.path[name]
        return _existing(items.get(int(number)) if number.isdecimal() else None)

    def page(
        self,
        items: Sequence[T],
        render: Callable[[T], dict[str, Any]],
        *,
        per_page: int,
        size_parameter: str | None = None,
        visible: Callable[[T], bool] = lambda _: True,
    ) -> Response:
        """Return the page that the query asks for.

        :param per_page: items on a page, unless the query parameter ``size_parameter`` says otherwise.
        :raises ErrorResponse: 422 for a ``per_page`` outside its range, also where it decides nothing.
        :param visible: see :func:`page_of`.
        """
        page_size("per_page", self.parameter("per_page"), default=per_page)
        size = per_page
        if size_parameter:
            size = page_size(size_parameter, self.parameter(size_parameter), default=per_page)
        return page_of(
            items, url=self.origin + self.url, query=self.query, per_page=size, render=render, visible=visible
        )


def _existing(item: T | None) -> T:
    if item is None:
        raise not_found()
    return item


Handler = Callable[[Call], Response | Awaitable[Response]]
H = TypeVar("H", bound=Handler)
HANDLERS: dict[str, Handler] = {}


def handles(operation: str) -> Callable[[H], H]:
    """Register the function that handles an operation."""

    def register(handler: H) -> H:
        HANDLERS[operation] = handler
        return handler

    return register
