"""The calendar of days in force: each day with its own plan, kept whole in the database.

A day's plan is read with the version of the reference data that it was made of. With the plans
stand the operator of the live chain and :class:`IdentityCache`, a cache of computed values that are
each valid while their sources are the same objects.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from django.conf import settings

from releve.demand import Requirement, build_forecast, build_histories, compute_requirement
from releve.demand.requirement import INTERVAL
from releve.files.plan_folder import PlanFolderError, StoredPlan, open_plan_store
from releve.kernels.arrays import Floats
from releve.live.clock import real_now
from releve.live.errors import NoOperator
from releve.live.models import Activation, ActivationDay, PlanText
from releve.network import Operator
from releve.plan import Plan, PlanSettings
from releve.plan.kits import give_kits
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.week.hybrid_week import find_monday
from releve.registry import storage as registry
from releve.registry.service import get_current_version, load_operator

_T = TypeVar("_T")


class IdentityCache(Generic[_T]):
    """The last few values by key; each is valid while its sources are identical, not just equal.

    Comparing an operator or a situation of tens of thousands of people costs more than it saves.
    Who asks for a value that is being computed waits for it: fifty readers of a new minute would
    else compute it fifty times, each slowed by the others. A computation may not ask for its own
    key.
    """

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._rows: OrderedDict[Hashable, tuple[tuple[object, ...], _T]] = OrderedDict()
        self._lock = Lock()
        self._making: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, sources: tuple[object, ...], make: Callable[[], _T]) -> _T:
        """Return the value of a key; compute it again when one of its sources is another object."""
        if (kept := self._find(key, sources)) is not None:
            return kept[0]
        with self._lock:
            making = self._making.setdefault(key, Lock())
        try:
            with making:
                if (kept := self._find(key, sources)) is not None:
                    return kept[0]
                made = make()
                with self._lock:
                    self._rows[key] = (sources, made)
                    self._rows.move_to_end(key)
                    while len(self._rows) > self._most:
                        self._rows.popitem(last=False)
                return made
        finally:
            with self._lock:
                if self._making.get(key) is making:
                    del self._making[key]

    def _find(self, key: Hashable, sources: tuple[object, ...]) -> tuple[_T] | None:
        with self._lock:
            row = self._rows.get(key)
            if row is None or not all(a is b for a, b in zip(row[0], sources, strict=True)):
                return None
            self._rows.move_to_end(key)
            return (row[1],)


def operator_now() -> Operator:
    """Return the operator of the registry's current version; :class:`NoOperator` without one."""
    version = registry.get_current_version()
    if version is None:
        raise NoOperator("the registry is empty: import an operator first (releve registry import)")
    return registry.load_operator(version)


def operator_at(number: int) -> Operator:
    """Return the operator of one version of the registry."""
    return registry.load_operator(registry.get_version(number))


HORIZON = timedelta(hours=48)
"""How far ahead coverage is shown and people are notified."""
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_ANY_ZONE = timedelta(hours=14)
"""How long before its midnight in UTC a day may begin at an operator."""
_BEGINS_BY = timedelta(hours=12 + 24)
"""How long after its midnight in UTC a day may begin there, at a time that the operator chose."""
_ENDS_BY = _BEGINS_BY + timedelta(hours=25)
"""How long after its midnight in UTC a day may end there: it has 25 hours once a year."""


@dataclass(frozen=True)
class DayPlan:
    """The plan of a day, the operator it was made for and the requirement it was made by.

    Of the agents who share the kits of their site those are home-ready who hold one by the plan.
    """

    digest: str
    plan: Plan
    operator: Operator
    need: Requirement

    @property
    def has_fleet(self) -> bool:
        """Whether vehicles bring people to the sites."""
        return bool(self.operator.vehicles)


@dataclass(frozen=True, slots=True)
class DayInForce:
    """The plan of a day in force: its digest, the version of the reference data that it was made
    of, and the record that put it in force."""

    day: date
    digest: str
    version: int
    activation: int

    def load(self) -> DayPlan:
        """Return the plan, with the operator that it was made of."""
        return load_day_plan(self.digest, self.version)


DaysInForce = Mapping[date, DayInForce]
"""By day, in the order of days."""


def load_activation() -> Activation | None:
    """Return the newest record of the calendar; None when no plan has been put in force."""
    return Activation.objects.first()


def list_days_in_force(first: date | None = None, last: date | None = None, *, until: int | None = None) -> DaysInForce:
    """Return the days with a plan in force, of a period if given; as of the record ``until`` if given."""
    return {found.day: found for found in _list_rows(first, last, until) if found.digest}


def list_known_days(first: date, until: int) -> DaysInForce:
    """Return the plans that people knew as of a record, by day from ``first`` on.

    Of a day that had none yet the first one that it got: those who work on it were not notified of
    another. A plan that was taken back meanwhile is the last one that they knew.
    """
    found: dict[date, DayInForce] = {}
    rows = ActivationDay.objects.filter(day__gte=first).exclude(plan=None).order_by("activation_id", "day")
    for row in map(_read_row, rows.values_list(*_COLUMNS)):
        if row.activation <= until or row.day not in found:
            found[row.day] = row
    return dict(sorted(found.items()))


_COLUMNS = ("day", "plan_id", "activation__version", "activation_id")


def _list_rows(first: date | None, last: date | None, until: int | None) -> Iterator[DayInForce]:
    """Yield the newest row of each day; its digest is empty where the day has no plan any more."""
    bounds = {"day__gte": first, "day__lte": last, "activation__lte": until}
    rows = ActivationDay.objects.filter(**{key: value for key, value in bounds.items() if value is not None})
    newest = {row[0]: row for row in rows.order_by("activation_id").values_list(*_COLUMNS)}
    yield from (_read_row(newest[day]) for day in sorted(newest))


def _read_row(row: tuple[date, str | None, int, int]) -> DayInForce:
    day, digest, version, activation = row
    return DayInForce(day, digest or "", version, activation)


def list_latest_week() -> DaysInForce:
    """Return the seven days up to the last one in force: each weekday with its newest plan."""
    found = list_days_in_force()
    last = max(found, default=date.min)
    return {day: row for day, row in found.items() if last - day < _WEEK}


def list_nearest_days(today: date) -> DaysInForce:
    """Return the days in force of a week from ``today`` on; the last seven days where all are over."""
    return list_days_in_force(today, today + _WEEK - _DAY) or list_latest_week()


def list_days_ahead(at: datetime, until: datetime) -> DaysInForce:
    """Return the days in force that meet a period; plans of days far from it are not read."""
    found = list_days_in_force((at - _ENDS_BY).date() + _DAY, (until + _ANY_ZONE).date())
    starts = {day: row.load().plan.starts for day, row in found.items()}
    return {day: row for day, row in found.items() if starts[day][0] < until and starts[day][-1] + INTERVAL > at}


def find_first_start(after: datetime) -> datetime | None:
    """Return when the first planned day that begins at ``after`` or later does; None: no day."""
    found = (row.load().plan.starts[0] for row in list_days_in_force((after - _BEGINS_BY).date()).values())
    return next((start for start in found if start >= after), None)


def build_plan_row(plan: Plan, aht_s: Floats) -> PlanText:
    """Return a plan as it is stored, with the handling times ``[interval, programme]``, in s."""
    text = plan_to_json(plan)
    digest = hashlib.sha256(text.encode()).hexdigest()
    aht = np.nan_to_num(aht_s).round(3).tolist()
    return PlanText(digest=digest, day=plan.day, text=text, aht_s=aht)


def compute_handling_times(operator: Operator, plans: Sequence[Plan]) -> list[Floats]:
    """Return the handling times ``[interval, programme]`` that each plan was made for, in s."""
    zone, starts = operator.row.time_zone, operator.day_start
    days = [plan.day for plan in plans]
    found = build_forecast(build_histories(operator), operator.programmes, days, zone, day_start=starts)
    return [compute_requirement(found, operator.programmes, day, zone, day_start=starts).aht_s for day in days]


def load_day_plan(digest: str, version: int) -> DayPlan:
    """Return a stored plan, kept in memory; who asks while it is being read waits for that."""
    with _reading.setdefault(digest, Lock()):
        return _day_plan(digest, version)


_reading: dict[str, Lock] = {}


@lru_cache(maxsize=16)
def _day_plan(digest: str, version: int) -> DayPlan:
    row = PlanText.objects.get(pk=digest)
    plan = plan_from_json(row.text)
    need = Requirement(
        day=plan.day,
        programmes=tuple(name for name, _, _ in plan.programmes),
        starts=plan.starts,
        agents=plan.required,
        on_phone=np.ceil(plan.required),
        calls=plan.calls,
        aht_s=np.array(row.aht_s, dtype=np.float64).reshape(plan.required.shape),
        unknown={},
    )
    return DayPlan(digest, plan, give_kits(operator_at(version), plan.kit_holders), need)


def clear_plan_cache() -> None:
    """Let go of the plans in memory, and of the operators they were made for."""
    _day_plan.cache_clear()


def read_settings(plan: Plan) -> PlanSettings:
    """Return the settings a plan was made with, without its guess of who is isolated.

    A plan sets a share of the exposed aside, since it cannot know whom; who really cannot work is
    known here, person by person.
    """
    return replace(PlanSettings(**plan.settings), isolated=0.0)  # type: ignore[arg-type]


class NoPlan(PlanFolderError):  # noqa: N818 (a state of the installation)
    """No plan is in force, and the desk was started without a folder."""


def find_displayed_plan(day: date | None = None, record: int | None = None) -> StoredPlan | None:
    """Return the plan of a day, by default of today or the next planned day; None: no such day.

    ``record``: the plan that the day had as of that record of the calendar.

    The plan in force comes first; an open desk that was started with a folder shows that folder.
    The days beside it are those of its calendar week and of the next one.
    NoPlan when there is neither; PlanFolderError when the folder cannot be read.
    """
    folder = settings.PLAN_FOLDER
    if settings.OPEN_DESK and folder is not None:
        return open_plan_store(folder).get(day)
    found = list_days_in_force()
    if not found:
        if folder is None:
            raise NoPlan("no plan is in force: compute one, or name a folder by RELEVE_PLAN_FOLDER")
        return open_plan_store(folder).get(day)
    today = operator_now().find_day(real_now())
    default = next((one for one in found if one >= today), max(found))
    chosen = day or default
    known = found if record is None else list_days_in_force(chosen, chosen, until=record)
    shown = known.get(chosen)
    if shown is None:
        return None
    monday = find_monday(shown.day)
    beside = tuple(one for one in sorted({*found, chosen}) if monday <= one < monday + 2 * _WEEK)
    return StoredPlan(shown.load().plan, shown.digest, beside, default)


def list_displayed_week(day: date | None = None) -> list[Plan]:
    """Return the plans of a day's calendar week, by default today's or the next planned one.

    Empty where the day is not planned; NoPlan and PlanFolderError as of find_displayed_plan.
    """
    first = find_displayed_plan(day)
    if first is None:
        return []
    monday = find_monday(first.plan.day)
    found = (find_displayed_plan(one) for one in first.days if find_monday(one) == monday)
    return [stored.plan for stored in found if stored is not None]


@dataclass(frozen=True, slots=True)
class NamedPlaces:
    """Sites and clients as (id, name), in the order of their tables."""

    sites: tuple[tuple[str, str], ...] = ()
    clients: tuple[tuple[str, str], ...] = ()


def list_named_places() -> NamedPlaces:
    """Return what a role can be held for: of the reference data, else of the displayed plan."""
    version = get_current_version()
    if version is not None:
        operator = load_operator(version)
        return NamedPlaces(
            tuple((site.id, site.name) for site in operator.sites),
            tuple((client.id, client.name) for client in operator.clients),
        )
    try:
        stored = find_displayed_plan()
    except PlanFolderError:
        return NamedPlaces()
    if stored is None:
        return NamedPlaces()
    plan = stored.plan
    return NamedPlaces(tuple((site.id, site.name) for site in plan.sites), plan.clients)
