"""A request on its way to be answered, and which function answers which operation."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from postboost_provider.sandbox.core.replies import Reply

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.api.operations import Operation
    from postboost_provider.sandbox.core.models import ApiKey, Membership, User, Workspace
    from postboost_provider.sandbox.core.store import Store


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A scoped key acts as the user who made it, an access token as its user."""

    token: str
    user: User
    key: ApiKey | None = None

    @property
    def token_ref(self) -> str:
        """First 12 hex characters of the SHA-256 of the token (SDK 1.66.3, ``ApiActivity``)."""
        return hashlib.sha256(self.token.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Upload:
    filename: str
    content_type: str
    content: bytes


@dataclass(slots=True)
class Call:
    """One request.

    :param fields: the JSON object, or the text parts of a form. Anything else that was sent is no field at all, as
        in Laravel: what is required is then missing.
    :param post_uuid: the post it is about, for the activity log.
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

    @property
    def workspace(self) -> Workspace:
        if self.workspace_or_none is None:
            raise RuntimeError(f"{self.operation.operation} is not about a workspace")
        return self.workspace_or_none

    @property
    def now(self) -> datetime:
        return self.store.clock.now()

    @property
    def client(self) -> str | None:
        """The label in the activity log: ``X-PostBoost-Client``, else the ``User-Agent`` (SDK 1.66.3)."""
        return self.headers.get("x-postboost-client") or self.headers.get("user-agent")

    def parameter(self, name: str) -> str | None:
        """Return a query parameter by the name on the wire, None where it is absent or empty."""
        return next((value for key, value in self.query if key == name and value), None)

    def parameters(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


Handler = Callable[[Call], Reply | Awaitable[Reply]]
H = TypeVar("H", bound=Handler)
HANDLERS: dict[str, Handler] = {}


def answers(operation: str) -> Callable[[H], H]:
    """Register the function that answers an operation."""

    def register(handler: H) -> H:
        HANDLERS[operation] = handler
        return handler

    return register
