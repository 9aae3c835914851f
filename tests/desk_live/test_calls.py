"""Where calls go while a place is lost, as the client and the lead of the site read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.live.models import Routes, RoutingState
from releve.live.routes import store_generation, watch_routing
from releve.live.worker import run_until_idle
from releve.network import HOME
from releve.routing import Generation, Route
from tests.accounts.people import read_text
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_client_news_pages import living, look_as_client, planned_day
from tests.live.scenario import Scenario

__all__ = ["living", "planned_day"]
pytestmark = [pytest.mark.django_db, pytest.mark.database]

SOUND = "n’est pas connu ici"


@dataclass
class Loss:
    """A closed site and a client that it serves, in the live stream."""

    scenario: Scenario
    client: str
    programme: str
    name: str

    def route(self, *routes: Route, alone: bool = False) -> None:
        """Publish other routes of the client's programmes, or of one ``alone``, which stay."""
        last = Routes.objects.filter(stream=live.LIVE)[0]
        own = {row.id for row in self.scenario.operator.programmes if row.client == self.client}
        given = {name: tuple(Route(*one) for one in rows) for name, rows in last.body.items()}
        given |= dict.fromkeys({self.programme} if alone else own, routes)
        until = live.real_now() + timedelta(days=365)
        store_generation(Generation(live.LIVE, last.number + 1, live.now(), given), held_until=until)
        run_until_idle()

    def read(self) -> dict[str, Any]:
        """Return the part of the client's page about its calls."""
        answer = look_as_client(self.client).get(f"/clients/{self.client}?format=json").json()
        found: dict[str, Any] = answer["incident"]["calls"]
        return found

    def read_line(self) -> str:
        return read_text(look_as_client(self.client), f"/clients/{self.client}")


@pytest.fixture
def loss(living: Scenario, planned_day: None) -> Loss:
    site = living.site
    inbound = {row.id: row for row in living.operator.programmes if row.kind == "inbound"}
    served = next(row for row in living.plans[0].placements if row.place == site and row.programme in inbound)
    living.close(site)
    run_until_idle()
    programme = inbound[served.programme]
    return Loss(living, programme.client, programme.id, programme.name)


def test_calls_are_said_to_go_where_the_newest_routes_send_them_once_that_is_confirmed(loss: Loss) -> None:
    assert loss.read()["state"] == "pending", "published, and not looked at yet"
    before = loss.read_line()
    assert f"Les appels de l’opération {loss.name} doivent arriver à" in before
    assert "La téléphonie n’a pas encore pris cette répartition" in before
    watch_routing()
    part, said = loss.read(), loss.read_line()
    assert part["state"] == "confirmed"
    assert f"Les appels de l’opération {loss.name} arrivent à" in said
    assert "confirmée par la téléphonie" in said
    RoutingState.objects.update(state="silent")
    assert "arrivent à" not in loss.read_line(), "what is not seen is no fact"
    own = {row.id for row in loss.scenario.operator.programmes if row.client == loss.client and row.kind == "inbound"}
    assert {row["programme"] for row in part["programmes"]} == own
    body = Routes.objects.filter(stream=live.LIVE)[0].body
    names = {row.id: row.name for row in loss.scenario.operator.sites}
    for row in part["programmes"]:
        shares = {names.get(place, ""): weight for place, _, _, weight in body[row["programme"]] if weight}
        assert {place["name"]: place["share"] for place in row["places"]} == shares
        assert names[loss.scenario.site] not in shares
    used = {place["name"] for row in part["programmes"] for place in row["places"]}
    for name in set(names.values()) - used - {names[loss.scenario.site]}:
        assert name not in said, "a site that does not serve the client"


def test_the_time_is_that_of_the_places_and_not_of_their_shares(loss: Loss) -> None:
    one, two = (row.id for row in loss.scenario.operator.sites[1:3])
    even, uneven = (
        (Route(one, True, 5, 0.5), Route(HOME, True, 5, 0.5)),
        (Route(one, True, 6, 0.6), Route(HOME, True, 4, 0.4)),
    )

    def read() -> dict[str, Any]:
        watch_routing()
        found: dict[str, Any] = next(row for row in loss.read()["programmes"] if row["programme"] == loss.programme)
        return found

    loss.route(*even)
    first = read()
    loss.route(*uneven)
    second = read()
    assert [place["share"] for place in second["places"]] == [0.6, 0.4]
    assert first["since"] is not None
    assert second["since"] == first["since"]
    loss.route(Route(two, True, 5, 1.0))
    assert read()["since"] > first["since"]
    assert "(100 %), et là seulement depuis" in loss.read_line()


def test_where_no_place_takes_calls_that_is_said_and_nothing_of_what_is_heard(loss: Loss) -> None:
    assert SOUND not in loss.read_line()
    loss.route(Route(loss.scenario.operator.sites[1].id, True, 0, 0.0), alone=True)
    assert f"aucun lieu ne prend les appels de l’opération {loss.name}." in loss.read_line()
    watch_routing()
    said = loss.read_line()
    assert f"Aucun lieu ne prend les appels de l’opération {loss.name} depuis" in said
    assert SOUND in said


def test_a_place_that_does_not_answer_the_telephony_is_named_where_it_serves(loss: Loss) -> None:
    one, two = loss.scenario.operator.sites[1:3]
    loss.route(Route(one.id, True, 5, 1.0))
    watch_routing()
    RoutingState.objects.update(dead={two.id: live.now().isoformat()})
    assert "pas de réponse à la téléphonie" not in loss.read_line()
    RoutingState.objects.update(dead={one.id: live.now().isoformat()})
    assert f"{one.name} : pas de réponse à la téléphonie" in loss.read_line()


def test_the_lead_of_a_lost_site_reads_the_calls_that_it_served(browsers: Browsers, scenario: Scenario) -> None:
    lead, site = browsers.sign_in(Role.SITE), scenario.site

    def read(web: Client) -> Any:
        return web.get(f"/sites/{site}?format=json").json()["calls"]

    assert read(lead) is None, "open"
    scenario.close()
    scenario.work()
    served = {row.programme for plan in scenario.plans for row in plan.placements if row.place == site}
    wanted = [row.id for row in scenario.operator.programmes if row.id in served and row.kind == "inbound"]
    part = read(lead)
    assert wanted
    assert part["state"] == "confirmed", "a drill has a file of its own, which is read back"
    assert [row["programme"] for row in part["programmes"]] == wanted
    assert all(
        place["name"] != scenario.operator.site[site].name for row in part["programmes"] for place in row["places"]
    )
    shown = read_text(lead, f"/sites/{site}")
    assert all(f"opération {scenario.operator.programme[name].name}" in shown for name in wanted)
    assert read(browsers.sign_in(Role.INSPECTOR)) is None, "an outsider reads of no client"


def test_at_night_calls_are_said_to_go_nowhere_yet(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    scenario.later(hours=11)
    scenario.work()
    part = browsers.sign_in(Role.SITE).get(f"/sites/{scenario.site}?format=json").json()["calls"]
    shown = read_text(browsers.sign_in(Role.SITE), f"/sites/{scenario.site}")
    shut = [row["name"] for row in part["programmes"] if not row["open"]]
    assert shut
    assert all(f"L’opération {name} est fermée à cette heure" in shown for name in shut)
