"""Numbers, times and dates are written as French and English readers write them."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest
from django.utils.translation import override

from releve.desk.text import Text, text_now
from releve.network import parse_opening
from releve.network.moments import UTC

FR, EN = Text("fr", "Europe/Paris"), Text("en", "Europe/Paris")
MORNING = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "digits", "french", "english"),
    [
        (1234567.891, 1, "1\u202f234\u202f567,9", "1,234,567.9"),
        (0.0, 0, "0", "0"),
        (-3.2, 1, "\u22123,2", "\u22123.2"),
        (-0.04, 1, "0,0", "0.0"),
        (math.nan, 2, "?", "?"),
    ],
)
def test_numbers_have_the_separators_of_the_language(value: float, digits: int, french: str, english: str) -> None:
    assert FR.number(value, digits) == french
    assert EN.number(value, digits) == english


def test_a_percentage_has_a_narrow_space_in_french_only() -> None:
    assert FR.percent(0.1234, 1) == "12,3\u202f%"
    assert EN.percent(0.1234, 1) == "12.3%"


def test_a_coverage_is_rounded_down_so_that_full_means_full() -> None:
    assert EN.coverage(0.9999) == "99%"
    assert EN.coverage(1.0) == "100%"
    assert EN.coverage(0.29) == "29%", "0.29 * 100 is a hair below 29 in floating point"
    assert EN.coverage(math.nan) == "?"


def test_a_little_missing_is_never_shown_as_none() -> None:
    assert EN.missing(0.0) == "0%"
    assert EN.missing(0.00001) == "<\u00a00.1%"
    assert FR.missing(0.0512) == "5,1\u202f%"


def test_money_is_in_whole_euros() -> None:
    assert FR.euros(12600) == "12\u202f600\u00a0€"
    assert EN.euros(12600) == "€12,600"


def test_times_have_24_hours_in_the_time_zone_of_the_operator() -> None:
    assert FR.time(MORNING) == "10\u00a0h\u00a030"
    assert EN.time(MORNING) == "10:30"
    assert FR.time(MORNING.replace(minute=0)) == "10\u00a0h"
    assert Text("en", "Africa/Casablanca").time(MORNING) == "09:30"
    assert FR.span(MORNING, MORNING.replace(hour=17)) == "10:30–18:30"


@pytest.mark.parametrize(
    ("written", "french", "english"),
    [
        ("Mon-Sat 08:00-20:00", "lun.–sam. 8\u00a0h–20\u00a0h", "Mon–Sat 08:00–20:00"),
        (
            "Mon-Fri 08:30-12:00; Mon-Fri 14:00-24:00; Sun 9:00-13:00",
            "lun.–ven. 8\u00a0h\u00a030–12\u00a0h, 14\u00a0h–24\u00a0h\u202f; dim. 9\u00a0h–13\u00a0h",
            "Mon–Fri 08:30–12:00, 14:00–24:00; Sun 09:00–13:00",
        ),
        ("Wed 10:00-11:00", "mer. 10\u00a0h–11\u00a0h", "Wed 10:00–11:00"),
    ],
)
def test_opening_hours_are_in_the_words_of_the_reader(written: str, french: str, english: str) -> None:
    opening = parse_opening(written)
    assert (FR.opening_hours(opening), EN.opening_hours(opening)) == (french, english)


def test_dates_are_in_words_and_the_first_is_premier() -> None:
    assert FR.day(date(2026, 12, 1)) == "mardi 1er décembre 2026"
    assert FR.day(date(2026, 11, 30)) == "lundi 30 novembre 2026"
    assert EN.day(date(2026, 11, 30)) == "Monday 30 November 2026"
    assert FR.day(date(2026, 11, 30), weekday=False) == "30 novembre 2026"
    assert (FR.short_day(date(2026, 11, 30)), EN.short_day(date(2026, 11, 30))) == ("lun.\u00a030", "Mon\u00a030")


def test_durations_show_the_digits_that_matter() -> None:
    assert FR.seconds(3.912) == "3,91\u00a0s"
    assert EN.seconds(127.04) == "127.0\u00a0s"


def test_enumerations_follow_the_language() -> None:
    with override("fr"):
        assert FR.list(["a", "b", "c"]) == "a, b et c"
        assert FR.either(["a", "b"]) == "a ou b"
    with override("en"):
        assert EN.list(["a", "b", "c"]) == "a, b and c"
        assert EN.list(["a"]) == "a"
        assert EN.either([]) == ""


@pytest.mark.parametrize(("active", "language"), [("fr", "fr"), ("en-gb", "en"), ("en", "en"), ("fr-ca", "fr")])
def test_the_language_of_the_request_is_the_language_of_the_numbers(active: str, language: str) -> None:
    with override(active):
        assert text_now("Europe/Paris").language == language
