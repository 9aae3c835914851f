"""The routes to publish: for each programme, the share of its calls that each place takes.

A generation is the whole wanted state, never a change to it, so publishing it twice or skipping one
leaves nothing behind. Its digest is computed from its rows as text, so that a reader detects a
truncated or altered set. No error quotes a secret, nor more than the other side's status.

RoutingError
├── Unreachable   no answer, not in time, or "not now": the same publication is tried again
├── Rejected      the system refused: another attempt would be refused too
├── EmptySet      no place is open for any programme: refused before anything is sent
└── Stale         the system holds a newer generation already: there is nothing left to do
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from releve.errors import ReleveError
from releve.network import HOME, UTC, Operator, parse_sip_address


class RoutingError(ReleveError):
    """A publication that did not take place."""


class Unreachable(RoutingError):  # noqa: N818 (a word of the trade)
    """The system did not answer, or asked to come back later."""


class Rejected(RoutingError):  # noqa: N818 (a word of the trade)
    """The system refused the publication."""


class EmptySet(RoutingError):  # noqa: N818 (a word of the trade)
    """Nothing would be open: published, it would close every programme."""


class Stale(RoutingError):  # noqa: N818 (a word of the trade)
    """The system already holds a newer generation."""


COLUMNS = ("programme", "place", "state", "people", "weight")
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Route:
    """One place of one programme.

    ``people`` effective agents there (home work at its efficiency) and ``weight`` their share of
    the programme's, between 0 and 1; both 0 where the place is not ``open``.
    """

    place: str
    open: bool
    people: float
    weight: float

    def __post_init__(self) -> None:
        _require(0 <= self.weight <= 1, "0 <= weight <= 1", self.weight)
        _require(self.people >= 0, "people >= 0", self.people)
        _require(self.open or self.weight == 0, "weight == 0 where closed", self.weight)


@dataclass(frozen=True)
class Generation:
    """The routes of every programme from ``valid_from`` on; ``number`` rises by publication.

    ``stream`` is ``live`` or a drill's. ``addresses`` gives the SIP URI of each place that has one,
    ``dialled`` the numbers by which callers reach a programme; both are those of the operator's
    tables at the time, and no part of the digest. ValueError when the weights of a programme do not
    add up to 1 (or to 0 for one without agents) or a place is named twice.
    """

    stream: str
    number: int
    valid_from: datetime
    routes: Mapping[str, Sequence[Route]]
    addresses: Mapping[str, str] = field(default_factory=dict)
    dialled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.number >= 1, "number >= 1", self.number)
        _require(self.valid_from.tzinfo is not None, "valid_from has a zone", self.valid_from)
        for programme, routes in self.routes.items():
            total = sum(route.weight for route in routes)
            exact = any(abs(total - whole) < 10**-DECIMALS / 2 for whole in (0, 1))
            _require(exact, f"weights of {programme} add up to 1 or 0", total)
            places = [route.place for route in routes]
            _require(len(set(places)) == len(places), f"{programme} names a place once", places)

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The routes as text, in one order, under :data:`COLUMNS`."""
        return tuple(
            (
                programme,
                route.place,
                "open" if route.open else "closed",
                f"{route.people:.{DECIMALS}f}",
                f"{route.weight:.{DECIMALS}f}",
            )
            for programme in sorted(self.routes)
            for route in sorted(self.routes[programme], key=lambda one: one.place)
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of stream, number, start and rows, in hexadecimal."""
        return compute_digest(self.stream, self.number, self.instant, self.rows)

    @cached_property
    def content(self) -> str:
        """SHA-256 of the rows alone: equal where two generations route alike."""
        return compute_digest("", 0, "", self.rows)

    @property
    def instant(self) -> str:
        """``valid_from`` as text, in UTC."""
        return self.valid_from.astimezone(UTC).isoformat(timespec="seconds")

    @property
    def unserved(self) -> tuple[str, ...]:
        """Programmes that no place serves."""
        return tuple(
            programme for programme, routes in sorted(self.routes.items()) if not any(route.weight for route in routes)
        )

    def refuse_if_empty(self) -> None:
        """Raise :class:`EmptySet` when no place would be open for any programme."""
        if len(self.unserved) == len(self.routes):
            raise EmptySet(f"generation {self.number} opens no place for any programme")


def compute_digest(stream: str, number: int, instant: str, rows: Sequence[Sequence[str]]) -> str:
    """Return the digest of a generation from its text; fields are separated by their lengths."""
    hasher = hashlib.sha256()
    for cell in (stream, str(number), instant, *(cell for row in rows for cell in row)):
        data = cell.encode()
        hasher.update(f"{len(data)}:".encode() + data)
    return hasher.hexdigest()


def compute_shares(people: Mapping[str, float], closed: frozenset[str]) -> tuple[Route, ...]:
    """Return the routes of one programme from the people at each place; closed places at zero.

    Weights are rounded so that they add up to exactly 1: the largest remainders are rounded up.
    """
    open_to = {place: n for place, n in people.items() if place not in closed and n > 0}
    units = split_units(open_to, 10**DECIMALS)
    return tuple(
        Route(place, place not in closed, round(open_to.get(place, 0.0), DECIMALS), units.get(place, 0) / 10**DECIMALS)
        for place in sorted({*people, *closed})
    )


def split_units(amounts: Mapping[str, float], units: int) -> dict[str, int]:
    """Return whole units in proportion to amounts, adding up to ``units``, by largest remainders.

    Empty where the amounts add up to nothing; ties go to the first name.
    """
    total = sum(amounts.values())
    if total <= 0:
        return {}
    exact = {place: amount * units / total for place, amount in amounts.items()}
    shares = {place: int(share) for place, share in exact.items()}
    left = units - sum(shares.values())
    for place in sorted(exact, key=lambda name: (shares[name] - exact[name], name))[:left]:
        shares[place] += 1
    return shares


def _require(holds: bool, condition: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{condition} does not hold, got {value!r}")


def list_addresses(operator: Operator) -> dict[str, str]:
    """Return the SIP URI of each place that has one, home work included."""
    texts = {site.id: site.sip_address for site in operator.sites}
    texts[HOME] = operator.row.home_sip_address
    return {place: parse_sip_address(text).uri for place, text in texts.items() if text}


def list_dialled(operator: Operator) -> dict[str, tuple[str, ...]]:
    """Return the numbers of each inbound programme that has any."""
    return {row.id: tuple(row.numbers) for row in operator.programmes if row.kind == "inbound" and row.numbers}
