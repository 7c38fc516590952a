"""Change one thing at a time in the modules that decide, and list the changes that no test notices: ``make mutants``.

Each mutant runs in a process that is forked after the slow imports, with the changed module in place of the file, until
the first test fails. A run ends with the time; the order is the same in every run, and mixed, so that what is left is not
always the same module.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import os
import random
import re
import signal
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = "postboost_provider"
API = ("test_requests", "test_responses", "test_response_meaning", "test_client", "test_sending")
# A module, or a folder of them -> the tests that answer for it, the likeliest to fail first.
TESTS: dict[str, list[str]] = {
    "api/requests.py": [f"tests/api/{name}.py" for name in API],
    "api/responses.py": [f"tests/api/{name}.py" for name in (*API[1:3], API[0], *API[3:], "test_download")],
    "api/retry.py": [f"tests/api/{name}.py" for name in ("test_retry", "test_client", "test_sending")],
    "api/credentials.py": [f"tests/api/{name}.py" for name in ("test_credentials", "test_client")],
    "api/expiry.py": ["tests/api/test_credentials.py", "tests/sensors/test_expiry.py"],
    "api/settings.py": [
        "tests/api/test_settings.py",
        "tests/api/test_leaks.py",
        "tests/api/test_credentials.py",
        "tests/connection",
    ],
    "polling/": ["tests/polling", "tests/triggers", "tests/sensors/test_posts.py"],
    "idempotency/": [
        "tests/idempotency",
        "tests/test_golden.py",
        "tests/publishing",
        *[f"tests/operators/test_any_operation_{name}.py" for name in ("once", "memory", "undocumented")],
    ],
    "publishing/": ["tests/publishing", "tests/calendar", "tests/operators/test_posts.py"],
}
# These take longest to import, and hold no module that is changed. The first gives the tests their Airflow home.
SLOW = ("tests.conftest", "airflow.models", "airflow.providers.common.compat.sdk", "pytest", "aiohttp", "httpx_aiohttp",
        "hypothesis", "respx", "tenacity", "time_machine")  # fmt: skip
KEPT = re.compile(rf"{PACKAGE}\.(sandbox|api$|api\.operations$|api\.errors$)")
SECONDS_MORE = 10.0
# Mutants that no test can tell from the original: module, line, change -> why.
EQUIVALENT: dict[tuple[str, str, str], str] = {}

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutation(NamedTuple):
    line: int
    label: str
    apply: Callable[[], object]


def mutations(tree: ast.AST) -> Iterator[Mutation]:
    """Yield every change of the tree. Apply one to a tree of its own."""
    words = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    words |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words |= {id(part) for node in ast.walk(tree) for part in _annotations(node)}
    for node in ast.walk(tree):
        if id(node) not in words:
            for label, apply in _changes(node):
                yield Mutation(getattr(node, "lineno", 0) or node.iter.lineno, label, apply)  # type: ignore[attr-defined]


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    parts = [
        getattr(node, "annotation", None),
        getattr(node, "returns", None),
        *getattr(node, "decorator_list", ()),
    ]
    for part in parts:
        yield from ast.walk(part) if part else ()


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], object]]]:
    put = partial(partial, setattr, node)
    match node:
        case ast.Compare(ops=[op, *more]) if type(op) in COMPARED:
            other = COMPARED[type(op)]
            yield f"{type(op).__name__} -> {other.__name__}", put("ops", [other(), *more])
        case ast.BoolOp(op=op, values=values):
            turned = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{type(op).__name__} -> {type(turned).__name__}", put("op", turned)
            for index in range(len(values)):
                yield f"without term {index + 1}", put("values", values[:index] + values[index + 1 :])
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            operator = COMPUTED[type(op)]
            yield f"{type(op).__name__} -> {operator.__name__}", put("op", operator())
        case ast.Call(func=ast.Name(id=name) as function) if name in SWAPPED:
            yield f"{name} -> {SWAPPED[name]}", partial(setattr, function, "id", SWAPPED[name])
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", put("value", not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} -> {value + 1}", put("value", value + 1)
        case ast.Constant(value=str() as value) if re.fullmatch(r"[\w./-]+", value):
            yield f"{value!r} -> 'XX'", put("value", f"XX{value}")
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.If() | ast.IfExp() | ast.While():
            yield "not the condition", put("test", ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield "without the filter", put("ifs", [])
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None", put("value", ast.Constant(None))
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body) | ast.If(body=body):
            yield from _without_statements(node, body)


def _without_statements(node: Any, body: list[ast.stmt]) -> Iterator[tuple[str, Callable[[], object]]]:
    for index, statement in enumerate(body):
        is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Call, ast.Await))
        if is_call or isinstance(statement, (ast.Raise, ast.AugAssign)):
            left = [*body[:index], ast.Pass(), *body[index + 1 :]]
            yield (
                f"without line {statement.lineno - node.lineno} of its block",
                partial(setattr, node, "body", left),
            )


class Mutant(NamedTuple):
    module: str
    number: int
    line: int
    label: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.module, self.source, self.label


def mutants_of(module: str) -> list[Mutant]:
    text = (ROOT / PACKAGE / module).read_text(encoding="utf-8")
    lines = ["", *text.splitlines()]
    return [
        Mutant(module, number, found.line, found.label, lines[found.line].strip())
        for number, found in enumerate(mutations(ast.parse(text)))
    ]


class Changed(importlib.machinery.SourceFileLoader):
    """Load one module with a mutation."""

    def __init__(self, mutant: Mutant) -> None:
        path = ROOT / PACKAGE / mutant.module
        super().__init__(".".join((PACKAGE, *Path(mutant.module).with_suffix("").parts)), str(path))
        self._mutant = mutant

    def get_code(self, fullname: str) -> Any:
        tree = ast.parse(self.get_data(self.path))
        list(mutations(tree))[self._mutant.number].apply()
        return compile(ast.fix_missing_locations(tree), self.path, "exec")


class Finder(importlib.abc.MetaPathFinder):
    """Find the mutated module in place of the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._loader = Changed(mutant)

    def find_spec(self, fullname: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._loader.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self._loader, origin=self._loader.path)


def start(tests: list[str], mutant: Mutant | None, seconds: float) -> int:
    """Fork a process that runs the tests with the mutant, and return its pid. It exits with pytest's code."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)
        if mutant:
            sys.meta_path.insert(0, Finder(mutant))
            # Airflow has already asked the package what it provides.
            for name in [
                name for name in sys.modules if name.startswith(f"{PACKAGE}.") and not KEPT.match(name)
            ]:
                del sys.modules[name]
        import pytest

        code = pytest.main([*tests, "-x", "-p", "no:cacheprovider"])
    finally:
        os._exit(code)


def wait(pids: dict[int, Any]) -> tuple[Any, bool]:
    """Wait for one of the processes, and return what it ran and whether its tests passed."""
    pid, status = os.wait()
    return pids.pop(pid), os.waitstatus_to_exitcode(status) == 0


def tests_of(module: str) -> list[str]:
    found = next(tests for name, tests in TESTS.items() if module.startswith(name))
    return [name for name in found if (ROOT / name).exists()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("modules", nargs="*", help="such as api/retry.py or polling/; default: all")
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp(prefix="mutants-")
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    modules = [
        str(path.relative_to(ROOT / PACKAGE))
        for name in options.modules or TESTS
        for path in sorted((ROOT / PACKAGE).glob(f"{name}*.py" if name.endswith("/") else name))
        if path.stem != "__init__"
    ]
    limits: dict[tuple[str, ...], float] = {}
    for module in modules:
        tests = tests_of(module)
        if tuple(tests) not in limits:
            began = time.monotonic()
            _, passed = wait({start(tests, None, 600): None})
            limits[tuple(tests)] = SECONDS_MORE + 4 * (time.monotonic() - began)
            if not passed:
                print(f"Without any change, these tests fail: {' '.join(tests)}")
                return 2
    todo = [mutant for module in modules for mutant in mutants_of(module) if mutant.key not in EQUIVALENT]
    total = len(todo)
    random.Random(0).shuffle(todo)
    ends = time.monotonic() + options.minutes * 60
    running: dict[int, Mutant] = {}
    survivors: list[Mutant] = []
    done = 0
    while running or (todo and time.monotonic() < ends):
        while todo and len(running) < options.jobs and time.monotonic() < ends:
            mutant = todo.pop()
            tests = tests_of(mutant.module)
            running[start(tests, mutant, limits[tuple(tests)])] = mutant
        mutant, survived = wait(running)
        done += 1
        if survived:
            survivors.append(mutant)
            print(f"survived: {mutant.module}:{mutant.line} [{mutant.label}] {mutant.source}", flush=True)
    print(
        f"{done} of {total} mutants tested, {len(survivors)} survived, {len(EQUIVALENT)} listed as equivalent."
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
