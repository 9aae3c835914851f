"""Exports whose columns a user chose, without headers, with days across, or in several sheets: read, asked or refused;
what a count, a handling time or a day leaves open is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from releve.cli import main
from releve.demand.import_report import read_durations
from releve.demand.log_table import read_log, read_log_sheets
from releve.demand.report_recognition import MEANINGS, UnrecognizedReportError, recognize_report
from tests.demand.test_report_recognition import QUEUES, TRUTH, hms, read, sum_of, table, truth_of

STRANGE = ("Zeitpunkt", "Warteschlange", "Eingang", "Bearbeitet", "Weg", "Dauer")
CHOICE = {"start": "Zeitpunkt", "programme": "Warteschlange", "offered": "Eingang", "answered": "Bearbeitet",
          "abandoned": "Weg", "handle": "Dauer"}  # fmt: skip


def strange() -> str:
    return table(STRANGE, lambda s: (f"{s.start:%Y-%m-%d %H:%M}", s.queue, s.offered, s.answered, s.lost, s.aht_s))


def test_a_file_of_unknown_words_is_read_by_the_columns_that_were_chosen() -> None:
    with pytest.raises(UnrecognizedReportError):
        recognize_report(read_log("e.csv", strange().encode(), report=True).frame)
    report = read(strange(), {**CHOICE, "aht_kind": "aht_s"})
    assert report.faults == ()
    for queue in QUEUES:
        assert sum_of(report, queue) == pytest.approx(truth_of(queue))


@given(
    st.permutations(range(6)),
    st.lists(st.text("abcdéàü #%", min_size=1, max_size=8), min_size=6, max_size=6, unique_by=str.strip),
    st.sampled_from([("%d/%m/%Y %H:%M", ";"), ("%m/%d/%Y %I:%M %p", ","), ("%Y%m%d %H%M", "\t")]),
    st.sampled_from([1, 1000]),
)
def test_no_name_order_form_or_unit_of_chosen_columns_changes_what_is_read(
    order: list[int], names: list[str], form: tuple[str, str], factor: int
) -> None:
    heads = [f"{name.strip() or 'x'}{number}" for number, name in enumerate(names)]
    written, sep = form
    cells = [
        lambda s: f"{s.start:{written}}", lambda s: s.queue, lambda s: s.offered, lambda s: s.answered,
        lambda s: s.lost, lambda s: s.aht_s * factor,
    ]  # fmt: skip
    text = table([heads[at] for at in order], lambda s: [cells[at](s) for at in order], sep=sep)
    answers = dict(zip(CHOICE, heads, strict=True))
    report = read(text, {**answers, "aht_kind": "aht_s"})
    assert report.faults == ()
    for queue in QUEUES:
        assert sum_of(report, queue) == pytest.approx(truth_of(queue))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offered": "Bearbeitet", "answered": "Eingang"}, "more calls answered in all"),
        ({"offered": "Warteschlange"}, "holds no whole numbers"),
        ({"start": "Dauer"}, "Dauer holds no day with a time of day: 240"),
        ({"programme": ""}, "rows repeat a queue and interval"),
        ({"start": "", "day": "", "clock": ""}, "no column of dates and times of day"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(UnrecognizedReportError, match=words):
        recognize_report(read_log("e.csv", strange().encode(), report=True).frame, None, CHOICE | change)


def test_a_column_that_the_file_lacks_is_named() -> None:
    with pytest.raises(ValueError, match="no column 'Volume' in the table"):
        recognize_report(read_log("e.csv", strange().encode(), report=True).frame, None, {"offered": "Volume"})


def test_the_choice_that_was_recognised_reads_the_same() -> None:
    text = table(("Date", "Heure", "File", "Appels reçus", "Traités", "DMT"), lambda s: (
        f"{s.start:%d/%m/%Y}", f"{s.start:%H:%M}", s.queue, s.offered, s.answered, s.aht_s
    ), sep=";")  # fmt: skip
    frame = read_log("e.csv", text.encode(), report=True).frame
    found = recognize_report(frame)
    every = {key: found.chosen.get(key, "") for key in MEANINGS}
    again = recognize_report(frame, None, {**every, "aht_kind": "aht_s"})
    assert again.mapping == found.mapping
    assert again.chosen == found.chosen


def test_a_file_without_a_header_has_the_letters_of_a_spreadsheet() -> None:
    _, *rows = table(("a",) * 4, lambda s: (s.queue, f"{s.start:%Y-%m-%d %H:%M}", s.offered, s.aht_s)).splitlines()
    log = read_log("e.csv", "\n".join(rows).encode(), report=True)
    assert (log.frame.columns, log.frame.height, log.rows[0]) == (["A", "B", "C", "D"], len(TRUTH), 1)
    with pytest.raises(UnrecognizedReportError):
        recognize_report(log.frame)
    report = read("\n".join(rows), {"programme": "A", "start": "B", "offered": "C", "handle": "D"})
    for queue in QUEUES:
        (one,) = [row for row in report.histories if row.programme == queue.lower()]
        assert one.offered.sum() == truth_of(queue)[0]


def test_the_queue_file_of_calabrio_is_known_without_a_header() -> None:
    rows = "\n".join(
        f"15;{s.start:%Y%m%d};{s.start:%H:%M};{QUEUES.index(s.queue)};{s.queue};{s.offered};0;{s.lost};0;{s.answered};9;9;"
        f"{s.aht_s * s.answered - 60};60;30;20;4;5;9;0;0"
        for s in TRUTH
    )
    report = read(rows)
    for queue in QUEUES:
        assert sum_of(report, queue) == pytest.approx(truth_of(queue))


def across(days_across: bool) -> str:
    rows = [row for row in TRUTH if row.queue == QUEUES[0]]
    days, clocks = (list(dict.fromkeys(f"{row.start:{form}}" for row in rows)) for form in ("%d/%m/%Y", "%H:%M"))
    found = {(f"{row.start:%d/%m/%Y}", f"{row.start:%H:%M}"): row.offered for row in rows}
    heads, sides = (days, clocks) if days_across else (clocks, days)
    body = [
        ";".join((side, *(str(found[(head, side) if days_across else (side, head)]) for head in heads), "999"))
        for side in sides
    ]
    return "\n".join(("Appels reçus", ";".join(("Heure" if days_across else "Jour", *heads, "Total")), *body))


@pytest.mark.parametrize("days_across", [True, False])
def test_days_or_hours_across_are_turned(days_across: bool) -> None:
    report = read(across(days_across))
    (one,) = report.histories
    assert one.offered.sum() == truth_of(QUEUES[0])[0]


def test_days_across_that_do_not_say_what_they_count_are_asked_for() -> None:
    text = across(True).replace("Appels reçus", "Feuille 1")
    with pytest.raises(UnrecognizedReportError):
        recognize_report(read_log("e.csv", text.encode(), report=True).frame)
    assert read(text, {"offered": "value"}).histories[0].offered.sum() == truth_of(QUEUES[0])[0]


def test_asterisks_queue_log_is_named() -> None:
    lines = "1764576000|1764576000.12|sales|NONE|ENTERQUEUE||0612345678|1\n" * 3
    with pytest.raises(ValueError, match="the queue_log of Asterisk: a row is an event"):
        read_log("queue_log.txt", lines.encode(), report=True)


def write_book(sheets: dict[str, list[list[object]]]) -> bytes:
    out = BytesIO()
    book = xlsxwriter.Workbook(out)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


HEADS: list[object] = ["Start", "Queue", "Offered"]
COVER: list[list[object]] = [["Rapport mensuel"], ["Paris"], ["2026"]]


def rows_of(offered: int) -> list[list[object]]:
    return [HEADS, *([f"2026-11-30 {hour:02}:00", "x", offered] for hour in range(8, 18))]


def test_of_several_sheets_none_is_read_in_silence() -> None:
    book = write_book({"Couverture": COVER, "Appels": rows_of(5), "Courriels": rows_of(7)})
    assert list(read_log_sheets("b.xlsx", book, report=True)) == ["Appels", "Courriels"]
    with pytest.raises(ValueError, match=r"several sheets with data \(Appels, Courriels\)"):
        read_log("b.xlsx", book, report=True)
    assert set(read_log("b.xlsx", book, "Courriels", report=True).frame["Offered"]) == {"7"}
    with pytest.raises(ValueError, match="has no sheet 'Couverture' with data"):
        read_log("b.xlsx", book, "Couverture", report=True)


def test_the_only_sheet_with_data_is_read_behind_a_cover() -> None:
    log = read_log("b.xlsx", write_book({"Couverture": COVER, "Appels": rows_of(5)}), report=True)
    assert (log.sheet, log.frame.height) == ("Appels", 10)


def lines(header: str, row: str, days: int = 9) -> str:
    times = [datetime(2026, 11, 23 + day, 8 + hour) for day in range(min(days, 8)) for hour in range(9)]  # noqa: DTZ001
    halves = [time + timedelta(minutes=minute) for time in times for minute in (0, 30)]
    return "\n".join((header, *(f"{time:%Y-%m-%d %H:%M};x;{row}" for time in halves)))


def test_answered_calls_are_not_taken_for_offered_ones_in_silence() -> None:
    text = lines("Start;Queue;Traités;DMT", "12;300")
    frame = read_log("e.csv", text.encode(), report=True).frame
    with pytest.raises(UnrecognizedReportError, match="Traités counts the calls answered"):
        recognize_report(frame)
    (note,) = recognize_report(frame, None, {"offered": "Traités"}).notes
    assert "those given up are missing" in note


def test_a_count_of_calls_alone_is_asked_for() -> None:
    frame = read_log("e.csv", lines("Start;Queue;Appels;DMT", "12;300").encode(), report=True).frame
    (question,) = recognize_report(frame).questions
    assert (question.key, question.choices) == ("counts", ("offered", "answered"))
    assert recognize_report(frame, None, {"counts": "offered"}).notes == ()
    assert "those given up are missing" in recognize_report(frame, None, {"counts": "answered"}).notes[0]


@pytest.mark.parametrize(
    ("text", "title", "now"),
    [
        (lines("Timestamp;Offered;AHT", "12").replace(";x;12", ";12;300"), "", None),
        (lines("Start;Queue;Offered", "12"), "Prévisions de la semaine 48", None),
        (lines("Start;Queue;Offered", "12"), "", datetime(2026, 11, 25, tzinfo=UTC)),
    ],
)
def test_a_forecast_is_asked_for_and_not_stored_as_history(text: str, title: str, now: datetime | None) -> None:
    frame = read_log("e.csv", text.encode(), report=True).frame
    (question,) = recognize_report(frame, title=title, now=now).questions
    assert question.key == "nature"
    assert recognize_report(frame, None, {"nature": "history"}, title=title, now=now).mapping["offered"] == "Offered"
    with pytest.raises(UnrecognizedReportError, match="a forecast is not stored"):
        recognize_report(frame, None, {"nature": "forecast"}, title=title, now=now)


def test_a_title_above_the_header_says_that_it_is_a_forecast() -> None:
    log = read_log("e.csv", ("Forecast of week 48\n\n" + lines("Start;Queue;Offered", "12")).encode(), report=True)
    assert log.title == "Forecast of week 48"
    assert [one.key for one in recognize_report(log.frame, title=log.title).questions] == ["nature"]


def test_a_handling_time_without_hold_is_said() -> None:
    frame = read_log(
        "e.csv", lines("Start;Queue;Offered;Answered;Avg ACD Time;Avg ACW Time", "12;10;200;30").encode(), report=True
    ).frame
    (note,) = recognize_report(frame).notes
    assert note == "the handling time is the sum of Avg ACD Time, Avg ACW Time, without hold: it may be too short"


def test_calls_that_are_neither_answered_nor_abandoned_are_said() -> None:
    frame = read_log("e.csv", lines("Start;Queue;Offered;Answered;Abandoned", "12;5;1").encode(), report=True).frame
    (note,) = recognize_report(frame).notes
    assert "the rest is not explained" in note


@pytest.mark.parametrize(
    ("cell", "seconds"), [("5m 04s", 304), ("1h 02m 03s", 3723), ("45s", 45), ("2 min", 120), ("1H05", None)]
)
def test_durations_with_letters_are_read(cell: str, seconds: float | None) -> None:
    (found,) = read_durations(pl.Series([cell]), "s").tolist()
    assert found == seconds or (seconds is None and found != found)


def test_a_file_of_durations_with_letters_is_read() -> None:
    text = lines("Start;Queue;Offered;Answered;AHT", "12;10;5m 04s")
    assert set(read(text).histories[0].aht_s[:3].tolist()) == {304}


@pytest.mark.parametrize(
    ("form", "day", "asked"),
    [
        ("%m%d%Y", 20, False), ("%d-%b-%Y", 3, False), ("%Y/%m/%d", 3, False), ("%Y%d%m", 20, False),
        ("%d%m%Y", 5, True),
    ],
)  # fmt: skip
def test_days_written_in_a_row_are_read_or_asked_for(form: str, day: int, asked: bool) -> None:
    days = [datetime(2026, 11 if not asked else month, day) for month in (3, 5, 8, 10)]  # noqa: DTZ001
    text = "Date;Time;Queue;Offered\n" + "\n".join(
        f"{one + timedelta(days=at if not asked else 0):{form}};{hour:02}:{half};x;5"
        for at, one in enumerate(days) for hour in range(8, 12) for half in ("00", "30")
    )  # fmt: skip
    frame = read_log("e.csv", text.encode(), report=True).frame
    found = recognize_report(frame)
    assert [one.key for one in found.questions] == (["time_format"] if asked else [])
    assert found.mapping["time_format"] == f"{form} %H:%M" or asked
    if asked:
        assert f"{form} %H:%M" in found.questions[0].choices
    report = read(text, {"time_format": f"{form} %H:%M"})
    assert report.faults == () or asked
    assert report.histories[0].offered.sum() == 5 * 32


def test_the_ends_of_intervals_are_read_where_no_start_is_there() -> None:
    text = table(("Interval End", "Queue", "Offered", "Answered", "AHT"), lambda s: (
        f"{s.end:%Y-%m-%d %H:%M}", s.queue, s.offered, s.answered, hms(s.aht_s)
    ))  # fmt: skip
    report = read(text)
    first = report.histories[0].starts[0]
    assert first == int((TRUTH[0].start - datetime(1970, 1, 1)).total_seconds()) - 3600  # noqa: DTZ001
    assert sum_of(report, QUEUES[0]) == pytest.approx(truth_of(QUEUES[0]))


def test_the_command_takes_columns_and_a_sheet(tmp_path: Path) -> None:
    file, out = tmp_path / "b.xlsx", tmp_path / "history.csv"
    rows = [["Wann", "Menge"], *([f"2026-11-30 {hour:02}:{half}", 5] for hour in range(8, 18) for half in ("00", "30"))]
    file.write_bytes(write_book({"Eins": rows_of(3), "Zwei": rows}))
    command = ["demand", "import", str(file), "--out", str(out), "--lang", "en", "--yes"]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert "several sheets with data (Eins, Zwei): name the one to read" in refused.stderr
    taken = CliRunner().invoke(
        main, [*command, "--sheet", "Zwei", "--answer", "start=Wann", "--answer", "offered=Menge"]
    )
    assert taken.exit_code == 0, taken.output
    assert 'offered = "Menge"' in taken.stderr
