"""From a situation with one positive to the coming fourteen days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from releve.network import day_bounds
from releve.plan import Plan
from releve.plugins.crashtest.engine import Settings, build_result, build_run_arrays, run
from releve.plugins.crashtest.engine.comparison import start_from_situation
from releve.plugins.crashtest.engine.outbreak import Detail, Scenario, simulate
from releve.situation import CaseDeclared, SiteClosed, Situation, fold_events
from tests.crashtest.rough_quarter import CONTROLS, build_test, plan_operator


def declare_case(agent: str, site: str, at: datetime) -> CaseDeclared:
    return CaseDeclared(
        id=f"e-{agent}", happened_at=at, recorded_at=at, actor="nurse", site=site, status="declared_case", agent=agent
    )


def look_ahead(situation: Situation, plan: Plan) -> Scenario:
    """Return fourteen days from the planned day on, hardly anybody infected outside."""
    scenario = build_test().scenario
    quiet = replace(scenario, days=14, importation=np.full((4, 14), 1e-5))
    return start_from_situation(quiet, situation, plan.day, plan.time_zone)


def test_one_positive_makes_its_site_the_likeliest_to_close() -> None:
    operator, plan = plan_operator()
    midnight, _ = day_bounds(plan.day, plan.time_zone)
    positive = operator.agents[0]
    known = fold_events([declare_case(positive.id, positive.home_site, midnight - timedelta(days=2))])
    test = build_test(
        scenario=look_ahead(known, plan), hazards=(), settings=Settings(quarters=300, days=14, seed=1, nearest=True)
    )
    ready = build_run_arrays(test)
    found = build_result(test, ready, run(ready))
    closes = {row.site: row.closes for row in found.sites}
    others = [one for name, one in closes.items() if name != positive.home_site]
    assert closes[positive.home_site].low > max(one.high for one in others)


def test_a_case_known_already_counts_for_the_rule() -> None:
    operator, plan = plan_operator()
    midnight, _ = day_bounds(plan.day, plan.time_zone)
    positive = operator.agents[0]
    scenario = look_ahead(fold_events([declare_case(positive.id, positive.home_site, midnight)]), plan)
    assert not scenario.known_cases, "a case of day 0 itself is not known at its start"
    earlier = [declare_case(positive.id, positive.home_site, midnight - timedelta(days=n)) for n in (1, 20)]
    scenario = look_ahead(fold_events(earlier[:1]), plan)
    site = scenario.population.sites.index(positive.home_site)
    assert scenario.known_cases == ((site, 1),)
    assert not look_ahead(fold_events(earlier[1:]), plan).known_cases, "older than the rule looks back"
    forgotten = replace(scenario, known_cases=())
    counted, not_counted = (
        simulate(one, CONTROLS, replications=300, seed=2).mean("closures").value for one in (scenario, forgotten)
    )
    assert counted > not_counted


def test_a_site_that_is_closed_stays_closed_until_it_may_reopen() -> None:
    operator, plan = plan_operator()
    midnight, _ = day_bounds(plan.day, plan.time_zone)
    site = operator.sites[1].id
    at = midnight - timedelta(hours=12)
    closed = SiteClosed(
        id="c", happened_at=at, recorded_at=at, actor="lead", site=site, cause="authority",
        earliest_reopening=(midnight + timedelta(hours=60)).astimezone(UTC),
    )  # fmt: skip
    scenario = look_ahead(fold_events([closed]), plan)
    found = simulate(scenario, CONTROLS, replications=3, detail=Detail(closed=True))
    assert found.closed[:, :3, 1].all()
    assert not found.closed[:, 3, 1].any()
    assert not found.closed[:, 0, [0, 2, 3]].any()
