"""What is late, missing or ending soon: a case for every notice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from releve.situation import NOTICES, MeasureFinding
from releve.situation.shipped import load_rules_with
from tests.situation.audit_rows import answer
from tests.situation.audit_rows import raised as raise_finding
from tests.situation.rule_chain import CHECKLIST, HEALTH_2020, START, Chain, operator, permit
from tests.situation.test_standings import check, labelled

DAY = START.date()
AUTH = "- {id: AUTH, kind: authorisation, from: 2026-01-01, source: test, confidence: test}"


def checked(chain: Chain, **values: Any) -> None:
    chain.record("check.done", site="casa", day=chain.now.date(), **values)


def late(chain: Chain) -> None:
    chain.after(hours=1.5)


def missing(chain: Chain) -> None:
    checked(chain, symptomatic=0)
    chain.after(days=2)


def not_kept(chain: Chain) -> None:
    checked(chain, findings=(MeasureFinding(measure="masks", verdict="not_kept"),))


def crowded(chain: Chain) -> None:
    checked(chain, transport_fill=0.75)


def closed(chain: Chain, hours: float) -> None:
    chain.case("a1")
    chain.case("a2")
    chain.after(hours=hours)


def absent(chain: Chain) -> None:
    chain.record("agent.unavailable", agent="a1", until=START + timedelta(hours=2))
    chain.after(hours=3)


def down(chain: Chain) -> None:
    chain.record("power.down", site="casa", expected_until=START + timedelta(hours=2))
    chain.after(hours=3)


def audited(chain: Chain, days: int, after: int = 0, verdict: str = "met") -> None:
    last = DAY + timedelta(days=days)
    chain.record("audit.verdict", site="casa", measure="masks", verdict=verdict, valid_to=last)
    chain.after(days=after)


def granted(chain: Chain, days: int, after: int = 0) -> None:
    permit_of = {"authorisation": "w1", "of": "site", "site": "casa", "valid_from": DAY}
    chain.record("authorisation.granted", valid_to=DAY + timedelta(days=days), **permit_of)
    chain.after(days=after)


def unpermitted(chain: Chain) -> None:
    chain.rules = load_rules_with([AUTH], chosen=[HEALTH_2020])


BEFORE: dict[str, Callable[[Chain], object]] = {
    "check.late": late,
    "check.missing": missing,
    "check.incomplete": not_kept,
    "check.not_kept": not_kept,
    "check.transport": crowded,
    "authorisation.expiring": lambda chain: granted(chain, 14),
    "authorisation.expired": lambda chain: granted(chain, 1, after=3),
    "site.not_plannable": unpermitted,
    "closure.ending": lambda chain: closed(chain, 42),
    "closure.over": lambda chain: closed(chain, 49),
    "reopening.checklist": lambda chain: closed(chain, 42),
    "reopening.approvals": lambda chain: closed(chain, 42),
    "absence.over": absent,
    "outage.overdue": down,
    "audit.not_met": lambda chain: audited(chain, 300, verdict="not_met"),
    "audit.expiring": lambda chain: audited(chain, 30),
    "audit.expired": lambda chain: audited(chain, 1, after=3),
    "finding.raised": raise_finding,
    "finding.answered": lambda chain: (raise_finding(chain), answer(chain)),
    "finding.overdue": lambda chain: (raise_finding(chain), chain.after(days=11)),
    "measure.expiring": labelled,
    "measure.expired": lambda chain: (check(chain), chain.after(days=4)),
    "label.falling": labelled,
}


@pytest.mark.parametrize("code", sorted(NOTICES))
def test_every_notice_has_a_case_and_a_sentence(code: str) -> None:
    chain = Chain(now=START - timedelta(hours=1))
    assert chain.notices(code) == []
    chain.after(hours=1)
    BEFORE[code](chain)
    found = chain.notices(code)
    assert found
    assert all("{" not in notice.sentence() for notice in found)


def test_the_days_of_checks_are_those_of_the_site() -> None:
    """At 9 h UTC it is 10 h at Lille, where the check is due, and 9 h at Casablanca."""
    assert [notice.site for notice in Chain().notices("check.late")] == ["lille"]


def test_a_site_closed_all_day_is_not_asked_for_its_check() -> None:
    chain = Chain()
    chain.after(hours=-9).record("site.closed", site="casa", cause="hazard")
    chain.after(hours=20)
    assert {notice.site for notice in chain.notices("check.late")} == {"rabat", "lille"}


def test_days_before_the_first_record_are_not_missing() -> None:
    chain = Chain()
    chain.record("power.down", site="casa")
    chain.after(days=1)
    assert {notice.params["day"] for notice in chain.notices("check.missing")} == {DAY}


def test_a_later_check_answers_for_what_an_earlier_one_found() -> None:
    chain = Chain()
    not_kept(chain)
    chain.after(days=1)
    checked(chain, findings=(MeasureFinding(measure="masks", verdict="kept"),))
    assert chain.notices("check.not_kept") == []


def test_an_end_is_not_announced_before_its_time() -> None:
    chain = Chain()
    granted(chain, 15)
    audited(chain, 31)
    closed(chain, 41)
    codes = ("closure.ending", "reopening.approvals")
    assert chain.notices(*codes) == []
    near = Chain()
    granted(near, 15)
    audited(near, 31)
    assert near.notices("authorisation.expiring", "audit.expiring") == []


def test_a_permit_that_another_takes_over_is_not_announced() -> None:
    rows = (permit("t1", "casa", "2026-01-01", "2026-12-01"), permit("t2", "casa", "2026-12-02", "2027-12-01"))
    chain = Chain(operator(authorisations=rows))
    assert chain.notices("authorisation.expiring", "authorisation.expired") == []


def test_an_agent_reported_back_is_not_asked_for() -> None:
    chain = Chain()
    chain.record("agent.unavailable", agent="a1", until=START + timedelta(hours=9))
    chain.after(hours=1).record("agent.back", agent="a1")
    assert chain.after(hours=10).notices("absence.over") == []


def test_an_approval_that_is_missing_is_counted() -> None:
    chain = Chain()
    closed(chain, 48)
    for item in CHECKLIST:
        chain.record("reopening.checked", site="casa", item=item)
    chain.record("reopening.approved", site="casa")
    assert chain.notices("reopening.checklist") == []
    (notice,) = chain.notices("reopening.approvals")
    assert notice.sentence() == "1 of 2 people have approved the reopening of casa."


def test_the_most_overdue_comes_first() -> None:
    chain = Chain()
    missing(chain)
    due = [notice.due_at for notice in chain.notices()]
    assert due == sorted(due)
