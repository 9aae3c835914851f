"""How late a record is: of an instant after an hour, of a day after its end at the site."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from releve.situation import (
    find_late_record,
    find_site_status,
    list_site_checks,
    list_site_inspections,
    measure_delay,
    measure_entry_delay,
)
from tests.situation.rule_chain import HEALTH_RULES, START, Chain, operator

MINUTE, NONE = timedelta(minutes=1), timedelta(0)


@pytest.mark.parametrize(("passed", "late"), [(-5 * MINUTE, NONE), (60 * MINUTE, NONE), (61 * MINUTE, 61 * MINUTE)])
def test_what_happened_at_an_instant_is_recorded_in_time_for_an_hour(passed: timedelta, late: timedelta) -> None:
    assert measure_delay(START, START + passed) == late


@pytest.mark.parametrize(
    ("time_zone", "ended"),
    [
        ("Africa/Casablanca", datetime(2026, 12, 1, tzinfo=UTC)),
        ("Europe/Paris", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("Indian/Antananarivo", datetime(2026, 11, 30, 21, tzinfo=UTC)),
    ],
)
def test_what_is_about_a_day_is_recorded_in_time_until_it_ends_at_the_site(time_zone: str, ended: datetime) -> None:
    day = date(2026, 11, 30)
    assert measure_delay(START, ended, day, time_zone) == NONE
    assert measure_delay(START, ended + MINUTE, day, time_zone) == MINUTE
    assert measure_delay(ended + 3 * MINUTE, ended + 3 * MINUTE, day, time_zone) == 3 * MINUTE


def test_an_entry_is_measured_as_its_event_and_one_without_a_time_is_in_time() -> None:
    chain = Chain().after(days=4)
    day = START.date().isoformat()
    event = chain.event("check.done", site="lille", day=START.date(), symptomatic=0)
    body = {"happened_at": event.happened_at.isoformat(), "site": "lille", "day": day}
    assert find_late_record(event, chain.operator) == event.recorded_at
    delay = measure_entry_delay(body, event.recorded_at, chain.operator)
    assert delay == event.recorded_at - datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert measure_entry_delay({"day": day}, event.recorded_at, chain.operator) == NONE
    seen = {"happened_at": event.happened_at.isoformat(), "seen_at": START.isoformat()}
    assert measure_entry_delay(seen, event.recorded_at, operator()) == timedelta(days=4)


def test_lists_of_a_site_say_when_its_checks_visits_and_closure_were_recorded() -> None:
    chain = Chain().after(days=10)
    for happened, reason in ((START, 1), (chain.now, 0)):
        chain.record("check.done", site="casa", day=happened.date(), symptomatic=0, happened_at=happened)
        chain.record("inspection.held", site="casa", authority=f"C{reason}", happened_at=happened)
    chain.record("site.closed", site="casa", cause="operator", happened_at=START)
    chain.record("power.down", site="rabat", happened_at=START)
    chain.record("power.down", site="lille")
    here = chain.situation, chain.operator
    checks = list(list_site_checks(*here, "casa", 7, health=False))
    visits = list(list_site_inspections(*here, "casa", 7))
    for rows in (checks, visits):
        assert [row.recorded_late for row in rows] == [None, chain.now]
    found = {
        site.id: find_site_status(site, chain.situation, HEALTH_RULES).recorded_late for site in chain.operator.sites
    }
    assert found == {"casa": chain.now, "rabat": chain.now, "lille": None}
