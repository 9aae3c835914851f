"""The list of who moves says when a break was and when it becomes."""

from __future__ import annotations

from dataclasses import replace

from django.template.loader import render_to_string
from django.utils.translation import override

from releve.desk.plan import words
from releve.desk.plan.page import CellPage, cell_page, show_plan
from releve.plan import Move
from releve.plan.result import Placement
from tests.desk.fixture_plan import synthetic_plan
from tests.plan.tiny_operators import at

BEFORE = Placement("a1", "casa-1", "azur-1", at("08:00"), at("16:00"), at("12:00"), at("12:30"))


def page_with(move: Move) -> CellPage:
    plan = synthetic_plan()
    scenario = replace(plan.scenarios["site:rabat-1"], moves=(move,))
    plan = replace(plan, scenarios={**plan.scenarios, "site:rabat-1": scenario})
    return cell_page(show_plan(plan, [plan.day]), plan.cell["azur", "site:rabat-1"])


def test_a_break_that_moves_is_listed_with_both_times() -> None:
    move = Move("a1", BEFORE, replace(BEFORE, break_start=at("13:00"), break_end=at("13:30")), "break")
    page = page_with(move)
    with override("en"):
        html = render_to_string("desk/plan/_staff.html", {"page": page, "staff": words.staff_page(page, 1)})
    assert "break 12:00–12:30 → 13:00–13:30" in html


def test_a_break_that_stays_is_not_repeated() -> None:
    moved = Move("a1", BEFORE, replace(BEFORE, place="home"), "relief")
    page = page_with(moved)
    assert words.break_change(moved, page) == ""
    assert words.break_change(Move("a1", BEFORE, None, "stranded"), page) == ""
    none = replace(BEFORE, break_start=None, break_end=None)
    with override("en"):
        assert words.break_change(Move("a1", none, BEFORE, "relief"), page) == "break none → 12:00–12:30"
