"""One cell of the relief matrix as the page shows it: number, tone, words and link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.desk.presenters.text import Text
from releve.desk.presenters.words import Names, status_word
from releve.plan.contingency import Contingency
from releve.plan.result import SINGLE, Plan, ReliefCell

__all__ = ["CellView", "Desk", "cell_order"]


@dataclass(frozen=True, slots=True)
class CellView:
    """``coverage`` of the worst interval, ``day`` of the whole day; ``label`` says it in words."""

    tone: str
    word: str
    coverage: str
    day: str
    label: str
    client: str
    contingency: str
    url: str


@dataclass(frozen=True)
class Desk:
    """A plan, the words for it and the addresses of its pages; ``day`` is None for the first.

    ``whole`` is False when the plan is narrowed to some clients: what it says of others, of people
    and of prices is then left out, not zero.
    """

    plan: Plan
    text: Text
    day: date | None = None
    whole: bool = True

    @cached_property
    def names(self) -> Names:
        return Names(self.plan)

    @cached_property
    def cells(self) -> dict[tuple[str, str], ReliefCell]:
        return {(cell.client, cell.contingency): cell for cell in self.plan.cells}

    @cached_property
    def lost(self) -> dict[str, Contingency]:
        return {item.id: item for item in self.plan.contingencies}

    @cached_property
    def incurable(self) -> frozenset[tuple[str, str]]:
        """(contingency, client) pairs that no purchase cures."""
        return frozenset(self.plan.missing.incurable if self.plan.missing else ())

    def cured(self, cell: ReliefCell) -> bool:
        """Return whether the purchases make a cell hold; they are for the loss of one place."""
        missing = self.plan.missing
        if missing is None or not missing.purchases or not self.single(cell.contingency):
            return False
        left = {(contingency, client) for contingency, client, _ in missing.left}
        return (cell.contingency, cell.client) not in self.incurable | left

    def url(self, name: str, query: Mapping[str, str] | None = None, **parts: str) -> str:
        """Return the address of a page of this plan; empty parts of the query are left out."""
        day = {} if self.day is None else {"day": self.day.isoformat()}
        wanted = {key: value for key, value in {**day, **(query or {})}.items() if value}
        path = reverse(name, kwargs=parts)
        return f"{path}?{urlencode(wanted)}" if wanted else path

    def cell_url(self, cell: ReliefCell, programme: str = "", page: int = 1) -> str:
        """Return the address of a cell's page, for one of its programmes and one page of people."""
        query = {"programme": programme, "page": str(page) if page > 1 else ""}
        return self.url("cell", query, client=cell.client, contingency=cell.contingency)

    def single(self, key: str) -> bool:
        """Return whether a scenario loses one place or none: what N-1 counts."""
        return key not in self.lost or self.lost[key].kind in SINGLE

    def conditions(self, keys: Iterable[str]) -> str:
        """Return ``if A closes, if B closes or if C occurs``."""
        return self.text.either([_("if {loss}").format(loss=self.names.loss(k)) for k in keys])

    def columns(self, client: str) -> list[int]:
        """Return the positions of a client's programmes in the arrays."""
        return [at for at, (_p, owner, _n) in enumerate(self.plan.programmes) if owner == client]

    def unknown_programmes(self, client: str) -> list[str]:
        """Return the names of a client's programmes without a known requirement."""
        holes = np.asarray(np.isnan(self.plan.required).any(axis=0))
        return [self.plan.programmes[at][2] for at in self.columns(client) if holes[at]]

    def worst_time(self, cell: ReliefCell) -> str:
        """Return when a cell is at its worst, for a sentence; empty when nothing ever lacks."""
        if cell.worst_interval < 0 or cell.worst_coverage >= 1:
            return ""
        return self.text.time(self.plan.starts[cell.worst_interval])

    @cached_property
    def _views(self) -> dict[tuple[str, str], CellView]:
        return {}

    def view(self, cell: ReliefCell) -> CellView:
        """Return a cell of the plan as the page shows it: in the matrix and beside its client."""
        key = (cell.client, cell.contingency)
        if key not in self._views:
            self._views[key] = self._view(cell)
        return self._views[key]

    def _view(self, cell: ReliefCell) -> CellView:
        known = cell.status != "unknown"
        coverage = self.text.coverage(cell.worst_coverage) if known else "?"
        day = self.text.coverage(1 - cell.shortfall) if known else "?"
        word = status_word(cell.status)
        client = self.names.clients[cell.client]
        contingency = self.names.contingency(cell.contingency)
        label = _(
            "{client}, {contingency}: {word}; worst interval {coverage}, whole day {day}"
        ).format(client=client, contingency=contingency, word=word, coverage=coverage, day=day)
        url = self.cell_url(cell)
        return CellView(cell.status, word, coverage, day, label, client, contingency, url)


def cell_order(cell: ReliefCell) -> tuple[float, float]:
    """Sort key: the worst cell first."""
    return (-cell.shortfall, cell.worst_coverage)
