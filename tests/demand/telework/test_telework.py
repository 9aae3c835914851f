"""From records to effects, the rule and verdicts, beside dense least squares; rotas drawn by lot."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from releve.network import Operator
from releve.plugins.telework.engine import clusters, placebo
from releve.plugins.telework.engine.estimate import ProgrammeEffect, estimate_effects
from releve.plugins.telework.engine.panel import (
    FixedEffects,
    Panel,
    RecordFaults,
    find_largest_component,
    keep_comparable,
    read_work_records,
)
from releve.plugins.telework.engine.rota import (
    RotaDraw,
    RotaError,
    RotaProtocol,
    commit_to_rota,
    derive_rota_seed,
    draw_rota,
    parse_draw,
)
from releve.plugins.telework.engine.verdicts import FORMAT, EffectStep, judge_programmes
from tests.demand.telework.panels import MONDAY, Design, draw_panel, true_effect, write_records

HEAD = "agent,day,programme,place,paid_min,available_min,handled,handle_s,quality,repeats"
GOOD = "a1,2026-03-02,hotline,site,2100,2000,200,60000,,"


def test_records_give_the_effect_of_the_panel_that_they_are_written_from() -> None:
    panel = draw_panel(Design(), 3)
    report = estimate_effects(read_work_records("records.csv", write_records(panel)))
    (found,) = report.programmes
    assert found.refusal is None
    assert found.effect is not None
    assert found.effect.effect == pytest.approx(placebo.estimate_by_imputation(panel).effect, abs=1e-9)
    assert found.design == "compared"
    assert found.movers == panel.count_movers()


def test_what_cannot_be_compared_is_counted_by_its_reason() -> None:
    text = write_records(draw_panel(Design(), 3)).decode()
    idle = "a0001,2020-01-06,hotline,site,2100,2000,0,0,,"
    away = [f"gone,2026-03-{day:02},hotline,home,2100,2000,9,900,," for day in (2, 9)]
    text += "\n".join([idle, *away, GOOD.replace("site", "home").replace("a1,2026-03-02", "a0000,2019-01-07")])
    (found,) = estimate_effects(read_work_records("records.csv", text.encode())).programmes
    assert (found.left_out.without_contacts, found.left_out.never_on_site) == (1, 2)
    assert (found.left_out.empty_site, found.left_out.apart) == (1, 0)


def test_a_handling_time_of_the_programme_teaches_nothing_of_its_agents() -> None:
    panel = draw_panel(Design(), 3)
    shared = replace(panel, outcome=np.where(panel.period % 2, 0.1, 0.2))
    (found,) = estimate_effects(read_work_records("r.csv", write_records(shared))).programmes
    assert "the same handling time" in str(found.refusal)


def test_a_programme_that_loses_work_at_home_is_not_named_right_for_home() -> None:
    good = write_records(draw_panel(Design(effect=0.05, noise=0.02), 1), "good")
    bad = write_records(draw_panel(Design(effect=-0.15, noise=0.02), 2), "bad")
    joined = good + b"\n".join(bad.splitlines()[1:]) + b"\n"
    report = estimate_effects(read_work_records("records.csv", joined))
    named = {one.programme: one.right_for_home for one in report.programmes}
    assert named == {"bad": False, "good": True}


def test_a_fall_in_quality_stops_the_rule() -> None:
    panel = draw_panel(Design(effect=0.05, noise=0.02), 1)
    head, *rows = write_records(panel).decode().splitlines()
    draws = np.random.Generator(np.random.Philox(5))
    rows = [f"{row[:-2]},{(70 if ',home,' in row else 80) + draws.normal():.3f}," for row in rows]
    text = "\n".join([head, *rows]).encode()
    (found,) = estimate_effects(read_work_records("records.csv", text)).programmes
    assert found.quality is not None
    assert found.quality.effect < -8
    assert not found.right_for_home


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (Design(never=0.0, all_at=12), "everyone did"),
        (Design(agents=12), "12 agents: at least 20"),
        (Design(never=0.97), "at least 5 are needed"),
        (Design(never=1.0), "everyone works on site"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_its_reason(design: Design, reason: str) -> None:
    records = read_work_records("records.csv", write_records(draw_panel(design, 4, whole=True)))
    (found,) = estimate_effects(records).programmes
    assert found.refusal is not None
    assert reason in str(found.refusal)
    assert found.posterior is None
    assert found.design == "assumed"
    assert not found.right_for_home


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (GOOD.replace("site", "office"), "place", "not known"),
        (GOOD.replace("2026-03-02", "02/03/2026"), "day", "not a date"),
        (GOOD.replace("2000", "2200"), "available_min", "more minutes available than paid"),
        (GOOD.replace("60000", "0"), "handle_s", "in no time"),
        (GOOD.replace("60000", "600000"), "handle_s", "longer than the minutes available"),
        (GOOD.replace("200,6", "-1,6"), "handled", "not a number"),
        (GOOD.replace("a1", ""), "agent", "empty"),
    ],
)
def test_each_faulty_cell_is_named_with_its_row(row: str, column: str, reason: str) -> None:
    text = "\n".join([HEAD, GOOD.replace("a1", "a0"), row]).encode()
    with pytest.raises(RecordFaults) as raised:
        read_work_records("records.csv", text)
    (fault,) = raised.value.faults
    assert (fault.row, fault.column) == (3, column)
    assert reason in fault.reason


def test_a_week_as_six_digits_is_its_monday_and_a_month_is_refused() -> None:
    weeks = [GOOD.replace("2026-03-02", week) for week in ("201049", "201052", "201101")]
    records = read_work_records("records.csv", "\n".join([HEAD, *weeks]).encode())
    mondays = [str(np.datetime64(int(day), "D")) for day in records.day]
    assert mondays == ["2010-12-06", "2010-12-27", "2011-01-03"]
    for bad in (["201054", "201049"], ["201001", "201012"]):
        rows = [GOOD.replace("2026-03-02", week) for week in bad]
        with pytest.raises(RecordFaults, match="not a date"):
            read_work_records("records.csv", "\n".join([HEAD, *rows]).encode())


def test_overlapping_records_and_unknown_columns_are_refused() -> None:
    with pytest.raises(RecordFaults, match="a second record of this agent"):
        read_work_records("records.csv", "\n".join([HEAD, GOOD, GOOD]).encode())
    with pytest.raises(RecordFaults, match="handle_s"):
        read_work_records("records.csv", f"{HEAD.replace('handle_s', 'handles')}\n{GOOD}".encode())


def test_a_programme_that_knows_little_borrows_from_the_others() -> None:
    sure = [placebo.EffectEstimate(effect, 0.005) for effect in (0.0, 0.02, 0.04, 0.06)]
    *known, unsure = placebo.shrink_effects([*sure, placebo.EffectEstimate(0.2, 0.2)])
    assert all(abs(one.mean - two.effect) < 0.002 for one, two in zip(known, sure, strict=True))
    assert abs(unsure.mean - 0.03) < 0.02
    assert unsure.error < 0.1
    (alone,) = placebo.shrink_effects([placebo.EffectEstimate(0.5, 0.2)])
    assert alone == placebo.Posterior(0.5, 0.2)


TEAMS = Design(agents=120, teams=12, team_shock=0.04, by_team=True, attrition=0.2)


def cover(design: Design, seeds: range) -> tuple[int, int]:
    """Return how many intervals hold the truth, and how many would by the errors of agents."""
    by_level, by_agent = 0, 0
    for seed in seeds:
        panel = clusters.choose_clusters(draw_panel(design, seed))
        found = clusters.estimate_in_clusters(
            panel, placebo.estimate_by_imputation, lambda part: keep_comparable(part)[0]
        )
        alone = placebo.estimate_by_imputation(panel.without_teams())
        by_level += abs(found.effect - design.effect) <= 1.96 * found.error
        by_agent += abs(alone.effect - design.effect) <= 1.96 * alone.error
    return by_level, by_agent


def test_intervals_hold_where_whole_teams_move_and_share_shocks() -> None:
    by_team, by_agent = cover(TEAMS, range(20))
    assert by_team >= 18
    assert by_agent < 17, "agents counted alone: the fault"


def test_agents_who_move_on_their_own_are_counted_alone_in_any_team() -> None:
    alone = clusters.choose_clusters(draw_panel(replace(TEAMS, by_team=False), 3))
    assert alone.team is None
    assert clusters.choose_clusters(draw_panel(TEAMS, 3)).team is not None


def test_few_teams_that_move_whole_are_refused() -> None:
    design = replace(TEAMS, teams=6)
    found = estimate(write_records(draw_panel(design, 1)), None)
    assert "whole teams move together, and 4 worked both" in str(found.refusal)
    (twelve,) = estimate_effects(read_work_records("r.csv", write_records(draw_panel(TEAMS, 1)))).programmes
    assert twelve.refusal is None
    assert twelve.teams


def _dense(panel: Panel) -> np.ndarray:
    """The dummies of agents and of periods but the first."""
    return np.hstack(
        [
            np.equal.outer(panel.agent, np.arange(panel.agents)),
            np.equal.outer(panel.period, np.arange(1, panel.periods)),
        ]
    ).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_both_estimators_equal_dense_least_squares(seed: int) -> None:
    panel = draw_panel(Design(agents=30, weeks=15, returns=seed), seed)
    dummies, home = _dense(panel), panel.at_home
    site = dummies[~home]
    fitted, *_ = np.linalg.lstsq(site, panel.outcome[~home], rcond=None)
    gain = (panel.outcome - dummies @ fitted)[home].mean()
    assert placebo.estimate_by_imputation(panel).effect == pytest.approx(gain, abs=1e-10)
    both = np.column_stack([home, dummies])
    coefficients, *_ = np.linalg.lstsq(both, panel.outcome, rcond=None)
    found = placebo.estimate_by_dummy(panel)
    assert found.effect == pytest.approx(coefficients[0], abs=1e-10)
    # Clustered by agent, from the whole design: the definition, not the partialled form.
    residual = panel.outcome - both @ coefficients
    bread = np.linalg.pinv(both.T @ both)
    scores = np.array([both[panel.agent == one].T @ residual[panel.agent == one] for one in range(panel.agents)])
    variance = (bread @ (scores.T @ scores) @ bread)[0, 0]
    rows, groups = len(home), panel.agents
    small = groups / (groups - 1) * (rows - 1) / (rows - panel.periods - 1)
    assert found.error == pytest.approx(np.sqrt(small * variance), rel=1e-8)


def test_the_effects_add_up_over_the_steps() -> None:
    panel = draw_panel(Design(growth=0.003), 1)
    steps = placebo.list_horizons(panel)
    rows = np.array([one.rows for one in steps])
    whole = rows @ np.array([one.effect for one in steps]) / rows.sum()
    assert placebo.estimate_by_imputation(panel).effect == pytest.approx(whole)
    assert rows.sum() == panel.at_home.sum()


def test_where_effects_grow_and_all_move_the_dummy_has_the_wrong_sign() -> None:
    design = Design(agents=200, never=0.0, effect=-0.01, growth=0.004)
    found = [draw_panel(design, seed) for seed in range(20)]
    truth = np.mean([true_effect(design, panel) for panel in found])
    by_dummy = np.mean([placebo.estimate_by_dummy(panel).effect for panel in found])
    imputed = np.array([placebo.estimate_by_imputation(panel).effect for panel in found])
    assert abs(imputed.mean() - truth) < 3 * imputed.std() / np.sqrt(len(found))
    assert by_dummy < 0 < truth


def test_weaker_agents_at_home_bias_the_plain_difference_alone() -> None:
    design = Design(agents=200, selection=1.0)
    found = [draw_panel(design, seed) for seed in range(20)]
    plain = [p.outcome[p.at_home].mean() - p.outcome[~p.at_home].mean() for p in found]
    imputed = np.array([placebo.estimate_by_imputation(panel).effect for panel in found])
    assert np.mean(plain) < 0 < design.effect
    assert abs(imputed.mean() - design.effect) < 3 * imputed.std() / np.sqrt(len(found))


@pytest.mark.slow
@pytest.mark.parametrize("design", [Design(growth=0.001), Design(agents=40), Design(never=0.2)])
def test_the_intervals_cover_the_truth(design: Design) -> None:
    panels = [draw_panel(design, seed) for seed in range(100)]
    inside = 0
    for panel in panels:
        found = placebo.estimate_by_imputation(panel)
        inside += abs(found.effect - true_effect(design, panel)) <= 1.96 * found.error
    assert 90 <= inside <= 97


def test_a_drift_before_the_move_is_seen_and_priced() -> None:
    quiet = [placebo.compute_placebo(draw_panel(Design(), seed)).chance for seed in range(40)]
    drifting = [placebo.compute_placebo(draw_panel(Design(drift=-0.008), s)) for s in range(40)]
    assert np.mean(np.array(quiet) < 0.05) < 0.2
    assert np.mean([one.chance < 0.05 for one in drifting]) > 0.5
    assert np.mean([one.drift for one in drifting]) > np.mean(
        [placebo.compute_placebo(draw_panel(Design(), seed)).drift for seed in range(40)]
    )


def test_what_nothing_connects_is_not_compared() -> None:
    agent, period = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 3])
    agents, periods = find_largest_component(agent, period, 3, 4)
    assert list(agents) == [0, 1]
    assert list(periods) == [0, 1]
    fixed = FixedEffects(agent[:3], period[:3], 2, 2)
    outcome = np.array([1.0, 3.0, 4.0])
    assert fixed.take_out(outcome) == pytest.approx(np.zeros(3), abs=1e-12)


def build_found(programme: str, **values: Any) -> dict[str, Any]:
    """Return a document of one programme that was measured: 0.9, not right for home."""
    row = {
        "programme": programme, "design": "compared", "agents": 12, "movers": 5, "records": 300,
        "left_out": {}, "rota": None, "drawn": None, "home_efficiency": 0.9,
        "interval": [0.88, 0.92], "chance": 0.01, "right_for_home": False, "quality_falls": False,
        "repeats_rise": False, "plain_difference": -0.1, "washed": None,
        "by_month_at_home": [[-0.1, 0.02, 40], [-0.12, 0.02, 38]],
        "before_the_move": {"differences": [0.01, -0.02], "chance": 0.6, "drift": 0.03},
        "quality": None, "repeats": [0.02, 0.01],
    }  # fmt: skip
    return {
        "format": FORMAT, "first_day": "2026-03-02", "last_day": "2026-05-31", "most_loss": 0.03,
        "least_chance": 0.9, "programmes": [row | values],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"right_for_home": True}, "right"),
        ({"quality_falls": True}, "loses"),
        ({"interval": [0.95, 0.99], "quality_falls": True}, "guard"),
        ({"interval": [0.95, 0.99], "repeats_rise": True}, "guard"),
        ({"interval": [0.95, 0.99]}, "unsure"),
    ],
)
def test_a_programme_is_judged_by_its_interval_then_its_guards(
    small: Operator, values: dict[str, Any], verdict: str
) -> None:
    first = small.programmes[0].id
    rows = judge_programmes(small, build_found(first, **values)).programmes
    found = {row.programme: row.verdict for row in rows}
    assert found.pop(first) == verdict
    assert set(found.values()) == {"absent"}


def test_the_steps_lead_from_before_the_move_to_the_months_at_home(small: Operator) -> None:
    verdicts = judge_programmes(small, build_found(small.programmes[0].id))
    assert (verdicts.first_day, verdicts.last_day) == (date(2026, 3, 2), date(2026, 5, 31))
    assert verdicts.records == 300
    (row,) = verdicts.measured
    assert row.measured is not None
    assert [step.month for step in row.measured.steps] == [-2, -1, 0, 1]
    assert row.measured.steps[0] == EffectStep(-2, -0.02)
    low = row.measured.steps[2].low
    assert low == pytest.approx(-0.1 - 1.96 * 0.02, abs=1e-4)
    assert row.measured.repeats is not None
    assert row.measured.repeats.low < 0.02 < row.measured.repeats.high


def test_an_estimate_that_is_applied_changes_nothing_more(small: Operator) -> None:
    first = small.programmes[0]
    (row,) = judge_programmes(small, build_found(first.id)).changes
    assert (row.programme, row.planned, row.would_be) == (first.id, first.home_efficiency, 0.9)
    applied = replace(first, home_efficiency=0.9, home_efficiency_low=0.88,
                      home_efficiency_high=0.92, home_efficiency_design="compared")  # fmt: skip
    after = replace(small, programmes=(applied, *small.programmes[1:]))
    assert not judge_programmes(after, build_found(first.id)).changes


def test_a_value_that_no_table_holds_is_beyond_and_changes_nothing(small: Operator) -> None:
    wide = build_found(small.programmes[0].id, home_efficiency=1.8, interval=[0.2, 9.0])
    verdicts = judge_programmes(small, wide)
    assert [row.programme for row in verdicts.beyond] == [small.programmes[0].id]
    assert not verdicts.changes


def test_without_an_estimate_nothing_is_known_of_any_programme(small: Operator) -> None:
    verdicts = judge_programmes(small, None)
    assert verdicts.first_day is None
    assert {row.verdict for row in verdicts.programmes} == {"absent"}
    assert len(verdicts.programmes) == len(small.programmes)
    assert verdicts.right == verdicts.unknown == verdicts.measured == ()


AGENTS = tuple((f"a{n:03}", "north" if n % 3 else "south") for n in range(61))
PROTOCOL = RotaProtocol(AGENTS, date(2026, 3, 2), weeks=2, blocks=4)
NONCE, ROOT = bytes(range(32)), "ab" * 32


def test_each_agent_is_half_of_the_blocks_at_home_and_strata_are_balanced() -> None:
    rota = draw_rota(PROTOCOL, derive_rota_seed(NONCE, ROOT))
    assert all(len(weeks) == 4 for weeks in rota.values())
    for stratum in ("north", "south"):
        first = sum(rota[agent][0] == PROTOCOL.first_monday for agent, one in AGENTS if one == stratum)
        members = sum(one == stratum for _, one in AGENTS)
        assert abs(2 * first - members) <= 1


def test_a_changed_nonce_roster_or_root_is_another_commitment_or_draw() -> None:
    rota = draw_rota(PROTOCOL, derive_rota_seed(NONCE, ROOT))
    assert draw_rota(PROTOCOL, derive_rota_seed(NONCE, "ac" * 32)) != rota
    assert draw_rota(PROTOCOL, derive_rota_seed(bytes(32), ROOT)) != rota
    commitment = commit_to_rota(NONCE, PROTOCOL)
    assert commit_to_rota(bytes(32), PROTOCOL) != commitment
    assert commit_to_rota(NONCE, replace(PROTOCOL, agents=AGENTS[1:])) != commitment
    turned = replace(PROTOCOL, agents=AGENTS[::-1])
    assert commit_to_rota(NONCE, turned) == commitment
    assert draw_rota(turned, derive_rota_seed(NONCE, ROOT)) == rota


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_monday": date(2026, 3, 3)}, "not a Monday"),
        ({"blocks": 1}, "at least two blocks"),
        ({"agents": (("a", "x"), ("a", "y"))}, "stands twice"),
        ({"agents": (("a", "x"),)}, "at least two agents"),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(RotaError, match=reason):
        replace(PROTOCOL, **change)  # type: ignore[arg-type]


ROTA_RECORDS_AGENTS, WEEKS = 60, 12
FIRST = date(1970, 1, 1) + timedelta(days=MONDAY)
ON_SITE = Design(agents=ROTA_RECORDS_AGENTS, weeks=WEEKS, never=1.0)


def make_draw(agents: int = ROTA_RECORDS_AGENTS, root: str = "ab" * 32) -> RotaDraw:
    """Return a rota of four blocks of three weeks among agents ``a0000``..."""
    protocol = RotaProtocol(tuple((f"a{n:04}", "north" if n % 3 else "south") for n in range(agents)), FIRST, 3, 4)
    nonce = bytes(range(32))
    return RotaDraw(protocol, nonce, root, commit_to_rota(nonce, protocol))


def follow(draw: RotaDraw, effect: float, seed: int, design: Design = ON_SITE) -> Panel:
    """Return a panel of agents who are at home in the weeks that were drawn."""
    panel = draw_panel(design, seed, whole=True)
    weeks = draw.list_home_weeks()
    drawn = {(int(agent[1:]), (monday - FIRST).days // 7) for agent, mondays in weeks.items() for monday in mondays}
    week = (panel.day - MONDAY) // 7
    home = np.array([key in drawn for key in zip(panel.agent.tolist(), week.tolist(), strict=True)])
    return replace(panel, at_home=home, outcome=panel.outcome + effect * home)


def estimate(data: bytes, draw: RotaDraw | None) -> ProgrammeEffect:
    """Return what is learnt of the first programme."""
    return estimate_effects(read_work_records("records.csv", data), draw).programmes[0]


def test_what_follows_the_draw_is_randomised_and_measured_without_weeks_before_it() -> None:
    draw = make_draw()
    data = write_records(follow(draw, 0.05, 1))
    found = estimate(data, draw)
    assert found.refusal is None
    assert found.design == "randomised"
    assert found.drawn is not None
    assert (found.drawn.agents, found.drawn.rows, found.drawn.against) == (60, 720, 0)
    assert found.posterior is not None
    low, high = found.posterior.bound()
    assert low < math.exp(0.05) < high
    undrawn = estimate(data, None)
    assert (undrawn.design, undrawn.by) == ("compared", "dummy")
    assert undrawn.effect == found.effect


def test_teams_that_alternate_by_weeks_are_measured_by_a_dummy() -> None:
    design = Design(agents=90, weeks=20, never=1.0, teams=18)
    found = []
    for seed in range(10):
        panel = draw_panel(design, seed, whole=True)
        assert panel.team is not None
        home = (panel.period + panel.team) % 2 == 0
        rota = replace(panel, at_home=home, outcome=panel.outcome + 0.05 * home)
        one = estimate(write_records(rota), None)
        assert one.refusal is None
        assert (one.by, one.movers, one.left_out.apart, one.teams) == ("dummy", 90, 0, True)
        assert one.effect is not None
        found.append((one.effect.effect - 0.05) / one.effect.error)
    assert abs(np.mean(found)) < 1


def test_a_move_for_good_is_not_measured_by_a_dummy() -> None:
    # Until week 12 each has moved, and none came back: the weeks after compare nothing.
    found = estimate(write_records(draw_panel(Design(never=0.0), 4, whole=True)), None)
    assert found.by == "imputation"


def test_another_draw_is_not_what_the_records_follow() -> None:
    data = write_records(follow(make_draw(), 0.05, 1))
    found = estimate(data, make_draw(root="ac" * 32))
    assert found.drawn is not None
    assert found.drawn.against > 100
    assert found.design != "randomised"


def test_one_record_against_the_draw_is_counted_and_ends_the_grade() -> None:
    draw = make_draw()
    design = replace(ON_SITE, weeks=16)
    panel = follow(draw, 0.05, 2, design)
    whole = estimate(write_records(panel), draw)
    assert whole.design == "randomised"
    assert whole.left_out.outside_rota == 4 * ROTA_RECORDS_AGENTS
    panel.at_home[np.nonzero(panel.at_home)[0][0]] = False
    found = estimate(write_records(panel), draw)
    assert found.drawn is not None
    assert found.drawn.against == 1
    assert found.design == "compared"


def test_who_was_not_drawn_changes_nothing_of_what_the_lot_shows() -> None:
    draw = make_draw()
    panel = follow(draw, 0.05, 3)
    alone = write_records(panel)
    choosers = draw_panel(Design(agents=40, weeks=WEEKS, effect=0.5, never=0.0), 4, whole=True)
    others = write_records(replace(choosers, agent=choosers.agent + 500)).partition(b"\n")[2]
    with_others, found = estimate(alone + others, draw), estimate(alone, draw)
    assert with_others.effect == found.effect
    assert with_others.left_out.outside_rota == 40 * WEEKS
    elsewhere = read_work_records("r.csv", alone + others.replace(b",hotline,", b",mail,"))
    by_name = {one.programme: one for one in estimate_effects(elsewhere, draw).programmes}
    assert by_name["mail"].drawn is None
    assert by_name["hotline"].design == "randomised"


def test_one_arm_alone_teaches_nothing() -> None:
    draw = make_draw()
    weeks = draw.list_home_weeks()
    head, *lines = write_records(follow(draw, 0.05, 5)).decode().splitlines(keepends=True)
    arm = [line for line in lines if FIRST in weeks[line.partition(",")[0]]]
    found = estimate((head + "".join(arm)).encode(), draw)
    assert "one arm of the rota has no records" in str(found.refusal)
    assert found.design == "assumed"


def test_the_intervals_of_rotas_cover_the_truth() -> None:
    held = 0
    for seed in range(100):
        draw = make_draw(root=f"{seed:064x}")
        effect = placebo.estimate_by_dummy(follow(draw, 0.05, seed))
        held += abs(effect.effect - 0.05) < 1.96 * effect.error
    assert 0.90 <= held / 100 <= 0.99


def test_a_draw_is_read_back_and_a_changed_one_is_refused() -> None:
    draw = make_draw()
    text = draw.to_json()
    assert parse_draw(text.encode()) == draw
    values = json.loads(text)
    for name, other, reason in (
        ("nonce", "00" * 32, "not what was committed to"),
        ("root", "zz", "hex digits"),
        ("format", "other", "not written by"),
        ("protocol", {}, "give agents"),
        ("protocol", values["protocol"] | {"weeks": 1}, "not what was committed to"),
    ):
        with pytest.raises(RotaError, match=reason):
            parse_draw(json.dumps(values | {name: other}).encode())
    with pytest.raises(RotaError, match="not written by"):
        parse_draw(b"[1]")


POWER_ON_SITE = Design(agents=60, weeks=26, never=1.0)


def draw_rota_panel(seed: int) -> Panel:
    """Return eight weeks of a panel on site in which half the agents are said to be at home by
    turns of two weeks: the effect is nothing."""
    panel = draw_panel(POWER_ON_SITE, seed, whole=True)
    week = (panel.day - MONDAY) // 7
    part = panel.keep((week >= 6) & (week < 14))
    arm = np.random.Generator(np.random.Philox(seed)).permutation(part.agents) % 2
    turn = (part.day - part.day.min()) // 14
    return Panel(part.agent, part.period, part.day, (turn + arm[part.agent]) % 2 == 0, part.outcome)


def test_the_smallest_effect_is_that_of_rotas_that_are_drawn() -> None:
    power = placebo.compute_rota_power(draw_panel(POWER_ON_SITE, 1, whole=True))
    assert power is not None
    assert (power.agents, power.weeks) == (60, 8)
    drawn = np.std([placebo.estimate_by_dummy(draw_rota_panel(seed)).effect for seed in range(60)])
    assert power.smallest == pytest.approx(placebo.DETECTED * drawn, rel=0.3)


def test_more_agents_show_less_and_the_place_does_not_matter() -> None:
    few, many = (placebo.compute_rota_power(draw_panel(Design(agents=n, never=1.0), 2, whole=True)) for n in (30, 120))
    assert few is not None
    assert many is not None
    assert many.smallest < 0.7 * few.smallest
    panel = draw_panel(Design(agents=30, never=1.0), 2, whole=True)
    moved = Panel(panel.agent, panel.period, panel.day, ~panel.at_home, panel.outcome)
    assert placebo.compute_rota_power(moved) == few


def test_nothing_is_said_of_too_few_records() -> None:
    panel = draw_panel(Design(agents=6, never=1.0), 3, whole=True)
    assert placebo.compute_rota_power(panel.keep(panel.period < 2)) is None
