"""Images in place of AI-generated ones: a plain grey PNG."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.file_content import content_of
from postboost_provider.sandbox.media.library import add_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Media, Workspace
    from postboost_provider.sandbox.core.store import Store

# Pixels by aspect ratio.
SIZES = {"1:1": (1024, 1024), "16:9": (1536, 864), "9:16": (864, 1536), "4:5": (1080, 1350)}


def draw(store: Store, workspace: Workspace, name: str, size: tuple[int, int], shade: int = 128) -> Media:
    """Add an image to the library."""
    content = content_of(_png(*size, shade), store.settings.keep_media_bytes)
    return add_media(store, workspace, content, name=name, mime_type="image/png", alt_text=None, folder=None)


def _png(width: int, height: int, shade: int) -> bytes:
    """Return a grey image of one shade."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade % 256]) * width) * height
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
