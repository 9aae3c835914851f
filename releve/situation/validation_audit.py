"""Refusals of the events of an audit: who may close a finding, and what bears on a measure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from releve.situation import events_audit as events
from releve.situation.audits import AuditFinding, CharterAudit
from releve.situation.event import Event
from releve.situation.refusal import EventRefusal, ValidationContext, refuse

__all__ = ["CHECKS"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _check_opening(event: events.AuditOpened, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why an audit is not opened."""
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


def _check_measure(
    measure: str, at: datetime, site: str, context: ValidationContext
) -> Iterator[EventRefusal]:
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

    def checked(
        event: Any, audit: CharterAudit, context: ValidationContext
    ) -> Iterator[EventRefusal]:
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
    """Yield why an answer is not accepted."""
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
    """Yield why an audit is not concluded."""
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


CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.AuditOpened: _check_opening,
    events.AuditObserved: _in_audit(_check_observation),
    events.FindingRaised: _in_audit(_check_raising),
    events.FindingAnswered: _in_audit(_on_finding(_check_answer)),
    events.FindingVerified: _in_audit(_on_finding(_check_verification)),
    events.AuditConcluded: _in_audit(_check_conclusion),
}
"""Checks of each kind of event of this module."""
