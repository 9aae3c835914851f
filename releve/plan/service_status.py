"""How a client is served: one judgement, one word and one colour for every page, letter and command.

:func:`judge_service` judges a planned day, or hours ahead; :func:`judge_client` a client who may be short
now. :func:`find_tone` gives the colour and the icon, in few steps of how much is missing: pages name
them by the codes (``is-thin``, ``i-thin``). The limits are those of the client's plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from releve.errors import Phrase

COVERED = 1 - 1e-6
"""From this share of the requirement on nothing is missing, but for rounding."""
_HAIR = 1e-9


class Status(StrEnum):
    """How a client is served, the gravest first."""

    SHORT_NOW = "short_now"
    """Something is missing in the running half hour; no plan has it."""
    MISSED = "missed"
    OUT_OF_REACH = "contract"
    """No plan can do better; the value is that of stored plans."""
    UNKNOWN = "unknown"
    THIN = "thin"
    SHORT_LATER = "short_later"
    """The target is met, no half hour is thin, and something is missing; no plan has it."""
    HELD = "held"

    @property
    def label(self) -> Phrase:
        """The word for it, in every face."""
        return _LABELS[self]

    def explain(self, target: str, thin: str) -> Phrase:
        """Return what it says, of the plan's target and its thin limit."""
        match self:
            case Status.SHORT_NOW:
                return Phrase("something is missing in this half hour")
            case Status.MISSED:
                return Phrase("more than {0} of the day missing", target)
            case Status.OUT_OF_REACH:
                return Phrase("more than {0} of the day missing, and no plan can do better", target)
            case Status.UNKNOWN:
                return Phrase("no forecast, so no requirement")
            case Status.THIN:
                return Phrase("at most {0} of the day missing, some half hour below {1}", target, thin)
        return Phrase("at most {0} of the day missing, every half hour at {1} or more", target, thin)

    @property
    def is_met(self) -> bool:
        """Whether the target is met: held, thin or not."""
        return self in (Status.HELD, Status.SHORT_LATER, Status.THIN)


_LABELS = {
    Status.SHORT_NOW: Phrase("short now"),
    Status.MISSED: Phrase("missed"),
    Status.OUT_OF_REACH: Phrase("out of reach"),
    Status.UNKNOWN: Phrase("unknown"),
    Status.THIN: Phrase("held, thin"),
    Status.SHORT_LATER: Phrase("held, short for a time"),
    Status.HELD: Phrase("held"),
}
SEVERITY: tuple[Status, ...] = tuple(Status)
"""Statuses, the gravest first."""
PLANNED_STATUSES: tuple[Status, ...] = tuple(
    status for status in Status if status not in (Status.SHORT_NOW, Status.SHORT_LATER)
)
"""Those that a plan has, the gravest first."""


class Tone(StrEnum):
    """The colour and the icon of a status, the gravest first; the status is written beside it."""

    MISSED = "missed"
    """Far short: less is covered than the thin limit."""
    LOW = "low"
    """Short: between the thin limit and the target."""
    OUT_OF_REACH = "contract"
    UNKNOWN = "unknown"
    THIN = "thin"
    NEAR = "near"
    """A little short: no more is missing than the target allows."""
    HELD = "held"


def judge_service(missing: float, least: float, target: float, thin: float, *, floor: float = 0.0) -> Status:
    """Return how a client with a known requirement is served.

    ``missing`` is the share of the requirement that is missing, ``least`` the coverage of the worst
    half hour, ``floor`` the least that could be missing if the client had every agent to itself.
    ``target`` and ``thin`` are the plan's limits of the first two.
    """
    if missing > target + _HAIR:
        return Status.OUT_OF_REACH if floor > target + _HAIR else Status.MISSED
    return Status.THIN if least < thin - _HAIR else Status.HELD


def judge_client(
    now: float | None, worst: float | None, missing: float, target: float, thin: float, *, known: bool = True
) -> Status:
    """Return a client's status from its coverage now and at worst and the share that is missing.

    ``now`` and ``worst`` are None where nothing is required; ``target`` is the largest share that may be
    missing, ``thin`` the least coverage of an interval. Not ``known``: of some programme the requirement is
    not, so that the client is not said to be held.
    """
    if worst is None:
        return Status.UNKNOWN
    if now is not None and now < COVERED:
        return Status.SHORT_NOW
    status = judge_service(missing, worst, target, thin)
    if status is not Status.HELD:
        return status
    if worst < COVERED:
        return Status.SHORT_LATER
    return Status.HELD if known else Status.UNKNOWN


def find_tone(status: Status, share: float | None, target: float, thin: float) -> Tone:
    """Return the colour of a status; ``share`` is the coverage that it speaks of (None: not known).

    That is the coverage now of a client who is short now, else that of the worst half hour. The steps are
    the limits of :func:`judge_service`.
    """
    if status in (Status.HELD, Status.THIN, Status.OUT_OF_REACH, Status.UNKNOWN):
        return Tone(str(status))
    tone = Tone.MISSED if share is None else find_share_tone(share, target, thin)
    if tone in (Tone.HELD, Tone.NEAR):
        return Tone.NEAR
    return Tone.THIN if status is Status.SHORT_LATER else tone


def find_share_tone(share: float | None, target: float, thin: float) -> Tone:
    """Return the colour of a coverage by itself, whatever status stands beside it; None: nothing is required."""
    if share is None:
        return Tone.UNKNOWN
    if share >= COVERED:
        return Tone.HELD
    if share >= 1 - target - _HAIR:
        return Tone.NEAR
    return Tone.LOW if share >= thin - _HAIR else Tone.MISSED


def phrase_status(status: Status, tone: Tone) -> Phrase:
    """Return the word for how a client is served: how much is missing now, else how the hours ahead are served."""
    if status is Status.SHORT_NOW:
        return _SHORT_NOW[tone]
    return Phrase("missed later") if status is Status.MISSED else status.label


_SHORT_NOW = {
    Tone.MISSED: Phrase("far short now"),
    Tone.LOW: Phrase("short now"),
    Tone.NEAR: Phrase("a little short now"),
}


def find_gravest(statuses: Iterable[Status]) -> Status:
    """Return the gravest of some statuses; held where there is none."""
    return min(statuses, key=SEVERITY.index, default=Status.HELD)


def phrase_security(statuses: Iterable[Status]) -> Phrase:
    """Return in a sentence how many clients are held whatever single place is lost."""
    found = list(statuses)
    held, thin = sum(one.is_met for one in found), found.count(Status.THIN)
    if not thin:
        return Phrase("N-1: {0} of {1} clients held whichever single place is lost", held, len(found))
    return Phrase(
        "N-1: {0} of {1} clients held whichever single place is lost, {2} of them thin", held, len(found), thin
    )
