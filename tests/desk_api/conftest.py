"""A small operator with a plan in force, and programs that come in with a token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.grants import RoleRequest
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from tests.desk.access.conftest import plans, stocked
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = [
    "Program",
    "_nothing_in_memory",
    "_own_home",
    "known_times",
    "planned",
    "plans",
    "program",
    "scenario",
    "stocked",
]


@dataclass
class Program:
    """A program with a token."""

    web: Client
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Accept-Language": "en"}

    def get(self, path: str, **headers: str) -> Any:
        return self.web.get(f"/api/v1{path}", headers={**self.headers, **headers})

    def post(self, path: str, body: object, key: str = "", **headers: str) -> Any:
        sent = {"Idempotency-Key": key} if key else {}
        text = body if isinstance(body, str) else json.dumps(body)
        return self.web.post(
            f"/api/v1{path}", text, content_type="application/json", headers={**self.headers, **sent, **headers}
        )

    def record(self, kind: str, key: str = "k1", stream: str = "live", **fields: Any) -> Any:
        return self.post(f"/events/{kind}?stream={stream}", fields, key)


def program(role: Role, *, sites: tuple[str, ...] = (), clients: tuple[str, ...] = ()) -> Program:
    """Return a program with a token of one role."""
    name = f"{role.value}-{tokens.Token.objects.count()}"
    until = (timezone.now() + timedelta(days=7)).date()
    _, secret = tokens.issue_token(name, RoleRequest(role.value, sites, clients, until), by=COMMAND_LINE)
    return Program(Client(enforce_csrf_checks=True), secret)


@pytest.fixture
def manager(scenario: Scenario) -> Program:
    """A program that may do what a continuity manager may."""
    return program(Role.CONTINUITY)
