"""Clients of the sandbox for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings
from postboost_provider.sandbox.server import Sandbox

# Every way in which PostBoost's documents leave open what its server does: ours must be right under each.
VARIANTS: list[dict[str, Any]] = [
    {},
    {"idempotency_fingerprint": "parsed"},
    {"store_4xx": False},
    {"conflict_code": True},
    {"put_schedule": "drop"},
    {"edit_published_status": 422},
    {"unknown_workspace": 403, "foreign_workspace": 404},
    {"expired_keys": "hidden", "listed_keys": "caller"},
]


def variant_name(variant: dict[str, Any]) -> str:
    return ",".join(f"{k}={v}" for k, v in variant.items()) or "defaults"


def settings(sandbox: Sandbox, token: str = "member", **changes: Any) -> ClientSettings:
    return ClientSettings(
        **{
            "token": sandbox.tokens.get(token, token),
            "base_url": sandbox.base_url,
            "workspace_uuid": sandbox.workspaces[0]["uuid"],
            **changes,
        }
    )


@contextmanager
def client(sandbox: Sandbox, token: str = "member", **options: Any) -> Iterator[PostBoostClient]:
    with PostBoostClient(settings(sandbox, token), **options) as api:
        yield api


def make_key(sandbox: Sandbox, *abilities: str) -> str:
    """Return a scoped key of the admin's with these abilities."""
    with client(sandbox, "admin") as api:
        return str(api.call("create_api_key", body={"name": "test", "abilities": abilities})["data"]["token"])


def promote_member(sandbox: Sandbox) -> None:
    """Make the sandbox's member a second admin of its workspaces."""

    def promote() -> None:
        for workspace in sandbox._service.store.workspaces.values():
            for membership in workspace.members.values():
                if membership.role == "member":
                    membership.role = "admin"

    sandbox._run_in_server(promote)


def posts(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return every post that the sandbox holds, in brief."""
    return list(sandbox.state()["posts"])


def creates(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the requests that asked to create a post."""
    return [r for r in sandbox.requests() if r["operation"] == "create_post"]
