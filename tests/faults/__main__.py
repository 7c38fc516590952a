"""``python -m tests.faults``: run sequences of faults, and print what became of them."""

from __future__ import annotations

import argparse
import sys
import time

import tests.conftest  # noqa: F401 - an Airflow home of its own, before Airflow is imported
from tests.faults.sequence import Plan, Sequence
from tests.faults.world import World

PLANS = {
    "sequences": Plan(),
    "kills": Plan("kills", kill=1.0, race=0.0),
    "races": Plan("races", kill=0.0, race=1.0, person=0.15, calm=0.6),
    "time": Plan("time", gap=1.0, kill=0.0, race=0.0, calm=0.5),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--part", choices=PLANS, default="sequences")
    parser.add_argument("--family", action="append", default=[])
    options = parser.parse_args()
    plan = PLANS[options.part]
    if options.family:
        plan = Plan(**{**{f: getattr(plan, f) for f in plan.__slots__}, "families": tuple(options.family)})
    began, bad = time.perf_counter(), {}
    with World() as world:
        for seed in range(options.seed, options.seed + options.sequences):
            result = Sequence(world, seed, plan).run()
            if options.sequences == 1 or result.judgement.verdicts:
                bad.setdefault(tuple(v.kind for v in result.judgement.verdicts), []).append(result)
            if options.sequences == 1:
                print("\n".join(result.story))
    for kinds, results in bad.items():
        for result in results:
            for v in result.judgement.verdicts:
                print(result.seed, result.family, result.switches, "::", str(v)[:420])
    print(f"{options.sequences} in {time.perf_counter() - began:.1f} s", {k: len(v) for k, v in bad.items()})
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
