"""Placeholder images: PNGs of one color, in place of AI-generated images and for sample data."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.file_content import content_of
from postboost_provider.sandbox.media.library import add_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.media_models import Media
    from postboost_provider.sandbox.core.models import Workspace
    from postboost_provider.sandbox.core.store import Store

# Pixels by aspect ratio.
SIZES = {"1:1": (1024, 1024), "16:9": (1536, 864), "9:16": (864, 1536), "4:5": (1080, 1350)}


def add_placeholder(
    store: Store,
    workspace: Workspace,
    name: str,
    size: tuple[int, int],
    color: bytes = b"\x80",
    *,
    alt_text: str | None = None,
) -> Media:
    """Add an image to the library.

    :param color: one byte of grey, or three bytes of red, green and blue.
    """
    content = content_of(_png(*size, color), store.settings.keep_media_bytes)
    return add_media(
        store, workspace, content, name=name, mime_type="image/png", alt_text=alt_text, folder=None
    )


def _png(width: int, height: int, color: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if len(color) == 3 else 0, 0, 0, 0)
    rows = (b"\0" + color * width) * height
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
