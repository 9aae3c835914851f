"""From a file of records to effects and the rule, and what is refused on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.telework.engine import RecordFaults, estimate_effects, read_work_records
from releve.plugins.telework.engine.placebo import EffectEstimate, Posterior, estimate_by_imputation, shrink_effects
from tests.demand.telework.panels import Design, draw_panel, write_records

HEAD = "agent,day,programme,place,paid_min,available_min,handled,handle_s,quality,repeats"
GOOD = "a1,2026-03-02,hotline,site,2100,2000,200,60000,,"


def test_records_give_the_effect_of_the_panel_that_they_are_written_from() -> None:
    panel = draw_panel(Design(), 3)
    report = estimate_effects(read_work_records("records.csv", write_records(panel)))
    (found,) = report.programmes
    assert found.refusal is None
    assert found.effect is not None
    assert found.effect.effect == pytest.approx(estimate_by_imputation(panel).effect, abs=1e-9)
    assert found.design == "compared"
    assert found.movers == panel.count_movers()


def test_what_cannot_be_compared_is_counted_by_its_reason() -> None:
    text = write_records(draw_panel(Design(), 3)).decode()
    idle = "a0001,2020-01-06,hotline,site,2100,2000,0,0,,"
    away = [f"gone,2026-03-{day:02},hotline,home,2100,2000,9,900,," for day in (2, 9)]
    text += "\n".join([idle, *away, GOOD.replace("site", "home").replace("a1,2026-03-02", "a0000,2019-01-07")])
    (found,) = estimate_effects(read_work_records("records.csv", text.encode())).programmes
    assert (found.left_out.without_contacts, found.left_out.never_on_site) == (1, 2)
    assert (found.left_out.empty_site, found.left_out.apart) == (1, 0)


def test_a_handling_time_of_the_programme_teaches_nothing_of_its_agents() -> None:
    panel = draw_panel(Design(), 3)
    shared = replace(panel, outcome=np.where(panel.period % 2, 0.1, 0.2))
    (found,) = estimate_effects(read_work_records("r.csv", write_records(shared))).programmes
    assert "the same handling time" in str(found.refusal)


def test_a_programme_that_loses_work_at_home_is_not_named_right_for_home() -> None:
    good = write_records(draw_panel(Design(effect=0.05, noise=0.02), 1), "good")
    bad = write_records(draw_panel(Design(effect=-0.15, noise=0.02), 2), "bad")
    joined = good + b"\n".join(bad.splitlines()[1:]) + b"\n"
    report = estimate_effects(read_work_records("records.csv", joined))
    named = {one.programme: one.right_for_home for one in report.programmes}
    assert named == {"bad": False, "good": True}


def test_a_fall_in_quality_stops_the_rule() -> None:
    panel = draw_panel(Design(effect=0.05, noise=0.02), 1)
    head, *rows = write_records(panel).decode().splitlines()
    draws = np.random.Generator(np.random.Philox(5))
    rows = [f"{row[:-2]},{(70 if ',home,' in row else 80) + draws.normal():.3f}," for row in rows]
    text = "\n".join([head, *rows]).encode()
    (found,) = estimate_effects(read_work_records("records.csv", text)).programmes
    assert found.quality is not None
    assert found.quality.effect < -8
    assert not found.right_for_home


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (Design(never=0.0, all_at=12), "everyone did"),
        (Design(agents=12), "12 agents: at least 20"),
        (Design(never=0.97), "at least 5 are needed"),
        (Design(never=1.0), "everyone works on site"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_its_reason(design: Design, reason: str) -> None:
    records = read_work_records("records.csv", write_records(draw_panel(design, 4, whole=True)))
    (found,) = estimate_effects(records).programmes
    assert found.refusal is not None
    assert reason in str(found.refusal)
    assert found.posterior is None
    assert found.design == "assumed"
    assert not found.right_for_home


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (GOOD.replace("site", "office"), "place", "not known"),
        (GOOD.replace("2026-03-02", "02/03/2026"), "day", "not a date"),
        (GOOD.replace("2000", "2200"), "available_min", "more minutes available than paid"),
        (GOOD.replace("60000", "0"), "handle_s", "in no time"),
        (GOOD.replace("60000", "600000"), "handle_s", "longer than the minutes available"),
        (GOOD.replace("200,6", "-1,6"), "handled", "not a number"),
        (GOOD.replace("a1", ""), "agent", "empty"),
    ],
)
def test_each_faulty_cell_is_named_with_its_row(row: str, column: str, reason: str) -> None:
    text = "\n".join([HEAD, GOOD.replace("a1", "a0"), row]).encode()
    with pytest.raises(RecordFaults) as raised:
        read_work_records("records.csv", text)
    (fault,) = raised.value.faults
    assert (fault.row, fault.column) == (3, column)
    assert reason in fault.reason


def test_overlapping_records_and_unknown_columns_are_refused() -> None:
    with pytest.raises(RecordFaults, match="a second record of this agent"):
        read_work_records("records.csv", "\n".join([HEAD, GOOD, GOOD]).encode())
    with pytest.raises(RecordFaults, match="handle_s"):
        read_work_records("records.csv", f"{HEAD.replace('handle_s', 'handles')}\n{GOOD}".encode())


def test_a_programme_that_knows_little_borrows_from_the_others() -> None:
    sure = [EffectEstimate(effect, 0.005) for effect in (0.0, 0.02, 0.04, 0.06)]
    *known, unsure = shrink_effects([*sure, EffectEstimate(0.2, 0.2)])
    assert all(abs(one.mean - two.effect) < 0.002 for one, two in zip(known, sure, strict=True))
    assert abs(unsure.mean - 0.03) < 0.02
    assert unsure.error < 0.1
    (alone,) = shrink_effects([EffectEstimate(0.5, 0.2)])
    assert alone == Posterior(0.5, 0.2)
