"""The token goes to the connection's own host and to no other: for every operation, with both clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.operations import Operation, load_operations
from postboost_provider.api.settings import ClientSettings
from tests.api.support import WORKSPACE, Upload
from tests.security.hostile_server import HostileServer, hostile_server
from tests.security.tokens import make_token

OPERATIONS = load_operations()
STATUSES = {"redirect": "307 Temporary Redirect", "links": "200 OK"}
ANSWERS: dict[str, bytes] = {}


@pytest.fixture
def two() -> Iterator[tuple[HostileServer, HostileServer]]:
    """The connection's own host, and another one, to which everything that it sends leads."""
    with hostile_server(make_token()) as own, hostile_server(own.token) as other:
        there = f"{other.origin}/app/api/elsewhere"
        links = {"next": there, "download_url": there, "url": there, "redirect": there}
        body = {"data": [{"id": 1, **links}], "links": links, "meta": {"last_page": 1}, **links}
        for name, status in STATUSES.items():
            content = json.dumps(body).encode()
            lines = (
                f"HTTP/1.1 {status}",
                f"Location: {there}",
                f"Refresh: 0; url={there}",
                f"Link: <{there}>; rel=next",
            )
            more = (
                "Content-Type: application/json",
                f"Content-Length: {len(content)}",
                "Connection: close",
                "",
                "",
            )
            ANSWERS[name] = "\r\n".join((*lines, *more)).encode() + content
        yield own, other


def arguments(operation: Operation) -> dict[str, Any]:
    parameters = {
        p.name: 1
        for p in operation.parameters
        if p.required and (p.name, operation.tier) != ("workspace_uuid", "workspace")
    }
    body = None if operation.body == "none" else dict.fromkeys(operation.required_fields, "x")
    if operation.body == "multipart" and body is not None:
        return {
            "parameters": parameters,
            "body": {},
            "files": {name: Upload().part()["file"] for name in body},
        }
    return {"parameters": parameters, "body": body}


@pytest.mark.parametrize("how", ["redirect", "links"])
def test_no_operation_follows_a_server_to_another_host(
    how: str, two: tuple[HostileServer, HostileServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = two
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.origin)
    own.answer = lambda token: ANSWERS[how]
    settings = ClientSettings(own.token, base_url=f"{own.origin}/app/api", workspace_uuid=WORKSPACE)
    with PostBoostClient(settings, attempts=1) as api:
        for name, operation in OPERATIONS.items():
            before = len(own.seen)
            with suppress(PostBoostError):
                api.call(name, **arguments(operation))
            assert len(own.seen) == before + 1, name
            if operation.is_list:
                with suppress(PostBoostError):
                    list(api.pages(name, parameters=arguments(operation)["parameters"]))
    assert all(f"Authorization: Bearer {own.token}".encode() in head for head in own.seen)
    assert other.seen == []


def test_neither_does_the_awaited_client(
    two: tuple[HostileServer, HostileServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = two
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.origin)
    settings = ClientSettings(own.token, base_url=f"{own.origin}/app/api", workspace_uuid=WORKSPACE)

    async def run() -> None:
        async with AsyncPostBoostClient(settings, attempts=1) as api:
            for answer in ANSWERS.values():
                own.answer = lambda token, answer=answer: answer
                for name, operation in OPERATIONS.items():
                    # httpx-aiohttp sends no files.
                    if operation.body != "multipart":
                        with suppress(PostBoostError):
                            await api.call(name, **arguments(operation))

    asyncio.run(run())
    assert len(own.seen) > 2 * 200, "most operations were sent"
    assert other.seen == []
