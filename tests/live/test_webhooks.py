"""Webhooks of events: each entry reaches its receiver, in order, also one that was away or killed in between."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts import subscriptions, tokens
from releve.accounts.grants import AccessError, RoleRequest, encrypt_factors_again, revoke_token
from releve.accounts.models import DeadLetter, Subscription, Token
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import append, read_head
from releve.live import webhooks
from tests.local_server import serve_locally

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@dataclass
class Receiver:
    """``status`` is what it answers, ``refused`` the numbers of entries that it answers 422."""

    url: str = ""
    status: int = 200
    refused: set[int] = field(default_factory=set)
    retry_after: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        return [event["data"]["seq"] for event in self.accepted]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.EVENTS_PRIVATE = True
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            event = json.loads(body)
            status = 422 if event["data"]["seq"] in kept.refused else kept.status
            if status == 200:
                kept.accepted.append(event)
            self.send_response(status)
            if kept.retry_after:
                self.send_header("Retry-After", kept.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serve_locally(Handler) as address:
        kept.url = f"http://{address}/events"
        yield kept


class Clock:
    """The clock of the worker that sends."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(webhooks, "real_now", found)
    return found


def give_token(role: Role = Role.CONTINUITY, **limits: tuple[str, ...]) -> Token:
    until = (timezone.now() + timedelta(days=7)).date()
    request = RoleRequest(role.value, limits.get("sites", ()), limits.get("clients", ()), until)
    return tokens.issue_token(f"program-{Token.objects.count()}", request, by=COMMAND_LINE)[0]


def subscribe(url: str, token: Token | None = None, **chosen: Any) -> tuple[Subscription, str]:
    name = f"hook-{Subscription.objects.count()}"
    return subscriptions.make_subscription(name, token or give_token(), url, by=COMMAND_LINE, **chosen)


def record(count: int = 1, kind: str = "alert.sent", **body: Any) -> list[int]:
    return [
        append(kind, {"number": number, **body}, recorded_at=timezone.now(), stream="live").seq
        for number in range(count)
    ]


def send() -> bool:
    return webhooks.deliver_events(lambda: False)


def test_a_receiver_that_is_away_for_an_hour_misses_nothing(receiver: Receiver, clock: Clock) -> None:
    subscribe(receiver.url)
    made = record(3)
    send()
    assert receiver.numbers == made
    receiver.status = 503
    for _minute in range(60):
        made += record()
        clock.advance(60)
        send()
    assert receiver.numbers == made[:3]
    assert len(receiver.requests) < 3 + 14, "it is tried less and less often"
    (row,) = subscriptions.list_subscriptions()
    assert (row.state, row.behind, row.error) == ("failing", 60, "the receiver answered 503")
    receiver.status = 200
    clock.advance(webhooks.WAITS[-1])
    while send():
        pass
    assert receiver.numbers == made
    assert subscriptions.list_subscriptions()[0].state == "running"


class Killed(BaseException):
    """Stands for SIGKILL: nothing that comes after it is stored."""


def test_of_a_worker_that_is_killed_fifty_times_no_entry_is_lost_and_each_has_one_id(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(receiver.url)
    made, random, store = record(40), Random(11), webhooks._move
    state = {"dead": False, "kills": 0}

    def store_or_die(row: Subscription) -> None:
        if state["dead"] or (state["kills"] < 50 and random.random() < 0.6):
            state["kills"] += not state["dead"]
            state["dead"] = True
            raise Killed
        store(row)

    monkeypatch.setattr(webhooks, "_move", store_or_die)
    while Subscription.objects.get().after < read_head().seq:
        state["dead"] = False
        try:
            send()
        except Killed:
            assert not send(), "what a killed worker had claimed is left alone until its lease ends"
            clock.advance(webhooks.LEASE.total_seconds())
            made += record()
    assert state["kills"] == 50
    assert list(dict.fromkeys(receiver.numbers)) == made, "in order, none left out"
    ids = {event["data"]["seq"]: {one["id"] for one in receiver.accepted if one["data"] == event["data"]}
           for event in receiver.accepted}  # fmt: skip
    assert {len(names) for names in ids.values()} == {1}
    assert len(receiver.accepted) - len(made) <= 50


def test_an_entry_that_is_refused_five_times_lets_the_next_one_pass(receiver: Receiver, clock: Clock) -> None:
    row, _secret = subscribe(receiver.url)
    first, bad, last = record(3)
    receiver.refused = {bad}
    for _try in range(webhooks.MOST_REFUSALS):
        send()
        clock.advance(webhooks.WAITS[-1])
    assert receiver.numbers == [first, last]
    (dead,) = DeadLetter.objects.all()
    assert (dead.seq, dead.error) == (bad, "the receiver answered 422")
    assert subscriptions.ask_again(row) == 1
    send()
    assert DeadLetter.objects.get().asked is False, "refused again: it stays"
    receiver.refused = set()
    subscriptions.ask_again(row)
    send()
    assert receiver.numbers == [first, last, bad]
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500])
def test_a_receiver_that_refuses_all_gets_no_dead_letters(receiver: Receiver, clock: Clock, status: int) -> None:
    subscribe(receiver.url)
    made, receiver.status = record(2), status
    for _try in range(webhooks.MOST_REFUSALS + 2):
        send()
        clock.advance(webhooks.WAITS[-1])
    assert not DeadLetter.objects.exists()
    receiver.status = 200
    send()
    assert receiver.numbers == made


def test_a_receiver_says_when_to_try_again_and_when_it_wants_no_more(receiver: Receiver, clock: Clock) -> None:
    row, _secret = subscribe(receiver.url)
    made = record()
    receiver.status, receiver.retry_after = 429, "900"
    send()
    clock.advance(899)
    send()
    assert len(receiver.requests) == 1
    receiver.status, receiver.retry_after = 410, ""
    clock.advance(2)
    send()
    clock.advance(86_400)
    send()
    assert len(receiver.requests) == 2
    assert subscriptions.list_subscriptions()[0].state == "paused"
    receiver.status = 200
    subscriptions.resume_subscription(row)
    send()
    assert receiver.numbers == made


def test_what_is_sent_is_a_cloud_event_with_the_data_of_the_api_signed_by_both_secrets(
    receiver: Receiver, clock: Clock
) -> None:
    token = give_token()
    row, first = subscribe(receiver.url, token)
    second = subscriptions.renew_secret(row, by=COMMAND_LINE)
    record(site="casa-1")
    send()
    ((headers, body),) = receiver.requests
    event = json.loads(body)
    names = {"specversion", "id", "source", "type", "time", "subject", "sequence", "datacontenttype", "data"}
    assert set(event) == names
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "releve.alert.sent", "casa-1")
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["webhook-id"] == event["id"]
    assert abs(int(headers["webhook-timestamp"]) - clock.now.timestamp()) <= 1
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    codes = [
        base64.b64encode(hmac.new(base64.b64decode(secret[len("whsec_") :]), signed, hashlib.sha256).digest()).decode()
        for secret in (second, first)
    ]
    assert headers["webhook-signature"] == " ".join(f"v1,{code}" for code in codes)
    other = tokens.issue_token(
        "reader", RoleRequest(token.role, (), (), (timezone.now() + timedelta(days=1)).date()), by=COMMAND_LINE
    )[1]
    answer = Client().get("/api/v1/events?kind=alert.sent", headers={"Authorization": f"Bearer {other}"})
    assert answer.json()["entries"] == [event["data"]]
    clock.advance(subscriptions.OLD_SECRET_SIGNS.total_seconds() + 5)
    record()
    send()
    assert " " not in receiver.requests[-1][0]["webhook-signature"], "the old one signs for a day"


def test_a_program_gets_the_kinds_that_it_asked_for_and_may_see(receiver: Receiver, clock: Clock) -> None:
    subscribe(receiver.url, kinds=["alert.taken"])
    subscribe(receiver.url, give_token(Role.INSPECTOR, sites=("casa-1",)))
    own = record(site="casa-1")
    record(site="tunis-1")
    taken = record(kind="alert.taken", site="tunis-1")
    send()
    assert sorted(receiver.numbers) == sorted(own + taken)
    assert {row.behind for row in subscriptions.list_subscriptions()} == {0}


def test_a_token_that_ends_ends_the_sending(receiver: Receiver, clock: Clock) -> None:
    token = give_token()
    subscribe(receiver.url, token)
    revoke_token(token, by=COMMAND_LINE)
    record()
    clock.now = timezone.now()
    send()
    assert receiver.requests == []
    assert subscriptions.list_subscriptions()[0].state == "closed"


def test_a_private_address_is_refused_when_it_is_given_and_when_it_is_sent_to(
    receiver: Receiver, clock: Clock, settings: Settings
) -> None:
    subscribe(receiver.url.replace("http:", "https:"))
    settings.EVENTS_PRIVATE = False
    with pytest.raises(AccessError, match="must be https"):
        subscribe(receiver.url)
    record()
    send()
    assert receiver.requests == []
    assert "private address" in subscriptions.list_subscriptions()[0].error


def test_secrets_are_encrypted_and_outlive_a_rotation(receiver: Receiver, clock: Clock, settings: Settings) -> None:
    row, secret = subscribe(receiver.url)
    row.refresh_from_db()
    assert secret not in row.secret
    key = base64.b64decode(secret[len("whsec_") :])
    new = "another-secret-key-of-the-installation-0001"
    encrypt_factors_again([new, settings.SECRET_KEY])
    settings.SECRET_KEY = new
    row.refresh_from_db()
    assert subscriptions.read_secrets(row, clock.now) == [key]
    settings.SECRET_KEY = "a-third-one-that-never-encrypted-anything-01"
    record()
    send()
    assert receiver.requests == []
    assert subscriptions.list_subscriptions()[0].error.endswith("cannot be read: renew it")


def test_a_ledger_that_ends_earlier_pauses_instead_of_guessing(receiver: Receiver, clock: Clock) -> None:
    row, _secret = subscribe(receiver.url)
    Subscription.objects.update(after=read_head().seq + 5)
    send()
    (line,) = subscriptions.list_subscriptions()
    assert line.state == "paused"
    assert line.error.startswith("the ledger ends before")
    row.refresh_from_db()
    subscriptions.resume_subscription(row)
    made = record()
    send()
    assert receiver.numbers == made
