"""The navigation: five groups at most, a first page for each role, and a logo that leads there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client, override_settings

from releve.accounts.permissions import PROVISIONS, WATCHING, Role
from tests.accounts.people import give, look_as, person, sign_in

pytestmark = pytest.mark.django_db

HOMES = {
    Role.CONTINUITY: "/now",
    Role.PLANNER: "/",
    Role.FLOW: "/clients",
    Role.SITE: "/sites/casa-1",
    Role.HEALTH: "/health/",
    Role.OUTBOUND: "/outbound/",
    Role.CLIENT: "/clients/altimbre-shop",
    Role.INSPECTOR: "/sites",
    Role.AUDITOR: "/charter/",
    Role.ADMINISTRATOR: "/people",
    Role.MONITORING: "/account",
    Role.PROVISIONING: "/account",
}


def signed_in_as(*roles: Role) -> Client:
    user = person("zoe")
    for role in roles:
        give(user, role, clients=["altimbre-shop"])
    return sign_in(user, lately=True)


@pytest.mark.parametrize("role", list(Role))
def test_the_logo_leads_every_role_to_its_first_page(stocked: None, role: Role) -> None:
    web = signed_in_as(role)
    answer = web.get("/start", follow=True)
    assert answer.redirect_chain == [(HOMES[role], 302)]
    assert answer.status_code == 200
    assert 'class="mark" href="/start"' in answer.content.decode()


@pytest.mark.parametrize("role", sorted(set(Role) - WATCHING - PROVISIONS))
def test_a_role_has_five_groups_at_most_and_its_page_is_marked(stocked: None, role: Role) -> None:
    page = signed_in_as(role).get("/start", follow=True)
    menus = page.context["navigation"]
    assert len(menus) <= 5
    assert [menu.current for menu in menus].count(True) == 1
    assert [link.current for menu in menus for link in menu.links].count(True) == 1


@pytest.mark.parametrize("role", list(Role))
def test_who_may_report_can_on_every_page(stocked: None, role: Role) -> None:
    page = signed_in_as(role).get("/start", follow=True)
    may = role in {Role.CONTINUITY, Role.PLANNER, Role.FLOW, Role.HEALTH, Role.SITE}
    assert ('href="/record/"' in page.content.decode()) is may


def test_the_next_user_of_a_browser_is_sent_the_page_with_their_own_menu(stocked: None) -> None:
    """It once was "not changed" for any other user, as its figures were the same."""
    first = signed_in_as(Role.CONTINUITY).get("/charter/")
    inspector = person("yves")
    give(inspector, Role.INSPECTOR)
    web = sign_in(inspector)
    again = web.get("/charter/", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 200
    assert again.context["navigation"] != first.context["navigation"]
    held = web.get("/charter/", headers={"if-none-match": again["ETag"]})
    assert held.status_code == 304


def test_an_address_without_its_last_slash_leads_to_the_page(stocked: None) -> None:
    web = signed_in_as(Role.PLANNER)
    found = web.get("/registry?a=1")
    assert (found.status_code, found["Location"]) == (301, "/registry/?a=1")
    assert web.get("/no-such-page").status_code == 404


def test_a_plan_is_led_home_from_by_the_logo_too(stocked: None) -> None:
    """The pages of a plan once had a logo of their own, to the verdict."""
    web = signed_in_as(Role.CONTINUITY)
    assert 'class="mark" href="/start"' in web.get("/").content.decode()


def test_of_several_roles_the_first_in_the_list_gives_the_page(stocked: None) -> None:
    web = signed_in_as(Role.ADMINISTRATOR, Role.PLANNER)
    assert web.get("/start").headers["Location"] == "/"


@pytest.mark.parametrize("site", ["unknown", "casa-1 rabat-1"])
def test_a_lead_of_no_known_site_or_of_several_starts_with_the_list(stocked: None, site: str) -> None:
    user = person("zoe")
    give(user, Role.SITE, sites=site.split())
    assert sign_in(user, lately=True).get("/start").headers["Location"] == "/sites"


def test_without_a_role_the_logo_leads_to_the_own_account(stocked: None) -> None:
    assert sign_in(person("zoe"), lately=True).get("/start").headers["Location"] == "/account"


def test_before_there_is_an_operator_a_plan_is_the_first_page(plans: Path) -> None:
    with override_settings(PLAN_FOLDER=plans, OPEN_DESK=True):
        web = look_as(Role.CONTINUITY)
        assert web.get("/start").headers["Location"] == "/"
        assert web.get("/").status_code == 200
