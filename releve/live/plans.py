"""The plan in force: days planned for the operator in the registry, kept whole in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from django.db import transaction

from releve.demand import Requirement, build_forecast, build_histories, compute_requirement
from releve.demand.tables import INTERVAL, Floats
from releve.files.plan_folder import PlanFolderError, read_plans
from releve.ledger import chain as ledger
from releve.live.clock import LIVE, real_now
from releve.live.current_operator import operator_at
from releve.live.errors import NoOperator, PlanRefused
from releve.live.models import Activation, PlanText
from releve.network import Operator
from releve.plan import Plan, PlanSettings
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.registry import storage as registry

__all__ = [
    "HORIZON",
    "DayPlan",
    "activate_plan",
    "build_plan_row",
    "clear_plan_cache",
    "find_first_start",
    "list_days_ahead",
    "load_activation",
    "load_day_plan",
    "put_in_force",
    "read_settings",
]

HORIZON = timedelta(hours=48)
"""How far ahead coverage is shown and people are notified."""
_DAY = timedelta(days=1)
_ANY_ZONE = timedelta(hours=14)
"""How long before its midnight in UTC a day may begin at an operator."""
_ENDS_BY = timedelta(hours=12 + 25)
"""How long after its midnight in UTC a day may end there: it has 25 hours once a year."""


@dataclass(frozen=True)
class DayPlan:
    """The plan of a day, the operator it was made for and the requirement it was made by."""

    digest: str
    plan: Plan
    operator: Operator
    need: Requirement

    @property
    def has_fleet(self) -> bool:
        """Whether vehicles bring people to the sites."""
        return bool(self.operator.vehicles)


def activate_plan(folder: Path, *, by: str) -> Activation:
    """Put the plan folder in force; :class:`PlanRefused` says what is wrong with it."""
    try:
        plans = read_plans(folder)
    except PlanFolderError as error:
        raise PlanRefused(str(error)) from error
    return put_in_force(plans, by=by)


def put_in_force(plans: Sequence[Plan], *, by: str) -> Activation:
    """Put the plans of some days in force, in place of all those before.

    They must be of the operator in the registry and free of violations.
    """
    version = registry.get_current_version()
    if version is None:
        raise NoOperator("the registry is empty: import the plan's operator first")
    operator = registry.load_operator(version)
    for plan in plans:
        _check_plan(plan, operator)
    times = compute_handling_times(operator, plans)
    rows = [build_plan_row(plan, aht) for plan, aht in zip(plans, times, strict=True)]
    with transaction.atomic():
        PlanText.objects.bulk_create(rows, ignore_conflicts=True)
        found = Activation.objects.create(
            at=real_now(),
            by=by,
            days={row.day.isoformat(): row.digest for row in rows},
            version=version.number,
        )
        body = {"days": found.days, "version": found.version, "by": by, "activation": found.pk}
        ledger.append("plan.activated", body, recorded_at=found.at, stream=LIVE)
    return found


def _check_plan(plan: Plan, operator: Operator) -> None:
    if plan.violations:
        raise PlanRefused(f"the plan of {plan.day} broke a rule: {plan.violations[0]}")
    programmes = tuple(row.id for row in operator.programmes)
    unknown = {row.agent for row in plan.placements} - set(operator.agent)
    places = {row.id for row in plan.sites} - set(operator.site)
    if tuple(name for name, _, _ in plan.programmes) != programmes or unknown or places:
        raise PlanRefused(
            f"the plan of {plan.day} is not of the operator in the registry: plan again from it"
        )


def build_plan_row(plan: Plan, aht_s: Floats) -> PlanText:
    """Return a plan as it is stored, with the handling times ``[interval, programme]``, in s."""
    text = plan_to_json(plan)
    digest = hashlib.sha256(text.encode()).hexdigest()
    aht = np.nan_to_num(aht_s).round(3).tolist()
    return PlanText(digest=digest, day=plan.day, text=text, aht_s=aht)


def compute_handling_times(operator: Operator, plans: Sequence[Plan]) -> list[Floats]:
    """Return the handling times ``[interval, programme]`` that each plan was made for, in s."""
    zone = operator.row.time_zone
    days = [plan.day for plan in plans]
    found = build_forecast(build_histories(operator), operator.programmes, days, zone)
    return [compute_requirement(found, operator.programmes, day, zone).aht_s for day in days]


def load_activation() -> Activation | None:
    """Return what is in force; None when no plan has been activated."""
    return Activation.objects.first()


def list_days_ahead(found: Activation, at: datetime, until: datetime) -> tuple[date, ...]:
    """Return the planned days that meet a period; plans of days far from it are not read."""
    first, last = (at - _ENDS_BY).date() + _DAY, (until + _ANY_ZONE).date()
    out = []
    for text, digest in sorted(found.days.items()):
        day = date.fromisoformat(text)
        if not first <= day <= last:
            continue
        starts = load_day_plan(digest, found.version).plan.starts
        if starts[0] < until and starts[-1] + INTERVAL > at:
            out.append(day)
    return tuple(out)


def find_first_start(found: Activation, after: datetime) -> datetime | None:
    """Return when the first planned day that begins at ``after`` or later does; None: no day."""
    first = (after - _ANY_ZONE).date()
    for text, digest in sorted(found.days.items()):
        if date.fromisoformat(text) >= first:
            start = load_day_plan(digest, found.version).plan.starts[0]
            if start >= after:
                return start
    return None


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
    return DayPlan(digest, plan, operator_at(version), need)


def clear_plan_cache() -> None:
    """Let go of the plans in memory, and of the operators they were made for."""
    _day_plan.cache_clear()


def read_settings(plan: Plan) -> PlanSettings:
    """Return the settings a plan was made with, without its guess of who is isolated.

    A plan sets a share of the exposed aside, since it cannot know whom; who really cannot work is
    known here, person by person.
    """
    return replace(PlanSettings(**plan.settings), isolated=0.0)  # type: ignore[arg-type]
