"""Who hears of each fault, by which channel, after how many seconds and in which words.

    python -m bench.faults [--agents N] [--sites S] [--json]

An installation with a plan made for the purpose runs a worker in this process. Mail, the SMS gateway, the webhook of
the routes, the folder outside, the disk, the clock, the desk's certificate, the age of the backup and the exchange
with an association go wrong at one instant, at which a site is closed and the ledger is sealed, so that something is
to go out by each. The person on call has addresses of mail, SMS and a folder, of which the last works: seconds are
those until the letter is there. Then a worker is killed, and on a PostgreSQL server of its own (where
``scripts/with-postgres`` finds one) the server is stopped: seconds until ``/readyz`` says so, and with the times of
``examples/deploy/prometheus.yml`` and ``alerts.yml`` until the pager rings at the latest.

Exit status 1 where a fault was not heard of within LIMIT seconds. The disk, the clock and the association are stood
in for in the process; the rest goes wrong as it would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import click
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.desk import fill, people, say
from bench.load import record
from releve.cli.database import keep_secret, open_new_database
from tests.homes import make_test_home

__all__ = ["main"]

LIMIT = 60.0
DEPLOY = Path(__file__).parents[1] / "examples" / "deploy"
FAULTS = ("mail", "sms", "telephony", "outside", "disk", "clock", "certificate", "backup", "partner")


class _Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None: ...


def write_certificate(path: Path, days: int) -> None:
    """Write a certificate of localhost, signed by itself, that ends in some days."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    """Serve in a thread; yield the port."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def prepare(agents: int, sites: int) -> str:
    """Fill the installation; half the agents have mail, half SMS. Return the site with most agents."""
    from releve.ledger.account_names import give_pseudonym
    from releve.ledger.keys import public_key
    from releve.live import api as live
    from releve.live.models import Contact, OnCall

    public_key()
    fill(agents, sites)
    people(1)
    give_pseudonym("user0")
    at = live.real_now()
    OnCall.objects.create(start=at - timedelta(days=1), end=at + timedelta(days=8), led_by="user0")
    ways = (("email", "lead@example.org"), ("apprise", "+33600000001"), ("file", "pager"))
    Contact.objects.bulk_create(
        Contact(role="lead", who="user0", rank=rank, channel=channel, address=address, language="en")
        for rank, (channel, address) in enumerate(ways, 1)
    )
    operator = live.operator_now()
    Contact.objects.bulk_create(
        Contact(role="agent", who=row.id, rank=1, channel=ways[n % 2][0], address=ways[n % 2][1], language="en")
        for n, row in enumerate(operator.agents)
    )
    return max(operator.sites, key=lambda site: sum(row.home_site == site.id for row in operator.agents)).id


def _fail(_now: datetime) -> None:
    from releve.errors import ReleveError

    raise ReleveError("the clerk does not answer: ConnectError")


@contextmanager
def go_wrong(worker: Any, tls: ssl.SSLContext, pem: Path, outside: Path, site: str) -> Iterator[None]:
    """Let all of FAULTS begin; mail and SMS never worked, and nothing was to go out by them before."""
    from django.conf import settings

    from releve.files.backup_notes import note_backup
    from releve.ledger.seal import seal_ledger
    from releve.live import api as live
    from releve.live import due_jobs

    write_certificate(pem, 3)
    tls.load_cert_chain(pem)
    shutil.rmtree(outside)
    note_backup(settings.HOME, live.real_now() - timedelta(hours=25, seconds=1), Path("/backups/monday.tar"))
    worker._started_at -= timedelta(seconds=60)
    due_jobs.register_due_job("bench", f"{__name__}._fail", path="partner")
    with patch.object(shutil, "disk_usage", lambda _path: SimpleNamespace(free=800_000_000)):
        record("site.closed", site=site, cause="hazard", reason="crack in a pillar")
        seal_ledger(live.real_now())
        yield


def await_letters(began: float) -> dict[str, dict[str, Any]]:
    """Return what the person on call got of each fault, and after how many seconds."""
    from django.conf import settings

    from releve.live.models import Effect

    found: dict[str, dict[str, Any]] = {}
    while len(found) < len(FAULTS) and time.time() - began < 2 * LIMIT:
        for path in (settings.HOME / "outbox").glob("fault-*.json"):
            name = Effect.objects.get(pk=int(path.stem.split("-")[1])).body["path"]
            with suppress(ValueError):  # half written
                letter = json.loads(path.read_text("utf-8"))
                found.setdefault(name, {
                    "who": "the person on call", "channel": f"folder ({letter['to']})",
                    "seconds": round(path.stat().st_mtime - began, 1), "words": letter["text"].split("\n")[0],
                })  # fmt: skip
        time.sleep(0.2)
    return found


def await_alarm(until: float) -> str:
    """Return what ``/readyz`` says once it is not ready."""
    from releve.live import api as live

    while time.monotonic() < until:
        found = live.check_readiness()
        if not found.ready:
            return str(found.status)
        time.sleep(0.2)
    return ""


def await_ready() -> None:
    """Return when a worker runs and all is compiled."""
    from releve.live import api as live

    until = time.monotonic() + 120
    while not (found := live.check_readiness()).ready:
        if time.monotonic() > until:
            raise SystemExit(f"the installation did not become ready: {found}")
        time.sleep(0.5)


def page_seconds(alert: str) -> tuple[float, str]:
    """Return the seconds from a probe that is wrong to the page at the latest, and the words of the rule."""
    times = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["global"]
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"]
    (rule,) = (rule for group in groups for rule in group["rules"] if rule["alert"] == alert)
    waits = (times["scrape_interval"], times["evaluation_interval"], rule.get("for", "0s"))
    return sum(float(text.removesuffix("s")) for text in waits), rule["annotations"]["summary"]


def kill_worker() -> dict[str, Any]:
    """Kill a worker that runs alone; return when ``/readyz`` says so."""
    releve = Path(sys.executable).with_name("releve")
    environ = {name: text for name, text in os.environ.items() if name not in ("RELEVE_URL", "RELEVE_OUTSIDE")}
    with subprocess.Popen([str(releve), "live", "work"], env=environ, stderr=subprocess.DEVNULL) as running:
        await_ready()
        running.send_signal(signal.SIGKILL)
        began = time.monotonic()
    status = await_alarm(began + 2 * LIMIT)
    return describe_page("ReleveWorkerUnhealthy", time.monotonic() - began, status)


def stop_database(url: str) -> dict[str, Any]:
    """Stop the server of the installation; return when ``/readyz`` says so. It is not started again."""
    from tests.live.postgresql_server import Server

    Server(url).die()
    began = time.monotonic()
    status = await_alarm(began + 2 * LIMIT)
    return describe_page("ReleveDown", time.monotonic() - began, status)


def describe_page(alert: str, seconds: float, status: str) -> dict[str, Any]:
    later, words = page_seconds(alert)
    return {
        "who": "the pager", "channel": f"/readyz ({status}) after {seconds:.1f} s; {alert}",
        "seconds": round(seconds + later, 1), "words": words,
    }  # fmt: skip


@click.command()
@click.option("--agents", default=80, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=3, show_default=True, type=click.IntRange(2))
@click.option("--json", "as_json", is_flag=True)
def main(agents: int, sites: int, as_json: bool) -> None:
    """Let everything go wrong, and print who hears of it."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as name:
        folder = Path(name)
        pem, outside = folder / "tls.pem", folder / "outside"
        outside.mkdir()
        write_certificate(pem, 90)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem)
        desk, webhook = _Quiet(("127.0.0.1", 0), _Webhook), _Quiet(("127.0.0.1", 0), _Webhook)
        desk.socket = tls.wrap_socket(desk.socket, server_side=True)
        os.environ |= {
            "RELEVE_HOME": str(make_test_home(folder / "home")),
            "RELEVE_SECOND_FACTOR": "optional",
            "RELEVE_SMTP_HOST": "127.0.0.1", "RELEVE_SMTP_PORT": "9", "RELEVE_SMTP_SECURITY": "none",
            "RELEVE_MAIL_FROM": "releve@example.org", "RELEVE_APPRISE_URL": "json://127.0.0.1:9/{address}",
            "RELEVE_ROUTING": "webhook", "RELEVE_WEBHOOK_SECRET": "0123456789abcdef" * 3, "RELEVE_WEBHOOK_PRIVATE": "1",
            "RELEVE_WEBHOOK_URL": f"http://127.0.0.1:{webhook.server_address[1]}/routes",
            "RELEVE_OUTSIDE": str(outside),
            "RELEVE_BACKUP_TO": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            "RELEVE_URL": f"https://localhost:{desk.server_address[1]}",
        }  # fmt: skip
        open_new_database()
        keep_secret()
        from django.db import connection

        site = prepare(agents, sites)
        from releve.live.worker import Worker

        with serving(desk):
            worker = Worker(2)
            with serving(webhook):
                worker.start()
                await_ready()
                time.sleep(5.0)  # the routes of the day go out
            say("everything goes wrong")
            began = time.time()
            with go_wrong(worker, tls, pem, outside, site):
                found = await_letters(began)
            worker.stop()
        say("a worker is killed")
        found["worker"] = kill_worker()
        if connection.vendor == "postgresql":
            say("PostgreSQL is stopped")
            found["PostgreSQL"] = stop_database(os.environ["RELEVE_DATABASE_URL"])
    if as_json:
        print(json.dumps(found))
    else:
        print(f"{'fault':12}{'seconds':>8}  {'who, by which channel':62}words")
        for fault, row in found.items():
            print(f"{fault:12}{row['seconds']:8.1f}  {row['who'] + ': ' + row['channel']:62}{row['words']}")
    missing = [*({*FAULTS} - {*found}), *(fault for fault, row in found.items() if row["seconds"] > LIMIT)]
    if missing:
        raise SystemExit(f"not heard of within {LIMIT:g} s: {', '.join(missing)}")


if __name__ == "__main__":
    main()
