"""Coverage of every client now and for the hours ahead, from the people who will be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.kernels.arrays import Floats
from releve.live.clock import LIVE
from releve.live.partners import PartnerAgents, count_partner_agents, list_partner_agents
from releve.live.plans import IdentityCache, find_first_start
from releve.live.stream_state import Scene, load_scene
from releve.network import Client, Operator
from releve.plan import Plan
from releve.plan.coverage import CoverageSeries, Timeline, count_placed, measure_coverage
from releve.plan.service_status import (
    COVERED,
    SEVERITY,
    Status,
    Tone,
    find_gravest,
    find_share_tone,
    find_tone,
    judge_client,
)
from releve.situation import SiteStatus

STEADY = timedelta(hours=2)
"""How long nothing is missing of what is called covered again: half an hour between two shortages does not count."""

NeedKind = Literal["planned", "reforecast"]
"""Which requirement people are set against: that of the plan in force, as coverage is, or that forecast again
from the calls that came today."""


@dataclass(frozen=True, kw_only=True)
class ClientStanding:
    """How a client is served now and at the worst of the hours ahead.

    ``now`` is the share of the requirement that is covered in the first half hour (None: nothing
    is required, or the plan begins later), ``worst`` the least of all and ``worst_at`` when;
    ``missing`` the share of the agent-intervals required that is not covered. ``now`` is
    ``people_now`` over ``need_now``: effective agents who serve it, and those of the requirement of
    ``need_kind``.

    ``known``: the requirement of every programme is known in every half hour.
    ``state``: ``short_now`` where something is missing in this half hour; else the verdict over
    the hours ahead by the plan's own limits (``missed``, ``thin``, ``held``), but ``short_later``
    where it is held and something is missing: ``held`` is where nothing is. ``unknown``: nothing is
    required, a programme's requirement is not known, or no plan reaches it. ``tone`` is its colour.

    ``target`` and ``thin`` are the plan's limits by which it is judged: the share of the requirement that may be
    missing, and the least coverage of a half hour. ``spans`` are the times, from and to, in which more is missing
    than the target.
    """

    client: str
    name: str
    state: Status
    tone: Tone = Tone.UNKNOWN
    known: bool = True
    need_kind: NeedKind = "planned"
    need_now: float | None = None
    people_now: float | None = None
    now: float | None = None
    worst: float | None = None
    worst_at: datetime | None = None
    missing: float | None = None
    target: float | None = None
    thin: float | None = None
    spans: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def tone_now(self) -> Tone:
        """The colour of the coverage now."""
        return self._find_tone(self.now)

    @property
    def tone_worst(self) -> Tone:
        """The colour of the least coverage."""
        return self._find_tone(self.worst)

    def _find_tone(self, share: float | None) -> Tone:
        if self.target is None or self.thin is None:
            return Tone.UNKNOWN
        return find_share_tone(share, self.target, self.thin)

    @property
    def short_now(self) -> bool:
        """Whether something is missing in this half hour."""
        return self.now is not None and self.now < COVERED

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Place among clients, the one served worst first: who is short now before who will be."""
        now = self.now if self.short_now else None
        gravity = SEVERITY.index(self.state) if now is None else now
        return now is None, gravity, 1.0 if self.worst is None else self.worst

    @property
    def short(self) -> bool:
        """Whether something is missing in a half hour."""
        return self.worst is not None and self.worst < COVERED

    @property
    def idle(self) -> bool:
        """Whether nothing is required in the hours that the plan reaches."""
        return self.state is Status.UNKNOWN and self.known


@dataclass(frozen=True, kw_only=True)
class ClientCoverage(ClientStanding):
    """One client's half hours ahead, beside how it stands.

    ``required`` and ``covered`` are effective agents per interval; ``share`` covered over
    required, NaN where nothing is required.
    """

    required: Floats
    covered: Floats
    share: Floats


@dataclass(frozen=True, slots=True)
class HalfHour:
    """A client's effective agents of one half hour; None: not known, or nothing is required."""

    start: datetime
    required: float | None
    covered: float | None
    share: float | None

    @property
    def short(self) -> bool:
        return self.share is not None and self.share < COVERED


@dataclass(frozen=True)
class Coverage:
    """Every client's coverage from ``at`` on; ``starts`` names the half hours.

    ``planned_until`` is the end of the plan's days that follow each other without a gap, which may
    come before the hours asked for. When the plan covers no hour, ``planned_from`` is its start
    after them, or None when it is over.
    """

    stream: str
    at: datetime
    starts: tuple[datetime, ...]
    clients: tuple[ClientCoverage, ...]
    planned_until: datetime | None
    generation: int
    planned_from: datetime | None = None
    time_zone: str = "UTC"
    hours: int = 48

    @property
    def reach(self) -> datetime | None:
        """The end of the last half hour without a gap that the figures speak of; None: of none."""
        if self.planned_until is None:
            return None
        return min(self.planned_until, self.starts[-1] + INTERVAL)

    @property
    def is_whole(self) -> bool:
        """Whether the figures speak of all the hours asked for."""
        return self.reach is not None and self.reach >= self.at + timedelta(hours=self.hours)

    def find_client(self, client: str) -> ClientCoverage | None:
        """Return a client's coverage; None where the plan reaches no hour of it."""
        return next((row for row in self.clients if row.client == client), None)

    def find_recovery(self, client: str) -> datetime | None:
        """Return from when on nothing of a client's requirement is missing for :data:`STEADY`, after a half hour in
        which it is; None: nothing is missing now, or it is not back within the hours that the figures speak of."""
        rows = list(self.list_half_hours(client))
        if not rows or not rows[0].short:
            return None
        short = [row.start for row in rows if row.short]
        asked = (row.start for row in rows if row.share is not None and not row.short)
        return next((at for at in asked if not any(at < one < at + STEADY for one in short)), None)

    def find_relapse(self, client: str, back: datetime | None) -> datetime | None:
        """Return when something is missing again after a client is covered again, within the hours that the figures
        speak of; None: never, or it is not covered again."""
        rows = () if back is None else self.list_half_hours(client)
        return next((row.start for row in rows if back is not None and row.start > back and row.short), None)

    def build_series(self, own: ClientCoverage) -> CoverageSeries:
        """Return a client's half hours to be drawn, without agents beyond what is required."""
        missing, none = own.required - own.covered, np.zeros(len(self.starts))
        return CoverageSeries(self.starts, own.required, own.covered, missing, none)

    def list_half_hours(self, client: str) -> Iterator[HalfHour]:
        """Yield a client's half hours from now on; none where the plan reaches no hour of it."""
        own = self.find_client(client)
        if own is None:
            return
        for start, *figures in zip(self.starts, own.required, own.covered, own.share, strict=True):
            yield HalfHour(start, *(None if np.isnan(one) else float(one) for one in figures))


@dataclass(frozen=True, slots=True)
class PlanReach:
    """How far the plan in force reaches; all is None where none is in force or it is over.

    ``begins`` is when a plan begins that does so after the hours asked for, ``until`` where its
    days have a first gap. The figures speak until ``reach``, which may be the ``whole`` of the
    hours asked for.
    """

    in_force: bool
    begins: datetime | None = None
    until: datetime | None = None
    reach: datetime | None = None
    whole: bool = False


def find_plan_reach(coverage: Coverage | None) -> PlanReach:
    """Return how far the plan behind a coverage reaches; None: no plan is in force."""
    if coverage is None:
        return PlanReach(in_force=False)
    return PlanReach(
        in_force=True,
        begins=coverage.planned_from,
        until=coverage.planned_until,
        reach=coverage.reach,
        whole=coverage.is_whole,
    )


def describe_standing(client: Client, coverage: Coverage | None) -> ClientStanding:
    """Return how a client stands, by its name of today; unknown where no plan reaches it."""
    own = None if coverage is None else coverage.find_client(client.id)
    if own is None:
        return ClientStanding(client=client.id, name=client.name, state=Status.UNKNOWN)
    return replace(own, name=client.name)


def rank_clients(operator: Operator, coverage: Coverage | None) -> tuple[ClientStanding, ...]:
    """Return how an operator's clients stand that a plan reaches, those served worst first."""
    reached = set() if coverage is None else {row.client for row in coverage.clients}
    rows = [describe_standing(row, coverage) for row in operator.clients if row.id in reached]
    return tuple(sorted(rows, key=lambda row: row.rank))


def find_worst_client(clients: Sequence[ClientStanding]) -> ClientStanding | None:
    """Return the client served worst: now where one is short now, else in the hours ahead."""
    short = [row for row in clients if row.short]
    return min(short, key=lambda row: row.rank, default=None)


def judge_operator(clients: Sequence[ClientStanding], sites: Sequence[SiteStatus], plan: PlanReach) -> Status:
    """Return the worst state of the clients that need agents; of none, how the sites stand.

    Without such a client: ``thin`` where a site is lost; ``held`` where all are open and a plan
    reaches the hours ahead of an operator without clients; else ``unknown``.
    """
    states = [row.state for row in clients if not row.idle]
    if states:
        return find_gravest(states)
    if any(site.state != "open" for site in sites):
        return Status.THIN
    planned = plan.reach is not None
    return Status.HELD if planned and sites and not clients else Status.UNKNOWN


def find_operator_tone(state: Status, clients: Sequence[ClientStanding]) -> Tone:
    """Return the colour of an operator's state: the gravest of the clients who are in it."""
    tones = [row.tone for row in clients if row.state is state and not row.idle]
    return min(tones, key=tuple(Tone).index) if tones else Tone(str(state))


def compute_coverage(stream: str = LIVE, hours: int = 48) -> Coverage | None:
    """Return the coverage of every client; None when no plan is in force.

    Losses, absences, the relief in force and the agents of partners are all taken into account.
    """
    scene = load_scene(stream)
    return None if scene is None else compute_scene_coverage(scene, hours)


def compute_scene_coverage(scene: Scene, hours: int = 48, *, supposed: bool = False, client: str = "") -> Coverage:
    """Return the coverage of a scene; ``supposed``: of a supposed one, which is not cached.

    ``client``: of each of its programmes in the place of the clients.
    """
    until = scene.at + timedelta(hours=hours)
    generation = scene.relief.generation if scene.relief else 0
    days = [scene.day_plan(day).plan for day in scene.days]
    if not days:
        begins = find_first_start(until)
        return Coverage(scene.stream, scene.at, (), (), None, generation, begins, hours=hours)
    starts = [start for plan in days for start in plan.starts]
    wanted = [at for at, start in enumerate(starts) if scene.at - INTERVAL < start < until]
    partners = list_partner_agents(scene.stream, [starts[at] for at in wanted])
    if supposed:
        clients = _cover_clients(scene, days, wanted, partners, _count_agents)
    elif client:
        clients = _cover_clients(scene, days, wanted, partners, _load_headcount, client)
    else:
        key = (scene.stream, scene.activation.pk, scene.relief.pk if scene.relief else 0,
               scene.days, wanted[0], len(wanted), _find_losses(scene), partners,
               frozenset(scene.absent.items()))  # fmt: skip
        sources = (scene.situation, *days)
        clients = _known.get(key, sources, lambda: _cover_clients(scene, days, wanted, partners, _load_headcount))
    return Coverage(
        stream=scene.stream,
        at=scene.at,
        starts=tuple(starts[at] for at in wanted),
        clients=clients,
        planned_until=_find_end(starts),
        generation=generation,
        time_zone=days[0].time_zone,
        hours=hours,
    )


def _find_end(starts: Sequence[datetime]) -> datetime:
    """Return where the first half hours that follow each other end."""
    end = starts[0]
    for start in starts:
        if start != end:
            break
        end = start + INTERVAL
    return end


def _cover_clients(
    scene: Scene,
    days: Sequence[Plan],
    wanted: Sequence[int],
    partners: Sequence[PartnerAgents],
    placed: Callable[[Scene, date], Floats],
    of: str = "",
) -> tuple[ClientCoverage, ...]:
    """Return the coverage of every client in the half hours wanted, of those of the days; of one, by programme."""
    starts = [start for plan in days for start in plan.starts]
    client_of = {name: client for plan in reversed(days) for name, client, _ in plan.programmes}
    names = list(client_of)
    people = np.concatenate(
        [_align(placed(scene, day), plan, names) for day, plan in zip(scene.days, days, strict=True)]
    )[wanted]
    people = people + count_partner_agents(partners, names, len(wanted))
    required = np.concatenate([_align(plan.required, plan, names) for plan in days])[wanted]
    covered = np.nan_to_num(np.minimum(required, people))
    chosen = tuple(starts[at] for at in wanted)
    clients = {client: name for plan in reversed(days) for client, name in plan.clients}
    if of:
        clients = {name: name for name in names if client_of[name] == of}
        client_of = {name: name for name in names}
    columns: dict[str, list[int]] = {client: [] for client in clients}
    for column, name in enumerate(names):
        columns.setdefault(client_of[name], []).append(column)
    return tuple(
        cover_client(
            client,
            name,
            chosen,
            required[:, columns[client]],
            covered[:, columns[client]],
            begun=chosen[0] <= scene.at,
            limits=(float(days[0].settings["target"]), float(days[0].settings["thin"])),
        )
        for client, name in clients.items()
    )


def _align(values: Floats, plan: Plan, names: Sequence[str]) -> Floats:
    """Return ``[interval, programme]`` of a plan by the programmes of all days; 0 where it has not one.

    Days may be of several versions of the reference data, each with its own programmes.
    """
    own = [name for name, _, _ in plan.programmes]
    if own == names:
        return values
    found = np.zeros((len(values), len(names)))
    found[:, [names.index(name) for name in own]] = values
    return found


def _find_losses(scene: Scene) -> tuple[frozenset[str], ...]:
    """Return the losses of each day, which also change as time passes."""
    return tuple(scene.wanted[day].sites | scene.wanted[day].carriers for day in scene.days)


def cover_client(
    client: str,
    name: str,
    starts: Sequence[datetime],
    required: Floats,
    covered: Floats,
    *,
    begun: bool,
    limits: tuple[float, float],
) -> ClientCoverage:
    """Return a client's coverage; ``required`` and ``covered`` are of its programmes.

    ``begun``: the first half hour is the present one. ``limits`` are the plan's target and thin
    limit.
    """
    need, got = np.nansum(required, axis=1), covered.sum(axis=1)
    share = measure_coverage(required, covered)
    some = np.isfinite(share)
    worst = int(np.nanargmin(share)) if some.any() else -1
    now = float(share[0]) if begun and some[0] else None
    least = float(share[worst]) if worst >= 0 else None
    missing = float((need - got).sum()) / max(1.0, float(need.sum()))
    known = not np.isnan(required).any()
    state = judge_client(now, least, missing, *limits, known=bool(known))
    return ClientCoverage(
        client=client,
        name=name,
        required=need,
        covered=got,
        share=share,
        now=now,
        worst=least,
        worst_at=starts[worst] if worst >= 0 else None,
        missing=missing,
        known=bool(known),
        need_now=None if now is None else float(need[0]),
        people_now=None if now is None else float(got[0]),
        state=state,
        tone=find_tone(state, now if state is Status.SHORT_NOW else least, *limits),
        target=limits[0],
        thin=limits[1],
        spans=_list_spans(starts, share, 1 - limits[0]),
    )


def _list_spans(starts: Sequence[datetime], share: Floats, least: float) -> tuple[tuple[datetime, datetime], ...]:
    """Return from when to when less than a share is covered, half hours that follow each other as one."""
    spans: list[tuple[datetime, datetime]] = []
    for start, covered in zip(starts, share, strict=True):
        if covered < least:
            first = spans.pop()[0] if spans and spans[-1][1] == start else start
            spans.append((first, start + INTERVAL))
    return tuple(spans)


_known: IdentityCache[tuple[ClientCoverage, ...]] = IdentityCache()
_people: IdentityCache[Floats] = IdentityCache(64)


def _load_headcount(scene: Scene, day: date) -> Floats:
    """Return effective agents ``[interval, programme]`` of a day, cached while nothing changes."""
    loss = scene.wanted[day]
    relief = scene.relief.pk if scene.relief else 0
    key = (scene.stream, scene.activation.pk, relief, day, loss.sites | loss.carriers, frozenset(scene.absent.items()))
    return _people.get(key, (scene.situation,), lambda: _count_agents(scene, day))


def _count_agents(scene: Scene, day: date) -> Floats:
    found = scene.day_plan(day)
    return count_placed(found.operator, Timeline(found.plan.starts), scene.list_placements(day))
