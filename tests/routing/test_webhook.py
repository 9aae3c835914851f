"""The routes by webhook: signed, once by their key, only where they may go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from releve.routing import EmptySet, Rejected, Stale, Unreachable, build_adapters
from releve.routing.webhook import Webhook
from tests.routing.generations import generation, nothing_open, publish
from tests.routing.receiver import Receiver, receiving

SECRET = "correct horse battery staple 2026"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def webhook(receiver: Receiver) -> Webhook:
    return Webhook(httpx.URL(receiver.url), SECRET, private=True)


def test_the_routes_arrive_and_are_read_back(webhook: Webhook, receiver: Receiver) -> None:
    sent = generation(4, closed="casa-1")
    done = publish(webhook, sent, key="k4")
    assert (done.number, done.digest, done.reference) == (4, sent.digest, "r1")
    seen = webhook.observe()
    assert seen is not None
    assert (seen.number, seen.digest) == (4, sent.digest)
    routes = {(row["programme"], row["place"]): row["weight"] for row in receiver.last["routes"]}
    assert routes["azur-sinistres", "casa-1"] == "0.0000"


def test_the_signature_is_that_of_the_time_and_the_body(webhook: Webhook, receiver: Receiver) -> None:
    publish(webhook, generation(), key="k")
    headers, body = receiver.requests[0]
    signed = f"{headers['x-releve-timestamp']}.".encode() + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-releve-signature"] == f"sha256={expected}"
    assert SECRET not in str(headers) + body.decode()


def test_a_second_try_carries_the_same_key_so_that_it_is_done_once(webhook: Webhook, receiver: Receiver) -> None:
    publish(webhook, generation(1), key="publication-1")
    publish(webhook, generation(1), key="publication-1")
    assert len(receiver.requests) == 2
    assert list(receiver.acted) == ["publication-1"]


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
def test_not_now_is_tried_again(webhook: Webhook, receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(Unreachable, match=str(status)):
        publish(webhook, generation(), key="k")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_no_is_not_tried_again(webhook: Webhook, receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(Rejected, match=str(status)):
        publish(webhook, generation(), key="k")


def test_a_newer_generation_there_is_not_an_error_to_repeat(webhook: Webhook, receiver: Receiver) -> None:
    receiver.status = 409
    with pytest.raises(Stale):
        publish(webhook, generation(), key="k")


def test_a_redirect_is_not_followed(webhook: Webhook, receiver: Receiver) -> None:
    receiver.status, receiver.location = 307, receiver.url + "/elsewhere"
    with pytest.raises(Rejected, match="307"):
        publish(webhook, generation(), key="k")
    assert len(receiver.requests) == 1


def test_an_empty_set_is_never_sent(webhook: Webhook, receiver: Receiver) -> None:
    with pytest.raises(EmptySet):
        publish(webhook, nothing_open(), key="k")
    assert receiver.requests == []


def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = httpx.URL(f"http://127.0.0.1:{free.getsockname()[1]}/x")
    with pytest.raises(Unreachable, match="ConnectError"):
        publish(Webhook(url, SECRET, private=True), generation(), key="k")


def test_an_answer_that_does_not_come_is_given_up(
    webhook: Webhook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.routing.webhook.TIMEOUT", httpx.Timeout(0.05))
    receiver.delay_seconds = 0.4
    with pytest.raises(Unreachable, match="ReadTimeout"):
        publish(webhook, generation(), key="k")


def test_a_system_without_reading_back_is_one_that_cannot_tell(webhook: Webhook, receiver: Receiver) -> None:
    receiver.status = 405
    assert webhook.observe() is None
    receiver.status = 200
    assert webhook.observe() is None, "it holds nothing yet"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "::ffff:10.0.0.1"]
)
def test_a_private_address_is_refused_unless_it_is_allowed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443)), (0, 1, 6, "", (address, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Rejected, match="private address"):
        publish(Webhook(httpx.URL("https://hooks.example.org/x"), SECRET), generation(), key="k")


def test_a_name_that_does_not_resolve_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Unreachable, match="does not resolve"):
        publish(Webhook(httpx.URL("https://hooks.example.org/x"), SECRET), generation(), key="k")


def environ(**changed: str) -> dict[str, str]:
    return {
        "RELEVE_ROUTING": "webhook",
        "RELEVE_WEBHOOK_URL": "https://hooks.example.org/routes",
        "RELEVE_WEBHOOK_SECRET": SECRET,
        **changed,
    }


def test_it_comes_from_the_environment_beside_other_adapters(tmp_path: Path) -> None:
    found = build_adapters(environ(RELEVE_ROUTING="file_csv, webhook"), tmp_path)
    assert [one.name for one in found] == ["file_csv", "webhook"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"RELEVE_WEBHOOK_URL": "http://hooks.example.org/x"}, "must be https://host"),
        ({"RELEVE_WEBHOOK_URL": "ftp://hooks.example.org/x"}, "must be https://host"),
        ({"RELEVE_WEBHOOK_URL": ""}, "must be https://host"),
        ({"RELEVE_WEBHOOK_URL": "https://me:pass@hooks.example.org"}, "without a user"),
        ({"RELEVE_WEBHOOK_SECRET": ""}, "SECRET is needed"),
        ({"RELEVE_WEBHOOK_SECRET": "short"}, "at least 32"),
        ({"RELEVE_WEBHOOK_PRIVATE": "perhaps"}, "RELEVE_WEBHOOK_PRIVATE must be"),
        ({"RELEVE_ROUTING": "pigeon"}, "must name some of file_csv, kamailio, webhook"),
        ({"RELEVE_ROUTING": "webhook,webhook"}, "each once"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(changed: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as caught:
        build_adapters(environ(**changed), tmp_path)
    assert "pass@" not in str(caught.value)


def test_plain_http_is_for_private_networks(tmp_path: Path) -> None:
    changed = environ(RELEVE_WEBHOOK_URL="http://10.0.0.5/x", RELEVE_WEBHOOK_PRIVATE="yes")
    assert build_adapters(changed, tmp_path)[0].name == "webhook"


def test_what_the_other_side_says_is_not_quoted(webhook: Webhook, receiver: Receiver) -> None:
    receiver.status, receiver.location = 400, "<script>"
    with pytest.raises(Rejected) as caught:
        publish(webhook, generation(), key="k")
    assert str(caught.value) == "the webhook answered 400"
    _, body = receiver.requests[0]
    assert json.loads(body)["generation"] == 1
