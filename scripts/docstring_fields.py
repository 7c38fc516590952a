"""Read a class as its users see it: the arguments from the signature, their meaning from the docstring.

A docstring starts with one paragraph that says what the class does, and ends with fields::

    :param publish_at: when the post goes live. Templated.
    :xcom uuid: (str; the result has one) the post's uuid.
    :raises PostBoostConfigError: the connection has no token.

In the brackets of ``:xcom`` is the type and, after a semicolon, when the key is pushed; without it, on each success. A
class also has the arguments and the fields of its base classes in this package, unless it has that field itself.
Airflow's own arguments are left out, so the result does not depend on Airflow's version.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, ForwardRef, Literal, get_origin, is_typeddict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

PACKAGE = "postboost_provider"
FIELD = re.compile(r"^:(param|xcom|raises) ([\w.]+):[ ]*", re.MULTILINE)
XCOM = re.compile(r"\(([^;)]*)(?:;\s*([^)]*))?\)\s*(.*)")
# Read from Airflow's configuration when the class is imported.
CONFIGURED = {"deferrable": "`[operators] default_deferrable`"}


@dataclass(frozen=True)
class Argument:
    """One argument. If it has no type, it is Airflow's own or stands for several, and only its meaning is listed."""

    name: str
    type: str
    default: str
    templated: bool
    meaning: str


@dataclass(frozen=True)
class XCom:
    """One XCom key that a task pushes."""

    key: str
    type: str
    when: str
    meaning: str


@dataclass(frozen=True)
class Description:
    """The content of a reference page about one class, function or method."""

    summary: str
    prose: str
    arguments: list[Argument]
    xcoms: list[XCom]
    errors: list[tuple[str, str]]
    has_templates: bool


Fields = dict[str, dict[str, list[str]]]


def describe(subject: type | Callable[..., Any]) -> Description:
    """Return the content for a class, a function or a method, read from its signature and docstring.

    :raises ValueError: an ``:xcom`` has no type.
    """
    family = _family(subject) if isinstance(subject, type) else [subject]
    fields = _fields_of(family)
    prose = split(subject)[0]
    templates = _template_fields(family)
    return Description(
        summary=_one_line(prose.split("\n\n")[0]),
        prose=_one_line(prose),
        arguments=_arguments(family, fields["param"], templates or ()),
        xcoms=[_xcom(key, text) for key, texts in fields["xcom"].items() for text in texts],
        errors=[(name, text) for name, texts in fields["raises"].items() for text in texts],
        has_templates=templates is not None,
    )


def _family(cls: type) -> list[type]:
    return [each for each in cls.__mro__ if each.__module__.partition(".")[0] == PACKAGE]


def split(subject: Any) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the prose of a docstring and its fields: kind, name and text."""
    prose, *found = FIELD.split(inspect.cleandoc(subject.__doc__ or ""))
    triples = zip(found[::3], found[1::3], found[2::3], strict=True)
    return prose.strip(), [(kind, name, _one_line(text)) for kind, name, text in triples]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fields_of(family: Iterable[Any]) -> Fields:
    result: Fields = {"param": {}, "xcom": {}, "raises": {}}
    for each in family:
        own: Fields = {"param": {}, "xcom": {}, "raises": {}}
        for kind, name, text in split(each)[1]:
            own[kind].setdefault(name, []).append(text)
        for kind, texts in own.items():
            result[kind] = {**result[kind], **{k: v for k, v in texts.items() if k not in result[kind]}}
    return result


def _template_fields(family: Iterable[Any]) -> tuple[str, ...] | None:
    return next(
        (tuple(vars(each)["template_fields"]) for each in family if "template_fields" in vars(each)), None
    )


def _arguments(
    family: Iterable[Any], meanings: dict[str, list[str]], templates: tuple[str, ...]
) -> list[Argument]:
    found: dict[str, Argument] = {}
    unpacked: dict[str, Argument] = {}
    meaning = {name: " ".join(texts).removesuffix("Templated.").rstrip() for name, texts in meanings.items()}
    for function in filter(None, map(_function_of, family)):
        parameters = inspect.signature(function).parameters
        for name, parameter in parameters.items():
            if name in ("self", "cls") or name in found:
                continue
            if parameter.kind is not parameter.VAR_KEYWORD:
                found[name] = Argument(
                    name=name,
                    type=_type(parameter.annotation, function),
                    default=CONFIGURED.get(name) or _default(parameter),
                    templated=name in templates,
                    meaning=meaning.get(name, ""),
                )
            elif name in meaning:
                found[name] = Argument(f"**{name}", "", "", False, meaning[name])
            else:
                unpacked |= _unpacked(str(parameter.annotation), function)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    else:
        # It also accepts Airflow's arguments: those that it documents.
        rest = {name: text for name, text in meaning.items() if name not in found}
        found |= {name: Argument(name, "", "", name in templates, text) for name, text in rest.items()}
    # A base class may have them with their defaults.
    found |= {name: argument for name, argument in unpacked.items() if name not in found}
    return sorted(found.values(), key=lambda argument: argument.name.startswith("**"))


def _unpacked(annotation: str, function: Callable[..., Any]) -> dict[str, Argument]:
    """Return the fields of the ``TypedDict`` that a function takes as its keyword arguments."""
    named = re.fullmatch(r"Unpack\[(\w+)\]", annotation)
    kind = _named(named[1], sys.modules[function.__module__]) if named else None
    if not is_typeddict(kind):
        return {}
    fields: dict[str, Any] = vars(kind)["__annotations__"]
    # It does not name its base classes: those of its module that have some of its fields.
    others = vars(sys.modules[str(kind.__module__)]).values()
    bases = [
        each
        for each in others
        if is_typeddict(each) and fields.keys() >= vars(each)["__annotations__"].keys()
    ]
    meanings = _fields_of(bases)["param"]
    required = vars(kind)["__required_keys__"]
    return {
        name: Argument(
            name,
            _type(field.__forward_arg__ if isinstance(field, ForwardRef) else field, function),
            "required" if name in required else "optional",
            False,
            " ".join(meanings.get(name, ())),
        )
        for name, field in fields.items()
    }


def _named(name: str, module: ModuleType) -> Any:
    return getattr(module, name, None) or _imported_for_types(module).get(name)


def _function_of(subject: Any) -> Callable[..., Any] | None:
    """Return the function with the arguments: a class' own constructor, or the function itself."""
    if not isinstance(subject, type):
        return subject  # type: ignore[no-any-return]
    init = inspect.unwrap(vars(subject).get("__init__", object.__init__))
    # The constructor of a protocol is typing's, and Airflow wraps those of its classes.
    return init if getattr(init, "__module__", "").partition(".")[0] == PACKAGE else None


def _type(annotation: Any, function: Callable[..., Any]) -> str:
    text = "" if annotation is inspect.Parameter.empty else str(annotation)
    text = re.sub(r"\b[A-Z]\w+\b", lambda found: _alias(found[0], function) or found[0], text)
    text = re.sub(r"Literal\[([^\]]+)\]", lambda found: found[1].replace(", ", " | "), text)
    return text.replace("'", '"')


def _alias(name: str, function: Callable[..., Any]) -> str | None:
    """Return the values of an alias of literals, such as ``IfExists``."""
    value = _named(name, sys.modules[function.__module__])
    return str(value).removeprefix("typing.") if get_origin(value) is Literal else None


@cache
def _imported_for_types(module: ModuleType) -> dict[str, Any]:
    """Return the names that a module imports from this package, including imports for type checkers."""
    return {
        alias.name: getattr(importlib.import_module(node.module), alias.name, None)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGE)
        for alias in node.names
    }


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is parameter.empty:
        return "required"
    if isinstance(value, timedelta):
        return f"`{_span(value)}`"
    return f"`{json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}`"


def _span(value: timedelta) -> str:
    for unit in ("days", "hours", "minutes"):
        number, rest = divmod(value, timedelta(**{unit: 1}))
        if not rest:
            return f"timedelta({unit}={number})"
    return f"timedelta(seconds={value.total_seconds():g})"


def _xcom(key: str, text: str) -> XCom:
    parts = XCOM.fullmatch(text)
    if parts is None:
        raise ValueError(f":xcom {key}: {text!r} does not start with its type in brackets.")
    return XCom(key, parts[1].strip(), parts[2] or "always", parts[3])
