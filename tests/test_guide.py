"""The guide from a call log to a plan: its commands are run and print what it says.

``python -m tests.test_guide`` runs them and writes what they print into the guide.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from bench.validate.rest_of_day import CALLS_1999, COUNTS_2003
from examples import backtest, from_call_log
from examples.banks import BANKS, read_mapping
from examples.week_roster import roster
from releve.cli import main as releve
from releve.demand import Requirement, parse_mapping
from releve.files.operator_folder import read_operator_files
from releve.network import Operator, Programme, day_bounds, read_operator, zone

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "from-a-call-log.md"
WIDTH = "110"
BLOCK = re.compile(r"```console\n\$ (?P<command>.*?)\n(?P<output>.*?)```", re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
CLOCK = re.compile(r"\b\d\d:\d\d\b")
SECONDS = re.compile(r"\b\d+\.\d s\b")
BOX = re.compile(r"[│┃┏┓┗┛┡┩├┤└┘┌┐┬┴┼╇┳┻━─]")
EXACT = ("demand import", "network check")
"""Commands whose output is the same everywhere; the others may differ a little: see ``allowed``."""


@dataclass(frozen=True)
class Block:
    """A command of the guide and what the guide says it prints."""

    command: str
    output: str


def blocks() -> list[Block]:
    text = GUIDE.read_text(encoding="utf-8")
    return [Block(**match.groupdict()) for match in BLOCK.finditer(text)]


def run(command: str, out: Path) -> str:
    """Run a command of the guide and return what it prints, ``$OUT`` named as there."""
    words = shlex.split(os.path.expandvars(command))
    programs: dict[tuple[str, ...], click.Command] = {
        ("releve",): releve,
        ("python", "-m", "examples.from_call_log"): from_call_log.main,
        ("python", "-m", "examples.backtest"): backtest.main,
    }
    for start, program in programs.items():
        if tuple(words[: len(start)]) == start:
            result = CliRunner().invoke(program, words[len(start) :])
            assert result.exit_code == 0, result.output
            text = result.stdout.replace(str(out), "$OUT")
            return "".join(f"{line.rstrip()}\n" for line in text.splitlines()).rstrip("\n") + "\n"
    raise AssertionError(f"the guide runs an unknown program: {command}")


@contextmanager
def surroundings(data: Path) -> Iterator[Path]:
    """Set the variables of the guide; yield the folder it writes to."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        patch.chdir(GUIDE.parents[2])
        patch.setenv("OUT", str(out))
        patch.setenv("RELEVE_SHARED", str(data.parent))
        patch.setenv("COLUMNS", WIDTH)
        yield out


def allowed(command: str, figure: float, text: str) -> float:
    """Return how far a printed figure may be from the guide's.

    Import and check: not at all. Everything else: 2 %, or 2 units of the last place printed.
    Plans: 10 %, or 5 units of the last place; another solver version finds other plans as good.
    """
    if any(name in command for name in EXACT):
        return 0.0
    place = 10.0 ** -len(text.partition(".")[2])
    share, units = (0.10, 5) if "releve plan" in command else (0.02, 2)
    return max(share * abs(figure), units * place)


def differences(command: str, said: str, printed: str) -> list[str]:
    """Return how a printed output differs from the guide's beyond what is allowed."""
    quoted, found = (_plain(text, command) for text in (said, printed))
    shapes = [[NUMBER.sub("#", line) for line in lines] for lines in (quoted, found)]
    if shapes[0] != shapes[1]:
        return list(difflib.unified_diff(quoted, found, "guide", "printed", lineterm="", n=0))
    out = []
    for line, (old, new) in enumerate(zip(quoted, found, strict=True), start=1):
        for a, b in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
            x, y = (float(text.replace(",", "")) for text in (a, b))
            if abs(x - y) > allowed(command, x, a) + 1e-9:
                out.append(f"line {line}: the guide says {a}, printed is {b}: {new}")
    return out


def _plain(text: str, command: str) -> list[str]:
    """Return the lines that say something: no frames, no measured seconds, single spaces."""
    text = BOX.sub(" ", SECONDS.sub("- s", text))
    if "releve plan" in command:
        text = CLOCK.sub("-", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.split()]


@dataclass(frozen=True)
class Walk:
    """The guide walked through: what its commands printed, and the operators they wrote."""

    printed: Sequence[tuple[Block, str]]
    operators: dict[str, Operator]


@pytest.fixture(scope="module")
def walk(shared_data: Path) -> Walk:
    with surroundings(shared_data) as out:
        printed = [(block, run(block.command, out)) for block in blocks()]
        operators = {bank.id: read_operator(read_operator_files(out / bank.id)) for bank in BANKS}
    return Walk(printed, operators)


@pytest.mark.slow
@pytest.mark.realdata
def test_every_command_of_the_guide_prints_what_the_guide_says(walk: Walk) -> None:
    """When the program has changed for good: ``python -m tests.test_guide``, then read the text."""
    assert len(walk.printed) >= 7
    wrong = {
        block.command: found
        for block, text in walk.printed
        if (found := differences(block.command, block.output, text))
    }
    assert not wrong, "\n".join(f"$ {name}\n" + "\n".join(found) for name, found in wrong.items())


@pytest.mark.slow
@pytest.mark.realdata
def test_the_operators_know_nothing_of_the_held_out_month(walk: Walk) -> None:
    for bank in BANKS:
        operator = walk.operators[bank.id]
        first, _ = day_bounds(bank.held_out, bank.time_zone)
        assert operator.history
        assert max(row.start for row in operator.history) < first
        assert bank.held_out <= bank.day < bank.end
        assert operator.row.synthetic


@pytest.mark.slow
@pytest.mark.realdata
def test_people_of_the_sample_network_work_five_legal_days(walk: Walk) -> None:
    for operator in walk.operators.values():
        days: dict[str, list[date]] = {}
        for shift in operator.shifts:
            start = shift.start.astimezone(zone(operator.row.time_zone))
            days.setdefault(shift.agent, []).append(start.date())
            assert timedelta(hours=4) <= shift.end - shift.start <= timedelta(hours=8.5)
        assert set(days) == {agent.id for agent in operator.agents}
        assert all(len(set(own)) == len(own) <= 5 for own in days.values())


def test_figures_in_the_running_text_stand_in_what_a_command_printed() -> None:
    """Figures of the text are bold; each stands in a block, so that none goes stale unseen."""
    text = GUIDE.read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    figures = {number for bold in re.findall(r"\*\*(.+?)\*\*", prose) for number in NUMBER.findall(bold)}
    printed = {number for block in blocks() for number in NUMBER.findall(block.output)}
    assert len(figures) >= 10
    assert figures <= printed, sorted(figures - printed)


def test_the_guide_acknowledges_who_gave_the_data() -> None:
    text = " ".join(GUIDE.read_text(encoding="utf-8").split())
    for name in ("Avi Mandelbaum", "Guedj", "Technion", "SEELab", "De Livera", "Hyndman", "Snyder"):
        assert name in text


def test_the_mappings_of_the_guide_are_those_of_the_bench() -> None:
    for bank, expected in zip(BANKS, (CALLS_1999, COUNTS_2003), strict=True):
        table = read_mapping(bank)
        assert table.pop("time_zone") == bank.time_zone
        assert parse_mapping(table) == expected


def test_a_difference_beyond_what_is_allowed_is_named() -> None:
    plan, rows = "releve plan X", "releve demand import X"
    assert not differences(rows, "3 rows\n", "3   rows\n")
    assert differences(rows, "3 rows\n", "4 rows\n")
    assert not differences(plan, "│ bank │ held │ 82~ at 07:00; 1.2 s", "bank held 80~ at 09:30; 7.1 s")
    assert differences(plan, "bank held 82", "bank missed 82")
    assert differences(plan, "bank held 82", "bank held 60")


@pytest.fixture
def office() -> Programme:
    return Programme(id="p", client="c", name="P", kind="inbound", opening="Mon-Sat 08:00-20:00", aht_s=180.0)


def test_a_roster_covers_the_week_in_turns_of_at_most_five_days(office: Programme) -> None:
    days = [date(2026, 11, 30) + timedelta(days=i) for i in range(7)]
    week = [_need(day, agents=3.5 if day.weekday() < 6 else 0.0) for day in days]
    turns = roster(office, week)
    lack = np.maximum(0.0, np.concatenate([need.agents[:, 0] for need in week]) - sum(turn.worked for turn in turns))
    assert lack.sum() <= 0.02 * sum(need.agents.sum() for need in week)
    assert all(1 <= len(turn.shifts) <= 5 for turn in turns)
    assert all(end - start <= timedelta(hours=8.5) for turn in turns for start, end in turn.shifts)


def test_a_programme_that_needs_no_agent_gets_none(office: Programme) -> None:
    assert roster(office, [_need(date(2026, 11, 30), agents=0.0)]) == []


def _need(day: date, agents: float) -> Requirement:
    first, _ = day_bounds(day, "Europe/Paris")
    starts = tuple(first + timedelta(minutes=30 * i) for i in range(48))
    wanted = np.zeros((48, 1))
    wanted[16:40] = agents
    return Requirement(day, ("p",), starts, wanted, wanted, wanted, wanted + 180.0, {})


def refresh() -> None:
    """Write what the commands print now into the guide."""
    data = Path(os.environ.get("RELEVE_SHARED", GUIDE.parents[3] / "shared")) / "data"
    with surroundings(data) as out:
        text = GUIDE.read_text(encoding="utf-8")
        for block in blocks():
            new = run(block.command, out)
            sys.stdout.write(f"$ {block.command}\n{new}\n")
            old = f"$ {block.command}\n{block.output}```"
            text = text.replace(old, f"$ {block.command}\n{new}```")
    GUIDE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    refresh()
