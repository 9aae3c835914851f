"""A worker that does not run is seen on *Now*, by a probe and by a program that watches."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts import tokens
from releve.accounts.grants import RoleRequest
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import append, read_head
from releve.ledger.guards import LedgerBehind
from releve.ledger.models import OutgoingDocument
from releve.ledger.rollback import forget, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.live import api as live
from releve.live import outside
from releve.live.models import Effect, WorkerBeat
from releve.live.worker_health import note_beat
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database]
ALARM = 'id="worker-alarm"'


def beat() -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now)


def age(seconds: float) -> None:
    """Let everything that waits, and the worker's last report, be so old."""
    then = timezone.now() - timedelta(seconds=seconds)
    Effect.objects.filter(state=Effect.QUEUED).update(next_at=then)
    WorkerBeat.objects.update(beat_at=then)


def test_what_waits_for_a_stopped_worker_is_a_red_banner_and_not_ready(browsers: Browsers) -> None:
    web, probe = browsers.sign_in(), Client()
    browsers.scenario.two_positives()
    beat()
    assert ALARM not in web.get("/now").content.decode()
    assert probe.get("/readyz").status_code == 200
    age(35)
    page = web.get("/now?part=live").content.decode()
    assert ALARM in page
    assert "Le processus de traitement ne tourne pas" in page
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "silent"
    answer = probe.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert probe.get("/healthz").status_code == 200, "the process lives"
    beat()
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "overdue"
    browsers.scenario.work()
    assert ALARM not in web.get("/now").content.decode()
    assert probe.get("/readyz").status_code == 200


def test_a_disk_that_is_nearly_full_is_a_red_banner_and_not_ready(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=15_000_000))
    page = browsers.sign_in().get("/now").content.decode()
    assert ALARM in page
    assert "Le disque est plein" in page
    assert Client().get("/readyz").status_code == 503


def test_a_clock_that_was_set_while_the_worker_ran_is_a_red_banner(browsers: Browsers) -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now, clock_moved=timedelta(days=-1))
    page = browsers.sign_in().get("/now").content.decode()
    assert ALARM in page
    assert "L’horloge a été avancée ou reculée" in page
    assert Client().get("/readyz").status_code == 200, "effects are run in time"
    text = Client().get("/metrics", headers=give_token("administrator")).content.decode()
    assert "\nreleve_worker_clock_moved_seconds -86400.0" in text


def test_a_root_without_its_receipt_is_seen_where_attention_is_needed(browsers: Browsers) -> None:
    web, old = browsers.sign_in(), timezone.now() - 2 * outside.OVERDUE_AFTER
    for name, made_at in (("root-000001.json", old), ("root-000002.json", timezone.now())):
        OutgoingDocument.objects.create(name=name, content=b"{}", upto=1, made_at=made_at)
    page = web.get("/now").content.decode()
    assert "sans accusé de réception\u202f: 1" in page
    assert web.get("/now?format=json").json()["without_receipt"] == 1
    OutgoingDocument.objects.filter(made_at=old).update(received_at=timezone.now())
    assert 'id="without-receipt"' not in web.get("/now").content.decode()


def test_outsiders_do_not_see_how_the_installation_runs(browsers: Browsers) -> None:
    browsers.scenario.two_positives()
    age(35)
    assert browsers.sign_in().get("/now?format=json").json()["worker"] is not None
    web = browsers.sign_in(Role.AUDITOR)
    assert web.get("/now?format=json").json()["worker"] is None
    assert ALARM not in web.get("/now").content.decode()


def give_token(role: str) -> dict[str, str]:
    until = (timezone.now() + timedelta(days=7)).date()
    _, secret = tokens.issue_token(role, RoleRequest(role, last_day=until), by=COMMAND_LINE)
    return {"Authorization": f"Bearer {secret}"}


def test_probes_show_no_path_and_details_only_to_those_who_watch(browsers: Browsers, settings: Settings) -> None:
    settings.OPEN_DESK = False
    web, watches, flow = Client(), give_token("administrator"), give_token("flow")
    assert web.get("/healthz").json() == {"status": "ok"}
    assert web.get("/readyz").json() == {"status": "ready"}
    assert web.get("/readyz", headers=flow).json() == {"status": "ready"}
    shown = web.get("/readyz", headers=watches).json()
    assert shown == {"status": "ready", "database": True, "worker": "", "without_receipt": 0}
    assert web.get("/readyz", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_metrics_are_for_those_who_watch(browsers: Browsers, settings: Settings) -> None:
    settings.OPEN_DESK = False
    web = Client()
    browsers.scenario.two_positives()
    beat()
    probe = give_token("monitoring")
    answer = web.get("/metrics", headers=probe)
    assert answer["Content-Type"].startswith("text/plain; version=")
    values = dict(line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if line[0] != "#")
    assert float(values["releve_worker_healthy"]) == 1
    assert float(values["releve_worker_beat_age_seconds"]) < 30
    assert float(values['releve_effects{lane="decide",state="queued"}']) >= 1
    assert float(values["releve_oldest_due_effect_seconds"]) >= 0
    assert float(values["releve_ledger_entries"]) > 0
    assert float(values["releve_disk_free_bytes"]) > 0
    assert abs(float(values["releve_clock_skew_seconds"])) < 60
    assert "releve_last_seal_timestamp_seconds" not in values, "nothing was sealed yet"
    browsers.scenario.work()
    text = web.get("/metrics", headers=give_token("continuity")).content.decode()
    for name in ("releve_last_erasure_timestamp_seconds", "releve_last_seal_timestamp_seconds"):
        assert f"\n{name} " in text
    assert 'releve_desk_requests_total{method="GET",route="metrics",status="200"}' in text
    assert web.get("/metrics", headers=give_token("flow")).status_code == 403
    for path in ("/api/v1/now", "/api/v1/sites", "/readyz"):
        found = web.get(path, headers=probe)
        assert found.status_code == 403 or found.json() == {"status": "ready"}, path
    assert live.read_worker_health().healthy


def test_a_database_behind_its_roots_is_a_red_banner_and_takes_no_form(
    browsers: Browsers, settings: Settings, tmp_path: Path
) -> None:
    beat()
    web, probe = browsers.sign_in(), Client()
    assert ALARM not in web.get("/now").content.decode()
    with transaction.atomic():
        append("note", {}, recorded_at=timezone.now())
        publish_root(sign_root(timezone.now()), roots_folder())
        transaction.set_rollback(True)
    forget()
    page = web.get("/now")
    assert page.status_code == 200, "pages go on"
    assert ALARM in page.content.decode()
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "ledger"
    assert probe.get("/readyz").status_code == 503
    head = read_head()
    site = browsers.scenario.site
    answer = web.post(f"/sites/{site}/cases", {}, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert "behind its signed roots" in answer.content.decode()
    assert browsers.scenario.stream
    with pytest.raises(LedgerBehind):
        browsers.scenario.two_positives()
    assert read_head() == head
    assert web.get("/now").status_code == 200
