"""A plan as one reader may see it, and the addresses of its pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse

from releve.desk.plan.client_view import narrow_plan
from releve.live.api import IdentityCache
from releve.plan.contingency import Contingency
from releve.plan.result import SINGLE, Plan, ReliefCell


@dataclass(frozen=True)
class ShownPlan:
    """A plan with the days beside it and the default one; ``whole`` is False when narrowed.

    What a narrowed plan says of others, of people and of prices is left out, not zero.
    """

    plan: Plan
    days: tuple[date, ...]
    default: date
    whole: bool = True

    @cached_property
    def cells(self) -> dict[tuple[str, str], ReliefCell]:
        return {(cell.client, cell.contingency): cell for cell in self.plan.cells}

    @cached_property
    def client_names(self) -> dict[str, str]:
        return dict(self.plan.clients)

    @cached_property
    def _lost(self) -> dict[str, Contingency]:
        return {item.id: item for item in self.plan.contingencies}

    @cached_property
    def _not_cured(self) -> frozenset[tuple[str, str]]:
        """(contingency, client) pairs that the purchases leave missed or that none cures."""
        missing = self.plan.missing
        if missing is None:
            return frozenset()
        return frozenset([*missing.incurable, *((key, client) for key, client, _ in missing.left)])

    def is_cured(self, cell: ReliefCell) -> bool:
        """Return whether the purchases make a cell hold; they are for the loss of one place."""
        missing = self.plan.missing
        if missing is None or not missing.purchases or not self.is_single(cell.contingency):
            return False
        return (cell.contingency, cell.client) not in self._not_cured

    def is_single(self, contingency: str) -> bool:
        """Return whether a contingency loses one place or none: what N-1 counts."""
        return contingency not in self._lost or self._lost[contingency].kind in SINGLE

    def columns(self, client: str) -> list[int]:
        """Return the positions of a client's programmes in the arrays."""
        return [at for at, (_p, owner, _n) in enumerate(self.plan.programmes) if owner == client]

    def unknown_programmes(self, columns: Iterable[int]) -> tuple[str, ...]:
        """Return the names of the programmes without a known requirement."""
        holes = np.asarray(np.isnan(self.plan.required).any(axis=0))
        return tuple(self.plan.programmes[at][2] for at in columns if holes[at])

    def url(self, name: str, query: Mapping[str, str] | None = None, **parts: str) -> str:
        """Return the address of a page of this plan; it names the day unless it is the default."""
        day = {} if self.plan.day == self.default else {"day": self.plan.day.isoformat()}
        wanted = {key: value for key, value in {**day, **(query or {})}.items() if value}
        path = reverse(name, kwargs=parts)
        return f"{path}?{urlencode(wanted)}" if wanted else path

    def cell_url(self, cell: ReliefCell, programme: str = "") -> str:
        """Return the address of a cell's page, for all of its programmes or one of them."""
        query = {"programme": programme}
        return self.url("cell", query, client=cell.client, contingency=cell.contingency)


def show_plan(
    plan: Plan,
    days: Sequence[date],
    clients: frozenset[str] | None = None,
    default: date | None = None,
) -> ShownPlan:
    """Return a plan as a reader of all clients (None) or of some may see it.

    ``default`` is the day that an address without a day shows, by default the first. It is the same
    object for as long as the plan is.
    """
    first = default or days[0]

    def build() -> ShownPlan:
        if clients is None:
            return ShownPlan(plan, tuple(days), first)
        return ShownPlan(narrow_plan(plan, clients), tuple(days), first, whole=False)

    return _shown.get((plan.day, tuple(days), clients, first), (plan,), build)


_shown: IdentityCache[ShownPlan] = IdentityCache(64)
