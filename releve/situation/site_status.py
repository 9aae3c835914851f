"""How each site stands: open, closed or cut off, since when, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from releve.network import Operator, Site
from releve.situation.lateness import measure_delay
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation

__all__ = ["SiteStatus", "find_site_status", "list_site_statuses"]

_Outage = Literal["power", "link"]
_OUTAGES: tuple[_Outage, ...] = ("power", "link")


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """A site as it stands; ``since`` is when it was closed, or cut off by an ``outage``.

    ``recorded_late`` is when that was recorded, where it is late.
    Of a closure: its ``cause`` (rule, authority, hazard or operator), the earliest reopening, and
    the cases within so many days at which its rule closes.
    """

    site: str
    name: str
    city: str
    destination: str
    time_zone: str
    state: Literal["open", "closed", "cut_off"]
    outage: Literal["", "power", "link"] = ""
    cause: str = ""
    rule_cases: int | None = None
    rule_days: float | None = None
    since: datetime | None = None
    earliest_reopening: datetime | None = None
    recorded_late: datetime | None = None


def list_site_statuses(
    operator: Operator, situation: Situation, rules: SituationRules
) -> tuple[SiteStatus, ...]:
    """Return every site of an operator as it stands, those closed or cut off first."""
    found = [find_site_status(site, situation, rules) for site in operator.sites]
    return tuple(sorted(found, key=lambda row: row.state == "open"))


def find_site_status(site: Site, situation: Situation, rules: SituationRules) -> SiteStatus:
    """Return a site as it stands."""
    own = (site.id, site.name, site.city, site.destination, site.time_zone)
    closure = situation.site(site.id).closure
    if closure is not None:
        rule = rules.find_closure_rule(closure.rule)
        return SiteStatus(
            *own,
            state="closed",
            cause=closure.cause,
            rule_cases=None if rule is None else rule.n,
            rule_days=None if rule is None else rule.days,
            since=closure.ordered_at,
            earliest_reopening=closure.earliest_reopening,
            recorded_late=_find_late_record(situation, "sites", (site.id,), closure.event),
        )
    for kind in _OUTAGES:
        outage = situation.outages.get((kind, site.id))
        if outage is not None:
            late = _find_late_record(situation, "outages", (kind, site.id), outage.event)
            return SiteStatus(
                *own, state="cut_off", outage=kind, since=outage.since, recorded_late=late
            )
    return SiteStatus(*own, state="open")


def _find_late_record(
    situation: Situation, family: str, subject: tuple[str, ...], event_id: str
) -> datetime | None:
    """Return when an event of a subject was recorded, where that is late."""
    for event in situation.list_events(family, *subject):
        if event.id == event_id and measure_delay(event.happened_at, event.recorded_at):
            return event.recorded_at
    return None
