"""What the outbreak of a run would be with other infections from outside: its importation on named curves.

The strongest input of a crash test is a choice. So a run simulates its outbreak, with the same luck,
on each shipped curve as well, at the share of infections reported that it assumes and at the ends of
its range.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.ablation import estimate_mean, estimate_share
from releve.plugins.crashtest.engine.comparison import Case
from releve.plugins.crashtest.engine.outbreak import FIELDS, Detail, Estimate, simulate
from releve.plugins.crashtest.engine.outbreak.curves import NamedCurve
from releve.plugins.crashtest.execution import write_json

QUARTERS_MOST = 1000
"""Quarters whose outbreak is simulated on each curve, unless the run has fewer."""
_FILE = "importation.json"


@dataclass(frozen=True, slots=True)
class CurveOutbreak:
    """The outbreak of the first case on a curve; ``curve`` is empty for the run's own importation.

    ``reported`` is the share of infections taken for reported (0 where no curve is). Of ``quarters``: ``outside``
    infections from outside that an agent has on average, ``infected`` agents, ``closes`` the share in which the
    rule closes the largest site (``site``, of ``agents``) at least once, ``site_days_closed`` of all sites.
    """

    curve: str
    reported: float
    quarters: int
    site: str
    agents: int
    outside: float
    infected: Estimate
    closes: Estimate
    site_days_closed: Estimate


def compare_importation(case: Case, curves: Sequence[NamedCurve]) -> tuple[CurveOutbreak, ...]:
    """Return the outbreak of a case as it was run, then on each curve and share of infections reported."""
    scenario = case.ready.scenario
    shape = (len(scenario.population.sites), scenario.days)
    own = np.zeros(shape) if scenario.importation is None else scenario.importation
    asked = [("", 0.0, own)]
    asked += [
        (curve.name, share, np.broadcast_to(curve.rate(scenario.days, share), shape).copy())
        for curve in curves
        for share in curve.shares
    ]
    return tuple(_simulate(case, *one) for one in asked)


def _simulate(case: Case, curve: str, reported: float, importation: Floats) -> CurveOutbreak:
    ready, population = case.ready, case.ready.scenario.population
    quarters = min(QUARTERS_MOST, ready.settings.quarters)
    found = simulate(
        replace(ready.scenario, importation=importation),
        ready.controls,
        replications=quarters,
        seed=ready.settings.seed,
        detail=Detail(closed=True),
    )
    homes = np.bincount(population.site, minlength=len(population.sites))
    largest = int(np.argmax(homes))
    return CurveOutbreak(
        curve=curve,
        reported=reported,
        quarters=quarters,
        site=population.sites[largest],
        agents=int(homes[largest]),
        outside=float((importation.sum(axis=1) * homes).sum() / max(1, homes.sum())),
        infected=estimate_mean(found.rows[:, FIELDS.index("infected")].astype(np.float64)),
        closes=estimate_share(np.asarray(found.closed[:, :, largest].any(axis=1))),
        site_days_closed=estimate_mean(found.rows[:, FIELDS.index("site_days_closed")].astype(np.float64)),
    )


def write_importation(folder: Path, found: Sequence[CurveOutbreak]) -> None:
    """Write them into a run folder."""
    write_json(folder / _FILE, {"curves": [asdict(one) for one in found]})


def read_importation(folder: Path) -> tuple[CurveOutbreak, ...]:
    """Return those of a run folder; none where an earlier version ran it."""
    try:
        tree: Mapping[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    return tuple(_read_row(row) for row in tree["curves"])


def _read_row(row: Mapping[str, Any]) -> CurveOutbreak:
    estimates = {name: Estimate(**row[name]) for name in ("infected", "closes", "site_days_closed")}
    return CurveOutbreak(**{**row, **estimates})
