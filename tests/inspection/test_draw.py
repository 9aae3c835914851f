"""The draw of visits and of people: exact probabilities, links, and what visits and tests can find."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from datetime import date
from fractions import Fraction
from itertools import combinations, product

import pytest

from releve.plugins.inspection.engine.draw_days import (
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
from releve.situation.draw_chains import (
    DrawError,
    bind_plan,
    build_chain,
    compute_probabilities,
    derive_seed,
    draw_visits,
    hash_plan,
    leads_to_anchor,
    reveal_link,
)

WEIGHTS = {"casa": 420, "rabat": 60, "fes": 90, "oujda": 12, "tanger": 45, "agadir": 30}
DAY = date(2026, 12, 1)


def make_seed(number: int) -> bytes:
    return hashlib.sha256(b"test %d" % number).digest()


def test_probabilities_add_up_to_the_visits_and_are_capped() -> None:
    found = compute_probabilities(WEIGHTS, 3, least_permille=100)
    assert sum(found.values()) == 3
    assert found["casa"] == Fraction(9, 10)
    assert min(found.values()) >= Fraction(1, 10)
    free = {site: p for site, p in found.items() if Fraction(1, 10) < p < Fraction(9, 10)}
    assert len({p / WEIGHTS[site] for site, p in free.items()}) == 1


@pytest.mark.parametrize("visits", range(1, 6))
@pytest.mark.parametrize("least", [0, 100, 160])
def test_every_number_of_visits_is_shared_out_exactly(visits: int, least: int) -> None:
    if 1000 * visits < least * len(WEIGHTS):
        pytest.skip("so many least shares do not fit")
    found = compute_probabilities(WEIGHTS, visits, least_permille=least)
    assert sum(found.values()) == visits
    in_order = sorted(WEIGHTS, key=lambda site: WEIGHTS[site])
    assert [found[site] for site in in_order] == sorted(found.values())


@pytest.mark.parametrize(
    ("weights", "visits", "least", "reason"),
    [
        ({}, 1, 0, "the frame is empty"),
        ({"casa": 0, "fes": 3}, 1, 0, "the weight of casa must be a whole number of at least 1"),
        ({"casa": 3, "fes": 3}, 2, 0, "plan fewer visits"),
        ({"casa": 3, "fes": 3}, 0, 0, "at least one"),
        (WEIGHTS, 1, 200, "lower the least"),
        (WEIGHTS, 1, 950, "least < most"),
    ],
)
def test_a_frame_that_cannot_be_drawn_from_is_refused(
    weights: dict[str, int], visits: int, least: int, reason: str
) -> None:
    with pytest.raises(DrawError, match=reason):
        compute_probabilities(weights, visits, least_permille=least)


def count_frequencies(draws: int) -> Counter[str]:
    probabilities = compute_probabilities(WEIGHTS, 2)
    counts: Counter[str] = Counter()
    for number in range(draws):
        chosen = draw_visits(probabilities, make_seed(number)).chosen
        assert len(chosen) == 2
        counts.update(chosen)
    return counts


def assert_fits(counts: Counter[str], draws: int) -> None:
    for site, p in compute_probabilities(WEIGHTS, 2).items():
        spread = (float(p * (1 - p)) / draws) ** 0.5
        assert abs(counts[site] / draws - float(p)) < 4.5 * spread, site


def test_frequencies_of_draws_fit_the_published_probabilities() -> None:
    assert_fits(count_frequencies(3_000), 3_000)


@pytest.mark.slow
def test_frequencies_of_100000_draws_fit_the_published_probabilities() -> None:
    assert_fits(count_frequencies(100_000), 100_000)


def test_the_choice_is_that_of_a_plain_sampler() -> None:
    probabilities = compute_probabilities(WEIGHTS, 3)
    for number in range(200):
        seed = make_seed(number)
        tickets = {
            site: hmac.new(seed, b"releve draw unit 1\n" + site.encode(), "sha256").hexdigest() for site in WEIGHTS
        }
        start = hmac.new(seed, b"releve draw start 1\n", "sha256").hexdigest()
        points = [Fraction(int(start, 16), 2**256) + k for k in range(3)]
        chosen, low = [], Fraction(0)
        for site in sorted(WEIGHTS, key=lambda site: tickets[site]):
            high = low + probabilities[site]
            chosen += [site] if any(low <= point < high for point in points) else []
            low = high
        assert list(draw_visits(probabilities, seed).chosen) == chosen


def test_a_closed_unit_is_replaced_by_the_next_open_one_in_order() -> None:
    probabilities = compute_probabilities(WEIGHTS, 2)
    free = draw_visits(probabilities, make_seed(1))
    closed = free.chosen[0]
    found = draw_visits(probabilities, make_seed(1), closed={closed})
    ((gone, instead),) = found.replaced
    at = free.order.index(closed)
    following = [*free.order[at + 1 :], *free.order[:at]]
    assert gone == closed
    assert instead == next(site for site in following if site not in free.chosen)
    assert set(found.chosen) == {free.chosen[1], instead}
    none_left = draw_visits(probabilities, make_seed(1), closed=set(WEIGHTS))
    assert none_left.chosen == ()
    assert [instead for _, instead in none_left.replaced] == ["", ""]


def test_a_link_leads_to_its_anchor_and_to_no_other_day() -> None:
    first = secrets.token_bytes(32)
    anchor = build_chain(first, 366)
    link = reveal_link(first, 366, 17)
    assert leads_to_anchor(link, 17, anchor)
    assert not leads_to_anchor(link, 16, anchor)
    assert not leads_to_anchor(bytes(32), 17, anchor)
    assert not leads_to_anchor(link[:31], 17, anchor)
    bound = build_chain(first, 366, b"plan")
    assert leads_to_anchor(reveal_link(first, 366, 17, b"plan"), 17, bound, b"plan")
    assert not leads_to_anchor(reveal_link(first, 366, 17, b"plan"), 17, bound, b"nalp")
    assert not leads_to_anchor(link, 17, bound, b"plan")
    for day in (0, 367):
        with pytest.raises(DrawError, match="days 1 to 366"):
            reveal_link(first, 366, day)
    with pytest.raises(DrawError, match="32 bytes"):
        build_chain(b"short", 3)


def test_the_seed_changes_with_every_part() -> None:
    rule, other = hash_plan({"plan": "p", "visits": 2}), hash_plan({"plan": "p", "visits": 3})
    tree, a, b = b"\x02" * 32, bytes(32), b"\x01" * 32
    plan, anchor = bind_plan(rule, 7, tree), b"\x03" * 32
    seeds = {
        derive_seed(plan, anchor, DAY, a, b),
        derive_seed(plan, anchor, DAY, b, a),
        derive_seed(plan, anchor, DAY, a),
        derive_seed(plan, anchor, DAY, b"", a),
        derive_seed(plan, anchor, DAY, a, b, b"beacon"),
        derive_seed(plan, anchor, date(2026, 12, 2), a, b),
        derive_seed(plan, b, DAY, a, b),
        derive_seed(bind_plan(other, 7, tree), anchor, DAY, a, b),
        derive_seed(bind_plan(rule, 8, tree), anchor, DAY, a, b),
        derive_seed(bind_plan(rule, 7, anchor), anchor, DAY, a, b),
    }
    assert len(seeds) == 10
    with pytest.raises(DrawError, match="no link"):
        derive_seed(plan, anchor, DAY)


@pytest.mark.slow
def test_one_partys_secret_predicts_tomorrow_no_better_than_the_probability() -> None:
    """The operator knows its chain and all that was revealed, and guesses the other link."""
    probabilities = compute_probabilities(WEIGHTS, 2)
    plan, anchor = bind_plan(hash_plan({"plan": "p"}), 7, bytes(32)), bytes(32)
    hits = tries = 0
    expected = 0.0
    mine = reveal_link(make_seed(0), 366, 18)
    for number in range(4_000):
        theirs = make_seed(number + 1)
        yesterday = build_chain(theirs, 1, plan)
        seed = derive_seed(plan, anchor, DAY, mine, theirs)
        guesses = [
            derive_seed(plan, anchor, DAY, mine),
            derive_seed(plan, anchor, DAY, mine, yesterday),
            derive_seed(plan, anchor, DAY, b"", yesterday),
        ]
        chosen = draw_visits(probabilities, seed).chosen
        for guess in guesses:
            for site in draw_visits(probabilities, guess).chosen:
                hits += site in chosen
                expected += float(probabilities[site])
                tries += 1
    assert abs(hits - expected) / tries < 0.015


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
