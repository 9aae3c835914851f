"""The reopening of a closed site: what it waits for, and which acts can be taken back.

How each site stands: open, closed or cut off, since when, and by what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from releve.network import Operator, Site
from releve.situation.events import ReopeningApproved, ReopeningChecked
from releve.situation.lateness import measure_delay
from releve.situation.rule_kinds import SituationRules
from releve.situation.situation import Situation
from releve.situation.validation import merge_reopening_terms

_Act = ReopeningChecked | ReopeningApproved


@dataclass(frozen=True, slots=True)
class ReopeningStep:
    """An act of a person; ``undo`` is the id by which the reader can take it back, or empty."""

    by: str
    at: datetime
    undo: str


@dataclass(frozen=True, slots=True)
class ReopeningTask:
    """An item of the checklist; ``done`` is None while it is to be done."""

    id: str
    text: str
    text_fr: str
    done: ReopeningStep | None


@dataclass(frozen=True, slots=True)
class Reopening:
    """What a closed site waits for, as one reader may act on it.

    ``needed``: approvals, each of another person; ``mine``: the reader has approved; ``waits``: the
    earliest time is still to come.
    """

    since: datetime
    earliest_reopening: datetime | None
    waits: bool
    items: tuple[ReopeningTask, ...]
    approvals: tuple[ReopeningStep, ...]
    needed: int
    mine: bool

    @property
    def undone(self) -> int:
        """Items of the checklist that are to be done."""
        return sum(item.done is None for item in self.items)

    @property
    def approvals_missing(self) -> bool:
        """Whether more people have to approve."""
        return len(self.approvals) < self.needed


def find_reopening(
    situation: Situation, site: str, operator: Operator, rules: SituationRules, now: datetime, reader: str
) -> Reopening | None:
    """Return what the closure of a site waits for; None for a site that is open."""
    closure = situation.site(site).closure
    if closure is None:
        return None
    terms = merge_reopening_terms(closure, site, operator, rules)
    undoable = find_undoable_acts(situation, site, reader)
    found = [
        (row, ReopeningStep(row.actor, row.happened_at, row.id if row.id in undoable else ""))
        for row in list_reopening_acts(situation, site)
    ]
    ticks = {row.item: step for row, step in found if isinstance(row, ReopeningChecked)}
    earliest = closure.earliest_reopening
    return Reopening(
        since=closure.ordered_at,
        earliest_reopening=earliest,
        waits=earliest is not None and now < earliest,
        items=tuple(ReopeningTask(row.id, row.text, row.text_fr, ticks.get(row.id)) for row in terms.checklist),
        approvals=tuple(step for row, step in found if isinstance(row, ReopeningApproved)),
        needed=terms.approvals,
        mine=reader in closure.approvals,
    )


def find_undoable_acts(situation: Situation, site: str, actor: str) -> frozenset[str]:
    """Return the ids of the acts that a person may take back, for a site that is closed.

    Ticks of the checklist while no person has approved, and one's own approval.
    """
    closure = situation.site(site).closure
    approved = closure is not None and bool(closure.approvals)
    return frozenset(
        row.id
        for row in list_reopening_acts(situation, site)
        if (row.actor == actor if isinstance(row, ReopeningApproved) else not approved)
    )


def list_reopening_acts(situation: Situation, site: str) -> tuple[_Act, ...]:
    """Return the acts that count towards the reopening of a closed site, in the order of record."""
    closure = situation.site(site).closure
    if closure is None:
        return ()
    done, approvals = dict(closure.done), set(closure.approvals)
    found: dict[tuple[type[_Act], str], _Act] = {}
    for event in sorted(situation.list_events("sites", site), key=lambda row: row.recorded_at):
        if event.id in situation.corrected or event.recorded_at < closure.orders[0].recorded_at:
            continue
        if isinstance(event, ReopeningChecked) and done.get(event.item) == event.actor:
            found.setdefault((ReopeningChecked, event.item), event)
        elif isinstance(event, ReopeningApproved) and event.actor in approvals:
            found[ReopeningApproved, event.actor] = event
    return tuple(found.values())


_Outage = Literal["power", "link"]
_OUTAGES: tuple[_Outage, ...] = ("power", "link")


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """A site as it stands; ``since`` is when it was closed, or cut off by an ``outage``.

    ``recorded_late`` is when that was recorded, where it is late.
    Of a closure: its ``cause`` (rule, authority, hazard or operator), the kind of its ``hazard`` where
    one is named, the earliest reopening, and the cases within so many days at which its rule closes.
    """

    site: str
    name: str
    city: str
    destination: str
    time_zone: str
    state: Literal["open", "closed", "cut_off"]
    outage: Literal["", "power", "link"] = ""
    cause: str = ""
    hazard: str = ""
    rule_cases: int | None = None
    rule_days: float | None = None
    since: datetime | None = None
    earliest_reopening: datetime | None = None
    recorded_late: datetime | None = None


def list_site_statuses(operator: Operator, situation: Situation, rules: SituationRules) -> tuple[SiteStatus, ...]:
    """Return every site of an operator as it stands, those closed or cut off first."""
    found = [find_site_status(site, situation, rules) for site in operator.sites]
    return tuple(sorted(found, key=lambda row: row.state == "open"))


def find_site_status(site: Site, situation: Situation, rules: SituationRules) -> SiteStatus:
    own = (site.id, site.name, site.city, site.destination, site.time_zone)
    closure = situation.site(site.id).closure
    if closure is not None:
        rule = rules.find_closure_rule(closure.rule)
        return SiteStatus(
            *own,
            state="closed",
            cause=closure.cause,
            hazard=closure.hazard,
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
            return SiteStatus(*own, state="cut_off", outage=kind, since=outage.since, recorded_late=late)
    return SiteStatus(*own, state="open")


def _find_late_record(situation: Situation, family: str, subject: tuple[str, ...], event_id: str) -> datetime | None:
    for event in situation.list_events(family, *subject):
        if event.id == event_id and measure_delay(event.happened_at, event.recorded_at):
            return event.recorded_at
    return None
