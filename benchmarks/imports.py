"""The cost of importing a provider in each parse of a DAG file.

Airflow's DAG processor forks for each file from a process that has loaded the Task SDK; other imports of the file are
loaded again each time. Each round is a new process that loads what Airflow has loaded, and then times the rest. The goal
is at most 10 ms and 15 foreign modules for all operators, sensors, triggers and hooks together.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from benchmarks.support import ratio, show
from postboost_provider.get_provider_info import get_provider_info

ROUNDS = 4
OURS = "postboost_provider"
# Modules for human approval.
HITL = {f"{OURS}.operators.approval", f"{OURS}.operators.tokens"}
# Ours depends on the first two: "ours, all" includes them.
PEERS = {
    "Airflow's retry policies": ["airflow.sdk.definitions.retry_policy"],
    "Airflow's HITL operator": ["airflow.providers.standard.operators.hitl"],
    "airbyte operator": ["airflow.providers.airbyte.operators.airbyte"],
    "http operator": ["airflow.providers.http.operators.http"],
    "dbt-cloud operators": ["airflow.providers.dbt.cloud.operators.dbt"],
}
PROGRAM = """
import json, sys, time
import airflow.sdk, airflow.providers.common.compat.sdk as compat
import airflow.triggers.base
from airflow.sdk.execution_time import task_runner
compat.BaseHook, compat.BaseOperator, compat.BaseSensorOperator, compat.BaseNotifier, compat.conf
known = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
for name in sys.argv[1:]:
    __import__(name)
cost = [time.process_time() - cpu, time.perf_counter() - wall]
print(json.dumps([*cost, sorted(set(sys.modules) - known)]))
"""


def public_modules() -> list[str]:
    """Return every module that a DAG file may import, by the provider info; sensors load their triggers."""
    info = get_provider_info()
    groups = [info.get(kind, ()) for kind in ("operators", "sensors", "hooks", "triggers")]
    modules = [module for group in groups for entry in group for module in entry["python-modules"]]
    # Notifiers are named one by one.
    return modules + [name.rpartition(".")[0] for name in info.get("notifications", ())]


def measure(modules: list[str]) -> tuple[float, float, list[str]]:
    # Compiled modules are cached, as on every machine that has parsed the file once.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *modules], env=env, capture_output=True, text=True, check=True
    )
    cpu, wall, new = json.loads(done.stdout.splitlines()[-1])
    return cpu * 1000, wall * 1000, new


def main() -> None:
    ours = public_modules()
    contenders = {"ours, all": ours, "ours, without HITL": [m for m in ours if m not in HITL], **PEERS}
    seen: dict[str, list[tuple[float, float, list[str]]]] = {name: [] for name in contenders}
    for number in range(ROUNDS + 1):
        for name, modules in contenders.items():
            found = measure(modules)
            if number:  # the first round compiles
                seen[name].append(found)
    cpu = {name: statistics.median(cost for cost, _, _ in found) for name, found in seen.items()}
    rows = []
    for name, found in seen.items():
        new = found[-1][2]
        foreign = [module for module in new if not module.startswith(OURS)]
        least = min(cost for cost, _, _ in found)
        rows.append((name, ratio(cpu["ours, all"], cpu[name]), cpu[name], least, len(new), len(foreign)))
    show(
        f"Importing all operators, sensors, triggers and hooks, after what Airflow has loaded (median of {ROUNDS})",
        ("", "all of ours/it", "CPU ms", "least", "new modules", "foreign"),
        rows,
        "Goal: at most 10 ms of CPU, and at most 15 modules of other packages (foreign).",
    )


if __name__ == "__main__":
    main()
