"""Who is tested, and what tests and visits can find: equal to brute force, and said in words."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import pytest

from releve.plugins.inspection.engine.power import (
    allocate_tests,
    commit_person,
    compute_test_power,
    compute_visit_power,
    count_tests_needed,
    describe_test_power,
    describe_visit_power,
    draw_people,
    hash_present_list,
)
from releve.situation.draw_chains import DrawError

SALT = bytes(32)
PRESENT = [(zone, commit_person(f"{zone}{n}", SALT)) for zone, size in (("z1", 50), ("z2", 30),
           ("z3", 7)) for n in range(size)]  # fmt: skip


@pytest.mark.parametrize(("present", "carriers", "tests"), [(7, 2, 3), (6, 3, 2), (8, 4, 5)])
@pytest.mark.parametrize("sensitivity", [1000, 800])
def test_powers_equal_brute_force(present: int, carriers: int, tests: int, sensitivity: int) -> None:
    one = two = Fraction(0)
    samples = list(combinations(range(present), tests))
    for sample in samples:
        met = sum(person < carriers for person in sample)
        for found in product((0, 1), repeat=met):
            chance = Fraction(1, len(samples))
            for hit in found:
                chance *= Fraction(sensitivity if hit else 1000 - sensitivity, 1000)
            one += chance if sum(found) >= 1 else 0
            two += chance if sum(found) >= 2 else 0
    power = compute_test_power(present, carriers, tests, sensitivity_permille=sensitivity)
    assert (power.one, power.two) == (one, two)


def test_the_figures_of_the_shared_note_are_met() -> None:
    power = compute_test_power(220, 4, 40)
    assert (round(100 * power.one), round(100 * power.two)) == (55, 15)
    assert count_tests_needed(220, 4, find=1, percent=95) == 116
    assert count_tests_needed(220, 4, find=2, percent=95) == 165
    assert count_tests_needed(220, 4, find=1, percent=95, sensitivity_permille=800) == 145
    assert count_tests_needed(220, 1, find=2, percent=95) is None
    assert [round(100 * compute_visit_power(200, visits)) for visits in (5, 10)] == [67, 89]


def test_power_is_said_in_french_and_english() -> None:
    power = compute_test_power(220, 4, 40)
    assert describe_test_power(power, "fr") == (
        "Si 4 personnes sur 220 étaient porteuses, 40 tests en trouveraient au moins une 55 fois"
        " sur 100, au moins deux 15 fois sur 100. Aucun cas trouvé ne prouve pas qu’il n’y en a"
        " pas."
    )
    assert "55 times out of 100" in describe_test_power(power, "en")
    assert "20\N{NARROW NO-BREAK SPACE}% des jours" in describe_visit_power(200, 5, "fr")
    assert "67 times out of 100" in describe_visit_power(200, 5, "en")
    assert "99 times" in describe_test_power(compute_test_power(220, 40, 120), "en")


def test_a_power_of_what_cannot_be_is_refused() -> None:
    for wrong in ((10, 11, 2), (10, 2, 11)):
        with pytest.raises(DrawError, match="between 0 and the 10 present"):
            compute_test_power(*wrong)
    with pytest.raises(DrawError, match="sensitivity"):
        compute_test_power(10, 1, 1, sensitivity_permille=1001)
    with pytest.raises(DrawError, match="find must be 1 or 2"):
        count_tests_needed(10, 1, find=3, percent=95)
    with pytest.raises(DrawError, match="share"):
        compute_visit_power(1001, 2)


def test_tests_are_shared_among_zones_in_proportion() -> None:
    given = allocate_tests({"z1": 50, "z2": 30, "z3": 7}, 20)
    assert given == {"z1": 11, "z2": 7, "z3": 2}
    assert allocate_tests({"z1": 1, "z2": 1}, 1) == {"z1": 1, "z2": 0}
    assert allocate_tests({}, 0) == {}
    with pytest.raises(DrawError, match="21 tests among 20 present"):
        allocate_tests({"z1": 20}, 21)


def test_people_are_drawn_by_zone_whatever_the_order_of_the_list() -> None:
    drawn = draw_people(b"seed", PRESENT, 20)
    assert drawn == draw_people(b"seed", PRESENT[::-1], 20)
    zones = dict(zip((c for _, c in PRESENT), (z for z, _ in PRESENT), strict=True))
    assert [zones[one] for one in drawn] == ["z1"] * 11 + ["z2"] * 7 + ["z3"] * 2
    assert drawn != draw_people(b"other", PRESENT, 20)
    assert hash_present_list(PRESENT) == hash_present_list(PRESENT[::-1])
    with pytest.raises(DrawError, match="twice"):
        draw_people(b"seed", [*PRESENT, PRESENT[0]], 5)
