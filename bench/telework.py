"""Coverage of telework's interval of 95 % in panels whose effect is known.

    scripts/bench telework                  200 panels of each design (some twenty minutes)
    scripts/bench telework --panels 20

Agents or whole teams move home in staggered weeks, 120 agents in 6, 12 or 40 teams, a shock of 0 or
4 % common to a team (autocorrelation .8), a fifth of the agents leaving before the end, no effect
(what is not covered are effects found where there are none; an effect adds to both sides alike); few
agents without teams; teams that alternate. Beside it: what errors of agents alone would cover, and
how many panels are refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from releve.plugins.telework.engine.estimate import estimate_effects
from releve.plugins.telework.engine.panel import Panel, keep_comparable, keep_connected, read_work_records
from releve.plugins.telework.engine.placebo import NORMAL_975, estimate_by_dummy, estimate_by_imputation
from tests.demand.telework.panels import Design, draw_panel, write_records

LOWEST, HIGHEST = 0.92, 0.98


def list_designs() -> Iterator[tuple[str, Design, bool]]:
    """Return each design by its name, and whether its teams alternate."""
    for by_team in (False, True):
        for teams in (6, 12, 40):
            for shock in (0.0, 0.04):
                yield (
                    f"{'teams' if by_team else 'agents'} move, {teams} teams, shock {shock:.0%}",
                    Design(agents=120, teams=teams, by_team=by_team, team_shock=shock, attrition=0.2, effect=0.0),
                    False,
                )
    for agents, never in ((20, 0.7), (20, 0.4), (40, 0.7)):
        yield f"{agents} agents of no team, {never:.0%} stay", Design(agents=agents, never=never), False
    for teams in (6, 12, 40):
        yield (
            f"{teams} teams alternate by weeks, shock 4%",
            Design(agents=120, teams=teams, never=1.0, team_shock=0.04, attrition=0.2),
            True,
        )


def draw(design: Design, seed: int, alternate: bool) -> Panel:
    panel = draw_panel(design, seed, whole=True)
    if not alternate:
        return panel
    assert panel.team is not None
    home = (panel.period + panel.team) % 2 == 0
    return replace(panel, at_home=home, outcome=panel.outcome + design.effect * home)


def cover(design: Design, alternate: bool, panels: int) -> tuple[int, int, int]:
    """Return how many panels are refused, how many intervals hold the truth, and how many of the
    same panels' intervals would by the errors of agents alone."""
    refused, held, alone = 0, 0, 0
    for seed in range(panels):
        panel = draw(design, seed, alternate)
        (found,) = estimate_effects(read_work_records("records.csv", write_records(panel))).programmes
        if found.effect is None:
            refused += 1
            continue
        plain = (
            estimate_by_dummy(keep_connected(panel).without_teams())
            if alternate
            else estimate_by_imputation(keep_comparable(panel)[0].without_teams())
        )
        held += abs(found.effect.effect - design.effect) <= NORMAL_975 * found.effect.error
        alone += abs(plain.effect - design.effect) <= NORMAL_975 * plain.error
    return refused, held, alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=200)
    panels: int = parser.parse_args().panels
    print(f"coverage of the interval of 95 % in {panels} panels; sought: {LOWEST:.0%} to {HIGHEST:.0%}")
    print(f"{'design':52} {'refused':>8} {'covers':>7} {'agents alone':>13}")
    for name, design, alternate in list_designs():
        refused, held, alone = cover(design, alternate, panels)
        answered = panels - refused
        if not answered:
            print(f"{name:52} {refused:8} {'-':>7} {'-':>13}", flush=True)
            continue
        share = held / answered
        # What chance does to a share of so few panels is no miss.
        spread = 2 * np.sqrt(0.95 * 0.05 / answered)
        miss = "" if LOWEST - spread <= share <= HIGHEST + spread else "  MISSED"
        print(f"{name:52} {refused:8} {share:7.1%} {alone / answered:13.1%}{miss}", flush=True)


if __name__ == "__main__":
    main()
