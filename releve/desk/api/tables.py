"""Tables for a programme that draws: staff and coverage of the plans in force, their matrix, calls, losses, reliefs.

No row names a person. What a reader may not see of a client is not there; a table begins at the operator's midnight
of its first day. Half hours are named by their begin in UTC.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Query, Schema
from pydantic import Field, StringConstraints

from releve.accounts.scopes import Scope, can, scope_for
from releve.demand.intraday import fold_figures
from releve.demand.requirement import INTERVAL
from releve.desk.api.refusals import RequestRefused
from releve.desk.api.state_routes import reads
from releve.kernels.arrays import Floats
from releve.live import api as live
from releve.network import Operator, day_bounds, zone
from releve.plan import Plan
from releve.plan.coverage import Timeline
from releve.plan.result import BASE
from releve.service_record.statistics import load_reports

_PAGE_ROWS = 2_000
_MOST_DAYS = 62
_TEXT, _NUMBER, _COUNT, _DAY = pl.String(), pl.Float64(), pl.Int64(), pl.Date()
_INSTANT = pl.Datetime("ms", "UTC")
_Row = tuple[Any, ...]


@dataclass(frozen=True)
class _Asked:
    """The days of a table, and whose rows are in it."""

    operator: Operator
    first: date
    last: date
    now: datetime
    scope: Scope

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        name = self.operator.row.time_zone
        return day_bounds(self.first, name)[0], day_bounds(self.last, name)[1]

    def load_plans(self) -> Iterator[Plan]:
        for found in live.list_days_in_force(self.first, self.last).values():
            yield found.load().plan

    def list_columns(self, plan: Plan) -> list[tuple[int, str, str]]:
        """Return position, client and programme of each programme that the reader may see."""
        rows = enumerate(plan.programmes)
        return [(at, client, name) for at, (name, client, _) in rows if self.scope.has_client(client)]


@dataclass(frozen=True)
class _Table:
    """What a table holds: the permission to see it, its columns and their types, and its rows in their order."""

    about: str
    permission: str
    columns: Mapping[str, pl.DataType]
    rows: Callable[[_Asked], Iterator[_Row]]


def _list_staff(asked: _Asked) -> Iterator[_Row]:
    for plan in asked.load_plans():
        seen = {name: client for _at, client, name in asked.list_columns(plan)}
        timeline = Timeline(plan.starts)
        worked: dict[tuple[str, str], Floats] = {}
        for one in plan.placements:
            if one.programme in seen:
                key = one.place, one.programme
                worked[key] = worked.get(key, 0.0) + timeline.measure_worked(one)
        for (place, programme), agents in sorted(worked.items()):
            for at in np.flatnonzero(agents > 0):
                yield plan.day, plan.starts[at], seen[programme], programme, place, float(agents[at])


def _list_coverage(asked: _Asked) -> Iterator[_Row]:
    for plan in asked.load_plans():
        placed = plan.scenarios[BASE].placed
        for at, client, programme in asked.list_columns(plan):
            for start, need, got in zip(plan.starts, plan.required[:, at], placed[:, at], strict=True):
                if need > 0 or got > 0 or np.isnan(need):
                    yield plan.day, start, client, programme, _known(need), float(got)


def _list_matrix(asked: _Asked) -> Iterator[_Row]:
    for plan in asked.load_plans():
        kinds = {row.id: row.kind for row in plan.contingencies}
        for cell in plan.cells:
            if asked.scope.has_client(cell.client):
                kind = kinds.get(cell.contingency, BASE)
                worst = (_known(cell.worst_coverage), plan.find_worst_start(cell))
                missing = (_known(cell.shortfall), _known(cell.calls_lost))
                yield plan.day, cell.client, cell.contingency, kind, str(cell.status), *worst, *missing


_FIGURES = ("offered", "answered", "abandoned", "in_time", "short", "handled_s", "waited_s")


def _list_calls(asked: _Asked) -> Iterator[_Row]:
    start, end = asked.bounds
    starts = [start + number * INTERVAL for number in range(int((end - start) / INTERVAL))]
    rows = [row for row in asked.operator.programmes if asked.scope.has_client(row.client)]
    figures = fold_figures(load_reports(start, end), [row.id for row in rows], starts, asked.now)
    for at, begin in enumerate(starts):
        for column, row in enumerate(rows):
            found = [_known(getattr(figures, name)[at, column]) for name in _FIGURES]
            if any(value is not None for value in found):
                yield begin, row.client, row.id, *found


def _list_losses(asked: _Asked) -> Iterator[_Row]:
    start, end = asked.bounds
    for loss in live.list_losses(asked.operator, end):
        if loss.end is None or loss.end > start:
            yield loss.seq, loss.kind, loss.place, loss.start, loss.end, loss.late


def _list_reliefs(asked: _Asked) -> Iterator[_Row]:
    start, end = asked.bounds
    for row in live.list_reliefs_between(start, end):
        lost = " ".join(sorted({place for day in row.lost.values() for place in (*day["sites"], *day["carriers"])}))
        yield row.generation, row.source, lost, row.cause, row.from_at, row.made_at, row.published_at, row.moved


_HALF_HOUR: dict[str, pl.DataType] = {"day": _DAY, "start": _INSTANT, "client": _TEXT, "programme": _TEXT}
TABLES = {
    "staff": _Table(
        "Agents at work by half hour, programme and place, by the plans in force; breaks are not counted.",
        "plan.see",
        {**_HALF_HOUR, "place": _TEXT, "agents": _NUMBER},
        _list_staff,
    ),
    "coverage": _Table(
        "Agents required and planned by half hour and programme; an agent at home counts at the programme's share.",
        "plan.see",
        {**_HALF_HOUR, "required": _NUMBER, "planned": _NUMBER},
        _list_coverage,
    ),
    "matrix": _Table(
        "Each client under each loss: the verdict, the worst half hour, the share of the day that is missing.",
        "plan.see",
        {
            "day": _DAY,
            "client": _TEXT,
            "lost": _TEXT,
            "kind": _TEXT,
            "status": _TEXT,
            "worst_coverage": _NUMBER,
            "worst_start": _INSTANT,
            "missing_share": _NUMBER,
            "calls_lost": _NUMBER,
        },
        _list_matrix,
    ),
    "calls": _Table(
        "Calls as they were reported, by half hour and programme; empty: not known.",
        "plan.see",
        {"start": _INSTANT, "client": _TEXT, "programme": _TEXT, **dict.fromkeys(_FIGURES, _NUMBER)},
        _list_calls,
    ),
    "losses": _Table(
        "Places that were lost: closures, power, links; without an end while they last.",
        "reliefs.see",
        {"entry": _COUNT, "kind": _TEXT, "place": _TEXT, "start": _INSTANT, "end": _INSTANT, "late": pl.Boolean()},
        _list_losses,
    ),
    "reliefs": _Table(
        "Reliefs, and how many people each moved; `cause` is the entry of the ledger that called for it.",
        "reliefs.see",
        {
            "generation": _COUNT,
            "source": _TEXT,
            "lost": _TEXT,
            "cause": _COUNT,
            "from_at": _INSTANT,
            "made_at": _INSTANT,
            "published_at": _INSTANT,
            "moved": _COUNT,
        },
        _list_reliefs,
    ),
}


class TableField(Schema):
    """A column: ``date``, ``instant``, ``text``, ``number``, ``count`` or ``yes_no``."""

    name: str
    type: str


class TableEntry(Schema):
    """A table, as the list has it."""

    name: str
    about: str
    url: str
    columns: tuple[TableField, ...]


class Tables(Schema):
    """The tables that the reader may see."""

    tables: tuple[TableEntry, ...]


class TableRows(Schema):
    """A page of a table."""

    table: str
    first: date
    last: date
    rows: list[dict[str, Any]]
    next: int | None = Field(description="Ask with offset= this for the next page; null at the end")


_TYPE_WORDS: Mapping[pl.DataType, str] = {
    _TEXT: "text",
    _NUMBER: "number",
    _COUNT: "count",
    _DAY: "date",
    _INSTANT: "instant",
    pl.Boolean(): "yes_no",
}


@reads("/tables", Tables, "tables", "plan.see")
def tables(request: HttpRequest) -> Tables:
    """The tables for a programme that draws, and their columns."""
    return Tables(
        tables=tuple(
            TableEntry(
                name=name,
                about=table.about,
                url=f"/api/v1/tables/{name}",
                columns=tuple(TableField(name=key, type=_TYPE_WORDS[kind]) for key, kind in table.columns.items()),
            )
            for name, table in TABLES.items()
            if can(request.user, table.permission)
        )
    )


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$"), Path()]
_First = Annotated[date | None, Query(description="The first day; by default six days before the last")]
_Last = Annotated[date | None, Query(description="The last day; by default today")]


@reads("/tables/{table}", TableRows, "tables", "plan.see")
def table(
    request: HttpRequest,
    table: _Name,
    first: _First = None,
    last: _Last = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    format: Literal["json", "csv", "parquet"] = "json",
) -> Any:
    """Rows of a table for some days: a page as JSON, or all of them as CSV or Parquet."""
    found = TABLES.get(table)
    if found is None or not can(request.user, found.permission):
        raise Http404
    asked = _read_period(request, found, first, last)
    if format == "json":
        rows = list(islice(found.rows(asked), offset, offset + _PAGE_ROWS + 1))
        more = offset + _PAGE_ROWS if len(rows) > _PAGE_ROWS else None
        named = [dict(zip(found.columns, row, strict=True)) for row in rows[:_PAGE_ROWS]]
        return TableRows(table=table, first=asked.first, last=asked.last, rows=named, next=more)
    return _render(table, found.columns, list(found.rows(asked)), asked, format)


def _read_period(request: HttpRequest, found: _Table, first: date | None, last: date | None) -> _Asked:
    operator, now = live.operator_now(), live.real_now()
    until = last or now.astimezone(zone(operator.row.time_zone)).date()
    since = first or until - timedelta(days=6)
    if not since <= until or (until - since).days >= _MOST_DAYS:
        said = _("Ask for a first day, a last day that is not before it, and {most} days at most.")
        raise RequestRefused("refused", said.format(most=_MOST_DAYS))
    return _Asked(operator, since, until, now, scope_for(request.user, found.permission))


def _render(
    name: str, columns: Mapping[str, pl.DataType], rows: Sequence[_Row], asked: _Asked, form: str
) -> HttpResponse:
    frame = pl.DataFrame(rows, schema=dict(columns), orient="row")
    out = io.BytesIO()
    if form == "csv":
        frame.write_csv(out, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    else:
        frame.write_parquet(out)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/vnd.apache.parquet"
    response = HttpResponse(out.getvalue(), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}-{asked.first}-{asked.last}.{form}"'
    return response


def _known(value: float) -> float | None:
    """Return a figure; None for one that is not known."""
    return None if np.isnan(value) else float(value)
