"""Audits and draws on record, as people read them, and a site's visits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releve.plugins.inspection.engine.draw_days import (
    DrawSummary,
    build_draw_day,
    describe_powers,
    find_draw_plans,
    summarise_draw_day,
)
from releve.situation import (
    TREND_DAYS,
    CheckDone,
    InspectionHeld,
    MeasureFinding,
    ReopeningChecked,
    SiteClosed,
    compute_label,
    compute_standings,
    find_closure_terms,
    find_photo_sites,
    list_charter_notices,
    list_observations,
    list_site_checks,
    list_site_inspections,
    list_site_standings,
    summarise_audit,
    summarise_finding,
)
from releve.situation.shipped import load_rules_with
from tests.situation.control_rows import (
    ANSWERED,
    CONCLUDED,
    DRAW_ROWS_DAY,
    DUE,
    FINDING,
    OPENED,
    answer,
    draw,
    frame,
    observe,
    open_audit,
    plan,
    reveal,
    revealed,
    verify,
)
from tests.situation.control_rows import raised as raise_finding
from tests.situation.rule_chain import HEALTH_RULES, START, Chain
from tests.situation.test_standings import DAILY, TODAY, audited_and_visited, check, findings, standing


def finding(chain: Chain) -> Any:
    """Return the one finding of the audit."""
    (found,) = chain.situation.charter_audits["x1"].findings
    return found


def label(chain: Chain) -> Any:
    """Return the label today."""
    return compute_label(chain.situation, chain.operator, chain.rules, chain.now.date())


def test_a_finding_is_closed_by_another_person_alone() -> None:
    chain = Chain()
    raise_finding(chain)
    states = [finding(chain).state]
    for effective in (False, True):
        answer(chain)
        states.append(finding(chain).state)
        assert chain.refused("finding.verified", **FINDING, effective=True, actor="karim") == {"finding.same_person"}
        verify(chain, effective=effective)
        states.append(finding(chain).state)
    assert states == ["raised", "answered", "refused", "answered", "closed"]


def test_an_open_finding_lowers_its_measure_whatever_the_checks_say() -> None:
    chain = Chain()
    raise_finding(chain)
    chain.after(hours=1)
    check(chain)
    for measure, value in (("masks", "not_kept"), ("signs", "kept")):
        assert standing(chain, TODAY, measure).value == value
    assert "e3" in standing(chain, TODAY).events
    chain.after(days=1)
    check(chain)
    assert standing(chain, TODAY + timedelta(days=1)).value == "not_kept"
    answer(chain)
    verify(chain)
    assert standing(chain, TODAY + timedelta(days=1)).value == "kept"
    assert standing(chain, TODAY).value == "not_kept"


def test_a_minor_finding_leaves_its_measure_partly_kept_at_best() -> None:
    chain = Chain()
    open_audit(chain)
    observe(chain, measure="signs", verdict="partly")
    chain.record("finding.raised", audit="x1", finding="f1", site="casa", measure="signs",
                 severity="minor", due=DUE, note="Faded", actor="auditor")  # fmt: skip
    chain.after(days=1)
    check(chain)
    observe(chain, measure="signs", verdict="kept")
    assert standing(chain, TODAY + timedelta(days=1), "signs").value == "partly"


def test_an_observation_counts_on_the_day_it_was_seen_and_the_last_of_a_day_counts() -> None:
    chain = Chain()
    open_audit(chain)
    chain.after(days=2)
    observe(chain, measure="plan_written", verdict="not_kept", seen_at=chain.now.replace(hour=8))
    observe(chain, measure="plan_written", verdict="kept", seen_at=chain.now.replace(hour=9))
    assert standing(chain, TODAY + timedelta(days=2), "plan_written").value == "kept"
    assert standing(chain, TODAY + timedelta(days=1), "plan_written").value == "unknown"


def test_a_charter_changed_in_mid_audit_is_judged_by_the_version_when_it_was_seen() -> None:
    text = (
        "{id: own, version: '2', from: 2026-12-02, source: test, axes: [{id: a, title: A,"
        " title_fr: A}], measures: [{id: benches, axis: a, text: T, text_fr: T, evidence:"
        " [{sources: [audit.observed], rule: latest, fresh_days: 30}]}]}"
    )
    chain = Chain(rules=load_rules_with(charters=[text]))
    open_audit(chain)
    before = chain.now
    chain.after(days=3)
    seen = {"method": "test", "verdict": "kept", "audit": "x1", "site": "casa"}
    for measure, at, codes in (
        ("masks", before, set()),
        ("masks", chain.now, {"audit.measure"}),
        ("benches", chain.now, set()),
        ("benches", before, {"audit.measure"}),
    ):
        assert chain.refused("audit.observed", measure=measure, seen_at=at, **seen) == codes
    assert chain.refused("audit.opened", **OPENED | {"audit": "x2"}) == {"audit.charter"}
    values = {"audit": "x2", "charter": "own", "version": "2"}
    assert chain.refused("audit.opened", **OPENED | values) == set()


def has_label(chain: Chain, due: int = 2) -> None:
    """Have the label, with a major finding on masks at casa that is due in some days."""
    audited_and_visited(chain)
    for site in ("casa", "rabat", "lille"):
        check(chain, site)
    assert label(chain).stands
    raise_finding(chain, due=DRAW_ROWS_DAY + timedelta(days=due))


def test_the_label_falls_after_the_due_day_of_a_major_finding_and_now_says_so() -> None:
    chain = Chain()
    has_label(chain)
    found = label(chain)
    assert found.stands
    assert (found.falls_on, found.because) == (DRAW_ROWS_DAY + timedelta(days=3), ("finding",))
    (notice,) = chain.notices("label.falling")
    assert notice.params == {"day": found.falls_on, "why": ("finding",)}
    assert [notice.site for notice in chain.notices("finding.raised")] == ["casa"]
    for _day in range(3):
        chain.after(days=1)
        for site in ("casa", "rabat", "lille"):
            check(chain, site)
    assert label(chain).reasons == ("finding",)
    assert [notice.site for notice in chain.notices("finding.overdue")] == ["casa"]
    answer(chain)
    assert label(chain).reasons == ("finding",)
    verify(chain)
    assert label(chain).stands
    assert chain.notices("finding.overdue") == []


def test_a_finding_does_not_hide_checks_that_stopped() -> None:
    chain = Chain()
    has_label(chain, due=30)
    others = tuple(measure for measure in DAILY if measure != "masks")
    for _day in range(4):
        assert label(chain).stands, "the finding is not due yet"
        chain.after(days=1)
        check(chain, findings=findings("kept", others))
        for site in ("rabat", "lille"):
            check(chain, site)
    assert label(chain).reasons == ("major",), "masks at casa were not checked for four days"


def test_an_audit_that_is_concluded_counts_for_the_label_unless_it_does_not_conform() -> None:
    found = []
    for conclusion in ("conforms_with_findings", "does_not_conform"):
        chain = Chain()
        raise_finding(chain)
        chain.record("audit.concluded", **CONCLUDED | {"conclusion": conclusion})
        found.append("audit" in label(chain).reasons)
    assert found == [False, True]


def test_what_was_known_on_a_day_leaves_out_a_finding_recorded_later() -> None:
    chain = Chain()
    check(chain)
    raise_finding(chain)
    args = (chain.situation, chain.operator, chain.rules, TODAY, 1)
    before = compute_standings(*args, known_at=chain.now - timedelta(minutes=1))
    assert before.get("casa", "masks", TODAY) == "unknown"
    assert compute_standings(*args).get("casa", "masks", TODAY) == "not_kept"


def test_a_finding_is_shown_with_the_answer_that_counts() -> None:
    chain = Chain()
    raise_finding(chain)
    (found,) = chain.situation.charter_audits["x1"].findings
    first = summarise_finding(found, chain.operator)
    assert (first.site, first.name) == ("casa", chain.operator.site["casa"].name)
    assert (first.state, first.cause, first.answered_by) == ("raised", "", "")
    answer(chain)
    verify(chain, effective=True)
    (found,) = chain.situation.charter_audits["x1"].findings
    last = summarise_finding(found, chain.operator)
    assert (last.state, last.cause, last.action) == ("closed", ANSWERED["cause"], ANSWERED["action"])
    assert last.verified_by == "auditor"


def test_an_audit_is_counted_as_far_as_the_sites_of_a_reader_reach() -> None:
    chain = Chain()
    raise_finding(chain)
    audit = chain.situation.charter_audits["x1"]
    whole = summarise_audit(audit, lambda site: True)
    assert (whole.sites, whole.observed, whole.open_findings) == (("casa", "rabat"), 1, 1)
    other = summarise_audit(audit, lambda site: site == "rabat")
    assert (other.sites, other.observed, other.open_findings) == (("rabat",), 0, 0)


def test_each_measure_of_a_site_has_a_line_and_one_that_was_seen_says_how() -> None:
    chain = Chain()
    open_audit(chain)
    observe(chain)
    audit, today = chain.situation.charter_audits["x1"], chain.now.date()
    charter = chain.rules.charter(today)
    measures = () if charter is None else charter.measures
    lines = list(list_observations(audit, chain.operator, ("casa", "gone"), measures))
    assert {line.site for line in lines} == {"casa", "gone"}
    (seen,) = (line for line in lines if line.verdict)
    assert (seen.site, seen.measure, seen.method) == ("casa", "masks", "test")
    assert len(list(list_observations(audit, chain.operator, ("casa",), ()))) == 1, "seen before"


def test_standings_say_how_they_differ_from_thirty_days_ago() -> None:
    chain = Chain()
    open_audit(chain)
    observe(chain)
    today = chain.now.date()
    charter = chain.rules.charter(today)
    assert charter is not None
    (row,) = list_site_standings(chain.situation, chain.operator, chain.rules, charter, today, ["casa"])
    masks = [measure.id for measure in charter.measures].index("masks")
    assert (row.before[masks], row.values[masks], row.changes[masks]) == ("unknown", "not_kept", "down")
    assert len(row.kept) == TREND_DAYS + 1
    assert {len(row.values), len(row.before), len(row.changes)} == {len(charter.measures)}


def test_notices_of_the_charter_name_no_agent() -> None:
    chain = Chain()
    raise_finding(chain)
    found = list(list_charter_notices(chain.situation, chain.operator, chain.rules, chain.now))
    assert "finding.raised" in {row.code for row in found}
    assert not any("agent" in row.params for row in found)


def test_the_visits_of_a_day_are_those_that_both_links_give() -> None:
    chain = Chain()
    revealed(chain)
    visits = draw(chain)
    plan_ = chain.situation.draws["p1"]
    assert plan_.list_visits(DRAW_ROWS_DAY) == visits
    assert len(visits) == 1
    assert plan_.derive_day_seed(DRAW_ROWS_DAY) != plan_.derive_day_seed(DRAW_ROWS_DAY, "operator")


def test_a_party_that_withholds_its_link_gains_no_choice() -> None:
    """The day is drawn without the link; a later link gives the withheld one: both are visited."""
    chain = Chain()
    plan(chain)
    following = DRAW_ROWS_DAY + timedelta(days=1)
    frame(chain)
    chain.after(days=1)  # 9 h of the day: the commission's link is missing
    reveal(chain, "operator")
    without = draw(chain, withheld="commission")
    frame(chain, following)
    chain.after(days=1)
    reveal(chain, "operator", "commission", day=following)
    both = chain.situation.draws["p1"].draw(DRAW_ROWS_DAY).chosen
    draw(chain)
    assert set(chain.situation.draws["p1"].list_visits(DRAW_ROWS_DAY)) == {*without, *both}
    assert chain.situation.draws["p1"].find_link("commission", DRAW_ROWS_DAY)


def test_a_frame_after_a_later_link_is_refused() -> None:
    chain = Chain()
    plan(chain)
    frame(chain, DRAW_ROWS_DAY + timedelta(days=1))
    chain.after(hours=2)
    reveal_day = DRAW_ROWS_DAY + timedelta(days=1)
    chain.now = chain.now.replace(hour=23)
    chain.after(hours=2)  # one o'clock of DAY
    reveal(chain, "operator", day=reveal_day)
    assert "draw.frame_late" in chain.refused("draw.framed", plan="p1", day=DRAW_ROWS_DAY, units=())


def test_a_closed_site_is_replaced_and_both_are_on_record() -> None:
    """Closed when the frame was recorded: a closure after the links are known moves no visit."""
    chain = Chain()
    revealed(chain)
    (site,) = chain.situation.draws["p1"].draw(DRAW_ROWS_DAY).chosen
    chain.record("site.closed", site=site, cause="operator")
    assert draw(chain) == (site,)
    following = DRAW_ROWS_DAY + timedelta(days=1)
    frame(chain, following)
    units = chain.situation.draws["p1"].frames[following].units
    assert [unit.site for unit in units if unit.closed] == [site]
    chain.after(days=1)
    reveal(chain, "operator", "commission", day=following)
    assert site not in draw(chain, following)


def test_a_visit_lowers_the_weight_of_the_next_day_and_findings_raise_it() -> None:
    chain = Chain()
    plan(chain)
    frame(chain)
    chain.after(days=1)
    findings = ({"measure": "masks", "verdict": "not_kept"},)
    from releve.situation import MeasureFinding

    chain.record(
        "inspection.held", site="casa", authority="C", findings=tuple(MeasureFinding(**found) for found in findings)
    )
    frame(chain, DRAW_ROWS_DAY + timedelta(days=1))
    before, after = (
        {unit.site: unit for unit in chain.situation.draws["p1"].frames[day].units}
        for day in (DRAW_ROWS_DAY, DRAW_ROWS_DAY + timedelta(days=1))
    )
    assert (before["casa"].weight, before["rabat"].weight) == (1 + 6 + 366, 1 + 366)
    assert (after["casa"].days, after["casa"].findings) == (1, 1)
    assert after["casa"].weight == 1 + 6 + 1 + 50


def test_a_visit_that_was_made_cannot_be_on_record_as_missed() -> None:
    chain = Chain()
    revealed(chain)
    (site,) = draw(chain)
    chain.record("inspection.held", site=site, authority="C")
    values = {"plan": "p1", "day": DRAW_ROWS_DAY, "site": site, "reason": "Snow"}
    assert chain.refused("draw.not_visited", **values) == {"draw.settled"}


def summarise(chain: Chain, *, shown: bool = True) -> DrawSummary:
    """Return the day of the one plan."""
    (found,) = find_draw_plans(chain.situation, DRAW_ROWS_DAY)
    day = build_draw_day(found, chain.situation, chain.operator, DRAW_ROWS_DAY)
    return summarise_draw_day(day, chain.operator, shown=shown)


def test_the_frame_says_how_likely_each_site_is() -> None:
    chain = Chain()
    plan(chain)
    assert not summarise(chain).awaits_draw, "there is no frame"
    frame(chain)
    found = summarise(chain)
    assert (found.state, found.awaits_draw, found.visits) == ("framed", True, ())
    assert sum(row.probability for row in found.frame) == pytest.approx(1)
    assert {row.name for row in found.frame} == {row.name for row in chain.operator.sites}


def test_a_visit_that_waits_is_counted_where_it_is_not_shown() -> None:
    chain = Chain()
    revealed(chain)
    (site,) = draw(chain)
    shown, hidden = summarise(chain), summarise(chain, shown=False)
    assert [(row.site, row.state) for row in shown.visits] == [(site, "waiting")]
    assert (hidden.visits, hidden.waiting, hidden.hidden) == ((), 1, 1)
    assert shown.hidden == 0
    assert not shown.awaits_draw


def test_what_tests_can_find_is_said_once_the_people_are_drawn() -> None:
    chain = Chain()
    revealed(chain)
    draw(chain)
    found = summarise(chain)
    assert len(list(describe_powers(found, "en"))) == 2, "of visits alone"
    visits = (replace(found.visits[0], present=6, to_test=4),)
    first, *_ = describe_powers(replace(found, visits=visits), "en")
    assert "4 of 6 people" in first


def test_a_visit_says_when_it_was_recorded_where_that_is_late() -> None:
    for days, late in ((0, False), (3, True)):
        chain = Chain()
        revealed(chain)
        (site,) = draw(chain)
        visited = chain.now
        chain.after(days=days)
        chain.record("inspection.held", site=site, authority="C", happened_at=visited)
        (visit,) = summarise(chain).visits
        assert (visit.state, visit.recorded_late) == ("held", chain.now if late else None)


_charter = HEALTH_RULES.charter(START.date())
assert _charter is not None
KEPT, WANTING, ABSENT = (row.id for row in _charter.measures[:3])
FOUND = (
    MeasureFinding(measure=KEPT, verdict="kept"),
    MeasureFinding(measure=WANTING, verdict="partly"),
    MeasureFinding(measure=ABSENT, verdict="not_applicable"),
)


def test_a_check_counts_the_measures_that_apply_and_names_those_not_kept() -> None:
    chain = Chain()
    day = chain.now.date()
    chain.record(CheckDone.kind, site="casa", day=day, findings=FOUND, symptomatic=2, commission=("K",))
    (row,) = list_site_checks(chain.situation, chain.operator, "casa", 7, health=True)
    assert (row.day, row.looked, row.kept) == (day, 2, 1)
    assert dict(row.not_kept) == {WANTING: "partly"}
    assert row.symptomatic == 2
    (hidden,) = list_site_checks(chain.situation, chain.operator, "casa", 7, health=False)
    assert hidden.symptomatic is None
    assert list(list_site_checks(chain.situation, chain.operator, "rabat", 7, health=True)) == []


def test_the_last_inspections_are_listed_the_newest_first() -> None:
    chain = Chain()
    for hour in range(3):
        chain.now += timedelta(hours=1)
        chain.record(InspectionHeld.kind, site="casa", authority=f"brigade {hour}", findings=FOUND)
    rows = list(list_site_inspections(chain.situation, chain.operator, "casa", 2))
    assert [row.by for row in rows] == ["brigade 2", "brigade 1"]
    assert rows[0].at == chain.now
    assert rows[0].unannounced


def test_a_photo_is_of_the_site_whose_inspection_names_it() -> None:
    chain = Chain()
    photo = "9f" * 32
    chain.record(InspectionHeld.kind, site="rabat", authority="brigade", photos=(photo,))
    assert find_photo_sites(chain.situation, photo) == {"rabat"}
    assert find_photo_sites(chain.situation, "0" * 64) == frozenset()


def test_a_closure_says_what_its_reopening_takes_and_what_is_done_of_it() -> None:
    chain = Chain()
    assert find_closure_terms(chain.situation, "casa", chain.operator, chain.rules) is None
    chain.record(SiteClosed.kind, site="casa", cause="authority", authority="Wilaya", home_only=True)
    chain.record(ReopeningChecked.kind, site="casa", item="order_lifted", actor="samira")
    found = find_closure_terms(chain.situation, "casa", chain.operator, chain.rules)
    assert found is not None
    assert found.home_only
    assert (found.approvals, found.approvals_needed) == (0, 2)
    assert {item: by for item, by in found.checklist.items() if by} == {"order_lifted": "samira"}
