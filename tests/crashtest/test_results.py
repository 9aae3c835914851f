"""What a result says: causes by the calls they cost, how clients and outbreaks stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.plugins.crashtest.engine.outages.shipped import load_shipped_hazards
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.policies import POLICIES, name_case
from releve.plugins.crashtest.engine.result import list_cause_losses, list_site_causes, name_cause
from tests.desk_crashtest.conftest import REMOVED, build_result

RESULT = build_result("as-given", 20)


def french(text: str) -> str:
    """Stand for the catalogue."""
    return text.upper()


def test_without_reruns_a_cause_costs_its_share() -> None:
    rows = list_cause_losses(RESULT)
    assert [row.cause for row in rows] == ["closure", "power", "carrier"]
    assert {row.shared for row in rows} == {None}
    assert rows[0].by_client == {"azur": 500.0, "rive": 100.0}
    assert rows[0].top == 640


def test_rerun_a_cause_costs_what_a_quarter_loses_less_and_its_share_stands_beside() -> None:
    outbreak, carrier, rule = list_cause_losses(replace(RESULT, removed=REMOVED))
    assert (outbreak.lost.value, outbreak.shared) == (700, 600)
    assert (carrier.lost.value, carrier.shared) == (3, 10)
    assert (rule.cause, rule.spared.value, rule.spared.low) == ("rule", 40, 30)


def test_home_lines_take_no_site() -> None:
    assert list_site_causes(RESULT) == ["closure", "power"]


def test_every_shipped_hazard_has_its_names_in_both_languages() -> None:
    for hazard in load_shipped_hazards():
        named = name_cause(hazard.id)
        assert named == hazard.name
        assert named.translate_with(french, "fr") == hazard.name_fr


def test_a_hazard_of_the_operators_own_is_called_as_its_table_does() -> None:
    assert name_cause("storm", "Storm").translate_with(french, "fr") == "Storm"
    assert name_cause("storm") == "storm"
    assert name_cause("illness").translate_with(french, "fr") == ("AGENTS AWAY, ILL OR IN QUARANTINE")


def test_a_case_is_called_by_its_policy_and_says_that_its_plan_is_the_other() -> None:
    assert {name_case(name) for name in POLICIES} == {row.text for row in POLICIES.values()}
    assert name_case("masks, plan b") == "masks that stop 30% of attempts, with the other plan"
    assert name_case("gone") == "gone"


@pytest.mark.parametrize(("breaks", "status"), [(0.049, "held"), (0.05, "thin"), (0.499, "thin"), (0.5, "missed")])
def test_a_client_stands_by_how_often_its_target_breaks(breaks: float, status: str) -> None:
    client = replace(RESULT.clients[0], breaks_target=Estimate(breaks, breaks, breaks))
    assert client.status == status


def test_outbreaks_with_little_between_small_and_large_are_of_two_kinds() -> None:
    outbreak = RESULT.outbreak
    assert (outbreak.small, outbreak.between, outbreak.large) == (0.75, 0.0, 0.25)
    assert outbreak.of_two_kinds
    assert not replace(outbreak, sizes=(1,) * 101).of_two_kinds
    assert not replace(outbreak, sizes=(0,) * 101).of_two_kinds
