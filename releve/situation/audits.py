"""Audits of the charter folded from their events: what was observed, and how findings end.

Audits of the charter as people read them: findings, what was seen of each measure, the list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from releve.network import Operator
from releve.situation.charter import CharterMeasure
from releve.situation.event import Event
from releve.situation.events_audit import (
    AuditConcluded,
    AuditObserved,
    AuditOpened,
    FindingAnswered,
    FindingRaised,
    FindingVerified,
)
from releve.situation.lateness import find_late_record

if TYPE_CHECKING:
    from releve.situation.situation import Situation


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A finding with its answers and verifications, in the order of record."""

    raised: FindingRaised
    steps: tuple[FindingAnswered | FindingVerified, ...] = ()

    @property
    def answers(self) -> tuple[FindingAnswered, ...]:
        """The answers; the last one counts."""
        return tuple(step for step in self.steps if isinstance(step, FindingAnswered))

    @property
    def closing(self) -> FindingVerified | None:
        """The verification that closed it, None while it is open."""
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, FindingVerified) and last.effective else None

    @property
    def state(self) -> str:
        """Return raised, answered, refused (not effective, no new answer yet) or closed."""
        if not self.steps:
            return "raised"
        if self.closing is not None:
            return "closed"
        return "answered" if isinstance(self.steps[-1], FindingAnswered) else "refused"


@dataclass(frozen=True, slots=True)
class CharterAudit:
    """An audit: its opening, observations in the order of record, findings by id, conclusion."""

    opened: AuditOpened
    observations: tuple[AuditObserved, ...] = ()
    findings: tuple[AuditFinding, ...] = ()
    concluded: AuditConcluded | None = None

    def find_finding(self, finding: str) -> AuditFinding | None:
        return next((one for one in self.findings if one.raised.finding == finding), None)

    def find_observation(self, site: str, measure: str) -> AuditObserved | None:
        found = (row for row in reversed(self.observations) if (row.site, row.measure) == (site, measure))
        return next(found, None)

    def list_wanting(self) -> list[tuple[str, str]]:
        """Return the sites and measures that were last seen as partly or not kept."""
        last = {(row.site, row.measure): row.verdict for row in self.observations}
        return [place for place, verdict in last.items() if verdict in ("partly", "not_kept")]


def fold_audit(events: Sequence[Event]) -> CharterAudit | None:
    """Fold the events of one audit in the order of record; None before it was opened."""
    audit: CharterAudit | None = None
    for event in events:
        if isinstance(event, AuditOpened):
            audit = audit or CharterAudit(event)
        elif audit is None:
            continue
        elif isinstance(event, AuditObserved):
            audit = replace(audit, observations=(*audit.observations, event))
        elif isinstance(event, AuditConcluded):
            audit = replace(audit, concluded=audit.concluded or event)
        else:
            audit = replace(audit, findings=_extend_findings(audit.findings, event))
    return audit


def _extend_findings(findings: tuple[AuditFinding, ...], event: Event) -> tuple[AuditFinding, ...]:
    if isinstance(event, FindingRaised):
        return (*findings, AuditFinding(event))
    if not isinstance(event, FindingAnswered | FindingVerified):
        return findings
    return tuple(
        replace(one, steps=(*one.steps, event)) if one.raised.finding == event.finding else one for one in findings
    )


def list_findings(situation: Situation, known_at: datetime | None = None) -> Iterator[AuditFinding]:
    """Yield the findings of all audits, as known now or at an earlier moment."""
    for audit in situation.charter_audits.values():
        for found in audit.findings:
            if known_at is None:
                yield found
            elif found.raised.recorded_at <= known_at:
                steps = tuple(step for step in found.steps if step.recorded_at <= known_at)
                yield AuditFinding(found.raised, steps)


@dataclass(frozen=True, slots=True)
class FindingSummary:
    """A finding (``state``: raised, answered, refused or closed) with the answer that counts."""

    audit: str
    finding: str
    site: str
    name: str
    measure: str
    severity: str
    due: date
    state: str
    note: str
    cause: str = ""
    action: str = ""
    owner: str = ""
    answered_by: str = ""
    verified_by: str = ""


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """An audit in a list, as far as some sites reach; ``conclusion`` is empty while it goes on."""

    audit: str
    body: str
    opened: date
    sites: tuple[str, ...]
    observed: int
    open_findings: int
    conclusion: str


@dataclass(frozen=True, slots=True)
class ObservationLine:
    """A measure of a site of the sample, with what was last seen of it; empty: not yet.

    ``evidence`` counts the entries examined, ``photos`` are SHA-256. ``recorded_late`` is when it
    was recorded, where that is late.
    """

    site: str
    name: str
    time_zone: str
    measure: str
    verdict: str = ""
    method: str = ""
    seen_at: datetime | None = None
    note: str = ""
    evidence: int = 0
    photos: tuple[str, ...] = ()
    recorded_late: datetime | None = None


def summarise_finding(found: AuditFinding, operator: Operator) -> FindingSummary:
    raised, site = found.raised, operator.site.get(found.raised.site)
    answer = found.answers[-1] if found.answers else None
    return FindingSummary(
        audit=raised.audit,
        finding=raised.finding,
        site=raised.site,
        name=site.name if site else raised.site,
        measure=raised.measure,
        severity=raised.severity,
        due=raised.due,
        state=found.state,
        note=raised.note,
        cause=answer.cause if answer else "",
        action=answer.action if answer else "",
        owner=answer.owner if answer else "",
        answered_by=answer.actor if answer else "",
        verified_by=found.closing.actor if found.closing else "",
    )


def summarise_audit(audit: CharterAudit, has_site: Callable[[str], bool]) -> AuditSummary:
    """Return an audit as far as the sites reach of which ``has_site`` is true."""
    opened = audit.opened
    return AuditSummary(
        audit=opened.audit,
        body=opened.body,
        opened=opened.happened_at.date(),
        sites=tuple(filter(has_site, opened.sites)),
        observed=len({(row.site, row.measure) for row in audit.observations if has_site(row.site)}),
        open_findings=sum(one.closing is None and has_site(one.raised.site) for one in audit.findings),
        conclusion=audit.concluded.conclusion if audit.concluded else "",
    )


def list_observations(
    audit: CharterAudit, operator: Operator, sites: Sequence[str], measures: Collection[CharterMeasure]
) -> Iterator[ObservationLine]:
    """Yield a line for each of the measures at some sites, and for those that were seen besides."""
    ids = [*(row.id for row in measures), *(row.measure for row in audit.observations)]
    for site in sites:
        found = operator.site.get(site)
        name, zone = (found.name, found.time_zone) if found else (site, operator.row.time_zone)
        for measure in dict.fromkeys(ids):
            seen = audit.find_observation(site, measure)
            if seen is None:
                yield ObservationLine(site, name, zone, measure)
            else:
                yield ObservationLine(
                    site, name, zone, measure, seen.verdict, seen.method, seen.seen_at, seen.note,
                    len(seen.evidence), tuple(seen.photos), find_late_record(seen, operator),
                )  # fmt: skip
