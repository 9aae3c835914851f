"""A database that does not answer in time: said in one way, everywhere, with when to try again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.desk.urls import server_error
from releve.live import api as live
from tests.accounts.people import signed_in
from tests.desk_api.conftest import Program
from tests.live.scenario import Scenario
from tests.live.test_parts import locked


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/now", "/sites", "/clients", "/reliefs", "/now.json"])
def test_a_page_kept_waiting_says_when_to_try_again(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    web = signed_in(Role.CONTINUITY)
    monkeypatch.setattr(live, "situation_now", _raise)
    monkeypatch.setattr(live, "load_scene", _raise)
    answer = web.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "La base de données est occupée" in answer.content.decode()


@pytest.mark.database
@pytest.mark.django_db
def test_the_api_kept_waiting_says_so_in_its_shape(manager: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "situation_now", _raise)
    monkeypatch.setattr(live, "load_scene", _raise)
    answer = manager.get("/now")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.json()["error"]["status"] == 503


@pytest.mark.database
@pytest.mark.django_db
def test_what_is_sent_while_it_is_locked_is_stored_not_at_all(
    manager: Program, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("releve.live.event_service.ledger.lock_head", _raise)
        answer = manager.record("power.down", site=scenario.site)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert manager.record("power.down", site=scenario.site).status_code == 201


@pytest.mark.database
@pytest.mark.django_db
def test_a_lock_that_another_middleware_met_is_answered_too(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "held_roles", property(_raise))
    web = signed_in(Role.CONTINUITY)
    web.raise_request_exception = False
    answer = web.get("/now")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.content.decode().startswith("La base de données")


@pytest.mark.django_db
def test_another_fault_stays_one() -> None:
    request: Any = RequestFactory().get("/now.json")
    request.user = User(username="amina")
    try:
        raise ValueError("odd")
    except ValueError:
        assert server_error(request).status_code == 500


def _raise(*args: object, **kwargs: object) -> Any:
    raise locked()
