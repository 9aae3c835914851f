"""Audits of the charter: findings that only another person closes, and what they bring down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from releve.situation import compute_label, compute_standings
from releve.situation.shipped import load_rules_with
from tests.situation.audit_rows import CONCLUDED, DUE, FINDING, OPENED, answer, observe, open_audit, verify
from tests.situation.audit_rows import raised as raise_finding
from tests.situation.draw_rows import DAY
from tests.situation.rule_chain import Chain
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
    raise_finding(chain, due=DAY + timedelta(days=due))


def test_the_label_falls_after_the_due_day_of_a_major_finding_and_now_says_so() -> None:
    chain = Chain()
    has_label(chain)
    found = label(chain)
    assert found.stands
    assert (found.falls_on, found.because) == (DAY + timedelta(days=3), ("finding",))
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
