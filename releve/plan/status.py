"""The one vocabulary of verdicts: how a client is served, of a cell, a day or the hours ahead.

The plan, the command line, the desk, the API and the live hours all judge with
:func:`judge_service` and write :attr:`Status.label`; the desk's colours and icons bear the names of
the codes (``is-thin``, ``i-thin``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from releve.errors import Phrase

__all__ = ["SEVERITY", "Status", "find_gravest", "judge_service", "phrase_security"]

_HAIR = 1e-9


class Status(StrEnum):
    """How a client is served, the gravest first."""

    MISSED = "missed"
    CONTRACT = "contract"
    UNKNOWN = "unknown"
    THIN = "thin"
    HELD = "held"

    @property
    def label(self) -> Phrase:
        """The word for it, in every face."""
        return _LABELS[self]

    def explain(self, target: str, thin: str) -> Phrase:
        """Return what it says, of the plan's target and its thin limit."""
        match self:
            case Status.MISSED:
                return Phrase("more than {0} of the day missing", target)
            case Status.CONTRACT:
                return Phrase("more than {0} of the day missing, and no plan can do better", target)
            case Status.UNKNOWN:
                return Phrase("no forecast, so no requirement")
            case Status.THIN:
                return Phrase(
                    "at most {0} of the day missing, some half hour below {1}", target, thin
                )
        return Phrase(
            "at most {0} of the day missing, every half hour at {1} or more", target, thin
        )

    @property
    def is_met(self) -> bool:
        """Whether the target is met: held, thin or not."""
        return self in (Status.HELD, Status.THIN)


_LABELS = {
    Status.MISSED: Phrase("missed"),
    Status.CONTRACT: Phrase("contract problem"),
    Status.UNKNOWN: Phrase("unknown"),
    Status.THIN: Phrase("held, thin"),
    Status.HELD: Phrase("held"),
}
SEVERITY: tuple[Status, ...] = tuple(Status)
"""Statuses, the gravest first."""


def judge_service(
    missing: float, least: float, target: float, thin: float, *, floor: float = 0.0
) -> Status:
    """Return how a client is served whose requirement is known.

    ``missing`` is the share of the requirement that is missing, ``least`` the coverage of the worst
    half hour, ``floor`` the least that could be missing if the client had every agent to itself.
    ``target`` and ``thin`` are the plan's limits of the first two.
    """
    if missing > target + _HAIR:
        return Status.CONTRACT if floor > target + _HAIR else Status.MISSED
    return Status.THIN if least < thin - _HAIR else Status.HELD


def find_gravest(statuses: Iterable[Status]) -> Status:
    """Return the gravest of some statuses; held where there is none."""
    return min(statuses, key=SEVERITY.index, default=Status.HELD)


def phrase_security(statuses: Iterable[Status]) -> Phrase:
    """Return in a sentence how many clients are held whatever single place is lost."""
    found = list(statuses)
    held, thin = sum(one.is_met for one in found), found.count(Status.THIN)
    if not thin:
        return Phrase(
            "N-1: {0} of {1} clients held whichever single place is lost", held, len(found)
        )
    return Phrase(
        "N-1: {0} of {1} clients held whichever single place is lost, {2} of them thin",
        held,
        len(found),
        thin,
    )
