"""What is late or missing, incident rooms, how sites and cases stand, contacts on a floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releve import situation
from releve.situation.shipped import load_rules_with
from tests.situation.control_rows import answer
from tests.situation.control_rows import raised as raise_finding
from tests.situation.rule_chain import CHECKLIST, HEALTH_2020, START, Chain, operator, permit
from tests.situation.test_standings import check, labelled

DAY = START.date()
AUTH = "- {id: AUTH, kind: authorisation, from: 2026-01-01, source: test, confidence: test}"


def checked(chain: Chain, **values: Any) -> None:
    chain.record("check.done", site="casa", day=chain.now.date(), **values)


def late(chain: Chain) -> None:
    chain.after(hours=1.5)


def missing(chain: Chain) -> None:
    checked(chain, symptomatic=0)
    chain.after(days=2)


def not_kept(chain: Chain) -> None:
    checked(chain, findings=(situation.MeasureFinding(measure="masks", verdict="not_kept"),))


def crowded(chain: Chain) -> None:
    checked(chain, transport_fill=0.75)


def closed(chain: Chain, hours: float) -> None:
    chain.case("a1")
    chain.case("a2")
    chain.after(hours=hours)


def absent(chain: Chain) -> None:
    chain.record("agent.unavailable", agent="a1", until=START + timedelta(hours=2))
    chain.after(hours=3)


def down(chain: Chain) -> None:
    chain.record("power.down", site="casa", expected_until=START + timedelta(hours=2))
    chain.after(hours=3)


def audited(chain: Chain, days: int, after: int = 0, verdict: str = "met") -> None:
    last = DAY + timedelta(days=days)
    chain.record("audit.verdict", site="casa", measure="masks", verdict=verdict, valid_to=last)
    chain.after(days=after)


def granted(chain: Chain, days: int, after: int = 0) -> None:
    permit_of = {"authorisation": "w1", "of": "site", "site": "casa", "valid_from": DAY}
    chain.record("authorisation.granted", valid_to=DAY + timedelta(days=days), **permit_of)
    chain.after(days=after)


def unpermitted(chain: Chain) -> None:
    chain.rules = load_rules_with([AUTH], chosen=[HEALTH_2020])


def corrected(chain: Chain) -> None:
    chain.case("a1")
    chain.case("a2", id="wrong")
    chain.record("event.corrected", corrects="wrong", reason="Another agent's test")


BEFORE: dict[str, Callable[[Chain], object]] = {
    "check.late": late,
    "check.missing": missing,
    "check.incomplete": not_kept,
    "check.not_kept": not_kept,
    "check.transport": crowded,
    "authorisation.expiring": lambda chain: granted(chain, 14),
    "authorisation.expired": lambda chain: granted(chain, 1, after=3),
    "site.not_plannable": unpermitted,
    "closure.lost_ground": corrected,
    "closure.ending": lambda chain: closed(chain, 42),
    "closure.over": lambda chain: closed(chain, 49),
    "reopening.checklist": lambda chain: closed(chain, 42),
    "reopening.approvals": lambda chain: closed(chain, 42),
    "absence.over": absent,
    "outage.overdue": down,
    "audit.not_met": lambda chain: audited(chain, 300, verdict="not_met"),
    "audit.expiring": lambda chain: audited(chain, 30),
    "audit.expired": lambda chain: audited(chain, 1, after=3),
    "finding.raised": raise_finding,
    "finding.answered": lambda chain: (raise_finding(chain), answer(chain)),
    "finding.overdue": lambda chain: (raise_finding(chain), chain.after(days=11)),
    "measure.expiring": labelled,
    "measure.expired": lambda chain: (check(chain), chain.after(days=4)),
    "label.falling": labelled,
}


@pytest.mark.parametrize("code", sorted(situation.NOTICES))
def test_every_notice_has_a_case_and_a_sentence(code: str) -> None:
    chain = Chain(now=START - timedelta(hours=1))
    assert chain.notices(code) == []
    chain.after(hours=1)
    BEFORE[code](chain)
    found = chain.notices(code)
    assert found
    assert all("{" not in notice.sentence() for notice in found)


def test_the_days_of_checks_are_those_of_the_site() -> None:
    """At 9 h UTC it is 10 h at Lille, where the check is due, and 9 h at Casablanca."""
    assert [notice.site for notice in Chain().notices("check.late")] == ["lille"]


def test_a_site_closed_all_day_is_not_asked_for_its_check() -> None:
    chain = Chain()
    chain.after(hours=-9).record("site.closed", site="casa", cause="hazard")
    chain.after(hours=20)
    assert {notice.site for notice in chain.notices("check.late")} == {"rabat", "lille"}


def test_days_before_the_first_record_are_not_missing() -> None:
    chain = Chain()
    chain.record("power.down", site="casa")
    chain.after(days=1)
    assert {notice.params["day"] for notice in chain.notices("check.missing")} == {DAY}


def test_a_later_check_answers_for_what_an_earlier_one_found() -> None:
    chain = Chain()
    not_kept(chain)
    chain.after(days=1)
    checked(chain, findings=(situation.MeasureFinding(measure="masks", verdict="kept"),))
    assert chain.notices("check.not_kept") == []


def test_an_end_is_not_announced_before_its_time() -> None:
    chain = Chain()
    granted(chain, 15)
    audited(chain, 31)
    closed(chain, 41)
    codes = ("closure.ending", "reopening.approvals")
    assert chain.notices(*codes) == []
    near = Chain()
    granted(near, 15)
    audited(near, 31)
    assert near.notices("authorisation.expiring", "audit.expiring") == []


def test_a_permit_that_another_takes_over_is_not_announced() -> None:
    rows = (permit("t1", "casa", "2026-01-01", "2026-12-01"), permit("t2", "casa", "2026-12-02", "2027-12-01"))
    chain = Chain(operator(authorisations=rows))
    assert chain.notices("authorisation.expiring", "authorisation.expired") == []


def test_an_agent_reported_back_is_not_asked_for() -> None:
    chain = Chain()
    chain.record("agent.unavailable", agent="a1", until=START + timedelta(hours=9))
    chain.after(hours=1).record("agent.back", agent="a1")
    assert chain.after(hours=10).notices("absence.over") == []


def test_an_approval_that_is_missing_is_counted() -> None:
    chain = Chain()
    closed(chain, 48)
    for item in CHECKLIST:
        chain.record("reopening.checked", site="casa", item=item)
    chain.record("reopening.approved", site="casa")
    assert chain.notices("reopening.checklist") == []
    (notice,) = chain.notices("reopening.approvals")
    assert notice.sentence() == "1 of 2 people have approved the reopening of casa."


def test_the_most_overdue_comes_first() -> None:
    chain = Chain()
    missing(chain)
    due = [notice.due_at for notice in chain.notices()]
    assert due == sorted(due)


ROOM: dict[str, Any] = {"incident": "e1", "site": "casa"}


def opened() -> Chain:
    chain = Chain()
    chain.record("incident.opened", site="casa", title="Flood")
    return chain


def test_a_role_is_taken_over_by_who_says_so_last() -> None:
    chain = opened()
    chain.record("incident.role_taken", **ROOM, role="lead", actor="samira")
    chain.after(hours=1).record("incident.role_taken", **ROOM, role="lead", actor="karim")
    (lead,) = chain.situation.incidents["e1"].roles
    assert lead.actor == "karim"


def test_a_closed_incident_takes_follow_ups_and_a_review_and_nothing_else() -> None:
    chain = opened()
    chain.record("incident.closed", **ROOM)
    task = {"task": "Correct the addresses", "owner": "people"}
    assert chain.refused("incident.task_set", **ROOM, **task) == {"incident.closed"}
    chain.record("incident.task_set", **ROOM, **task, follow_up=True)
    (follow_up,) = chain.situation.incidents["e1"].tasks
    chain.record("incident.task_done", **ROOM, task=follow_up.id)
    chain.record("incident.reviewed", **ROOM, badly="Two addresses were old")
    chain.record("incident.reviewed", **ROOM, well="The relief was there")
    found = chain.situation.incidents["e1"]
    assert [row.done is not None for row in found.tasks] == [True]
    assert found.review is not None
    assert found.review.well == "The relief was there", "the last one counts"


def test_a_follow_up_does_not_keep_an_incident_from_being_closed() -> None:
    chain = opened()
    chain.record("incident.task_set", **ROOM, task="Pump", owner="sites")
    assert chain.refused("incident.closed", **ROOM) == {"incident.tasks_open"}
    chain.record("incident.task_done", **ROOM, task="e2")
    chain.record("incident.task_set", **ROOM, task="Buy a pump", owner="sites", follow_up=True)
    assert chain.refused("incident.closed", **ROOM) == set()


def test_an_incident_opened_by_mistake_is_corrected_away() -> None:
    chain = opened()
    chain.record("event.corrected", corrects="e1", reason="Another site was meant")
    assert chain.situation.incidents == {}
    assert chain.refused("incident.noted", **ROOM, note="Called") == {"incident.unknown"}


def waits(chain: Chain, reader: str = "samira") -> situation.Reopening:
    found = situation.find_reopening(chain.situation, "casa", chain.operator, chain.rules, chain.now, reader)
    assert found is not None
    return found


def test_a_closed_site_waits_for_its_checklist_two_people_and_its_earliest_time() -> None:
    chain = Chain()
    assert situation.find_reopening(chain.situation, "casa", chain.operator, chain.rules, chain.now, "x") is None
    earliest = chain.now + timedelta(days=1)
    chain.record("site.closed", site="casa", cause="hazard", earliest_reopening=earliest)
    begun = waits(chain)
    assert begun.waits
    assert begun.undone == len(begun.items) > 0
    for item in begun.items:
        chain.record("reopening.checked", site="casa", item=item.id, actor="karim")
    done = waits(chain)
    assert done.undone == 0
    assert all(item.done and item.done.by == "karim" and item.done.undo for item in done.items)
    chain.record("reopening.approved", site="casa", actor="samira")
    (approval,) = waits(chain).approvals
    assert (approval.by, bool(approval.undo), waits(chain).mine) == ("samira", True, True)
    other = waits(chain, "karim")
    assert (other.mine, other.approvals[0].undo, other.approvals_missing) == (False, "", True)
    assert not any(item.done and item.done.undo for item in other.items), "it was approved"
    chain.after(days=2)
    chain.record("reopening.approved", site="casa", actor="karim")
    last = waits(chain)
    assert (last.waits, last.undone, last.approvals_missing) == (False, 0, False)


@pytest.fixture
def chain() -> Chain:
    return Chain()


def statuses(chain: Chain) -> dict[str, situation.SiteStatus]:
    found = situation.list_site_statuses(chain.operator, chain.situation, chain.rules)
    return {row.site: row for row in found}


def test_every_site_is_open_until_an_event_says_otherwise(chain: Chain) -> None:
    found = statuses(chain)
    assert list(found) == [site.id for site in chain.operator.sites]
    assert {row.state for row in found.values()} == {"open"}
    assert {row.since for row in found.values()} == {None}


def test_a_closure_by_the_rule_names_its_cases_and_comes_first(chain: Chain) -> None:
    chain.case("a1")
    chain.case("a2")
    found = statuses(chain)
    casa = found["casa"]
    assert next(iter(found)) == "casa"
    assert (casa.state, casa.cause, casa.since) == ("closed", "rule", START)
    assert (casa.rule_cases, casa.rule_days) == (2, 14)
    assert casa.earliest_reopening is not None


def test_a_site_without_power_is_cut_off_and_a_closed_one_stays_closed(chain: Chain) -> None:
    chain.record("power.down", site="casa")
    casa = statuses(chain)["casa"]
    assert (casa.state, casa.since, casa.cause) == ("cut_off", START, "")
    chain.record("site.closed", site="casa", cause="authority", authority="Wali")
    assert statuses(chain)["casa"].state == "closed"


OPERATOR = operator()
SEATING = {f"a{n}": f"s{n}" for n in range(1, 6)}
STAYS = situation.list_roster_stays(OPERATOR, SEATING)
RULE = situation.TracingRule()
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)


def case_of(agent: str, *, days: float, status: str = "declared_case") -> situation.DeclaredCase:
    """Return a case some days after the first midnight of the roster."""
    at = MIDNIGHT + timedelta(days=days)
    event = f"{agent}-{days:g}"
    return situation.DeclaredCase(event, agent, "casa", status, at, at, None, None)


def met(
    case: situation.DeclaredCase, stays: tuple[situation.Stay, ...] = STAYS, rule: situation.TracingRule = RULE
) -> dict[str, situation.TracedContact]:
    """Return the contacts of a case by agent."""
    return {contact.agent: contact for contact in situation.trace_contacts(case, stays, OPERATOR, rule)}


def test_who_shared_zone_seat_or_shuttle_is_listed_with_for_how_long() -> None:
    """One shift of 8 h. a2 sits 1.6 m off in the zone and rides along; a3 sits 8 m off."""
    found = met(case_of("a1", days=1))
    assert set(found) == {"a2", "a3"}
    near, far = found["a2"], found["a3"]
    assert (near.zone_minutes, near.neighbour_minutes, near.nearest_m) == (480, 480, 1.6)
    assert (near.shuttle_rides, near.shuttle_minutes, near.close) == (2, 50, True)
    assert (far.zone_minutes, far.neighbour_minutes, far.shuttle_rides) == (480, 0, 0)
    assert (far.nearest_m, far.close) == (8.0, False)
    assert list(found) == ["a2", "a3"], "the closest first"


def test_a_neighbour_may_sit_in_another_zone_of_the_floor() -> None:
    found = met(case_of("a3", days=1))
    assert (found["a4"].zone_minutes, found["a4"].neighbour_minutes) == (0, 480)
    assert found["a4"].nearest_m == 1.5


def test_seats_at_one_place_on_two_floors_are_not_neighbours() -> None:
    assert "a5" not in met(case_of("a1", days=1))


def test_only_the_days_before_the_case_are_looked_at() -> None:
    assert met(case_of("a1", days=3))["a2"].zone_minutes == 2 * 480
    long = replace(RULE, days_before=7.0)
    assert met(case_of("a1", days=3), rule=long)["a2"].zone_minutes == 3 * 480
    assert met(case_of("a1", days=20)) == {}


def test_the_time_shared_is_the_time_both_were_there() -> None:
    late = tuple(
        replace(stay, start=stay.start + timedelta(hours=6), shuttle="") if stay.agent == "a2" else stay
        for stay in STAYS
    )
    assert met(case_of("a1", days=1), late)["a2"].zone_minutes == 120


def test_those_who_rode_another_run_of_the_shuttle_are_no_contacts() -> None:
    away = tuple(
        replace(stay, start=stay.end, end=stay.end + timedelta(hours=8)) if stay.agent == "a2" else stay
        for stay in STAYS
    )
    assert "a2" not in met(case_of("a1", days=1), away)


@pytest.mark.parametrize("stays", [situation.list_roster_stays(OPERATOR), ()])
def test_what_is_not_known_is_not_shared(stays: tuple[situation.Stay, ...]) -> None:
    found = met(case_of("a1", days=1), stays)
    assert set(found) == ({"a2"} if stays else set()), "without seats the shuttle alone is known"
    assert all(contact.nearest_m is None for contact in found.values())


def test_one_who_was_absent_that_day_is_no_contact() -> None:
    present = {("casa", "2026-11-30"): ("a1", "a3")}
    assert set(met(case_of("a1", days=1), situation.list_roster_stays(OPERATOR, SEATING, present))) == {"a3"}


def test_an_erased_case_has_no_contacts() -> None:
    assert situation.trace_contacts(case_of("", days=1), STAYS, OPERATOR, RULE) == ()


def test_cases_of_one_zone_floor_shuttle_or_shift_are_clusters() -> None:
    cases = [case_of("a1", days=1), case_of("a2", days=2), case_of("a4", days=2.5)]
    found = {(c.kind, c.name): c.agents for c in situation.find_clusters(cases, STAYS, OPERATOR, RULE)}
    assert found == {
        ("floor", "f1"): ("a1", "a2", "a4"),
        ("shift", "08:00-16:00"): ("a1", "a2", "a4"),
        ("zone", "z1"): ("a1", "a2"),
        ("shuttle", "maarif"): ("a1", "a2"),
    }


def test_cases_farther_apart_than_the_days_are_no_cluster() -> None:
    short = replace(RULE, cluster_days=1.0)
    cases = [case_of("a1", days=1), case_of("a2", days=2.5)]
    assert situation.find_clusters(cases, STAYS, OPERATOR, short) == ()


def test_contacts_and_repeated_reports_make_no_cluster() -> None:
    cases = [case_of("a1", days=1), case_of("a1", days=2), case_of("a2", days=2, status="contact")]
    assert situation.find_clusters(cases, STAYS, OPERATOR, RULE) == ()


def test_a_case_on_record_is_traced_as_it_stands() -> None:
    chain = Chain()
    chain.case("a1", happened_at=START)
    (case,) = chain.situation.cases
    assert {contact.agent for contact in situation.trace_contacts(case, STAYS, OPERATOR, RULE)} == {"a2", "a3"}


def test_a_seat_tells_nothing_of_a_stay_on_another_site() -> None:
    end = START + timedelta(hours=8)
    rows = [("a2", site.id, START, end) for site in OPERATOR.sites]
    found = {stay.site: stay for stay in situation.list_placed_stays(OPERATOR, rows, SEATING)}
    assert (found["casa"].seat, bool(found["casa"].zone)) == ("s2", True)
    assert {(stay.seat, stay.zone) for stay in found.values() if stay.site != "casa"} == {("", "")}


def test_two_vehicles_of_one_stop_do_not_share() -> None:
    rows = [(stay.agent, stay.site, stay.start, stay.end) for stay in STAYS]
    runs = {
        (agent, site, start): ("v2 07:45" if agent == "a2" else "v1 07:45", "v1 16:15")
        for agent, site, start, _ in rows
        if agent in ("a1", "a2")
    }
    stays = situation.list_placed_stays(OPERATOR, rows, SEATING, runs=runs)
    together = met(case_of("a1", days=1), STAYS)["a2"]
    apart = met(case_of("a1", days=1), stays)["a2"]
    assert together.shuttle_rides == 2 * apart.shuttle_rides == 2


def list_open(chain: Chain, site: str = "casa") -> tuple[situation.OpenCase, ...]:
    return situation.list_open_cases(chain.situation, chain.operator, chain.rules, chain.now, lambda name: name == site)


def test_a_case_is_open_until_its_last_day_or_its_clearing() -> None:
    chain = Chain()
    chain.case("a1")
    (row,) = list_open(chain)
    assert (row.pseudonym, row.status, row.site) == ("a1", "declared_case", "casa")
    assert row.until - row.since == timedelta(days=9), "ten days, both included"
    assert list_open(chain, "elsewhere") == (), "another site is not seen"
    chain.after(days=9)
    assert list_open(chain) == (row,)
    chain.after(days=1)
    assert list_open(chain) == ()


def test_a_line_of_seats_that_says_nothing_known_is_named() -> None:
    agent = OPERATOR.agents[0].id
    seat = OPERATOR.all_seats[0].id
    seating, faults = situation.read_seating(f"{agent} ; {seat}\n\nx;{seat}\n{agent};nowhere\n{agent};{seat}", OPERATOR)
    assert seating == {agent: seat}
    assert faults == [
        "Line 3: there is no agent x; check the pseudonym.",
        "Line 4: there is no seat nowhere; check it.",
        f"Line 5: {agent} has a seat already; keep one.",
    ]
