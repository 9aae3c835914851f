"""Bulletins and contributions as a member and the clerk see them, a day at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from releve.association.bulletin_paper import LABELS
from releve.association.clerk import MemberState, list_due_days, list_states
from releve.association.gates import list_failed_gates
from releve.association.membership import find_due_day, find_membership, wrap_contribution
from releve.association.models import DayBulletin, MonthlyDesign, OwnContribution
from releve.association.rules import find_last_day, find_publication, load_shipped_bulletin_rules
from releve.sector import (
    BulletinDesign,
    find_rule,
    list_cells,
    parse_bulletin,
    parse_contribution,
    parse_design,
)

__all__ = [
    "BulletinSummary",
    "ClerkDay",
    "FailedClearing",
    "FigureCell",
    "MemberContribution",
    "SentContribution",
    "describe_clerk_day",
    "describe_contribution",
]

_SHOWN_DAYS = 31


@dataclass(frozen=True, slots=True)
class FigureCell:
    """A figure and its destination; ``state``: stated, hidden or not_reported."""

    measure: str
    group: str
    value: int | None
    state: str = "stated"


@dataclass(frozen=True, slots=True)
class BulletinSummary:
    """A bulletin: its day, how many of the members contributed, its cells."""

    day: date
    contributions: int
    members: int
    cells: tuple[FigureCell, ...]


@dataclass(frozen=True, slots=True)
class SentContribution:
    """A contribution that was sent; ``found``: in its bulletin, absent, second (two bulletins
    came), or empty (not out yet)."""

    day: date
    found: str
    digest: str


@dataclass(frozen=True, slots=True)
class MemberContribution:
    """A member's part: the day to contribute for, and what would go out, to the byte.

    ``on``: it is sent every day; ``panel``: members of the month's design, 0 before it has come;
    no ``figures`` of a masked contribution; ``by_file``: the clerk has no address.
    """

    association: str
    member: str
    on: bool
    masked: bool
    panel: int
    due: date | None
    figures: tuple[FigureCell, ...]
    content: str
    digest: str
    by_file: bool
    sent: tuple[SentContribution, ...]
    bulletin: BulletinSummary | None


@dataclass(frozen=True, slots=True)
class FailedClearing:
    """A closed clearing whose computation failed, when and why; it is tried again by itself."""

    gate: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ClerkDay:
    """A day at the clerk's; ``due``: its bulletin may appear now; ``design``: digest of the month's
    design; ``time_zone``: of the association; ``failed``: clearings that could not be computed."""

    day: date
    due: bool
    appears_at: datetime
    published: bool
    members: tuple[MemberState, ...]
    bulletins: tuple[BulletinSummary, ...]
    design: str
    time_zone: str
    failed: tuple[FailedClearing, ...]


def describe_contribution(now: datetime) -> MemberContribution | None:
    """Return a member's part; None where the operator is a member of no association."""
    membership = find_membership()
    if membership is None:
        return None
    due = find_due_day(now)
    row = None if due is None else OwnContribution.objects.filter(day=due, sent_at=None).first()
    found = MonthlyDesign.objects.filter(month=f"{find_last_day(now):%Y-%m}").first()
    design = None if found is None else parse_design(found.text)
    sent = OwnContribution.objects.exclude(sent_at=None).order_by("-day", "-pk")[:_SHOWN_DAYS]
    return MemberContribution(
        association=membership.association,
        member=membership.member,
        on=membership.sends_since is not None,
        masked=design is not None and design.mode == "masked",
        panel=0 if design is None else len(design.members),
        due=due,
        figures=() if row is None else _list_figures(row),
        content="" if row is None else wrap_contribution(row).content.decode(),
        digest="" if row is None else row.digest,
        by_file=not membership.clerk_url,
        sent=tuple(SentContribution(one.day, one.found, one.digest) for one in sent),
        bulletin=next(_list_bulletins(1), None),
    )


def describe_clerk_day(day: date | None, now: datetime) -> ClerkDay:
    """Return a day at the clerk's; without one, that which is due, else the last that is over."""
    due = list_due_days(now)
    rule = find_rule(load_shipped_bulletin_rules(), now.date())
    day = day or (due[0] if due else find_last_day(now))
    design = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    return ClerkDay(
        day=day,
        due=day in due,
        appears_at=find_publication(day, rule),
        published=DayBulletin.objects.filter(day=day).exists(),
        members=tuple(list_states(day)),
        bulletins=tuple(_list_bulletins(_SHOWN_DAYS)),
        design="" if design is None else design.digest,
        time_zone=rule.time_zone,
        failed=tuple(
            FailedClearing(row.name, row.failed_at, row.failure)
            for row in list_failed_gates()
            if row.failed_at is not None
        ),
    )


def _list_figures(row: OwnContribution) -> tuple[FigureCell, ...]:
    """Return the figures of a plain contribution, in the order of the bulletin."""
    sent, order = parse_contribution(row.text), list(LABELS)
    figures = () if sent.masked else sent.figures.items()
    found = sorted(figures, key=lambda one: (order.index(one[0][0]), one[0][1]))
    return tuple(FigureCell(measure, group, count) for (measure, group), count in found)


def _list_bulletins(most: int) -> Iterator[BulletinSummary]:
    """Yield the newest bulletins."""
    rows = list(DayBulletin.objects.order_by("-day")[:most])
    months = {f"{row.day:%Y-%m}" for row in rows}
    found = MonthlyDesign.objects.filter(month__in=months)
    designs = {row.month: parse_design(row.text) for row in found}
    for row in rows:
        yield _summarise_bulletin(row, designs[f"{row.day:%Y-%m}"])


def _summarise_bulletin(row: DayBulletin, design: BulletinDesign) -> BulletinSummary:
    bulletin, cells = parse_bulletin(row.text), []
    for measure, group in list_cells(design):
        cell = bulletin.find_cell(measure, group)
        value = None if cell is None else cell.value
        state = "not_reported" if cell is None else "hidden" if value is None else "stated"
        cells.append(FigureCell(measure, group, value, state))
    return BulletinSummary(row.day, len(bulletin.contributions), bulletin.members, tuple(cells))
