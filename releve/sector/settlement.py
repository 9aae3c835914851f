"""What each asker owes each giver, from the agents delivered and never beyond those matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from releve.sector.matches import Clearing, ReliefMatch
from releve.sector.openings import Openings, Row, SectorError, read_number

__all__ = ["Payment", "read_delivered", "settle"]


@dataclass(frozen=True, order=True)
class Payment:
    """Euro cents that an asker owes a giver, for agent half hours delivered."""

    asker: str
    giver: str
    delivered: int
    cents: int


def read_delivered(rows: Iterable[Row], cleared: Clearing) -> tuple[ReliefMatch, ...]:
    """Return delivered rows; SectorError for one that has no match, is double or exceeds it."""
    faults: list[str] = []
    matched = {(one.offer, one.request, one.half_hour): one.agents for one in cleared.matches}
    found: dict[tuple[str, str, int], int] = {}
    for number, row in enumerate(rows, 2):
        where = f"delivered.csv, row {number}"
        half_hour = read_number(where, row, "half_hour", faults)
        agents = read_number(where, row, "agents", faults)
        key = ((row.get("offer") or "").strip(), (row.get("request") or "").strip(), half_hour)
        if key not in matched:
            faults.append(f"{where}: no match of that offer, request and half hour: remove the row")
        elif key in found:
            faults.append(f"{where}: the same match twice: remove one row")
        elif agents > matched[key]:
            faults.append(f"{where}: agents must be at most the {matched[key]} matched: lower them")
        found[key] = agents
    if faults:
        raise SectorError("\n".join(faults))
    return tuple(ReliefMatch(*key, agents) for key, agents in sorted(found.items()))


def settle(openings: Openings, delivered: Iterable[ReliefMatch]) -> tuple[Payment, ...]:
    """Return the payments of each pair of operators, at the prices of the offers."""
    offers = {one.offer: one for one in openings.offers}
    askers = {one.request: one.asker for one in openings.requests}
    count, cents = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in delivered:
        offer = offers[one.offer]
        pair = (askers[one.request], offer.giver)
        count[pair] += one.agents
        cents[pair] += one.agents * offer.price_cents
    return tuple(Payment(*pair, count[pair], cents[pair]) for pair in sorted(count))
