"""A drill on the first day of a small operator's plan, and browsers that look at it."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from tests.accounts.people import give, look_as, person, sign_in
from tests.desk.access.conftest import plans, stocked
from tests.live.conftest import _nothing_in_memory, _own_home, drill, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = [
    "Browsers",
    "_nothing_in_memory",
    "_own_home",
    "drill",
    "known_times",
    "planned",
    "plans",
    "scenario",
    "stocked",
]


class Browsers:
    """Signed-in browsers of an open desk that show one drill."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def sign_in(self, role: Role = Role.CONTINUITY, place: str = "") -> Client:
        web = look_as(role, place or (self.scenario.site if role is Role.SITE else ""))
        web.cookies[COOKIE] = self.scenario.stream
        return web


@pytest.fixture
def browsers(scenario: Scenario, settings: Settings) -> Browsers:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    return Browsers(scenario)


@pytest.fixture
def planner(scenario: Scenario) -> Client:
    user = person("planner")
    give(user, Role.PLANNER)
    return sign_in(user, lately=True)
