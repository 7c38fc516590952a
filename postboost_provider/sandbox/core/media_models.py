"""The data of the media library: folders, items and unfinished uploads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.sandbox.core.file_content import Content, ContentBuilder


@dataclass(eq=False, slots=True)
class Folder:
    uuid: str
    name: str
    parent: Folder | None

    def path(self) -> list[Folder]:
        """Return the folder and its parents, up to the top level."""
        return [self, *(self.parent.path() if self.parent else ())]


@dataclass(eq=False, slots=True)
class Media:
    id: int
    uuid: str
    name: str
    mime_type: str
    content: Content
    width: int | None
    height: int | None
    alt_text: str | None
    folder: Folder | None
    created_at: datetime

    @property
    def is_video(self) -> bool:
        return self.mime_type.startswith("video/")


@dataclass(eq=False, slots=True)
class UploadSession:
    """An upload in chunks.

    :param digests: the hash of every chunk so far; a repeated chunk is recognized by it.
    :param media: the media item, once the upload is complete.
    """

    uuid: str
    filename: str
    mime_type: str
    total_size: int
    chunk_size: int
    builder: ContentBuilder
    started_at: datetime
    digests: list[str] = field(default_factory=list)
    media: Media | None = None


@dataclass(eq=False, slots=True)
class Download:
    """A remote upload in the background. ``status`` was reported last; the file may have progressed since."""

    id: str
    started_at: datetime
    status: Literal["pending", "downloading", "processing"] = "pending"
    media: Media | None = None
    error: str | None = None
