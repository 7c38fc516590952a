"""Mutants that no test can tell from the original, for ``make mutants``: module, line, change -> why."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str, str], str] = {}
