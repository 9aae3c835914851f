"""The drafts of planners: edits of the grid, kept one by one, taken back, and put in force together.

A draft is one planner's own and changes nothing until it is put in force. It names the record of the calendar
that each of its days was edited on. Where another plan of such a day came in force meanwhile, or another roster of
an edited duty, the draft is refused, says what changed, and is redone on the new plan: an edit whose duties are
still as they were is kept, any other is named and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from releve.erasure import Findings
from releve.errors import Phrase
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.api import DayRecord, IdentityCache
from releve.live.plans import DayPlan
from releve.network import Operator, Shift
from releve.plan import Placement, Plan, PlanSettings
from releve.plan.kits import give_kits
from releve.plan.result import Pause, read_agent
from releve.plan.roster_edits import DayEditor, DutyEdit, RosterEdit, group_shifts, replace_shifts
from releve.registry import edits as registry_edits
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.runs.job_store import RunError
from releve.runs.models import RosterDraft

KEPT = timedelta(days=30)
"""How long a draft is kept after its last change."""
MOST_EDITS = 500
"""Edits of one draft: more are not read by a person, and make a plan of their own."""


class DraftRefused(RunError):  # noqa: N818 (a refusal, not a fault of the program)
    """A draft that cannot be kept or put in force; the message says why."""


class DraftChanged(DraftRefused):
    """The draft, or what it was made on, is not the one that was shown; nothing was done."""


@dataclass(frozen=True, slots=True)
class DatedEdit:
    """An edit of a day."""

    day: date
    edit: RosterEdit


@dataclass(frozen=True)
class PlannerDraft:
    """A planner's edits; ``number`` counts their changes, and goes on where a draft was dropped or put in force."""

    owner: str
    number: int = 0
    seen: Mapping[date, int] = ()  # type: ignore[assignment]
    edits: tuple[DatedEdit, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(sorted({one.day for one in self.edits}))

    def of_day(self, day: date) -> tuple[RosterEdit, ...]:
        return tuple(one.edit for one in self.edits if one.day == day)

    def list_keys(self, day: date) -> frozenset[str]:
        """Return the duties that are edited on a day."""
        return frozenset(one.key for edit in self.of_day(day) for one in edit.duties)


def load_draft(owner: str) -> PlannerDraft:
    """Return a planner's draft."""
    row = RosterDraft.objects.filter(made_by=owner).first()
    if row is None:
        return PlannerDraft(owner, seen={})
    seen = {date.fromisoformat(day): record for day, record in row.seen.items()}
    return PlannerDraft(owner, row.number, seen, tuple(map(_read_edit, row.edits)))


def keep_edits(owner: str, number: int, edits: Sequence[DatedEdit]) -> PlannerDraft:
    """Add edits to the draft that was shown as ``number``; DraftChanged where it is another one meanwhile."""
    draft = load_draft(owner)
    if len(draft.edits) + len(edits) > MOST_EDITS:
        raise DraftRefused(Phrase("a draft has at most {0} edits: put it in force first", MOST_EDITS))
    seen = dict(draft.seen)
    for one in edits:
        seen.setdefault(one.day, find_record(one.day).record)
    return _store(replace(draft, edits=(*draft.edits, *edits), seen=seen), number)


def undo_edit(owner: str, number: int) -> PlannerDraft:
    """Take back the last edit of a draft."""
    draft = load_draft(owner)
    if not draft.edits:
        raise DraftRefused(Phrase("there is no edit to take back"))
    left = draft.edits[:-1]
    seen = {day: record for day, record in draft.seen.items() if any(one.day == day for one in left)}
    return _store(replace(draft, edits=left, seen=seen), number)


def discard_draft(owner: str, number: int) -> None:
    """Drop all edits of a draft."""
    _store(PlannerDraft(owner, number, {}), number)


def _store(draft: PlannerDraft, number: int) -> PlannerDraft:
    """Store a draft in the place of the one with this number."""
    values = {
        "number": number + 1,
        "seen": {day.isoformat(): record for day, record in draft.seen.items()},
        "edits": [_write_edit(one) for one in draft.edits],
        "changed_at": timezone.now(),
    }
    if number == 0 and draft.number == 0:
        try:
            with transaction.atomic():
                RosterDraft.objects.create(made_by=draft.owner, **values)
        except IntegrityError:
            raise _changed() from None
    elif not RosterDraft.objects.filter(made_by=draft.owner, number=number).update(**values):
        raise _changed()
    return replace(draft, number=number + 1)


def _changed() -> DraftChanged:
    return DraftChanged(Phrase("the draft was changed in another window meanwhile: look at it again"))


def find_record(day: date) -> DayRecord:
    """Return the record by which a day has its plan; DraftRefused for a day without one, or that is over."""
    newest = next(iter(live.list_records(day, day).get(day, ())), None)
    if newest is None or not newest.digest:
        raise DraftRefused(Phrase("{0} has no plan in force to edit", day))
    return newest


_editors: IdentityCache[DayEditor] = IdentityCache(16)
_rosters: IdentityCache[Mapping[str, Sequence[Shift]]] = IdentityCache(4)


def open_editor(draft: PlannerDraft, day: date) -> DayEditor:
    """Return a day as the draft was made on it, beside the roster of the draft's other days.

    Of a day that the draft does not edit it is the plan in force.
    """
    found = _load_day(draft, day)
    plain = _editors.get(day, (found.plan, found.operator), lambda: _build_editor(found))
    others = [one.edit for one in draft.edits if one.day != day and one.edit.changes_roster]
    if not others:
        return plain
    agents = {read_agent(duty.key) for edit in others for duty in edit.duties}
    roster = dict(plain.roster)
    for agent in agents:
        own = [
            replace(edit, duties=tuple(one for one in edit.duties if read_agent(one.key) == agent)) for edit in others
        ]
        roster[agent] = replace_shifts(roster.get(agent, ()), own)
    return plain.with_roster(roster)


def _build_editor(found: DayPlan, operator: Operator | None = None) -> DayEditor:
    used = operator or found.operator
    roster = _rosters.get("", (used.shifts,), lambda: group_shifts(used))
    return DayEditor(used, found.plan, read_own_settings(found.plan), found.need.aht_s, roster)


def read_own_settings(plan: Plan) -> PlanSettings:
    """Return the settings that a plan was made with."""
    return PlanSettings(**plan.settings)  # type: ignore[arg-type]


def _load_day(draft: PlannerDraft, day: date) -> DayPlan:
    records = live.list_records(day, day).get(day, ())
    record = draft.seen.get(day)
    wanted = [row for row in records if record is None or row.record == record]
    if not wanted or not wanted[0].digest:
        raise DraftRefused(Phrase("{0} has no plan in force to edit", day))
    return wanted[0].planned.load()


def apply_draft(draft: PlannerDraft, day: date) -> Plan:
    """Return a day's plan as the draft leaves it."""
    editor, edits = open_editor(draft, day), draft.of_day(day)
    return _plans.get((day, edits), (editor.plan,), lambda: editor.apply(edits))


_plans: IdentityCache[Plan] = IdentityCache(32)


@dataclass(frozen=True, slots=True)
class DayDrift:
    """A day of a draft that got another plan meanwhile: by whom, when, whose work differs, and which edits of the
    draft (from 0) meet them."""

    day: date
    by: str
    at: datetime
    keys: tuple[str, ...]
    edits: tuple[int, ...]


def find_drift(draft: PlannerDraft) -> tuple[DayDrift, ...]:
    """Return the days of a draft that have another plan than the one it was made on."""
    found = []
    for day in draft.days:
        records = live.list_records(day, day).get(day, ())
        newest = records[0] if records else None
        if newest is None or newest.record == draft.seen.get(day):
            continue
        had = {row.key: row for row in _load_day(draft, day).plan.placements}
        has = {row.key: row for row in newest.planned.load().plan.placements} if newest.digest else {}
        keys = tuple(sorted(key for key in {*had, *has} if had.get(key) != has.get(key)))
        edits = tuple(
            n
            for n, one in enumerate(draft.edits)
            if one.day == day and any(duty.key in keys for duty in one.edit.duties)
        )
        found.append(DayDrift(day, newest.by, newest.at, keys, edits))
    return tuple(found)


def redo_draft(owner: str, number: int) -> tuple[PlannerDraft, tuple[DatedEdit, ...]]:
    """Make a draft's edits again on the plans in force; return it and the edits that no longer fit."""
    draft = load_draft(owner)
    fresh = replace(draft, seen={day: find_record(day).record for day in draft.days if _is_planned(day)}, edits=())
    dropped = []
    for one in draft.edits:
        if one.day in fresh.seen and _still_fits(fresh, one):
            fresh = replace(fresh, edits=(*fresh.edits, one))
        else:
            dropped.append(one)
    seen = {day: record for day, record in fresh.seen.items() if day in fresh.days}
    return _store(replace(fresh, seen=seen), number), tuple(dropped)


def _is_planned(day: date) -> bool:
    records = live.list_records(day, day).get(day, ())
    return bool(records and records[0].digest)


def _still_fits(draft: PlannerDraft, one: DatedEdit) -> bool:
    editor, before = open_editor(draft, one.day), draft.of_day(one.day)
    try:
        same = all(editor.find(duty.key, before) == duty.before for duty in one.edit.duties)
    except ValueError:
        return False
    roster = {row for duty in one.edit.duties for row in editor.roster.get(read_agent(duty.key), ())}
    own = {row for edit in before for duty in edit.duties for row in duty.shifts}
    return same and all(row in roster or row in own for duty in one.edit.duties for row in duty.had)


def publish_draft(owner: str, number: int, comment: str = "") -> tuple[date, ...]:
    """Put the days of a draft in force as it leaves them, each plan whole and checked; return them.

    Times that change are one version of the reference data, made with the plans or not at all.
    DraftChanged where the draft or a plan is another one than was shown; DraftRefused where the checker finds a
    fault; LiveError where a plan cannot be in force.
    """
    draft = load_draft(owner)
    if draft.number != number:
        raise _changed()
    if not draft.edits:
        raise DraftRefused(Phrase("there is no edit to put in force"))
    _refuse_drift(draft)
    version = get_current_version()
    assert version is not None
    changes, operator = None, load_operator(version)
    rostered = {one.day for one in draft.edits if one.edit.changes_roster}
    if rostered:
        try:
            shifts = replace_shifts(operator.shifts, [one.edit for one in draft.edits])
        except ValueError:
            said = Phrase("the roster of an edited agent was changed meanwhile: redo the draft on it")
            raise DraftChanged(said) from None
        operator = registry_edits.check_table(replace(operator, shifts=shifts), "shifts")
        changes = preview_changes(operator)
    plans = [(day, *_finish_day(draft, day, operator if day in rostered else None)) for day in draft.days]
    for day, plan, _ in plans:
        if plan.violations:
            raise DraftRefused(Phrase("the plan of {0} would break a rule: {1}", day, plan.violations[0]))
    with transaction.atomic():
        ledger.lock_head()
        _refuse_drift(draft)
        made = version.number if changes is None else apply_changes(changes, owner, comment or "grid").number
        for number_of, group in groupby(sorted(plans, key=lambda row: row[2]), key=lambda row: row[2]):
            live.put_in_force([plan for _, plan, _ in group], by=owner, version=number_of or made)
        discard_draft(owner, number)
    return draft.days


def _refuse_drift(draft: PlannerDraft) -> None:
    for one in find_drift(draft):
        said = Phrase("the plan of {0} was changed meanwhile by {1}: redo the draft on it", one.day, one.by)
        raise DraftChanged(said)


def _finish_day(draft: PlannerDraft, day: date, operator: Operator | None) -> tuple[Plan, int]:
    """Return a day's plan as the draft leaves it, and the version of the reference data that it was made of; 0: the
    one that is made with it, whose operator is given."""
    found = _load_day(draft, day)
    record = next(row for row in live.list_records(day, day)[day] if row.record == draft.seen[day])
    edits = draft.of_day(day)
    if operator is None:
        return open_editor(draft, day).finish(edits), record.version
    held = give_kits(operator, found.plan.kit_holders)
    return open_editor(draft, day).finish(edits, held), 0


def _write_edit(one: DatedEdit) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "kind": one.edit.kind,
        "duties": [
            {
                "key": duty.key,
                "before": _write_placement(duty.before),
                "after": _write_placement(duty.after),
                "had": [_write_shift(row) for row in duty.had],
                "shifts": [_write_shift(row) for row in duty.shifts],
            }
            for duty in one.edit.duties
        ],
    }


def _read_edit(row: Mapping[str, Any]) -> DatedEdit:
    duties = tuple(
        DutyEdit(
            duty["key"],
            _read_placement(duty["before"]),
            _read_placement(duty["after"]),
            tuple(map(_read_shift, duty["had"])),
            tuple(map(_read_shift, duty["shifts"])),
        )
        for duty in row["duties"]
    )
    return DatedEdit(date.fromisoformat(row["day"]), RosterEdit(row["kind"], duties))


def _write_placement(row: Placement | None) -> list[Any] | None:
    if row is None:
        return None
    pauses = [[pause.start.isoformat(), pause.end.isoformat(), pause.away] for pause in row.pauses]
    times = [at and at.isoformat() for at in (row.start, row.end, row.break_start, row.break_end)]
    return [row.agent, row.place, row.programme, *times, pauses, row.duty]


def _read_placement(row: Sequence[Any] | None) -> Placement | None:
    if row is None:
        return None
    agent, place, programme, start, end, break_start, break_end, pauses, duty = row
    return Placement(
        agent,
        place,
        programme,
        datetime.fromisoformat(start),
        datetime.fromisoformat(end),
        break_start and datetime.fromisoformat(break_start),
        break_end and datetime.fromisoformat(break_end),
        tuple(Pause(datetime.fromisoformat(a), datetime.fromisoformat(b), away) for a, b, away in pauses),
        duty,
    )


def _write_shift(row: Shift) -> list[Any]:
    return [row.agent, row.start.isoformat(), row.end.isoformat(), row.break_minutes]


def _read_shift(row: Sequence[Any]) -> Shift:
    agent, start, end, minutes = row
    return Shift(agent, datetime.fromisoformat(start), datetime.fromisoformat(end), minutes)


class DraftData:
    """Agents in the drafts of planners: an erasure drops the edits that name one, and those after them."""

    name = "runs"
    tables: Sequence[str] = ("runs_rosterdraft",)

    def find(self, agent: str) -> Findings:
        return Findings({"edits": sum(len(rows) for _, rows in self._list_edits(agent))})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {"edits": [row for _, rows in self._list_edits(agent) for row in rows]}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        found = list(self._list_edits(agent))
        for draft, rows in found:
            draft.edits = draft.edits[: draft.edits.index(rows[0])]
            draft.number += 1
            draft.save(update_fields=["edits", "number"])
        return {"edits": sum(len(rows) for _, rows in found)}

    def erase_due(self, now: datetime) -> int:
        return RosterDraft.objects.filter(changed_at__lt=now - KEPT).delete()[0]

    def _list_edits(self, agent: str) -> Iterable[tuple[RosterDraft, list[Any]]]:
        for draft in RosterDraft.objects.all():
            rows = [row for row in draft.edits if any(read_agent(duty["key"]) == agent for duty in row["duties"])]
            if rows:
                yield draft, rows
