"""Template filters that say in words what the page of a cell holds as codes, and draw its day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, npgettext

from releve.desk.chart import (
    NARROW_CHART,
    WIDE_CHART,
    Chart,
    Series,
    draw,
    series_of,
    spark,
)
from releve.desk.plan.cell_page import REASONS, CellPage, ProgrammeDay
from releve.desk.plan.names import loss_words
from releve.desk.plan.words import CellWords, Fact, reason_words, word_cell
from releve.desk.text import Text, text_now
from releve.network.model import HOME
from releve.plan.result import BASE, Move, Placement

register = Library()
PAGE_SIZE = 25
"""Rows of the list of people on one page."""
_SHORT = 1e-9
"""Agents missing in a half hour from which it is short, but for rounding."""


class DayRow(NamedTuple):
    """One half hour of the chart in numbers."""

    time: str
    required: str
    covered: str
    missing: str
    beyond: str
    short: bool


class DayChart(NamedTuple):
    """The day in drawings, in numbers and in a sentence; no drawing where nothing happens."""

    charts: tuple[Chart, ...]
    rows: tuple[DayRow, ...]
    description: str


class ProgrammeRow(NamedTuple):
    """A programme's day: agent-hours, with a small drawing (covered, missing, required)."""

    required: str
    missing: str
    coverage: str
    worst: str
    paths: tuple[str, str, str] | None


class Post(NamedTuple):
    """A place and a programme; without a placement no place, and the word for that."""

    place: str
    programme: str


class StaffRow(NamedTuple):
    """One agent: where from, where to and why (a move), or where and when (a placement)."""

    agent: str
    before: Post
    after: Post
    shift: str
    reason: str
    tone: str


class StaffPage(NamedTuple):
    """One page of the list of people, with the numbers of the pages beside it (0: none)."""

    rows: tuple[StaffRow, ...]
    page: int
    pages: int
    previous: int
    following: int


@register.filter
def cell_title(page: CellPage) -> str:
    """Return the client and what is lost."""
    key = page.cell.contingency
    if key == BASE:
        return _("{client}, nothing lost").format(client=page.client_name)
    return _("{client}, if {loss}").format(client=page.client_name, loss=loss_words(page, key))


@register.filter
def cell_sentence(page: CellPage) -> str:
    """Return how much of the requirement is covered, or why no plan can cover it."""
    text, cell = text_now(page.plan.time_zone), page.cell
    if cell.worst_coverage is None or cell.shortfall is None:
        return _("The requirement is not known, so neither is the coverage.")
    if page.reason is not None:
        reason = reason_words(page.reason, page, page.client_name)
        return reason[:1].upper() + reason[1:]
    if cell.worst_start is None or cell.worst_coverage >= 1:
        return _("The requirement is covered at every moment of the day.")
    return _("{day} of the day’s requirement is covered; at worst {worst}, at {time}.").format(
        day=text.coverage(1 - cell.shortfall, 1),
        worst=text.coverage(cell.worst_coverage),
        time=text.time(cell.worst_start),
    )


@register.filter
def sibling_cells(page: CellPage) -> list[CellWords]:
    """Return the cells of the client under every contingency."""
    return [word_cell(cell, page, page.client_name) for cell in page.cells]


@register.filter
def cell_figures(page: CellPage) -> list[Fact]:
    """Return the figures of a cell; none where the requirement is not known."""
    text, cell = text_now(page.plan.time_zone), page.cell
    if cell.worst_coverage is None or cell.shortfall is None:
        return []
    at_worst = cell.worst_start if cell.worst_coverage < 1 else None
    facts = [
        Fact(
            _("Worst interval"),
            text.coverage(cell.worst_coverage),
            "" if at_worst is None else text.time(at_worst),
        ),
        Fact(_("Missing over the day"), text.missing(cell.shortfall), _("share of agent hours")),
        Fact(
            _("Least possible"),
            "?" if cell.floor is None else text.missing(cell.floor),
            _("if the client had every agent to itself"),
        ),
        Fact(
            _("Calls lost"),
            "?" if cell.calls_lost is None else text.number(cell.calls_lost),
            _("expected over the day"),
        ),
    ]
    moves = page.loss_by_id[cell.contingency].moves
    if moves is not None and cell.contingency != BASE:
        meaning = _("over all clients, by this relief")
        facts.append(Fact(_("People concerned"), text.number(moves), meaning))
    return facts


@register.filter
def unknown_note(page: CellPage) -> str:
    """Return which programmes are not in the chart; empty when all are."""
    names = [row.name for row in page.programmes if row.required is None]
    if not names:
        return ""
    listed = text_now(page.plan.time_zone).list(names)
    return _("No forecast for {programmes}: not in the chart.").format(programmes=listed)


@register.filter
def chart_title(page: CellPage) -> str:
    """Return the title of the chart."""
    for row in page.programmes:
        if row.id == page.programme:
            title = _("Coverage of the requirement over the day: {programme}")
            return title.format(programme=row.name)
    return _("Coverage of the requirement over the day, all programmes")


@register.filter
def day_chart(page: CellPage) -> DayChart:
    """Return the day of the programmes chosen."""
    text = text_now(page.plan.time_zone)
    chosen = [row for row in page.programmes if page.programme in ("", row.id)]
    series = _series(page, chosen)
    busy = bool(chosen) and bool(series.required.sum() or series.beyond.sum())
    sizes = (WIDE_CHART, NARROW_CHART) if busy else ()
    charts = tuple(draw(series, size, text) for size in sizes)
    return DayChart(charts, _day_rows(series, text), _describe(series, busy, text))


def _series(page: CellPage, rows: list[ProgrammeDay]) -> Series:
    nothing = [np.nan] * len(page.starts)
    required = np.array([row.required or nothing for row in rows]).T
    placed = np.array([row.placed for row in rows]).T
    shape = (len(page.starts), len(rows))
    columns = range(len(rows))
    return series_of(page.starts, required.reshape(shape), placed.reshape(shape), columns)


def _describe(series: Series, busy: bool, text: Text) -> str:
    """Say in words what the chart shows, for a reader who does not see it."""
    if not busy or not len(series.starts):
        return _("Nothing is required.")
    short = int((series.missing > _SHORT).sum())
    peak = int(series.required.argmax())
    first = _("Up to {agents} agents are required, at {time}.").format(
        agents=text.number(float(series.required[peak]), 1), time=text.time(series.starts[peak])
    )
    if not short:
        return f"{first} " + _("None is missing.")
    worst = int(series.missing.argmax())
    return f"{first} " + ngettext(
        "Agents are missing in {count} half hour; most at {time}: {agents}.",
        "Agents are missing in {count} half hours; most at {time}: {agents}.",
        short,
    ).format(
        count=short,
        time=text.time(series.starts[worst]),
        agents=text.number(float(series.missing[worst]), 1),
    )


def _day_rows(series: Series, text: Text) -> tuple[DayRow, ...]:
    rows = zip(
        series.starts, series.required, series.covered, series.missing, series.beyond, strict=True
    )
    return tuple(
        DayRow(
            text.clock(start),
            text.number(float(required), 1),
            text.number(float(covered), 1),
            text.number(float(missing), 1),
            text.number(float(beyond), 1),
            bool(missing > _SHORT),
        )
        for start, required, covered, missing, beyond in rows
    )


@register.filter
def programme_row(row: ProgrammeDay, page: CellPage) -> ProgrammeRow:
    """Return a programme's day in numbers; ``?`` where its requirement is not known."""
    if row.required is None:
        return ProgrammeRow("?", "?", "?", "", None)
    text, series = text_now(page.plan.time_zone), _series(page, [row])
    total, missing = float(series.required.sum()), float(series.missing.sum())
    share = np.divide(
        series.covered,
        series.required,
        out=np.ones_like(series.required),
        where=series.required > 0,
    )
    worst, at_worst = int(share.argmin()) if share.size else -1, ""
    if worst >= 0 and share[worst] < 1:
        at_worst = _("{coverage} at {time}").format(
            coverage=text.coverage(float(share[worst])), time=text.time(series.starts[worst])
        )
    return ProgrammeRow(
        text.number(total / 2, 1),
        text.number(missing / 2, 1),
        text.coverage(1 - missing / total if total else 1.0),
        at_worst,
        spark(series),
    )


_REASONS = {
    "relief": lazy("relief"),
    "break": lazy("only the break moves"),
    "reserve": lazy("not needed, in reserve"),
    "isolated": lazy("isolated after exposure"),
    "stranded": lazy("cannot work elsewhere"),
}


@register.filter
def staff_page(page: CellPage, number: int) -> StaffPage:
    """Return one page of the moves, or of the placements; the nearest one where it is not there."""
    people = (page.placements if page.moves is None else page.moves) or ()
    pages = max(1, -(-len(people) // PAGE_SIZE))
    number = min(max(number, 1), pages)
    shown = people[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    rows = tuple(_move(row, page) if isinstance(row, Move) else _placed(row, page) for row in shown)
    return StaffPage(rows, number, pages, number - 1, number + 1 if number < pages else 0)


def _move(move: Move, page: CellPage) -> StaffRow:
    shift, text = move.after or move.before, text_now(page.plan.time_zone)
    return StaffRow(
        move.agent,
        _post(move.before, page, _("in reserve")),
        _post(move.after, page, _("no placement")),
        "" if shift is None else text.span(shift.start, shift.end),
        str(_REASONS.get(move.reason, move.reason)),
        move.reason,
    )


def _placed(row: Placement, page: CellPage) -> StaffRow:
    shift = text_now(page.plan.time_zone).span(row.start, row.end)
    return StaffRow(row.agent, Post("", ""), _post(row, page, ""), shift, "", "")


def _post(placement: Placement | None, page: CellPage, absent: str) -> Post:
    if placement is None:
        return Post("", absent)
    at_home, place = placement.place == HOME, placement.place
    return Post(
        _("Home") if at_home else page.place_names.get(place, place),
        page.programme_names.get(placement.programme, placement.programme),
    )


@register.filter
def staff_position(staff: StaffPage) -> str:
    """Return which page of the list is shown."""
    return _("Page {page} of {pages}").format(page=staff.page, pages=staff.pages)


@register.filter
def staff_summary(page: CellPage) -> str:
    """Return how many agents are placed, or how many move for each reason."""
    text = text_now(page.plan.time_zone)
    if page.placements is not None:
        count = len(page.placements)
        return ngettext("{count} agent placed.", "{count} agents placed.", count).format(
            count=text.number(count)
        )
    if not page.moves:
        return _("No agent of this client changes place or programme.")
    counts = Counter(move.reason for move in page.moves)
    parts = [
        _SUMMARIES[reason](counts[reason]).format(count=text.number(counts[reason]))
        for reason in REASONS
        if counts[reason]
    ]
    return text.list(parts) + "."


_SUMMARIES: dict[str, Callable[[int], str]] = {
    "relief": lambda n: ngettext("{count} moves or steps in", "{count} move or step in", n),
    "break": lambda n: ngettext(
        "{count} keeps the post, break moved", "{count} keep the post, break moved", n
    ),
    "reserve": lambda n: ngettext("{count} goes into reserve", "{count} go into reserve", n),
    "isolated": lambda n: ngettext("{count} is isolated", "{count} are isolated", n),
    "stranded": lambda n: npgettext("agents", "{count} cannot work", "{count} cannot work", n),
}
