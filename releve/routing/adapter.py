"""The interface of adapters to telephony systems, their choice, and whether a system has converged.

A publication is never "done": it is planned against what the system holds, applied, and observed
until the system holds it. A system's state goes from ``pending`` (not accepted yet) by ``applied``
(accepted, not seen there) to ``confirmed``; ``diverged`` holds something else although it had time
to settle, ``silent`` accepted and does not answer now, ``timed_out`` is past its deadline.
``from_environment`` of each adapter reads its settings. To write one, copy ``file_csv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.routing.generation import Generation

Scope = Literal["site_weights", "dead_sites", "outbound_gate"]
Tried = Literal["program", "file", "description", "stand_in"]
"""What an adapter was tried against: the real program, a real file, a stand-in made from the vendor's published
description (not the vendor's service), or a stand-in of our own."""


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
        return tuple(sorted({place for (_, place), row in routes.items() if row.open and not row.answers}))


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
    @property
    def name(self) -> str:
        """Name in settings, effects and the ledger."""
        ...

    @property
    def tried(self) -> Tried:
        """What it was tried against; the desk shows it."""
        ...

    @property
    def capabilities(self) -> RoutingCapabilities:
        """What the system can do."""
        ...

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        """Return the steps from what the system holds to a generation, without any effect.

        :class:`~releve.routing.generation.EmptySet` or ``Rejected`` when it may not be published.
        """
        ...

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Publish the plan's generation, all of it or nothing.

        ``key`` is the same on every try of the same publication; publishing the current generation
        again changes nothing. Raises a :class:`~releve.routing.generation.RoutingError`.
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


ConvergenceState = Literal["pending", "applied", "confirmed", "diverged", "silent", "timed_out"]


def judge_convergence(
    number: int,
    capabilities: RoutingCapabilities,
    snapshot: RoutingSnapshot | None,
    *,
    queued_at: datetime,
    accepted_at: datetime | None,
    digest: str,
    now: datetime,
    answers: bool = True,
) -> ConvergenceState:
    """Return the state of a system towards generation ``number``, queued at an instant.

    ``accepted_at`` and ``digest`` are those of its receipt, None and empty without one;
    ``snapshot`` is None where the system holds nothing, cannot say or does not answer (not
    ``answers``).
    """
    late = now - queued_at > timedelta(seconds=capabilities.deadline_seconds)
    held = snapshot is not None and snapshot.whole and snapshot.number == number
    if held and snapshot is not None and digest in ("", snapshot.digest):
        return "confirmed"
    if accepted_at is None:
        return "timed_out" if late else "pending"
    if not answers:
        return "silent"
    if snapshot is None and capabilities.observes != "routes":
        return "applied"
    settled = now - accepted_at > timedelta(seconds=capabilities.settles_seconds)
    if snapshot is not None and settled:
        return "diverged"
    return "timed_out" if late and settled else "applied"


KINDS = {
    "amazon-connect": "amazon_connect.AmazonConnect",
    "file_csv": "file_csv.FileCsv",
    "genesys-cloud": "genesys_cloud.GenesysCloud",
    "kamailio": "kamailio.KamailioProxy",
    "lookup": "lookup.Lookup",
    "webhook": "webhook.Webhook",
}
"""What ``RELEVE_ROUTING`` may name -> module and class in ``releve.routing``; of ``kamailio`` one adapter per proxy.
One is imported where it is named: an HTTP client takes a tenth of a command's start."""


def build_adapters(environ: Mapping[str, str], home: Path) -> tuple[Adapter, ...]:
    """Return the adapters that ``RELEVE_ROUTING`` names, separated by commas; a file by default.

    ImproperlyConfigured names the faulty variable.
    """
    named = environment.read_text(environ, "RELEVE_ROUTING", "file_csv").split(",")
    names = [name.strip() for name in named]
    unknown = [name for name in names if name not in KINDS]
    if unknown or len(set(names)) != len(names):
        known = ", ".join(KINDS)
        raise ImproperlyConfigured(f"RELEVE_ROUTING must name some of {known}, each once, got {','.join(names)!r}")
    return tuple(adapter for name in names for adapter in _build_kind(name, environ, home))


def find_tried(name: str) -> Tried | None:
    """Return what the adapter of a name was tried against; None where there is no such kind."""
    path = KINDS.get(name.partition(":")[0])
    if path is None:
        return None
    module, _, kind = path.partition(".")
    tried: Tried = getattr(import_module(f"releve.routing.{module}"), kind).tried
    return tried


def _build_kind(name: str, environ: Mapping[str, str], home: Path) -> tuple[Adapter, ...]:
    package = import_module(f"releve.routing.{KINDS[name].partition('.')[0]}")
    found: Adapter | tuple[Adapter, ...] = package.from_environment(environ, home)
    return found if isinstance(found, tuple) else (found,)
