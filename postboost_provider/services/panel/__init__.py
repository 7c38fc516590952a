"""PostBoost's panel, which only platform admins may use."""

from __future__ import annotations
