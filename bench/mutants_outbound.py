"""``python -m bench.mutants_outbound``: do the fast tests of the outbound law notice a wrong rule?

    python -m bench.mutants_outbound                            every mutant (hours)
    python -m bench.mutants_outbound --sample 40 --minutes 6    forty drawn ones, six minutes
    python -m bench.mutants_outbound --module hours consents    those of two modules
    python -m bench.mutants_outbound --again OUTPUT             the survivors of an earlier run
    python -m bench.mutants_outbound --list                     count them, run none

A mutant is a module of the rules with one thing changed: a comparison turned round, a boundary
moved (< and <=), a number one more or one less, ``and`` for ``or``, a ``not`` dropped, a condition
always or never true. Each is put into a copy of the package in a temporary folder, where the fast
tests run until the first failure. A mutant that no test notices is a survivor: it is shown with its
line, before and after. Some survivors mean the same as the original; a person must say which.
Exit status 1 when the tests fail without a mutant, or none was run.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("releve") / "outbound"
MODULES = (
    "calls", "case", "checks_basis", "checks_caller", "checks_data", "checks_history",
    "checks_time", "consents", "exceptions", "facts", "holidays", "hours", "numbers", "pacing",
    "rows", "timing", "verdict",
)  # fmt: skip
"""The modules that decide; reading, screening and wording are held to them by other tests."""
TESTS = (
    "test_cases",
    "test_boundaries",
    "test_pacing",
    "test_hours",
    "test_loading",
    "test_docs",
    "test_screening",
)
LIBRARIES = ("holidays", "numpy", "phonenumbers", "polars", "yaml")
"""What the tests load and no mutant changes: loaded once, in the process that each run leaves."""
STUCK = "nothing"
_STUCK = 5.0
"""Tests that take this many times what they take without a mutant are stuck: noticed."""
_TURNED: dict[type[ast.cmpop], tuple[tuple[str, type[ast.cmpop]], ...]] = {
    ast.Lt: (("boundary", ast.LtE), ("comparison", ast.GtE)),
    ast.LtE: (("boundary", ast.Lt), ("comparison", ast.Gt)),
    ast.Gt: (("boundary", ast.GtE), ("comparison", ast.LtE)),
    ast.GtE: (("boundary", ast.Gt), ("comparison", ast.Lt)),
    ast.Eq: (("comparison", ast.NotEq),),
    ast.NotEq: (("comparison", ast.Eq),),
    ast.In: (("comparison", ast.NotIn),),
    ast.NotIn: (("comparison", ast.In),),
    ast.Is: (("comparison", ast.IsNot),),
    ast.IsNot: (("comparison", ast.Is),),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: what kind, where, and what it says before and after."""

    module: str
    kind: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line} {self.kind}: {self.before}  ->  {self.after}"


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its tree."""
    tree = ast.parse(source)
    for owner, field, kind, node, other in _changes(tree):
        _put(owner, field, node, other)
        after, whole = ast.unparse(_shown(owner, other)), ast.unparse(tree)
        _put(owner, field, other, node)
        before = ast.unparse(_shown(owner, node))
        yield Mutant(module, kind, getattr(_shown(owner, node), "lineno", 0), before, after, whole)


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, str, Any, Any]]:
    """Yield what may be changed: the node that holds it, the field, the kind, the old, the new."""
    for owner in _decided(tree):
        if isinstance(owner, ast.Compare):
            for op in owner.ops:
                for kind, other in _TURNED[type(op)]:
                    yield owner, "ops", kind, op, other()
        elif isinstance(owner, ast.BoolOp):
            swapped = ast.Or() if isinstance(owner.op, ast.And) else ast.And()
            yield owner, "op", "boolean", owner.op, swapped
        if isinstance(owner, ast.If | ast.IfExp | ast.While):
            for always in (True, False):
                yield owner, "test", "boolean", owner.test, ast.Constant(always)
        for field, child in _children(owner):
            if isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.Not):
                yield owner, field, "boolean", child, child.operand
            if isinstance(child, ast.Constant):
                for value in _other_values(child.value):
                    new = ast.copy_location(ast.Constant(value), child)
                    yield owner, field, "constant", child, new


def _other_values(value: object) -> tuple[int | float, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int | float):
        return (value + 1, value - 1)
    return ()


def _decided(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that decide something: not annotations, decorators, or typing's own."""
    yield node
    for field, child in _children(node):
        if field not in ("annotation", "returns", "decorator_list", "type_params"):
            yield from _decided(child)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                yield field, child


def _put(owner: ast.AST, field: str, old: object, new: object) -> None:
    held = getattr(owner, field)
    if isinstance(held, list):
        held[next(i for i, one in enumerate(held) if one is old)] = new
    else:
        setattr(owner, field, new)


def _shown(owner: ast.AST, changed: ast.AST) -> ast.AST:
    """Return the smallest thing around a change that can be read alone."""
    if isinstance(owner, ast.If | ast.While):
        return changed
    return owner if isinstance(owner, ast.expr) and hasattr(owner, "lineno") else changed


class Copy:
    """A copy of the package and its tests, in a folder, where modules may be spoilt."""

    def __init__(self, home: Path) -> None:
        self._home, self.limit = home, 3600.0
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "releve", home / "releve", ignore=ignore)
        shutil.copytree(ROOT / "tests" / "outbound", home / "tests" / "outbound", ignore=ignore)
        shutil.copy(ROOT / "tests" / "__init__.py", home / "tests")
        (home / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "outbound.md", home / "docs")
        (home / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: takes long\n", "utf-8")

    def source(self, module: str) -> str:
        """Return a module as it stands in the copy."""
        return self._path(module).read_text("utf-8")

    def notices(self, mutant: Mutant) -> str:
        """Return the first test that fails with a mutant in place, empty when none does."""
        path, sound = self._path(mutant.module), self.source(mutant.module)
        path.write_text(mutant.source, "utf-8")
        try:
            return self.failure()
        finally:
            path.write_text(sound, "utf-8")

    def failure(self) -> str:
        """Run the fast tests until the first fails; return its name, empty when all pass."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
            child = os.fork()
            if not child:
                _tests(self._home, told.fileno())
            status = _status(child, self.limit)
            if status is None:
                return f"{STUCK} within {self.limit:.0f} s"
            if not status:
                return ""
            told.seek(0)
            lines = [line for line in told if line.startswith(("FAILED", "ERROR"))]
        return lines[0].strip() if lines else f"exit status {status}"

    def _path(self, module: str) -> Path:
        return self._home / PACKAGE / f"{module}.py"


def _tests(home: Path, output: int) -> NoReturn:
    """Run the fast tests in this process, a child whose libraries are loaded already; end it."""
    status = 99
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(home)
        sys.path[:] = [str(home), *(place for place in sys.path if place not in ("", str(ROOT)))]
        sys.dont_write_bytecode = True
        files = [f"tests/outbound/{name}.py" for name in TESTS]
        options = ["-q", "-x", "-p", "no:cacheprovider", "--assert=plain", "--tb=no"]
        status = int(pytest.main([*options, "-m", "not slow", *files]))
        sys.stdout.flush()
    finally:
        os._exit(status)


def _status(child: int, seconds: float) -> int | None:
    """Return how a child ended; None once it took too long and was ended."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Run the mutants that are asked for, and tell what survived."""
    parser = argparse.ArgumentParser(description="Mutate the rules of the outbound law.")
    parser.add_argument("--module", nargs="+", choices=MODULES, default=MODULES, metavar="NAME")
    parser.add_argument("--sample", type=int, help="mutants drawn at random, instead of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="begin no mutant after this time")
    parser.add_argument("--again", type=Path, help="only the survivors in an earlier run's output")
    parser.add_argument("--list", action="store_true", help="count the mutants and run none")
    options = parser.parse_args()
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OPENBLAS_NUM_THREADS": "1"}
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as home:
        copy = Copy(Path(home))
        mutants = [m for name in options.module for m in mutants_of(name, copy.source(name))]
        print(f"{len(mutants)} mutants: {_counted(mutants)}", flush=True)
        if options.list:
            return
        if options.again:
            survived = set(re.findall(r"SURVIVED (.*)", options.again.read_text("utf-8")))
            survived = {_without_line(told) for told in survived}
            mutants = [m for m in mutants if _without_line(str(m)) in survived]
        if options.sample:
            mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
        _run(copy, mutants, options.minutes)


def _without_line(told: str) -> str:
    return re.sub(r"\.py:\d+", "", told)


def _counted(mutants: list[Mutant]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in Counter(m.kind for m in mutants).most_common())


def _run(copy: Copy, mutants: list[Mutant], minutes: float | None) -> None:
    start = time.monotonic()
    if failed := copy.failure():
        raise SystemExit(f"the tests fail without any mutant: {failed}")
    copy.limit = _STUCK * (time.monotonic() - start)
    run, survivors = 0, []
    for mutant in mutants:
        if minutes is not None and time.monotonic() - start > 60 * minutes:
            break
        noticed = copy.notices(mutant)
        run += 1
        if not noticed:
            survivors.append(mutant)
        word = (
            "SURVIVED" if not noticed else "stuck   " if noticed.startswith(STUCK) else "killed  "
        )
        print(f"{run:>4} {word} {mutant}", flush=True)
    killed = run - len(survivors)
    print(f"\n{run} of {len(mutants)} run, {killed} killed, {len(survivors)} survived")
    print("\n".join(map(str, survivors)))
    if not run:
        raise SystemExit("no mutant was run")
    print(f"killed: {killed / run:.1%}")


if __name__ == "__main__":
    main()
