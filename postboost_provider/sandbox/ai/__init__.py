"""AI operations. Their content is a placeholder."""

from __future__ import annotations
