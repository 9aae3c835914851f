"""A plan as a value, the contingencies it answers, and its verdicts.

Arrays are float64 ``[interval, programme]``; intervals are the half hours of the planning day,
named by their start in UTC. Coverage is placed over required. How a client is served is judged and
worded in :mod:`releve.plan.service_status`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

import numpy as np

from releve.kernels.arrays import Floats
from releve.network import Operator
from releve.plan.service_status import Status


@dataclass(frozen=True, slots=True)
class Contingency:
    """A set of places lost for the day.

    ``exposed``: the people placed on a lost site count as exposed, so for as long as it lasts
    they may work at home only (a health closure); otherwise they may also go elsewhere.
    """

    id: str
    kind: str
    """site, destination, carrier or named."""
    name: str
    sites: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    exposed: bool = True


def list_contingencies(operator: Operator) -> tuple[Contingency, ...]:
    """Return every contingency of an operator: sites, destinations, home carriers, named sets.

    A destination with a single site is that site's contingency and is not listed twice.
    """
    found = [Contingency(f"site:{site.id}", "site", site.name, frozenset({site.id})) for site in operator.sites]
    destinations: dict[str, set[str]] = {}
    for site in operator.sites:
        destinations.setdefault(site.destination, set()).add(site.id)
    found += [
        Contingency(f"destination:{code}", "destination", code, frozenset(sites))
        for code, sites in sorted(destinations.items())
        if len(sites) > 1
    ]
    carriers = sorted({agent.carrier for agent in operator.agents if agent.home_ready} - {""})
    found += [
        Contingency(f"carrier:{name}", "carrier", name, carriers=frozenset({name}), exposed=False) for name in carriers
    ]
    found += [
        Contingency(f"named:{row.id}", "named", row.name, frozenset(row.sites), frozenset(row.carriers))
        for row in operator.contingencies
    ]
    return tuple(found)


BASE = "base"
"""Id of the scenario in which nothing is lost."""

SINGLE = ("site", "carrier")
"""Kinds of contingency that are the loss of one place: what N-1 is about."""
KINDS = (BASE, *SINGLE, "destination", "named")
"""Kinds of contingency: nothing lost, the loss of one place, then larger losses."""
MOVE_REASONS = ("relief", "break", "reserve", "isolated", "stranded")
"""Reasons of a move: agents who serve, who are not needed, who cannot work."""


CARRIED = "carried"
"""Which duty of an agent it is that began before the plan's day."""


def build_duty_key(agent: str, duty: str) -> str:
    """Return what names an agent's duty within one plan: the agent's id alone for the first that starts in its day."""
    return f"{agent}|{duty}" if duty else agent


def read_agent(key: str) -> str:
    """Return the agent of a duty's key."""
    agent, _, duty = key.rpartition("|")
    return agent if agent and (duty == CARRIED or duty.isdigit()) else key


@dataclass(frozen=True, slots=True, order=True)
class Pause:
    """A time within a duty that is not worked; the seat is free in it where the agent is ``away``."""

    start: datetime
    end: datetime
    away: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """One agent's place and programme for one duty; times in UTC.

    ``pauses``: the gaps between the periods of a split shift, and the breaks of its other periods.
    """

    agent: str
    place: str
    """A site id or ``home``."""
    programme: str
    start: datetime
    end: datetime
    break_start: datetime | None
    """None when the shift has no break."""
    break_end: datetime | None
    pauses: tuple[Pause, ...] = ()
    duty: str = ""
    """Which of the agent's duties: empty for the first that starts in the plan's day, ``carried`` for the one that
    began before it, ``2`` for a second one."""

    @property
    def key(self) -> str:
        """What names the duty within its plan; see :func:`build_duty_key`."""
        return build_duty_key(self.agent, self.duty)

    @property
    def carried(self) -> bool:
        """Whether the duty began before the plan's day."""
        return self.duty == CARRIED

    def list_periods(self) -> tuple[tuple[datetime, datetime], ...]:
        """Return the periods in which the agent is at the place, breaks included."""
        if not self.pauses:
            return ((self.start, self.end),)
        found, start = [], self.start
        for pause in self.pauses:
            if pause.away and start < pause.end and pause.start < self.end:
                found.append((start, pause.start))
                start = pause.end
        return tuple((begin, end) for begin, end in (*found, (start, self.end)) if begin < end)

    def is_present(self, at: datetime) -> bool:
        """Return whether the agent is at the place at an instant, a break included."""
        away = any(pause.away and pause.start <= at < pause.end for pause in self.pauses)
        return self.start <= at < self.end and not away

    def is_working(self, at: datetime) -> bool:
        """Return whether the agent works at an instant: present, and not in a break."""
        start, end = self.break_start, self.break_end
        if not self.start <= at < self.end or (start is not None and end is not None and start <= at < end):
            return False
        return not any(pause.start <= at < pause.end for pause in self.pauses)


Carried = Mapping[str, Placement]
"""By agent: the placement, in the plan of the day before, of a duty that goes on beyond it."""


@dataclass(frozen=True, slots=True)
class Move:
    """What one agent does differently under a contingency.

    ``before``/``after`` are None for an agent who was, or becomes, without a placement.
    """

    agent: str
    before: Placement | None
    after: Placement | None
    reason: str
    """``relief`` (moved to serve), ``break`` (only the break moves), ``reserve`` (not needed),
    ``isolated`` or ``stranded`` (cannot
    work)."""

    @property
    def key(self) -> str:
        """What names the duty within its plan."""
        side = self.before or self.after
        return self.agent if side is None else side.key


@dataclass(frozen=True)
class PlannedScenario:
    """The base plan or the relief of one contingency, in whole people.

    ``placed`` is effective agents (home work counted at its efficiency); ``moves`` are against
    the base plan and empty in the base scenario. ``penalty`` is the penalty-weighted shortfall
    (weighted agent-intervals), ``lp_penalty`` that of the fractional relief it was rounded from.
    """

    id: str
    placed: Floats
    moves: tuple[Move, ...]
    penalty: float
    lp_penalty: float


@dataclass(frozen=True, slots=True)
class ReliefCell:
    """One cell of the relief matrix: a client under a contingency (or in the base plan).

    ``worst_coverage`` is the least placed/required over the client's intervals (1 = held, never
    above 1) at interval ``worst_interval`` (-1 when nothing is required). ``shortfall`` is the
    share of the day's required agent-intervals that is missing; ``floor`` the least it could be
    if the client had every agent to itself; ``regret`` their difference.
    ``status`` by :func:`judge_service`, of the ``shortfall``, the
    ``worst_coverage`` and the ``floor``; ``unknown`` without a forecast for one of its programmes.
    """

    client: str
    contingency: str
    worst_coverage: float
    worst_interval: int
    shortfall: float
    floor: float
    regret: float
    calls_lost: float
    status: Status


@dataclass(frozen=True, slots=True)
class SuddenLoss:
    """A client under a loss in the middle of the day, at the half hour at which it does most.

    ``interval`` is that half hour; the relief of the plan begins in it. ``worst_coverage`` is the least coverage
    from it on, at ``worst_interval``, ``shortfall`` the share of the day's required agent-intervals that is
    missing, and ``status`` by :func:`judge_service` of these. From ``back`` on no half hour is below the thin limit and
    what the matrix says of the same loss known before the day, whichever is less; -1: not that day.
    """

    client: str
    contingency: str
    interval: int
    worst_coverage: float
    worst_interval: int
    shortfall: float
    back: int
    status: Status


class CauseKind(StrEnum):
    """What a client out of reach lacks, in the order in which it is looked for; a purchase of the
    same kind cures it, but for a place, which the contract has to allow."""

    SEAT = "seat"
    LAPTOP = "laptop"
    PLACE = "place"
    SKILL = "skill"
    HIRE = "hire"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a cell is out of reach: with ``kinds`` in any number, and every agent to itself, the
    client would meet its target, and with fewer kinds it would not.

    ``programmes`` too few are trained for. ``agents`` who are missing at the worst half hour,
    ``interval``, as things are; 0 and -1 where no half hour alone is too much. No kinds: nothing
    cures it. A cause with nothing lost (``base``) stands for every loss too.
    """

    client: str
    contingency: str
    kinds: tuple[CauseKind, ...]
    programmes: tuple[str, ...]
    agents: float
    interval: int


@dataclass(frozen=True, slots=True)
class ClientVerdict:
    """Whether a client is served whatever single place is lost.

    The verdict counts the cells of the base plan and of single losses (:data:`SINGLE`): ``secure``
    when each is held or thin; ``contract_problem`` when only cells of status ``contract`` stand in
    the way. ``missed``, ``thin`` and ``contract`` name them; ``worst`` is the single loss with the
    largest shortfall. ``beyond`` names the larger losses (destinations, named sets) that miss their
    target. ``rounding`` names the missed losses that the fractional plan holds: more search, or one
    agent more, would cure them.
    """

    client: str
    secure: bool
    contract_problem: bool
    worst: str
    missed: tuple[str, ...]
    thin: tuple[str, ...]
    contract: tuple[str, ...]
    unknown: bool
    beyond: tuple[str, ...] = ()
    rounding: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The gravest status when one place is lost, or none."""
        if self.missed:
            return Status.MISSED
        if self.contract:
            return Status.OUT_OF_REACH
        if self.unknown:
            return Status.UNKNOWN
        return Status.THIN if self.thin else Status.HELD


@dataclass(frozen=True, slots=True)
class Bound:
    """How good the plan is proved to be.

    All but the gaps and regrets are in weighted agent-intervals. ``penalty`` is the base plan's
    in whole people, ``lp_penalty`` that of the fractional plan it was rounded from.
    ``objective`` of the whole N-1 problem (base, worst regret, average over the site
    contingencies, placements), the base plan in whole people and its reliefs in fractions;
    ``lower_bound`` is proved, whatever the solver's ``status``: no plan has less, its reliefs in
    fractions.
    ``penalty_gap`` = (objective - lower_bound) / lower_bound and ``requirement_gap`` = the same
    difference over the weighted requirement (0 when the difference is 0, NaN when only the bound
    is 0). ``regret[kind]`` is the worst over the clients and the contingencies of a kind in whole
    people, the base day being of kind ``site``; ``lp_regret[kind]`` that of the fractional plan, of
    the kinds that it plans for.
    """

    status: str
    objective: float
    lower_bound: float
    penalty: float
    lp_penalty: float
    penalty_gap: float
    requirement_gap: float
    regret: dict[str, float]
    lp_regret: dict[str, float]
    rows: int
    columns: int
    nonzeros: int

    @property
    def solved(self) -> bool:
        """Return whether the solver reached its optimum; else a better plan may exist."""
        return self.status == "Optimal"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of what is missing. ``kind``: laptop, skill, seat, vehicle or hire.

    ``where`` names the group (home site), the site, or the vehicle that others are like; ``agents``
    the agents concerned for a laptop or a skill, for hires one each whose shifts and skills they have;
    ``programme`` what is learnt, or the main one of hires.
    """

    kind: str
    count: int
    unit_price: float
    where: str
    programme: str = ""
    agents: tuple[str, ...] = ()

    @property
    def price(self) -> float:
        return self.count * self.unit_price


@dataclass(frozen=True)
class WhatIsMissing:
    """The cheapest set that makes every curable cell reach the target; prices in EUR.

    ``incurable`` lists the (contingency, client) pairs that nothing on the list cures. ``left``
    lists what still missed its target when the operator with the set bought was planned again:
    (contingency, client, share of the client's day above the target).
    """

    purchases: tuple[Purchase, ...]
    cost: float
    lower_bound: float
    incurable: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str, float], ...] = ()

    @property
    def checked(self) -> bool:
        """Whether every curable client held when planned again with the set bought."""
        return not self.left

    @cached_property
    def _not_cured(self) -> frozenset[tuple[str, str]]:
        return frozenset([*self.incurable, *((loss, client) for loss, client, _share in self.left)])

    def cures(self, contingency: str, client: str) -> bool:
        """Return whether the purchases make a client hold under the loss of one place."""
        return bool(self.purchases) and (contingency, client) not in self._not_cured


@dataclass(frozen=True, slots=True)
class UncuredTarget:
    """A target that stays missed with the list bought: by a ``share`` of the client's day, which is
    that many agent ``half_hours``; None where nothing on the list cures it."""

    client: str
    contingency: str
    share: float | None = None
    half_hours: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedSite:
    """A site as planned: its usable seats under the distance rule and what bounds their number."""

    id: str
    name: str
    destination: str
    time_zone: str
    seats: int
    usable_seats: tuple[str, ...]
    usable_bound: int
    open: bool
    """False when it has no valid authorisation on the day."""


@dataclass(frozen=True, slots=True)
class PlannedTeam:
    """A team on a day of a hybrid week: its members at work, and whether it meets on its site."""

    id: str
    site: str
    supervisor: str
    members: tuple[str, ...]
    meets: bool


@dataclass(frozen=True, slots=True)
class PlannedKits:
    """The kits of a site for work at home: of the ``people`` who share them, the ``holders`` take one home every
    evening; the others work on sites alone."""

    site: str
    kits: int
    people: int
    holders: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Who works where on one day, who takes over if any place is lost, and what that proves."""

    operator: str
    synthetic: bool
    day: date
    time_zone: str
    starts: tuple[datetime, ...]
    clients: tuple[tuple[str, str], ...]
    """(id, name)."""
    programmes: tuple[tuple[str, str, str], ...]
    """(id, client id, name)."""
    sites: tuple[PlannedSite, ...]
    contingencies: tuple[Contingency, ...]
    required: Floats
    calls: Floats
    placements: tuple[Placement, ...]
    reserve: tuple[str, ...]
    """The duties (:attr:`Placement.key`) without a placement; for most agents their id."""
    scenarios: dict[str, PlannedScenario]
    """``base`` and one per contingency id."""
    cells: tuple[ReliefCell, ...]
    verdicts: tuple[ClientVerdict, ...]
    bound: Bound
    missing: WhatIsMissing | None
    violations: tuple[str, ...]
    """What the independent checker found; a published plan has none."""
    settings: dict[str, float | int | str]
    version: str = ""
    home_days: tuple[str, ...] = ()
    """Of a hybrid week: the rostered agents whose day is at home, in reserve or not."""
    teams: tuple[PlannedTeam, ...] = ()
    """Of a hybrid week: the teams at work."""
    causes: tuple[Cause, ...] = ()
    """Of the cells out of reach; of a client out of reach with nothing lost that of the base alone."""
    kits: tuple[PlannedKits, ...] = ()
    """Of an operator whose agents share kits: who takes one home."""
    sudden: tuple[SuddenLoss, ...] = ()
    """By contingency and client: the loss in the middle of the day, where it takes anything from the client."""

    @cached_property
    def sudden_loss(self) -> dict[tuple[str, str], SuddenLoss]:
        """The losses in the middle of the day, by client and contingency."""
        return {(row.client, row.contingency): row for row in self.sudden}

    @cached_property
    def kit_holders(self) -> frozenset[str]:
        """The agents who take a kit of their site home."""
        return frozenset(name for one in self.kits for name in one.holders)

    def find_columns(self, client: str) -> list[int]:
        """Return the positions of a client's programmes in the arrays."""
        return [at for at, (_id, owner, _name) in enumerate(self.programmes) if owner == client]

    def sum_required(self, client: str) -> float:
        """Return what a client requires over the day, in agent intervals."""
        return float(np.nansum(self.required[:, self.find_columns(client)]))

    @cached_property
    def cell(self) -> dict[tuple[str, str], ReliefCell]:
        """The cells of the matrix, by client and contingency."""
        return {(cell.client, cell.contingency): cell for cell in self.cells}

    @cached_property
    def larger(self) -> frozenset[str]:
        """The contingencies that lose more than one place, which N-1 does not count."""
        return frozenset(row.id for row in self.contingencies if row.kind not in SINGLE)

    @cached_property
    def cause(self) -> dict[tuple[str, str], Cause]:
        """The causes, by client and contingency."""
        return {(cause.client, cause.contingency): cause for cause in self.causes}

    def find_cause(self, cell: ReliefCell) -> Cause | None:
        """Return why a cell is out of reach; None where the plan does not say."""
        return self.cause.get((cell.client, BASE)) or self.cause.get((cell.client, cell.contingency))

    def find_worst_start(self, cell: ReliefCell) -> datetime | None:
        """Return when the worst half hour of a cell begins; None where nothing is required."""
        return self.starts[cell.worst_interval] if cell.worst_interval >= 0 else None

    def is_cured(self, cell: ReliefCell) -> bool:
        """Return whether the purchases make a cell hold; they are for the loss of one place."""
        if self.missing is None or cell.contingency in self.larger:
            return False
        return self.missing.cures(cell.contingency, cell.client)

    def list_left(self) -> tuple[UncuredTarget, ...]:
        """Return the targets still missed when planned again with what is missing bought."""
        left = () if self.missing is None else self.missing.left
        return tuple(
            UncuredTarget(client, contingency, share, share * self.sum_required(client))
            for contingency, client, share in left
        )

    def list_placements(self, programmes: Collection[str]) -> tuple[Placement, ...]:
        """Return who works for some programmes, in the order of their shifts."""
        found = (row for row in self.placements if row.programme in programmes)
        return tuple(sorted(found, key=lambda row: (row.start, row.key)))

    def list_moves(self, contingency: str, programmes: Collection[str]) -> tuple[Move, ...]:
        """Return who moves from or to some programmes under a contingency, by reason."""
        ranks = {reason: rank for rank, reason in enumerate(MOVE_REASONS)}
        found = (
            move
            for move in self.scenarios[contingency].moves
            if any(side and side.programme in programmes for side in (move.before, move.after))
        )
        last = len(ranks)
        return tuple(sorted(found, key=lambda move: (ranks.get(move.reason, last), move.key)))
