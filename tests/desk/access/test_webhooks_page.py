"""The administrator's page of webhooks: made, renewed and ended, and what a receiver refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.grants import STREAM, RoleRequest
from releve.accounts.models import DeadLetter, Subscription, Token
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import iter_entries
from tests.accounts.people import give, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("stocked")]
SECRET = re.compile(r"whsec_[\w+/=]{44}")


@pytest.fixture
def admin() -> Client:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    return sign_in(user, lately=True)


@pytest.fixture
def token() -> Token:
    until = (timezone.now() + timedelta(days=7)).date()
    return tokens.issue_token("bus", RoleRequest("continuity", (), (), until), by=COMMAND_LINE)[0]


def sent(token: Token, **fields: str) -> dict[str, str]:
    return {"name": "bus", "token": str(token.pk), "url": "https://bus.example.org/events", **fields}


def test_a_webhook_is_made_renewed_and_ended_and_its_secret_shown_once(admin: Client, token: Token) -> None:
    answer = admin.post("/people/webhooks/", sent(token, kinds="power.down, power.up"))
    assert answer["Cache-Control"] == "private, no-store"
    first = SECRET.search(answer.content.decode())
    row = Subscription.objects.get()
    assert (row.kinds, row.stream, row.made_by) == (["power.down", "power.up"], "live", "amina")
    second = SECRET.search(admin.post(f"/people/webhooks/{row.pk}/secret").content.decode())
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    assert SECRET.search(admin.get("/people/webhooks/").content.decode()) is None
    assert admin.post(f"/people/webhooks/{row.pk}/end").status_code == 302
    assert not Subscription.objects.exists()
    kinds = [entry.kind for entry in iter_entries(stream=STREAM)]
    made = [f"access.subscription_{what}" for what in ("made", "renewed", "ended")]
    assert kinds == ["access.token_given", *made]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "a b"), ("url", "http://bus.example.org/"), ("url", "https://me@bus.example.org/"),
     ("kinds", "power.sideways"), ("token", "0")],
)  # fmt: skip
def test_a_webhook_that_could_not_work_is_refused_by_its_field(
    admin: Client, token: Token, field: str, value: str
) -> None:
    refused = admin.post("/people/webhooks/?format=json", {**sent(token), field: value})
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["error"]["faults"]] == [field]
    assert not Subscription.objects.exists()


def test_a_token_whose_role_reads_no_ledger_is_not_offered(admin: Client) -> None:
    until = (timezone.now() + timedelta(days=7)).date()
    wall, _ = tokens.issue_token("wallboard", RoleRequest("flow", (), (), until), by=COMMAND_LINE)
    assert admin.post("/people/webhooks/?format=json", sent(wall)).status_code == 422


def test_the_page_says_where_each_webhook_stands_and_what_was_refused(admin: Client, token: Token) -> None:
    admin.post("/people/webhooks/", sent(token))
    row, now = Subscription.objects.get(), timezone.now()
    refused: dict[str, Any] = {"at": now, "error": "the receiver answered 422"}
    DeadLetter.objects.create(subscription=row, seq=2, **refused)
    failing = {"failing_since": now, "next_at": now, "attempts": 3, "error": "the receiver answered 503"}
    Subscription.objects.update(**failing)
    page = admin.get("/people/webhooks/", headers={"Accept-Language": "en"}).content.decode()
    assert "does not answer as it should" in page
    assert "the receiver answered 422" in page
    admin.post(f"/people/webhooks/{row.pk}/refused")
    assert DeadLetter.objects.get().asked
    admin.post(f"/people/webhooks/{row.pk}/resume")
    (shown,) = admin.get("/people/webhooks/?format=json").json()["rows"]
    assert (shown["state"], shown["error"], shown["dead_letters"][0]["asked"]) == ("running", "", True)
    admin.post(f"/people/webhooks/{row.pk}/refused", {"drop": "1"})
    assert not DeadLetter.objects.exists()
