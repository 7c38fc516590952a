"""The panel of platform admins, API keys and reseller clients."""

from __future__ import annotations
