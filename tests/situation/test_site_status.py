"""How each site stands, as its events and the rules say."""

from __future__ import annotations

import pytest

from releve.situation import SiteStatus, list_site_statuses
from tests.situation.rule_chain import START, Chain


@pytest.fixture
def chain() -> Chain:
    return Chain()


def statuses(chain: Chain) -> dict[str, SiteStatus]:
    found = list_site_statuses(chain.operator, chain.situation, chain.rules)
    return {row.site: row for row in found}


def test_every_site_is_open_until_an_event_says_otherwise(chain: Chain) -> None:
    found = statuses(chain)
    assert list(found) == [site.id for site in chain.operator.sites]
    assert {row.state for row in found.values()} == {"open"}
    assert {row.since for row in found.values()} == {None}


def test_a_closure_by_the_rule_names_its_cases_and_comes_first(chain: Chain) -> None:
    chain.case("a1")
    chain.case("a2")
    found = statuses(chain)
    casa = found["casa"]
    assert next(iter(found)) == "casa"
    assert (casa.state, casa.cause, casa.since) == ("closed", "rule", START)
    assert (casa.rule_cases, casa.rule_days) == (2, 14)
    assert casa.earliest_reopening is not None


def test_a_site_without_power_is_cut_off_and_a_closed_one_stays_closed(chain: Chain) -> None:
    chain.record("power.down", site="casa")
    casa = statuses(chain)["casa"]
    assert (casa.state, casa.since, casa.cause) == ("cut_off", START, "")
    chain.record("site.closed", site="casa", cause="authority", authority="Wali")
    assert statuses(chain)["casa"].state == "closed"
