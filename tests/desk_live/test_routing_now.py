"""A telephony system that does not follow, and a site that it finds dead, are seen on *Now*."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from releve.live.models import RoutingState
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def state(stream: str, **fields: object) -> None:
    then = timezone.now() - timedelta(minutes=2)
    RoutingState.objects.create(
        stream=stream, adapter="kamailio:paris", number=7, since=then, observed_at=then,
        **{"state": "confirmed", "held": 7, **fields},
    )  # fmt: skip


def test_a_proxy_with_other_routes_is_a_red_banner(browsers: Browsers) -> None:
    web, then = browsers.sign_in(), timezone.now()
    state(browsers.scenario.stream, state="diverged", held=5, alarmed=True, astray_since=then)
    page = web.get("/now").content.decode()
    assert "kamailio:paris route les appels autrement que voulu" in page
    (row,) = web.get("/now?format=json").json()["routing"]
    assert (row["adapter"], row["wanted"], row["held"]) == ("kamailio:paris", 7, 5)


def test_a_site_found_dead_is_proposed_as_an_outage_until_it_is_recorded(browsers: Browsers) -> None:
    web, site = browsers.sign_in(), browsers.scenario.site
    state(browsers.scenario.stream, dead={site: timezone.now().isoformat(), "home": timezone.now().isoformat()})
    (row,) = web.get("/now?format=json").json()["proposals"]
    assert (row["site"], row["adapters"]) == (site, ["kamailio:paris"])
    page = web.get("/now").content.decode()
    assert f'id="proposal-{site}"' in page
    assert f"/record/outage?site={site}" in page
    assert row["records"]
    assert web.get(f"/record/outage?site={site}").status_code == 200
