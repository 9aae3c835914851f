"""A year of draws on record: frames before links, withheld links, closed sites, missed visits."""

from __future__ import annotations

from datetime import timedelta

from tests.situation.draw_rows import DAY, draw, frame, plan, reveal, revealed
from tests.situation.rule_chain import Chain


def test_the_visits_of_a_day_are_those_that_both_links_give() -> None:
    chain = Chain()
    revealed(chain)
    visits = draw(chain)
    plan_ = chain.situation.draws["p1"]
    assert plan_.list_visits(DAY) == visits
    assert len(visits) == 1
    assert plan_.derive_day_seed(DAY) != plan_.derive_day_seed(DAY, "operator")


def test_a_party_that_withholds_its_link_gains_no_choice() -> None:
    """The day is drawn without the link; a later link gives the withheld one: both are visited."""
    chain = Chain()
    plan(chain)
    following = DAY + timedelta(days=1)
    frame(chain)
    chain.after(days=1)  # 9 h of the day: the commission's link is missing
    reveal(chain, "operator")
    without = draw(chain, withheld="commission")
    frame(chain, following)
    chain.after(days=1)
    reveal(chain, "operator", "commission", day=following)
    both = chain.situation.draws["p1"].draw(DAY).chosen
    draw(chain)
    assert set(chain.situation.draws["p1"].list_visits(DAY)) == {*without, *both}
    assert chain.situation.draws["p1"].find_link("commission", DAY)


def test_a_frame_after_a_later_link_is_refused() -> None:
    chain = Chain()
    plan(chain)
    frame(chain, DAY + timedelta(days=1))
    chain.after(hours=2)
    reveal_day = DAY + timedelta(days=1)
    chain.now = chain.now.replace(hour=23)
    chain.after(hours=2)  # one o'clock of DAY
    reveal(chain, "operator", day=reveal_day)
    assert "draw.frame_late" in chain.refused("draw.framed", plan="p1", day=DAY, units=())


def test_a_closed_site_is_replaced_and_both_are_on_record() -> None:
    """Closed when the frame was recorded: a closure after the links are known moves no visit."""
    chain = Chain()
    revealed(chain)
    (site,) = chain.situation.draws["p1"].draw(DAY).chosen
    chain.record("site.closed", site=site, cause="operator")
    assert draw(chain) == (site,)
    following = DAY + timedelta(days=1)
    frame(chain, following)
    units = chain.situation.draws["p1"].frames[following].units
    assert [unit.site for unit in units if unit.closed] == [site]
    chain.after(days=1)
    reveal(chain, "operator", "commission", day=following)
    assert site not in draw(chain, following)


def test_a_visit_lowers_the_weight_of_the_next_day_and_findings_raise_it() -> None:
    chain = Chain()
    plan(chain)
    frame(chain)
    chain.after(days=1)
    findings = ({"measure": "masks", "verdict": "not_kept"},)
    from releve.situation import MeasureFinding

    chain.record(
        "inspection.held", site="casa", authority="C", findings=tuple(MeasureFinding(**found) for found in findings)
    )
    frame(chain, DAY + timedelta(days=1))
    before, after = (
        {unit.site: unit for unit in chain.situation.draws["p1"].frames[day].units}
        for day in (DAY, DAY + timedelta(days=1))
    )
    assert (before["casa"].weight, before["rabat"].weight) == (1 + 6 + 366, 1 + 366)
    assert (after["casa"].days, after["casa"].findings) == (1, 1)
    assert after["casa"].weight == 1 + 6 + 1 + 50


def test_a_visit_that_was_made_cannot_be_on_record_as_missed() -> None:
    chain = Chain()
    revealed(chain)
    (site,) = draw(chain)
    chain.record("inspection.held", site=site, authority="C")
    values = {"plan": "p1", "day": DAY, "site": site, "reason": "Snow"}
    assert chain.refused("draw.not_visited", **values) == {"draw.settled"}
