"""A record that was wrong: what counts after its correction, and the closures whose ground it takes away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve import situation
from releve.situation import CaseDeclared, EventCorrected, SiteClosed, find_lost_ground
from releve.situation.rule_kinds import SituationRules
from releve.situation.shipped import load_rules_with
from tests.situation.rule_chain import HEALTH_2020, Chain

LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
AGENTS = ("a1", "a2", "a3", "a4")


def closed_by(*agents: str, rules: SituationRules | None = None) -> tuple[Chain, dict[str, str], str]:
    """Return a chain whose site some cases close, the record of each, and the first order of the rule."""
    chain = Chain() if rules is None else Chain(rules=rules)
    for agent in agents:
        chain.after(minutes=1).case(agent)
    (order, *_) = [event.id for event in chain.events if isinstance(event, SiteClosed)]
    return chain, {event.agent: event.id for event in chain.events if isinstance(event, CaseDeclared)}, order


def correct(chain: Chain, event: str, actor: str = "hind", **fields: Any) -> tuple[situation.Event, ...]:
    """Record a correction; return what the rules answer."""
    values = {"reason": "The test was another person's", "actor": actor, **fields}
    return chain.record("event.corrected", corrects=event, **values)


def refusals(chain: Chain, event: str, actor: str) -> set[str]:
    return chain.refused("event.corrected", corrects=event, reason="It rests on a wrong test", actor=actor)


def find_ground(chain: Chain, *without: str) -> situation.LostGround | None:
    return find_lost_ground(chain.situation, "casa", chain.operator, chain.rules, chain.now, without)


def test_a_closure_by_rule_stays_until_a_second_person_agrees_and_is_lifted_at_once_then() -> None:
    chain, cases, order = closed_by("a1", "a2")
    chain.after(minutes=30)
    answers = correct(chain, cases["a2"])
    assert [row.kind for row in answers] == ["event.corrected"], "the absence of the agent alone"
    assert chain.closed(), "one person opens no site"
    (notice,) = chain.notices("closure.lost_ground")
    assert (notice.site, notice.due_at) == ("casa", chain.now)
    assert [*chain.situation.unavailable(chain.now)] == ["a1"]
    assert refusals(chain, order, "hind") == {"lifting.same_person"}
    assert refusals(chain, order, "rule:X") == {"lifting.by_rule"}
    correct(chain, order, "samira")
    assert not chain.closed()
    (lifted,) = situation.list_lifted_closures(chain.situation)
    assert (lifted.corrected_by, lifted.lifted_by, lifted.site) == ("hind", "samira", "casa")
    assert lifted.reason == "The test was another person's"
    assert chain.after(days=1).answer() == ()


def test_a_closure_that_still_has_its_cases_is_not_lifted_and_the_refusal_says_the_way_out() -> None:
    chain, cases, order = closed_by("a1", "a2", "a3")
    correct(chain, cases["a2"])
    assert find_ground(chain) is None
    assert "lifting.grounded" in refusals(chain, order, "samira")
    (fault,) = [row for row in chain.reasons("event.corrected", corrects=order, reason="x") if row.field == ""][:1]
    assert fault.params["count"] == 2
    assert "correct that record first" in fault.sentence()
    assert chain.closed()


def test_each_lifts_only_on_what_another_person_corrected() -> None:
    """Of three cases two are wrong: who said one of them alone says nothing of the other."""
    chain, cases, order = closed_by("a1", "a2", "a3")
    correct(chain, cases["a1"], "hind")
    correct(chain, cases["a2"], "karim")
    assert refusals(chain, order, "hind") == refusals(chain, order, "karim") == {"lifting.same_person"}
    assert find_ground(chain, "hind") is None
    assert refusals(chain, order, "samira") == set()


def test_who_corrected_a_record_that_is_not_decisive_may_lift() -> None:
    chain, cases, order = closed_by("a1", "a2")
    correct(chain, cases["a1"], "hind")
    correct(chain, cases["a2"], "karim")
    assert refusals(chain, order, "karim") == set(), "one wrong record of two suffices, and hind said it"


def test_an_authoritys_order_beside_the_rule_keeps_the_site_closed() -> None:
    chain, cases, order = closed_by("a1", "a2")
    until = chain.now + timedelta(days=5)
    chain.record("closure.extended", site="casa", earliest_reopening=until, authority="Wilaya")
    correct(chain, cases["a1"])
    correct(chain, order, "samira")
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert [row.authority for row in closure.orders] == ["Wilaya"]
    assert closure.earliest_reopening == until
    (left,) = [row.event for row in closure.orders]
    assert "reopening.too_early" in refusals(chain, left, "samira")


def test_a_rule_that_joined_an_order_of_people_is_taken_out_of_it() -> None:
    chain = Chain()
    chain.record("site.closed", site="casa", cause="hazard", reason="Water")
    chain.after(hours=1).case("a1")
    (joined, *_) = chain.case("a2")
    (*_, wrong) = [event.id for event in chain.events if isinstance(event, CaseDeclared)]
    correct(chain, wrong)
    ground = find_ground(chain)
    assert ground is not None
    assert [row.cause for row in ground.others] == ["hazard"]
    correct(chain, joined.id, "samira")
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert ([row.cause for row in closure.orders], closure.earliest_reopening) == (["hazard"], None)
    assert not closure.home_only


def test_two_rules_that_rest_on_the_same_case_are_lifted_together() -> None:
    text = (
        "- {id: CLOSE-5, kind: closure, from: 2020-01-01, source: test, confidence: test,"
        " parameters: {n: 3, days: 14, hours: 240}}"
    )
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    chain, cases, order = closed_by("a1", "a2", "a3", rules=rules)
    correct(chain, cases["a3"])
    correct(chain, cases["a2"])
    correct(chain, order, "samira")
    assert not chain.closed(), "both orders at once"
    chain, cases, order = closed_by("a1", "a2", "a3", rules=rules)
    closure = chain.situation.site("casa").closure
    assert closure is not None
    assert len(closure.orders) == 2
    correct(chain, cases["a3"])
    (joined,) = [row.event for row in closure.orders if row.rule == "CLOSE-5"]
    correct(chain, joined, "samira")
    assert chain.closed(), "two cases are left, and the other rule asks for two"
    correct(chain, cases["a2"])
    assert chain.closed(), "no second person has agreed to that yet"
    correct(chain, order, "samira")
    assert not chain.closed()


def test_a_further_case_that_was_wrong_gives_the_longer_closure_back() -> None:
    text = (
        "- {id: CLOSE-2, kind: closure, ends: MA-COVID-CLOSE, from: 2020-01-01, source: test, confidence: test,"
        " parameters: {n: 2, hours: 48, further_case_hours: 96}}"
    )
    chain, _, order = closed_by("a1", "a2", rules=load_rules_with([text], chosen=[HEALTH_2020]))
    first = chain.situation.site("casa").closure
    assert first is not None
    chain.after(hours=2)
    (longer, *_) = chain.case("a3")
    (*_, third) = [event.id for event in chain.events if isinstance(event, CaseDeclared)]
    assert chain.situation.site("casa").closure != first
    correct(chain, third)
    assert refusals(chain, order, "samira") >= {"lifting.grounded"}
    correct(chain, longer.id, "samira")
    assert chain.situation.site("casa").closure == first


def test_contacts_of_a_false_case_alone_are_released_and_those_of_another_stay() -> None:
    chain, cases, _ = closed_by("a1", "a2")
    chain.case("a3", status="contact", case=cases["a2"])
    chain.case("a4", status="contact", case=cases["a1"])
    chain.case("a4", status="contact", case=cases["a2"])
    assert chain.refused("case.declared", agent="a5", site="casa", status="contact", case="e99") == {"case.unknown"}
    correct(chain, cases["a2"])
    assert set(chain.situation.unavailable(chain.now)) == {"a1", "a4"}
    assert [(row.agent, row.of) for row in chain.situation.cases if row.status == "contact"] == [("a4", cases["a1"])]


def test_what_is_true_instead_counts_in_the_place_of_what_was_recorded() -> None:
    chain, cases, order = closed_by("a1", "a2")
    wrong = chain.situation.event(cases["a2"])
    assert wrong is not None
    correct(chain, cases["a2"], truth="other_person", instead="true")
    chain.record("case.declared", id="true", agent="a5", site="casa", status="declared_case")
    assert find_ground(chain) is None, "two people are cases still"
    assert set(chain.situation.unavailable(chain.now)) == {"a1", "a5"}
    assert "lifting.grounded" in refusals(chain, order, "samira")


@pytest.mark.parametrize(
    ("agents", "wrong", "ground", "released"),
    [(("a1",), "a1", "open", 1), (("a1", "a2"), "a2", "lost", 1), (("a1", "a2", "a3"), "a2", "kept", 1)],
)
def test_what_follows_is_said_before_it_is_recorded(
    agents: tuple[str, ...], wrong: str, ground: str, released: int
) -> None:
    chain = Chain()
    for agent in agents:
        chain.case(agent)
    (event,) = [row.id for row in chain.events if isinstance(row, CaseDeclared) and row.agent == wrong]
    sent = chain.event("event.corrected", corrects=event, reason="x", actor="hind")
    found = situation.foresee_correction([sent], chain.situation, chain.operator, chain.rules, chain.now)
    assert (found.ground, found.released, found.site) == (ground, released, "casa")
    assert (found.cases_before, found.cases_after) == (len(agents), len(agents) - 1)
    before = chain.situation
    chain.record("event.corrected", corrects=event, reason="x", actor="hind")
    assert (find_ground(chain) is not None) == (ground == "lost")
    assert len(set(before.unavailable(chain.now)) - set(chain.situation.unavailable(chain.now))) == released


def test_what_follows_names_the_order_that_stays_and_the_closing_by_what_is_true() -> None:
    chain, cases, _ = closed_by("a1", "a2")
    until = chain.now + timedelta(days=5)
    chain.record("closure.extended", site="casa", earliest_reopening=until, authority="Wilaya")
    sent = chain.event("event.corrected", corrects=cases["a2"], reason="x")
    args = (chain.situation, chain.operator, chain.rules, chain.now)
    assert situation.foresee_correction([sent], *args).ground == "other_orders"
    chain = Chain()
    chain.case("a1")
    chain.case("a2", status="contact")
    (*_, contact) = [row for row in chain.events if isinstance(row, CaseDeclared)]
    sent = chain.event("event.corrected", corrects=contact.id, reason="x", truth="other_result", instead="true")
    case = replace(contact, id="true", status="declared_case")
    found = situation.foresee_correction([sent, case], chain.situation, chain.operator, chain.rules, chain.now)
    assert (found.ground, found.closes) == ("open", True)


def test_a_late_report_closes_a_site_again_by_a_case_that_closed_it_before() -> None:
    """The order that was lifted has the id of its closing case: the new one has another."""
    chain, cases, order = closed_by("a1", "a2")
    correct(chain, cases["a1"])
    correct(chain, order, "samira")
    assert not chain.closed()
    chain.after(hours=3).case("a3", happened_at=chain.now - timedelta(hours=5))
    closure = chain.situation.site("casa").closure
    assert closure is not None, "two people are cases, and the last of them is a2"
    assert closure.event != order


def test_a_rule_that_changed_since_takes_no_ground_away() -> None:
    """Only what was corrected after the order counts, not an earlier correction, and not another row."""
    chain = Chain(rules=_with_needed(2))
    chain.case("a3", id="first")
    correct(chain, "first")
    chain.after(hours=1).case("a1")
    chain.case("a2", id="second")
    assert chain.closed()
    chain.rules = _with_needed(3)
    assert find_ground(chain) is None
    correct(chain, "second")
    assert find_ground(chain) is not None


def _with_needed(count: int) -> SituationRules:
    text = (
        "- {id: CLOSE-2, kind: closure, ends: MA-COVID-CLOSE, from: 2020-01-01, source: test, confidence: test,"
        f" parameters: {{n: {count}, days: 14, hours: 48}}}}"
    )
    return load_rules_with([text], chosen=[HEALTH_2020])


STEPS = st.lists(
    st.tuples(st.sampled_from(AGENTS), st.sampled_from((0.0, 5.0, 60.0, 200.0, 400.0)), st.booleans()),
    min_size=1,
    max_size=7,
)


@LAW
@given(STEPS, st.integers(0, 6), st.booleans())
def test_after_a_full_correction_the_situation_is_that_in_which_the_record_was_never_made(
    steps: list[tuple[str, float, bool]], wrong: int, earlier: bool
) -> None:
    """But for the record of the correction: cases, absences and sites, and the closures of cases that follow."""
    text = (
        "- {id: CLOSE-2, kind: closure, ends: MA-COVID-CLOSE, from: 2020-01-01, source: test, confidence: test,"
        " parameters: {n: 2, days: 14, hours: 48, further_case_hours: 12,"
        f" earlier_cases_count: {str(earlier).lower()}}}}}"
    )
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    chain, never = Chain(rules=rules), Chain(rules=rules)
    at = wrong % len(steps)
    for number, (agent, hours, _) in enumerate(steps):
        for one in (chain, never):
            one.after(hours=hours, minutes=1).answer()
        chain.case(agent, id=f"case-{number}")
        if number != at:
            never.case(agent, id=f"case-{number}")
        if number == at:
            chain.after(minutes=5)
            never.after(minutes=5)
            correct(chain, f"case-{number}")
            _lift_all(chain)
        assert chain.situation.cases == never.situation.cases
        assert _shorten(chain) == _shorten(never)
        assert chain.situation.unavailable(chain.now) == never.situation.unavailable(never.now)
    assert situation.fold_events(chain.events, Chain().situation) == chain.situation


def _lift_all(chain: Chain) -> None:
    while (ground := find_ground(chain)) is not None:
        correct(chain, ground.orders[0].event, "samira")


def _shorten(chain: Chain) -> list[tuple[Any, ...]]:
    """Return how each site stands, without the ids of the orders."""
    found: list[tuple[Any, ...]] = []
    for site, state in chain.situation.sites.items():
        closure = state.closure
        orders = () if closure is None else tuple((row.at, row.rule, row.cause) for row in closure.orders)
        found.append((site, orders, None if closure is None else closure.earliest_reopening, state.past))
    return found


def test_a_correction_by_the_rule_alone_is_named_by_its_record() -> None:
    """A correction of an event about one agent names no site: the journal of a site shows corrections."""
    chain, cases, order = closed_by("a1", "a2")
    correct(chain, cases["a1"])
    correct(chain, order, "samira")
    made = {row.corrects: row for row in chain.situation.corrections if isinstance(row, EventCorrected)}
    assert (made[cases["a1"]].site, made[cases["a1"]].because) == ("", "")
    assert (made[order].site, made[order].because) == ("casa", made[cases["a1"]].id)
