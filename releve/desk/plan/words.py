"""Template filters that say what the pages of a plan hold as codes, and draw a cell's day."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from django.core.paginator import Page, Paginator
from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, npgettext, pgettext

from releve.desk.chart import NARROW_CHART, WIDE_CHART, Chart, draw, spark
from releve.desk.filters import add_words
from releve.desk.plan.page import CellPage, PlannedCell, PlannedClient, PlannedPage, PlanPage, ProgrammeDay
from releve.desk.text import Text, text_now, translate_phrase
from releve.network.table_words import name_value
from releve.plan.causes import CauseGroup, describe_cause, describe_cure, describe_lack, describe_least, price_cure
from releve.plan.coverage import CoverageSeries, sum_coverage
from releve.plan.result import BASE, MOVE_REASONS, SINGLE, Move, Placement, Purchase
from releve.plan.service_status import PLANNED_STATUSES, SEVERITY, Status, phrase_security

register = Library()
_KIND_TITLES = {
    BASE: lazy("Base"),
    "site": lazy("Sites"),
    "destination": lazy("Beyond N-1: destinations"),
    "carrier": lazy("Carriers of home lines"),
    "named": lazy("Beyond N-1: named"),
}
add_words(register, "kind_title", _KIND_TITLES)


class NamedLoss(Protocol):
    """A contingency by its kind and what is lost."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...


class CellWords(NamedTuple):
    """A cell as it is shown: the worst half hour, the whole day, and in words for all.

    ``sudden`` is what a loss in the middle of the day leaves, and when it is worst; empty where it is no worse.
    """

    status: str
    tone: str
    url: str
    contingency: str
    worst: str
    day: str
    label: str
    key: str
    sudden: str
    sudden_tone: str


@register.filter
def status_word(status: Status) -> str:
    """Return the word for a verdict."""
    return translate_phrase(status.label)


@register.filter
def cell_word(cell: PlannedCell) -> str:
    """Return the word for a cell; closed where nothing is required on that day."""
    return _("closed that day") if cell.idle else status_word(cell.status)


@register.filter
def country(code: str) -> str:
    """Return the name of a country, or its code where it has no name."""
    return name_value("sites", "destination", code, text_now("UTC").language)


@register.filter
def contingency_name(key: str, page: PlannedPage) -> str:
    """Return the short name of a contingency, as at the head of a column."""
    return _("Nothing lost") if key == BASE else _name_loss(page.loss_by_id[key])


def _name_loss(loss: NamedLoss) -> str:
    return country(loss.name) if loss.kind == "destination" else loss.name


@register.filter
def loss_words(key: str, page: PlannedPage) -> str:
    """Return what happens under a contingency, as in the middle of a sentence."""
    return _("nothing is lost") if key == BASE else describe_loss(page.loss_by_id[key])


def describe_loss(loss: NamedLoss) -> str:
    """Return what the loss of places is, as in the middle of a sentence."""
    templates = {
        "site": _("{name} closes"),
        "destination": _("all sites of {name} close"),
        "carrier": _("{name} home lines fail"),
    }
    return templates.get(loss.kind, _("“{name}” occurs")).format(name=_name_loss(loss))


@register.filter
def conditions(keys: Iterable[str], page: PlannedPage) -> str:
    """Return ``if A closes, if B closes or if C occurs``."""
    losses = [_("if {loss}").format(loss=loss_words(key, page)) for key in keys]
    return text_now(page.plan.time_zone).either(losses)


@register.filter
def cause_sentence(cause: CauseGroup, page: PlannedPage) -> str:
    """Return what a client out of reach lacks, and what cures it."""
    time = "" if cause.start is None else text_now(page.plan.time_zone).time(cause.start)
    said = translate_phrase(describe_cause(cause, conditions(cause.contingencies, page), time))
    return said[:1].upper() + said[1:]


@register.filter
def verdict_sentence(page: PlanPage) -> str:
    """Return the verdict in one sentence: over all clients, or for the only one."""
    if len(page.clients) == 1:
        return client_sentence(page.clients[0], page)
    return translate_phrase(phrase_security(client.status for client in page.clients))


@register.filter
def client_sentence(client: PlannedClient, page: PlanPage) -> str:
    """Return the verdict of a client in one sentence, as it may be shown to the client."""
    text, reason = text_now(page.plan.time_zone), client.reason
    said = {
        "idle": _("{client} is closed that day."),
        "covered": _("{client} has all the agents it needs all day, whichever single place is lost."),
        "worst": _(
            "{client} keeps at least {coverage} of the agents it needs in every half hour,"
            " whichever single place is lost."
        ),
        "unknown": _("{client} has no forecast for {programmes}: nothing can be promised for that day."),
        "missed": _("{client} is short of {missing} of its day {losses}."),
    }.get(reason.code, _("{client} is short of at least {missing} of its day {losses}, whatever the plan."))
    base = set(reason.contingencies) == {BASE}
    least = _find_least_sudden(client, page)
    if reason.code in ("covered", "worst") and least is not None and least < (reason.coverage or 1.0):
        said = _("{sentence}; where that happens in the middle of the day, at worst {least} of them.").format(
            sentence=said.rstrip("."), least=text.coverage(least)
        )
    return said.format(
        client=client.name,
        coverage="" if reason.coverage is None else text.coverage(reason.coverage),
        missing="" if reason.missing is None else text.missing(reason.missing),
        losses=_("even with nothing lost") if base else conditions(reason.contingencies, page),
        programmes=text.list(reason.programmes) or client.name,
    )


def _find_least_sudden(client: PlannedClient, page: PlanPage) -> float | None:
    """Return the least coverage of a client when one place is lost in the middle of the day; None where it is whole."""
    single = {loss.id for loss in page.contingencies if loss.kind in SINGLE}
    cells = [cell for cell in page.matrix if cell.client == client.client and cell.contingency in single]
    return min((cell.sudden.worst_coverage for cell in cells if cell.sudden is not None), default=None)


class CauseRow(NamedTuple):
    """What clients lack alike: where each of them does, what cures it, and about what that costs."""

    lack: str
    cases: list[str]
    cure: str
    price: str


@register.filter
def cause_rows(page: PlanPage) -> list[CauseRow]:
    """Return why no plan holds some clients, by what they lack, with the cures and their prices."""
    text = text_now(page.plan.time_zone)
    groups: dict[str, list[CauseGroup]] = {}
    for cause in page.causes:
        lack = translate_phrase(describe_lack(cause))
        groups.setdefault(lack[:1].upper() + lack[1:], []).append(cause)
    rows = []
    for lack, causes in groups.items():
        prices = [price_cure(cause) for cause in causes]
        known = [price for price in prices if price is not None]
        cure = translate_phrase(describe_cure(causes[0])) if causes[0].kinds else ""
        cases = [_describe_case(cause, page, text) for cause in causes]
        rows.append(CauseRow(lack, cases, cure[:1].upper() + cure[1:], text.euros(sum(known)) if known else ""))
    return rows


def _describe_case(cause: CauseGroup, page: PlanPage, text: Text) -> str:
    time = "" if cause.start is None else text.time(cause.start)
    base = cause.contingencies == (BASE,)
    return _("{client}, {losses}: {least}").format(
        client=page.client_names[cause.client],
        losses=_("even with nothing lost") if base else conditions(cause.contingencies, page),
        least=translate_phrase(describe_least(cause, time)),
    )


@register.filter
def tallies(page: PlanPage) -> list[tuple[Status, int]]:
    """Return how many clients have each status, the held ones first."""
    counts = Counter(client.status for client in page.clients)
    return [(status, counts[status]) for status in reversed(SEVERITY) if counts[status]]


@register.filter
def clients_held(page: PlanPage, held: bool) -> list[PlannedClient]:
    """Return the clients that are held, or those that need attention."""
    return [client for client in page.clients if (client.status is Status.HELD) is held]


@register.filter
def ranked_cells(client: PlannedClient, page: PlanPage) -> tuple[list[CellWords], list[CellWords]]:
    """Return a client's cells to show first, and those that follow."""
    cells = [word_cell(page.cells[client.client, key], page, client.name) for key in client.ranking]
    return cells[: client.short], cells[client.short :]


def word_cell(cell: PlannedCell, page: PlannedPage, client: str) -> CellWords:
    """Return a cell in words; written once however often it is shown."""
    key = (text_now("UTC").language, cell.client, cell.contingency)
    found: CellWords | None = page.worded_cells.get(key)
    if found is None:
        found = page.worded_cells[key] = _write_cell_words(cell, page, client)
    return found


def _write_cell_words(cell: PlannedCell, page: PlannedPage, client: str) -> CellWords:
    worst, day = _share(cell.worst_coverage), _share(cell.covered)
    contingency = contingency_name(cell.contingency, page)
    label = _("{client}, {contingency}: {word}; worst interval {coverage}, whole day {day}").format(
        client=client, contingency=contingency, word=cell_word(cell), coverage=worst, day=day
    )
    sudden = _show_sudden(cell, page)
    if sudden:
        label += "; " + _("lost at {hour}: {coverage}").format(hour=sudden[0], coverage=sudden[1])
    return CellWords(
        status=cell.status,
        tone=cell.tone,
        url=cell.url,
        contingency=contingency,
        worst=worst,
        day=day,
        label=label,
        key=cell.contingency,
        sudden=" ".join(sudden),
        sudden_tone="" if cell.sudden is None else cell.sudden.tone,
    )


def _show_sudden(cell: PlannedCell, page: PlannedPage) -> tuple[str, ...]:
    """Return the hour and the least coverage of a loss in the middle of the day, where that is worse."""
    found, text = cell.sudden, text_now(page.plan.time_zone)
    if found is None or cell.worst_coverage is None:
        return ()
    least = text.coverage(found.worst_coverage)
    if found.worst_coverage >= cell.worst_coverage or least == text.coverage(cell.worst_coverage):
        return ()
    return text.clock(found.start), least


@register.filter
def sudden_sentence(cell: PlannedCell, page: PlannedPage) -> str:
    """Return what a loss in the middle of the day does to a client; empty where it takes nothing from it."""
    found, text = cell.sudden, text_now(page.plan.time_zone)
    if found is None:
        return ""
    said = _("Lost at {hour}, the hour at which it does most: {coverage} at worst, at {time}.").format(
        hour=text.time(found.start), coverage=text.coverage(found.worst_coverage), time=text.time(found.worst_start)
    )
    if found.back is None:
        return f"{said} " + _("It is not made good that day.")
    if found.back == found.start:
        return said
    return f"{said} " + _("Made good from {time} on.").format(time=text.time(found.back))


def _share(share: float | None) -> str:
    return "?" if share is None else text_now("UTC").coverage(share)


@register.filter
def column_groups(page: PlanPage) -> list[tuple[str, int]]:
    """Return the kinds of the columns, and how many columns each has."""
    return list(Counter(loss.kind for loss in page.contingencies).items())


@register.filter
def matrix_cells(client: PlannedClient, page: PlanPage) -> Iterator[tuple[str, CellWords | None]]:
    """Yield a client's cells in the order of the columns, with their contingencies."""
    for loss in page.contingencies:
        cell = page.cells.get((client.client, loss.id))
        yield loss.id, None if cell is None else word_cell(cell, page, client.name)


@register.filter
def legend(page: PlanPage) -> list[tuple[Status, str]]:
    """Return what each status means, in the figures of the plan."""
    text = text_now("UTC")
    limits = text.percent(page.target), text.percent(page.thin)
    return [(status, translate_phrase(status.explain(*limits))) for status in reversed(PLANNED_STATUSES)]


@register.filter
def purchase_words(item: Purchase, page: PlanPage) -> str:
    """Return what a line of what is missing buys."""
    said = {
        "laptop": ngettext("Laptop and line, to work at home", "Laptops and lines, to work at home", item.count),
        "skill": _("Training for {programme}"),
        "seat": ngettext("Usable seat", "Usable seats", item.count),
        "vehicle": ngettext("Vehicle with driver, like this one", "Vehicles with drivers, like this one", item.count),
        "hire": ngettext("Person hired for {programme}", "People hired for {programme}", item.count),
    }
    return said.get(item.kind, item.kind).format(programme=page.work_names.get(item.programme, item.programme))


@register.filter
def gap(share: float) -> str:
    """Return the gap between the plan and what is proved."""
    return _("no bound") if math.isnan(share) else text_now("UTC").missing(share, 2)


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
    ).format(count=short, time=text.time(series.starts[worst]), agents=text.number(float(series.missing[worst]), 1))


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
move_reason = add_words(register, "move_reason", _REASONS, else_code=True)


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
def break_change(move: Move, page: CellPage) -> str:
    """Return the break as it was and as it becomes; empty where it stays or there is none."""
    text = text_now(page.plan.time_zone)
    spans = [(side.break_start, side.break_end) for side in (move.before, move.after) if side is not None]
    if len(spans) < 2 or spans[0] == spans[1]:
        return ""
    said = [
        pgettext("break", "none") if start is None or end is None else text.span(start, end) for start, end in spans
    ]
    return _("break {before} → {after}").format(before=said[0], after=said[1])


@register.filter
def staff_summary(page: CellPage) -> str:
    """Return how many agents are placed, or how many move for each reason."""
    text = text_now(page.plan.time_zone)
    if page.placements is not None:
        count = len(page.placements)
        return ngettext("{count} agent placed.", "{count} agents placed.", count).format(count=text.number(count))
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
    "break": lambda n: ngettext("{count} keeps the post, break moved", "{count} keep the post, break moved", n),
    "reserve": lambda n: ngettext("{count} goes into reserve", "{count} go into reserve", n),
    "isolated": lambda n: ngettext("{count} is isolated", "{count} are isolated", n),
    "stranded": lambda n: npgettext("agents", "{count} cannot work", "{count} cannot work", n),
}
