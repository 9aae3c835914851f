"""What the pages of the bulletin hold, for a member and for the clerk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from pydantic import Field

from releve.association.bulletin_paper import LABELS
from releve.association.clerk import list_due_days, list_states
from releve.association.membership import find_due_day, find_membership, wrap_contribution
from releve.association.models import DayBulletin, MonthlyDesign, OwnContribution
from releve.association.rules import find_last_day, find_publication, load_shipped_bulletin_rules
from releve.desk.page import PageModel
from releve.sector import (
    BulletinDesign,
    find_rule,
    list_cells,
    parse_bulletin,
    parse_contribution,
    parse_design,
)

_SHOWN_DAYS = 31


class FigureCell(PageModel):
    """A figure and its destination."""

    measure: str
    group: str
    value: int | None = None
    state: str = Field(default="stated", description="stated, hidden or not_reported")


class BulletinCard(PageModel):
    """A bulletin: its day, how many of the members contributed, its cells."""

    day: date
    contributions: int
    members: int
    cells: tuple[FigureCell, ...]


class SentContribution(PageModel):
    """A contribution that was sent, and whether its bulletin has it."""

    day: date
    found: str = Field(description="in, absent, second (two bulletins came) or empty: not out yet")
    digest: str


class MemberContribution(PageModel):
    """A member's part: the day to contribute for, and what would go out, to the byte."""

    association: str
    member: str
    on: bool = Field(description="It is sent every day")
    masked: bool
    panel: int = Field(description="Members of the month's design; 0: it has not come")
    due: date | None
    figures: tuple[FigureCell, ...] = Field(description="None of a masked contribution")
    content: str
    digest: str
    by_file: bool
    sent: tuple[SentContribution, ...]
    bulletin: BulletinCard | None


class ContributionPage(PageModel):
    """The member's page; null where the operator is a member of no association."""

    contribution: MemberContribution | None


class MemberLine(PageModel):
    """A member's contribution to a day."""

    member: str
    state: str = Field(description="in, corrected or missing")
    received_at: datetime | None


class ClerkDay(PageModel):
    """A day at the clerk's; ``due``: its bulletin may appear now."""

    association: str
    day: date
    due: bool
    appears_at: datetime
    published: bool
    members: tuple[MemberLine, ...]
    bulletins: tuple[BulletinCard, ...]
    design: str = Field(description="Digest of the month's design")
    time_zone: str


class ClerkPage(PageModel):
    """The clerk's page; null where this installation is no clerk."""

    clerk: ClerkDay | None


def member_contribution(now: datetime) -> MemberContribution | None:
    """Return a member's part; None where the operator is a member of no association."""
    membership = find_membership()
    if membership is None:
        return None
    due = find_due_day(now)
    row = None if due is None else OwnContribution.objects.filter(day=due, sent_at=None).first()
    found = MonthlyDesign.objects.filter(month=f"{find_last_day(now):%Y-%m}").first()
    design = None if found is None else parse_design(found.text)
    sent = OwnContribution.objects.exclude(sent_at=None).order_by("-day", "-pk")[:_SHOWN_DAYS]
    return MemberContribution.from_row(
        membership,
        on=membership.sends_since is not None,
        masked=design is not None and design.mode == "masked",
        panel=0 if design is None else len(design.members),
        due=due,
        figures=() if row is None else _list_figures(row),
        content="" if row is None else wrap_contribution(row).content.decode(),
        digest="" if row is None else row.digest,
        by_file=not membership.clerk_url,
        sent=tuple(map(SentContribution.from_row, sent)),
        bulletin=next(_list_bulletins(1), None),
    )


def clerk_day(association: str, day: date | None, now: datetime, time_zone: str) -> ClerkDay:
    """Return a day at the clerk's; without one, yesterday by the association's clock."""
    due = list_due_days(now)
    rule = find_rule(load_shipped_bulletin_rules(), now.date())
    day = day or (due[0] if due else find_last_day(now))
    design = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    return ClerkDay(
        association=association,
        day=day,
        due=day in due,
        appears_at=find_publication(day, rule),
        published=DayBulletin.objects.filter(day=day).exists(),
        members=tuple(map(MemberLine.from_row, list_states(day))),
        bulletins=tuple(_list_bulletins(_SHOWN_DAYS)),
        design="" if design is None else design.digest,
        time_zone=time_zone,
    )


def _list_figures(row: OwnContribution) -> tuple[FigureCell, ...]:
    """Return the figures of a plain contribution, in the order of the bulletin."""
    sent = parse_contribution(row.text)
    order = list(LABELS)
    figures = [] if sent.masked else sorted(
        sent.figures.items(), key=lambda one: (order.index(one[0][0]), one[0][1])
    )  # fmt: skip
    return tuple(
        FigureCell(measure=measure, group=group, value=count) for (measure, group), count in figures
    )


def _list_bulletins(most: int) -> Iterator[BulletinCard]:
    """Yield the newest bulletins."""
    rows = list(DayBulletin.objects.order_by("-day")[:most])
    months = {f"{row.day:%Y-%m}" for row in rows}
    found = MonthlyDesign.objects.filter(month__in=months)
    designs = {row.month: parse_design(row.text) for row in found}
    for row in rows:
        yield _bulletin_card(row, designs[f"{row.day:%Y-%m}"])


def _bulletin_card(row: DayBulletin, design: BulletinDesign) -> BulletinCard:
    bulletin = parse_bulletin(row.text)
    cells = []
    for measure, group in list_cells(design):
        cell = bulletin.find_cell(measure, group)
        value = None if cell is None else cell.value
        state = "not_reported" if cell is None else "hidden" if value is None else "stated"
        cells.append(FigureCell(measure=measure, group=group, value=value, state=state))
    return BulletinCard(
        day=row.day,
        contributions=len(bulletin.contributions),
        members=bulletin.members,
        cells=tuple(cells),
    )
