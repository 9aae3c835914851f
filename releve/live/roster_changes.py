"""Changes to a day's roster by the relief in force, and the vehicle runs of a stream's days.

Runs are not stored: they follow from the plan and the reliefs, so every process finds the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime

from releve.live.clock import LIVE
from releve.live.contacts import NotifiedRide, list_notified_rides
from releve.live.current_rules import select_rules
from releve.live.lost_places import NO_LOSS, Absent
from releve.live.models import ReliefDay
from releve.live.plans import DayPlan, IdentityCache, read_settings
from releve.live.stream_state import Scene, cap_day_vehicles, list_working, load_scene
from releve.network import HOME, Operator
from releve.network.duties import cut_periods
from releve.plan import Placement
from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import DayRuns, PlacementsFrom, Ride, route_day
from releve.plan.named_assignments import MoveDelays, SiteArrival
from releve.plan.result import read_agent
from releve.plan.roster import select_duties
from releve.plan.timetable import SiteTimetable, build_site_timetable
from releve.plan.work_changes import KindCount, Span, WorkChange, WorkKind, count_kinds, describe_change, list_breaks
from releve.situation import SituationRules, count_boarded
from releve.transport import FROM_SITE, TO_SITE

OFF = ""
"""The place of an agent without a shift."""


@dataclass(frozen=True, slots=True)
class PeopleFlow:
    """How many people go from a place to a place: a site, ``home``, or OFF for no shift."""

    origin: str
    target: str
    people: int


@dataclass(frozen=True, slots=True)
class ShiftCount:
    """How many people work one shift of a place, in the plan and in force."""

    place: str
    start: datetime
    end: datetime
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """A place whose shifts change: its people in the plan and in force, the changing ``shifts``
    in the order of times, and how many ``more`` are left out."""

    place: str
    before: int
    after: int
    shifts: tuple[ShiftCount, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ShiftPost:
    """A shift at a place, a site or ``home``, with its breaks; its time zone is that of the place."""

    place: str
    programme: str
    start: datetime
    end: datetime
    time_zone: str
    breaks: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentMove:
    """An agent of a home ``site`` whose work changes in one ``kind``, ``since`` when; None: no shift.

    ``rides`` are those in the message to the agent.
    """

    agent: str
    site: str
    kind: WorkKind
    since: datetime | None
    before: ShiftPost | None
    after: ShiftPost | None
    rides: tuple[NotifiedRide, ...]


@dataclass(frozen=True)
class RosterChange:
    """A day's placements by duty (:attr:`Placement.key`): ``before`` in the plan, ``after`` in force.

    In force means without absent people and lost places. Agents in reserve are in neither. ``changes``
    are of the duties that change from now on, without those of people who are absent or lent: they
    receive no message.
    """

    day: date
    before: Mapping[str, Placement]
    after: Mapping[str, Placement]
    changes: Mapping[str, WorkChange]

    def list_changed(self, *, asks_answer: bool = True) -> list[str]:
        """Return the duties that change, by kind and place: those that ask for an answer, or breaks alone."""
        order = list(WorkKind)

        def key(duty: str) -> tuple[int, str, str, str]:
            after, before = (_find_place(rows, duty) for rows in (self.after, self.before))
            return order.index(self.changes[duty].kind), after, before, duty

        return sorted((duty for duty, row in self.changes.items() if row.kind.asks_answer == asks_answer), key=key)

    def count_flows(self) -> tuple[PeopleFlow, ...]:
        """Return how many people go from each place to each place, in the order of places."""
        agents = {*self.before, *self.after}
        found = Counter((_find_place(self.before, name), _find_place(self.after, name)) for name in agents)
        return tuple(PeopleFlow(*ends, people) for ends, people in sorted(found.items()))

    def count_shifts(self) -> list[ShiftCount]:
        """Return the shifts of every place, in the order of places and times."""
        before, after = (
            Counter((row.place, row.start, row.end) for row in rows.values()) for rows in (self.before, self.after)
        )
        return [ShiftCount(*key, before[key], after[key]) for key in sorted({*before, *after})]

    def list_places(self, most: int) -> dict[str, PlaceChange]:
        """Return the places whose shifts change, each with at most the ``most`` largest changes."""
        found: dict[str, list[ShiftCount]] = {}
        for row in self.count_shifts():
            found.setdefault(row.place, []).append(row)
        return {
            place: _describe_place(place, rows, most)
            for place, rows in found.items()
            if any(row.before != row.after for row in rows)
        }


def _describe_place(place: str, rows: Sequence[ShiftCount], most: int) -> PlaceChange:
    changing = [row for row in rows if row.before != row.after]
    largest = sorted(changing, key=lambda row: -abs(row.after - row.before))[:most]
    return PlaceChange(
        place=place,
        before=sum(row.before for row in rows),
        after=sum(row.after for row in rows),
        shifts=tuple(sorted(largest, key=lambda row: (row.start, row.end))),
        more=len(changing) - len(largest),
    )


def compare_rosters(scene: Scene, day: date, home_sites: Collection[str] | None = None) -> RosterChange:
    """Return a day in the plan and in force, of the agents of some home sites or of all."""
    found, lost = scene.day_plan(day), scene.wanted[day].sites
    agents = found.operator.agent
    rows = (found.plan.placements, scene.list_placements(day))
    planned = (row for row in map(scene.leave_out_absences, rows[0]) if row is not None)
    before, after = ({row.key: row for row in placed} for placed in (planned, rows[1]))
    kept_away = set(list_kept_away(found, lost, after, scene.absent, scene.at))
    other_rides = _find_other_rides(scene, day)
    changes = {}
    for key in {*before, *after, *kept_away, *other_rides}:
        had, has, agent = before.get(key), after.get(key), read_agent(key)
        if scene.is_lent(agent, had, has):
            continue
        change = describe_change(
            had, has, scene.at, lost=lost, kept_away=key in kept_away, other_rides=key in other_rides
        )
        if change.since == scene.at and scene.relief is not None:  # it holds by now: since the relief, or the shift
            starts = [row.start for row in (had, has) if row is not None]
            change = replace(change, since=max(scene.relief.from_at, min(starts)))
        if change.kind is not WorkKind.NONE:
            changes[key] = change
    parts = (
        {key: row for key, row in rows.items() if home_sites is None or agents[read_agent(key)].home_site in home_sites}
        for rows in (before, after, changes)
    )
    return RosterChange(day, *parts)  # type: ignore[arg-type]


def list_kept_away(
    found: DayPlan, closed: Collection[str], working: Container[str], absent: Absent, at: datetime
) -> Iterator[str]:
    """Yield the agents in reserve on a day whose own site is among some, while a shift of theirs may be ahead.

    An absence of all its hours ahead keeps an agent away by itself; after a shorter one the agent would come.
    """
    if not closed:
        return
    ends, duties = find_last_ends(found), select_duties(found.operator, found.plan.day)
    for key in found.plan.reserve:
        agent = found.operator.agent.get(key)
        if agent is None or agent.home_site not in closed or key in working or ends[agent.home_site] <= at:
            continue
        if key in absent:
            periods = [(row.start, row.end) for row in duties[key].periods] if key in duties else []
            ahead = [(max(at, start), end) for start, end in periods or [(at, ends[agent.home_site])] if end > at]
            if not cut_periods(ahead, absent[key]):
                continue
        yield key


def find_last_ends(found: DayPlan) -> dict[str, datetime]:
    """Return when the last planned shift of a day ends, by home site of its agents."""
    ends = dict.fromkeys(found.operator.site, found.plan.starts[0])
    for row in found.plan.placements:
        site = found.operator.agent[row.agent].home_site
        ends[site] = max(ends[site], row.end)
    return ends


Rides = Mapping[tuple[str, str], Ride]
"""The rides of a day, by agent and leg."""


def _find_other_rides(scene: Scene, day: date) -> set[str]:
    """Return the agents whose rides ahead on a day differ from those of its plan."""
    found = scene.planned[day].load()
    if scene.relief is None or not found.has_fleet:
        return set()
    rules = select_rules(scene.situation)
    before, after = (
        {} if runs is None else runs.list_rides()
        for runs in (find_day_runs(scene.stream, found, rules, until) for until in (0, scene.relief.generation))
    )
    return {agent for agent, _leg in {**before, **after} if have_other_rides(before, after, agent, scene.at)}


def have_other_rides(before: Rides, after: Rides, agent: str, at: datetime) -> bool:
    """Return whether an agent's rides ahead differ: in vehicle, stop or hour."""
    had, has = (
        [(ride.run.vehicle, ride.stop, ride.at, ride.run.wave) for ride in list_rides_ahead(rides, agent, at)]
        for rides in (before, after)
    )
    return had != has


def list_rides_ahead(rides: Rides, agent: str, at: datetime) -> list[Ride]:
    """Return an agent's rides of a day that are not over, to the site first."""
    found = (rides.get((agent, leg)) for leg in (TO_SITE, FROM_SITE))
    return [ride for ride in found if ride is not None and max(ride.at, ride.run.at_site) > at]


@dataclass(frozen=True)
class ReliefInForce:
    """A day of the hours ahead under the relief in force; ``generation`` None: the plan applies.

    ``days`` are those of the hours ahead. ``from_at`` is when the relief was made, ``published``
    whether its routes are. ``kinds`` are the people whose work changes on any day ahead, ``arrivals``
    when those called to a site are at work, ``places`` those whose shifts change.
    """

    scene: Scene
    day: date
    days: tuple[date, ...]
    lost_sites: frozenset[str]
    lost_carriers: frozenset[str]
    generation: int | None
    source: str
    from_at: datetime | None
    published: bool
    roster: RosterChange
    kinds: tuple[KindCount, ...]
    flows: tuple[PeopleFlow, ...]
    arrivals: tuple[SiteArrival, ...]
    places: tuple[PlaceChange, ...]


def describe_relief(
    stream: str = LIVE, day: date | None = None, home_sites: Collection[str] | None = None, *, most_shifts: int
) -> ReliefInForce | None:
    """Return a day ahead, of the agents of some home sites or of all; None: none is planned.

    By default, or where there is no such day, the first on which anything changes.
    ``most_shifts`` are the shifts listed of a place at most.
    """
    scene = load_scene(stream)
    if scene is None or not scene.days:
        return None
    rosters = {one: compare_rosters(scene, one, home_sites) for one in scene.days}
    changing = (one for one in scene.days if rosters[one].changes)
    chosen = day if day in rosters else next(changing, scene.days[0])
    roster, lost, relief = rosters[chosen], scene.wanted[chosen], scene.relief
    places = roster.list_places(most_shifts)
    order = (*scene.day_plan(chosen).operator.site, HOME)
    return ReliefInForce(
        scene=scene,
        day=chosen,
        days=scene.days,
        lost_sites=lost.sites,
        lost_carriers=lost.carriers,
        generation=None if relief is None else relief.generation,
        source="" if relief is None else relief.source,
        from_at=None if relief is None else relief.from_at,
        published=relief is not None and relief.published_at is not None,
        roster=roster,
        kinds=count_roster_kinds(rosters.values()),
        flows=roster.count_flows(),
        arrivals=_list_arrivals(scene, roster),
        places=tuple(places[place] for place in order if place in places),
    )


def count_roster_kinds(rosters: Iterable[RosterChange]) -> tuple[KindCount, ...]:
    """Return how many people's work changes on some days, by kind; each person counts once."""
    rows = ((read_agent(key), change.kind) for roster in rosters for key, change in roster.changes.items())
    return count_kinds(rows)


@dataclass(frozen=True, slots=True)
class SiteWork:
    """What becomes of the people of a lost site on the days ahead, each counted once.

    ``present`` were there when it was lost; ``later`` were not, and have a shift there ahead by the plan. Of these
    two ``here`` change their work, by kind, and ``unchanged`` do not: their shift is over, or they are away.
    ``others`` are the site's own people beside these whose work changes: they are at home, in reserve or elsewhere.
    """

    present: int
    later: int
    here: tuple[KindCount, ...]
    unchanged: int
    others: tuple[KindCount, ...]


def describe_site_work(scene: Scene, site: str, present: Set[str]) -> SiteWork:
    """Return what becomes of the people of a site, of whom some were ``present`` when it was lost."""
    ahead, own, changes = set[str](), set[str](), list[tuple[str, WorkKind]]()
    for day in scene.days:
        roster, agents = compare_rosters(scene, day), scene.day_plan(day).operator.agent
        ahead |= {row.agent for row in roster.before.values() if row.place == site and row.end > scene.at}
        changes += [(read_agent(key), change.kind) for key, change in roster.changes.items()]
        own |= {agent for agent, _ in changes if agent in agents and agents[agent].home_site == site}
    there = ahead | present
    here = count_kinds(row for row in changes if row[0] in there)
    return SiteWork(
        present=len(present),
        later=len(ahead - present),
        here=here,
        unchanged=len(there) - sum(row.people for row in here),
        others=count_kinds(row for row in changes if row[0] in own - there),
    )


def _list_arrivals(scene: Scene, roster: RosterChange) -> tuple[SiteArrival, ...]:
    """Return when those called are at work, where a relief was made while the day ran."""
    found, relief = scene.day_plan(roster.day), scene.relief
    if relief is None or relief.from_at <= found.plan.starts[0]:
        return ()
    delays = MoveDelays(found.operator)
    return delays.list_site_arrivals(roster.before, roster.after, relief.from_at)


def list_agent_moves(relief: ReliefInForce, keys: Collection[str]) -> tuple[AgentMove, ...]:
    """Return how some duties are worked before and after on the day of a relief."""
    roster, operator = relief.roster, relief.scene.day_plan(relief.day).operator
    rides = list_notified_rides(relief.scene.stream, [read_agent(key) for key in keys], relief.day)
    return tuple(
        AgentMove(
            agent=read_agent(key),
            site=operator.agent[read_agent(key)].home_site,
            kind=roster.changes[key].kind,
            since=roster.changes[key].since,
            before=_describe_post(roster.before.get(key), operator),
            after=_describe_post(roster.after.get(key), operator),
            rides=rides.get(read_agent(key), ()),
        )
        for key in keys
    )


def _describe_post(row: Placement | None, operator: Operator) -> ShiftPost | None:
    if row is None:
        return None
    where = operator.agent[row.agent].home_site if row.place == HOME else row.place
    time_zone = operator.site[where].time_zone
    return ShiftPost(row.place, row.programme, row.start, row.end, time_zone, tuple(list_breaks(row)))


def _find_place(rows: Mapping[str, Placement], agent: str) -> str:
    row = rows.get(agent)
    return OFF if row is None else row.place


def find_scene_runs(scene: Scene, day: date, rules: SituationRules, *, until: int | None = None) -> DayRuns | None:
    """Return the runs of a day of a scene; None where the operator has no vehicles.

    ``until`` a generation of reliefs, by default the one in force. Absent people keep their seats.
    """
    if until is None:
        until = 0 if scene.relief is None else scene.relief.generation
    return find_day_runs(scene.stream, scene.planned[day].load(), rules, until)


def find_timetable(scene: Scene, day: date, site: str) -> SiteTimetable | None:
    """Return the runs of a site on a day, with the heads that its daily check counted.

    None where the operator has no vehicles.
    """
    found = find_scene_runs(scene, day, select_rules(scene.situation))
    if found is None:
        return None
    return build_site_timetable(found, site, scene.at, count_boarded(scene.situation, site, day))


def list_runs_to(stream: str, site: str) -> tuple[str, ...]:
    """Return the runs of today to a site, as the daily check names them: vehicle and hour."""
    scene = load_scene(stream)
    if scene is None:
        return ()
    today = scene.day_plan(scene.days[0]).operator.find_day(scene.at) if scene.days else None
    runs = None
    if today is not None and today in scene.days:
        runs = find_scene_runs(scene, today, select_rules(scene.situation))
    if runs is None:
        return ()
    return tuple(
        f"{run.vehicle} {runs.write_hour(run)}"
        for run in runs.runs
        if run.wave.site == site and run.wave.leg == TO_SITE
    )


def find_day_runs(stream: str, found: DayPlan, rules: SituationRules, until: int | None = None) -> DayRuns | None:
    """Return the runs of a planned day under the reliefs of a stream, up to a generation if given.

    None where the operator has no vehicles.
    """
    if not found.operator.vehicles:
        return None
    rows = ReliefDay.objects.filter(relief__stream=stream, plan_id=found.digest, day=found.plan.day).exclude(
        relief__source="first"
    )
    if until is not None:
        rows = rows.filter(relief__generation__lte=until)
    reliefs = list(rows.select_related("relief").order_by("relief__generation"))
    key = (found.digest, tuple(row.pk for row in reliefs))
    return _known_runs.get(key, (found, rules), lambda: _route(found, rules, reliefs))


_known_runs: IdentityCache[DayRuns | None] = IdentityCache(64)
"""By plan and reliefs, while the rules of transport are the same."""


def _route(found: DayPlan, rules: SituationRules, reliefs: list[ReliefDay]) -> DayRuns | None:
    operator = cap_day_vehicles(found, rules).operator
    fleet = build_day_fleet(operator, found.plan.day, read_settings(found.plan))
    if fleet is None:
        return None
    steps = [PlacementsFrom(None, _drop_erased(operator, found.plan.placements))]
    for row in reliefs:
        placements = list_working(found, row.changes, NO_LOSS, {})
        steps.append(PlacementsFrom(row.relief.from_at, _drop_erased(operator, placements)))
    return route_day(operator, fleet, steps)


def _drop_erased(operator: Operator, rows: Iterable[Placement]) -> tuple[Placement, ...]:
    """Return the placements of people who are still in the reference data."""
    return tuple(row for row in rows if row.agent in operator.agent)
