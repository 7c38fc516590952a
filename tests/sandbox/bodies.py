"""Requests and responses that several tests share."""

from __future__ import annotations

from typing import Any

import httpx

from postboost_provider.sandbox.server import Sandbox


def post(
    text: str = "Fresh beans", *accounts: dict[str, Any], media: list[int] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a post with one version and these accounts."""
    content = [{"body": text, "media": media or []}]
    return {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [account["id"] for account in accounts],
        **more,
    }


SUCCESS = {"success": True}
OUT_OF_SCOPE = {"message": "Access forbidden.", "code": "insufficient_scope"}
ARTICLE = {"source_type": "url", "url": "https://northwind.example/blog/how-we-roast.html"}
ACCOUNTS = {"account_ids": [1, 3, 9]}  # twitter, instagram, youtube


def user(email: str = "olga@client.example", **changes: Any) -> dict[str, Any]:
    """Return a user for the panel."""
    secret = "correct horse"
    body = {"name": "Olga Owner", "email": email, "password": secret, "password_confirmation": secret}
    return {**body, "is_admin": False, **changes}


def publish_on_threads(member: httpx.Client, sandbox: Sandbox, *texts: str) -> None:
    threads = next(a for a in member.get("/accounts").json()["data"] if a["provider"] == "threads")
    for text in texts:
        assert member.post("/posts", json=post(text, threads, schedule_now=True)).status_code == 201
    sandbox.advance(5)


def repurpose(client: httpx.Client, status: int = 200, headers: Any = None, **body: Any) -> Any:
    response = client.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS, **body}, headers=headers)
    assert response.status_code == status, response.text
    return response.json()


def health_of(client: httpx.Client, account_id: int) -> dict[str, Any]:
    return next(each for each in client.get("/account-health").json()["data"] if each["id"] == account_id)


def errors(response: httpx.Response) -> dict[str, list[str]]:
    """Return the messages of a validation error by field."""
    assert response.status_code == 422, response.text
    assert response.json()["message"] == "Validation errors."
    return response.json()["errors"]


def fields_with_errors(response: httpx.Response) -> set[str]:
    return set(errors(response))
