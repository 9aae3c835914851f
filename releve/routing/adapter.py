"""The interface of adapters to telephony systems: a desired state, and what a system really holds.

A publication is never "done": it is planned against what the system holds, applied, and observed
until the system holds it (:mod:`releve.routing.convergence`). An adapter is a small folder of its
own: ``from_environment`` reads its settings, the class beside it does the rest. To write one, copy
``file_csv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from releve.routing.generation import Generation

__all__ = [
    "Adapter",
    "ObservedRoute",
    "PublishReceipt",
    "RouteChange",
    "RoutingCapabilities",
    "RoutingPlan",
    "RoutingSnapshot",
    "plan_changes",
]

Scope = Literal["site_weights", "dead_sites", "outbound_gate"]


@dataclass(frozen=True, slots=True)
class RoutingCapabilities:
    """What a system can do.

    ``scopes``: what it takes (``site_weights``) and finds out by itself (``dead_sites``). ``step``
    is the smallest weight it distinguishes, ``atomic`` what changes at one instant. After its
    answer a publication may take ``settles_seconds`` to have its effect (0: at the answer), and is
    alarming after ``deadline_seconds``. ``observes``: whether it tells its routes, only which
    generation it holds, or nothing. ``needs_human``: a person carries it out there.
    """

    scopes: frozenset[Scope]
    step: float
    atomic: Literal["all", "per_programme", "per_item"]
    settles_seconds: float
    deadline_seconds: float
    observes: Literal["routes", "generation", "nothing"]
    needs_human: bool = False


@dataclass(frozen=True, slots=True)
class PublishReceipt:
    """A publication that was accepted; ``digest`` is what the system says when it holds it,
    ``reference`` its own name for it, if any."""

    number: int
    digest: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ObservedRoute:
    """A place of a programme as a system holds it: our wish (``open``, ``weight``), and apart from
    it the system's own finding whether the place ``answers``."""

    open: bool
    weight: float
    answers: bool = True


@dataclass(frozen=True, slots=True)
class RoutingSnapshot:
    """What a system holds. ``whole`` is False when its content does not match its own digest
    (truncated, or changed by hand); ``routes`` is None where it does not tell them."""

    number: int
    digest: str
    at: datetime | None
    whole: bool = True
    routes: Mapping[tuple[str, str], ObservedRoute] | None = None

    @property
    def dead_places(self) -> tuple[str, ...]:
        """Places that are open by our wish and do not answer by the system's finding."""
        routes = self.routes or {}
        return tuple(
            sorted({place for (_, place), row in routes.items() if row.open and not row.answers})
        )


@dataclass(frozen=True, slots=True)
class RouteChange:
    """One step of a plan: a place of a programme before and after, None where it has no row."""

    programme: str
    place: str
    before: ObservedRoute | None
    after: ObservedRoute | None


@dataclass(frozen=True)
class RoutingPlan:
    """What publishing a generation changes at a system; ``changes`` is None where the system does
    not tell its routes. ``unserved`` names programmes that no place will serve."""

    generation: Generation
    changes: tuple[RouteChange, ...] | None
    unserved: tuple[str, ...] = ()


class Adapter(Protocol):
    """One telephony system."""

    @property
    def name(self) -> str:
        """Name in settings, effects and the ledger."""
        ...

    @property
    def capabilities(self) -> RoutingCapabilities:
        """What the system can do."""
        ...

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        """Return the steps from what the system holds to a generation, without any effect.

        :class:`~releve.routing.errors.EmptySet` or ``Rejected`` when it may not be published.
        """
        ...

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Publish the plan's generation, all of it or nothing.

        ``key`` is the same on every try of the same publication; publishing the current generation
        again changes nothing. Raises a :class:`~releve.routing.errors.RoutingError`.
        """
        ...

    def observe(self) -> RoutingSnapshot | None:
        """Return what the system holds; None when it holds nothing or cannot say."""
        ...


def plan_changes(
    generation: Generation,
    snapshot: RoutingSnapshot | None,
    wished: Mapping[tuple[str, str], ObservedRoute] | None = None,
) -> RoutingPlan:
    """Return the plan from a snapshot to a generation; :class:`EmptySet` when it opens nothing.

    ``wished`` are the routes as the system would say them, those of the generation by default.
    """
    generation.refuse_if_empty()
    if snapshot is not None and snapshot.routes is None:
        return RoutingPlan(generation, None, generation.unserved)
    if wished is None:
        wished = {
            (programme, route.place): ObservedRoute(route.open, route.weight)
            for programme, routes in generation.routes.items()
            for route in routes
        }
    held = {} if snapshot is None else snapshot.routes or {}
    changes = tuple(
        RouteChange(*key, held.get(key), wished.get(key))
        for key in sorted({*held, *wished})
        if _wish(held.get(key)) != _wish(wished.get(key))
    )
    return RoutingPlan(generation, changes, generation.unserved)


def _wish(route: ObservedRoute | None) -> tuple[bool, float] | None:
    return None if route is None else (route.open, round(route.weight, 4))
