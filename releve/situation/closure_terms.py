"""A closure while it lasts, and what the reopening of its site takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from releve.network import Operator
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation
from releve.situation.validation import merge_reopening_terms

__all__ = ["ClosureTerms", "find_closure_terms"]


@dataclass(frozen=True, slots=True)
class ClosureTerms:
    """What is done of what the reopening of a site takes.

    ``home_only``: its people may work at home alone. ``checklist`` has who did each item, empty
    while it is to be done.
    """

    home_only: bool
    checklist: Mapping[str, str]
    approvals: int
    approvals_needed: int


def find_closure_terms(
    situation: Situation, site: str, operator: Operator, rules: SituationRules
) -> ClosureTerms | None:
    """Return the terms on which a site is closed; None while it is open."""
    closure = situation.site(site).closure
    if closure is None:
        return None
    terms = merge_reopening_terms(closure, site, operator, rules)
    done = dict(closure.done)
    return ClosureTerms(
        home_only=closure.home_only,
        checklist={row.id: done.get(row.id, "") for row in terms.checklist},
        approvals=len(closure.approvals),
        approvals_needed=terms.approvals,
    )
