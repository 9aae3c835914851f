"""`releve doctor` names what is wrong with an installation, each with its fix."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyrage
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from releve.accounts import grants, tokens
from releve.accounts.models import AccountAct, User
from releve.accounts.reidentification import import_names
from releve.accounts.tokens import compute_check
from releve.files.backup_notes import note_backup
from releve.ledger.chain import append_all
from releve.ledger.keys import public_key
from releve.ledger.models import KeyCheck
from releve.ledger.rollback import forget, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.live import api as live
from releve.live.models import Contact, DailyRun, Routes, WorkerBeat
from releve.network import read_operator, sample_operator, write_operator
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.pseudonyms import forget_key
from releve.registry.service import apply_changes, preview_changes
from releve.routing.kamailio import compute_configuration_digest
from releve.upkeep import doctor, doctor_data
from releve.upkeep.doctor import check_proxies, examine
from releve.upkeep.findings import Examination, Finding
from tests.homes import make_test_home
from tests.ledger.sample_entries import draft_closure
from tests.live.scenario import choose_pack
from tests.routing.generations import small_operator
from tests.routing.receivers import SECRET, FakeProxy, fake

pytestmark = [pytest.mark.database, pytest.mark.django_db]

__all__ = ["fake"]

DOCTOR_SECRET = "0123456789abcdef" * 3
PUBLIC = "https://desk.example"


class Place:
    """An installation in which nothing is wrong, and what a plant changes in it."""

    def __init__(self, home: Path, settings: Settings, patch: pytest.MonkeyPatch) -> None:
        self.home, self.settings, self.patch = home, settings, patch
        self.environ = {"RELEVE_HOME": str(home), "RELEVE_ROUTING": "file_csv", "RELEVE_SMTP_HOST": "mail.example"}
        self.now = datetime.now(UTC)

    def look(self, **more: Any) -> list[Finding]:
        return list(examine(Examination(self.home, self.now, self.environ, **more)))


@pytest.fixture
def place(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Place:
    settings.HOME = make_test_home(tmp_path / "home")
    settings.LEDGER_KEY = settings.GATE_KEY = ""
    forget_key()
    settings.DESK_URL, settings.ALLOWED_HOSTS = PUBLIC, ["desk.example"]
    settings.DESK_URL_IS_SET = True
    settings.SECURE_SSL_REDIRECT, settings.OPEN_DESK = True, False
    settings.SECOND_FACTOR_REQUIRED = True
    settings.DEFAULT_FROM_EMAIL, settings.OUTSIDE = "releve@desk.example", str(tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    settings.BACKUP_TO = (str(pyrage.x25519.Identity.generate().to_public()),)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = DOCTOR_SECRET, []
    settings.IDENTITY_KEY, settings.IDENTITY_FILE = "", tmp_path / "identity" / "names.box"
    found = Place(settings.HOME, settings, monkeypatch)
    (found.home / "secret-key").write_text(DOCTOR_SECRET)
    (found.home / "secret-key").chmod(0o600)
    KeyCheck.objects.create(name="secret", value=compute_check(DOCTOR_SECRET))
    public_key()
    ensure_gate_key()
    for name in ("amina", "zoe"):
        made, _ = grants.give_role(name, grants.RoleRequest("administrator"), by="command line")
        AccountAct.objects.create(user=made, kind=AccountAct.DECLARED, by="command line")
    sign_root(found.now)
    WorkerBeat.objects.create(name="one", started_at=found.now, beat_at=found.now, decided_at=found.now)
    plant_certificate(found, timedelta(days=60))
    free = shutil.disk_usage(found.home).free
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", min(free, doctor.LEAST_FREE_BYTES))
    found.now = datetime.now(UTC)
    return found


def test_nothing_is_wrong_with_an_installation_that_is_set_up(place: Place) -> None:
    assert [str(finding) for finding in place.look()] == []


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def plant_smtp(place: Place) -> None:
    place.settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    place.settings.EMAIL_HOST, place.settings.EMAIL_PORT = "127.0.0.1", closed_port()


def plant_no_address(place: Place) -> None:
    place.settings.ALLOWED_HOSTS, place.settings.DESK_URL_IS_SET = [], False
    place.settings.DESK_URL = "http://127.0.0.1:8000"


def plant_names(place: Place) -> None:
    place.settings.IDENTITY_KEY = Fernet.generate_key().decode()
    import_names("pseudonym,name\na1,Salma\n", User.objects.get(username="amina"))
    sign_root(place.now)
    place.settings.IDENTITY_KEY = Fernet.generate_key().decode()


def plant_factor(place: Place) -> None:
    TOTP.activate(User.objects.get(username="zoe"), generate_totp_secret())
    place.settings.SECRET_KEY = "fedcba9876543210" * 3
    (place.home / "secret-key").write_text(place.settings.SECRET_KEY)
    KeyCheck.objects.filter(name="secret").update(value=compute_check(place.settings.SECRET_KEY))


def plant_rolled_back(place: Place) -> None:
    with transaction.atomic():
        append_all([draft_closure(1)])
        publish_root(sign_root(place.now), roots_folder())
        transaction.set_rollback(True)
    forget()


def plant_unsealed(place: Place) -> None:
    append_all([draft_closure(1)])  # of long ago


def plant_certificate(place: Place, left: timedelta) -> None:
    place.patch.setattr(doctor, "read_certificate_end", lambda url: place.now + left)


def plant_no_proxy(place: Place) -> None:
    def refuse(url: str) -> None:
        raise OSError("gone")

    place.patch.setattr(doctor, "read_certificate_end", refuse)


def plant_corrupt(place: Place) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError("file is not a database")

    vendor = {"vendor": "sqlite", "settings_dict": connection.settings_dict}
    place.patch.setattr(doctor, "connection", SimpleNamespace(cursor=refuse, **vendor))


def plant_silent_test(place: Place) -> None:
    place.patch.setenv("RELEVE_SELF_TEST", "file=ops")
    DailyRun.objects.create(day=place.now.date(), tried_at=place.now - timedelta(days=3))


def plant_plan(place: Place) -> None:
    place.settings.PLAN_FOLDER = place.home / "no-plan"


def plant_ended_role(place: Place) -> None:
    grants.end_role("zoe", "administrator", by="command line")
    sign_root(place.now)
    place.now = datetime.now(UTC)


def plant_tied_administrators(place: Place) -> None:
    AccountAct.objects.create(user=User.objects.get(username="zoe"), kind=AccountAct.LINK, by="amina", at=place.now)


def plant_void_token(place: Place) -> None:
    wanted = grants.RoleRequest("flow", last_day=place.now.date() + timedelta(days=7))
    found, _secret = tokens.issue_token("wall", wanted, by="hugo")
    found.given_at = place.now - timedelta(days=1)
    found.save()


def plant_misspelt_site(place: Place) -> None:
    grants.give_role("hugo", grants.RoleRequest("site", ("casa-9",)), by="command line")
    plant_operator(place)
    sign_root(place.now)


def plant_full_disk(place: Place) -> None:
    place.patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))


def plant_contacts(place: Place) -> None:
    Contact.objects.create(role="manager", who="*", channel="apprise", address="x", rank=1)


def plant_replies(place: Place, address: str = "+212600000001", **values: str) -> None:
    """Tell an agent by SMS alone, and promise that it can be answered."""
    url = "jsons://gateway.example/{address}"
    for name, value in {"RELEVE_APPRISE_URL": url, "RELEVE_REPLIES": "twilio,mail", **values}.items():
        place.patch.setenv(name, value)
    Contact.objects.create(role="agent", who="a00001", channel="apprise", address=address, rank=1)


def plant_operator(place: Place) -> None:
    """Import an operator to whom nothing was added: no address, and no pack of rules."""
    sample = sample_operator(50, 2, 1, weeks_of_history=1)
    apply_changes(preview_changes(read_operator(write_operator(sample))), "tests")
    sign_root(place.now)
    place.now = datetime.now(UTC)


def use(name: str, value: object) -> Callable[[Place], object]:
    """Return a plant that sets one of Django's settings."""
    return lambda place: setattr(place.settings, name, value)


PLANTS: dict[str, tuple[Callable[[Place], object], str]] = {
    "rolled back": (plant_rolled_back, "FAULT ledger: the database is behind its ledger: .* is root 2 .*declare-loss"),
    "outside away": (
        lambda place: (place.home.parent / "outside").rmdir(),
        "FAULT ledger: the folder of RELEVE_OUTSIDE cannot be read",
    ),
    "no home": (lambda place: (place.home / "releve-home.json").unlink(), "FAULT home: there is no installation in"),
    "another owner": (
        lambda place: place.patch.setattr(os, "geteuid", lambda: 4242),
        "FAULT home: .* belongs to another user",
    ),
    "open home": (lambda place: place.home.chmod(0o755), "FAULT modes: other users may enter"),
    "open key": (
        lambda place: (place.home / "ledger.key").chmod(0o644),
        r"FAULT modes: other users may read .*ledger\.key; chmod 600",
    ),
    "open database": (
        lambda place: (place.home / "releve.sqlite3").chmod(0o644),
        r"FAULT modes: other users may read .*releve\.sqlite3",
    ),
    "law as .yml": (
        lambda place: (place.home / "law" / "house.yml").touch(),
        r"FAULT rules: .*house\.yml would not be read",
    ),
    "law renamed": (
        lambda place: (place.home / "law").rename(place.home / "law.bak"),
        "FAULT rules: the folder .*law is missing",
    ),
    "law with a fault": (
        lambda place: (place.home / "law" / "house.yaml").write_text("rows: [{id: X}]"),
        r"FAULT rules: .*house\.yaml",
    ),
    "rules with a fault": (
        lambda place: (place.home / "rules" / "own.yaml").write_text("- {id: X}"),
        "FAULT rules: row 1",
    ),
    "caches closed": (
        lambda place: place.patch.setattr(os, "access", lambda path, mode: False),
        "FAULT caches: .*set RELEVE_CACHE_DIR",
    ),
    "disk full": (
        lambda place: place.patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1)),
        "FAULT disk: 0.0 GB free",
    ),
    "no plan": (plant_plan, "FAULT plan: .*RELEVE_PLAN_FOLDER"),
    "no recipient of backups": (use("BACKUP_TO", ()), "warning backups: no backup can be made.*set RELEVE_BACKUP_TO"),
    "a misspelt setting": (
        lambda place: place.environ.update(RELEVE_SMTP_HSOT="mail.example"),
        "FAULT settings: RELEVE_SMTP_HSOT is not a setting: RELEVE_SMTP_HOST may be meant; mend its name",
    ),
    "a setting of nothing": (
        lambda place: place.environ.update(RELEVE_TEAPOT="strong"),
        "FAULT settings: RELEVE_TEAPOT is not a setting; mend its name",
    ),
    "a certificate that ends": (
        lambda place: plant_certificate(place, timedelta(days=13)),
        "FAULT certificate: the certificate of https://desk.example ends on .* UTC; renew it",
    ),
    "a certificate that ended": (
        lambda place: plant_certificate(place, timedelta(days=-1)),
        "FAULT certificate: the certificate of https://desk.example ended on",
    ),
    "no proxy": (plant_no_proxy, "warning certificate: the certificate of .* could not be read: gone"),
    "an old backup": (
        lambda place: note_backup(place.home, place.now - timedelta(hours=26), Path("one.tar")),
        "FAULT backups: the last backup is of .* UTC; run `releve backup FILE` each day",
    ),
    "no backup": (
        lambda place: setattr(place, "now", place.now + timedelta(hours=26)),
        "FAULT backups: no backup was ever made",
    ),
    "no rehearsal": (
        lambda place: note_backup(place.home, place.now, Path("one.tar")),
        "warning backups: no restore was tried for three months; run `releve restore FILE --rehearse`",
    ),
    "a database that is gone": (
        lambda place: place.patch.setattr(
            doctor, "connection", SimpleNamespace(settings_dict={"NAME": place.home / "gone.sqlite3"})
        ),
        "FAULT home: the database .*gone.sqlite3 is gone; put it back from its copy, restore a backup",
    ),
    "a corrupt database": (
        plant_corrupt,
        "FAULT database: is corrupt: file is not a database; .* restore the last backup",
    ),
    "contacts without a self-test": (
        lambda place: Contact.objects.create(role="lead", who="x", channel="file", address="x", rank=1),
        "warning selftest: no message tries the channels at night.*; set RELEVE_SELF_TEST",
    ),
    "a self-test that cannot be read": (
        lambda place: place.patch.setenv("RELEVE_SELF_TEST", "pigeon=x"),
        "FAULT selftest: RELEVE_SELF_TEST must be CHANNEL=ADDRESS",
    ),
    "a self-test that does not come": (plant_silent_test, "FAULT selftest: no message to oneself went by file for two"),
    "debug": (use("DEBUG", True), "FAULT settings: RELEVE_DEBUG"),
    "open desk": (use("OPEN_DESK", True), "FAULT settings: RELEVE_OPEN lets anyone in"),
    "no second factor": (
        use("SECOND_FACTOR_REQUIRED", False),
        "warning settings: roles that act need no second factor",
    ),
    "links to loopback": (
        use("DESK_URL", "http://127.0.0.1:8000"),
        "FAULT settings: .*links say http://127.0.0.1:8000; set RELEVE_URL=https://desk.example",
    ),
    "links nowhere": (plant_no_address, "warning settings: letters name no address of the desk.*; set RELEVE_URL"),
    "links elsewhere": (
        use("DESK_URL", "https://other.example"),
        "FAULT settings: .*set RELEVE_ALLOWED_HOSTS=other.example",
    ),
    "no HTTPS": (use("SECURE_SSL_REDIRECT", False), "FAULT settings: .*set RELEVE_HTTPS=1"),
    "database unverified": (
        lambda place: place.environ.update(RELEVE_DATABASE_URL="postgres://db.example/releve"),
        r"FAULT tls: .*db\.example is not verified",
    ),
    "no mail": (lambda place: place.environ.pop("RELEVE_SMTP_HOST"), "warning mail: no mail server is set"),
    "mail sender": (use("DEFAULT_FROM_EMAIL", "releve@localhost"), "FAULT mail: the sender is releve@localhost"),
    "mail server gone": (plant_smtp, "FAULT mail: 127.0.0.1:.* does not take mail"),
    "unknown adapter": (
        lambda place: place.environ.update(RELEVE_ROUTING="telepathy"),
        "FAULT routing: RELEVE_ROUTING must name some of",
    ),
    "no adapter": (lambda place: place.environ.pop("RELEVE_ROUTING"), "warning routing: routes go to a file alone"),
    "newer database": (
        lambda place: MigrationRecorder(connection).record_applied("ledger", "9999_future"),
        r"FAULT migrations: the database is newer than this program \(ledger.9999_future\)",
    ),
    "older database": (
        lambda place: MigrationRecorder(connection).record_unapplied("accounts", "0008_group_roles"),
        "FAULT migrations: 1 migrations are missing, accounts.0008_group_roles first",
    ),
    "ledger key lost": (
        lambda place: (place.home / "ledger.key").unlink(),
        "FAULT keys: ledger.key is missing; restore it from its copy",
    ),
    "another ledger key": (
        lambda place: (place.home / "ledger.key").write_text(secrets.token_hex(32)),
        "FAULT keys: ledger.key is not the key that the database was written with",
    ),
    "another gate key": (
        lambda place: use("GATE_KEY", secrets.token_hex(32))(place),
        "FAULT keys: gate.key is not the key",
    ),
    "another secret key": (
        lambda place: place.environ.update(RELEVE_SECRET_KEY="fedcba9876543210" * 3),
        "FAULT keys: secret-key is not the key",
    ),
    "factors of another key": (plant_factor, "FAULT keys: 1 second factors cannot be read"),
    "names of another key": (plant_names, "FAULT keys: RELEVE_IDENTITY_KEY is not the key of the names"),
    "clock ahead": (
        lambda place: place.patch.setattr(doctor_data, "read_clock", lambda: datetime.now(UTC) + timedelta(minutes=5)),
        "FAULT clock: this machine and the database differ by 300 s",
    ),
    "clock set under the worker": (
        lambda place: WorkerBeat.objects.update(clock_moved_seconds=86400.0),
        "FAULT worker: clock; set the clock right",
    ),
    "clock behind the ledger": (
        lambda place: setattr(place, "now", place.now - timedelta(seconds=20)),
        "FAULT clock: an entry of the ledger is from",
    ),
    "one administrator": (plant_ended_role, "warning administrators: 1 administrator"),
    "administrators who are one person": (
        plant_tied_administrators,
        "warning administrators: one person could act as any two administrators.*user declare",
    ),
    "an account to confirm": (
        lambda place: grants.give_role("ines", grants.RoleRequest("continuity"), by="amina"),
        "warning administrators: accounts that may approve and are not confirmed: 1;",
    ),
    "a token of a giver who is no administrator": (
        plant_void_token,
        "warning administrators: tokens whose giver is not an administrator .*: wall;",
    ),
    "a role for a site that is not there": (
        plant_misspelt_site,
        "warning roles: hugo: .* is for casa-9, which the reference data do not have",
    ),
    "contacts without a channel": (plant_contacts, "FAULT channels: apprise: RELEVE_APPRISE_URL has no"),
    "replies without a secret": (
        plant_replies,
        "FAULT replies: answers by twilio are promised, and RELEVE_REPLY_TWILIO_SECRET is not set",
    ),
    "replies without a mailbox": (
        plant_replies,
        "FAULT replies: answers by mail are promised, and RELEVE_REPLY_ADDRESS, .*RELEVE_IMAP_PASSWORD not set",
    ),
    "a secret of a gateway that is not named": (
        lambda place: plant_replies(place, RELEVE_REPLY_VOICE_SECRET=DOCTOR_SECRET),
        "warning replies: RELEVE_REPLY_VOICE_SECRET is set, and answers by voice are refused",
    ),
    "replies to no public address": (
        lambda place: [plant_replies(place), setattr(place.settings, "DESK_URL_IS_SET", False)],
        "FAULT replies: twilio signs the address that it posts to, and RELEVE_URL is not set",
    ),
    "a national number": (
        lambda place: plant_replies(place, "0600000001"),
        "warning replies: numbers in no international form, whose answers are not matched: 1",
    ),
    "SMS held at night": (
        lambda place: plant_replies(place, RELEVE_APPRISE_URL="jsons://sms.ovhcloud.example/{address}"),
        r"warning replies: the message service holds messages back \(22:00-08:00 weekends\), and it alone .*: 1",
    ),
    "SMS held as the setting says": (
        lambda place: plant_replies(place, RELEVE_APPRISE_QUIET="21:00-07:30"),
        r"warning replies: the message service holds messages back \(21:00-07:30\)",
    ),
    "quiet hours that cannot be read": (
        lambda place: plant_replies(place, RELEVE_APPRISE_QUIET="at night"),
        "FAULT replies: .*RELEVE_APPRISE_QUIET must be none",
    ),
    "no addresses": (
        plant_operator,
        r"warning contacts: .* \(agents: 50, managers: 2, clients: \d+\); import .*live contacts",
    ),
    "no pack of rules": (
        plant_operator,
        "warning closure: no rule closes 2 of 2 sites today.*; if one should, choose a pack",
    ),
    "worker silent": (
        lambda place: WorkerBeat.objects.update(beat_at=place.now - timedelta(hours=1)),
        "FAULT worker: silent since .*start `releve live work`",
    ),
    "no worker": (lambda place: WorkerBeat.objects.all().delete(), "warning worker: none ever ran"),
    "not sealed": (plant_unsealed, "FAULT ledger: entry .* has been under no root for"),
    "roots stay": (use("OUTSIDE", None), "warning ledger: roots stay on this disk"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_each_planted_fault_is_named_with_its_fix(place: Place, name: str) -> None:
    plant, says = PLANTS[name]
    plant(place)
    found = [str(finding) for finding in place.look()]
    assert any(re.match(says, line) for line in found), found
    assert all("; " in line and "\n" not in line for line in found)


def test_commits_that_do_not_wait_for_the_disk_are_named(place: Place) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's connections wait by their own settings")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
    (found,) = place.look()
    assert str(found).startswith("FAULT ledger: PostgreSQL acknowledges commits before")


def append_at(moment: datetime, stream: str) -> None:
    append_all([replace(draft_closure(1), recorded_at=moment, stream=stream)])


def test_an_entry_yet_to_come_is_named_though_others_follow_it_and_a_drill_s_is_not(place: Place) -> None:
    tomorrow = place.now + timedelta(days=1)
    append_at(tomorrow, "drill:1")
    append_at(place.now, live.LIVE)
    assert [str(finding) for finding in place.look()] == []
    append_at(tomorrow, live.LIVE)
    append_at(place.now, live.LIVE)
    assert [str(finding).partition(":")[0] for finding in place.look()] == ["FAULT clock"]


def test_an_operator_with_addresses_and_a_pack_of_rules_is_not_warned_of(place: Place) -> None:
    place.patch.setenv("RELEVE_SELF_TEST", "file=ops")
    plant_operator(place)
    choose_pack(valid_from=place.now.date() - timedelta(days=1))
    operator = live.operator_now()
    everyone = [("agent", row.id) for row in operator.agents]
    everyone += [("manager", "*"), *(("client", row.id) for row in operator.clients)]
    Contact.objects.bulk_create(
        Contact(role=role, who=who, channel="file", address="x", rank=1) for role, who in everyone
    )
    sign_root(place.now)
    place.now = datetime.now(UTC)
    assert [str(finding) for finding in place.look()] == []


def test_a_test_message_is_sent_where_one_is_asked_for(place: Place) -> None:
    assert place.look(send_to="ines@desk.example") == []
    (message,) = mail.outbox
    assert message.to == ["ines@desk.example"]
    assert PUBLIC in message.body


def test_a_database_that_cannot_be_reached_is_one_finding(place: Place) -> None:
    def refuse(*_: object) -> None:
        raise OSError("connection refused")

    server = SimpleNamespace(cursor=refuse, vendor="postgresql", settings_dict={"NAME": "releve"})
    place.patch.setattr("releve.upkeep.doctor.connection", server)
    (line,) = (str(finding) for finding in place.look())
    assert line.startswith("FAULT database: cannot be reached: connection refused; start its")


def test_a_proxy_of_other_tables_or_another_generation_is_named(
    fake: FakeProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_test_home(tmp_path / "home")
    operator = small_operator(address="10.1.0.1:5060")
    apply_changes(preview_changes(operator), "tests")
    environ = {
        "RELEVE_ROUTING": "kamailio",
        "RELEVE_KAMAILIO_PROXIES": f"paris={fake.url},{fake.path}",
        "RELEVE_KAMAILIO_SECRET": SECRET,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    asked = Examination(home, live.real_now(), environ)

    def look() -> list[str]:
        return [str(finding) for finding in check_proxies(asked)]

    (found,) = look()
    assert "kamailio:paris is configured by other numbers, trunks or campaigns" in found
    fake.configuration = compute_configuration_digest(operator)
    assert look() == []
    (row,) = (one for one in operator.programmes if one.id == "azur")
    changed = replace(row, numbers=("+33199000009",))
    other = replace(operator, programmes=(changed,))
    assert compute_configuration_digest(other) != fake.configuration
    old = live.real_now() - timedelta(days=365)
    Routes.objects.create(stream=live.LIVE, number=7, valid_from=old, made_at=old, content="x", body={})
    (found,) = look()
    assert "kamailio:paris holds generation 0 of the routes, not 7" in found


def test_a_gateway_that_sends_at_any_hour_and_is_set_up_is_no_finding(place: Place) -> None:
    ovh = "jsons://sms.ovhcloud.example/{address}?noStopClause=true"
    secret = {"RELEVE_REPLY_TWILIO_SECRET": DOCTOR_SECRET}
    plant_replies(place, RELEVE_APPRISE_URL=ovh, RELEVE_REPLIES="twilio", **secret)
    assert [str(one) for one in place.look() if one.check == "replies"] == []
    place.patch.setenv("RELEVE_APPRISE_QUIET", "22:00-08:00")
    Contact.objects.create(role="agent", who="a00001", channel="email", address="a@example.org", rank=2)
    assert [str(one) for one in place.look() if one.check == "replies"] == [], "a mail reaches the agent at night"
