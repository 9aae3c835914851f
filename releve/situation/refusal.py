"""Reasons why an event is not accepted, with the fix: one sentence per code.

The sentences are written here once: they are the sources of the French catalogue, and each
interface formats the parameters in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from releve.network import Operator, Site, zone
from releve.situation.event import Event
from releve.situation.rule_kinds import SituationRules
from releve.situation.situation import Situation

SHARES = frozenset({"fill", "most"})
"""Parameters that are shares of 1, written as percentages."""


def fill_sentence(sentence: str, params: Mapping[str, object]) -> str:
    """Return a sentence with its braces filled; lists are joined by commas, times are in UTC."""
    return sentence.format_map({name: _write_parameter(name, value) for name, value in params.items()})


def _write_parameter(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0%}" if name in SHARES else f"{value:g}"
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


REFUSALS: Mapping[str, str] = {
    "event.no_id": "The event has no id; give it a unique one.",
    "event.no_actor": "The event has no author; state who records it.",
    "event.id_taken": "An event {id} is already on record; nothing is recorded twice.",
    "event.same": "The same report ({kind}) is already on record as event {earlier}; nothing is recorded twice.",
    "date.future": "{happened_at} is ahead of the clock ({recorded_at}) by more than {minutes}"
    " min; correct the date or the clock.",
    "date.too_old": "{happened_at} is more than {days} days ago; correct the year.",
    "site.unknown": "There is no site “{site}”; choose one of the operator’s sites.",
    "agent.unknown": "There is no agent “{agent}”; check the pseudonym.",
    "agent.elsewhere": "{agent} is not at home at {site}, and was neither planned nor present there"
    " on {day}; a role held for every site records it, of a case the health officer.",
    "carrier.unknown": "No agent has a home line of “{carrier}”; choose one of the carriers.",
    "measure.unknown": "The charter in force has no measure “{measure}”; choose one of its measures.",
    "measure.twice": "The measure {measure} is given twice; keep one.",
    "photo.digest": "“{digest}” is not the SHA-256 of a file (64 hexadecimal digits).",
    "case.dates": "The measure ends on {until}, before it starts on {since}; correct the dates.",
    "case.too_long": "The measure ends on {until}, more than a year after {since}; correct the dates.",
    "case.since": "The measure starts on {since}, a year or more from {day}; correct the date.",
    "case.nothing_to_clear": "The number given is not that of an open case or contact of this"
    " agent at this site; the health officer’s page of the case shows the number, the agent and"
    " the site.",
    "case.names_case": "Only a clearing and a contact name a case; leave it empty.",
    "case.unknown": "The number given is not that of a case on record; leave it empty, or take it"
    " from the health officer’s page of the case.",
    "absence.dates": "The absence ends at {until}, not after its start at {start}; correct the dates.",
    "absence.none": "Agent {agent} is not unavailable at that date; there is no absence to end.",
    "absence.not_own": "You noted no absence of agent {agent} that lasts at that date; the person"
    " who noted another one, the site lead or the continuity manager ends it.",
    "absence.unknown": "Agent {agent} has no absence {absence}; leave it empty to end all of them.",
    "closure.closed_already": "{site} has been closed since {since}; extend the closure instead.",
    "closure.past": "{site} was closed until {reopened}; date the new order after that.",
    "aim.nothing_lost": "Nothing is lost; choose what reliefs aim at once something is.",
    "aim.same": "The reliefs aim at that already.",
    "closure.open": "{site} is open; there is no closure to change or to lift.",
    "closure.cause": "A closure with this cause requires the field “{missing}”; fill it in.",
    "closure.rule": "Only a rule can close a site by rule; choose authority, hazard or operator.",
    "closure.hazard": "A kind of hazard is given, and the cause is not a hazard; choose that cause or leave the kind"
    " empty.",
    "closure.earliest": "The earliest reopening, {earliest}, is not after the order, {ordered}; correct the date.",
    "closure.before": "{site} was closed at {ordered}, after {happened_at}; correct the date.",
    "extension.not_later": "{site} already stays closed until {earliest}; give a later time.",
    "lifting.grounded": "{site} is closed by a rule (positive tests: {cases}, period in days: {days}), and the tests"
    " that count on record are {count}: the closure has its ground. If one of them is wrong, correct that"
    " record first: a health officer does it on the page of corrections. Else the site opens from"
    " {earliest} on, by its checklist and two people.",
    "lifting.same_person": "{actor} corrected the record on which the closure of {site} rests:"
    " another person who may approve a reopening lifts it.",
    "lifting.tied": "{other} corrected the record on which the closure rests, and one person could"
    " act as both of you: {tie}. A person whom neither of you gave access lifts it.",
    "lifting.by_rule": "A rule cannot lift a closure; a person must.",
    "lifting.by_program": "A program cannot lift a closure; a person does it on the page of the reopening.",
    "reopening.too_early": "{site} may not open before {earliest}; wait until then.",
    "reopening.checklist": "Not yet done: {items}; do these items and record them first.",
    "reopening.approvals": "{given} of {needed} different people have approved; {missing} more needed.",
    "reopening.unknown_item": "The checklist has no item “{item}”; choose one of: {items}.",
    "reopening.item_done": "“{item}” is already done, recorded by {by}.",
    "approval.same_person": "{actor} has already approved; another person must approve too.",
    "approval.tied": "{other} has already approved, and one person could act as both of you: {tie}."
    " A person whom neither of you gave access must approve.",
    "approval.by_rule": "A rule cannot approve a reopening; a person must.",
    "outage.place": "Name either a site or a carrier, not both.",
    "outage.down_already": "It was down already, since {since}; record first when it was back.",
    "outage.not_down": "It was not down at {happened_at}; record first when it went down, or correct the date.",
    "outage.expected": "It is expected back at {expected_until}, before it went down; correct the date.",
    "check.day": "The day checked, {day}, has not begun at the site; correct the day.",
    "check.empty": "The check covers no measure; check at least one.",
    "check.boarded": "“{entry}” is not a count of riders; write the vehicle, the hour at the site"
    " and the heads, like “casa-bus-01 06:45 7”.",
    "check.vehicle": "There is no vehicle “{vehicle}”; choose one of the operator’s vehicles.",
    "check.seats": "{riders} heads are counted in vehicle {vehicle}, which has {seats} seats; count"
    " again, or correct the vehicle’s seats.",
    "check.boarded_twice": "Vehicle {vehicle} is counted twice at {hour}; keep one.",
    "tests.counts": "{positive} positive of {tested} tested; correct the counts.",
    "tests.inspection": "There is no inspection {inspection} at that site; leave it empty.",
    "authorisation.of": "The authorisation must name only what it is of, in the field “{of}”; correct it.",
    "authorisation.no_id": "The authorisation has no id; give its number.",
    "authorisation.dates": "The authorisation is valid to {valid_to}, before {valid_from}; correct the dates.",
    "authorisation.unknown": "There is no authorisation “{authorisation}”; choose one on record.",
    "authorisation.withdrawn": "The authorisation {authorisation} is already withdrawn.",
    "authorisation.before": "The authorisation {authorisation} was granted at {granted}, after"
    " {happened_at}; correct the date.",
    "authorisation.taken": "The authorisation {authorisation} is already on record; withdraw it"
    " first, or give the number of the new one.",
    "pack.unknown": "There is no pack of rules “{pack}”; choose one of: {packs}.",
    "pack.dates": "The pack ends on {last}, before its first day, {first}; correct the dates.",
    "pack.chosen_already": "The pack {pack} is already chosen from {first}; end it first, or choose other days.",
    "pack.not_chosen": "The pack {pack} is not in force after {day}; there is nothing to end.",
    "pack.past": "A pack may not end on {day}: days that are over keep their rules; give {earliest} or a later day.",
    "attendance.counts": "{count} are present, but {agents} are named; correct one of the two.",
    "attendance.twice": "Agent {agent} is named twice; keep one.",
    "audit.expiry": "The verdict holds until {valid_to}, before it was given; correct the date.",
    "audit.id_taken": "There is already an audit “{audit}”, or its id is empty; give another id.",
    "audit.sites": "Name the sites of the sample, each once.",
    "audit.no_charter": "No charter is in force on {day}; there is nothing to audit.",
    "audit.charter": "The charter in force on {day} is {charter}, version {version}; name it.",
    "audit.unknown": "There is no audit “{audit}”; choose one on record.",
    "audit.site": "{site} is not in the sample of the audit ({sites}); choose one of these.",
    "audit.before": "The audit was opened at {opened}; correct the date.",
    "audit.seen_late": "It was seen at {seen_at}, after the verdict at {happened_at}; correct one of the two.",
    "audit.measure": "The charter in force on {day}, when it was seen, has no measure “{measure}”;"
    " choose one of its measures.",
    "audit.no_evidence": "There is no event “{evidence}” that counts; name one on record.",
    "audit.late_evidence": "The event {evidence} happened at {at}, after the verdict; it cannot be its evidence.",
    "audit.other_evidence": "The event {evidence} is of another site than {site}; name one of this site.",
    "audit.concluded": "The audit was concluded by {by}; open another.",
    "audit.nothing_observed": "No observation is on record; observe before concluding.",
    "audit.findings_open": "The findings {findings} are not verified; conclude that it conforms"
    " with findings, or verify them first.",
    "audit.without_finding": "Seen as not kept, without a finding: {measures}; raise the findings first.",
    "finding.taken": "There is already a finding “{finding}” in this audit, or its id is empty; give another id.",
    "finding.not_observed": "The last observation of {measure} at this site did not find it wanting; observe it first.",
    "finding.due": "The day {due} is over; give a later one.",
    "finding.nothing_said": "Say in words what is wrong, or why it happened and what is done.",
    "finding.unknown": "There is no finding “{finding}” in this audit; choose one of its findings.",
    "finding.subject": "The finding is of {measure} at {site}; name these.",
    "finding.before": "The finding was raised at {raised}; correct the date.",
    "finding.closed": "The finding was verified by {by} and is closed; raise another.",
    "finding.not_answered": "The finding “{finding}” has no answer to verify; answer it first.",
    "finding.verified_before": "The finding was answered at {answered}, after the verification; correct the date.",
    "finding.same_person": "{actor} answered the finding; another person verifies it.",
    "finding.tied": "{other} answered the finding, and one person could act as both of you: {tie}."
    " A person whom neither of you gave access verifies it.",
    "finding.by_rule": "A rule cannot verify a finding; a person must.",
    "correction.of_audit": "The event {corrects} belongs to an audit, which is not corrected:"
    " observe again, or answer the finding and have it verified.",
    "draw.plan_taken": "There is already a plan of draws “{plan}”; give another id.",
    "draw.anchor": "An anchor has 64 hexadecimal digits; give the one that was printed with the chain.",
    "draw.anchor_used": "The anchor was used before, in the plan of draws “{plan}”: an anchor"
    " serves one plan; make a new chain.",
    "draw.joined_again": "The commission’s anchor is on record for the plan of draws “{plan}” and"
    " is not changed; plan new draws instead.",
    "draw.not_joined": "The commission’s anchor is not on record for the plan of draws “{plan}”;"
    " record it first: `releve inspection join`.",
    "draw.root": "The root hash has 64 hexadecimal digits; give the root that the commission was sent.",
    "draw.root_unknown": "There is no root {number} of this size and hash in this ledger; give the"
    " root that the commission was sent.",
    "draw.root_early": "Root {number} does not cover the plan; the commission needs a later one.",
    "draw.first_day": "The first day, {first_day}, has begun; plan from tomorrow on, so that both"
    " anchors are on record before.",
    "draw.bounds": "No draw can be made by these numbers: {reason}.",
    "draw.plan_unknown": "There is no plan of draws “{plan}”; choose one on record.",
    "draw.day": "The day {day} is not one of the plan’s, {first} to {last}; correct the day.",
    "draw.frame_late": "The frame of {day} comes too late: that day has begun, or a link of it is"
    " known; nothing can be drawn for it.",
    "draw.frame_again": "The frame of {day} is already on record; it is not changed.",
    "draw.frame_differs": "The weights are not those that the plan’s rule gives for {day}; `releve"
    " inspection frame` computes them.",
    "draw.reveal_early": "The link of {day} would tell the days before too; reveal it from the evening before.",
    "draw.no_frame": "There is no frame of {day}; nothing can be drawn for it.",
    "draw.link": "The link does not lead to the anchor of the {party} in the number of days that"
    " {day} asks for; check the chain and the day.",
    "draw.link_again": "The link of the {party} for {day} is already on record.",
    "draw.not_sealed": "The frame of {day} is not under a signed root; have the continuity manager seal what is"
    " recorded so far, with an evidence pack, and use the commission’s link once it holds that root.",
    "draw.tests": "{tests} tests of {count} present; correct the counts.",
    "draw.list_late": "The commission’s link of {day} is known; the list of those present has to come before it.",
    "draw.not_revealed": "The links of {party} for {day} are missing; wait for them, or draw"
    " without one of them from the plan’s hour on.",
    "draw.not_withheld": "The link of the {party} is not withheld: it is known, or the day has not reached {hour} h.",
    "draw.again": "This draw of {day} is already on record.",
    "draw.differs": "The visits are not those that the links and the frame of {day} give; `releve"
    " inspection draw` computes them.",
    "draw.not_drawn": "{site} was not drawn for {day}; choose a drawn visit.",
    "draw.settled": "The visit to {site} on {day} was made, or its absence is already on record.",
    "draw.no_reason": "State why the visit was not made.",
    "correction.of_draw": "The event {corrects} belongs to a draw, which is not corrected; plan new draws instead.",
    "incident.closure": "The closure named is not the current one of {site}; leave it empty to"
    " open the room by hand, or name the closure that lasts.",
    "incident.open_already": "This closure already has an incident room: {title}; work there.",
    "incident.unknown": "There is no incident “{incident}”; choose one on record.",
    "incident.site": "The site of the incident is “{site}”; give that one (empty: the operator as a whole).",
    "incident.before": "The incident was opened at {opened}, after {happened_at}; correct the date.",
    "incident.closed": "The incident was closed by {by}; open another, or write it in the review.",
    "incident.role_held": "{holder} already holds the role “{role}”.",
    "incident.no_account": "There is no account “{holder}”; give the role to one of the accounts.",
    "incident.place_known": "The incident is already about {place}; add another place, or none.",
    "incident.nothing_said": "The field “{what}” is empty; fill it in.",
    "incident.tasks_open": "Tasks not done: {count}; do them first, or record them in the review as follow-ups.",
    "task.of_another": "The role “{role}” is held by {holder}; let {holder} or the lead tick the task, or take"
    " the role first.",
    "task.unknown": "There is no task “{task}” in this incident; choose one of its tasks.",
    "task.done_already": "The task is already done, recorded by {by}.",
    "task.due": "The task is due at {due}, before it was set; correct the date.",
    "correction.health": "Only a health officer corrects a record of a case: ask one of this site to do it.",
    "correction.unknown": "There is no event “{corrects}”; name one on record.",
    "correction.of_correction": "{corrects} is a correction; record what happened as a new event.",
    "correction.twice": "The event {corrects} is already corrected.",
    "correction.no_reason": "State why the event does not count.",
}
"""The sentence of each code; its braces are filled from the refusal's parameters."""


_FIELDS: Mapping[str, str] = {
    "agent.unknown": "agent",
    "agent.elsewhere": "agent",
    "case.nothing_to_clear": "case",
    "case.unknown": "case",
    "case.names_case": "case",
    "case.dates": "until",
    "case.too_long": "until",
    "case.since": "since",
    "closure.cause": "authority",
    "closure.rule": "cause",
    "closure.hazard": "hazard",
    "closure.earliest": "earliest_reopening",
    "outage.expected": "expected_until",
    "tests.counts": "positive",
    **dict.fromkeys(("check.boarded", "check.vehicle", "check.seats", "check.boarded_twice"), "boarded"),
    "attendance.counts": "count",
    "attendance.twice": "agents",
    "authorisation.dates": "valid_to",
    "authorisation.taken": "authorisation",
    "audit.expiry": "valid_to",
    "audit.id_taken": "audit",
    "audit.sites": "sites",
    "audit.measure": "measure",
    "audit.no_evidence": "evidence",
    "audit.late_evidence": "evidence",
    "audit.other_evidence": "evidence",
    "audit.seen_late": "happened_at",
    "audit.before": "happened_at",
    "audit.findings_open": "conclusion",
    "audit.without_finding": "conclusion",
    "finding.due": "due",
    "finding.not_observed": "measure",
    "absence.dates": "until",
    "date.future": "happened_at",
    "date.too_old": "happened_at",
    "check.day": "day",
    **dict.fromkeys(("site.unknown", "closure.closed_already", "closure.past"), "site"),
    "pack.dates": "valid_to",
    "pack.past": "valid_to",
    "pack.chosen_already": "valid_from",
}
"""The field of the event that a refusal is of, by code; the others are of the event as a whole."""


@dataclass(frozen=True, slots=True)
class EventRefusal:
    """One reason why an event is not accepted."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def field(self) -> str:
        """The field of the event that is at fault; empty: the event as a whole."""
        return _FIELDS.get(self.code, "")

    def sentence(self) -> str:
        """Return the reason and the fix in English."""
        return fill_sentence(REFUSALS[self.code], self.params)


def refuse(code: str, **params: object) -> EventRefusal:
    """Return a refusal; KeyError when its code has no sentence or a parameter is missing."""
    fill_sentence(REFUSALS[code], params)
    return EventRefusal(code, params)


def to_local_day(at: datetime, site: str, operator: Operator) -> date:
    """Return the day of an instant at a site, or where the operator counts its days."""
    found = operator.site.get(site)
    name = operator.row.time_zone if found is None else found.time_zone
    return at.astimezone(zone(name)).date()


@dataclass(frozen=True)
class ValidationContext:
    """The situation, the rules and the operator by which an event is judged."""

    situation: Situation
    operator: Operator
    rules: SituationRules

    def site(self, site: str) -> Site | None:
        return self.operator.site.get(site)

    def day(self, at: datetime, site: str = "") -> date:
        """Return the day of an instant at a site, or where the operator counts its days."""
        return to_local_day(at, site, self.operator)

    def site_faults(self, event: Event, site: str) -> Iterator[EventRefusal]:
        if self.site(site) is None:
            yield refuse("site.unknown", site=site)

    def agent_faults(self, agent: str) -> Iterator[EventRefusal]:
        if agent not in self.operator.agent:
            yield refuse("agent.unknown", agent=agent)
