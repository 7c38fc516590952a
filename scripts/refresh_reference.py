"""Rewrite ``docs/reference/`` from the signatures and the docstrings of the public classes.

python scripts/refresh_reference.py            # write the pages
python scripts/refresh_reference.py --check    # exit 1 when one is stale

It requires Airflow 3.1 or newer, on which all operators can be imported. ``docstring_fields.py`` describes the docstrings.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docstring_fields import PACKAGE, Argument, describe
from generated_files import write_or_check

from postboost_provider.api import errors
from postboost_provider.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "This page is generated from the code by `python scripts/refresh_reference.py`."


@dataclass(frozen=True)
class Page:
    """One page: the classes that Airflow discovers by ``kind``, and objects named by their import path."""

    name: str
    title: str
    intro: str
    kind: str = ""
    named: tuple[str, ...] = ()
    methods: tuple[str, ...] = field(default=(), kw_only=True)


PAGES = (
    Page(
        "operators",
        "Operators",
        "Every operator also takes Airflow's own arguments, such as `task_id` and `retries`. A *templated* argument is "
        "rendered before the task runs: it may contain Jinja and XComs of other tasks.",
        "operators",
    ),
    Page(
        "sensors",
        "Sensors",
        "Every sensor also takes Airflow's own arguments, such as `task_id` and `retries`. A *templated* argument is "
        "rendered before the task runs: it may contain Jinja and XComs of other tasks.",
        "sensors",
        (f"{PACKAGE}.sensors.guard.token_guard",),
    ),
    Page(
        "triggers",
        "Triggers",
        "Operators and sensors create these triggers when they are deferrable. You need them only in an operator of your own.",
        "triggers",
    ),
    Page(
        "hook",
        "Hook, clients and errors",
        "The hook reads an Airflow connection and gives you a client. The client sends operations "
        "([all of them](../operations.md)) and raises one of the errors at the end of this page.",
        "hooks",
        (
            f"{PACKAGE}.api.client.PostBoostClient",
            f"{PACKAGE}.api.client.AsyncPostBoostClient",
            f"{PACKAGE}.api.responses.Response",
            f"{PACKAGE}.api.requests.FilePart",
            f"{PACKAGE}.api.rate_limit.RateLimit",
        ),
        methods=(
            *("get_conn", "client", "settings", "async_client", "asettings", "test_connection"),
            *("call", "send", "pages", "download"),
        ),
    ),
    Page(
        "decorators",
        "Decorators",
        "`@task.postboost` is [PostBoostOperator](operators.md#postboostoperator) with a body that a function returns.",
        named=(f"{PACKAGE}.decorators.postboost.postboost_task",),
    ),
    Page(
        "retry-policy",
        "Retry policy",
        "On Airflow 3.3 or newer, every operator and sensor has this policy unless you set another `retry_policy`.",
        named=(
            f"{PACKAGE}.retry_policy.PostBoostRetryPolicy",
            f"{PACKAGE}.retry_policy.PostBoostFailException",
        ),
    ),
    Page(
        "stores",
        "Key stores",
        "A key store is where a rotation writes the new key or its expiry date. Pass one as `store`, or write your own: any "
        "object with the methods of `KeyStore`.",
        named=(
            f"{PACKAGE}.key_stores.KeyStore",
            f"{PACKAGE}.key_stores.airflow_api.AirflowApiStore",
            f"{PACKAGE}.key_stores.airflow_database.AirflowDatabaseStore",
            f"{PACKAGE}.key_stores.env_file.EnvFileStore",
        ),
        methods=("read", "write"),
    ),
    Page(
        "sandbox",
        "Sandbox",
        "The [sandbox](../sandbox.md) is a local PostBoost for tests and demos.",
        named=(f"{PACKAGE}.sandbox.server.Sandbox",),
        methods=(
            *("reset", "change", "change_account", "advance", "seed", "faults"),
            *("state", "requests", "deliveries", "resend"),
        ),
    ),
)
# Import paths for users, where they differ from the module.
SHOWN_AS = {"postboost_task": "@task.postboost"}


def subjects(page: Page) -> dict[str, Any]:
    """Return the classes and functions of a page by their import path."""
    found: dict[str, Any] = {}
    for entry in get_provider_info().get(page.kind, ()):
        for name in entry["python-modules"]:
            module = importlib.import_module(name)
            found |= {f"{name}.{each}": getattr(module, each) for each in _public(module)}
    found = dict(sorted(found.items(), key=lambda item: item[0].rpartition(".")[2]))
    for path in page.named:
        module_name, _, name = path.rpartition(".")
        found[path] = getattr(importlib.import_module(module_name), name)
    return found


def _public(module: Any) -> Iterable[str]:
    return getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]


def render() -> dict[Path, str]:
    """Return the text of each page."""
    files, index = {}, []
    for page in PAGES:
        parts = [f"# {page.title}", page.intro, NOTE]
        for path, subject in subjects(page).items():
            name = path.rpartition(".")[2]
            parts += _section(path, subject, page.methods)
            title = SHOWN_AS.get(name, name)
            index.append(
                [f"[`{title}`]({page.name}.md#{anchor(title)})", _first_sentence(subject), page.title]
            )
        if page.name == "hook":
            parts += _errors()
            index.append(
                ["[Errors](hook.md#errors)", "The types of errors that a client raises.", page.title]
            )
        files[FOLDER / f"{page.name}.md"] = "\n\n".join(parts) + "\n"
    intro = "Every public class and function, with its arguments, XComs and errors."
    parts = ["# Reference", intro, NOTE, _table(["class", "what it does", "page"], index)]
    return {FOLDER / "README.md": "\n\n".join(parts) + "\n", **files}


def anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _first_sentence(subject: Any) -> str:
    first, stop, _ = describe(subject).summary.partition(". ")
    return markdown(first + stop.strip())


def _section(path: str, subject: Any, methods: Iterable[str]) -> list[str]:
    module, _, name = path.rpartition(".")
    title, about = SHOWN_AS.get(name, name), describe(subject)
    source = f"Import from `{module}`." if title == name else ""
    parts = [f"## {title}", markdown(about.summary), source, *_tables(subject)]
    for method in methods if inspect.isclass(subject) else ():
        if function := vars(subject).get(method):
            parts += [f"### {name}.{method}", f"`{_call(function)}`", markdown(describe(function).summary)]
            parts += _tables(function)
    return [part for part in parts if part]


def _call(function: Callable[..., Any]) -> str:
    """Return a method's call without types; the table has them."""
    signature = inspect.signature(function)
    shown = [p.replace(annotation=p.empty) for name, p in signature.parameters.items() if name != "self"]
    returned = signature.return_annotation
    return f"{function.__name__}{signature.replace(parameters=shown, return_annotation=signature.empty)} -> {returned}"


def _tables(subject: Any) -> list[str]:
    """Return the tables of arguments, XComs and errors. Arguments of methods may lack a description."""
    about, parts = describe(subject), []
    if about.arguments and (inspect.isclass(subject) or any(each.meaning for each in about.arguments)):
        head = ["argument", "type", "default", *(["templated"] if about.has_templates else []), "meaning"]
        parts.append(_table(head, [_argument(each, about.has_templates) for each in about.arguments]))
    if about.xcoms:
        rows = [[f"`{x.key}`", f"`{x.type}`", markdown(x.when), markdown(x.meaning)] for x in about.xcoms]
        parts.append(_table(["XCom", "type", "when", "meaning"], rows))
    if about.errors:
        rows = [[f"`{name}`", markdown(text)] for name, text in about.errors]
        parts.append(_table(["error", "when"], rows))
    return parts


def _argument(argument: Argument, has_templates: bool) -> list[str]:
    templated = ["yes" if argument.templated else ""] if has_templates else []
    kind = f"`{argument.type}`" if argument.type else ""
    return [f"`{argument.name}`", kind, argument.default, *templated, markdown(argument.meaning)]


def _errors() -> list[str]:
    """Return the section about exceptions: a table of all, and the attributes of response errors."""
    intro = f"Import from `{errors.__name__}`."
    kinds: list[type[Exception]] = [getattr(errors, name) for name in errors.__all__]
    rows = [
        [
            f"`{kind.__name__}`",
            f"`{kind.__mro__[1].__name__}`",
            _retryable(kind),
            markdown(describe(kind).prose),
        ]
        for kind in kinds
    ]
    attributes = [
        [f"`{each.name}`", f"`{each.type}`", markdown(each.meaning)]
        for each in describe(errors.PostBoostRequestError).arguments
        if each.name != "message"
    ]
    return [
        "## Errors",
        intro,
        _table(["error", "base class", "retryable", "meaning"], rows),
        "A `PostBoostRequestError` and its subclasses have these attributes:",
        _table(["attribute", "type", "meaning"], attributes),
    ]


def _retryable(kind: type[Exception]) -> str:
    if issubclass(kind, errors.RETRYABLE):
        return "yes"
    return "depends" if any(issubclass(each, kind) for each in errors.RETRYABLE) else "no"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(re.sub(r" +", " ", f"| {' | '.join(line)} |") for line in lines)


def markdown(text: str) -> str:
    """Return the text of a docstring as Markdown."""
    text = re.sub(r":(?:func|meth):`~?(?:[\w.]*\.(?=[A-Z]))?([\w.]+)`", r"`\1()`", text)
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def main() -> int:
    return write_or_check(render(), Path(__file__).name)


if __name__ == "__main__":
    sys.exit(main())
