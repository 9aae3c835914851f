"""The current state of a stream: its plan, the relief in force, losses and absences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils.crypto import salted_hmac

from releve.demand.requirement import INTERVAL
from releve.live.clock import LIVE, now
from releve.live.current_rules import select_rules
from releve.live.lost_places import NO_LOSS, Absent, Loss, find_daily_losses, list_absences, select_absences
from releve.live.models import Activation, Relief, ReliefDay
from releve.live.partners import count_partner_agents, list_lent, list_partner_agents
from releve.live.plans import (
    HORIZON,
    DayInForce,
    DayPlan,
    DaysInForce,
    IdentityCache,
    list_days_ahead,
    list_days_in_force,
    load_activation,
    operator_now,
)
from releve.live.situation_cache import situation_now
from releve.network import HOME, UTC
from releve.plan import Placement
from releve.plan.day_fleet import cap_vehicles
from releve.plan.result import CARRIED, Pause, read_agent
from releve.plan.roster import cut_placement
from releve.plan.work_changes import KindCount, WorkKind, count_kinds, describe_change
from releve.situation import Situation, SituationRules

ABSENCES, SURGE = "absences", "surge"
"""Sources of a relief without a further loss: for absences, and put in force by a person."""
Changes = Mapping[str, Sequence[Any]]
"""By key of a duty (:attr:`Placement.key`: for most the agent): [reason, placement or None], a placement as in
:func:`build_change`."""


@dataclass(frozen=True)
class Scene:
    """A stream at an instant; ``planned``: the days ahead, each with its plan in force.

    ``activation`` is the newest record of the calendar. ``wanted`` are the losses of each day
    ahead, ``answered`` those that the relief in force covers, ``changes`` its changes by day: of
    the days whose plan is still the one that it changes. ``absent`` holds those who are ``lent``
    to other operators, too. ``away`` names, by day, which work in force meets an absence (empty:
    none does); its text says of whom to no reader. ``sources`` says what the changes of each day
    were made by, ``returned`` who was reported back since the relief in force was made.
    """

    stream: str
    at: datetime
    activation: Activation
    planned: DaysInForce
    situation: Situation
    absent: Absent
    wanted: Mapping[date, Loss]
    relief: Relief | None
    changes: Mapping[date, Changes]
    lent: Absent = field(default_factory=dict)
    away: Mapping[date, str] = field(default_factory=dict)
    sources: Mapping[date, str] = field(default_factory=dict)
    returned: frozenset[str] = frozenset()

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.planned)

    def day_plan(self, day: date) -> DayPlan:
        """Return the plan of a day, the vehicles capped by the transport rules in force on it."""
        found = self.planned[day].load()
        return cap_day_vehicles(found, select_rules(self.situation)) if found.has_fleet else found

    def day_to_relieve(self, day: date) -> DayPlan:
        """Return the plan of a day with the requirement that the agents of partners leave."""
        found = self.day_plan(day)
        partners = list_partner_agents(self.stream, found.plan.starts)
        if not partners:
            return found
        need = found.need
        agents = count_partner_agents(partners, need.programmes, len(need.starts))
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(need.agents > 0, np.maximum(0.0, 1 - agents / need.agents), 1.0)
        return replace(
            found,
            need=replace(need, agents=need.agents * left, calls=need.calls * left),
            digest=f"{found.digest}:{partners}",
        )

    def answered(self, day: date) -> Loss:
        """Return the loss that the relief in force covers on a day."""
        rows = {} if self.relief is None or day not in self.changes else self.relief.lost
        row = rows.get(day.isoformat())
        return NO_LOSS if row is None else Loss.of_json(row)

    @property
    def unanswered(self) -> tuple[date, ...]:
        """The days ahead whose loss is not the one that is covered."""
        return tuple(day for day in self.days if self.wanted[day] != self.answered(day))

    def list_days_to_end(self) -> list[date]:
        """Return the days whose changes were made for absences of which none is left, while nothing is lost."""
        made = [day for day in self.days if self.sources.get(day) == ABSENCES and self.changes[day]]
        return [day for day in made if not self.away[day] and not self.wanted[day]]

    def list_waiting(self, day: date) -> list[str]:
        """Return who was reported back to a place that is lost and has no work on a day."""
        if not (self.returned and self.wanted[day]):
            return []
        ahead = {row.agent for row in self.planned[day].load().plan.placements if row.end > self.at}
        at_work = {row.agent for row in self.list_placements(day)}
        return sorted((self.returned & ahead) - at_work)

    def list_placements(self, day: date) -> list[Placement]:
        """Return the placements of a day without absent people and lost places."""
        changes = self.changes.get(day, {})
        return list_working(self.day_plan(day), changes, self.wanted[day], self.absent, self.lent)

    def is_lent(self, agent: str, *rows: Placement | None) -> bool:
        """Return whether an agent works for a partner during one of these placements."""
        lent = self.lent.get(agent, ())
        return any(row is not None and _is_absent(lent, row) for row in rows)

    def leave_out_absences(self, row: Placement) -> Placement | None:
        """Return what the agent's absences leave of a placement; one that a partner has stays whole."""
        if row.agent not in self.absent or self.is_lent(row.agent, row):
            return row
        return cut_placement(row, self.absent[row.agent])

    def count_changes(
        self, days: Mapping[date, Changes], wanted: Mapping[date, Loss] | None = None
    ) -> tuple[KindCount, ...]:
        """Return how many agents' work other changes of the plans change, by kind, against those in force.

        Breaks alone, and those away, are left out. ``wanted`` are the losses that these changes answer, by default
        those of the scene.
        """
        kinds: list[tuple[str, WorkKind]] = []
        for day, changes in days.items():
            found, lost = self.planned[day].load(), (wanted or self.wanted)[day].sites
            before, after = (
                {row.key: row for row in list_working(found, rows, NO_LOSS, self.absent, self.lent)}
                for rows in (self.changes.get(day, {}), changes)
            )
            for key in {*before, *after}:
                agent, had, has = read_agent(key), before.get(key), after.get(key)
                kind = describe_change(had, has, self.at, lost=lost).kind
                if kind.is_move and not self.is_lent(agent, had, has):
                    kinds.append((agent, kind))
        return count_kinds(kinds)


def load_scene(stream: str = LIVE, *, before_first: bool = False) -> Scene | None:
    """Return the current state of a stream; None when no plan is in force.

    ``before_first`` ignores a first answer that its optimum has not replaced yet.
    """
    found = load_activation()
    if found is None:
        return None
    at = now(stream)
    planned = list_days_ahead(at, at + HORIZON)
    if not planned and not list_days_in_force():
        return None
    situation = situation_now(stream)
    reliefs = Relief.objects.filter(stream=stream)
    if before_first:
        reliefs = reliefs.exclude(source="first")
    relief = reliefs.first()
    rows = list(ReliefDay.objects.filter(relief=relief, day__in=planned)) if relief else []
    rows = [row for row in rows if row.plan_id == planned[row.day].digest]
    changes = {row.day: row.changes for row in rows}
    known = Scene(
        stream=stream,
        at=at,
        activation=found,
        planned=planned,
        situation=situation,
        absent={},
        wanted={},
        relief=relief,
        changes=changes,
        lent=list_lent(stream),
        sources={row.day: row.source for row in rows},
    )
    return suppose_situation(known, situation)


def suppose_situation(scene: Scene, situation: Situation) -> Scene:
    """Return a scene in a situation: what is lost and who is absent in it, with the changes of the scene."""
    days, planned = scene.days, scene.planned
    lost = find_daily_losses(situation, scene.at, days, planned[days[0]].load().operator) if days else []
    absences = list_absences(situation, operator_now())
    return replace(
        scene,
        situation=situation,
        absent=merge_absences(select_absences(absences, scene.at, _EVER), scene.lent),
        wanted=dict(zip(days, lost, strict=True)),
        away={day: name_absences(row.load(), scene.changes.get(day, {}), absences) for day, row in planned.items()},
        returned=list_returned(situation, scene.relief) if scene.relief else frozenset(),
    )


_EVER = datetime.max.replace(tzinfo=UTC)


def list_returned(situation: Situation, relief: Relief) -> frozenset[str]:
    """Return the agents reported back after the instant of a relief, which neither placed nor notified them."""
    return frozenset(
        agent
        for agent, rows in situation.absences.items()
        if any(row.back and row.start <= relief.from_at and row.until and row.until > relief.from_at for row in rows)
    )


def name_absences(found: DayPlan, changes: Changes, absences: Absent) -> str:
    """Return a name for the absences that the work in force of a day meets: the same for the same ones.

    Empty where it meets none. It is keyed, so that it tells no reader who is away.
    """
    first, last = found.plan.starts[0], found.plan.starts[-1] + INTERVAL
    near = select_absences(absences, first, last)
    if not near:
        return ""
    rows = {row.key: row for row in found.plan.placements if row.agent in near}
    for key, (_, row) in changes.items():
        if row is None:
            rows.pop(key, None)
        elif read_agent(key) in near:
            rows[key] = read_placement(key, row)
    met = {row.agent for row in rows.values() if cut_placement(row, near[row.agent]) != row}
    if not met:
        return ""
    said = [
        (
            name,
            sorted(
                (max(start, first).isoformat(), min(until or last, last).isoformat()) for start, until in near[name]
            ),
        )
        for name in sorted(met)
    ]
    return salted_hmac("releve.live.absences", json.dumps(said)).hexdigest()[:16]


def merge_absences(first: Absent, second: Absent) -> Absent:
    return {agent: (*first.get(agent, ()), *second.get(agent, ())) for agent in {**first, **second}}


def list_day_placements(day: date) -> dict[str, str] | None:
    """Return agent -> place of a day, past ones too, as :func:`list_placed` has it; of those who begin on it alone."""
    found = list_days_in_force(day, day).get(day)
    return None if found is None else {one.agent: one.place for one in list_placed(found) if not one.carried}


def list_placed(found: DayInForce) -> list[Placement]:
    """Return who works where on a day by its plan in force and its last relief, without what is lost or absent."""
    rows = ReliefDay.objects.filter(relief__stream=LIVE, plan_id=found.digest, day=found.day)
    last = rows.select_related("relief").order_by("-relief__generation").first()
    lost = None if last is None else last.relief.lost.get(found.day.isoformat())
    loss = NO_LOSS if lost is None else Loss.of_json(lost)
    absent = list_absences(situation_now(LIVE), operator_now(), now(LIVE))
    return list_working(found.load(), {} if last is None else last.changes, loss, absent)


def cap_day_vehicles(found: DayPlan, rules: SituationRules) -> DayPlan:
    """Return a planned day whose vehicles keep to the transport rules in force on it."""
    return _capped_days.get(
        found.digest,
        (found, rules),
        lambda: replace(found, operator=cap_vehicles(found.operator, found.plan.day, rules)),
    )


_capped_days: IdentityCache[DayPlan] = IdentityCache()
"""By plan, while the rules are the same."""


def list_working(
    found: DayPlan, changes: Changes, loss: Loss, absent: Absent, lent: Absent | None = None
) -> list[Placement]:
    """Return the placements of a day after changes, without lost places; of absent people what is left of theirs.

    Those who are ``lent`` work no part of a shift that meets that time.
    """
    placed: dict[str, Placement] = {row.key: row for row in found.plan.placements}
    for key, (_, row) in changes.items():
        if row is None:
            placed.pop(key, None)
        else:
            placed[key] = read_placement(key, row)
    carrier = {row.id: row.carrier for row in found.operator.agents} if loss.carriers else {}
    own = [row for row in placed.values() if not (lent and _is_absent(lent.get(row.agent, ()), row))]
    there = (cut_placement(row, absent[row.agent]) if row.agent in absent else row for row in own)
    return [
        row
        for row in there
        if row is not None
        and row.place not in loss.sites
        and not (row.place == HOME and carrier.get(row.agent) in loss.carriers)
    ]


def _is_absent(absences: Sequence[tuple[datetime, datetime | None]], row: Placement) -> bool:
    return any(start < row.end and (until is None or until > row.start) for start, until in absences)


def build_change(reason: str, row: Placement | None) -> list[Any]:
    if row is None:
        return [reason, None]
    times = (row.start, row.end, row.break_start, row.break_end)
    stored = [None if time is None else time.astimezone(UTC).isoformat() for time in times]
    placed: list[Any] = [row.place, row.programme, *stored]
    if row.pauses:
        placed.append(
            [[*(t.astimezone(UTC).isoformat() for t in (one.start, one.end)), one.away] for one in row.pauses]
        )
    return [reason, placed]


def read_placement(key: str, row: Sequence[Any]) -> Placement:
    """Return the placement of a duty's key, as :func:`build_change` wrote it."""
    place, programme, *times = row[:6]
    start, end, break_start, break_end = (None if time is None else datetime.fromisoformat(time) for time in times)
    if start is None or end is None:
        raise ValueError(f"a placement has a start and an end, got {row!r}")
    pauses = tuple(
        Pause(datetime.fromisoformat(first), datetime.fromisoformat(last), away)
        for first, last, away in (row[6] if len(row) > 6 else ())
    )
    agent = read_agent(key)
    return Placement(agent, place, programme, start, end, break_start, break_end, pauses, key[len(agent) + 1 :])


def find_plan_day(day: date, duty: str) -> date:
    """Return the day whose plan has a duty that starts on ``day``: of one that was carried in, the day after."""
    return day + timedelta(days=1) if duty == CARRIED else day
