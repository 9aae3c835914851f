"""Packages: what an operator would lend, prepared, dated and priced before anything happens.

An offer is a package, the half hours and the agents that a plan can spare
(:func:`releve.plan.spare.find_spare`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releve.errors import Phrase, join_lines
from releve.network import day_bounds
from releve.sector.openings import Row, SectorError, SectorOffer, read_number, read_word

__all__ = ["ReliefPackage", "build_offers", "number_half_hours", "read_packages"]

CURRENCY = "EUR"
HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, order=True)
class ReliefPackage:
    """Agents that can be lent on the same terms."""

    package: str
    giver: str
    destination: str
    skill: str
    """Kind of work, language and place, like ``inbound:fr:home``."""
    tools: str
    hours_to_start: int
    block: int
    price_cents: int
    """Euro cents for one agent in one half hour."""
    valid_from: date
    valid_to: date
    accreditation: str = ""
    annex: str = ""
    """Name of the annex on data protection."""


def read_packages(rows: Iterable[Row]) -> tuple[ReliefPackage, ...]:
    """Return packages in order; SectorError names all faults of their rows at once."""
    faults: list[str] = []
    found: dict[tuple[str, str], ReliefPackage] = {}
    for number, row in enumerate(rows, 2):
        where = Phrase("{0}, row {1}", "packages.csv", number)
        name, giver, destination, skill, tools = (
            read_word(where, row, column, faults)
            for column in ("package", "giver", "destination", "skill", "tools")
        )
        hours = read_number(where, row, "hours_to_start", faults)
        block = read_number(where, row, "block", faults, 1)
        price = read_number(where, row, "price_cents", faults)
        currency = (row.get("currency") or "").strip()
        if currency != CURRENCY:
            faults.append(
                Phrase(
                    "{0}: currency must be {1}, got {2}: convert it",
                    where,
                    CURRENCY,
                    repr(currency),
                )
            )
        first, last = (_read_day(where, row, name, faults) for name in ("valid_from", "valid_to"))
        if first > last:
            faults.append(Phrase("{0}: valid_from is after valid_to: correct one of them", where))
        if (giver, name) in found:
            faults.append(
                Phrase("{0}: package {1} of {2} is there twice: remove one row", where, name, giver)
            )
        found[giver, name] = ReliefPackage(
            name, giver, destination, skill, tools, hours, block, price, first, last,
            (row.get("accreditation") or "").strip(), (row.get("annex") or "").strip(),
        )  # fmt: skip
    if faults:
        raise SectorError(join_lines(faults))
    return tuple(sorted(found.values()))


def number_half_hours(starts: Sequence[datetime], day: date, time_zone: str) -> dict[int, int]:
    """Return the half hour of the sector's day for each half hour of a plan's, by position.

    Half hours of another day of the sector are left out. SectorError where the two do not start on
    the same minutes.
    """
    first, last = day_bounds(day, time_zone)
    if starts and (starts[0] - first) % HALF_HOUR:
        raise SectorError(
            Phrase(
                "the half hours of the plan do not fall on those of {0}: plan in a time zone"
                " that differs by whole half hours",
                time_zone,
            )
        )
    return {
        t: (start - first) // HALF_HOUR for t, start in enumerate(starts) if first <= start < last
    }


def build_offers(
    packages: Sequence[ReliefPackage],
    giver: str,
    spare: Mapping[tuple[str, str], Mapping[int, int]],
    asked_at: int,
    day: date,
) -> tuple[tuple[SectorOffer, ...], tuple[tuple[str, str], ...]]:
    """Return the offers of an operator, and the (skill, destination) that it cannot offer.

    ``spare`` agents by (skill, destination) and half hour of the sector's day; ``asked_at`` the
    half hour at which help is asked for: a package starts its ``hours_to_start`` later. Of several
    packages the cheapest is used. SectorError for one that is out of date.
    """
    mine = [one for one in packages if one.giver == giver]
    stale = [one for one in mine if not one.valid_from <= day <= one.valid_to]
    if stale:
        raise SectorError(join_lines(
            Phrase("package {0} is valid from {1} to {2}, not on {3}: renew it or take it out",
                   one.package, one.valid_from, one.valid_to, day)
            for one in stale
        ))  # fmt: skip
    offers, missing = [], []
    for (skill, destination), agents in sorted(spare.items()):
        fitting = [one for one in mine if (one.skill, one.destination) == (skill, destination)]
        if not fitting:
            missing.append((skill, destination))
            continue
        best = min(fitting, key=lambda one: (one.price_cents, one.package))
        first = asked_at + 2 * best.hours_to_start
        left = tuple((t, count) for t, count in sorted(agents.items()) if t >= first and count)
        if left:
            offers.append(
                SectorOffer(
                    f"{giver}/{best.package}", giver, destination, skill, best.block,
                    best.price_cents, left,
                )
            )  # fmt: skip
    return tuple(offers), tuple(missing)


def _read_day(where: str, row: Row, column: str, faults: list[str]) -> date:
    text = (row.get(column) or "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.append(
            Phrase("{0}: {1} must be a day like 2026-12-01, got {2}", where, column, repr(text))
        )
        return date.min
