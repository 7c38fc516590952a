"""A content calendar: rows as people write them -> rows that can be published. Pure but for reading files."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.times import to_minute
from postboost_provider.publishing.body import Mode

COLUMNS = ("key", "publish_at", "timezone", "accounts", "text", "media", "tags", "first_comment", "mode")
REQUIRED_COLUMNS = ("key", "accounts", "text")
# With a network or an account behind a colon, such as text:linkedin_page, they are that one's own.
VARIANT_COLUMNS = ("text", "media", "first_comment")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a row: which column, what was seen and what to do."""

    column: str
    message: str

    def __str__(self) -> str:
        return f"{self.column}: {self.message}" if self.column else self.message


@dataclass(frozen=True, slots=True)
class Variant:
    """What a network or an account gets instead of the rest; None leaves it as it is for the others.

    :param who: a provider, ``provider:username``, ``@username`` or an id.
    """

    who: str
    text: str | None = None
    media: tuple[str, ...] | None = None
    thread: tuple[str, ...] | None = None
    first_comment: str | None = None
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or one post that is written in a DAG: what its author means, in the author's words.

    :param place: names it for people: ``line 7`` of a file, ``row 3`` of a list.
    :param account_times: departure times of their own, by account as its author names it.
    """

    place: str
    key: str
    text: str
    accounts: tuple[str, ...]
    media: tuple[str, ...]
    tags: tuple[str, ...]
    first_comment: str | None
    mode: Mode
    publish_at: datetime | None
    thread: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    account_times: tuple[tuple[str, datetime], ...] = ()
    ai_generated: bool | None = None
    problems: tuple[Problem, ...] = field(default=())


def read_csv(content: bytes, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of a CSV file, each with its place.

    The first line names the columns, in any order. Commas separate cells; where the first line has none, semicolons
    or tabs do, as spreadsheets write them in some countries.

    :param name: what messages call the file.
    :raises PostBoostConfigError: the file as a whole can't be read: not UTF-8, no header, unknown columns, a quote
        that is never closed.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts without the byte order mark.
        line = error.object[: error.start].count(b"\n") + 1
        raise PostBoostConfigError(
            f"{name}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8. Save the file as CSV UTF-8."
        ) from None
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((d for d in DELIMITERS if d in header), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[str, dict[str, Any]]] = []
    begins, width = 1, 0
    columns: list[str] | None = None
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                # Spreadsheets leave empty columns behind.
                columns, width = (
                    "\0".join(cell.strip() for cell in cells).rstrip("\0").split("\0"),
                    len(cells),
                )
                check_columns(columns, name)
                continue
            values: dict[str, Any] = dict(zip(columns, cells, strict=False))
            if not len(columns) <= len(cells) <= width or any(cell.strip() for cell in cells[len(columns) :]):
                values[""] = (
                    f"it has {len(cells)} cells, and the header names {len(columns)} columns. Put a text with "
                    f"{DELIMITERS[delimiter]} in double quotes."
                )
            rows.append((f"line {line}", values))
    except csv.Error as error:
        raise PostBoostConfigError(
            f"{name}, line {begins}: this row can't be read as CSV ({error}). Look for a double quote that is never "
            'closed; inside a quoted text write a double quote twice ("").'
        ) from None
    if columns is None:
        raise PostBoostConfigError(
            f"{name} is empty. The first line must name the columns: {', '.join(COLUMNS)}."
        )
    return rows


def number_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of a list, each with its place.

    :raises PostBoostConfigError: an item is no mapping, or names an unknown column.
    """
    numbered = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise PostBoostConfigError(
                f"rows, item {number} is {type(row).__name__}; it must be a mapping with {', '.join(COLUMNS)}."
            )
        check_columns(list(row), f"rows, item {number}", required=False)
        numbered.append((f"row {number}", dict(row)))
    return numbered


def check_columns(columns: Sequence[str], name: str, *, required: bool = True) -> None:
    """Refuse unknown, repeated and missing columns: a mistyped one would be left out of every post."""
    unknown = [repr(c) for c in columns if c not in COLUMNS and not _variant_of(c)]
    if unknown:
        raise PostBoostConfigError(
            f"{name} has the unknown column {', '.join(unknown)}. The columns are {', '.join(COLUMNS)}."
        )
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise PostBoostConfigError(f"{name} names the column {', '.join(twice)} more than once.")
    missing = [c for c in REQUIRED_COLUMNS if c not in columns]
    if required and missing:
        raise PostBoostConfigError(f"{name} lacks the column {', '.join(missing)}. Add it to the header.")


def read_rows(numbered: Sequence[tuple[str, Mapping[str, Any]]], timezone: str | None) -> list[Row]:
    """Return every row, good or bad; a bad one carries its problems.

    :param timezone: the zone of times that have none of their own.
    """
    places: dict[str, list[str]] = {}
    for place, values in numbered:
        places.setdefault(as_text(values.get("key")), []).append(place)
    return [read_row(place, values, timezone, places) for place, values in numbered]


def read_row(
    place: str, values: Mapping[str, Any], timezone: str | None, places: Mapping[str, list[str]]
) -> Row:
    problems = [
        Problem(name, "it holds half of a character. Look where it was cut, mostly at an emoji.")
        for name, value in values.items()
        if not _is_unicode(value)
    ]
    if problems:
        values = {name: value if _is_unicode(value) else "" for name, value in values.items()}
    for name in ("text", "first_comment"):
        if is_no_text(values.get(name)):
            problems.append(Problem(name, no_text(values[name])))
            values = {**values, name: "-"}
    key = as_text(values.get("key"))
    if values.get(""):
        problems.append(Problem("", str(values[""])))
    if not key:
        problems.append(Problem("key", "it is empty. Give the row a name of its own that never changes."))
    elif len(places[key]) > 1:
        others = ", ".join(other for other in places[key] if other != place)
        problems.append(Problem("key", f"{key!r} is also the key of {others}. Each row needs its own."))
    text = as_words(values.get("text"))
    if not text.strip():
        problems.append(Problem("text", "it is empty. Write what is to be published."))
    accounts = _items(values.get("accounts"))
    if not accounts:
        problems.append(
            Problem(
                "accounts",
                "it is empty. Write ids, @username, provider:username or provider:*, with ; between.",
            )
        )
    media = _listed(values.get("media"))
    if twice := {name for name in media if media.count(name) > 1}:
        problems.append(Problem("media", f"{', '.join(sorted(twice))} is there twice. Write it once."))
    mode = as_text(values.get("mode")).lower() or "schedule"
    if mode not in MODES:
        problems.append(Problem("mode", f"{mode!r} is unknown. Use {', '.join(MODES)}."))
        mode = "draft"
    publish_at = None
    if as_text(values.get("publish_at")):
        zone = as_text(values.get("timezone")) or timezone
        try:
            publish_at = to_minute(as_time(values["publish_at"]), zone)
        except PostBoostConfigError as error:
            column = "timezone" if "is not a time zone" in str(error) else "publish_at"
            problems.append(Problem(column, str(error)))
    elif mode != "draft":
        problems.append(
            Problem("publish_at", f"it is empty, and mode {mode} needs it. Write YYYY-MM-DD HH:MM.")
        )
    return Row(
        place=place,
        key=key,
        text=text,
        accounts=accounts,
        media=media,
        tags=_items(values.get("tags")),
        first_comment=as_text(values.get("first_comment")) or None,
        mode=mode,  # type: ignore[arg-type]  # checked against MODES above
        publish_at=publish_at,
        variants=_read_variants(values),
        problems=tuple(problems),
    )


def _read_variants(values: Mapping[str, Any]) -> tuple[Variant, ...]:
    """Return what the row's variant columns hold; an empty cell is no variant."""
    said: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if (found := _variant_of(name)) and as_text(value):
            column, who = found
            read = {"text": as_words, "media": _items, "first_comment": as_text}[column]
            said.setdefault(who, {})[column] = read(value)
    return tuple(Variant(who, **columns) for who, columns in said.items())


def _variant_of(name: str) -> tuple[str, str] | None:
    """Return column and network or account of a variant column, or None for any other."""
    column, _, who = str(name).partition(":")
    return (column, who.strip()) if column in VARIANT_COLUMNS and who.strip() else None


def in_window(row: Row, anchor: datetime | None, window: timedelta | None) -> bool:
    """Say whether the row is due in ``[anchor, anchor + window)``; without a window every row is.

    A row without a time, or one whose time can't be read, is due in every window.
    """
    if window is None or anchor is None or row.publish_at is None:
        return True
    return anchor <= row.publish_at < anchor + window


def row_intent(row: Row, media: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what the author wrote, for its hash.

    :param media: a hash of the content, or a uuid, for each of the row's media under ``""``, and for those of a
        variant under its ``who``.
    """
    more: dict[str, Any] = {
        "thread": list(row.thread),
        "account_times": [[who, at.isoformat()] for who, at in row.account_times],
        "ai_generated": row.ai_generated,
        "variants": [
            {**asdict(v), "media": media.get(v.who)} for v in sorted(row.variants, key=lambda v: v.who)
        ],
    }
    return {
        # What is not used is left out: a new feature is no edit of what is there.
        **{name: value for name, value in more.items() if value not in (None, [])},
        "text": row.text,
        "first_comment": row.first_comment,
        "accounts": sorted(row.accounts),
        "tags": sorted(row.tags),
        "media": list(media.get("", ())),
        "mode": row.mode,
        "publish_at": row.publish_at.isoformat() if row.publish_at else None,
    }


def _items(value: Any) -> tuple[str, ...]:
    """Return the items of a cell, each once: a list, or text with semicolons between."""
    return tuple(dict.fromkeys(_listed(value)))


def _listed(value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    parts: Iterable[Any] = value if is_list else as_words(value).split(";")
    return tuple(text for part in parts if (text := as_text(part)))


def _is_unicode(value: Any) -> bool:
    """Say whether the value can be written as UTF-8: half of a surrogate pair can't."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def is_no_text(value: Any) -> bool:
    """Tell what would be published as Python shows it."""
    return isinstance(value, (bytes, Mapping)) or (isinstance(value, Iterable) and not isinstance(value, str))


def no_text(value: Any) -> str:
    return f"it is a {type(value).__name__}, and no text. Pass the words themselves, such as my_task.output['text']."


def as_text(value: Any) -> str:
    return as_words(value).strip()


def as_words(value: Any) -> str:
    """Return a cell as text. How it was stored is no edit: line ends and composed characters are made the same."""
    # pandas writes an empty cell as not-a-number.
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return unicodedata.normalize("NFC", str(value)).replace("\r\n", "\n").replace("\r", "\n")


def as_time(value: Any) -> str | datetime:
    return value if isinstance(value, datetime) else str(value)
