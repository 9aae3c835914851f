"""What every adapter to a telephony system is: it takes a whole generation, and can be read back.

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
    """What a system can do: ``step`` the smallest weight it can tell apart, ``atomic`` whether all
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
    """What a system says it routes by. ``whole`` is False when what it holds is not what its own
    digest says (cut, or changed by hand)."""

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
        """What the system can do."""
        ...

    def publish(self, generation: Generation, *, key: str) -> PublishReceipt:
        """Publish a generation, all of it or nothing.

        ``key`` is the same on every try of the same publication; publishing again what is there
        is no change. Raises a :class:`~releve.routing.errors.RoutingError`.
        """
        ...

    def read_back(self) -> ObservedGeneration | None:
        """Return what the system routes by; None when it holds nothing yet or cannot tell."""
        ...
