"""Days put in force, replaced and put back, and what that changes, shown before it is done.

A publication adds or replaces the days that it names and leaves all others. It is a record that is
only ever added: what was in force stays readable, and a day is put back to the plan that it had
before by a further record. A plan that was made of older reference data may be in force while it
breaks nothing of today's. Agents whose work of the days ahead changes are notified, and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from releve.errors import Phrase
from releve.files.plan_folder import PlanFolderError, read_plans
from releve.ledger import chain as ledger
from releve.live import plans as calendar
from releve.live.clock import LIVE, now, real_now
from releve.live.effect_queue import queue_effects
from releve.live.errors import NoOperator, PlanRefused
from releve.live.lost_places import NO_LOSS, list_absences
from releve.live.models import Activation, ActivationDay, PlanText, Relief
from releve.live.plans import DayInForce, DaysInForce, list_days_in_force, load_day_plan
from releve.live.relief_handler import ReliefDraft, build_notify_effect, create_relief, follow_day_before
from releve.live.routes import store_routes
from releve.live.situation_cache import situation_now
from releve.live.stream_state import list_working, load_scene
from releve.network import Operator
from releve.plan import Plan
from releve.plan.comparison import ComparedPlan, compare_plans
from releve.plan.result import read_agent
from releve.plan.roster import cut_placement
from releve.plan.staleness import PlanBreak, find_breaks, name_some
from releve.plan.work_changes import WorkKind, describe_change
from releve.registry import service as registry
from releve.registry.models import Version


@dataclass(frozen=True)
class DataDifference:
    """What differs between the data that plans were made of, version ``made_of``, and ``current``.

    Agents who ``joined`` and ``left``; those whose ``shifts`` of the plans' days differ, whose
    ``skills`` do, or whose ``other`` values; ``seats`` added and removed; whether ``calls``, the
    history behind the forecast, differ; the other ``tables`` that do. ``absent``: those whom the plans
    place while they are absent, as the table says or as it was stated: a relief is made for them.
    ``breaks``: what of the plans no longer holds, so that they cannot be in force.
    """

    made_of: int
    current: int
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    seats: tuple[int, int] = (0, 0)
    calls: bool = False
    tables: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    breaks: tuple[PlanBreak, ...] = ()

    @property
    def is_older(self) -> bool:
        """Whether the plans were made of another version than today's."""
        return self.made_of != self.current

    def sentences(self) -> tuple[Phrase, ...]:
        """Return what differs, a sentence for each kind; none where the data are the same."""
        people = (
            (Phrase("agents who joined: {0} ({1})"), self.joined),
            (Phrase("agents who left: {0} ({1})"), self.left),
            (Phrase("agents whose shifts of these days differ: {0} ({1})"), self.shifts),
            (Phrase("agents whose skills differ: {0} ({1})"), self.skills),
            (Phrase("agents with other values that differ: {0} ({1})"), self.other),
            (Phrase("agents placed while they are absent: {0} ({1})"), self.absent),
        )
        found = [text.with_params(len(names), name_some(names)) for text, names in people if names]
        if any(self.seats):
            found.append(Phrase("seats added: {0}, seats removed: {1}", *self.seats))
        if self.calls:
            found.append(Phrase("the history of calls, and so the forecast"))
        if self.tables:
            found.append(Phrase("other tables: {0}", ", ".join(self.tables)))
        return tuple(found)


@dataclass(frozen=True)
class PublicationPreview:
    """What putting plans in force changes, day by day, and how their data differ from today's."""

    days: tuple[ComparedPlan, ...]
    data: DataDifference


def activate_plan(folder: Path, *, by: str, version: int | None = None) -> Activation:
    """Put the days of a plan folder in force; :class:`PlanRefused` says what is wrong with them."""
    return put_in_force(read_folder(folder), by=by, version=version)


def read_folder(folder: Path) -> Sequence[Plan]:
    """Return the plans of a folder; :class:`PlanRefused` where it cannot be read."""
    try:
        return read_plans(folder)
    except PlanFolderError as error:
        raise PlanRefused(str(error)) from error


def put_in_force(
    plans: Sequence[Plan], *, by: str, version: int | None = None, seen: Mapping[date, str] | None = None
) -> Activation:
    """Put the plans of some days in force, in place of the plans of these days alone.

    They must be free of violations and of the operator in ``version`` of the reference data. Of an
    older version, and where it is not known (None: they are read with the current one), they must
    break nothing of the current one. ``seen``: by day, the digest of the plan that was in force when the
    user decided; :class:`PlanRefused` where another one is meanwhile. Return the record; the newest one
    where every day is in force as it is.
    """
    made_of = _find_version(version)
    operator = registry.load_operator(made_of)
    for plan in plans:
        _check_plan(plan, operator)
    _refuse_breaks(plans, version)
    times = calendar.compute_handling_times(operator, plans)
    rows = [calendar.build_plan_row(plan, aht) for plan, aht in zip(plans, times, strict=True)]
    with transaction.atomic():
        if seen is not None:
            ledger.lock_head()
            if list_digests([plan.day for plan in plans]) != seen:
                raise PlanRefused(Phrase("other plans were put in force meanwhile: look at the numbers again"))
        PlanText.objects.bulk_create(rows, ignore_conflicts=True)
        wanted = {row.day: DayInForce(row.day, row.digest, made_of.number, 0) for row in rows}
        return _store(wanted, by=by)


def list_digests(days: Collection[date]) -> dict[date, str]:
    """Return the digest of the plan in force by day, of the days that have one."""
    found = list_days_in_force(min(days), max(days)) if days else {}
    return {day: row.digest for day, row in found.items() if day in days}


def put_back(days: Collection[date], *, by: str, seen: Mapping[date, int] | None = None) -> Activation:
    """Put days back to the plan that each had before, or to none, by a new record.

    ``seen``: the record of each day that the user decided by. :class:`PlanRefused` where a day is
    over or never had a plan, where another record was made meanwhile, or where the plan before breaks
    something of today's reference data.
    """
    today = calendar.operator_now().find_day(real_now())
    with transaction.atomic():
        ledger.lock_head()
        wanted: dict[date, DayInForce] = {}
        for day in sorted(set(days)):
            newest, *older = list_records(day, day).get(day, ()) or (None,)
            if newest is None:
                raise PlanRefused(Phrase("{0} never had a plan: there is none to go back to", day))
            if day < today:
                raise PlanRefused(Phrase("{0} is over: the plan that it had stays", day))
            if seen is not None and seen.get(day) != newest.record:
                raise PlanRefused(Phrase("the plan of {0} was changed meanwhile: look at it again", day))
            wanted[day] = older[0].planned if older else DayInForce(day, "", newest.version, 0)
            if wanted[day].digest:
                _refuse_breaks([wanted[day].load().plan], wanted[day].version)
        return _store(wanted, by=by)


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What a record of the calendar made of a day; an empty digest: a day without a plan."""

    day: date
    digest: str
    version: int
    record: int
    at: datetime
    by: str

    @property
    def planned(self) -> DayInForce:
        return DayInForce(self.day, self.digest, self.version, self.record)


def list_records(first: date, last: date) -> Mapping[date, tuple[DayRecord, ...]]:
    """Return the records of each day of a period that has some, the newest first."""
    rows = ActivationDay.objects.filter(day__gte=first, day__lte=last).order_by("day", "-activation_id")
    found: dict[date, tuple[DayRecord, ...]] = {}
    for day, digest, version, record, at, by in rows.values_list(
        "day", "plan_id", "activation__version", "activation_id", "activation__at", "activation__by"
    ):
        found[day] = (*found.get(day, ()), DayRecord(day, digest or "", version, record, at, by))
    return found


def _find_version(number: int | None) -> Version:
    current = registry.get_current_version()
    if current is None:
        raise NoOperator(Phrase("the registry is empty: import the plan's operator first"))
    return current if number in (None, current.number) else registry.get_version(number or 0)


def _check_plan(plan: Plan, operator: Operator) -> None:
    if plan.violations:
        raise PlanRefused(Phrase("the plan of {0} broke a rule: {1}", plan.day, plan.violations[0]))
    programmes = tuple(row.id for row in operator.programmes)
    unknown = {row.agent for row in plan.placements} - set(operator.agent)
    places = {row.id for row in plan.sites} - set(operator.site)
    if tuple(name for name, _, _ in plan.programmes) != programmes or unknown or places:
        raise PlanRefused(
            Phrase(
                "the plan of {0} is not of the operator in the registry: plan again from it, or name the"
                " version that it was made of",
                plan.day,
            )
        )


def _refuse_breaks(plans: Sequence[Plan], version: int | None) -> None:
    found = compare_data(plans, version).breaks
    if found:
        raise PlanRefused(
            Phrase(
                "the plan does not hold with the reference data of today: {0} (faults in all: {1})",
                found[0].sentence(),
                len(found),
            )
        )


def compare_data(plans: Sequence[Plan], version: int | None) -> DataDifference:
    """Return how the data that plans were made of differ from today's, and what that breaks.

    None: the version is not known; then nothing is said to differ, and what breaks is.
    """
    before, current = _find_version(version), _find_version(None)
    made_of, operator = before.number, registry.load_operator(current)
    absences = list_absences(situation_now(LIVE), operator, now(LIVE))
    placed = (row for plan in plans for row in plan.placements if row.agent in absences)
    absent = tuple(sorted({row.agent for row in placed if cut_placement(row, absences[row.agent]) != row}))
    if version is not None and before.digest == current.digest:
        return DataDifference(made_of, current.number, absent=absent)
    breaks = tuple(found for plan in plans for found in find_breaks(operator, plan))
    if version is None:
        return DataDifference(made_of, current.number, absent=absent, breaks=breaks)
    tables = registry.compare_versions(before, current)
    agents, shifts, seats = (tables.get(name) for name in ("agents", "shifts", "seats"))
    joined = {row.id for row in agents.added} if agents else set()  # type: ignore[attr-defined]
    left = {row.id for row in agents.removed} if agents else set()  # type: ignore[attr-defined]
    changed = [] if agents is None else [(had, has) for had, has in agents.changed]
    skills = {has.id for had, has in changed if set(had.skills) != set(has.skills)}  # type: ignore[attr-defined]
    days, rostered = {plan.day for plan in plans}, set()
    for row in () if shifts is None else shifts.rows():
        for shift in (row.before, row.after):
            if shift is not None and operator.find_day(shift.start) in days:  # type: ignore[attr-defined]
                rostered.add(shift.agent)  # type: ignore[attr-defined]
    return DataDifference(
        made_of,
        current.number,
        joined=tuple(sorted(joined)),
        left=tuple(sorted(left)),
        shifts=tuple(sorted(rostered - joined - left)),
        skills=tuple(sorted(skills)),
        other=tuple(sorted({has.id for _, has in changed} - skills)),  # type: ignore[attr-defined]
        seats=(len(seats.added), len(seats.removed)) if seats else (0, 0),
        calls="history" in tables,
        tables=tuple(name for name in tables if name not in ("agents", "shifts", "absences", "seats", "history")),
        absent=absent,
        breaks=breaks,
    )


def preview_publication(plans: Sequence[Plan], version: int | None = None) -> PublicationPreview:
    """Return what putting the plans of some days in force changes; nothing is stored."""
    days = [plan.day for plan in plans]
    found = list_days_in_force(min(days), max(days)) if days else {}
    return compare_publication(plans, {day: row.load().plan for day, row in found.items()}, version)


def compare_publication(
    plans: Sequence[Plan], had: Mapping[date, Plan], version: int | None = None
) -> PublicationPreview:
    """Return plans beside others of the same days, ``had``, and how their data differ from today's."""
    operator = registry.load_operator(_find_version(None))
    prices = {row.id: row.penalty_per_missed_call for row in operator.programmes}
    known = all(name in prices for plan in plans for name, _, _ in plan.programmes)
    days = tuple(compare_plans(had.get(plan.day), plan, prices if known else {}) for plan in plans)
    return PublicationPreview(days, compare_data(plans, version))


def preview_put_back(day: date) -> PublicationPreview | None:
    """Return what putting a day back changes; None where it had no plan before this one."""
    _newest, *older = list_records(day, day).get(day, ()) or (None,)
    if not older or not older[0].digest:
        return None
    return preview_publication([older[0].planned.load().plan], older[0].version)


def _store(wanted: Mapping[date, DayInForce], *, by: str) -> Activation:
    """Add the records of some days, one per version, inside the caller's transaction."""
    ledger.lock_head()
    before = list_days_in_force(min(wanted), max(wanted))
    had = {day: (row.digest, row.version) for day, row in before.items()}
    changed = [row for day, row in wanted.items() if had.get(day, ("", row.version)) != (row.digest, row.version)]
    seq, at = 0, real_now()
    for version, named in sorted({(row.version, bool(row.digest)) for row in changed}):
        rows = [row for row in changed if (row.version, bool(row.digest)) == (version, named)]
        found = Activation.objects.create(at=at, by=by, version=version)
        ActivationDay.objects.bulk_create(
            ActivationDay(activation=found, day=row.day, plan_id=row.digest or None) for row in rows
        )
        replaced = {row.day.isoformat(): had[row.day][0] for row in rows if row.day in had}
        if named:
            kind, days = "plan.activated", {row.day.isoformat(): row.digest for row in rows}
            body = {"days": days, "version": version, "by": by, "activation": found.pk, "replaced": replaced}
        else:
            kind, body = "plan.withdrawn", {"days": replaced, "by": by, "activation": found.pk}
        seq = ledger.append(kind, body, recorded_at=at, stream=LIVE).seq
    if changed:
        _follow(before, changed, cause=seq)
    newest = calendar.load_activation()
    assert newest is not None
    return newest


def _follow(before: DaysInForce, changed: Collection[DayInForce], *, cause: int) -> None:
    """Make the live stream follow other plans of days that it knew: routes, and messages.

    Agents are notified where their work differs on a day that had a plan; a day that is added, or
    left without a plan, changes no agent's work. Those whose duty goes on into the next day are there
    where the day of its start has them, whatever plan the next day was made beside.
    """
    scene = load_scene(LIVE, before_first=True)
    if scene is None:
        return
    draft = ReliefDraft("plan")
    for day in scene.days:
        if day in scene.changes:
            draft.answer(day, scene.sources[day], scene.changes[day], scene.answered(day))
    kinds = _find_changes(before, changed)
    followed = follow_day_before(scene, draft, {row.day for row in changed})
    if not kinds and not followed:
        return
    moved = {agent for agent, kind in kinds if kind.is_move} | followed
    relief = create_relief(scene, draft, cause=cause, asked_at=real_now(), moved=len(moved))
    store_routes(LIVE, relief)
    if not scene.unanswered:  # else the relief of what is lost follows, and notifies of both
        queue_effects([build_notify_effect(relief)])


def _find_changes(before: DaysInForce, changed: Iterable[DayInForce]) -> set[tuple[str, WorkKind]]:
    """Return whose work ahead changes, and how, on the days that had a plan and have another."""
    at, newest = now(LIVE), Relief.objects.filter(stream=LIVE).first()
    rows = () if newest is None else newest.days.all()
    changes = {(row.day, row.plan_id): row.changes for row in rows}
    found: set[tuple[str, WorkKind]] = set()
    for row in changed:
        old = before.get(row.day)
        if old is None or not row.digest or old.digest == row.digest:
            continue
        had = {one.key: one for one in list_working(old.load(), changes.get((row.day, old.digest), {}), NO_LOSS, {})}
        has = {one.key: one for one in load_day_plan(row.digest, row.version).plan.placements}
        found |= {(read_agent(key), describe_change(had.get(key), has.get(key), at).kind) for key in {*had, *has}}
    return {row for row in found if row[1] is not WorkKind.NONE}
