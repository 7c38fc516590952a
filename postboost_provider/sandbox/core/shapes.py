"""The shapes of bodies and responses, from ``shapes.json``.

``scripts/refresh_shapes.py`` writes that file from the official SDK, in a short form:

- ``{"name": ..., "label?": ...}`` is an object with an optional ``label``; ``{"*": ...}`` has any keys.
- ``[..., "1..50"]`` is a list of 1 to 50 items.
- ``"text ..255"`` is a text of at most 255 characters, ``"integer 1..5"`` a number from 1 to 5, ``"queue|draft"``
  one of these words. A pattern follows in slashes, a default after ``=``.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.validation import Fields, as_boolean, as_integer, as_number, is_integer

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call

_KINDS = ("text", "integer", "number", "boolean", "date", "date-time", "any")
_AS_KIND: dict[str, Callable[[Any], Any]] = {
    "boolean": as_boolean,
    "integer": as_integer,
    "number": as_number,
}
_EXAMPLES = {"boolean": True, "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z", "any": None}
_RULE = re.compile(
    r"(?P<kind>.*?)(?: (?P<minimum>\d*)\.\.(?P<maximum>\d*))?(?: /(?P<pattern>.*)/)?(?: = (?P<default>.*))?",
    re.DOTALL,
)


@functools.cache
def load_shapes() -> dict[str, dict[str, Any]]:
    """Return ``bodies`` and ``responses`` by operation. Read from disk once, at the first call."""
    shapes: dict[str, dict[str, Any]] = json.loads(
        (Path(__file__).parent / "shapes.json").read_text(encoding="utf-8")
    )
    return shapes


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    words: tuple[str, ...]
    minimum: float
    maximum: float
    pattern: str | None
    default: str | None


@functools.cache
def _rule(text: str) -> _Rule:
    found = _RULE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a rule of shapes.json")
    kind = found["kind"]
    words = () if kind in _KINDS else tuple(kind.split("|"))
    minimum, maximum = float(found["minimum"] or -math.inf), float(found["maximum"] or math.inf)
    return _Rule("words" if words else kind, words, minimum, maximum, found["pattern"], found["default"])


def read_body(call: Call) -> dict[str, Any]:
    """Return the body's fields that the operation has. A null is kept at the top level and dropped below it.

    :raises ErrorResponse: 422 with all errors of the body.
    """
    fields = Fields(call.fields)
    shape = load_shapes()["bodies"].get(call.operation.operation, {})
    found = _check_object(fields, "", shape, call.fields)
    fields.raise_errors()
    return dict(found)


def read_with_defaults(call: Call) -> dict[str, Any]:
    """Return the fields of the body and PostBoost's defaults of the others; null is the same as absent.

    :raises ErrorResponse: 422 with all errors of the body.
    """
    sent = {name: value for name, value in read_body(call).items() if value is not None}
    return {**defaults(call.operation.operation), **sent}


def defaults(operation: str) -> dict[str, Any]:
    """Return the defaults of a body's fields, as far as PostBoost states them."""
    found = {}
    for key, shape in load_shapes()["bodies"].get(operation, {}).items():
        if isinstance(shape, str) and (default := _rule(shape).default) is not None:
            text = _rule(shape).kind in ("text", "words")
            found[key.rstrip("?")] = default if text else json.loads(default)
    return found


def _as_sent(value: Any) -> Any:
    return value


def _check(fields: Fields, name: str, shape: Any, value: Any) -> Any:
    if isinstance(shape, str):
        rule = _rule(shape)
        value = _AS_KIND.get(rule.kind, _as_sent)(value)
        _check_scalar(fields, name, rule, value)
        return value
    if isinstance(shape, list):
        return _check_list(fields, name, shape, value)
    if not isinstance(value, Mapping):
        fields.add_error(name, f"The {_label(name)} field must be an array.")
        return {}
    return _check_object(fields, name + ".", shape, value)


def _check_object(fields: Fields, prefix: str, shape: Mapping[str, Any], value: Mapping[str, Any]) -> Any:
    if "*" in shape:
        return {key: _check(fields, prefix + key, shape["*"], each) for key, each in value.items()}
    found = {}
    for key, inner in shape.items():
        name, optional = key.rstrip("?"), key.endswith("?")
        # An empty text and an empty list count as absent, as in Laravel.
        absent = value.get(name) in (None, "", [])
        if not optional and absent:
            fields.add_error(prefix + name, f"The {_label(name)} field is required.")
        elif name in value and (value[name] is not None or not prefix):
            found[name] = value[name] if absent else _check(fields, prefix + name, inner, value[name])
    return found


def _check_list(fields: Fields, name: str, shape: list[Any], value: Any) -> Any:
    if not isinstance(value, list):
        fields.add_error(name, f"The {_label(name)} field must be an array.")
        return []
    limits = _rule(f"any {shape[1]}") if len(shape) > 1 else _rule("any")
    if len(value) < limits.minimum:
        fields.add_error(name, f"The {_label(name)} field must have at least {limits.minimum:.0f} items.")
    if len(value) > limits.maximum:
        fields.add_error(
            name, f"The {_label(name)} field must not have more than {limits.maximum:.0f} items."
        )
    return [_check(fields, f"{name}.{index}", shape[0], each) for index, each in enumerate(value)]


def _check_scalar(fields: Fields, name: str, rule: _Rule, value: Any) -> None:
    problem = _problem(rule, value)
    if problem:
        fields.add_error(name, f"The {_label(name)} field {problem}.")


def _problem(rule: _Rule, value: Any) -> str | None:
    if rule.kind == "words":
        return None if value in rule.words else f"must be one of {', '.join(rule.words)}"
    if rule.kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if rule.kind in ("integer", "number"):
        number = is_integer(value) or (rule.kind == "number" and isinstance(value, float))
        if not number:
            return f"must be {'an integer' if rule.kind == 'integer' else 'a number'}"
        if not rule.minimum <= value <= rule.maximum:
            return f"must be between {rule.minimum:g} and {rule.maximum:g}"
    if rule.kind in ("text", "date", "date-time") and not isinstance(value, str):
        return "must be a string"
    if rule.kind == "text":
        if not rule.minimum <= len(value) <= rule.maximum:
            return f"must not be greater than {rule.maximum:g} characters"
        if rule.pattern and not re.search(rule.pattern, value):
            return "format is invalid"
    if rule.kind in ("date", "date-time"):
        try:
            (date if rule.kind == "date" else datetime).fromisoformat(value)
        except ValueError:
            return "must be a valid date"
    return None


def _label(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def example(operation: str, sent: Mapping[str, Any]) -> Any:
    """Return a response that fits its shape. Values that were sent are returned in fields of the same name."""
    return _example("", load_shapes()["responses"][operation], sent)


def _example(name: str, shape: Any, sent: Mapping[str, Any]) -> Any:
    if name in sent and _fits(shape, sent[name]):
        return sent[name]
    if isinstance(shape, dict):
        # Only top-level values are returned.
        inner: Mapping[str, Any] = {} if name else sent
        return {
            key.rstrip("?"): _example(key.rstrip("?"), each, inner)
            for key, each in shape.items()
            if key != "*"
        }
    if isinstance(shape, list):
        return [_example(name or "item", shape[0], {})]
    rule = _rule(shape)
    if rule.kind == "text":
        return _example_text(name)
    if rule.kind in ("integer", "number"):
        return 1 if rule.minimum <= 1 <= rule.maximum else int(rule.minimum)
    return rule.words[0] if rule.words else _EXAMPLES[rule.kind]


def _example_text(name: str) -> str:
    if name == "url" or name.endswith("_url"):
        return "https://postboost.example/"
    return name.replace("_", " ").capitalize()


def _fits(shape: Any, value: Any) -> bool:
    fields = Fields({})
    _check(fields, "value", shape, value)
    return value is not None and not fields.errors
