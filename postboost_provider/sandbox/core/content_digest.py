"""What makes the content of two posts the same."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def content_digest(content: Sequence[Mapping[str, Any]]) -> bytes:
    """Return what makes content a duplicate: its texts, ignoring spaces and case, and its media. Empty without any."""
    items = [
        (" ".join(unicodedata.normalize("NFC", item["body"]).casefold().split()), item["media"])
        for item in content
    ]
    has_any = any(text or media for text, media in items)
    return hashlib.sha256(repr(items).encode()).digest() if has_any else b""
