"""What a list of a site's checks, inspections and closure says, and of whom it says nothing."""

from __future__ import annotations

from datetime import timedelta

from releve.situation import (
    CheckDone,
    InspectionHeld,
    MeasureFinding,
    ReopeningChecked,
    SiteClosed,
    find_closure_terms,
    find_photo_sites,
    list_site_checks,
    list_site_inspections,
)
from tests.situation.rule_chain import HEALTH_RULES, START, Chain

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
