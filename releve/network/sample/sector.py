"""A made-up sector: operators of several sizes, and the terms on which they help each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from releve.network.operator import Operator
from releve.network.sample.draws import Draws, split_by_weight
from releve.network.sample.operator import FIRST_DAY, sample_operator

__all__ = ["SECTOR_TABLES", "sample_sector", "sample_sector_terms", "share_sizes"]

SECTOR_TABLES = {
    "packages.csv": (
        "package", "giver", "destination", "skill", "tools", "hours_to_start", "block",
        "price_cents", "currency", "valid_from", "valid_to", "accreditation", "annex",
    ),
    "ceilings.csv": ("asker", "client", "ceiling_cents"),
    "approvals.csv": ("asker", "client", "operator", "destination", "valid_from", "valid_to"),
    "exclusions.csv": ("asker", "client", "operator"),
}  # fmt: skip
"""The tables of terms and their columns; ``asker`` is the operator whose client it is."""
APPROVED = 0.6
"""Share of the other operators that a client of the sample has approved."""
EXCLUDED = 0.3
"""Share of the others that it excludes by name."""


@dataclass(frozen=True)
class MemberSize:
    """Name and size of an operator of the sample."""

    name: str
    agents: int
    sites: int
    seed: int


def share_sizes(operators: int, agents: int, sites: int, seed: int) -> tuple[MemberSize, ...]:
    """Return sizes that differ by up to a half and sum to what is asked, 2 sites each at least.

    ValueError quotes the condition that does not hold.
    """
    for holds, condition in (
        (2 <= operators <= 99, "2 <= operators <= 99"),
        (agents >= 60 * operators, "agents >= 60 * operators"),
        (sites >= 2 * operators, "sites >= 2 * operators"),
        (agents >= 60 * sites, "agents >= 60 * sites"),
    ):
        if not holds:
            raise ValueError(
                f"{condition} does not hold, got {operators} operators, {agents} agents, {sites}"
                " sites"
            )
    weights = Draws(seed, "sector").uniforms(operators, 1.0, 2.0)
    heads = split_by_weight(agents, weights, 60)
    places = split_by_weight(sites, weights, 2)
    return tuple(
        MemberSize(f"member-{i + 1:02}", int(heads[i]), int(places[i]), seed + i)
        for i in range(operators)
    )


def sample_sector(
    operators: int,
    agents: int,
    sites: int,
    seed: int,
    *,
    start: date = FIRST_DAY,
    weeks_of_history: int = 10,
) -> Iterator[tuple[str, Operator]]:
    """Yield the name and the tables of each operator, the same for the same arguments."""
    for one in share_sizes(operators, agents, sites, seed):
        made = sample_operator(
            one.agents, one.sites, one.seed, start=start, weeks_of_history=weeks_of_history
        )
        yield one.name, replace(made, row=replace(made.row, name=f"Prestataire fictif {one.name}"))


def sample_sector_terms(
    members: dict[str, Operator], seed: int, *, start: date = FIRST_DAY
) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of each table of terms (:data:`SECTOR_TABLES`)."""
    draws = Draws(seed, "sector terms")
    valid = (start.isoformat(), date(start.year + 1, start.month, min(start.day, 28)).isoformat())
    rows: dict[str, list[tuple[str, ...]]] = {name: [] for name in SECTOR_TABLES}
    places = {
        name: sorted({site.destination for site in made.sites}) for name, made in members.items()
    }
    for name, made in members.items():
        skills = sorted({f"{p.kind}:{lang}" for p in made.programmes for lang in p.languages})
        for destination in places[name]:
            for skill in skills:
                for place in ("home", "site"):
                    price = draws.whole(700, 1_100) + (0 if place == "home" else 100)
                    rows["packages.csv"].append(
                        (f"{destination}-{skill}-{place}", name, destination, f"{skill}:{place}",
                         "web desktop", "1", "1", str(price), "EUR", *valid, "", "annex-1")
                    )  # fmt: skip
        others = [other for other in members if other != name]
        for client in made.clients:
            rows["ceilings.csv"].append((name, client.id, str(draws.whole(900, 1_500))))
            for other in others:
                if draws.chance(APPROVED):
                    rows["approvals.csv"] += [
                        (name, client.id, other, destination, valid[0], "")
                        for destination in places[other]
                    ]
                elif draws.chance(EXCLUDED):
                    rows["exclusions.csv"].append((name, client.id, other))
    return rows
