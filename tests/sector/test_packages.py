"""Packages, offers made of them, and requests made of what a plan lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from releve.plan import Plan, plan_day
from releve.plugins.sector.engine import (
    SectorError,
    build_offers,
    build_requests,
    number_half_hours,
    parse_rows,
    read_packages,
    read_terms,
)
from tests.plan.tiny_operators import DAY, Tiny, tiny_operator

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
