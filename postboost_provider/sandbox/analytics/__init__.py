"""Analytics and reports, with invented but consistent numbers."""

from __future__ import annotations
