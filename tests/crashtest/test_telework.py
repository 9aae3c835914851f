"""More people at home: in the plan, in its reliefs and in the contacts."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from releve.network import HOME
from releve.plan import Placement, Plan
from releve.plan.problem import Eligibility
from releve.plugins.crashtest.engine import build_run_arrays
from releve.plugins.crashtest.engine.plan_arrays import read_plan_settings
from releve.plugins.crashtest.engine.policies import apply_policies
from releve.plugins.crashtest.engine.run_arrays import list_home_agents, send_home
from tests.crashtest.rough_quarter import build_test, plan_operator

OPERATOR = plan_operator()[0]


@cache
def send_more_home() -> Plan:
    """The plan with everybody at home whom it can be."""
    operator, plan = plan_operator()
    return send_home(operator, plan, set(operator.agent))


def after(plan: Plan, scenario: str) -> dict[str, Placement]:
    """Return who works where in a scenario."""
    found = {row.agent: row for row in plan.placements}
    for move in plan.scenarios[scenario].moves:
        assert move.before == found.get(move.agent)
        if move.after is None:
            del found[move.agent]
        else:
            found[move.agent] = move.after
    return found


def test_whoever_can_is_at_home_with_her_programme_and_hours() -> None:
    _, plan = plan_operator()
    legality = Eligibility(OPERATOR, plan.day, read_plan_settings(plan))
    sent = 0
    for old, new in zip(plan.placements, send_more_home().placements, strict=True):
        may = (HOME, old.programme) in legality.find_pairs(OPERATOR.agent[old.agent])
        assert new.place == (HOME if may else old.place)
        assert (new.agent, new.programme, new.start, new.end) == (old.agent, old.programme, old.start, old.end)
        sent += new.place != old.place
    assert sent > 5


def test_nobody_sent_home_changes_nothing() -> None:
    operator, plan = plan_operator()
    for same in (send_home(operator, plan, set()), send_home(operator, plan, list_home_agents(plan))):
        assert same.placements == plan.placements
        assert all(same.scenarios[name].moves == plan.scenarios[name].moves for name in plan.scenarios)


def test_reliefs_leave_nobody_at_what_is_lost_and_take_no_seat_that_was_not_given() -> None:
    _, plan = plan_operator()
    new = send_more_home()
    back = 0
    for lost in new.contingencies:
        works, worked = after(new, lost.id), after(plan, lost.id)
        assert not {row.place for row in works.values()} & lost.sites
        lines = [OPERATOR.agent[name].carrier for name, row in works.items() if row.place == HOME]
        assert not set(lines) & lost.carriers
        taken, given = (Counter(row.place for row in some.values() if row.place != HOME) for some in (works, worked))
        assert all(taken[site] <= given[site] for site in taken)
        assert set(worked) <= set(works)
        back += sum(taken.values()) if lost.carriers else 0
    assert back > 0


def test_the_loss_of_a_site_costs_fewer_people_when_more_are_at_home() -> None:
    _, plan = plan_operator()
    for lost in plan.contingencies:
        if lost.sites:
            assert len(after(send_more_home(), lost.id)) >= len(after(plan, lost.id))


def test_the_policy_changes_the_plan_and_the_contacts_alike() -> None:
    given = build_test()
    test = apply_policies(("telework",), given)
    population = test.scenario.population
    home = test.controls.at_home
    assert home is not None
    assert {population.agents[at] for at in np.flatnonzero(home)} == list_home_agents(test.plans[0])
    sent = list_home_agents(test.plans[0]) - list_home_agents(given.plans[0])
    assert sent
    chosen = population.telework_rank < 0.5
    assert all(chosen[population.number[name]] for name in sent)


def test_people_at_home_are_as_effective_as_their_programmes_say() -> None:
    given = build_test()
    test = apply_policies(("telework",), given)
    office, home = (build_run_arrays(one).presence.base[0].sum(axis=1) for one in (given, test))
    effect = np.array([row.home_efficiency for row in test.programmes])
    assert np.all(home <= office + 1e-9)
    assert np.all(home >= office * np.minimum(1.0, effect) - 1e-9)
