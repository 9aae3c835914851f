"""Why a client has its status, and what the plan says of single cells and people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.plan.explain import find_contract_reason, find_reason, rank_cells
from releve.plan.result import BASE, MOVE_REASONS, Plan
from tests.desk.fixture_plan import synthetic_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return synthetic_plan()


def test_every_client_has_a_reason_of_its_status(plan: Plan) -> None:
    codes = {row.client: find_reason(plan, row).code for row in plan.verdicts}
    assert {codes[row.client] for row in plan.verdicts if row.status == "missed"} == {"missed"}
    assert codes["opaline"] == "unknown"
    assert codes["delta-eau"] == "contract.one_site"
    assert codes["quartz"] == "covered"


def test_the_worst_cell_of_a_client_comes_first(plan: Plan) -> None:
    verdict = next(row for row in plan.verdicts if row.client == "banque-rive")
    ranked = rank_cells(plan, "banque-rive")
    assert len(ranked) == 1 + len(plan.contingencies)
    assert [cell.status for cell in ranked[:2]] == ["missed", "missed"]
    worst = next(cell for cell in ranked if cell.contingency not in plan.larger)
    reason = find_reason(plan, verdict)
    assert reason.contingencies == (worst.contingency,)
    assert reason.start == plan.starts[worst.worst_interval]
    assert reason.others == len(verdict.missed) - 1


def test_a_contract_problem_is_cured_by_a_list_that_names_it_not(plan: Plan) -> None:
    cell = plan.cell["delta-eau", "site:rabat-1"]
    assert find_contract_reason(plan, [cell]).code == "contract.one_site"
    other = find_contract_reason(plan, [replace(cell, floor=0.4)])
    assert (other.code, other.missing) == ("contract.floor", 0.4)
    assert plan.missing is not None
    cured = replace(plan, missing=replace(plan.missing, incurable=()))
    assert find_contract_reason(cured, [cell]).code == "contract.cured"
    assert not replace(plan, missing=None).is_cured(cell)


def test_purchases_cure_no_loss_of_more_than_one_place(plan: Plan) -> None:
    assert "destination:MA" in plan.larger
    assert "site:rabat-1" not in plan.larger
    assert not plan.is_cured(plan.cell["azur", "destination:MA"])


def test_what_a_list_leaves_missed_is_counted_in_half_hours(plan: Plan) -> None:
    assert plan.missing is not None
    left = (("site:rabat-1", "delta-eau", 0.01),)
    found = replace(plan, missing=replace(plan.missing, left=left))
    (row,) = found.list_left()
    assert (row.client, row.share) == ("delta-eau", 0.01)
    assert row.half_hours == 0.01 * plan.sum_required("delta-eau")
    assert replace(plan, missing=None).list_left() == ()


def test_people_are_listed_by_programme_and_by_reason(plan: Plan) -> None:
    own = {key for key, client, _name in plan.programmes if client == "azur"}
    placed = plan.list_placements(own)
    assert len(placed) == sum(row.programme in own for row in plan.placements)
    assert [row.start for row in placed] == sorted(row.start for row in placed)
    moves = plan.list_moves("destination:MA", own)
    ranks = [MOVE_REASONS.index(move.reason) for move in moves]
    assert ranks == sorted(ranks)
    assert moves
    assert plan.list_moves(BASE, own) == ()
