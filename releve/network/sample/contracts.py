"""The sample's clients and programmes: their contracts, the shape of their week and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.kernels.arrays import Floats, Ints
from releve.network.model import Client, HistoryRow, Programme, Site
from releve.network.moments import to_utc
from releve.network.opening_hours import is_closed_by_holiday, parse_opening
from releve.network.sample.names import FIRST, SECTORS, Sector, ascii_id
from releve.network.sample.places import Draws, list_lone_destinations, split_by_weight

OFFICE = ("Mon-Fri 09:00-17:30", "Mon-Fri 08:30-17:30", "Mon-Fri 09:00-18:00")
DAYS_5 = "Mon-Fri 08:00-20:00"
DAYS_6 = "Mon-Sat 08:00-20:00"
DAYS_7 = "Mon-Sun 07:00-22:00"
SALES = "Mon-Fri 10:00-13:00; Mon-Fri 14:00-20:00"
"""The hours in which French consumers may be called for sales: art. D223-9 Code de la consommation
(Décret n° 2022-1313)."""

SALES_SHORT = "Mon-Fri 10:00-13:00; Mon-Fri 14:00-18:30"

_LANGUAGES = (("fr",), ("fr", "en"), ("fr", "ar"), ("fr", "es"))
_SERVICE = ((0.8, 20.0), (0.8, 30.0), (0.85, 30.0), (0.9, 30.0), (0.75, 30.0), (0.8, 60.0))
_SIZES = (0.35, 0.30, 0.20, 0.15)
"""Share of the clients with one, two, three and four programmes."""
_SITE_ONLY = 0.17
_RESTRICTED = 0.25
_OUTBOUND = 0.12
_BACK_OFFICE = 0.08


@dataclass(frozen=True)
class Contracts:
    """Clients, their programmes, the agents of each programme.

    ``owner[programme]`` is the index of its client; ``confined`` are the clients whose work must
    stay on the one site of one destination, so that no plan can protect them.
    """

    clients: tuple[Client, ...]
    programmes: tuple[Programme, ...]
    agents: Ints
    owner: Ints
    confined: frozenset[int]


@dataclass(frozen=True)
class _Sketch:
    """What is decided before the rows are written: arrays over programmes, lists over clients."""

    sectors: tuple[Sector, ...]
    clients: tuple[Client, ...]
    owner: Ints
    agents: Ints

    def list_programmes(self, client: int) -> list[int]:
        return [int(p) for p in np.flatnonzero(self.owner == client)]

    def compute_share(self, client: int) -> float:
        return float(self.agents[self.owner == client].sum() / self.agents.sum())


def count_default_programmes(agents: int) -> int:
    """Return the default number of programmes of an operator of a size."""
    at = ((50, 2), (500, 8), (600, 8), (5_000, 60), (70_000, 600))
    return int(np.interp(agents, [a for a, _ in at], [p for _, p in at]))


def draw_contracts(agents: int, programmes: int, sites: Sequence[Site], seed: int) -> Contracts:
    """Return the clients and programmes of an operator with ``agents`` agents."""
    sketch = _draw_sketch(agents, programmes, seed)
    kinds = _choose_kinds(sketch, seed)
    confined = _choose_confined(sketch, kinds, sites, seed)
    site_only = _choose_site_only(sketch, confined, seed)
    allowed = _choose_allowed(sketch, confined, sites, seed)
    names: dict[int, list[str]] = {}
    rows = []
    for p in range(programmes):
        client = int(sketch.owner[p])
        taken = names.setdefault(client, [])
        row = _draw_programme(sketch, p, kinds[p], taken, seed)
        taken.append(row.name)
        place = "site_only" if client in site_only else "home_allowed"
        rows.append(replace(row, place=place, allowed_destinations=allowed.get(client, ())))
    return Contracts(sketch.clients, tuple(rows), sketch.agents, sketch.owner, frozenset(confined))


def _draw_sketch(agents: int, programmes: int, seed: int) -> _Sketch:
    draws = Draws(seed, "clients")
    owner: list[int] = []
    weights: list[float] = []
    while len(owner) < programmes:
        client = owner[-1] + 1 if owner else 0
        heavy = min(9.0, (1 - draws.uniform()) ** -0.55)
        for _ in range(1 + draws.index(_SIZES if programmes >= 20 else _SIZES[:2])):
            owner.append(client)
            weights.append(heavy * draws.uniform(0.5, 1.5))
    owner, weights = owner[:programmes], weights[:programmes]
    least = min(10, agents // programmes)
    sectors, clients = _draw_names(owner[-1] + 1, seed)
    return _Sketch(sectors, clients, np.array(owner, dtype=np.int64), split_by_weight(agents, weights, least))


def _draw_names(count: int, seed: int) -> tuple[tuple[Sector, ...], tuple[Client, ...]]:
    draws = Draws(seed, "names")
    order = draws.order(len(FIRST))
    sectors: list[Sector] = []
    clients: list[Client] = []
    used: set[str] = set()
    for i in range(count):
        first = FIRST[order[i % len(FIRST)]]
        turn, drawn = i // len(FIRST), draws.whole(0, len(SECTORS) - 1)
        choice = [SECTORS[(drawn + k) % len(SECTORS)] for k in range(len(SECTORS))]
        number = f"-{turn}" if turn >= len(SECTORS) else ""
        sector = next((s for s in choice if f"{ascii_id(first)}-{s.key}{number}" not in used), choice[0])
        identity = f"{ascii_id(first)}-{sector.key}{number}"
        used.add(identity)
        sectors.append(sector)
        clients.append(Client(identity, f"{first} {sector.word}{number.replace('-', ' ')}"))
    return tuple(sectors), tuple(clients)


def _choose_kinds(sketch: _Sketch, seed: int) -> list[str]:
    """Choose the outbound and back-office programmes, not the first of a client if it can be."""
    count = len(sketch.owner)
    kinds = ["inbound"] * count
    first = np.concatenate([[True], np.diff(sketch.owner) > 0])
    order = [int(p) for p in Draws(seed, "kinds").order(count)]
    order.sort(key=lambda p: bool(first[p]))
    outbound = round(_OUTBOUND * count)
    for p in order[:outbound]:
        kinds[p] = "outbound"
    for p in order[outbound : outbound + round(_BACK_OFFICE * count)]:
        kinds[p] = "back_office"
    return kinds


def _choose_confined(sketch: _Sketch, kinds: list[str], sites: Sequence[Site], seed: int) -> dict[int, str]:
    """Choose one or two small clients bound to the one site of a destination."""
    lone = list_lone_destinations(sites)
    if not lone or len(sites) < 2:
        return {}
    count = len(sketch.clients)
    inbound = [all(kinds[p] == "inbound" for p in sketch.list_programmes(c)) for c in range(count)]
    order = [int(c) for c in Draws(seed, "confined").order(count)]
    small = max(0.02, 1.2 / count)
    fit = [c for c in order if inbound[c] and len(sketch.list_programmes(c)) <= 2 and sketch.compute_share(c) <= small]
    smallest = sorted(order, key=lambda c: sketch.compute_share(c))
    wanted = 1 if len(sketch.owner) < 20 else 2
    chosen = (fit + [c for c in smallest if c not in fit])[:wanted] if count > 2 else []
    return {client: lone[-1 - i % len(lone)] for i, client in enumerate(chosen)}


def _choose_site_only(sketch: _Sketch, confined: dict[int, str], seed: int) -> set[int]:
    """Choose the clients whose work never leaves the site, the sensitive trades first."""
    chosen = set(confined)
    wanted = _SITE_ONLY * len(sketch.owner)
    order = [int(c) for c in Draws(seed, "site only").order(len(sketch.clients))]
    order.sort(key=lambda c: not sketch.sectors[c].sensitive)
    held = sum(len(sketch.list_programmes(c)) for c in chosen)
    for client in order:
        size = len(sketch.list_programmes(client))
        if client in chosen or sketch.compute_share(client) > 0.2 or held + size > wanted + 0.5:
            continue
        chosen.add(client)
        held += size
    return chosen


def _choose_allowed(
    sketch: _Sketch, confined: dict[int, str], sites: Sequence[Site], seed: int
) -> dict[int, tuple[str, ...]]:
    """Choose the clients whose contract names the destinations, with two sites there or more."""
    codes = [site.destination for site in sites]
    present = list(dict.fromkeys(codes))
    allowed: dict[int, tuple[str, ...]] = {client: (code,) for client, code in confined.items()}
    wanted = _RESTRICTED * len(sketch.owner)
    held = sum(len(sketch.list_programmes(c)) for c in allowed)
    draws = Draws(seed, "allowed")
    for c in draws.order(len(sketch.clients)):
        client, size = int(c), 1 + draws.index((0.3, 0.45, 0.25))
        weights = [codes.count(code) + 0.5 for code in present]
        picked = sorted({present[int(i)] for i in draws.indices(size, weights)})
        many = sum(codes.count(code) for code in picked)
        enough = many >= 2 and many >= 0.2 * len(sites) and len(picked) < len(present)
        of_client = len(sketch.list_programmes(client))
        if client in allowed or not enough or held + of_client > wanted + 0.5:
            continue
        allowed[client] = tuple(picked)
        held += of_client
    return allowed


def _draw_programme(sketch: _Sketch, p: int, kind: str, taken: list[str], seed: int) -> Programme:
    client = sketch.clients[sketch.owner[p]]
    sector = sketch.sectors[sketch.owner[p]]
    draws = Draws(seed, "programme", p)
    name = _choose_name(sector, kind, taken)
    target, within = _SERVICE[draws.index((0.4, 0.2, 0.12, 0.1, 0.1, 0.08))]
    low, high = sector.patience_s
    patience = None if draws.chance(0.08) else float(10 * draws.whole(low // 10, high // 10))
    return Programme(
        id=f"{client.id}-{ascii_id(name)[:5].strip('-')}{len(taken) + 1}",
        client=client.id,
        name=name,
        kind=kind,
        opening=_draw_opening(kind, int(sketch.agents[p]), draws),
        aht_s=float(5 * draws.whole(sector.aht_s[0] // 5, sector.aht_s[1] // 5)),
        languages=_LANGUAGES[draws.index((0.8, 0.1, 0.06, 0.04))],
        holidays="FR" if draws.chance(0.85) else "",
        service_target=target,
        service_threshold_s=within,
        answer_rate=(0.9, 0.92, 0.95)[draws.index((0.5, 0.3, 0.2))],
        patience_s=patience if kind == "inbound" else None,
        max_occupancy=round(draws.uniform(0.86, 0.92), 2),
        shrinkage=round(draws.uniform(0.08, 0.15), 2),
        penalty_per_missed_call=round(draws.uniform(*sector.penalty), 1),
        home_efficiency=round(draws.uniform(0.9, 1.0), 2),
        deadline_hours=(8.0, 24.0, 48.0)[draws.index((0.2, 0.5, 0.3))],
    )


def _choose_name(sector: Sector, kind: str, taken: list[str]) -> str:
    if kind == "inbound":
        names = (*sector.inbound, "Premium")
    else:
        base = sector.outbound if kind == "outbound" else sector.back_office
        names = (base, f"{base} II", f"{base} III", f"{base} IV")
    return next(name for name in names if name not in taken)


def _draw_opening(kind: str, agents: int, draws: Draws) -> str:
    """Return opening hours that a programme of this size can staff."""
    choice = draws.uniform()
    if kind == "outbound":
        return SALES if agents >= 32 else SALES_SHORT
    if kind == "back_office" or agents < 32:
        return OFFICE[draws.index((0.4, 0.3, 0.3))]
    if agents < 60:
        return DAYS_5 if choice < 0.65 else OFFICE[2]
    if agents < 150:
        return DAYS_5 if choice < 0.5 else DAYS_6
    return DAYS_5 if choice < 0.2 else DAYS_6 if choice < 0.65 else DAYS_7


HALF_HOURS = 48
_DAY = timedelta(days=1)
_HALF_HOUR = timedelta(minutes=30)
_WEEK = (1.08, 1.02, 0.99, 0.98, 0.97, 0.55, 0.4)
"""Calls of Monday to Sunday over those of a mean weekday, where all seven are open."""


@dataclass(frozen=True)
class CallVolume:
    """Mean calls per half hour of an ordinary week: ``calls[weekday, half hour]``, local time."""

    programme: Programme
    calls: Floats


def find_open_week(opening: str) -> NDArray[np.bool_]:
    """Return ``open[weekday, half hour]``: the half hours that the hours cover."""
    hours = parse_opening(opening)
    return np.array([[hours.is_open(day, 30 * i) for i in range(HALF_HOURS)] for day in range(7)])


def draw_week_shape(programme: Programme, seed: int) -> Floats:
    """Return the calls of a week relative to its busiest half hour, 0 where closed.

    A morning peak, a lower one in the afternoon, on long days one in the evening; Monday is the
    busiest day. Back office follows the post: flat, a little more in the morning.
    """
    draws = Draws(seed, "shape", programme.id)
    hour = (np.arange(HALF_HOURS) + 0.5) / 2
    day = 0.2 + 0.8 * _compute_bump(hour, 11.0 + draws.uniform(-0.3, 0.3), 1.85)
    day += draws.uniform(0.7, 0.82) * _compute_bump(hour, 14.9 + draws.uniform(-0.4, 0.4), 2.05)
    day += draws.uniform(0.04, 0.12) * _compute_bump(hour, 18.4, 1.4)
    day *= 1 - 0.4 * _compute_bump(hour, 7.0, 0.8) - 0.4 * _compute_bump(hour, 21.6, 1.2)
    if programme.kind == "back_office":
        day = 1.0 + 0.25 * _compute_bump(hour, 9.5, 2.0)
    week = np.array(_WEEK) if programme.kind == "inbound" else np.ones(7)
    week = week * draws.uniforms(7, 0.97, 1.03)
    shape = np.where(find_open_week(programme.opening), np.outer(week, day), 0.0)
    out: Floats = np.round(shape / shape.max(), 6)
    return out


def _compute_bump(hour: Floats, centre: float, width: float) -> Floats:
    out: Floats = np.exp(-(((hour - centre) / width) ** 2) / 2)
    return out


def count_agents_needed(erlangs: Floats, programme: Programme) -> Floats:
    """Return agents to roster for a load, by the square-root rule; back office by occupancy.

    The rule sizes the sample only; requirements come from the queue models.
    """
    on_phone = erlangs + np.sqrt(erlangs) if programme.kind == "inbound" else erlangs / programme.max_occupancy
    return on_phone / (1 - programme.shrinkage)


def draw_history(volumes: Sequence[CallVolume], start: date, weeks: int, seed: int) -> tuple[HistoryRow, ...]:
    """Return the half-hourly history of the weeks before ``start``; closed intervals have no row.

    Two days are exceptional for about half of the programmes: a storm of calls, and an outage
    that let few through.
    """
    if not weeks:
        return ()
    days = [start - _DAY * (7 * weeks - i) for i in range(7 * weeks)]
    draws = Draws(seed, "exceptional days")
    storm, outage = (int(i) for i in draws.order(len(days))[:2])
    rows: list[HistoryRow] = []
    for number, volume in enumerate(volumes):
        own = Draws(seed, "history", number)
        factors = own.factors(len(days), own.uniform(0.08, 0.2))
        factors *= 1 + own.uniform(-0.08, 0.08) * np.linspace(1, 0, len(days))
        factors[storm] *= 1.7 if own.chance(0.5) else 1.0
        factors[outage] *= 0.35 if own.chance(0.5) and len(days) > 1 else 1.0
        rows += _draw_rows(volume, days, factors, own)
    return tuple(rows)


def _draw_rows(volume: CallVolume, days: list[date], factors: Floats, draws: Draws) -> list[HistoryRow]:
    """Return the rows of one programme, a draw per open interval and measure."""
    programme = volume.programme
    starts: list[datetime] = []
    opened = find_open_week(programme.opening)
    means: list[Floats] = []
    hours: list[NDArray[np.int64]] = []
    for day, factor in zip(days, factors, strict=True):
        at = np.flatnonzero(opened[day.weekday()])
        if len(at) and not is_closed_by_holiday(programme.holidays, programme.open_holidays, day):
            first = to_utc(datetime.combine(day, time(at[0] // 2, 30 * (at[0] % 2))), programme.time_zone)
            starts += [first + _HALF_HOUR * int(i - at[0]) for i in at]
            means.append(volume.calls[day.weekday(), at] * factor)
            hours.append(at)
    if not starts:
        return []
    offered = draws.counts(np.concatenate(means))
    answered = _draw_answered(offered, draws) if programme.kind == "inbound" else offered
    aht = _draw_handling(programme, np.concatenate(hours), answered, draws)
    known = programme.kind != "back_office"
    return [
        HistoryRow(programme.id, at, float(n), float(a) if known else None, float(h) if a else None)
        for at, n, a, h in zip(starts, offered, answered, aht, strict=True)
    ]


def _draw_answered(offered: Floats, draws: Draws) -> Floats:
    """Thin the offered calls: 2 to 6 in a hundred hang up, more in a bad half hour."""
    lost = draws.uniforms(len(offered)) ** 3 * 0.14 + 0.01
    return np.maximum(0.0, offered - draws.counts(offered * lost))


def _draw_handling(programme: Programme, hours: NDArray[np.int64], answered: Floats, draws: Draws) -> Floats:
    """Return the mean handling time of each interval: a little longer late, noisier when few."""
    profile = programme.aht_s * (1 + 0.04 * np.sin((hours - 20) / 6))
    noise = draws.normals(len(hours)) * 0.6 / np.sqrt(np.maximum(1.0, answered))
    longer = np.maximum(0.2 * programme.aht_s, profile * (1 + noise))
    return np.asarray(np.round(longer, 1), dtype=np.float64)
