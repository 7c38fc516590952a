"""The sandbox's data, settings and building blocks of handlers."""

from __future__ import annotations
