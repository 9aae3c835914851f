"""What must hold whatever is drawn: nothing but what is struck decides when it is struck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outages import HomeLines, OutagesOverflowError, PlacedSite, Places, draw_outages
from tests.crashtest.outages.hazard_cases import CASA, FES, HAZARDS, PLACES, QUAKE, TUNIS, list_rows, run


def test_any_split_gives_the_same_bits() -> None:
    whole, parts = (run(replications=200), [run(replications=n, first=f) for f, n in ((0, 7), (7, 193))])
    for name in ("begin", "end", "place", "hazard"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(whole, name), joined)
    assert np.array_equal(np.diff(whole.pointer), np.concatenate([np.diff(p.pointer) for p in parts]))


def test_one_more_site_far_or_near_changes_nothing_for_the_others() -> None:
    near = PlacedSite("near", "MA", CASA.lat + 0.01, CASA.lon)
    far = PlacedSite("far", "FR", 48.85, 2.35)
    more = Places((near, *PLACES.sites, far), (*PLACES.home_lines[:2], HomeLines("Orange", "SN"), PLACES.home_lines[2]))
    before = list_rows(run(), HAZARDS, PLACES)
    after = list_rows(run(places=more), HAZARDS, more)
    assert before < after
    assert {row[2] for row in after - before} == {"site:near", "site:far", "carrier:Orange@SN"}


def test_another_order_of_sites_and_hazards_changes_nothing() -> None:
    turned = Places(PLACES.sites[::-1], PLACES.home_lines)
    other = HAZARDS[::-1]
    assert list_rows(run(), HAZARDS, PLACES) == list_rows(run(other, turned), other, turned)


def test_one_hazard_more_changes_nothing_for_the_others() -> None:
    before = list_rows(run(HAZARDS[:-1]), HAZARDS, PLACES)
    after = list_rows(run(), HAZARDS, PLACES)
    assert before == {row for row in after if row[1] != HAZARDS[-1].id}


def test_outages_come_in_order_and_those_of_one_event_together() -> None:
    found = run()
    for first, last in zip(found.pointer[:-1], found.pointer[1:], strict=True):
        assert np.all(np.diff(found.begin[first:last]) >= 0)
    same = np.diff(found.event) == 0
    assert same.any()
    assert np.array_equal(found.begin[1:][same], found.begin[:-1][same])
    assert np.array_equal(found.end[1:][same], found.end[:-1][same])
    assert np.all(found.end > found.begin)
    assert np.all((found.begin >= 0) & (found.begin < 90 * 24))


def test_another_seed_is_another_luck() -> None:
    one, two = (draw_outages(HAZARDS, PLACES, days=90, seed=s, replications=5) for s in (1, 2))
    assert not np.array_equal(one.begin[:5], two.begin[:5])


def test_nothing_to_strike_or_no_hazard_is_no_outage() -> None:
    assert len(run(hazards=())) == 0
    assert len(run(places=Places(()))) == 0
    still = (replace(QUAKE, rate_per_year=0.0, rates=()),)
    found = run(hazards=still, replications=3)
    assert list(found.pointer) == [0, 0, 0, 0]


@pytest.mark.parametrize("most", [10, 1300])
def test_too_many_outages_are_an_error_and_never_dropped(most: int) -> None:
    """Whether that is clear before they are drawn, or only after."""
    places = Places((CASA, FES, TUNIS))
    whole = draw_outages(HAZARDS, places, days=90, seed=1, replications=100)
    assert len(whole) > 1300
    with pytest.raises(OutagesOverflowError, match=f"expected outages <= {most}, got .* at a time"):
        draw_outages(HAZARDS, places, days=90, seed=1, replications=100, most=most)


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({"days": 0}, "1 <= days"),
        ({"replications": 0}, "1 <= replications"),
        ({"first": -1}, "0 <= first"),
        ({"seed": -1}, "0 <= seed"),
    ],
)
def test_a_setting_out_of_range_is_refused(change: dict[str, int], condition: str) -> None:
    with pytest.raises(ValueError, match=condition):
        draw_outages(HAZARDS, PLACES, **{"days": 90, "seed": 1, "replications": 1} | change)
