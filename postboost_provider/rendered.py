"""What templates render to: text, also where a list or a mapping was meant. Pure."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import Any

# What Jinja makes of nothing.
NOTHING = ("None", "null")


def read_text(value: Any) -> Any:
    """Return the list or the mapping whose text this is, and anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            found = ast.literal_eval(value.strip())
            if isinstance(found, (list, dict)):
                return found
    return value
