"""What the pages of records hold: forms, what would follow, a reopening, the drills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import Field

from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage, known
from releve.live import api as live
from releve.network import Operator, Site
from releve.situation import (
    LinkDown,
    Notice,
    PowerDown,
    Reopening,
    SiteClosed,
    SituationRule,
    find_reopening,
)

Loses = SiteClosed | LinkDown | PowerDown
"""The events by which a place is lost."""


class DrillRow(PageModel):
    """A drill; ``now`` is the time of its clock, null once it is over."""

    number: int
    name: str
    title: str
    by: str
    started_at: datetime
    stopped_at: datetime | None
    now: datetime | None


class DrillsPage(StreamPage):
    """Every drill, the newest first; ``may_start``: the reader may start, move and end them."""

    drills: tuple[DrillRow, ...]
    may_start: bool


class ClosedSite(PageModel):
    """A site that waits to be reopened."""

    site: str
    name: str


class RecordPage(StreamPage):
    """What the reader may record: the names of the forms, and the closed sites."""

    forms: tuple[str, ...]
    closed: tuple[ClosedSite, ...]


class ClientImpact(PageModel):
    """A client's worst coverage within 48 hours; null: nothing is required, or it is unknown."""

    client: str
    name: str
    before: float | None
    unrelieved: float | None = Field(description="With the places lost, and people where they are")
    after: float | None = Field(description="With the relief of a recorded loss")
    held: bool = Field(description="Nothing is missing with the relief")


class ClosingRule(PageModel):
    """The rule that closes a site."""

    id: str
    text: str
    text_fr: str


class Impact(PageModel):
    """What the loss of a place would do; null where no plan is in force to tell from."""

    kind: str = Field(description="Of the event by which it is lost")
    carrier: str = Field(description="Whose home lines are down; empty: a site is lost")
    place: str = Field(description="What the site is called")
    at: datetime
    until: datetime | None = Field(description="May not open before, or is expected back")
    rule: ClosingRule | None = Field(description="By which a case closes the site")
    seats: int | None = None
    working: int | None = None
    moved: int | None = None
    clients: tuple[ClientImpact, ...] = ()


class FormPage(StreamPage):
    """A form by the name of its address, and what is worth knowing before it is sent."""

    form: str
    fields: tuple[str, ...]
    notices: tuple[Notice, ...]
    closing: bool | None = Field(description="A rule closes sites on cases; null: not asked")
    impact: Impact | None = Field(description="What would follow from what was sent")


class ReopeningPage(StreamPage):
    """What the closure of a site waits for."""

    site: str
    name: str
    site_zone: str
    reopening: Reopening


def record_page(
    shown: ShownStream, operator: Operator, forms: Iterable[str], seen: Iterable[str]
) -> RecordPage:
    """Return what a reader may record, who may reopen the sites ``seen``."""
    situation = live.situation_now(shown.name)
    return RecordPage(
        **shown.build_head(operator.row.time_zone),
        forms=tuple(forms),
        closed=tuple(
            ClosedSite(site=site, name=operator.site[site].name)
            for site in seen
            if situation.site(site).closed
        ),
    )


def drills_page(shown: ShownStream, operator: Operator, *, may_start: bool) -> DrillsPage:
    """Return the page of the drills."""
    now = live.real_now().replace(second=0, microsecond=0)
    return DrillsPage(
        **shown.build_head(operator.row.time_zone),
        drills=tuple(
            DrillRow.from_row(
                drill,
                number=drill.pk,
                by=drill.started_by,
                now=None if drill.stopped_at else now + drill.offset,
            )
            for drill in live.list_drills()
        ),
        may_start=may_start,
    )


def build_impact(
    event: Loses, operator: Operator, stream: str, rule: SituationRule | None = None
) -> Impact:
    """Return what the loss of a place would do, by the plan in force."""
    carrier = event.carrier if isinstance(event, LinkDown) else ""
    head = Impact(
        kind=event.kind,
        carrier=carrier,
        place=operator.site[event.site].name if event.site else "",
        at=event.happened_at,
        until=event.earliest_reopening if isinstance(event, SiteClosed) else event.expected_until,
        rule=None if rule is None else ClosingRule.from_row(rule),
    )
    found = live.preview_impact(
        sites=frozenset({event.site} - {""}),
        carriers=frozenset({carrier} - {""}),
        home_only=isinstance(event, SiteClosed) and event.home_only,
        stream=stream,
    )
    if found is None:
        return head
    counts = {"seats": found.seats, "working": found.working, "moved": found.moved}
    return head.model_copy(update={**counts, "clients": tuple(list_client_impacts(found))})


def list_client_impacts(
    found: live.ImpactPreview | live.SwitchPreview, client: str = ""
) -> Iterator[ClientImpact]:
    """Yield the coverage of each client, or of one alone."""
    rows = zip(found.before.clients, found.unrelieved.clients, found.after.clients, strict=True)
    for before, unrelieved, after in rows:
        if client in ("", before.client):
            yield ClientImpact.from_row(
                before,
                before=known(before.worst),
                unrelieved=known(unrelieved.worst),
                after=known(after.worst),
                held=after.worst is None or after.worst >= 1 - 1e-6,
            )


def reopening_page(
    shown: ShownStream, operator: Operator, site: Site, reader: str
) -> ReopeningPage | None:
    """Return what the closure of a site waits for; None for a site that is open."""
    situation, rules = live.situation_now(shown.name), live.rules_now(shown.name)
    now = live.now(shown.name)
    found = find_reopening(situation, site.id, operator, rules, now, reader)
    if found is None:
        return None
    return ReopeningPage(
        **shown.build_head(operator.row.time_zone),
        site=site.id,
        name=site.name,
        site_zone=site.time_zone,
        reopening=found,
    )
