"""What is missing from a plan, and how good it is known to be: parts of the verdict page."""

from __future__ import annotations

from collections import Counter

from pydantic import Field

from releve.desk.page import PageModel
from releve.desk.plan.shown import ShownPlan
from releve.plan.result import Bound, PlannedSite, Purchase


class UncuredTarget(PageModel):
    """A target that stays missed; with the list bought, by how much."""

    client: str
    contingency: str
    share: float | None = Field(default=None, description="Of the client's day above the target")
    half_hours: float | None = Field(default=None, description="Agent half hours")


class PlannedPurchases(PageModel):
    """The cheapest set that cures what can be cured; prices in EUR."""

    purchases: tuple[Purchase, ...]
    cost: float
    lower_bound: float
    checked: bool = Field(description="Every curable client held when planned again")
    left: tuple[UncuredTarget, ...]
    incurable: tuple[UncuredTarget, ...]


class PlanProof(PageModel):
    """How good the plan is known to be, and what it was made with."""

    bound: Bound
    violations: tuple[str, ...] = Field(description="Rules broken, by the independent checker")
    settings: dict[str, float | int | str]
    sites: tuple[PlannedSite, ...]
    placed: dict[str, int] = Field(description="Agents placed by site, or at home")


def find_purchases(shown: ShownPlan) -> PlannedPurchases | None:
    """Return what is missing from a plan; None where that was not computed."""
    found = shown.plan.missing
    if found is None:
        return None
    return PlannedPurchases.from_row(
        found,
        left=tuple(
            UncuredTarget(
                client=client,
                contingency=key,
                share=share,
                half_hours=share * shown.plan.sum_required(client),
            )
            for key, client, share in found.left
        ),
        incurable=tuple(
            UncuredTarget(client=client, contingency=key) for key, client in found.incurable
        ),
    )


def build_proof(shown: ShownPlan) -> PlanProof:
    """Return how good a plan is known to be."""
    placed = Counter(item.place for item in shown.plan.placements)
    return PlanProof.from_row(shown.plan, placed=placed)
