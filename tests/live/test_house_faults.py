"""Disk, clock, certificate, backup and partner: each an alarm within a minute; one message to oneself each night."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from releve.errors import ReleveError
from releve.files.backup_notes import note_backup
from releve.files.home import MARK
from releve.live import api as live
from releve.live import clock, due_jobs, house_faults, path_faults, self_test, statement, worker, worker_health
from releve.live.house_faults import CERTIFICATE_LEFT, HOUSE_FAULTS, HouseWatch, read_certificate_end
from releve.live.models import Contact, Effect, WorkerBeat
from releve.live.self_test import queue_self_test, read_self_test
from releve.live.worker import Worker, run_until_idle
from releve.live.worker_health import BEAT_SECONDS, InstallationCollector, check_readiness
from tests.live.scenario import Scenario
from tests.live.smtp import mail_server
from tests.live.test_path_faults import letters, on_call, read_metric

pytestmark = [pytest.mark.django_db, pytest.mark.database]

__all__ = ["on_call"]

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)


@pytest.fixture
def house(on_call: Scenario, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker of an installation in which nothing is wrong, whose person on call has two channels."""
    (django_settings.HOME / MARK).write_text(json.dumps({"made_at": clock.real_now().isoformat()}))
    settings.BACKUP_TO, settings.DESK_URL_IS_SET = ("age1",), False
    monkeypatch.setattr(worker, "real_now", clock.real_now)
    uptime = worker._read_uptime()
    monkeypatch.setattr(worker, "_read_uptime", lambda: uptime)  # the clock of the scenario stands
    return Worker()


def report(house: Worker) -> list[str]:
    """Let the worker report itself once; return what the probe says is wrong."""
    house._beat()
    return list(check_readiness().failing)


def plant_disk(house: Worker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=800_000_000))


def plant_clock(house: Worker, patch: pytest.MonkeyPatch) -> None:
    house._started_at -= timedelta(seconds=60)


def plant_certificate(house: Worker, patch: pytest.MonkeyPatch) -> None:
    ends = clock.real_now() + CERTIFICATE_LEFT - timedelta(seconds=1)
    patch.setattr(house_faults, "read_certificate_end", lambda url: ends)
    patch.setattr(django_settings, "DESK_URL_IS_SET", True)
    patch.setattr(django_settings, "DESK_URL", "https://desk.example")
    house._house.look_at_certificate()


def plant_backup(house: Worker, patch: pytest.MonkeyPatch) -> None:
    note_backup(django_settings.HOME, clock.real_now() - timedelta(hours=25), Path("/backups/monday.tar"))


def plant_partner(house: Worker, patch: pytest.MonkeyPatch) -> None:
    def fail(now: datetime) -> None:
        raise ReleveError("the clerk does not answer: ConnectError")

    patch.setattr(due_jobs, "import_string", lambda name: fail)
    patch.setattr(due_jobs, "_jobs", {"contribution": due_jobs._Job("one", slow=False, path="partner")})
    at = clock.real_now()
    for seconds in (40, 30, 10):
        due_jobs.run_due_jobs(at - timedelta(seconds=seconds))


PLANTS = {
    "disk": (plant_disk, "0.80 GB are left on the disk"),
    "clock": (plant_clock, "The server's clock was set by +60 s"),
    "certificate": (plant_certificate, "The certificate of the desk ends soon or has ended: desk.example, "),
    "backup": (plant_backup, "The last backup is older than a day: 2"),
    "partner": (plant_partner, "Nothing has been exchanged with the association since "),
}


def test_each_fault_has_its_plant() -> None:
    assert set(PLANTS) == set(HOUSE_FAULTS)
    assert BEAT_SECONDS + path_faults.FAILING_AFTER.total_seconds() + due_jobs.SHORTEST_WAIT.total_seconds() < 60


@pytest.mark.parametrize("name", HOUSE_FAULTS)
def test_what_is_wrong_with_the_house_reaches_the_person_on_call_with_the_next_report(
    house: Worker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Contact.objects.filter(channel="email").delete()
    assert report(house) == []
    assert letters() == []
    plant, says = PLANTS[name]
    plant(house, monkeypatch)
    assert report(house) == [name]
    (letter,) = letters()
    assert letter["to"] == "samira-phone"
    assert letter["text"].startswith(says)
    assert "/now" in letter["text"]
    assert check_readiness().ready, "events have their effects all the same"
    (family,) = (one for one in InstallationCollector().collect() if one.name == "releve_house_fault_seconds")
    assert [row.labels["fault"] for row in family.samples if row.value > 0] == [name]
    report(house)
    assert len(letters()) == 1, "not with each report"
    age = timedelta(hours=1 if name in ("clock", "partner") else 24)
    Effect.objects.filter(kind="fault").update(made_at=F("made_at") - age)
    WorkerBeat.objects.update(faults=[{**row, "since": NOW.isoformat()} for row in WorkerBeat.objects.get().faults])
    report(house)
    assert len(letters()) == 2, "again, while it lasts"


def test_a_fault_that_ended_and_came_again_is_another_one(house: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_disk(house, monkeypatch)
    report(house)
    free = SimpleNamespace(free=2 * house_faults.LOW_FREE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    assert report(house) == []
    plant_disk(house, monkeypatch)
    assert report(house) == ["disk"]
    assert Effect.objects.filter(kind="fault", body__path="disk").count() == 2


def test_what_two_workers_found_is_one_fault_since_the_earlier(house: Worker) -> None:
    at = clock.real_now()
    for name, minutes in (("one", 1), ("two", 2)):
        rows = [path_faults.PathFault("disk", at - timedelta(minutes=minutes), 0, "0.80 GB")]
        worker_health.note_beat(name, started_at=at, decided_at=at, faults=rows)
    (fault,) = worker_health.find_faults(at)
    assert fault.since == at - timedelta(minutes=2)
    WorkerBeat.objects.update(stopped_at=at)
    assert worker_health.find_faults(at) == ()


def test_a_partner_that_answers_again_ends_its_alarm(house: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_partner(house, monkeypatch)
    monkeypatch.setattr(due_jobs, "import_string", lambda name: lambda now: None)
    due_jobs.run_due_jobs(clock.real_now() + timedelta(minutes=11))
    assert report(house) == []


def test_without_a_recipient_no_backup_is_awaited_and_a_new_home_has_a_day(house: Worker, settings: Any) -> None:
    at = clock.real_now()
    assert HouseWatch().find_faults(at + timedelta(hours=24), timedelta()) == ()
    (fault,) = HouseWatch().find_faults(at + timedelta(hours=26), timedelta())
    assert (fault.path, fault.cause) == ("backup", "–")
    settings.BACKUP_TO = ()
    assert HouseWatch().find_faults(at + timedelta(hours=26), timedelta()) == ()


@contextmanager
def serve_tls(folder: Path, ends: datetime) -> Iterator[str]:
    """A server on this machine whose certificate, signed by itself, ends then."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(ends - timedelta(days=90)).not_valid_after(ends)
    file = folder / "tls.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            plain, _ = server.accept()
            with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as opened:
                opened.recv(1)  # until the other side hangs up, however it does

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://localhost:{server.getsockname()[1]}"
        thread.join(20)


@pytest.mark.parametrize("days", [-1, 3])
def test_the_end_of_a_certificate_is_read_from_the_address_whoever_signed_it(tmp_path: Path, days: int) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    with serve_tls(tmp_path, ends) as url:
        assert read_certificate_end(url) == ends
    with pytest.raises(ConnectionRefusedError):
        read_certificate_end(url)
    assert read_certificate_end("http://127.0.0.1:8000") is None


def test_each_night_one_message_to_oneself_goes_by_each_channel_once(
    on_call: Scenario, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (self_test, worker):
        monkeypatch.setattr(module, "real_now", clock.real_now)
    monkeypatch.setenv("RELEVE_SELF_TEST", "email=ops@example.org, file=ops")
    with mail_server() as mails:
        settings.EMAIL_PORT = int(mails.url.rpartition(":")[2])
        statement.run_daily_jobs(live.now())
        statement.run_daily_jobs(live.now())
        run_until_idle()
        assert len([text for text in mails.kept if "Message-ID: <selftest-" in text]) == 1
    (path,) = (django_settings.HOME / "outbox").glob("selftest-*.json")
    assert json.loads(path.read_text("utf-8"))["subject"] == "Essai de la nuit\u202f: le dossier des messages"
    assert sorted(live.find_last_self_tests()) == ["email", "file"]
    (family,) = (one for one in InstallationCollector().collect() if "self_test" in one.name)
    assert [row.labels["channel"] for row in family.samples] == ["email", "file"]


def test_a_channel_that_does_not_take_its_test_is_a_fault_of_its_path(
    on_call: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_SELF_TEST", "email=ops@example.org")
    monkeypatch.setattr(self_test, "real_now", clock.real_now)
    queue_self_test(NOW.date())
    run_until_idle()
    Effect.objects.update(made_at=F("made_at") - timedelta(seconds=31))
    path_faults.follow_path_faults()
    assert read_metric("mail") > 30
    assert [letter["to"] for letter in letters()] == ["samira-phone"]
    Effect.objects.filter(kind="selftest").update(made_at=F("made_at") - timedelta(hours=23), next_at=clock.real_now())
    run_until_idle()
    assert Effect.objects.get(key=f"selftest:{NOW.date()}:email").result == {"skipped": "a later one"}


@pytest.mark.parametrize("value", ["pigeon=ops", "email=ops", "email"])
def test_an_address_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RELEVE_SELF_TEST", value)
    with pytest.raises(ImproperlyConfigured, match="RELEVE_SELF_TEST must be CHANNEL=ADDRESS"):
        read_self_test()
