"""The crash test goes by the situation's own closure rows: those of each site and each date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from releve.network import Operator
from releve.plugins.crashtest.engine import CrashTest, CrashTestError
from releve.plugins.crashtest.engine.lost_places import build_closure_calendar, build_controls, list_closure_rules
from releve.plugins.crashtest.engine.outbreak import Detail, simulate
from releve.situation import CaseDeclared, SiteClosed, SituationRules, derive_events, fold_events
from releve.situation.rule_kinds import AbsenceRule, ClosureRule
from releve.situation.shipped import load_rules_with
from tests.crashtest.outbreak.oracle import Plain
from tests.crashtest.rough_quarter import DAYS, build_test, plan_operator, run_test
from tests.situation.rule_chain import HEALTH_2020, HEALTH_RULES

FIRST = date(2026, 11, 30)
SOURCE = "  source: a test\n  confidence: certain\n"


def amended_rules(first: date = date(2026, 1, 1), sites: str = "") -> SituationRules:
    """Return the shipped rules, with a row of three positives and 72 hours from a day on."""
    ends, where = ("", f"  sites: [{sites}]\n") if sites else ("  ends: MA-COVID-CLOSE\n", "")
    return load_rules_with(
        [
            f"- id: THREE\n  kind: closure\n  from: {first}\n{ends}{where}{SOURCE}"
            "  parameters: {n: 3, days: 14, hours: 72}\n"
        ],
        chosen=[HEALTH_2020],
    )


def under(rules: SituationRules) -> CrashTest:
    """Return the rough test under some rules, with nothing but the outbreak."""
    test = build_test(hazards=())
    sites = [test.operator.site[name] for name in test.scenario.population.sites]
    return replace(test, controls=build_controls(rules, sites, test.first_day, DAYS))


def live_order(operator: Operator, rules: SituationRules, site: str, days: list[int]) -> tuple[int, timedelta] | None:
    """Return the day on which the live rules first close a site with cases on some days, and for
    how long at least."""
    events: list[CaseDeclared] = []
    for number, day in enumerate(days):
        now = datetime.combine(FIRST + timedelta(days=day), time(8), UTC) + timedelta(seconds=number)
        events.append(
            CaseDeclared(
                id=f"case-{number}",
                happened_at=now,
                recorded_at=now,
                actor="test",
                site=site,
                status="declared_case",
                agent=f"agent-{number}",
            )
        )
        for event in derive_events(fold_events(events), operator, rules, now):
            if isinstance(event, SiteClosed) and event.earliest_reopening is not None:
                return day, event.earliest_reopening - now
    return None


def test_the_shipped_row_is_the_policy_of_every_site_and_day() -> None:
    operator, _ = plan_operator()
    found = build_closure_calendar(HEALTH_RULES, operator.sites, FIRST, 10)
    (policy,) = found.policies
    rule = HEALTH_RULES.one(ClosureRule, FIRST)
    assert rule is not None
    assert (policy.cases, policy.within_days, policy.hours) == (rule.n, rule.days, rule.hours)
    assert (policy.further_case_hours, policy.earlier_cases_count) == (0, True)
    assert found.number.shape == (len(operator.sites), 10)
    assert (found.number == 0).all()


@pytest.mark.parametrize(("rules", "hours"), [(HEALTH_RULES, 48), (amended_rules(), 72)], ids=["shipped", "amended"])
def test_a_site_closes_on_the_day_and_for_the_hours_that_the_live_rules_order(
    rules: SituationRules, hours: int
) -> None:
    test, orders = under(rules), 0
    assert test.first_day == FIRST
    sites = test.scenario.population.sites
    found = simulate(test.scenario, test.controls, replications=12, seed=3, detail=Detail(closed=True))
    for at in range(12):
        cases = Plain(test.scenario, test.controls, 3, at).run().cases
        for number, site in enumerate(sites):
            shut = found.closed[at, :, number].nonzero()[0].tolist()
            order = live_order(test.operator, rules, site, cases[number])
            assert (shut[0] if shut else None) == (order[0] if order else None)
            if order is not None:
                orders += 1
                assert order[1] == timedelta(hours=hours)
                closed = range(order[0], min(order[0] + hours // 24, DAYS))
                assert set(closed) <= set(shut)
    assert orders > 5


def test_under_three_positives_and_72_hours_fewer_orders_close_sites_for_longer() -> None:
    shipped, amended = run_test(under(HEALTH_RULES)), run_test(under(amended_rules()))
    orders = {"shipped": shipped.closures.sum(), "amended": amended.closures.sum()}
    assert 0 < orders["amended"] < orders["shipped"]
    hours = {
        name: found.lost[:, :, 1].sum() / 2 / orders[name]
        for name, found in (("shipped", shipped), ("amended", amended))
    }
    assert 48 <= hours["shipped"] < 72 < hours["amended"]
    assert (shipped.programme != amended.programme).any(), "calls are lost on other days"


def test_a_rule_amended_during_the_quarter_holds_from_its_day() -> None:
    operator, _ = plan_operator()
    found = build_closure_calendar(amended_rules(FIRST + timedelta(days=4)), operator.sites, FIRST, 9)
    cases = [found.policies[number].cases for number in found.number[0]]
    assert cases == [2] * 4 + [3] * 5
    assert (found.number == found.number[0]).all()


def test_a_row_of_one_site_holds_there_and_the_general_one_elsewhere() -> None:
    operator, _ = plan_operator()
    rules = amended_rules(sites=operator.sites[1].id)
    found = build_closure_calendar(rules, operator.sites, FIRST, 3)
    cases = [found.policies[row[0]].cases for row in found.number]
    assert cases == [2, 3] + [2] * (len(operator.sites) - 2)
    assert list_closure_rules(rules, operator.sites, FIRST, 3) == ("MA-COVID-CLOSE", "THREE")


def test_days_before_the_first_row_and_an_ended_row_have_no_policy() -> None:
    operator, _ = plan_operator()
    early = build_closure_calendar(HEALTH_RULES, operator.sites, date(2020, 3, 18), 4)
    assert early.number[0].tolist() == [-1, -1, 0, 0]
    ended = load_rules_with(
        [f"- id: STOP\n  kind: end\n  from: 2026-12-02\n  ends: MA-COVID-CLOSE\n{SOURCE}"], chosen=[HEALTH_2020]
    )
    assert build_closure_calendar(ended, operator.sites, FIRST, 3).number[0].tolist() == [0, 0, -1]


def test_two_closure_rows_in_force_at_once_are_refused_with_their_ids() -> None:
    operator, _ = plan_operator()
    both = load_rules_with(
        [f"- id: ALSO\n  kind: closure\n  from: 2026-12-01\n{SOURCE}  parameters: {{n: 5}}\n"], chosen=[HEALTH_2020]
    )
    with pytest.raises(CrashTestError, match=r"got ALSO, MA-COVID-CLOSE at .* on 2026-12-01: end"):
        build_closure_calendar(both, operator.sites, FIRST, 3)


def test_a_confirmed_agent_is_away_for_the_days_of_the_absence_row() -> None:
    operator, _ = plan_operator()
    row = HEALTH_RULES.one(AbsenceRule, FIRST)
    assert row is not None
    shorter = load_rules_with(
        [f"- id: FIVE\n  kind: absence\n  from: 2026-12-01\n  ends: ABSENCE\n{SOURCE}  parameters: {{case_days: 5}}\n"],
        chosen=[HEALTH_2020],
    )
    found = build_controls(shorter, operator.sites, FIRST, 3)
    table = found.isolation_table(len(operator.sites), 3)
    assert table[0].tolist() == [row.case_days, 5, 5]
