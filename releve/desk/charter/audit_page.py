"""What the page of an audit holds, in no language: the sheet, findings, what the reader may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import (
    CharterAudit,
    CharterMeasure,
    FindingSummary,
    ObservationLine,
    list_observations,
    summarise_finding,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


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
    lines: tuple[ObservationLine, ...] = Field(description="Photos: those not erased")
    seen: int = Field(description="Measures of sites that were seen")
    findings: tuple[FindingSummary, ...]
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
    lines = tuple(
        replace(line, photos=tuple(filter(live.has_photo, line.photos)))
        for line in list_observations(audit, now.operator, sites, measures)
    )
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
        findings=tuple(summarise_finding(found, now.operator) for found in findings),
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
