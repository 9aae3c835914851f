"""No grant gives more than it says: every address, for each role and each site or client of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import resolve
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.models import Grant
from releve.accounts.permissions import BY_CLIENT, BY_SITE, Role
from releve.accounts.scopes import can, find_scope_faults
from releve.desk.access.guard import permission_of
from releve.files.plan_folder import write_plans
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.models import Stream
from releve.network import Operator
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.fact_reader import CampaignTerms
from tests.accounts.people import give, person, sign_in
from tests.desk.access.addresses import ROWS, STRANGER, WHO
from tests.desk.access.conftest import STAMP
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = ["_nothing_in_memory", "_own_home", "known_times", "planned", "scenario"]

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

Reach = tuple[Role, tuple[str, ...], tuple[str, ...]]
ACCOUNT = "account/"
NOT_THERE = "azur"
"""A client of another house: whose grant names it sees nothing of this one's clients."""


@pytest.fixture
def house(scenario: Scenario, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Something of everything at every site and for every client, in the live stream at the time of the drill."""
    real, ahead = timezone.now, Stream.objects.get(name=scenario.stream).offset
    monkeypatch.setattr(timezone, "now", lambda: real() + ahead)
    scenario.stream = live.LIVE
    settings.PLAN_FOLDER = tmp_path / "plan"
    write_plans(settings.PLAN_FOLDER, scenario.plans, stamp=STAMP, calendars=False)
    day = live.now().date()
    for site in scenario.operator.sites:
        scenario.positive(scenario.agents_at(site.id)[0], site.id)
        scenario.act("inspection.held", site=site.id, authority=f"Brigade of {site.id}")
        scenario.act("tests.done", site=site.id, tested=5, positive=1)
        scenario.act("agents.present", site=site.id, day=day, count=3)
        scenario.act("check.done", site=site.id, day=day, transport_fill=0.4)
        scenario.act("power.down", site=site.id)
        scenario.close(site.id, reason=f"Crack at {site.id}")
        scenario.act("incident.opened", site=site.id, title=f"Incident of {site.id}")
    for client in scenario.operator.clients:
        row = CampaignTerms(client.id, "electricity", "manual", "prospecting", "", None, False,
                       None, None, "us", "", "energy-supply")  # fmt: skip
        record_campaign(f"campaign-{client.id}", row, by="tests")
    scenario.work()
    return scenario


def reaches(operator: Operator) -> Iterator[Reach]:
    """Every role with each of the reaches it can be held for: all, one site, one client.

    The second site and the other clients are held alike; RELEVE_ALL_ADDRESSES=1 asks for them too.
    """
    whole = bool(os.environ.get("RELEVE_ALL_ADDRESSES"))
    sites = [(), *((row.id,) for row in operator.sites[: 2 if whole else 1])]
    clients = [(), *((row.id,) for row in operator.clients[: None if whole else 1]), (NOT_THERE,)]
    for role in Role:
        for some in sites:
            for others in clients:
                if not (some and others) and not find_scope_faults(role, some, others):
                    yield role, some, others


def paths(house: Scenario) -> list[str]:
    """Every address, filled in with each site, client, incident, campaign and entry there is."""
    operator, situation = house.operator, live.situation_now()
    ids = {
        "site": [row.id for row in operator.sites],
        "client": [row.id for row in operator.clients],
        "incident": [*situation.incidents],
        "case": [row.event for row in situation.cases],
        "campaign": [f"campaign-{row.id}" for row in operator.clients],
        "seq": [str(row.seq) for row in ledger.iter_entries(live.LIVE) if "site" in row.body],
        "generation": ["1"],
        "contingency": ["base"],
    }
    found = []
    for row in ROWS:
        if row.route.startswith(ACCOUNT):
            continue
        filled = [row.route] if "<" in row.route else [row.path.lstrip("/")]
        for name in re.findall(r"<\w+:(\w+)>", row.route):
            known = ids.get(name)
            filled = (
                [re.sub(rf"<\w+:{name}>", value, text) for text in filled for value in known]
                if known
                else [row.path.lstrip("/")]
            )
            if not known:
                break
        found += [f"/{text}" for text in filled]
    twins = [path if "json" in path else f"{path}?format=json" for path in found]
    return [*dict.fromkeys([*found, *twins])]


def select_addresses(web: Client, paths: Iterable[str]) -> list[str]:
    """Return the addresses, and of those that are shut to a reader one of each kind.

    A role that lacks the permission of a view is refused before the view is entered, by the
    permission alone: test_addresses asks each role at each. RELEVE_ALL_ADDRESSES=1 asks here too.
    """
    if os.environ.get("RELEVE_ALL_ADDRESSES"):
        return [*paths]
    found: dict[object, str] = {}
    user = get_user(web)  # type: ignore[arg-type]  # it needs the session alone
    for path in paths:
        permission = permission_of(resolve(path.partition("?")[0], "releve.desk.urls").func)
        shut = permission and not can(user, permission)
        kind = (permission, path.startswith("/api/"), "json" in path)
        found.setdefault(kind if shut else path, path)
    return [*found.values()]


def is_of_the_plan(path: str) -> bool:
    """Return whether an address shows a client its own row of the plan, or its own losses: it names whose loss."""
    asked = path.partition("?")[0]
    own = ("/", "/verdict.json", "/api/v1/plan", "/now", "/now.json", "/api/v1/now")
    return asked in own or asked.startswith(("/cell/", "/clients/", "/api/v1/clients/", "/api/v1/plan/"))


def foreign(operator: Operator, reach: Reach, *, sites_too: bool = True) -> re.Pattern[str]:
    """Return what names a site or client that a reach does not hold: ids and names."""
    _role, sites, clients = reach
    words: list[str] = []
    for site in operator.sites if sites_too else ():
        if site.id not in sites:
            words += [site.id, site.name]
    for client in operator.clients:
        if client.id not in clients:
            words += [client.id, client.name]
    listed = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{listed})(?![\w-])") if words else re.compile(r"(?!)")


def browser(reach: Reach) -> Client:
    role, sites, clients = reach
    user = person("-".join([role.value, *sites, *clients]))
    grant = give(user, role, sites=sites, clients=clients)
    Grant.objects.filter(pk=grant.pk).update(sites=list(sites), clients=list(clients))
    return sign_in(user, lately=True)


def found_in(web: Client, path: str, words: re.Pattern[str]) -> Sequence[str]:
    """Return what an answer names of what is not the reader's."""
    answer = web.get(path)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = unescape(body.decode("utf-8", "replace"))
    asked = path.partition("?")[0].split("/")
    return sorted({word for word in words.findall(text) if word not in asked})


def sites_of_people(web: Client, operator: Operator, sites: Sequence[str]) -> set[str]:
    """Return the sites, ids and names, where a relief finds or sends the people of some sites."""
    moves = web.get("/relief.json").json()["changes"]
    own = [row for row in moves if operator.agent[row["agent"]].home_site in sites]
    places = {post["place"] for row in own for post in (row["before"], row["after"]) if post}
    return places | {operator.site[place].name for place in places if place in operator.site}


def test_every_role_can_be_walked_in_each_of_its_reaches(house: Scenario) -> None:
    walked = {role for role, _sites, _clients in reaches(house.operator)}
    assert walked == set(Role)
    limited = {role for role, sites, clients in reaches(house.operator) if sites or clients}
    assert limited == BY_SITE | BY_CLIENT | {Role.INSPECTOR, Role.AUDITOR}
    assert set(WHO.values()) == set(Role)
    assert STRANGER not in set(Role)


def test_no_grant_gives_more_than_it_says(house: Scenario) -> None:
    walked = paths(house)
    leaks = {}
    for reach in reaches(house.operator):
        _role, sites, clients = reach
        if not sites and not clients:
            continue
        web, words = browser(reach), foreign(house.operator, reach)
        others = foreign(house.operator, reach, sites_too=False)
        for path in select_addresses(web, walked):
            planned_for = reach[0] is Role.CLIENT and is_of_the_plan(path)
            names = found_in(web, path, others if planned_for else words)
            if "relief" in path and reach[0] is Role.SITE:
                met = sites_of_people(web, house.operator, sites)
                names = [name for name in names if name not in met]
            if names:
                leaks[reach[0].value, sites + clients, path] = names
    assert leaks == {}, "\n".join(f"{key}: {names}" for key, names in leaks.items())


@pytest.mark.database
def test_what_a_limited_reader_gets_is_what_the_whole_reader_gets_of_it(house: Scenario) -> None:
    """The walk would pass on empty pages: each reader sees their own site or client somewhere."""
    for reach in reaches(house.operator):
        role, sites, clients = reach
        if (sites or clients) and NOT_THERE not in clients:
            web = browser(reach)
            path = "/sites?format=json" if sites else "/now?format=json"
            text = web.get(path).content.decode()
            assert all(f'"{own}"' in text for own in sites + clients), (role, path)
