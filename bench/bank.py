"""A bank's call centre of 1999: January fits how many were really there, February is predicted.

``python -m bench.queue --bank``. Sunday to Thursday, 07:00 to midnight, all calls but those of
internet support (which has agents of its own). The log says who answered what, not who was logged
in: an agent counts as present from the start of a call to the end of the next one if no more than a
``GAP`` lies between. Present is not yet free for a call (wrap-up, short breaks, other tasks), so a
share of it is fitted on January: by half hour, and times a factor by day, those with which the
abandonment comes out. February is then simulated with its own volumes and presence, and with
January's patience, handling times by type, shares, and factors (each February day draws one).
Nothing of February's waits, losses or handling times is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.demand.queue import Centre, Law, centre_of, simulate

FIRST, LAST = 14, 48
"""Half hours of the day: 07:00 to midnight."""
CELL_S = 300
"""The agents present change every five minutes."""
GAPS_S = (600, 900, 1800)
PER_HALF_HOUR = 1800 // CELL_S
THRESHOLD_S = 20.0
MEASURES = ("abandoned", "within 20 s", "mean wait (s)")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bank:
    """The log and what January says of it: days by month; ``patience`` of mean ``patience_s``;
    handling time by type; all calls of a day as ``seen[half hour, (offered, abandoned, within,
    wait)]``."""

    log: pl.DataFrame
    days: dict[int, list[date]]
    patience: Law
    patience_s: float
    service: Law
    aht_s: dict[str, float]
    seen: dict[date, Floats]


@dataclass(frozen=True)
class Month:
    """A month's half hours: what was seen, and the simulated months ``[run, half hour, 3]``."""

    seen: Floats
    drawn: Floats
    whole_seen: Floats
    whole_drawn: Floats

    def inside(self, share: float = 0.95) -> NDArray[np.bool_]:
        """Return where what was seen lies in the predicted interval, ``[half hour, measure]``."""
        tail = (1.0 - share) / 2.0
        low, high = np.nanquantile(self.drawn, [tail, 1.0 - tail], axis=0)
        return np.asarray((self.seen >= low) & (self.seen <= high))


def load(folder: Path) -> Bank:
    """Return the bank's January and February."""
    log = (
        pl.read_parquet(folder / "anonymousbank_1999" / "calls_1999_jan_feb.parquet")
        .filter(pl.col("type") != "IN", pl.col("date").dt.weekday().is_in([7, 1, 2, 3, 4]))
        .with_columns(
            day=pl.col("date").dt.date(),
            come=pl.when(pl.col("q_time") > 0)
            .then(pl.col("q_start_s"))
            .otherwise(pl.col("ser_start_s")),
            lost=pl.col("outcome") == "HANG",
        )
        .filter(
            ((pl.col("outcome") == "HANG") & (pl.col("q_time") > 0))
            | (pl.col("outcome") == "AGENT")
        )
    )
    days = {
        month: sorted(log.filter(pl.col("day").dt.month() == month)["day"].unique().to_list())
        for month in (1, 2)
    }
    january = log.filter(pl.col("day").dt.month() == 1)
    served = january.filter(~pl.col("lost"), pl.col("ser_time") > 0)
    means = served.group_by("type").agg(pl.col("ser_time").mean())
    patience, patience_s = patience_of(january)
    return Bank(
        log,
        days,
        patience,
        patience_s,
        Law.sample(served["ser_time"].to_numpy()),
        dict(means.iter_rows()),
        {day: seen_of(log.filter(pl.col("day") == day)) for month in days for day in days[month]},
    )


def patience_of(calls: pl.DataFrame, steps: int = 2000) -> tuple[Law, float]:
    """Return the patience of callers by Kaplan and Meier, at equal steps of probability.

    Who was answered would have waited longer than she did. Beyond the longest wait those left hang
    up at the mean rate of the last tenth.
    """
    rows = calls.sort("q_time")
    times, lost = rows["q_time"].to_numpy().astype(np.float64), rows["lost"].to_numpy()
    at_risk = np.arange(times.size, 0, -1)
    stay = np.cumprod(1.0 - lost / at_risk)
    u = (np.arange(steps) + 0.5) / steps
    place = np.searchsorted(1.0 - stay, u)
    known = place < times.size
    values = np.where(known, times[np.minimum(place, times.size - 1)], 0.0)
    end, start = int(known.sum()), int(0.9 * known.sum())
    rate = np.log((1 - u[start]) / (1 - u[end - 1])) / (values[end - 1] - values[start])
    values[~known] = values[end - 1] + np.log((1 - u[end - 1]) / (1 - u[~known])) / rate
    mean = float(values.mean())
    return Law.sample(values, mean), mean


def seen_of(calls: pl.DataFrame) -> Floats:
    """Return offered, abandoned, answered within, and seconds waited of a day's half hours."""
    half = calls["come"].to_numpy() // 1800
    wait, lost = calls["q_time"].to_numpy(), calls["lost"].to_numpy()
    columns = (np.ones(wait.size), lost, ~lost & (wait <= THRESHOLD_S), wait)
    return np.stack([np.bincount(half, c, 48)[FIRST:LAST] for c in columns], axis=1)


def present(calls: pl.DataFrame, gap_s: int) -> Floats:
    """Return the mean number of agents present in each cell of a day."""
    edges = np.arange(FIRST * 1800, LAST * 1800 + 1, CELL_S)
    out = np.zeros(edges.size - 1)
    served = calls.filter(~pl.col("lost"), pl.col("ser_exit_s") > pl.col("ser_start_s"))
    for agent in served.partition_by("agent"):
        rows = agent.sort("ser_start_s").select("ser_start_s", "ser_exit_s").rows()
        start, stop = rows[0]
        spans = []
        for begins, ends in rows[1:]:
            if begins - stop > gap_s:
                spans.append((start, stop))
                start = begins
            stop = max(stop, ends)
        for begins, ends in [*spans, (start, stop)]:
            out += np.clip(np.minimum(ends, edges[1:]) - np.maximum(begins, edges[:-1]), 0, None)
    return out / CELL_S


def centre(bank: Bank, day: date, there: Floats, share: Floats) -> Centre:
    """Return a day with a share ``[half hour]`` of those present free for calls: whole agents, the
    rest carried on from cell to cell."""
    calls = bank.log.filter(pl.col("day") == day)
    half = calls["come"].to_numpy() // 1800
    need = calls["type"].replace_strict(bank.aht_s, return_dtype=pl.Float64).to_numpy()
    offered = np.bincount(half, minlength=48)[FIRST:LAST]
    work = np.bincount(half, need, 48)[FIRST:LAST]
    aht = np.where(offered > 0, work / np.maximum(offered, 1), need.mean())
    agents = np.diff(
        np.floor(np.concatenate([[0.0], np.cumsum(there * np.repeat(share, PER_HALF_HOUR))]) + 0.5)
    )
    return centre_of(
        ["bank"],
        np.arange(agents.size + 1) * float(CELL_S),
        np.repeat(offered / PER_HALF_HOUR, PER_HALF_HOUR)[:, None],
        np.repeat(aht, PER_HALF_HOUR)[:, None],
        agents[:, None],
        patience_s=bank.patience_s,
        threshold_s=THRESHOLD_S,
        service_law=bank.service,
        patience_law=bank.patience,
    )


def simulated(bank: Bank, day: date, there: Floats, share: Floats, runs: int, first: int) -> Floats:
    """Return what :func:`seen_of` counts, ``[run, half hour, 4]``."""
    found = simulate(centre(bank, day, there, share), runs, seed=day.toordinal(), first=first)
    waited = found.wait_answered_s + found.wait_abandoned_s
    parts = (found.offered, found.abandoned + found.left, found.within, waited)
    cells = np.stack([part[:, :, 0] for part in parts], axis=2).astype(np.float64)
    return np.asarray(cells.reshape(runs, -1, PER_HALF_HOUR, 4).sum(axis=2))


def smooth(there: Floats) -> Floats:
    """Return the presence of each half hour in all its cells."""
    return np.repeat(there.reshape(-1, PER_HALF_HOUR).mean(axis=1), PER_HALF_HOUR)


def fitted_profile(
    bank: Bank, there: dict[date, Floats], runs: int = 40, rounds: int = 12
) -> Floats:
    """Return the share ``[half hour]`` with which January's abandonment comes out by half hour."""
    share = np.ones(LAST - FIRST)
    seen = measures(np.sum([bank.seen[day] for day in there], axis=0))[:, 0]
    for _ in range(rounds):
        drawn = np.sum(
            [simulated(bank, day, cells, share, runs, 0) for day, cells in there.items()], axis=0
        )
        share = share * np.exp(measures(drawn.sum(axis=0))[:, 0] - seen)
    return share


def fitted_factor(bank: Bank, day: date, there: Floats, profile: Floats, runs: int = 40) -> float:
    """Return the factor on the profile with which a day's abandonment comes out."""
    target = bank.seen[day][:, 1].sum() / bank.seen[day][:, 0].sum()
    low, high = 0.5, 2.0
    for _ in range(10):
        factor = (low + high) / 2.0
        drawn = simulated(bank, day, there, profile * factor, runs, 0)
        lost = drawn[:, :, 1].sum() / drawn[:, :, 0].sum()
        low, high = (factor, high) if lost > target else (low, factor)
    return (low + high) / 2.0


def measures(counts: Floats) -> Floats:
    """Return abandoned / offered, within / offered and the mean wait; the last axis is four."""
    offered = np.where(counts[..., 0] > 0, counts[..., 0], np.nan)
    return np.asarray(np.stack([counts[..., k] / offered for k in (1, 2, 3)], axis=-1))


def month(
    bank: Bank, there: dict[date, Floats], profile: Floats, factors: list[float], runs: int
) -> Month:
    """Simulate a month ``runs`` times, each day with one of the factors, drawn once a run."""
    draw = np.random.default_rng(1999)
    picks = draw.integers(len(factors), size=(runs, len(there)))
    total = np.zeros((runs, LAST - FIRST, 4))
    for column, (day, cells) in enumerate(there.items()):
        for pick in np.unique(picks[:, column]):
            where = np.flatnonzero(picks[:, column] == pick)
            share = profile * factors[int(pick)]
            total[where] += simulated(bank, day, cells, share, where.size, 1000 * int(pick))
    seen = np.sum([bank.seen[day] for day in there], axis=0)
    return Month(
        measures(seen), measures(total), measures(seen.sum(axis=0)), measures(total.sum(axis=1))
    )


@dataclass(frozen=True)
class Fit:
    """How presence is read (``gap_s``, and whether it is levelled over the half hour), the shares,
    and January simulated with them; ``misfit`` of its service level (abandonment is fitted)."""

    gap_s: int
    level: bool
    profile: Floats
    factors: list[float]
    january: Month
    misfit: float


@dataclass(frozen=True)
class Prediction:
    """Every fit on January, the one chosen, and February by it."""

    fits: list[Fit]
    chosen: Fit
    february: Month


def fit(bank: Bank, gap_s: int, level: bool, runs: int) -> Fit:
    """Return what January says with one reading of presence."""
    there = _present(bank, 1, gap_s, level)
    profile = fitted_profile(bank, there)
    factors = [fitted_factor(bank, day, cells, profile) for day, cells in there.items()]
    january = month(bank, there, profile, factors, runs)
    off = january.drawn.mean(axis=0)[:, 1] - january.seen[:, 1]
    return Fit(gap_s, level, profile, factors, january, float(np.sqrt(np.mean(off**2))))


def predict(bank: Bank, runs: int = 400, gaps_s: tuple[int, ...] = GAPS_S) -> Prediction:
    """Fit on January, predict February. Presence is read in the way with which January's service
    level comes out nearest (root mean square over the half hours)."""
    fits = [fit(bank, gap, level, runs) for gap in gaps_s for level in (False, True)]
    best = min(fits, key=lambda one: one.misfit)
    there = _present(bank, 2, best.gap_s, best.level)
    february = month(bank, there, best.profile, best.factors, runs)
    return Prediction(fits, best, february)


def _present(bank: Bank, number: int, gap_s: int, level: bool) -> dict[date, Floats]:
    cells = {
        day: present(bank.log.filter(pl.col("day") == day), gap_s) for day in bank.days[number]
    }
    return {day: smooth(there) for day, there in cells.items()} if level else cells


def table(found: Prediction) -> str:
    """Return the prediction for people."""
    best = found.chosen
    out = [
        f"January, {len(best.factors)} days. Present while calls are at most {best.gap_s} s apart,"
        + (" levelled over the half hour;" if best.level else " by five minutes;"),
        f"share of those present that is free for calls {best.profile.min():.2f} to"
        f" {best.profile.max():.2f} by half hour, times a factor of the day of mean"
        f" {np.mean(best.factors):.3f}, standard deviation {np.std(best.factors, ddof=1):.3f}",
        "misfit of January's service level: "
        + ", ".join(
            f"{one.gap_s} s{' levelled' if one.level else ''} {one.misfit:.3f}"
            for one in found.fits
        ),
        "",
        "February, predicted: mean and 95 % interval of the month, and what was seen (* outside)",
        f"{'half hour':<10}" + "".join(f"{name:^32}" for name in MEASURES),
    ]
    rows = [(f"{h // 2:02}:{h % 2 * 30:02}", h - FIRST) for h in range(FIRST, LAST)]
    february = found.february
    for label, h in rows:
        out.append(f"{label:<10}" + _row(february.drawn[:, h], february.seen[h]))
    out.append(f"{'month':<10}" + _row(february.whole_drawn, february.whole_seen))
    for name, result in (("January", best.january), ("February", february)):
        inside = result.inside()
        shares = [f"{inside[:, k].sum()} of {len(inside)} ({MEASURES[k]})" for k in range(3)]
        out.append(f"{name}: inside the 95 % interval " + ", ".join(shares))
    return "\n".join(out)


def _row(drawn: Floats, seen: Floats) -> str:
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    text = ""
    for k in range(3):
        digits = 1 if k == 2 else 3
        star = " " if low[k] <= seen[k] <= high[k] else "*"
        interval = (
            f"{np.nanmean(drawn[:, k]):.{digits}f} ({low[k]:.{digits}f}-{high[k]:.{digits}f})"
        )
        text += f"{interval:>21}{seen[k]:>8.{digits}f}{star}  "
    return text
