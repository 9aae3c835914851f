"""Who does what under a contingency: the moves of a relief, or the placements of the base plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, npgettext

from releve.desk.presenters.cells import Desk
from releve.plan.result import BASE, Move, Placement, ReliefCell

__all__ = ["PAGE_SIZE", "StaffList", "StaffRow", "staff_list"]

PAGE_SIZE = 25

_REASONS = {
    "relief": lazy("relief"),
    "break": lazy("only the break moves"),
    "reserve": lazy("not needed, in reserve"),
    "isolated": lazy("isolated after exposure"),
    "stranded": lazy("cannot work elsewhere"),
}


@dataclass(frozen=True, slots=True)
class Post:
    """A place and a programme; without a placement no place, and the word for that."""

    place: str
    programme: str


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One agent: where from, where to and why (a move), or where and when (a placement)."""

    agent: str
    before: Post
    after: Post
    shift: str
    reason: str
    tone: str


@dataclass(frozen=True, slots=True)
class StaffList:
    """One page of the list, its sentence, and the addresses of the pages beside it."""

    moves: bool
    summary: str
    rows: tuple[StaffRow, ...]
    page: int
    pages: int
    position: str
    previous: str
    following: str


def staff_list(desk: Desk, cell: ReliefCell, programme: str, page: int) -> StaffList:
    """Return one page of the moves that concern a client (or one of its programmes)."""
    own = (
        {programme}
        if programme
        else {desk.plan.programmes[at][0] for at in desk.columns(cell.client)}
    )
    if cell.contingency == BASE:
        found = sorted((p for p in desk.plan.placements if p.programme in own), key=_by_start)
        return _page(desk, cell, programme, page, [_placement_row(desk, p) for p in found], False)
    moves = [m for m in desk.plan.scenarios[cell.contingency].moves if own & set(_works(m))]
    ranks = {reason: rank for rank, reason in enumerate(_REASONS)}
    moves.sort(key=lambda move: (ranks.get(move.reason, len(ranks)), move.agent))
    return _page(desk, cell, programme, page, [_move_row(desk, m) for m in moves], True)


def _works(move: Move) -> Iterator[str]:
    return (side.programme for side in (move.before, move.after) if side is not None)


def _by_start(placement: Placement) -> tuple[str, str]:
    return (placement.start.isoformat(), placement.agent)


def _post(desk: Desk, placement: Placement | None, absent: str) -> Post:
    if placement is None:
        return Post("", absent)
    return Post(
        desk.names.place(placement.place),
        desk.names.programmes.get(placement.programme, placement.programme),
    )


def _move_row(desk: Desk, move: Move) -> StaffRow:
    shift = move.after or move.before
    return StaffRow(
        move.agent,
        _post(desk, move.before, _("in reserve")),
        _post(desk, move.after, _("no placement")),
        "" if shift is None else desk.text.span(shift.start, shift.end),
        str(_REASONS.get(move.reason, move.reason)),
        move.reason,
    )


def _placement_row(desk: Desk, item: Placement) -> StaffRow:
    shift = desk.text.span(item.start, item.end)
    return StaffRow(item.agent, Post("", ""), _post(desk, item, ""), shift, "", "")


def _page(
    desk: Desk, cell: ReliefCell, programme: str, page: int, rows: Sequence[StaffRow], moves: bool
) -> StaffList:
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    return StaffList(
        moves,
        _summary(desk, rows, moves),
        tuple(rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        page,
        pages,
        _("Page {page} of {pages}").format(page=page, pages=pages),
        desk.cell_url(cell, programme, page - 1) if page > 1 else "",
        desk.cell_url(cell, programme, page + 1) if page < pages else "",
    )


def _summary(desk: Desk, rows: Sequence[StaffRow], moves: bool) -> str:
    number = desk.text.number
    if not moves:
        return ngettext("{count} agent placed.", "{count} agents placed.", len(rows)).format(
            count=number(len(rows))
        )
    if not rows:
        return _("Nobody of this client changes place or programme.")
    count = Counter(row.tone for row in rows)
    relief, pause, spare, isolated, stranded = (count[tone] for tone in _REASONS)
    told = (
        (ngettext("{count} moves or steps in", "{count} move or step in", relief), relief),
        (
            ngettext(
                "{count} keeps the post, break moved", "{count} keep the post, break moved", pause
            ),
            pause,
        ),
        (ngettext("{count} goes into reserve", "{count} go into reserve", spare), spare),
        (ngettext("{count} is isolated", "{count} are isolated", isolated), isolated),
        (npgettext("agents", "{count} cannot work", "{count} cannot work", stranded), stranded),
    )
    parts = [words.format(count=number(people)) for words, people in told if people]
    return desk.text.list(parts) + "."
