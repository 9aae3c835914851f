"""The door: which users are led to the sign-in, get 404 or 403, or are asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from releve.accounts.permissions import Role
from releve.desk import urls as desk_urls
from releve.desk.access.guard import actor_name, allow_anonymous, permission_of, require_permission, require_recent_auth
from releve.network import sample_operator
from releve.registry import service
from tests.accounts.people import FR, give, look_as, person, signed_in

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@require_permission("plan.publish")
def publish(request: HttpRequest) -> HttpResponse:
    return HttpResponse(actor_name(request))


@require_permission("event.record.check", site="site")
@require_recent_auth
def check(request: HttpRequest, site: str) -> HttpResponse:
    return HttpResponse(f"{request.method} {site}")


urlpatterns = [
    *desk_urls.urlpatterns,
    path("publish", publish),
    path("publish.json", publish),
    path("check/<str:site>", check),
]
handler404 = desk_urls.handler404


@pytest.fixture(autouse=True)
def _routes() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def test_a_stranger_is_led_to_the_sign_in_and_back() -> None:
    answer = Client().get("/publish?day=2026-11-30")
    assert answer.status_code == 302
    assert answer["Location"] == "/account/login/?next=%2Fpublish%3Fday%3D2026-11-30"


def test_a_program_is_told_to_sign_in() -> None:
    answer = Client(headers=FR).get("/publish.json")
    assert answer.status_code == 401
    assert json.loads(answer.content)["error"]["message"] == "Identifiez-vous d’abord."


def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in() -> None:
    answer = Client().get("/publish", headers={"hx-request": "true"})
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/account/login/?next=%2Fpublish"


def test_the_act_is_recorded_under_the_name_of_the_account() -> None:
    answer = signed_in(Role.PLANNER).get("/publish")
    assert (answer.status_code, answer.content) == (200, b"planner-0")


def test_somebody_of_the_house_is_told_which_roles_may() -> None:
    answer = signed_in(Role.FLOW).get("/publish")
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Il faut un autre rôle pour publier un plan." in page
    assert "Planificateur, Responsable de la continuité" in page
    assert "Responsable des flux" in page


@pytest.mark.parametrize("role", [Role.CLIENT, Role.INSPECTOR, Role.AUDITOR])
def test_to_somebody_from_outside_the_page_is_not_there(role: Role) -> None:
    assert signed_in(role).get("/publish").status_code == 404


def test_another_site_is_not_there() -> None:
    web = signed_in(Role.SITE, sites=["casa-1"])
    assert web.get("/check/dakar-1").status_code == 404


def test_an_account_without_role_is_told_so() -> None:
    web = Client(headers=FR)
    web.force_login(person("zoe"))
    answer = web.get("/publish")
    assert answer.status_code == 403
    assert "Vous n’avez aucun rôle aujourd’hui" in answer.content.decode()


def test_a_role_that_has_ended_opens_nothing() -> None:
    user = person("late")
    give(user, Role.PLANNER, days=-1)
    web = Client()
    web.force_login(user)
    assert web.get("/publish").status_code == 403


def test_an_account_that_was_closed_is_a_stranger() -> None:
    web = signed_in(Role.PLANNER)
    user = person("closed")
    user.is_active = False
    user.save()
    web.force_login(user)
    assert web.get("/publish").status_code == 302


def test_a_role_that_acts_needs_its_second_factor_first() -> None:
    user = person("bare", factor=False)
    give(user, Role.PLANNER)
    web = Client(headers=FR)
    web.force_login(user)
    answer = web.get("/publish")
    assert answer["Location"] == "/account/2fa/?next=%2Fpublish"
    assert web.get("/publish.json").status_code == 401
    with override_settings(SECOND_FACTOR_REQUIRED=False):
        assert web.get("/publish").status_code == 200


def test_an_act_asks_again_who_it_is() -> None:
    web = signed_in(Role.SITE)
    answer = web.get("/check/casa-1")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/2fa/reauthenticate/?next=%2Fcheck%2Fcasa-1")


def test_on_an_open_desk_a_visitor_looks_through_the_eyes_of_a_role() -> None:
    with override_settings(OPEN_DESK=True):
        assert look_as(Role.PLANNER).get("/publish").content == b"visitor-planner"
        assert look_as(Role.SITE).get("/check/casa-1").content == b"GET casa-1"
        assert look_as(Role.CLIENT).get("/publish").status_code == 404
        far = Client(REMOTE_ADDR="192.0.2.7").get("/publish")
        assert far.status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Real-IP", "Via"])
def test_an_open_desk_does_not_answer_to_a_proxy(header: str) -> None:
    with override_settings(OPEN_DESK=True):
        web = look_as(Role.PLANNER)
        assert web.get("/publish", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.django_db
def test_an_open_desk_only_shows_unless_it_is_started_to_act_on_a_made_up_operator() -> None:
    path = "/check/casa-1"
    with override_settings(OPEN_DESK=True):
        web = look_as(Role.SITE)
        assert web.post(path).status_code == 403
        assert web.get(path).status_code == 200
        with override_settings(OPEN_DESK_ACTS=True):
            assert web.post(path).content == b"POST casa-1", "there is no operator"
            made_up = sample_operator(50, 1, seed=1)
            service.apply_changes(service.preview_changes(made_up), "tests")
            assert web.post(path).status_code == 200
            real = replace(made_up, row=replace(made_up.row, synthetic=False))
            service.apply_changes(service.preview_changes(real), "tests")
            assert web.post(path).status_code == 403


def test_a_cookie_that_makes_no_sense_is_the_role_one_starts_with() -> None:
    with override_settings(OPEN_DESK=True):
        web = Client()
        web.cookies["releve_role"] = "emperor:of~everything"
        assert web.get("/publish").content == b"visitor-continuity"


def test_a_permission_that_is_no_row_is_refused_at_import() -> None:
    with pytest.raises(ValueError, match=r"got .plan\.burn."):
        require_permission("plan.burn")


def test_a_view_says_what_it_asks_for() -> None:
    assert permission_of(publish) == "plan.publish"
    assert permission_of(allow_anonymous(lambda request: HttpResponse())) == ""
    assert permission_of(object()) is None
