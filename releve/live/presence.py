"""Who was where in a stream: the plan in force with its reliefs, the roster where none was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from releve.live.current_rules import select_rules
from releve.live.day_runs import find_day_runs
from releve.live.models import Activation, ReliefDay
from releve.live.plans import load_day_plan
from releve.live.stream_state import read_placement
from releve.network import HOME, Operator, zone
from releve.plan import Placement
from releve.situation import Absence, Situation, SituationRules, Stay, list_placed_stays
from releve.transport import FROM_SITE, TO_SITE

__all__ = ["find_stays"]

_Row = tuple[str, str, datetime, datetime]
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

    On a planned day people were where the plan and the reliefs in force by the hour had them; on
    another, where the roster has them: at their home sites. Who was away, or was not among those
    that the day's attendance names, was not there.
    """
    since, until = period
    tz = zone(operator.row.time_zone)
    first = (since - _NIGHT).astimezone(tz).date()
    last = until.astimezone(tz).date()
    planned = _planned(first, last)
    rows: list[_Row] = []
    runs: dict[tuple[str, str, datetime], tuple[str, str]] = {}
    rules = select_rules(situation)
    for day, (digest, version) in planned.items():
        placed = list(_placed(stream, day, digest, version))
        rows += placed
        runs |= _name_runs(stream, digest, version, rules, placed)
    home = {agent.id: agent.home_site for agent in operator.agents}
    rows += [
        (row.agent, home[row.agent], row.start, row.end)
        for row in operator.shifts
        if row.start.astimezone(tz).date() not in planned
    ]
    known = (
        row
        for row in rows
        if row[2] < until and row[3] > since and row[1] in operator.site
        if row[0] in home and (of is None or row[0] in of)
    )
    there = [kept for row in known for kept in _without(row, situation.absences.get(row[0]))]
    return list_placed_stays(operator, there, seating, _named(situation), runs)


def _name_runs(
    stream: str, digest: str, version: int, rules: SituationRules, rows: Iterable[_Row]
) -> dict[tuple[str, str, datetime], tuple[str, str]]:
    """Return the vehicle and hour of the ways to and from each stay of a day; none: empty."""
    day_runs = find_day_runs(stream, load_day_plan(digest, version), rules)
    if day_runs is None:
        return {}
    rides = day_runs.list_rides()

    def name(agent: str, leg: str, site: str) -> str:
        ride = rides.get((agent, leg))
        if ride is None or ride.run.wave.site != site:
            return ""
        return f"{ride.run.vehicle} {day_runs.write_hour(ride.run)}"

    return {
        (agent, site, start): (name(agent, TO_SITE, site), name(agent, FROM_SITE, site))
        for agent, site, start, _ in rows
    }


def _named(situation: Situation) -> Mapping[tuple[str, str], Collection[str]]:
    """Return the attendance that names people; one that only counts them is left out."""
    found = situation.attendance.items()
    return {key: frozenset(event.agents) for key, event in found if event.agents}


def _without(row: _Row, absences: Sequence[Absence] | None) -> Iterator[_Row]:
    """Yield what is left of a stay beside the absences of its agent: the part before them."""
    agent, site, start, end = row
    for absence in absences or ():
        if absence.start < end and (absence.until is None or absence.until > start):
            end = min(end, absence.start)
    if start < end:
        yield agent, site, start, end


def _planned(first: date, last: date) -> Mapping[date, tuple[str, int]]:
    """Return the plan of each day, as digest and version of the operator; the newest counts."""
    found: dict[date, tuple[str, int]] = {}
    for activation in Activation.objects.all():
        for text, digest in activation.days.items():
            day = date.fromisoformat(text)
            if first <= day <= last:
                found.setdefault(day, (digest, activation.version))
    return found


def _placed(stream: str, day: date, digest: str, version: int) -> Iterator[_Row]:
    """Yield where a day's people were: by the plan, from each relief on by that relief."""
    plan = load_day_plan(digest, version).plan
    base = {row.agent: row for row in plan.placements}
    days = ReliefDay.objects.filter(relief__stream=stream, plan_id=digest, day=day)
    reliefs = list(days.select_related("relief").order_by("relief__generation"))
    moved = {agent for row in reliefs for agent in row.changes}
    for agent in {*base, *moved}:
        own = base.get(agent)
        steps = [own] if agent not in moved else _steps(agent, own, reliefs)
        yield from ((agent, row.place, row.start, row.end) for row in steps if row)


def _steps(agent: str, base: Placement | None, reliefs: Sequence[ReliefDay]) -> list[Placement]:
    """Return the placements of one agent on a day, cut where a relief changed them."""
    steps = [base] if base else []
    for row in reliefs:
        at = row.relief.from_at
        wanted = base
        if agent in row.changes:
            change = row.changes[agent][1]
            wanted = None if change is None else read_placement(agent, change)
        last = steps[-1] if steps else None
        if last and wanted and last.place == wanted.place and last.start < at <= last.end:
            steps[-1] = replace(last, end=wanted.end)
            continue
        steps = [replace(step, end=min(step.end, at)) for step in steps if step.start < at]
        if wanted and wanted.end > at:
            steps.append(replace(wanted, start=max(wanted.start, at)))
    return [step for step in steps if step.place != HOME]
