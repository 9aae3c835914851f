"""Exports of telephony and workforce suites, by their documented layouts: recognised, or refused; never misread."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from releve.cli import main
from releve.demand import parse_mapping
from releve.demand.call_log_file import import_table
from releve.demand.import_report import ImportReport
from releve.demand.log_table import read_log
from releve.demand.report_recognition import UnrecognizedReportError, recognize_report
from releve.desk.text import translate_phrase

QUEUES = ("Sinistres", "Accueil")
FIRST = datetime(2026, 11, 23)  # noqa: DTZ001 (a local time)
SLOTS = [FIRST + timedelta(days=day, hours=8, minutes=30 * slot) for day in range(9) for slot in range(4)]


@dataclass(frozen=True)
class Slot:
    """What happened in half an hour of a queue: the truth that each export writes in its own way."""

    queue: str
    start: datetime
    offered: int
    answered: int
    aht_s: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=30)

    @property
    def lost(self) -> int:
        return self.offered - self.answered


TRUTH = [
    Slot(queue, start, 12 + 7 * at % 11 + 3 * number, 10 + 7 * at % 11 + 2 * number, 240 + 30 * number + at)
    for at, start in enumerate(SLOTS)
    for number, queue in enumerate(QUEUES)
]


def hms(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def table(
    headers: Sequence[str], cells: Callable[[Slot], Iterable[object]], *, sep: str = ",", above: Sequence[str] = ()
) -> str:
    """Return an export: lines above the header, the header, a row a queue and half hour."""
    out = StringIO()
    out.writelines(f"{line}\n" for line in above)
    writer = csv.writer(out, delimiter=sep, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(list(cells(row)) for row in TRUTH)
    return out.getvalue()


def genesys_cloud_ms() -> str:
    heads = ("Interval Start", "Interval End", "Interval Complete", "Filters", "Media Type", "Queue Id", "Queue Name",
             "Offer", "Answer", "Abandon", "Avg Handle")  # fmt: skip
    return table(heads, lambda s: (
        f"{s.start:%Y-%m-%dT%H:%M}", f"{s.end:%Y-%m-%dT%H:%M}", "TRUE", "", "voice", f"id-{s.queue}", s.queue,
        s.offered, s.answered, s.lost, s.aht_s * 1000,
    ))  # fmt: skip


def genesys_cloud_total() -> str:
    heads = ("Interval Start", "Queue Name", "Offer", "Answer", "Total Handle")
    return table(heads, lambda s: (
        f"{s.start:%d/%m/%Y %H:%M}", s.queue, s.offered, s.answered, hms(s.aht_s * s.answered)
    ), sep=";")  # fmt: skip


def genesys_wfm_import() -> str:
    heads = ("Interval Start UTC Date", "Queue", "Media Type", "Skill Set", "Language", "Offered",
             "Interactions Handled", "Total Handle Time (Seconds)")  # fmt: skip
    return table(heads, lambda s: (
        f"{s.start - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", s.queue, "voice", "a|||b", "fr", s.offered, s.answered,
        s.aht_s * s.answered,
    ))  # fmt: skip


def avaya_cms() -> str:
    heads = ("Split/Skill", "Date", "Time", "Avg Speed Ans", "Calls Offered", "ACD Calls", "Aban Calls",
             "Avg ACD Time", "Avg Handle Time", "% Within Service Level")  # fmt: skip
    above = ("Split/Skill Interval Report", "Requested by: supervisor", "", "Zone: Paris")
    return table(heads, lambda s: (
        s.queue, f"{s.start:%m/%d/%Y}", f"{s.start:%I:%M %p}", 9, s.offered, s.answered, s.lost, s.aht_s - 20, s.aht_s,
        88.5,
    ), above=above)  # fmt: skip


def avaya_hsplit() -> str:
    heads = ("row_date", "starttime", "intrvl", "split", "callsoffered", "acdcalls", "abncalls", "acdtime")
    return table(heads, lambda s: (
        f"{s.start:%Y-%m-%d}", f"{s.start:%H%M}".lstrip("0"), 30, s.queue, s.offered, s.answered, s.lost,
        s.aht_s * s.answered,
    ), sep="|")  # fmt: skip


def cisco_uccx() -> str:
    heads = ("CSQ Name", "Interval Start Time", "Interval End Time", "Calls Presented", "Calls Handled",
             "Calls Abandoned", "Avg Handle Time")  # fmt: skip
    return table(heads, lambda s: (
        s.queue, f"{s.start:%m/%d/%y %I:%M:%S %p}", f"{s.end:%m/%d/%y %I:%M:%S %p}", s.offered, s.answered, s.lost,
        hms(s.aht_s),
    ))  # fmt: skip


def cisco_ucce() -> str:
    heads = ("DateTime", "Skill", "CallsHandled", "RouterCallsAbandQ", "HandledCallsTime")
    return table(heads, lambda s: (
        f"{s.start:%Y-%m-%d %H:%M:%S}", s.queue, s.answered, s.lost, s.aht_s * s.answered
    ))  # fmt: skip


def ringcx() -> str:
    heads = ("interval", "date_from", "time", "queue", "queue_name", "offd_direct_call_cnt", "aband_call_cnt",
             "answ_call_cnt", "talking_call_dur", "wrap_up_dur")  # fmt: skip
    return table(heads, lambda s: (
        30, f"{s.start:%Y%m%d}", f"{s.start:%H:%M}", QUEUES.index(s.queue), s.queue, s.offered, s.lost, s.answered,
        s.aht_s * s.answered, 0,
    ), sep=";")  # fmt: skip


def amazon_connect() -> str:
    heads = ("QueueName", "QueueId", "ChannelType", "TimeStamp", "IntervalDuration", "IncomingContactVolume",
             "AverageHandleTime", "ContactsHandled")  # fmt: skip
    return table(heads, lambda s: (
        s.queue, f"arn-{s.queue}", "VOICE", f"{s.start:%Y-%m-%dT%H:%M:%S}", "30mins", s.offered, s.aht_s, s.answered
    ))  # fmt: skip


def injixo() -> str:
    heads = ("Queue", "Date", "Time", "IncomingCalls", "AnsweredCalls", "AHT")
    return table(heads, lambda s: (
        s.queue, f"{s.start:%d.%m.%Y}", f"{s.start:%H:%M}", s.offered, s.answered, hms(s.aht_s)
    ), sep=";")  # fmt: skip


def french_sheet() -> str:
    heads = ("Jour", "Tranche horaire", "File d'attente", "Appels présentés", "Appels traités", "Abandons", "DMT (min)")
    text = table(heads, lambda s: (
        f"{s.start:%d/%m/%Y}", f"{s.start:%H:%M}-{s.end:%H:%M}", s.queue, s.offered, s.answered, s.lost,
        f"{s.aht_s / 60:.3f}".replace(".", ","),
    ), sep=";", above=("Rapport d'activité, semaine 48",))  # fmt: skip
    return text + f"Total;;;{sum(s.offered for s in TRUTH)};{sum(s.answered for s in TRUTH)};;\n"


def iso_intervals() -> str:
    heads = ("Intervalle", "Compétence", "Appels reçus", "Appels décrochés", "DMT")
    return table(heads, lambda s: (
        f"{s.start:%Y-%m-%dT%H:%M}/{s.end:%Y-%m-%dT%H:%M}", s.queue, s.offered, s.answered,
        f"{s.aht_s // 60}:{s.aht_s % 60:02}",
    ))  # fmt: skip


INTERVALS = [
    genesys_cloud_ms, genesys_cloud_total, genesys_wfm_import, avaya_cms, avaya_hsplit, cisco_uccx, cisco_ucce, ringcx,
    amazon_connect, injixo, french_sheet, iso_intervals,
]  # fmt: skip
WITHOUT_HANDLING_TIME = (avaya_hsplit, ringcx)
"""These give the parts of a handling time in several columns: left to a mapping by hand."""


def read(text: str, answers: dict[str, str] | None = None) -> ImportReport:
    log = read_log("export.csv", text.encode(), report=True)
    found = recognize_report(log.whole_frame(), None, answers, title=log.title)
    assert all(question.key in (answers or {}) for question in found.questions), found.questions
    mapping = dict(found.mapping)
    zone_name = mapping.pop("time_zone")
    return import_table(log, parse_mapping(mapping), zone_name)


def sum_of(report: ImportReport, queue: str) -> tuple[float, float, float]:
    """Return calls offered and answered and the mean handling time of a queue."""
    (one,) = [row for row in report.histories if row.programme == queue.lower()]
    return (
        float(one.offered.sum()),
        float(one.answered.sum()),
        float((one.aht_s * one.answered).sum() / one.answered.sum()),
    )


def truth_of(queue: str) -> tuple[float, float, float]:
    rows = [row for row in TRUTH if row.queue == queue]
    answered = sum(row.answered for row in rows)
    return sum(row.offered for row in rows), answered, sum(row.aht_s * row.answered for row in rows) / answered


@pytest.mark.parametrize("export", INTERVALS)
def test_intervals_of_each_suite_are_read_with_their_totals(export: Callable[[], str]) -> None:
    report = read(export())
    assert report.faults == ()
    for queue in QUEUES:
        offered, answered, aht_s = sum_of(report, queue)
        wanted = truth_of(queue)
        assert (offered, answered) == wanted[:2]
        if export not in WITHOUT_HANDLING_TIME:
            assert aht_s == pytest.approx(wanted[2], abs=0.02)


@pytest.mark.parametrize("export", INTERVALS)
def test_every_half_hour_is_where_it_was(export: Callable[[], str]) -> None:
    report = read(export())
    first = report.histories[0]
    held = dict(zip(first.starts.tolist(), first.offered.tolist(), strict=True))
    rows = [row for row in TRUTH if row.queue == QUEUES[0]]
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 (Paris is an hour ahead in November)
    assert held == {int((row.start - timedelta(hours=1) - epoch).total_seconds()): row.offered for row in rows}


def talkdesk_contacts() -> str:
    heads = ("interaction_id", "contact_type", "started_at", "wait_time", "talk_time", "handle_time", "ring_groups")
    return table(heads, lambda s: (
        f"i-{s.queue}-{s.start:%d%H%M}", "answered" if s.offered % 2 else "missed", f"{s.start:%Y-%m-%d %H:%M}:07", 12,
        s.aht_s - 9, s.aht_s, s.queue,
    ))  # fmt: skip


def five9_call_log() -> str:
    heads = ("CALL ID", "TIMESTAMP", "CAMPAIGN", "CALL TYPE", "AGENT", "DISPOSITION", "ANI", "DNIS", "SESSION ID")
    return table(heads, lambda s: (
        f"{s.start:%d%H%M}{QUEUES.index(s.queue)}", f"{s.start:%Y-%m-%d %H:%M}", s.queue, "Inbound", "x", "Sale",
        "0100000000", "0200000000", f"s{s.start:%d%H%M}",
    ))  # fmt: skip


def vocalcom_calls() -> str:
    heads = ("Indice", "CallType", "CallLocalTime", "Duration", "WaitDuration", "ConvDuration", "ANI", "DNIS",
             "LastCampaign", "NoAgent", "Overflow", "Abandon", "LastAgent")  # fmt: skip
    return table(heads, lambda s: (
        f"{s.start:%d%H%M}{QUEUES.index(s.queue)}", 1, f"{s.start:%Y%m%d%H%M}09", s.aht_s + 5, 5, s.aht_s, "01", "02",
        s.queue, 0, 0, int(s.offered % 2 == 0), "NULL",
    ), sep="\t")  # fmt: skip


@pytest.mark.parametrize("export", [talkdesk_contacts, five9_call_log, vocalcom_calls])
def test_logs_of_calls_are_read_one_call_a_row(export: Callable[[], str]) -> None:
    report = read(export())
    assert report.faults == ()
    for queue in QUEUES:
        (one,) = [row for row in report.histories if row.programme == queue.lower()]
        rows = [row for row in TRUTH if row.queue == queue]
        assert one.offered.sum() == len(rows)
        if export is not five9_call_log:  # "Sale" does not say whether a call was answered
            assert one.answered[one.offered > 0].sum() == sum(row.offered % 2 for row in rows)
        else:
            assert np.isnan(one.answered[one.offered > 0]).all()


def agent_states() -> str:
    heads = ("StartDate", "StartTime", "AgentID", "AgentActivityID")
    return table(heads, lambda s: (f"{s.start:%Y-%m-%d}", f"{s.start:%H:%M:%S}", "a1", "7"), sep=";")


def shifts() -> str:
    heads = ("Employee", "Start Date", "Start Time", "End Date", "End Time", "Location", "Area", "Meal Break (Mins)")
    return table(heads, lambda s: ("x", f"{s.start:%Y-%m-%d}", f"{s.start:%H:%M:%S}", "", "", "", s.queue, 30))


def agents_by_interval() -> str:
    heads = ("Interval Start", "Interval End", "Agent Id", "Agent Name", "Logged In", "On Queue", "Idle", "Off Queue")
    return table(heads, lambda s: (f"{s.start:%Y-%m-%dT%H:%M}", f"{s.end:%Y-%m-%dT%H:%M}", "a1", "x", 900, 400, 9, 0))


def strange_words() -> str:
    heads = ("Interval Start", "Queue Name", "Flow Out", "SL %")
    return table(heads, lambda s: (f"{s.start:%Y-%m-%dT%H:%M}", s.queue, s.offered, 91))


def silent_grid() -> str:
    return table(("Date", "Heure", "File", "Volume"), lambda s: (
        f"{s.start:%d/%m/%Y}", f"{s.start:%H:%M}", s.queue, s.offered
    ), sep=";")  # fmt: skip


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (agent_states, "a report of agents or a schedule"),
        (shifts, "a report of agents or a schedule"),
        (agents_by_interval, "a report of agents or a schedule"),
        (strange_words, "no column of offered calls"),
        (silent_grid, "no column of offered calls"),
    ],
)
def test_what_is_not_calls_by_queue_is_refused_in_words(export: Callable[[], str], words: str) -> None:
    with pytest.raises(UnrecognizedReportError, match=words):
        recognize_report(read_log("export.csv", export().encode(), report=True).whole_frame())


def test_a_unit_that_two_readings_leave_is_asked_for() -> None:
    text = table(("Date", "Heure", "File", "Appels reçus", "Appels traités", "DMT"), lambda s: (
        f"{s.start:%d/%m/%Y}", f"{s.start:%H:%M}", s.queue, s.offered, s.answered, 45.5
    ), sep=";")  # fmt: skip
    found = recognize_report(read_log("e.csv", text.encode(), report=True).frame)
    (question,) = found.questions
    assert (question.key, question.choices) == ("aht_unit", ("s", "min"))
    seconds, minutes = (read(text, {"aht_unit": unit}).histories[0].aht_s[0] for unit in ("s", "min"))
    assert (seconds, minutes) == (45.5, 45.5 * 60)


def test_the_order_of_day_and_month_is_asked_for_where_nothing_tells_it() -> None:
    text = "Date,Time,Queue,Calls Offered\n" + "".join(
        f"{a:02}/{b:02}/2026,{hour:02}:00,x,{hour}\n" for a, b in ((1, 5), (3, 9)) for hour in range(8, 12)
    )
    found = recognize_report(read_log("e.csv", text.encode(), report=True).frame)
    assert [question.key for question in found.questions] == ["date_order"]
    days = {
        order: [int(second) // 86_400 for second in read(text, {"date_order": order}).histories[0].starts[::4]]
        for order in ("d/m", "m/d")
    }
    assert days["d/m"] != days["m/d"]
    runs = text.replace("01/05", "02/01").replace("03/09", "02/02")  # 1 and 2 February, or 2 January and 2 February
    assert recognize_report(read_log("e.csv", runs.encode(), report=True).frame).questions == ()


@pytest.mark.parametrize("cells", ["1 234,5", "1\u202f234,5", "1.234,5", "1,234.5"])
def test_thousands_and_decimals_are_read_alike(cells: str) -> None:
    text = f"start;queue;offered;answered;aht\n2026-11-30T08:00;x;2000;2000;{cells}\n"
    report = read(text)
    assert report.histories[0].aht_s.tolist() == [1234.5]


def test_a_comma_in_a_count_parts_thousands_and_dashes_are_unknown() -> None:
    text = 'start,queue,offered,answered,aht\n2026-11-30T08:00,x,"1,234","1,200",245\n2026-11-30T08:30,x,12,--,--\n'
    report = read(text)
    assert report.faults == ()
    assert report.histories[0].offered.tolist() == [1234, 12]
    assert report.histories[0].answered.tolist()[0] == 1200


HEADS = st.permutations(["Date", "Heure", "File", "Appels reçus", "Appels traités", "DMT"])


@given(
    HEADS,
    st.sampled_from([("s", 1.0), ("ms", 1000.0), ("", 1.0)]),
    st.sampled_from([";", "\t", "|"]),
    st.sampled_from([str.upper, str.lower, str.title, lambda text: f" {text} "]),
)
def test_no_order_case_unit_or_separator_changes_what_is_read(
    heads: list[str], unit: tuple[str, float], sep: str, spell: Callable[[str], str]
) -> None:
    names, factor = unit
    cells: dict[str, Callable[[Slot], object]] = {
        "Date": lambda s: f"{s.start:%d/%m/%Y}",
        "Heure": lambda s: f"{s.start:%Hh%M}",
        "File": lambda s: s.queue,
        "Appels reçus": lambda s: s.offered,
        "Appels traités": lambda s: s.answered,
        "DMT": lambda s: round(s.aht_s * factor),
    }
    titles = [spell(head) + (f" ({names})" if head == "DMT" and names else "") for head in heads]
    report = read(table(titles, lambda s: [cells[head](s) for head in heads], sep=sep))
    assert report.faults == ()
    for queue in QUEUES:
        assert sum_of(report, queue) == pytest.approx(truth_of(queue))


def test_the_command_asks_what_the_file_leaves_open(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "history.csv"
    file.write_text(
        "Date;Heure;File;Appels reçus;DMT\n" + "".join(f"30/11/2026;{8 + n:02}:00;x;5;45.5\n" for n in range(9)),
        "utf-8",
    )
    command = ["demand", "import", str(file), "--out", str(out), "--lang", "en"]
    refused = CliRunner().invoke(main, [*command, "--yes"])
    assert refused.exit_code == 2
    assert "give one of --answer aht_unit=s, --answer aht_unit=min" in refused.stderr
    assert not out.exists()
    taken = CliRunner().invoke(main, [*command, "--yes", "--answer", "aht_unit=min"])
    assert taken.exit_code == 0, taken.output
    assert 'aht_unit = "min"' in taken.stderr
    asked = CliRunner().invoke(main, [*command, "--force"], input="s\ny\n")
    assert asked.exit_code == 0, asked.output
    assert "the unit of DMT" in asked.stderr


def hours(step: int = 60, days: int = 9) -> list[datetime]:
    return [
        FIRST + timedelta(days=day, minutes=480 + step * slot) for day in range(days) for slot in range(120 // step)
    ]


def lines(header: str, rows: Iterable[str]) -> str:
    return "\n".join((header, *rows)) + "\n"


LONG = {
    "an hour by its clock": lines(
        "Date;Heure;File;Appels reçus;Appels traités", (f"{at:%d/%m/%Y};{at:%H:%M};x;25;23" for at in hours())
    ),
    "an hour by its label": lines(
        "Date;Tranche;File;Appels reçus", (f"{at:%d/%m/%Y};{at.hour}h-{at.hour + 1}h;x;25" for at in hours())
    ),
    "a day by its start": lines(
        "Interval Start,Queue Name,Offer,Answer",
        (f"{FIRST + timedelta(days=day):%m/%d/%y} 12:00 AM,x,358,334" for day in range(14)),
    ),
    "a day in words": lines(
        "QueueName,TimeStamp,IntervalDuration,IncomingContactVolume",
        (f"x,{FIRST + timedelta(days=day):%Y-%m-%d}T00:00:00+01:00,daily,358" for day in range(9)),
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_rows_longer_than_half_an_hour_are_refused(name: str) -> None:
    with pytest.raises(UnrecognizedReportError, match="longer than half an hour"):
        recognize_report(read_log("e.csv", LONG[name].encode(), report=True).frame)


@pytest.mark.parametrize("column", ["Agent", "Ligne de produits"])
def test_rows_that_another_column_distinguishes_are_refused_by_its_name(column: str) -> None:
    text = lines(
        f"{column};Date;Heure;File;Appels reçus",
        (f"{who};{at:%d/%m/%Y};{at:%H:%M};x;4" for at in hours(30) for who in ("DURAND", "MARTIN")),
    )
    with pytest.raises(UnrecognizedReportError, match=f"36 of 72 rows repeat .* distinguished by {column}"):
        recognize_report(read_log("e.csv", text.encode(), report=True).frame)


@pytest.mark.parametrize(
    ("column", "kept", "other"),
    [("Media Type", "voice", "email"), ("Sens", "Entrant", "Sortant"), ("ChannelType", "VOICE", "CHAT")],
)
def test_other_media_and_outbound_calls_are_dropped_and_counted(column: str, kept: str, other: str) -> None:
    text = lines(
        f"Queue;{column};Date;Heure;Appels reçus;Traités;DMT (s)",
        (
            row
            for at in hours(30)
            for row in (f"x;{other};{at:%d/%m/%Y};{at:%H:%M};3;3;900", f"x;{kept};{at:%d/%m/%Y};{at:%H:%M};10;8;304")
        ),
    )
    report = read(text)
    assert report.faults == ()
    assert sum(report.rows.dropped.values()) == 36
    with override("fr"):
        said = ", ".join(map(translate_phrase, report.rows.phrases()))
    assert "hors téléphone" in said or "appels sortants" in said
    assert report.histories[0].offered.sum() == 360
    assert set(report.histories[0].aht_s.tolist()) == {304}


def test_an_interval_that_looks_like_an_offset_is_an_interval() -> None:
    text = lines(
        "Queue;Interval;Offered;Answered",
        (f"x;{at:%Y-%m-%d %H:%M}-{at + timedelta(minutes=30):%H:%M};25;23" for at in hours(30)),
    )
    report = read(text)
    assert report.faults == ()
    assert report.histories[0].starts[0] == int((FIRST - datetime(1970, 1, 1)).total_seconds()) + 7 * 3600  # noqa: DTZ001


def test_parts_of_a_handling_time_are_summed_and_outbound_calls_left_out() -> None:
    text = lines(
        "CALL ID,TIMESTAMP,CALL TYPE,DISPOSITION,ANI,DNIS,TALK TIME,HOLD TIME,AFTER CALL WORK TIME,ABANDONED,SKILL",
        (
            "1,2026-11-23 08:00:38,Inbound,Res,06,09,00:03:41,00:00:26,00:00:56,0,x",
            "2,2026-11-23 08:01:38,Inbound,,06,09,00:00:00,00:00:00,00:00:00,1,x",
            "3,2026-11-23 08:02:38,Manual,No Answer,09,06,00:09:00,00:00:00,00:00:09,0,x",
        ),
    )
    (one,) = read(text).histories
    assert (one.offered.tolist(), one.answered.tolist()) == ([2], [1])
    assert one.aht_s.tolist() == [221 + 26 + 56]


@pytest.mark.parametrize("cell", ["1899-12-31 00:05:04", "1899-12-30T00:05:04", "0:05:04", "5:04"])
def test_durations_are_read_as_spreadsheets_write_them(cell: str) -> None:
    text = lines("Start;Queue;Offered;Answered;AHT", (f"{at:%Y-%m-%d %H:%M};x;10;8;{cell}" for at in hours(30)))
    assert set(read(text).histories[0].aht_s.tolist()) == {304}


def test_a_handling_time_that_may_be_a_mean_or_a_total_is_asked_for() -> None:
    text = lines(
        "Start;Queue;Offered;Answered;Handle Time (s)", (f"{at:%Y-%m-%d %H:%M};x;10;8;2400" for at in hours(30))
    )
    found = recognize_report(read_log("e.csv", text.encode(), report=True).frame)
    assert [question.key for question in found.questions] == ["aht_kind"]
    assert read(text, {"aht_kind": "handle_s"}).histories[0].aht_s[0] == 300
    assert read(text, {"aht_kind": "aht_s"}).histories[0].aht_s[0] == 2400


def test_amazon_connect_counts_incoming_contacts() -> None:
    heads = "Queue,StartInterval,EndInterval,Contacts queued,Contacts handled,Contacts handled incoming"
    rows = [f"x,{at:%Y-%m-%dT%H:%M:%SZ},{at + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ},10,9,7" for at in hours(30)]
    whole = recognize_report(read_log("c.csv", lines(heads, rows).encode(), report=True).frame)
    assert whole.chosen["answered"] == "Contacts handled incoming"
    assert [note.template for note in whole.notes] == ["the times of {0} are written in UTC, and read so"]
    bare = read_log("c.csv", lines(heads, rows).encode(), report=True).frame.drop("Contacts handled incoming")
    beside = recognize_report(bare)
    assert beside.chosen["answered"] == "Contacts handled"
    assert "{0} may hold outgoing contacts, too" in [note.template for note in beside.notes]
    assert read(lines(heads, rows)).faults == ()


def test_what_has_no_column_is_named() -> None:
    text = lines("Start;Queue;Offered;Taux", (f"{at:%Y-%m-%d %H:%M};x;10;91" for at in hours(30)))
    assert recognize_report(read_log("e.csv", text.encode(), report=True).frame).missing == ("answered", "aht_s")


@pytest.mark.parametrize("written", ["%I:%M%p", "%I:%M %p", "%H%M", "%Hh%M", "%H:%M:%S"])
@pytest.mark.parametrize("day", ["%m/%d/%Y", "%Y%m%d", "%b %d, %Y", "%a, %d %b %Y", "%d.%m.%y"])
def test_days_and_times_of_day_are_read_in_each_form(day: str, written: str) -> None:
    text = lines("Date|Time|Queue|Calls Offered", (f"{at:{day}}|{at:{written}}|x|10" for at in hours(30, 12)))
    report = read(text)
    assert report.faults == ()
    wanted = [int((at - datetime(1970, 1, 1)).total_seconds()) - 3600 for at in hours(30, 12)]  # noqa: DTZ001
    assert report.histories[0].starts.tolist() == wanted


@pytest.mark.realdata
def test_a_real_table_of_counts_alone_is_asked_whether_they_were_offered_or_answered(shared_data: Path) -> None:
    name = "bank_calls_2003/bank_calls_5min_mar_aug.parquet"
    report = recognize_report(read_log(name, (shared_data / name).read_bytes(), report=True).whole_frame())
    assert "counts" in [question.key for question in report.questions]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("anonymousbank_1999/agent_busy_halfhour.parquet", "a row of this file is an interval"),
        ("anonymousbank_1999/calls_6min_1999_jan_jul.parquet", "a row of this file is an interval"),
        ("anonymousbank_1999/calls_1999_jan_feb.parquet", "no column of dates and times"),  # the time is in seconds
        ("anonymousbank_1999/halfhour_by_type.parquet", "no column of dates and times"),  # a slot's number
        ("earthquakes_usgs_m5/m5plus_2013_2023_wmed_madagascar.csv", "nothing says that a row of this file is a call"),
    ],
)
def test_real_tables_without_usual_headers_are_refused_and_never_misread(
    shared_data: Path, name: str, words: str
) -> None:
    log = read_log(name, (shared_data / name).read_bytes(), report=True)
    with pytest.raises(UnrecognizedReportError, match=words):
        recognize_report(log.whole_frame())
