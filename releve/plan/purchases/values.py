"""What a purchase does to an operator: laptops and skills for people; seats are a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from releve.network import Operator
from releve.plan.candidate_groups import choose_new_carriers
from releve.plan.result import Purchase

__all__ = ["apply_purchases", "count_new_seats", "sum_cost", "summarize_purchases"]


def apply_purchases(operator: Operator, purchases: Iterable[Purchase]) -> Operator:
    """Return the operator with the laptops and skills bought.

    A new line belongs to the carrier with the fewest agents in the destination, or to none where no
    agent works at home yet. Seats have no place until they are set up: see :func:`count_new_seats`.
    """
    agents = dict(operator.agent)
    carrier = choose_new_carriers(operator)
    for one in purchases:
        for name in one.agents:
            row = agents[name]
            if one.kind == "laptop":
                line = carrier.get(operator.site[row.home_site].destination, "")
                agents[name] = replace(row, home_ready=True, carrier=line)
            else:
                agents[name] = replace(row, skills=(*row.skills, one.programme))
    return replace(operator, agents=tuple(agents[row.id] for row in operator.agents))


def count_new_seats(purchases: Iterable[Purchase]) -> Counter[str]:
    """Return how many seats are bought for each site."""
    seats: Counter[str] = Counter()
    for one in purchases:
        if one.kind == "seat":
            seats[one.where] += one.count
    return seats


def sum_cost(purchases: Iterable[Purchase]) -> float:
    """Return what purchases cost together, in EUR."""
    return sum(one.count * one.unit_price for one in purchases)


def summarize_purchases(purchases: Iterable[Purchase]) -> str:
    """Return how much of each kind is bought, like ``5 laptops, 3 trained``."""
    count: Counter[str] = Counter()
    for one in purchases:
        count[one.kind] += one.count
    words = {"laptop": "laptops", "skill": "trained", "seat": "seats"}
    return ", ".join(f"{count[kind]} {words[kind]}" for kind in words if count[kind]) or "nothing"
