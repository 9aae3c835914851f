"""Rules, charters and packs as data, and a case for every refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from releve import situation
from releve.situation.closure_ground import derive_id
from releve.situation.shipped import load_rules_with, load_shipped_rules
from tests.situation import control_rows
from tests.situation.rule_chain import CHECKLIST, HEALTH_2020, HEALTH_RULES, START, Chain, operator, permit

SITES = operator().site
ROW = "kind: closure, source: test, confidence: test"


def test_the_shipped_rows_are_policy_with_a_source_and_never_law() -> None:
    rows = HEALTH_RULES.rows
    covid = {row.id for row in rows if row.id.startswith("MA-COVID-")}
    assert covid == {f"MA-COVID-{name}" for name in ("CLOSE", "REOPEN", "COMM", "TRANSPORT", "SEAT", "AUTH")}
    assert {row.basis for row in rows} == {"policy"}
    assert all(row.source and row.confidence and row.text and row.text_fr for row in rows)


def test_the_shipped_closure_is_two_agents_in_14_days_for_48_hours() -> None:
    rule = HEALTH_RULES.one(situation.ClosureRule, date(2026, 11, 30), SITES["casa"])
    assert rule == situation.ClosureRule() == situation.ClosureRule(n=2, days=14, hours=48)


def test_a_past_day_is_judged_by_the_rules_of_that_day() -> None:
    rules = HEALTH_RULES
    assert rules.one(situation.ClosureRule, date(2020, 3, 19)) is None
    assert rules.one(situation.ClosureRule, date(2020, 3, 20)) is not None
    assert rules.in_force(situation.AuthorisationRule, date(2021, 1, 1))
    assert not rules.in_force(situation.AuthorisationRule, date(2026, 1, 1))


def test_a_row_is_ended_and_replaced_by_a_row() -> None:
    text = f"- {{id: NEW, {ROW}, from: 2026-06-01, ends: MA-COVID-CLOSE, parameters: {{n: 3}}}}"
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    assert rules.in_force(situation.ClosureRule, date(2026, 5, 31))[0][0] == "MA-COVID-CLOSE"
    assert rules.in_force(situation.ClosureRule, date(2026, 6, 1)) == (("NEW", situation.ClosureRule(n=3)),)


def test_a_row_that_only_ends_another_leaves_nothing_in_its_place() -> None:
    text = "- {id: STOP, kind: end, from: 2026-06-01, ends: MA-COVID-TRANSPORT, source: test, confidence: test}"
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    assert rules.one(situation.TransportRule, date(2026, 5, 31)) is not None
    assert rules.one(situation.TransportRule, date(2026, 6, 1)) is None


def test_the_row_of_a_site_wins_over_its_country_and_this_over_everywhere() -> None:
    text = "\n".join(
        f"- {{id: {name}, {ROW}, from: 2020-01-01{scope}}}"
        for name, scope in (("ALL", ""), ("MA", ", destinations: [MA]"), ("CASA", ", sites: [casa]"))
    )
    rules, day = situation.load_rules([text]), date(2026, 1, 1)
    found = {site: rules.in_force(situation.ClosureRule, day, SITES[site])[0][0] for site in SITES}
    assert found == {"casa": "CASA", "rabat": "MA", "lille": "ALL"}
    assert rules.in_force(situation.ClosureRule, day)[0][0] == "ALL"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("{", ["text", "rules"]),
        ("a: 1", ["rules"]),
        ("- 3", ["row 1"]),
        (f"- {{id: X, {ROW}}}", ["row 1.valid_from"]),
        (f"- {{id: X, {ROW}, from: soon}}", ["row 1.valid_from"]),
        (f"- {{id: X, {ROW}, from: 2020-01-01, until: 2021-01-01}}", ["row 1.until"]),
        ("- {id: X, kind: curfew, source: s, confidence: c, from: 2020-01-01}", ["row 1.kind"]),
        (
            f"- {{id: X, {ROW}, from: 2020-01-01, parameters: {{n: 0, day: 3}}}}",
            ["row 1.parameters.day", "row 1.parameters.n"],
        ),
        (f"- {{id: X, {ROW}, from: 2020-01-01, ends: Y}}", ["ends"]),
        (f"- {{id: X, {ROW}, from: 2020-01-01}}\n" * 2, ["X"]),
    ],
)
def test_a_text_that_is_no_list_of_rules_is_refused_with_every_fault(text: str, faults: list[str]) -> None:
    with pytest.raises(situation.SituationRuleFaults) as caught:
        situation.load_rules([text])
    assert [fault.field for fault in caught.value.faults] == faults
    assert all(fault.fix for fault in caught.value.faults)


def test_the_shipped_charter_has_about_twenty_measures_on_seven_axes() -> None:
    charter = HEALTH_RULES.charter(date(2026, 11, 30))
    assert charter is not None
    assert len(charter.axes) == 7
    assert 18 <= len(charter.measures) <= 22
    assert {measure.axis for measure in charter.measures} == {axis.id for axis in charter.axes}
    daily = {measure.id for measure in charter.measures if measure.daily}
    assert daily >= {"distancing", "hygiene", "ventilation", "masks", "transport_fill", "canteen"}
    assert HEALTH_RULES.charter(date(2020, 4, 22)) is None


def test_the_newest_version_of_the_charter_in_force_holds() -> None:
    text = (
        "{id: sector, version: '2', from: 2026-06-01, source: test,"
        " axes: [{id: a, title: A, title_fr: A}],"
        " measures: [{id: m, axis: a, text: M, text_fr: M}]}"
    )
    rules = load_rules_with(charters=[text])
    versions = {day: rules.charter(date(2026, *day)) for day in ((5, 31), (6, 1))}
    assert [found.version for found in versions.values() if found] == ["1", "2"]


def test_a_charter_whose_measure_has_no_axis_is_refused() -> None:
    text = (
        "{id: c, version: '1', from: 2026-06-01, source: s, axes: [],"
        " measures: [{id: m, axis: a, text: M, text_fr: M}]}"
    )
    with pytest.raises(situation.SituationRuleFaults, match=r"measures.m.axis 'a': is no axis"):
        situation.load_charter(text)


TODAY = START.date()
CHOSEN, ENDED = "rules.chosen", "rules.ended"
PACK = {"pack": "health-2020"}


def rules_of(chain: Chain) -> situation.SituationRules:
    return load_shipped_rules().choose(chain.situation.packs)


def chain_without_packs() -> Chain:
    return Chain(rules=load_shipped_rules())


def test_without_a_pack_two_positives_are_recorded_and_close_nothing() -> None:
    chain = chain_without_packs()
    for agent in ("a1", "a2"):
        answers = chain.record("case.declared", site="casa", agent=agent, status="declared_case")
        assert "site.closed" not in {event.kind for event in answers}
    assert len(chain.situation.cases) == 2
    assert not chain.situation.site("casa").closed
    assert not any(row.id.startswith("MA-COVID") for row in load_shipped_rules().rows)


def test_a_pack_chosen_after_the_cases_closes_the_site_at_once() -> None:
    chain = chain_without_packs()
    for agent in ("a1", "a2"):
        chain.record("case.declared", site="casa", agent=agent, status="declared_case")
    chain.rules = HEALTH_RULES  # what the recorder passes: the rules after the choice
    answers = chain.record(CHOSEN, **PACK, valid_from=TODAY)
    assert [event.site for event in answers if isinstance(event, situation.SiteClosed)] == ["casa"]


def test_a_pack_holds_from_its_first_to_its_last_day_and_keeps_past_days_when_it_ends() -> None:
    chain = chain_without_packs()
    chain.record(CHOSEN, **PACK, valid_from=TODAY + timedelta(days=1))
    chain.after(days=10)
    chain.record(ENDED, **PACK, valid_to=TODAY + timedelta(days=9))
    chain.record(CHOSEN, **PACK, valid_from=TODAY + timedelta(days=12), valid_to=None)
    rules = rules_of(chain)
    held = [day for day in range(14) if rules.one(situation.ClosureRule, TODAY + timedelta(days=day)) is not None]
    assert held == [*range(1, 10), 12, 13]
    assert rules.find_closure_rule("MA-COVID-CLOSE") == situation.ClosureRule()


def test_the_rows_of_a_pack_keep_their_own_dates() -> None:
    rules = load_rules_with(chosen=[situation.ChosenPack("health-2020", date(2020, 1, 1))])
    assert rules.one(situation.DailyCheckRule, date(2020, 4, 16)) is None
    assert rules.one(situation.DailyCheckRule, date(2020, 4, 17)) is not None


def test_choosing_again_replaces_what_was_chosen() -> None:
    assert HEALTH_RULES.choose(()) == load_shipped_rules()


def test_a_choice_is_refused_with_the_reason() -> None:
    chain = chain_without_packs()
    assert chain.refused(CHOSEN, pack="none", valid_from=TODAY) == {"pack.unknown"}
    dates = {"valid_from": TODAY, "valid_to": TODAY - timedelta(days=1)}
    assert chain.refused(CHOSEN, **PACK, **dates) == {"pack.dates"}
    assert chain.refused(ENDED, **PACK, valid_to=TODAY) == {"pack.not_chosen"}
    chain.record(CHOSEN, **PACK, valid_from=TODAY)
    later = {"valid_from": TODAY + timedelta(days=30)}
    assert chain.refused(CHOSEN, **PACK, **later) == {"pack.chosen_already"}
    chain.after(days=3)
    assert chain.refused(ENDED, **PACK, valid_to=TODAY + timedelta(days=1)) == {"pack.past"}
    assert chain.refused(ENDED, **PACK, valid_to=TODAY + timedelta(days=2)) == set()


def test_a_correction_takes_a_choice_back() -> None:
    chain = chain_without_packs()
    chain.record(CHOSEN, **PACK, valid_from=TODAY)
    chosen = next(event for event in chain.events if event.kind == CHOSEN)
    chain.record("event.corrected", corrects=chosen.id, reason="wrong pack")
    assert chain.situation.packs == ()


DAY = START.date()
MINUTE, YEAR = timedelta(minutes=1), timedelta(days=366)
ONE_DAY = timedelta(days=1)
GRANT: dict[str, Any] = {
    "authorisation": "w1",
    "of": "site",
    "site": "casa",
    "valid_from": DAY,
    "valid_to": DAY + timedelta(days=30),
}
CASE: dict[str, Any] = {"site": "casa", "status": "declared_case", "agent": "a1"}
CHECK: dict[str, Any] = {"site": "casa", "day": DAY, "symptomatic": 0}
VERDICT: dict[str, Any] = {"measure": "masks", "verdict": "met", "valid_to": DAY}


def nothing(chain: Chain) -> None:
    """Nothing happened before."""


def closed(chain: Chain) -> None:
    chain.record("site.closed", site="casa", cause="operator")


def closed_by_rule(chain: Chain) -> None:
    chain.case("a2")
    chain.case("a3")


ORDER = derive_id("closed", "MA-COVID-CLOSE", "casa", "e2")
"""Id of the order of :func:`closed_by_rule`."""


def ground_lost(chain: Chain) -> None:
    closed_by_rule(chain)
    chain.record("event.corrected", corrects="e2", reason="x", actor="samira")


def reopened(chain: Chain) -> None:
    closed(chain)
    chain.after(hours=1).reopen(items=("cause_gone",))


def one_said_yes(chain: Chain) -> None:
    closed_by_rule(chain)
    for item in CHECKLIST:
        chain.record("reopening.checked", site="casa", item=item)
    chain.record("reopening.approved", site="casa", actor="samira")


def did(kind: str, **values: Any) -> Callable[[Chain], None]:
    def before(chain: Chain) -> None:
        chain.record(kind, **values)

    return before


def corrected(chain: Chain) -> None:
    chain.record("power.down", site="casa")
    chain.record("event.corrected", corrects="e1", reason="Another site")


def granted_and_withdrawn(chain: Chain) -> None:
    chain.record("authorisation.granted", **GRANT)
    chain.record("authorisation.withdrawn", authorisation="w1")


ROOM: dict[str, Any] = {"incident": "e1", "site": "casa"}


def pack_chosen(chain: Chain) -> None:
    chain.record("rules.chosen", **PACK, valid_from=DAY)


def aim_chosen(chain: Chain) -> None:
    closed(chain)
    chain.record("relief.aim_chosen", aim="few")


def room(chain: Chain) -> None:
    chain.record("incident.opened", site="casa", title="Flood")


def room_with_a_task(chain: Chain) -> None:
    room(chain)
    chain.record("incident.task_set", **ROOM, task="Pump", owner="sites")


def task_was_done(chain: Chain) -> None:
    room_with_a_task(chain)
    chain.record("incident.task_done", **ROOM, task="e2")


def room_of_a_closure(chain: Chain) -> None:
    closed(chain)
    chain.record("incident.opened", site="casa", title="Closed", closure="e1")


def room_closed(chain: Chain) -> None:
    room(chain)
    chain.record("incident.closed", **ROOM)


def lead_taken(chain: Chain) -> None:
    room(chain)
    chain.record("incident.role_taken", **ROOM, role="lead", actor="samira")


def task_of_karim(chain: Chain) -> None:
    room_with_a_task(chain)
    chain.record("incident.role_taken", **ROOM, role="sites", holder="karim", actor="samira")


Row = tuple[str, Callable[[Chain], None], str, dict[str, Any]]
ROWS: list[Row] = [
    ("event.no_id", nothing, "power.down", {"site": "casa", "id": ""}),
    ("event.no_actor", nothing, "power.down", {"site": "casa", "actor": ""}),
    ("event.id_taken", did("power.down", site="casa"), "power.down", {"site": "rabat", "id": "e1"}),
    ("event.same", did("check.done", **CHECK), "check.done", CHECK | {"actor": "karim"}),
    ("event.same", did("tests.done", site="casa", tested=3), "tests.done", {"site": "casa", "tested": 3}),
    (
        "event.same",
        did("inspection.held", site="casa", authority="C"),
        "inspection.held",
        {"site": "casa", "authority": "C"},
    ),
    (
        "event.same",
        did("agents.present", site="casa", day=DAY, count=3),
        "agents.present",
        {"site": "casa", "day": DAY, "count": 3},
    ),
    ("event.same", did("audit.verdict", **VERDICT), "audit.verdict", VERDICT),
    ("event.same", did("agent.unavailable", agent="a1"), "agent.unavailable", {"agent": "a1"}),
    ("date.future", nothing, "case.declared", CASE | {"happened_at": START + timedelta(days=1)}),
    ("date.future", nothing, "power.down", {"site": "casa", "happened_at": START + 6 * MINUTE}),
    ("date.too_old", nothing, "power.down", {"site": "casa", "happened_at": START - YEAR - MINUTE}),
    ("site.unknown", nothing, "inspection.held", {"site": "oujda", "authority": "C"}),
    ("site.unknown", nothing, "site.closed", {"site": "", "cause": "operator"}),
    ("agent.unknown", nothing, "case.declared", CASE | {"agent": "a99"}),
    ("agent.unknown", nothing, "agent.unavailable", {"agent": ""}),
    ("carrier.unknown", nothing, "link.down", {"carrier": "Unknown Telecom"}),
    (
        "measure.unknown",
        nothing,
        "check.done",
        CHECK | {"findings": (situation.MeasureFinding(measure="dancing", verdict="kept"),)},
    ),
    (
        "measure.twice",
        nothing,
        "check.done",
        CHECK | {"findings": (situation.MeasureFinding(measure="masks", verdict="kept"),) * 2},
    ),
    ("check.boarded", nothing, "check.done", CHECK | {"boarded": ("bus 6h45 7",)}),
    ("check.vehicle", nothing, "check.done", CHECK | {"boarded": ("van 06:45 7",)}),
    ("check.seats", nothing, "check.done", CHECK | {"boarded": ("bus 06:45 17",)}),
    ("check.boarded_twice", nothing, "check.done", CHECK | {"boarded": ("bus 06:45 7", "bus 06:45 8")}),
    ("photo.digest", nothing, "inspection.held", {"site": "casa", "authority": "C", "photos": ("../../photo.jpg",)}),
    ("case.since", nothing, "case.declared", CASE | {"since": DAY + YEAR}),
    ("case.dates", nothing, "case.declared", CASE | {"until": DAY - timedelta(days=1)}),
    ("case.too_long", nothing, "case.declared", CASE | {"until": DAY + YEAR}),
    ("case.nothing_to_clear", nothing, "case.declared", CASE | {"status": "cleared"}),
    ("case.names_case", nothing, "case.declared", CASE | {"case": "e1"}),
    ("absence.dates", nothing, "agent.unavailable", {"agent": "a1", "until": START}),
    ("absence.none", nothing, "agent.back", {"agent": "a1"}),
    (
        "absence.not_own",
        did("agent.unavailable", agent="a1"),
        "agent.back",
        {"agent": "a1", "absence": "own", "actor": "karim"},
    ),
    ("absence.unknown", nothing, "agent.back", {"agent": "a1", "absence": "e9"}),
    ("closure.closed_already", closed, "site.closed", {"site": "casa", "cause": "hazard"}),
    ("closure.open", nothing, "site.reopened", {"site": "casa"}),
    ("closure.open", nothing, "reopening.approved", {"site": "casa"}),
    ("closure.cause", nothing, "site.closed", {"site": "casa", "cause": "authority"}),
    ("closure.cause", nothing, "site.closed", {"site": "casa", "cause": "rule", "actor": "rule:X"}),
    ("closure.rule", nothing, "site.closed", {"site": "casa", "cause": "rule", "rule": "X"}),
    ("closure.hazard", nothing, "site.closed", {"site": "casa", "cause": "operator", "hazard": "fire"}),
    (
        "closure.earliest",
        nothing,
        "site.closed",
        {"site": "casa", "cause": "operator", "earliest_reopening": START - MINUTE},
    ),
    ("closure.past", reopened, "site.closed", {"site": "casa", "cause": "hazard", "happened_at": START}),
    (
        "closure.before",
        closed,
        "reopening.checked",
        {"site": "casa", "item": "cause_gone", "happened_at": START - MINUTE},
    ),
    (
        "extension.not_later",
        closed_by_rule,
        "closure.extended",
        {"site": "casa", "authority": "C", "earliest_reopening": START + timedelta(hours=48)},
    ),
    ("reopening.too_early", one_said_yes, "site.reopened", {"site": "casa"}),
    ("reopening.checklist", closed, "site.reopened", {"site": "casa"}),
    ("reopening.checklist", closed, "reopening.approved", {"site": "casa"}),
    ("reopening.approvals", one_said_yes, "site.reopened", {"site": "casa"}),
    ("reopening.unknown_item", closed, "reopening.checked", {"site": "casa", "item": "x"}),
    ("reopening.item_done", one_said_yes, "reopening.checked", {"site": "casa", "item": "disinfected"}),
    ("approval.same_person", one_said_yes, "reopening.approved", {"site": "casa"}),
    ("approval.by_rule", one_said_yes, "reopening.approved", {"site": "casa", "actor": "rule:X"}),
    ("outage.place", nothing, "link.down", {}),
    ("outage.place", nothing, "link.up", {"site": "casa", "carrier": "Ixtel"}),
    ("outage.down_already", did("power.down", site="casa"), "power.down", {"site": "casa"}),
    ("outage.not_down", nothing, "power.up", {"site": "casa"}),
    ("outage.expected", nothing, "power.down", {"site": "casa", "expected_until": START - MINUTE}),
    ("aim.nothing_lost", nothing, "relief.aim_chosen", {"aim": "few"}),
    ("aim.same", aim_chosen, "relief.aim_chosen", {"aim": "few"}),
    ("check.day", nothing, "check.done", CHECK | {"day": DAY + timedelta(days=1)}),
    ("check.day", nothing, "agents.present", {"site": "casa", "day": DAY + timedelta(days=1), "count": 1}),
    ("check.empty", nothing, "check.done", {"site": "casa", "day": DAY}),
    ("tests.counts", nothing, "tests.done", {"site": "casa", "tested": 1, "positive": 2}),
    ("tests.inspection", nothing, "tests.done", {"site": "casa", "tested": 1, "inspection": "x"}),
    ("authorisation.of", nothing, "authorisation.granted", GRANT | {"site": "", "agent": "a1"}),
    ("authorisation.of", nothing, "authorisation.granted", GRANT | {"vehicle": "1-A-6"}),
    ("authorisation.no_id", nothing, "authorisation.granted", GRANT | {"authorisation": ""}),
    ("authorisation.dates", nothing, "authorisation.granted", GRANT | {"valid_to": DAY - timedelta(days=1)}),
    ("authorisation.unknown", nothing, "authorisation.withdrawn", {"authorisation": "w9"}),
    ("authorisation.withdrawn", granted_and_withdrawn, "authorisation.withdrawn", {"authorisation": "w1"}),
    (
        "authorisation.before",
        did("authorisation.granted", **GRANT),
        "authorisation.withdrawn",
        {"authorisation": "w1", "happened_at": START - MINUTE},
    ),
    ("authorisation.taken", did("authorisation.granted", **GRANT), "authorisation.granted", GRANT | {"site": "rabat"}),
    ("attendance.counts", nothing, "agents.present", {"site": "casa", "day": DAY, "count": 3, "agents": ("a1",)}),
    ("attendance.twice", nothing, "agents.present", {"site": "casa", "day": DAY, "count": 2, "agents": ("a1", "a1")}),
    ("audit.expiry", nothing, "audit.verdict", VERDICT | {"valid_to": DAY - timedelta(days=1)}),
    ("correction.unknown", nothing, "event.corrected", {"corrects": "e9", "reason": "x"}),
    ("correction.of_correction", corrected, "event.corrected", {"corrects": "e2", "reason": "x"}),
    ("correction.twice", corrected, "event.corrected", {"corrects": "e1", "reason": "x"}),
    ("case.unknown", nothing, "case.declared", CASE | {"status": "contact", "case": "e9"}),
    ("lifting.grounded", closed_by_rule, "event.corrected", {"corrects": ORDER, "reason": "x"}),
    ("lifting.same_person", ground_lost, "event.corrected", {"corrects": ORDER, "reason": "x"}),
    ("lifting.by_rule", ground_lost, "event.corrected", {"corrects": ORDER, "actor": "rule:X"}),
    ("correction.no_reason", did("power.down", site="casa"), "event.corrected", {"corrects": "e1"}),
    ("incident.closure", closed, "incident.opened", {"site": "casa", "title": "Closed", "closure": "e9"}),
    (
        "incident.open_already",
        room_of_a_closure,
        "incident.opened",
        {"site": "casa", "title": "Closed again", "closure": "e1"},
    ),
    ("incident.unknown", nothing, "incident.noted", {**ROOM, "note": "Called"}),
    ("incident.site", room, "incident.noted", {**ROOM, "site": "rabat", "note": "Called"}),
    ("incident.before", room, "incident.noted", {**ROOM, "note": "Called", "happened_at": START - MINUTE}),
    ("incident.closed", room_closed, "incident.noted", {**ROOM, "note": "Called"}),
    ("incident.role_held", lead_taken, "incident.role_taken", {**ROOM, "role": "lead", "actor": "samira"}),
    ("incident.place_known", room, "incident.place_added", {**ROOM, "place": "casa"}),
    ("incident.nothing_said", room, "incident.decided", {**ROOM, "decision": "Go", "reason": " "}),
    ("incident.tasks_open", room_with_a_task, "incident.closed", ROOM),
    ("task.unknown", room, "incident.task_done", {**ROOM, "task": "e7"}),
    ("task.of_another", task_of_karim, "incident.task_done", {**ROOM, "task": "e2", "actor": "samira"}),
    ("task.done_already", task_was_done, "incident.task_done", {**ROOM, "task": "e2"}),
    ("task.due", room, "incident.task_set", {**ROOM, "task": "Pump", "owner": "sites", "due": START - MINUTE}),
    *control_rows.ROWS,
    *control_rows.DRAW_ROWS,
    ("pack.unknown", nothing, "rules.chosen", {"pack": "none", "valid_from": DAY}),
    ("pack.dates", nothing, "rules.chosen", {**PACK, "valid_from": DAY, "valid_to": DAY - ONE_DAY}),
    ("pack.chosen_already", pack_chosen, "rules.chosen", {**PACK, "valid_from": DAY + ONE_DAY}),
    ("pack.not_chosen", nothing, "rules.ended", {**PACK, "valid_to": DAY}),
    ("pack.past", pack_chosen, "rules.ended", {**PACK, "valid_to": DAY - 2 * ONE_DAY}),
]

OF_ACCOUNTS = ("agent.elsewhere", "approval.tied", "correction.health", "finding.tied")
OF_ACCOUNTS += ("lifting.by_program", "lifting.tied")
"""Accounts are the desk's: its tests (test_answers.py, test_record.py, test_pages.py,
test_corrections.py) hold these cases."""
OF_NAMES = ("incident.no_account",)
"""Accounts are known where events are recorded: tests/desk_live/test_drills.py holds the case."""
OF_LEDGER = ("draw.not_sealed", "draw.root_early", "draw.root_unknown")
"""Roots are the ledger's: tests/inspection/test_draw_attacks.py holds these cases."""


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[2]}" for row in ROWS])
def test_what_cannot_be_is_refused_with_a_sentence(row: Row) -> None:
    code, before, kind, values = row
    chain = Chain()
    before(chain)
    found = {refusal.code: refusal for refusal in chain.reasons(kind, **values)}
    assert code in found
    sentence = found[code].sentence()
    assert "{" not in sentence
    assert len(sentence) > 15
    assert sentence.endswith(".")
    own = {field.name for field in situation.list_fields(situation.KINDS[kind])}
    assert found[code].field in {"", *own}, "the field that is named is one of the event's"


def test_every_refusal_has_a_case() -> None:
    assert {row[0] for row in ROWS} | {*OF_ACCOUNTS, *OF_NAMES, *OF_LEDGER} == set(situation.REFUSALS)


def test_a_refusal_of_accounts_has_its_sentence() -> None:
    said = situation.refuse("approval.tied", other="samira", tie="ada made both").sentence()
    assert said.startswith("samira has already approved, and one person could act as both of you: ada made both.")


def test_a_clock_a_few_minutes_ahead_is_accepted() -> None:
    assert Chain().refused("power.down", site="casa", happened_at=START + 5 * MINUTE) == set()


def test_all_reasons_are_given_at_once() -> None:
    chain = Chain()
    closed_by_rule(chain)
    codes = {"reopening.too_early", "reopening.checklist", "reopening.approvals"}
    assert chain.refused("site.reopened", site="casa") == codes


def test_a_report_that_was_corrected_may_be_made_again() -> None:
    chain = Chain()
    chain.record("check.done", **CHECK)
    chain.record("event.corrected", corrects="e1", reason="Another site was meant")
    chain.record("check.done", **CHECK)
    chain.record("case.declared", **CASE)
    chain.record("event.corrected", corrects="e4", reason="Another agent was meant")
    chain.record("case.declared", **CASE)
    assert chain.situation.corrected == {"e1", "e4", situation.derive_absence_id("e4")}
    by_people = [event.id for event in chain.events if not event.actor.startswith("rule:")]
    assert by_people == ["e1", "e2", "e3", "e4", "e5", "e6"]


def test_a_withdrawn_authorisation_may_be_granted_again() -> None:
    chain = Chain()
    granted_and_withdrawn(chain)
    assert chain.refused("authorisation.granted", **GRANT) == set()


def test_a_permit_of_the_operators_table_can_be_withdrawn() -> None:
    held = permit("t1", "casa", "2026-01-01", "2026-12-31")
    chain = Chain(operator(authorisations=(held,)))
    chain.record("authorisation.withdrawn", authorisation="t1")
    assert chain.refused("authorisation.withdrawn", authorisation="t1") == {"authorisation.withdrawn"}


def test_a_date_ahead_is_judged_by_the_rules_of_its_day() -> None:
    text = (
        "- {id: REC-2, kind: recording, ends: RECORDING, from: 2026-11-30, source: test,"
        " confidence: test, parameters: {ahead_minutes: 60, behind_days: 10}}"
    )
    chain = Chain(rules=load_rules_with([text], chosen=[HEALTH_2020]))
    assert chain.refused("power.down", site="casa", happened_at=START + 59 * MINUTE) == set()
    before = chain.event("power.down", site="casa", happened_at=START)
    past = replace(before, recorded_at=START - timedelta(days=1), happened_at=START - timedelta(hours=23))
    assert [r.code for r in situation.find_refusals(past, chain.situation, chain.operator, chain.rules)] == [
        "date.future"
    ]
