"""Benchmarks: this package compared with a named package or a minimal loop, as ratios from one run. ``make bench`` runs all of them."""

from __future__ import annotations
