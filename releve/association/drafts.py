"""Offers and requests drafted from the plan in force, for a person to look at and send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from releve.association.gate_member import load_gate, prepare_request
from releve.association.membership import require_membership
from releve.association.models import OwnOrder
from releve.demand.tables import INTERVAL
from releve.errors import Phrase
from releve.live import api as live
from releve.live.plans import DayPlan, read_settings
from releve.network import day_bounds
from releve.plan import Contingency
from releve.plan.spare import count_spare, find_spare
from releve.sector import (
    ClientTerms,
    GateNotice,
    ReliefPackage,
    SectorError,
    SectorOffer,
    SectorRequest,
    build_offers,
    build_requests,
    number_half_hours,
    read_terms,
)
from releve.sector.openings import Row

__all__ = [
    "draft_offers",
    "draft_requests",
    "list_planned_contingencies",
    "load_planned_day",
    "prepare_relief_request",
]


def load_planned_day(day: date) -> DayPlan:
    """Return a day of the plan in force; SectorError where it has not the day."""
    active = live.load_activation()
    digest = None if active is None else active.days.get(day.isoformat())
    if active is None or digest is None:
        raise SectorError(Phrase("no plan in force has {0}: put one in force first", day))
    return live.load_day_plan(digest, active.version)


def list_planned_contingencies(day: date) -> tuple[Contingency, ...]:
    """Return the losses that the plan in force has a relief for on a day; none without the day."""
    try:
        return load_planned_day(day).plan.contingencies
    except SectorError:
        return ()


def draft_offers(
    notice: GateNotice, packages: Sequence[ReliefPackage], now: datetime
) -> tuple[tuple[SectorOffer, ...], tuple[tuple[str, str], ...]]:
    """Return what the plan in force can spare at a gate, and (skill, destination) without package.

    Half hours that are over are left out. SectorError without a plan of the day, or for a package
    that is out of date.
    """
    found = load_planned_day(notice.day)
    plan = found.plan
    half_hours = number_half_hours(plan.starts, notice.day, notice.time_zone)
    spare = find_spare(found.operator, plan, found.need, read_settings(plan))
    counts = {
        key: {half_hours[t]: count for t, count in by_time.items() if t in half_hours}
        for key, by_time in count_spare(spare.agents).items()
    }
    member = require_membership().member
    return build_offers(packages, member, counts, _number_now(notice, now), notice.day)


def draft_requests(
    notice: GateNotice, contingency: str, terms: Mapping[str, ClientTerms], now: datetime
) -> tuple[tuple[SectorRequest, ...], frozenset[tuple[str, str, str]]]:
    """Return what the plan in force lacks under a contingency, and whom its clients approve.

    SectorError without a plan of the day, or without the contingency.
    """
    found = load_planned_day(notice.day)
    return build_requests(
        found.operator, found.plan, contingency, terms, asker=require_membership().member,
        half_hours=number_half_hours(found.plan.starts, notice.day, notice.time_zone),
        asked_at=_number_now(notice, now),
    )  # fmt: skip


def prepare_relief_request(
    gate: str,
    contingency: str,
    tables: tuple[Iterable[Row], Iterable[Row], Iterable[Row]],
    now: datetime,
) -> OwnOrder:
    """Store a request for what the plan in force lacks; it names no client, and is not sent yet.

    ``tables``: the clients' ceilings, approvals and exclusions. SectorError names what is wrong in
    them, and where there is no plan of the day or no such contingency.
    """
    notice = load_gate(gate)
    terms = read_terms(*tables, notice.day)
    return prepare_request(gate, *draft_requests(notice, contingency, terms, now), now)


def _number_now(notice: GateNotice, now: datetime) -> int:
    """Return the half hour of the sector's day that runs when the gate has been cleared."""
    first, last = day_bounds(notice.day, notice.time_zone)
    ready = max(now, notice.opens_until, first)
    return int((min(ready, last) - first) // INTERVAL)
