"""The page of one cell: the day's coverage as a chart, its programmes, and who moves where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.presenters.cells import CellView, Desk
from releve.desk.presenters.chart import (
    NARROW_CHART,
    WIDE_CHART,
    Chart,
    Series,
    draw,
    series_of,
    spark,
)
from releve.desk.presenters.proof import Fact
from releve.desk.presenters.staff import StaffList, staff_list
from releve.desk.presenters.verdict import contract_reason
from releve.desk.presenters.words import status_word
from releve.plan.result import BASE, ReliefCell

__all__ = ["CellPage", "IntervalView", "ProgrammeView", "cell_page"]


@dataclass(frozen=True, slots=True)
class ProgrammeView:
    """A programme's day under a contingency; agent-hours, with a small drawing of the day."""

    id: str
    name: str
    known: bool
    required: str
    missing: str
    coverage: str
    worst: str
    selected: bool
    url: str
    covered_path: str = ""
    missing_path: str = ""
    required_path: str = ""


@dataclass(frozen=True, slots=True)
class IntervalView:
    """One half hour of the chart in numbers."""

    time: str
    required: str
    covered: str
    missing: str
    beyond: str
    short: bool


@dataclass(frozen=True)
class CellPage:
    """Everything the page of a cell shows; ``programme`` is the filter, empty for all.

    ``staff`` is None for a client, to whom the people are not shown.
    """

    title: str
    client: str
    loss: str
    tone: str
    word: str
    sentence: str
    facts: tuple[Fact, ...]
    unknown: str
    chart_title: str
    chart_description: str
    charts: tuple[Chart, ...]
    intervals: tuple[IntervalView, ...]
    programmes: tuple[ProgrammeView, ...]
    programme: str
    staff: StaffList | None
    siblings: tuple[tuple[CellView, bool], ...]
    clock: str
    path: str
    day: str


def cell_page(desk: Desk, cell: ReliefCell, programme: str = "", page: int = 1) -> CellPage:
    """Return the page of a cell, for all programmes of the client or one of them."""
    columns = [
        at
        for at in desk.columns(cell.client)
        if not programme or desk.plan.programmes[at][0] == programme
    ]
    placed = desk.plan.scenarios[cell.contingency].placed
    series = series_of(desk.plan.starts, desk.plan.required, placed, columns)
    loss = desk.names.loss(cell.contingency)
    unknown = desk.unknown_programmes(cell.client)
    return CellPage(
        title=_title(desk, cell),
        client=desk.names.clients[cell.client],
        loss=loss,
        tone=cell.status,
        word=status_word(cell.status),
        sentence=_sentence(desk, cell),
        facts=_facts(desk, cell),
        unknown=_("No forecast for {programmes}: not in the chart.").format(
            programmes=desk.text.list(unknown)
        )
        if unknown
        else "",
        chart_title=_chart_title(desk, cell, programme),
        chart_description=_describe(desk, series),
        charts=tuple(draw(series, size, desk.text) for size in (WIDE_CHART, NARROW_CHART))
        if columns and not _nothing(series)
        else (),
        intervals=_intervals(desk, series),
        programmes=tuple(
            _programme(desk, cell, at, desk.plan.programmes[at][0] == programme)
            for at in desk.columns(cell.client)
        ),
        programme=programme,
        staff=staff_list(desk, cell, programme, page) if desk.whole else None,
        siblings=_siblings(desk, cell),
        clock=_("Times of {zone}").format(zone=desk.plan.time_zone),
        path=reverse("cell", kwargs={"client": cell.client, "contingency": cell.contingency}),
        day="" if desk.day is None else desk.day.isoformat(),
    )


def _title(desk: Desk, cell: ReliefCell) -> str:
    client = desk.names.clients[cell.client]
    if cell.contingency == BASE:
        return _("{client}, nothing lost").format(client=client)
    return _("{client}, if {loss}").format(client=client, loss=desk.names.loss(cell.contingency))


def _nothing(series: Series) -> bool:
    return not (series.required.sum() or series.beyond.sum())


def _sentence(desk: Desk, cell: ReliefCell) -> str:
    text = desk.text
    if cell.status == "unknown":
        return _("The requirement is not known, so neither is the coverage.")
    if cell.status == "contract":
        reason = contract_reason(desk, [cell])
        return reason[:1].upper() + reason[1:]
    if cell.worst_interval < 0 or cell.worst_coverage >= 1:
        return _("The requirement is covered at every moment of the day.")
    day = text.coverage(1 - cell.shortfall, 1)
    return _("{day} of the day’s requirement is covered; at worst {worst}, at {time}.").format(
        day=day, worst=text.coverage(cell.worst_coverage), time=desk.worst_time(cell)
    )


def _facts(desk: Desk, cell: ReliefCell) -> tuple[Fact, ...]:
    text = desk.text
    if cell.status == "unknown":
        return ()
    facts = (
        Fact(
            _("Worst interval"),
            text.coverage(cell.worst_coverage),
            desk.worst_time(cell),
        ),
        Fact(_("Missing over the day"), text.missing(cell.shortfall), _("share of agent hours")),
        Fact(
            _("Least possible"),
            text.missing(cell.floor),
            _("if the client had every agent to itself"),
        ),
        Fact(_("Calls lost"), text.number(cell.calls_lost), _("expected over the day")),
    )
    if cell.contingency == BASE or not desk.whole:
        return facts
    moves = len(desk.plan.scenarios[cell.contingency].moves)
    people = Fact(_("People concerned"), text.number(moves), _("over all clients, by this relief"))
    return (*facts, people)


def _chart_title(desk: Desk, cell: ReliefCell, programme: str) -> str:
    if programme:
        name = desk.names.programmes[programme]
        return _("Coverage of the requirement over the day: {programme}").format(programme=name)
    return _("Coverage of the requirement over the day, all programmes")


def _describe(desk: Desk, series: Series) -> str:
    """Say in words what the chart shows, for a reader who does not see it."""
    if not len(series.starts) or _nothing(series):
        return _("Nothing is required.")
    short = int((series.missing > 1e-9).sum())
    peak = int(series.required.argmax())
    first = _("Up to {agents} agents are required, at {time}.").format(
        agents=desk.text.number(float(series.required[peak]), 1),
        time=desk.text.time(series.starts[peak]),
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
        time=desk.text.time(series.starts[worst]),
        agents=desk.text.number(float(series.missing[worst]), 1),
    )


def _intervals(desk: Desk, series: Series) -> tuple[IntervalView, ...]:
    number = desk.text.number
    rows = zip(
        series.starts, series.required, series.covered, series.missing, series.beyond, strict=True
    )
    return tuple(
        IntervalView(
            desk.text.clock(start),
            number(float(required), 1),
            number(float(covered), 1),
            number(float(missing), 1),
            number(float(beyond), 1),
            bool(missing > 1e-9),
        )
        for start, required, covered, missing, beyond in rows
    )


def _programme(desk: Desk, cell: ReliefCell, at: int, selected: bool) -> ProgrammeView:
    key, _client, name = desk.plan.programmes[at]
    url = desk.cell_url(cell, key)
    required = desk.plan.required[:, at]
    if np.isnan(required).any():
        return ProgrammeView(key, name, False, "?", "?", "?", "", selected, url)
    placed = desk.plan.scenarios[cell.contingency].placed
    series = series_of(desk.plan.starts, desk.plan.required, placed, [at])
    total, missing = float(series.required.sum()), float(series.missing.sum())
    share = np.divide(
        series.covered,
        series.required,
        out=np.ones_like(series.required),
        where=series.required > 0,
    )
    worst = int(share.argmin()) if share.size else -1
    return ProgrammeView(
        key,
        name,
        True,
        desk.text.number(total / 2, 1),
        desk.text.number(missing / 2, 1),
        desk.text.coverage(1 - missing / total if total else 1.0),
        ""
        if worst < 0 or share[worst] >= 1
        else _("{coverage} at {time}").format(
            coverage=desk.text.coverage(float(share[worst])),
            time=desk.text.time(series.starts[worst]),
        ),
        selected,
        url,
        *spark(series),
    )


def _siblings(desk: Desk, cell: ReliefCell) -> tuple[tuple[CellView, bool], ...]:
    """Return the client's other cells, this one marked, in the order of the plan."""
    return tuple(
        (desk.view(other), other.contingency == cell.contingency)
        for other in desk.plan.cells
        if other.client == cell.client
    )
