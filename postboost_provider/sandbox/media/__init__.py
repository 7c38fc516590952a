"""The media library and uploads."""

from __future__ import annotations
