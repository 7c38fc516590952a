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
from typing import Any

import grimp
import pytest
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

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


@cache
def contracts() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the session options and the contracts of pyproject.toml."""
    configure()
    options = read_user_options(str(ROOT / "pyproject.toml"))
    return options.session_options, options.contracts_options


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
