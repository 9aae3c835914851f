"""Records of a proxy: none missing and none double, whatever happens to reader and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from releve.service_record.call_records import read_call_records
from releve.service_record.models import CallRecord, IntervalReport, StatisticsFile
from releve.service_record.statistics import load_reports, read_first_fault
from tests.homes import make_test_home
from tests.processes import ROOT
from tests.service_record.call_programmes import make_programmes
from tests.service_record.killed_reader import CALLS, PROGRAMMES, START, write_lines

pytestmark = [pytest.mark.database, pytest.mark.django_db]

HOUR = timedelta(hours=1)
LATER = START + HOUR


def read(folder: Path, now: datetime = LATER) -> tuple[int, int, int]:
    found = read_call_records([folder], make_programmes(), now)
    return found.filed, found.broken, found.ahead


def figures(start: datetime = START) -> dict[str, tuple[float | None, ...]]:
    return {
        row.programme: (row.offered, row.answered, row.abandoned, row.in_time, row.handled_s)
        for row in load_reports(start, start + HOUR / 2)
    }


def test_calls_fold_into_the_half_hour_in_which_they_began(tmp_path: Path) -> None:
    """Their ends are read first, from another file."""
    lines = [line for number in (0, 1, 2) for line in write_lines(number)]
    (tmp_path / "acc_1.log").write_text("".join(line for line in lines if line[0] == "B"))
    (tmp_path / "acc_2.log").write_text("".join(line for line in lines if line[0] == "I"))
    assert read(tmp_path) == (5, 0, 0)
    assert figures() == {"sav": (2, 2, 0, 2, 201.0), "ventes": (1, 0, 1, 0, 0.0)}
    assert read(tmp_path) == (0, 0, 0)


def test_a_call_in_talk_leaves_the_seconds_of_work_unknown(tmp_path: Path) -> None:
    (tmp_path / "acc_1.log").write_text("".join(write_lines(0) + write_lines(2)[:1]))
    read(tmp_path)
    assert figures()["sav"] == (2, 2, 0, 2, None)


def test_a_programme_without_a_call_has_none_where_the_proxy_wrote_a_line(tmp_path: Path) -> None:
    (tmp_path / "acc_1.log").write_text("".join(write_lines(0)))
    read(tmp_path)
    assert figures()["ventes"] == (0, 0, 0, 0, 0)
    assert "rappels" not in figures(), "calls out are not dialled to it"
    assert figures(START + HOUR / 2) == {}, "no line at all: not known"


def test_a_half_hour_in_which_the_reader_stopped_is_not_known_until_it_has_gone_on(tmp_path: Path) -> None:
    path = tmp_path / "acc_1.log"
    path.write_text("".join(write_lines(0)))
    read(tmp_path, START + timedelta(minutes=10))
    assert figures() == {}
    read(tmp_path, LATER)
    assert figures()["sav"][0] == 1


def test_a_cut_file_and_a_copy_are_read_again_and_count_once(tmp_path: Path) -> None:
    path = tmp_path / "acc_1.log"
    lines = [line for number in range(6) for line in write_lines(number)]
    path.write_text("".join(lines))
    (tmp_path / "copy.log").write_text("".join(lines))
    read(tmp_path)
    path.write_text("".join(lines[:2]))  # the same first line, shorter
    read(tmp_path)
    path.write_text("".join([*lines[:2], *write_lines(8)]))
    read(tmp_path)
    assert (figures()["sav"][0], figures()["ventes"][0]) == (4, 3)
    assert CallRecord.objects.count() == 7


def test_lines_of_another_kind_and_a_clock_ahead_are_named(tmp_path: Path) -> None:
    old = "|".join(write_lines(0)[0].split("|")[:11]) + "\n"
    (tmp_path / "acc_1.log").write_text(old + "nonsense\n" + "".join(write_lines(2)))
    (tmp_path / "acc_2.log").write_text("".join(write_lines(4, skew=7200)))
    assert read(tmp_path) == (4, 2, 2)
    faults = {row.name: read_first_fault(row)[1][0] for row in StatisticsFile.objects.all()}
    assert faults["acc_1.log"].startswith("2 lines are not records of a call")
    assert faults["acc_2.log"] == "2 calls lie in the future"


def test_a_call_out_that_the_gate_refused_was_not_placed(tmp_path: Path) -> None:
    def out(call: str, code: str, tag: str) -> str:
        cells = write_lines(0)[0].replace("|in|sav|", "|out|rappels|").split("|")
        cells[2], cells[3], cells[4] = tag, call, code
        return "|".join(cells)

    (tmp_path / "acc_1.log").write_text(
        out("refused", "603", "") + out("declined", "603", "x") + out("taken", "200", "x")
    )
    read(tmp_path)
    assert figures()["rappels"] == (2, 1, None, None, None)


def test_statistics_of_an_acd_count_before_the_records_of_a_proxy(tmp_path: Path) -> None:
    (tmp_path / "acc_1.log").write_text("".join(write_lines(0)))
    read(tmp_path)
    IntervalReport.objects.create(programme="sav", source="acd", start=START, minutes=30, offered=9, recorded_at=LATER)
    assert figures()["sav"] == (9, None, None, None, None)
    assert figures()["ventes"][0] == 0


@pytest.mark.slow
@pytest.mark.postgresql
def test_forty_kills_in_a_thousand_calls_lose_none_and_double_none(tmp_path: Path) -> None:
    home, acc = make_test_home(tmp_path / "home"), tmp_path / "acc"
    acc.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.service_record.killed_reader", str(acc), "40"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**os.environ, "RELEVE_HOME": str(home), "PYTHONPATH": str(ROOT),
             "DJANGO_SETTINGS_MODULE": "releve.settings", "RELEVE_DATABASE_URL": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["calls"] == CALLS
    wanted = {name: [n for n in range(CALLS) if PROGRAMMES[n % 2] == name] for name in PROGRAMMES}
    for row in found["sums"]:
        numbers = wanted[row["programme"]]
        answered = [n for n in numbers if n % 4 != 1]
        assert row["offered__sum"] == len(numbers)
        assert row["answered__sum"] == len(answered)
        assert row["abandoned__sum"] == len(numbers) - len(answered)
        assert row["in_time__sum"] == sum(n % 30 <= 20 for n in answered)
