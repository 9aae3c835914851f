"""The relief as an Excel file: who moves where, and who has answered."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from releve.desk.relief.page import ReliefPage
from releve.desk.relief.words import CHANNELS, describe_state, name_place, ride_words
from releve.files.sheets import Cell, ListSheet, write_sheets
from releve.live.api import ShiftPost
from releve.network.clock import zone


def write_relief(page: ReliefPage) -> bytes:
    """Return the workbook; times are those of the place, or of the operator for messages."""
    return write_sheets((_list_calls(page), _list_moves(page)), page.at)


def _list_calls(page: ReliefPage) -> ListSheet:
    titles = [
        _("Agent"),
        _("Home site"),
        _("State"),
        _("Written by"),
        _("Addresses tried"),
        _("Relief"),
        _("Sent at"),
        _("Next address at"),
        _("Answered at"),
    ]
    rows: list[list[Cell]] = [
        [
            row.agent,
            page.names.get(row.site, row.site),
            describe_state(row),
            str(CHANNELS.get(row.channel, row.channel)),
            row.tries,
            row.generation,
            _local(row.sent_at, page.time_zone),
            _local(row.next_try_at, page.time_zone),
            _local(row.acknowledged_at, page.time_zone),
        ]
        for row in page.people
    ]
    if page.calls:
        titles.append(_("Addresses"))
        for cells, row in zip(rows, page.people, strict=True):
            cells.append(", ".join(page.addresses.get(row.agent, ())))
    return ListSheet(_("Call list"), titles, rows)


def _list_moves(page: ReliefPage) -> ListSheet:
    before = (_("Place before"), _("Start before"), _("End before"), _("Programme before"))
    after = (_("Place after"), _("Start after"), _("End after"), _("Programme after"))
    rows = [
        (
            row.agent,
            page.names.get(row.site, row.site),
            *_list_post_cells(row.before, page),
            *_list_post_cells(row.after, page),
            "; ".join(map(ride_words, row.rides)),
        )
        for row in page.changes
    ]
    titles = (_("Agent"), _("Home site"), *before, *after, _("Shuttles"))
    return ListSheet(_("Who moves where"), titles, rows)


def _list_post_cells(post: ShiftPost | None, page: ReliefPage) -> tuple[Cell, ...]:
    if post is None:
        return (name_place("", page), None, None, None)
    start, end = (_local(at, post.time_zone) for at in (post.start, post.end))
    return (
        name_place(post.place, page),
        start,
        end,
        page.names.get(post.programme, post.programme),
    )


def _local(at: datetime | None, time_zone: str) -> datetime | None:
    return None if at is None else at.astimezone(zone(time_zone)).replace(tzinfo=None)
