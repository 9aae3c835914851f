"""The gate over HTTP, in this process: its answers to questions it cannot decide."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from releve.plugins.outbound.gate.app import Gate
from releve.plugins.outbound.gate.connections import GateConnection, QuestionTerms, RowsByTable
from releve.plugins.outbound.gate.errors import DatabaseUnavailable
from releve.plugins.outbound.gate.protocol import REFUSALS, parse_question
from releve.plugins.outbound.gate.pseudonyms import key_check
from tests.gate.sample_campaign import open_rules
from tests.gate.sync_decisions import build_decider

GOOD = "to=%2B33144500001&cli=0162000001&camp=spring&ci=a@b&cs=7"


class Broken:
    """A store that fails in one way."""

    vendor = "sqlite"

    def __init__(self, error: Exception | None = None, seconds: float = 0.0) -> None:
        self.error, self.seconds, self.closed = error, seconds, 0

    async def key_check(self) -> str | None:
        return key_check()

    async def is_unread_since_restore(self) -> bool:
        return False

    async def read(self, asked: QuestionTerms, known: Any) -> tuple[frozenset[str] | None, Sequence[Any]]:
        await asyncio.sleep(self.seconds)
        raise self.error or DatabaseUnavailable("gone")

    async def read_again(self, *asked: Any) -> Sequence[Any]:
        raise AssertionError("nothing was read")

    read_campaign = read_again

    async def write(self, rows: RowsByTable) -> None:
        raise AssertionError("nothing may be written")

    async def roll_back(self) -> None:
        """Nothing was begun."""

    def close(self) -> None:
        self.closed += 1


def explain(query: str, store: GateConnection | None = None) -> tuple[int, str, dict[str, Any]]:
    """Return status, type and document of a question whose asker accepts JSON."""
    rules, sent = open_rules(), list[Any]()
    broken = store or Broken()
    gate = Gate(lambda: rules, [build_decider(lambda: rules, lambda _: broken, 0.2)], budget=0.2)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"gate"), (b"accept", b"text/html, application/json")]
    scope = {"type": "http", "path": "/gate", "method": "GET", "query_string": query.encode(), "headers": headers}
    try:
        asyncio.run(gate(scope, receive, send))
    finally:
        gate.close()
    kind = dict(sent[0]["headers"])[b"content-type"].decode()
    return sent[0]["status"], kind, json.loads(sent[1]["body"])


def test_a_client_that_accepts_json_gets_the_gates_own_refusals_in_words() -> None:
    for query, status, name in (("to=1", 400, "GATE-CALL"), (GOOD, 503, "GATE-DATABASE")):
        found = explain(query)
        says = {lang: REFUSALS[name].of(lang) for lang in ("fr", "en")}
        document = {"answer": "refuse", "reasons": [{"id": name, "says": says}]}
        assert found == (status, "application/json", document)


def ask(
    store: GateConnection, query: str = GOOD, *, method: str = "GET", path: str = "/gate",
    body: bytes = b"", times: int = 1,
) -> list[tuple[int, str, str]]:  # fmt: skip
    """Return status, text and reason of so many questions asked at once."""
    rules = open_rules()
    gate = Gate(lambda: rules, [build_decider(lambda: rules, lambda _: store, 0.2)], budget=0.2)

    async def one() -> tuple[int, str, str]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "path": path, "method": method, "query_string": query.encode()}
        await gate(scope, receive, send)
        headers = dict(sent[0]["headers"])
        reason = headers.get(b"x-gate-reason", b"").decode()
        return sent[0]["status"], sent[1]["body"].decode(), reason

    async def all_of_them() -> list[tuple[int, str, str]]:
        return list(await asyncio.gather(*(one() for _ in range(times))))

    try:
        return asyncio.run(all_of_them())
    finally:
        gate.close()


def test_a_database_that_is_away_refuses_everybody_and_the_connection_is_given_up() -> None:
    store = Broken()
    assert ask(store, times=20) == [(503, "refuse GATE-DATABASE\n", "GATE-DATABASE")] * 20
    assert 1 <= store.closed <= 20
    assert ask(store, path="/health") == [(503, "refuse GATE-DATABASE\n", "GATE-DATABASE")]


def test_an_error_of_the_gate_refuses(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Broken(RuntimeError("oops"))) == [(503, "refuse GATE-FAULT\n", "GATE-FAULT")]
    assert "oops" in caplog.text


def test_what_takes_longer_than_the_budget_is_refused_in_time() -> None:
    started = time.monotonic()
    found = ask(Broken(seconds=0.5), times=3)
    assert {reply[2] for reply in found} == {"GATE-LATE"}
    assert time.monotonic() - started < 5


def test_too_many_who_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releve.plugins.outbound.gate.app._MOST_WAITING", 2)
    found = [reply[2] for reply in ask(Broken(seconds=0.1), times=5)]
    assert found.count("GATE-BUSY") == 3


@pytest.mark.parametrize(
    "query",
    ["", "to=1", GOOD + "&to=2", GOOD + "&x=1", GOOD.replace("cs=7", "cs=-1"),
     GOOD.replace("cs=7", "cs=9999999999"), GOOD + "&who=" + "x" * 300, GOOD + "&who=%00",
     GOOD.replace("ci=", "ci=%C3%A9")],
)  # fmt: skip
def test_a_question_that_cannot_be_read_is_refused(query: str) -> None:
    assert ask(Broken(), query) == [(400, "refuse GATE-CALL\n", "GATE-CALL")]


def test_a_question_may_come_as_a_form_and_a_plus_is_a_plus() -> None:
    read = parse_question("to=+33144500001&cli=&camp=s&ci=a%40b&cs=007")
    assert read is not None
    assert (read.to, read.ci, read.cs, read.cli) == ("+33144500001", "a@b", 7, "")
    assert ask(Broken(), "", method="POST", body=GOOD.encode())[0][2] == "GATE-DATABASE"
    assert ask(Broken(), "", method="POST", body=b"x" * 5000)[0][2] == "GATE-CALL"
    assert ask(Broken(), path="/elsewhere")[0][0] == 404
    assert ask(Broken(), method="DELETE")[0][0] == 404


@pytest.mark.parametrize(
    ("written", "meant"),
    [("%2B33144500001", "+33144500001"), ("%2b33", "+33"), ("a%252Bb", "a%2Bb"), ("%%2B2B", "%+2B"),
     ("%2%2B42", "%2+42"), ("%2B%20%2B", "+ +"), ("%", "%")],
)  # fmt: skip
def test_what_is_escaped_is_read_once(written: str, meant: str) -> None:
    read = parse_question(f"to={written}&camp=s&ci=a&cs=1")
    assert read is not None
    assert read.to == meant == unquote(written)


def test_the_gate_says_what_each_of_its_own_refusals_means() -> None:
    assert all(name.startswith("GATE-") and text for name, text in REFUSALS.items())


def lifespan(gate: Gate) -> list[str]:
    """Return the messages of a gate to its server at start and stop."""
    messages: list[str] = []
    asked = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Any:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        messages.append(message["type"])

    asyncio.run(gate({"type": "lifespan"}, receive, send))
    return messages


def test_every_decider_has_connected_before_the_gate_says_that_it_has_started() -> None:
    connected: list[bool] = []

    def opened(seconds: float) -> Any:
        time.sleep(0.05)
        connected.append(True)
        return Broken()

    rules, seen = open_rules(), list[int]()
    deciders = [build_decider(lambda: rules, opened, 0.2) for _ in range(2)]
    gate = Gate(lambda: rules, deciders, ready=lambda: seen.append(len(connected)))
    assert lifespan(gate) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert seen == [2]


def test_a_gate_starts_though_the_database_is_away() -> None:
    def opened(seconds: float) -> Any:
        raise DatabaseUnavailable("nowhere")

    rules = open_rules()
    gate = Gate(lambda: rules, [build_decider(lambda: rules, opened, 0.2)])
    assert lifespan(gate)[0] == "lifespan.startup.complete"


@pytest.mark.parametrize(("client", "status"), [("127.0.0.1", 200), ("192.0.2.7", 404)])
def test_the_metrics_are_for_this_machine_and_for_callers(client: str, status: int) -> None:
    rules, sent = open_rules(), list[Any]()
    gate = Gate(lambda: rules, [build_decider(lambda: rules, lambda _: Broken(), 0.2)], budget=0.2)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    for path in ("/gate", "/metrics"):
        scope = {"type": "http", "path": path, "method": "GET", "query_string": GOOD.encode(),
                 "headers": [], "client": (client, 5060)}  # fmt: skip
        asyncio.run(gate(scope, receive, send))
    gate.close()
    assert sent[2]["status"] == status
    if status == 200:
        assert b'releve_gate_answers_total{answer="GATE-DATABASE"}' in sent[3]["body"]
