"""Why an event is not accepted, and what to do about it: one sentence a code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from releve.network import Operator, Site, zone
from releve.situation.event import Event
from releve.situation.rules import Rules
from releve.situation.situation import Situation

__all__ = ["REFUSALS", "Context", "Refusal", "local_day", "refuse"]

REFUSALS: Mapping[str, str] = {
    "event.no_id": "The event has no id; give it one of its own.",
    "event.no_actor": "Nobody signs the event; say who records it.",
    "event.id_taken": "An event {id} is already on record; nothing is recorded twice.",
    "event.same": "The same {kind} is already on record as {earlier}; nothing is recorded twice.",
    "date.future": "{happened_at} is ahead of the clock ({recorded_at}) by more than {minutes:g}"
    " min; mend the date or the clock.",
    "date.too_old": "{happened_at} is more than {days} days ago; mend the year.",
    "site.unknown": "There is no site {site}; choose one of the operator's sites.",
    "agent.unknown": "There is no agent {agent}; check the pseudonym.",
    "carrier.unknown": "No agent has a home line of {carrier}; choose one of the carriers.",
    "measure.unknown": "The charter in force has no measure {measure}; choose one of its measures.",
    "measure.twice": "The measure {measure} stands there twice; keep one.",
    "photo.digest": "{digest} is not the SHA-256 of a file (64 hexadecimal digits).",
    "case.dates": "The measure ends on {until}, before it starts on {since}; mend the dates.",
    "case.too_long": "The measure ends on {until}, more than a year after {since}; mend the dates.",
    "case.since": "The measure starts on {since}, a year or more from {day}; mend the date.",
    "case.nothing_to_clear": "The event named declares no case or contact that can be cleared here;"
    " give the one that the health officer's page names, with its agent and its site.",
    "case.names_case": "Only a clearing names a case; leave it empty.",
    "absence.dates": "The absence ends at {until}, not after its start at {start}; mend the dates.",
    "absence.none": "Agent {agent} is not unavailable at that date; there is nothing to end.",
    "absence.unknown": "Agent {agent} has no absence {absence}; leave it empty to end all of them.",
    "closure.closed_already": "Site {site} is closed since {since}; extend the closure instead.",
    "closure.past": "Site {site} was closed until {reopened}; a new order comes after that.",
    "closure.open": "Site {site} is open; there is no closure to change or to lift.",
    "closure.cause": "A closure by {cause} names its {missing}; fill it in.",
    "closure.rule": "Only a rule closes by rule; choose authority, hazard or operator.",
    "closure.earliest": "The earliest reopening {earliest} is not after the order {ordered};"
    " mend the date.",
    "closure.before": "Site {site} was closed at {ordered}, after {happened_at}; mend the date.",
    "extension.not_later": "Site {site} stays closed until {earliest} already; give a later time.",
    "reopening.too_early": "Site {site} may not open before {earliest}; wait until then.",
    "reopening.checklist": "Not done yet: {items}; do and record them first.",
    "reopening.approvals": "{given} of {needed} different people said yes; {missing} more must.",
    "reopening.unknown_item": "The checklist has no item {item}; choose one of {items}.",
    "reopening.item_done": "{item} is done already, recorded by {by}.",
    "approval.same_person": "{actor} said yes already; another person must.",
    "approval.tied": "{other} said yes already, and one of you gave the other's access; a third"
    " person must.",
    "approval.by_rule": "A rule does not say yes to a reopening; a person must.",
    "outage.place": "Name a site or a carrier, one of the two.",
    "outage.down_already": "It is down since {since}; record when it is up again.",
    "outage.not_down": "It is not down; there is nothing to end.",
    "outage.expected": "It is expected back at {expected_until}, before it went down; mend the"
    " date.",
    "check.day": "The day checked, {day}, is not over or running at the site; mend the day.",
    "check.empty": "The check says nothing of any measure; look at one at least.",
    "tests.counts": "{positive} positive of {tested} tested; mend the counts.",
    "tests.inspection": "There is no inspection {inspection} at that site; leave it empty.",
    "authorisation.of": "A permit of a {of} names a {of} and nothing else; mend it.",
    "authorisation.no_id": "The authorisation has no id; give its number.",
    "authorisation.dates": "It is valid to {valid_to}, before {valid_from}; mend the dates.",
    "authorisation.unknown": "There is no authorisation {authorisation}; choose one on record.",
    "authorisation.withdrawn": "The authorisation {authorisation} is withdrawn already.",
    "authorisation.before": "The authorisation {authorisation} was granted at {granted}, after"
    " {happened_at}; mend the date.",
    "authorisation.taken": "The authorisation {authorisation} is on record already; withdraw it"
    " first, or give the number of the new one.",
    "attendance.counts": "{count} present, but {agents} are named; mend the one or the other.",
    "attendance.twice": "Agent {agent} is named twice; keep one.",
    "audit.expiry": "The verdict holds until {valid_to}, before it was given; mend the date.",
    "incident.closure": "The closure named is not the one of {site}; open the room by hand, or name"
    " the closure that lasts.",
    "incident.open_already": "This closure has an incident room: {title}; work there.",
    "incident.unknown": "There is no incident {incident}; choose one on record.",
    "incident.site": "The incident is of {site}; name that.",
    "incident.before": "The incident was opened at {opened}, after {happened_at}; mend the date.",
    "incident.closed": "The incident was closed by {by}; open another, or write it in the review.",
    "incident.role_held": "You hold the role {role} already.",
    "incident.nothing_said": "The {what} is empty; say it in words.",
    "incident.tasks_open": "{count} tasks are not done; do them first, or make them follow-ups.",
    "task.unknown": "There is no task {task} in this incident; choose one of its tasks.",
    "task.done_already": "The task is done already, recorded by {by}.",
    "task.due": "The task is due at {due}, before it was set; mend the date.",
    "correction.unknown": "There is no event {corrects}; name one on record.",
    "correction.of_correction": "{corrects} is a correction; record what happened as a new event.",
    "correction.twice": "The event {corrects} is corrected already.",
    "correction.no_reason": "Say why the event does not count.",
}
"""The sentence of each code; its braces are filled from the refusal's parameters."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why an event is not accepted."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def sentence(self) -> str:
        """Return the reason and the fix in English."""
        return REFUSALS[self.code].format_map(self.params)


def refuse(code: str, **params: object) -> Refusal:
    """Return a refusal; KeyError when no sentence says it."""
    REFUSALS[code].format_map(params)
    return Refusal(code, params)


def local_day(at: datetime, site: str, operator: Operator) -> date:
    """Return the day of an instant at a site, or where the operator counts its days."""
    found = operator.site.get(site)
    name = operator.row.time_zone if found is None else found.time_zone
    return at.astimezone(zone(name)).date()


@dataclass(frozen=True)
class Context:
    """What an event is judged by."""

    situation: Situation
    operator: Operator
    rules: Rules

    def site(self, site: str) -> Site | None:
        """Return a site of the operator."""
        return self.operator.site.get(site)

    def day(self, at: datetime, site: str = "") -> date:
        """Return the day of an instant at a site, or where the operator counts its days."""
        return local_day(at, site, self.operator)

    def site_faults(self, event: Event, site: str) -> Iterator[Refusal]:
        """Yield the refusal of a site that is not the operator's."""
        if self.site(site) is None:
            yield refuse("site.unknown", site=repr(site))

    def agent_faults(self, agent: str) -> Iterator[Refusal]:
        """Yield the refusal of an agent who is not the operator's."""
        if agent not in self.operator.agent:
            yield refuse("agent.unknown", agent=repr(agent))
