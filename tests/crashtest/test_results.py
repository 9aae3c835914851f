"""What a result says: what causes cost, intervals, what becomes of calls, more people at home, the coming days."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from scipy.stats import beta

from releve.demand import metrics
from releve.network import HOME, day_bounds
from releve.plan import Placement, Plan
from releve.plan.problem import Eligibility
from releve.plan.result import PlannedKits
from releve.plugins.crashtest.engine import ablation, comparison
from releve.plugins.crashtest.engine.call_outcomes import build_queue_table, serve
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME, Demand, Work
from releve.plugins.crashtest.engine.outages.hazard import load_shipped_hazards
from releve.plugins.crashtest.engine.outbreak import Controls, Detail, Estimate, Scenario, simulate
from releve.plugins.crashtest.engine.plan_arrays import read_plan_settings
from releve.plugins.crashtest.engine.policies import POLICIES, apply_policies, name_case, replay_worst
from releve.plugins.crashtest.engine.result import (
    build_result,
    list_cause_losses,
    list_site_causes,
    name_cause,
    result_from_json,
    result_to_json,
)
from releve.plugins.crashtest.engine.run import Quarters, Runner, run
from releve.plugins.crashtest.engine.run_arrays import (
    CrashTest,
    RunArrays,
    build_run_arrays,
    list_home_agents,
    send_home,
)
from releve.plugins.crashtest.engine.settings import Settings
from releve.situation import CaseDeclared, SiteClosed, Situation, fold_events
from tests.crashtest.rough_quarter import CONTROLS, DAYS, HAZARDS, PARTS, build_test, plan_operator
from tests.desk_crashtest.conftest import REMOVED
from tests.desk_crashtest.conftest import build_result as conftest_build_result

RESULT = conftest_build_result("as-given", 20)


def french(text: str) -> str:
    """Stand for the catalogue."""
    return text.upper()


def test_without_reruns_a_cause_costs_its_share() -> None:
    rows = list_cause_losses(RESULT)
    assert [row.cause for row in rows] == ["closure", "power", "carrier"]
    assert {row.shared for row in rows} == {None}
    assert rows[0].by_client == {"azur": 500.0, "rive": 100.0}
    assert rows[0].top == 640


def test_rerun_a_cause_costs_what_a_quarter_loses_less_and_its_share_stands_beside() -> None:
    outbreak, carrier, rule = list_cause_losses(replace(RESULT, removed=REMOVED))
    assert (outbreak.lost.value, outbreak.shared) == (700, 600)
    assert (carrier.lost.value, carrier.shared) == (3, 10)
    assert (rule.cause, rule.spared.value, rule.spared.low) == ("rule", 40, 30)


def test_home_lines_take_no_site() -> None:
    assert list_site_causes(RESULT) == ["closure", "power"]


def test_every_shipped_hazard_has_its_names_in_both_languages() -> None:
    for hazard in load_shipped_hazards():
        named = name_cause(hazard.id)
        assert named == hazard.name
        assert named.translate_with(french, "fr") == hazard.name_fr


def test_a_hazard_of_the_operators_own_is_called_as_its_table_does() -> None:
    assert name_cause("storm", "Storm").translate_with(french, "fr") == "Storm"
    assert name_cause("storm") == "storm"
    assert name_cause("illness").translate_with(french, "fr") == ("AGENTS AWAY, ILL OR IN QUARANTINE")


def test_a_case_is_called_by_its_policy_and_says_that_its_plan_is_the_other() -> None:
    assert {name_case(name) for name in POLICIES} == {row.text for row in POLICIES.values()}
    assert name_case("masks, plan b") == "masks that stop 30% of attempts, with the other plan"
    assert name_case("gone") == "gone"


@pytest.mark.parametrize(("breaks", "status"), [(0.049, "held"), (0.05, "thin"), (0.499, "thin"), (0.5, "missed")])
def test_a_client_stands_by_how_often_its_target_breaks(breaks: float, status: str) -> None:
    client = replace(RESULT.clients[0], breaks_target=Estimate(breaks, breaks, breaks))
    assert client.status == status


def test_outbreaks_with_little_between_small_and_large_are_of_two_kinds() -> None:
    outbreak = RESULT.outbreak
    assert (outbreak.small, outbreak.between, outbreak.large) == (0.75, 0.0, 0.25)
    assert outbreak.of_two_kinds
    assert not replace(outbreak, sizes=(1,) * 101).of_two_kinds
    assert not replace(outbreak, sizes=(0,) * 101).of_two_kinds


COUNT = 12
LOST = PROGRAMME.index("lost")


def build_case() -> CrashTest:
    return build_test(settings=Settings(quarters=COUNT, days=DAYS, seed=3, nearest=True))


@cache
def rerun_case() -> tuple[RunArrays, Quarters, ablation.Ablation]:
    ready = build_run_arrays(build_case())
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    return ready, rows, ablation.rerun_ablated(ready, runner, 0, ablation.select_lost_calls(rows))


def count_lost_calls(other: CrashTest) -> np.ndarray:
    """The calls lost by client of a test that is run from nothing."""
    ready = build_run_arrays(other)
    programme = Runner(ready).run(0, COUNT).programme[:, :, LOST]
    found = np.zeros((COUNT, int(ready.demand.client.max()) + 1))
    np.add.at(found.T, ready.demand.client, programme.T)
    return found


def test_a_hazard_costs_what_a_test_without_it_loses_less() -> None:
    ready, _, found = rerun_case()
    assert ablation.list_removable_causes(ready) == ("outbreak", "closure", "power", "carrier")
    whole = count_lost_calls(build_case())
    for hazard in HAZARDS:
        at = ablation.list_removable_causes(ready).index(hazard.id)
        others = tuple(row for row in HAZARDS if row is not hazard)
        wanted = whole - count_lost_calls(replace(build_case(), hazards=others))
        assert np.allclose(found.calls[:, at], wanted, rtol=0, atol=1e-9)
        assert np.abs(wanted).max() > 1, "it cost something"


def test_the_outbreak_costs_what_a_test_without_infections_loses_less() -> None:
    _, _, found = rerun_case()
    quiet = replace(build_case(), scenario=replace(build_case().scenario, importation=None))
    assert np.allclose(found.calls[:, 0], count_lost_calls(build_case()) - count_lost_calls(quiet), rtol=0, atol=1e-9)
    assert found.calls[:, 0].max() > 1


def test_the_rule_costs_what_the_outbreak_does_not_cost_without_it() -> None:
    _, _, found = rerun_case()
    free = replace(build_case(), controls=replace(build_case().controls, closure=None))
    assert np.allclose(found.calls[:, 1], count_lost_calls(build_case()) - count_lost_calls(free), rtol=0, atol=1e-9)
    assert "closure" not in ablation.list_removable_causes(build_run_arrays(free))


def test_the_penalty_is_that_of_the_calls() -> None:
    ready, _, found = rerun_case()
    calm = replace(build_case(), hazards=(HAZARDS[1],))
    one, other = (
        Runner(build_run_arrays(test)).run(0, COUNT).programme[:, :, LOST] @ ready.demand.penalty
        for test in (build_case(), calm)
    )
    at = ablation.list_removable_causes(ready).index("power")
    assert np.allclose(found.penalty[:, at], one - other, rtol=0, atol=1e-9)


def test_a_cause_that_does_nothing_in_a_quarter_changes_no_bit_of_it() -> None:
    rare = replace(HAZARDS[0], rate_per_year=0.3)
    other = replace(build_case(), hazards=(rare,))
    ready = build_run_arrays(other)
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    found = ablation.rerun_ablated(ready, runner, 0, ablation.select_lost_calls(rows))
    struck = rows.lost[:, :, 2].any(axis=1)
    at = ablation.list_removable_causes(ready).index("power")
    assert 0 < struck.sum() < COUNT
    assert not found.changed[~struck, at].any()
    assert not found.calls[~struck, at].any()


def test_a_site_that_was_shut_before_stays_shut_without_the_outbreak() -> None:
    shut = replace(build_case(), scenario=replace(build_case().scenario, shut=((0, 5),), importation=None))
    ready = build_run_arrays(shut)
    runner = Runner(ready)
    found = ablation.rerun_ablated(ready, runner, 0, ablation.select_lost_calls(runner.run(0, 2)))
    assert not found.calls[:, 0].any()


def test_parts_change_no_bit() -> None:
    ready, _, whole = rerun_case()
    parts = []
    for first, count in ((5, 7), (0, 5)):
        runner = Runner(ready)
        parts.append(ablation.rerun_ablated(ready, runner, first, ablation.select_lost_calls(runner.run(first, count))))
    again = ablation.join_ablations(parts)
    assert np.array_equal(again.calls, whole.calls)
    assert np.array_equal(again.penalty, whole.penalty)
    assert np.array_equal(again.changed, whole.changed)
    with pytest.raises(ValueError, match="the next part begins at 5"):
        ablation.join_ablations([parts[1], parts[1]])


def test_the_result_ranks_the_causes_and_survives_its_text() -> None:
    ready, rows, found = rerun_case()
    result = build_result(build_case(), ready, rows, without=found)
    values = [row.lost.value for row in result.removed]
    assert values == sorted(values, reverse=True)
    assert result.removed_quarters == COUNT
    for row in result.removed:
        assert row.lost.low <= row.lost.value <= row.lost.high
        by_client = sum(one.value for one in row.lost_by_client.values())
        assert by_client == pytest.approx(row.lost.value)
    assert result_from_json(result_to_json(result)) == result
    spread = result.day_spreads[0]
    assert (spread.busyness, spread.quarter, spread.week, spread.client) == (0.15, PARTS.span, PARTS.week, PARTS.client)
    plain = build_result(build_case(), ready, rows)
    assert (plain.removed, plain.removed_quarters) == ((), 0)


@pytest.mark.parametrize("n", [2, 40, 1000])
def test_the_chance_of_what_was_never_seen_is_that_of_clopper_and_pearson(n: int) -> None:
    assert ablation.bound_unseen(n) == pytest.approx(beta.ppf(0.975, 1, n))
    assert n < 1000 or ablation.bound_unseen(n) == pytest.approx(3.69 / n, rel=0.01)


def test_a_mean_of_nothing_ends_where_a_quarter_could_end_times_that_chance() -> None:
    nothing = np.zeros(100)
    found = ablation.estimate_mean(nothing, most=50.0)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 50.0 * ablation.bound_unseen(100))
    either = ablation.estimate_mean(nothing, most=2.0, least=-2.0)
    assert either.low == -either.high == -2.0 * ablation.bound_unseen(100)
    assert ablation.estimate_mean(nothing).high == 0.0


def test_a_share_of_all_and_of_none_has_an_interval_too() -> None:
    offered = np.full(200, 7.0)
    every, none = ablation.estimate_ratio(offered, offered), ablation.estimate_ratio(0 * offered, offered)
    assert (every.value, every.low, every.high) == (1.0, 1.0 - ablation.bound_unseen(200), 1.0)
    assert (none.value, none.low, none.high) == (0.0, 0.0, ablation.bound_unseen(200))


def test_bounds_do_not_touch_what_was_seen() -> None:
    values = np.array([0.0, 0.0, 3.0, 1.0])
    assert ablation.estimate_mean(values, most=9.0, least=-9.0) == ablation.estimate_mean(values)


def test_no_quarter_without_a_disaster_says_that_there_are_none() -> None:
    """No illness from outside, no hazard, no closure: what is at zero still has an upper end."""
    test = build_test(hazards=(), controls=Controls())
    scenario = replace(test.scenario, importation=0.0 * np.asarray(test.scenario.importation))
    test = replace(test, scenario=scenario)
    ready = build_run_arrays(test)
    rows = run(ready, count=20)
    found = build_result(test, ready, rows)
    chance = ablation.bound_unseen(20)
    for site in found.sites:
        assert (site.closures.value, site.closures.high) == (0.0, chance)
        assert (site.days_lost.value, site.days_lost.high) == (0.0, DAYS * chance)
    agents = len(test.operator.agents)
    assert found.outbreak.infected.high == pytest.approx(agents * chance)
    for client in found.clients:
        assert client.lost_to_disasters.value == 0.0
        assert client.lost_to_disasters.high > 0.0
    both = comparison.Case("one", test, ready, rows)
    same = comparison.compare(both, both)
    assert same.lost.low == -same.lost.high < 0.0 == same.lost.value
    assert same.clients[0].breaks_target.high == chance


def test_a_difference_read_back_is_the_same_where_its_interval_is_not_known() -> None:
    unknown = Estimate(3.0, -np.inf, np.inf)
    client = comparison.ClientDifference("azur", unknown, Estimate(5.0, 4.0, 6.0), unknown)
    found = comparison.Difference("no-rule", "as-given", unknown, client.penalty, unknown, unknown, np.inf, (client,))
    written = json.dumps(comparison.encode_difference(found), allow_nan=False)
    assert comparison.decode_difference(json.loads(written)) == found


def test_the_simulator_agrees_with_the_formula_on_the_worst_days_within_some_points() -> None:
    test = build_test()
    ready = build_run_arrays(test)
    rows = run(ready)
    found = replay_worst(test, ready, rows, days=2, replications=20)
    assert len(found) == 2 * rows.worst.shape[1]
    for row in found:
        assert 0.0 < row.simulated.low <= row.simulated.value <= row.simulated.high < 1.0
        assert row.simulated.value == pytest.approx(row.formula, abs=0.05)
    assert found[0].formula == pytest.approx(rows.worst[found[0].replication, 0], abs=0.02)


T = 48


def build_demand(kind: int, calls: np.ndarray, aht_s: float, **other: object) -> Demand:  # type: ignore[type-arg]
    """Return one programme, all of whose agents are on the phone."""
    patience = float(other.pop("patience_s", 120.0))  # type: ignore[arg-type]
    table = build_queue_table(aht_s, patience, 20.0)
    row = Demand(
        calls=calls.reshape(1, 1, T),
        log_load=np.log(np.maximum(calls * aht_s / 1800.0, 1e-12)).reshape(1, 1, T),
        open=(calls > 0).reshape(1, 1, T),
        pace=np.full((1, 1, T), 1800.0 / aht_s),
        kind=np.array([kind], dtype=np.int32),
        available=np.ones(1),
        patience=np.array([patience / 1800.0]),
        occupancy=np.ones(1),
        deadline=np.array([1]),
        least=np.array([0.9]),
        client=np.zeros(1, dtype=np.int32),
        penalty=np.ones(1),
        key=np.zeros(1, dtype=np.uint64),
        busy=np.ones((1, 1)),
        table=table[None],
        part_weight=np.zeros((1, 6)),
        client_key=np.zeros(1, dtype=np.uint64),
    )
    return row._replace(**other)


def serve_days(demand: Demand, agents: np.ndarray, days: int = 1, factor: float = 1.0) -> np.ndarray:  # type: ignore[type-arg]
    """Return offered, lost, within, short of each day."""
    work = Work(
        shift=np.zeros(1), base=np.zeros((1, 1, T)), share=np.ones(1), people=np.zeros(1),
        placed=np.zeros((1, T)), queue=np.zeros((2, 1)), come=np.zeros((2, 1, T * days)),
        opened=np.zeros((2, 1), dtype=np.int64), done=np.zeros((2, 1)), out=np.zeros((2, 1, 4)),
        day=np.zeros((1, 4)), factor=np.ones((days, 1)), shared=np.zeros((1, 0)),
    )  # fmt: skip
    found = []
    for _ in range(days):
        serve(demand, work, agents.reshape(1, T), 0, 0, 0, factor)
        found.append(work.out[0, 0].copy())
    return np.array(found)


@pytest.mark.parametrize("patience_s", [60.0, 300.0])
@pytest.mark.parametrize("load", [0.7, 5.0, 20.0, 100.0, 400.0])
def test_a_steady_day_is_that_of_exact_erlang_a(load: float, patience_s: float) -> None:
    calls = np.full(T, load * 1800.0 / 300.0)
    demand = build_demand(0, calls, 300.0, patience_s=patience_s)
    # Between nodes of the table, below one Erlang, where a single agent more is a kink: 2 points.
    fine = 0.004 if load > 1 else 0.02
    for factor in (0.8, 1.0, 1.2):
        for agents in np.unique(np.round(load * np.array([0.5, 0.8, 0.95, 1.0, 1.1, 1.4]) + 1)):
            exact = metrics(load * factor, 300.0, 300.0, patience_s, agents, 20.0)
            offered, lost, within, short = serve_days(demand, np.full(T, agents), factor=factor)[0]
            assert offered == pytest.approx(calls.sum() * factor)
            # The first half hour fills the line: a patience's worth of what one would lose.
            filling = patience_s / 1800.0 / T
            assert lost / offered == pytest.approx(exact.p_abandon, abs=fine + filling)
            assert within / offered == pytest.approx(exact.service_offered, abs=3 * fine)
            hung_up = exact.service_with_short - exact.service_offered
            assert short / offered == pytest.approx(hung_up, abs=2 * fine)


def test_callers_who_wait_when_agents_come_back_are_answered_or_hang_up() -> None:
    calls = np.zeros(T)
    calls[:3] = 60.0
    agents = np.array([0.0, 40.0, 40.0] + [0.0] * 45)
    demand = build_demand(0, calls, 300.0, patience_s=600.0)
    _, lost, within, _ = serve_days(demand, agents)[0]
    unanswered = 60.0 - 60.0 * (600 / 1800) * (1 - np.exp(-3.0))  # still waiting after the first
    assert unanswered < lost < 60.0, "some of those who wait are answered by the agents who come"
    assert 100.0 < within < 120.0
    assert serve_days(demand, np.zeros(T))[0][1] == pytest.approx(180.0), "without agents all are lost"


def test_where_nobody_hangs_up_the_line_waits_until_closing_time() -> None:
    calls = np.zeros(T)
    calls[:4] = 30.0
    demand = build_demand(0, calls, 300.0, patience_s=float("inf"))
    agents = np.zeros(T)
    agents[:4] = [0.0, 10.0, 10.0, 10.0]
    offered, lost, _, _ = serve_days(demand, agents)[0]
    assert offered == pytest.approx(120.0)
    assert lost == pytest.approx(0.0), "three half hours of 60 calls catch up with all of it"
    agents[2:4] = 0.0
    assert serve_days(demand, agents)[0][1] == pytest.approx(60.0)


def test_contacts_not_dialled_are_dialled_later_that_day() -> None:
    calls = np.zeros(T)
    calls[10:14] = 12.0
    demand = build_demand(1, calls, 600.0)
    agents = np.zeros(T)
    agents[10:14] = [0.0, 8.0, 8.0, 0.0]
    offered, lost, _, _ = serve_days(demand, agents)[0]
    assert (offered, lost) == (pytest.approx(48.0), pytest.approx(12.0))


def test_work_waits_its_turn_and_is_lost_at_its_deadline() -> None:
    calls = np.zeros(T)
    calls[:4] = 6.0
    demand = build_demand(2, calls, 1800.0, deadline=np.array([2]))
    agents = np.zeros(T)
    agents[:4] = [0.0, 6.0, 12.0, 0.0]
    # The first 6 are due in the second half hour and done; the last 6 wait for the next day's
    # first half hour, without agents: lost then.
    days = serve_days(demand, agents, days=2)
    assert days[0].tolist() == [24.0, 0.0, 0.0, 0.0]
    assert days[1].tolist() == [24.0, 6.0, 0.0, 0.0]
    longer = demand._replace(deadline=np.array([3]))
    assert serve_days(longer, agents, days=2)[:, 1].tolist() == [0.0, 0.0]


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


def test_of_agents_who_share_kits_those_alone_go_home_who_hold_one() -> None:
    operator, plan = plan_operator()
    holders = tuple(sorted(list_home_agents(send_more_home()))[::2])
    shared = replace(
        operator, agents=tuple(replace(row, home_ready=False, home_kit=row.home_ready) for row in operator.agents)
    )
    site = operator.sites[0].id
    plan = replace(plan, kits=(PlannedKits(site, len(holders), len(operator.agents), holders),))
    found = send_home(shared, plan, set(operator.agent))
    before = set(list_home_agents(plan))
    assert set(list_home_agents(found)) - before <= set(holders)
    assert set(list_home_agents(found)) > before


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


def declare_case(agent: str, site: str, at: datetime) -> CaseDeclared:
    return CaseDeclared(
        id=f"e-{agent}", happened_at=at, recorded_at=at, actor="nurse", site=site, status="declared_case", agent=agent
    )


def look_ahead(situation: Situation, plan: Plan) -> Scenario:
    """Return fourteen days from the planned day on, hardly anybody infected outside."""
    scenario = build_test().scenario
    quiet = replace(scenario, days=14, importation=np.full((4, 14), 1e-5))
    return comparison.start_from_situation(quiet, situation, plan.day, plan.time_zone)


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
