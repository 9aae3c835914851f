"""What the pages of the charter hold, in no language: standings, label, what ends soon, audits."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import (
    AuditSummary,
    CharterLabel,
    CharterMeasure,
    FindingSummary,
    Notice,
    SiteStandings,
    compute_label,
    compute_site_standings,
    list_charter_notices,
    list_findings,
    list_site_standings,
    summarise_audit,
    summarise_finding,
)


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
    findings: tuple[FindingSummary, ...] = Field(description="Those that are open")
    audits: tuple[AuditSummary, ...]


class MeasureLine(PageModel):
    """A measure of one site on a day, with the day on which it changes if nothing is done."""

    measure: CharterMeasure
    value: str
    before: str = Field(description="As known when the day ended")
    evidence: int = Field(description="Events that it rests on")
    late: int = Field(description="Those of them recorded late")
    after: int = Field(description="Those of them recorded after the day")
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
        sites=tuple(list_site_standings(now.situation, now.operator, rules, charter, day, sites)),
        ending=tuple(
            row
            for row in list_charter_notices(now.situation, now.operator, rules, now.at)
            if seen.sees(row.site)
        ),
        findings=tuple(
            summarise_finding(one, now.operator)
            for one in list_findings(now.situation)
            if one.closing is None and seen.has_site(one.raised.site)
        ),
        audits=tuple(
            summarise_audit(audit, seen.has_site)
            for audit in reversed(tuple(now.situation.charter_audits.values()))
            if any(map(seen.has_site, audit.opened.sites))
        ),
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
            after=len(row.after),
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
