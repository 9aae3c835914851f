"""A carrier's own record of calls shows those that never asked the gate."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from django.apps import apps

from releve.plugins.outbound.commands.outbound import outbound
from releve.plugins.outbound.engine.facts import Mandate
from releve.plugins.outbound.gate import carrier_records
from releve.plugins.outbound.gate.errors import OutcomeFault
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import Decision
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, phone, record_people

pytestmark = [pytest.mark.django_db, pytest.mark.database]
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OTHER = "+33162000009"
MAPPING = carrier_records.RecordMapping("called", "start", "caller")
WITHIN = timedelta(seconds=120)


@pytest.fixture(autouse=True)
def _numbers(db: None) -> None:
    record_people(range(1))
    mandate = Mandate("M2", "CLIENT-B", OTHER, AT.date() - timedelta(9), None, AT)
    load_facts([mandate], source="tests", by="tests")


def decide(person: int, at: datetime, *, allowed: bool = True, caller: str = CALLER) -> None:
    """Record a decision of the gate as it stands in the database."""
    Decision.objects.create(
        call_id=f"{person}-{at.timestamp()}-{caller}", cseq=1, at=at, campaign=CAMPAIGN,
        client=CLIENT, number=number_pseudonym(phone(person)), stand_in="+33100000000",
        caller=caller, call={}, allowed=allowed, legal=allowed, rules_version="1",
        zones_version="1", facts="",
    )  # fmt: skip


def compare(*lines: str, head: str = "start,caller,called", within: timedelta = WITHIN,
            mapping: carrier_records.RecordMapping = MAPPING) -> carrier_records.CarrierReport:  # fmt: skip
    return carrier_records.compare_record("cdr.csv", "\n".join([head, *lines]).encode(), mapping, within)


def line(person: int, at: datetime = AT, caller: str = CALLER) -> str:
    return f"{at.isoformat()},{caller},{phone(person)}"


def test_a_call_that_never_asked_is_counted_for_the_client_of_its_number() -> None:
    decide(0, AT - timedelta(seconds=1))
    report = compare(line(0), line(1), line(2, caller=OTHER), line(3, caller="+33162000099"))
    assert (report.calls, report.allowed) == (4, 1)
    assert [(call.row, call.client, call.refused) for call in report.unasked] == [
        (3, CLIENT, False), (4, "CLIENT-B", False), (5, "", False),
    ]  # fmt: skip
    assert report.by_client() == {"": (1, 0), CLIENT: (1, 0), "CLIENT-B": (1, 0)}


def test_one_decision_answers_for_one_call() -> None:
    decide(0, AT)
    report = compare(line(0), line(0, AT + timedelta(seconds=30)))
    assert [call.row for call in report.unasked] == [3]


@pytest.mark.parametrize(("seconds", "asked"), [(120, True), (121, False), (-2, True), (-3, False)])
def test_a_decision_answers_for_a_call_within_the_seconds_given(seconds: int, asked: bool) -> None:
    """A decision after the call permits nothing, apart from what clocks may differ by."""
    decide(0, AT)
    assert bool(compare(line(0, AT + timedelta(seconds=seconds))).unasked) is not asked


def test_a_decision_for_another_number_shown_does_not_answer() -> None:
    decide(0, AT, caller=OTHER)
    assert len(compare(line(0)).unasked) == 1
    without = carrier_records.RecordMapping("called", "start")
    assert not compare(line(0), mapping=without).unasked


def test_a_call_that_was_refused_and_left_all_the_same_is_named_so() -> None:
    decide(0, AT, allowed=False)
    report = compare(line(0))
    assert [(call.client, call.refused) for call in report.unasked] == [(CLIENT, True)]
    assert report.by_client() == {CLIENT: (0, 1)}


@pytest.mark.parametrize(
    ("start", "called"),
    [
        ("24/11/2026 10:30", "01 44 50 00 00"),
        ("2026-11-24 10:30:00", "33144500000"),
        ("2026-11-24T09:30:00Z", "0033144500000"),
        (str(int(AT.timestamp())), "sip:+33144500000@carrier.example;user=phone"),
        (str(int(AT.timestamp()) * 1000), "<tel:+33144500000>"),
    ],
)
def test_numbers_and_instants_are_read_as_carriers_write_them(start: str, called: str) -> None:
    decide(0, AT)
    report = compare(f'"{start}",{CALLER},"{called}"')
    assert (report.allowed, report.broken) == (1, ())


@pytest.mark.parametrize("digits", [".5", ".500", ".500000000", ",5", "500"])
def test_a_fraction_of_a_second_since_1970_is_part_of_the_instant(digits: str) -> None:
    report = compare(f'"{int(AT.timestamp())}{digits}",{CALLER},{phone(0)}')
    assert report.broken == ()
    assert [call.at for call in report.unasked] == [AT + timedelta(milliseconds=500)]


@pytest.mark.parametrize("written", ["144500000", "330144500000"])
def test_a_number_without_its_first_zero_is_the_french_one(written: str) -> None:
    """Nine digits are also those of a number in Australia or Luxembourg, without its +."""
    decide(0, AT)
    report = compare(f"{AT.isoformat()},{CALLER[3:]},{written}")
    assert (report.allowed, report.broken) == (1, ())


def test_an_hour_that_the_clock_shows_twice_is_looked_for_twice() -> None:
    decide(0, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    decide(1, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    report = compare(*(f"2026-10-25 02:30:00,{CALLER},{phone(n)}" for n in range(2)))
    assert report.allowed == 2


def test_rows_that_cannot_be_read_are_named_and_other_rows_are_left_out() -> None:
    decide(0, AT)
    mapping = carrier_records.RecordMapping("called", "start", "caller", {"direction": "out"})
    report = compare(
        f"{line(0)},out", f"{line(1)},in", f"yesterday,{CALLER},{phone(1)},out",
        f"{AT.isoformat()},{CALLER},٠١44500000,out", f"{AT.isoformat()},{CALLER},,out",
        head="start,caller,called,direction", mapping=mapping,
    )  # fmt: skip
    assert (report.calls, report.allowed, report.unasked, report.broken) == (4, 1, (), (4, 5, 6))


def test_parquet_instants_keep_their_zone(tmp_path: Path) -> None:
    decide(0, AT)
    start = pl.Series([AT], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Indian/Reunion")
    frame = pl.DataFrame({"start": start, "caller": [CALLER], "called": [phone(0)]})
    frame.write_parquet(tmp_path / "cdr.parquet")
    data = (tmp_path / "cdr.parquet").read_bytes()
    assert carrier_records.compare_record("cdr.parquet", data, MAPPING, WITHIN).allowed == 1


def test_no_number_that_was_called_is_stored_or_reported() -> None:
    found = compare(line(7))
    (row,) = csv.DictReader(io.StringIO(carrier_records.render_report(found)))
    assert row["number"] == number_pseudonym(phone(7))
    assert phone(7)[3:] not in carrier_records.render_report(found)
    for model in apps.get_models():
        for values in model._default_manager.values_list():
            assert phone(7)[3:] not in str(values)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "missing: called, at"), ("called=a", "missing: at"),
     ("called=a,at=b,to=c", "unknown: to"), ("called=a,called=b,at=c", "each once")],
)  # fmt: skip
def test_a_mapping_that_does_not_name_a_call_is_refused(text: str, said: str) -> None:
    with pytest.raises(OutcomeFault, match=said):
        carrier_records.parse_record_mapping(text, (), "Europe/Paris")


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(OutcomeFault, match="no column 'called'; write 'callled'"):
        compare("x,y,z", head="start,caller,callled")


def test_the_command_counts_by_client_and_fails_where_calls_did_not_ask(tmp_path: Path) -> None:
    decide(0, AT)
    file, report = tmp_path / "carrier.txt", tmp_path / "report.csv"
    head = "Début;Numéro affiché;Numéro appelé"
    rows = [f"24/11/2026 10:30;{CALLER};0144500000", f"24/11/2026 10:31;{CALLER};0144500001"]
    file.write_bytes("\n".join([head, *rows]).encode("cp1252"))
    mapping = "called=Numéro appelé,at=Début,caller=Numéro affiché"
    given = ["outcomes", str(file), "--map", mapping]
    found = CliRunner().invoke(outbound, [*given, "--report", str(report)])
    assert (found.exit_code, found.output) == (
        1,
        f"2 calls, 1 allowed by the gate, 1 not, 0 unreadable rows\n{CLIENT}: 1 never asked, 0 refused\n",
    )
    assert report.read_text(encoding="utf-8").splitlines()[1].startswith("3,2026-11-24T09:31:00")
    decide(1, AT + timedelta(minutes=1))
    assert CliRunner().invoke(outbound, given).exit_code == 0
    assert CliRunner().invoke(outbound, ["outcomes", str(tmp_path), "--map", mapping]).exit_code
