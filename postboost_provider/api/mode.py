"""The safety modes of a connection, by name. ``safety.py`` has what each lets be sent."""

from __future__ import annotations

from typing import Any, Literal, get_args

Mode = Literal["live", "draft", "check"]
# From the loosest to the strictest.
MODES: tuple[Mode, ...] = get_args(Mode)


def strictest(*modes: Mode) -> Mode:
    return max(modes, key=MODES.index)


def read_mode(text: Any) -> Mode:
    """Return the mode of that name.

    :raises ValueError: there is none.
    """
    name = str(text).strip().lower()
    for mode in MODES:
        if name == mode:
            return mode
    raise ValueError(f"must be {', '.join(MODES[:-1])} or {MODES[-1]}")
