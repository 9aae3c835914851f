"""What did the harm: each cause by what a quarter loses less without it, or by its share.

Where quarters were lived again without each cause, their differences are shown, and the share of
each cause beside them; else the shares alone. The page says which it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.crashtest import ClientResult, CrashResult
from releve.crashtest.outbreak import Estimate
from releve.desk.crashtest.sentences import change, number, share
from releve.desk.crashtest.svg import Bar, Shape, range_bar
from releve.desk.crashtest.words import cause_word
from releve.desk.text import Text

_SHARED: Mapping[str, tuple[str, ...]] = {"outbreak": ("illness", "closure")}
"""The causes among which what the outbreak takes is shared out."""


@dataclass(frozen=True, slots=True)
class CauseView:
    """A cause as a bar with its interval: calls a quarter; ``occurs`` in how many quarters;
    ``beside`` its share."""

    name: str
    bar: Bar
    whisker: Shape
    lost: str
    occurs: str
    beside: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A client's cells: calls a quarter by cause; the shade 0 to 4 goes by size."""

    name: str
    cells: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class HarmView:
    """``said``: what the figures are; ``helps``: causes that spare more than they cost."""

    said: str
    causes: tuple[CauseView, ...]
    helps: tuple[str, ...]
    matrix_title: str
    matrix_head: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]


@dataclass(frozen=True)
class _Row:
    name: str
    lost: Estimate
    occurs: Estimate
    by_client: Mapping[str, float]
    beside: str = ""


def harm_view(result: CrashResult, clients: Sequence[ClientResult], text: Text) -> HarmView:
    """Return what did the harm, in the order of ``clients``."""
    rows = list(_removed(result, text) if result.removed else _shared(result))
    worst = [row for row in rows if row.lost.value > 0]
    if result.removed:
        title = _("Client by cause: calls a quarter loses less without it")
    else:
        title = _("Client by cause: calls lost a quarter")
    return HarmView(
        said=_said(result, text),
        causes=tuple(_bars(worst, text)),
        helps=tuple(_help(row, text) for row in rows if row.lost.high < 0),
        matrix_title=title,
        matrix_head=tuple(row.name for row in worst),
        matrix=tuple(_matrix(clients, worst, text)),
    )


def _said(result: CrashResult, text: Text) -> str:
    if not result.removed:
        return _(
            "Calls lost a quarter beyond a calm one, shared among the causes of the day by the "
            "people each took: a share, not what would be saved without the cause. The line is the "
            "interval of the mean."
        )
    return _(
        "{count} quarters were lived again with one cause switched off and all other luck the "
        "same: the bar is what a quarter loses less, the line its interval. Two causes that take "
        "the same people can each be to blame for the same call, so bars need not add up."
    ).format(count=text.number(result.removed_quarters))


def _removed(result: CrashResult, text: Text) -> Iterator[_Row]:
    lost = {row.cause: row.lost.value for row in result.causes}
    for row in result.removed:
        part = sum(lost.get(cause, 0.0) for cause in _SHARED.get(row.cause, (row.cause,)))
        yield _Row(
            cause_word("rule" if row.cause == "closure" else row.cause, row.name),
            row.lost,
            row.changes,
            {name: one.value for name, one in row.lost_by_client.items()},
            _("share of that day’s causes: {calls}").format(calls=small(part, text)),
        )


def _shared(result: CrashResult) -> Iterator[_Row]:
    for row in result.causes:
        yield _Row(cause_word(row.cause, row.name), row.lost, row.occurs, row.lost_by_client)


def _bars(rows: Sequence[_Row], text: Text) -> Iterator[CauseView]:
    tops = (row.lost.high if math.isfinite(row.lost.high) else row.lost.value for row in rows)
    top = max(tops, default=0.0)
    for row in rows:
        bar, whisker = range_bar(row.lost.value, row.lost.low, row.lost.high, top)
        shown = number(row.lost, text) if row.lost.low >= 0 else change(row.lost, text)
        yield CauseView(row.name, bar, whisker, shown, share(row.occurs, text, 0), row.beside)


def _help(row: _Row, text: Text) -> str:
    """Say that a cause spares calls: so does a rule that keeps an outbreak small."""
    less = Estimate(-row.lost.value, -row.lost.high, -row.lost.low)
    return _("{cause} spares more than it costs: without it, {calls} more calls are lost.").format(
        cause=row.name, calls=number(less, text)
    )


def _matrix(
    clients: Sequence[ClientResult], rows: Sequence[_Row], text: Text
) -> Iterator[MatrixRow]:
    values = [[row.by_client.get(client.client, 0.0) for row in rows] for client in clients]
    top = max((value for line in values for value in line), default=0.0)
    for client, line in zip(clients, values, strict=True):
        cells = tuple((_shade(value, top), small(value, text)) for value in line)
        yield MatrixRow(client.name, cells)


def _shade(value: float, top: float) -> int:
    """Return 0 for nothing, 4 for the most, by square root: small losses stay visible."""
    return 0 if value <= 0 or top <= 0 else max(1, math.ceil(4 * math.sqrt(value / top) - 1e-9))


def small(value: float, text: Text) -> str:
    """Return a number of which little is shown as ``< 0.1``, never as none."""
    if 0 < value < 0.05:
        return f"<\u00a0{text.number(0.1, 1)}"
    return text.number(value, 0 if abs(value) >= 10 or value == 0 else 1)
