"""Edits of a day's plan by hand: what results is counted again and passes the checker, and an undo leaves no trace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releve.network import HOME, Operator
from releve.plan import Plan, PlanSettings
from releve.plan.plan_json import plan_to_json
from releve.plan.result import BASE, Placement
from releve.plan.roster_edits import DayEditor, EditRefused, RosterEdit, list_changed_cells
from releve.plan.week import require_day
from tests.live.scenario import three_days

HALF = timedelta(minutes=30)


@pytest.fixture(scope="module")
def planned() -> tuple[Operator, Plan]:
    operator, plans = three_days()
    return operator, plans[0]


@pytest.fixture(scope="module")
def editor(planned: tuple[Operator, Plan]) -> DayEditor:
    operator, plan = planned
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    return DayEditor(operator, plan, settings, require_day(operator, plan.day).aht_s)


def find_movable(editor: DayEditor, place: str = "") -> list[Placement]:
    """Return who may work at home for their programme, and is on a site."""
    return [
        row
        for row in editor.plan.placements
        if row.place != HOME
        and (not place or row.place == place)
        and editor.rules.explain_refusal(editor.operator.agent[row.agent], HOME, row.programme) is None
    ]


def find_pair(editor: DayEditor) -> tuple[Placement, Placement]:
    """Return two agents of one site with other hours, each skilled for the other's programme."""
    rows = editor.plan.placements
    for a in rows:
        for b in rows:
            skills = [set(editor.operator.agent[row.agent].skills) for row in (a, b)]
            alike = a.place == b.place != HOME and (a.start, a.end) != (b.start, b.end)
            if alike and b.programme in skills[0] and a.programme in skills[1] and a.programme != b.programme:
                return a, b
    raise AssertionError("no two agents of the sample can swap")


def test_an_agent_sent_home_is_counted_at_home_and_the_plan_passes_the_checker(editor: DayEditor) -> None:
    row = find_movable(editor)[0]
    edit = editor.set_post(row.key, HOME, row.programme)
    plan = editor.finish([edit])
    assert plan.violations == ()
    assert {one.key: one.place for one in plan.placements}[row.key] == HOME
    assert len(plan.placements) == len(editor.plan.placements)
    share = editor.operator.programme[row.programme].home_efficiency
    column = [name for name, _, _ in plan.programmes].index(row.programme)
    lost = (1 - share) * float(editor.timeline.measure_worked(row).sum())
    before, after = (one.scenarios[BASE].placed[:, column].sum() for one in (editor.plan, plan))
    assert after == pytest.approx(before - lost)
    assert editor.find_faults([edit], editor.apply([edit])) == ()


def test_an_agent_put_in_reserve_is_missing_and_back_again_is_not(editor: DayEditor) -> None:
    row = editor.plan.placements[0]
    out = editor.set_post(row.key, "", "")
    plan = editor.finish([out])
    assert plan.violations == ()
    assert row.key in plan.reserve
    changed = list_changed_cells(editor.plan, plan)
    assert changed
    assert all(one.after.shortfall >= one.before.shortfall - 1e-12 for one in changed if one.after.contingency == BASE)
    back = editor.set_post(row.key, row.place, row.programme, [out])
    again = back.duties[0].after
    assert again is not None
    assert (again.start, again.end, again.place) == (row.start, row.end, row.place)


def test_two_agents_swap_places_programmes_and_hours(editor: DayEditor) -> None:
    a, b = find_pair(editor)
    edit = editor.swap(a.key, b.key)
    plan = editor.finish([edit])
    now = {row.key: row for row in plan.placements}
    assert (now[a.key].programme, now[a.key].start, now[a.key].end) == (b.programme, b.start, b.end)
    assert (now[b.key].programme, now[b.key].start, now[b.key].end) == (a.programme, a.start, a.end)
    assert [fault for fault in plan.violations if a.agent not in fault and b.agent not in fault] == []
    before, after = (one.scenarios[BASE].placed for one in (editor.plan, plan))
    assert after == pytest.approx(before)


def test_a_lengthened_shortened_or_split_shift_changes_the_roster_and_passes_the_checker(editor: DayEditor) -> None:
    row = next(one for one in find_movable(editor) if one.end - one.start >= timedelta(hours=6))
    shorter = editor.set_times(row.key, [(row.start, row.end - HALF)])
    assert editor.finish([shorter]).violations == ()
    (duty,) = shorter.duties
    assert duty.had[0].end - duty.shifts[0].end == HALF
    middle = row.start + timedelta(hours=3)
    split = editor.set_times(row.key, [(row.start, middle), (middle + 2 * HALF, row.end)])
    plan = editor.finish([split])
    assert plan.violations == ()
    placed = next(one for one in plan.placements if one.key == row.key)
    assert len(placed.list_periods()) == 2


def test_who_may_not_work_at_a_place_is_named_by_the_checker_before_anything_is_kept(editor: DayEditor) -> None:
    row = next(
        one
        for one in editor.plan.placements
        if one.place != HOME
        and editor.rules.explain_refusal(editor.operator.agent[one.agent], HOME, one.programme) is not None
    )
    edit = editor.set_post(row.key, HOME, row.programme)
    (fault,) = editor.find_faults([edit], editor.apply([edit]))
    assert str(fault).startswith(f"{row.agent}: ")
    assert any(row.agent in one for one in editor.finish([edit]).violations)


def test_hours_that_working_time_forbids_are_named(editor: DayEditor) -> None:
    row = find_movable(editor)[0]
    day = editor.rules.last - HALF
    edit = editor.set_times(row.key, [(row.start, min(day, row.start + timedelta(hours=14)))])
    faults = editor.find_faults([edit], editor.apply([edit]))
    assert any(str(fault).startswith(f"{row.agent}, {editor.plan.day}: ") for fault in faults)


def make_twenty(editor: DayEditor) -> list[RosterEdit]:
    """Return twenty edits, one upon another: people sent home, put in reserve, swapped, shortened."""
    edits: list[RosterEdit] = []
    for n, row in enumerate(find_movable(editor)[:10]):
        edits.append(editor.set_post(row.key, HOME, row.programme, edits))
        if n % 2:
            edits.append(editor.set_times(row.key, [(row.start, row.end - HALF)], edits))
        else:
            edits.append(editor.set_post(row.key, "", "", edits))
    return edits


def test_twenty_edits_taken_back_one_by_one_leave_equal_bits_at_each_step(editor: DayEditor) -> None:
    edits = make_twenty(editor)
    assert len(edits) == 20
    texts = [plan_to_json(editor.apply(edits[:n])) for n in range(21)]
    assert len(set(texts)) == 21
    assert texts[0] == plan_to_json(editor.plan)
    fresh = DayEditor(editor.operator, editor.plan, editor.settings, editor.aht_s)
    for n in range(20, -1, -1):
        assert plan_to_json(fresh.apply(edits[:n])) == texts[n]
    assert fresh.finish(edits).violations == ()


def test_an_edit_and_its_opposite_leave_the_plan_as_it_was(editor: DayEditor) -> None:
    row = find_movable(editor)[0]
    home = editor.set_post(row.key, HOME, row.programme)
    back = editor.set_post(row.key, row.place, row.programme, [home])
    assert plan_to_json(editor.apply([home, back])) == plan_to_json(editor.plan)


def test_a_site_that_is_lost_sends_an_edited_agent_home_or_leaves_them_without_work(editor: DayEditor) -> None:
    moved = find_movable(editor)[0]
    edit = editor.set_times(moved.key, [(moved.start, moved.end - HALF)])
    plan = editor.finish([edit])
    (lost,) = (row for row in plan.contingencies if row.sites == {moved.place})
    (move,) = (row for row in plan.scenarios[lost.id].moves if row.key == moved.key)
    assert move.before == edit.duties[0].after
    assert move.reason == "isolated" or (move.after is not None and move.after.place == HOME)


def test_work_across_the_end_of_a_day_and_edits_that_change_nothing_are_refused(editor: DayEditor) -> None:
    row = editor.plan.placements[0]
    with pytest.raises(EditRefused, match="nothing would change"):
        editor.set_post(row.key, row.place, row.programme)
    with pytest.raises(EditRefused, match="no work on"):
        editor.set_post("a99999", HOME, row.programme)
    with pytest.raises(EditRefused, match="not one duty"):
        editor.set_times(row.key, [(row.start, editor.rules.last + HALF)])
    with pytest.raises(EditRefused, match="must not overlap"):
        editor.set_times(row.key, [(row.start, row.end), (row.start + HALF, row.end)])
    with pytest.raises(EditRefused, match="alone"):
        editor.swap(row.key, row.key)
