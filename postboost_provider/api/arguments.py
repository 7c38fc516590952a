"""Arguments as templates render them: as text, even if a list or a mapping is meant."""

from __future__ import annotations

import ast
import json
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# What Jinja renders None to.
NOTHING = ("None", "null")
# The longest timedelta.
LONGEST_SECONDS = timedelta.max.total_seconds()


def read_text(value: Any) -> Any:
    """Return the list or mapping that a text represents, and anything else unchanged."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        # As ``| tojson`` renders it, and as Jinja does by default.
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                found = read(value.strip())
                if isinstance(found, (list, dict)):
                    return found
    return value


@contextmanager
def argument(name: str) -> Iterator[None]:
    """Name the argument whose value is at fault, for an error that does not name one."""
    try:
        yield
    except PostBoostConfigError as error:
        error.field = error.field or name
        raise


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that the value of the argument ``name`` is one of the choices."""
    if value not in tuple(choices):
        choice = ", ".join(choices)
        raise PostBoostConfigError(f"{name} is {value!r}; use {choice}.", code="not_a_choice", field=name)


def require_text(name: str, value: object) -> str:
    """Return the text of the argument ``name`` without the spaces around it, which must not be empty."""
    text = "" if value is None else str(value).strip()
    if not text:
        raise PostBoostConfigError(f"{name} is empty. Give it a value.", field=name, code="empty")
    return text


def read_seconds(name: str, value: Any) -> float:
    """Return the seconds of the argument ``name``: a number or a timedelta, and not negative."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float))
        or not 0 <= seconds <= LONGEST_SECONDS
    ):
        raise PostBoostConfigError(
            f"{name} is {str(value)[:80]}; it must be a number of seconds or a timedelta, and not negative.",
            code="not_seconds",
            field=name,
        )
    return float(seconds)
