"""A plan as one reader may see it, and the addresses of its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from releve.live.api import IdentityCache
from releve.plan.client_view import narrow_plan
from releve.plan.result import Plan, ReliefCell


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
    def client_names(self) -> dict[str, str]:
        return dict(self.plan.clients)

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
