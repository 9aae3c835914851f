"""Template filters that write the cells of the grid: a letter, a time and a place, never a colour alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.template import Library
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext

from releve.desk.filters import add_words
from releve.desk.grid.page import AgentRow, CellRow, DutyRow, GridPage, phrase_edit
from releve.desk.plan.words import describe_loss
from releve.desk.text import text_now, translate_phrase
from releve.network.moments import zone
from releve.network.table_words import name_value
from releve.plan.result import Contingency
from releve.plan.roster_grid import Span

register = Library()

STATES = {
    "site": lazy("on the own site"),
    "other": lazy("on another site"),
    "home": lazy("at home"),
    "reserve": lazy("in reserve"),
    "roster": lazy("in the roster, without a plan yet"),
    "away": lazy("absent or in an activity"),
    "break": lazy("break"),
}
add_words(register, "grid_state", STATES)


def letter(state: str) -> str:
    """Return the letter of a state in the reader's language."""
    return {
        "site": pgettext("letter of a state", "S"),
        "other": pgettext("letter of a state", "O"),
        "home": pgettext("letter of a state", "H"),
        "reserve": pgettext("letter of a state", "R"),
        "roster": pgettext("letter of a state", "P"),
        "away": pgettext("letter of a state", "A"),
        "break": pgettext("letter of a state", "B"),
    }.get(state, "")


@register.filter
def state_letter(state: str) -> str:
    """Return the letter of a state."""
    return letter(state)


@register.filter
def grid_times(periods: Iterable[Span], time_zone: str) -> str:
    """Return the periods of a duty on the clock of a place."""
    text = text_now(time_zone)
    return ", ".join(text.span(start, end) for start, end in periods)


@register.filter
def cell_place(cell: CellRow | None) -> str:
    """Return where a duty is worked and for what, in words."""
    if cell is None:
        return _("in reserve")
    if cell.state == "away":
        return name_value("absences", "kind", cell.what, text_now("UTC").language)
    where = _("at home") if cell.state == "home" else cell.site
    return " · ".join(part for part in (where, cell.programme) if part) or str(STATES[cell.state])


@register.filter
def grid_cells(row: AgentRow, page: GridPage) -> SafeString:
    """Return the cells of a row: of each day, or of the half hours of one."""
    if page.half_hours:
        return _write_half_hours(row)
    clock = _Clock(row.time_zone)
    return mark_safe(  # every part of it is escaped where it is made
        "".join(
            _write_day(clock, cells, head.day if head.editable else None)
            for head, cells in zip(page.days, row.days, strict=True)
        )
    )


class _Clock:
    """Writes times of a zone; each instant once, as a page has few that differ."""

    def __init__(self, time_zone: str) -> None:
        self._zone = zone(time_zone)

    def write(self, periods: Iterable[Span]) -> str:
        return " ".join(
            f"{start.astimezone(self._zone):%H:%M}–{end.astimezone(self._zone):%H:%M}" for start, end in periods
        )


def _write_day(clock: _Clock, cells: Sequence[CellRow], day: date | None) -> str:
    if not cells:
        return "<td></td>"
    return f"<td>{''.join(_write_cell(clock, cell, day) for cell in cells)}</td>"


def _write_cell(clock: _Clock, cell: CellRow, day: date | None) -> str:
    mark = format_html('<b aria-hidden="true">{}</b>', letter(cell.state))
    times = clock.write(cell.periods) if cell.state != "away" else cell_place(cell)
    under = cell.site if cell.state == "other" else ""
    small = " ".join(part for part in (under, cell.programme) if part)
    inside = format_html('{}<span class="vh">{} </span>{}<small>{}</small>', mark, STATES[cell.state], times, small)
    if cell.edited:
        inside = format_html('{}<i class="mark" title="{}">✎</i>', inside, _("edited in your draft"))
    if day is None or not cell.key or cell.crosses:
        return format_html('<span class="duty is-{}">{}</span>', cell.state, inside)
    query = urlencode({"day": day.isoformat(), "key": cell.key})
    url = f"{reverse('grid_edit')}?{query}"
    return format_html(
        '<a class="duty is-{}" href="{}" hx-get="{}" hx-target="#panel" data-day="{}" data-key="{}">{}</a>',
        cell.state, url, url, day.isoformat(), cell.key, inside,
    )  # fmt: skip


def _write_half_hours(row: AgentRow) -> SafeString:
    parts: list[tuple[str, int, str, str]] = [
        (f"is-{state}" if state else "", count, letter(state), str(STATES[state]) if state else "")
        for state, count in row.half_hours
    ]
    return format_html_join(
        "", '<td class="run {}" colspan="{}"><b aria-hidden="true">{}</b><span class="vh">{}</span></td>', parts
    )


@register.filter
def half_hour_heads(starts: Sequence[datetime], time_zone: str) -> list[tuple[int, str]]:
    """Return the hours at the head of a day by half hours: how many columns, and the time."""
    local = zone(time_zone)
    heads: list[tuple[int, str]] = []
    for start in starts:
        name = f"{start.astimezone(local):%H}"
        if heads and heads[-1][1] == name:
            heads[-1] = (heads[-1][0] + 1, name)
        else:
            heads.append((1, name))
    return heads


@register.filter
def grid_query(page: GridPage, change: str = "") -> str:
    """Return the query of the grid as it is shown, with some values changed: ``from=2026-12-07&days=7``."""
    own = {
        "from": page.first_day.isoformat(),
        "days": str(page.count),
        "scale": "half" if page.half_hours else "",
        "site": page.site,
        "team": page.team,
        "client": page.client,
        "skill": page.skill,
        "agent": page.text,
    }
    for pair in change.split("&") if change else ():
        name, _sep, value = pair.partition("=")
        own[name] = value
    return urlencode({name: value for name, value in own.items() if value})


@register.filter
def edit_kind(kind: str) -> str:
    """Return what an edit is called."""
    return translate_phrase(phrase_edit(kind))


@register.filter
def loss_phrase(row: Any) -> str:
    """Return what is lost, as in the middle of a sentence."""
    return describe_loss(Contingency(row.contingency, row.kind, row.lost))


@register.filter
def phrases(said: Iterable[str]) -> list[str]:
    """Return texts of an engine in the reader's language."""
    return [translate_phrase(one) for one in said]


@register.filter
def said(text: str) -> str:
    """Return a text of an engine in the reader's language."""
    return translate_phrase(text)


@register.filter
def clock_fields(duty: DutyRow) -> tuple[str, str, str, str]:
    """Return the times of a duty's first two periods for the fields of a form; empty where there are none."""
    local = zone(duty.time_zone)
    times = [f"{at.astimezone(local):%H:%M}" for period in duty.periods[:2] for at in period]
    first, last, again, end = (*times, "", "", "", "")[:4]
    return first, last, again, end


@register.filter
def more_or_less(after: float, before: float) -> str:
    """Return ``+2.0`` or ``−1.5``; empty where it is the same."""
    text, apart = text_now("UTC"), after - before
    if abs(apart) < 0.05:
        return ""
    return ("+" if apart > 0 else "") + text.number(apart, 1)
