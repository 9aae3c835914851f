"""Open cases with the days of their measures, and seats as they are typed in."""

from __future__ import annotations

from datetime import timedelta

from releve.situation import OpenCase, list_open_cases, read_seating
from tests.situation.rule_chain import Chain
from tests.situation.test_tracing import OPERATOR


def list_open(chain: Chain, site: str = "casa") -> tuple[OpenCase, ...]:
    return list_open_cases(chain.situation, chain.operator, chain.rules, chain.now, lambda name: name == site)


def test_a_case_is_open_until_its_last_day_or_its_clearing() -> None:
    chain = Chain()
    chain.case("a1")
    (row,) = list_open(chain)
    assert (row.pseudonym, row.status, row.site) == ("a1", "declared_case", "casa")
    assert row.until - row.since == timedelta(days=9), "ten days, both included"
    assert list_open(chain, "elsewhere") == (), "another site is not seen"
    chain.after(days=9)
    assert list_open(chain) == (row,)
    chain.after(days=1)
    assert list_open(chain) == ()


def test_a_line_of_seats_that_says_nothing_known_is_named() -> None:
    agent = OPERATOR.agents[0].id
    seat = OPERATOR.all_seats[0].id
    seating, faults = read_seating(f"{agent} ; {seat}\n\nx;{seat}\n{agent};nowhere\n{agent};{seat}", OPERATOR)
    assert seating == {agent: seat}
    assert faults == [
        "Line 3: there is no agent x; check the pseudonym.",
        "Line 4: there is no seat nowhere; check it.",
        f"Line 5: {agent} has a seat already; keep one.",
    ]
