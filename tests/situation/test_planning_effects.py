"""Planning receives places, people and dates, never the reason."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from releve.situation import DeclaredCase, HeldPermit, compute_erasure_day, derive_absence_id, find_plannable_sites
from releve.situation.shipped import load_rules_with
from tests.situation.rule_chain import HEALTH_2020, HEALTH_RULES, START, Chain, kinds_of, operator, permit

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
