"""What a bulletin hides, held against attackers from outside, from inside, and a leaver's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.plugins.sector.engine.disclosure import (
    CellSums,
    EarlierDay,
    MaskedJudge,
    PlainJudge,
    choose_publication,
    is_safe,
    round_count,
)
from tests.sector.attackers import (
    RULE,
    attack_by_leave,
    attack_from_inside,
    attack_from_outside,
    bound_cells,
    publish_days,
    solve_cells,
)

SEEDS = range(20)


def test_no_attacker_reads_a_figure_in_a_month_of_random_tables() -> None:
    hidden = shown = 0
    for seed in SEEDS:
        tables = publish_days(seed)
        assert attack_by_leave(tables) == []
        for table in tables[::5]:
            shown += len(table.shown)
            hidden += len(table.groups) + 1 - len(table.shown)
            assert attack_from_outside(table) == []
            largest = sorted(table.figures, key=lambda m: -sum(table.figures[m].values()))[:3]
            assert attack_from_inside(table, largest) == []
    assert hidden > 50
    assert shown > 50


def test_the_closed_form_of_the_attackers_is_that_of_a_linear_programme() -> None:
    for seed in range(4):
        for table in publish_days(seed, 2):
            for own in (None, table.figures[min(table.figures)]):
                found = bound_cells(table, own)
                assert found.keys() == (solved := solve_cells(table, own)).keys()
                for name, ends in found.items():
                    assert ends == pytest.approx(solved[name])


def test_the_leaver_is_read_where_each_bulletin_is_judged_alone() -> None:
    read = [seed for seed in SEEDS if attack_by_leave(publish_days(seed, history=False))]
    assert len(read) > len(SEEDS) / 2


@pytest.mark.parametrize(
    ("figures", "safe"),
    [
        ([100, 100, 100, 100, 100], True),
        ([100, 100, 100, 100, 0], False),  # four contribute
        ([301, 100, 100, 50, 50], False),  # the largest has more than half
        ([300, 100, 100, 50, 50], True),
        ([100, 60, 40, 5, 4], False),  # two members together are within a tenth of the largest
        ([100, 60, 40, 5, 5], True),
    ],
)
def test_a_cell_is_judged_on_both_sides_of_each_rule(figures: list[int], safe: bool) -> None:
    assert is_safe(figures, RULE) is safe


def test_one_hidden_group_under_a_published_total_takes_a_second_one() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    for member in ("m0", "m1", "m2"):
        row[member]["SN"] = 60
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    found = choose_publication(PlainJudge(row, RULE, persistent=True), groups, [])
    assert found.total
    assert found.groups == {"MA"}


def test_neither_a_hidden_group_nor_a_hidden_total_is_left_within_a_tenth() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    for member in ("m0", "m1", "m2"):
        row[member]["SN"] = 2
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    found = choose_publication(PlainJudge(row, RULE, persistent=True), groups, [])
    assert (found.groups, found.total) == (set(), True)


def test_a_group_split_off_an_earlier_one_shows_not_the_rest_of_it() -> None:
    row = {f"m{i}": {"MA": 100} for i in range(6)}
    row["m0"]["TN"] = 200
    groups = {where: frozenset([where]) for where in ("MA", "TN")}
    judge = PlainJudge(row, RULE, persistent=True)
    merged = EarlierDay((frozenset(["MA", "TN"]),), row)
    assert choose_publication(judge, groups, []).groups == {"MA"}
    assert choose_publication(judge, groups, [merged]).groups == set()


def test_a_group_in_which_no_member_works_hides_nothing_until_one_did() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    judge = PlainJudge(row, RULE, persistent=True)
    found = choose_publication(judge, groups, [])
    assert (found.groups, found.total) == ({"MA", "SN", "TN"}, True)
    before = EarlierDay((), {**row, "m0": {**row["m0"], "SN": 40}})
    assert "SN" not in choose_publication(judge, groups, [before]).groups


def test_a_member_that_is_missing_or_falls_to_zero_hides_its_cells_alone() -> None:
    groups = {where: frozenset([where]) for where in ("MA", "TN")}
    before = {f"m{i}": {"MA": 100, "TN": 90} for i in range(7)}
    before["m6"] = {"MA": 80}
    earlier = EarlierDay(tuple(groups.values()), before)
    for now in ({m: before[m] for m in list(before)[:6]}, {**before, "m6": {"MA": 0}}):
        found = choose_publication(PlainJudge(now, RULE, persistent=True), groups, [earlier])
        assert found.groups == {"TN"}
        assert not found.total


def test_regrouped_destinations_show_no_difference() -> None:
    figures = {f"m{i}": {"MA": 100 + i} for i in range(6)}
    figures["m0"]["SN"] = 40
    alone = EarlierDay((frozenset(["MA"]),), figures)
    merged = {"other": frozenset(["MA", "SN"])}
    judge = PlainJudge(figures, RULE, persistent=True)
    assert choose_publication(judge, merged, [], with_total=False).groups == {"other"}
    assert choose_publication(judge, merged, [alone], with_total=False).groups == set()


@given(st.lists(st.integers(0, 5000), min_size=3, max_size=25))
def test_what_the_masked_judge_lets_through_the_plain_one_does(figures: list[int]) -> None:
    unit = frozenset(["MA"])
    above = sum(x > 0 for x in figures)
    sums = CellSums(len(figures), above, sum(figures), sum(x * x for x in figures))
    masked = MaskedJudge({unit: sums}, [], RULE, persistent=True)
    if masked.is_safe_unit(unit):
        assert is_safe(figures, RULE)


@given(st.integers(0, 10_000))
def test_a_count_is_rounded_to_the_nearest_five(count: int) -> None:
    assert abs(round_count(count, 5) - count) <= 2.5
    assert round_count(count, 5) % 5 == 0
