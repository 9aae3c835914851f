"""The Seoul call centre of March 2020, as a test that the model can fail, and its drawing.

Park et al. 2020 (Emerg Infect Dis 26:1666-70) tested all occupants of a 19-storey building: 94 of
216 on the 11th floor, 79 of 137 desks of its north wing and 4 of 62 of its south wing, 1 of 595 on
floors 7 to 9; desks of cases were not clustered inside the wing; 34 of 210 household members of
cases with symptoms were infected. Two numbers are fitted, the reproduction number and the share of
contacts between zones, by approximate Bayesian computation on the cases of the floor and of the
south wing; everything else is predicted. Crossing into another zone lets the share kappa of
contacts through, into another floor kappa squared. The building's air is unknown: zones are alike.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.errors import ReleveError
from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.network import Agent, Operator, Seat, Zone
from releve.network.model import Client, Floor, OperatorRow, Programme, Site
from releve.plugins.crashtest.engine.outbreak.contacts import Contacts, Room
from releve.plugins.crashtest.engine.outbreak.controls import Controls
from releve.plugins.crashtest.engine.outbreak.disease import Disease, SourcedValue, covid
from releve.plugins.crashtest.engine.outbreak.errors import OutbreakError, require
from releve.plugins.crashtest.engine.outbreak.population import Population, build_population
from releve.plugins.crashtest.engine.outbreak.rng import hash_key, rank_keys
from releve.plugins.crashtest.engine.outbreak.run import Detail, Scenario, simulate

if TYPE_CHECKING:
    from scipy import spatial
else:
    spatial = LazyModule("scipy.spatial")


NORTH, SOUTH, EAST = "north_wing", "south_wing", "east_offices"
UNPLACED = 16
"""People of the 11th floor without a desk on the plan: 216 - 200."""
OTHER_FLOORS = {"f7": 182, "f8": 207, "f9": 206}
AIR_M3, AIR_CHANGES = 10.0, 3.0
"""Air of every zone, by person and by hour: unknown, the same for all, and so without effect."""
SEAT_SHARE = 0.1
"""The product's own share of neighbours, not fitted."""
PITCH_NEAR = 1.6
"""Desks within so many pitches are neighbours: those beside, opposite and diagonal."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk of the 11th floor, in desk pitches: its wing, and whether its user was a case."""

    x: float
    y: float
    wing: str
    case: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure observed, and the middle and 95 % range that the fitted model predicts."""

    name: str
    observed: float
    predicted: float
    low: float
    high: float
    fitted: bool

    @property
    def covered(self) -> bool:
        """Whether the observed figure lies in the range."""
        return self.low <= self.observed <= self.high


@dataclass(frozen=True)
class Fit:
    """What was accepted: ``reproduction[draw]`` and ``between[draw]`` (kappa) of the runs that
    were near enough; the figures; ``onsets[draw, day]`` of the 11th floor by day of the calendar
    (day 0 = the day of the first recorded onset), and ``infected[desk]``, how often each was.
    """

    drawn: int
    reproduction: Floats
    between: Floats
    figures: tuple[Figure, ...]
    onsets: NDArray[np.int64]
    infected: Floats


OBSERVED = {
    "cases of the 11th floor (of 216)": 94.0,
    "north wing (of 137 desks)": 79.0,
    "south wing (of 62 desks)": 4.0,
    "floors 7 to 9 (of 595)": 1.0,
    "household attack rate": 34 / 210,
}


def seat_building(desks: Sequence[Desk]) -> Population:
    """Return the people of floors 7 to 9 and 11 as a population; desks in the order given.

    A wing is a zone, and so is each other floor. The people without a desk on the plan sit in the
    two wings, in proportion, apart from all other desks.
    """
    require(len(desks) > 0, "a plan with desks", 0)
    north = round(UNPLACED * sum(d.wing == NORTH for d in desks) / len(desks))
    seats = [Seat(f"d{at:03}", f"f11-{desk.wing}", desk.x, desk.y) for at, desk in enumerate(desks)]
    seats += [
        Seat(f"u{at:03}", f"f11-{NORTH if at < north else SOUTH}", 500.0 + 10 * at, 500.0) for at in range(UNPLACED)
    ]
    seats += [
        Seat(f"{name}-{at:03}", f"{name}-z", 10.0 * at % 900, 10.0 * (10 * at // 900))
        for name, people in OTHER_FLOORS.items()
        for at in range(people)
    ]
    people_of = Counter(seat.zone for seat in seats)
    floors = [Floor("f11", "seoul"), *(Floor(name, "seoul") for name in OTHER_FLOORS)]
    zones = [Zone(zone, zone.split("-")[0], AIR_M3 * people, AIR_CHANGES) for zone, people in sorted(people_of.items())]
    operator = Operator(
        row=OperatorRow("Seoul 2020"),
        sites=(Site("seoul", "Seoul", "KR", "Seoul", "Asia/Seoul", 37.5, 126.9),),
        floors=tuple(floors),
        zones=tuple(zones),
        seats=tuple(seats),
        clients=(Client("c", "c"),),
        programmes=(Programme("p", "c", "p", "inbound", "Mon-Sun 08:00-20:00", 300.0),),
        agents=tuple(Agent(seat.id, "seoul", ("p",)) for seat in seats),
    )
    return build_population(
        operator, seats={seat.id: seat.id for seat in seats}, neighbour_m=PITCH_NEAR, others=(0.0, 1.0)
    )


def build_contacts(population: Population, reproduction: float, between: float) -> Contacts:
    """Return the contacts of the two fitted numbers; SEAT_SHARE of what stays is with neighbours.

    The reproduction number is that of an agent at a desk of the north wing.
    """
    stays = 1.0 - between - between**2
    wing = next(group for group in population.groups if group.zone == f"f11-{NORTH}")
    pointer = population.near_pointer
    beside = (pointer[wing.end] - pointer[wing.first]) / wing.places
    return Contacts(
        reproduction,
        zone=(1.0 - SEAT_SHARE) * stays,
        seat=SEAT_SHARE * stays,
        floor=between,
        site=between**2,
        shuttle=0.0,
        room=Room(wing.volume_m3, wing.air_changes_per_hour, wing.places, max(beside, 1e-9)),
    )


def compute_join_count_z(xy: Floats, case: NDArray[np.bool_], *, seed: int = 0, shuffles: int = 400) -> float:
    """Return how many standard deviations the adjacent pairs of cases lie from chance.

    ``xy[desk, 2]`` in pitches; chance is the same number of cases on desks at random.
    """
    pairs = spatial.cKDTree(xy).query_pairs(PITCH_NEAR, output_type="ndarray")
    if case.sum() < 2 or not len(pairs):
        return 0.0
    order = np.argsort(_draw_uniform(seed, shuffles, len(case)), axis=1) < int(case.sum())
    by_chance = (order[:, pairs[:, 0]] & order[:, pairs[:, 1]]).sum(axis=1)
    seen = (case[pairs[:, 0]] & case[pairs[:, 1]]).sum()
    spread = by_chance.std()
    return float((seen - by_chance.mean()) / spread) if spread > 0 else 0.0


def _draw_uniform(seed: int, rows: int, columns: int) -> Floats:
    keys = np.arange(rows * columns, dtype=np.uint64)
    return rank_keys(keys, int(hash_key("seoul", seed) >> np.uint64(20))).reshape(rows, columns)


def validate_outbreak(
    desks: Sequence[Desk],
    onsets: Sequence[int],
    *,
    draws: int = 1500,
    runs: int = 24,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[float], None] = lambda done: None,
) -> Fit:
    """Fit the two numbers and predict the rest.

    ``onsets[day]``: recorded onsets of the 11th floor from the first one on. The prior is uniform:
    reproduction 1 to 12, between-zone share 0 to 0.5. Each of ``draws`` pairs is run ``runs`` times
    from one first case in the north wing, and stopped on the day of the 94th infection of the
    floor, as the floor was closed. A run is accepted when that day is among the first 25, the
    floor then has at most 108 cases and the south wing at most 12. OutbreakError when none is.
    """
    require(draws >= 1 and runs >= 1, "draws and runs >= 1", (draws, runs))
    population = seat_building(desks)
    disease = replace(covid(), asymptomatic=SourcedValue(0.04, 0.01, 0.1, "Park et al. 2020: 4 of 97"))
    prior = _draw_uniform(seed, draws, 2) * np.array([11.0, 0.5]) + np.array([1.0, 0.0])
    found: list[_Run] = []
    for at, (reproduction, between) in enumerate(prior):
        found += _simulate_pair(population, disease, desks, reproduction, between, (at, runs, seed, threads))
        progress((at + 1) / draws)
    if not found:
        raise OutbreakError("no run was near the observed floor: more draws or runs are needed")
    return _build_fit(desks, onsets, found, draws * runs)


@dataclass(frozen=True, slots=True)
class _Run:
    """An accepted run: its two numbers, counts, the cases by desk and the onsets by day."""

    reproduction: float
    between: float
    counts: tuple[float, ...]
    case: NDArray[np.bool_]
    onsets: NDArray[np.int64]
    z: float


def _simulate_pair(
    population: Population,
    disease: Disease,
    desks: Sequence[Desk],
    reproduction: float,
    between: float,
    settings: tuple[int, int, int, int],
) -> list[_Run]:
    draw, runs, seed, threads = settings
    number = population.number
    at_desk = np.array([number[f"d{at:03}"] for at in range(len(desks))])
    north = [at for at, desk in zip(at_desk, desks, strict=True) if desk.wing == NORTH]
    contacts = build_contacts(population, reproduction, between)
    scenario = Scenario(population, disease, contacts, 60, None, tuple(int(at) for at in north), 1)
    out = simulate(
        scenario,
        Controls(),
        replications=runs,
        seed=seed,
        first=draw * runs,
        threads=threads,
        detail=Detail(persons=True),
    )
    accepted = []
    for row in range(runs):
        one = _accept_run(population, desks, at_desk, out.infected_on[row], out.ill_on[row])
        if one is not None:
            counts, case, onsets = one
            xy = np.array([(d.x, d.y) for d in desks if d.wing == NORTH])
            z = compute_join_count_z(xy, case[[d.wing == NORTH for d in desks]], seed=seed)
            accepted.append(_Run(reproduction, between, counts, case, onsets, z))
    return accepted


def _accept_run(
    population: Population,
    desks: Sequence[Desk],
    at_desk: NDArray[np.int64],
    infected_on: NDArray[np.int16],
    ill_on: NDArray[np.int16],
) -> tuple[tuple[float, ...], NDArray[np.bool_], NDArray[np.int64]] | None:
    """Return the counts, cases by desk and onsets of a run, if it is near the observed floor."""
    on_11th = np.array([g.zone.startswith("f11") for g in population.groups])[population.group]
    agents = infected_on[: population.size]
    floor = np.sort(agents[on_11th & (agents >= 0)])
    if len(floor) < 94:
        return None
    last = int(floor[93])  # closed on the day of the 94th infection
    case = (infected_on[at_desk] >= 0) & (infected_on[at_desk] <= last)
    infected = (agents >= 0) & (agents <= last)
    wing = np.array([desk.wing for desk in desks])
    south = int(case[wing == SOUTH].sum())
    total = int((infected & on_11th).sum())
    if last > 25 or total > 108 or south > 12:
        return None
    others = int((infected & ~on_11th).sum())
    family = [
        int(infected_on[population.home_pointer[a]] >= 0)
        for a in np.flatnonzero(infected & (ill_on[: population.size] >= 0))
    ]
    ill = ill_on[: population.size][infected & on_11th]
    ill = ill[ill >= 0]
    onsets = np.bincount(ill - ill.min(), minlength=40)[:40]
    counts = (total, int(case[wing == NORTH].sum()), south, others, float(np.mean(family)))
    return counts, case, onsets


def _build_fit(desks: Sequence[Desk], onsets: Sequence[int], found: Sequence[_Run], drawn: int) -> Fit:
    """Return the figures of the accepted runs beside those observed."""
    curves = np.array([run.onsets for run in found])
    values = [np.array([run.counts[at] for run in found]) for at in range(len(OBSERVED))]
    figures = [
        _build_figure(name, seen, value, fitted=at in (0, 2))
        for at, ((name, seen), value) in enumerate(zip(OBSERVED.items(), values, strict=True))
    ]
    north = [desk.wing == NORTH for desk in desks]
    xy = np.array([(desk.x, desk.y) for desk in desks])[north]
    seen_z = compute_join_count_z(xy, np.array([desk.case for desk in desks])[north])
    figures.append(_build_figure("clustering of desks in the wing (z)", seen_z, np.array([r.z for r in found])))
    seen_median = _find_median_day(np.asarray(onsets))
    medians = np.array([_find_median_day(curve) for curve in curves])
    figures.append(_build_figure("median onset, days after the first", seen_median, medians))
    seen_early = float(np.sum(onsets[:10]) / np.sum(onsets))
    early = curves[:, :10].sum(1) / np.maximum(curves.sum(1), 1)
    figures.append(_build_figure("onsets in the first ten days (share)", seen_early, early))
    return Fit(
        drawn,
        np.array([run.reproduction for run in found]),
        np.array([run.between for run in found]),
        tuple(figures),
        curves,
        np.mean([run.case for run in found], axis=0),
    )


def _build_figure(name: str, observed: float, values: Floats, *, fitted: bool = False) -> Figure:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return Figure(name, float(observed), float(middle), float(low), float(high), fitted)


def _find_median_day(onsets: NDArray[np.int64]) -> float:
    upto = np.cumsum(onsets)
    return float(np.searchsorted(upto, upto[-1] / 2))


_WIDTH, _HEIGHT, _MARGIN, _MAP_WIDTH = 960, 440, 40, 520


def draw_seoul(desks: Sequence[Desk], onsets: Sequence[int], fit: Fit) -> str:
    """Return the picture as SVG text.

    Left the desks of the 11th floor: darker the more often the model infected them, ringed where
    there was a case. Right the onsets by day, observed as bars, the middle 90 % of runs as a band.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' role="img" aria-labelledby="t d" font-family="sans-serif" font-size="13">',
        '<title id="t">Seoul call centre, 11th floor, 2020: observed and modelled</title>',
        f'<desc id="d">{escape(_describe(fit))}</desc>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *_draw_map(desks, fit),
        *_draw_curve(onsets, fit),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _describe(fit: Fit) -> str:
    return "; ".join(
        f"{one.name}: observed {one.observed:.3g}, model {one.low:.3g} to {one.high:.3g}" for one in fit.figures
    )


def _draw_map(desks: Sequence[Desk], fit: Fit) -> list[str]:
    x = np.array([desk.x for desk in desks])
    y = np.array([desk.y for desk in desks])
    scale = min((_MAP_WIDTH - 2 * _MARGIN) / max(np.ptp(x), 1.0), (_HEIGHT - 100) / max(np.ptp(y), 1.0))
    out = [f'<text x="{_MARGIN}" y="24">Desks: fill = infected by the model, ring = case</text>']
    for desk, share in zip(desks, fit.infected, strict=True):
        at = (_MARGIN + scale * (desk.x - x.min()), 60 + scale * (desk.y - y.min()))
        ring = ' stroke="#b3261e" stroke-width="2.5"' if desk.case else ' stroke="#8a8a8a"'
        shade = round(255 - 175 * float(share))
        out.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{0.36 * scale:.1f}" fill="rgb({shade},{shade},255)"{ring}/>'
        )
    return out


def _draw_curve(onsets: Sequence[int], fit: Fit) -> list[str]:
    """Return bars of the onsets, the band of the runs and the two axes."""
    days = min(len(onsets), fit.onsets.shape[1], 25)
    low, middle, high = np.quantile(fit.onsets[:, :days], [0.05, 0.5, 0.95], axis=0)
    top = max(max(onsets[:days]), float(high.max()), 1.0)
    left, base = _MAP_WIDTH + 50, _HEIGHT - 50
    step, rise = (_WIDTH - left - 20) / days, (base - 60) / top

    def points(values: Sequence[float], *, back: bool = False) -> list[str]:
        at = [f"{left + step * (k + 0.5):.1f},{base - rise * v:.1f}" for k, v in enumerate(values)]
        return at[::-1] if back else at

    band = " ".join(points(high.tolist()) + points(low.tolist(), back=True))
    bars = [
        f'<rect x="{left + step * (k + 0.2):.1f}" y="{base - rise * n:.1f}"'
        f' width="{0.6 * step:.1f}" height="{rise * n:.1f}" fill="#b3261e"/>'
        for k, n in enumerate(onsets[:days])
    ]
    return [
        f'<text x="{left}" y="24">Onsets by day: bars observed, band 90 % of runs</text>',
        f'<polygon points="{band}" fill="#c9c9ff"/>',
        *bars,
        f'<polyline points="{" ".join(points(middle.tolist()))}" fill="none" stroke="#50f"/>',
        f'<line x1="{left}" y1="{base}" x2="{_WIDTH - 20}" y2="{base}" stroke="#444"/>',
        f'<text x="{left}" y="{base + 18}">0</text>',
        f'<text x="{_WIDTH - 20}" y="{base + 18}" text-anchor="end">{days} days</text>',
        f'<text x="{left - 8}" y="{base - rise * top + 5:.1f}" text-anchor="end">{top:.0f}</text>',
    ]


_SEATS, _ONSETS = "park2020_seoul_seats.csv", "park2020_seoul_onsets.csv"
_DAYS = 40


class SeoulDataError(ReleveError, ValueError):
    """The data cannot be read; the text names the file and what is wrong."""


def read_floor(folder: Path) -> tuple[list[Desk], list[int]]:
    """Read the desks, and the onsets of the 11th floor by day from the first one.

    SeoulDataError names the file, or the column or value that is missing.
    """
    try:
        with (folder / _SEATS).open(encoding="utf-8", newline="") as file:
            desks = [
                Desk(float(row["x_pitch"]), float(row["y_pitch"]), row["region"], row["case"] == "1")
                for row in csv.DictReader(file)
            ]
        with (folder / _ONSETS).open(encoding="utf-8", newline="") as file:
            days = [(date.fromisoformat(row["onset_date"]), int(row["floor11"])) for row in csv.DictReader(file)]
    except OSError as error:
        raise SeoulDataError(f"{error.filename}: {error.strerror}") from None
    except (KeyError, ValueError) as error:
        raise SeoulDataError(f"{folder}: a column or value is missing: {error}") from None
    first = min(day for day, count in days if count > 0)
    onsets = [0] * _DAYS
    for day, count in days:
        if count > 0 and (day - first).days < _DAYS:
            onsets[(day - first).days] += count
    return desks, onsets
