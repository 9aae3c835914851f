"""What the pages of the charter hold, in no language: standings, label, what ends soon, audits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import PageModel, StreamPage, known, pick_fields
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import (
    AuditFinding,
    Charter,
    CharterAudit,
    CharterLabel,
    CharterMeasure,
    Notice,
    compute_label,
    compute_site_standings,
    compute_standings,
    list_notices,
)

TREND_DAYS = 30
_ENDING = ("authorisation.", "measure.", "audit.", "finding.", "label.", "site.not_plannable")


class SiteStandings(PageModel):
    """A site: a standing for each measure, that of 30 days ago, and the share kept day by day."""

    site: str
    name: str
    values: tuple[str, ...] = Field(description="In the order of the measures; empty: none asked")
    before: tuple[str, ...]
    kept: tuple[float | None, ...] = Field(description="Share of the measures kept, oldest first")


class FindingLine(PageModel):
    """A finding of an audit."""

    audit: str
    finding: str
    site: str
    name: str
    measure: str
    severity: str
    due: date
    state: str = Field(description="raised, answered, refused or closed")
    note: str
    cause: str = ""
    action: str = ""
    owner: str = ""
    answered_by: str = ""
    verified_by: str = ""


class AuditLine(PageModel):
    """An audit in the list."""

    audit: str
    body: str
    opened: date
    sites: tuple[str, ...]
    observed: int
    open_findings: int
    conclusion: str


class CharterPage(StreamPage):
    """The charter today, for the sites that the reader may see."""

    day: date
    charter: str
    version: str
    whole: bool = Field(description="The reader sees every site, and so the label")
    label: CharterLabel | None = Field(description="null: no rule asks for one, or not seen")
    measures: tuple[CharterMeasure, ...]
    sites: tuple[SiteStandings, ...]
    ending: tuple[Notice, ...] = Field(description="What ends, ended or waits; of no person")
    findings: tuple[FindingLine, ...] = Field(description="Those that are open")
    audits: tuple[AuditLine, ...]


class MeasureLine(PageModel):
    """A measure of one site on a day, with the day on which it changes if nothing is done."""

    measure: CharterMeasure
    value: str
    before: str = Field(description="As known when the day ended")
    evidence: int = Field(description="Events that it rests on")
    late: int = Field(description="Those of them recorded after the day")
    changes_on: date | None
    changes_to: str


class CharterSitePage(StreamPage):
    """Every measure of one site on a day."""

    site: str
    name: str
    day: date
    today: date
    measures: tuple[MeasureLine, ...]


def charter_page(now: StreamContext, day: date, seen: Scope) -> CharterPage | None:
    """Return the charter on a day; None where none is in force."""
    rules = live.select_rules(now.situation)
    charter = rules.charter(day)
    if charter is None:
        return None
    sites = [site.id for site in now.operator.sites if seen.has_site(site.id)]
    label = compute_label(now.situation, now.operator, rules, day) if seen.sites is None else None
    return CharterPage(
        **now.head,
        day=day,
        charter=charter.id,
        version=charter.version,
        whole=seen.sites is None,
        label=label,
        measures=charter.measures,
        sites=tuple(_list_standings(now, charter, day, sites)),
        ending=tuple(_list_ending(now, seen)),
        findings=tuple(
            finding_line(one, now)
            for audit in now.situation.charter_audits.values()
            for one in audit.findings
            if one.closing is None and seen.has_site(one.raised.site)
        ),
        audits=tuple(
            _audit_line(audit, now, seen)
            for audit in reversed(tuple(now.situation.charter_audits.values()))
            if any(seen.has_site(site) for site in audit.opened.sites)
        ),
    )


def _list_standings(
    now: StreamContext, charter: Charter, day: date, sites: list[str]
) -> Iterator[SiteStandings]:
    first = day - timedelta(days=TREND_DAYS)
    rules = live.select_rules(now.situation)
    grid = compute_standings(
        now.situation, now.operator, rules, first, TREND_DAYS + 1, until=day, sites=sites
    )
    measures = [measure.id for measure in charter.measures]
    for site, kept in zip(grid.sites, grid.share_kept(measures).tolist(), strict=True):
        yield SiteStandings(
            site=site,
            name=now.operator.site[site].name,
            values=tuple(grid.get(site, measure, day) or "" for measure in measures),
            before=tuple(grid.get(site, measure, first) or "" for measure in measures),
            kept=tuple(map(known, kept)),
        )


def _list_ending(now: StreamContext, seen: Scope) -> Iterator[Notice]:
    """Yield the notices about permits, evidence, findings and the label; none names a person."""
    rules = live.select_rules(now.situation)
    for row in list_notices(now.situation, now.operator, rules, now.at):
        may = seen.has_site(row.site) if row.site else seen.sites is None
        if may and row.code.startswith(_ENDING):
            params = {name: value for name, value in row.params.items() if name != "agent"}
            yield replace(row, params=params)


def finding_line(found: AuditFinding, now: StreamContext) -> FindingLine:
    """Return a finding as pages hold it."""
    raised, site = found.raised, now.operator.site.get(found.raised.site)
    answer = found.answers[-1] if found.answers else None
    return FindingLine.from_row(
        raised,
        name=site.name if site else raised.site,
        state=found.state,
        **(pick_fields(answer, "cause", "action", "owner") if answer else {}),
        answered_by=answer.actor if answer else "",
        verified_by=found.closing.actor if found.closing else "",
    )


def _audit_line(audit: CharterAudit, now: StreamContext, seen: Scope) -> AuditLine:
    """Return an audit as far as the reader's sites reach."""
    opened = audit.opened
    return AuditLine(
        audit=opened.audit,
        body=opened.body,
        opened=opened.happened_at.date(),
        sites=tuple(site for site in opened.sites if seen.has_site(site)),
        observed=len(
            {(row.site, row.measure) for row in audit.observations if seen.has_site(row.site)}
        ),
        open_findings=sum(
            one.closing is None and seen.has_site(one.raised.site) for one in audit.findings
        ),
        conclusion=audit.concluded.conclusion if audit.concluded else "",
    )


def charter_site_page(now: StreamContext, site: str, day: date, today: date) -> CharterSitePage:
    """Return every measure of a site on a day; none where no charter was in force."""
    rules = live.select_rules(now.situation)
    charter = rules.charter(day)
    lines = [
        MeasureLine.from_row(
            row,
            measure=charter.measure[row.measure],
            evidence=len(row.events),
            late=len(row.late),
        )
        for row in compute_site_standings(now.situation, now.operator, rules, site, day)
        if charter is not None
    ]
    return CharterSitePage(
        **{**now.head, "time_zone": now.operator.site[site].time_zone},
        site=site,
        name=now.operator.site[site].name,
        day=day,
        today=today,
        measures=tuple(lines),
    )
