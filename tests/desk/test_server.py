"""The desk's server: limits, headers, methods and addresses, slow clients, checks before it starts, its stop."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner
from django.contrib.auth.models import AnonymousUser
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import Resolver404, resolve, reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from bench.slow_clients import MOST_RATIO, PATHS, SLOW, measure, started
from releve.cli import main
from releve.cli.desk import _check, desk
from releve.desk import server as module
from releve.desk.access.guard import permission_of
from releve.desk.endpoint import ACT, FORM, RefConverter, explain_errors, serve
from releve.desk.http import LARGEST_BODY_BYTES, STOPPING
from releve.desk.server import MOST_HEADER_BYTES, DeskServer, open_listener
from releve.errors import Phrase
from releve.live import api as live
from releve.registry.tables import Conflict, NothingChanged, NotThere
from tests.accounts.people import person
from tests.desk.fixture_plan import DAY

GET = b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n"
Application = Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """Answer with what was sent."""
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A server in a thread, and sockets to it."""

    def __init__(self, application: Application, threads: int) -> None:
        listener = open_listener("127.0.0.1", 0)
        self.address = listener.getsockname()
        self.server = DeskServer(application, listener, threads=threads)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def connect(self, sent: bytes = b"") -> socket.socket:
        found = socket.create_connection(self.address, timeout=20)
        found.sendall(sent)
        return found


@contextmanager
def running(application: Application = echo, threads: int = 2) -> Iterator[Running]:
    STOPPING.clear()
    found = Running(application, threads)
    try:
        yield found
    finally:
        found.server.ask_to_stop()
        assert STOPPING.is_set(), "what waits in a thread is answered at once"
        found.thread.join(60)
        assert not found.thread.is_alive()


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the other side closes."""
    found = b""
    with connection, suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def read_status(connection: socket.socket) -> bytes:
    return connection.recv(65536).split(b" ", 2)[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give clients a second's grace."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX-Slow: ", b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n"])
def test_a_request_that_arrives_too_slowly_is_given_up(begun: bytes) -> None:
    with running() as found, found.connect(begun) as slow:
        slow.settimeout(0.2)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                slow.sendall(b"a")  # which keeps it from being idle
                if not slow.recv(100):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("it is still connected")


@pytest.mark.usefixtures("impatient")
def test_a_large_upload_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_BYTES_PER_SECOND", 100)
    with running() as found, found.connect() as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(4):
            sender.sendall(b"a" * 1000)
            time.sleep(0.6)
        assert read_status(sender) == b"200"


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_is_not_taken_holds_no_thread_and_is_given_up() -> None:
    def large(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Length", str(40_000_000))])
        return [b"a" * 1_000_000] * 40

    with running(large, threads=1) as found, found.connect(GET):
        with found.connect(b"HEAD / HTTP/1.1\r\nHost: desk\r\n\r\n") as other:
            assert read_status(other) == b"200", "the one thread is free again"
        channels = found.server._server.active_channels
        until = time.monotonic() + 30
        while channels and time.monotonic() < until:
            time.sleep(0.05)
        assert not channels


def test_a_body_or_a_header_beyond_the_limits_is_refused_before_it_is_read() -> None:
    with running() as found:
        length = b"%d" % (LARGEST_BODY_BYTES + 1)
        large = found.connect(b"POST / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n")
        assert read_status(large) == b"413"
        large.close()
        long = found.connect(b"GET / HTTP/1.1\r\nX: " + b"a" * (MOST_HEADER_BYTES + 1))
        assert read_status(long) == b"431"
        long.close()


def test_no_answer_says_which_server_it_is() -> None:
    with running() as found, found.connect(GET) as reader:
        assert b"server:" not in reader.recv(65536).lower()


def test_asked_to_stop_it_answers_what_has_begun_and_takes_nothing_more() -> None:
    entered, may_end = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        entered.set()
        may_end.wait(30)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]

    with running(slow) as found:
        reader = found.connect(GET)
        assert entered.wait(30)
        found.server.ask_to_stop()
        until = time.monotonic() + 30
        while found.server._server.socket.fileno() >= 0 and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(OSError):  # noqa: PT011
            found.connect(GET)
        found.thread.join(1.5)
        assert found.thread.is_alive(), "it waits for the answer"
        may_end.set()
        assert read_all(reader).endswith(b"done")
        found.thread.join(30)
        assert not found.thread.is_alive()


def test_one_connection_too_many_waits_for_another_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 4)  # the two of the server itself included
    with running() as found:
        rest = [found.connect(GET) for _ in range(8)]
        first, rest = rest[0], rest[1:]
        assert read_status(first) == b"200"
        assert select.select(rest[-1:], [], [], 1.0)[0] == []
        first.close()
        for one in rest:
            assert read_status(one) == b"200"
            one.close()


@pytest.mark.database
@pytest.mark.django_db
def test_the_command_serves_by_this_server(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[DeskServer] = []
    monkeypatch.setattr(DeskServer, "run", lambda server: served.append(server))
    monkeypatch.setattr("releve.live.api.warm_in_background", lambda: None)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    done = CliRunner().invoke(main, ["desk", "serve", "--port", "0"])
    assert (done.exit_code, len(served)) == (0, 1), done.output
    served[0]._server.close()


PROGRAM = """
import io, json
import django
django.setup()
from django.core.management import call_command
from django.test import Client
said = io.StringIO()
call_command("migrate", verbosity=0)  # the page of signing in asks the table of services
call_command("check", deploy=True, stdout=said, stderr=said)
web = Client(SERVER_NAME="desk.example.org")
plain, page = web.get("/account/login/"), web.get("/account/login/", secure=True)
print(json.dumps({
    "check": said.getvalue(),
    "plain": [plain.status_code, plain.headers.get("Location", "")],
    "status": page.status_code,
    "headers": {name.lower(): value for name, value in page.headers.items()},
    "cookies": [dict(row, name=name) for name, row in page.cookies.items()],
    "html": page.content.decode(),
}))
"""
LISTED = 100
"""What every site starts with; the grade A+ begins there once the penalties are taken."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """a page without sign-in and the check, as an installation behind HTTPS has them."""
    home: Path = tmp_path_factory.mktemp("home")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    environ |= {
        "DJANGO_SETTINGS_MODULE": "releve.settings",
        "RELEVE_HOME": str(home),
        "RELEVE_HTTPS": "1",
        "RELEVE_URL": "https://desk.example.org",
        "RELEVE_ALLOWED_HOSTS": "desk.example.org",
        "RELEVE_SECRET_KEY": "correct horse battery staple 2026, and longer than fifty",
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_the_check_for_deployment_finds_nothing(deployed: dict[str, Any]) -> None:
    assert deployed["check"].strip() == "System check identified no issues (0 silenced)."


@pytest.mark.slow
def test_plain_http_leads_to_the_same_host_by_https(deployed: dict[str, Any]) -> None:
    assert deployed["plain"] == [301, "https://desk.example.org/account/login/"]


@pytest.mark.slow
def test_mozillas_list_of_headers_gives_a_plus(deployed: dict[str, Any]) -> None:
    """Scores of developer.mozilla.org/observatory, "Tests & Scoring" (a list of 2024)."""
    headers, points = deployed["headers"], {}
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert not [word for word in ("unsafe", "data:", "http:", "*") if word in str(policy)]
    points["csp, default-src none"] = 10 if policy["default-src"] == "'none'" else 5
    points["framing, by csp"] = 5 if policy["frame-ancestors"] == "'none'" else -20
    strict = headers["strict-transport-security"].split("; ")
    assert int(strict[0].removeprefix("max-age=")) >= 15768000
    points["hsts"] = 0  # five more once browsers preload the name
    assert {"includeSubDomains", "preload"} <= set(strict)
    assert deployed["cookies"], "the form's token"
    safe = all(row["secure"] and row["samesite"] in ("Lax", "Strict") for row in deployed["cookies"])
    points["cookies"] = 5 if safe else -20
    points["nosniff"] = 0 if headers["x-content-type-options"] == "nosniff" else -5
    private = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
    points["referrer"] = 5 if headers["referrer-policy"] in private else -5
    points["corp"] = 10 if headers["cross-origin-resource-policy"] == "same-origin" else 0
    points["cors"] = -50 if "access-control-allow-origin" in headers else 0
    foreign = 'src="http' in deployed["html"] or 'src="//' in deployed["html"]
    points["scripts from elsewhere"] = -50 if foreign else 0
    assert min(points.values()) >= 0, points
    assert LISTED + sum(points.values()) >= 130, points
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers


ASKED = RequestFactory().get("/x.json")


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("seen")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (live.NoOperator("none"), 503),
        (live.NoSuch("none"), 404),
        (NotThere(Phrase("there is no page {0!r}", 3)), 404),
        (Conflict(Phrase("changed meanwhile")), 409),
        (NothingChanged(Phrase("nothing would change")), 422),
    ],
)
def test_what_a_service_refuses_is_said_in_a_sentence(error: Exception, status: int) -> None:
    def refused(request: HttpRequest) -> HttpResponse:
        raise error

    answer = explain_errors(refused)(ASKED)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"


def test_what_nothing_explains_is_a_fault() -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explain_errors(broken)(ASKED)


@pytest.mark.parametrize("methods", [ACT, FORM])
def test_a_served_view_says_its_permission_and_lets_no_stranger_in(methods: tuple[str, ...]) -> None:
    served = serve("plan.publish", methods, recent=True)(view)
    assert permission_of(served) == "plan.publish"
    asked = RequestFactory().post("/x.json")
    asked.user = AnonymousUser()
    assert served(asked).status_code == 401
    with pytest.raises(ValueError, match="one of list_permissions"):
        serve("plan.burn", methods)(view)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_every_id_comes_back_from_its_address(text: str) -> None:
    address = reverse("cell", kwargs={"client": text, "contingency": text})
    assert address.isascii()
    match = resolve(address)
    assert match.kwargs == {"client": text, "contingency": text}


def test_an_id_that_ends_like_a_twin_is_not_taken_for_one() -> None:
    address = reverse("cell", kwargs={"client": "a", "contingency": "b.json"})
    assert address == "/cell/a/b~2Ejson"
    assert resolve(f"{address}.json").url_name == "cell_json"


@pytest.mark.parametrize("path", ["/cell/a/~FF", "/cell/a/b/c", "/cell/a/~g0", "/cell/a/"])
def test_what_is_not_an_id_is_no_page(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(path)


def test_the_pattern_is_anchored_on_safe_letters() -> None:
    assert re.fullmatch(RefConverter.regex, "carrier:Maroc~20Telecom")
    assert not re.fullmatch(RefConverter.regex, "../x")


def found(folder: Path | None) -> list[tuple[str | None, str, bool]]:
    with override_settings(PLAN_FOLDER=folder):
        return [(fault.id, fault.msg, bool(fault.hint)) for fault in run_checks()]


def test_a_folder_with_plans_passes(plan_folder: Path) -> None:
    assert found(plan_folder) == []


def test_an_installation_need_not_name_a_folder() -> None:
    assert found(None) == []


def test_a_folder_without_plan_is_E002(tmp_path: Path) -> None:  # noqa: N802
    ((key, message, hint),) = found(tmp_path)
    assert (key, hint) == ("releve.desk.E002", True)
    assert "no plan-YYYY-MM-DD.json in it" in message


def test_a_plan_that_cannot_be_read_is_E003(tmp_path: Path) -> None:  # noqa: N802
    (tmp_path / f"plan-{DAY}.json").write_text('{"format":"releve-plan/0"}')
    ((key, message, hint),) = found(tmp_path)
    assert (key, hint) == ("releve.desk.E003", True)
    assert "this version reads 'releve-plan/2'" in message


@pytest.mark.database
@pytest.mark.django_db
def test_serving_a_folder_without_plan_is_refused_with_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_HOME", str(tmp_path / "home"))
    with override_settings(PLAN_FOLDER=tmp_path):
        result = CliRunner().invoke(desk, ["serve", str(tmp_path)])
    assert result.exit_code == 1
    assert "releve.desk.E002" in result.output
    assert "releve plan FOLDER" in result.output


def test_a_port_outside_the_range_is_refused(plan_folder: Path) -> None:
    result = CliRunner().invoke(desk, ["serve", str(plan_folder), "--port", "70000"])
    assert result.exit_code == 2
    assert "0<=x<=65535" in result.output


@pytest.mark.django_db
def test_an_open_desk_beside_accounts_is_refused_in_two_plain_sentences(settings: Settings) -> None:
    settings.OPEN_DESK, settings.PLAN_FOLDER, settings.ALLOWED_HOSTS = True, None, ["127.0.0.1"]
    person("amina")
    with pytest.raises(ClickException) as refused:
        _check()
    assert refused.value.message == (
        "People have accounts here, so the desk cannot be open. (releve.access.E002)\n"
        "  Leave out --open, or set RELEVE_HOME to another, empty folder for a look."
    )


SLACK_MS = 100.0
"""A busy machine may add so much to one p99 and not to the other; a hold-up adds seconds."""


@pytest.mark.slow
def test_slow_clients_do_not_hold_up_the_others(tmp_path: Path) -> None:
    with started(tmp_path / "home") as ports:
        found = {name: measure(ports[name], PATHS[name], SLOW, 300) for name in ports}
    for name, row in found.items():
        assert not row["failed"], (name, row)
        assert row["beside_p99_ms"] <= MOST_RATIO * row["alone_p99_ms"] + SLACK_MS, (name, row)
