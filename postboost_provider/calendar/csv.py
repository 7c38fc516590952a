"""The rows of a calendar: read from CSV or a list of mappings, column by column, as posts."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.identity import normal_cell
from postboost_provider.publishing.post import (
    Post,
    Problem,
    Variant,
    as_text,
    read_fields,
    split_items,
    stripped_text,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

COLUMNS = ("key", "publish_at", "timezone", "accounts", "text", "media", "tags", "first_comment", "mode")
REQUIRED_COLUMNS = ("key", "accounts", "text")
# With a network or an account after a colon, such as text:linkedin_page, they are for that one only.
VARIANT_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "text": as_text,
    "media": split_items,
    "first_comment": stripped_text,
}
_NAMES = ", ".join(COLUMNS)
_VARIANT_NAMES = ", ".join(f"{column}:linkedin_page" for column in VARIANT_COLUMNS)
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a calendar.

    :param place: where people find it: ``line 7`` of a file, ``row 3`` of a list.
    :param key: identifies the row, even after it was edited or moved. Normalised: see :func:`normal`.
    :param problems: what is wrong with it; only a row without problems is sent.
    :param former_key: as version 0.1.0 read it; default: the same.
    """

    place: str
    key: str
    post: Post
    problems: tuple[Problem, ...] = ()
    former_key: str = ""

    def __str__(self) -> str:
        return clean_text(f"{self.place}, {self.key or '(no key)'}")


def read_csv(content: bytes, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of a CSV file, each with its place.

    The first line names the columns, in any order. If it has no commas, semicolons or tabs separate cells, as spreadsheets
    write them in some countries.

    :param name: the file's name in messages.
    :raises PostBoostConfigError: the file as a whole can't be read.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error's bytes lack the byte order mark.
        line = error.object[: error.start].count(b"\n") + 1
        raise _unreadable(
            f"{name}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8. Save the file as CSV UTF-8.",
            "not_utf8",
        ) from None
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((d for d in DELIMITERS if d in header), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[str, dict[str, Any]]] = []
    start, width = 1, 0
    columns: list[str] | None = None
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                # Spreadsheets leave empty columns behind.
                columns = "\0".join(cell.strip() for cell in cells).rstrip("\0").split("\0")
                width = len(cells)
                check_columns(columns, name)
                continue
            values: dict[str, Any] = dict(zip(columns, cells, strict=False))
            if not len(columns) <= len(cells) <= width or any(cell.strip() for cell in cells[len(columns) :]):
                values[""] = (
                    f"The row has {len(cells)} cells, and the header names {len(columns)} columns. Put text that "
                    f"contains {DELIMITERS[delimiter]} in double quotes."
                )
            rows.append((f"line {line}", values))
    except csv.Error as error:
        raise _unreadable(
            f"{name}, line {start}: this row can't be read as CSV ({error}). Close each double quote; inside quoted text, write it "
            'twice ("").',
            "not_csv",
        ) from None
    if columns is None:
        raise _unreadable(f"{name} is empty. Its first line must name the columns: {_NAMES}.", "empty")
    return rows


def number_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of a list, each with its place; an item that is not a row is an error."""
    numbered = []
    for number, row in enumerate(rows, 1):
        name = f"rows, item {number}"
        if not isinstance(row, Mapping):
            raise _unreadable(
                f"{name} is a {type(row).__name__}. Pass mappings of {_NAMES}.", "not_a_mapping"
            )
        check_columns(list(row), name, required=False)
        numbered.append((f"row {number}", dict(row)))
    return numbered


def check_columns(columns: Sequence[str], name: str, *, required: bool = True) -> None:
    """Refuse unknown, repeated and missing columns: a mistyped one would be missing in every post."""
    if unknown := [c for c in columns if c not in COLUMNS and not _split_variant(c)]:
        message = (
            f"has unknown columns: {', '.join(map(_with_hint, unknown))}. The columns are {_NAMES}, and for one network or "
            f"account {_VARIANT_NAMES}."
        )
        raise _unreadable(f"{name} {message}", "unknown_column")
    if repeated := sorted({c for c in columns if columns.count(c) > 1}):
        message = f"names the column {', '.join(repeated)} more than once. Keep one of them."
        raise _unreadable(f"{name} {message}", "repeated_column")
    if required and (missing := [c for c in REQUIRED_COLUMNS if c not in columns]):
        message = f"lacks the column {', '.join(missing)}. Add it to the header."
        raise _unreadable(f"{name} {message}", "missing_column")


def read_rows(numbered: Sequence[tuple[str, Mapping[str, Any]]], timezone: str | None) -> list[Row]:
    """Return every row, with its problems; ``timezone`` is that of times without one."""
    places: dict[str, list[str]] = {}
    for place, values in numbered:
        places.setdefault(normal_cell(values.get("key")), []).append(place)
    return [_read_row(place, values, timezone, places) for place, values in numbered]


def in_window(row: Row, anchor: datetime | None, window: timedelta | None) -> bool:
    """Return whether the row is due in ``[anchor, anchor + window)``. Without a time or a window, every row is."""
    at = row.post.publish_at
    return window is None or anchor is None or at is None or anchor <= at < anchor + window


def _read_row(
    place: str, values: Mapping[str, Any], timezone: str | None, places: Mapping[str, list[str]]
) -> Row:
    problems = []
    key = normal_cell(values.get("key"))
    if values.get(""):
        problems.append(Problem("", str(values[""]), "cells"))
    if not key:
        message = "is empty. Give the row a unique name that never changes."
        problems.append(Problem("key", message, "empty"))
    elif others := [other for other in places[key] if other != place]:
        message = f"{key!r} is also the key of {', '.join(others)}. Give each row its own."
        problems.append(Problem("key", message, "repeated"))
    post, more = read_fields(values, timezone)
    post = replace(post, variants=_read_variants(values), is_row=True)
    former = stripped_text(values.get("key"))
    return Row(place, key, post, (*problems, *more), former if former != key else "")


def _read_variants(values: Mapping[str, Any]) -> tuple[Variant, ...]:
    """Return the row's variants; an empty cell is not one."""
    variants: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if (found := _split_variant(name)) and stripped_text(value):
            column, target = found
            variants.setdefault(target, {})[column] = VARIANT_COLUMNS[column](value)
    return tuple(Variant(target, **columns) for target, columns in variants.items())


def _split_variant(name: str) -> tuple[str, str] | None:
    """Return the column and the network or account of a variant column, or None for any other."""
    column, _, target = str(name).partition(":")
    return (column, target.strip()) if column in VARIANT_COLUMNS and target.strip() else None


def _with_hint(column: Any) -> str:
    """Return an unknown column, with the one that is probably meant."""
    # Spreadsheets add blanks and capitals, and people use other separators than the colon.
    name = re.sub(r"[\s-]+", "_", str(column).strip().lower())
    name = re.sub(rf"^({'|'.join(VARIANT_COLUMNS)})[_./]+(?=\w)", r"\1:", name)
    first, colon, target = name.partition(":")
    near = difflib.get_close_matches(first, VARIANT_COLUMNS if target else COLUMNS, n=1)
    return f"{column!r} (did you mean {near[0]}{colon if target else ''}{target}?)" if near else repr(column)


def _unreadable(message: str, code: str) -> PostBoostConfigError:
    return PostBoostConfigError(message, code=code, field="rows")
