"""An order that closes a site is corrected on the terms on which it is lifted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from releve.situation import CaseDeclared, ClosureExtended, SiteClosed, fold_events
from tests.situation.rule_chain import Chain

TERMS = {"reopening.checklist", "reopening.approvals"}
DAY = timedelta(days=1)


def closed_by(cause: str) -> tuple[Chain, str]:
    """Return a chain whose site is closed, and the id of the order."""
    chain = Chain()
    if cause == "rule":
        chain.case("a1")
        (order, *_) = chain.case("a2")
        assert isinstance(order, SiteClosed)
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
    assert chain.refused("event.corrected", **sent) >= {"reopening.too_early"} | TERMS
    chain.after(days=3)
    assert chain.refused("event.corrected", **sent) == TERMS
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
    assert chain.refused("event.corrected", **sent) == {"reopening.too_early", "reopening.approvals"}
    chain.record("reopening.approved", site="casa", actor="samira")
    chain.after(days=3)
    assert chain.refused("event.corrected", **sent) == {"reopening.approvals"}
    chain.record("reopening.approved", site="casa", actor="karim")
    chain.record("event.corrected", **sent)
    assert not chain.closed()


def test_an_order_that_joined_a_closure_takes_the_same_terms() -> None:
    chain, _ = closed_by("authority")
    later = chain.now + 5 * DAY
    chain.record("closure.extended", site="casa", earliest_reopening=later, authority="Wilaya")
    (*_, extended) = chain.events
    assert isinstance(extended, ClosureExtended)
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
    assert fold_events(chain.events, Chain().situation).sites == chain.situation.sites


def test_a_case_is_cleared_by_its_event_on_its_site_and_every_other_clearing_reads_alike() -> None:
    chain = Chain()
    chain.case("a1")
    (case, *_) = (event for event in chain.events if isinstance(event, CaseDeclared))
    chain.case("a2", site="rabat", status="contact")
    (*_, other) = (event for event in chain.events if isinstance(event, CaseDeclared))
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
