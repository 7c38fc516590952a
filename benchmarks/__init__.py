"""Benchmarks: this package next to a named peer or floor, as ratios from one run. ``make bench`` runs all of them."""

from __future__ import annotations
