"""One operator with an agent of each kind that matters, and a lawful team on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from releve.network import Shuttle, Stop
from releve.plan.result import Contingency, Move, Placement
from releve.plan.settings import PlanSettings
from tests.plan.checker_plans import plan_of, put, stand_down
from tests.plan.tiny_operators import Tiny, agent, operator_of, programme, requirement_of, shift, site

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)


def three_sites() -> Tiny:
    """Sites a and b (7 km apart, Morocco) and c (Tunisia); one agent of each kind that matters.

    Client k has p; client l has q (site-only) and r (Morocco only).
    """
    agents = [
        agent("a1", "a", "p", "q", carrier="Red"),
        agent("a2", "a", "p", stop="x"),
        agent("a3", "a", "p", "r"),
        agent("b1", "b", "p", "r", own_transport=True),
        agent("c1", "c", "p", "r", carrier="Blue"),
        agent("c2", "c", "p"),
    ]
    tomorrow = shift("c2", "08:00", "10:00")
    shifts = [shift(name, "08:00", "10:00", 30.0) for name in ("a1", "a2", "a3", "b1")]
    shifts += [
        shift("c1", "08:00", "10:00"),
        replace(tomorrow, start=tomorrow.start + timedelta(days=1), end=tomorrow.end + timedelta(days=1)),
    ]
    operator = operator_of(
        [site("a"), site("b", "MA", 33.55, -7.65), site("c", "TN", 36.8, 10.2)],
        {"a": (3, 2.0), "b": (2, 2.0), "c": (3, 2.0)},
        [
            programme("p", "k", home_efficiency=0.9),
            programme("q", "l", place="site_only"),
            programme("r", "l", allowed_destinations=("MA",)),
        ],
        agents,
        shifts,
        stops=(Stop("x", "X", 33.5, -7.6),),
        shuttles=(Shuttle("x", "c", 60.0), Shuttle("x", "b", 60.5)),
    )
    needs = {("p", "08:00"): 2, ("p", "09:00"): 3, ("q", "08:30"): 1, ("r", "09:30"): 1}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


REST = ("09:00", "09:30")
TEAM = {
    row.agent: row
    for row in (
        put("a1", "a", "q", "08:00", "10:00", REST),
        put("a2", "c", "p", "08:00", "10:00", ("08:30", "09:00")),
        put("b1", "b", "r", "08:00", "10:00", REST),
        put("c1", "home", "p", "08:00", "10:00"),
    )
}


def team(*changed: Placement, without: str = "") -> list[Placement]:
    rows = TEAM | {row.agent: row for row in changed}
    return [row for name, row in rows.items() if name != without]


def only(found: Sequence[str], *parts: str) -> None:
    """Assert that there is one sentence and that it holds every part."""
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]
    assert found[0].endswith(".")


def case_lost(case: Tiny, name: str) -> Contingency:
    return next(row for row in plan_of(case, []).contingencies if row.id == name)


def loss_of(case: Tiny, name: str) -> tuple[Move, ...]:
    return stand_down(case, team(), case_lost(case, name))
