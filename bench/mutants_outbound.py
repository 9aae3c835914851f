"""``python -m bench.mutants_outbound``: do the fast tests of the outbound law notice a wrong rule?

    python -m bench.mutants_outbound                            every mutant
    python -m bench.mutants_outbound --sample 300 --seed 5      three hundred drawn ones
    python -m bench.mutants_outbound --module hours consents    those of two modules
    python -m bench.mutants_outbound --again OUTPUT             the survivors of an earlier run
    python -m bench.mutants_outbound --unlike OUTPUT            none that an earlier run has judged
    python -m bench.mutants_outbound --list                     count them, run none

A mutant (:mod:`bench.mutants`) is a module of the rules with one thing changed. The package and its
tests are copied into a temporary folder and loaded there once; each mutant then runs in a child of
that process, which gives the functions of the module their changed code, runs the tests that reach
the changed lines, quickest first, then all others, and stops at the first failure. A change that
matters while modules or tests are loaded (a constant, what reads the tables) is loaded again
instead. A mutant that no test notices is a survivor: it is shown with its line, before and after.
Some survivors mean the same as the original; a person must say which (docs/outbound.md). Exit
status 1 when the tests fail without a mutant, none was run, or a test waited for ever.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import pickle
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import IO, NoReturn

import coverage
import pytest
from _pytest.runner import runtestprotocol

from bench.mutants import Mutant, generate_mutants

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("releve") / "outbound"
MODULES = (
    "attempt_provider", "calls", "checks_basis", "checks_caller", "checks_data",
    "checks_history", "checks_time", "clients", "consents", "exceptions", "fact_files",
    "fact_references", "fact_tables", "facts", "holidays", "hours", "judged_call",
    "legal_basis", "legal_rows", "next_allowed", "numbers", "pacing", "verdict", "vocabulary",
    "word_frames",
)  # fmt: skip
"""The modules that read and decide; screening and wording are held to them by other tests."""
TESTS = (
    "test_cases",
    "test_boundaries",
    "test_details",
    "test_pacing",
    "test_hours",
    "test_loading",
    "test_docs",
    "test_screening",
    "test_vocabulary",
    "test_fact_files",
    "test_nothing_opens",
    "test_start",
)
LIBRARIES = ("holidays", "numpy", "phonenumbers", "polars", "yaml")
"""Libraries that the tests load and no mutant changes: loaded before the processes fork."""
STUCK, WAITED = "stuck", "waited"
_LEAST_SECONDS, _TIMES, _LOADING_SECONDS = 5.0, 20.0, 60.0
"""A test that takes this many times the processor it takes without a mutant is stuck: noticed."""
_WAITING_TIMES = 10
"""A test that takes this many times those seconds by the clock waits for something: what it would
have noticed is unknown, and it is counted separately."""


@dataclass(slots=True)
class Reached:
    """What the tests do without a mutant: processor seconds of each, and who runs which line.

    ``loading`` holds the lines that run while modules and tests are loaded.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    loading: set[tuple[str, int]] = field(default_factory=set)

    def order(self, mutant: Mutant, ids: Sequence[str]) -> list[str]:
        """Return the tests in the order in which they may notice a mutant soonest."""
        reach: set[str] = set()
        for line in mutant.lines:
            reach |= self.tests.get((mutant.module, line), set())
        return sorted(ids, key=lambda one: (one not in reach, self.seconds.get(one, 0.0)))

    def needs_reload(self, mutant: Mutant) -> bool:
        """Return whether a mutant shows only when the modules are loaded with it."""
        at_loading = any((mutant.module, line) in self.loading for line in mutant.lines)
        return at_loading or not mutant.inside


class _TaskPlugin:
    """A plugin of pytest: gives the collected tests to a task instead of running them."""

    def __init__(self, task: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._task, self.done = task, False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Hand the collected tests over, unless a module of theirs could not be loaded."""
        if session.testsfailed:
            return True
        self._task({item.nodeid: item for item in session.items})
        self.done = True
        return True


def with_tests(home: Path, task: Callable[[dict[str, pytest.Item]], None]) -> None:
    """Load the package and the fast tests of a copy, and hand these over to a task."""
    os.chdir(home)
    sys.path[:] = [str(home), *(place for place in sys.path if place not in ("", str(ROOT)))]
    sys.dont_write_bytecode = True
    files = [f"tests/outbound/{name}.py" for name in TESTS]
    options = ["-p", "no:cacheprovider", "-p", "no:terminal", "--assert=plain"]
    instead = _TaskPlugin(task)
    pytest.main([*options, "-m", "not slow", *files], plugins=[instead])
    if not instead.done:
        raise SystemExit("the tests cannot be loaded")


def first_failure(
    items: Mapping[str, pytest.Item], ids: Sequence[str], limits: Mapping[str, float] | None = None
) -> str:
    """Run tests in an order until one fails; return its id, empty when all pass.

    With ``limits`` the processor seconds of each are limited, and what they may wait: the process
    ends when one is stuck or waits for ever, as for a thread that its parent had and it has not.
    """
    for name, following in zip_longest(ids, ids[1:]):
        if limits is not None:
            most = max(_LEAST_SECONDS, _TIMES * limits.get(name, 0.0))
            _limit(most)
        reports = runtestprotocol(items[name], nextitem=items.get(following), log=False)
        if any(report.failed for report in reports):
            return name
    return ""


def _limit(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, _WAITING_TIMES * seconds)


def watched(home: Path) -> Reached:
    """Run all tests without a mutant and note what each reaches; SystemExit when one fails."""
    reached = Reached()
    cover = coverage.Coverage(data_file=None, include=[f"*/{PACKAGE}/*"], config_file=False)

    def each(items: dict[str, pytest.Item]) -> None:
        for name in items:
            cover.switch_context(name)
            start = time.process_time()
            if first_failure(items, [name]):
                raise SystemExit(f"the tests fail without any mutant: {name}")
            reached.seconds[name] = time.process_time() - start

    cover.start()
    try:
        with_tests(home, each)
    finally:
        cover.stop()
    data = cover.get_data()
    for path in data.measured_files():
        for line, names in data.contexts_by_lineno(path).items():
            key = Path(path).stem, line
            reached.tests[key] = set(filter(None, names))
            if "" in names:
                reached.loading.add(key)
    return reached


def patch(path: Path, changed: CodeType) -> None:
    """Give every function of a loaded module its changed code."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(changed)}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(path):
            one.__code__ = codes[one.__code__.co_qualname, one.__code__.co_firstlineno]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _codes(part)


class Copy:
    """A copy of the package and its tests, in a folder, where modules may be spoilt."""

    def __init__(self, home: Path) -> None:
        self.home = home
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "releve", home / "releve", ignore=ignore)
        shutil.copytree(ROOT / "tests" / "outbound", home / "tests" / "outbound", ignore=ignore)
        shutil.copy(ROOT / "tests" / "__init__.py", home / "tests")
        (home / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "outbound.md", home / "docs")
        shutil.copy(ROOT / "README.md", home)
        (home / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: takes long\n", "utf-8")

    def path(self, module: str) -> Path:
        """Return where a module stands in the copy."""
        return self.home / PACKAGE / f"{module}.py"

    def reached(self) -> Reached:
        """Return what the tests do without a mutant."""
        status, found = in_child(lambda: watched(self.home))
        if not isinstance(found, Reached):
            raise SystemExit(found or f"the tests end with status {status} without any mutant")
        return found

    def run(self, mutants: Sequence[Mutant], reached: Reached, report: Report) -> None:
        """Report for each mutant the first test that notices it, empty when none does."""
        quick = [one for one in mutants if not reached.needs_reload(one)]

        def all_quick(items: dict[str, pytest.Item]) -> None:
            for mutant in quick:
                report(mutant, _run_in_child(partial(self._patched, mutant, items, reached)))

        in_child(lambda: with_tests(self.home, all_quick))
        for mutant in mutants:
            if reached.needs_reload(mutant):
                report(mutant, self._reloaded(mutant, reached))

    def _patched(self, mutant: Mutant, items: Mapping[str, pytest.Item], reached: Reached) -> str:
        patch(self.path(mutant.module), mutant.code)
        return first_failure(items, reached.order(mutant, list(items)), reached.seconds)

    def _reloaded(self, mutant: Mutant, reached: Reached) -> str:
        path = self.path(mutant.module)
        sound = path.read_text("utf-8")
        path.write_text(mutant.source, "utf-8")
        found = ["cannot be loaded"]

        def judge(items: dict[str, pytest.Item]) -> None:
            found[:] = [first_failure(items, reached.order(mutant, list(items)), reached.seconds)]

        def whole() -> str:
            _limit(_LOADING_SECONDS)
            with_tests(self.home, judge)
            return found[0]

        try:
            return _run_in_child(whole)
        finally:
            path.write_text(sound, "utf-8")


def in_child(task: Callable[[], object]) -> tuple[int, object]:
    """Run a task in a child of this process; return how that ended, and what the task returned.

    Of a task that raises, what it raised is returned as text.
    """
    with tempfile.TemporaryFile() as results:
        child = os.fork()
        if not child:
            _work(task, results)
        _, status = os.waitpid(child, 0)
        results.seek(0)
        result = results.read()
    return os.waitstatus_to_exitcode(status), pickle.loads(result) if result else None


def _work(task: Callable[[], object], results: IO[bytes]) -> NoReturn:
    try:
        found: object = task()
    except BaseException as error:
        found = f"{type(error).__name__}: {error}"
    try:
        results.write(pickle.dumps(found))
        results.flush()
        sys.stdout.flush()
    finally:
        os._exit(0)


def _run_in_child(task: Callable[[], str]) -> str:
    status, found = in_child(task)
    ended = {-signal.SIGPROF: STUCK, -signal.SIGALRM: WAITED}
    return str(found) if status == 0 else ended.get(status, f"status {status}")


class Report:
    """Reports the outcome of each mutant; kept in a file, since children report too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, mutant: Mutant, noticed: str) -> None:
        """Report a mutant and the first test that noticed it, if any."""
        words = {"": "SURVIVED", STUCK: "stuck   ", WAITED: "WAITED  "}
        word = words.get(noticed, "killed  ")
        by = noticed.rpartition("::")[2]
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{word} {mutant}\n")
        print(f"{word} {mutant}" + (f"  by {by}" if noticed else ""), flush=True)

    def lines(self) -> list[str]:
        """Return the line of every mutant."""
        return self._path.read_text("utf-8").splitlines() if self._path.exists() else []


def main() -> None:
    """Run the chosen mutants, and print the survivors."""
    parser = argparse.ArgumentParser(description="Mutate the rules of the outbound law.")
    parser.add_argument("--module", nargs="+", choices=MODULES, default=MODULES, metavar="NAME")
    parser.add_argument("--sample", type=int, help="mutants drawn at random, instead of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path, help="only the survivors in an earlier run's output")
    parser.add_argument("--unlike", type=Path, nargs="+", default=(), help="none of earlier runs")
    parser.add_argument("--list", action="store_true", help="count the mutants and run none")
    options = parser.parse_args()
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OPENBLAS_NUM_THREADS": "1"}
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    os.environ |= {"COVERAGE_CORE": "ctrace", "POLARS_MAX_THREADS": "1"}
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder).resolve() / "copy")
        sources = {name: copy.path(name).read_text("utf-8") for name in options.module}
        mutants = [one for name, text in sources.items() for one in generate_mutants(name, text)]
        print(f"{len(mutants)} mutants: {_counted(mutants)}", flush=True)
        if options.list:
            return
        if options.again:
            survived = _in(options.again, "SURVIVED")
            mutants = [m for m in mutants if _without_line(str(m)) in survived]
        words = ("killed  ", "stuck   ", "SURVIVED")
        judged = {one for output in options.unlike for one in _in(output, *words)}
        mutants = [m for m in mutants if _without_line(str(m)) not in judged]
        if options.sample:
            mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
        _run(copy, mutants, Report(Path(folder) / "report"))


def _in(output: Path, *words: str) -> set[str]:
    """Return the mutants that an earlier run reports with one of the words."""
    lines = output.read_text("utf-8").splitlines()
    mutants = (line[9:].partition("  by ")[0] for line in lines if line.startswith(words))
    return {_without_line(one) for one in mutants}


def _without_line(mutant: str) -> str:
    return re.sub(r"\.py:\d+", "", mutant)


def _counted(mutants: list[Mutant]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in Counter(m.kind for m in mutants).most_common())


def _run(copy: Copy, mutants: list[Mutant], report: Report) -> None:
    copy.run(mutants, copy.reached(), report)
    lines = report.lines()
    survivors = [line for line in lines if line.startswith("SURVIVED")]
    waited = [line for line in lines if line.startswith("WAITED")]
    killed = len(lines) - len(survivors) - len(waited)
    print(f"\n{len(lines)} of {len(mutants)} run, {killed} killed, {len(survivors)} survived")
    print("\n".join(survivors + waited))
    if not lines:
        raise SystemExit("no mutant was run")
    if waited:
        raise SystemExit(f"{len(waited)} waited for ever: what would notice them is unknown")
    print(f"killed: {killed / len(lines):.1%}")


if __name__ == "__main__":
    main()
