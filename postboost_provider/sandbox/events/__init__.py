"""Webhooks and the inbox."""

from __future__ import annotations
