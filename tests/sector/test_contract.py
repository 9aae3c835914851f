"""Contracts of relief, packages, offers and requests of them, and a small sector that answers closures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from releve.network.sample.operator import SECTOR_TABLES, sample_sector, sample_sector_terms, share_sizes
from releve.plan import Plan, PlanSettings, plan_day
from releve.plan.spare import find_spare
from releve.plugins.sector.engine.contract import ContractStep, apply_step, fold_steps, open_contract
from releve.plugins.sector.engine.contribution import draw_help, draw_losses
from releve.plugins.sector.engine.crash import (
    ClosureWindow,
    SectorAnswer,
    SectorCrashSettings,
    SectorMember,
    answer_destination,
    simulate_sector,
)
from releve.plugins.sector.engine.matches import recall
from releve.plugins.sector.engine.needs import (
    ClientTerms,
    ReliefPackage,
    SectorError,
    build_offers,
    build_requests,
    number_half_hours,
    parse_rows,
    read_packages,
    read_terms,
)
from tests.plan.tiny_operators import (
    DAY,
    Tiny,
    agent,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
    tiny_operator,
)
from tests.sector.sector_case import CLERK, NOW, bring_to, make_terms, step

STATES = ("asked", "offered", "matched", "client agreed", "both signed", "started", "ended", "settled")


@pytest.mark.parametrize("state", STATES)
def test_the_usual_steps_lead_from_state_to_state(state: str) -> None:
    assert bring_to(state).state == state


@pytest.mark.parametrize(
    ("state", "kind", "by", "more", "words"),
    [
        ("asked", "match", CLERK, {}, "match follows offered"),
        ("matched", "sign", "rif", {}, "sign follows client agreed"),
        ("matched", "agree", "rif", {"reference": "x"}, "agree is for atlas, not rif"),
        ("offered", "match", "rif", {}, "match is for association"),
        ("matched", "agree", "atlas", {}, "name the client’s agreement"),
        ("ended", "settle", "atlas", {}, "settle needs the cents"),
        ("started", "recall", "rif", {"reason": "holiday"}, "loss or notice"),
        ("started", "recall", "rif", {"reason": "notice"}, "firm: only a loss"),
        ("started", "dance", "rif", {}, "dance is not one of"),
        ("asked", "offer", "rif", {"at": NOW - timedelta(days=1)}, "dated before ask"),
        ("asked", "offer", "rif", {"at": NOW.replace(tzinfo=None)}, "needs a time zone"),
    ],
)
def test_a_step_that_is_not_allowed_is_named_with_its_fix(
    state: str, kind: str, by: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(SectorError, match=words):
        step(bring_to(state), kind, by, **more)


def test_a_loss_recalls_a_firm_contract_at_once() -> None:
    for state in ("matched", "client agreed", "both signed", "started"):
        assert step(bring_to(state), "recall", "rif", reason="loss").state == "recalled"


def test_notice_counts_back_from_the_start() -> None:
    signed = bring_to("both signed", notice_hours=2)
    with pytest.raises(SectorError, match="notice is 2 h before the start"):
        step(signed, "recall", "rif", reason="notice")
    early = bring_to("both signed", notice_hours=1)
    assert step(early, "recall", "rif", reason="notice").state == "recalled"


def test_each_side_signs_once_and_both_make_it_signed() -> None:
    agreed = step(bring_to("client agreed"), "sign", "rif")
    assert agreed.state == "client agreed"
    with pytest.raises(SectorError, match="rif has signed already"):
        step(agreed, "sign", "rif")
    assert step(agreed, "sign", "atlas").state == "both signed"


def test_a_step_on_an_older_state_is_refused() -> None:
    asked, offered = bring_to("asked"), bring_to("offered")
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        apply_step(offered, ContractStep("match", CLERK, NOW, asked.digest))


AGREE: dict[str, Any] = {"reference": "lettre"}
LOSS = {"reason": "loss"}


@pytest.mark.parametrize(
    ("state", "asker", "giver", "holds"),
    [
        ("matched", [("agree", AGREE)], [("recall", LOSS)], "recalled"),
        ("matched", [("agree", AGREE), ("sign", {})], [("recall", LOSS)], "recalled"),
        ("matched", [("decline", {})], [("recall", LOSS)], "declined"),
        ("client agreed", [("sign", {})], [("sign", {})], "both signed"),
        ("client agreed", [("sign", {})], [("recall", LOSS)], "recalled"),
        ("client agreed", [("sign", {})], [("sign", {}), ("recall", LOSS)], "recalled"),
        ("started", [("end", {})], [("end", {})], "ended"),
        ("started", [("end", {})], [("recall", LOSS)], "recalled"),
        ("started", [("end", {}), ("settle", {"cents": 9})], [("end", {})], "settled"),
        ("started", [("end", {}), ("settle", {"cents": 9})], [("recall", LOSS)], "settled"),
    ],
)
def test_what_both_did_at_the_same_time_is_one_contract_in_any_order(
    state: str, asker: list[Any], giver: list[Any], holds: str
) -> None:
    """Clocks differ by an hour: what is judged is what each side knew."""
    base = ours = theirs = bring_to(state)
    for kind, more in asker:
        ours = step(ours, kind, "atlas", at=NOW + timedelta(hours=1), **more)
    for kind, more in giver:
        theirs = step(theirs, kind, "rif", **more)
    taken = [*ours.steps[len(base.steps) :], *theirs.steps[len(base.steps) :]]
    opened = open_contract(base.terms, CLERK)
    found = {fold_steps(opened, [*base.steps, *order]) for order in permutations(taken)}
    (joined,) = found
    assert joined.state == holds
    assert joined.steps == (*base.steps, *taken), "nothing is lost; the asker's come first"
    assert joined.signed == ours.signed | theirs.signed
    assert joined.digest not in {base.digest, ours.digest, theirs.digest}


def test_a_contract_goes_on_from_two_branches_and_no_branch_is_added_later() -> None:
    agreed = bring_to("client agreed")
    ours, theirs = step(agreed, "sign", "atlas"), step(agreed, "sign", "rif")
    joined = fold_steps(agreed, [ours.steps[-1], theirs.steps[-1]])
    started = step(joined, "start", "rif")
    opened = open_contract(agreed.terms, CLERK)
    assert fold_steps(opened, reversed(started.steps)) == started
    recalled = step(theirs, "recall", "rif", reason="loss")
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        fold_steps(opened, [*started.steps, recalled.steps[-1]])
    other = step(agreed, "sign", "rif", at=NOW + timedelta(hours=1))
    with pytest.raises(SectorError, match="one side takes one step"):
        fold_steps(opened, [*started.steps, other.steps[-1]])
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        fold_steps(opened, started.steps[1:])


def test_the_digest_covers_every_term_and_the_clerk() -> None:
    plain = open_contract(make_terms(), CLERK).digest
    others = [
        open_contract(make_terms(price_cents=901), CLERK).digest,
        open_contract(make_terms(agents=((18, 4), (19, 3))), CLERK).digest,
        open_contract(make_terms(), "another clerk").digest,
    ]
    assert len({plain, *others}) == 4


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"annex": ""}, "annex on data protection is missing"),
        ({"skill": "outbound:fr"}, "outbound_mandate"),
        ({"starts_at": NOW.replace(tzinfo=None)}, "starts_at needs a time zone"),
        ({"time_zone": "Mars/Base"}, "time_zone 'Mars/Base' is not known"),
        ({"sip_address": "somewhere"}, "sip_address 'somewhere' is not an IP address"),
        ({"quality_percent": 101}, "quality_percent must be from 0 to 100"),
    ],
)
def test_terms_without_what_the_law_asks_are_refused(other: dict[str, Any], words: str) -> None:
    with pytest.raises(SectorError, match=words):
        make_terms(**other)


ROW = {
    "package": "p1", "giver": "rif", "destination": "TN", "skill": "inbound:fr:home",
    "tools": "web desktop", "hours_to_start": "1", "block": "2", "price_cents": "900",
    "currency": "EUR", "valid_from": "2026-01-01", "valid_to": "2026-12-31",
}  # fmt: skip
SPARE = {("inbound:fr:home", "TN"): {16: 3, 18: 5, 19: 0, 20: 4}}


def test_a_table_is_read_with_a_mark_of_its_encoding_and_refused_in_another() -> None:
    rows = parse_rows('\ufeffclient,operator\r\nazur,"a\nb"\r\n'.encode())
    assert rows == [{"client": "azur", "operator": "a\nb"}]
    with pytest.raises(SectorError, match="UTF-8"):
        parse_rows("client\nétoile\n".encode("cp1252"))


def test_an_offer_starts_when_its_package_can_and_leaves_out_empty_half_hours() -> None:
    offers, missing = build_offers(read_packages([ROW]), "rif", SPARE, 16, DAY)
    assert [(one.offer, one.block, one.price_cents, one.agents) for one in offers] == [
        ("rif/p1", 2, 900, ((18, 5), (20, 4)))
    ]
    assert missing == ()


def test_the_cheapest_package_is_offered_and_what_has_none_is_named() -> None:
    packages = read_packages([ROW, {**ROW, "package": "p2", "price_cents": "800"}])
    spare = {**SPARE, ("inbound:ar:home", "TN"): {18: 2}}
    offers, missing = build_offers(packages, "rif", spare, 0, DAY)
    assert [one.offer for one in offers] == ["rif/p2"]
    assert missing == (("inbound:ar:home", "TN"),)


def test_an_expired_package_is_named_and_nothing_is_offered() -> None:
    packages = read_packages([{**ROW, "valid_to": "2026-11-30"}])
    with pytest.raises(SectorError, match="package p1 is valid from 2026-01-01 to 2026-11-30"):
        build_offers(packages, "rif", SPARE, 0, DAY)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"currency": "MAD"}, "row 2: currency must be EUR, got 'MAD': convert it"),
        ({"valid_to": "soon"}, "row 2: valid_to must be a day like 2026-12-01, got 'soon'"),
        ({"valid_to": "2025-01-01"}, "row 2: valid_from is after valid_to"),
        ({"block": "0"}, "row 2: block must be a whole number from 1"),
        ({"skill": ""}, "row 2: skill is empty"),
    ],
)
def test_a_bad_package_is_named_by_row_and_fix(other: dict[str, str], words: str) -> None:
    with pytest.raises(SectorError, match=words):
        read_packages([{**ROW, **other}])


def test_half_hours_are_numbered_in_the_time_zone_of_the_sector() -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    starts = tuple(midnight + i * timedelta(minutes=30) for i in range(48))
    found = number_half_hours(starts, date(2026, 12, 1), "Europe/Paris")
    assert found == {t: t + 2 for t in range(46)}
    with pytest.raises(SectorError, match="differs by whole half hours"):
        number_half_hours(tuple(one + timedelta(minutes=15) for one in starts), DAY, "Europe/Paris")


def plan_short() -> tuple[Tiny, Plan]:
    """Return a random operator that lacks people under some loss."""
    for seed in range(60):
        case = tiny_operator(np.random.default_rng(seed))
        plan = plan_day(case.operator, case.requirement, case.settings)
        if any((plan.required - one.placed).max() >= 1 for one in plan.scenarios.values()):
            return case, plan
    raise AssertionError("no operator lacks anyone")


def test_requests_ask_for_what_is_missing_from_approved_receivers_alone() -> None:
    case, plan = plan_short()
    clients = [row.id for row in case.operator.clients]
    terms = read_terms(
        [{"client": name, "ceiling_cents": "1000"} for name in clients],
        [
            {"client": name, "operator": other, "destination": "TN", "valid_from": first,
             "valid_to": last}
            for name in clients
            for other, first, last in (
                ("rif", "2026-01-01", ""), ("sous", "", "2026-11-30"), ("banned", "", ""),
                ("later", "2027-01-01", ""),
            )
        ],
        [{"client": name, "operator": "banned"} for name in clients],
        DAY,
    )  # fmt: skip
    name = max(plan.scenarios, key=lambda one: (plan.required - plan.scenarios[one].placed).max())
    half_hours = {t: t for t in range(len(plan.starts))}
    requests, approvals = build_requests(case.operator, plan, name, terms, asker="atlas", half_hours=half_hours)
    assert requests
    assert {operator for _, operator, _ in approvals} <= {"rif"}
    for one in requests:
        p = [row for row, _, _ in plan.programmes].index(one.request.partition("/")[2])
        missing = plan.required[:, p] - plan.scenarios[name].placed[:, p]
        for t, agents in one.agents:
            assert abs(agents - missing[t]) <= 0.5
    with pytest.raises(SectorError, match="the plan has no contingency moon"):
        build_requests(case.operator, plan, "moon", terms, asker="a", half_hours=half_hours)


def test_terms_name_each_fault_with_its_row() -> None:
    with pytest.raises(SectorError) as caught:
        read_terms(
            [{"client": "k", "ceiling_cents": "x"}],
            [{"client": "other", "operator": "rif", "destination": "TN", "valid_to": "never"}],
            [],
            DAY,
        )
    text = str(caught.value)
    assert "ceilings.csv, row 2: ceiling_cents must be a whole number" in text
    assert "approvals.csv, row 2: client other has no ceiling: add it to ceilings.csv" in text
    assert "approvals.csv, row 2: valid_to must be a day like 2026-12-01 or empty" in text


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
