"""The relief as an Excel file: who moves where, and who has answered."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime

import xlsxwriter
from django.utils.translation import gettext as _

from releve.desk.relief.page import ReliefPage, ShiftPost
from releve.desk.relief.words import CHANNELS, describe_state, name_place, ride_words
from releve.network.clock import zone

_Cell = str | int | datetime | None
_WIDTH = 18


def write_relief(page: ReliefPage) -> bytes:
    """Return the workbook; times are those of the place, or of the operator for messages."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": page.at.replace(tzinfo=None)})
    _write_sheet(book, _("Call list"), _list_call_titles(page), _call_rows(page))
    _write_sheet(book, _("Who moves where"), _list_move_titles(), _move_rows(page))
    book.close()
    return buffer.getvalue()


def _write_sheet(
    book: xlsxwriter.Workbook, name: str, titles: Sequence[str], rows: Iterator[Sequence[_Cell]]
) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    sheet.write_row(0, 0, titles, bold)
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(titles) - 1, _WIDTH)
    last = 0
    for last, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(last, column, value, moment)
            elif isinstance(value, int):
                sheet.write_number(last, column, value)
            elif value:
                sheet.write_string(last, column, value)
    sheet.autofilter(0, 0, max(1, last), len(titles) - 1)


def _list_call_titles(page: ReliefPage) -> tuple[str, ...]:
    heads = (
        _("Agent"), _("Home site"), _("State"), _("Written by"), _("Addresses tried"), _("Relief"),
        _("Sent at"), _("Next address at"), _("Answered at"),
    )  # fmt: skip
    return (*heads, _("Addresses")) if page.calls else heads


def _call_rows(page: ReliefPage) -> Iterator[Sequence[_Cell]]:
    for row in page.people:
        cells: tuple[_Cell, ...] = (
            row.agent,
            page.names.get(row.site, row.site),
            describe_state(row),
            str(CHANNELS.get(row.channel, row.channel)),
            row.tries,
            row.generation,
            *(
                _local(at, page.time_zone)
                for at in (row.sent_at, row.next_try_at, row.acknowledged_at)
            ),
        )
        yield (*cells, ", ".join(page.addresses.get(row.agent, ()))) if page.calls else cells


def _list_move_titles() -> tuple[str, ...]:
    return (
        _("Agent"), _("Home site"),
        _("Place before"), _("Start before"), _("End before"), _("Programme before"),
        _("Place after"), _("Start after"), _("End after"), _("Programme after"), _("Shuttles"),
    )  # fmt: skip


def _move_rows(page: ReliefPage) -> Iterator[Sequence[_Cell]]:
    for row in page.changes:
        yield (
            row.agent,
            page.names.get(row.site, row.site),
            *_post_cells(row.before, page),
            *_post_cells(row.after, page),
            "; ".join(ride_words(ride) for ride in row.rides),
        )


def _post_cells(post: ShiftPost | None, page: ReliefPage) -> tuple[_Cell, ...]:
    if post is None:
        return (name_place("", page), None, None, "")
    times = (_local(at, post.time_zone) for at in (post.start, post.end))
    return (name_place(post.place, page), *times, page.names.get(post.programme, post.programme))


def _local(at: datetime | None, time_zone: str) -> datetime | None:
    return None if at is None else at.astimezone(zone(time_zone)).replace(tzinfo=None)
