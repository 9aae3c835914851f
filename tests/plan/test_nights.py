"""Work that goes on beyond the day's border is carried into the next day: present, placed, counted, relieved."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from releve.demand.requirement import Requirement
from releve.files.plan_folder import write_plans
from releve.network import HOME, Operator, PlannedAbsence, Shift
from releve.plan import BASE, Plan, check_plan, plan_day
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.result import read_agent
from releve.plan.roster import list_carried
from releve.plan.settings import PlanSettings
from tests.plan.night_operators import HALF_HOUR, NIGHT, count_on_duty, need_of, night_operator, plan_chain, shifts_of
from tests.plan.tiny_operators import agent, operator_of, programme, site

DAY = date(2026, 12, 2)
CASES = [
    (1, DAY, "Europe/Paris"),
    (2, DAY, "Africa/Casablanca"),
    (3, date(2026, 10, 25), "Europe/Paris"),
    (4, date(2027, 3, 28), "Europe/Paris"),
    (5, date(2026, 10, 25), "Africa/Casablanca"),
    (6, DAY, "Indian/Antananarivo"),
    (7, DAY, "Europe/Paris"),
    (8, date(2026, 10, 24), "Europe/Paris"),
    (9, date(2027, 3, 27), "Europe/Paris"),
    (10, DAY, "Africa/Casablanca"),
]
"""Seed, the day in the middle, the operator's zone: plain nights, nights of 23 and 25 hours, other zones."""


def ten_by_night() -> Operator:
    """Return ten agents from 22:00 to 06:00 on each of three nights, five on each of two sites."""
    sites = [site("a"), site("b")]
    people = [agent(f"{where.id}{n}", where.id, "p", carrier="Red") for where in sites for n in range(5)]
    home = {row.id: row for row in sites}
    rows = [
        row
        for person in people
        for offset in (-1, 0, 1)
        for row in shifts_of(person.id, home[person.home_site], DAY + timedelta(days=offset), NIGHT)
    ]
    return operator_of(sites, {"a": (6, 2.0), "b": (6, 2.0)}, [programme("p", "k")], people, rows)


def count_from_files(folder: Path, operator: Operator) -> dict[tuple[str, datetime, str], float]:
    """Return effective agents by day, half hour and programme, by plain loops over ``placements.csv``."""
    effect = {row.id: row.home_efficiency for row in operator.programmes}
    found: dict[tuple[str, datetime, str], float] = defaultdict(float)
    with (folder / "placements.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            day = date.fromisoformat(row["day"])
            first, last = operator.day_bounds(day)
            off = [(row["break_start_utc"], row["break_end_utc"])] if row["break_start_utc"] else []
            off += [tuple(one.split("/")) for one in (row.get("pauses_utc") or "").split()]
            minute = max(first, datetime.fromisoformat(row["start_utc"]))
            end = min(last, datetime.fromisoformat(row["end_utc"]))
            pauses = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in off]
            while minute < end:
                if not any(a <= minute < b for a, b in pauses):
                    half = first + (minute - first) // HALF_HOUR * HALF_HOUR
                    share = effect[row["programme"]] if row["place"] == HOME else 1.0
                    found[row["day"], half, row["programme"]] += share / 30
                minute += timedelta(minutes=1)
    return found


@pytest.mark.parametrize(("seed", "day", "zone_name"), CASES)
def test_coverage_is_what_plain_loops_over_the_files_count(
    tmp_path: Path, seed: int, day: date, zone_name: str
) -> None:
    operator = night_operator(seed, day - timedelta(days=2), 5, zone_name)
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    needs = [need_of(operator, one, seed) for one in days]
    plans = plan_chain(operator, needs)
    assert [plan.violations for plan in plans] == [(), (), ()]
    assert any(row.carried for plan in plans for row in plan.placements)

    write_plans(tmp_path / "plan", plans, stamp=datetime(2026, 11, 1, tzinfo=UTC))
    counted = count_from_files(tmp_path / "plan", operator)
    for plan in plans:
        placed = plan.scenarios[BASE].placed
        for t, start in enumerate(plan.starts):
            for p, (name, _, _) in enumerate(plan.programmes):
                assert placed[t, p] == pytest.approx(counted[str(plan.day), start, name], abs=1e-9), (start, name)
    # everyone whom the roster has there is in the plan, at work or in reserve, once
    for plan in plans:
        for start in plan.starts:
            placed_now = sum(row.is_present(start) for row in plan.placements)
            idle = sum(
                count_on_duty(replace(operator, shifts=tuple(s for s in operator.shifts if s.agent == name)), start)
                for name in {read_agent(key) for key in plan.reserve}
                if not any(row.agent == name and row.start <= start < row.end for row in plan.placements)
            )
            assert placed_now + idle == count_on_duty(operator, start), start


@pytest.mark.parametrize(("seed", "day", "zone_name"), CASES[:6])
def test_a_border_changes_nobody_s_place_and_programme(seed: int, day: date, zone_name: str) -> None:
    operator = night_operator(seed, day - timedelta(days=2), 5, zone_name)
    needs = [need_of(operator, day + timedelta(days=offset), seed) for offset in (-1, 0, 1)]
    plans = plan_chain(operator, needs)
    for before, after in pairwise(plans):
        ends = before.starts[-1] + HALF_HOUR
        over = {row.agent: row for row in before.placements if row.start < ends < row.end}
        held = {row.agent: replace(row, duty="") for row in after.placements if row.carried}
        assert over
        assert {name: replace(row, duty="") for name, row in over.items()} == {name: held[name] for name in over}


def test_the_night_is_covered_by_those_who_began_the_day_before() -> None:
    operator = ten_by_night()
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=2.0) for offset in (-1, 0)]
    _, plan = plan_chain(operator, needs)
    local = [start.astimezone(UTC) + timedelta(hours=1) for start in plan.starts]
    night = [t for t, at in enumerate(local) if at.hour < 7]  # 22:00 to 06:00 in Casablanca is 23:00 to 07:00 in Paris
    assert (plan.scenarios[BASE].placed[night, 0] >= 2).all()
    begun = [row.key for row in plan.placements if row.carried] + [key for key in plan.reserve if "|" in key]
    assert len(begun) == 10


def test_one_day_alone_places_those_who_began_before_it() -> None:
    operator = ten_by_night()
    (plan,) = plan_chain(operator, [need_of(operator, DAY, agents=2.0)])
    assert plan.violations == ()
    assert (plan.scenarios[BASE].placed[:14, 0] >= 2).all()


def test_a_loss_at_two_relieves_those_who_began_the_day_before() -> None:
    operator = ten_by_night()
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=8.0) for offset in (-1, 0)]
    _, plan = plan_chain(operator, needs)
    at = plan.starts[0] + timedelta(hours=2)
    lost = next(row for row in plan.contingencies if row.id == "site:a")
    day = build_running_day(operator, plan, needs[1], at, PlanSettings())
    found = solve_intraday_relief(day, lost, PlanSettings(), curve=False)
    moved = {move.agent for move in found.moves if move.before is not None and move.before.carried}
    assert moved == {row.agent for row in plan.placements if row.carried and row.place == "a"}
    home = [move for move in found.moves if move.after is not None and move.after.place == HOME and move.after.carried]
    assert home
    assert all(move.after is not None and move.after.start >= at for move in home)
    # those who come again in the evening are other duties, which the loss takes as well
    assert {move.agent for move in found.moves if move.before is not None and not move.before.carried}


@pytest.mark.parametrize("half_hours", [1, 2, 5, 15])
def test_two_adjoining_parts_are_the_whole(half_hours: int) -> None:
    """Cut anywhere, at the border (2) too: the same plan, reliefs and verdicts to the last bit."""
    operator = ten_by_night()
    cut = replace(operator, shifts=tuple(part for row in operator.shifts for part in cut_in_two(row, half_hours)))
    needs = [need_of(operator, DAY + timedelta(days=offset), 4) for offset in (-1, 0)]
    assert [plan_to_json(plan) for plan in plan_chain(cut, needs)] == [
        plan_to_json(plan) for plan in plan_chain(operator, needs)
    ]


def cut_in_two(row: Shift, half_hours: int) -> tuple[Shift, Shift]:
    middle = row.start + half_hours * HALF_HOUR
    return replace(row, end=middle), replace(row, start=middle, break_minutes=0.0)


def test_the_planner_cannot_move_who_is_carried_in_without_the_checker_seeing_it() -> None:
    operator = ten_by_night()
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=2.0) for offset in (-1, 0)]
    before, plan = plan_chain(operator, needs)
    carried = list_carried(before)
    settings = PlanSettings()
    assert check_plan(operator, plan, settings, needs[1].aht_s, carried) == ()
    name = next(iter(carried))
    other = {**carried, name: replace(carried[name], place=HOME)}
    found = check_plan(operator, plan, settings, needs[1].aht_s, other)
    assert any(f"agent {name} is placed" in line and "the day before" in line for line in found)
    late = replace(carried[name], break_start=plan.starts[-2], break_end=plan.starts[-1])
    assert check_plan(operator, plan, settings, needs[1].aht_s, {**carried, name: late})


@pytest.mark.parametrize(("since", "until"), [(2, 3), (0, 2), (3, 7), (5, 9)])
def test_an_absence_newer_than_the_evening_moves_no_other_hour(since: int, until: int) -> None:
    """Training within the night, stated after the evening was planned: the agent stays where the evening has them."""
    operator = ten_by_night()
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=7.0) for offset in (-1, 0)]
    carried = list_carried(plan_chain(operator, needs)[0])
    name, before = next((name, row) for name, row in carried.items() if row.place == "a")
    first = operator.day_bounds(DAY)[0]
    away = PlannedAbsence(name, first + timedelta(hours=since), first + timedelta(hours=until), "training")
    newer = replace(operator, absences=(*operator.absences, away))
    plan = plan_day(newer, needs[1], carried=carried)
    assert plan.violations == ()
    (placed,) = [row for row in plan.placements if row.carried and row.agent == name]
    assert (placed.place, placed.programme) == (before.place, before.programme)
    assert not any(placed.is_present(at) for at in plan.starts if away.start <= at < away.end)
    assert all(placed.is_present(at) for at in plan.starts if at < before.end and not away.start <= at < away.end)
    moved = replace(plan, placements=tuple(
        replace(row, place=HOME) if row == placed else row for row in plan.placements
    ))  # fmt: skip
    assert any(
        f"agent {name} is placed" in line and "the day before" in line
        for line in check_plan(newer, moved, PlanSettings(), needs[1].aht_s, carried)
    )


def test_plans_with_carried_and_split_duties_are_read_again() -> None:
    operator = night_operator(3, DAY - timedelta(days=1), 3)
    plan = plan_chain(operator, [need_of(operator, DAY + timedelta(days=n)) for n in (-1, 0)])[1]
    assert any(row.pauses for row in plan.placements)
    text = plan_to_json(plan)
    assert plan_to_json(plan_from_json(text)) == text
    again = plan_from_json(text)
    assert again.placements == plan.placements


def test_a_plan_without_such_duties_has_the_columns_of_before() -> None:
    operator = ten_by_night()
    days = tuple(
        replace(row, start=row.start + timedelta(hours=9), end=row.end + timedelta(hours=9)) for row in operator.shifts
    )
    operator = replace(operator, shifts=days)
    (plan,) = plan_chain(operator, [need_of(operator, DAY, agents=2.0)])
    columns = json.loads(plan_to_json(plan))["placements"]["columns"]
    assert columns == ["agent", "place", "programme", "start", "end", "break_start", "break_end"]


def _covered(plans: list[Plan]) -> dict[datetime, list[float]]:
    return {
        start: np.minimum(plan.scenarios[BASE].placed, plan.required)[t].tolist()
        for plan in plans
        for t, start in enumerate(plan.starts)
    }


@pytest.mark.parametrize("day_starts", ["04:00", "12:00", "22:00"])
def test_moving_the_border_of_the_day_changes_no_coverage(day_starts: str) -> None:
    """Three nights with the same need in every half hour: whatever the border, each half hour has the same people."""
    operator = ten_by_night()
    moved = replace(operator, row=replace(operator.row, day_starts=day_starts))
    plans, others = (
        plan_chain(one, [need_of(one, DAY + timedelta(days=n), agents=3.0) for n in (-1, 0, 1)])
        for one in (operator, moved)
    )
    assert [plan.violations for plan in others] == [(), (), ()]
    at_midnight, elsewhere = _covered(plans), _covered(others)
    shared = at_midnight.keys() & elsewhere.keys()
    assert len(shared) >= 96
    assert {start: at_midnight[start] for start in shared} == {start: elsewhere[start] for start in shared}


def test_moving_the_border_changes_no_verdict_and_no_relief_of_the_night() -> None:
    """Where three are needed while the ten are there, the same clients are held, and by half past four everyone
    who was on the site lost at two is away and three are at work."""
    two = datetime(2026, 12, 2, 2, tzinfo=UTC)
    verdicts, reliefs = [], []
    for day_starts in ("00:00", "12:00", "22:00"):
        operator = ten_by_night()
        operator = replace(operator, row=replace(operator.row, day_starts=day_starts))
        needs = [need_while_there(operator, DAY + timedelta(days=n)) for n in (-1, 0)]
        plans = plan_chain(operator, needs)
        verdicts.append([verdict.status for plan in plans for verdict in plan.verdicts])
        plan, need = next((p, n) for p, n in zip(plans, needs, strict=True) if p.starts[0] <= two <= p.starts[-1])
        lost = next(row for row in plan.contingencies if row.id == "site:a")
        running = build_running_day(operator, plan, need, two, PlanSettings())
        found = solve_intraday_relief(running, lost, PlanSettings(), curve=False)
        late = [t for t, at in enumerate(plan.starts) if two + 5 * HALF_HOUR <= at < two + 8 * HALF_HOUR]
        reliefs.append((np.minimum(found.placed, plan.required)[late, 0].tolist(), len(late)))
        stay = {row.key: row for row in plan.placements if row.place == "a" and row.is_present(two)}
        assert stay.keys() <= {move.key for move in found.moves}
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert reliefs[0] == reliefs[1] == reliefs[2]


def need_while_there(operator: Operator, day: date) -> Requirement:
    """Return a requirement of three while anyone is on duty, of none else."""
    need = need_of(operator, day, agents=3.0)
    there = np.array([[3.0 if count_on_duty(operator, start) else 0.0] for start in need.starts])
    return replace(need, agents=there, on_phone=there, calls=there * 5.0)
