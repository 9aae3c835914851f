"""Who moves from where to where on a day of the relief in force, against the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from releve.live.stream_state import Scene
from releve.plan import Placement

__all__ = ["PeopleFlow", "PlaceChange", "RosterChange", "ShiftCount", "compare_rosters"]

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


@dataclass(frozen=True)
class RosterChange:
    """A day's placements by agent: ``before`` in the plan, ``after`` in force.

    In force means without absent people and lost places. Agents in reserve are in neither.
    """

    day: date
    before: Mapping[str, Placement]
    after: Mapping[str, Placement]

    def list_changed(self) -> list[str]:
        """Return the agents who work differently: those without a shift first, then by place."""

        def key(agent: str) -> tuple[str, str, str]:
            before, after = self.before.get(agent), self.after.get(agent)
            return (after.place if after else OFF, before.place if before else OFF, agent)

        changed = {*self.before, *self.after}
        return sorted(
            (name for name in changed if self.before.get(name) != self.after.get(name)), key=key
        )

    def count_flows(self) -> tuple[PeopleFlow, ...]:
        """Return how many people go from each place to each place, in the order of places."""
        agents = {*self.before, *self.after}
        found = Counter(
            (_find_place(self.before, name), _find_place(self.after, name)) for name in agents
        )
        return tuple(PeopleFlow(*ends, people) for ends, people in sorted(found.items()))

    def count_shifts(self) -> list[ShiftCount]:
        """Return the shifts of every place, in the order of places and times."""
        before, after = (
            Counter((row.place, row.start, row.end) for row in rows.values())
            for rows in (self.before, self.after)
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


def compare_rosters(
    scene: Scene, day: date, home_sites: Collection[str] | None = None
) -> RosterChange:
    """Return a day in the plan and in force, of the agents of some home sites or of all."""
    found = scene.day_plan(day)
    rows = (found.plan.placements, scene.list_placements(day))
    before, after = (
        {
            row.agent: row
            for row in placed
            if home_sites is None or found.operator.agent[row.agent].home_site in home_sites
        }
        for placed in rows
    )
    return RosterChange(day, before, after)


def _find_place(rows: Mapping[str, Placement], agent: str) -> str:
    row = rows.get(agent)
    return OFF if row is None else row.place
