"""Refusals of the events of an audit: who may close a finding, and what bears on a measure.

Refusals of the events of draws: nothing is accepted that a second computation would deny. The frame
of a draw gives every site a weight from what was on record before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from releve.network import Operator, zone
from releve.situation import events_audit as events
from releve.situation.audits import AuditFinding, CharterAudit
from releve.situation.draw_chains import DrawError, compute_probabilities
from releve.situation.draws import DrawPlan
from releve.situation.event import Event
from releve.situation.refusal import EventRefusal, ValidationContext, refuse, to_local_day
from releve.situation.situation import Situation

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _check_opening(event: events.AuditOpened, context: ValidationContext) -> Iterator[EventRefusal]:
    if not event.audit or event.audit in context.situation.charter_audits:
        yield refuse("audit.id_taken", audit=event.audit)
    if not event.sites or len(set(event.sites)) != len(event.sites):
        yield refuse("audit.sites")
    for site in event.sites:
        yield from context.site_faults(event, site)
    day = context.day(event.happened_at)
    charter = context.rules.charter(day)
    if charter is None:
        yield refuse("audit.no_charter", day=day)
    elif (charter.id, charter.version) != (event.charter, event.version):
        yield refuse("audit.charter", day=day, charter=charter.id, version=charter.version)


def _in_audit(
    check: Callable[[Any, CharterAudit, ValidationContext], Iterator[EventRefusal]],
) -> Callable[[Any, ValidationContext], Iterator[EventRefusal]]:
    """Return a check that is made where the event names an audit and one of its sites."""

    def checked(event: Any, context: ValidationContext) -> Iterator[EventRefusal]:
        audit, site = context.situation.charter_audits.get(event.audit), getattr(event, "site", "")
        if audit is None:
            yield refuse("audit.unknown", audit=event.audit)
            return
        if site and site not in audit.opened.sites:
            yield refuse("audit.site", site=site, sites=audit.opened.sites)
        if event.happened_at < audit.opened.happened_at:
            yield refuse("audit.before", opened=audit.opened.happened_at)
        yield from check(event, audit, context)

    return checked


def _check_observation(
    event: events.AuditObserved, audit: CharterAudit, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why an observation is not accepted; the charter when it was seen applies."""
    yield from _check_lasting(audit)
    if event.seen_at > event.happened_at:
        yield refuse("audit.seen_late", seen_at=event.seen_at, happened_at=event.happened_at)
    if event.seen_at < audit.opened.happened_at:
        yield refuse("audit.before", opened=audit.opened.happened_at)
    yield from _check_measure(event.measure, event.seen_at, event.site, context)
    for digest in event.photos:
        if not _DIGEST.fullmatch(digest):
            yield refuse("photo.digest", digest=digest)
    for name in event.evidence:
        found = context.situation.event(name)
        if found is None or name in context.situation.corrected:
            yield refuse("audit.no_evidence", evidence=name)
        elif found.happened_at > event.happened_at:
            yield refuse("audit.late_evidence", evidence=name, at=found.happened_at)
        elif getattr(found, "site", "") not in ("", event.site):
            yield refuse("audit.other_evidence", evidence=name, site=event.site)
    for other in audit.observations:
        if (other.site, other.measure, other.method, other.seen_at, other.verdict) == (
            event.site, event.measure, event.method, event.seen_at, event.verdict
        ):  # fmt: skip
            yield refuse("event.same", kind=event.kind, earlier=other.id)


def _check_measure(measure: str, at: datetime, site: str, context: ValidationContext) -> Iterator[EventRefusal]:
    charter = context.rules.charter(context.day(at, site))
    if charter is None or measure not in charter.measure:
        yield refuse("audit.measure", measure=measure, day=context.day(at, site))


def _check_lasting(audit: CharterAudit) -> Iterator[EventRefusal]:
    if audit.concluded is not None:
        yield refuse("audit.concluded", by=audit.concluded.actor)


def _check_raising(
    event: events.FindingRaised, audit: CharterAudit, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a finding is not raised: it follows an observation of the measure not kept."""
    yield from _check_lasting(audit)
    if not event.finding or audit.find_finding(event.finding) is not None:
        yield refuse("finding.taken", finding=event.finding)
    seen = audit.find_observation(event.site, event.measure)
    if seen is None or seen.verdict not in ("partly", "not_kept"):
        yield refuse("finding.not_observed", measure=event.measure)
    if event.due < context.day(event.happened_at, event.site):
        yield refuse("finding.due", due=event.due)
    if not event.note.strip():
        yield refuse("finding.nothing_said")


def _on_finding(
    check: Callable[[Any, AuditFinding, ValidationContext], Iterator[EventRefusal]],
) -> Callable[[Any, CharterAudit, ValidationContext], Iterator[EventRefusal]]:
    """Return a check that is made where the event names an open finding of its audit."""

    def checked(event: Any, audit: CharterAudit, context: ValidationContext) -> Iterator[EventRefusal]:
        finding = audit.find_finding(event.finding)
        if finding is None:
            yield refuse("finding.unknown", finding=event.finding)
            return
        raised = finding.raised
        if (event.site, event.measure) != (raised.site, raised.measure):
            yield refuse("finding.subject", site=raised.site, measure=raised.measure)
        if event.happened_at < raised.happened_at:
            yield refuse("finding.before", raised=raised.happened_at)
        if finding.closing is not None:
            yield refuse("finding.closed", by=finding.closing.actor)
        else:
            yield from check(event, finding, context)

    return checked


def _check_answer(
    event: events.FindingAnswered, finding: AuditFinding, context: ValidationContext
) -> Iterator[EventRefusal]:
    if not event.cause.strip() or not event.action.strip():
        yield refuse("finding.nothing_said")
    if event.due < context.day(event.happened_at, event.site):
        yield refuse("finding.due", due=event.due)


def _check_verification(
    event: events.FindingVerified, finding: AuditFinding, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a verification is not accepted: it follows an answer of another person."""
    if finding.state != "answered":
        yield refuse("finding.not_answered", finding=event.finding)
        return
    answered = finding.answers[-1].happened_at
    if event.happened_at < answered:
        yield refuse("finding.verified_before", answered=answered)
    if event.actor in {answer.actor for answer in finding.answers}:
        yield refuse("finding.same_person", actor=event.actor)
    if event.actor.startswith("rule:"):
        yield refuse("finding.by_rule")


def _check_conclusion(
    event: events.AuditConcluded, audit: CharterAudit, context: ValidationContext
) -> Iterator[EventRefusal]:
    yield from _check_lasting(audit)
    if not audit.observations:
        yield refuse("audit.nothing_observed")
    unmet = tuple(one.raised.finding for one in audit.findings if one.closing is None)
    if event.conclusion == "conforms" and unmet:
        yield refuse("audit.findings_open", findings=unmet)
    raised = {(one.raised.site, one.raised.measure) for one in audit.findings}
    seen = {(one.site, one.measure) for one in audit.observations}
    missing = tuple(
        measure for site, measure in sorted(seen - raised)
        if (last := audit.find_observation(site, measure)) and last.verdict == "not_kept"
    )  # fmt: skip
    if missing:
        yield refuse("audit.without_finding", measures=missing)


AUDIT_CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.AuditOpened: _check_opening,
    events.AuditObserved: _in_audit(_check_observation),
    events.FindingRaised: _in_audit(_check_raising),
    events.FindingAnswered: _in_audit(_on_finding(_check_answer)),
    events.FindingVerified: _in_audit(_on_finding(_check_verification)),
    events.AuditConcluded: _in_audit(_check_conclusion),
}
"""Checks of each kind of event of this module."""


_LONGEST_DAYS = 366
_UNKEPT = ("partly", "not_kept")


def build_frame(
    plan: events.DrawPlanned, situation: Situation, operator: Operator, day: date
) -> tuple[events.FrameUnit, ...]:
    """Return every site with its weight by the rule of a plan, as known before a day.

    A site that was never visited counts 366 days.
    """
    agents = Counter(agent.home_site for agent in operator.agents)
    visits = {visit.site: visit for visit in situation.inspections}  # the last one of each
    units = []
    for site in operator.sites:
        days, findings, last = _LONGEST_DAYS, 0, visits.get(site.id)
        if last is not None:
            since = (day - to_local_day(last.happened_at, site.id, operator)).days
            days = min(max(since, 0), _LONGEST_DAYS)
            findings = sum(finding.verdict in _UNKEPT for finding in last.findings)
        weight = 1 + plan.per_agent * agents[site.id]
        weight += plan.per_day * days + plan.per_finding * findings
        units.append(
            events.FrameUnit(
                site=site.id,
                weight=weight,
                agents=agents[site.id],
                days=days,
                findings=findings,
                closed=situation.site(site.id).closure is not None,
            )
        )
    return tuple(units)


def _check_plan(event: events.DrawPlanned, context: ValidationContext) -> Iterator[EventRefusal]:
    if event.plan in context.situation.draws:
        yield refuse("draw.plan_taken", plan=event.plan)
    yield from _check_anchor(event.operator_anchor, context)
    if event.first_day <= context.day(event.recorded_at):
        yield refuse("draw.first_day", first_day=event.first_day)
    try:
        compute_probabilities(
            {site.id: 1 for site in context.operator.sites},
            event.visits,
            most_permille=event.most_permille,
            least_permille=event.least_permille,
        )
    except DrawError as error:
        yield refuse("draw.bounds", reason=str(error))


def _check_anchor(anchor: str, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why an anchor is not accepted: it serves one party of one plan."""
    if not _DIGEST.fullmatch(anchor):
        yield refuse("draw.anchor")
    for plan in context.situation.draws.values():
        joined = plan.joined.commission_anchor if plan.joined else ""
        if anchor in (plan.planned.operator_anchor, joined):
            yield refuse("draw.anchor_used", plan=plan.planned.plan)


def _check_joining(event: events.DrawJoined, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why the anchor of the commission is not accepted."""
    plan = context.situation.draws.get(event.plan)
    if plan is None:
        yield refuse("draw.plan_unknown", plan=event.plan)
        return
    if plan.joined is not None:
        yield refuse("draw.joined_again", plan=event.plan)
    if plan.planned.first_day <= context.day(event.recorded_at):
        yield refuse("draw.first_day", first_day=plan.planned.first_day)
    yield from _check_anchor(event.commission_anchor, context)
    if not _DIGEST.fullmatch(event.root_tree):
        yield refuse("draw.root")


def _find_plan(event: Any, context: ValidationContext) -> DrawPlan | EventRefusal:
    """Return the plan of an event whose day is one of its days, or why there is none."""
    plan = context.situation.draws.get(event.plan)
    if plan is None:
        return refuse("draw.plan_unknown", plan=event.plan)
    if plan.joined is None:
        return refuse("draw.not_joined", plan=event.plan)
    if not 1 <= plan.number_day(event.day) <= plan.planned.days:
        last = plan.planned.first_day + timedelta(days=plan.planned.days - 1)
        return refuse("draw.day", day=event.day, first=plan.planned.first_day, last=last)
    return plan


def _on_plan(
    check: Callable[[Any, DrawPlan, ValidationContext], Iterator[EventRefusal]],
) -> Callable[[Any, ValidationContext], Iterator[EventRefusal]]:
    """Return a check that is made where the event names a day of a plan."""

    def checked(event: Any, context: ValidationContext) -> Iterator[EventRefusal]:
        plan = _find_plan(event, context)
        if isinstance(plan, EventRefusal):
            yield plan
        else:
            yield from check(event, plan, context)

    return checked


def _check_frame(event: events.DrawFramed, plan: DrawPlan, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a frame is not accepted: it precedes its day and every link of it."""
    known = any(plan.find_link(party, event.day) for party in events.PARTIES)
    if event.day <= context.day(event.recorded_at) or known:
        yield refuse("draw.frame_late", day=event.day)
    if event.day in plan.frames:
        yield refuse("draw.frame_again", day=event.day)
    elif event.units != build_frame(plan.planned, context.situation, context.operator, event.day):
        yield refuse("draw.frame_differs", day=event.day)


def _check_link(event: events.DrawRevealed, plan: DrawPlan, context: ValidationContext) -> Iterator[EventRefusal]:
    if event.day > context.day(event.recorded_at) + timedelta(days=1):
        yield refuse("draw.reveal_early", day=event.day)
    if event.day not in plan.frames:
        yield refuse("draw.no_frame", day=event.day)
    link = bytes.fromhex(event.link) if _DIGEST.fullmatch(event.link) else b""
    if not plan.leads_to_anchor(event.party, event.day, link):
        yield refuse("draw.link", party=event.party, day=event.day)
    elif (event.party, event.day) in plan.links:
        yield refuse("draw.link_again", party=event.party, day=event.day)


def _check_list(event: events.DrawPresent, plan: DrawPlan, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a list of those present is not accepted: it precedes the commission's link."""
    yield from context.site_faults(event, event.site)
    if not _DIGEST.fullmatch(event.list_hash):
        yield refuse("photo.digest", digest=event.list_hash)
    if event.tests > event.count:
        yield refuse("draw.tests", tests=event.tests, count=event.count)
    if plan.find_link("commission", event.day):
        yield refuse("draw.list_late", day=event.day)


def _check_draw(event: events.DrawHeld, plan: DrawPlan, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a draw is not accepted: it is computed again here."""
    if event.day not in plan.frames:
        yield refuse("draw.no_frame", day=event.day)
        return
    missing = [party for party in events.PARTIES if not plan.find_link(party, event.day)]
    if [party for party in missing if party != event.withheld]:
        yield refuse("draw.not_revealed", day=event.day, party=tuple(missing))
        return
    local = event.recorded_at.astimezone(zone(context.operator.row.time_zone))
    too_early = (local.date(), local.hour) < (event.day, plan.planned.deadline_hour)
    if event.withheld and (too_early or not missing):
        yield refuse("draw.not_withheld", party=event.withheld, hour=plan.planned.deadline_hour)
    if (event.day, event.withheld) in plan.draws:
        yield refuse("draw.again", day=event.day)
    if event.visits != plan.draw(event.day, event.withheld).chosen:
        yield refuse("draw.differs", day=event.day)


def _check_missed(event: events.DrawVisitMissed, plan: DrawPlan, context: ValidationContext) -> Iterator[EventRefusal]:
    visited = any(
        visit.site == event.site and context.day(visit.happened_at, visit.site) == event.day
        for visit in context.situation.inspections
    )
    if event.site not in plan.list_visits(event.day):
        yield refuse("draw.not_drawn", site=event.site, day=event.day)
    elif visited or (event.day, event.site) in plan.missed:
        yield refuse("draw.settled", site=event.site, day=event.day)
    if not event.reason.strip():
        yield refuse("draw.no_reason")


DRAW_CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.DrawPlanned: _check_plan,
    events.DrawJoined: _check_joining,
    events.DrawFramed: _on_plan(_check_frame),
    events.DrawRevealed: _on_plan(_check_link),
    events.DrawPresent: _on_plan(_check_list),
    events.DrawHeld: _on_plan(_check_draw),
    events.DrawVisitMissed: _on_plan(_check_missed),
}
"""Checks of each kind of event of this module."""
