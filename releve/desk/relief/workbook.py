"""The relief as an Excel file: who moves where, and who has answered."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _

from releve.desk.relief.page import ReliefPage, ShiftPost
from releve.desk.relief.words import CHANNELS, describe_state, name_place, ride_words
from releve.live.api import NotifiedAgent
from releve.network.clock import zone

_Cell = str | int | datetime | None
_Columns = Sequence[tuple[str, Callable[[Any], _Cell]]]
"""The title of each column, and its cell of a row."""
_WIDTH = 18


def write_relief(page: ReliefPage) -> bytes:
    """Return the workbook; times are those of the place, or of the operator for messages."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": page.at.replace(tzinfo=None)})
    _write_sheet(book, _("Call list"), _list_call_columns(page), page.people)
    _write_sheet(book, _("Who moves where"), _list_move_columns(page), page.changes)
    book.close()
    return buffer.getvalue()


def _write_sheet(
    book: xlsxwriter.Workbook, name: str, columns: _Columns, rows: Sequence[object]
) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    sheet.write_row(0, 0, [title for title, _cell in columns], bold)
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(columns) - 1, _WIDTH)
    for number, row in enumerate(rows, 1):
        for column, (_title, cell) in enumerate(columns):
            value = cell(row)
            if isinstance(value, datetime):
                sheet.write_datetime(number, column, value, moment)
            elif isinstance(value, int):
                sheet.write_number(number, column, value)
            elif value:
                sheet.write_string(number, column, value)
    sheet.autofilter(0, 0, max(1, len(rows)), len(columns) - 1)


def _list_call_columns(page: ReliefPage) -> _Columns:
    def addresses(row: NotifiedAgent) -> str:
        return ", ".join(page.addresses.get(row.agent, ()))

    return (
        (_("Agent"), lambda row: row.agent),
        (_("Home site"), lambda row: page.names.get(row.site, row.site)),
        (_("State"), describe_state),
        (_("Written by"), lambda row: str(CHANNELS.get(row.channel, row.channel))),
        (_("Addresses tried"), lambda row: row.tries),
        (_("Relief"), lambda row: row.generation),
        (_("Sent at"), lambda row: _local(row.sent_at, page.time_zone)),
        (_("Next address at"), lambda row: _local(row.next_try_at, page.time_zone)),
        (_("Answered at"), lambda row: _local(row.acknowledged_at, page.time_zone)),
        *(((_("Addresses"), addresses),) if page.calls else ()),
    )


def _list_move_columns(page: ReliefPage) -> _Columns:
    def place(post: ShiftPost | None) -> str:
        return name_place("" if post is None else post.place, page)

    def programme(post: ShiftPost | None) -> str:
        return "" if post is None else page.names.get(post.programme, post.programme)

    return (
        (_("Agent"), lambda row: row.agent),
        (_("Home site"), lambda row: page.names.get(row.site, row.site)),
        (_("Place before"), lambda row: place(row.before)),
        (
            _("Start before"),
            lambda row: row.before and _local(row.before.start, row.before.time_zone),
        ),
        (_("End before"), lambda row: row.before and _local(row.before.end, row.before.time_zone)),
        (_("Programme before"), lambda row: programme(row.before)),
        (_("Place after"), lambda row: place(row.after)),
        (_("Start after"), lambda row: row.after and _local(row.after.start, row.after.time_zone)),
        (_("End after"), lambda row: row.after and _local(row.after.end, row.after.time_zone)),
        (_("Programme after"), lambda row: programme(row.after)),
        (_("Shuttles"), lambda row: "; ".join(map(ride_words, row.rides))),
    )


def _local(at: datetime | None, time_zone: str) -> datetime | None:
    return None if at is None else at.astimezone(zone(time_zone)).replace(tzinfo=None)
