"""The routes as a generation, in a file, and by webhook: whole, once, never older."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from releve.routing import EmptySet, Generation, Rejected, Route, Stale, Unreachable, build_adapters, compute_shares
from releve.routing.file_csv import FileCsv
from releve.routing.webhook import Webhook
from tests.routing.generations import NOON, generation, nothing_open, publish
from tests.routing.receivers import Receiver, receiving


@pytest.fixture
def adapter(tmp_path: Path) -> FileCsv:
    return FileCsv(tmp_path / "out" / "routes.csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_closed_site_stands_in_the_file_at_zero(adapter: FileCsv) -> None:
    publish(adapter, generation(closed="casa-1"), key="k")
    shares = {
        row["place"]: (row["state"], float(row["weight"]))
        for row in rows_of(adapter.path)
        if row["programme"] == "azur-sinistres"
    }
    assert shares == {"casa-1": ("closed", 0.0), "home": ("open", 0.25), "rabat-1": ("open", 0.75)}


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_file_cut_or_changed_by_hand_is_found_out(adapter: FileCsv, cut: int) -> None:
    publish(adapter, generation(2), key="k")
    whole = adapter.path.read_text(encoding="utf-8")
    changed = whole[:cut] if cut > 0 else whole.replace("0.6000", "0.5999")
    assert changed != whole
    adapter.path.write_text(changed, encoding="utf-8")
    seen = adapter.observe()
    assert seen is not None
    assert not seen.whole


def test_a_file_that_makes_no_sense_gives_way_to_the_next_publication(adapter: FileCsv) -> None:
    publish(adapter, generation(9), key="k")
    adapter.path.write_text("stream,generation\nlive,seven\n", encoding="utf-8")
    publish(adapter, generation(1), key="k")
    seen = adapter.observe()
    assert seen is not None
    assert (seen.number, seen.whole) == (1, True)


def test_readers_see_a_whole_file_at_any_instant(adapter: FileCsv) -> None:
    publish(adapter, generation(1), key="1")
    halves: list[bool] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen = adapter.observe()
            halves.append(seen is None or not seen.whole)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 40):
        publish(adapter, generation(number, closed="casa-1" if number % 2 else ""), key="k")
    stop.set()
    reader.join()
    assert halves
    assert not any(halves)


def test_a_failed_write_leaves_the_old_file_and_no_other(adapter: FileCsv, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(adapter, generation(1), key="1")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unreachable, match="No space left"):
        publish(adapter, generation(2), key="2")
    seen = adapter.observe()
    assert seen is not None
    assert seen.number == 1
    assert {path.name for path in adapter.path.parent.iterdir()} == {"routes.csv", ".routes.csv.lock"}


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(Unreachable):
        publish(FileCsv(tmp_path / "out" / "routes.csv"), generation(), key="k")


def test_the_file_can_be_read_by_others(adapter: FileCsv) -> None:
    publish(adapter, generation(), key="k")
    assert stat.S_IMODE(adapter.path.stat().st_mode) == 0o644


def test_it_is_the_adapter_when_nothing_is_set(tmp_path: Path) -> None:
    (adapter,) = build_adapters({}, tmp_path)
    assert isinstance(adapter, FileCsv)
    assert adapter.path == tmp_path / "routing" / "routes.csv"
    (named,) = build_adapters({"RELEVE_ROUTING_FILE": "/srv/routes.csv"}, tmp_path)
    assert isinstance(named, FileCsv)
    assert named.path == Path("/srv/routes.csv")


PEOPLE = st.dictionaries(st.sampled_from(["casa-1", "rabat-1", "tunis-1", "home"]), st.floats(0, 5000), max_size=4)
CLOSED = st.frozensets(st.sampled_from(["casa-1", "tunis-1"]))


@given(PEOPLE, CLOSED)
def test_weights_add_up_to_one_wherever_anybody_is_left(people: dict[str, float], closed: frozenset[str]) -> None:
    routes = compute_shares(people, closed)
    left = any(n > 0 for place, n in people.items() if place not in closed)
    assert round(sum(route.weight for route in routes), 9) == (1.0 if left else 0.0)


@given(PEOPLE, CLOSED)
def test_a_closed_place_is_named_and_has_nothing(people: dict[str, float], closed: frozenset[str]) -> None:
    shut = {route.place: route for route in compute_shares(people, closed) if not route.open}
    assert set(shut) == closed
    assert all(route.weight == route.people == 0 for route in shut.values())


@given(PEOPLE)
def test_a_weight_is_the_share_of_people_to_the_last_digit_published(people: dict[str, float]) -> None:
    total = sum(people.values())
    for route in compute_shares(people, frozenset()):
        if people[route.place] > 0:
            assert abs(route.weight - people[route.place] / total) <= 1e-4


def test_equal_generations_have_equal_digests_and_any_change_gives_another() -> None:
    assert generation().digest == generation().digest
    others = [generation(2), generation(closed="casa-1"), generation(casa=12.1)]
    assert len({one.digest for one in (generation(), *others)}) == 4


def test_the_content_is_the_same_for_the_same_routes_under_another_number() -> None:
    assert generation(1).content == generation(2).content
    assert generation(1).content != generation(1, closed="casa-1").content


def test_a_programme_that_nobody_serves_is_named() -> None:
    found = generation(closed="rabat-1")
    assert found.unserved == ("brise-ventes",)
    found.refuse_if_empty()


def test_a_set_that_opens_nothing_is_refused() -> None:
    with pytest.raises(EmptySet, match="opens no place for any programme"):
        nothing_open().refuse_if_empty()
    with pytest.raises(EmptySet):
        Generation("live", 1, NOON, {}).refuse_if_empty()


def test_a_generation_that_makes_no_sense_cannot_be_made() -> None:
    half = {"azur": (Route("casa-1", True, 1.0, 0.5),)}
    with pytest.raises(ValueError, match="add up to 1 or 0"):
        replace(generation(), routes=half)
    with pytest.raises(ValueError, match="number >= 1"):
        generation(0)
    with pytest.raises(ValueError, match="weight == 0 where closed"):
        Route("casa-1", False, 0.0, 0.5)
    with pytest.raises(ValueError, match="has a zone"):
        replace(generation(), valid_from=NOON.replace(tzinfo=None))
    twice = {"azur": (Route("casa-1", True, 1.0, 0.5), Route("casa-1", True, 1.0, 0.5))}
    with pytest.raises(ValueError, match="names a place once"):
        replace(generation(), routes=twice)


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
        (
            {"RELEVE_ROUTING": "pigeon"},
            "must name some of amazon-connect, file_csv, genesys-cloud, kamailio, lookup, webhook",
        ),
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
