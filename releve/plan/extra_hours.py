"""More hours than the roster gives: shifts made longer and people called in, within working time.

A plan and its reliefs keep to the hours of the roster. What these cannot cover, more hours may: this is
a proposal for a person to decide, never part of a plan. No proposal breaks a row of working time that
forbids; what the rows keep out is counted: how many people, by which row, and what would be gained if
that row alone were loosened, with who may do so.

Greedy: again and again the hours that cover most of what is missing, of those half used at least.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from releve.demand.requirement import INTERVAL, Requirement
from releve.errors import NumberPhrase, Phrase
from releve.kernels.arrays import Floats
from releve.network import HOME, Agent, Operator, zone
from releve.network.worktime import WorkingTime, WorkPeriod, WorkRow
from releve.plan.checker.working_time import find_working_time_faults
from releve.plan.coverage import Timeline, count_placed
from releve.plan.kits import give_kits
from releve.plan.named_assignments import HOME_DELAY, SITE_DELAY
from releve.plan.problem import Eligibility, compute_programme_weights, count_planned_seats
from releve.plan.result import Contingency, Placement, Plan, read_agent
from releve.plan.settings import PlanSettings

LONGEST_EXTENSION = 4
"""Half hours by which a shift is made longer at most."""
LEAST_USED = 0.5
"""Share of the hours of a proposal that has to cover something missing."""
EXTENSION, CALL_IN = "extension", "call-in"


@dataclass(frozen=True, slots=True)
class ExtraShift:
    """Hours proposed beside a person's roster: ``covers`` effective agent half hours of what is missing.

    ``kind``: an extension adjoins the shift of the day, a call-in is of a person who is off. ``remarks``
    are ids of rows that make it cost, or that a person should look at.
    """

    kind: str
    placement: Placement
    covers: float
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A row that keeps people from all hours that would help: how many, and the agent half hours that
    would be gained without this row alone (none where others can be asked instead)."""

    row: WorkRow
    people: int
    gain: float

    @property
    def sentence(self) -> Phrase:
        """How many people, by which row, what they would bring, and who may decide."""
        return Phrase(
            "{0} people left out by {1} ({2}): without it {3} half hours more. Who may decide: {4}",
            NumberPhrase(self.people), self.row.id, self.row.source, NumberPhrase(self.gain), self.row.decides,
        )  # fmt: skip


@dataclass(frozen=True)
class ExtraHours:
    """What more hours would bring. Agent half hours are ``missing_before`` without them, ``missing_after``
    with the proposals, ``missing_without_rows`` if no row were there.

    ``helpful`` people could cover something by hours of which half at least are used, whatever the rows;
    of them ``kept_out`` may have none of these hours. ``violations``: what the independent recount finds of
    the proposals; they have none.
    """

    proposals: tuple[ExtraShift, ...]
    missing_before: float
    missing_after: float
    missing_without_rows: float
    helpful: int
    kept_out: int
    left_out: tuple[KeptOut, ...]
    violations: tuple[str, ...]

    @property
    def lost_share(self) -> float:
        """Return the share of what more hours could cover that the rows keep out."""
        possible = self.missing_before - self.missing_without_rows
        return (self.missing_after - self.missing_without_rows) / possible if possible > 0 else 0.0


def find_extra_hours(
    operator: Operator,
    plan: Plan,
    need: Requirement,
    settings: PlanSettings,
    placements: Sequence[Placement],
    *,
    lost: Contingency | None = None,
    since: datetime | None = None,
    absent: Collection[str] = (),
) -> ExtraHours:
    """Return the more hours that help a day as it is placed: the base plan, or a relief.

    ``lost``: the places that cannot be used. ``since``: on a running day the hours begin after it, as
    soon as people can be there. ``absent`` people get none.
    """
    search = _HoursSearch(operator, plan, need, settings, placements, lost, since, absent)
    found = search.run(frozenset())
    free = search.run(None)
    helpful, kept_out = search.find_kept_out()
    left = []
    for row in dict.fromkeys(row for rows in kept_out.values() for row in rows):
        people = [agent for agent, rows in kept_out.items() if row in rows]
        gain = found.missing - search.run(frozenset({row.id})).missing
        left.append(KeptOut(row, len(people), max(0.0, gain)))
    rostered = search.working_time.rostered
    work = {
        one.placement.agent: (*rostered.get(one.placement.agent, ()), read_period(one.placement))
        for one in found.proposals
    }
    return ExtraHours(
        proposals=tuple(found.proposals),
        missing_before=search.missing_before,
        missing_after=found.missing,
        missing_without_rows=min(free.missing, found.missing),
        helpful=helpful,
        kept_out=len(kept_out),
        left_out=tuple(sorted(left, key=lambda one: (-one.gain, -one.people, one.row.id))),
        violations=tuple(find_working_time_faults(operator, work, rostered)),
    )


def read_period(one: Placement) -> WorkPeriod:
    """Return the times of a placement."""
    return WorkPeriod(one.start, one.end, one.break_start, one.break_end)


@dataclass(frozen=True, slots=True)
class _Option:
    """Hours that several people could be given alike, at a place for a programme (by its column)."""

    kind: str
    place: str
    programme: int
    period: WorkPeriod


class _Found:
    """One run of the search: proposals, and what stays missing."""

    def __init__(self, short: Floats) -> None:
        self.proposals: list[ExtraShift] = []
        self.short = short.copy()

    @property
    def missing(self) -> float:
        return float(self.short.sum())


class _HoursSearch:
    """The options of a day, built once, and the greedy runs over them."""

    def __init__(
        self,
        operator: Operator,
        plan: Plan,
        need: Requirement,
        settings: PlanSettings,
        placements: Sequence[Placement],
        lost: Contingency | None,
        since: datetime | None,
        absent: Collection[str],
    ) -> None:
        self.working_time = WorkingTime(operator)
        self._operator, self._plan, self._lost, self._since = operator, plan, lost, since
        self._timeline, self._reserve = Timeline(plan.starts), frozenset(map(read_agent, plan.reserve))
        self._weights = compute_programme_weights(operator, need)
        self._programmes = [name for name, _, _ in plan.programmes]
        placed = count_placed(operator, self._timeline, placements)
        self._short = np.nan_to_num(np.maximum(0.0, need.agents - placed))
        if since is not None:
            self._short[[start < since for start in plan.starts]] = 0.0
        self.missing_before = float(self._short.sum())
        self._seats = self._count_free_seats(placements)
        self._refusals: dict[object, tuple[WorkRow, ...]] = {}
        """By the country, zone and contract of people, their own work and the hours proposed."""
        self._agents: dict[_Option, list[str]] = {}
        operator = give_kits(operator, plan.kit_holders)
        legality = Eligibility(operator, plan.day, settings)
        at_work: dict[str, list[Placement]] = {}
        for one in placements:
            at_work.setdefault(one.agent, []).append(one)
        for agent in operator.agents:
            own: Sequence[Placement | None] = at_work.get(agent.id, (None,)) if agent.id not in absent else ()
            for option in dict.fromkeys(one for row in own for one in self._list_options(agent, row, legality)):
                self._agents.setdefault(option, []).append(agent.id)
        self._options = list(self._agents)
        self._programme = np.array([one.programme for one in self._options], dtype=np.int64)
        self._worked = np.array([self._measure(one) for one in self._options]).reshape(-1, len(plan.starts))
        self._length = np.array([(one.period.end - one.period.start) / INTERVAL for one in self._options])

    def _count_free_seats(self, placements: Sequence[Placement]) -> dict[str, Floats]:
        seats = count_planned_seats(self._operator, self._plan)
        free = {site: np.full(len(self._timeline), float(count)) for site, count in seats.items()}
        for one in placements:
            if one.place != HOME:
                free[one.place] -= self._timeline.find_seated(one)
        return free

    def _measure(self, option: _Option) -> Floats:
        programme = self._operator.programme[self._programmes[option.programme]]
        effect = programme.home_efficiency if option.place == HOME else 1.0
        return effect * self._timeline.measure_worked(self._place(option, ""))

    def _place(self, option: _Option, agent: str) -> Placement:
        return Placement(agent, option.place, self._programmes[option.programme], *option.period)

    def _list_options(self, agent: Agent, placed: Placement | None, legality: Eligibility) -> Iterator[_Option]:
        """Yield the hours that an agent could be given, where anything is missing while they run."""
        own = self.working_time.rostered.get(agent.id, ())
        over = self._plan.starts[-1] + INTERVAL
        today = [one for one in own if one.end > self._plan.starts[0] and one.start < over]
        if placed is not None:
            kind, shifts, places = EXTENSION, [read_period(placed)], {placed.place}
        elif today and agent.id in self._reserve:
            kind, shifts, places = EXTENSION, today, {HOME, agent.home_site}
        elif not today:
            kind, shifts, places = CALL_IN, [], {HOME, agent.home_site}
        else:
            return  # isolated, or without a place under the relief
        for place, name in sorted(legality.find_pairs(agent)):
            column = self._programmes.index(name)
            if place not in places or not self._is_there(agent, place) or not self._short[:, column].any():
                continue
            capped = self._operator.programme[name].max_site_share < 1
            if placed is None and self._lost is None and place != HOME and capped:
                continue  # one more on a site could break the client's share of it
            periods = self._list_call_ins(agent, place) if kind == CALL_IN else self._list_extensions(shifts)
            for period in periods:
                if all(period.end <= one.start or period.start >= one.end for one in own):
                    yield _Option(kind, place, column, period)

    def _is_there(self, agent: Agent, place: str) -> bool:
        """Return whether a place stands, and the agent needs no vehicle for other hours there."""
        if place == HOME:
            return self._lost is None or agent.carrier not in self._lost.carriers
        rides = bool(self._operator.vehicles and agent.stop and not agent.own_transport)
        return not rides and (self._lost is None or place not in self._lost.sites)

    def _list_extensions(self, shifts: Iterable[WorkPeriod]) -> Iterator[WorkPeriod]:
        for shift in shifts:
            for count in range(1, LONGEST_EXTENSION + 1):
                if self._since is None or shift.end > self._since:
                    yield WorkPeriod(shift.end, shift.end + count * INTERVAL)
                if self._since is None or shift.start - count * INTERVAL >= self._since + HOME_DELAY:
                    yield WorkPeriod(shift.start - count * INTERVAL, shift.start)

    def _list_call_ins(self, agent: Agent, place: str) -> Iterator[WorkPeriod]:
        """Yield shifts of a fifth of the contract's week and a break of half an hour, on each half hour."""
        length = round(agent.contract_hours / 5 * 2) * INTERVAL + INTERVAL
        first = self._plan.starts[0]
        if self._since is not None:
            first = self._since + (HOME_DELAY if place == HOME else SITE_DELAY)
        for start in self._plan.starts:
            if start >= first and start + length <= self._plan.starts[-1] + INTERVAL:
                middle = start + (length - INTERVAL) // 2 // INTERVAL * INTERVAL
                yield WorkPeriod(start, start + length, middle, middle + INTERVAL)

    def run(self, ignored: Collection[str] | None) -> _Found:
        """Take the best hours one after the other; rows ``ignored`` by id do not count, None: none does."""
        found = _Found(self._short)
        seats = {site: free.copy() for site, free in self._seats.items()}
        served: set[str] = set()
        open_at = np.ones(len(self._options), dtype=np.bool_)
        gain = self._measure_gains(found.short, range(len(self._programmes)))
        while True:
            value = np.where(open_at, gain / self._length, 0.0)
            usable = value >= LEAST_USED
            if not usable.any():
                break
            worth = np.where(usable, np.round(value * self._weights[self._programme], 6), -1.0)
            best = int(np.argmax(np.where(worth == worth.max(), gain, -1.0)))
            option = self._options[best]
            agent = self._choose_agent(option, served, seats, ignored)
            if agent is None:
                open_at[best] = False
                continue
            served.add(agent)
            if option.place != HOME:
                seats[option.place] -= self._timeline.find_present(option.period.start, option.period.end)
            before = found.short[:, option.programme].copy()
            found.short[:, option.programme] = np.maximum(0.0, before - self._worked[best])
            covers = float((before - found.short[:, option.programme]).sum())
            found.proposals.append(
                ExtraShift(option.kind, self._place(option, agent), covers, self._list_remarks(agent, option.period))
            )
            gain = self._measure_gains(found.short, [option.programme], gain)
        return found

    def find_kept_out(self) -> tuple[int, dict[str, tuple[WorkRow, ...]]]:
        """Return how many people could help, and those of whom rows refuse all hours that would, with
        the rows that refuse the best of these."""
        gain = self._measure_gains(self._short, range(len(self._programmes)))
        useful = np.flatnonzero(gain / self._length >= LEAST_USED)
        allowed: set[str] = set()
        refused: dict[str, tuple[WorkRow, ...]] = {}
        for at in useful[np.argsort(-gain[useful], kind="stable")].tolist():
            option = self._options[at]
            for agent in self._agents[option]:
                if agent not in allowed:
                    rows = self._find_refusals(agent, option.period)
                    if rows:
                        refused.setdefault(agent, rows)
                    else:
                        allowed.add(agent)
        kept_out = {agent: rows for agent, rows in refused.items() if agent not in allowed}
        return len(allowed) + len(kept_out), kept_out

    def _measure_gains(self, short: Floats, programmes: Sequence[int], last: Floats | None = None) -> Floats:
        """Return what each option would cover now; those of other programmes as they were."""
        out = np.zeros(len(self._options)) if last is None else last.copy()
        for p in programmes:
            mine = self._programme == p
            out[mine] = np.minimum(self._worked[mine], short[:, p]).sum(axis=1)
        return out

    def _choose_agent(
        self, option: _Option, served: set[str], seats: dict[str, Floats], ignored: Collection[str] | None
    ) -> str | None:
        """Return the first agent who may have some hours."""
        if option.place != HOME:
            present = self._timeline.find_present(option.period.start, option.period.end) > 0
            if (seats[option.place][present] < 1).any():
                return None
        for agent in self._agents[option]:
            if agent in served:
                continue
            rows = () if ignored is None else self._find_refusals(agent, option.period)
            if all(row.id in (ignored or ()) for row in rows):
                return agent
        return None

    def _find_refusals(self, agent: str, period: WorkPeriod) -> tuple[WorkRow, ...]:
        own = self.working_time.rostered.get(agent, ())
        row = self._operator.agent[agent]
        key = (self._operator.site[row.home_site].destination, self.working_time.find_zone(agent), row.contract_hours)
        if (key, own, period) not in self._refusals:
            rows = dict.fromkeys(one.row for one in self.working_time.find_refusals(agent, own, [period]))
            self._refusals[key, own, period] = tuple(rows)
        return self._refusals[key, own, period]

    def _list_remarks(self, agent: str, period: WorkPeriod) -> tuple[str, ...]:
        """Return the rows that hours cost by or that are to be looked at, those of notice among them."""
        own = self.working_time.rostered.get(agent, ())
        found = {one.row.id for one in self.working_time.judge(agent, own, [period]) if one.row.strength != "forbid"}
        if self._since is not None:
            tz = zone(self.working_time.find_zone(agent))
            day = period.start.astimezone(tz).date()
            notice = day - self._since.astimezone(tz).date()
            for row in self.working_time.find_rules(agent).list_in_force(day):
                if row.parameter == "notice_days" and notice < timedelta(days=row.value):
                    found.add(row.id)
        return tuple(sorted(found))
