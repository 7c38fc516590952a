"""One post that is written in a DAG, as a row: what a calendar can say, and what takes more than a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.times import to_instant
from postboost_provider.calendar.rows import (
    COLUMNS,
    Problem,
    Row,
    Variant,
    as_text,
    as_time,
    as_words,
    read_row,
)

VARIANT_KEYS = ("text", "media", "thread", "first_comment", "options")


def read_post_row(values: Mapping[str, Any], timezone: str | None) -> Row:
    """Return one post that is written in a DAG as a row, good or bad.

    :param values: the columns of a calendar, and ``thread``, ``variants`` (a mapping by network or account),
        ``account_times`` (likewise) and ``ai_generated``.
    """
    plain = {name: value for name, value in values.items() if name in COLUMNS}
    row = read_row("post", plain, timezone, {as_text(values.get("key")): ["post"]})
    # What goes out at once, or at the next free slot, needs no time of its own here: nobody picks it by one.
    problems = [p for p in row.problems if row.mode == "schedule" or "needs it" not in p.message]
    variants, times = [], []
    for who, said in (values.get("variants") or {}).items():
        unknown = (
            [repr(key) for key in said if key not in VARIANT_KEYS] if isinstance(said, Mapping) else ["it"]
        )
        if unknown:
            message = f"{', '.join(unknown)} of {who!r} is unknown. A variant is a mapping of {', '.join(VARIANT_KEYS)}."
            problems.append(Problem("variants", message))
            continue
        given = {name: value for name, value in said.items() if value is not None}
        read: dict[str, Callable[[Any], Any]] = {
            "text": as_words,
            "first_comment": as_words,
            "media": _listed,
            "thread": _listed,
        }
        made: dict[str, Any] = {name: read[name](value) for name, value in given.items() if name in read}
        variants.append(Variant(as_text(who), **made, options=given.get("options")))
    for who, at in (values.get("account_times") or {}).items():
        try:
            times.append((as_text(who), to_instant(as_time(at), timezone)))
        except PostBoostConfigError as error:
            problems.append(Problem("account_times", f"{who}: {error}"))
    return replace(
        row,
        thread=_listed(values.get("thread")),
        variants=tuple(variants),
        account_times=tuple(times),
        ai_generated=values.get("ai_generated"),
        problems=tuple(problems),
    )


def _listed(value: Any) -> tuple[str, ...]:
    """Return one text or several; unlike a cell of a calendar, a text is not taken apart."""
    parts = [value] if isinstance(value, str) else list(value or ())
    return tuple(text for part in parts if (text := as_words(part)).strip())
