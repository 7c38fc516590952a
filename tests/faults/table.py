"""The table of a run: what was thrown, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.faults.checker import KINDS

if TYPE_CHECKING:
    from tests.faults.sequence import Result

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def rows(results: Iterable[Result], by: str) -> list[str]:
    """Return the lines of a table with one row for each family or part, and their sum."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(getattr(result, by), []).append(result)
    everything = [result for group in groups.values() for result in group]
    head = [
        by,
        "sequences",
        "attempts",
        "faults",
        "kills",
        "races",
        "intended",
        "found",
        "ended green",
        "refused",
        *_plural(KINDS),
    ]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---', *['---:'] * (len(head) - 1)])} |"]
    for name, group in [*sorted(groups.items()), ("**all**", everything)]:
        verdicts = Counter(v.kind for result in group for v in result.judgement.verdicts)
        cells = [
            len(group),
            sum(result.attempts for result in group),
            sum(result.faults for result in group),
            sum(result.kills for result in group),
            sum(result.races for result in group),
            sum(result.judgement.intended for result in group),
            sum(result.judgement.found for result in group),
            sum(result.ended == "green" for result in group),
            sum(result.ended != "green" for result in group),
            *(verdicts[kind] for kind in KINDS),
        ]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


def fault_rows(results: Iterable[Result]) -> list[str]:
    """Return the lines of a table of faults, and of the switches of PostBoost, with what went wrong in sequences with them."""
    results = list(results)
    lines = [
        "| fault or switch | sequences with it | " + " | ".join(_plural(KINDS)) + " |",
        "| --- |" + " ---: |" * (len(KINDS) + 1),
    ]
    groups: dict[str, list[Result]] = {}
    for result in results:
        for name in {*result.kinds, *(f"`{switch}`" for switch in result.switches)} or {"none"}:
            groups.setdefault(name, []).append(result)
    for name in sorted(groups, key=lambda name: (name.startswith("`"), name)):
        verdicts = Counter(v.kind for result in groups[name] for v in result.judgement.verdicts)
        cells = [len(groups[name]), *(verdicts[kind] for kind in KINDS)]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


def _plural(kinds: Iterable[str]) -> list[str]:
    return [
        "stuck"
        if kind == "stuck"
        else "losses"
        if kind == "loss"
        else "false successes"
        if kind == "false success"
        else f"{kind}s"
        for kind in kinds
    ]


def render(results: list[Result]) -> str:
    return "\n".join([*rows(results, "part"), "", *rows(results, "family"), "", *fault_rows(results)])


def replace_table(page: str, table: str) -> str:
    """Return the page with another table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
