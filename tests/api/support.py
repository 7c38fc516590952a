"""What the tests of ``api/`` share: settings, requests and files."""

from __future__ import annotations

import io
from typing import Any

from postboost_provider.api.requests import FilePart, Request, prepare
from postboost_provider.api.settings import ClientSettings

BASE = "https://api.example.test/app/api"
TOKEN = "42|s3cretS3cretS3cret"
WORKSPACE = "b0a7d2c4-0000-4000-8000-000000000001"

# Calls that fit their operations, one for each way in which sending twice may matter.
BODIES: dict[str, dict[str, Any]] = {
    "create_post": {"body": {"versions": []}},
    "create_template": {"body": {"name": "n", "content": []}},
    "update_post": {"parameters": {"post_uuid": "p"}, "body": {"versions": []}},
    "delete_post": {"parameters": {"post_uuid": "p"}},
    "validate_post": {"body": {"versions": []}},
    "get_post": {"parameters": {"post_uuid": "p"}},
    "get_remote_upload_status": {"parameters": {"download_id": "d"}},
    "list_tags": {},
    "list_workspaces": {},
    "list_my_workspaces": {},
}


def settings(**changes: Any) -> ClientSettings:
    return ClientSettings(**{"token": TOKEN, "base_url": BASE, "workspace_uuid": WORKSPACE, **changes})


def request(operation: str, *, changed: ClientSettings | None = None, **call: Any) -> Request:
    """Prepare a call that fits its operation."""
    return prepare(changed or settings(), operation, **{**BODIES.get(operation, {}), **call})


class Upload:
    """A file that counts how often it is opened, and whether it was closed."""

    def __init__(self, content: bytes = b"\x89PNG") -> None:
        self.content = content
        self.opened: list[io.BytesIO] = []

    def open(self) -> io.BytesIO:
        self.opened.append(io.BytesIO(self.content))
        return self.opened[-1]

    def part(self, name: str = "a.png") -> dict[str, FilePart]:
        return {"file": FilePart(name, "image/png", self.open)}
