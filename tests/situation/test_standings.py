"""The standing of the charter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from releve.situation import (
    STANDINGS,
    MeasureFinding,
    compute_label,
    compute_site_standings,
    compute_standings,
    fold_events,
)
from releve.situation.shipped import load_rules_with, load_shipped_rules
from tests.situation.control_rows import DRAW_ROWS_DAY, draw, revealed
from tests.situation.plain_standings import build_year, judge_plainly, list_seen
from tests.situation.rule_chain import START, Chain

TODAY = START.date()
CHARTER = load_shipped_rules().charter(TODAY)
assert CHARTER is not None
OTHER_RULES = """
id: own
version: "2"
from: 2026-01-01
source: test
axes: [{id: a, title: A, title_fr: A}]
measures:
  - id: none
    axis: a
    daily: true
    text: T
    text_fr: T
    evidence: [{sources: [check.done], rule: none_not_kept, days: 5, fresh_days: 2}]
  - id: either
    axis: a
    daily: true
    needs: any
    text: T
    text_fr: T
    evidence:
      - {sources: [check.done], rule: share_kept, least: 0.9, days: 30, fresh_days: 0,
         recorded_within: 1}
      - {sources: [inspection.held, audit.verdict], rule: latest, fresh_days: 20,
         recorded_within: 0}
  - id: verdict
    axis: a
    text: T
    text_fr: T
    evidence:
      - {sources: [audit.verdict], rule: latest, fresh_days: 90}
      - {sources: [inspection.held, audit.verdict], rule: share_kept, least: 0.4, days: 60,
         fresh_days: 60, optional: true}
"""
DAILY = tuple(measure.id for measure in CHARTER.measures if measure.daily)
OTHER = tuple(measure.id for measure in CHARTER.measures if not measure.daily)


def findings(verdict: str = "kept", measures: tuple[str, ...] = DAILY) -> tuple[Any, ...]:
    return tuple(MeasureFinding(measure=measure, verdict=verdict) for measure in measures)


def check(chain: Chain, site: str = "casa", verdict: str = "kept", **values: Any) -> None:
    values = {"day": chain.now.date(), "findings": findings(verdict)} | values
    chain.record("check.done", site=site, **values)


def standing(chain: Chain, day: date, measure: str = "masks", site: str = "casa") -> Any:
    found = compute_site_standings(chain.situation, chain.operator, chain.rules, site, day)
    return {row.measure: row for row in found}[measure]


def test_a_measure_without_evidence_is_unknown_and_never_kept() -> None:
    chain = Chain()
    grid = compute_standings(chain.situation, chain.operator, chain.rules, TODAY, 3)
    assert {STANDINGS[value] for value in np.unique(grid.values)} == {"unknown"}
    assert standing(chain, TODAY).changes_on is None
    args = (chain.situation, chain.operator, chain.rules, "casa")
    found = [row.measure for row in compute_site_standings(*args, TODAY)]
    assert found == [measure.id for measure in CHARTER.measures]
    assert compute_site_standings(*args, date(2019, 1, 1)) == ()


def test_a_measure_expires_with_no_human_act_on_the_day_that_was_said() -> None:
    chain = Chain()
    check(chain)
    found = standing(chain, TODAY)
    assert (found.value, found.events) == ("kept", ("e1",))
    assert (found.changes_on, found.changes_to) == (TODAY + timedelta(days=4), "expired")
    for days, value in ((1, "kept"), (3, "kept"), (4, "expired"), (300, "expired")):
        assert standing(chain, TODAY + timedelta(days=days)).value == value
    chain.after(days=2)
    assert chain.notices("measure.expiring", "measure.expired") == []
    chain.after(days=1)
    (notice,) = chain.notices("measure.expiring")
    assert (notice.site, notice.params["day"]) == ("casa", TODAY + timedelta(days=4))
    assert set(DAILY) == set(notice.params["measures"])  # type: ignore[call-overload]
    assert "too old from 2026-12-04 on" in notice.sentence()
    chain.after(days=1)
    assert [notice.site for notice in chain.notices("measure.expired")] == ["casa"]


def test_the_share_of_the_checks_that_kept_it_decides() -> None:
    chain = Chain()
    for verdict in ("kept", "kept", "kept", "not_kept", "kept"):
        check(chain, verdict=verdict)
        chain.after(days=1)
    assert standing(chain, TODAY + timedelta(days=4)).value == "kept"  # 4 of 5
    assert standing(chain, TODAY + timedelta(days=3)).value == "partly"  # 3 of 4
    check(chain, "rabat", "not_kept")
    assert standing(chain, TODAY + timedelta(days=5), site="rabat").value == "not_kept"
    check(chain, "lille", "not_applicable")
    assert standing(chain, TODAY + timedelta(days=5), site="lille").value == "kept"


def test_a_visit_that_found_it_not_kept_outweighs_the_sites_own_checks() -> None:
    chain = Chain()
    check(chain)
    chain.record("inspection.held", site="casa", authority="C", findings=findings("not_kept", ("masks",)))
    assert standing(chain, TODAY).value == "not_kept"
    assert standing(chain, TODAY, "signs").value == "kept"
    chain.after(minutes=1)
    chain.record("event.corrected", corrects="e2", reason="Another site was meant")
    assert standing(chain, TODAY).value == "kept"


def test_an_auditors_verdict_holds_to_its_last_day() -> None:
    chain = Chain()
    last = TODAY + timedelta(days=9)
    chain.record("audit.verdict", measure="plan_written", verdict="met", valid_to=last)
    for site in ("casa", "lille"):
        assert standing(chain, last, "plan_written", site).value == "kept"
        found = standing(chain, last + timedelta(days=1), "plan_written", site)
        assert found.value == "expired"


def test_a_late_record_changes_the_past_days_standing_and_says_so() -> None:
    chain = Chain()
    chain.after(days=2)
    visit = findings(measures=("plan_written",))
    chain.record("inspection.held", site="casa", authority="C", findings=visit, happened_at=START)
    found = standing(chain, TODAY, "plan_written")
    assert (found.before, found.value) == ("unknown", "kept")
    assert found.late == found.after == ("e1",)
    later = standing(chain, TODAY + timedelta(days=2), "plan_written")
    assert (later.late, later.after) == (("e1",), ())


def test_a_daily_check_recorded_after_its_day_keeps_nothing_and_a_breach_still_counts() -> None:
    """A fortnight of checks written down afterwards was printed as kept."""
    chain = Chain()
    chain.after(days=14)
    for days in range(14):
        check(chain, day=TODAY + timedelta(days=days), happened_at=START + timedelta(days=days))
    last = TODAY + timedelta(days=13)
    found = standing(chain, last)
    assert (found.value, len(found.events), len(found.late)) == ("unknown", 14, 14)
    check(chain)
    assert standing(chain, TODAY + timedelta(days=14)).value == "kept"
    check(chain, "rabat", "not_kept", day=TODAY)
    assert standing(chain, TODAY, site="rabat").value == "not_kept"


def test_a_day_ends_by_the_clocks_of_the_site() -> None:
    """A check of Lille recorded at 22:59 UTC in winter is of the day, at 23:00 of the next."""
    for minutes, value in ((0, "kept"), (1, "unknown")):
        chain = Chain(now=START.replace(hour=22, minute=59) + timedelta(minutes=minutes, seconds=1))
        check(chain, "lille", day=TODAY)
        assert standing(chain, TODAY, site="lille").value == value


def test_each_day_is_judged_by_the_charter_of_that_day() -> None:
    text = (
        "{id: own, version: '2', from: 2026-12-02, source: test, axes: [{id: a, title: A,"
        " title_fr: A}], measures: [{id: masks, axis: a, text: T, text_fr: T, evidence: [{sources:"
        " [check.done], rule: none_not_kept, days: 5, fresh_days: 5}]}]}"
    )
    chain = Chain(rules=load_rules_with(charters=[text]))
    check(chain, verdict="not_kept")
    chain.after(days=1)
    check(chain)
    grid = compute_standings(chain.situation, chain.operator, chain.rules, TODAY, 4)
    assert [grid.get("casa", "masks", TODAY + timedelta(days=n)) for n in range(4)] == [
        "not_kept", "partly", "not_kept", "not_kept",
    ]  # fmt: skip
    assert grid.get("casa", "signs", TODAY) == "not_kept"
    assert grid.get("casa", "signs", TODAY + timedelta(days=2)) is None


def audited_and_visited(chain: Chain) -> None:
    """Meet what the label asks for on the first day of the draws, but for the daily checks."""
    revealed(chain)
    visited = draw(chain)[0]
    chain.record("inspection.held", site=visited, authority="C", findings=findings("kept", OTHER))
    for measure in OTHER:
        chain.record("audit.verdict", measure=measure, verdict="met", valid_to=TODAY + timedelta(days=300))


def labelled(chain: Chain) -> None:
    """Have the label, and let its checks grow old until the day before it falls."""
    audited_and_visited(chain)
    for site in ("casa", "rabat", "lille"):
        check(chain, site)
    chain.after(days=3)


def test_the_label_falls_on_the_printed_day_when_the_checks_stop() -> None:
    chain = Chain()
    audited_and_visited(chain)
    assert compute_label(chain.situation, chain.operator, chain.rules, DRAW_ROWS_DAY).reasons == (  # type: ignore[union-attr]
        "major", "minor",
    )  # fmt: skip
    for site in ("casa", "rabat", "lille"):
        check(chain, site)
    args = (chain.situation, chain.operator, chain.rules)
    label = compute_label(*args, DRAW_ROWS_DAY)
    assert label is not None
    assert label.stands
    assert (label.falls_on, label.because) == (DRAW_ROWS_DAY + timedelta(days=4), ("major", "minor"))
    chain.after(days=2)
    assert chain.notices("label.falling") == []
    chain.after(days=1)
    (notice,) = chain.notices("label.falling")
    assert notice.params["day"] == label.falls_on
    day_before, fallen = (compute_label(*args, DRAW_ROWS_DAY + timedelta(days=n)) for n in (3, 4))
    assert day_before is not None
    assert fallen is not None
    assert (day_before.stands, fallen.stands) == (True, False)
    assert compute_label(*args, date(2019, 1, 1)) is None


def test_a_verdict_that_lapses_leaves_what_was_seen_after_it_standing() -> None:
    chain = Chain()
    early, late = TODAY + timedelta(days=9), TODAY + timedelta(days=99)
    for measure in ("plan_written", "contact_named"):
        chain.record("audit.verdict", measure=measure, verdict="met", valid_to=early)
    chain.after(days=3)
    chain.record("audit.verdict", measure="plan_written", verdict="met", valid_to=late)
    chain.record("inspection.held", site="rabat", authority="C", findings=findings("not_kept", ("contact_named",)))
    after = early + timedelta(days=1)
    assert standing(chain, after, "plan_written").value == "kept"
    assert standing(chain, after, "plan_written").changes_on == late + timedelta(days=1)
    assert standing(chain, after, "contact_named").value == "expired"
    assert standing(chain, after, "contact_named", "rabat").value == "not_kept"


@pytest.mark.parametrize("seed", range(4))
def test_the_table_of_standings_equals_judging_them_one_by_one(seed: int) -> None:
    """Random years by two charters: the shipped one, and one with rules of the other kinds."""
    rules = load_rules_with(charters=[OTHER_RULES]) if seed % 2 else load_shipped_rules()
    first, days = date(2026, 1, 1), 150
    charter = rules.charter(first)
    assert charter is not None
    house, events = build_year(charter, 3, days, seed)
    judged = range(20, days, 7)
    grid = compute_standings(fold_events(events), house, rules, first + timedelta(days=judged[0]), days - judged[0])
    for measure in charter.measures:
        seen = list_seen(events, measure.id)
        for site in grid.sites:
            for day in (first + timedelta(days=n) for n in judged):
                plain = judge_plainly(measure, seen, site, day, first)
                assert grid.get(site, measure.id, day) == plain, (measure.id, site, day)


@pytest.mark.slow
def test_a_year_of_two_hundred_sites_is_judged_at_once() -> None:
    """The standing of 200 sites and 21 measures equals that of each site alone."""
    rules, first = load_shipped_rules(), date(2026, 1, 1)
    house, events = build_year(CHARTER, 200, 365)  # type: ignore[arg-type]
    situation = fold_events(events)
    grid = compute_standings(situation, house, rules, first, 365)
    assert grid.values.shape == (200, 21, 365)
    for n in range(0, 200, 40):
        day = first + timedelta(days=20 + n)
        for row in compute_site_standings(situation, house, rules, f"s{n}", day):
            assert row.value == grid.get(f"s{n}", row.measure, day)
    some = grid.measures[3:9]
    shares = grid.share_kept(some)
    for n in range(0, 200, 40):
        own = [grid.get(f"s{n}", measure, first + timedelta(days=n)) for measure in some]
        asked = [value for value in own if value is not None]
        assert shares[grid.sites.index(f"s{n}"), n] == asked.count("kept") / len(asked)
