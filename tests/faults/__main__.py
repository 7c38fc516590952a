"""Throw seeded faults, kills, races and time at every family of operators, and print what became of them.

``python -m tests.faults`` runs everything; ``--part races --seed 7 --sequences 1`` repeats one sequence and prints its story.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

import tests.conftest  # noqa: F401 - an Airflow home of its own, before Airflow is imported
from tests.faults.parts import PARTS, run
from tests.faults.table import render, replace_table

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
PROCESSES = 2


def main() -> int:
    options = _options()
    began = time.perf_counter()
    jobs = [
        (part, seed)
        for part in ([options.part] if options.part else PARTS)
        for seed in range(options.seed, options.seed + (options.sequences or PARTS[part][1]))
    ]
    families = tuple(options.family)
    if len(jobs) == 1:
        results = run(jobs, families)
        print("\n".join(results[0].story))
    else:
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            shares = [(jobs[start::PROCESSES], families) for start in range(PROCESSES)]
            results = [result for share in pool.starmap(run, shares) for result in share]
        table = render(results)
        print(table)
        if options.write:
            PAGE.write_text(replace_table(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    bad = [result for result in results if result.judgement.verdicts]
    for result in bad:
        again = f"--part '{result.part}' --seed {result.seed} --sequences 1" + "".join(
            f" --family '{f}'" for f in families
        )
        print(f"\n{result.family} {result.switches}: python -m tests.faults {again}")
        for verdict in result.judgement.verdicts:
            print(f"  {str(verdict)[:500]}")
    print(f"\n{len(results)} sequences in {time.perf_counter() - began:.0f} s, {len(bad)} of them bad.")
    return int(bool(bad))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="The first seed.")
    parser.add_argument("--sequences", type=int, help="How many of each part. One is told as a story.")
    parser.add_argument("--part", choices=PARTS, help="Only this part.")
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        help="Only this family of operators; a seed means another sequence then.",
    )
    parser.add_argument("--write", action="store_true", help=f"Write the table to {PAGE.name}.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
