"""Records of a rota drawn by lot are graded so, where every one of them is as drawn."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from releve.plugins.telework.engine import (
    ProgrammeEffect,
    RotaDraw,
    RotaError,
    RotaProtocol,
    commit_to_rota,
    estimate_effects,
    parse_draw,
    read_work_records,
)
from releve.plugins.telework.engine.panel import Panel
from releve.plugins.telework.engine.placebo import estimate_by_dummy
from tests.demand.telework.panels import MONDAY, Design, draw_panel, write_records

AGENTS, WEEKS = 60, 12
FIRST = date(1970, 1, 1) + timedelta(days=MONDAY)
ON_SITE = Design(agents=AGENTS, weeks=WEEKS, never=1.0)


def make_draw(agents: int = AGENTS, root: str = "ab" * 32) -> RotaDraw:
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
    assert estimate(data, None).design == "assumed", "arms are on site in turns: nothing to impute"


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
    assert whole.left_out.outside_rota == 4 * AGENTS
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
        effect = estimate_by_dummy(follow(draw, 0.05, seed))
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
