from __future__ import annotations

from typing import Any

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)


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
