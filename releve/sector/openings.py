"""Opened offers, requests and approvals of one clearing, sorted, with every fault of their rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from releve.errors import Phrase, ReleveError, join_lines

__all__ = [
    "Openings",
    "Row",
    "SectorError",
    "SectorOffer",
    "SectorRequest",
    "compare_formats",
    "parse_rows",
    "read_number",
    "read_openings",
    "read_word",
]

Row = Mapping[str, str | None]


class SectorError(ReleveError, ValueError):
    """Rows of a clearing that cannot be used; the message names each row and the fix."""


@dataclass(frozen=True, order=True)
class SectorOffer:
    """Agents that an operator offers, in blocks, in some half hours (0 = the first of the day)."""

    offer: str
    giver: str
    destination: str
    skill: str
    block: int
    """Agents are taken in multiples of it."""
    price_cents: int
    """Euro cents for one agent in one half hour."""
    agents: tuple[tuple[int, int], ...]
    """(half hour, agents offered), ascending."""


@dataclass(frozen=True, order=True)
class SectorRequest:
    """Agents that an operator lacks for one client, in some half hours."""

    request: str
    asker: str
    skill: str
    ceiling_cents: int
    """Highest price, in euro cents for one agent in one half hour."""
    agents: tuple[tuple[int, int], ...]
    """(half hour, agents needed), ascending."""


@dataclass(frozen=True)
class Openings:
    """All that a clearing depends on, in one order however the rows came."""

    offers: tuple[SectorOffer, ...]
    requests: tuple[SectorRequest, ...]
    approvals: frozenset[tuple[str, str, str]]
    """(request, operator, destination) that the request's client has approved."""

    def allows(self, offer: SectorOffer, request: SectorRequest) -> bool:
        """Return whether the offer may serve the request: approval, skill, price, two operators.

        A skill asked for is served by itself and by closer ones: ``inbound:fr`` by
        ``inbound:fr:home`` too.
        """
        return (
            (request.request, offer.giver, offer.destination) in self.approvals
            and f"{offer.skill}:".startswith(f"{request.skill}:")
            and offer.price_cents <= request.ceiling_cents
            and offer.giver != request.asker
        )


def read_openings(
    offers: Iterable[Row], requests: Iterable[Row], approvals: Iterable[Row]
) -> Openings:
    """Return the openings of the rows of three tables; SectorError names all faults at once.

    An offer or a request has one row per half hour; its other columns are the same in each.
    """
    faults: list[str] = []
    offered = _group(
        "offers.csv", offers, "offer", ("giver", "destination", "skill"),
        ("block", "price_cents"), faults,
    )  # fmt: skip
    asked = _group("requests.csv", requests, "request", ("asker", "skill"),
                   ("ceiling_cents",), faults)  # fmt: skip
    approved = set()
    for number, row in enumerate(approvals, 2):
        where = Phrase("{0}, row {1}", "approvals.csv", number)
        words = [
            read_word(where, row, name, faults) for name in ("request", "operator", "destination")
        ]
        if words[0] and words[0] not in asked:
            faults.append(
                Phrase("{0}: request {1} is not in requests.csv: correct its name", where, words[0])
            )
        approved.add((words[0], words[1], words[2]))
    if faults:
        raise SectorError(join_lines(faults))
    return Openings(
        tuple(
            SectorOffer(
                name, giver, destination, skill, block, price_cents, tuple(sorted(agents.items()))
            )
            for name, ((giver, destination, skill), (block, price_cents), agents) in sorted(
                offered.items()
            )
        ),
        tuple(
            SectorRequest(name, asker, skill, ceiling_cents, tuple(sorted(agents.items())))
            for name, ((asker, skill), (ceiling_cents,), agents) in sorted(asked.items())
        ),
        frozenset(approved),
    )


_Group = tuple[tuple[str, ...], tuple[int, ...], dict[int, int]]


def _group(
    table: str,
    rows: Iterable[Row],
    key: str,
    words: tuple[str, ...],
    numbers: tuple[str, ...],
    faults: list[str],
) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for number, row in enumerate(rows, 2):
        where = Phrase("{0}, row {1}", table, number)
        name = read_word(where, row, key, faults)
        texts = tuple(read_word(where, row, column, faults) for column in words)
        least = {"block": 1}
        values = tuple(
            read_number(where, row, column, faults, least.get(column, 0)) for column in numbers
        )
        half_hour = read_number(where, row, "half_hour", faults)
        agents = read_number(where, row, "agents", faults)
        group = groups.setdefault(name, (texts, values, {}))
        if group[:2] != (texts, values):
            faults.append(
                Phrase("{0}: {1} {2} differs from its first row: make them alike", where, key, name)
            )
        if half_hour in group[2]:
            faults.append(
                Phrase(
                    "{0}: {1} {2} has half hour {3} twice: remove one row",
                    where,
                    key,
                    name,
                    half_hour,
                )
            )
        group[2][half_hour] = agents
    return groups


def parse_rows(content: bytes) -> list[Row]:
    """Return the rows of a CSV table with a header; SectorError where it is not UTF-8 text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SectorError(Phrase("The file is not UTF-8 text: save it as CSV UTF-8.")) from error
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def compare_formats(expected: str, found: object) -> Phrase:
    """Return what to say of a text in another format than the one that this software reads."""
    return Phrase(
        "expected the format {0}, found {1}: member and clerk need versions of the software"
        " that write the same one", expected, str(found),
    )  # fmt: skip


def read_word(where: str, row: Row, column: str, faults: list[str]) -> str:
    """Return a text of a row; an empty one is added to ``faults``."""
    word = (row.get(column) or "").strip()
    if not word:
        faults.append(Phrase("{0}: {1} is empty: fill it in", where, column))
    return word


def read_number(where: str, row: Row, column: str, faults: list[str], least: int = 0) -> int:
    """Return a whole number of a row; what is wrong with it is added to ``faults``."""
    text = (row.get(column) or "").strip()
    if not (text.isascii() and text.isdigit() and least <= int(text) <= 1_000_000):
        faults.append(
            Phrase(
                "{0}: {1} must be a whole number from {2} to 1000000, got {3}",
                where,
                column,
                least,
                repr(text),
            )
        )
        return least
    return int(text)
