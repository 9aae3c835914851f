"""Template filters that say in words what the page of a cell holds as codes, and draw its day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from django.core.paginator import Page, Paginator
from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, npgettext

from releve.desk.chart import NARROW_CHART, WIDE_CHART, Chart, draw, spark
from releve.desk.filters import add_words
from releve.desk.plan.cell_page import CellPage, ProgrammeDay
from releve.desk.plan.words import CellWords, loss_words, word_cell
from releve.desk.text import Text, text_now
from releve.plan.coverage import CoverageSeries, sum_coverage
from releve.plan.result import BASE, MOVE_REASONS, Placement

register = Library()
_SIZES = (WIDE_CHART, NARROW_CHART)
PAGE_SIZE = 25
"""Rows of the list of people on one page."""


class DayChart(NamedTuple):
    """The day in drawings, in numbers and in a sentence; no drawing where nothing happens."""

    charts: tuple[Chart, ...]
    series: CoverageSeries
    description: str


@register.filter
def cell_title(page: CellPage) -> str:
    """Return the client and what is lost."""
    key = page.cell.contingency
    if key == BASE:
        return _("{client}, nothing lost").format(client=page.client_name)
    return _("{client}, if {loss}").format(client=page.client_name, loss=loss_words(key, page))


@register.filter
def sibling_cells(page: CellPage) -> list[CellWords]:
    """Return the cells of the client under every contingency."""
    return [word_cell(cell, page, page.client_name) for cell in page.cells]


@register.filter
def day_chart(page: CellPage) -> DayChart:
    """Return the day of the programmes chosen."""
    text = text_now(page.plan.time_zone)
    chosen = [row for row in page.programmes if page.programme in ("", row.id)]
    series = _build_series(page, chosen)
    charts = tuple(draw(series, size, text) for size in _SIZES if series.busy)
    return DayChart(charts, series, _describe(series, text))


def _build_series(page: CellPage, rows: list[ProgrammeDay]) -> CoverageSeries:
    nothing = [np.nan] * len(page.starts)
    required = np.array([row.required or nothing for row in rows]).T
    placed = np.array([row.placed for row in rows]).T
    shape = (len(page.starts), len(rows))
    return sum_coverage(page.starts, required.reshape(shape), placed.reshape(shape))


def _describe(series: CoverageSeries, text: Text) -> str:
    """Say in words what the chart shows, for a reader who does not see it."""
    if not series.busy:
        return _("Nothing is required.")
    short = int(series.short.sum())
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


@register.filter
def programme_series(row: ProgrammeDay, page: CellPage) -> CoverageSeries | None:
    """Return a programme's day; None where its requirement is not known."""
    return None if row.required is None else _build_series(page, [row])


register.filter("spark", spark)

_REASONS = {
    "relief": lazy("relief"),
    "break": lazy("only the break moves"),
    "reserve": lazy("not needed, in reserve"),
    "isolated": lazy("isolated after exposure"),
    "stranded": lazy("cannot work elsewhere"),
}
add_words(register, "move_reason", _REASONS, else_code=True)


@register.filter
def staff_page(page: CellPage, number: int) -> Page[Any]:
    """Return one page of the moves, or of the placements; the nearest one where it is not there."""
    people = (page.placements if page.moves is None else page.moves) or ()
    return Paginator(people, PAGE_SIZE).get_page(max(number, 1))


@register.filter
def shift_span(shift: Placement | None, page: CellPage) -> str:
    """Return when a shift begins and ends; empty without one."""
    text = text_now(page.plan.time_zone)
    return "" if shift is None else text.span(shift.start, shift.end)


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
        for reason in MOVE_REASONS
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
