"""The plan's text, exact and canonical, and what a plan says: verdicts, reasons, comparisons, timetables."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from releve.kernels.arrays import Floats
from releve.network import Operator, sample_operator
from releve.network.moments import UTC
from releve.plan import BASE, SolvedDay, list_contingencies, solve_day
from releve.plan.comparison import compare_plans, group_moves
from releve.plan.coverage import sum_coverage
from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import DayRuns, PlacementsFrom, route_day
from releve.plan.explain import explain_shortfall, find_reason, find_reason_out_of_reach, rank_cells
from releve.plan.plan_json import FORMAT, PlanFormatError, plan_from_json, plan_to_json
from releve.plan.result import MOVE_REASONS, Move, Plan
from releve.plan.service_status import (
    PLANNED_STATUSES,
    SEVERITY,
    Status,
    Tone,
    find_gravest,
    find_tone,
    judge_client,
    judge_service,
    phrase_security,
    phrase_status,
)
from releve.plan.timetable import build_site_timetable, build_vehicle_sheet
from releve.plan.week import require_day
from releve.transport import TO_SITE, Rider
from tests.desk.fixture_plan import synthetic_plan
from tests.plan.test_rides import SETTINGS, build_operator, plan_day


def same(a: object, b: object) -> bool:
    """Equality that reads arrays by value and takes NaN for equal to NaN."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if type(a) is not type(b):
        return False
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        assert isinstance(b, dict)
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return a == b


@pytest.fixture(scope="module")
def plan() -> Plan:
    return synthetic_plan()


@pytest.fixture(scope="module")
def tree(plan: Plan) -> dict[str, object]:
    value: dict[str, object] = json.loads(plan_to_json(plan))
    return value


def test_a_plan_comes_back_exactly_with_its_types(plan: Plan) -> None:
    assert np.isnan(plan.required).any(), "the example must hold an unknown programme"
    assert same(plan_from_json(plan_to_json(plan)), plan)


def test_the_text_of_what_was_read_is_the_text(plan: Plan) -> None:
    text = plan_to_json(plan)
    assert plan_to_json(plan_from_json(text)) == text


def test_the_order_of_a_dictionary_is_not_in_the_text(plan: Plan) -> None:
    turned = dataclasses.replace(plan, scenarios=dict(reversed(list(plan.scenarios.items()))))
    assert plan_to_json(turned) == plan_to_json(plan)


def test_the_text_is_standard_json_without_nan_and_spaces(plan: Plan) -> None:
    text = plan_to_json(plan)
    assert "NaN" not in text
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def test_a_placement_that_many_moves_share_is_written_once(plan: Plan, tree: dict[str, object]) -> None:
    rows = tree["placements"]["rows"]  # type: ignore[index]
    distinct = set(plan.placements)
    for scenario in plan.scenarios.values():
        distinct |= {p for m in scenario.moves for p in (m.before, m.after) if p is not None}
    assert len(rows) == len(distinct)


def test_an_empty_array_keeps_its_axes(plan: Plan) -> None:
    empty = dataclasses.replace(plan, calls=np.zeros((0, 20)))
    assert plan_from_json(plan_to_json(empty)).calls.shape == (0, 20)


@given(st.floats(allow_infinity=False))
def test_any_number_comes_back_to_the_last_bit(value: float) -> None:
    bare = dataclasses.replace(synthetic_plan(), placements=(), scenarios={}, cells=())
    plan = dataclasses.replace(bare, calls=np.array([[value]]))
    back = plan_from_json(plan_to_json(plan)).calls
    assert np.array_equal(back, plan.calls, equal_nan=True)
    assert math.copysign(1, back[0, 0]) == math.copysign(1, value) or math.isnan(value)


def test_numbers_of_numpy_become_plain_numbers(plan: Plan) -> None:
    three: Any = np.int64(3)
    first = dataclasses.replace(plan.cells[0], worst_interval=three, shortfall=np.float64(0.5))
    back = plan_from_json(plan_to_json(dataclasses.replace(plan, cells=(first,)))).cells[0]
    assert (back.worst_interval, back.shortfall) == (3, 0.5)
    assert type(back.worst_interval) is int


def test_an_infinite_number_is_refused(plan: Plan) -> None:
    with pytest.raises(ValueError, match="calls must be finite"):
        plan_to_json(dataclasses.replace(plan, calls=np.array([[math.inf]])))
    with pytest.raises(ValueError, match=r"settings\.target must be finite"):
        plan_to_json(dataclasses.replace(plan, settings={"target": math.nan}))


def test_a_time_without_zone_is_refused(plan: Plan) -> None:
    naive = datetime(2026, 11, 30, 8)  # noqa: DTZ001
    with pytest.raises(ValueError, match="starts must carry a time zone"):
        plan_to_json(dataclasses.replace(plan, starts=(naive,)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[]", "format is None"),
        ('{"format":"releve-plan/0"}', "format is 'releve-plan/0'"),
        (f'{{"format":"{FORMAT}"}}', "'placements' is missing"),
        ('{"format":NaN}', "NaN is not a number of this format"),
    ],
)
def test_what_is_not_a_plan_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PlanFormatError, match=reason):
        plan_from_json(text)


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        ("synthetic", 1, "synthetic: 1 is not understood"),
        ("day", "yesterday", "day: 'yesterday' is not understood"),
        ("starts", ["2026-11-30T08:00"], "expected an instant in UTC"),
        ("starts", [7], "starts: 7 is not understood"),
        ("required", {"shape": [2, 2], "values": [1.0]}, "required: "),
        ("reserve", [7], "reserve: 7 is not understood"),
        ("clients", [["azur"]], "clients: "),
        ("cells", {"columns": ["client"], "rows": []}, "cells: columns are"),
        ("settings", {"target": [1]}, r"settings\.target"),
        ("placements", [100000], "placements: 100000 is not understood"),
        ("placements", [-1], "expected a position"),
        ("surprise", 1, "unknown surprise"),
    ],
)
def test_a_damaged_entry_is_named(tree: dict[str, object], where: str, value: object, reason: str) -> None:
    body = {**tree["plan"], where: value}  # type: ignore[dict-item]
    with pytest.raises(PlanFormatError, match=reason):
        plan_from_json(json.dumps({**tree, "plan": body}))


def test_a_row_with_a_missing_value_is_named(tree: dict[str, object]) -> None:
    cells = tree["plan"]["cells"]  # type: ignore[index]
    broken = {**cells, "rows": [cells["rows"][0][:-1]]}
    body = {**tree["plan"], "cells": broken}  # type: ignore[dict-item]
    with pytest.raises(PlanFormatError, match=r"cells\[0\]: expected 9 values"):
        plan_from_json(json.dumps({**tree, "plan": body}))


def test_a_missing_entry_is_named(tree: dict[str, object]) -> None:
    body = {k: v for k, v in tree["plan"].items() if k != "day"}  # type: ignore[attr-defined]
    with pytest.raises(PlanFormatError, match="plan: 'day' is missing"):
        plan_from_json(json.dumps({**tree, "plan": body}))


TARGET, THIN = 0.05, 0.8
shares = st.one_of(st.sampled_from([0.0, 0.05, 0.8, 1.0]), st.floats(0, 1))


@pytest.mark.parametrize(
    ("missing", "least", "floor", "expected"),
    [
        (0.0, 1.0, 0.0, Status.HELD),
        (0.05, 0.8, 0.0, Status.HELD),
        (0.05, 0.79, 0.0, Status.THIN),
        (0.01, 0.0, 0.0, Status.THIN),
        (0.06, 0.9, 0.05, Status.MISSED),
        (0.06, 0.9, 0.06, Status.OUT_OF_REACH),
    ],
)
def test_a_client_is_judged_by_the_target_then_by_its_worst_half_hour(
    missing: float, least: float, floor: float, expected: Status
) -> None:
    assert judge_service(missing, least, TARGET, THIN, floor=floor) is expected


@given(shares, shares)
def test_the_hours_ahead_bear_the_name_that_the_plan_gives_the_same_figures(missing: float, least: float) -> None:
    """``missed`` was said of a client whose plan was held, thin."""
    status = judge_service(missing, least, TARGET, THIN)
    state = judge_client(None, least, missing, TARGET, THIN)
    assert state == status or (state == "short_later" and status is Status.HELD and least < 1)


def test_each_status_has_a_word_and_a_meaning_of_its_own() -> None:
    planned = ["missed", "out of reach", "unknown", "held, thin", "held"]
    assert [status.label for status in PLANNED_STATUSES] == planned
    assert len({status.label for status in SEVERITY}) == len(SEVERITY)
    assert len({str(status.explain("5 %", "80 %")) for status in PLANNED_STATUSES}) == len(planned)
    assert {status for status in SEVERITY if status.is_met} == {Status.THIN, Status.SHORT_LATER, Status.HELD}


@pytest.mark.parametrize(
    ("now", "worst", "missing", "status", "tone", "word"),
    [
        (0.98, 0.98, 0.01, Status.SHORT_NOW, Tone.NEAR, "a little short now"),
        (0.9, 0.9, 0.1, Status.SHORT_NOW, Tone.LOW, "short now"),
        (0.63, 0.5, 0.2, Status.SHORT_NOW, Tone.MISSED, "far short now"),
        (1.0, 0.9, 0.06, Status.MISSED, Tone.LOW, "missed later"),
        (1.0, 0.63, 0.2, Status.MISSED, Tone.MISSED, "missed later"),
        (1.0, 0.76, 0.01, Status.THIN, Tone.THIN, "held, thin"),
        (1.0, 0.98, 0.01, Status.SHORT_LATER, Tone.NEAR, "held, short for a time"),
        (None, 0.85, 0.01, Status.SHORT_LATER, Tone.THIN, "held, short for a time"),
        (1.0, 1.0, 0.0, Status.HELD, Tone.HELD, "held"),
        (None, None, 0.0, Status.UNKNOWN, Tone.UNKNOWN, "unknown"),
    ],
)
def test_a_client_has_one_status_and_its_colour_goes_by_how_much_is_missing(
    now: float | None, worst: float | None, missing: float, status: Status, tone: Tone, word: str
) -> None:
    found = judge_client(now, worst, missing, 0.05, 0.8)
    colour = find_tone(found, now if found is Status.SHORT_NOW else worst, 0.05, 0.8)
    assert (found, colour, phrase_status(found, colour)) == (status, tone, word)


def test_a_client_of_which_a_requirement_is_not_known_is_not_held() -> None:
    assert judge_client(1.0, 1.0, 0.0, 0.05, 0.8, known=False) is Status.UNKNOWN
    assert judge_client(0.5, 0.5, 0.5, 0.05, 0.8, known=False) is Status.SHORT_NOW


def test_a_thin_client_is_counted_as_held_and_named_as_thin() -> None:
    assert phrase_security([Status.THIN]) == ("N-1: 1 of 1 clients held whichever single place is lost, 1 of them thin")
    assert phrase_security([Status.HELD, Status.MISSED]) == ("N-1: 1 of 2 clients held whichever single place is lost")
    assert find_gravest([Status.HELD, Status.UNKNOWN, Status.THIN]) is Status.UNKNOWN
    assert find_gravest([]) is Status.HELD


def test_a_plan_beside_itself_moves_no_agent_and_worsens_no_client(plan: Plan) -> None:
    found = compare_plans(plan, plan)
    assert (found.moved, found.moves) == (0, ())
    assert found.secure == found.secure_before
    assert {row.worse for row in found.clients} == {False}
    assert found.figures.placed == len(plan.placements)
    assert found.figures == found.figures_before
    assert plan.missing is not None
    assert found.figures.cost == plan.missing.cost


def test_a_day_that_was_not_planned_has_nothing_to_compare_with(plan: Plan) -> None:
    found = compare_plans(None, replace(plan, missing=None))
    assert (found.secure_before, found.moves, found.figures.cost, found.figures_before) == (None, (), None, None)
    assert {row.before for row in found.clients} == {None}


def test_a_day_is_measured_in_hours_worked_calls_lost_and_what_the_contracts_ask_for_them(plan: Plan) -> None:
    row, *others = plan.placements
    figures = compare_plans(None, plan, dict.fromkeys((name for name, _, _ in plan.programmes), 2.0)).figures
    fewer = compare_plans(None, replace(plan, placements=tuple(others))).figures
    paused = timedelta() if row.break_start is None else row.break_end - row.break_start  # type: ignore[operator]
    assert (figures.hours - fewer.hours) * 3600 == pytest.approx((row.end - row.start - paused).total_seconds())
    base = [cell for cell in plan.cells if cell.contingency == BASE]
    assert figures.calls_lost == pytest.approx(sum(cell.calls_lost for cell in base))
    assert figures.penalty == pytest.approx(2 * figures.calls_lost)
    assert fewer.penalty is None, "no price is known"


def test_a_client_is_compared_by_its_day_and_by_the_one_place_whose_loss_hurts_most(plan: Plan) -> None:
    for row in compare_plans(plan, plan).clients:
        single = [row.id for row in plan.contingencies if row.kind in ("site", "carrier")]
        cells = [plan.cell[row.client, key] for key in (BASE, *single)]
        if row.after is Status.UNKNOWN:
            assert (row.loss_after, row.day_after) == (None, None), "its requirement is not known"
            continue
        assert row.loss_after is not None
        assert row.loss_after.coverage == min(cell.worst_coverage for cell in cells)
        assert row.loss_before == row.loss_after
        assert row.day_after == 1 - plan.cell[row.client, BASE].shortfall


def test_clients_that_become_worse_come_first_then_the_gravest(plan: Plan) -> None:
    verdicts = tuple(
        replace(row, missed=(BASE,), secure=False) if row.client == "quartz" else row for row in plan.verdicts
    )
    first, second, *_ = compare_plans(plan, replace(plan, verdicts=verdicts)).clients
    assert (first.client, first.before, first.after, first.worse) == ("quartz", "held", "missed", True)
    assert (second.after, second.worse) == ("missed", False)


def test_agents_who_change_in_the_same_way_are_one_group_the_largest_first(plan: Plan) -> None:
    one, two, *_ = plan.placements
    home = replace(one, place="home")
    groups = group_moves(
        [
            Move("a", None, one, "relief"),
            Move("b", one, home, "relief"),
            Move("c", one, home, "relief"),
            Move("d", two, None, "isolated"),
            Move("e", two, None, "stranded"),
        ]
    )
    assert [group.agents for group in groups] == [("b", "c"), ("a",), ("d",), ("e",)]
    assert groups[0].after == ("home", one.programme)
    assert (groups[1].before, groups[2].after) == (None, None)


def test_an_agent_without_a_placement_any_more_is_among_the_moves(plan: Plan) -> None:
    first, *others = plan.placements
    found = compare_plans(plan, replace(plan, placements=tuple(others)))
    (group,) = found.moves
    assert (group.agents, group.after, group.reason) == ((first.agent,), None, "reserve")
    assert found.moved == 1


def test_every_client_has_a_reason_of_its_status(plan: Plan) -> None:
    codes = {row.client: find_reason(plan, row).code for row in plan.verdicts}
    assert {codes[row.client] for row in plan.verdicts if row.status == "missed"} == {"missed"}
    assert codes["opaline"] == "unknown"
    assert codes["delta-eau"] == "out_of_reach"
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


def test_a_client_out_of_reach_is_cured_by_a_list_that_does_not_except_it(plan: Plan) -> None:
    cell = plan.cell["delta-eau", "site:rabat-1"]
    found = find_reason_out_of_reach(plan, [cell])
    assert (found.code, [cause.kinds for cause in found.causes]) == ("out_of_reach", [("place",)])
    assert plan.missing is not None
    cured = replace(plan, missing=replace(plan.missing, incurable=()))
    assert find_reason_out_of_reach(cured, [cell]).code == "cured"
    assert not replace(plan, missing=None).is_cured(cell)


def test_a_plan_that_states_no_cause_gives_the_floor(plan: Plan) -> None:
    cell = replace(plan.cell["delta-eau", "site:rabat-1"], floor=0.4)
    found = find_reason_out_of_reach(replace(plan, causes=()), [cell])
    assert (found.code, found.missing, found.causes) == ("out_of_reach", 0.4, ())


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


DAY = date(2026, 12, 1)


@pytest.fixture(scope="module")
def solved() -> tuple[Operator, SolvedDay]:
    operator = sample_operator(200, 3, 1)
    sites = [c for c in list_contingencies(operator) if c.kind == "site"]
    return operator, solve_day(operator, require_day(operator, DAY), contingencies=sites)


def worst(day: SolvedDay) -> tuple[str, str]:
    """Return the client and the site loss with the most missing in whole people."""
    planning = day.planning
    _, client, row = max(
        (float(relief.plan.missing[c]), c, row)
        for row, relief in enumerate(planning.reliefs)
        for c in range(len(planning.problem.clients))
    )
    return planning.problem.clients[client], planning.contingencies[row].id


def test_a_shortfall_names_what_binds(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    client, contingency = worst(day)
    found = explain_shortfall(operator, day, client, contingency)
    assert found.missing > 0
    assert found.bindings
    assert all(one.price > 0 for one in found.bindings)
    assert {one.rule for one in found.bindings} <= {"seats", "people"}


def test_one_more_of_something_never_leaves_the_client_with_more_than_it_missed(
    solved: tuple[Operator, SolvedDay],
) -> None:
    """A purchase that helps by its dual gains no more than the client misses."""
    operator, day = solved
    client, contingency = worst(day)
    found = explain_shortfall(operator, day, client, contingency)
    assert found.one_more
    assert all(one.slope > 0 for one in found.one_more)
    assert all(one.gain <= found.missing + 1e-6 for one in found.one_more)
    assert {one.kind for one in found.one_more} <= {"laptop", "skill", "seat"}


def test_the_base_day_is_explained_too(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    client, _ = worst(day)
    assert explain_shortfall(operator, day, client).contingency == BASE


def test_an_unknown_client_or_loss_is_named_with_those_known(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    with pytest.raises(ValueError, match="no client 'unknown'; clients: "):
        explain_shortfall(operator, day, "unknown")
    client, _ = worst(day)
    with pytest.raises(ValueError, match="no contingency 'site:moon'; known: base, site:"):
        explain_shortfall(operator, day, client, "site:moon")


MIDNIGHT = datetime(2026, 11, 29, 23, tzinfo=UTC)
STARTS = tuple(MIDNIGHT + timedelta(minutes=30) * at for at in range(48))

amounts = arrays(np.float64, (48, 3), elements=st.floats(0, 50))


@given(amounts, amounts)
def test_covered_and_missing_are_the_requirement_and_beyond_is_the_rest(required: Floats, placed: Floats) -> None:
    series = sum_coverage(STARTS, required, placed)
    assert np.allclose(series.covered + series.missing, series.required)
    assert np.isclose((series.covered + series.beyond).sum(), placed.sum())
    assert np.isclose(series.missing.sum(), np.maximum(required - placed, 0).sum())


def test_the_surplus_of_one_programme_does_not_hide_the_lack_of_another() -> None:
    required = np.tile([4.0, 4.0], (48, 1))
    placed = np.tile([8.0, 1.0], (48, 1))
    series = sum_coverage(STARTS, required, placed)
    assert set(series.missing) == {3.0}
    assert set(series.beyond) == {4.0}


def test_the_day_is_cut_to_the_hours_in_which_anything_happens() -> None:
    required, placed = np.zeros((48, 1)), np.zeros((48, 1))
    required[16:40] = 3.0
    placed[14:40] = 2.0
    series = sum_coverage(STARTS, required, placed)
    assert (series.starts[0], series.starts[-1]) == (STARTS[14], STARTS[39])


def test_a_programme_without_forecast_is_left_out() -> None:
    required = np.tile([4.0, np.nan], (48, 1))
    series = sum_coverage(STARTS, required, np.ones((48, 2)))
    assert set(series.required) == {4.0}
    assert set(series.covered) == {1.0}


def test_the_worst_half_hour_is_the_one_covered_least() -> None:
    required = np.array([[4.0], [8.0], [0.0], [2.0]])
    series = sum_coverage(STARTS[:4], required, np.array([[3.0], [4.0], [0.0], [2.0]]))
    assert series.worst is not None
    assert (series.worst.start, series.worst.coverage) == (STARTS[1], 0.5)
    assert series.short.tolist() == [True, True, False, False]
    assert (series.required_hours, series.missing_hours) == (7.0, 2.5)
    assert series.coverage == 1 - 2.5 / 7
    assert [row[-1] for row in series.half_hours()] == [True, True, False, False]


def test_a_day_in_which_nothing_is_missing_has_no_worst_half_hour() -> None:
    full = sum_coverage(STARTS[:2], np.full((2, 1), 3.0), np.full((2, 1), 3.0))
    assert (full.worst, full.coverage, full.busy) == (None, 1.0, True)
    empty = sum_coverage(STARTS, np.zeros((48, 1)), np.zeros((48, 1)))
    assert (empty.worst, empty.coverage, empty.busy) == (None, 1.0, False)
    none = sum_coverage((), np.zeros((0, 1)), np.zeros((0, 1)))
    assert (none.worst, none.busy) == (None, False)


@cache
def find_runs() -> DayRuns:
    """Return the runs of a day of 60 agents on two sites."""
    operator, plan = build_operator(12), plan_day(12)
    fleet = build_day_fleet(operator, plan.day, SETTINGS)
    assert fleet is not None
    return route_day(operator, fleet, [PlacementsFrom(None, plan.placements)])


def test_a_site_has_its_own_runs_with_the_heads_that_were_counted() -> None:
    found = find_runs()
    run = next(run for run in found.runs if run.wave.leg == TO_SITE)
    heads = {(run.vehicle, found.write_hour(run)): 3}
    table = build_site_timetable(found, run.wave.site, run.busy_from, heads)
    assert table.riders == sum(row.riders for row in table.runs)
    (row,) = (row for row in table.runs if row.run == run.id)
    assert row.under_way
    assert (row.boarded, row.riders) == (3, run.count)
    assert row.calls[-1].place == run.wave.site
    assert sum(call.riders for call in row.calls[:-1]) == run.count
    assert {place.kind for place in table.places} == {"stop", "site", "depot"}
    assert not build_site_timetable(found, run.wave.site, run.busy_until, {}).runs[0].boarded


def test_who_has_no_seat_is_named_only_where_that_is_asked_for() -> None:
    found = find_runs()
    run = found.runs[0]
    riders = [rider for rider in _list_all(found) if rider.wave == run.wave]
    crowded = replace(found, left_behind=tuple(riders))
    table = build_site_timetable(crowded, run.wave.site, run.busy_from, {})
    assert {agent for row in table.left for agent in row.agents} == {one.agent for one in riders}
    hidden = table.without_agents()
    assert [row.riders for row in hidden.left] == [row.riders for row in table.left]
    assert all(row.agents == () and row.reason for row in hidden.left)


def test_a_driver_has_the_runs_of_the_vehicle_in_the_order_of_the_day() -> None:
    found = find_runs()
    vehicle = found.runs[0].vehicle
    sheet = build_vehicle_sheet(found, vehicle, found.runs[0].busy_from)
    assert sheet is not None
    own = [run.id for run in found.runs if run.vehicle == vehicle]
    assert sorted(row.run for row in sheet.runs) == sorted(own)
    shifts = [row.calls[0].at for row in sheet.runs]
    assert shifts == sorted(shifts)
    assert build_vehicle_sheet(found, "none", found.runs[0].busy_from) is None


def _list_all(found: DayRuns) -> list[Rider]:
    """Return every rider of a day, as if none had a seat."""
    return [
        Rider(agent, stop, run.wave)
        for run in found.runs
        for stop, names in zip(run.stops, run.agents, strict=True)
        for agent in names
    ]
