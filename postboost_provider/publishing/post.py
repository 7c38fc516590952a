"""A post as its author writes it: in the arguments of an operator, or in a row of a calendar. Pure."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from postboost_provider.api.arguments import NOTHING, read_text
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.times import to_minute

Mode = Literal["draft", "schedule", "queue", "now"]
MODES: tuple[str, ...] = get_args(Mode)
VARIANT_FIELDS = ("text", "media", "thread", "first_comment", "options")
# Lists and mappings, which a template may render to text.
RENDERED = ("accounts", "media", "tags", "thread", "variants", "account_times")
# In these, "None" would be published.
PUBLISHED_TEXTS = ("text", "first_comment", "thread", "tags")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a post.

    :param field: the argument or column that is wrong, as its author writes it.
    :param message: what is wrong, what was seen and what to do.
    :param code: what is wrong, as a stable code.
    """

    field: str
    message: str
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidPostError(PostBoostConfigError):
    """A post that has problems. ``field`` and ``code`` are those of the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__("; ".join(str(p) for p in problems), code=first.code, field=first.field)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Variant:
    """What a network or an account gets in place of the post's own parts, which it gets where this is None.

    :param target: a provider, ``provider:username``, ``@username`` or an id.
    """

    target: str
    text: str | None = None
    media: tuple[str, ...] | None = None
    thread: tuple[str, ...] | None = None
    first_comment: str | None = None
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its author writes it, with names in place of ids.

    :param account_times: other times, by network or account.
    :param is_row: it is a row of a calendar, whose fields are columns; else the fields are an operator's arguments.
    """

    text: str
    accounts: tuple[str, ...]
    mode: Mode
    publish_at: datetime | None = None
    media: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    first_comment: str | None = None
    thread: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    account_times: tuple[tuple[str, datetime], ...] = ()
    ai_generated: bool | None = None
    is_row: bool = False

    def variant_field(self, target: str, name: str) -> str:
        """Return how the author writes a field of a variant."""
        return f"{name}:{target}" if self.is_row else f"variants[{target!r}][{name!r}]"


def as_draft(post: Post) -> Post:
    """Return the post as a draft, as if its author had written that."""
    return post if post.mode == "draft" else replace(post, mode="draft", account_times=())


def parse_post(values: Mapping[str, Any], timezone: str | None) -> Post:
    """Return the post that the arguments of an operator describe.

    :param values: those of :func:`read_fields`, and ``thread``, ``variants`` and ``account_times`` (mappings by network
        or account) and ``ai_generated``.
    :raises InvalidPostError: it has problems.
    """
    values = {name: read_text(value) if name in RENDERED else value for name, value in values.items()}
    post, problems = read_fields(values, timezone, mode_field="publish")
    if post.mode != "schedule":
        # A calendar selects its rows by their time. Here PostBoost picks the time.
        problems = [p for p in problems if p.code != "missing_time"]
    problems += _check_texts(values)
    variants, times = [], []
    for target, given in _read_mapping("variants", values, problems):
        if variant := _read_variant(stripped_text(target), given, problems):
            variants.append(variant)
    for target, at in _read_mapping("account_times", values, problems):
        try:
            times.append((stripped_text(target), to_minute(_as_time(at), timezone)))
        except PostBoostConfigError as error:
            problems.append(Problem(error.field or f"account_times ({target})", str(error), error.code))
    post = replace(
        post,
        thread=_texts(values.get("thread")),
        variants=tuple(variants),
        # Only a scheduled post has times.
        account_times=tuple(times) if post.mode == "schedule" else (),
        ai_generated=_read_bool("ai_generated", values, problems),
    )
    if problems:
        raise InvalidPostError(list(dict.fromkeys(problems)))
    return post


def read_fields(
    values: Mapping[str, Any], timezone: str | None, *, mode_field: str = "mode"
) -> tuple[Post, list[Problem]]:
    """Return the post of the fields that arguments and columns have in common, and its problems.

    :param values: ``text``, ``accounts``, ``media``, ``tags``, ``first_comment``, ``mode``, ``publish_at``, ``timezone``.
    :param timezone: the zone of times that have none of their own.
    :param mode_field: the author's name of ``mode``.
    """
    problems = []
    for name, value in values.items():
        if not _is_unicode(value):
            message = "contains half of a character. Check where the text was cut, often at an emoji."
            problems.append(Problem(name, message, "cut"))
        # A column of a variant has its network or account behind a colon.
        if name.partition(":")[0] in ("text", "first_comment") and _is_not_text(value):
            problems.append(_not_text(name, value))
    text = as_text(values.get("text"))
    if not text.strip():
        problems.append(Problem("text", "is empty. Write the text to publish.", "empty"))
    accounts = split_items(values.get("accounts"))
    if not accounts:
        message = "is empty. Write ids, @username, provider:username or provider:*, separated by semicolons."
        problems.append(Problem("accounts", message, "empty"))
    media = _split(values.get("media"))
    if repeated := sorted({name for name in media if media.count(name) > 1}):
        problems.append(Problem("media", f"names {', '.join(repeated)} twice. Name it once.", "repeated"))
    mode = stripped_text(values.get("mode")).lower() or "schedule"
    if mode not in MODES:
        problems.append(Problem(mode_field, f"{mode!r} is unknown. Use {', '.join(MODES)}.", "unknown_mode"))
        mode = "draft"
    publish_at = None
    if stripped_text(values.get("publish_at")):
        zone = stripped_text(values.get("timezone")) or timezone
        try:
            publish_at = to_minute(_as_time(values["publish_at"]), zone)
        except PostBoostConfigError as error:
            problems.append(Problem(error.field or "publish_at", str(error), error.code))
    elif mode != "draft":
        message = f"is empty, and {mode_field} is {mode!r}. Write YYYY-MM-DD HH:MM."
        problems.append(Problem("publish_at", message, "missing_time"))
    post = Post(
        text=text,
        accounts=accounts,
        mode=mode,  # type: ignore[arg-type]  # checked against MODES above
        publish_at=publish_at,
        media=media,
        tags=split_items(values.get("tags")),
        first_comment=stripped_text(values.get("first_comment")) or None,
    )
    return post, problems


def post_intent(post: Post, media: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what the author wrote, for its hash.

    :param media: the identifiers of the post's media under ``""``, and those of a variant under its ``target``.
    """
    more: dict[str, Any] = {
        "thread": list(post.thread),
        "account_times": [[target, at.isoformat()] for target, at in post.account_times],
        "ai_generated": post.ai_generated,
        "variants": [
            _variant_intent(v, media.get(v.target)) for v in sorted(post.variants, key=lambda v: v.target)
        ],
    }
    return {
        # What is not used is left out: a new feature is not an edit of existing posts.
        **{name: value for name, value in more.items() if value not in (None, [])},
        "text": post.text,
        "first_comment": post.first_comment,
        "accounts": sorted(post.accounts),
        "tags": sorted(post.tags),
        "media": list(media.get("", ())),
        "mode": post.mode,
        "publish_at": post.publish_at.isoformat() if post.publish_at else None,
    }


def _variant_intent(variant: Variant, media: Sequence[str] | None) -> dict[str, Any]:
    values = asdict(variant)
    # ``who``: the name that version 0.1.0 hashed.
    return {"who": values.pop("target"), **values, "media": media}


def _read_variant(target: str, given: Any, problems: list[Problem]) -> Variant | None:
    advice = f"Pass a mapping of {', '.join(VARIANT_FIELDS)}."
    name = f"variants[{target!r}]"
    if not isinstance(given, Mapping):
        problems.append(Problem(name, f"is a {type(given).__name__}. {advice}", "not_a_mapping"))
        return None
    if unknown := [repr(key) for key in given if key not in VARIANT_FIELDS]:
        problems.append(Problem(name, f"has the unknown key {', '.join(unknown)}. {advice}", "unknown_field"))
        return None
    problems += [replace(p, field=f"{name}[{p.field!r}]") for p in _check_texts(given)]
    values = {field: value for field, value in given.items() if value is not None}
    values |= {field: as_text(values[field]) for field in ("text", "first_comment") if field in values}
    values |= {field: _texts(values[field]) for field in ("media", "thread") if field in values}
    return Variant(target, **values)


def _check_texts(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for name in PUBLISHED_TEXTS:
        value = values.get(name)
        parts = [value] if name in ("text", "first_comment") else _parts(value)
        if any(_is_not_text(part) for part in parts):
            problems.append(_not_text(name, value))
        elif any(stripped_text(part) in NOTHING for part in parts):
            message = "is 'None', which is what a template renders for a missing value. Write {{ ... or '' }} there."
            problems.append(Problem(name, message, "rendered_none"))
    return problems


def _read_mapping(name: str, values: Mapping[str, Any], problems: list[Problem]) -> list[tuple[Any, Any]]:
    value = values.get(name) or {}
    if isinstance(value, Mapping):
        return list(value.items())
    problems.append(Problem(name, f"{value!r} is not a mapping by network or account.", "not_a_mapping"))
    return []


def _read_bool(name: str, values: Mapping[str, Any], problems: list[Problem]) -> bool | None:
    known = {"true": True, "false": False, "": None, "none": None}
    text = stripped_text(values.get(name)).lower()
    if text not in known:
        problems.append(Problem(name, f"{values[name]!r} is unknown. Use True, False or None.", "not_a_bool"))
    return known.get(text)


def _is_not_text(value: Any) -> bool:
    """Return whether the value would be published as Python prints it."""
    return isinstance(value, (bytes, Mapping)) or (isinstance(value, Iterable) and not isinstance(value, str))


def _not_text(name: str, value: Any) -> Problem:
    message = f"is a {type(value).__name__}, not text. Pass the text itself, such as my_task.output['text']."
    return Problem(name, message, "not_text")


def as_text(value: Any) -> str:
    """Return a value as text, with line ends and composed characters in one form: another form is not an edit."""
    # pandas writes an empty cell as not-a-number.
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # Half of a surrogate pair can't be sent or logged; read_fields reports it.
    text = str(value).encode(errors="replace").decode()
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")


def stripped_text(value: Any) -> str:
    return as_text(value).strip()


def split_items(value: Any) -> tuple[str, ...]:
    """Return the items of a list, or of text with semicolons between them, each once."""
    return tuple(dict.fromkeys(_split(value)))


def _split(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        value = as_text(value).split(";")
    return tuple(text for part in value if (text := stripped_text(part)))


def _parts(value: Any) -> list[Any]:
    """Return one text or the texts of a list; unlike a cell of a calendar, a text is not split."""
    value = read_text(value)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [] if value is None else [value]
    return list(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for part in _parts(value) if (text := as_text(part)).strip())


def _is_unicode(value: Any) -> bool:
    """Return whether the value and all that is in it can be encoded as UTF-8."""
    if isinstance(value, Mapping):
        return all(_is_unicode(part) for item in value.items() for part in item)
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)):
        return all(map(_is_unicode, value))
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_time(value: Any) -> str | datetime:
    return value if isinstance(value, datetime) else str(value)
