"""Contributions, design, masks and the bulletin, and what it hides from attackers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from releve.plugins.sector.engine import disclosure
from releve.plugins.sector.engine.bulletin import (
    ClosedDay,
    build_bulletin,
    check_one_closing,
    hash_closing,
    mask_figures,
    parse_bulletin,
    sum_groups,
    unmask_sums,
    write_bulletin_csv,
)
from releve.plugins.sector.engine.contribution import (
    Contribution,
    ContributionError,
    hash_contribution,
    parse_contribution,
    sign_text,
    verify_text,
)
from releve.plugins.sector.engine.needs import SectorError
from releve.plugins.sector.engine.panel import (
    BulletinDesign,
    PanelMember,
    find_rule,
    load_bulletin_rules,
    merge_destinations,
    parse_design,
)
from tests.sector import attackers

DAY = date(2026, 11, 27)
NAMES = tuple(f"member-{i}" for i in range(7))
MASKS = {name: X25519PrivateKey.from_private_bytes(bytes([i + 1] * 32)) for i, name in enumerate(NAMES)}
RULES = load_bulletin_rules(
    (resources.files("releve.plugins.sector.engine") / "bulletin_rules.yaml").read_text(encoding="utf-8")
)


def make_design(mode: str = "plain", names: tuple[str, ...] = NAMES) -> BulletinDesign:
    members = tuple(PanelMember(name, "ab" * 32, MASKS[name].public_key().public_bytes_raw().hex()) for name in names)
    groups = {"MA": ("MA",), "TN": ("TN",), "other": ("MG", "SN")}
    return BulletinDesign("sp2c", "2026-11", mode, members, groups, find_rule(RULES, DAY))


def contribute(number: int, design: BulletinDesign, day: date = DAY, **more: Any) -> Contribution:
    figures = {
        ("agents_on_site", "MA"): 200 + 10 * number,
        ("agents_on_site", "TN"): 150 - number,
        ("agents_at_home", "MA"): 30,
        ("calls_offered", "all"): 900,
        ("calls_answered", "all"): 800 + number,
    }
    if number in (1, 2, 3):
        figures["agents_on_site", "SN"] = 200
    fields = {
        "association": "sp2c",
        "member": NAMES[number],
        "day": day,
        "design": design.digest,
        "figures": figures,
        "seats": {"MA": 400, "TN": 200, "SN": 250},
        "made_at": datetime(2026, 11, 28, 6, tzinfo=UTC),
        "nonce": f"{number:064x}",
        "software": "0.1.0",
    }
    return Contribution(**{**fields, **more})


def value_of_cell(bulletin: Any, measure: str, group: str) -> int | None:
    found: int | None = next(cell.value for cell in bulletin.cells if (cell.measure, cell.group) == (measure, group))
    return found


def test_the_bulletin_shows_safe_totals_and_hides_a_group_of_three() -> None:
    design = make_design()
    sent = [contribute(i, design) for i in range(7)]
    bulletin = build_bulletin(design, DAY, sent)
    assert value_of_cell(bulletin, "agents_on_site", "MA") == 1610
    assert value_of_cell(bulletin, "agents_on_site", "other") is None
    assert value_of_cell(bulletin, "agents_on_site", "TN") is None  # else the total gives it away
    assert value_of_cell(bulletin, "agents_on_site", "total") == 3240
    assert value_of_cell(bulletin, "calls_answered", "all") == 5620
    assert hash_contribution(sent[3].text) in bulletin.contributions
    assert not any(name in bulletin.text for name in NAMES)
    again = build_bulletin(parse_design(design.text), DAY, list(reversed(sent)))
    assert again.text == bulletin.text == parse_bulletin(bulletin.text).text
    assert write_bulletin_csv(bulletin).splitlines()[1] == "2026-11-27,agents_on_site,MA,1610"


CLOSED = ("sites_closed", "MA")


def report_closed(count: int, design: BulletinDesign, day: date = DAY) -> list[Contribution]:
    """Return contributions of seven, of whom the first ones report that no site is closed."""
    sent = [contribute(i, design, day) for i in range(7)]
    return [
        replace(one, figures={**one.figures, CLOSED: 0}) if number < count else one for number, one in enumerate(sent)
    ]


def mask(sent: list[Contribution], design: BulletinDesign) -> list[Contribution]:
    closing = hash_closing(str(DAY), design.digest, NAMES)
    panel = {member.id: member.mask_key for member in design.members}
    return [
        replace(one, figures={}, seats={}, masked=tuple(
            mask_figures(sum_groups(one, design), one.member, MASKS[one.member], panel, closing)
        ))
        for one in sent
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["plain", "masked"])
@pytest.mark.parametrize(("count", "stated"), [(0, False), (4, False), (5, True), (7, True)])
def test_a_zero_stands_in_the_bulletin_where_enough_members_sent_it(mode: str, count: int, stated: bool) -> None:
    design = make_design(mode)
    sent = report_closed(count, design)
    found = build_bulletin(design, DAY, sent if mode == "plain" else mask(sent, design))
    for group in ("MA", "total"):
        cell = found.find_cell("sites_closed", group)
        assert (cell is not None and cell.value == 0) is stated
        assert (cell is None) is not stated
    assert parse_bulletin(found.text) == found
    assert any("sites_closed,MA,0" in row for row in write_bulletin_csv(found).split()) is stated


@pytest.mark.parametrize("mode", ["plain", "masked"])
def test_a_figure_that_no_member_sent_has_no_row(mode: str) -> None:
    design = make_design(mode)
    calls = ("calls_offered", "calls_answered")
    sent = [contribute(i, design) for i in range(7)]
    sent = [replace(one, figures={cell: n for cell, n in one.figures.items() if cell[0] not in calls}) for one in sent]
    found = build_bulletin(design, DAY, sent if mode == "plain" else mask(sent, design))
    assert all(found.find_cell(measure, "all") is None for measure in calls)
    assert not any(measure in write_bulletin_csv(found) for measure in (*calls, "relief_spare"))
    assert all(cell.value != 0 for cell in found.cells)


def test_a_member_that_sends_a_figure_no_more_hides_it_and_leaves_no_word_of_it() -> None:
    """What was hidden yesterday, as one member's, is hidden today, and not "not reported"."""
    design, before = make_design(), DAY - timedelta(1)
    sent = [contribute(i, design, before) for i in range(7)]
    sent[0] = replace(sent[0], figures={**sent[0].figures, ("relief_wanted", "SN"): 40})
    closed = ClosedDay(design, tuple(sent), build_bulletin(design, before, sent))
    today = build_bulletin(design, DAY, [contribute(i, design) for i in range(7)], [closed])
    for found in (closed.bulletin, today):
        assert value_of_cell(found, "relief_wanted", "other") is None
        assert found.find_cell("relief_wanted", "MA") is None


def test_a_correction_states_no_figure_that_no_member_sent() -> None:
    design = make_design()
    sent = [contribute(i, design) for i in range(7)]
    closed = ClosedDay(design, tuple(sent), build_bulletin(design, DAY, sent))
    right = [replace(one, corrects=hash_contribution(one.text), nonce="f" * 64) for one in report_closed(7, design)]
    day = DAY + timedelta(1)
    today = [contribute(i, design, day) for i in range(7)]
    (found,) = build_bulletin(design, day, today, [closed], right).corrections
    zeros = {(cell.measure, cell.group) for cell in found.cells if cell.value == 0}
    assert zeros == {CLOSED, ("sites_closed", "total")}


def test_calls_answered_are_hidden_beside_calls_offered_that_are() -> None:
    design = make_design()
    sent = [contribute(i, design) for i in range(7)]
    sent[0] = replace(sent[0], figures={**sent[0].figures, ("calls_offered", "all"): 90_000})
    found = build_bulletin(design, DAY, sent)
    assert value_of_cell(found, "calls_offered", "all") is None
    assert value_of_cell(found, "calls_answered", "all") is None


def test_a_member_that_leaves_hides_its_cells_in_the_bulletins_after() -> None:
    design = make_design()
    before = [contribute(i, design, DAY - timedelta(1)) for i in range(7)]
    closed = ClosedDay(design, tuple(before), build_bulletin(design, DAY - timedelta(1), before))
    after = build_bulletin(design, DAY, [contribute(i, design) for i in range(6)], [closed])
    assert [cell.value for cell in after.cells if cell.measure == "agents_on_site"] == [None] * 4


def test_a_correction_stands_in_the_next_bulletin_and_shows_no_member() -> None:
    design = make_design()
    sent = [contribute(i, design) for i in range(7)]
    closed = ClosedDay(design, tuple(sent), build_bulletin(design, DAY, sent))
    right = [
        replace(one, figures={**one.figures, ("agents_on_site", "MA"): 300},
                corrects=hash_contribution(one.text), nonce="f" * 64)
        for one in sent
    ]  # fmt: skip
    day = DAY + timedelta(1)
    today = [contribute(i, design, day) for i in range(7)]
    one = build_bulletin(design, day, today, [closed], right[:1]).corrections
    assert one[0].cells == ()
    assert one[0].contributions == (hash_contribution(right[0].text),)
    some = build_bulletin(design, day, today, [closed], right[:6]).corrections[0]
    assert {cell.value for cell in some.cells if cell.measure == "agents_on_site"} == {2060, 3690}


def test_masked_contributions_open_as_sums_of_the_whole_panel_alone() -> None:
    design = make_design("masked")
    plain = [contribute(i, design) for i in range(7)]
    sent = mask(plain, design)
    opened = unmask_sums({one.member: one.masked for one in sent}, NAMES)
    rows = list(zip(*(sum_groups(one, design) for one in plain), strict=True))
    assert [sums.total for sums in opened] == [sum(x or 0 for x in row) for row in rows]
    assert [sums.reports for sums in opened] == [sum(x is not None for x in row) for row in rows]
    assert all(parse_contribution(one.text) == one for one in sent)
    found = build_bulletin(design, DAY, sent)
    values = {(c.measure, c.group): c.value for c in found.cells}
    assert (values["agents_on_site", "MA"], values["calls_answered", "all"]) == (1610, 5620)
    assert values["agents_on_site", "other"] is None
    with pytest.raises(SectorError, match="member-6"):
        build_bulletin(design, DAY, sent[:6])


def test_a_second_closing_of_a_day_is_refused_by_a_member() -> None:
    design = make_design("masked")
    first = hash_closing(str(DAY), design.digest, NAMES)
    check_one_closing("", first)
    check_one_closing(first, first)
    with pytest.raises(ContributionError) as caught:
        check_one_closing(first, hash_closing(str(DAY), design.digest, NAMES[:6]))
    assert caught.value.code == "second_closing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"figures": {("agents_on_site", "MA"): 401}}, "impossible"),
        ({"figures": {("calls_answered", "all"): 1}}, "impossible"),
        ({"figures": {("cases", "MA"): 1}}, "format"),
        ({"figures": {("agents_at_home", "Casablanca"): 1}}, "format"),
        ({"figures": {("agents_at_home", "MA"): -1}}, "format"),
        ({"member": "Jeanne Martin"}, "format"),
        ({"nonce": "1"}, "format"),
        ({"made_at": datetime(2026, 11, 28, 6)}, "format"),  # noqa: DTZ001
    ],
)
def test_a_contribution_that_cannot_be_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(ContributionError) as caught:
        contribute(0, make_design(), **change)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"design": "0" * 64}, "panel"),
        ({"member": "joiner"}, "panel"),
        ({"day": date(2026, 12, 1)}, "panel"),
        ({"figures": {("agents_at_home", "BJ"): 1}}, "panel"),
        ({"figures": {}, "seats": {}, "masked": (1, 2, 3)}, "panel"),
    ],
)
def test_a_contribution_to_another_panel_is_refused(change: dict[str, Any], code: str) -> None:
    design = make_design()
    with pytest.raises(ContributionError) as caught:
        build_bulletin(design, DAY, [replace(contribute(0, design), **change)])
    assert caught.value.code == code


def test_a_contribution_is_read_back_to_the_byte_or_refused() -> None:
    sent = contribute(0, make_design())
    assert parse_contribution(sent.text) == sent
    other = {**json.loads(sent.text), "client": "Banque Rive"}
    for text, code in (
        (json.dumps(other, sort_keys=True, separators=(",", ":")), "format"),
        (sent.text.replace("contribution 1", "contribution 2"), "version"),
        (sent.text + " ", "format"),
        ("{", "format"),
    ):
        with pytest.raises(ContributionError) as caught:
            parse_contribution(text)
        assert caught.value.code == code


def test_a_signature_is_of_its_text_and_key() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = key.public_key().public_bytes_raw().hex()
    signature = sign_text("text", key)
    assert verify_text("text", signature, public)
    assert not verify_text("texts", signature, public)
    assert not verify_text("text", signature, "00" * 32)
    assert not verify_text("text", "no hex", public)


def test_small_destinations_are_merged_by_design() -> None:
    design = make_design()
    figures = [contribute(i, design).figures for i in range(7)]
    groups = merge_destinations(figures, design.rule.disclosure)
    assert groups == {"MA": ("MA",), "other": ("SN", "TN")}


def test_a_design_names_its_faults() -> None:
    with pytest.raises(SectorError, match="at least 5 members"):
        make_design(names=NAMES[:4])
    with pytest.raises(SectorError, match="one group alone"):
        replace(make_design(), groups={"MA": ("MA",), "other": ("MA",)})
    with pytest.raises(SectorError, match="one rule must be in force"):
        find_rule(RULES, date(2020, 1, 1))
    with pytest.raises(SectorError, match="row 1"):
        load_bulletin_rules("- id: x")


SEEDS = range(20)


def test_no_attacker_reads_a_figure_in_a_month_of_random_tables() -> None:
    hidden = shown = 0
    for seed in SEEDS:
        tables = attackers.publish_days(seed)
        assert attackers.attack_by_leave(tables) == []
        for table in tables[::5]:
            shown += len(table.shown)
            hidden += len(table.groups) + 1 - len(table.shown)
            assert attackers.attack_from_outside(table) == []
            largest = sorted(table.figures, key=lambda m: -sum(table.figures[m].values()))[:3]
            assert attackers.attack_from_inside(table, largest) == []
    assert hidden > 50
    assert shown > 50


def test_the_closed_form_of_the_attackers_is_that_of_a_linear_programme() -> None:
    for seed in range(4):
        for table in attackers.publish_days(seed, 2):
            for own in (None, table.figures[min(table.figures)]):
                found = attackers.bound_cells(table, own)
                assert found.keys() == (solved := attackers.solve_cells(table, own)).keys()
                for name, ends in found.items():
                    assert ends == pytest.approx(solved[name])


def test_the_leaver_is_read_where_each_bulletin_is_judged_alone() -> None:
    read = [seed for seed in SEEDS if attackers.attack_by_leave(attackers.publish_days(seed, history=False))]
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
    assert disclosure.is_safe(figures, attackers.RULE) is safe


def test_one_hidden_group_under_a_published_total_takes_a_second_one() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    for member in ("m0", "m1", "m2"):
        row[member]["SN"] = 60
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    found = disclosure.choose_publication(disclosure.PlainJudge(row, attackers.RULE, persistent=True), groups, [])
    assert found.total
    assert found.groups == {"MA"}


def test_neither_a_hidden_group_nor_a_hidden_total_is_left_within_a_tenth() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    for member in ("m0", "m1", "m2"):
        row[member]["SN"] = 2
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    found = disclosure.choose_publication(disclosure.PlainJudge(row, attackers.RULE, persistent=True), groups, [])
    assert (found.groups, found.total) == (set(), True)


def test_a_group_split_off_an_earlier_one_shows_not_the_rest_of_it() -> None:
    row = {f"m{i}": {"MA": 100} for i in range(6)}
    row["m0"]["TN"] = 200
    groups = {where: frozenset([where]) for where in ("MA", "TN")}
    judge = disclosure.PlainJudge(row, attackers.RULE, persistent=True)
    merged = disclosure.EarlierDay((frozenset(["MA", "TN"]),), row)
    assert disclosure.choose_publication(judge, groups, []).groups == {"MA"}
    assert disclosure.choose_publication(judge, groups, [merged]).groups == set()


def test_a_group_in_which_no_member_works_hides_nothing_until_one_did() -> None:
    row = {f"m{i}": {"MA": 100, "TN": 90} for i in range(6)}
    groups = {where: frozenset([where]) for where in ("MA", "SN", "TN")}
    judge = disclosure.PlainJudge(row, attackers.RULE, persistent=True)
    found = disclosure.choose_publication(judge, groups, [])
    assert (found.groups, found.total) == ({"MA", "SN", "TN"}, True)
    before = disclosure.EarlierDay((), {**row, "m0": {**row["m0"], "SN": 40}})
    assert "SN" not in disclosure.choose_publication(judge, groups, [before]).groups


def test_a_member_that_is_missing_or_falls_to_zero_hides_its_cells_alone() -> None:
    groups = {where: frozenset([where]) for where in ("MA", "TN")}
    before = {f"m{i}": {"MA": 100, "TN": 90} for i in range(7)}
    before["m6"] = {"MA": 80}
    earlier = disclosure.EarlierDay(tuple(groups.values()), before)
    for now in ({m: before[m] for m in list(before)[:6]}, {**before, "m6": {"MA": 0}}):
        found = disclosure.choose_publication(
            disclosure.PlainJudge(now, attackers.RULE, persistent=True), groups, [earlier]
        )
        assert found.groups == {"TN"}
        assert not found.total


def test_regrouped_destinations_show_no_difference() -> None:
    figures = {f"m{i}": {"MA": 100 + i} for i in range(6)}
    figures["m0"]["SN"] = 40
    alone = disclosure.EarlierDay((frozenset(["MA"]),), figures)
    merged = {"other": frozenset(["MA", "SN"])}
    judge = disclosure.PlainJudge(figures, attackers.RULE, persistent=True)
    assert disclosure.choose_publication(judge, merged, [], with_total=False).groups == {"other"}
    assert disclosure.choose_publication(judge, merged, [alone], with_total=False).groups == set()


@given(st.lists(st.integers(0, 5000), min_size=3, max_size=25))
def test_what_the_masked_judge_lets_through_the_plain_one_does(figures: list[int]) -> None:
    unit = frozenset(["MA"])
    above = sum(x > 0 for x in figures)
    sums = disclosure.CellSums(len(figures), above, sum(figures), sum(x * x for x in figures))
    masked = disclosure.MaskedJudge({unit: sums}, [], attackers.RULE, persistent=True)
    if masked.is_safe_unit(unit):
        assert disclosure.is_safe(figures, attackers.RULE)


@given(st.integers(0, 10_000))
def test_a_count_is_rounded_to_the_nearest_five(count: int) -> None:
    assert abs(disclosure.round_count(count, 5) - count) <= 2.5
    assert disclosure.round_count(count, 5) % 5 == 0
