"""Laws of the situation; planning receives places, people and dates, never the reason."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.situation import (
    KINDS,
    DeclaredCase,
    Event,
    EventCorrected,
    HeldPermit,
    Situation,
    apply_event,
    compute_erasure_day,
    derive_absence_id,
    derive_events,
    empty_situation,
    event_from_json,
    event_to_json,
    find_plannable_sites,
    find_refusals,
    fold_events,
    list_notices,
    merge_reopening_terms,
    personal_fields,
)
from releve.situation.shipped import load_rules_with
from releve.situation.situation import FAMILIES
from tests.situation.event_strategies import AGENTS, any_event, near_event
from tests.situation.rule_chain import HEALTH_2020, HEALTH_RULES, START, Chain, kinds_of, operator, permit

RULES = HEALTH_RULES
OPERATOR = operator()
LAW = settings(deadline=None, max_examples=60)
AS_RECORDED = {family for family, (_, by_happened) in FAMILIES.items() if not by_happened}
IN_ORDER = tuple(kind for kind, event in KINDS.items() if event.family in AS_RECORDED)
LATER = START + timedelta(days=30)


def named(events: Sequence[Event]) -> list[Event]:
    """Give each event an id of its own."""
    return [replace(event, id=f"e{number}") for number, event in enumerate(events)]


EVENTS = st.lists(near_event(), max_size=12).map(named)


def shuffled(events: Sequence[Event], draw: random.Random) -> list[Event]:
    """Return the events in another order of record, but the acts that follow it as they were."""
    mixed = list(events)
    draw.shuffle(mixed)
    acts = iter([event for event in events if event.kind in IN_ORDER])
    return [next(acts) if event.kind in IN_ORDER else event for event in mixed]


def one_by_one(events: Sequence[Event]) -> Situation:
    situation = empty_situation(("casa", "rabat", "lille"))
    for event in events:
        situation = apply_event(situation, event)
    return situation


@LAW
@given(EVENTS)
def test_folding_at_once_equals_applying_one_after_the_other(events: list[Event]) -> None:
    assert fold_events(events, empty_situation(("casa", "rabat", "lille"))) == one_by_one(events)


def test_what_follows_the_order_of_record_is_what_was_judged_in_it() -> None:
    assert {"aims", "charter_audits", "draws", "packs", "sites"} == AS_RECORDED


@LAW
@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_record_matters_for_these_alone(events: list[Event], draw: random.Random) -> None:
    """Corrections among them too: one may even be folded before what it corrects."""
    assert fold_events(shuffled(events, draw)) == fold_events(events)


@LAW
@given(EVENTS)
def test_an_event_applied_twice_counts_once(events: list[Event]) -> None:
    once = fold_events(events)
    assert fold_events(events, once) == once


@LAW
@given(EVENTS)
def test_a_corrected_event_leaves_no_trace_in_what_the_situation_says(events: list[Event]) -> None:
    wrong = {event.corrects for event in events if isinstance(event, EventCorrected)}
    rest = [e for e in events if e.id not in wrong and not isinstance(e, EventCorrected)]
    corrected, never = (fold_events(events, empty_situation(("casa",))), fold_events(rest, empty_situation(("casa",))))
    for name in ("cases", "checks", "attendance", "audits", "inspections", "tests"):
        assert getattr(corrected, name) == getattr(never, name), name
    for name in ("absences", "outages", "permits"):
        assert getattr(corrected, name) == getattr(never, name), name
    known = {site: state for site, state in corrected.sites.items() if state.closure or state.past}
    assert known == {s: state for s, state in never.sites.items() if state.closure or state.past}


@LAW
@given(st.lists(any_event(), max_size=6))
def test_nothing_raises_on_any_event_whatever(events: list[Event]) -> None:
    """Not even on those that would be refused, with places and people that do not exist."""
    situation = fold_events(events)
    situation.lost_places(START)
    situation.unavailable(START, LATER)
    derive_events(situation, OPERATOR, RULES, START)
    for event in events:
        for refusal in find_refusals(event, situation, OPERATOR, RULES):
            assert refusal.sentence()


@settings(LAW, max_examples=150)
@given(EVENTS)
def test_what_is_accepted_applies_and_the_answers_are_acceptable_and_come_once(events: list[Event]) -> None:
    chain, accepted = Chain(), []
    for event in sorted(events, key=lambda event: event.recorded_at):
        event = replace(event, happened_at=min(event.happened_at, event.recorded_at))
        chain.now = event.recorded_at
        if not find_refusals(event, chain.situation, OPERATOR, RULES):
            chain.situation = apply_event(chain.situation, event)
            accepted.append(event)
            accepted += chain.answer()
    chain.now = LATER
    accepted += chain.answer()
    assert chain.situation == fold_events(accepted, empty_situation(("casa", "rabat", "lille")))
    for notice in list_notices(chain.situation, OPERATOR, RULES, LATER):
        assert notice.sentence()
    find_plannable_sites(chain.situation, OPERATOR, RULES, LATER.date())


CASE, ACT = "case.declared", "act"
WALK = st.lists(
    st.tuples(
        st.sampled_from((CASE, CASE, CASE, "cleared", ACT, ACT, ACT, "corrected", "absent", "back")),
        st.sampled_from(("casa", "rabat")),
        st.sampled_from(AGENTS),
        st.sampled_from((0.0, 1.0, 30.0, 60.0, 200.0)),
        st.integers(0, 40),
    ),
    min_size=5,
    max_size=40,
)


def tried(chain: Chain, step: tuple[str, str, str, float, int]) -> tuple[str, dict[str, object]]:
    """Return the event that a step of a walk tries: an act is the next that the site needs."""
    kind, site, agent, hours, number = step
    late = chain.now - timedelta(hours=hours * (number % 3) / 2)
    if kind in (CASE, "cleared"):
        status = "declared_case" if kind == CASE else "cleared"
        values = {"site": site, "agent": agent, "status": status, "happened_at": late}
        if kind == "cleared":
            mine = [row.event for row in chain.situation.cases if row.agent == agent]
            values["case"] = mine[number % len(mine)] if mine else "e0"
        return CASE, values
    if kind == "corrected":
        return "event.corrected", {"corrects": f"e{number}", "reason": "Typed wrong"}
    if kind in ("absent", "back"):
        return {"absent": "agent.unavailable", "back": "agent.back"}[kind], {"agent": agent}
    closure = chain.situation.site(site).closure
    if closure is None:
        return "site.closed", {"site": site, "cause": ("hazard", "operator")[number % 2]}
    left = [
        item
        for item in merge_reopening_terms(closure, site, chain.operator, chain.rules).items
        if item not in dict(closure.done)
    ]
    if left:
        return "reopening.checked", {"site": site, "item": left[0]}
    yes = [actor for actor in ("samira", "karim") if actor not in closure.approvals]
    if yes and number % 9:
        return "reopening.approved", {"site": site, "actor": yes[0]}
    return "site.reopened", {"site": site}


def attempt(chain: Chain, step: tuple[str, str, str, float, int]) -> None:
    """Try a step; what is accepted must change something, and be answered."""
    kind, values = tried(chain, step)
    event = chain.event(kind, **values)
    if not find_refusals(event, chain.situation, chain.operator, chain.rules):
        before = chain.situation
        chain.situation = apply_event(before, event)
        chain.events.append(event)
        assert chain.situation != before, f"{kind} was accepted and changed nothing"
        if kind == "site.reopened":
            over = chain.situation.site(str(values["site"])).past[-1]
            assert over.earliest_reopening is None or over.earliest_reopening <= chain.now
            assert len(set(over.approvals)) == 2
        chain.answer()


@settings(LAW, max_examples=100)
@given(WALK)
def test_a_walk_through_cases_closures_and_corrections_keeps_the_laws(
    steps: list[tuple[str, str, str, float, int]],
) -> None:
    """The chain itself holds that answers are acceptable and come once (see ``Chain.answer``)."""
    chain = Chain()
    for step in steps:
        chain.after(hours=step[3], minutes=1)
        chain.answer()
        for _ in range(8 if step[0] == ACT else 1):
            attempt(chain, step)
    assert fold_events(chain.events, empty_situation(("casa", "rabat", "lille"))) == chain.situation


@LAW
@given(EVENTS)
def test_after_the_erasure_of_everybody_places_and_counts_stand_as_they_did(events: list[Event]) -> None:
    erased = []
    for event in events:
        kept = event_to_json(event)
        for name in personal_fields(event.kind):
            del kept[name]
        erased.append(event_from_json(event.kind, kept))
    before, after = fold_events(events), fold_events(erased)
    assert after.sites == before.sites
    assert after.lost_places(LATER) == before.lost_places(LATER)
    assert len(after.cases) == len(before.cases)
    assert {day: row.count for day, row in after.attendance.items()} == {
        day: row.count for day, row in before.attendance.items()
    }
    assert after.unavailable(START, LATER) == {}
    assert answers_of_agents(after) == []


def answers_of_agents(situation: Situation) -> list[Event]:
    found = derive_events(situation, OPERATOR, RULES, LATER)
    return [event for event in found if event.kind in ("agent.unavailable", "agent.back")]


def test_an_empty_situation_has_every_site_open_and_everybody_there() -> None:
    situation = empty_situation(("casa", "rabat"))
    assert not any(state.closed for state in situation.sites.values())
    assert situation.lost_places(START) == situation.lost_places(LATER)
    assert situation.lost_places(START).sites == {}
    assert situation.unavailable(START) == {}
    assert situation.last_recorded_at is None


def test_a_late_record_of_an_earlier_outage_is_put_in_its_place() -> None:
    chain = Chain()
    chain.record("power.down", site="casa")
    chain.after(hours=2).record("power.up", site="casa")
    chain.after(hours=1)
    chain.record("power.down", site="casa", happened_at=START - timedelta(hours=1))
    assert chain.situation.lost_places(chain.now).sites == {}


def test_a_situation_is_not_changed_by_what_follows() -> None:
    chain = Chain()
    chain.case("a1")
    before = chain.situation
    chain.case("a2")
    assert not before.site("casa").closed
    assert [case.agent for case in before.cases] == ["a1"]


def test_an_event_is_found_by_its_id_also_when_it_was_corrected() -> None:
    chain = Chain()
    chain.record("power.down", site="casa")
    chain.record("event.corrected", corrects="e1", reason="Another site")
    assert chain.situation.event("e1") == chain.events[0]
    assert chain.situation.event("e2") == chain.events[1]
    assert chain.situation.event("e3") is None
    assert chain.situation.withdrawn == (chain.events[0],)


def test_a_past_outage_can_be_closed_once_a_later_one_is_over() -> None:
    chain = Chain()
    chain.record("power.down", site="casa")
    chain.after(hours=5).record("power.up", site="casa")
    early = START - timedelta(days=11)
    chain.record("power.down", site="casa", happened_at=early)
    assert chain.refused("power.up", site="casa", happened_at=early - timedelta(hours=1)) == {"outage.not_down"}
    chain.record("power.up", site="casa", happened_at=early + timedelta(hours=4))
    hours = [
        (outage.since - early, (outage.until or START) - outage.since)
        for outage in chain.situation.outage_history["power", "casa"]
    ]
    assert hours == [(timedelta(0), timedelta(hours=4)), (timedelta(days=11), timedelta(hours=5))]
    inside = early + timedelta(hours=2)
    assert chain.refused("power.down", site="casa", happened_at=inside) == {"outage.down_already"}


SUPPLIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("link", {"site": "casa"}),
    ("link", {"site": "rabat"}),
    ("link", {"carrier": "Ixtel"}),
    ("power", {"site": "casa"}),
    ("power", {"site": "rabat"}),
)


@LAW
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), max_size=14), st.randoms(use_true_random=False))
def test_outages_recorded_in_any_order_are_those_recorded_in_time(
    moves: list[tuple[int, int]], draw: random.Random
) -> None:
    """What is refused is given again after the rest, as its sentence asks; in the end all count."""
    in_time = Chain(now=START + timedelta(days=1))
    down = dict.fromkeys(range(len(SUPPLIES)), False)
    for supply, half_hour in sorted(moves, key=lambda move: move[1]):
        kind, place = SUPPLIES[supply]
        at = START + timedelta(minutes=30 * half_hour)
        in_time.record(f"{kind}.{'up' if down[supply] else 'down'}", happened_at=at, **place)
        down[supply] = not down[supply]
    waiting = [replace(event, recorded_at=in_time.now) for event in in_time.events]
    draw.shuffle(waiting)
    late = empty_situation(("casa", "rabat", "lille"))
    while waiting:
        refused = []
        for event in waiting:
            if find_refusals(event, late, OPERATOR, RULES):
                refused.append(event)
            else:
                late = apply_event(late, event)
        assert len(refused) < len(waiting), "what is refused can be recorded after the rest"
        waiting = refused
    assert late.outage_history == in_time.situation.outage_history
    assert late.outages == in_time.situation.outages


DAY = START.date()


def end_of(day: int) -> datetime:
    """Return the end of a day of the measure at casa (on UTC), the first being day 1."""
    return datetime(2026, 11, 30, tzinfo=UTC) + timedelta(days=day)


def test_a_case_makes_its_agent_unavailable_until_the_last_day_declared() -> None:
    chain = Chain()
    chain.case("a1", until=DAY + timedelta(days=4))
    assert chain.situation.unavailable(chain.now) == {"a1": end_of(5)}
    assert chain.situation.unavailable(end_of(5)) == {}


def test_a_declaration_without_dates_takes_those_of_the_rule() -> None:
    chain = Chain()
    chain.case("a1")
    chain.case("a2", status="contact")
    assert chain.situation.unavailable(chain.now) == {"a1": end_of(10), "a2": end_of(7)}


def test_the_days_of_a_measure_are_those_of_the_site() -> None:
    chain = Chain()
    chain.case("l1", "lille", until=DAY)
    assert chain.situation.unavailable(chain.now) == {"l1": end_of(1) - timedelta(hours=1)}


def test_a_measure_that_is_over_when_it_is_recorded_makes_nobody_unavailable() -> None:
    chain = Chain().after(days=20)
    assert chain.case("a1", happened_at=START) == ()


def test_an_agent_who_is_cleared_is_back() -> None:
    chain = Chain()
    chain.case("a1")
    chain.record("agent.unavailable", agent="a1", until=end_of(3))
    answered = chain.after(days=1).case("a1", status="cleared", case="e1")
    assert kinds_of(answered) == ["agent.back"]
    assert chain.situation.unavailable(chain.now) == {"a1": end_of(3)}, "another absence lasts"


def test_a_case_that_was_corrected_ends_the_absence_it_called_for() -> None:
    chain = Chain()
    chain.case("a1")
    answered = chain.record("event.corrected", corrects="e1", reason="Another agent")
    assert kinds_of(answered) == ["event.corrected"]
    assert chain.situation.unavailable(chain.now) == {}


def test_an_absence_that_people_ended_is_not_made_again() -> None:
    chain = Chain()
    chain.case("a1")
    chain.after(days=1).record("agent.back", agent="a1")
    assert chain.after(days=1).answer() == ()
    assert chain.situation.unavailable(chain.now) == {}


def test_a_return_ends_those_that_its_recorder_noted_where_it_says_so() -> None:
    chain = Chain()
    chain.record("agent.unavailable", agent="a1", until=end_of(2), actor="lina")
    chain.record("agent.unavailable", agent="a1", until=end_of(3), actor="karim")
    chain.record("agent.back", agent="a1", absence="own", actor="karim")
    assert chain.situation.unavailable(chain.now) == {"a1": end_of(2)}


def test_absences_that_touch_count_as_one_and_an_open_end_is_not_known() -> None:
    chain = Chain()
    chain.record("agent.unavailable", agent="a1", until=end_of(2))
    chain.record("agent.unavailable", agent="a1", start=end_of(2), until=end_of(4))
    assert chain.situation.unavailable(chain.now) == {"a1": end_of(4)}
    chain.record("agent.unavailable", agent="a1", start=end_of(3))
    assert chain.situation.unavailable(chain.now) == {"a1": None}


def test_an_absence_to_come_is_seen_by_the_days_it_meets() -> None:
    chain = Chain()
    chain.record("agent.unavailable", agent="a1", start=end_of(2), until=end_of(3))
    assert chain.situation.unavailable(chain.now) == {}
    assert chain.situation.unavailable(chain.now, end_of(3)) == {"a1": end_of(3)}


def test_a_lost_place_is_told_with_its_end_as_far_as_known() -> None:
    chain = Chain()
    chain.record("power.down", site="rabat", expected_until=end_of(1))
    chain.record("link.down", carrier="Ixtel")
    chain.record("site.closed", site="casa", cause="hazard", earliest_reopening=end_of(2))
    lost = chain.situation.lost_places(chain.now)
    assert lost.sites == {"rabat": end_of(1), "casa": end_of(2)}
    assert lost.carriers == {"Ixtel": None}
    assert lost.home_only == frozenset()
    assert chain.situation.lost_places(end_of(3)).sites == {"rabat": None, "casa": None}


def test_a_site_lost_twice_is_back_with_the_later_end() -> None:
    chain = Chain()
    chain.record("power.down", site="casa", expected_until=end_of(3))
    chain.record("site.closed", site="casa", cause="operator", earliest_reopening=end_of(2))
    assert chain.situation.lost_places(chain.now).sites == {"casa": end_of(3)}


def test_no_value_of_health_is_in_what_planning_is_told() -> None:
    """The same absences stated by hand, with no case at all, tell planning exactly the same."""
    ill, away = Chain(), Chain()
    ill.case("a1", until=DAY + timedelta(days=4))
    ill.case("a2", status="contact", until=DAY + timedelta(days=2))
    for agent, days in (("a1", 5), ("a2", 3)):
        away.record("agent.unavailable", agent=agent, until=end_of(days))
    for when in (START, end_of(3), end_of(5)):
        assert ill.situation.unavailable(when) == away.situation.unavailable(when)
        assert ill.situation.lost_places(when) == away.situation.lost_places(when)
    assert not ill.situation.unavailable(START).keys() & {case.event for case in ill.situation.cases}
    names = {field.name for rows in ill.situation.absences.values() for field in fields(rows[0])}
    shared = names & {field.name for field in fields(DeclaredCase)}
    assert shared == {"event", "until"}, "an id of its own and the day the agent is back"


def test_the_id_of_an_absence_does_not_show_its_case() -> None:
    chain = Chain()
    (absence,) = chain.case("a1", id="case-of-the-30th")
    assert absence.id == derive_absence_id("case-of-the-30th")
    assert "case" not in absence.id
    assert absence.actor == "rule:ABSENCE"


NEEDED = "- {id: AUTH, kind: authorisation, from: 2026-12-01, destinations: [MA], source: test, confidence: test}"


def test_a_site_without_a_valid_permit_is_not_planned_where_the_rule_of_the_day_asks() -> None:
    chain = Chain(rules=load_rules_with([NEEDED], chosen=[HEALTH_2020]))
    day = DAY + timedelta(days=2)
    permit_of = {"authorisation": "w1", "of": "site", "site": "casa", "valid_to": day}
    chain.record("authorisation.granted", valid_from=DAY, **permit_of)
    planned = {
        n: find_plannable_sites(chain.situation, chain.operator, chain.rules, DAY + timedelta(n)) for n in (0, 1, 2, 3)
    }
    assert planned[0] == ("casa", "rabat", "lille"), "no rule asks for one yet"
    assert planned[1] == planned[2] == ("casa", "lille")
    assert planned[3] == ("lille",), "the permit is over"
    chain.record("authorisation.withdrawn", authorisation="w1")
    assert find_plannable_sites(chain.situation, chain.operator, chain.rules, day) == ("lille",)


def test_a_table_that_holds_a_permit_asks_for_one_everywhere() -> None:
    held = permit("t1", "casa", "2026-11-01", "2026-12-31")
    chain = Chain(operator(authorisations=(held,)))
    assert find_plannable_sites(chain.situation, chain.operator, HEALTH_RULES, DAY) == ("casa",)


@pytest.mark.parametrize(
    ("kind", "values", "days"),
    [
        ("case.declared", {"site": "casa", "status": "declared_case", "agent": "a1"}, 9 + 30),
        ("agent.unavailable", {"agent": "a1", "until": START + timedelta(days=5)}, 5 + 30),
        ("agents.present", {"site": "casa", "day": DAY, "count": 1, "agents": ("a1",)}, 30),
        ("inspection.held", {"site": "casa", "authority": "C", "inspectors": ("M. A.",)}, 366),
        ("inspection.held", {"site": "casa", "authority": "C"}, None),
        ("site.closed", {"site": "casa", "cause": "operator"}, None),
    ],
)
def test_personal_values_are_erased_on_their_day(kind: str, values: dict[str, object], days: int | None) -> None:
    chain = Chain()
    day = compute_erasure_day(chain.event(kind, **values), chain.operator, chain.rules)
    assert day == (None if days is None else DAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("after", "withdrawn", "state"),
    [(-1, False, "not_yet"), (0, False, "valid"), (9, False, "valid"), (10, False, "ended"),
     (0, True, "withdrawn"), (10, True, "withdrawn")],
)  # fmt: skip
def test_a_permit_stands_on_a_day_as_its_dates_and_its_withdrawal_say(after: int, withdrawn: bool, state: str) -> None:
    last = DAY + timedelta(days=9)
    held = HeldPermit("p1", "site", "casa", DAY, last, withdrawn=withdrawn)
    day = DAY + timedelta(days=after)
    assert held.state_on(day) == state
    assert withdrawn or held.holds_on(day) == (state == "valid")
