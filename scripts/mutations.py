"""The changes of a module: one comparison, number, word, condition or statement at a time."""

from __future__ import annotations

import ast
import re
from functools import partial
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FunctionType

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "postboost_provider"

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
    # First line of the function around it; 0 for what runs while the module is imported.
    function: int


def mutations(tree: ast.AST) -> Iterator[Mutation]:
    """Yield every change of the tree. Apply one to a tree of its own."""
    words = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    words |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words |= {id(part) for node in ast.walk(tree) for part in _annotations(node)}
    functions: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min(part.lineno for part in (node, *node.decorator_list))
            for part in (node, *(part for statement in node.body for part in ast.walk(statement))):
                functions.setdefault(id(part), first)
    for node in ast.walk(tree):
        if id(node) not in words:
            for label, apply in _changes(node):
                line = getattr(node, "lineno", 0) or node.iter.lineno  # type: ignore[attr-defined]
                yield Mutation(line, label, apply, functions.get(id(node), 0))


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
    function: int

    @property
    def key(self) -> tuple[str, str, str]:
        return self.module, self.source, self.label

    @property
    def path(self) -> str:
        return str(PACKAGE / self.module)

    @property
    def calls(self) -> tuple[str, int]:
        return self.path, self.function

    def code(self) -> CodeType:
        tree = ast.parse(Path(self.path).read_bytes())
        list(mutations(tree))[self.number].apply()
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)

    def replace(self, functions: Iterable[FunctionType]) -> None:
        """Put the mutant in place of a function that is imported already."""
        parts = [self.code()]
        for part in parts:
            parts += [each for each in part.co_consts if isinstance(each, CodeType)]
        for function in functions:
            function.__code__ = next(
                part for part in parts if same_place(part) == same_place(function.__code__)
            )


def same_place(code: CodeType) -> tuple[int, str]:
    return code.co_firstlineno, code.co_name


def mutants_of(module: str) -> list[Mutant]:
    text = (PACKAGE / module).read_text(encoding="utf-8")
    lines = ["", *text.splitlines()]
    return [
        Mutant(module, number, found.line, found.label, lines[found.line].strip(), found.function)
        for number, found in enumerate(mutations(ast.parse(text)))
    ]
