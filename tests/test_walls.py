"""The walls between the rooms: no circle of imports, and every contract of import-linter refuses what it forbids."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grimp
import pytest
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "postboost_provider"
ROOT = Path(__file__).parents[1]
KINDS = {"layers": LayersContract, "forbidden": ForbiddenContract}


@cache
def imports() -> dict[str, set[str]]:
    """Return the modules of the package that each of them imports: anywhere in it, and for types only, too."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / PACKAGE).rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} imports relatively"
                one = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= {name if name in files else str(node.module) for name in one}
        found[module] = names & set(files)
    return found


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("in_sandbox", [False, True], ids=["the package without the sandbox", "the sandbox"])
def test_no_imports_form_a_circle(in_sandbox: bool) -> None:
    within = {name for name in imports() if name.startswith(f"{PACKAGE}.sandbox") is in_sandbox}
    assert len(within) > 50
    assert circle_in({name: imports()[name] & within for name in within}) == []


def test_a_circle_would_be_found() -> None:
    up, down = f"{PACKAGE}.api.errors", f"{PACKAGE}.api.client"
    assert down in circle_in({up: {down}, down: {*imports()[down], up}})
    assert f"{PACKAGE}.api.settings" in imports()[f"{PACKAGE}.api.credentials"], (
        "which only needs it for types"
    )


def test_no_module_is_loose_at_the_root() -> None:
    loose = {path.stem for path in (ROOT / PACKAGE).glob("*.py")}
    assert loose <= {"__init__", "__main__", "get_provider_info", "retry_policy"}


# These rooms decide by time, and get it as an argument. For how long a log is quiet is no decision.
TIMELESS = ("calendar", "idempotency", "polling", "publishing", "rotation", "services")
CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
HAVE_CLOCKS = {"datetime", "date", "time", "pendulum", "timezone"}
# The default clock of waits reads the time from where they sleep.
DEFAULT_CLOCK = f"{PACKAGE}/polling/poller.py:utc_now"


def clock_reads(source: str, path: str = "") -> list[str]:
    """Return where a module reads the clock. A function that is named as a default is not a read."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module, ast.ClassDef)):
            continue
        where = f"{path}:{getattr(function, 'name', '')}"
        found += [where for node in walk_own(function) if reads_clock(node)]
    return found


def reads_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in CLOCKS and ast.unparse(node.value).rpartition(".")[2] in HAVE_CLOCKS
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and bool(CLOCKS & {alias.name for alias in node.names})
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "utc_now"


def walk_own(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what is in a node, without the functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
            yield from walk_own(child)


def test_time_is_an_argument_where_it_decides() -> None:
    files = [path for room in TIMELESS for path in (ROOT / PACKAGE / room).rglob("*.py")]
    assert len(files) > 50
    found = [
        read
        for path in files
        for read in clock_reads(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == [DEFAULT_CLOCK]


@pytest.mark.parametrize(
    "read",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "time.time()",
        "pendulum.now('UTC')",
        "field(default_factory=datetime.now)",
        "[utc_now() for _ in x]",
        "times.utc_now()",
    ],
)
def test_a_read_of_the_clock_would_be_found(read: str) -> None:
    assert clock_reads(f"def decide(x):\n    return {read}", "a") == ["a:decide"]
    assert clock_reads(f"class A:\n    x = lambda: {read}", "a") == ["a:A"]


def test_what_only_measures_or_names_a_clock_is_no_read() -> None:
    assert clock_reads("def f(clock=utc_now):\n    return clock() - time.monotonic() + at.time()") == []
    assert clock_reads("from time import time, sleep") == [":"]


@cache
def contracts() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the session options and the contracts of pyproject.toml."""
    configure()
    options = read_user_options(str(ROOT / "pyproject.toml"))
    return options.session_options, options.contracts_options


@cache
def heights() -> dict[str, int]:
    """Return how high each room is."""
    layers = contracts()[1][0]["layers"]
    return {room.strip(): -number for number, layer in enumerate(layers) for room in layer.split("|")}


def too_high(source: str, room: str) -> list[str]:
    """Return what a test of this room imports of rooms that are not below it, and of tests that belong to no room."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [name for name in names if not is_at_most(name, room)]
    return found


def is_at_most(name: str, room: str) -> bool:
    top, _, rest = name.partition(".")
    other = rest.partition(".")[0]
    if other == room or top not in (PACKAGE, "tests"):
        return True
    if other in heights():
        return heights()[other] < heights()[room]
    # The sandbox stands in for PostBoost; its tests are its own.
    return top == PACKAGE or not (ROOT / "tests" / other).is_dir()


def test_a_rooms_tests_import_only_that_room_and_those_below_it() -> None:
    files = [path for room in heights() for path in (ROOT / "tests" / room).rglob("*.py")]
    assert len(files) > 100
    found = {
        path.relative_to(ROOT).as_posix(): high
        for path in files
        if (high := too_high(path.read_text(encoding="utf-8"), path.relative_to(ROOT).parts[1]))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        f"from {PACKAGE}.operators.api import PostBoostOperator",
        f"from {PACKAGE} import hooks",
        f"def f():\n    import {PACKAGE}.calendar.run",
        "from tests.calendar.support import row",
        "from tests.sandbox.bodies import post",
        "from tests.live import running",
    ],
)
def test_an_import_of_a_higher_room_would_be_found(line: str) -> None:
    assert len(too_high(line, "publishing")) == 1


def test_what_is_below_a_room_and_what_all_share_is_allowed() -> None:
    allowed = [
        f"{PACKAGE}.publishing",
        f"{PACKAGE}.idempotency.label",
        f"{PACKAGE}.sandbox.server",
        "tests.publishing.support",
        "tests.services",
        "tests.clients",
        "httpx",
    ]
    assert too_high("import " + ", ".join(allowed), "publishing") == []


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, include_external_packages=True, cache_dir=None)


def is_kept(contract: dict[str, Any], changed: grimp.ImportGraph) -> bool:
    session, _ = contracts()
    kind = KINDS[contract["type"]]
    return kind(contract["name"], session, contract).check(changed, verbose=False).kept


def forbidden_imports() -> list[Any]:
    """Return an import for each wall, with its contract: from a module of one room, of what that room may not know."""
    found = []
    for number, contract in enumerate(contracts()[1]):
        if contract["type"] == "layers":
            (container,) = contract["containers"]
            layers = [
                [f"{container}.{room.strip()}" for room in layer.split("|")] for layer in contract["layers"]
            ]
            pairs = [pair for upper, lower in pairwise(layers) for pair in product(lower, upper)]
            pairs += [pair for layer in layers for pair in permutations(layer, 2)]
        else:
            pairs = list(product(contract["source_modules"], contract["forbidden_modules"]))
        found += [
            pytest.param(number, *pair, id=" -> ".join(pair).replace(f"{PACKAGE}.", "")) for pair in pairs
        ]
    return found


@pytest.mark.parametrize(("number", "room", "forbidden"), forbidden_imports())
def test_a_contract_refuses_an_import_through_its_wall(number: int, room: str, forbidden: str) -> None:
    contract = contracts()[1][number]
    changed = deepcopy(graph())
    assert is_kept(contract, changed)
    importer = min(changed.find_descendants(room) or {room})
    changed = deepcopy(graph())
    if forbidden not in changed.modules:
        changed.add_module(forbidden, is_squashed=True)
    assert not changed.direct_import_exists(importer=importer, imported=forbidden)
    changed.add_import(importer=importer, imported=forbidden)
    assert not is_kept(contract, changed)


def test_the_sandbox_may_import_no_room_of_the_client() -> None:
    (contract,) = (each for each in contracts()[1] if "the sandbox shares only" in each["name"])
    rooms = graph().find_children(PACKAGE) - {f"{PACKAGE}.sandbox"}
    assert rooms <= set(contract["forbidden_modules"])


def test_a_room_without_a_place_in_the_layers_is_refused() -> None:
    changed = deepcopy(graph())
    changed.add_module(f"{PACKAGE}.new_room")
    assert not is_kept(contracts()[1][0], changed)


def test_the_linter_refuses_each_of_these_imports_in_a_file(tmp_path: Path) -> None:
    """The same once more as ``make lint`` sees it: a copy of the package with one import through each contract."""
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    first = {
        number: (room, forbidden)
        for number, room, forbidden in (param.values for param in reversed(forbidden_imports()))
    }
    for room, forbidden in first.values():
        path = tmp_path.joinpath(*room.split("."))
        with (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).open("a") as file:
            file.write(f"\nimport {forbidden}\n")
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"Contracts: 0 kept, {len(contracts()[1])} broken." in done.stdout
