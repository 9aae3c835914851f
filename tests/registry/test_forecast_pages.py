"""The forecast of a programme on the desk: an uplift is tried, kept, used by the requirement and undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releve.network import Operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan.week.days import require_day
from releve.registry.models import Version
from releve.registry.service import apply_changes, preview_changes
from tests.registry.conftest import read_current

pytestmark = [pytest.mark.database]


@pytest.fixture(scope="module")
def known() -> Operator:
    """60 agents on two sites, with enough history for a forecast."""
    return sample_operator(60, 2, 1, weeks_of_history=6)


@pytest.fixture
def address(db: None, known: Operator) -> str:
    apply_changes(preview_changes(known), "amina", "first import")
    return f"/forecast/{known.programmes[0].id}"


def send(web: Client, address: str, **data: str) -> Any:
    sent = {"first": str(FIRST_DAY), "percent": "20", "reason": "Campagne de printemps", **data}
    return web.post(f"{address}/uplift", sent)


def test_a_page_shows_history_forecast_interval_and_requirement(web: Client, address: str) -> None:
    page = web.get(f"{address}.json?from={FIRST_DAY}").json()
    one = page["days"][0]
    assert one["low"] < one["calls"] < one["high"]
    assert one["calls"] == one["without"]
    assert one["week_before"] > 0
    assert one["agent_hours"] > 0
    assert sum(row["calls"] or 0 for row in page["past"]) > 0
    html = web.get(f"{address}?from={FIRST_DAY}").content.decode()
    assert "Ajouter une correction" in html
    assert "<svg" in html


def test_the_effect_is_shown_before_anything_is_kept(web: Client, address: str) -> None:
    shown = send(web, address)
    assert "au lieu de" in shown.content.decode()
    assert Version.objects.count() == 1


def test_an_uplift_kept_is_used_by_the_requirement_named_and_undone(web: Client, address: str) -> None:
    before = require_day(read_current(), FIRST_DAY)
    assert send(web, address, keep="1").status_code == 302
    (row,) = read_current().uplifts
    assert (row.valid_from, row.valid_to, row.change) == (FIRST_DAY, FIRST_DAY, 0.2)
    more = require_day(read_current(), FIRST_DAY)
    assert more.agents[:, 0].sum() > 1.05 * before.agents[:, 0].sum()
    page = web.get(f"{address}.json?from={FIRST_DAY}").json()
    (kept,) = page["uplifts"]
    assert kept["by"] == Version.objects.get(number=2).made_by
    assert kept["reason"] == "Campagne de printemps"
    assert page["days"][0]["calls"] == pytest.approx(page["days"][0]["without"] * 1.2, rel=1e-4)
    assert page["days"][1]["calls"] == page["days"][1]["without"]
    assert web.post(f"{address}/uplift/{row.id}/undo").status_code == 302
    assert read_current().uplifts == ()
    again = require_day(read_current(), FIRST_DAY)
    assert (again.agents == before.agents).all()


@pytest.mark.parametrize(
    "wrong", [{"reason": ""}, {"percent": "-101"}, {"percent": "much"}, {"last": str(FIRST_DAY - timedelta(days=1))}]
)
def test_a_wrong_uplift_is_refused_by_its_field(web: Client, address: str, wrong: dict[str, str]) -> None:
    assert send(web, address, keep="1", **wrong).status_code == 422
    assert Version.objects.count() == 1


def test_the_list_names_every_programme(web: Client, address: str, known: Operator) -> None:
    page = web.get("/forecast/?format=json").json()
    assert [row["programme"] for row in page["programmes"]] == [row.id for row in known.programmes]
    assert web.get("/forecast/").status_code == 200
