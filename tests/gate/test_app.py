"""The gate over HTTP: answers it cannot decide, who may ask, how long and how much, its socket."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote

import pytest
import uvicorn
from click.testing import CliRunner
from django.test import override_settings

from releve.cli.main import main
from releve.plugins.outbound.gate import server
from releve.plugins.outbound.gate.app import Gate, GateCaller, find_caller, parse_callers
from releve.plugins.outbound.gate.connections import GateConnection, QuestionTerms, RowsByTable
from releve.plugins.outbound.gate.errors import CallersFault, DatabaseUnavailable
from releve.plugins.outbound.gate.protocol import REFUSALS, parse_question
from releve.plugins.outbound.gate.pseudonyms import key_check
from releve.plugins.outbound.gate.server import MAX_REQUEST_BYTES, LimitedProtocol, serve_gate
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


REQUEST = b"GET /gate HTTP/1.1\r\nHost: gate\r\n\r\n"
Dialogue = Callable[[int], Awaitable[None]]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer without waiting for the body, as the gate does for strangers."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def talk(dialogue: Dialogue) -> None:
    """Serve in this process, and hold a dialogue with the port."""

    async def both() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            config = uvicorn.Config(answer, http=LimitedProtocol, lifespan="off", log_config=None,
                                    timeout_keep_alive=60)  # fmt: skip
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            try:
                await asyncio.wait_for(dialogue(listening.getsockname()[1]), 60)
            finally:
                server.should_exit = True
                await serving

    asyncio.run(both())


async def read_rest(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other side closes."""
    found = b""
    try:
        while part := await reader.read(65_536):
            found += part
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize("begun", [b"", b"\r\n", REQUEST[:-4], b"POST / HTTP/1.1\r\n"
                                   b"Host: a\r\nContent-Length: 90\r\n\r\nto="])  # fmt: skip
def test_a_request_that_does_not_end_is_closed(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.1)

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if begun:
            writer.write(begun)
        await read_rest(reader)
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
        writer.write(begun or b"\r\n")  # after an answer, too
        await read_rest(reader)
        writer.close()

    talk(dialogue)


def test_a_connection_that_asks_again_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(REQUEST)
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.3)
        writer.close()

    talk(dialogue)


@pytest.mark.parametrize("line", [b"GET /" + b"a" * 400_000, REQUEST[:-2] + b"A: b\r\n" * 80_000])
def test_a_request_of_too_many_bytes_is_closed(line: bytes) -> None:
    assert len(line) > 20 * MAX_REQUEST_BYTES

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        assert b"200" not in await read_rest(reader)
        writer.close()

    talk(dialogue)


def test_one_connection_too_many_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)

    async def dialogue(port: int) -> None:
        open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await read_rest(open_ones[2][0]) == b""
        for reader, writer in open_ones[:2]:
            writer.write(REQUEST)
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
        for _, writer in open_ones:
            writer.close()

    talk(dialogue)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_answer_leaves_at_once_and_each_request_has_its_limits(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening: list[socket.socket] = []

    class Supervisor:
        def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
            assert config.workers == workers
            assert config.http is LimitedProtocol
            listening.extend(sockets)

        def run(self) -> None:
            """Serve nothing."""

    def run(self: Any, sockets: list[socket.socket]) -> None:
        assert self.config.workers == workers
        assert self.config.http is LimitedProtocol, "each request has its time and size"
        self.started = True
        listening.extend(sockets)

    monkeypatch.setattr(server, "Multiprocess", Supervisor)
    monkeypatch.setattr(uvicorn.Server, "run", run)
    serve_gate("releve.plugins.outbound.gate.server:application", "127.0.0.1", 0, workers)
    (one,) = listening
    with one:
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        one.listen()
        with socket.create_connection(one.getsockname()), one.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_gate_that_does_not_start_ends_with_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: sockets[0].close())
    with pytest.raises(SystemExit) as ended:
        serve_gate("releve.plugins.outbound.gate.server:application", "127.0.0.1", 0, 1)
    assert ended.value.code == 3
