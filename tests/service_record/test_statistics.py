"""Interval statistics and records of a proxy: none missing, none double."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from releve.demand.intraday import fold_figures
from releve.network import Operator, sample_operator
from releve.service_record import statistics
from releve.service_record.call_records import INTERVAL_DAYS, ServiceRecordData, read_call_records
from releve.service_record.errors import MappingFault
from releve.service_record.models import CallRecord, IntervalReport, StatisticsFile
from releve.service_record.statistics import (
    FiledStatistics,
    SourceMapping,
    extend_histories,
    file_statistics,
    import_statistics,
    list_faulty_files,
    load_presence,
    load_reports,
    read_first_fault,
    read_mapping,
    read_statistics_folder,
)
from tests.homes import make_test_home
from tests.processes import ROOT
from tests.service_record.call_programmes import make_programmes
from tests.service_record.killed_reader import CALLS, PROGRAMMES, START, write_lines

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NIGHT = datetime(2026, 11, 30, 23, tzinfo=UTC)
HEAD = "Intervalle;File;Reçus;Décrochés;Abandons;Dans le délai;DMT;Attente\n"
COLUMNS = """
time_zone = "Europe/Paris"
start = "Intervalle"
programme = "File"
offered = "Reçus"
answered = "Décrochés"
abandoned = "Abandons"
in_time = "Dans le délai"
aht_s = "DMT"
wait_s = "Attente"
minutes = {minutes}
{more}
[programmes]
"Q1" = "{first}"
"Q2" = "{second}"
"""


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample_operator(50, 2, 1, weeks_of_history=2)


def mapping(operator: Operator, minutes: int = 30, more: str = "") -> str:
    first, second = (row.id for row in operator.programmes[:2])
    return COLUMNS.format(minutes=minutes, first=first, second=second, more=more)


def csv(*rows: str) -> bytes:
    return (HEAD + "".join(f"{row}\n" for row in rows)).encode("cp1252")


def send(operator: Operator, data: bytes, recorded_at: datetime = NIGHT, text: str = "") -> FiledStatistics:
    source = read_mapping(text or mapping(operator), operator)
    return file_statistics(import_statistics("a.csv", data, source, recorded_at), "acd")


def offered(operator: Operator) -> dict[datetime, float | None]:
    first = operator.programmes[0].id
    rows = load_reports(NIGHT - timedelta(days=400), NIGHT + timedelta(days=400))
    return {row.start: row.offered for row in rows if row.programme == first}


NINE = "30/11/2026 09:00"


def test_a_report_is_filed_in_the_zone_of_the_source_with_its_seconds(operator: Operator) -> None:
    found = send(operator, csv(f"{NINE};Q1;40;36;3;30;300;12,5"))
    assert (found.rows, found.used, found.older, found.faults) == (1, 1, 0, ())
    (row,) = load_reports(NIGHT - timedelta(days=1), NIGHT)
    assert row.start == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert (row.offered, row.answered, row.abandoned, row.in_time) == (40, 36, 3, 30)
    assert (row.handled_s, row.waited_s, row.short) == (36 * 300, 36 * 12.5, None)


def test_the_report_recorded_last_counts_whichever_comes_first(operator: Operator) -> None:
    later = NIGHT + timedelta(minutes=5)
    at = datetime(2026, 11, 30, 8, tzinfo=UTC)
    send(operator, csv(f"{NINE};Q1;41;36;3;30;300;12"), later)
    assert send(operator, csv(f"{NINE};Q1;40;36;3;30;300;12")).older == 1, "late"
    assert offered(operator) == {at: 41.0}
    send(operator, csv(f"{NINE};Q1;39;36;3;30;300;12"), later + timedelta(minutes=1))
    assert offered(operator) == {at: 39.0}, "corrected"
    assert IntervalReport.objects.count() == 1, "twice"


def test_what_cannot_count_is_set_aside_with_its_row_and_the_rest_counts(operator: Operator) -> None:
    found = send(
        operator,
        csv(f"{NINE};Q1;40;36;3;30;300;12", f"{NINE};Q9;40;36;3;30;300;12",
            "30/11/2026 09:07;Q1;1;1;0;1;300;1", f"{NINE};Q2;;36;3;30;300;12",
            "30/11/2026 10:00;Q1;10;9;11;10;300;1"),
    )  # fmt: skip
    assert found.used == 2
    named = {(fault.row, fault.column) for fault in found.faults}
    assert {(3, "File"), (4, "Intervalle"), (6, "Abandons"), (6, "Dans le délai")} <= named
    ten = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert {row.start: (row.offered, row.abandoned, row.in_time) for row in load_reports(
        ten, ten + timedelta(hours=1))} == {ten: (10.0, None, None)}  # fmt: skip


def test_an_interval_that_was_not_over_when_it_was_written_is_not_known(operator: Operator) -> None:
    """Its counts are those of a part: taken for the whole they would hide a surge."""
    written = datetime(2026, 11, 30, 8, 20, tzinfo=UTC)
    found = send(operator, csv(f"{NINE};Q1;40;36;3;30;300;12"), written)
    assert (found.used, [fault.kind for fault in found.faults]) == (0, ["early"])
    assert offered(operator) == {}


def test_on_the_day_of_a_clock_change_only_what_is_ambiguous_is_left_out(operator: Operator) -> None:
    autumn = datetime(2026, 10, 25, 12, tzinfo=UTC)
    rows = [f"{at};Q1;5;5;0;5;100;1" for at in (
        "25/10/2026 01:30", "25/10/2026 02:00", "25/10/2026 03:00",
        "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00")]  # fmt: skip
    found = send(operator, csv(*rows), autumn)
    assert [fault.kind for fault in found.faults if fault.row] == ["clock_change"]
    starts = sorted(offered(operator))
    assert [f"{at:%d %H:%M}" for at in starts] == ["24 23:30", "25 00:30", "25 01:30", "25 02:00"]


def test_a_queue_without_a_row_has_no_calls_only_where_the_source_says_so(operator: Operator) -> None:
    rows = csv(f"{NINE};Q2;4;4;0;4;100;1", "30/11/2026 09:30;Q1;bad;1;0;1;1;1", "30/11/2026 09:30;Q2;1;1;0;1;100;1")
    send(operator, rows)
    assert offered(operator) == {}
    send(operator, rows, text=mapping(operator, more="missing_is_zero = true"))
    at = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert offered(operator) == {at: 0.0}, "a row that could not be read is not zero calls"


def test_a_mapping_is_refused_with_what_to_write(operator: Operator) -> None:
    for wrong, message in (
        (mapping(operator).replace("minutes = 30", ""), "lacks minutes"),
        (mapping(operator).replace("Paris", "Pari"), "no time zone"),
        (mapping(operator).replace('"Q2" = "', '"Q2" = "x'), "the operator has no x"),
        ("start = [", "Invalid"),
    ):
        with pytest.raises(MappingFault, match=message):
            read_mapping(wrong, operator)


PRESENCE = """
start = "at"
agents = "signed_in"
place = "where"
programme = "queue"
[programmes]
A = "{first}"
B = "{first}"
[places]
CASA = "{site}"
TT = "home"
"""


def test_agents_signed_in_are_added_up_over_the_places_of_the_last_count(operator: Operator) -> None:
    first, site = operator.programmes[0].id, operator.sites[0].id
    source = read_mapping(PRESENCE.format(first=first, site=site), operator)
    rows = ("2026-11-30T09:00,A,CASA,9", "2026-11-30T09:15,A,CASA,8", "2026-11-30T09:15,B,CASA,2",
            "2026-11-30T09:15,A,TT,3", "2026-11-30T09:15,A,RABAT,5")  # fmt: skip
    data = "at,queue,where,signed_in\n" + "".join(f"{row}\n" for row in rows)
    found = file_statistics(import_statistics("p.csv", data.encode(), source, NIGHT), "acd")
    assert [fault.value for fault in found.faults] == ["RABAT"]
    present = load_presence(NIGHT - timedelta(days=1), NIGHT)
    assert {name: agents for name, (_, agents) in present.items()} == {first: 13.0}


@pytest.fixture
def folder(tmp_path: Path, operator: Operator) -> Iterator[Path]:
    source = tmp_path / "acd"
    source.mkdir()
    (source / "mapping.toml").write_text(mapping(operator))
    statistics._known.clear()
    yield tmp_path
    statistics._known.clear()


def drop(folder: Path, name: str, data: bytes, written: datetime = NIGHT) -> None:
    path = folder / "acd" / name
    path.write_bytes(data)
    os.utime(path, (written.timestamp(), written.timestamp()))


def test_a_file_is_read_once_and_again_when_it_or_its_mapping_is_mended(operator: Operator, folder: Path) -> None:
    later = NIGHT + timedelta(minutes=10)
    drop(folder, "a.csv", csv(f"{NINE};Q1;40;36;3;30;300;12", f"{NINE};Q3;7;7;0;7;300;1"))
    assert read_statistics_folder(folder, operator, NIGHT + timedelta(seconds=1)) == 0, "too new"
    assert read_statistics_folder(folder, operator, later) == 1
    statistics._known.clear()  # as after a restart
    read_statistics_folder(folder, operator, later)
    (row,) = StatisticsFile.objects.all()
    assert (row.rows, row.used, row.faults[0]["value"]) == (2, 1, "Q3")
    text = (folder / "acd" / "mapping.toml").read_text()
    (folder / "acd" / "mapping.toml").write_text(text + f'"Q3" = "{operator.programmes[1].id}"\n')
    assert read_statistics_folder(folder, operator, later) == 1
    assert {row.programme for row in IntervalReport.objects.all()} == {
        operator.programmes[0].id, operator.programmes[1].id
    }  # fmt: skip
    drop(folder, "a.csv", csv(f"{NINE};Q1;44;36;3;30;300;12"), NIGHT + timedelta(minutes=2))
    read_statistics_folder(folder, operator, later)
    assert set(offered(operator).values()) == {44.0}


def test_a_file_that_cannot_be_read_is_named_and_keeps_no_other_from_being_read(
    operator: Operator, folder: Path
) -> None:
    drop(folder, "a.csv", b"nothing;of;ours\n1;2;3\n")
    drop(folder, "b.csv", csv(f"{NINE};Q1;40;36;3;30;300;12"))
    (folder / "lost").mkdir()
    (folder / "lost" / "c.csv").write_bytes(b"a\n1\n")
    (folder / "acd" / "d.csv").symlink_to("nowhere")
    read_statistics_folder(folder, operator, NIGHT + timedelta(days=1))
    rows = {row.name: row for row in StatisticsFile.objects.all()}
    assert "no column" in read_first_fault(rows["a.csv"])[1][0]
    shown = {row.file: row for row in list_faulty_files(min(row.read_at for row in rows.values()))}
    assert {str(row) for row in rows.values() if row.faults} == set(shown)
    assert all(row.fault for row in shown.values())
    assert "lost has no mapping.toml" in read_first_fault(rows["c.csv"])[1][0]
    assert rows["b.csv"].used == 1


def test_the_history_goes_on_with_what_the_record_has_seen(operator: Operator) -> None:
    send(operator, csv(f"{NINE};Q1;40;36;3;30;300;12", "30/11/2026 09:30;Q1;20;0;3;0;300;12"))
    first = operator.programmes[0].id
    found = extend_histories({}, [first], NIGHT)[first]
    np.testing.assert_array_equal(found.offered, [40.0, 20.0])
    np.testing.assert_array_equal(found.aht_s, [300.0, np.nan])
    assert extend_histories({}, [first], datetime(2026, 11, 30, tzinfo=UTC)) == {}


def test_what_has_reached_its_date_goes(operator: Operator) -> None:
    send(operator, csv(f"{NINE};Q1;40;36;3;30;300;12"))
    data = ServiceRecordData()
    assert data.erase_due(NIGHT + timedelta(days=INTERVAL_DAYS - 1)) == 0
    assert data.erase_due(NIGHT + timedelta(days=INTERVAL_DAYS + 1)) == 1


def test_parts_of_five_minutes_make_a_half_hour_when_all_of_them_came(operator: Operator) -> None:
    rows = [f"30/11/2026 09:{minute:02};Q1;2;2;0;1;60;3" for minute in range(0, 30, 5)]
    text = mapping(operator, minutes=5)
    start = datetime(2026, 11, 30, 8, tzinfo=UTC)
    first = operator.programmes[0].id

    def fold() -> float:
        reports = load_reports(start, start + timedelta(hours=1))
        return float(fold_figures(reports, (first,), (start,), NIGHT).offered[0, 0])

    send(operator, csv(*rows[:-1]), text=text)
    assert np.isnan(fold())
    send(operator, csv(rows[-1]), text=text)
    assert fold() == 12.0


def test_day_of_a_mapping_without_a_zone_is_the_operators(operator: Operator) -> None:
    text = mapping(operator).replace('time_zone = "Europe/Paris"', "")
    found: SourceMapping = read_mapping(text, operator)
    assert found.time_zone == operator.row.time_zone
    assert date(2026, 11, 30) == NIGHT.date()


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
