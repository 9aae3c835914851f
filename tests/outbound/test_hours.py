"""The hours rule: fast and plain agree; the next opening is open, and none is earlier."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta

import holidays as library
import numpy as np
import pytest

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine import (
    Call,
    Facts,
    Mandate,
    Watermark,
    built_in_rules,
    built_in_texts,
    find_next_allowed,
    load_rules,
)
from releve.plugins.outbound.engine.hours import (
    HolidayRules,
    WeekHours,
    add_working_days,
    compute_easter,
    find_closing,
    find_opening,
    list_windows,
    parse_windows,
)

PLACES = (
    "Europe/Paris", "America/Guadeloupe", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte",
    "America/Miquelon", "Pacific/Noumea", "Pacific/Tahiti",
)  # fmt: skip
EVERY = int(os.environ.get("RELEVE_TEST_GRID", "7"))
"""Of the five minutes of four years, every so many are asked for their next opening: 1 is all."""
ADDRESSES = ("FR", "GP", "GF", "RE", "YT", "PM", "NC", "PF")
WITHOUT_REGISTERS = "\n".join(
    ["jurisdiction: FR", "rows:"]
    + [f"- {{closes: {name}, from: 2023-12-01}}" for name in ("FR-BLOCTEL-1", "FR-BLOCTEL-2")]
)
"""What is not the clock's is out of the way."""
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


def french() -> WeekHours:
    rows = {row.kind: row for row in built_in_rules().of("FR") if row.kind in ("hours", "holidays")}
    return WeekHours(rows["hours"].parameters["windows"], rows["holidays"].parameters["days"])


def plainly_open(moment: datetime, zone_name: str, off: set[date]) -> bool:
    """The rule as the decree writes it, on the wall clock of one place."""
    local = moment.astimezone(zone(zone_name))
    if local.weekday() > 4 or local.date() in off:
        return False
    return local.hour in (10, 11, 12) or 14 <= local.hour < 20


def grid(first: datetime, last: datetime, minutes: int = 5) -> np.ndarray:
    start, end = int(first.timestamp()), int(last.timestamp())
    return np.arange(start, end, 60 * minutes, dtype=np.int64)


def mark_open(zone_name: str, seconds: np.ndarray) -> np.ndarray:
    """Return ``open[instant]`` of the French hours, from the windows of every day."""
    first, last = (datetime.fromtimestamp(int(end), UTC).date() for end in seconds[[0, -1]])
    days = [first + timedelta(days=number) for number in range(-1, (last - first).days + 2)]
    spans = [span for day in days for span in list_windows(french(), zone_name, day)]
    edges = np.array([edge.timestamp() for span in spans for edge in span])
    return np.searchsorted(edges, seconds, side="right") % 2 == 1


def official(years: range) -> set[date]:
    return set(library.country_holidays("FR", years=years))


@pytest.mark.parametrize("zone_name", PLACES)
def test_the_fast_rule_is_the_plain_one_around_the_changes_of_the_clocks(zone_name: str) -> None:
    off = official(range(2026, 2028))
    for month, day in ((3, 28), (10, 24), (10, 31)):
        start = datetime(2026, month, day, tzinfo=UTC)
        seconds = grid(start, start + timedelta(days=4))
        fast = mark_open(zone_name, seconds)
        plain = [plainly_open(datetime.fromtimestamp(s, UTC), zone_name, off) for s in seconds]
        assert fast.tolist() == plain


@pytest.mark.slow
@pytest.mark.parametrize("zone_name", PLACES)
def test_the_fast_rule_is_the_plain_one_on_every_five_minutes_of_four_years(zone_name: str) -> None:
    off = official(range(2023, 2029))
    seconds = grid(FIRST, LAST)
    fast = mark_open(zone_name, seconds)
    plain = [plainly_open(datetime.fromtimestamp(s, UTC), zone_name, off) for s in seconds.tolist()]
    assert fast.tolist() == plain


@pytest.mark.slow
@pytest.mark.parametrize("zone_name", PLACES)
def test_the_next_opening_is_the_first_open_instant_of_four_years(zone_name: str) -> None:
    seconds = grid(FIRST, LAST)
    opened = mark_open(zone_name, seconds)
    following = np.where(opened, seconds, np.iinfo(np.int64).max)
    following = np.minimum.accumulate(following[::-1])[::-1]
    for i in range(0, len(seconds) - 2000, EVERY):
        moment = datetime.fromtimestamp(int(seconds[i]), UTC)
        found = find_opening(french(), (zone_name,), moment)
        assert found is not None
        assert int(found.timestamp()) == following[i]


@pytest.mark.slow
@pytest.mark.parametrize(("zone_name", "address"), list(zip(PLACES, ADDRESSES, strict=True)))
def test_the_next_allowed_instant_is_the_first_open_one_of_four_years(zone_name: str, address: str) -> None:
    """The whole engine on a call that nothing but the clock refuses, hours of the text and ours."""
    rules, whole = built_in_rules(), grid(FIRST, LAST)
    call = Call("A", "+33144556677", FIRST, "press", "3001", person="P", address=address, sector="press")
    mandate = Mandate("M", "A", "3001", date(2000, 1, 1), None, FIRST)
    marks = [Watermark(feed, LAST) for feed in ("attempts", "consents", "refusals", "withdrawals")]
    facts = Facts(mandates=[mandate], watermarks=marks)
    local = next((r.parameters["days"] for r in rules.rows if r.kind == "local_holidays"), {})
    opened = mark_open(zone_name, whole)
    days = [datetime.fromtimestamp(int(s), zone(zone_name)).date() for s in whole[::12]]
    off = np.array([address in local and local[address].is_holiday(day) for day in days])
    opened &= ~np.repeat(off, 12)
    following = np.where(opened, whole, np.iinfo(np.int64).max)
    following = np.minimum.accumulate(following[::-1])[::-1]
    closed = load_rules({**built_in_texts(), "~.yaml": WITHOUT_REGISTERS})
    for i in range(0, len(whole) - 2000, EVERY * 571):
        moved = call.moved_to(datetime.fromtimestamp(int(whole[i]), UTC))
        found = find_next_allowed(moved, facts, closed, LAST)
        assert found is not None
        assert int(found.timestamp()) == following[i]


def test_two_places_are_open_only_together() -> None:
    both = ("Indian/Reunion", "America/Guadeloupe")
    moment = datetime(2026, 11, 24, 6, tzinfo=UTC)
    found = find_opening(french(), both, moment)
    assert found == datetime(2026, 11, 24, 14, tzinfo=UTC)
    # In summer time Paris opens at 19:00 in Nouméa: the two first meet after the clocks change.
    summer = datetime(2027, 3, 30, 8, tzinfo=UTC)
    assert find_opening(french(), ("Europe/Paris", "Pacific/Noumea"), moment) == summer
    assert find_opening(french(), ("Indian/Reunion", "Pacific/Tahiti"), moment) is None


def test_a_week_that_never_opens_has_no_next_opening() -> None:
    never = WeekHours(((),) * 7)
    assert find_opening(never, ("Europe/Paris",), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_the_eleven_holidays_are_those_of_an_independent_library() -> None:
    rules = french().holidays
    for year in range(2016, 2041):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
        ours = {day for day in days if day.year == year and rules.is_holiday(day)}
        assert ours == official(range(year, year + 1))


def test_easter_is_the_one_of_the_almanac() -> None:
    known = {1999: (4, 4), 2100: (3, 28), 2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2038: (4, 25)}
    assert {year: (compute_easter(year).month, compute_easter(year).day) for year in known} == known


def test_working_days_count_saturdays_and_neither_sundays_nor_holidays() -> None:
    eleven = HolidayRules(((11, 11),), ())
    assert add_working_days(date(2026, 11, 5), 5, eleven) == date(2026, 11, 12)
    assert add_working_days(date(2026, 11, 6), 1, eleven) == date(2026, 11, 7)
    assert add_working_days(date(2026, 11, 7), 1, eleven) == date(2026, 11, 9)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"someday": ["10:00-13:00"]}, "not a weekday"),
        ({"friday-monday": ["10:00-13:00"]}, "backwards"),
        ({"monday": ["10-13"]}, "HH:MM"),
        ({"monday": ["13:00-10:00"]}, "before it starts"),
        ({"monday": ["10:00-13:00", "12:00-14:00"]}, "overlaps"),
    ],
)
def test_windows_that_are_none_are_refused(table: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_windows(table)


def test_a_window_may_begin_and_end_a_minute_before_the_hour() -> None:
    hours = WeekHours(parse_windows({"tuesday": ["08:59-19:59"]}))
    paris = ("Europe/Paris",)
    night = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert find_opening(hours, paris, night) == datetime(2026, 11, 24, 7, 59, tzinfo=UTC)
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert find_closing(hours, paris, noon) == datetime(2026, 11, 24, 18, 59, tzinfo=UTC)
