"""What changes in a person's work has one kind, and what is over or the same has none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from releve.kernels.arrays import Floats
from releve.network import HOME
from releve.plan import Plan
from releve.plan.checker.rules import apply_moves
from releve.plan.coverage import Timeline, count_placed
from releve.plan.result import Pause, Placement
from releve.plan.work_changes import (
    NO_CHANGE,
    KindCount,
    WorkChange,
    WorkKind,
    count_asked,
    count_kinds,
    decode_kinds,
    describe_change,
    encode_kinds,
    phrase_kinds,
)
from tests.live.scenario import three_days
from tests.plan.tiny_operators import at

BEFORE = Placement("a1", "casa-1", "azur-1", at("08:00"), at("16:30"), at("12:00"), at("12:30"))
LATER_BREAK = {"break_start": at("13:00"), "break_end": at("13:30")}
NOW = at("10:30")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (BEFORE, BEFORE, NO_CHANGE),
        (None, None, NO_CHANGE),
        (BEFORE, None, WorkChange(WorkKind.LEAVES, NOW)),
        (replace(BEFORE, place="rabat-1"), None, WorkChange(WorkKind.RELEASED, NOW)),
        (BEFORE, replace(BEFORE, place=HOME, start=at("12:00")), WorkChange(WorkKind.HOME, at("12:00"))),
        (BEFORE, replace(BEFORE, place="rabat-1", start=at("12:30")), WorkChange(WorkKind.SITE, at("12:30"))),
        (replace(BEFORE, place=HOME), BEFORE, WorkChange(WorkKind.SITE, NOW)),
        (None, replace(BEFORE, start=at("11:30")), WorkChange(WorkKind.CALLED_IN, at("11:30"))),
        (BEFORE, replace(BEFORE, programme="azur-2", start=NOW), WorkChange(WorkKind.PROGRAMME, NOW)),
        (BEFORE, replace(BEFORE, end=at("18:00")), WorkChange(WorkKind.HOURS, NOW)),
        (BEFORE, replace(BEFORE, **LATER_BREAK), WorkChange(WorkKind.BREAK, at("12:00"))),
        (BEFORE, replace(BEFORE, start=NOW), NO_CHANGE),  # the rest of the same shift, as a relief has it
    ],
)
def test_a_change_has_one_kind_and_an_hour(
    before: Placement | None, after: Placement | None, found: WorkChange
) -> None:
    assert describe_change(before, after, NOW, lost={"casa-1"}) == found


def test_what_is_over_changes_nothing() -> None:
    evening, lunch = at("17:00"), at("14:00")
    assert describe_change(BEFORE, None, evening, lost={"casa-1"}) == NO_CHANGE
    assert describe_change(BEFORE, replace(BEFORE, place=HOME), evening) == NO_CHANGE
    assert describe_change(BEFORE, replace(BEFORE, **LATER_BREAK), lunch) == NO_CHANGE
    assert describe_change(BEFORE, replace(BEFORE, **LATER_BREAK)).kind is WorkKind.BREAK


def test_the_gap_of_a_split_shift_is_of_its_hours_and_its_other_break_is_a_break() -> None:
    gap, rest = Pause(at("12:30"), at("14:00"), away=True), Pause(at("15:00"), at("15:15"), away=False)
    split = replace(BEFORE, break_start=None, break_end=None, pauses=(gap, rest))
    longer = replace(split, pauses=(replace(gap, end=at("14:30")), rest))
    other = replace(split, pauses=(gap, replace(rest, start=at("15:30"), end=at("15:45"))))
    assert describe_change(split, longer).kind is WorkKind.HOURS
    assert describe_change(split, other) == WorkChange(WorkKind.BREAK, at("15:00"))


def test_reserve_of_a_lost_site_is_kept_away_and_another_ride_is_a_change() -> None:
    assert describe_change(None, None, NOW, kept_away=True).kind is WorkKind.KEPT_AWAY
    assert describe_change(BEFORE, BEFORE, NOW, other_rides=True) == WorkChange(WorkKind.RIDE, NOW)
    later = replace(BEFORE, **LATER_BREAK)
    assert describe_change(BEFORE, later, NOW, other_rides=True).kind is WorkKind.RIDE, "the ride asks for an answer"


def test_breaks_alone_ask_for_no_answer_and_each_person_counts_once() -> None:
    kinds = count_kinds(
        [
            ("a1", WorkKind.BREAK),
            ("a1", WorkKind.HOME),
            ("a2", WorkKind.BREAK),
            ("a3", WorkKind.NONE),
            ("a4", WorkKind.HOME),
        ]
    )
    assert kinds == (KindCount(WorkKind.HOME, 2), KindCount(WorkKind.BREAK, 1))
    assert count_asked(kinds) == 2
    asked = [kind for kind in WorkKind if kind.asks_answer]
    assert set(WorkKind) - set(asked) == {WorkKind.BREAK, WorkKind.NONE}
    assert all(kind.asks_answer for kind in WorkKind if kind.is_move)
    assert all(kind.label for kind in WorkKind)


def test_the_parts_of_a_count_of_people_add_up_to_it_and_name_those_without_work() -> None:
    for size in range(1, len(WorkKind) + 1):
        kinds = tuple(KindCount(kind, 10**at) for at, kind in enumerate(list(WorkKind)[:size]))
        numbers = [int(part.split()[0].replace(",", "")) for part in re.split(r", (?=[0-9])", phrase_kinds(kinds))]
        assert sum(numbers) == count_asked(kinds)
    kinds = (KindCount(WorkKind.LEAVES, 40), KindCount(WorkKind.RELEASED, 4), KindCount(WorkKind.BREAK, 9))
    assert phrase_kinds(kinds) == "44 without work"
    assert phrase_kinds(()) == ""
    assert decode_kinds(encode_kinds(kinds)) == kinds


@pytest.mark.slow
def test_in_a_relief_few_breaks_move_alone_and_each_covers_more() -> None:
    """Breaks that move at no price are ten times as many, and most of them cover nothing."""
    operator, (plan, *_) = three_days()
    timeline = Timeline(plan.starts)
    alone = 0
    for lost in plan.contingencies:
        moves = plan.scenarios[lost.id].moves
        placements = {row.key: row for row in apply_moves(plan.placements, moves)}
        missing = count_missing(plan, count_placed(operator, timeline, placements.values()))
        for move in moves:
            if describe_change(move.before, move.after, lost=lost.sites).kind is WorkKind.BREAK and move.before:
                alone += 1
                back = {**placements, move.key: move.before}
                assert count_missing(plan, count_placed(operator, timeline, back.values())) > missing, (lost.id, move)
    people = sum(len(plan.scenarios[lost.id].moves) for lost in plan.contingencies)
    assert alone < people / 3


def count_missing(plan: Plan, placed: Floats) -> float:
    return float(np.maximum(0.0, np.nan_to_num(plan.required) - placed).sum())
