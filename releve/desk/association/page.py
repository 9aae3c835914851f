"""What the pages of the bulletin show, to a member and to the clerk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from releve.association.bulletin_paper import LABELS, name_group
from releve.association.clerk import list_due_days, list_states
from releve.association.membership import find_due_day, find_membership, wrap_contribution
from releve.association.models import DayBulletin, MonthlyDesign, OwnContribution
from releve.association.rules import find_last_day, find_publication, load_shipped_bulletin_rules
from releve.desk.text import Text, translate_phrase
from releve.sector import (
    Bulletin,
    BulletinDesign,
    find_rule,
    list_cells,
    parse_bulletin,
    parse_contribution,
    parse_design,
)

_SHOWN_DAYS = 31
_FOUND = {
    "in": lambda: _("in the bulletin"),
    "absent": lambda: _("not in the bulletin: ask the clerk"),
    "second": lambda: _("a second bulletin of the day came: ask the clerk"),
    "": lambda: _("bulletin not out yet"),
}
_STATES = {
    "in": lambda: _("in"),
    "corrected": lambda: _("corrected"),
    "missing": lambda: _("missing"),
}


@dataclass(frozen=True, slots=True)
class FigureLine:
    """A figure, its destination and its value; empty where ``state`` is not ``stated``."""

    figure: str
    group: str
    value: str
    state: str
    """``stated``, ``hidden`` or ``not_reported``."""


@dataclass(frozen=True, slots=True)
class SentLine:
    """A contribution that was made: its day, what became of it, its digest."""

    day: str
    state: str
    digest: str


@dataclass(frozen=True, slots=True)
class ContributionPage:
    """The member's page; ``due`` is the day to contribute for, ``content`` what would go out."""

    association: str
    member: str
    on: bool
    masked: bool
    panel: int
    due: str
    figures: tuple[FigureLine, ...]
    content: str
    digest: str
    by_file: bool
    lines: tuple[SentLine, ...]
    bulletin: BulletinLine | None


@dataclass(frozen=True, slots=True)
class BulletinLine:
    """A bulletin: its day, how many contributed, its cells."""

    day: str
    iso: str
    contributions: str
    cells: tuple[FigureLine, ...]


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member's state on a day."""

    member: str
    state: str
    received: str
    missing: bool


@dataclass(frozen=True, slots=True)
class ClerkPage:
    """The clerk's page of a day; ``due``: its bulletin may appear now, ``at`` when it appears."""

    association: str
    day: str
    iso: str
    due: bool
    at: str
    published: bool
    lines: tuple[MemberLine, ...]
    bulletins: tuple[BulletinLine, ...]
    design: str


def build_contribution_page(now: datetime, text: Text) -> ContributionPage | None:
    """Return the member's page; None where the operator is a member of no association."""
    membership = find_membership()
    if membership is None:
        return None
    due = find_due_day(now)
    row = None if due is None else OwnContribution.objects.filter(day=due, sent_at=None).first()
    found = MonthlyDesign.objects.filter(month=f"{find_last_day(now):%Y-%m}").first()
    design = None if found is None else parse_design(found.text)
    content = "" if row is None else wrap_contribution(row).content.decode()
    last = DayBulletin.objects.order_by("-day").first()
    return ContributionPage(
        association=membership.association,
        member=membership.member,
        on=membership.sends_since is not None,
        masked=design is not None and design.mode == "masked",
        panel=0 if design is None else len(design.members),
        due="" if due is None else text.day(due),
        figures=() if row is None else _list_figures(row, text),
        content=content,
        digest="" if row is None else row.digest,
        by_file=not membership.clerk_url,
        lines=tuple(_build_sent_line(one, text) for one in _list_recent()),
        bulletin=next(_list_bulletin_lines([] if last is None else [last], text), None),
    )


def build_clerk_page(association: str, day: date | None, now: datetime, text: Text) -> ClerkPage:
    """Return the clerk's page of a day; without one, of yesterday by the association's clock."""
    due = list_due_days(now)
    rule = find_rule(load_shipped_bulletin_rules(), now.date())
    day = day or (due[0] if due else find_last_day(now))
    found = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    lines = [
        MemberLine(
            row.member,
            _STATES[row.state](),
            "" if row.received_at is None else text.time(row.received_at),
            row.state == "missing",
        )
        for row in list_states(day)
    ]
    bulletins = list(DayBulletin.objects.order_by("-day")[:_SHOWN_DAYS])
    return ClerkPage(
        association=association,
        day=text.day(day),
        iso=day.isoformat(),
        due=day in due,
        at=text.time(find_publication(day, rule)),
        published=DayBulletin.objects.filter(day=day).exists(),
        lines=tuple(lines),
        bulletins=tuple(_list_bulletin_lines(bulletins, text)),
        design="" if found is None else found.digest,
    )


def _list_recent() -> Sequence[OwnContribution]:
    return list(OwnContribution.objects.exclude(sent_at=None).order_by("-day", "-pk")[:_SHOWN_DAYS])


def _build_sent_line(row: OwnContribution, text: Text) -> SentLine:
    return SentLine(text.day(row.day, weekday=False), _FOUND[row.found](), row.digest)


def _list_figures(row: OwnContribution, text: Text) -> tuple[FigureLine, ...]:
    """Return the figures of a plain contribution; a masked one shows none."""
    sent = parse_contribution(row.text)
    if sent.masked:
        return ()
    return tuple(
        FigureLine(_label(measure), _group(where), text.number(count), "stated")
        for (measure, where), count in sorted(
            sent.figures.items(), key=lambda one: (list(LABELS).index(one[0][0]), one[0][1])
        )
    )


def _list_bulletin_lines(rows: Sequence[DayBulletin], text: Text) -> Iterator[BulletinLine]:
    months = {f"{row.day:%Y-%m}" for row in rows}
    found = MonthlyDesign.objects.filter(month__in=months)
    designs = {row.month: parse_design(row.text) for row in found}
    for row in rows:
        yield _build_bulletin_line(row, designs[f"{row.day:%Y-%m}"], text)


def _build_bulletin_line(row: DayBulletin, design: BulletinDesign, text: Text) -> BulletinLine:
    bulletin = parse_bulletin(row.text)
    return BulletinLine(
        day=text.day(row.day, weekday=False),
        iso=row.day.isoformat(),
        contributions=_("{count} of {members}").format(
            count=text.number(len(bulletin.contributions)), members=text.number(bulletin.members)
        ),
        cells=tuple(
            _build_figure_line(bulletin, measure, group, text)
            for measure, group in list_cells(design)
        ),
    )


def _build_figure_line(bulletin: Bulletin, measure: str, group: str, text: Text) -> FigureLine:
    cell = bulletin.find_cell(measure, group)
    value = None if cell is None else cell.value
    if value is None:
        state = "not_reported" if cell is None else "hidden"
        return FigureLine(_label(measure), _group(group), "", state)
    return FigureLine(_label(measure), _group(group), text.number(value), "stated")


def _label(measure: str) -> str:
    return translate_phrase(LABELS[measure])


def _group(group: str) -> str:
    return translate_phrase(name_group(group))
