"""Posts and accounts."""

from __future__ import annotations
