"""The arguments of public functions are named and typed, so that an editor shows them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "postboost_provider"
# Airflow's classes pass arguments on by name, from subclass to base class and from decorator to operator.
AIRFLOWS = {"operators", "sensors", "hooks", "retry_policy.py"}
AIRFLOWS_FUNCTIONS = {"PostBoostOperator.partial", "postboost_task"}
# Names and values of settings, of JSON and of seeds, which the sandbox itself checks.
SANDBOXES = {"Sandbox.__init__", "Sandbox.reset", "Sandbox.change", "Sandbox.change_account", "Sandbox.seed"}
JSON = {"ErrorResponse.__init__"}


def open_signatures(source: str, room: str = "") -> list[str]:
    """Return the public functions that take any arguments by name."""
    return [
        name
        for name, function in public_functions(ast.parse(source))
        if (rest := function.args.kwarg) is not None
        and (rest.annotation is None or ast.unparse(rest.annotation) in ("Any", "object"))
        and not (room in AIRFLOWS and name.endswith(".__init__") and rest.arg == "kwargs")
    ]


def public_functions(
    node: ast.Module | ast.ClassDef, owner: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in node.body:
        if isinstance(child, ast.ClassDef) and is_public(child.name):
            yield from public_functions(child, f"{owner}{child.name}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(child.name):
            yield f"{owner}{child.name}", child


def is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith("_")


def test_no_public_function_takes_just_any_arguments() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        found |= set(open_signatures(path.read_text(encoding="utf-8"), room))
    assert found == AIRFLOWS_FUNCTIONS | SANDBOXES | JSON


@pytest.mark.parametrize("call", ["**call: Any", "**options", "*, a: int = 0, **kwargs: object"])
def test_one_would_be_found(call: str) -> None:
    assert open_signatures(f"def f({call}): ...") == ["f"]
    assert open_signatures(f"class A:\n    async def send(self, {call}): ...", "hooks") == ["A.send"]
    assert open_signatures(f"class A:\n    def __init__(self, {call}): ...", "api") == ["A.__init__"]


def test_typed_and_private_arguments_are_not_found() -> None:
    assert open_signatures("def f(**options: Unpack[Options]): ...\ndef _g(**call: Any): ...") == []
    assert open_signatures("class A:\n    def __init__(self, **kwargs: Any): ...", "operators") == []
