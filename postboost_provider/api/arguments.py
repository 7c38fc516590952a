"""What templates render to: text, also where a list or a mapping was meant. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from postboost_provider.api.errors import PostBoostConfigError

# What Jinja makes of nothing.
NOTHING = ("None", "null")


def read_text(value: Any) -> Any:
    """Return the list or the mapping whose text this is, and anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        # As ``| tojson`` writes it, and as Jinja writes it by itself.
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
    """Check that a value is one of the choices.

    :param name: what its author calls it.
    :raises PostBoostConfigError: it is another.
    """
    if value not in tuple(choices):
        raise PostBoostConfigError(
            f"{name} is {value!r}; use {', '.join(choices)}.", code="not_a_choice", field=name
        )


def require_text(name: str, value: object) -> str:
    """Return the text of an argument without the spaces around it.

    :param name: what its author calls it.
    :raises PostBoostConfigError: it is empty.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        raise PostBoostConfigError(f"{name} is empty. Give it a value.", field=name)
    return text


def read_seconds(name: str, value: Any) -> float:
    """Return a time span in seconds.

    :param name: what its author calls it.
    :param value: seconds, or a timedelta.
    :raises PostBoostConfigError: it is neither, or less than 0.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise PostBoostConfigError(
            f"{name} is {value!r}; it must be seconds or a timedelta, of 0 or more.", field=name
        )
    return float(seconds)


def read_uuids(value: Any) -> list[str]:
    """Return the uuids, each once, of a uuid, a list, or the text of a list, which is what most templates render to.

    :raises PostBoostConfigError: it is none of these.
    """
    uuids = [text for item in _flat(value) if (text := str(item).strip())]
    for uuid in uuids:
        if any(c in uuid for c in "[]'\", ") or uuid in NOTHING:
            raise PostBoostConfigError(
                f"post_uuids holds {uuid[:80]!r}, which is not a uuid. Pass one, or a list, such as "
                'publish.output["post_uuids"].',
                code="not_a_uuid",
                field="post_uuids",
            )
    return list(dict.fromkeys(uuids))


def _flat(value: Any) -> Iterator[Any]:
    """Give the items of a list or of its text, and of the lists in it: a mapped task's output is one of those."""
    value = read_text(value)
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        yield from () if value is None else (value,)
        return
    for item in value:
        yield from _flat(item)
