"""Who may ask the gate, and how long a request may take: nothing is looked up for a stranger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import override_settings

from releve.cli.main import main
from releve.plugins.outbound.gate.app import Gate
from releve.plugins.outbound.gate.callers import GateCaller, find_caller, parse_callers
from releve.plugins.outbound.gate.errors import CallersFault
from tests.gate.sample_campaign import open_rules
from tests.gate.sync_decisions import build_decider
from tests.gate.test_app import GOOD, Broken

SECRET, OTHER = "a" * 40, "b" * 40
CALLERS = parse_callers(f"proxy={SECRET}:spring, summer sale; dialler={OTHER}:*;proxy={'c' * 40}:*")
SPRING = parse_callers(f"proxy={SECRET}:spring")


def test_callers_are_found_by_their_secret_alone() -> None:
    names = [(one.name, one.campaigns) for one in CALLERS]
    assert names == [("proxy", {"spring", "summer sale"}), ("dialler", None), ("proxy", None)]
    assert parse_callers("") == parse_callers(" ; ") == ()
    for header, found in (
        (f"Bearer {SECRET}", CALLERS[0]),
        (f"bearer  {OTHER} ", CALLERS[1]),
        (f"Bearer {SECRET}x", None),
        (f"Basic {SECRET}", None),
        (SECRET, None),
        ("Bearer ", None),
        ("", None),
    ):
        assert find_caller(CALLERS, header.encode()) == found
    assert SECRET not in repr(CALLERS)


@pytest.mark.parametrize(
    "wrong",
    [
        f"{SECRET}:*",
        f"proxy={SECRET}",
        f"proxy={SECRET}:",
        f"proxy={SECRET}:*,spring",
        "proxy=short:*",
        f"proxy={SECRET} {SECRET}:*",
        f"={SECRET}:*",
    ],
)
def test_a_setting_that_names_no_caller_is_refused_without_a_secret_in_the_error(wrong: str) -> None:
    with pytest.raises(CallersFault, match="RELEVE_GATE_CALLERS: caller 2 ") as refused:
        parse_callers(f"good={OTHER}:*;{wrong}")
    assert SECRET not in str(refused.value)
    assert "short" not in str(refused.value)


class Looked(Broken):
    """A store that notes whether anything was looked up."""

    looked = False

    async def read(self, *asked: Any) -> Any:
        self.looked = True
        return await super().read(*asked)


def send(
    callers: Sequence[GateCaller],
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    client: str = "192.0.2.7",
    query: str = GOOD,
    parts: Sequence[Any] = (),
) -> tuple[int, str, bool, int]:
    """Return status, reason, whether anything was looked up, and how many parts were read.

    ``parts`` are the messages of a body; with any the request is a POST.
    """
    rules, store, sent, left = open_rules(), Looked(), list[Any](), list(parts)
    decider = build_decider(lambda: rules, lambda _: store, 0.2)
    gate = Gate(lambda: rules, [decider], callers=callers, budget=0.2)

    async def receive() -> Any:
        if left:
            return left.pop(0)
        return await asyncio.get_running_loop().create_future()  # nothing more comes

    async def take(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/gate", "method": "POST" if parts else "GET",
             "query_string": query.encode(), "headers": headers, "client": (client, 5)}  # fmt: skip
    try:
        asyncio.run(gate(scope, receive, take))
    finally:
        gate.close()
    reason = dict(sent[0]["headers"]).get(b"x-gate-reason", b"").decode()
    return sent[0]["status"], reason, store.looked, len(parts) - len(left)


def bearer(secret: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {secret}".encode())]


def test_a_caller_without_its_secret_is_refused_before_anything_is_read() -> None:
    body = [{"type": "http.request", "body": GOOD.encode()}]
    for headers in ([], bearer(OTHER), bearer(SECRET) * 2, [(b"authorization", SECRET.encode())]):
        assert send(SPRING, headers=headers) == (401, "GATE-CALLER", False, 0)
        assert send(SPRING, headers=headers, parts=body) == (401, "GATE-CALLER", False, 0)
    assert send(SPRING, headers=bearer(SECRET)) == (503, "GATE-DATABASE", True, 0)
    assert send(SPRING, client="127.0.0.1") == (401, "GATE-CALLER", False, 0)


def test_a_caller_asks_for_its_own_campaigns_alone() -> None:
    other = GOOD.replace("camp=spring", "camp=autumn")
    assert send(SPRING, headers=bearer(SECRET), query=other) == (403, "GATE-CALLER", False, 0)
    assert send(CALLERS, headers=bearer(OTHER), query=other) == (503, "GATE-DATABASE", True, 0)


def test_without_callers_only_programs_of_this_machine_ask() -> None:
    assert send(()) == (401, "GATE-CALLER", False, 0)
    for client in ("127.0.0.1", "::1", "127.8.0.1"):
        assert send((), client=client) == (503, "GATE-DATABASE", True, 0)


def test_a_body_is_read_within_the_budget_and_the_limits() -> None:
    slow = [{"type": "http.request", "body": b"to=", "more_body": True}]
    begun = time.monotonic()
    assert send((), client="::1", parts=slow) == (503, "GATE-LATE", False, 1)
    assert time.monotonic() - begun < 30
    long = [{"type": "http.request", "body": b"x" * 3000, "more_body": True}] * 4
    assert send((), client="::1", parts=long) == (400, "GATE-CALL", False, 2)
    declared = [(b"content-length", b"5000")]
    assert send((), client="::1", parts=long, headers=declared) == (400, "GATE-CALL", False, 0)


def test_a_body_that_breaks_off_is_no_question() -> None:
    """A number cut short by a broken connection would be counted for another person."""
    broken = [{"type": "http.request", "body": GOOD.encode(), "more_body": True}, {"type": "http.disconnect"}]
    assert send((), client="::1", parts=broken) == (400, "GATE-CALL", False, 2)


@pytest.mark.database
@pytest.mark.django_db
def test_the_command_listens_for_other_machines_only_where_its_callers_are_named() -> None:
    command = ["outbound", "serve", "--host", "0.0.0.0"]
    with override_settings(GATE_CALLERS=""):
        refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "RELEVE_GATE_CALLERS" in refused.output
    with override_settings(GATE_CALLERS=f"proxy={SECRET}"):
        refused = CliRunner().invoke(main, ["outbound", "serve"])
    assert "caller 1 (proxy) needs its campaigns" in refused.output
