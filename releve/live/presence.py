"""Who was where in a stream: the plan in force with its reliefs, the roster where none was made.

Seats of every site: in all, usable, taken; counted once for as long as nothing changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from releve.accounts.scopes import scope_for
from releve.demand.requirement import INTERVAL
from releve.live.clock import is_drill
from releve.live.current_rules import select_rules
from releve.live.lost_places import list_absences
from releve.live.models import ActivationDay, ReliefDay
from releve.live.partners import Lending, list_lendings
from releve.live.plans import DayInForce, IdentityCache
from releve.live.roster_changes import find_day_runs
from releve.live.stream_state import Scene, read_placement
from releve.network import HOME, Operator, zone
from releve.network.duties import cut_periods
from releve.plan import Placement
from releve.plan.result import CARRIED, build_duty_key, read_agent
from releve.plan.roster import select_duties
from releve.situation import Event, EventRefusal, Situation, SituationRules, Stay, list_placed_stays, refuse
from releve.transport import FROM_SITE, TO_SITE

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


_Row = tuple[str, str, datetime, datetime]
_Shut = tuple[str, datetime, datetime]
_NIGHT = timedelta(days=1)
"""A shift that begins on the day before may reach into the first day."""


def find_stays(
    stream: str,
    operator: Operator,
    situation: Situation,
    period: tuple[datetime, datetime],
    *,
    of: Collection[str] | None = None,
    seating: Mapping[str, str] | None = None,
) -> tuple[Stay, ...]:
    """Return the stays on sites that meet a period; those of the agents ``of`` alone, if given.

    On a planned day people were where the plans and the reliefs in force by the hour had them; on
    another, where the roster has them: at their home sites. Agents lent to a partner were at their
    home sites too, or at home, and no relief moved them. Who was away, or was not among those that
    the day's attendance names, was not there.
    """
    since, until = period
    first, last = operator.find_day(since - _NIGHT), operator.find_day(until)
    planned = _list_parts(stream, operator, first, last)
    rows: list[_Row] = []
    runs: dict[tuple[str, str, datetime], tuple[str, str]] = {}
    rules = select_rules(situation)
    home = {agent.id: agent.home_site for agent in operator.agents}
    lendings = [one for one in list_lendings(stream) if one.start < until and one.until > since]
    for day, parts in planned.items():
        day_rows: list[_Row] = []
        following = planned.get(day + _NIGHT, ())
        for part in parts:
            placed = list(_placed(stream, part.planned, following))
            if lendings:
                placed = _set_lent(placed, lendings, _list_desks(part.planned), home, _list_shut(stream, part.planned))
            placed = [one for row in placed for one in _cut(row, part.outside)]
            runs |= _name_runs(stream, part.planned, rules, placed)
            day_rows += placed
        rows += day_rows if len(parts) == 1 else _join(day_rows)
    rostered = [
        (row.agent, home[row.agent], row.start, row.end)
        for row in operator.shifts
        if operator.find_day(row.start) not in planned
    ]
    rows += _set_lent(rostered, lendings, rostered, home) if lendings else rostered
    known = (
        row
        for row in rows
        if row[2] < until and row[3] > since and row[1] in operator.site
        if row[0] in home and (of is None or row[0] in of)
    )
    absent = list_absences(situation, operator)
    there = [
        (agent, site, *left)
        for agent, site, start, end in known
        for left in cut_periods([(start, end)], absent.get(agent, ()))
    ]
    return list_placed_stays(operator, there, seating, _named(situation), runs)


def build_reach_check(
    user: AnyUser, event: Event, stream: str, operator: Operator
) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses an event of a site that names an agent of another one.

    A role held for some sites names the agents who are at home at the site of the event, or who
    were planned or present there that day: else one site could take another one's agents away. A
    role held for every site may name any; of cases that is the health officer.
    """

    def judge(situation: Situation) -> Iterable[EventRefusal]:
        site = operator.site.get(str(getattr(event, "site", "")))
        if site is None or scope_for(user, event.permission).sites is None:
            return
        named = (event.person, *getattr(event, "agents", ()))
        others = [row.id for row in map(operator.agent.get, named) if row and row.home_site != site.id]
        if not others:
            return
        tz = zone(site.time_zone)
        day = getattr(event, "day", None) or event.happened_at.astimezone(tz).date()
        start, end = (datetime.combine(day + timedelta(n), time(), tz) for n in (0, 1))
        planned = find_stays(stream, operator, Situation(), (start, end), of=others)
        attendance = situation.attendance.get((site.id, day.isoformat()))
        there = {stay.agent for stay in planned if stay.site == site.id}
        there.update(() if attendance is None else attendance.agents)
        for agent in others:
            if agent not in there:
                yield refuse("agent.elsewhere", agent=agent, site=site.id, day=day)

    return judge


def _name_runs(
    stream: str, planned: DayInForce, rules: SituationRules, rows: Iterable[_Row]
) -> dict[tuple[str, str, datetime], tuple[str, str]]:
    """Return the vehicle and hour of the ways to and from each stay of a day; none: empty."""
    day_runs = find_day_runs(stream, planned.load(), rules)
    if day_runs is None:
        return {}
    rides = day_runs.list_rides()
    carried = {row.agent: row.end for row in planned.load().plan.placements if row.carried}

    def name(agent: str, leg: str, site: str) -> str:
        ride = rides.get((agent, leg))
        if ride is None or ride.run.wave.site != site:
            return ""
        return f"{ride.run.vehicle} {day_runs.write_hour(ride.run)}"

    return {
        (agent, site, start): (name(agent, TO_SITE, site), name(agent, FROM_SITE, site))
        for agent, site, start, _ in rows
        if agent not in carried or start >= carried[agent]  # they came in a run of the day before
    }


def _named(situation: Situation) -> Mapping[tuple[str, str], Collection[str]]:
    """Return the attendance that names people; one that only counts them is left out."""
    found = situation.attendance.items()
    return {key: frozenset(event.agents) for key, event in found if event.agents}


@dataclass(frozen=True, slots=True)
class _DayPart:
    """A plan that a day had, and the times ``outside`` the hours for which it had it."""

    planned: DayInForce
    outside: tuple[tuple[datetime, datetime], ...]


_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _list_parts(stream: str, operator: Operator, first: date, last: date) -> dict[date, list[_DayPart]]:
    """Return the plans of each day in a period by the hours for which they were in force.

    A plan that took another's place while the day ran counts from then on. Of a day that got its
    first plan only afterwards, and in a drill, whose clock is its own, the newest plan counts.
    """
    rows = ActivationDay.objects.filter(day__gte=first, day__lte=last).order_by("activation_id")
    history: dict[date, list[tuple[datetime, DayInForce]]] = {}
    for day, digest, at, version, record in rows.values_list(
        "day", "plan_id", "activation__at", "activation__version", "activation_id"
    ):
        history.setdefault(day, []).append((at, DayInForce(day, digest or "", version, record)))
    found: dict[date, list[_DayPart]] = {}
    for day, steps in history.items():
        start, end = operator.day_bounds(day)
        begun = [step for step in steps if step[0] <= start][-1:] + [step for step in steps if start < step[0] < end]
        counting = steps[-1:] if is_drill(stream) or not begun else begun
        times = [_EVER[0], *(at for at, _ in counting[1:]), _EVER[1]]
        parts = [
            _DayPart(planned, ((_EVER[0], since), (until, _EVER[1])))
            for (_, planned), since, until in zip(counting, times, times[1:], strict=False)
            if planned.digest
        ]
        if parts:
            found[day] = parts
    return found


def _placed(stream: str, planned: DayInForce, following: Iterable[_DayPart]) -> Iterator[_Row]:
    """Yield where a day's people were: by the plan, from each relief on by that relief.

    What a duty has after the day stands in the plan that the ``following`` day had at its start.
    """
    plan = planned.load().plan
    base = {row.key: row for row in plan.placements}
    days = ReliefDay.objects.filter(relief__stream=stream, plan_id=planned.digest, day=planned.day)
    reliefs = list(days.select_related("relief").order_by("relief__generation"))
    moved = {key for row in reliefs for key in row.changes}
    first, last = plan.starts[0], plan.starts[-1] + INTERVAL
    goes_on: set[str] = set()
    for part in following:
        if not any(since <= last < until for since, until in part.outside):
            later = part.planned.load().plan
            keys = (*(row.key for row in later.placements), *later.reserve)
            goes_on = {read_agent(key) for key in keys if key == build_duty_key(read_agent(key), CARRIED)}
    for key in {*base, *moved}:
        own = base.get(key)
        steps = [own] if key not in moved else _steps(key, own, reliefs)
        for row in filter(None, steps):
            for start, end in row.list_periods():
                begin = max(start, first) if row.carried else start
                finish = min(end, last) if row.agent in goes_on and not row.carried else end
                if begin < finish:
                    yield row.agent, row.place, begin, finish


def _list_desks(planned: DayInForce) -> list[_Row]:
    """Return where a plan has each of its people, those in reserve at their own sites."""
    found = planned.load()
    reserve, first = frozenset(found.plan.reserve), found.plan.starts[0]
    return [
        *(
            (row.agent, row.place, max(first, start), end)
            for row in found.plan.placements
            for start, end in row.list_periods()
        ),
        *(
            (duty.agent, found.operator.agent[duty.agent].home_site, max(first, period.start), period.end)
            for key, duty in select_duties(found.operator, planned.day).items()
            for period in duty.periods
            if key in reserve
        ),
    ]


def _list_shut(stream: str, planned: DayInForce) -> list[_Shut]:
    """Return the sites that the reliefs of a day have as lost, each until the next relief."""
    rows = ReliefDay.objects.filter(relief__stream=stream, plan_id=planned.digest, day=planned.day)
    reliefs = [row.relief for row in rows.select_related("relief").order_by("relief__generation")]
    ends = [*(relief.from_at for relief in reliefs[1:]), datetime.max.replace(tzinfo=UTC)]
    return [
        (site, relief.from_at, end)
        for relief, end in zip(reliefs, ends, strict=False)
        for site in relief.lost.get(planned.day.isoformat(), {}).get("sites", ())
    ]


def _set_lent(
    rows: Iterable[_Row],
    lendings: Iterable[Lending],
    desks: Iterable[_Row],
    home: Mapping[str, str],
    shut: Sequence[_Shut] = (),
) -> list[_Row]:
    """Return stays with those who were lent at their own sites, as long as those were open.

    ``desks``: where each would be without a relief; one whose contract leaves the place open works
    at home where the plan has it there.
    """
    lent: dict[str, list[Lending]] = {}
    for one in lendings:
        lent.setdefault(one.agent, []).append(one)
    found: list[_Row] = []
    for row in rows:
        found += _cut(row, [(one.start, one.until) for one in lent.get(row[0], ())])
    for agent, place, start, end in desks:
        site = home.get(agent, "")
        closed = [(since, until) for name, since, until in shut if name == site]
        for one in lent.get(agent, ()):
            at_home = place == HOME if one.at_home is None else one.at_home
            if site and not at_home:
                found += _cut((agent, site, max(start, one.start), min(end, one.until)), closed)
    return found


def _cut(row: _Row, periods: Iterable[tuple[datetime, datetime]]) -> list[_Row]:
    """Return what is left of a stay outside some periods."""
    agent, site, *_ = row
    parts = [(row[2], row[3])]
    for since, until in periods:
        parts = [part for start, end in parts for part in ((start, min(end, since)), (max(start, until), end))]
        parts = [(start, end) for start, end in parts if start < end]
    return [(agent, site, start, end) for start, end in parts if start < end]


def _join(rows: Iterable[_Row]) -> list[_Row]:
    """Return stays with those of one agent that follow each other on a site as one."""
    found: list[_Row] = []
    for row in sorted(rows):
        agent, site, start, end = row
        if found and found[-1][:2] == (agent, site) and found[-1][3] == start:
            found[-1] = (agent, site, found[-1][2], end)
        else:
            found.append(row)
    return found


def _steps(key: str, base: Placement | None, reliefs: Sequence[ReliefDay]) -> list[Placement]:
    """Return the placements of one duty on a day, cut where a relief changed them."""
    steps = [base] if base else []
    for row in reliefs:
        at = row.relief.from_at
        wanted = base
        if key in row.changes:
            change = row.changes[key][1]
            wanted = None if change is None else read_placement(key, change)
        last = steps[-1] if steps else None
        if last and wanted and last.place == wanted.place and last.start < at <= last.end:
            steps[-1] = replace(last, end=wanted.end)
            continue
        steps = [replace(step, end=min(step.end, at)) for step in steps if step.start < at]
        if wanted and wanted.end > at:
            steps.append(replace(wanted, start=max(wanted.start, at)))
    return [step for step in steps if step.place != HOME]


@dataclass(frozen=True, slots=True)
class SeatCount:
    """Seats of a site; ``usable`` and ``taken`` are None where no plan is in force."""

    total: int
    usable: frozenset[str] | None
    taken: int | None

    def count_usable(self) -> int | None:
        """Return how many seats are usable; None where no plan is in force."""
        return None if self.usable is None else len(self.usable)


def count_seats(operator: Operator, situation: Situation, scene: Scene | None) -> Mapping[str, SeatCount]:
    """Return the seats of every site: those of today's plan, none where a site is closed.

    ``taken`` is the most people there at once on the first planned day from now on. Counted once
    for as long as nothing changes.
    """
    if scene is None or not scene.days:
        return _seats.get("", (operator,), lambda: _count_without_plan(operator))
    day = scene.days[0]
    plan, lost = scene.day_plan(day).plan, scene.wanted[day]
    relief = scene.relief.pk if scene.relief else 0
    key = (scene.stream, scene.activation.pk, relief, day, lost.sites, lost.carriers)
    sources = (operator, situation, plan)
    return _seats.get(key, sources, lambda: _count_planned(operator, scene, day))


_seats: IdentityCache[Mapping[str, SeatCount]] = IdentityCache()


def _count_without_plan(operator: Operator) -> Mapping[str, SeatCount]:
    total = _count_all(operator)
    return {site.id: SeatCount(total.get(site.id, 0), None, None) for site in operator.sites}


def _count_all(operator: Operator) -> Mapping[str, int]:
    floor_of = {zone.id: zone.floor for zone in operator.all_zones}
    site_of = {floor.id: floor.site for floor in operator.all_floors}
    return Counter(site_of[floor_of[seat.zone]] for seat in operator.all_seats)


def _count_planned(operator: Operator, scene: Scene, day: date) -> Mapping[str, SeatCount]:
    total, lost = _count_all(operator), scene.wanted[day].sites
    usable = {
        site.id: frozenset(site.usable_seats) if site.open and site.id not in lost else frozenset()
        for site in scene.day_plan(day).plan.sites
    }
    there: dict[str, list[Placement]] = {}
    for row in scene.list_placements(day):
        there.setdefault(row.place, []).append(row)
    return {
        site.id: SeatCount(
            total.get(site.id, 0), usable.get(site.id, frozenset()), _most_at_once(there.get(site.id, ()))
        )
        for site in operator.sites
    }


def _most_at_once(rows: Iterable[Placement]) -> int:
    periods = [period for row in rows for period in row.list_periods()]
    steps = [(start, 1) for start, _ in periods] + [(end, -1) for _, end in periods]
    count = most = 0
    for _at, step in sorted(steps):
        count += step
        most = max(most, count)
    return most
