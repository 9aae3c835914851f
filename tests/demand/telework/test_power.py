"""What a rota is said to show, beside rotas that were drawn on the same people."""

from __future__ import annotations

import numpy as np
import pytest

from releve.plugins.telework.engine.panel import Panel
from releve.plugins.telework.engine.placebo import DETECTED, compute_rota_power, estimate_by_dummy
from tests.demand.telework.panels import MONDAY, Design, draw_panel

ON_SITE = Design(agents=60, weeks=26, never=1.0)


def draw_rota_panel(seed: int) -> Panel:
    """Return eight weeks of a panel on site in which half the agents are said to be at home by
    turns of two weeks: the effect is nothing."""
    panel = draw_panel(ON_SITE, seed, whole=True)
    week = (panel.day - MONDAY) // 7
    part = panel.keep((week >= 6) & (week < 14))
    arm = np.random.Generator(np.random.Philox(seed)).permutation(part.agents) % 2
    turn = (part.day - part.day.min()) // 14
    return Panel(part.agent, part.period, part.day, (turn + arm[part.agent]) % 2 == 0, part.outcome)


def test_the_smallest_effect_is_that_of_rotas_that_are_drawn() -> None:
    power = compute_rota_power(draw_panel(ON_SITE, 1, whole=True))
    assert power is not None
    assert (power.agents, power.weeks) == (60, 8)
    drawn = np.std([estimate_by_dummy(draw_rota_panel(seed)).effect for seed in range(60)])
    assert power.smallest == pytest.approx(DETECTED * drawn, rel=0.3)


def test_more_agents_show_less_and_the_place_does_not_matter() -> None:
    few, many = (compute_rota_power(draw_panel(Design(agents=n, never=1.0), 2, whole=True)) for n in (30, 120))
    assert few is not None
    assert many is not None
    assert many.smallest < 0.7 * few.smallest
    panel = draw_panel(Design(agents=30, never=1.0), 2, whole=True)
    moved = Panel(panel.agent, panel.period, panel.day, ~panel.at_home, panel.outcome)
    assert compute_rota_power(moved) == few


def test_nothing_is_said_of_too_few_records() -> None:
    panel = draw_panel(Design(agents=6, never=1.0), 3, whole=True)
    assert compute_rota_power(panel.keep(panel.period < 2)) is None
