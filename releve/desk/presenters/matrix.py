"""The relief matrix: clients down, contingencies across, the worst interval in each cell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext as _

from releve.desk.presenters.cells import CellView, Desk
from releve.desk.presenters.verdict import ClientView
from releve.desk.presenters.words import KINDS, kind_title, status_word
from releve.plan.result import BASE, ReliefCell
from releve.plan.settings import PlanSettings

__all__ = ["Column", "Group", "LegendItem", "Matrix", "Row", "matrix"]


_WIDE_FROM = 36


@dataclass(frozen=True, slots=True)
class Column:
    """A contingency at the head of a column; ``first`` of its group, ``wide`` for a long name."""

    name: str
    first: bool
    wide: bool
    clients_held: str
    moved: str


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring columns of one kind."""

    title: str
    span: int


@dataclass(frozen=True, slots=True)
class Row:
    """A client and its cells, each with whether it opens a group of columns."""

    client: ClientView
    cells: tuple[tuple[CellView | None, bool], ...]


@dataclass(frozen=True, slots=True)
class LegendItem:
    """What a status means, in the figures of this plan."""

    tone: str
    word: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole picture; rows are in the order of the verdicts, ``totals`` over all clients."""

    groups: tuple[Group, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    legend: tuple[LegendItem, ...]
    totals: bool


def matrix(desk: Desk, clients: tuple[ClientView, ...]) -> Matrix:
    """Return the matrix with its clients in the order given."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    lost = sorted(desk.plan.contingencies, key=lambda item: ranks.get(item.kind, len(ranks)))
    groups = [Group(_("Base"), 1)]
    firsts = {BASE}
    for kind, members in groupby(lost, key=lambda item: item.kind):
        ids = [item.id for item in members]
        groups.append(Group(kind_title(kind), len(ids)))
        firsts.add(ids[0])
    keys = (BASE, *(item.id for item in lost))
    return Matrix(
        tuple(groups),
        tuple(_column(desk, key, key in firsts) for key in keys),
        tuple(
            Row(
                client,
                tuple((_view(desk, client.id, key), key in firsts) for key in keys),
            )
            for client in clients
        ),
        _legend(desk),
        desk.whole,
    )


def _legend(desk: Desk) -> tuple[LegendItem, ...]:
    defaults, given = PlanSettings(), desk.plan.settings
    target = desk.text.percent(float(given.get("target", defaults.target)))
    thin = desk.text.percent(float(given.get("thin", defaults.thin)))
    meanings = {
        "held": _("at most {target} of the day missing, every half hour at {thin} or more"),
        "thin": _("at most {target} of the day missing, some half hour below {thin}"),
        "missed": _("more than {target} of the day missing"),
        "contract": _("more than {target} of the day missing, and no plan can do better"),
        "unknown": _("no forecast, so no requirement"),
    }
    return tuple(
        LegendItem(tone, status_word(tone), words.format(target=target, thin=thin))
        for tone, words in meanings.items()
    )


def _view(desk: Desk, client: str, key: str) -> CellView | None:
    cell = desk.cells.get((client, key))
    return None if cell is None else desk.view(cell)


def _column(desk: Desk, key: str, first: bool) -> Column:
    held = sum(_holds(desk.cells.get((client, key))) for client, _name in desk.plan.clients)
    scenario = desk.plan.scenarios.get(key)
    name = desk.names.contingency(key)
    return Column(
        name,
        first,
        len(name) > _WIDE_FROM,
        desk.text.number(held),
        desk.text.number(len(scenario.moves)) if scenario is not None else "?",
    )


def _holds(cell: ReliefCell | None) -> bool:
    return cell is not None and cell.status in ("held", "thin")
