"""What the pages of plans and weeks say, from plans made for the purpose, and the drawing of a day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from django.template.loader import render_to_string
from django.utils.translation import override

from releve.desk import week as desk_week
from releve.desk.chart import NARROW_CHART, WIDE_CHART, draw, spark
from releve.desk.plan import words
from releve.desk.plan.page import (
    CellPage,
    PlannedCell,
    PlannedPage,
    PlanPage,
    ShownPlan,
    cell_page,
    plan_page,
    show_plan,
)
from releve.desk.text import Text
from releve.network.moments import UTC
from releve.plan.comparison import compare_plans, narrow_plan
from releve.plan.coverage import CoverageSeries, sum_coverage
from releve.plan.result import BASE, KINDS, CauseKind, ClientVerdict, Plan, PlannedKits, SuddenLoss
from releve.plan.service_status import Status
from releve.plan.week.days import group_week_by_team
from tests.desk import fixture_plan
from tests.desk.conftest import SetFolder
from tests.desk.fixture_plan import DAY, build_hybrid_week, larger, week

TEXT = Text("en", "Africa/Casablanca")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with override("en"):
        yield


def page_of(plan: Plan) -> PlanPage:
    return plan_page(ShownPlan(plan, (plan.day,), plan.day))


def cell_of(plan: Plan, client: str, contingency: str, programme: str = "") -> CellPage:
    shown = ShownPlan(plan, (plan.day,), plan.day)
    return cell_page(shown, plan.cell[client, contingency], programme)


def read(template: str, **context: object) -> str:
    """What a template of the plan says, without tags and with single spaces."""
    html = render_to_string(f"desk/plan/{template}.html", context)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def reasons_of(page: PlanPage) -> dict[str, str]:
    return {
        client.client: read("_reason", reason=client.reason, client=client.name, page=page) for client in page.clients
    }


def verdict_with(**parts: object) -> ClientVerdict:
    whole = ClientVerdict("azur", True, False, BASE, (), (), (), False)
    return replace(whole, **parts)  # type: ignore[arg-type]


def test_the_proof_names_who_takes_a_kit_home_and_a_client_does_not_see_it() -> None:
    plan = fixture_plan.synthetic_plan()
    assert "kit" not in read("_proof", proof=page_of(plan).proof, page=page_of(plan))
    names = tuple(row.agent for row in plan.placements[:2])
    shared = replace(plan, kits=(PlannedKits("casa-1", 2, 9, names),))
    page = page_of(shared)
    text = read("_proof", proof=page.proof, page=page)
    assert "Casablanca Nearshore: 2 of 2 taken home; agents who share them: 9" in text
    assert ", ".join(names) in text
    narrowed = plan_page(show_plan(shared, (DAY,), frozenset({"azur"})))
    assert narrowed.proof is None
    assert names[0] not in narrowed.model_dump_json()


def test_a_day_to_publish_says_whose_kits_change() -> None:
    plan = fixture_plan.synthetic_plan()
    out, back = (row.agent for row in plan.placements[:2])
    had, has = (replace(plan, kits=(PlannedKits("casa-1", 1, 9, (name,)),)) for name in (back, out))
    html = render_to_string("desk/planning/_day.html", {"day": compare_plans(had, has), "page": {}})
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
    assert "Kits for work at home: 1 more taken home, 1 brought back" in text
    assert f"Take one home: {out}" in text
    assert f"Bring theirs back: {back}" in text


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
    assert verdict.status == status


def test_the_banner_counts_and_takes_the_gravest_tone(plan: Plan) -> None:
    page = page_of(plan)
    assert words.verdict_sentence(page) == ("N-1: 9 of 12 clients held whichever single place is lost, 1 of them thin")
    assert page.verdict.status == "missed"
    assert [(clients, status.label) for status, clients in words.tallies(page)] == [
        (8, "held"),
        (1, "held, thin"),
        (1, "unknown"),
        (1, "out of reach"),
        (1, "missed"),
    ]


def test_the_banner_of_a_secure_plan_is_calm(plan: Plan) -> None:
    held = tuple(replace(v, secure=True, missed=(), thin=(), contract=(), unknown=False) for v in plan.verdicts)
    cells = tuple(replace(cell, status=Status.HELD) for cell in plan.cells)
    page = page_of(replace(plan, verdicts=held, cells=cells))
    assert (page.verdict.status, len(words.tallies(page))) == ("held", 1)


def test_clients_come_gravest_first_and_say_why(plan: Plan) -> None:
    page = page_of(plan)
    assert [client.status for client in page.clients[:4]] == ["missed", "contract", "unknown", "thin"]
    reasons = reasons_of(page)
    assert reasons["banque-rive"].startswith("13.8% of the day is missing if Rabat Technopolis")
    assert reasons["banque-rive"].endswith("1 other contingency is missed too.")
    assert reasons["delta-eau"] == (
        "If Rabat Technopolis closes: the contract allows no other place (at best 6 missing at 08:00). Cure: agree"
        " on a second place, or on work at home, with the client."
    )
    assert "No forecast for Rendez-vous" in reasons["opaline"]
    assert reasons["quartz"] == "Fully covered whatever place is lost."
    (galerie,) = (client for client in page.clients if client.client == "galerie")
    said = read("_client", client=galerie, page=page)
    assert "Beyond N-1: not held if all sites of Morocco close." in said


def test_each_client_has_a_sentence_that_it_can_be_shown(plan: Plan) -> None:
    page = page_of(plan)
    said = {client.client: words.client_sentence(client, page) for client in page.clients}
    assert said["quartz"] == "Quartz Location has all the agents it needs all day, whichever single place is lost."
    assert said["banque-rive"] == "Banque de la Rive is short of 13.8% of its day if Rabat Technopolis closes."
    assert said["delta-eau"].endswith("of its day if Rabat Technopolis closes, whatever the plan.")
    assert "has no forecast for Rendez-vous" in said["opaline"]
    for client in page.clients:
        assert said[client.client] in read("_client", client=client, page=page)
        assert "objective" not in said[client.client]
    alone = plan_page(show_plan(plan, (DAY,), frozenset({"quartz"})))
    assert words.verdict_sentence(alone) == said["quartz"], "the client's own page begins with it"
    sudden = SuddenLoss("quartz", "site:casa-1", 20, 0.4, 21, 0.1, -1, Status.MISSED)
    (client,) = (row for row in page.clients if row.client == "quartz")
    said_too = words.client_sentence(client, page_of(replace(plan, sudden=(sudden,))))
    assert said_too.endswith("; where that happens in the middle of the day, at worst 40% of them."), (
        "a promise that holds"
    )
    cells = tuple(
        replace(cell, status=Status.OUT_OF_REACH if cell.contingency == BASE else Status.HELD)
        if cell.client == "delta-eau"
        else cell
        for cell in plan.cells
    )
    verdicts = tuple(
        replace(row, contract=("base",), missed=(), unknown=False) if row.client == "delta-eau" else row
        for row in plan.verdicts
    )
    page = page_of(replace(plan, cells=cells, verdicts=verdicts, causes=()))
    (client,) = (row for row in page.clients if row.client == "delta-eau")
    assert "even with nothing lost" in words.client_sentence(client, page)


def test_causes_are_grouped_by_what_is_lacking_and_cures_are_priced(plan: Plan) -> None:
    (delta,) = [row for row in plan.causes if row.contingency == "site:rabat-1"]
    lifted = replace(delta, kinds=(CauseKind.LAPTOP,), agents=6.5)
    other = replace(lifted, client="banque-rive", agents=2.0)
    cells = tuple(
        replace(cell, status=Status.OUT_OF_REACH)
        if (cell.client, cell.contingency) == ("banque-rive", "site:rabat-1")
        else cell
        for cell in plan.cells
    )
    changed = replace(plan, causes=(lifted, other), cells=cells, settings={**plan.settings, "laptop_price": 600.0})
    (row,) = words.cause_rows(page_of(changed))
    assert row.lack == "Too few laptops and lines to work at home"
    assert sorted(case.partition(",")[0] for case in row.cases) == ["Banque de la Rive", "Delta Eau"]
    assert (row.cure, row.price) == ("Give laptops and lines (EUR 600 each)", "€5,400"), "for 7 and for 2 agents"
    (place,) = words.cause_rows(page_of(plan))
    assert (place.lack, place.price) == ("The contract allows no other place", "")
    assert "Why no plan holds them" in read("_causes", page=page_of(plan))


def test_a_day_on_which_nothing_is_required_is_closed_and_not_held(plan: Plan) -> None:
    idle = tuple(
        replace(cell, worst_interval=-1, worst_coverage=1.0, shortfall=0.0) if cell.client == "quartz" else cell
        for cell in plan.cells
    )
    page = page_of(replace(plan, cells=idle))
    (quartz,) = (client for client in page.clients if client.client == "quartz")
    assert "closed that day" in read("_client", client=quartz, page=page)
    assert reasons_of(page)["quartz"] == "Nothing is required on that day."
    (held, *_) = (cell for cell in page.matrix if cell.status == "held" and cell.client != "quartz")
    assert words.cell_word(held) == "held"


def test_the_worst_cells_come_first_and_none_that_is_full_or_unknown(plan: Plan) -> None:
    page = page_of(plan)
    clients = {client.client: client for client in page.clients}
    worst, _others = words.ranked_cells(clients["banque-rive"], page)
    assert [cell.worst for cell in worst] == ["29%", "75%", "53%"]
    (quartz, *_) = words.ranked_cells(clients["quartz"], page)[0]
    assert quartz.contingency == "Rupture du câble sous-marin"
    assert words.ranked_cells(clients["opaline"], page)[0] == []
    for client in page.clients:
        first, others = words.ranked_cells(client, page)
        cells = first + others
        assert len({cell.key for cell in cells}) == len(cells) == 13


def plan_with_cell(plan: Plan, **parts: object) -> Plan:
    """A plan whose client delta-eau has another cell under the loss of its site."""
    cells = tuple(
        replace(cell, **parts)  # type: ignore[arg-type]
        if (cell.client, cell.contingency) == ("delta-eau", "site:rabat-1")
        else cell
        for cell in plan.cells
    )
    return replace(plan, cells=cells)


def test_a_client_out_of_reach_for_no_stated_cause_names_its_floor(plan: Plan) -> None:
    reasons = reasons_of(page_of(replace(plan_with_cell(plan, floor=0.4), causes=())))
    assert reasons["delta-eau"].endswith("even with every agent to itself, 40.0% of its day would be missing.")


def test_what_purchases_cure_says_so(plan: Plan) -> None:
    assert plan.missing is not None
    cured = replace(plan, missing=replace(plan.missing, incurable=()))
    reasons = reasons_of(page_of(cured))
    assert reasons["delta-eau"].endswith("with the client. “What is missing” cures it.")


def test_a_list_of_purchases_is_for_single_losses_and_claims_no_more(plan: Plan) -> None:
    assert plan.missing is not None
    only_single = replace(plan.missing, incurable=(("site:rabat-1", "delta-eau"),))
    page = cell_of(replace(plan, missing=only_single), "delta-eau", "destination:MA")
    said = read("_reason", reason=page.reason, client=page.client_name, page=page)
    assert said.startswith("If all sites of Morocco close: the contract allows no other place")
    assert not page.cell.cured


def test_many_held_clients_are_folded_away(plan: Plan) -> None:
    page = page_of(plan)
    unfolded = '<details class="held" open>'
    assert unfolded in render_to_string("desk/plan/_clients.html", {"page": page})
    many = page.model_copy(update={"clients": page.clients * 3})
    assert unfolded not in render_to_string("desk/plan/_clients.html", {"page": many})
    held, others = (words.clients_held(many, held=held) for held in (True, False))
    assert {client.status for client in held} == {"held"}
    assert len(held) + len(others) == 36


def test_the_matrix_groups_single_losses_before_larger_ones(plan: Plan) -> None:
    page = page_of(plan)
    groups = words.column_groups(page)
    assert [words.register.filters["kind_title"](kind) for kind, _span in groups] == [
        "Base",
        "Sites",
        "Carriers of home lines",
        "Beyond N-1: destinations",
        "Beyond N-1: named",
    ]
    columns = [loss.id for loss in page.contingencies]
    assert sum(span for _kind, span in groups) == len(columns) == 13
    ends = [sum(span for _kind, span in groups[:n]) for n in range(len(groups))]
    assert page.openings == {columns[end] for end in ends}
    assert KINDS[:3] == ("base", "site", "carrier")


def test_a_long_name_has_a_wide_column(plan: Plan) -> None:
    long = "Power cut at Casablanca Est 1 and Casablanca Ouest 2"
    last = replace(plan.contingencies[-1], name=long)
    page = page_of(replace(plan, contingencies=(*plan.contingencies[:-1], last)))
    html = render_to_string("desk/plan/_matrix.html", {"page": page})
    assert re.findall(r'class="[a-z ]*wide">([^<]*)<', html) == [long]


def test_a_column_counts_who_is_held_and_who_moves(plan: Plan) -> None:
    page = page_of(plan)
    column = page.contingencies[1]
    assert words.contingency_name(column.id, page) == "Casablanca Nearshore"
    held = [c for c in plan.cells if c.contingency == "site:casa-1" and c.status in ("held", "thin")]
    assert column.held == len(held)
    assert column.moves == len(plan.scenarios["site:casa-1"].moves)
    html = render_to_string("desk/plan/_matrix.html", {"page": page})
    figures = re.findall(r"<td[^>]*>([^<]*)<", html[html.index("<tfoot>") :])
    assert (figures[1], figures[13 + 1]) == (str(column.held), str(column.moves))


def test_an_unknown_cell_has_no_number(plan: Plan) -> None:
    page = page_of(plan)
    (opaline,) = (client for client in page.clients if client.client == "opaline")
    cells = [cell for _loss, cell in words.matrix_cells(opaline, page) if cell]
    assert {cell.worst for cell in cells} == {"?"}
    own = [cell for cell in page.matrix if cell.client == "opaline"]
    assert {cell.worst_coverage for cell in own} == {None}


def test_a_cell_that_the_plan_lacks_is_left_empty(plan: Plan) -> None:
    page = page_of(replace(plan, cells=plan.cells[1:]))
    (azur,) = (client for client in page.clients if client.client == "azur")
    assert next(words.matrix_cells(azur, page)) == (BASE, None)
    assert BASE in page.openings


def test_the_legend_says_the_limits_of_this_plan(plan: Plan) -> None:
    page = page_of(replace(plan, settings={"target": 0.01, "thin": 0.9}))
    assert words.legend(page)[0] == ("held", "at most 1% of the day missing, every half hour at 90% or more")


def test_what_is_missing_has_its_price_and_its_proof(plan: Plan) -> None:
    page = page_of(plan)
    found = page.missing
    assert found is not None
    said = read("_missing", page=page, missing=found)
    bought = ("Laptops and lines, to work at home", "Training for Sinistres auto (Azur Assurances)", "Usable seats")
    assert re.search(" .* ".join(map(re.escape, bought)), said)
    assert found.cost == 8400
    assert "for less than €8,274" in said
    causes = read("_causes", page=page)
    assert "Delta Eau, if Rabat Technopolis closes: at best" in causes
    assert causes.count("Delta Eau") == 1, "losses with the same cause stand in one line"


def test_what_a_list_leaves_missed_is_named_with_its_share_and_is_not_cured(plan: Plan) -> None:
    assert plan.missing is not None
    left = (("site:rabat-1", "delta-eau", 0.0031),)
    found = replace(plan.missing, incurable=(), left=left)
    page = page_of(replace(plan, missing=found))
    assert page.missing is not None
    half_hours = TEXT.number(0.0031 * plan.sum_required("delta-eau"), 1)
    said = read("_missing", page=page, missing=page.missing)
    assert said.endswith(
        f"Delta Eau, if Rabat Technopolis closes: 0.31% of its day beyond the target, or {half_hours} agent half hours"
    )
    assert "Planned again with this list bought, 1 target is still missed." in said
    assert "The best set found. It does not hold every client that can be held." in said
    assert not page.cells["delta-eau", "site:rabat-1"].cured


def test_a_plan_without_purchases_says_whether_any_were_asked_for(plan: Plan) -> None:
    bare = replace(plan, missing=None)
    said = read("_missing", page=page_of(bare), missing=None)
    assert said == "What is missing Not computed for this plan."
    secure = replace(bare, verdicts=tuple(replace(v, secure=True) for v in bare.verdicts))
    said = read("_missing", page=page_of(secure), missing=None)
    assert said.startswith("What is missing Nothing is missing")


def test_a_programme_that_ended_early_is_said_to_have(plan: Plan) -> None:
    early = replace(plan.bound, status="Iteration limit")
    stopped = read("_proof", proof=page_of(replace(plan, bound=early)).proof)
    assert re.search(r"Linear programme ended early .*a better plan may exist", stopped)
    done = read("_proof", proof=page_of(plan).proof)
    assert "Linear programme optimal" in done
    assert "ended" not in done


def test_the_proof_says_what_the_checker_found(plan: Plan) -> None:
    broken = ("seats: casa-1 holds 61 at 10:00, 48 usable",)
    page = page_of(replace(plan, violations=broken))
    assert page.proof is not None
    assert page.proof.violations == broken
    said = "The independent checker found 1 rule broken."
    assert said in read("_proof", proof=page.proof)
    said = "The independent checker found no rule broken."
    assert said in read("_proof", proof=page_of(plan).proof)


def test_a_gap_without_a_bound_is_called_so(plan: Plan) -> None:
    bound = replace(plan.bound, penalty_gap=float("nan"))
    proof = page_of(replace(plan, bound=bound)).proof
    assert "Gap to the bound no bound" in read("_proof", proof=proof)


def test_a_regret_is_shown_beside_that_of_the_fractions(plan: Plan) -> None:
    bound = replace(plan.bound, regret={"site": 0.5, "named": 0.25}, lp_regret={"site": 0.4})
    said = read("_proof", proof=page_of(replace(plan, bound=bound)).proof)
    least = "of a client’s day, missing above the least possible"
    assert f"Worst regret: Sites 50.00% {least}; 40.00% before rounding" in said
    assert re.search(rf"Worst regret: Beyond N-1: named 25.00% {least} [^;]", said)


def test_every_placed_agent_is_counted_at_one_place(plan: Plan) -> None:
    proof = page_of(plan).proof
    assert proof is not None
    assert sum(proof.placed.values()) == len(plan.placements)
    said = read("_proof", proof=proof)
    assert "proved largest" in said
    assert re.search(r"Home \d+ Settings", said), "no seats and no note of home"
    assert "no valid authorisation" not in said
    closed = replace(plan.sites[0], open=False)
    other = page_of(replace(plan, sites=(closed, *plan.sites[1:]))).proof
    assert other is not None
    assert read("_proof", proof=other).count("no valid authorisation on the day") == 1


def test_the_numbers_of_the_half_hours_add_up(plan: Plan) -> None:
    series = words.day_chart(cell_of(plan, "banque-rive", "site:casa-1")).series
    rows = list(series.half_hours())
    for _start, required, covered, lacking, _beyond, short in rows:
        assert required == pytest.approx(covered + lacking)
        assert short == (lacking > 1e-9)
    assert any(row[-1] for row in rows)


def test_a_programme_is_shown_alone_when_chosen(plan: Plan) -> None:
    page = cell_of(plan, "banque-rive", "site:casa-1", "banque-rive-2")
    assert [item.id for item in page.programmes] == ["banque-rive-1", "banque-rive-2"]
    assert "missing in" not in words.day_chart(page).description


def test_the_description_says_when_most_is_missing(plan: Plan) -> None:
    found = words.day_chart(cell_of(plan, "banque-rive", "destination:MA")).description
    assert found.startswith("Up to 19.3 agents are required, at 12:30.")
    assert "half hours; most at" in found


def test_moves_in_and_out_are_both_the_clients(plan: Plan) -> None:
    for key, scenario in plan.scenarios.items():
        page = cell_of(plan, "azur", key)
        if key == BASE:
            own = sum(p.programme.startswith("azur") for p in plan.placements)
        else:
            own = sum(any(s.programme.startswith("azur") for s in (m.before, m.after) if s) for m in scenario.moves)
        staff = words.staff_page(page, 1)
        assert staff.paginator.num_pages == max(1, -(-own // words.PAGE_SIZE))
        assert len(staff) == min(own, words.PAGE_SIZE)
        assert words.staff_page(page, 999).number == staff.paginator.num_pages
        assert words.staff_page(page, 0).number == 1


def test_the_moves_are_summed_up_by_reason(plan: Plan) -> None:
    page = cell_of(plan, "banque-rive", "destination:MA")
    assert words.staff_summary(page) == "2 move or step in and 9 cannot work."
    calm = cell_of(plan, "delta-eau", "site:casa-1")
    assert words.staff_summary(calm) == ("No agent of this client changes place or programme.")


def test_an_agent_from_the_reserve_or_without_a_place_is_said_so(plan: Plan) -> None:
    page = cell_of(plan, "banque-rive", "destination:MA")
    last = words.staff_page(page, 1).object_list[-1]
    assert last.after is None
    said = read("_staff", page=page, staff=[last])
    assert re.search(rf"{last.agent} \w.* no placement", said)
    key, move = next((key, m) for key, s in plan.scenarios.items() for m in s.moves if m.before is None)
    assert move.after is not None
    client = next(c for p, c, _ in plan.programmes if p == move.after.programme)
    page = cell_of(plan, client, key)
    assert page.moves is not None
    own = [row for row in page.moves if row.agent == move.agent]
    said = read("_staff", page=page, staff=own)
    assert f"{move.agent} in reserve {page.place_names.get(move.after.place, 'Home')}" in said


def test_the_first_day_has_the_plain_address(plan: Plan) -> None:
    days = [p.day for p in week(2)]
    assert show_plan(plan, days).url("verdict") == "/"
    second = week(2)[1]
    page: PlannedPage = plan_page(show_plan(second, days))
    assert page.url == f"/?day={second.day}"
    html = render_to_string("desk/_top.html", {"frame": page.plan})
    tabs = re.findall(r'href="/\?day=([^"]*)"\s+title="[^"]*"\s+(aria-current="date")?', html)
    assert tabs == [(str(days[0]), ""), (str(days[1]), 'aria-current="date"')]
    alone = plan_page(show_plan(plan, [DAY]))
    assert 'class="days"' not in render_to_string("desk/_top.html", {"frame": alone.plan})


def test_a_country_without_a_name_is_shown_by_its_code() -> None:
    assert words.country("MA") == "Morocco"
    assert words.country("XK") == "XK"


def test_a_wide_matrix_is_presented_as_well(plan: Plan) -> None:
    page = plan_page(show_plan(larger(plan, 3), [DAY]))
    assert len(page.contingencies) == 1 + 36
    assert all(len(list(words.matrix_cells(client, page))) == 37 for client in page.clients)


def test_a_cell_is_worded_once_however_often_it_is_shown(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the matrix and beside its client; with 60 clients there are thousands of cells."""
    page, worded = page_of(plan), []
    write = words._write_cell_words

    def counted(cell: PlannedCell, page: PlannedPage, client: str) -> words.CellWords:
        worded.append((cell.client, cell.contingency))
        return write(cell, page, client)

    monkeypatch.setattr(words, "_write_cell_words", counted)
    render_to_string("desk/plan/_verdict.html", {"page": page})
    assert sorted(worded) == sorted(page.cells)


def test_one_object_is_kept_for_as_long_as_the_plan_is(plan: Plan) -> None:
    shown = show_plan(plan, [DAY])
    assert show_plan(plan, [DAY]) is shown
    assert plan_page(shown) is plan_page(shown)
    assert plan_page(show_plan(replace(plan), [DAY])) is not plan_page(shown)


def test_a_client_sees_its_own_cells_and_nothing_of_people_or_prices(plan: Plan) -> None:
    shown = show_plan(plan, [DAY], frozenset({"azur"}))
    page = plan_page(shown)
    assert {client.client for client in page.clients} == {"azur"}
    assert (page.whole, page.missing, page.proof, page.verdict.placed) == (False, None, None, None)
    assert {loss.moves for loss in page.contingencies} == {None}
    cell = cell_page(shown, plan.cell["azur", BASE])
    assert (cell.placements, cell.moves, cell.place_names) == (None, None, {})


def test_the_page_says_each_team_by_day() -> None:
    shown = group_week_by_team(build_hybrid_week())
    first = shown.teams[0].days[0]
    assert first is not None
    with override("en"):
        assert desk_week.team_words(first) == "3 on site, 2 at home"
        assert "1 team day on site." in desk_week.week_sentence(shown)


def test_the_page_shows_each_agent_and_is_answered_as_json(tmp_path: Path, shown_from: SetFolder) -> None:
    web = shown_from(tmp_path, build_hybrid_week())
    html = web.get("/week?team=casa-1-t01").content.decode()
    assert "Semaine du" in html
    assert "superviseur" in html
    page = json.loads(web.get("/week.json").content)
    assert len(page["week"]["agents"]) == 5
    assert web.get("/week?day=2031-01-01").status_code == 404


def test_a_week_planned_day_by_day_says_how_to_plan_one(tmp_path: Path, shown_from: SetFolder) -> None:
    said = shown_from(tmp_path, fixture_plan.week(1)).get("/week").content.decode()
    assert "puis calculez un plan en semaine hybride" in said
    assert "/week.xlsx" not in said


def list_people(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return what a client's plan says of people."""
    return tuple(name for plan in plans for name in (*plan.home_days, *map(str, plan.teams)))


def test_a_client_is_not_shown_who_works_at_home() -> None:
    assert list_people([narrow_plan(plan, ["azur"]) for plan in build_hybrid_week()]) == ()


CHART_TEXT = Text("en", "Europe/Paris")
MIDNIGHT = datetime(2026, 11, 29, 23, tzinfo=UTC)
STARTS = tuple(MIDNIGHT + timedelta(minutes=30) * at for at in range(48))


def series(required: list[float], placed: list[float]) -> CoverageSeries:
    starts = STARTS[: len(required)]
    return sum_coverage(starts, np.array([required]).T, np.array([placed]).T)


def test_the_paths_stay_in_the_box_and_the_areas_are_closed() -> None:
    chart = draw(series([4, 9, 9, 2], [4, 5, 12, 1]), WIDE_CHART, CHART_TEXT)
    for path in (chart.covered, chart.missing, chart.beyond, chart.required):
        numbers = [float(n) for n in re.findall(r"[\d.]+", path)]
        assert all(chart.size.left <= x <= chart.size.right for x in numbers[::2])
        assert all(0 <= y <= chart.size.base for y in numbers[1::2])
    assert chart.missing.count("Z") == 2, "two separate times are short"
    assert chart.beyond.count("Z") == 1
    assert not chart.required.endswith("Z")


def test_the_axes_carry_round_numbers_and_local_hours() -> None:
    chart = draw(series([4, 9, 9, 2], [4, 5, 12, 1]), WIDE_CHART, CHART_TEXT)
    assert [tick.label for tick in chart.hours] == ["00:00", "01:00", "02:00"]
    assert [tick.label for tick in chart.agents] == ["0", "5", "10", "15"]
    narrow = draw(series([1] * 16, [1] * 16), NARROW_CHART, CHART_TEXT)
    assert [tick.label for tick in narrow.hours] == ["00:00", "03:00", "06:00"]


@pytest.mark.parametrize("top", [0.2, 1, 7, 48, 333, 12345])
def test_there_are_three_to_seven_lines_whatever_the_size(top: float) -> None:
    chart = draw(series([top], [0]), WIDE_CHART, CHART_TEXT)
    assert 2 <= len(chart.agents) <= 7


def test_nothing_short_draws_no_missing_area() -> None:
    chart = draw(series([4, 4], [5, 4]), WIDE_CHART, CHART_TEXT)
    assert chart.missing == ""
    assert spark(series([4, 4], [5, 4]))[1] == ""


def test_an_empty_day_is_drawn_as_an_empty_box() -> None:
    empty = CoverageSeries((), *(np.zeros(0) for _ in range(4)))
    chart = draw(empty, WIDE_CHART, CHART_TEXT)
    assert (chart.covered, chart.required, chart.hours) == ("", "", ())
    assert spark(empty) == ("", "", "")
