from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.sandbox_fixture import sandbox, sandbox_server  # noqa: F401

Connect = Callable[..., httpx.Client]


@pytest.fixture
def connect(sandbox: Sandbox) -> Iterator[Connect]:  # noqa: F811
    """Open clients: ``connect("member")`` is that token in the first workspace."""
    clients = []

    def open_client(token: str, workspace: int | None = 0) -> httpx.Client:
        path = "" if workspace is None else "/" + sandbox.workspaces[workspace]["uuid"]
        token = sandbox.tokens.get(token, token)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        clients.append(httpx.Client(base_url=sandbox.base_url + path, headers=headers, verify=False))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def member(connect: Connect) -> httpx.Client:
    return connect("member")


@pytest.fixture
def admin(connect: Connect) -> httpx.Client:
    return connect("admin")


@pytest.fixture
def scoped(connect: Connect) -> httpx.Client:
    return connect("scoped")


@pytest.fixture
def accounts(member: httpx.Client) -> dict[str, dict[str, Any]]:
    """The first workspace's accounts by username; threads, whose username is not unique, by provider."""
    listed = member.get("/accounts").json()["data"]
    return {each["provider"] if each["provider"] == "threads" else each["username"]: each for each in listed}


@pytest.fixture
def panel(connect: Connect) -> Callable[..., httpx.Response]:
    """Send requests to the panel as a platform admin: ``panel("POST", "users", name=...)``."""
    client = connect("admin", None)

    def send(method: str, path: str, **body: Any) -> httpx.Response:
        return client.request(method, f"/panel/{path}", json=body or None)

    return send
