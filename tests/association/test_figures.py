"""What goes out of an operator with clients, sites and agents: walked through to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_django.fixtures import Settings

from releve.network import HOME
from releve.network.sample import FIRST_DAY
from releve.plugins.sector.association import membership
from releve.plugins.sector.association.exchange import fetch_design, run_member_day
from releve.plugins.sector.association.figures import count_figures, count_seats_by_destination
from releve.plugins.sector.association.keys import AssociationError
from releve.plugins.sector.association.membership import state_relief, switch_sending
from releve.plugins.sector.association.models import MonthlyDesign
from releve.plugins.sector.engine.contribution import MEASURES
from tests.association.sector_of_seven import OWN, SectorOfSeven
from tests.live.conftest import _nothing_in_memory, before_the_plan, known_times, planned, scenario  # noqa: F401
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.slow]

FIELDS = {
    "association", "corrects", "day", "design", "figures", "format", "made_at", "masked",
    "member", "nonce", "seats", "software",
}  # fmt: skip
HEADERS = {
    "host", "accept", "accept-encoding", "connection", "authorization", "user-agent",
    "content-type", "content-length",
}  # fmt: skip


def test_every_byte_sent_is_a_count_by_country_and_names_no_one(
    scenario: Scenario,  # noqa: F811
    sent_bytes: list[httpx.Request],
    set_clock: Callable[[datetime], None],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(membership, "count_figures", count_figures)
    monkeypatch.setattr(membership, "count_seats_by_destination", count_seats_by_destination)
    month = f"{FIRST_DAY:%Y-%m}"
    morning = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 6, tzinfo=UTC) + timedelta(1)
    operator = scenario.operator
    places = {site.destination for site in operator.sites}
    settings.CLERK_TOKEN = SectorOfSeven.begin(month=month, places=places).secrets[OWN]
    set_clock(morning)
    scenario.stream = "live"
    scenario.close(operator.sites[0].id)
    state_relief({"relief_spare": {operator.sites[0].destination: 3}})
    switch_sending(True, "jeanne", morning)
    fetch_design(month, morning)
    run_member_day(morning)
    assert [request.method for request in sent_bytes] == ["GET", "POST"]
    words = {"jeanne", "case", "health", "positive", operator.row.name, "client", "programme"}
    for row in (*operator.sites, *operator.clients, *operator.programmes):
        words |= {row.id, getattr(row, "name", row.id)}
    words |= {agent.id for agent in operator.agents}
    for request in sent_bytes:
        assert set(request.headers) <= HEADERS
        said = f"{request.url} {dict(request.headers)} {request.content.decode()}"
        assert [word for word in words if word and word.lower() in said.lower()] == []
    body: dict[str, Any] = json.loads(sent_bytes[1].content)["contribution"]
    assert set(body) == FIELDS
    assert set(body["figures"]) <= set(MEASURES)
    for counts in (*body["figures"].values(), body["seats"]):
        assert all(len(where) == 2 and type(count) is int for where, count in counts.items())
    placed = scenario.plans[0].placements
    closed = operator.sites[0].id
    on_site = sum(row.place not in (HOME, closed) for row in placed)
    assert sum(body["figures"]["agents_on_site"].values()) <= on_site + len(placed)
    assert sum(body["figures"]["sites_closed"].values()) == 1


def test_a_day_that_no_plan_has_is_not_contributed_as_zero(scenario: Scenario) -> None:  # noqa: F811
    assert not MonthlyDesign.objects.exists()
    with pytest.raises(AssociationError, match="no plan in force"):
        count_figures(FIRST_DAY + timedelta(days=300), {})
    found = count_figures(FIRST_DAY, {"relief_wanted": {"MA": 4}})
    placed = scenario.plans[0].placements
    at_home = sum(row.place == HOME for row in placed)
    assert sum(n for (name, _), n in found.items() if name == "agents_at_home") == at_home
    assert sum(n for (name, _), n in found.items() if name == "agents_on_site") == (len(placed) - at_home)
    assert found["relief_wanted", "MA"] == 4
    places = {site.destination for site in scenario.operator.sites}
    assert {found["sites_closed", where] for where in places} == {0}
    assert not any(name == "relief_spare" for name, _ in found), "nothing was stated"
