"""What changes in a person's work, in one kind: what pages count, lists name and messages say.

All that counts, lists or notifies people whose work changes decides by :func:`describe_change`. Only
what is ahead counts: a shift that is over, and a break that was taken, change nothing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from releve.errors import NumberPhrase, Phrase
from releve.network import HOME
from releve.plan.result import Placement

Span = tuple[datetime, datetime]


class WorkKind(StrEnum):
    """How a person's work changes, what a person must know first at the top."""

    LEAVES = "leaves"
    KEPT_AWAY = "kept_away"
    HOME = "home"
    SITE = "site"
    CALLED_IN = "called_in"
    RELEASED = "released"
    HOURS = "hours"
    PROGRAMME = "programme"
    RIDE = "ride"
    BREAK = "break"
    NONE = "none"

    @property
    def label(self) -> Phrase:
        return _LABELS[self]

    @property
    def asks_answer(self) -> bool:
        """Whether a person is asked to confirm it, and called without an answer."""
        return self not in (WorkKind.BREAK, WorkKind.NONE)

    @property
    def is_move(self) -> bool:
        """Whether a relief moves the person: all but rides, breaks, and agents without a shift who stay away."""
        return self.asks_answer and self not in (WorkKind.KEPT_AWAY, WorkKind.RIDE)


_LABELS = {
    WorkKind.LEAVES: Phrase("leave the site, without work elsewhere"),
    WorkKind.KEPT_AWAY: Phrase("in reserve, do not come to the site"),
    WorkKind.HOME: Phrase("work at home"),
    WorkKind.SITE: Phrase("work on a site, or on another one"),
    WorkKind.CALLED_IN: Phrase("called in"),
    WorkKind.RELEASED: Phrase("released, go home"),
    WorkKind.HOURS: Phrase("work other hours"),
    WorkKind.PROGRAMME: Phrase("work for another programme"),
    WorkKind.RIDE: Phrase("take another shuttle"),
    WorkKind.BREAK: Phrase("have their break at another time"),
    WorkKind.NONE: Phrase("work as before"),
}
_WAYS: tuple[tuple[Callable[[Phrase], Phrase], tuple[WorkKind, ...]], ...] = (
    (lambda people: Phrase("{0} at home", people), (WorkKind.HOME,)),
    (lambda people: Phrase("{0} to a site", people), (WorkKind.SITE,)),
    (lambda people: Phrase("{0} called in", people), (WorkKind.CALLED_IN,)),
    (lambda people: Phrase("{0} at other hours", people), (WorkKind.HOURS,)),
    (lambda people: Phrase("{0} to another programme", people), (WorkKind.PROGRAMME,)),
    (lambda people: Phrase("{0} without work", people), (WorkKind.LEAVES, WorkKind.RELEASED)),
    (lambda people: Phrase("{0} in reserve who stay away", people), (WorkKind.KEPT_AWAY,)),
    (lambda people: Phrase("{0} on another shuttle", people), (WorkKind.RIDE,)),
)
"""What a count of people whose work changes is made of: kinds that a reader takes together."""


@dataclass(frozen=True, slots=True)
class WorkChange:
    """The kind of a change and from when it holds; None where nothing changes, or no hour is known."""

    kind: WorkKind
    since: datetime | None = None


NO_CHANGE = WorkChange(WorkKind.NONE)


def describe_change(
    before: Placement | None,
    after: Placement | None,
    at: datetime | None = None,
    *,
    lost: Collection[str] = (),
    kept_away: bool = False,
    other_rides: bool = False,
) -> WorkChange:
    """Return how one duty of a person changes from ``at`` on (None: all of it counts).

    None: without a placement. ``lost`` are the sites lost; ``kept_away``: an agent in reserve whose own
    site is among them; ``other_rides``: the rides ahead differ.
    """
    had, has = (None if row is None or (at is not None and row.end <= at) else row for row in (before, after))
    if had is None and has is None:
        return WorkChange(WorkKind.KEPT_AWAY if kept_away else WorkKind.RIDE if other_rides else WorkKind.NONE)
    if has is None:
        assert had is not None
        return WorkChange(WorkKind.LEAVES if had.place in lost else WorkKind.RELEASED, _start_ahead(had.start, at))
    since = _start_ahead(has.start, at)
    if had is None:
        return WorkChange(WorkKind.CALLED_IN, since)
    if had.place != has.place:
        return WorkChange(WorkKind.HOME if has.place == HOME else WorkKind.SITE, since)
    worked, works = (_list_ahead(row.list_periods(), at, clip=True) for row in (had, has))
    if worked != works:
        return WorkChange(WorkKind.HOURS, min(_find_differing(worked, works)))
    if had.programme != has.programme:
        return WorkChange(WorkKind.PROGRAMME, since)
    if other_rides:
        return WorkChange(WorkKind.RIDE, since)
    paused, pauses = (_list_ahead(list_breaks(row), at) for row in (had, has))
    if paused != pauses:
        return WorkChange(WorkKind.BREAK, min(_find_differing(paused, pauses)))
    return NO_CHANGE


def list_breaks(row: Placement) -> list[Span]:
    """Return the breaks of a placement in their order, without the gaps of a split shift."""
    pauses = [(one.start, one.end) for one in row.pauses if not one.away]
    return sorted([*pauses, *([(row.break_start, row.break_end)] if row.break_start and row.break_end else [])])


def _start_ahead(start: datetime, at: datetime | None) -> datetime:
    return start if at is None else max(start, at)


def _list_ahead(spans: Iterable[Span], at: datetime | None, *, clip: bool = False) -> list[Span]:
    """Return the spans that are not over; those that run begin at ``at`` where they are clipped."""
    if at is None:
        return list(spans)
    return [(max(start, at) if clip else start, end) for start, end in spans if end > at]


def _find_differing(before: Collection[Span], after: Collection[Span]) -> list[datetime]:
    """Return when the spans begin that are not in both."""
    return [start for start, _ in {*before} ^ {*after}]


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many people's work changes in a kind: each person counts once, by the first kind of theirs."""

    kind: WorkKind
    people: int


def count_kinds(changes: Iterable[tuple[str, WorkKind]]) -> tuple[KindCount, ...]:
    """Return how many people there are of each kind, in the order of kinds; those who work as before are in none.

    ``changes`` are agents with the kind of one of their duties.
    """
    order = list(WorkKind)
    first: dict[str, WorkKind] = {}
    for agent, kind in changes:
        first[agent] = min(first.get(agent, WorkKind.NONE), kind, key=order.index)
    found = Counter(first.values())
    return tuple(KindCount(kind, found[kind]) for kind in order if found[kind] and kind is not WorkKind.NONE)


def count_asked(kinds: Iterable[KindCount]) -> int:
    """Return how many people are asked for an answer."""
    return sum(row.people for row in kinds if row.kind.asks_answer)


def phrase_kinds(kinds: Sequence[KindCount]) -> Phrase:
    """Return what the people of :func:`count_asked` are: the sentence that stands wherever their count does.

    Its numbers add up to that count, so that who goes home without work is not read as moved.
    """
    counts = ((phrase, sum(row.people for row in kinds if row.kind in found)) for phrase, found in _WAYS)
    parts = [phrase(NumberPhrase(people)) for phrase, people in counts if people]
    return Phrase.restore(", ".join(f"{{{at}}}" for at in range(len(parts))), parts)


def encode_kinds(kinds: Iterable[KindCount]) -> list[list[Any]]:
    """Return counts by kind as they are stored: [kind, people]."""
    return [[row.kind.value, row.people] for row in kinds]


def decode_kinds(rows: Iterable[Sequence[Any]]) -> tuple[KindCount, ...]:
    """Return stored counts by kind."""
    return tuple(KindCount(WorkKind(kind), people) for kind, people in rows)
