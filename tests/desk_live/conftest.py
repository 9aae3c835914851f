"""A drill on the first day of a small operator's plan, and browsers that look at it."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.roles import Role
from releve.desk.live.streams import COOKIE
from tests.accounts.people import look_as
from tests.live.conftest import _nothing_in_memory, _own_home, acting, known_times, planned
from tests.live.scenario import Acting

__all__ = ["Looking", "_nothing_in_memory", "_own_home", "acting", "known_times", "planned"]


class Looking:
    """Browsers of an open desk that look at one drill."""

    def __init__(self, acting: Acting) -> None:
        self.acting = acting

    def as_(self, role: Role = Role.CONTINUITY, place: str = "") -> Client:
        web = look_as(role, place or (self.acting.site if role is Role.SITE else ""))
        web.cookies[COOKIE] = self.acting.stream
        return web


@pytest.fixture
def looking(acting: Acting, settings: Settings) -> Looking:
    settings.OPEN_DESK = True
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    return Looking(acting)
