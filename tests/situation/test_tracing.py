"""Contacts and clusters on a floor of five seats whose distances are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releve.situation import (
    DeclaredCase,
    Stay,
    TracedContact,
    TracingRule,
    find_clusters,
    list_placed_stays,
    list_roster_stays,
    trace_contacts,
)
from tests.situation.rule_chain import START, Chain, operator

OPERATOR = operator()
SEATING = {f"a{n}": f"s{n}" for n in range(1, 6)}
STAYS = list_roster_stays(OPERATOR, SEATING)
RULE = TracingRule()
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)


def case_of(agent: str, *, days: float, status: str = "declared_case") -> DeclaredCase:
    """Return a case some days after the first midnight of the roster."""
    at = MIDNIGHT + timedelta(days=days)
    event = f"{agent}-{days:g}"
    return DeclaredCase(event, agent, "casa", status, at, at, None, None)


def met(case: DeclaredCase, stays: tuple[Stay, ...] = STAYS, rule: TracingRule = RULE) -> dict[str, TracedContact]:
    """Return the contacts of a case by agent."""
    return {contact.agent: contact for contact in trace_contacts(case, stays, OPERATOR, rule)}


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


@pytest.mark.parametrize("stays", [list_roster_stays(OPERATOR), ()])
def test_what_is_not_known_is_not_shared(stays: tuple[Stay, ...]) -> None:
    found = met(case_of("a1", days=1), stays)
    assert set(found) == ({"a2"} if stays else set()), "without seats the shuttle alone is known"
    assert all(contact.nearest_m is None for contact in found.values())


def test_one_who_was_absent_that_day_is_no_contact() -> None:
    present = {("casa", "2026-11-30"): ("a1", "a3")}
    assert set(met(case_of("a1", days=1), list_roster_stays(OPERATOR, SEATING, present))) == {"a3"}


def test_an_erased_case_has_no_contacts() -> None:
    assert trace_contacts(case_of("", days=1), STAYS, OPERATOR, RULE) == ()


def test_cases_of_one_zone_floor_shuttle_or_shift_are_clusters() -> None:
    cases = [case_of("a1", days=1), case_of("a2", days=2), case_of("a4", days=2.5)]
    found = {(c.kind, c.name): c.agents for c in find_clusters(cases, STAYS, OPERATOR, RULE)}
    assert found == {
        ("floor", "f1"): ("a1", "a2", "a4"),
        ("shift", "08:00-16:00"): ("a1", "a2", "a4"),
        ("zone", "z1"): ("a1", "a2"),
        ("shuttle", "maarif"): ("a1", "a2"),
    }


def test_cases_farther_apart_than_the_days_are_no_cluster() -> None:
    short = replace(RULE, cluster_days=1.0)
    cases = [case_of("a1", days=1), case_of("a2", days=2.5)]
    assert find_clusters(cases, STAYS, OPERATOR, short) == ()


def test_contacts_and_repeated_reports_make_no_cluster() -> None:
    cases = [case_of("a1", days=1), case_of("a1", days=2), case_of("a2", days=2, status="contact")]
    assert find_clusters(cases, STAYS, OPERATOR, RULE) == ()


def test_a_case_on_record_is_traced_as_it_stands() -> None:
    chain = Chain()
    chain.case("a1", happened_at=START)
    (case,) = chain.situation.cases
    assert {contact.agent for contact in trace_contacts(case, STAYS, OPERATOR, RULE)} == {"a2", "a3"}


def test_a_seat_tells_nothing_of_a_stay_on_another_site() -> None:
    end = START + timedelta(hours=8)
    rows = [("a2", site.id, START, end) for site in OPERATOR.sites]
    found = {stay.site: stay for stay in list_placed_stays(OPERATOR, rows, SEATING)}
    assert (found["casa"].seat, bool(found["casa"].zone)) == ("s2", True)
    assert {(stay.seat, stay.zone) for stay in found.values() if stay.site != "casa"} == {("", "")}


def test_two_vehicles_of_one_stop_do_not_share() -> None:
    rows = [(stay.agent, stay.site, stay.start, stay.end) for stay in STAYS]
    runs = {
        (agent, site, start): ("v2 07:45" if agent == "a2" else "v1 07:45", "v1 16:15")
        for agent, site, start, _ in rows
        if agent in ("a1", "a2")
    }
    stays = list_placed_stays(OPERATOR, rows, SEATING, runs=runs)
    together = met(case_of("a1", days=1), STAYS)["a2"]
    apart = met(case_of("a1", days=1), stays)["a2"]
    assert together.shuttle_rides == 2 * apart.shuttle_rides == 2
