"""A made-up plan with coherent numbers: 12 clients, 20 programmes, 6 sites, 240 agents.

It imitates what a planner hands over without being one: placements by a plain greedy, reliefs that
send exposed people home and bring others, and every figure of a cell computed from the arrays.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache

import numpy as np

from releve.kernels.arrays import Floats
from releve.network import HOME
from releve.network.moments import UTC, day_bounds, zone
from releve.plan import result
from releve.plan.relief_matrix import build_verdict
from releve.plan.service_status import Status, judge_service

DAY = date(2026, 11, 30)
ZONE = "Europe/Paris"
TARGET, THIN = 0.05, 0.8

SITES = (
    ("casa-1", "Casablanca Nearshore", "MA", "Africa/Casablanca", 60),
    ("casa-2", "Casablanca Sidi Maârouf", "MA", "Africa/Casablanca", 44),
    ("rabat-1", "Rabat Technopolis", "MA", "Africa/Casablanca", 40),
    ("tunis-1", "Tunis Lac 2", "TN", "Africa/Tunis", 48),
    ("dakar-1", "Dakar Almadies", "SN", "Africa/Dakar", 30),
    ("lille-1", "Lille Europe", "FR", "Europe/Paris", 24),
)
CARRIERS = ("Maroc Telecom", "Orange", "Ooredoo")
CLIENTS = (
    ("azur", "Azur Assurances", ("Sinistres auto", "Accueil")),
    ("banque-rive", "Banque de la Rive", ("Cartes et oppositions", "Conseil")),
    ("brise", "Brise Télécom", ("Assistance internet", "Facturation", "Résiliations")),
    ("citron", "Citron Mobile", ("Service client", "Boutique")),
    ("delta-eau", "Delta Eau", ("Urgences",)),
    ("ferry-lux", "Ferry Lux", ("Réservations",)),
    ("galerie", "Galerie & Fils", ("Commandes", "Retours")),
    ("helio", "Hélio Énergie", ("Dépannage", "Contrats")),
    ("mutuelle-nord", "Mutuelle du Nord", ("Remboursements",)),
    ("opaline", "Opaline Santé", ("Rendez-vous",)),
    ("quartz", "Quartz Location", ("Assistance 24 h",)),
    ("voile", "Voile Voyages", ("Après-vente", "Ventes")),
)
HISTORY_MISSING = "opaline-1"
ONE_SITE = "delta-eau"
AT_HOME_NEVER = {"banque-rive-1", "delta-eau-1"}


@dataclass(frozen=True)
class Person:
    id: str
    site: str
    programme: str
    home_ready: bool
    carrier: str
    start: datetime
    spare: bool

    @property
    def end(self) -> datetime:
        return self.start + timedelta(hours=8, minutes=30)

    def at(self, place: str, programme: str = "") -> result.Placement:
        lunch = self.start + timedelta(hours=4)
        return result.Placement(
            self.id, place, programme or self.programme, self.start, self.end, lunch, lunch + timedelta(minutes=30)
        )


def programmes() -> tuple[tuple[str, str, str], ...]:
    return tuple((f"{client}-{at}", client, name) for client, _, names in CLIENTS for at, name in enumerate(names, 1))


def contingencies() -> tuple[result.Contingency, ...]:
    return (
        *(result.Contingency(f"site:{s[0]}", "site", s[1], frozenset({s[0]})) for s in SITES),
        result.Contingency("destination:MA", "destination", "MA", frozenset({"casa-1", "casa-2", "rabat-1"})),
        *(
            result.Contingency(f"carrier:{name}", "carrier", name, carriers=frozenset({name}), exposed=False)
            for name in CARRIERS
        ),
        result.Contingency(
            "named:casa-power",
            "named",
            "Coupure de courant à Casablanca",
            frozenset({"casa-1", "casa-2"}),
            exposed=False,
        ),
        result.Contingency(
            "named:cable",
            "named",
            "Rupture du câble sous-marin",
            frozenset({"tunis-1"}),
            frozenset({"Ooredoo"}),
            exposed=False,
        ),
    )


def people(day: date, luck: random.Random) -> list[Person]:
    local = zone(ZONE)
    ids = [p for p, _, _ in programmes()]
    found = []
    for number in range(240):
        programme = ids[number % len(ids)]
        client = programme.rsplit("-", 1)[0]
        site = luck.choices([s[0] for s in SITES], [s[4] for s in SITES])[0]
        if client == ONE_SITE:
            site = "rabat-1"
        start = datetime.combine(day, time(luck.choice((8, 8, 9, 10, 11, 12)), 0), local)
        ready = luck.random() < 0.92
        found.append(
            Person(
                f"a{number + 1:05d}",
                site,
                programme,
                ready,
                luck.choice(CARRIERS) if ready else "",
                start.astimezone(UTC),
                number % 13 == 0,
            )
        )
    return found


def placed(starts: tuple[datetime, ...], placements: list[result.Placement]) -> Floats:
    """Effective agents [interval, programme]; home work counts 0.95, a break not at all."""
    index = {p: at for at, (p, _, _) in enumerate(programmes())}
    out = np.zeros((len(starts), len(index)))
    for item in placements:
        assert item.break_start is not None
        for at, start in enumerate(starts):
            if item.start <= start < item.end and start != item.break_start:
                out[at, index[item.programme]] += 0.95 if item.place == "home" else 1.0
    return out


def relief(
    contingency: result.Contingency, staff: list[Person], placements: dict[str, result.Placement], luck: random.Random
) -> tuple[list[result.Placement], tuple[result.Move, ...]]:
    """Return the placements under a contingency and the moves against the base plan."""
    now, moves = dict(placements), []
    short: dict[str, int] = {}
    for person in staff:
        before = placements.get(person.id)
        at_lost_site = before is not None and before.place in contingency.sites
        line_lost = before is not None and before.place == "home" and person.carrier in contingency.carriers
        if before is None or not (at_lost_site or line_lost):
            continue
        if at_lost_site and contingency.exposed and luck.random() < 0.05:
            moves.append(result.Move(person.id, before, None, "isolated"))
            del now[person.id]
        elif (
            at_lost_site
            and person.home_ready
            and before.programme not in AT_HOME_NEVER
            and person.carrier not in contingency.carriers
        ):
            now[person.id] = person.at("home")
            moves.append(result.Move(person.id, before, now[person.id], "relief"))
        elif line_lost and person.site not in contingency.sites:
            now[person.id] = person.at(person.site)
            moves.append(result.Move(person.id, before, now[person.id], "relief"))
        else:
            moves.append(result.Move(person.id, before, None, "stranded"))
            del now[person.id]
            short[before.programme] = short.get(before.programme, 0) + 1
    for person in staff:
        if person.id in placements or person.site in contingency.sites or not short:
            continue
        needy = max(sorted(short), key=lambda p: short[p])
        if needy.rsplit("-", 1)[0] == ONE_SITE:
            continue
        now[person.id] = person.at(person.site, needy)
        moves.append(result.Move(person.id, None, now[person.id], "relief"))
        short[needy] -= 1
        short = {p: n for p, n in short.items() if n > 0}
    return list(now.values()), tuple(moves)


def cell(client: str, contingency: str, required: Floats, held: Floats, floor: float) -> result.ReliefCell:
    mine = [at for at, (_, owner, _) in enumerate(programmes()) if owner == client]
    need = required[:, mine].sum(axis=1)
    have = np.minimum(required, held)[:, mine].sum(axis=1)
    if np.isnan(need).any():
        return result.ReliefCell(client, contingency, 1.0, -1, 0.0, 0.0, 0.0, 0.0, Status.UNKNOWN)
    share = np.where(need > 0, have / np.where(need > 0, need, 1), 1.0)
    worst = int(share.argmin())
    missing = float((need - have).sum() / need.sum())
    return result.ReliefCell(
        client,
        contingency,
        float(share[worst]),
        worst,
        missing,
        min(floor, missing),
        missing - min(floor, missing),
        float((need - have).sum() * 4.2),
        judge_service(missing, float(share[worst]), TARGET, THIN, floor=floor),
    )


@cache
def synthetic_plan(day: date = DAY, seed: int = 1) -> result.Plan:
    """Return the plan of a day; the same day and seed give the same plan."""
    luck = random.Random(f"{seed}/{day}")
    staff = people(day, luck)
    first, _ = day_bounds(day, ZONE)
    starts = tuple(first + timedelta(minutes=30) * at for at in range(48))
    base = {
        p.id: p.at("home" if p.home_ready and p.programme not in AT_HOME_NEVER and n % 3 == 0 else p.site)
        for n, p in enumerate(staff)
        if not p.spare
    }
    held = placed(starts, list(base.values()))
    required = np.round(0.8 * held, 3)
    required[:, 2] = np.round(0.97 * held[:, 2], 3)
    required[:, [at for at, p in enumerate(programmes()) if p[0] == HISTORY_MISSING]] = np.where(
        required.sum(axis=1, keepdims=True) > 0, np.nan, 0.0
    )
    scenarios = {result.BASE: result.PlannedScenario(result.BASE, held, (), 0.0, 0.0)}
    for item in contingencies():
        now, moves = relief(item, staff, base, luck)
        after = placed(starts, now)
        lost = float(np.nansum(np.maximum(required - after, 0)))
        scenarios[item.id] = result.PlannedScenario(item.id, after, moves, 2.5 * lost, 2.4 * lost)
    cells, verdicts = [], []
    beyond = {item.id for item in contingencies() if item.kind not in result.SINGLE}
    for client, _, _ in CLIENTS:
        row = [cell(client, key, required, scenarios[key].placed, _floor(client, key)) for key in scenarios]
        cells += row
        verdicts.append(build_verdict(client, row, beyond))
    worst = max(c.regret for c in cells if c.status != "unknown")
    return result.Plan(
        operator="Atlas Contact",
        synthetic=True,
        day=day,
        time_zone=ZONE,
        starts=starts,
        clients=tuple((c, name) for c, name, _ in CLIENTS),
        programmes=programmes(),
        sites=tuple(
            result.PlannedSite(
                s,
                name,
                code,
                tz,
                seats,
                tuple(f"{s}-s{n:03d}" for n in range(int(seats * 0.8))),
                int(seats * 0.8),
                True,
            )
            for s, name, code, tz, seats in SITES
        ),
        contingencies=contingencies(),
        required=required,
        calls=np.round(required * 4.2, 2),
        placements=tuple(base.values()),
        reserve=tuple(p.id for p in staff if p.spare),
        scenarios=scenarios,
        cells=tuple(cells),
        verdicts=tuple(verdicts),
        bound=result.Bound(
            "Optimal",
            349.6,
            348.9,
            12.4,
            12.1,
            0.0248,
            0.0007,
            {"site": worst, "carrier": 0.01},
            {"site": worst * 0.97},
            5812,
            9904,
            54120,
        ),
        missing=_missing(tuple(cells), staff),
        violations=(),
        settings={"target": TARGET, "thin": THIN, "isolated": 0.05},
        version="0.1.0",
        causes=tuple(
            result.Cause(c.client, c.contingency, (result.CauseKind.PLACE,), (), 6.0, c.worst_interval)
            for c in cells
            if c.status is Status.OUT_OF_REACH
        ),
    )


def _floor(client: str, contingency: str) -> float:
    lost = {c.id: c for c in contingencies()}.get(contingency)
    return 1.0 if client == ONE_SITE and lost and "rabat-1" in lost.sites else 0.0


def _missing(cells: tuple[result.ReliefCell, ...], staff: list[Person]) -> result.WhatIsMissing:
    learners = tuple(p.id for p in staff if p.programme.startswith("citron"))[:3]
    at_home = tuple(p.id for p in staff if not p.home_ready and p.site == "casa-1")[:14]
    purchases = (
        result.Purchase("laptop", len(at_home), 600.0, "casa-1", "", at_home),
        result.Purchase("skill", len(learners), 400.0, "lille-1", "azur-1", learners),
        result.Purchase("seat", 6, 900.0, "tunis-1"),
    )
    cost = sum(p.count * p.unit_price for p in purchases)
    incurable = tuple((c.contingency, c.client) for c in cells if c.status == "contract")
    return result.WhatIsMissing(purchases, cost, round(cost * 0.985, 2), incurable)


def week(days: int = 5) -> tuple[result.Plan, ...]:
    """Return plans of consecutive days."""
    return tuple(synthetic_plan(DAY + timedelta(days=n)) for n in range(days))


def larger(plan: result.Plan, times: int) -> result.Plan:
    """Return the plan with its contingencies repeated under other ids (for widths and times)."""
    extra = [
        replace(item, id=f"{item.id}-{n}", name=f"{item.name} {n}")
        for n in range(2, times + 1)
        for item in plan.contingencies
    ]
    copies = {item.id: replace(plan.scenarios[item.id.rsplit("-", 1)[0]], id=item.id) for item in extra}
    cells = [
        replace(c, contingency=item.id)
        for item in extra
        for c in plan.cells
        if c.contingency == item.id.rsplit("-", 1)[0]
    ]
    return replace(
        plan,
        contingencies=(*plan.contingencies, *extra),
        scenarios={**plan.scenarios, **copies},
        cells=(*plan.cells, *cells),
    )


def build_hybrid_week() -> list[result.Plan]:
    """Return two days on which one team of five works, and meets on the second."""
    plans = week(2)
    placed = [row.agent for row in plans[0].placements if row.place == HOME][:2]
    placed += [row.agent for row in plans[0].placements if row.place == "casa-1"][:3]
    out = []
    for number, plan in enumerate(plans):
        at_home = tuple(row.agent for row in plan.placements if row.place == HOME)
        team = result.PlannedTeam("casa-1-t01", "casa-1", placed[2], tuple(placed), number == 1)
        out.append(replace(plan, home_days=at_home, teams=(team,)))
    return out
