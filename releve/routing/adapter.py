"""The interface of adapters to telephony systems: publish a whole generation, read it back.

An adapter is a small folder of its own: ``from_environment`` reads its settings, the class beside
it does the rest. To write one, copy ``file_csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from releve.routing.generation import Generation

__all__ = ["Adapter", "AdapterLimits", "ObservedGeneration", "PublishReceipt"]


@dataclass(frozen=True, slots=True)
class AdapterLimits:
    """Limits of a system: ``step`` is the smallest weight it distinguishes, ``atomic`` whether all
    programmes change at one instant, ``settles_seconds`` how long after its answer a publication
    may take to have its effect (0: at the answer)."""

    step: float
    atomic: bool
    settles_seconds: float


@dataclass(frozen=True, slots=True)
class PublishReceipt:
    """A publication that was accepted; ``reference`` is the system's own name for it, if any."""

    number: int
    digest: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ObservedGeneration:
    """The generation by which a system says it routes. ``whole`` is False when its content does not
    match its own digest (truncated, or changed by hand)."""

    number: int
    digest: str
    at: datetime | None
    whole: bool = True


class Adapter(Protocol):
    """One telephony system."""

    @property
    def name(self) -> str:
        """Name in settings, effects and the ledger."""
        ...

    @property
    def limits(self) -> AdapterLimits:
        """Limits of the system."""
        ...

    def publish(self, generation: Generation, *, key: str) -> PublishReceipt:
        """Publish a generation, all of it or nothing.

        ``key`` is the same on every try of the same publication; publishing the current generation
        again changes nothing. Raises a :class:`~releve.routing.errors.RoutingError`.
        """
        ...

    def read_back(self) -> ObservedGeneration | None:
        """Return the generation by which the system routes; None when it has none or cannot say."""
        ...
