"""Audits as people read them: findings, what was seen, and how the measures of a site moved."""

from __future__ import annotations

from releve.situation import (
    TREND_DAYS,
    list_charter_notices,
    list_observations,
    list_site_standings,
    summarise_audit,
    summarise_finding,
)
from tests.situation.audit_rows import ANSWERED, answer, observe, open_audit, verify
from tests.situation.audit_rows import raised as raise_finding
from tests.situation.rule_chain import Chain


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
