"""A day's plan changed by hand: edits of duties, and the plan that results with every figure counted again.

An edit says of some duties what they were and what they become: place, programme, times, or reserve. The plan
that results is always made from the plan in force and all edits of the day, so that an edit taken back leaves
the very bits that were there before it. Reliefs stay as they are but for the duties edited: who is at a lost
place works at home where that is allowed, else is without work. Others are not moved again, so the reliefs of
an edited plan are good for at least what it says, and a new plan may find better ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import floor
from typing import Literal

import numpy as np

from releve.errors import Phrase, ReleveError
from releve.kernels.arrays import Floats
from releve.network import HOME, Agent, Operator, Shift
from releve.network.worktime.judgement import WorkRecord, find_breaches
from releve.network.worktime.own_rows import build_rules
from releve.network.worktime.rows import WorkPeriod
from releve.plan.checker import check_plan
from releve.plan.checker.figures import ScenarioTally, compute_weights
from releve.plan.checker.rules import SLACK, DayRules, find_share_faults
from releve.plan.checker.working_time import find_working_time_faults
from releve.plan.coverage import Timeline
from releve.plan.relief_matrix import build_verdict, measure_cell
from releve.plan.result import (
    BASE,
    CARRIED,
    SINGLE,
    Bound,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedScenario,
    ReliefCell,
    read_agent,
)
from releve.plan.roster import list_break_patterns, select_duties
from releve.plan.service_status import Status
from releve.plan.settings import PlanSettings
from releve.plan.sudden_loss import measure_sudden_losses

EditKind = Literal["place", "swap", "hours", "sheet"]
EDITED = "edited by hand"
"""The state of the bound of a plan that was edited: nothing is proved of it."""


class EditRefused(ReleveError, ValueError):  # noqa: N818 (a refusal, not a fault of the program)
    """An edit cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class DutyEdit:
    """One duty before and after; None: in reserve. ``shifts``: its rows of the roster from then on, in place of
    ``had``; both are empty where its times stay."""

    key: str
    before: Placement | None
    after: Placement | None
    had: tuple[Shift, ...] = ()
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class RosterEdit:
    """What a planner did to a day at once; a swap edits two duties."""

    kind: EditKind
    duties: tuple[DutyEdit, ...]

    @property
    def changes_roster(self) -> bool:
        """Whether times change, and with them the roster of the reference data."""
        return any(one.shifts for one in self.duties)


Roster = Mapping[str, Sequence[Shift]]
"""The rows of the roster by agent."""


def group_shifts(operator: Operator) -> Roster:
    """Return the rows of the roster by agent, in their order."""
    found: dict[str, list[Shift]] = {}
    for row in operator.shifts:
        found.setdefault(row.agent, []).append(row)
    return found


def replace_shifts(shifts: Iterable[Shift], edits: Iterable[RosterEdit]) -> tuple[Shift, ...]:
    """Return roster rows with those of the edits in the place of the ones that they had."""
    out = list(shifts)
    for one in (one for edit in edits for one in edit.duties if one.shifts):
        at = [out.index(row) for row in one.had]
        for place in sorted(at, reverse=True):
            del out[place]
        out[min(at) : min(at)] = one.shifts
    return tuple(out)


class DayEditor:
    """A planned day to be edited; ``aht_s`` seconds ``[interval, programme]`` as the plan was made for.

    What the plan itself says is counted once and kept: each further edit costs what it changes.
    """

    def __init__(
        self, operator: Operator, plan: Plan, settings: PlanSettings, aht_s: Floats, roster: Roster | None = None
    ) -> None:
        self.operator, self.plan, self.settings, self.aht_s = operator, plan, settings, aht_s
        self.roster = group_shifts(operator) if roster is None else roster
        self.rules = DayRules(operator, plan.day, settings, plan.kit_holders)
        self.base = {row.key: row for row in plan.placements}
        self.timeline = Timeline(plan.starts)
        self._weights = compute_weights(operator, plan.required, plan.calls, aht_s)
        self._column = {row.id: p for p, row in enumerate(operator.programmes)}
        self._moves = {name: {move.key: move for move in scenario.moves} for name, scenario in plan.scenarios.items()}

    def with_roster(self, roster: Roster) -> DayEditor:
        """Return the same day beside another roster of other days, by which working time is judged."""
        other = copy(self)
        other.roster = roster
        return other

    # what a planner asks for

    def find(self, key: str, edits: Sequence[RosterEdit]) -> Placement | None:
        """Return where a duty is after some edits; None: in reserve. EditRefused where there is no such duty."""
        for edit in reversed(edits):
            for one in edit.duties:
                if one.key == key:
                    return one.after
        if key not in self.base and key not in self.plan.reserve:
            raise EditRefused(Phrase("{0} has no work on {1}", read_agent(key), self.plan.day))
        return self.base.get(key)

    def set_post(self, key: str, place: str, programme: str, edits: Sequence[RosterEdit] = ()) -> RosterEdit:
        """Return the edit that puts a duty at a place for a programme; an empty place: in reserve."""
        before = self._open(key, edits)
        after = None if not place else self._place(key, before, place, programme, edits)
        if after == before:
            raise EditRefused(Phrase("nothing would change: {0} works there already", read_agent(key)))
        return RosterEdit("place", (DutyEdit(key, before, after),))

    def set_times(
        self, key: str, periods: Sequence[tuple[datetime, datetime]], edits: Sequence[RosterEdit] = ()
    ) -> RosterEdit:
        """Return the edit that gives a duty other times; two periods split it. Its place stays."""
        before = self._open(key, edits)
        if before is None:
            raise EditRefused(Phrase("{0} is in reserve: give a place first, then other times", read_agent(key)))
        had = self.list_rows(key, edits)
        if not had:
            raise EditRefused(Phrase("there is no roster: the plan itself chooses the times of {0}", read_agent(key)))
        shifts = _share_break(read_agent(key), periods, had)
        if shifts == had:
            raise EditRefused(Phrase("nothing would change: {0} has these times already", read_agent(key)))
        after = self._fit(key, before.place, before.programme, had, shifts, before, edits)
        return RosterEdit("hours", (DutyEdit(key, before, after, had, shifts),))

    def swap(self, first: str, second: str, edits: Sequence[RosterEdit] = ()) -> RosterEdit:
        """Return the edit by which two duties change places, programmes and times with one another."""
        if first == second:
            raise EditRefused(Phrase("choose two agents: {0} cannot swap alone", read_agent(first)))
        a, b = self._open(first, edits), self._open(second, edits)
        rows = {key: self.list_rows(key, edits) for key in (first, second)}
        same = _list_times(rows[first]) == _list_times(rows[second])
        duties = []
        for key, own, other, source in ((first, a, b, second), (second, b, a, first)):
            if same:
                after = None if other is None else replace(other, agent=read_agent(key), duty=_read_duty(key))
                duties.append(DutyEdit(key, own, after))
                continue
            agent = read_agent(key)
            shifts = tuple(replace(row, agent=agent) for row in rows[source])
            after = None
            if other is not None:
                after = self._fit(key, other.place, other.programme, rows[key], shifts, other, edits)
            duties.append(DutyEdit(key, own, after, rows[key], shifts))
        if all(one.before == one.after and not one.shifts for one in duties):
            raise EditRefused(
                Phrase("nothing would change: {0} and {1} do the same", read_agent(first), read_agent(second))
            )
        return RosterEdit("swap", tuple(duties))

    def set_all(
        self,
        key: str,
        place: str,
        programme: str,
        periods: Sequence[tuple[datetime, datetime]],
        edits: Sequence[RosterEdit] = (),
    ) -> RosterEdit:
        """Return the edit that gives a duty a place, a programme and times at once, as a row of a sheet says them."""
        before, kept = self._open(key, edits), list(edits)
        had = self.list_rows(key, edits)
        shifts: tuple[Shift, ...] = ()
        if [(row.start, row.end) for row in had] != sorted(periods):
            if before is None and place:
                kept.append(self.set_post(key, place, programme, kept))
            kept.append(self.set_times(key, periods, kept))
            shifts = kept[-1].duties[0].shifts
        now = self.find(key, kept)
        if (now.place, now.programme) != (place, programme) if now is not None else bool(place):
            kept.append(self.set_post(key, place, programme, kept))
        if len(kept) == len(edits):
            raise EditRefused(Phrase("nothing would change: {0} works there already", read_agent(key)))
        return RosterEdit("sheet", (DutyEdit(key, before, self.find(key, kept), had if shifts else (), shifts),))

    def _open(self, key: str, edits: Sequence[RosterEdit]) -> Placement | None:
        """Return a duty that may be edited; EditRefused for one that another day's plan has too."""
        found, ends = self.find(key, edits), self.rules.last
        rows = self.list_rows(key, edits)
        if key.endswith(f"|{CARRIED}") or any(row.end > ends for row in rows):
            raise EditRefused(
                Phrase("{0} works across the end of a day, which two plans share: plan both again", read_agent(key))
            )
        return found

    def list_rows(self, key: str, edits: Sequence[RosterEdit]) -> tuple[Shift, ...]:
        """Return the rows of the roster that make a duty, after some edits."""
        for edit in reversed(edits):
            for one in edit.duties:
                if one.key == key and one.shifts:
                    return one.shifts
        periods = self.rules.duties.get(key, [])
        rows = self.roster.get(read_agent(key), ())
        return tuple(row for row in rows if any(row.start < end and start < row.end for start, end, _ in periods))

    def _place(
        self, key: str, before: Placement | None, place: str, programme: str, edits: Sequence[RosterEdit]
    ) -> Placement:
        if before is not None:
            return replace(before, place=place, programme=programme or before.programme)
        rows = self.list_rows(key, edits)
        return self._fit(key, place, programme, rows, rows, None, edits)

    def _fit(
        self,
        key: str,
        place: str,
        programme: str,
        had: tuple[Shift, ...],
        shifts: tuple[Shift, ...],
        like: Placement | None,
        edits: Sequence[RosterEdit],
    ) -> Placement:
        """Return a placement for a duty of other rows; its break is the one nearest to that of ``like``."""
        agent, edit = read_agent(key), RosterEdit("hours", (DutyEdit(key, None, None, had, shifts),))
        duties = select_duties(self.narrow((agent,), (*edits, edit)), self.plan.day)
        duty = duties.get(key)
        if duty is None or any(row.end > self.rules.last or row.start < self.rules.first for row in shifts):
            raise EditRefused(Phrase("{0}: these times are not one duty of {1}", agent, self.plan.day))
        patterns = list_break_patterns(duty)
        wanted = like.break_start if like is not None else None
        best = min(
            patterns, key=lambda one: abs(one.break_start - wanted) if one.break_start and wanted else timedelta(0)
        )
        return Placement(
            agent, place, programme, best.start, best.end, best.break_start, best.break_end, best.pauses,
            _read_duty(key),
        )  # fmt: skip

    def narrow(self, agents: Iterable[str], edits: Sequence[RosterEdit]) -> Operator:
        """Return the operator with the roster of some agents alone, as the edits leave it."""
        named = dict.fromkeys(agents)
        rows = tuple(row for agent in named for row in self.roster.get(agent, ()))
        absences = tuple(row for row in self.operator.absences if row.agent in named)
        own = [
            replace(edit, duties=tuple(one for one in edit.duties if read_agent(one.key) in named)) for edit in edits
        ]
        return replace(self.operator, shifts=replace_shifts(rows, own), absences=absences)

    # the plan that results

    def apply(self, edits: Sequence[RosterEdit]) -> Plan:
        """Return the plan after some edits, figures and verdicts counted again; without its losses in the middle
        of the day, and not yet checked."""
        last = {one.key: one.after for edit in edits for one in edit.duties}
        wanted = {key: row for key, row in last.items() if row != self.base.get(key)}
        if not wanted:
            return self.plan
        rules = self._own_rules(wanted, edits)
        scenarios, lost = {}, {row.id: row for row in self.plan.contingencies}
        for name in self.plan.scenarios:
            scenarios[name] = self._change_scenario(name, lost.get(name), wanted, rules)
        placements = {key: row for key, row in {**self.base, **wanted}.items() if row is not None}
        cells = tuple(self._count_cell(cell, scenarios[cell.contingency].placed) for cell in self.plan.cells)
        home = {key for key, row in placements.items() if row.place == HOME} & wanted.keys()
        beyond = {row.id for row in self.plan.contingencies if row.kind not in SINGLE}
        held = {row.client: row.rounding for row in self.plan.verdicts}
        out = {(cell.client, cell.contingency) for cell in cells if cell.status is Status.OUT_OF_REACH}
        return replace(
            self.plan,
            placements=tuple(placements[key] for key in sorted(placements)),
            reserve=tuple(sorted({*self.plan.reserve, *self.base, *wanted} - placements.keys())),
            scenarios=scenarios,
            cells=cells,
            verdicts=tuple(
                build_verdict(client, [cell for cell in cells if cell.client == client], beyond, held.get(client, ()))
                for client, _ in self.plan.clients
            ),
            bound=self._describe_bound(scenarios[BASE], tuple(placements.values()), cells),
            missing=None,
            violations=(),
            home_days=self._list_home_days(wanted, home),
            causes=tuple(row for row in self.plan.causes if (row.client, row.contingency) in out),
            sudden=(),
        )

    def finish(self, edits: Sequence[RosterEdit], operator: Operator | None = None) -> Plan:
        """Return the plan after some edits, whole and checked: ``violations`` says what it breaks.

        ``operator``: the reference data with the roster of the edits; by default made from them.
        """
        changed = operator or replace(self.operator, shifts=replace_shifts(self.operator.shifts, edits))
        plan = self.apply(edits)
        plan = replace(plan, sudden=measure_sudden_losses(changed, plan, self.settings))
        found = check_plan(changed, plan, self.settings, self.aht_s)
        agents = {read_agent(one.key) for edit in edits if edit.changes_roster for one in edit.duties}
        had, has = (_list_work(self.narrow(agents, rows).shifts, agents) for rows in ((), edits))
        return replace(plan, violations=(*found, *find_working_time_faults(self.operator, has, had)))

    def _own_rules(self, keys: Iterable[str], edits: Sequence[RosterEdit]) -> DayRules:
        narrow = self.narrow(map(read_agent, keys), edits)
        return DayRules(narrow, self.plan.day, self.settings, self.plan.kit_holders)

    def _list_home_days(self, wanted: Mapping[str, Placement | None], home: Iterable[str]) -> tuple[str, ...]:
        """Return whose day is at home in a hybrid week; other plans name none."""
        if not self.plan.teams:
            return self.plan.home_days
        gone = {read_agent(key) for key, row in wanted.items() if row is not None}
        return tuple(sorted({*(set(self.plan.home_days) - gone), *map(read_agent, home)}))

    def _work(self, row: Placement) -> tuple[int, Floats]:
        """Return the column of a placement's programme, and its effective agents ``[interval]``."""
        programme = self.operator.programme[row.programme]
        share = programme.home_efficiency if row.place == HOME else 1.0
        return self._column[row.programme], share * self.timeline.measure_worked(row)

    def _change_scenario(
        self, name: str, lost: Contingency | None, wanted: Mapping[str, Placement | None], rules: DayRules
    ) -> PlannedScenario:
        """Return a scenario with the work of the edited duties in the place of what it had."""
        found = self.plan.scenarios[name]
        moves = dict(self._moves[name])
        seats = self._seats[name] if lost is not None else {}
        placed, taken = found.placed.copy(), {site: np.zeros_like(rows) for site, rows in seats.items()}
        for key in wanted:
            had = moves[key].after if key in moves else self.base.get(key)
            if had is not None:
                column, work = self._work(had)
                placed[:, column] -= work
                if had.place in taken:
                    taken[had.place] -= self.timeline.find_seated(had)
        for key, row in wanted.items():
            has: Placement | None = row
            if lost is not None:
                move = _repair_move(rules, lost, key, self.base.get(key), row, moves.pop(key, None))
                if move is not None and move.after is not None and move.after.place in seats:
                    place = move.after.place
                    need = self.timeline.find_seated(move.after)
                    if self._is_over(place, seats[place] + taken[place] + need, need):
                        move = _leave_idle(rules, lost, key, row)
                elif move is None and row is not None and row.place in seats:
                    need = self.timeline.find_seated(row)
                    if self._is_over(row.place, seats[row.place] + taken[row.place] + need, need):
                        move = Move(read_agent(key), row, None, "reserve")
                if move is not None:
                    moves[key] = move
                    has = move.after
            if has is not None:
                column, work = self._work(has)
                placed[:, column] += work
                if has.place in taken:
                    taken[has.place] += self.timeline.find_seated(has)
        if lost is not None and lost.exposed:
            self._isolate(lost, wanted, moves, placed)
        placed[np.abs(placed) < SLACK] = 0.0
        penalty = ScenarioTally(self.plan.required, placed).penalty(self._weights)
        ordered = tuple(moves[key] for key in sorted(moves))
        return replace(found, placed=placed, moves=ordered, penalty=penalty)

    def _isolate(
        self, lost: Contingency, wanted: Mapping[str, Placement | None], moves: dict[str, Move], placed: Floats
    ) -> None:
        """Set aside as many of the exposed of each lost site as the plan's share asks for, edited duties first."""
        base = {**self.base, **wanted}
        for site in lost.sites:
            here = [key for key, row in base.items() if row is not None and row.place == site]
            least = floor(self.settings.isolated * len(here) + SLACK)
            isolated = sum(key in moves and moves[key].reason == "isolated" for key in here)
            works = {key for key in here if key in moves and moves[key].after is not None}
            ranked = sorted(here, key=lambda key: (key not in wanted, key in works, key))
            for key in ranked:
                if isolated >= least:
                    break
                move = moves.get(key)
                if move is not None and move.reason != "isolated":
                    if move.after is not None:
                        column, work = self._work(move.after)
                        placed[:, column] -= work
                    moves[key] = replace(move, after=None, reason="isolated")
                    isolated += 1

    @cached_property
    def _limits(self) -> dict[str, float]:
        return {
            site.id: min([len(set(site.usable_seats)), *self.rules.list_measures(site.id, "max_people")])
            for site in self.plan.sites
        }

    @cached_property
    def _seats(self) -> dict[str, dict[str, Floats]]:
        """People who take a seat ``[interval]``, by scenario and site, as the plan has them."""
        empty = {site.id: np.zeros(len(self.plan.starts)) for site in self.plan.sites}
        base = {site: rows.copy() for site, rows in empty.items()}
        for row in self.plan.placements:
            if row.place in base:
                base[row.place] += self.timeline.find_seated(row)
        found = {}
        for name, moves in self._moves.items():
            own = {site: rows.copy() for site, rows in base.items()}
            for move in moves.values():
                for side, sign in ((move.before, -1.0), (move.after, 1.0)):
                    if side is not None and side.place in own:
                        own[side.place] += sign * self.timeline.find_seated(side)
            found[name] = own
        return found

    def _is_over(self, site: str, present: Floats, need: Floats) -> bool:
        """Return whether a site has too few seats in a half hour in which a duty needs one."""
        return bool(((present > self._limits[site] + SLACK) & (need > 0)).any())

    def _count_cell(self, cell: ReliefCell, placed: Floats) -> ReliefCell:
        mine = self.plan.find_columns(cell.client)
        agents, calls = self.plan.required[:, mine], self.plan.calls[:, mine]
        given = {"agents": agents, "calls": calls, "placed": placed[:, mine], "settings": self.settings}
        found = measure_cell(cell.client, cell.contingency, floor=cell.floor, **given)  # type: ignore[arg-type]
        if found.shortfall >= cell.floor:
            return found
        # with other times more may be reached than was thought the least of the old ones
        return measure_cell(cell.client, cell.contingency, floor=found.shortfall, **given)  # type: ignore[arg-type]

    def _describe_bound(
        self, base: PlannedScenario, placements: Sequence[Placement], cells: Sequence[ReliefCell]
    ) -> Bound:
        """Return what is known of how good an edited plan is: what it costs, and no bound."""
        need = float((np.nansum(self.plan.required, axis=0) * self._weights).sum())
        steps = 0.0
        for row in placements:
            agent = self.operator.agent[row.agent]
            steps += (row.place != agent.home_site) + (row.programme != agent.skills[0]) + 0.5 * (row.place == HOME)
        kinds = {BASE: "site"} | {row.id: row.kind for row in self.plan.contingencies}
        regret: dict[str, float] = {}
        for cell in cells:
            kind = kinds[cell.contingency]
            regret[kind] = max(regret.get(kind, 0.0), cell.regret)
        unit = self.settings.regret_weight * need / max(1, len(self.plan.clients))
        worst = max((cell.regret for cell in cells if cell.contingency == BASE), default=0.0)
        least = base.penalty + self.settings.move_price * steps + unit * worst
        had = self.plan.bound
        return replace(
            had,
            status=EDITED,
            objective=least,
            lower_bound=0.0,
            penalty=base.penalty,
            penalty_gap=float("nan"),
            requirement_gap=least / need if need else 0.0,
            regret=regret,
        )

    # what an edit breaks

    def find_faults(self, edits: Sequence[RosterEdit], plan: Plan, since: int = -1) -> tuple[Phrase, ...]:
        """Return what some edits break from the one numbered ``since`` on, by the functions of the independent
        checker; by default the last one.

        Looked at are the duties that they edit, the seats of their sites in the base plan, the largest share of each
        client on a site, and the rows of working time that forbid. ``plan`` is what :meth:`apply` made of all edits.
        """
        keys = tuple(dict.fromkeys(one.key for edit in edits[since:] for one in edit.duties))
        if not keys:
            return ()
        placed = [row for row in (self.find(key, edits) for key in keys) if row is not None]
        rules = self._own_rules(keys, edits)
        found = [Phrase("{0}: {1}", row.agent, reason) for row in placed for reason in rules.find_placement_faults(row)]
        found += self._find_full_sites(plan, {row.place for row in placed})
        before = set(find_share_faults(self.rules, self.plan))
        found += [fault for fault in find_share_faults(self.rules, plan) if fault not in before]
        return (*found, *self.list_breaches(edits, since, forbidden=True))

    def list_breaches(self, edits: Sequence[RosterEdit], since: int = -1, *, forbidden: bool) -> tuple[Phrase, ...]:
        """Return the rows of working time that some edits newly break: those that forbid, or that cost or warn."""
        news = [edit for edit in edits[since:] if edit.changes_roster]
        agents = tuple(dict.fromkeys(read_agent(one.key) for edit in news for one in edit.duties))
        before = edits[:since]
        had, has = (_list_work(self.narrow(agents, rows).shifts, agents) for rows in (before, edits))
        said = []
        for name in agents:
            agent = self.operator.agent[name]
            site = self.operator.site[agent.home_site]
            rules = build_rules(site.destination, self.operator.working_time)
            known, now = (
                find_breaches(rules, WorkRecord.build(work[name], site.time_zone), agent.contract_hours)
                for work in (had, has)
            )
            for limit, day, found in sorted(set(now) - set(known), key=lambda one: (one.row.id, one.day)):
                if (limit.strength == "forbid") == forbidden:
                    said.append(Phrase("{0}, {1}: {2}", name, day, limit.describe(found)))
        return tuple(said)

    def _find_full_sites(self, plan: Plan, places: Iterable[str]) -> Iterator[Phrase]:
        for place in sorted(set(places) & self._limits.keys()):
            rows = [row for row in plan.placements if row.place == place]
            present = np.sum([self.timeline.find_seated(row) for row in rows], axis=0)
            most = int(np.argmax(present))
            if present[most] > self._limits[place] + SLACK:
                yield Phrase(
                    "site {0} would have {1} people at {2}, and has {3} usable seats",
                    place, int(present[most]), self.rules.format_time(plan.starts[most]), int(self._limits[place]),
                )  # fmt: skip


def _read_duty(key: str) -> str:
    agent = read_agent(key)
    return key[len(agent) + 1 :]


def _list_times(rows: Sequence[Shift]) -> list[tuple[datetime, datetime, float]]:
    return [(row.start, row.end, row.break_minutes) for row in rows]


def _share_break(agent: str, periods: Sequence[tuple[datetime, datetime]], had: Sequence[Shift]) -> tuple[Shift, ...]:
    """Return the rows of other times: the longest period has the break of the duty as it was."""
    rows = sorted(periods)
    if not rows or any(start >= end for start, end in rows):
        raise EditRefused(Phrase("{0}: a period must end after it starts", agent))
    if any(end > start for (_, end), (start, _) in pairwise(rows)):
        raise EditRefused(Phrase("{0}: the periods of a split shift must not overlap", agent))
    minutes = max((row.break_minutes for row in had), default=0.0)
    longest = max(rows, key=lambda row: row[1] - row[0])
    return tuple(Shift(agent, start, end, minutes if (start, end) == longest else 0.0) for start, end in rows)


def _list_work(shifts: Iterable[Shift], agents: Iterable[str]) -> dict[str, list[WorkPeriod]]:
    found: dict[str, list[WorkPeriod]] = {agent: [] for agent in agents}
    for row in shifts:
        found[row.agent].append(WorkPeriod.from_shift(row))
    return found


def _repair_move(
    rules: DayRules, lost: Contingency, key: str, had: Placement | None, row: Placement | None, move: Move | None
) -> Move | None:
    """Return what a loss makes of an edited duty: what it made of it before where that still holds, else the place
    that the edit gives it where it is not lost, else its home, else no work."""
    name = read_agent(key)
    agent = rules.operator.agent[name]
    old = None if move is None else move.after
    same = old is not None and row is not None and (old.start, old.end) == (row.start, row.end)
    if row is None:
        return None if old is None or had is None or old.place in lost.sites else Move(name, None, old, "relief")
    gone = rules.explain_loss(agent, row.place, lost) is not None
    if not gone:
        was_lost = had is not None and rules.explain_loss(agent, had.place, lost) is not None
        if move is None or was_lost or (old is not None and not same) or move.reason == "break":
            return None
        if old is None:
            return Move(name, row, None, "reserve") if move.reason == "reserve" else None
        return None if old == row else _name_move(row, old)
    exposed = lost.exposed and row.place in lost.sites
    for after in _list_refuges(agent, row, old if same else None):
        usable = not list(rules.find_placement_faults(after)) and rules.explain_loss(agent, after.place, lost) is None
        if usable and (after.place == HOME or not exposed):
            return _name_move(row, after)
    return Move(name, row, None, "stranded")


def _name_move(row: Placement, after: Placement) -> Move:
    kept = (row.place, row.programme) == (after.place, after.programme)
    return Move(row.agent, row, after, "break" if kept else "relief")


def _list_refuges(agent: Agent, row: Placement, old: Placement | None) -> Iterator[Placement]:
    if old is not None:
        yield old
    for programme in dict.fromkeys((row.programme, *agent.skills)):
        yield replace(row, place=HOME, programme=programme)
    yield replace(row, place=agent.home_site)


def _leave_idle(rules: DayRules, lost: Contingency, key: str, row: Placement | None) -> Move | None:
    """Return the move of a duty for which a loss leaves no seat."""
    if row is None:
        return None
    gone = rules.explain_loss(rules.operator.agent[read_agent(key)], row.place, lost) is not None
    return Move(read_agent(key), row, None, "stranded" if gone else "reserve")


@dataclass(frozen=True, slots=True)
class CellChange:
    """A client under a loss, before an edit and after it."""

    before: ReliefCell
    after: ReliefCell


def list_changed_cells(before: Plan, after: Plan) -> tuple[CellChange, ...]:
    """Return the cells whose coverage an edit changes, those that get another status first, then the largest."""
    pairs = (CellChange(before.cell[cell.client, cell.contingency], cell) for cell in after.cells)
    changed = (
        one
        for one in pairs
        if abs(one.before.shortfall - one.after.shortfall) > SLACK
        or abs(one.before.worst_coverage - one.after.worst_coverage) > SLACK
    )
    return tuple(
        sorted(
            changed,
            key=lambda one: (
                one.before.status == one.after.status,
                one.after.contingency != BASE,
                -abs(one.after.shortfall - one.before.shortfall),
                one.after.client,
                one.after.contingency,
            ),
        )
    )
