"""What an explanation says is what solving again gives."""

from __future__ import annotations

from datetime import date

import pytest

from releve.network import Operator, sample_operator
from releve.plan import BASE, SolvedDay, list_contingencies, solve_day
from releve.plan.explain import explain_shortfall
from releve.plan.week import require_day

DAY = date(2026, 12, 1)


@pytest.fixture(scope="module")
def solved() -> tuple[Operator, SolvedDay]:
    operator = sample_operator(200, 3, 1)
    sites = [c for c in list_contingencies(operator) if c.kind == "site"]
    return operator, solve_day(operator, require_day(operator, DAY), contingencies=sites)


def worst(day: SolvedDay) -> tuple[str, str]:
    """Return the client and the site loss with the most missing in whole people."""
    planning = day.planning
    _, client, row = max(
        (float(relief.plan.missing[c]), c, row)
        for row, relief in enumerate(planning.reliefs)
        for c in range(len(planning.problem.clients))
    )
    return planning.problem.clients[client], planning.contingencies[row].id


def test_a_shortfall_names_what_binds(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    client, contingency = worst(day)
    found = explain_shortfall(operator, day, client, contingency)
    assert found.missing > 0
    assert found.bindings
    assert all(one.price > 0 for one in found.bindings)
    assert {one.rule for one in found.bindings} <= {"seats", "people"}


def test_one_more_of_something_never_leaves_the_client_with_more_than_it_missed(
    solved: tuple[Operator, SolvedDay],
) -> None:
    """A purchase that helps by its dual gains no more than the client misses."""
    operator, day = solved
    client, contingency = worst(day)
    found = explain_shortfall(operator, day, client, contingency)
    assert found.one_more
    assert all(one.slope > 0 for one in found.one_more)
    assert all(one.gain <= found.missing + 1e-6 for one in found.one_more)
    assert {one.kind for one in found.one_more} <= {"laptop", "skill", "seat"}


def test_the_base_day_is_explained_too(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    client, _ = worst(day)
    assert explain_shortfall(operator, day, client).contingency == BASE


def test_an_unknown_client_or_loss_is_named_with_those_known(solved: tuple[Operator, SolvedDay]) -> None:
    operator, day = solved
    with pytest.raises(ValueError, match="no client 'unknown'; clients: "):
        explain_shortfall(operator, day, "unknown")
    client, _ = worst(day)
    with pytest.raises(ValueError, match="no contingency 'site:moon'; known: base, site:"):
        explain_shortfall(operator, day, client, "site:moon")
