"""The effect of telework on every programme, and which programmes are right for home.

A programme is right for home where home loses less than :data:`MOST_LOSS` of the work with a chance
above :data:`LEAST_CHANCE`, and neither quality is shown to fall nor repeats to rise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from releve.errors import Phrase
from releve.kernels.arrays import Floats, Truths
from releve.plugins.telework.engine.clusters import choose_clusters, estimate_in_clusters, find_few_clusters
from releve.plugins.telework.engine.panel import (
    LeftOut,
    Panel,
    WorkRecords,
    build_panel,
    find_refusal,
    find_turns,
    keep_comparable,
    keep_connected,
)
from releve.plugins.telework.engine.placebo import (
    EffectEstimate,
    Horizon,
    Placebo,
    Posterior,
    RotaPower,
    compute_placebo,
    compute_rota_power,
    estimate_by_dummy,
    estimate_by_imputation,
    list_horizons,
    shrink_effects,
)
from releve.plugins.telework.engine.rota import RotaDraw, RotaRecords, count_drawn, find_single_place, match_rota

MOST_LOSS, LEAST_CHANCE = 0.03, 0.9
WASHOUT_DAYS = 28
_SAME = 1e-3
"""Handling times that differ by less are one figure, rounded to whole seconds of many contacts."""
_GUARD = 1.644854
"""A guard is broken where the interval of 90 % lies on the worse side."""


@dataclass(frozen=True)
class ProgrammeEffect:
    """What was learnt of one programme; ``refusal`` says why nothing could be, and then all
    figures are None.

    Effects are differences of logarithms: 0.05 is some 5 % more work at home. ``naive`` compares
    those at home with those on site; ``by``: what gave the effect; ``by_dummy`` is the usual
    regression; ``washed`` leaves out the four weeks on site after a time at home. ``quality`` and
    ``repeats`` are in their own units, None where they were not recorded. ``rota``: what one drawn
    by lot would show, refusal or not.
    ``drawn``: how the records follow the rota that was drawn, None where it has no part in them.
    ``teams``: whether whole teams moved, so that errors are counted by team; ``team_known``: whether
    the records name teams.
    """

    programme: str
    agents: int
    movers: int
    rows: int
    left_out: LeftOut
    refusal: Phrase | None = None
    effect: EffectEstimate | None = None
    naive: float | None = None
    by: Literal["imputation", "dummy"] = "imputation"
    by_dummy: EffectEstimate | None = None
    washed: EffectEstimate | None = None
    horizons: tuple[Horizon, ...] = ()
    placebo: Placebo | None = None
    quality: EffectEstimate | None = None
    repeats: EffectEstimate | None = None
    posterior: Posterior | None = None
    rota: RotaPower | None = None
    drawn: RotaRecords | None = None
    teams: bool = False
    team_known: bool = False

    @property
    def design(self) -> str:
        """Return how good the comparison is: ``randomised`` where every record is where the lot put
        the agent, ``compared`` otherwise, or ``assumed`` without a comparison."""
        if self.refusal is not None:
            return "assumed"
        return "randomised" if self.follows_rota else "compared"

    @property
    def follows_rota(self) -> bool:
        """Return whether a rota was drawn by lot and every record of it is as drawn."""
        return self.drawn is not None and not self.drawn.against

    @property
    def quality_falls(self) -> bool:
        return self.quality is not None and self.quality.effect + _GUARD * self.quality.error < 0

    @property
    def repeats_rise(self) -> bool:
        return self.repeats is not None and self.repeats.effect - _GUARD * self.repeats.error > 0

    @property
    def right_for_home(self) -> bool:
        """Return whether the rule names the programme right for home."""
        if self.posterior is None or self.quality_falls or self.repeats_rise:
            return False
        return self.posterior.compute_chance_below(MOST_LOSS) > LEAST_CHANCE


@dataclass(frozen=True)
class TeleworkReport:
    """All programmes of the records, by name; the days that they span, since 1970."""

    programmes: tuple[ProgrammeEffect, ...]
    first_day: int
    last_day: int


def estimate_effects(records: WorkRecords, draw: RotaDraw | None = None) -> TeleworkReport:
    """Return the effect of working at home on every programme.

    A programme whose records follow a rota that was drawn by lot is measured by those alone, agents
    against themselves.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        outcome = records.efficiency
    inside = against = np.zeros(len(records.agent), np.bool_)
    if draw is not None:
        inside, against = match_rota(records, draw)
    found = []
    for at in range(len(records.programmes)):
        rows = records.programme == at
        drawn = count_drawn(records, rows & inside, against)
        if drawn is None or drawn.against:
            one = _estimate_programme(records, at, rows, outcome)
        else:
            one = _estimate_drawn(records, at, rows & inside, outcome)
        found.append(replace(one, drawn=drawn))
    known = [one for one in found if one.effect is not None]
    posteriors = shrink_effects([one.effect for one in known if one.effect is not None])
    by_name = {one.programme: post for one, post in zip(known, posteriors, strict=True)}
    return TeleworkReport(
        tuple(replace(one, posterior=by_name.get(one.programme)) for one in found),
        int(records.day.min()),
        int(records.day.max()),
    )


def _estimate_drawn(records: WorkRecords, at: int, inside: Truths, outcome: Floats) -> ProgrammeEffect:
    """Return the effect in the records of a rota drawn by lot.

    By a dummy beside effects of agents and weeks: in each week the lot decided who was at home, so
    that the weeks on site of the two arms need not be the same ones, as imputation asks.
    """
    whole = build_panel(records, inside, outcome)
    panel = choose_clusters(keep_connected(whole))
    left_out = LeftOut(
        0, 0, len(whole.agent) - len(panel.agent),
        int(inside.sum()) - len(whole.agent),
        int((records.programme == at).sum() - inside.sum()),
    )  # fmt: skip
    about = ProgrammeEffect(
        records.programmes[at], whole.agents, panel.count_movers(), len(whole.agent), left_out,
        rota=compute_rota_power(whole), team_known=records.team is not None,
    )  # fmt: skip
    refusal = find_refusal(whole, panel, left_out) or _find_shared_time(records, inside)
    refusal = refusal or find_single_place(panel) or find_few_clusters(panel)
    if refusal is not None:
        return replace(about, refusal=refusal)
    home = panel.at_home
    return replace(
        about,
        effect=estimate_in_clusters(panel, estimate_by_dummy, keep_connected),
        by="dummy",
        teams=panel.team is not None,
        naive=float(panel.outcome[home].mean() - panel.outcome[~home].mean()),
        quality=_estimate_drawn_guard(records, inside, records.quality),
        repeats=_estimate_drawn_guard(records, inside, records.repeats),
    )


def _estimate_drawn_guard(records: WorkRecords, inside: Truths, values: Floats) -> EffectEstimate | None:
    whole = build_panel(records, inside, values)
    if not len(whole.agent):
        return None
    panel = choose_clusters(keep_connected(whole))
    if find_refusal(whole, panel, LeftOut(0, 0, 0)) or find_single_place(panel) or find_few_clusters(panel):
        return None
    return estimate_in_clusters(panel, estimate_by_dummy, keep_connected)


def _estimate_programme(records: WorkRecords, at: int, rows: Truths, outcome: Floats) -> ProgrammeEffect:
    whole = build_panel(records, rows, outcome)
    panel, left_out = keep_comparable(whole)
    by_turns = find_turns(whole, panel, left_out)
    if by_turns is not None:
        panel, left_out = by_turns, LeftOut(0, 0, len(whole.agent) - len(by_turns.agent))
    panel = choose_clusters(panel)
    silent = int(rows.sum()) - len(whole.agent)
    left_out = replace(left_out, without_contacts=silent)
    about = ProgrammeEffect(
        records.programmes[at], whole.agents, panel.count_movers(), len(whole.agent), left_out,
        rota=compute_rota_power(whole), team_known=records.team is not None,
    )  # fmt: skip
    refusal = find_refusal(whole, panel, left_out) or _find_shared_time(records, rows) or find_few_clusters(panel)
    if refusal is not None:
        return replace(about, refusal=refusal)
    home = panel.at_home
    about = replace(
        about,
        naive=float(panel.outcome[home].mean() - panel.outcome[~home].mean()),
        by_dummy=estimate_in_clusters(panel, estimate_by_dummy, keep_connected),
        teams=panel.team is not None,
    )
    if by_turns is not None:
        return replace(
            about,
            effect=about.by_dummy,
            by="dummy",
            quality=_estimate_drawn_guard(records, rows, records.quality),
            repeats=_estimate_drawn_guard(records, rows, records.repeats),
        )
    return replace(
        about,
        effect=estimate_in_clusters(panel, estimate_by_imputation, _keep_comparable_rows),
        washed=_estimate_washed(panel),
        horizons=list_horizons(panel),
        placebo=compute_placebo(panel),
        quality=_estimate_guard(records, rows, records.quality),
        repeats=_estimate_guard(records, rows, records.repeats),
    )


def _keep_comparable_rows(panel: Panel) -> Panel:
    return keep_comparable(panel)[0]


def _find_shared_time(records: WorkRecords, rows: Truths) -> Phrase | None:
    """Return a refusal where handling times are those of the programme, not of each agent."""
    rows = rows & (records.handled > 0)
    _, period = np.unique(records.day[rows], return_inverse=True)
    seconds = records.handle_s[rows] / records.handled[rows]
    low, high = np.full(len(period), np.inf), np.zeros(len(period))
    np.minimum.at(low, period, seconds)
    np.maximum.at(high, period, seconds)
    several = np.bincount(period, minlength=len(period)) > 1
    if not several.any() or np.any(high[several] > low[several] * (1 + _SAME)):
        return None
    return Phrase(
        "everyone has the same handling time in each period: give that of each agent, not that of the programme"
    )


def _estimate_washed(panel: Panel) -> EffectEstimate | None:
    """Return the effect without the weeks on site that follow a time at home.

    None where nothing is left to compare, or where there are no such weeks.
    """
    order = np.lexsort((panel.day, panel.agent))
    agent, day, home = panel.agent[order], panel.day[order], panel.at_home[order]
    last = np.where(home, day, np.iinfo(np.int64).min // 2)
    starts = np.r_[True, agent[1:] != agent[:-1]]
    group = np.cumsum(starts) - 1
    span = np.int64(1) << 40
    last = np.maximum.accumulate(last + group * span) - group * span
    wet = np.zeros(len(day), bool)
    wet[order] = ~home & (day - last <= WASHOUT_DAYS) & (last <= day)
    if not wet.any():
        return None
    dry, left_out = keep_comparable(panel.keep(~wet))
    if find_refusal(dry, dry, left_out) is not None or find_few_clusters(dry) is not None:
        return None
    return estimate_in_clusters(dry, estimate_by_imputation, _keep_comparable_rows)


def _estimate_guard(records: WorkRecords, rows: Truths, values: Floats) -> EffectEstimate | None:
    whole = build_panel(records, rows, values)
    if not len(whole.agent):
        return None
    panel, left_out = keep_comparable(whole)
    panel = choose_clusters(panel)
    if find_refusal(whole, panel, left_out) is not None or find_few_clusters(panel) is not None:
        return None
    return estimate_in_clusters(panel, estimate_by_imputation, _keep_comparable_rows)
