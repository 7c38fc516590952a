"""Change one thing at a time in the modules that decide, and list the changes that no test notices: ``make mutants``.

A first run notes which functions each test calls. Each mutant is then a forked process, in which the changed function
replaces the one that the tests have imported, and which runs the tests that call it, the cheapest first, until one fails.
What a module does while it is imported is changed in a process that imports it again. A run ends with the time; the order
is the same in every run, and mixed, so that what is left is not always the same module.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.abc
import importlib.machinery
import os
import pickle
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from equivalent_mutants import EQUIVALENT
from mutations import PACKAGE, ROOT, Mutant, mutants_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# A module, or a folder of them -> the tests that answer for it.
TESTS: dict[str, list[str]] = {
    "api/requests.py": ["tests/api"],
    "api/responses.py": ["tests/api"],
    "api/retry.py": ["tests/api"],
    "api/credentials.py": ["tests/api"],
    "api/expiry.py": ["tests/api", "tests/sensors"],
    "api/settings.py": ["tests/api", "tests/connection"],
    "polling/": ["tests/polling", "tests/sensors/test_posts.py"],
    "idempotency/": ["tests/idempotency", "tests/test_golden.py", "tests/test_digests.py",
                     *[f"tests/operators/test_any_operation_{name}.py" for name in ("once", "memory", "undocumented")]],
    "publishing/": ["tests/publishing"],
}  # fmt: skip
# They take longest to import, and hold no module that is changed. The first gives the tests their Airflow home.
SLOW = ("tests.conftest", "airflow.models", "airflow.providers.common.compat.sdk", "pytest", "aiohttp", "httpx_aiohttp",
        "hypothesis", "respx", "tenacity", "time_machine")  # fmt: skip
KEPT = re.compile(r"postboost_provider\.(sandbox|api$|api\.operations$|api\.errors$)")
# The tests of one mutant should take this long at most, and are stopped after three times as long.
SECONDS = 20.0
PASSED, FAILED, NOT_IN_PLACE = 0, 1, 3


class Changed(importlib.machinery.SourceFileLoader):
    """Load one module with a mutation."""

    def __init__(self, mutant: Mutant) -> None:
        parts = (PACKAGE.name, *Path(mutant.module).with_suffix("").parts)
        super().__init__(".".join(parts), mutant.path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> Any:
        return self._mutant.code()


class Finder(importlib.abc.MetaPathFinder):
    """Find the mutated module in place of the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._loader = Changed(mutant)

    def find_spec(self, fullname: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._loader.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self._loader, origin=self._loader.path)


class Notes(NamedTuple):
    """What the first run notes of each test: the functions that it calls, and the seconds that it takes."""

    calls: dict[str, set[tuple[str, int]]]
    seconds: dict[str, float]
    imported: set[tuple[str, int]]

    def tests_of(self, mutant: Mutant, *, anywhere: bool = False) -> list[str]:
        """Return the tests that call its function, or anything of its module, the likeliest to fail first."""
        own = f"tests/{mutant.module.partition('/')[0]}/"
        found = sorted(
            (not name.startswith(own), self.seconds[name], name)
            for name, calls in self.calls.items()
            if mutant.calls in calls or (anywhere and any(path == mutant.path for path, _ in calls))
        )
        names, left = [], SECONDS
        for _, seconds, name in found:
            if left > seconds:
                names.append(name)
                left -= seconds
        return names


class Trace:
    """The functions of the package that are called."""

    def __init__(self) -> None:
        self.called: set[tuple[str, int]] = set()
        self._prefix = f"{PACKAGE}/"

    def __enter__(self) -> Self:
        threading.settrace(self._note)
        sys.settrace(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _note(self, frame: Any, *_: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self._prefix):
            self.called.add((code.co_filename, code.co_firstlineno))


class Plugin:
    """Keep these of the collected tests, and do something with them."""

    def __init__(self, work: Callable[[Any], object], names: Iterable[str] | None = None) -> None:
        self._work = work
        self._order = None if names is None else {name: index for index, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if (order := self._order) is not None:
            found = [item for item in items if item.nodeid in order]
            items[:] = sorted(found, key=lambda item: order[item.nodeid])

    def pytest_runtestloop(self, session: Any) -> bool:
        self._work(session)
        return True


def pytest_main(paths: Iterable[str], plugin: Plugin) -> int:
    import hypothesis
    import pytest

    hypothesis.settings.register_profile("mutants", deadline=None, database=None)
    hypothesis.settings.load_profile("mutants")
    # Output is not captured: the file for it would be one for all processes.
    options = [
        "-x",
        "-s",
        "-p",
        "no:cacheprovider",
        "--disable-warnings",
        "-m",
        "not live and not airflow and not kills",
    ]
    return int(pytest.main([*paths, *options], plugins=[plugin]))


def run_until_one_fails(session: Any, items: list[Any]) -> Iterator[Any]:
    """Run collected tests, and yield each one that passes."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return
        yield item


def run_all(session: Any, items: list[Any]) -> int:
    return PASSED if len(list(run_until_one_fails(session, items))) == len(items) else FAILED


class Run:
    """One run over mutants."""

    def __init__(self, mutants: list[Mutant], jobs: int, seconds: float) -> None:
        self._mutants = mutants
        self._jobs = jobs
        self._ends = time.monotonic() + seconds
        self._folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self._running: dict[int, Any] = {}
        self.survivors: list[Mutant] = []
        self.tested: list[Mutant] = []

    def __call__(self, folders: list[str]) -> Run:
        """Test the mutants that can be put in place in a process that has imported everything, and the others here."""
        file = self._folder / "run"
        self._fork(None, lambda: self._collect(folders, file), 10 * 3600, silent=False)
        if self._wait()[1] == PASSED:
            notes, self.tested, self.survivors, others = pickle.loads(file.read_bytes())
            self._test(
                others,
                lambda mutant: partial(self._import_again, mutant, notes.tests_of(mutant, anywhere=True)),
            )
        shutil.rmtree(self._folder)
        return self

    def _collect(self, folders: list[str], file: Path) -> int:
        with Trace() as trace:

            def work(session: Any) -> None:
                trace.__exit__()
                notes = self._note(session, trace.called)
                items = {item.nodeid: item for item in session.items}
                functions: dict[tuple[str, int], list[FunctionType]] = defaultdict(list)
                for each in gc.get_objects():
                    if type(each) is FunctionType:
                        functions[each.__code__.co_filename, each.__code__.co_firstlineno].append(each)

                def in_place(mutant: Mutant) -> int:
                    try:
                        mutant.replace(functions[mutant.calls])
                    except (ValueError, StopIteration):
                        # It has lost a variable of the function around it.
                        return NOT_IN_PLACE
                    code = run_all(session, [items[name] for name in notes.tests_of(mutant)])
                    # What is imported may have kept what the unchanged function returned.
                    return NOT_IN_PLACE if code == PASSED and mutant.calls in notes.imported else code

                here = [mutant for mutant in self._mutants if mutant.function]
                others = [mutant for mutant in self._mutants if not mutant.function]
                others += self._test(here, lambda mutant: partial(in_place, mutant))
                file.write_bytes(pickle.dumps((notes, self.tested, self.survivors, others)))

            return pytest_main(folders, Plugin(work))

    def _note(self, session: Any, imported: set[tuple[str, int]]) -> Notes:
        """Run the collected tests without any change."""
        notes = Notes({}, {}, set(imported))
        for part in range(self._jobs):
            files = sorted({item.path for item in session.items})[part :: self._jobs]
            items = [item for item in session.items if item.path in files]
            file = self._folder / f"notes{part}"
            self._fork(file, partial(self._trace, session, items, file), 1800)
        while self._running:
            file, code = self._wait()
            if code != PASSED:
                sys.exit("Some tests fail without any change.")
            calls, seconds = pickle.loads(file.read_bytes())
            notes.calls.update(calls)
            notes.seconds.update(seconds)
        print(f"{len(notes.calls)} tests in {sum(notes.seconds.values()):.0f} s", flush=True)
        return notes

    def _trace(self, session: Any, items: list[Any], file: Path) -> int:
        calls, seconds, began = {}, {}, time.monotonic()
        with Trace() as trace:
            for item in run_until_one_fails(session, items):
                calls[item.nodeid], trace.called = trace.called, set()
                seconds[item.nodeid] = time.monotonic() - began
                began = time.monotonic()
        file.write_bytes(pickle.dumps((calls, seconds)))
        return PASSED if len(calls) == len(items) else FAILED

    def _import_again(self, mutant: Mutant, tests: list[str]) -> int:
        sys.meta_path.insert(0, Finder(mutant))
        # Airflow has already asked the package what it provides.
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE.name}.")]:
            if not KEPT.match(name):
                del sys.modules[name]
        codes = [FAILED]
        files = dict.fromkeys(name.partition("::")[0] for name in tests)
        pytest_main(files, Plugin(lambda session: codes.append(run_all(session, session.items)), tests))
        return codes[-1]

    def _test(self, mutants: list[Mutant], work: Callable[[Mutant], Callable[[], int]]) -> list[Mutant]:
        """Test mutants while there is time, and return those that can't be tested so."""
        todo, others = [*mutants], []
        while self._running or (todo and time.monotonic() < self._ends):
            while todo and len(self._running) < self._jobs and time.monotonic() < self._ends:
                mutant = todo.pop()
                self._fork(mutant, work(mutant), 3 * SECONDS)
            mutant, code = self._wait()
            if code == NOT_IN_PLACE:
                others.append(mutant)
                continue
            self.tested.append(mutant)
            if code == PASSED:
                self.survivors.append(mutant)
                print(f"survived: {mutant.module}:{mutant.line} [{mutant.label}] {mutant.source}", flush=True)
        return others

    def _fork(self, what: Any, work: Callable[[], int], seconds: float, silent: bool = True) -> None:
        """Do something in a process of its own, whose exit code it is."""
        if pid := os.fork():
            self._running[pid] = what
            return
        code = FAILED
        try:
            self._running = {}
            signal.setitimer(signal.ITIMER_REAL, seconds)
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in range(3 if silent else 1):
                os.dup2(silence, stream)
            own = self._folder / str(os.getpid())
            own.mkdir()
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(own)
            code = work()
        finally:
            os._exit(code)

    def _wait(self) -> tuple[Any, int]:
        """Wait for one of the processes, and return what it did and its exit code."""
        pid, status = os.wait()
        shutil.rmtree(self._folder / str(pid), ignore_errors=True)
        return self._running.pop(pid), os.waitstatus_to_exitcode(status)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--tests", nargs="+", help="that answer for the modules; default: those of their folders"
    )
    parser.add_argument("modules", nargs="*", help="such as api/retry.py or polling/; default: all")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.nice(15)
    sys.path.insert(0, str(ROOT))
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    modules = [
        str(path.relative_to(PACKAGE))
        for name in options.modules or TESTS
        for path in sorted(PACKAGE.glob(f"{name}*.py" if name.endswith("/") else name))
    ]
    folders = [each for name in TESTS if any(m.startswith(name) for m in modules) for each in TESTS[name]]
    found = [mutant for module in modules for mutant in mutants_of(module)]
    todo = [mutant for mutant in found if mutant.key not in EQUIVALENT]
    random.Random(0).shuffle(todo)
    run = Run(todo, options.jobs, options.minutes * 60)(options.tests or [*dict.fromkeys(folders)])
    counts = [Counter(m.module for m in each) for each in (found, todo, run.tested, run.survivors)]
    print(f"{'module':34} mutants  killed  equivalent  survived  not tested")
    for module, number in counts[0].items():
        left, tested, survived = (count[module] for count in counts[1:])
        row = f"{tested - survived:8}{number - left:12}{survived:10}{left - tested:12}"
        print(f"{module:34}{number:8}{row}")
    return 1 if run.survivors or not run.tested else 0


if __name__ == "__main__":
    sys.exit(main())
