"""Those who began the day before are in the day's arrays: at work after midnight, lost with their place, relieved."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from releve.plan import BASE
from releve.plugins.crashtest.engine.lost_places import number_places
from releve.plugins.crashtest.engine.plan_arrays import build_day, build_tallies, number_scenarios
from releve.plugins.crashtest.engine.relief_rule import allocate_buffers, build_cells
from tests.crashtest.test_rules import placed
from tests.plan.night_operators import need_of, night_operator, plan_chain
from tests.plan.test_nights import DAY, ten_by_night


def test_the_relief_of_a_site_lost_by_night_is_worked_by_those_who_began_the_day_before() -> None:
    operator = ten_by_night()
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=7.0) for offset in (-1, 0)]
    _, plan = plan_chain(operator, needs)
    numbers = number_places(operator)
    day = build_day(operator, plan, needs[1].aht_s, numbers, build_tallies(operator))
    site = numbers.site["a"]
    assert day.at_place[site, :14].min() > 0
    assert day.first_busy[site] == 0

    relief = number_scenarios(plan, numbers)[frozenset({site})]
    mask = np.zeros(len(day.damage), dtype=np.bool_)
    mask[site] = True
    at_work = placed(day, build_cells(day, relief, mask, True, allocate_buffers(day)))
    assert np.allclose(at_work, plan.scenarios["site:a"].placed)
    assert at_work[:14].min() > 0
    gone = day.cell_place[day.cell_pointer[relief] : day.cell_pointer[relief + 1]]
    assert site not in gone


def test_every_scenario_of_a_plan_with_nights_and_split_shifts_has_its_people() -> None:
    operator = night_operator(7, DAY - timedelta(days=2), 5)
    needs = [need_of(operator, DAY + timedelta(days=offset), 7) for offset in (-1, 0)]
    _, plan = plan_chain(operator, needs)
    numbers = number_places(operator)
    day = build_day(operator, plan, needs[1].aht_s, numbers, build_tallies(operator))
    nothing = np.zeros(len(day.damage), dtype=np.bool_)
    named = [(0, BASE), *((n, plan.contingencies[n - 1].id) for n in number_scenarios(plan, numbers).values())]
    for number, name in named:
        cells = build_cells(day, number, nothing, False, allocate_buffers(day))
        assert np.allclose(placed(day, cells), plan.scenarios[name].placed), name
