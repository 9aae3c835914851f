"""What a verdict tells besides its answer, and the edges of rows that no table of cases reaches."""

from __future__ import annotations

from dataclasses import MISSING, astuple, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_type_hints

import pytest

from releve.network.moments import zone
from releve.plugins.outbound.engine.errors import CallFault, LegalRowFaults
from releve.plugins.outbound.engine.exceptions import find_last_day
from releve.plugins.outbound.engine.fact_files import TABLES
from releve.plugins.outbound.engine.facts import (
    Abandoned,
    Attempt,
    Callback,
    Consent,
    Contract,
    Facts,
    Listing,
    Mandate,
    Person,
    Scrub,
    SpokenRefusal,
    Watermark,
    Withdrawal,
)
from releve.plugins.outbound.engine.hours import WeekHours, parse_day_rules, parse_windows
from releve.plugins.outbound.engine.judged_call import Call, build_judged_call, find_territory
from releve.plugins.outbound.engine.legal_rows import LegalRules, Words
from releve.plugins.outbound.engine.numbers import NumberTable, Prefix
from releve.plugins.outbound.engine.rule_files import built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, list_word_columns
from tests.outbound.table import CLIENT, NUMBER, PERSON, case_of, instant

RULES = built_in_rules()
FRANCE, GUADELOUPE = RULES.territories["FR"].name, RULES.territories["GP"].name
CONSENT = "2026-09-15 11:00"
(HOLIDAYS,) = (row.parameters["days"] for row in RULES.rows if row.id == "FR-HOLI-1")


def at(text: str) -> datetime:
    return instant(text).astimezone(UTC)


def judged(entry: dict[str, Any], rules: LegalRules = RULES) -> CallVerdict:
    values = case_of({"id": "d", "row": "FR-OPTIN-1", "at": "2026-11-24 10:30", **entry})
    return judge_call(values.call, values.facts, rules, values.known_at)


def with_rows(rows: str) -> LegalRules:
    """Return the law with further rows for France."""
    return load_rules({**built_in_texts(), "~more.yaml": f"jurisdiction: FR\nrows:\n{rows}"})


QUOTED: list[tuple[str, str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("FR-BAN-ENERGY-2", "forbidden_object", {"object": "energy-works"},
     {"object": "energy-works"}, ()),
    ("FR-BLOCTEL-1", "list_opposition",
     {"at": "2026-08-10 10:30", "listings": ["2026-02-05 00:00", "2026-01-05 00:00"]},
     {"list": "bloctel", "since": at("2026-01-05 00:00")}, ()),
    ("FR-BLOCTEL-2", "scrub",
     {"at": "2026-08-10 10:30", "scrubs": ["2026-06-01 09:00", "2026-05-01 09:00"]},
     {"list": "bloctel", "days": 30, "scrubbed": at("2026-06-01 09:00")}, ()),
    ("FR-BLOCTEL-2", "scrub", {"at": "2026-08-10 10:30"},
     {"list": "bloctel", "days": 30, "scrubbed": None}, ()),
    ("FR-AUTO-1", "automated_consent", {"mode": "robot"}, {"mode": "robot"}, ()),
    ("FR-OPTIN-1", "consent_required", {}, {"coarse": ()}, ()),
    ("FR-OPTIN-1", "consent_proof", {"consents": [{"at": CONSENT, "proof": ""}]},
     {"consent": "C1"}, ("C1",)),
    ("FR-OPTIN-2", "consent_items",
     {"consents": [{"at": CONSENT, "lacks": ["choice"], "act": "pre-ticked-box"}]},
     {"consent": "C1", "missing": ("choice",), "act": "pre-ticked-box"}, ("C1",)),
    ("FR-OPTIN-3", "consent_period", {"consents": [{"at": CONSENT, "until": date(2026, 11, 20)}]},
     {"consent": "C1", "given": at(CONSENT), "last": date(2026, 11, 20)}, ("C1",)),
    ("FR-OPTIN-4", "consent_object",
     {"consents": [{"at": CONSENT, "objects": ["gas"], "slot": "2026-11-24 11:00"}]},
     {"consent": "C1", "consented": ("gas",), "offered": "electricity",
      "slot": (at("2026-11-24 11:00"),)}, ("C1",)),
    ("FR-OPTIN-6", "consent_withdrawal",
     {"consents": [CONSENT], "withdrawals": ["2026-11-20 09:00", "2026-11-19 09:00"]},
     {"consent": "C1", "withdrawn": at("2026-11-19 09:00")}, ("C1",)),
    ("FR-REFUS-STOP", "consent_refusal",
     {"consents": [CONSENT], "refusals": [{"at": "2026-11-20 09:00", "basis": "consent:C1"}]},
     {"consent": "C1", "refused": at("2026-11-20 09:00")}, ("C1",)),
    ("FR-HOURS-1", "hours", {"at": "2026-11-24 13:00", "consents": [CONSENT]},
     {"territory": FRANCE, "local": instant("2026-11-24 13:00"), "zones": ("Europe/Paris",),
      "week": WeekHours(parse_windows({"monday-friday": ["10:00-13:00", "14:00-20:00"]}),
                        HOLIDAYS)},
     ()),
    ("FR-HOLI-2", "local_holidays",
     {"at": "2026-05-27 16:00", "number": "+590590112233"},
     {"territory": GUADELOUPE, "day": date(2026, 5, 27), "unsure": True}, ()),
    ("FR-FREQ-1", "cap", {"attempts": [f"2026-11-{day} 11:00" for day in (20, 18, 19, 17)]},
     {"count": 4, "most": 4, "zone": "Europe/Paris",
      "attempts": tuple(at(f"2026-11-{day} 11:00") for day in (17, 18, 19, 20))},
     ("A4", "A2", "A3", "A1")),
    ("FR-REFUS-60", "silence", {"refusals": ["2026-11-20 09:00"]},
     {"refused": at("2026-11-20 09:00"), "again": date(2027, 1, 20)}, ()),
    ("FR-INS-1", "silence",
     {"object": "insurance", "refusals": [{"at": "2026-01-10 11:00", "kind": "not-interested"}]},
     {"refused": at("2026-01-10 11:00"), "again": None}, ()),
    ("FR-DIAL-1", "pause",
     {"mode": "predictive",
      "attempts": [{"at": f"2026-11-{day} 11:00", "outcome": "abandoned"} for day in (23, 22)]},
     {"last": at("2026-11-23 11:00"), "hours": 72}, ()),
    ("FR-DIAL-1", "abandoned_rate",
     {"mode": "predictive", "campaign": "autumn",
      "abandoned": [{"campaign": "autumn", "day": date(2026, 11, 24), "abandoned": 1,
                     "handled": 19, "known": "2026-11-24 10:00"}]},
     {"rate": pytest.approx(5.0), "most": 3.0}, ()),
    ("FR-CLI-1", "caller_shown", {"caller": ""}, {}, ()),
    ("FR-CLI-1", "caller_mandate", {"mandates": [{"last": date(2026, 11, 23)}]},
     {"caller": "+33162000001"}, ()),
    ("FR-CLI-8", "caller_link", {"caller": "+33144000001", "mandates": [{"linked": False}]},
     {"caller": "+33144000001"}, ("M1",)),
    ("FR-CLI-4", "caller_class", {"caller": "+33612345678"},
     {"caller_class": "mobile", "mode": "manual"}, ()),
    ("FR-CLI-5", "authentication", {"authenticated": False}, {"origin": "FR"}, ()),
    ("FR-CLI-6", "authentication", {"caller": "+33144000001", "origin": "MA"},
     {"origin": "MA"}, ()),
    ("FR-CLI-7", "authentication", {"caller": "+33144000001", "origin": "MA"},
     {"origin": "MA"}, ()),
    ("FR-DATA-OBJECT", "data", {"object": ""}, {"detail": "empty"}, ()),
    ("FR-DATA-ZONE", "data", {"address": "nowhere"}, {"detail": "address-unreadable"}, ()),
    ("FR-DATA-CALLER", "data", {"caller": "abc"}, {"detail": "malformed"}, ()),
    ("FR-DATA-CONSENT", "data",
     {"consents": [{"at": None, "id": "C9", "unreadable": "no-offset"}]},
     {"consent": "C9", "detail": "no-offset"}, ("C9",)),
    ("FR-DATA-CONSENT", "data", {"consents": [{"at": None, "id": "C9"}]},
     {"consent": "C9", "detail": "no-date"}, ("C9",)),
]  # fmt: skip


@pytest.mark.parametrize(("row", "kind", "entry", "quotes", "facts"), QUOTED)
def test_each_kind_of_row_quotes_what_it_rests_on_and_says_so_in_its_own_words(
    row: str, kind: str, entry: dict[str, Any], quotes: dict[str, Any], facts: tuple[str, ...]
) -> None:
    met = [f for f in judged(entry).findings if (f.id, f.row.kind) == (row, kind)]
    assert met
    for finding in met:
        assert (dict(finding.quotes), finding.facts) == (quotes, facts)
        refuses = finding.row.refuses
        assert isinstance(refuses, Words)
        for language in ("fr", "en"):
            head = refuses.of(language).partition("{")[0]
            assert finding.says(language).startswith(head)
            assert finding.remedy(language)


def test_every_kind_that_can_refuse_is_quoted_above() -> None:
    kinds = {row.kind for row in RULES.rows if row.refuses is not None}
    assert kinds == {kind for _, kind, _, _, _ in QUOTED}


def test_a_call_of_which_no_more_is_said_is_dialled_by_hand_to_prospect_and_shows_nothing() -> None:
    at = datetime(2026, 11, 20, 11, tzinfo=UTC)
    said = ("A", "+33144556677", at, "gas")
    assert astuple(Call(*said)) == (
        *said, "", "", "", "", "", "prospecting", "voice", "manual", "", None, False, "", "", ""
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["callee", "purpose", "channel", "mode"])
def test_a_call_of_an_unknown_kind_is_no_call(wrong: str) -> None:
    with pytest.raises(CallFault, match=f"{wrong} 'telex' is not one of"):
        Call(CLIENT, NUMBER, at("2026-11-24 10:30"), "electricity", **{wrong: "telex"})


def test_the_duties_of_a_call_are_the_texts_in_force_that_nothing_lifts() -> None:
    ours = {row.id for row in judged({"consents": [CONSENT]}).duties}
    assert ours == {"FR-ID-1", "FR-OPTIN-5", "FR-OPTIN-7", "FR-OPTIN-8", "FR-TZ-1"}
    sold = {row.id for row in judged({"object": "insurance"}).duties}
    assert sold == ours | {"FR-INS-1"}
    running = {"first": date(2024, 1, 10), "objects": ["insurance"]}
    lifted = {row.id for row in judged({"object": "insurance", "contracts": [running]}).duties}
    assert lifted == ours
    before = {row.id for row in judged({"at": "2026-08-10 10:30"}).duties}
    assert before == {"FR-BLOCTEL-3", "FR-ID-1", "FR-OPTIN-8", "FR-TZ-1"}
    assert judged({"callee": "business"}).duties == ()


def test_the_attempts_of_a_verdict_are_those_of_the_first_cap_of_the_text() -> None:
    more = with_rows("""
- {id: FR-SHORT, gate: H, kind: cap, parameters: {most: 9, days: 2}, reference: x, source: x,
   sure: [P], rule: {fr: a, en: b}, refuses: {fr: c, en: d}}
""")
    tried = {"attempts": ["2026-11-04 11:00", "2026-11-24 09:00"]}
    assert judged(tried, more).attempts == 2


def test_a_cap_of_none_refuses_the_first_call() -> None:
    none = with_rows("- {amends: FR-FREQ-1, gate: H, from: 2026-09-01, parameters: {most: 0}}\n")
    met = [f for f in judged({}, none).findings if f.id == "FR-FREQ-1"]
    assert [dict(f.quotes) for f in met] == [{"count": 0, "most": 0, "zone": "Europe/Paris", "attempts": ()}]
    assert met[0].remedy("en").startswith("The call would be lawful only if the rule changes.")


def test_one_person_on_a_mobile_terminal_may_show_a_mobile_and_nothing_else_forbidden() -> None:
    by_hand = {"caller": "+33612345678", "mobile_terminal": True, "consents": [CONSENT]}
    assert judged(by_hand).allowed
    premium = {**by_hand, "caller": "+33899123456"}
    assert "FR-CLI-2" in judged(premium).rules


def test_where_hours_never_open_a_slot_that_was_agreed_still_does() -> None:
    shut = "- {amends: FR-HOURS-1, gate: H, from: 2026-09-01, parameters: {windows: {monday: []}}}\n"
    agreed = {"consents": [{"at": CONSENT, "slot": "2026-12-01 11:00"}]}
    assert judged(agreed, with_rows(shut)).next_allowed == at("2026-12-01 10:55")
    assert judged({"consents": [CONSENT]}, with_rows(shut)).next_allowed is None


def test_a_consent_counts_for_the_hours_from_its_very_instant_to_the_end_of_its_last_day() -> None:
    evening = {"at": "2026-08-10 21:00", "scrubs": ["2026-08-01 09:00"]}
    assert judged({**evening, "consents": ["2026-08-10 21:00"]}).allowed
    assert not judged({**evening, "consents": ["2026-08-10 21:00:01"]}).allowed
    ends = {"at": "2026-01-10 11:00", "until": date(2026, 8, 10)}
    assert judged({**evening, "consents": [ends]}).allowed
    assert not judged({**evening, "consents": [{**ends, "until": date(2026, 8, 9)}]}).allowed


def test_an_answer_to_a_request_is_too_late_at_midnight_after_the_fifth_working_day() -> None:
    asked = {"callbacks": ["2026-11-17 18:00"]}
    last = judged({**asked, "at": "2026-11-23 23:59:59"})
    assert "FR-OPTIN-1" not in last.rules
    assert "FR-OPTIN-1" in judged({**asked, "at": "2026-11-24 00:00"}).rules


def test_an_answer_to_a_request_that_made_itself_known_ends_at_midnight_after_thirty_days() -> None:
    refused = {"object": "insurance", "refusals": [{"at": "2026-01-10 11:00", "kind": "not-interested"}]}
    asked = {"at": "2026-10-20 18:00", "objects": ["insurance"], "named": True}
    entry = {**refused, "callbacks": [asked]}
    assert "FR-INS-1" not in judged({**entry, "at": "2026-11-19 23:59:59"}).rules
    assert "FR-INS-1" in judged({**entry, "at": "2026-11-20 00:00"}).rules


def test_without_holidays_in_force_every_weekday_is_a_working_day() -> None:
    closed = with_rows("- {closes: FR-HOLI-1, from: 2026-09-01, reason: annulled}\n")
    asked = {"callbacks": ["2026-11-09 18:00"]}
    late = {**asked, "at": "2026-11-16 10:30"}
    assert "FR-OPTIN-1" not in judged(late).rules
    assert "FR-OPTIN-1" in judged(late, closed).rules
    armistice = {"at": "2026-11-11 10:30", "consents": [CONSENT]}
    assert "FR-HOURS-1" in judged(armistice).rules
    assert judged(armistice, closed).allowed


def test_a_register_read_at_the_instant_of_the_verdict_was_read() -> None:
    assert judged({"consents": [CONSENT], "feeds": {"consents": "2026-11-24 10:30"}}).allowed
    later = judged({"consents": [CONSENT], "feeds": {"consents": "2026-11-24 10:30:01"}})
    assert later.rules == ("FR-DATA-STALE",)
    edge = {"consents": [CONSENT], "feeds": {"consents": "2026-11-24 10:15"}}
    assert judged(edge).allowed


TICK = timedelta(microseconds=1)
DAY_OF_IT = date(2026, 11, 1)


@pytest.mark.parametrize(
    "fact",
    [
        Withdrawal(CLIENT, PERSON, instant(CONSENT), instant(CONSENT)),
        Contract("K", CLIENT, PERSON, DAY_OF_IT, None, instant(CONSENT)),
        Callback("B", CLIENT, PERSON, instant(CONSENT), instant(CONSENT), frozenset()),
        SpokenRefusal(CLIENT, NUMBER, instant(CONSENT), instant(CONSENT)),
        Attempt("A", CLIENT, PERSON, instant(CONSENT), instant(CONSENT)),
        Listing("rpo", NUMBER, instant(CONSENT), instant(CONSENT)),
        Scrub("rpo", CLIENT, instant(CONSENT), instant(CONSENT)),
        Scrub("rpo", CLIENT, instant(CONSENT), instant(CONSENT), "Spring"),
        Abandoned("SPRING", DAY_OF_IT, 1, 99, instant(CONSENT)),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_of_every_table_counts_from_the_very_instant_at_which_it_is_known(fact: Any) -> None:
    name = next(name for name, kind in TABLES.items() if type(fact) is kind)
    values = Facts(**{name: [fact]})
    for now, count in ((fact.known_at, 1), (fact.known_at - TICK, 0)):
        found = values.select_known("client-a", PERSON, NUMBER, "spring", now)
        assert [len(getattr(found, table)) for table in LISTED] == [count if table == name else 0 for table in LISTED]
    other = values.select_known("CLIENT-B", "P9", "+33144556699", "autumn", fact.known_at)
    assert not any(getattr(other, table) for table in LISTED)


LISTED = [name for name in TABLES if name not in ("people", "feeds", "clients")]


def test_a_consent_that_was_recorded_before_it_was_given_has_no_date() -> None:
    known = at(CONSENT)
    for given, date_kept in ((known, known), (known + TICK, None)):
        consent = Consent("C1", CLIENT, PERSON, given, known, frozenset())
        (found,) = Facts(consents=[consent]).select_known(CLIENT, PERSON, "", "", known).consents
        assert found.collected_at == date_kept
        assert found.unreadable == ("" if date_kept else "after-recording")


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in TABLES for column in list_word_columns().get(table, {})]
)
def test_a_fact_holds_the_ids_of_its_words_however_they_are_spelt(table: str, column: str) -> None:
    word = get_vocabulary(list_word_columns()[table][column]).words[-1]
    hints = get_type_hints(TABLES[table])
    several = hints[column] == frozenset[str]
    text = f" {word.label.fr.upper()}"
    cells = {field.name: None for field in fields(TABLES[table]) if field.default is MISSING}
    cells |= {name: frozenset() for name in cells if hints[name] == frozenset[str]}
    fact = TABLES[table](**{**cells, column: frozenset({text}) if several else text})
    assert getattr(fact, column) == (frozenset({word.id}) if several else word.id)


@pytest.mark.parametrize(("late", "counts"), [(timedelta(0), True), (TICK, False)])
def test_a_fact_counts_from_the_very_instant_at_which_it_is_known(late: timedelta, counts: bool) -> None:
    now = at("2026-11-24 10:30")
    known = now + late
    values = Facts(
        persons=[Person(PERSON, NUMBER, known)],
        consents=[Consent("C1", CLIENT, PERSON, at(CONSENT), known, frozenset())],
        mandates=[Mandate("M1", CLIENT, "+33162000001", date(2026, 1, 1), None, known)],
        watermarks=[Watermark("consents", known)],
    )
    assert bool(values.find_persons(NUMBER, now)) is counts
    found = values.select_known(CLIENT, PERSON, NUMBER, "", now)
    assert (bool(found.consents), bool(found.mandates)) == (counts, counts)
    assert ("consents" in found.watermarks) is counts


def test_what_a_person_said_in_several_ways_is_known_whole_in_the_order_of_its_arrival() -> None:
    instants = [at("2026-11-20 10:30") + hour * timedelta(hours=1) for hour in range(4)]
    ways = [("", PERSON), (CLIENT, NUMBER), (CLIENT, PERSON), ("", NUMBER)]
    said = [
        SpokenRefusal(client, person, moment, moment) for (client, person), moment in zip(ways, instants, strict=True)
    ]
    for count in range(1, 5):
        values = Facts(persons=[Person(PERSON, NUMBER, instants[0])], refusals=said[:count])
        found = values.select_known(CLIENT, PERSON, NUMBER, "", at("2026-11-24 10:30"))
        assert [one.at for one in found.refusals] == instants[:count]
    other = values.select_known("CLIENT-B", PERSON, NUMBER, "", at("2026-11-24 10:30"))
    assert [one.at for one in other.refusals] == [instants[0], instants[3]]


def test_a_consent_without_a_date_has_no_last_day() -> None:
    (row,) = (row for row in RULES.rows if row.id == "FR-OPTIN-3" and row.gate == "H")
    undated = Consent("C1", CLIENT, PERSON, None, at(CONSENT), frozenset())
    with pytest.raises(ValueError, match="C1 has no date"):
        find_last_day(row, undated)
    dated = replace(undated, collected_at=at(CONSENT))
    assert find_last_day(row, dated) == date(2027, 9, 14)
    assert find_last_day(row, replace(dated, until=date(2027, 9, 13))) == date(2027, 9, 13)


def test_a_row_with_a_doubt_is_for_a_lawyer_and_one_whose_text_was_seen_is_not() -> None:
    row = next(row for row in RULES.rows if row.sure == ("P",) and row.doubt is None)
    assert not row.unsure
    assert replace(row, doubt=Words("a", "b")).unsure
    assert replace(row, sure=("P", "S")).unsure


def test_a_prefix_binds_from_its_first_day_to_its_last() -> None:
    prefix = Prefix("+33162", "npv", first=date(2026, 1, 1), last=date(2026, 6, 30))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [prefix.binds_on(day) for day in days] == [False, True, True, False]


def test_the_longest_prefix_and_the_longest_rewrite_come_first() -> None:
    prefixes = (Prefix("+33", "wide"), Prefix("+33162", "narrow"), Prefix("+331", "middle"))
    table = NumberTable(prefixes, (("02", "+1"), ("0262", "+262"), ("026", "+7")), ())
    assert table.longest == len("+33162")
    assert NumberTable((), (), ()).longest == 0
    day = date(2026, 11, 24)
    assert table.number("0162000001", day).number_class == "narrow"
    assert table.number("0144000001", day).number_class == "middle"
    assert [start for start, _ in table.rewrites] == ["0262", "026", "02"]


def test_the_postcode_of_every_department_is_a_place() -> None:
    rules = built_in_rules()
    for department in range(1, 96):
        found = find_territory(f"{department:02}000", rules)
        assert found is not None, department
        assert found.code in ("FR", "FR-AM")
        assert found.zone == "Europe/Paris"
    assert find_territory("96000", rules) is None


def test_what_is_no_address_leaves_the_places_of_the_number() -> None:
    values = judged({"number": "+590590112233", "address": "  gp ", "at": "2026-11-24 16:30"})
    assert [place.territory for place in values.places] == ["GP"]
    strange = judged({"address": "97O12"})
    assert "FR-DATA-ZONE" in strange.rules
    longest = judged({"address": "97150"}).places
    assert [place.territory for place in longest] == ["MF"]


HOUSE = """
- {amends: FR-HOLI-2, from: 2026-01-01, applies: {except_clients: [CLIENT-B]}}
"""
ABOLITION = {"at": "2026-05-27 16:00", "number": "+590590112233", "address": "97110", "scrubs": ["2026-05-20 09:00"]}


def test_a_client_may_switch_the_local_holidays_off_and_no_other_client_is_concerned() -> None:
    house = with_rows(HOUSE)
    assert judged(ABOLITION).rules == judged(ABOLITION, house).rules == ("FR-HOLI-2",)
    theirs = {"mandates": [{"client": "CLIENT-B"}], "scrubs": [{"at": "2026-05-20 09:00", "client": "CLIENT-B"}]}
    values = case_of({"id": "d", "row": "FR-HOLI-2", **ABOLITION, **theirs})
    other = replace(values.call, client="CLIENT-B")
    assert judge_call(other, values.facts, RULES, values.known_at).rules == ("FR-HOLI-2",)
    assert judge_call(other, values.facts, house, values.known_at).allowed
    assert "FR-HOLI-2" in judged(ABOLITION, house).rules


def test_a_row_of_policy_may_bind_the_calls_of_one_client_alone() -> None:
    only = with_rows(HOUSE.replace("except_clients: [CLIENT-B]", "clients: [CLIENT-B]"))
    assert judged(ABOLITION, only).allowed


def test_a_reader_of_some_clients_sees_the_rows_that_bind_them_and_no_other_name() -> None:
    theirs = HOUSE.replace("except_clients: [CLIENT-B]", "clients: [CLIENT-B, CLIENT-C]")
    for rows, name in ((HOUSE, "except_clients"), (theirs, "clients")):
        whole = with_rows(rows)
        assert whole.limit_to(None) is whole
        seen = whole.limit_to(frozenset({"CLIENT-B"}))
        assert seen.version == whole.version
        assert {row.id for row in seen.rows} == {row.id for row in whole.rows}
        named = [getattr(row.applies, name) for row in seen.rows]
        assert frozenset({"CLIENT-B"}) in named
        assert not any("CLIENT-C" in (clients or ()) for clients in named)
    others = with_rows(theirs).limit_to(frozenset({"CLIENT-D"}))
    assert len(others.rows) == len(with_rows(theirs).rows) - 1


def test_only_rows_that_may_bear_on_a_case_are_changes_of_its_law() -> None:
    values = case_of({"id": "d", "row": "FR-OPTIN-1", "at": "2026-11-24 10:30"})
    for client, bears in ((CLIENT, True), ("CLIENT-B", False)):
        bound = BAN.replace("callees: [consumer]", f"clients: [{client}]")
        rules = with_rows(bound.replace("from: 2026-11-24", "from: 2031-05-06"))
        case = build_judged_call(values.call, values.facts, rules, values.known_at)
        assert (at("2031-05-06 00:00") in case.law_changes) is bears


BAN = """
- id: HOUSE-BAN
  gate: P
  kind: forbidden_object
  from: 2026-11-24
  applies: {callees: [consumer]}
  parameters: {objects: [electricity]}
  rule: {fr: Rien., en: Nothing.}
  refuses: {fr: "Pas {object}.", en: "Not {object}."}
  reference: house
  source: house
  sure: [I]
"""


def test_a_row_of_one_purpose_binds_no_other_and_a_row_of_none_binds_all() -> None:
    surveys = BAN.replace("callees: [consumer]", "callees: [consumer], purposes: [survey]")
    for purpose, rows, bound in (("survey", surveys, True), ("service", surveys, False), ("service", BAN, True)):
        found = judged({"purpose": purpose}, with_rows(rows)).rules
        assert ("HOUSE-BAN" in found) is bound, (purpose, found)


def test_a_call_abroad_waits_for_the_law_of_that_country_to_change() -> None:
    abroad = {"number": "+34911223344", "at": "2026-11-24 10:30", "consents": [CONSENT]}
    ban = BAN.replace("from: 2026-11-24", "from: 2026-11-24\n  to: 2026-11-25")
    rules = load_rules({**built_in_texts(), "~more.yaml": f"jurisdiction: ES\nrows:\n{ban}"})
    found = judged(abroad, rules)
    assert found.rules == ("HOUSE-BAN",)
    assert found.next_allowed == at("2026-11-26 09:00")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{amends: FR-HOURS-1, from: 2026-01-01, applies: {clients: [B]}}", "names clients"),
        ("{amends: FR-HOURS-1, from: 2026-01-01, applies: {except_clients: [B]}}", "names clients"),
        ("{amends: FR-HOLI-2, from: 2026-01-01, applies: {places: [MFF]}}", "unknown territory"),
        ("{amends: FR-HOLI-2, from: 2026-01-01, applies: {except_places: [MFF]}}", "unknown terr"),
        ("{amends: FR-HOLI-2, from: 2026-01-01, applies: {client: [B]}}", "applies has no"),
    ],
)
def test_no_text_is_switched_by_client_and_no_place_is_made_up(row: str, says: str) -> None:
    with pytest.raises(LegalRowFaults, match=says):
        with_rows(f"- {row}\n")


def test_a_row_of_some_places_binds_where_the_callee_may_be_in_one_of_them() -> None:
    fixed = {"number": "+590590112233", "at": "2028-01-03 16:30", "caller": "+33144000001", "origin": "MA"}
    assert {"FR-CLI-6", "FR-CLI-6-MF"} <= set(judged(fixed).rules)
    assert "FR-CLI-6" not in judged({**fixed, "address": "MF"}).rules
    assert "FR-CLI-6-MF" not in judged({**fixed, "address": "GP"}).rules


def test_an_allowed_verdict_stands_through_changes_that_refuse_nothing() -> None:
    quiet = {"consents": [CONSENT, CONSENT], "known_at": "2026-11-24 12:00",
             "refusals": [{"at": "2026-11-24 11:00", "kind": "not-now"}]}  # fmt: skip
    found = judged(quiet)
    assert (found.until, found.basis) == (at("2026-11-24 13:00"), "consent:C1")


def test_a_verdict_that_is_not_timed_says_neither_until_when_nor_when_next() -> None:
    values = case_of({"id": "d", "row": "FR-OPTIN-1", "at": "2026-11-24 13:00", "consents": [CONSENT]})
    for call in (values.call, values.call.moved_to(at("2026-11-24 10:30"))):
        found = judge_call(call, values.facts, RULES, values.known_at, timed=False)
        assert (found.until, found.next_allowed) == (None, None)
    assert judged({"consents": [CONSENT]}).next_allowed == at("2026-11-24 10:30")


def test_a_number_of_a_prefix_that_has_a_length_has_that_length() -> None:
    day = date(2026, 11, 24)
    short = NumberTable((Prefix("+33", "short", length=8),), (), ())
    assert short.number("+33144556677", day).fault == "wrong-length"
    assert NumberTable((Prefix("+33", "any"),), (), ()).number("+33144556677", day).fault == ""
    assert NumberTable((Prefix("+33", "any"),), (), ()).number("+3314455", day).fault


def test_easter_alone_is_easter_sunday() -> None:
    days = parse_day_rules(("easter",))
    assert days.is_holiday(date(2026, 4, 5))
    assert not days.is_holiday(date(2026, 4, 4))


def test_instants_of_one_zone_are_compared_in_utc_where_its_clocks_change() -> None:
    paris = zone("Europe/Paris")
    given = datetime(2026, 10, 25, 2, 45, tzinfo=paris)
    gone = datetime(2026, 10, 25, 2, 30, tzinfo=paris, fold=1)  # 45 minutes later
    assert gone < given  # Python's answer
    facts = Facts(
        consents=[Consent("C1", CLIENT, PERSON, given, given, frozenset({"electricity"}))],
        withdrawals=[Withdrawal(CLIENT, PERSON, gone, gone)],
    )
    found = facts.select_known(CLIENT, PERSON, NUMBER, "", gone.astimezone(UTC))
    collected = found.consents[0].collected_at
    assert collected is not None
    assert collected < found.withdrawals[0].at
