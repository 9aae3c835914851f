"""Every case of the tables, what they cannot say, and goods of the same nature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dateutil.easter import easter as almanac

from releve.plugins.outbound.engine import hours
from releve.plugins.outbound.engine.checks import INSTANTS
from releve.plugins.outbound.engine.errors import CallFault, FactFaults
from releve.plugins.outbound.engine.fact_tables import build_facts, read_tables
from releve.plugins.outbound.engine.facts import ITEMS, Callback
from releve.plugins.outbound.engine.judged_call import Call, build_judged_call
from releve.plugins.outbound.engine.legal_rows import LegalRules, find_legal_midnight
from releve.plugins.outbound.engine.numbers import Number, NumberTable, Prefix
from releve.plugins.outbound.engine.rule_files import built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.screening import COLUMNS, Screener
from releve.plugins.outbound.engine.verdict import CallVerdict, find_next_allowed, judge_call
from releve.plugins.outbound.engine.vocabulary import find_covering, find_finer_words, find_sector, get_vocabulary
from tests.outbound.people import frame_of, people_of
from tests.outbound.reasons import NAMES
from tests.outbound.table import CLIENT, Case, case_of, cases_of, instant
from tests.outbound.table import case_of as case_from

TABLES = {name: cases_of(name) for name in NAMES}
CASES = [case for table in TABLES.values() for case in table]
TICK = timedelta(microseconds=1)


def hold_for_each(table: str, check: Callable[[Case], None]) -> None:
    """Check every case of a table and name those that fail: two thousand tests cost more than their work."""
    faults = []
    for case in TABLES[table]:
        try:
            check(case)
        except AssertionError as fault:
            faults.append(f"{case}: {fault}")
    assert not faults, "\n".join(faults)


def check_verdict(case: Case) -> None:
    found = judge_call(case.call, case.facts, built_in_rules(), case.known_at)
    legal = {finding.id for finding in found.findings if finding.legal}
    ours = {finding.id for finding in found.findings if not finding.legal}
    assert (legal, ours) == (case.legal, case.policy)
    assert (found.legal, found.allowed) == (not legal, not legal | ours)
    if case.basis is not None:
        assert found.basis == case.basis
    if found.allowed:
        assert found.next_allowed == case.call.at
    if case.says_next:
        assert found.next_allowed == case.next
    for finding in found.findings:
        french, english = finding.says("fr"), finding.says("en")
        assert french != english
        assert not {"{", "}"}.intersection(french + english)


@pytest.mark.parametrize("table", TABLES)
def test_the_verdict_is_the_one_that_the_row_demands_and_says_why_in_both_languages(table: str) -> None:
    hold_for_each(table, check_verdict)


def check_next_instant(case: Case) -> None:
    found = find_next_allowed(case.call, case.facts, built_in_rules(), case.known_at)
    if found is None:
        return
    assert is_allowed(case, found)
    assert found == case.call.at or not is_allowed(case, found - TICK)
    assert found >= case.call.at


@pytest.mark.parametrize("table", TABLES)
def test_the_next_allowed_instant_is_allowed_and_the_one_just_before_is_not(table: str) -> None:
    hold_for_each(table, check_next_instant)


def is_allowed(case: Case, at: datetime) -> bool:
    """Return whether the call of a case is allowed at another instant, its registers read again."""
    call = case.call.moved_to(at)
    found = judge_call(call, case.facts, built_in_rules(), case.known_at, timed=False)
    return all(finding.row.parameters.get("what") == "stale" for finding in found.findings)


def test_the_cases_are_many_and_each_names_a_row_of_the_table() -> None:
    rows = {row.id for row in built_in_rules().rows}
    named = {case.row for case in CASES}
    assert len(CASES) >= 19 + 150
    assert len({case.id for case in CASES}) == len(CASES)
    assert named <= rows
    checked = {row.id for row in built_in_rules().rows if row.refuses is not None}
    assert checked == {row for case in CASES for row in case.legal | case.policy}


def test_every_file_of_cases_is_read() -> None:
    files = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    assert [file.name for file in files] == sorted(f"{name}.yaml" for name in NAMES)


RULES = built_in_rules()
RICH = {
    "id": "rich",
    "row": "FR-OPTIN-1",
    "at": "2026-11-24 10:30",
    "known_at": "2027-06-01 10:00",
    "consents": [
        {"at": "2026-09-15 11:00", "until": date(2027, 1, 10), "slot": "2026-12-01 11:00"},
        {"at": None, "id": "C9", "unreadable": "no-date"},
    ],
    "withdrawals": ["2026-12-03 09:00"],
    "refusals": ["2026-11-20 11:00"],
    "contracts": [{"first": date(2026, 12, 5), "last": date(2027, 2, 1)}],
    "callbacks": [{"at": "2026-11-17 18:00", "named": True}],
    "attempts": [{"at": "2026-11-10 11:00", "outcome": "abandoned"}],
    "listings": [{"at": "2026-10-01 00:00", "until": "2027-03-01 00:00"}],
    "scrubs": ["2026-11-01 09:00"],
    "mandates": [{"first": date(2026, 11, 1), "last": date(2026, 12, 24)}],
    "abandoned": [
        {"campaign": "autumn", "day": date(2026, 11, 23), "abandoned": 1, "handled": 9, "known": "2026-11-23 20:00"}
    ],
    "campaign": "autumn",
}


def at(text: str) -> datetime:
    return instant(text).astimezone(UTC)


def midnight(year: int, month: int, day: int) -> datetime:
    return find_legal_midnight(date(year, month, day))


COLLECTED, TAKEN, REFUSED = at("2026-09-15 11:00"), at("2026-12-03 09:00"), at("2026-11-20 11:00")
SLOT = {at("2026-12-01 10:55"), at("2026-12-01 11:05") + TICK}
CONSENT = {COLLECTED, TAKEN, REFUSED}
TRIED = at("2026-11-10 11:00")
WANTED: dict[tuple[str, str], set[datetime]] = {
    ("FR-OPTIN-1", "consent_required"): CONSENT,
    ("FR-OPTIN-1", "consent_proof"): CONSENT,
    ("FR-OPTIN-3", "consent_period"): CONSENT | {midnight(2027, 1, 11)},
    ("FR-OPTIN-4", "consent_object"): CONSENT | SLOT,
    ("FR-OPTIN-6", "consent_withdrawal"): CONSENT,
    ("FR-HOURS-2A", "exception_consent"): {COLLECTED, TAKEN, midnight(2027, 1, 11)},
    ("FR-HOURS-2B", "exception_slot"): {COLLECTED, TAKEN, midnight(2027, 1, 11)} | SLOT,
    ("FR-EXC-CONTRACT-2", "exception_contract"): {midnight(2026, 12, 5), midnight(2027, 2, 2)},
    ("IT-1-CONTRACT", "exception_contract"): {midnight(2026, 12, 5), midnight(2027, 3, 4)},
    ("FR-EXC-PRESS", "exception_object"): set(),
    ("FR-EXC-CALLBACK", "exception_callback"): {at("2026-11-17 18:00"), midnight(2026, 11, 24)},
    ("FR-INS-2", "exception_request"): {at("2026-11-17 18:00"), midnight(2026, 12, 18)},
    ("FR-BLOCTEL-1", "list_opposition"): {at("2026-10-01 00:00"), at("2027-03-01 00:00")},
    ("FR-BLOCTEL-2", "scrub"): {at("2026-11-01 09:00"), midnight(2026, 12, 2)},
    ("FR-CLI-1", "caller_mandate"): {midnight(2026, 11, 1), midnight(2026, 12, 25)},
    ("FR-CLI-8", "caller_link"): {midnight(2026, 11, 1), midnight(2026, 12, 25)},
    ("FR-REFUS-60", "silence"): {REFUSED, midnight(2027, 1, 20)},
    ("FR-DIAL-1", "pause"): {TRIED, TRIED + timedelta(hours=72)},
    ("FR-DIAL-1", "abandoned_rate"): {midnight(2026, 11, 23), midnight(2026, 11, 24)},
    ("FR-AUTO-1", "automated_consent"): CONSENT,
}


@pytest.mark.parametrize("which", list(WANTED), ids=str)
def test_a_row_names_exactly_the_instants_at_which_facts_may_change_it(which: tuple[str, str]) -> None:
    given = case_from(RICH)
    case = build_judged_call(given.call, given.facts, RULES, given.known_at)
    rows = [row for row in RULES.rows if (row.id, row.kind) == which]
    assert rows
    for row in rows:
        assert {moment.astimezone(UTC) for moment in INSTANTS[row.kind](row, case)} == WANTED[which]


def test_caps_change_when_attempts_are_made_and_when_they_leave_the_window() -> None:
    given = case_from(RICH)
    case = build_judged_call(given.call, given.facts, RULES, given.known_at)
    found = [set(INSTANTS["cap"](row, case)) for row in RULES.rows if row.id == "FR-FREQ-1"]
    assert {TRIED, midnight(2026, 12, 10)} in found
    assert {TRIED, TRIED + timedelta(hours=720)} in found


UNTIL: list[tuple[dict[str, Any], str | None]] = [
    ({}, "2026-11-24 13:00"),
    ({"at": "2026-11-24 14:00"}, "2026-11-24 20:00"),
    ({"consents": [{"at": "2026-09-15 11:00", "slot": "2026-11-24 10:30"}]}, "2026-11-24 10:35:00.000001"),
    ({"callee": "business"}, None),
    ({"mandates": [{"last": date(2026, 11, 23)}], "callee": "business"}, None),
]


@pytest.mark.parametrize(("change", "until"), UNTIL)
def test_an_allowed_verdict_stands_until_time_alone_ends_it(change: dict[str, Any], until: str | None) -> None:
    base = {"id": "u", "row": "FR-HOURS-1", "at": "2026-11-24 10:30", "consents": ["2026-09-15 11:00"]}
    given = case_from({**base, **change})
    found = judge_call(given.call, given.facts, RULES, given.known_at)
    assert found.allowed
    if until is not None:
        assert found.until == at(until)
    else:
        assert found.until is None or found.until > at("2026-12-01 00:00")


def test_a_refused_verdict_stands_until_nothing_and_says_when_next() -> None:
    given = case_from({"id": "r", "row": "FR-HOURS-1", "at": "2026-11-24 13:00", "consents": ["2026-09-15 11:00"]})
    found = judge_call(given.call, given.facts, RULES, given.known_at)
    assert (found.until, found.next_allowed) == (None, at("2026-11-24 14:00"))


def findings(entry: dict[str, Any]) -> dict[str, Any]:
    given = case_from({"id": "q", "row": "FR-OPTIN-1", "at": "2026-11-24 10:30", **entry})
    return {f.id: dict(f.quotes) for f in judge_call(given.call, given.facts, RULES, given.known_at).findings}


@pytest.mark.parametrize(
    ("entry", "row", "quotes"),
    [
        ({"persons": []}, "FR-DATA-PERSON", {"detail": "no-person"}),
        ({"persons": ["a", "b"]}, "FR-DATA-PERSON", {"detail": "several-persons"}),
        ({"number": "abc"}, "FR-DATA-NUMBER", {"detail": "malformed"}),
        ({"number": ""}, "FR-DATA-NUMBER", {"detail": "empty"}),
        ({"number": "144556677"}, "FR-DATA-NUMBER", {"detail": "leading-zero-lost"}),
        ({"number": "3,31E+10"}, "FR-DATA-NUMBER", {"detail": "spreadsheet-figure"}),
        ({"number": "+999123456789"}, "FR-DATA-NUMBER", {"detail": "malformed"}),
        ({"number": "0044 20 7123 4567"}, "ANY-DATA-JURISDICTION", {"detail": "foreign"}),
        ({"feeds": {"attempts": "2026-11-24 10:14:59"}}, "FR-DATA-STALE",
         {"registers": (("attempts", at("2026-11-24 10:14:59")),), "minutes": 15}),
        ({"feeds": {"attempts": "never", "refusals": "never"}}, "FR-DATA-STALE",
         {"registers": (("attempts", None), ("refusals", None)), "minutes": 15}),
    ],
)  # fmt: skip
def test_a_refusal_quotes_what_it_rests_on(entry: dict[str, Any], row: str, quotes: dict[str, Any]) -> None:
    assert findings(entry)[row] == quotes


def test_a_call_has_an_offset_and_judging_too() -> None:
    with pytest.raises(CallFault, match="no offset"):
        Call("A", "+33144556677", datetime(2026, 11, 24, 10), "electricity")  # noqa: DTZ001
    given = case_from({"id": "x", "row": "FR-OPTIN-1", "at": "2026-11-24 10:30"})
    with pytest.raises(CallFault, match="known_at has no offset"):
        judge_call(given.call, given.facts, RULES, datetime(2026, 11, 24, 10))  # noqa: DTZ001


def test_a_finding_says_whether_something_is_unknown() -> None:
    given = case_from({"id": "k", "row": "FR-OPTIN-1", "at": "2026-11-24 13:30", "persons": []})
    found = judge_call(given.call, given.facts, RULES, given.known_at).findings
    assert {f.id for f in found if f.unknown} == {"FR-DATA-PERSON"}
    assert {f.id for f in found if not f.unknown} == {"FR-OPTIN-1", "FR-HOURS-1"}


def test_defaults_are_the_cautious_ones() -> None:
    assert Prefix("+33", "x").callee
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    asked = Callback("R", "A", "P", moment, moment, frozenset())
    assert (asked.named, asked.in_call) == (False, False)
    assert Number("x").callee is False
    assert RULES.numbers.number("+442071234567", moment.date()).callee
    call = Call("A", "+33144556677", moment, "electricity")
    assert (call.mobile_terminal, call.authenticated) == (False, None)


def test_the_version_of_a_row_tells_its_first_day() -> None:
    assert {row.version for row in RULES.rows if row.id == "FR-DATA-STALE"} == {"FR-DATA-STALE@always"}
    versions = {row.version for row in RULES.rows if row.id == "FR-REFUS-60"}
    assert versions == {"FR-REFUS-60@2023-03-01", "FR-REFUS-60@2026-08-11"}


def test_attempts_are_counted_in_the_window_and_not_where_no_cap_binds() -> None:
    tried = {"attempts": ["2026-11-20 11:00", "2026-10-26 00:00", "2026-10-25 23:59"]}
    for change, count in (({}, 2), ({"callee": "business"}, 0)):
        given = case_from({"id": "n", "row": "FR-FREQ-1", "at": "2026-11-24 10:30", **tried, **change})
        assert judge_call(given.call, given.facts, RULES, given.known_at).attempts == count


def test_the_basis_is_the_consent_before_that_of_a_further_row() -> None:
    given = case_from({
        "id": "g", "row": "FR-INS-2", "at": "2026-11-24 10:30", "object": "insurance",
        "contracts": [{"first": date(2024, 1, 10), "objects": ["insurance"]}],
        "callbacks": [{"at": "2026-11-02 09:00", "objects": ["insurance"], "named": True}],
        "refusals": [{"at": "2026-01-10 11:00", "kind": "not-interested"}],
    })  # fmt: skip
    found = judge_call(given.call, given.facts, RULES, given.known_at)
    assert found.allowed
    assert (found.basis, [lift.basis for lift in found.lifted]) == ("contract:K1", ["contract:K1", "callback:R1"])


def test_windows_may_end_at_midnight_and_each_is_held_to_the_one_before() -> None:
    assert len(hours.parse_windows({})) == 7
    late = hours.WeekHours(hours.parse_windows({"tuesday": ["20:00-24:00"]}))
    moment = at("2026-11-24 23:59")
    assert hours.find_closing(late, ("Europe/Paris",), moment) == hours.find_local_midnight(
        date(2026, 11, 25), "Europe/Paris"
    )
    assert hours.find_closing(late, ("Europe/Paris",), at("2026-11-25 00:00")) is None
    assert hours.find_opening(late, ("Europe/Paris",), at("2026-11-25 00:00")) == at("2026-12-01 20:00")
    with pytest.raises(ValueError, match="overlaps"):
        hours.parse_windows({"monday": ["08:00-09:00", "10:00-13:00", "12:00-14:00"]})
    with pytest.raises(ValueError, match="before it starts"):
        hours.parse_windows({"monday": ["10:00-10:00"]})
    assert hours.parse_windows({"monday": ["08:00-10:00", "10:00-13:00"]})[0] == ((480, 600), (600, 780))


def test_easter_is_that_of_an_independent_computation_for_seven_centuries() -> None:
    years = range(1600, 2300)
    assert [hours.compute_easter(year) for year in years] == [almanac(year) for year in years]


def test_a_scrub_against_another_list_or_still_to_come_is_none() -> None:
    for scrub in ({"list": "rpo", "at": "2026-08-01 09:00"}, {"at": "2026-08-10 10:31"}):
        entry = {"at": "2026-08-10 10:30", "known_at": "2026-08-10 12:00", "scrubs": [scrub]}
        assert "FR-BLOCTEL-2" in findings(entry)


def test_a_request_counts_from_its_very_instant() -> None:
    given = case_from({
        "id": "i", "row": "FR-INS-2", "at": "2026-11-24 10:30", "object": "insurance",
        "consents": [{"at": "2026-09-15 11:00", "objects": ["insurance"]}],
        "callbacks": [{"at": "2026-11-24 10:30", "objects": ["insurance"], "named": True}],
        "refusals": [{"at": "2026-01-10 11:00", "kind": "not-interested"}],
    })  # fmt: skip
    assert judge_call(given.call, given.facts, RULES, given.known_at).allowed


DATES = """
FR-SCOPE-1 H 2016-06-01 -
FR-BLOCTEL-1 H 2016-06-01 2026-08-10
FR-BLOCTEL-2 H 2016-06-01 2026-08-10
FR-BLOCTEL-3 H 2016-07-01 2026-08-10
FR-OPTIN-1 H 2026-08-11 -
FR-OPTIN-2 H 2026-08-11 -
FR-OPTIN-3 H 2026-08-11 -
FR-OPTIN-4 H 2026-08-11 -
FR-OPTIN-5 I 2026-08-11 -
FR-OPTIN-6 H 2026-08-11 -
FR-OPTIN-7 I 2026-08-11 -
FR-OPTIN-8 I 2025-07-02 -
FR-EXC-CONTRACT-0 H 2016-06-01 2020-07-25
FR-EXC-CONTRACT-1 H 2020-07-26 2026-08-10
FR-EXC-CONTRACT-2 H 2026-08-11 -
FR-EXC-PRESS H 2016-06-01 -
FR-EXC-FOOD N 2026-08-11 -
FR-EXC-CALLBACK H 2026-08-11 -
FR-HOURS-1 H 2023-03-01 -
FR-HOURS-2A H 2023-03-01 2026-08-10
FR-HOURS-2B H 2026-08-11 -
FR-HOLI-1 H 2023-03-01 -
FR-HOLI-2 P 2023-03-01 -
FR-TZ-1 H 2023-03-01 -
FR-FREQ-1 H 2023-03-01 -
FR-FREQ-1 P 2023-03-01 -
FR-REFUS-60 H 2023-03-01 2026-08-10
FR-REFUS-60 P 2026-08-11 -
FR-REFUS-STOP P 2026-08-11 -
FR-BAN-ENERGY-1 H 2020-07-26 2026-08-10
FR-BAN-ENERGY-2 H 2026-08-11 -
FR-BAN-ENERGY-2 P 2025-07-02 2026-08-10
FR-BAN-ENERGY-MSG H 2025-07-02 -
FR-BAN-CPF H 2022-12-21 -
FR-INS-1 I 2022-04-01 -
FR-INS-2 H 2022-04-01 -
FR-ID-1 I 2016-07-01 -
FR-CLI-2 H 2016-08-01 -
FR-CLI-3 H 2023-01-01 -
FR-CLI-3-OLD N 2019-08-01 2021-02-12
FR-CLI-4 H 2023-01-01 -
FR-CLI-5 H 2023-07-25 -
FR-CLI-6 H 2026-01-01 -
FR-CLI-6-MF H 2028-01-01 -
FR-CLI-7 H 2019-08-01 2021-02-12
FR-CLI-7 H 2023-07-25 -
FR-DIAL-1 P - -
FR-SANC-1 N 2020-07-26 -
FR-LIAB-1 N 2020-07-26 -
FR-NULL-1 N 2020-07-26 -
FR-SANC-2 N 2025-07-02 -
FR-COOP-1 N 2025-07-02 -
ES-1 H 2023-06-29 -
ES-3 H 2025-06-07 -
ES-4 H 2025-12-28 -
BE-1 H 2015-01-01 -
IT-1 H 2022-07-27 -
IT-3 H 2025-08-19 -
IT-3-MOBILE H 2025-11-19 -
"""


def test_the_rows_bind_from_and_to_the_days_of_the_notes_on_the_law() -> None:
    given = {(row.id, row.gate, str(row.first or "-"), str(row.last or "-")) for row in RULES.rows}
    wanted = {tuple(line.split()) for line in DATES.strip().splitlines()}
    assert wanted <= given
    for name, gate, first, last in wanted:
        rows = [row for row in RULES.rows if (row.id, row.gate) == (name, gate)]
        day = timedelta(days=1)
        if first != "-":
            start = date.fromisoformat(first)
            mine = [row for row in rows if row.first == start]
            assert all(row.binds_on(start) and not row.binds_on(start - day) for row in mine)
        if last != "-":
            end = date.fromisoformat(last)
            mine = [row for row in rows if row.last == end]
            assert all(row.binds_on(end) and not row.binds_on(end + day) for row in mine)


def test_a_row_that_is_closed_ends_the_day_before_at_midnight_in_paris() -> None:
    closing = "jurisdiction: FR\nrows:\n- closes: FR-HOURS-1\n  from: 2026-12-01\n  reason: annulled\n"
    closed = load_rules({**built_in_texts(), "~closing.yaml": closing})
    base = {"id": "c", "row": "FR-HOURS-1", "consents": ["2026-09-15 11:00"]}
    for when, allowed in (("2026-11-30 23:59:59", False), ("2026-12-01 00:00", True)):
        given = case_from({**base, "at": when})
        assert judge_call(given.call, given.facts, closed, given.known_at).allowed is allowed


def test_the_last_count_of_a_day_is_the_one_that_tells() -> None:
    counts = [
        {"campaign": "autumn", "day": date(2026, 11, 24), "abandoned": a, "handled": h, "known": k}
        for a, h, k in ((1, 99, "2026-11-24 10:00"), (5, 95, "2026-11-24 10:20"))
    ]
    entry = {"mode": "predictive", "campaign": "autumn", "abandoned": counts}
    assert findings(entry)["FR-DIAL-1"]["rate"] == pytest.approx(5)


def test_a_rule_of_a_year_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="neither MM-DD nor easter"):
        hours.parse_day_rules(("tomorrow",))
    with pytest.raises(ValueError, match="day"):
        hours.parse_day_rules(("02-29",))


def test_the_numbering_plan_changes_when_a_range_starts_and_the_day_after_it_ends() -> None:
    first, last = date(2026, 1, 1), date(2026, 6, 30)
    table = NumberTable((Prefix("+33162", "npv", first=first, last=last),), (), ())
    assert table.changes() == {first, date(2026, 7, 1)}


AT = "2026-11-24 10:30"
OBJECTS = get_vocabulary("object")
WIDE = "- {amends: FR-OBJECT, from: 2026-11-01, parameters: {reach: family}, applies: {clients: [%s]}}\n"


def law(rows: str) -> LegalRules:
    return load_rules({**built_in_texts(), "house.yaml": f"jurisdiction: FR\nrows:\n{rows}"})


def judged(call: str, rules: LegalRules | None = None, at: str = AT, **basis: object) -> CallVerdict:
    case = case_of({"id": "n", "row": "FR-OBJECT", "at": at, "object": call, **basis})
    return judge_call(case.call, case.facts, rules or built_in_rules(), case.known_at)


def test_no_word_but_itself_covers_a_word_and_none_covers_a_coarse_one() -> None:
    for word in OBJECTS.words:
        assert find_covering(word.id) == (frozenset() if word.coarse else {word.id})
        assert bool(find_finer_words(word.id)) == word.coarse
        assert not any(OBJECTS.by_id[finer].coarse for finer in find_finer_words(word.id))


@pytest.mark.parametrize("basis", ["consents", "contracts"])
def test_a_house_row_reads_by_family_for_its_client_from_its_day(basis: str) -> None:
    first = instant("2025-01-10").date()
    given = {"consents": [{"at": "2026-09-15 11:00", "objects": ["gate"]}],
             "contracts": [{"first": first, "objects": ["gate"]}]}  # fmt: skip
    one = {basis: given[basis]}
    wide, other = law(WIDE % CLIENT), law(WIDE % "CLIENT-B")
    assert not judged("swimming-pool", **one).allowed
    assert judged("swimming-pool", wide, **one).allowed
    assert judged("swimming-pool", wide, **one).legal
    assert not judged("swimming-pool", other, **one).allowed
    assert not judged("swimming-pool", wide, at="2026-10-30 10:30", **one).allowed
    assert not judged("cosmetics", wide, **one).allowed
    assert not judged("home-works", wide, **one).allowed


def test_the_wider_reading_is_off_and_states_its_own_doubt() -> None:
    rows = [row for row in built_in_rules().rows if row.kind == "object_match"]
    assert {(row.gate, row.parameters["reach"]) for row in rows} == {("P", "nature")}
    for row in (*rows, *(r for r in law(WIDE % CLIENT).rows if r.kind == "object_match")):
        assert row.unsure
        assert row.doubt is not None
        assert "off by default" in row.doubt.en


def test_a_refusal_for_a_coarse_word_names_the_finer_ones() -> None:
    found = judged("books", contracts=[{"first": instant(AT).date(), "objects": ["goods"]}])
    (finding,) = found.findings
    assert "« autres biens » (table des contrats « contracts », colonne « objects »)" in (
        finding.says("fr").replace("\u202f", " ")
    )
    assert '"other goods" (table "contracts", column "objects") is too coarse: name book' in (finding.says("en"))
    found = judged("books", consents=[{"at": "2026-09-15 11:00", "objects": ["goods"]}])
    assert "other goods, too coarse a word: name book, cosmetics" in found.findings[0].says("en")
    found = judged("credit")
    assert 'The word "credit" (object of the call) is too coarse: name consumer loan' in (found.findings[0].says("en"))


@pytest.mark.parametrize("table", ["consents", "contracts", "callbacks"])
def test_a_table_with_a_coarse_word_is_refused_with_the_finer_words(table: str) -> None:
    heads = {"consents": "collected_at", "contracts": "first", "callbacks": "requested_at"}
    at = "2026-09-15" if table == "contracts" else "2026-09-15T11:00:00+02:00"
    text = f"id,client,person,{heads[table]},objects\nX1,A,P1,{at},electricity|Crédit\n"
    with pytest.raises(FactFaults) as refused:
        read_tables({f"{table}.csv": text.encode()})
    assert "too coarse: it does not say the nature of the goods" in str(refused.value)
    assert "one of loan, debt-consolidation, revolving-credit, mortgage" in str(refused.value)


@pytest.mark.parametrize("wide", [False, True])
def test_screening_matches_objects_as_the_plain_engine_does(wide: bool) -> None:
    words = ("life-insurance", "insurance", "funeral-insurance", "death-insurance", "goods", "book")
    pairs = list(product(("consents", "contracts"), words))
    at = instant("2026-11-24 11:00")
    _, frames = people_of(1, at, 1)
    kept = ("feeds", "mandates", "scrubs", "clients")
    frames = {name: frame if name in kept else frame.clear() for name, frame in frames.items()}
    numbers = [f"+3314455{place:04d}" for place in range(len(pairs))]
    people = [{"person": f"P{n}", "number": number} for n, number in enumerate(numbers)]
    frames["people"] = frame_of("people", people)
    for table in ("consents", "contracts"):
        common = {"client": CLIENT, "items": list(ITEMS), "proof": "x", "first": at.date(),
                  "collected_at": instant("2026-09-15 11:00"), "act": "signature",
                  "known_at": instant("2026-09-15 11:00")}  # fmt: skip
        entries = [
            {**common, "id": f"X{n}", "person": f"P{n}", "objects": [word]}
            for n, (kind, word) in enumerate(pairs)
            if kind == table
        ]
        frames[table] = frame_of(table, entries)
    rules = law(WIDE % CLIENT) if wide else built_in_rules()
    rows, facts, allowed = pl.DataFrame({"number": numbers}), build_facts(frames), 0
    for word in words:
        base = case_of({"id": "", "row": "", "at": "2026-11-24 11:00", "object": word}).call
        base = replace(base, sector=find_sector(word))
        found = Screener(base, frames, rules, at).screen(rows).select(COLUMNS)
        for number, got in zip(numbers, found.iter_rows(named=True), strict=True):
            one = judge_call(replace(base, number=number), facts, rules, at)
            assert (got["allowed"], got["rules"]) == (one.allowed, "|".join(one.rules))
            allowed += one.allowed
    assert allowed == (30 if wide else 10)


def test_the_pairs_are_the_eight_words_and_fifty_more() -> None:
    cases = [case.id.rpartition(".")[0] for case in cases_of("nature")]
    words = [name for name in cases if "eight-words" in name]
    assert len(cases) - len(words) >= 50
    assert len([name for name in words if "alone" in name]) == 8
