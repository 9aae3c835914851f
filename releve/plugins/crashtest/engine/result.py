"""Results of a crash test by client, site, cause and outbreak, each with its interval; as JSON.

An estimate stands with the 95 % interval that the number of quarters leaves; a band holds the
middle 90 % of quarters. Outbreaks die out or grow, so their sizes come as a histogram, never as a
mean alone. A cause has what a quarter loses less without it, where quarters were rerun without it,
and its share of the loss.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from releve.errors import BilingualPhrase, Phrase
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.ablation import (
    Ablation,
    RemovedCause,
    compute_service_level,
    estimate_band,
    estimate_mean,
    estimate_ratio,
    estimate_share,
    rank_causes,
)
from releve.plugins.crashtest.engine.kernel_types import BINS, CLIENT, PROGRAMME
from releve.plugins.crashtest.engine.outages.hazard import load_shipped_hazards
from releve.plugins.crashtest.engine.outbreak import FIELDS, Band, Estimate
from releve.plugins.crashtest.engine.run import Quarters
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays
from releve.plugins.crashtest.engine.settings import INTERVALS, CrashTestError

FAN = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the fan of a client's days."""
_OFFERED, _LOST, _CALM_LOST = (PROGRAMME.index(n) for n in ("offered", "lost", "calm_lost"))


@dataclass(frozen=True)
class ClientResult:
    """A client. *Calm* figures are of the same quarters, as busy, without any disaster.

    ``calls_served`` share of calls, contacts and items; ``days_served`` share of days on which each
    programme served its least share; ``lost`` calls a quarter and ``lost_to_disasters`` those
    beyond the calm quarter; ``breaks_target`` P(a programme misses its answer rate or service
    level, or the share of contacts or items, over the quarter); ``penalty`` EUR a quarter.
    ``worst_day`` share lost on a quarter's worst day; ``worst_quarter`` the largest share lost of
    any quarter and ``worst_replication`` its number. ``fan[day]`` share served at the quantiles
    of ``FAN``; ``survival[day]`` share of quarters in which no day up to it was missed;
    ``lost_shares`` the number of quarters by share lost, in whole percents 0 .. 100.
    """

    client: str
    name: str
    calls_served: Estimate
    calm_served: Estimate
    days_served: Estimate
    calm_days_served: Estimate
    lost: Estimate
    lost_band: Band
    lost_to_disasters: Estimate
    breaks_target: Estimate
    calm_breaks_target: Estimate
    penalty: Estimate
    penalty_band: Band
    penalty_of_disasters: Estimate
    worst_day: Band
    worst_quarter: float
    worst_replication: int
    fan: tuple[tuple[float, ...], ...]
    survival: tuple[float, ...]
    lost_shares: tuple[int, ...]

    @property
    def status(self) -> Literal["held", "thin", "missed"]:
        """Whether the target breaks in fewer than one quarter of twenty, or in half or more."""
        breaks = self.breaks_target.value
        return "held" if breaks < 0.05 else "thin" if breaks < 0.5 else "missed"


@dataclass(frozen=True)
class SiteResult:
    """A site: orders of the rule a quarter, P(at least one), days lost a quarter in all and by
    cause; ``closed_days`` the number of quarters by whole days closed by the rule."""

    site: str
    name: str
    closures: Estimate
    closes: Estimate
    days_lost: Estimate
    days_lost_by: dict[str, Estimate]
    closed_days: tuple[int, ...]


@dataclass(frozen=True)
class CauseResult:
    """A cause of losses: ``illness``, ``closure`` or a hazard's id, worst first.

    ``lost`` calls a quarter beyond the calm quarter: what a day lost beyond the calm day is shared
    among its causes by the agent-half hours that each took from the base plan. ``occurs`` P(it
    took anything in a quarter); ``place_days`` days of lost places a quarter (0 for illness);
    ``lost_by_client`` mean calls.
    """

    cause: str
    name: str
    lost: Estimate
    lost_band: Band
    occurs: Estimate
    place_days: Estimate
    lost_by_client: dict[str, float]


@dataclass(frozen=True)
class OutbreakResult:
    """The outbreak among agents: ``infected`` a quarter; ``major`` P(a tenth of the agents or
    more); ``none`` P(no infection); ``sizes`` the number of quarters by share infected, in whole
    percents 0 .. 100; ``away_days`` agent-days of isolation and quarantine a quarter."""

    infected: Estimate
    infected_band: Band
    none: Estimate
    major: Estimate
    sizes: tuple[int, ...]
    away_days: Estimate
    away_band: Band

    @property
    def small(self) -> float:
        """The share of quarters in which fewer than 5 % of the agents are infected."""
        return sum(self.sizes[:5]) / max(1, sum(self.sizes))

    @property
    def between(self) -> float:
        """The share of quarters in which 5 to 20 % of the agents are infected."""
        return sum(self.sizes[5:20]) / max(1, sum(self.sizes))

    @property
    def large(self) -> float:
        """The share of quarters in which a fifth of the agents or more are infected."""
        return sum(self.sizes[20:]) / max(1, sum(self.sizes))

    @property
    def of_two_kinds(self) -> bool:
        """Whether outbreaks stay small or grow large, with little between: no mean tells them."""
        return self.between < min(self.small, self.large)


@dataclass(frozen=True)
class DaySpread:
    """How the days of a programme stray from the forecast: by ``busyness`` (standard deviation over mean).

    Of its variance the part ``quarter`` is common to all days of a quarter, ``week`` to those of each
    week, and of every part ``client`` to the programmes of the client. The programme's history
    weighs ``measured`` in the first two, the default the rest.
    """

    programme: str
    busyness: float
    quarter: float
    week: float
    client: float
    measured: float


@dataclass(frozen=True)
class CrashResult:
    """The result of a crash test. ``unplanned`` weekdays (0 = Monday) were left out, having no
    plan; ``unknown`` programmes count without calls where their volume is not known. ``label``
    names the plan and the policy. ``removed``: what the first ``removed_quarters`` lose less
    without each cause, worst first; empty where that was not asked for. ``day_spreads`` of the
    programmes whose days share what they stray by; empty in results of earlier versions."""

    operator: str
    synthetic: bool
    label: str
    start: str
    days: int
    quarters: int
    seed: int
    settings: dict[str, Any]
    unplanned: tuple[int, ...]
    unknown: tuple[str, ...]
    calls_served: Estimate
    penalty: Estimate
    clients: tuple[ClientResult, ...]
    sites: tuple[SiteResult, ...]
    causes: tuple[CauseResult, ...]
    outbreak: OutbreakResult
    removed: tuple[RemovedCause, ...] = ()
    removed_quarters: int = 0
    day_spreads: tuple[DaySpread, ...] = ()


def build_result(
    test: CrashTest, ready: RunArrays, rows: Quarters, label: str = "", without: Ablation | None = None
) -> CrashResult:
    """Return the result of quarters, and of those rerun ``without`` each cause."""
    operator = test.operator
    offered, lost = rows.programme[:, :, _OFFERED], rows.programme[:, :, _LOST]
    served = estimate_ratio((offered - lost).sum(axis=1), offered.sum(axis=1))
    settings = {**asdict(test.settings), "target": test.target}
    causes = [_build_cause(test, ready, rows, at) for at in range(len(ready.causes))]
    return CrashResult(
        operator=operator.row.name,
        synthetic=operator.row.synthetic,
        label=label,
        start=ready.start.isoformat(),
        days=test.settings.days,
        quarters=len(rows),
        seed=test.settings.seed,
        settings=settings,
        unplanned=ready.unplanned,
        unknown=ready.unknown,
        calls_served=served,
        penalty=estimate_mean(
            compute_penalties(ready, rows).sum(axis=1), most=compute_largest_penalty(ready, rows).sum()
        ),
        clients=tuple(_build_client(test, ready, rows, c) for c in range(rows.worst.shape[1])),
        sites=tuple(_build_site(test, ready, rows, at) for at in range(len(operator.sites))),
        causes=tuple(sorted(causes, key=lambda one: -one.lost.value)),
        outbreak=_build_outbreak(rows, len(ready.tally_of), test.settings.days),
        removed=() if without is None else rank_causes(test, ready, without),
        removed_quarters=0 if without is None else len(without),
        day_spreads=tuple(
            DaySpread(row.id, busy, one.span, one.week, one.client, one.measured)
            for row, busy, one in zip(test.programmes, test.busyness, test.parts, strict=False)
            if busy > 0
        ),
    )


def compute_penalties(ready: RunArrays, rows: Quarters, column: int = _LOST) -> Floats:
    """Return the penalty of every quarter and client in EUR: float64[r, client]."""
    cost = rows.programme[:, :, column] * ready.demand.penalty
    return _sum_by_client(ready, cost, rows.worst.shape[1])


def compute_largest_penalty(ready: RunArrays, rows: Quarters) -> Floats:
    """Return the penalty of a quarter that loses everything: float64[client], EUR."""
    return np.asarray(compute_penalties(ready, rows, _OFFERED).max(axis=0))


def find_broken_targets(test: CrashTest, ready: RunArrays, rows: Quarters, *, calm: bool = False) -> Floats:
    """Return whether a client's target is missed over a quarter: float64[r, client], 0 or 1.

    Inbound: the answer rate or the service level by its own definition; others: the least share.
    """
    first = PROGRAMME.index("calm_lost" if calm else "lost")
    offered = rows.programme[:, :, _OFFERED]
    lost, in_time, short = (rows.programme[:, :, first + i] for i in range(3))
    some = offered > 0
    missed = some & (lost > (1.0 - ready.demand.least) * offered + 1e-9)
    for p, row in enumerate(test.programmes):
        if row.kind == "inbound":
            level = compute_service_level(row.service_definition, offered[:, p], lost[:, p], in_time[:, p], short[:, p])
            missed[:, p] |= some[:, p] & (level < row.service_target - 1e-9)
    return np.minimum(1.0, _sum_by_client(ready, missed.astype(float), rows.worst.shape[1]))


def _sum_by_client(ready: RunArrays, values: Floats, clients: int) -> Floats:
    found = np.zeros((len(values), clients))
    for p, c in enumerate(ready.demand.client):
        found[:, c] += values[:, p]
    return found


def _build_client(test: CrashTest, ready: RunArrays, rows: Quarters, c: int) -> ClientResult:
    row = test.operator.clients[c]
    mine = ready.demand.client == c
    offered, lost, calm = (rows.programme[:, mine, column].sum(axis=1) for column in (_OFFERED, _LOST, _CALM_LOST))
    days, held, calm_held = (rows.client[:, c, CLIENT.index(n)] for n in CLIENT[:3])
    cost, calm_cost = (compute_penalties(ready, rows)[:, c], compute_penalties(ready, rows, _CALM_LOST)[:, c])
    all_calls, all_cost = float(offered.max()), float(compute_largest_penalty(ready, rows)[c])
    worst = np.where(offered > 0, lost / np.maximum(offered, 1e-12), 0.0)
    at = int(np.argmax(worst))
    missed = rows.client[:, c, CLIENT.index("first_missed")]
    return ClientResult(
        client=row.id,
        name=row.name,
        calls_served=estimate_ratio(offered - lost, offered),
        calm_served=estimate_ratio(offered - calm, offered),
        days_served=estimate_ratio(held, days),
        calm_days_served=estimate_ratio(calm_held, days),
        lost=estimate_mean(lost, most=all_calls),
        lost_band=estimate_band(lost),
        lost_to_disasters=estimate_mean(lost - calm, most=all_calls),
        breaks_target=estimate_share(find_broken_targets(test, ready, rows)[:, c]),
        calm_breaks_target=estimate_share(find_broken_targets(test, ready, rows, calm=True)[:, c]),
        penalty=estimate_mean(cost, most=all_cost),
        penalty_band=estimate_band(cost),
        penalty_of_disasters=estimate_mean(cost - calm_cost, most=all_cost),
        worst_day=estimate_band(np.maximum(rows.worst[:, c], 0.0)),
        worst_quarter=float(worst[at]),
        worst_replication=rows.first + at,
        fan=tuple(_find_quantiles(rows.fan[day, c]) for day in range(len(rows.fan))),
        survival=tuple(float((missed > day).mean()) for day in range(test.settings.days)),
        lost_shares=_count_percents(worst),
    )


def _count_percents(shares: Floats) -> tuple[int, ...]:
    """Return how many shares lie in each whole percent, 0 .. 100."""
    bins = np.minimum((shares * 100 + 1e-9).astype(np.int64), 100)
    return tuple(int(n) for n in np.bincount(bins, minlength=101))


def _find_quantiles(counts: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the shares served at the quantiles of FAN; empty on a day without service."""
    total = int(counts.sum())
    if not total:
        return ()
    reached = np.cumsum(counts) / total
    found = [int(np.searchsorted(reached, q - 1e-12)) for q in FAN]
    return tuple(min(at, BINS - 1) / (BINS - 1) for at in found)


def _build_site(test: CrashTest, ready: RunArrays, rows: Quarters, at: int) -> SiteResult:
    site = test.operator.sites[at]
    days = rows.lost[:, at, :] / INTERVALS
    all_days = float(test.settings.days)
    by = {name: estimate_mean(days[:, i], most=all_days) for i, name in enumerate(ready.causes) if i >= 1}
    closed = np.bincount(days[:, 1].astype(np.int64), minlength=1)
    return SiteResult(
        site=site.id,
        name=site.name,
        closures=estimate_mean(rows.closures[:, at], most=1.0),
        closes=estimate_share(rows.closures[:, at] > 0),
        days_lost=estimate_mean(days.sum(axis=1), most=all_days),
        days_lost_by=by,
        closed_days=tuple(int(n) for n in closed),
    )


def _build_cause(test: CrashTest, ready: RunArrays, rows: Quarters, at: int) -> CauseResult:
    harm = rows.harm[:, at, :]
    lost = harm.sum(axis=1)
    places = rows.lost[:, :, at].sum(axis=1) / INTERVALS
    names = {"illness": "Agents away", "closure": "Sites closed by the rule"}
    names |= {hazard.id: hazard.name for hazard in test.hazards}
    away = rows.outbreak[:, FIELDS.index("away_days")]
    clients = [client.id for client in test.operator.clients[: harm.shape[1]]]
    everything = float(rows.programme[:, :, _OFFERED].sum(axis=1).max())
    return CauseResult(
        cause=ready.causes[at],
        name=names[ready.causes[at]],
        lost=estimate_mean(lost, most=everything),
        lost_band=estimate_band(lost),
        occurs=estimate_share((places if at >= 1 else away) > 0),
        place_days=estimate_mean(places, most=float(test.settings.days * rows.lost.shape[1])),
        lost_by_client={c: float(harm[:, i].mean()) for i, c in enumerate(clients)},
    )


def _build_outbreak(rows: Quarters, agents: int, days: int) -> OutbreakResult:
    infected = rows.outbreak[:, FIELDS.index("infected")]
    away = rows.outbreak[:, FIELDS.index("away_days")]
    return OutbreakResult(
        infected=estimate_mean(infected, most=agents),
        infected_band=estimate_band(infected),
        none=estimate_share(infected == 0),
        major=estimate_share(infected >= 0.1 * agents),
        sizes=_count_percents(infected / agents),
        away_days=estimate_mean(away, most=float(agents) * days),
        away_band=estimate_band(away),
    )


FORMAT = "releve-crashtest/1"


def result_to_json(result: CrashResult) -> str:
    """Return the text of a result: sorted keys, so that equal results give equal bytes.

    Estimates are ``{"value", "low", "high"}``, bands ``{"median", "low", "high"}``.
    """
    tree = {"format": FORMAT, **asdict(result)}
    return json.dumps(_finite(tree), ensure_ascii=False, allow_nan=False, sort_keys=True)


def _finite(tree: Any) -> Any:
    """Write what is not known (an interval of one quarter) as null."""
    if isinstance(tree, dict):
        return {name: _finite(value) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and not np.isfinite(tree):
        return None
    return tree


def result_from_json(text: str) -> CrashResult:
    """Return the result of a text by :func:`result_to_json`; CrashTestError if it is not one."""
    try:
        tree = json.loads(text)
        if tree.pop("format") != FORMAT:
            raise CrashTestError(f"expected format {FORMAT!r}: made by another version")
        return CrashResult(
            **{
                **tree,
                "unplanned": tuple(tree["unplanned"]),
                "unknown": tuple(tree["unknown"]),
                "calls_served": _estimate(tree["calls_served"]),
                "penalty": _estimate(tree["penalty"]),
                "clients": tuple(ClientResult(**read_estimates(row)) for row in tree["clients"]),
                "sites": tuple(SiteResult(**read_estimates(row)) for row in tree["sites"]),
                "causes": tuple(CauseResult(**read_estimates(row)) for row in tree["causes"]),
                "outbreak": OutbreakResult(**read_estimates(tree["outbreak"])),
                "removed": tuple(RemovedCause(**read_estimates(row)) for row in tree.get("removed", ())),
                "day_spreads": tuple(DaySpread(**row) for row in tree.get("day_spreads", ())),
            }
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise CrashTestError(f"not the result of a crash test: {error}") from None


def read_estimates(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a JSON object with its estimates and bands; null: an infinity."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(one) for one in value)
    if isinstance(value, dict):
        if set(value) == {"value", "low", "high"}:
            return _estimate(value)
        if set(value) == {"median", "low", "high"}:
            return Band(**value)
        return {name: _value(one) for name, one in value.items()}
    return value


def _estimate(row: dict[str, float | None]) -> Estimate:
    low, high = row["low"], row["high"]
    return Estimate(float(row["value"] or 0.0), -np.inf if low is None else low, np.inf if high is None else high)


_SHARED: Mapping[str, tuple[str, ...]] = {"outbreak": ("illness", "closure")}
"""The causes among which what the outbreak takes is shared out."""
_NAMES: Mapping[str, Phrase] = {
    "illness": Phrase("Agents away, ill or in quarantine"),
    "outbreak": Phrase("The outbreak: agents away, and sites that the rule closes for it"),
    "closure": Phrase("Sites closed by the rule"),
    "rule": Phrase("The closure rule"),
}


@dataclass(frozen=True)
class CauseLoss:
    """A cause: calls ``lost`` a quarter to it, in all and ``by_client``, and in how many quarters
    it ``occurs``. ``shared``: its share, where ``lost`` is what a quarter loses less without it."""

    cause: str
    name: str
    lost: Estimate
    occurs: Estimate
    by_client: Mapping[str, float]
    shared: float | None = None

    @property
    def top(self) -> float:
        """The end of its interval where it is known."""
        return self.lost.high if math.isfinite(self.lost.high) else self.lost.value

    @property
    def spared(self) -> Estimate:
        """The calls that it spares: so does a rule that keeps an outbreak small."""
        return Estimate(-self.lost.value, -self.lost.high, -self.lost.low)


def list_cause_losses(result: CrashResult) -> list[CauseLoss]:
    """Return the causes of a result, the costliest first."""
    if not result.removed:
        return [CauseLoss(row.cause, row.name, row.lost, row.occurs, row.lost_by_client) for row in result.causes]
    shares = {row.cause: row.lost.value for row in result.causes}
    return [
        CauseLoss(
            "rule" if row.cause == "closure" else row.cause,
            row.name,
            row.lost,
            row.changes,
            {client: one.value for client, one in row.lost_by_client.items()},
            sum(shares.get(cause, 0.0) for cause in _SHARED.get(row.cause, (row.cause,))),
        )
        for row in result.removed
    ]


def list_site_causes(result: CrashResult) -> list[str]:
    """Return the causes that take sites, by the days they take in all; home lines are no site."""
    days: dict[str, float] = {}
    for row in result.causes:
        taken = (site.days_lost_by.get(row.cause) for site in result.sites)
        days[row.cause] = sum(one.value for one in taken if one is not None)
    return sorted((cause for cause in days if days[cause] > 0), key=lambda cause: -days[cause])


def name_cause(cause: str, name: str = "") -> Phrase:
    """Return a cause in words, a hazard that is shipped by its names in both languages.

    ``name``: what the operator's own table calls a hazard; without one it is called by its id.
    """
    if cause in _NAMES:
        return _NAMES[cause]
    shipped = (row for row in load_shipped_hazards() if row.id == cause)
    own = BilingualPhrase(name or cause, name or cause)
    return next((BilingualPhrase(row.name, row.name_fr) for row in shipped), own)
