"""The parts of a run, and a process that runs a share of it."""

from __future__ import annotations

import faulthandler
from dataclasses import replace

import tests.conftest  # noqa: F401 - an Airflow home of its own, before Airflow is imported
from tests.faults import clock_changes
from tests.faults.sequence import Plan, Result, Sequence
from tests.faults.world import World

LONGEST_SECONDS = 120
# Each part, with its plan and the number of its sequences.
PARTS: dict[str, tuple[Plan, int]] = {
    "sequences": (Plan("sequences"), 1500),
    "kills": (Plan("kills", kill=1.0, race=0.0, person=0.0), 180),
    "races": (Plan("races", kill=0.0, race=1.0, person=0.15, calm=0.6), 150),
    "time": (Plan("time", gap=1.0, kill=0.0, race=0.0, calm=0.5, each=True), 200),
    "clock changes": (Plan("clock changes"), 30),
}


def run(jobs: list[tuple[str, int]], families: tuple[str, ...]) -> list[Result]:
    """Run sequences in this process. Stories of good ones are dropped."""
    results = []
    with World() as world:
        for part, seed in jobs:
            faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
            if part == "clock changes":
                result = clock_changes.run(world, seed)
            else:
                result = Sequence(world, seed, replace(PARTS[part][0], families=families)).run()
            if len(jobs) > 1:
                result.story = []
            results.append(result)
    faulthandler.cancel_dump_traceback_later()
    return results
