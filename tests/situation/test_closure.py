"""The closure rule on traces of a few events, and orders corrected."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve import situation
from releve.situation.shipped import load_rules_with
from tests.situation.rule_chain import CHECKLIST, HEALTH_2020, START, Chain, kinds_of

HOURS_48 = timedelta(hours=48)


def with_closure(**parameters: object) -> situation.SituationRules:
    """Return the shipped rules with another closure row in place of theirs."""
    listed = ", ".join(f"{key}: {value}" for key, value in parameters.items())
    text = (
        "- {id: CLOSE-2, kind: closure, ends: MA-COVID-CLOSE, from: 2021-01-01, source: test,"
        f" confidence: test, parameters: {{{listed}}}}}"
    )
    return load_rules_with([text], chosen=[HEALTH_2020])


def plain_closes(days: list[float], n: int, d: float, new: list[bool]) -> int:
    """Return the first case that closes, by trying every set of ``n`` cases."""
    closing = [
        max(chosen)
        for chosen in combinations(range(len(days)), n)
        if max(days[i] for i in chosen) - min(days[i] for i in chosen) <= d and any(new[i] for i in chosen)
    ]
    return min(closing, default=-1)


@pytest.mark.parametrize(
    ("days", "n", "d", "closing"),
    [
        ([], 2, 14, -1),
        ([0], 2, 14, -1),
        ([0], 1, 14, 0),
        ([0, 0], 2, 0, 1),
        ([0, 14], 2, 14, 1),
        ([0, 14.01], 2, 14, -1),
        ([0, 14.01, 15], 2, 14, 2),
        ([0, 1, 2], 2, 14, 1),
        ([0, 10, 20, 24], 3, 14, 3),
        ([0, 10, 20, 24.5], 3, 14, -1),
    ],
)
def test_a_site_closes_by_the_first_case_that_completes_a_set_within_the_days(
    days: list[float], n: int, d: float, closing: int
) -> None:
    assert situation.find_closing_case(days, n, d) == closing


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=9).map(sorted),
    st.integers(1, 4),
    st.integers(0, 15),
    st.randoms(use_true_random=False),
)
def test_the_rule_equals_the_search_over_every_set_of_cases(
    days: list[int], n: int, d: int, draw: random.Random
) -> None:
    new = [draw.random() < 0.5 for _ in days]
    assert situation.find_closing_case(days, n, d, new) == plain_closes([float(day) for day in days], n, d, new)
    assert situation.find_closing_case(days, n, d) == plain_closes(
        [float(day) for day in days], n, d, [True] * len(days)
    )


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=10).map(sorted), st.integers(1, 4), st.integers(0, 20))
def test_a_stricter_rule_never_closes_later(days: list[int], n: int, d: int) -> None:
    found, fewer, longer = (
        situation.find_closing_case(days, n, d),
        situation.find_closing_case(days, n - 1 or 1, d),
        situation.find_closing_case(days, n, d + 3),
    )
    if found >= 0:
        assert 0 <= fewer <= found
        assert 0 <= longer <= found


def test_the_second_confirmed_agent_closes_the_site_for_48_hours_from_the_order() -> None:
    chain = Chain()
    assert kinds_of(chain.case("a1")) == ["agent.unavailable"]
    assert not chain.closed()
    answered = chain.after(days=3).case("a2")
    (order,) = [event for event in answered if isinstance(event, situation.SiteClosed)]
    assert (order.cause, order.rule, order.actor) == ("rule", "MA-COVID-CLOSE", "rule:MA-COVID-CLOSE")
    assert order.happened_at == chain.now
    assert order.earliest_reopening == chain.now + HOURS_48
    assert chain.closed()
    assert not chain.closed("rabat")


def test_a_single_confirmed_agent_closes_nothing() -> None:
    chain = Chain()
    chain.case("a1")
    assert not chain.after(days=13).closed()


def test_two_cases_fourteen_days_apart_close_and_a_minute_more_does_not() -> None:
    chain = Chain()
    chain.case("a1")
    chain.after(days=14).case("a2")
    assert chain.closed()
    late = Chain()
    late.case("a1")
    late.after(days=14, minutes=1).case("a2")
    assert not late.closed()


def test_cases_of_two_sites_close_neither() -> None:
    chain = Chain()
    chain.case("a1", "casa")
    chain.case("a2", "rabat")
    assert not chain.closed()
    assert not chain.closed("rabat")


def test_an_agent_who_changed_site_counts_where_the_report_says() -> None:
    """a1 belongs to casa and worked at rabat when the test was positive."""
    chain = Chain()
    chain.case("a1", "rabat")
    chain.case("a2", "casa")
    assert not chain.closed()
    chain.case("a3", "rabat")
    assert chain.closed("rabat")
    assert not chain.closed("casa")


def test_the_same_agent_twice_counts_once() -> None:
    chain = Chain()
    chain.case("a1")
    chain.after(days=5).case("a1")
    assert not chain.closed()
    chain.after(days=1).case("a2")
    assert chain.closed()


def test_a_repeated_report_keeps_the_date_of_the_first() -> None:
    """a1 counts on day 0: day 15 is out of reach for a2, though a1 was declared again on day 10."""
    chain = Chain()
    chain.case("a1")
    chain.after(days=10).case("a1")
    chain.after(days=5).case("a2")
    assert not chain.closed()


def test_an_agent_who_falls_ill_again_later_is_a_new_case() -> None:
    chain = Chain()
    chain.case("a1")
    chain.after(days=15).case("a1")
    chain.after(days=1).case("a2")
    assert chain.closed()


def test_contacts_do_not_count() -> None:
    chain = Chain()
    chain.case("a1", status="contact")
    chain.case("a2", status="contact")
    chain.case("a3")
    assert not chain.closed()


def test_a_case_that_was_cleared_still_counts() -> None:
    """It was confirmed: clearing ends the measure, it does not undo the case."""
    chain = Chain()
    chain.case("a1")
    chain.after(days=3).case("a1", status="cleared", case="e1")
    chain.after(days=1).case("a2")
    assert chain.closed()


def test_a_case_that_was_corrected_does_not_count() -> None:
    chain = Chain()
    chain.case("a1")
    chain.record("event.corrected", corrects="e1", reason="Wrong agent")
    chain.after(days=1).case("a2")
    assert not chain.closed()


def test_the_date_of_a_case_is_when_it_happened_and_not_when_it_was_recorded() -> None:
    chain = Chain()
    chain.after(days=20)
    chain.case("a1", happened_at=START)
    chain.case("a2")
    assert not chain.closed(), "the cases lie 20 days apart"
    chain.case("a3", happened_at=START + timedelta(days=13))
    assert chain.closed(), "day 13 and day 20 lie within 14 days"


def test_cases_reported_late_close_from_the_order_and_not_from_their_dates() -> None:
    chain = Chain()
    chain.after(days=6)
    chain.case("a1", happened_at=START)
    chain.case("a2", happened_at=START + timedelta(days=1))
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert closure.ordered_at == chain.now
    assert closure.earliest_reopening == chain.now + HOURS_48


def test_cases_reported_when_they_are_long_over_close_nothing() -> None:
    chain = Chain()
    chain.after(days=30)
    chain.case("a1", happened_at=START)
    chain.case("a2", happened_at=START + timedelta(days=1))
    assert not chain.closed()


def test_a_case_dated_by_a_clock_that_runs_ahead_counts_from_its_record() -> None:
    chain = Chain()
    chain.case("a1", happened_at=START + timedelta(minutes=4))
    assert chain.situation.cases[0].at == START


def test_after_a_reopening_the_cases_on_record_do_not_close_again() -> None:
    chain = Chain()
    chain.case("a1")
    chain.case("a2")
    chain.after(days=1).case("a3")
    chain.after(days=2).reopen()
    assert chain.answer() == ()
    assert chain.after(days=1).answer() == ()
    assert not chain.closed()


def test_after_a_reopening_a_new_case_closes_together_with_those_before() -> None:
    chain = Chain()
    chain.case("a1")
    chain.case("a2")
    chain.after(days=3).reopen()
    chain.after(days=1).case("a3")
    assert chain.closed()


def test_where_earlier_cases_do_not_count_a_full_set_is_needed_after_a_reopening() -> None:
    chain = Chain(rules=with_closure(earlier_cases_count="false"))
    chain.case("a1")
    chain.case("a2")
    chain.after(days=3).reopen()
    chain.after(days=1).case("a3")
    assert not chain.closed()
    chain.after(days=1).case("a4")
    assert chain.closed()


def test_a_case_recorded_after_the_reopening_is_new_whenever_it_happened() -> None:
    chain = Chain()
    chain.case("a1")
    chain.case("a2")
    chain.after(days=3).reopen()
    chain.after(days=1).case("a3", happened_at=START + timedelta(hours=1))
    assert chain.closed()


def test_a_further_case_while_closed_changes_nothing_by_default() -> None:
    chain = Chain()
    chain.case("a1")
    chain.case("a2")
    before = chain.situation.site("casa")
    chain.after(days=1).case("a3")
    assert chain.situation.site("casa") == before


def test_a_further_case_while_closed_makes_it_longer_where_the_row_says_so() -> None:
    chain = Chain(rules=with_closure(further_case_hours=48))
    chain.case("a1")
    chain.case("a2")
    answered = chain.after(hours=30).case("a3")
    (longer,) = [event for event in answered if isinstance(event, situation.ClosureExtended)]
    assert longer.earliest_reopening == chain.now + HOURS_48
    again = chain.after(hours=24).case("a3")
    assert not any(isinstance(event, situation.ClosureExtended) for event in again), "an agent counts once"


def test_a_longer_closure_voids_the_approvals_given_before() -> None:
    chain = Chain(rules=with_closure(further_case_hours=48))
    chain.case("a1")
    chain.case("a2")
    for item in CHECKLIST:
        chain.record("reopening.checked", site="casa", item=item)
    chain.record("reopening.approved", site="casa", actor="karim")
    chain.after(hours=1).case("a3")
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert closure.approvals == ()
    assert [item for item, _ in closure.done] == list(CHECKLIST)


@pytest.mark.parametrize("n", [1, 3])
def test_the_number_of_agents_is_a_parameter(n: int) -> None:
    chain = Chain(rules=with_closure(n=n))
    for number in range(1, n):
        chain.case(f"a{number}")
        assert not chain.closed()
    chain.case(f"a{n}")
    assert chain.closed()


def test_the_days_and_the_hours_are_parameters() -> None:
    chain = Chain(rules=with_closure(days=2, hours=72))
    chain.case("a1")
    chain.after(days=2, minutes=1).case("a2")
    assert not chain.closed()
    chain.after(days=1).case("a3")
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert closure.earliest_reopening == chain.now + timedelta(hours=72)


def test_a_rule_joins_a_closure_of_another_cause_and_its_hours_count() -> None:
    chain = Chain()
    chain.record("site.closed", site="casa", cause="hazard", reason="Water in the cellar")
    chain.case("a1")
    (joined, *_) = chain.after(hours=1).case("a2")
    assert isinstance(joined, situation.ClosureExtended)
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert [order.cause for order in closure.orders] == ["hazard", "rule"]
    assert closure.earliest_reopening == chain.now + HOURS_48
    assert closure.home_only
    items = ("building_safe", "power_and_links_up", "people_informed", *CHECKLIST)
    chain.after(days=2).reopen(items=items)
    assert chain.answer() == ()


def test_an_order_of_the_rule_that_people_corrected_is_not_given_again() -> None:
    chain = Chain()
    chain.case("a1")
    (order, *_) = chain.case("a2")
    chain.after(days=2).agree()
    chain.record("event.corrected", corrects=order.id, reason="The second test was of another firm")
    assert not chain.closed()
    assert chain.after(days=1).answer() == ()
    chain.case("a3")
    assert chain.closed(), "a further case is another matter"


def test_two_rules_in_force_each_give_their_order() -> None:
    text = (
        "- {id: CLOSE-5, kind: closure, from: 2020-01-01, source: test, confidence: test,"
        " parameters: {n: 3, days: 14, hours: 240}}"
    )
    chain = Chain(rules=load_rules_with([text], chosen=[HEALTH_2020]))
    chain.case("a1")
    chain.case("a2")
    assert chain.closed()
    (joined, *_) = chain.after(hours=5).case("a3")
    assert isinstance(joined, situation.ClosureExtended)
    assert joined.rule == "CLOSE-5"
    assert joined.earliest_reopening == chain.now + timedelta(hours=240)


def test_a_row_that_takes_over_during_a_closure_gives_no_second_order() -> None:
    text = (
        "- {id: CLOSE-2, kind: closure, ends: MA-COVID-CLOSE, from: 2026-12-01, source: test,"
        " confidence: test, parameters: {n: 2}}"
    )
    chain = Chain(rules=load_rules_with([text], chosen=[HEALTH_2020]))
    chain.case("a1")
    chain.after(minutes=1).case("a2")
    assert chain.after(days=1).answer() == ()
    chain.after(days=2).reopen()
    assert chain.answer() == ()


def test_without_a_rule_in_force_nothing_closes() -> None:
    chain = Chain(rules=situation.load_rules([]))
    chain.case("a1")
    assert chain.case("a2") == ()
    assert not chain.closed()


TERMS = {"reopening.checklist", "reopening.approvals"}
DAY = timedelta(days=1)


def closed_by(cause: str) -> tuple[Chain, str]:
    """Return a chain whose site is closed, and the id of the order."""
    chain = Chain()
    if cause == "rule":
        chain.case("a1")
        (order, *_) = chain.case("a2")
        assert isinstance(order, situation.SiteClosed)
        return chain, order.id
    more: dict[str, Any] = {"authority": "Wilaya"} if cause == "authority" else {}
    earliest = chain.now + DAY
    chain.record("site.closed", site="casa", cause=cause, earliest_reopening=earliest, **more)
    return chain, chain.events[-1].id


@pytest.mark.parametrize("actor", ["samira", "token:bi", "rule:X"])
@pytest.mark.parametrize("cause", ["rule", "authority", "hazard", "operator"])
def test_one_person_one_token_and_one_rule_cannot_correct_an_order_away(cause: str, actor: str) -> None:
    chain, order = closed_by(cause)
    sent = {"corrects": order, "reason": "Wrong site", "actor": actor}
    early = {"lifting.grounded" if cause == "rule" else "reopening.too_early"}
    assert chain.refused("event.corrected", **sent) >= early | TERMS
    chain.after(days=3)
    assert chain.refused("event.corrected", **sent) == TERMS | (early & {"lifting.grounded"})
    (closure,) = [state.closure for state in chain.situation.sites.values() if state.closure]
    assert closure.event == order


@pytest.mark.parametrize("cause", ["rule", "authority", "hazard", "operator"])
def test_an_order_is_corrected_after_its_least_time_its_checklist_and_two_people(cause: str) -> None:
    chain, order = closed_by(cause)
    sent = {"corrects": order, "reason": "Wrong site"}
    faults = {fault.code: fault.params for fault in chain.reasons("event.corrected", **sent)}
    items = faults["reopening.checklist"]["items"]
    assert isinstance(items, tuple)
    for item in items:
        chain.record("reopening.checked", site="casa", item=item)
    early = {"lifting.grounded" if cause == "rule" else "reopening.too_early"}
    assert chain.refused("event.corrected", **sent) == {*early, "reopening.approvals"}
    chain.record("reopening.approved", site="casa", actor="samira")
    chain.after(days=3)
    assert chain.refused("event.corrected", **sent) == {"reopening.approvals"} | (early & {"lifting.grounded"})
    chain.record("reopening.approved", site="casa", actor="karim")
    chain.record("event.corrected", **sent)
    assert not chain.closed()


def test_an_order_that_joined_a_closure_takes_the_same_terms() -> None:
    chain, _ = closed_by("authority")
    later = chain.now + 5 * DAY
    chain.record("closure.extended", site="casa", earliest_reopening=later, authority="Wilaya")
    (*_, extended) = chain.events
    assert isinstance(extended, situation.ClosureExtended)
    chain.after(days=2)
    sent = {"corrects": extended.id, "reason": "Typed twice"}
    assert chain.refused("event.corrected", **sent) == {"reopening.too_early"} | TERMS
    assert chain.refused("site.reopened", site="casa") == {"reopening.too_early"} | TERMS


def test_an_order_of_a_closure_that_is_over_is_corrected_freely() -> None:
    chain, order = closed_by("rule")
    chain.after(days=3).reopen()
    chain.record("event.corrected", corrects=order, reason="Another firm")
    assert not chain.closed()


def test_correcting_a_reopening_loses_no_later_order() -> None:
    chain, first = closed_by("rule")
    chain.after(days=3).reopen()
    reopened = chain.events[-1].id
    chain.after(hours=1)
    earliest = chain.now + 10 * DAY
    chain.record("site.closed", site="casa", cause="authority", authority="Wilaya", earliest_reopening=earliest)
    second = chain.events[-1].id
    chain.record("event.corrected", corrects=reopened, reason="Not opened yet")
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert [order.event for order in closure.orders] == [first, second]
    assert closure.earliest_reopening == earliest
    assert closure.approvals == ()
    sent = {"corrects": second, "reason": "x"}
    assert "reopening.too_early" in chain.refused("event.corrected", **sent)
    assert situation.fold_events(chain.events, Chain().situation).sites == chain.situation.sites


def test_a_case_is_cleared_by_its_event_on_its_site_and_every_other_clearing_reads_alike() -> None:
    chain = Chain()
    chain.case("a1")
    (case, *_) = (event for event in chain.events if isinstance(event, situation.CaseDeclared))
    chain.case("a2", site="rabat", status="contact")
    (*_, other) = (event for event in chain.events if isinstance(event, situation.CaseDeclared))
    chain.record("power.down", site="casa")
    chain.after(days=1)
    wrong: list[dict[str, Any]] = [
        {"agent": "a1", "site": "casa"},
        {"agent": "a3", "site": "casa"},
        {"agent": "a1", "site": "rabat", "case": case.id},
        {"agent": "a2", "site": "casa", "case": other.id},
        {"agent": "a3", "site": "casa", "case": case.id},
        {"agent": "a1", "site": "casa", "case": other.id},
        {"agent": "a1", "site": "casa", "case": "e9999"},
        {"agent": "a1", "site": "casa", "case": chain.events[-1].id},
        {"agent": "a1", "site": "casa", "case": case.id, "happened_at": chain.now - 2 * DAY},
    ]
    reasons = [chain.reasons("case.declared", status="cleared", **values) for values in wrong]
    assert set(map(repr, reasons)) == {repr(reasons[0])}, "no word of who has one"
    assert [reason.code for reason in reasons[0]] == ["case.nothing_to_clear"]
    chain.case("a1", status="cleared", case=case.id)
    found = {row.event: row.cleared_at is not None for row in chain.situation.cases}
    assert found == {case.id: True, other.id: False}
    again = chain.reasons("case.declared", status="cleared", agent="a1", site="casa", case=case.id)
    assert repr(again) == repr(reasons[0])


def test_clearing_one_case_leaves_the_measure_of_another_site() -> None:
    chain = Chain()
    chain.case("a1")
    first = chain.events[0].id
    chain.after(days=1).case("a1", site="rabat", status="contact")
    chain.after(days=1).case("a1", status="cleared", case=first)
    assert [(row.site, row.cleared_at is None) for row in chain.situation.cases] == [("casa", False), ("rabat", True)]
    assert "a1" in chain.situation.unavailable(chain.now), "the other measure keeps the agent away"


def test_a_report_is_accepted_alike_whether_or_not_the_agent_has_a_case() -> None:
    chain = Chain()
    chain.case("a1")
    for agent in ("a1", "a2"):
        sent = {"agent": agent, "site": "rabat", "status": "declared_case"}
        assert chain.refused("case.declared", **sent) == set()
    assert len(chain.case("a1")) == len(chain.case("a3", site="rabat")) == 1
    assert not chain.closed(), "one agent twice is one case"
