"""What a purchase does to an operator: laptops, skills, vehicles; seats are a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count, islice

from releve.network import Authorisation, Operator, Vehicle
from releve.plan.candidate_groups import choose_new_carriers
from releve.plan.result import Purchase

__all__ = ["apply_purchases", "count_new_seats", "sum_cost", "summarize_purchases"]


def apply_purchases(operator: Operator, purchases: Iterable[Purchase]) -> Operator:
    """Return the operator with the laptops, skills and vehicles bought.

    A new line belongs to the carrier with the fewest agents in the destination, or to none where no
    agent works at home yet. A vehicle is like the one that is named, permits included. Seats have
    no place until they are set up: see :func:`count_new_seats`.
    """
    agents = dict(operator.agent)
    carrier = choose_new_carriers(operator)
    vehicles, permits = list(operator.vehicles), list(operator.authorisations)
    for one in purchases:
        if one.kind == "vehicle":
            _add_vehicles(vehicles, permits, one)
        for name in one.agents:
            row = agents[name]
            if one.kind == "laptop":
                line = carrier.get(operator.site[row.home_site].destination, "")
                agents[name] = replace(row, home_ready=True, carrier=line)
            else:
                agents[name] = replace(row, skills=(*row.skills, one.programme))
    return replace(
        operator,
        agents=tuple(agents[row.id] for row in operator.agents),
        vehicles=tuple(vehicles),
        authorisations=tuple(permits),
    )


def _add_vehicles(vehicles: list[Vehicle], permits: list[Authorisation], one: Purchase) -> None:
    """Add vehicles like the one that a purchase names."""
    like = next(row for row in vehicles if row.id == one.where)
    held = [row for row in permits if row.kind == "vehicle" and row.subject == like.id]
    taken = {row.id for row in vehicles}
    free = (name for n in count(1) if (name := f"{like.id}-more-{n}") not in taken)
    for name in islice(free, one.count):
        vehicles.append(replace(like, id=name))
        permits += [replace(row, id=f"{row.id} {name}", subject=name) for row in held]


def count_new_seats(purchases: Iterable[Purchase]) -> Counter[str]:
    """Return how many seats are bought for each site."""
    seats: Counter[str] = Counter()
    for one in purchases:
        if one.kind == "seat":
            seats[one.where] += one.count
    return seats


def sum_cost(purchases: Iterable[Purchase]) -> float:
    """Return what purchases cost together, in EUR."""
    return sum(one.price for one in purchases)


def summarize_purchases(purchases: Iterable[Purchase]) -> str:
    """Return how much of each kind is bought, like ``5 laptops, 3 trained``."""
    count: Counter[str] = Counter()
    for one in purchases:
        count[one.kind] += one.count
    words = {"laptop": "laptops", "skill": "trained", "seat": "seats", "vehicle": "vehicles"}
    return ", ".join(f"{count[kind]} {words[kind]}" for kind in words if count[kind]) or "nothing"
