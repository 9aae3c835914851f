"""What a page says, from plans made for the occasion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.utils.translation import override

from releve.desk.presenters import Desk, cell_page, desk_of, frame, verdict_page
from releve.desk.presenters.cells import CellView
from releve.desk.presenters.matrix import matrix
from releve.desk.presenters.missing import missing
from releve.desk.presenters.proof import proof
from releve.desk.presenters.staff import PAGE_SIZE
from releve.desk.presenters.verdict import banner, client_lists, client_views
from releve.desk.presenters.words import KINDS, client_status, country
from releve.plan.result import BASE, ClientVerdict, Plan, ReliefCell
from tests.desk.fixture_plan import DAY, larger, week


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with override("en"):
        yield


def verdict_with(**parts: object) -> ClientVerdict:
    whole = ClientVerdict("azur", True, False, BASE, (), (), (), False)
    return replace(whole, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (verdict_with(), "held"),
        (verdict_with(thin=("site:a",)), "thin"),
        (verdict_with(unknown=True, thin=("site:a",)), "unknown"),
        (verdict_with(contract=("site:a",), unknown=True), "contract"),
        (verdict_with(missed=("site:a",), contract=("site:b",)), "missed"),
        (verdict_with(beyond=("destination:MA",)), "held"),
    ],
)
def test_the_gravest_status_is_the_clients(verdict: ClientVerdict, status: str) -> None:
    assert client_status(verdict) == status


def test_the_banner_counts_and_takes_the_gravest_tone(english: Desk) -> None:
    found = banner(english)
    assert found.sentence == "N-1: 9 clients of 12 are held whatever place is lost"
    assert found.tone == "missed"
    assert sum(tally.count for tally in found.tallies) == 12
    assert [(t.count, t.word) for t in found.tallies] == [
        (8, "held"),
        (1, "held, thin"),
        (1, "unknown"),
        (1, "contract problem"),
        (1, "missed"),
    ]


def test_the_banner_of_a_secure_plan_is_calm(english: Desk) -> None:
    held = tuple(
        replace(v, secure=True, missed=(), thin=(), contract=(), unknown=False)
        for v in english.plan.verdicts
    )
    found = banner(replace(english, plan=replace(english.plan, verdicts=held)))
    assert (found.tone, len(found.tallies)) == ("held", 1)


def test_clients_come_gravest_first_and_say_why(english: Desk) -> None:
    views = client_views(english)
    assert [view.tone for view in views[:4]] == ["missed", "contract", "unknown", "thin"]
    reasons = {view.id: view.reason for view in views}
    assert reasons["banque-rive"].startswith("13.8% of the day is missing if Rabat Technopolis")
    assert reasons["banque-rive"].endswith("1 other contingency is missed too.")
    assert reasons["delta-eau"] == (
        "No plan can protect it if Rabat Technopolis closes: a single site allowed,"
        " work on site only."
    )
    assert "No forecast for Rendez-vous" in reasons["opaline"]
    assert reasons["quartz"] == "Fully covered whatever place is lost."
    beyond = {view.id: view.beyond for view in views}
    assert beyond["galerie"] == "Beyond N-1: not held if all sites of Morocco close."


def test_the_worst_cells_come_first_and_none_that_is_full_or_unknown(english: Desk) -> None:
    views = {view.id: view for view in client_views(english)}
    assert [chip.coverage for chip in views["banque-rive"].worst] == ["28%", "75%", "53%"]
    assert views["quartz"].worst[0].contingency == "Rupture du câble sous-marin"
    assert views["opaline"].worst == ()
    for view in views.values():
        assert len(view.worst) + len(view.rest) == 13


def cell_with(desk: Desk, **parts: object) -> Desk:
    """A desk whose client delta-eau has another cell under the loss of its site."""
    cells = tuple(
        replace(cell, **parts)  # type: ignore[arg-type]
        if (cell.client, cell.contingency) == ("delta-eau", "site:rabat-1")
        else cell
        for cell in desk.plan.cells
    )
    return Desk(replace(desk.plan, cells=cells), desk.text)


def test_a_contract_problem_with_something_to_save_names_its_floor(english: Desk) -> None:
    desk = cell_with(english, floor=0.4)
    reasons = {view.id: view.reason for view in client_views(desk)}
    assert reasons["delta-eau"].endswith(
        "even with every agent to itself, 40.0% of its day would be missing."
    )


def test_what_purchases_cure_is_not_called_a_contract_problem(english: Desk) -> None:
    assert english.plan.missing is not None
    cured = replace(english.plan, missing=replace(english.plan.missing, incurable=()))
    reasons = {view.id: view.reason for view in client_views(Desk(cured, english.text))}
    assert "no relief suffices if Rabat Technopolis closes" in reasons["delta-eau"]


def test_a_list_of_purchases_is_for_single_losses_and_claims_no_more(english: Desk) -> None:
    cell = english.cells["delta-eau", "destination:MA"]
    assert english.plan.missing is not None
    only_single = replace(english.plan.missing, incurable=(("site:rabat-1", "delta-eau"),))
    desk = Desk(replace(english.plan, missing=only_single), english.text)
    assert cell_page(desk, cell).sentence.startswith("No plan can protect it if all sites")


def test_many_held_clients_are_folded_away(english: Desk) -> None:
    views = client_views(english)
    assert not client_lists(views).fold
    many = client_lists(views * 3)
    assert many.fold
    assert len(many.attention) + len(many.held) == 36


def test_the_matrix_groups_single_losses_before_larger_ones(english: Desk) -> None:
    found = matrix(english, client_views(english))
    assert [group.title for group in found.groups] == [
        "Base",
        "Sites",
        "Carriers of home lines",
        "Beyond N-1: destinations",
        "Beyond N-1: named",
    ]
    assert sum(group.span for group in found.groups) == len(found.columns) == 13
    assert [column.first for column in found.columns].count(True) == len(found.groups)
    assert KINDS[:2] == ("site", "carrier")


def test_a_long_name_has_a_wide_column(english: Desk) -> None:
    long = "Power cut at Casablanca Est 1 and Casablanca Ouest 2"
    last = replace(english.plan.contingencies[-1], name=long)
    plan = replace(english.plan, contingencies=(*english.plan.contingencies[:-1], last))
    desk = Desk(plan, english.text)
    columns = matrix(desk, client_views(desk)).columns
    assert [column.name for column in columns if column.wide] == [long]


def test_a_column_counts_who_is_held_and_who_moves(english: Desk) -> None:
    found = matrix(english, client_views(english))
    column = found.columns[1]
    assert column.name == "Casablanca Nearshore"
    held = [c for c in english.plan.cells if c.contingency == "site:casa-1" and c.status in
            ("held", "thin")]  # fmt: skip
    assert column.clients_held == str(len(held))
    assert column.moved == str(len(english.plan.scenarios["site:casa-1"].moves))


def test_an_unknown_cell_has_no_number(english: Desk) -> None:
    rows = {row.client.id: row for row in matrix(english, client_views(english)).rows}
    assert {cell.coverage for cell, _ in rows["opaline"].cells if cell} == {"?"}


def test_a_cell_that_the_plan_lacks_is_left_empty(english: Desk) -> None:
    fewer = replace(english.plan, cells=english.plan.cells[1:])
    desk = Desk(fewer, english.text)
    rows = {row.client.id: row for row in matrix(desk, client_views(desk)).rows}
    assert rows["azur"].cells[0] == (None, True)


def test_the_legend_says_the_limits_of_this_plan(english: Desk) -> None:
    strict = replace(english.plan, settings={"target": 0.01, "thin": 0.9})
    desk = Desk(strict, english.text)
    legend = matrix(desk, client_views(desk)).legend
    assert legend[0].meaning == "at most 1% of the day missing, every half hour at 90% or more"


def test_what_is_missing_has_its_price_and_its_proof(english: Desk) -> None:
    found = missing(english)
    assert [item.what for item in found.purchases] == [
        "Laptops and lines, to work at home",
        "Training for Sinistres auto (Azur Assurances)",
        "Usable seats",
    ]
    assert found.cost == "€8,400"
    assert "for less than €8,274" in found.proof
    assert found.incurable[0] == "Delta Eau, if Rabat Technopolis closes"


def test_what_a_list_leaves_missed_is_named_with_its_share_and_is_not_cured(english: Desk) -> None:
    assert english.plan.missing is not None
    left = (("site:rabat-1", "delta-eau", 0.0031),)
    found = replace(english.plan.missing, incurable=(), left=left)
    desk = Desk(replace(english.plan, missing=found), english.text)
    page = missing(desk)
    half_hours = english.text.number(0.0031 * english.plan.sum_required("delta-eau"), 1)
    assert page.left == (
        "Delta Eau, if Rabat Technopolis closes: 0.31% of its day beyond the target,"
        f" or {half_hours} agent half hours",
    )
    assert page.proof.endswith("Planned again with this list bought, 1 target is still missed.")
    assert page.remark == "The best set found. It does not hold every client that can be held."
    assert not desk.cured(desk.cells["delta-eau", "site:rabat-1"])


def test_a_plan_without_purchases_says_whether_anybody_asked(english: Desk) -> None:
    bare = replace(english.plan, missing=None)
    assert missing(Desk(bare, english.text)).remark == "Not computed for this plan."
    secure = replace(bare, verdicts=tuple(replace(v, secure=True) for v in bare.verdicts))
    assert missing(Desk(secure, english.text)).remark.startswith("Nothing is missing")


def test_a_programme_that_ended_early_is_said_to_have(english: Desk) -> None:
    early = replace(english.plan, bound=replace(english.plan.bound, status="Iteration limit"))
    (stopped,) = (f for f in proof(Desk(early, english.text)).facts if "ended" in f.value)
    assert stopped.meaning.endswith("a better plan may exist, the bound stands")
    (done,) = (f for f in proof(english).facts if f.value == "optimal")
    assert "ended" not in done.meaning


def test_the_proof_says_what_the_checker_found(english: Desk) -> None:
    assert proof(english).checked
    broken = replace(english.plan, violations=("seats: casa-1 holds 61 at 10:00, 48 usable",))
    found = proof(Desk(broken, english.text))
    assert (found.checked, found.violations) == (False, broken.violations)
    assert found.checker == "The independent checker found 1 rule broken."


def test_a_gap_without_a_bound_is_called_so(english: Desk) -> None:
    bound = replace(english.plan.bound, penalty_gap=float("nan"))
    facts = proof(Desk(replace(english.plan, bound=bound), english.text)).facts
    assert facts[0].value == "no bound"


def test_every_placed_agent_is_counted_at_one_place(english: Desk) -> None:
    places = proof(english).places
    assert sum(int(place.placed) for place in places) == len(english.plan.placements)
    assert places[0].note == "proved largest"
    closed = replace(english.plan.sites[0], open=False)
    other = replace(english.plan, sites=(closed, *english.plan.sites[1:]))
    assert proof(Desk(other, english.text)).places[0].note == "no valid authorisation on the day"


def cell_of(desk: Desk, client: str, contingency: str) -> ReliefCell:
    return desk.cells[client, contingency]


def test_the_numbers_of_the_half_hours_add_up(english: Desk) -> None:
    page = cell_page(english, cell_of(english, "banque-rive", "site:casa-1"))
    for row in page.intervals:
        required, covered, lacking = (float(x) for x in (row.required, row.covered, row.missing))
        assert required == pytest.approx(covered + lacking, abs=0.11)
    assert any(row.short for row in page.intervals)


def test_a_programme_is_shown_alone_when_chosen(english: Desk) -> None:
    cell = cell_of(english, "banque-rive", "site:casa-1")
    page = cell_page(english, cell, "banque-rive-2")
    assert page.chart_title.endswith("Conseil")
    assert [item.selected for item in page.programmes] == [False, True]
    assert "missing in" not in page.chart_description


def test_the_description_says_when_most_is_missing(english: Desk) -> None:
    page = cell_page(english, cell_of(english, "banque-rive", "destination:MA"))
    assert page.chart_description.startswith("Up to 19.3 agents are required, at 12:30.")
    assert "half hours; most at" in page.chart_description


def test_moves_in_and_out_are_both_the_clients(english: Desk) -> None:
    plan = english.plan
    for key, scenario in plan.scenarios.items():
        page = cell_page(english, cell_of(english, "azur", key))
        if key == BASE:
            own = sum(p.programme.startswith("azur") for p in plan.placements)
        else:
            own = sum(
                any(s.programme.startswith("azur") for s in (m.before, m.after) if s)
                for m in scenario.moves
            )
        assert page.staff.pages == max(1, -(-own // PAGE_SIZE))
        assert len(page.staff.rows) == min(own, PAGE_SIZE)


def test_the_moves_are_summed_up_by_reason(english: Desk) -> None:
    page = cell_page(english, cell_of(english, "banque-rive", "destination:MA"))
    assert page.staff.summary == "2 move or step in and 9 cannot work."
    calm = cell_page(english, cell_of(english, "delta-eau", "site:casa-1"))
    assert calm.staff.summary == "Nobody of this client changes place or programme."


def test_an_agent_from_the_reserve_or_without_a_place_is_said_so(english: Desk) -> None:
    page = cell_page(english, cell_of(english, "banque-rive", "destination:MA"))
    assert page.staff.rows[-1].after.programme == "no placement"
    plan = english.plan
    stepped_in = next(
        (key, m) for key, s in plan.scenarios.items() for m in s.moves if m.before is None
    )
    key, move = stepped_in
    assert move.after is not None
    client = next(c for p, c, _ in plan.programmes if p == move.after.programme)
    rows = cell_page(english, cell_of(english, client, key)).staff.rows
    assert next(r for r in rows if r.agent == move.agent).before.programme == "in reserve"


def test_the_first_day_has_the_plain_address(plan: Plan) -> None:
    days = [p.day for p in week(2)]
    assert desk_of(plan, days).day is None
    second = week(2)[1]
    assert desk_of(second, days).url("verdict") == f"/?day={second.day}"
    assert [link.current for link in frame(desk_of(second, days), days).days] == [False, True]
    assert frame(desk_of(plan, [DAY]), [DAY]).days == ()


def test_a_country_without_a_name_is_shown_by_its_code() -> None:
    assert country("MA") == "Morocco"
    assert country("XK") == "XK"


def test_a_wide_matrix_is_presented_as_well(plan: Plan) -> None:
    wide = larger(plan, 3)
    page = verdict_page(desk_of(wide, [DAY]))
    assert len(page.matrix.columns) == 1 + 36
    assert all(len(row.cells) == 37 for row in page.matrix.rows)


def test_a_cell_is_worded_once_however_often_it_is_shown(
    english: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the matrix and beside its client; with 60 clients there are thousands of cells."""
    worded: list[tuple[str, str]] = []
    word = Desk._view

    def counted(desk: Desk, cell: ReliefCell) -> CellView:
        worded.append((cell.client, cell.contingency))
        return word(desk, cell)

    monkeypatch.setattr(Desk, "_view", counted)
    verdict_page(english)
    assert sorted(worded) == sorted(english.cells)
