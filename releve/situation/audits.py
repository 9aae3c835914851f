"""Audits of the charter folded from their events: what was observed, and how findings end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from releve.situation.event import Event
from releve.situation.events_audit import (
    AuditConcluded,
    AuditObserved,
    AuditOpened,
    FindingAnswered,
    FindingRaised,
    FindingVerified,
)

if TYPE_CHECKING:
    from releve.situation.situation import Situation

__all__ = ["AuditFinding", "CharterAudit", "fold_audit", "list_findings"]


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
        """Return a finding by its id."""
        return next((one for one in self.findings if one.raised.finding == finding), None)

    def find_observation(self, site: str, measure: str) -> AuditObserved | None:
        """Return the last observation of a measure at a site."""
        found = (row for row in reversed(self.observations) if (row.site, row.measure)
                 == (site, measure))  # fmt: skip
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
        replace(one, steps=(*one.steps, event)) if one.raised.finding == event.finding else one
        for one in findings
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
