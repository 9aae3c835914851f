"""The one vocabulary of verdicts: what each means, and that the live hours are judged alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.live.coverage import judge_client
from releve.plan.result import SEVERITY, Status, find_gravest, judge_service, phrase_security

TARGET, THIN = 0.05, 0.8
shares = st.one_of(st.sampled_from([0.0, 0.05, 0.8, 1.0]), st.floats(0, 1))


@pytest.mark.parametrize(
    ("missing", "least", "floor", "expected"),
    [
        (0.0, 1.0, 0.0, Status.HELD),
        (0.05, 0.8, 0.0, Status.HELD),
        (0.05, 0.79, 0.0, Status.THIN),
        (0.01, 0.0, 0.0, Status.THIN),
        (0.06, 0.9, 0.05, Status.MISSED),
        (0.06, 0.9, 0.06, Status.CONTRACT),
    ],
)
def test_a_client_is_judged_by_the_target_then_by_its_worst_half_hour(
    missing: float, least: float, floor: float, expected: Status
) -> None:
    assert judge_service(missing, least, TARGET, THIN, floor=floor) is expected


@given(shares, shares)
def test_the_hours_ahead_bear_the_name_that_the_plan_gives_the_same_figures(missing: float, least: float) -> None:
    """``missed`` was said of a client whose plan was held, thin."""
    status = judge_service(missing, least, TARGET, THIN)
    state = judge_client(None, least, missing, TARGET, THIN)
    assert state == status or (state == "short_later" and status is Status.HELD and least < 1)


def test_each_status_has_a_word_and_a_meaning_of_its_own() -> None:
    assert [status.label for status in SEVERITY] == ["missed", "contract problem", "unknown", "held, thin", "held"]
    assert len({str(status.explain("5 %", "80 %")) for status in SEVERITY}) == len(SEVERITY)
    assert {status for status in SEVERITY if status.is_met} == {Status.THIN, Status.HELD}


def test_a_thin_client_is_counted_as_held_and_named_as_thin() -> None:
    assert phrase_security([Status.THIN]) == ("N-1: 1 of 1 clients held whichever single place is lost, 1 of them thin")
    assert phrase_security([Status.HELD, Status.MISSED]) == ("N-1: 1 of 2 clients held whichever single place is lost")
    assert find_gravest([Status.HELD, Status.UNKNOWN, Status.THIN]) is Status.UNKNOWN
    assert find_gravest([]) is Status.HELD
