"""A day of draws as people read it: probabilities, visits that wait, what tests can find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.plugins.inspection.engine.draw_days import (
    DrawSummary,
    build_draw_day,
    describe_powers,
    find_draw_plans,
    summarise_draw_day,
)
from tests.situation.draw_rows import DAY, draw, frame, plan, revealed
from tests.situation.rule_chain import Chain


def summarise(chain: Chain, *, shown: bool = True) -> DrawSummary:
    """Return the day of the one plan."""
    (found,) = find_draw_plans(chain.situation, DAY)
    day = build_draw_day(found, chain.situation, chain.operator, DAY)
    return summarise_draw_day(day, chain.operator, shown=shown)


def test_the_frame_says_how_likely_each_site_is() -> None:
    chain = Chain()
    plan(chain)
    assert not summarise(chain).awaits_draw, "there is no frame"
    frame(chain)
    found = summarise(chain)
    assert (found.state, found.awaits_draw, found.visits) == ("framed", True, ())
    assert sum(row.probability for row in found.frame) == pytest.approx(1)
    assert {row.name for row in found.frame} == {row.name for row in chain.operator.sites}


def test_a_visit_that_waits_is_counted_where_it_is_not_shown() -> None:
    chain = Chain()
    revealed(chain)
    (site,) = draw(chain)
    shown, hidden = summarise(chain), summarise(chain, shown=False)
    assert [(row.site, row.state) for row in shown.visits] == [(site, "waiting")]
    assert (hidden.visits, hidden.waiting, hidden.hidden) == ((), 1, 1)
    assert shown.hidden == 0
    assert not shown.awaits_draw


def test_what_tests_can_find_is_said_once_the_people_are_drawn() -> None:
    chain = Chain()
    revealed(chain)
    draw(chain)
    found = summarise(chain)
    assert len(list(describe_powers(found, "en"))) == 2, "of visits alone"
    visits = (replace(found.visits[0], present=6, to_test=4),)
    first, *_ = describe_powers(replace(found, visits=visits), "en")
    assert "4 of 6 people" in first


def test_a_visit_says_when_it_was_recorded_where_that_is_late() -> None:
    for days, late in ((0, False), (3, True)):
        chain = Chain()
        revealed(chain)
        (site,) = draw(chain)
        visited = chain.now
        chain.after(days=days)
        chain.record("inspection.held", site=site, authority="C", happened_at=visited)
        (visit,) = summarise(chain).visits
        assert (visit.state, visit.recorded_late) == ("held", chain.now if late else None)
