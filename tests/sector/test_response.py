"""A small sector: sampled, planned once, its closures answered and simulated."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from releve.network.sample.operator import SECTOR_TABLES, sample_sector, sample_sector_terms, share_sizes
from releve.plan import PlanSettings, plan_day
from releve.plan.spare import find_spare
from releve.plugins.sector.engine import (
    ClientTerms,
    ClosureWindow,
    ReliefPackage,
    SectorAnswer,
    SectorCrashSettings,
    SectorError,
    SectorMember,
    answer_destination,
    draw_help,
    draw_losses,
    read_packages,
    read_terms,
    recall,
    simulate_sector,
)
from tests.plan.tiny_operators import DAY, agent, operator_of, programme, requirement_of, shift, site

Sector = tuple[list[SectorMember], tuple[ReliefPackage, ...], dict[str, SectorAnswer]]
ZONE = "Europe/Paris"


def make_member(name: str, agents: dict[str, int], needed: float) -> SectorMember:
    """Return an operator with a site in Morocco and one in Tunisia, planned; ``agents`` by site."""
    people = [agent(f"{where}{i}", where, "p") for where, count in agents.items() for i in range(count)]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (12, 2.0), "b": (12, 2.0)},
        [programme("p", "k")],
        people,
        [shift(row.id, "08:00", "10:00") for row in people],
    )
    need = requirement_of(operator, {("p", time): needed for time in ("08:00", "08:30", "09:00", "09:30")})
    plan = plan_day(operator, need)
    found = find_spare(operator, plan, need, PlanSettings())
    others = frozenset((other, place) for other in ("atlas", "rif") for place in ("MA", "TN"))
    terms = {"k": ClientTerms("k", 1_000, others)}
    return SectorMember(name, operator, plan, found.agents, found.plan, terms)


PACKAGES = tuple(
    ReliefPackage(f"p-{place}", name, place, "inbound:fr:site", "web", 0, 1, 900, DAY, DAY)
    for name in ("atlas", "rif", "sous")
    for place in ("MA", "TN")
)


@pytest.fixture(scope="module")
def sector() -> Sector:
    """Atlas lacks people when Tunisia shuts; rif and sous have them, sous without approval."""
    members = [
        make_member("atlas", {"a": 1, "b": 5}, 5),
        make_member("rif", {"a": 5, "b": 2}, 2),
        make_member("sous", {"a": 5, "b": 2}, 2),
    ]
    answers = {
        place: answer_destination(members, place, PACKAGES, time_zone=ZONE, seed=b"day") for place in ("MA", "TN")
    }
    return members, PACKAGES, answers


def test_sizes_sum_to_what_is_asked() -> None:
    sizes = share_sizes(14, 70_000, 200, 1)
    assert sum(one.agents for one in sizes) == 70_000
    assert sum(one.sites for one in sizes) == 200
    assert max(one.agents for one in sizes) < 2.1 * min(one.agents for one in sizes)
    with pytest.raises(ValueError, match="sites >= 2 \\* operators does not hold"):
        share_sizes(14, 70_000, 20, 1)


def test_the_terms_of_a_sample_can_be_read() -> None:
    operators = dict(sample_sector(2, 240, 4, 1, weeks_of_history=0))
    tables = {
        name: [dict(zip(SECTOR_TABLES[name], row, strict=True)) for row in rows]
        for name, rows in sample_sector_terms(operators, 1).items()
    }
    assert {one.giver for one in read_packages(tables["packages.csv"])} == set(operators)
    for name, operator in operators.items():
        ceilings, approvals, exclusions = (
            [row for row in tables[f"{table}.csv"] if row["asker"] == name]
            for table in ("ceilings", "approvals", "exclusions")
        )
        terms = read_terms(ceilings, approvals, exclusions, DAY)
        assert set(terms) == {row.id for row in operator.clients}


def test_a_closure_is_served_from_approved_operators_within_what_they_spare(sector: Sector) -> None:
    members, _, answers = sector
    served = 0
    for answer in answers.values():
        spare = {one.name: Counter(t for lent in one.spare for t in lent.half_hours) for one in members}
        used = Counter[tuple[str, int]]()
        offers = {one.offer: one for one in answer.openings.offers}
        for match in answer.cleared.matches:
            offer = offers[match.offer]
            asker, _, programme = match.request.partition("/")
            member = next(one for one in members if one.name == asker)
            client = member.operator.programme[programme].client
            assert (offer.giver, offer.destination) in member.terms[client].receivers
            used[offer.giver, match.half_hour] += match.agents
            served += match.agents
        for (giver, half_hour), agents in used.items():
            assert agents <= spare[giver][half_hour]
    assert served


def test_an_offer_taken_in_full_leaves_each_verdict_of_its_giver(sector: Sector) -> None:
    for member in sector[0]:
        assert member.rest.violations == ()
        assert [one.secure for one in member.rest.verdicts] == [one.secure for one in member.plan.verdicts]


def test_a_giver_that_loses_a_site_recalls_and_stands_as_if_it_had_lent_nothing_worse(sector: Sector) -> None:
    members, _, answers = sector
    for answer in answers.values():
        givers = {one.offer: one.giver for one in answer.openings.offers}
        for giver in {givers[one.offer] for one in answer.cleared.matches}:
            again = recall(answer.openings, answer.cleared, giver, 0, b"day")
            assert giver not in {givers[one.offer] for one in again.matches}
            member = next(one for one in members if one.name == giver)
            status = {(c.client, c.contingency): c.status for c in member.plan.cells}
            for cell in member.rest.cells:
                assert cell.status == status[cell.client, cell.contingency]


def test_the_same_folder_gives_the_same_answer_and_pictures(sector: Sector) -> None:
    members, packages, answers = sector
    destination, first = next(iter(answers.items()))
    again = answer_destination(members, destination, packages, time_zone=ZONE, seed=b"day")
    assert again == first
    names = [one.name for one in members]
    for language in ("fr", "en"):
        text = draw_help(names, first, destination, language)
        assert text == draw_help(names, again, destination, language)
        ElementTree.fromstring(text)


def test_relief_between_operators_loses_fewer_calls_under_the_same_draws(sector: Sector) -> None:
    members, _, answers = sector
    best = max(answers, key=lambda name: sum(answers[name].saved.values()))
    windows = [ClosureWindow(best, 0, 5)]
    settings = SectorCrashSettings(replications=30, recall=0.0)
    crash = simulate_sector(members, windows, answers, settings, 7, day=DAY, time_zone=ZONE)
    again = simulate_sector(members, windows, answers, settings, 7, day=DAY, time_zone=ZONE)
    assert np.array_equal(crash.together, again.together)
    assert np.array_equal(crash.alone[:, 0], crash.together[:, 0])  # help starts a day later
    assert crash.together[:, 1:].sum() < crash.alone[:, 1:].sum()
    mean, low, high = crash.estimate(crash.alone)
    assert low <= mean <= high
    for language in ("fr", "en"):
        ElementTree.fromstring(draw_losses(crash, language))
    all_recall = simulate_sector(members, windows, answers, replace(settings, recall=1.0), 7, day=DAY, time_zone=ZONE)
    assert np.allclose(all_recall.together, all_recall.alone)


def test_windows_that_overlap_and_unknown_destinations_are_refused(sector: Sector) -> None:
    members, packages, answers = sector
    name = next(iter(answers))
    with pytest.raises(SectorError, match="let the windows follow each other"):
        simulate_sector(
            members, [ClosureWindow(name, 0, 3), ClosureWindow(name, 3, 4)], answers,
            SectorCrashSettings(replications=2), 1, day=DAY, time_zone=ZONE,
        )  # fmt: skip
    with pytest.raises(SectorError, match="no member can lose 'ZZ'"):
        answer_destination(members, "ZZ", packages, time_zone=ZONE, seed=b"day")
    other = replace(members[0], plan=replace(members[0].plan, day=DAY.replace(day=2)))
    with pytest.raises(SectorError, match="plan every member for one day"):
        answer_destination([other, *members[1:]], name, packages, time_zone=ZONE, seed=b"day")
