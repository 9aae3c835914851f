"""The sample's clients and programmes: who orders what, and what the contract says of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.network.model import Client, Programme, Site
from releve.network.sample.draws import Draws, Ints, split_by_weight
from releve.network.sample.geography import list_lone_destinations
from releve.network.sample.names import FIRST, SECTORS, Sector, ascii_id

__all__ = ["Contracts", "count_default_programmes", "draw_contracts"]

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
    """Return how many programmes an operator of a size has where none are asked for."""
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
    return _Sketch(
        sectors, clients, np.array(owner, dtype=np.int64), split_by_weight(agents, weights, least)
    )


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
        sector = next(
            (s for s in choice if f"{ascii_id(first)}-{s.key}{number}" not in used), choice[0]
        )
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


def _choose_confined(
    sketch: _Sketch, kinds: list[str], sites: Sequence[Site], seed: int
) -> dict[int, str]:
    """Choose one or two small clients bound to the one site of a destination."""
    lone = list_lone_destinations(sites)
    if not lone or len(sites) < 2:
        return {}
    count = len(sketch.clients)
    inbound = [all(kinds[p] == "inbound" for p in sketch.list_programmes(c)) for c in range(count)]
    order = [int(c) for c in Draws(seed, "confined").order(count)]
    small = max(0.02, 1.2 / count)
    fit = [
        c
        for c in order
        if inbound[c] and len(sketch.list_programmes(c)) <= 2 and sketch.compute_share(c) <= small
    ]
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
