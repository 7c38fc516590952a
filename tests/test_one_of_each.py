"""There is one of each: one place that waits, one that reads labels, and none that decides by the words of an error."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "postboost_provider"
Find = Callable[[ast.AST], bool]


def functions_with(find: Find, source: str) -> list[str]:
    """Return the functions that have such a node, each once; what is outside of them has the name ``<module>``."""
    found: dict[str, None] = {}

    def walk(node: ast.AST, where: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else where
            if find(child):
                found[inner] = None
            walk(child, inner)

    walk(ast.parse(source), "<module>")
    return list(found)


def in_the_package(find: Find) -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("sandbox/"):
            yield from (f"{name}:{each}" for each in functions_with(find, path.read_text(encoding="utf-8")))


def sleeps(node: ast.AST) -> bool:
    return isinstance(node, (ast.Attribute, ast.Name)) and ast.unparse(node).rpartition(".")[2] == "sleep"


def parses_a_label(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "Label.parse"


def decides_by_a_message(node: ast.AST) -> bool:
    """Whether the words of an error are compared, searched or matched."""
    if isinstance(node, ast.Compare):
        is_given = isinstance(node.ops[0], (ast.Is, ast.IsNot))
        return not is_given and any(is_message(each) for each in (node.left, *node.comparators))
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    name = node.func.attr
    return (name in ("startswith", "endswith") and is_message(node.func.value)) or (
        name in ("search", "match", "fullmatch") and any(is_message(each) for each in node.args)
    )


def is_message(node: ast.AST) -> bool:
    return ast.unparse(node).startswith(("str(error)", "error.args", "error.message", "message"))


def test_only_the_poller_waits_and_what_sends_a_request_again() -> None:
    assert set(in_the_package(sleeps)) == {
        "polling/poller.py:wait",
        "polling/poller.py:wait_async",
        # Retries, and the pause of a rate limit.
        "api/client.py:_retry",
        "services/media/chunked_upload.py:_retrying",
        # A moment in which other waits may join a poll.
        "triggers/shared_poller.py:_gather",
    }


def test_labels_are_read_in_one_place() -> None:
    assert list(in_the_package(parses_a_label)) == ["idempotency/activity_log.py:label_of"]


def test_only_where_postboost_sends_nothing_else_does_a_message_decide() -> None:
    assert set(in_the_package(decides_by_a_message)) == {
        "api/responses.py:_is_own",
        "api/responses.py:_missing_code",
    }


@pytest.mark.parametrize(
    ("find", "line"),
    [
        (sleeps, "time.sleep(1)"),
        (sleeps, "await asyncio.sleep(1)"),
        (parses_a_label, "Label.parse(row['client'])"),
        (decides_by_a_message, "'not found' in str(error)"),
        (decides_by_a_message, "error.args[0] == 'x'"),
        (decides_by_a_message, "str(error).lower().startswith('x')"),
        (decides_by_a_message, "re.search('x', message)"),
    ],
)
def test_another_one_would_be_found(find: Find, line: str) -> None:
    assert functions_with(find, f"async def f():\n    {line}") == ["f"]
