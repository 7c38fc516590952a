"""What ``make mutants`` changes, and how a change gets into a function that is imported already."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from equivalent_mutants import EQUIVALENT
from mutants import TESTS
from mutations import PACKAGE, ROOT, Mutant, mutants_of, mutations

SOURCE = '''
from __future__ import annotations

LIMIT = 3


def late(at: int, limit: "int" = LIMIT) -> bool:
    """Words that are not changed: 1 < 2."""
    if at > limit and at != 7:
        return True
    raise ValueError(f"no {at + 1}")


class Post:
    @property
    def name(self) -> str:
        inner = lambda text: text or "none"
        return inner("a b")
'''


def labels(source: str) -> list[tuple[str, int]]:
    return [(found.label, found.function) for found in mutations(ast.parse(source))]


def test_each_comparison_number_condition_and_statement_is_changed_and_words_are_not() -> None:
    late, name = 7, 15
    assert sorted(labels(SOURCE)) == sorted(
        [
            ("3 -> 4", 0),
            ("not the condition", late),
            ("And -> Or", late),
            ("without term 1", late),
            ("without term 2", late),
            ("Gt -> GtE", late),
            ("NotEq -> Eq", late),
            ("7 -> 8", late),
            ("True -> False", late),
            ("without line 4 of its block", late),
            ("return None", name),
            ("Or -> And", name),
            ("without term 1", name),
            ("without term 2", name),
            ("'none' -> 'XX'", name),
        ]
    )


@pytest.fixture
def module(tmp_path: Path) -> Any:
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("sample", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def mutant(module: Any, label: str) -> Mutant:
    return next(found for found in mutants_of(module.__file__) if found.label == label)


def test_a_change_gets_into_the_function_that_is_imported(module: Any) -> None:
    assert module.late(4)
    mutant(module, "True -> False").replace([module.late])
    assert not module.late(4)
    mutant(module, "return None").replace([module.Post.name.fget])
    assert module.Post().name is None


def test_a_change_of_another_function_is_not_taken_for_this_one(module: Any) -> None:
    with pytest.raises(StopIteration):
        mutant(module, "True -> False").replace([lambda: None])


@pytest.mark.parametrize("module_name", sorted({module for module, _, _ in EQUIVALENT}))
def test_the_mutants_that_are_listed_as_equivalent_exist(module_name: str) -> None:
    keys = {found.key for found in mutants_of(module_name)}
    assert {key for key in EQUIVALENT if key[0] == module_name} <= keys


def test_the_modules_and_their_tests_exist() -> None:
    for module_name, tests in TESTS.items():
        assert (PACKAGE / module_name).exists()
        assert all((ROOT / name).exists() for name in tests)
