"""Operators of a few people: random ones, and hand-made ones whose best plan is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from releve import network
from releve.demand.requirement import Requirement
from releve.plan.settings import PlanSettings

DAY = date(2026, 12, 1)
MIDNIGHT = datetime(2026, 11, 30, 23, tzinfo=UTC)
"""The first instant of the day in Paris."""
HALF_HOUR = timedelta(minutes=30)
STARTS = tuple(MIDNIGHT + i * HALF_HOUR for i in range(48))

Needs = Mapping[tuple[str, str], float]
"""Agents needed by (programme, time of the day in Paris)."""


@dataclass(frozen=True)
class Tiny:
    """An operator with a requirement and the settings to plan it by."""

    operator: network.Operator
    requirement: Requirement
    settings: PlanSettings


def at(text: str) -> datetime:
    """Return a time of the day in Paris, in UTC."""
    hour, minute = text.split(":")
    return MIDNIGHT + timedelta(hours=int(hour), minutes=int(minute))


def site(name: str, destination: str = "MA", lat: float = 33.5, lon: float = -7.6) -> network.Site:
    return network.Site(name, name.upper(), destination, "Casablanca", "Africa/Casablanca", lat, lon)


def programme(name: str, client: str, **other: Any) -> network.Programme:
    row = network.Programme(name, client, name.upper(), "inbound", "Mon-Sun 00:00-24:00", 300.0)
    return replace(row, **other)


def agent(name: str, home_site: str, *skills: str, **other: Any) -> network.Agent:
    """Return an agent; one with a carrier is home-ready over a line of it."""
    row = network.Agent(name, home_site, skills)
    if other.get("carrier"):
        row = replace(row, home_ready=True, line_type="fibre", line_mbps=50.0)
    return replace(row, **other)


def shift(name: str, start: str, end: str, break_minutes: float = 0.0) -> network.Shift:
    return network.Shift(name, at(start), at(end), break_minutes)


def room(where: str, count: int, spacing: float = 2.0) -> tuple[network.Floor, network.Zone, tuple[network.Seat, ...]]:
    """Return a floor of a site with its seats in one row."""
    zone = network.Zone(f"{where}-z", f"{where}-f", 500.0, 3.0)
    seats = tuple(network.Seat(f"{where}-{i}", zone.id, i * spacing, 0.0) for i in range(count))
    return network.Floor(f"{where}-f", where), zone, seats


def operator_of(
    sites: Sequence[network.Site],
    rooms: Mapping[str, tuple[int, float]],
    programmes: Sequence[network.Programme],
    agents: Sequence[network.Agent],
    shifts: Sequence[network.Shift],
    *,
    distance_m: float = 1.5,
    **tables: Any,
) -> network.Operator:
    """Put an operator together; ``rooms`` seats and spacing in metres by site."""
    made = [room(row.id, *rooms[row.id]) for row in sites]
    clients = dict.fromkeys(row.client for row in programmes)
    return network.Operator(
        row=network.OperatorRow("Tiny", "Europe/Paris", distance_m, True),
        sites=tuple(sites),
        floors=tuple(floor for floor, _, _ in made),
        zones=tuple(zone for _, zone, _ in made),
        seats=tuple(seat for _, _, seats in made for seat in seats),
        clients=tuple(network.Client(name, name.upper()) for name in clients),
        programmes=tuple(programmes),
        agents=tuple(agents),
        shifts=tuple(shifts),
        **tables,
    )


def requirement_of(operator: network.Operator, needs: Needs, aht_s: Mapping[str, float] | None = None) -> Requirement:
    """Return the requirement of a day; five calls an interval for each agent needed."""
    names = tuple(row.id for row in operator.programmes)
    agents = np.zeros((len(STARTS), len(names)))
    for (name, time), need in needs.items():
        agents[STARTS.index(at(time)), names.index(name)] = need
    own = np.array([row.aht_s for row in operator.programmes])
    spoken = np.array([(aht_s or {}).get(row.id, row.aht_s) for row in operator.programmes])
    aht = np.where(agents > 0, spoken, own)
    unknown = {name: "no history" for p, name in enumerate(names) if np.isnan(agents[:, p]).any()}
    return Requirement(DAY, names, STARTS, agents, agents, agents * 5.0, aht, unknown)


# -- by hand -------------------------------------------------------------------------------------


def two_sites_one_client() -> Tiny:
    """Two sites of two seats, four agents, four needed in both intervals of their hour.

    Base: everyone on the own site, objective 0. Loss of either site: one of its two works at home
    and one cannot, so 1 of 4 is missing in 2 intervals: relief penalty 2, shortfall 0.25, floor
    0.25, regret 0. Whole: 0 + 0 + 0.2 x mean(2, 2) = 0.4.
    """
    people = [
        agent("a1", "a", "p", carrier="Red"),
        agent("a2", "a", "p"),
        agent("b1", "b", "p", carrier="Blue"),
        agent("b2", "b", "p"),
    ]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (2, 2.0), "b": (2, 2.0)},
        [programme("p", "k")],
        people,
        [shift(row.id, "08:00", "09:00") for row in people],
    )
    needs = {("p", "08:00"): 4, ("p", "08:30"): 4}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


def scarce_seats() -> Tiny:
    """Two seats a metre apart under a rule of 1.5 m hold one person; two are needed for 30 min.

    Base: a1 takes the seat, a2 works at home at 0.8: penalty 0.2, objective 0.2 + 0.015.
    """
    operator = operator_of(
        [site("a")],
        {"a": (2, 1.0)},
        [programme("p", "k", home_efficiency=0.8)],
        [agent("a1", "a", "p"), agent("a2", "a", "p", carrier="Red")],
        [shift("a1", "08:00", "08:30"), shift("a2", "08:00", "08:30")],
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): 2}), PlanSettings())


def one_site_site_only() -> Tiny:
    """Client k is site-only and allowed in MA alone, which has one site; l can be held at home.

    Base: objective 0. Loss of a: k misses all (shortfall 1, floor 1: out of reach), l
    nothing. Weights are 1, so the relief penalty of a is 1, of b 1 (l's agent b1 has no line).
    """
    operator = operator_of(
        [site("a", "MA"), site("b", "TN", 36.8, 10.2)],
        {"a": (2, 2.0), "b": (2, 2.0)},
        [programme("p", "k", place="site_only", allowed_destinations=("MA",)), programme("q", "l")],
        [agent("a1", "a", "p"), agent("a2", "a", "q", carrier="Red"), agent("b1", "b", "q")],
        [shift(name, "08:00", "08:30") for name in ("a1", "a2", "b1")],
    )
    needs = {("p", "08:00"): 1, ("q", "08:00"): 2}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


def capped() -> Tiny:
    """Half of a client's people per site at most, all three at home on a with a shuttle to b.

    Base: ceil(0.5 x 3) = 2 stay on a and one rides to b: penalty 0, objective 0.01.
    """
    people = [agent(f"a{i}", "a", "p", stop="x") for i in (1, 2, 3)]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (3, 2.0), "b": (3, 2.0)},
        [programme("p", "k", max_site_share=0.5)],
        people,
        [shift(row.id, "08:00", "08:30") for row in people],
        stops=(network.Stop("x", "X", 33.5, -7.6),),
        shuttles=(network.Shuttle("x", "a", 20.0), network.Shuttle("x", "b", 60.0)),
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): 3}), PlanSettings())


def breaks_apart() -> Tiny:
    """Two agents with a break each; 1, 2, 1 are needed: one rests first and the other last.

    Base: penalty 0, objective 0.
    """
    operator = operator_of(
        [site("a")],
        {"a": (2, 2.0)},
        [programme("p", "k")],
        [agent("a1", "a", "p"), agent("a2", "a", "p")],
        [shift("a1", "08:00", "09:30", 30.0), shift("a2", "08:00", "09:30", 30.0)],
    )
    needs = {("p", "08:00"): 1, ("p", "08:30"): 2, ("p", "09:00"): 1}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


def spare_person() -> Tiny:
    """One is needed, two of site a can also ride to b. Who is not needed stays unexposed.

    Base: objective 0 in either case. Whole: one works on a, the other is kept and takes over on b
    (or the other way round for b): objective 0.
    """
    people = [agent(f"a{i}", "a", "p", stop="x") for i in (1, 2)]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (2, 2.0), "b": (2, 2.0)},
        [programme("p", "k")],
        people,
        [shift(row.id, "08:00", "08:30") for row in people],
        stops=(network.Stop("x", "X", 33.5, -7.6),),
        shuttles=(network.Shuttle("x", "a", 20.0), network.Shuttle("x", "b", 60.0)),
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): 1}), PlanSettings())


def two_needed_of_two() -> Tiny:
    """As :func:`spare_person` with both needed: spreading them halves the worst loss.

    With one on each site: base objective 0.01, each loss misses 1 of 2 (floor 0, regret 0.5):
    0.01 + 5 x 2 x 0.5 + 0.2 x mean(1, 1) = 5.21. Keeping both away from work exposes no agent: 2 +
    0 + 0 = 2, which is the optimum as long as the base plan's own regret is not counted.
    """
    case = spare_person()
    return replace(case, requirement=requirement_of(case.operator, {("p", "08:00"): 2}))


def carrier_lost() -> Tiny:
    """One seat and two agents: the one on the line of Red is at home until Red is lost.

    Base: a1 on the seat, a2 at home: objective 0.015. Loss of Red: nowhere for a2, penalty 1. Loss
    of a: a1 stranded, a2 stays at home, penalty 1.
    """
    operator = operator_of(
        [site("a")],
        {"a": (1, 2.0)},
        [programme("p", "k")],
        [agent("a1", "a", "p"), agent("a2", "a", "p", carrier="Red")],
        [shift("a1", "08:00", "08:30"), shift("a2", "08:00", "08:30")],
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): 2}), PlanSettings())


# -- by chance -----------------------------------------------------------------------------------

SHIFTS = (
    ("08:00", "09:00", 0.0),
    ("08:00", "09:30", 30.0),
    ("08:30", "09:30", 0.0),
    ("08:30", "10:00", 30.0),
    ("08:15", "09:45", 30.0),
)
TIMES = ("08:00", "08:30", "09:00", "09:30")
PLACES = (("MA", 33.50, -7.60), ("MA", 33.55, -7.65), ("TN", 36.80, 10.20))


def tiny_operator(
    rng: np.random.Generator,
    *,
    agents: int | None = None,
    sites: int | None = None,
    programmes: int | None = None,
    permits: bool = True,
    unknown: bool = False,
    settings: PlanSettings | None = None,
) -> Tiny:
    """Return a random operator of 3 to 7 agents, 2 or 3 sites, 2 or 3 programmes and clients.

    Everything the rules speak of may occur: site-only work, allowed destinations, home lines of
    two carriers, shuttles within and beyond the ride limit, own transport, caps, seats too near
    each other, permits and measures (``permits``). ``unknown``: the last programme has no
    forecast. Share of isolated people rounds to zero at this size.
    """
    places = [site(f"s{i}", *PLACES[i]) for i in range(sites or int(rng.integers(2, 4)))]
    works = _programmes(rng, programmes or int(rng.integers(2, 4)), places)
    people = _agents(rng, agents or int(rng.integers(3, 8)), places, works)
    rooms = {row.id: (int(rng.integers(1, 5)), float(rng.choice([1.0, 2.0]))) for row in places}
    rides = [(stop, row.id) for stop in ("x", "y") for row in places]
    operator = operator_of(
        places,
        rooms,
        works,
        people,
        [shift(row.id, *SHIFTS[int(rng.integers(len(SHIFTS)))]) for row in people],
        stops=(network.Stop("x", "X", 33.5, -7.6), network.Stop("y", "Y", 33.6, -7.5)),
        shuttles=tuple(
            network.Shuttle(*ride, float(rng.choice([30.0, 60.0, 90.0])))
            for ride in rides
            if ride[1] == "s0" or rng.random() < 0.6
        ),
        **(_papers(rng, places, people) if permits else {}),
    )
    needs = {(row.id, time): float(rng.integers(0, 4)) for row in works for time in TIMES}
    if unknown:
        needs |= {(works[-1].id, time): np.nan for time in TIMES}
    aht = {row.id: float(rng.choice([200.0, 300.0, 450.0])) for row in works}
    return Tiny(operator, requirement_of(operator, needs, aht), settings or PlanSettings())


def _programmes(rng: np.random.Generator, count: int, places: Sequence[network.Site]) -> tuple[network.Programme, ...]:
    clients = int(rng.integers(2, count + 1))
    destinations = sorted({row.destination for row in places})
    free = rng.random() < 0.1
    return tuple(
        programme(
            f"p{i}",
            f"k{i % clients}",
            place=str(rng.choice(["site_only", "home_allowed"], p=[0.3, 0.7])),
            allowed_destinations=(str(rng.choice(destinations)),) if rng.random() < 0.25 else (),
            penalty_per_missed_call=0.0 if free else float(rng.choice([0.0, 1.0, 2.0, 5.0])),
            max_site_share=float(rng.choice([0.5, 0.65, 1.0])),
            home_efficiency=float(rng.choice([0.8, 1.0, 1.1])),
        )
        for i in range(count)
    )


def _agents(
    rng: np.random.Generator, count: int, places: Sequence[network.Site], works: Sequence[network.Programme]
) -> tuple[network.Agent, ...]:
    return tuple(
        agent(
            f"a{i}",
            str(rng.choice([row.id for row in places])),
            *rng.permutation([row.id for row in works])[: int(rng.integers(1, 3))].tolist(),
            carrier=str(rng.choice(["", "Red", "Blue"])),
            stop=str(rng.choice(["", "x", "y"])),
            own_transport=bool(rng.random() < 0.3),
        )
        for i in range(count)
    )


def _papers(
    rng: np.random.Generator, places: Sequence[network.Site], people: Sequence[network.Agent]
) -> dict[str, Any]:
    """Permits, measures and a named contingency, each with some chance."""
    first, last, past = date(2026, 11, 1), date(2026, 12, 31), date(2026, 11, 30)
    permits: list[network.Authorisation] = []
    if rng.random() < 0.2:
        ends = [last if rng.random() < 0.8 else past for _ in places]
        permits += [
            network.Authorisation(f"w-{row.id}", "site", row.id, first, end)
            for row, end in zip(places, ends, strict=True)
        ]
    if rng.random() < 0.15:
        permits += [
            network.Authorisation(f"w-{row.id}", "agent", row.id, first, last) for row in people if rng.random() < 0.7
        ]
    measures: list[network.Measure] = []
    if rng.random() < 0.3:
        kind, value = [("max_people", 1.0), ("distance_m", 2.5)][int(rng.integers(2))]
        measures.append(network.Measure("m", places[0].id, kind, value, first, last))
    named: tuple[network.NamedContingency, ...] = ()
    if rng.random() < 0.3:
        lines = tuple(sorted({row.carrier for row in people} & {"Red"}))
        named = (network.NamedContingency("both", "Both", (places[0].id,), lines),)
    return {"authorisations": tuple(permits), "measures": tuple(measures), "contingencies": named}
