"""Audits of the charter as people read them: findings, what was seen of each measure, the list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from releve.network import Operator
from releve.situation.audits import AuditFinding, CharterAudit
from releve.situation.charter import CharterMeasure
from releve.situation.lateness import find_late_record

__all__ = [
    "AuditSummary",
    "FindingSummary",
    "ObservationLine",
    "list_observations",
    "summarise_audit",
    "summarise_finding",
]


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
    """Return a finding as it stands."""
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
        open_findings=sum(
            one.closing is None and has_site(one.raised.site) for one in audit.findings
        ),
        conclusion=audit.concluded.conclusion if audit.concluded else "",
    )


def list_observations(
    audit: CharterAudit,
    operator: Operator,
    sites: Sequence[str],
    measures: Collection[CharterMeasure],
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
