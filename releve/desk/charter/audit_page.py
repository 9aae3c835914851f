"""What the page of an audit holds, in no language: the sheet, findings, what the reader may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.charter.page import FindingLine, finding_line
from releve.desk.page import PageModel, StreamPage, pick_fields
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import CharterAudit, CharterMeasure

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class ObservationLine(PageModel):
    """A measure of a site of the sample, with what was last seen of it; empty: not yet."""

    site: str
    name: str
    time_zone: str
    measure: str
    verdict: str = ""
    method: str = ""
    seen_at: datetime | None = None
    note: str = ""
    evidence: int = 0
    photos: tuple[str, ...] = Field(default=(), description="SHA-256 of those not erased")


class AuditPage(StreamPage):
    """An audit as far as the reader's sites reach."""

    audit: str
    body: str
    basis: str
    charter: str
    version: str
    opened_at: datetime
    conclusion: str = ""
    concluded_at: datetime | None = None
    note: str = ""
    sites: tuple[str, ...]
    measures: tuple[CharterMeasure, ...] = Field(description="Of the charter in force today")
    lines: tuple[ObservationLine, ...]
    seen: int = Field(description="Measures of sites that were seen")
    findings: tuple[FindingLine, ...]
    observes: bool = Field(description="The reader may observe, and the audit goes on")
    raises: bool = Field(description="Something was seen wanting, and the reader may raise it")
    concludes: bool
    answers: tuple[str, ...] = Field(description="Findings that the reader may answer")
    verifies: tuple[str, ...] = Field(description="Findings that the reader may verify")


def list_own_sites(audit: CharterAudit, user: AnyUser, permission: str) -> tuple[str, ...]:
    """Return the sites of the sample for which a user holds a permission."""
    reach = scope_for(user, permission)
    return tuple(site for site in audit.opened.sites if reach.has_site(site))


def audit_page(
    audit: CharterAudit, now: StreamContext, user: AnyUser, actor: str, today: date
) -> AuditPage:
    """Return an audit as a user may see it."""
    opened, ended = audit.opened, audit.concluded
    sites = list_own_sites(audit, user, "charter.see")
    own = list_own_sites(audit, user, "event.record.audit")
    observes = ended is None and bool(own)
    charter = live.select_rules(now.situation).charter(today)
    measures = () if charter is None else charter.measures
    lines = tuple(_list_lines(audit, now, sites, measures))
    findings = [found for found in audit.findings if found.raised.site in sites]
    return AuditPage.from_row(
        opened,
        **now.head,
        opened_at=opened.happened_at,
        conclusion=ended.conclusion if ended else "",
        concluded_at=ended.happened_at if ended else None,
        note=ended.note if ended else "",
        sites=tuple(now.operator.site[site].name for site in sites if site in now.operator.site),
        measures=measures,
        lines=lines,
        seen=sum(bool(line.verdict) for line in lines),
        findings=tuple(finding_line(found, now) for found in findings),
        observes=observes,
        raises=observes and any(site in own for site, _measure in audit.list_wanting()),
        concludes=observes and set(own) == set(opened.sites) and bool(audit.observations),
        answers=tuple(
            found.raised.finding
            for found in findings
            if found.closing is None and can(user, "event.record.answer", site=found.raised.site)
        ),
        verifies=tuple(
            found.raised.finding
            for found in findings
            if found.state == "answered"
            and can(user, "event.record.audit", site=found.raised.site)
            and actor not in {answer.actor for answer in found.answers}
        ),
    )


def _list_lines(
    audit: CharterAudit,
    now: StreamContext,
    sites: tuple[str, ...],
    measures: Sequence[CharterMeasure],
) -> Iterator[ObservationLine]:
    """Yield a line for each measure of the charter in force, and for those seen before it."""
    ids = [*(row.id for row in measures), *(row.measure for row in audit.observations)]
    for site in sites:
        found = now.operator.site.get(site)
        for measure in dict.fromkeys(ids):
            line = ObservationLine(
                site=site,
                name=found.name if found else site,
                time_zone=found.time_zone if found else now.operator.row.time_zone,
                measure=measure,
            )
            seen = audit.find_observation(site, measure)
            if seen is not None:
                update = pick_fields(seen, "verdict", "method", "seen_at", "note")
                photos = tuple(filter(live.has_photo, seen.photos))
                update |= {"evidence": len(seen.evidence), "photos": photos}
                line = line.model_copy(update=update)
            yield line
