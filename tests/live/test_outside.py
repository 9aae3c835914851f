"""Roots and the journal leave the house; a receipt that does not come is seen."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from releve.accounts import grants
from releve.accounts.person_erasure import AGENT, erase_agent
from releve.ledger import export
from releve.ledger.chain import append
from releve.ledger.models import JournalLine, OutgoingDocument
from releve.ledger.roots import sign_root
from releve.live import api as live
from releve.live import outside
from releve.live.clock import real_now
from releve.live.effect_queue import OUTSIDE, PermanentFailure, claim_effect, run_effect
from releve.live.models import Effect
from releve.live.worker import run_until_idle
from tests.routing.receivers import receiving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
IDENTITY = pyrage.x25519.Identity.generate()


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.HOME = tmp_path / "home"
    settings.BACKUP_TO = (str(IDENTITY.to_public()),)
    found = tmp_path / "elsewhere"
    found.mkdir()
    settings.OUTSIDE = str(found)
    return found


def note(number: int = 1) -> None:
    with transaction.atomic():
        append("note", {"number": number}, recorded_at=real_now())


def parts(folder: Path) -> list[export.JournalPart]:
    found = sorted(folder.glob("journal-*.age"))
    return [export.parse_part(path.read_bytes(), [IDENTITY]) for path in found]


def test_the_root_of_the_day_and_the_journal_arrive_with_a_receipt(folder: Path) -> None:
    note()
    run_until_idle()
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["journal-00000001.age", "root-000001.json"]
    (root,) = OutgoingDocument.objects.filter(name="root-000001.json")
    assert (root.receipt, bytes(root.content)) == ("read back from the folder", b"")
    (part,) = parts(folder)
    assert part.upto >= 1
    assert part.entries[0]["entry"]["body"] == {"number": 1}
    assert run_until_idle() == 0, "what has left does not leave again"


def test_an_act_leaves_in_a_form_that_this_house_cannot_read(folder: Path) -> None:
    erase_agent("agent-7", actor="ada")
    assert b"agent-7" not in bytes(JournalLine.objects.order_by("pk")[0].box)
    run_until_idle()
    assert not JournalLine.objects.exists()
    assert {"act": AGENT, "agent": "agent-7"} in parts(folder)[0].acts
    (document,) = folder.glob("journal-*.age")
    stranger = pyrage.x25519.Identity.generate()
    with pytest.raises(export.JournalFault, match="cannot be decrypted"):
        export.parse_part(document.read_bytes(), [stranger])
    with pytest.raises(export.JournalFault, match="not a part of the journal"):
        export.parse_part(b"{}\n", [IDENTITY])


def test_an_act_undone_by_its_transaction_is_not_in_the_journal() -> None:
    with pytest.raises(grants.AccessError):
        grants.close_account("unknown", by="tests")
    with transaction.atomic():
        export.note_act("x")
        transaction.set_rollback(True)
    assert not JournalLine.objects.exists()


def test_nothing_is_noted_without_a_recipient(settings: Settings, folder: Path) -> None:
    settings.BACKUP_TO = ()
    note()
    run_until_idle()
    assert [path.name for path in folder.iterdir()] == ["root-000001.json"]


def test_the_journal_leaves_once_a_minute_and_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        note(number)
    monkeypatch.setattr(export, "MOST_ENTRIES", 2)
    now = real_now()
    queued = [outside.queue_documents(now) for _ in range(4)]
    assert queued == [1, 1, 0, 0], "a part that is not full waits for a minute"
    assert outside.queue_documents(now + 2 * outside.JOURNAL_EVERY) == 1
    note(6)
    assert outside.queue_documents(now - timedelta(days=1)) == 1, "the clock was set back"
    run_until_idle()
    seqs = [row["entry"]["seq"] for part in parts(folder) for row in part.entries]
    assert seqs[:6] == [1, 2, 3, 4, 5, 6]


def test_a_folder_that_is_not_mounted_is_waited_for_and_seen(folder: Path) -> None:
    note()
    folder.rmdir()
    run_until_idle()
    assert live.find_overdue_documents(real_now()) == []
    later = real_now() + outside.OVERDUE_AFTER + timedelta(seconds=1)
    missing = live.find_overdue_documents(later)
    assert "root-000001.json" in missing
    OutgoingDocument.objects.update(made_at=real_now() - 2 * outside.OVERDUE_AFTER)
    found = live.check_readiness()
    assert (found.ready, found.without_receipt) == (True, len(missing)), "a warning"
    folder.mkdir()
    Effect.objects.update(next_at=real_now())
    run_until_idle()
    assert live.find_overdue_documents(later) == []


@pytest.mark.parametrize("answer", [{}, {"sha256": "0" * 64}, None])
def test_an_address_gives_the_digest_back_as_its_receipt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None
) -> None:
    sign = "correct horse battery staple 2026"
    monkeypatch.setenv("RELEVE_OUTSIDE_SECRET", sign)
    monkeypatch.setenv("RELEVE_OUTSIDE_PRIVATE", "yes")
    note()
    sign_root(real_now())
    with receiving() as receiver:
        monkeypatch.setenv("RELEVE_OUTSIDE", receiver.url)
        settings.OUTSIDE = receiver.url
        settings.BACKUP_TO = ()
        outside.queue_documents(real_now())
        (row,) = OutgoingDocument.objects.all()
        receiver.answer = {"sha256": row.digest} if answer is None else answer
        run_until_idle()
        row.refresh_from_db()
        assert (row.received_at is not None) is (answer is None)
        headers, body = receiver.requests[0]
        assert headers["x-releve-name"] == "root-000001.json"
        assert json.loads(body)["root"]["number"] == 1


def test_a_mailbox_gets_the_root_as_an_attachment(settings: Settings, mailoutbox: list[Any]) -> None:
    settings.OUTSIDE, settings.BACKUP_TO = "mailto:auditor@example.org", ()
    settings.EMAIL_HOST = "mail.example.org"
    note()
    run_until_idle()
    (mail,) = mailoutbox
    assert mail.attachments[0][0] == "root-000001.json"
    assert OutgoingDocument.objects.get().receipt == "accepted by the mail server"


def test_the_root_s_commit_waits_for_the_disk_whatever_the_server_s_default(monkeypatch: pytest.MonkeyPatch) -> None:
    note()
    found: list[str] = []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            assert cursor.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
            return
        cursor.execute("SET synchronous_commit TO off")

    def look(size: int, number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            found.append(cursor.fetchone()[0])

    monkeypatch.setattr("releve.ledger.roots.extend_tree", look)
    monkeypatch.setattr("releve.ledger.roots.tree_hash", lambda *_: b"")
    sign_root(real_now())
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO on")
    assert found == ["on"]


def plant_other_root(folder: Path) -> Path:
    """Let another copy of this installation have written the first root into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "root-000001.json"
    path.write_text("of another copy\n")
    return path


def test_a_root_of_another_copy_in_the_folder_is_not_overwritten_and_seen(folder: Path) -> None:
    path = plant_other_root(folder)
    note()
    run_until_idle()
    assert path.read_text() == "of another copy\n"
    aside = Effect.objects.get(kind="leave", state=Effect.ASIDE)
    assert "nothing was overwritten" in aside.error
    assert [row.pk for row in live.list_effects_aside("live")] == [aside.pk], "shown on Now"
    assert OutgoingDocument.objects.get(name="root-000001.json").received_at is None


@pytest.mark.parametrize("where", ["mailto:auditor@example.org", "address"])
def test_another_root_among_those_of_the_home_leaves_by_no_mail_and_to_no_address(
    where: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    monkeypatch.setenv("RELEVE_OUTSIDE_SECRET", "correct horse battery staple 2026")
    monkeypatch.setenv("RELEVE_OUTSIDE_PRIVATE", "yes")
    settings.BACKUP_TO, settings.EMAIL_HOST = (), "mail.example.org"
    note()
    sign_root(real_now())
    plant_other_root(settings.HOME / "roots")
    with receiving() as receiver:
        settings.OUTSIDE = receiver.url if where == "address" else where
        monkeypatch.setenv("RELEVE_OUTSIDE", settings.OUTSIDE)
        outside.queue_documents(real_now())
        run_effect(claim_effect((OUTSIDE,), "tests"))
        assert receiver.requests == []
    assert mailoutbox == []
    assert "nothing was overwritten" in Effect.objects.get(kind="leave").error


def test_a_part_of_the_journal_is_not_sent_where_another_was_received(folder: Path) -> None:
    note()
    run_until_idle()
    row = OutgoingDocument.objects.get(name="journal-00000001.age")
    OutgoingDocument.objects.filter(pk=row.pk).update(received_at=None, digest="0" * 64)
    effect = Effect.objects.get(key="leave:journal-00000001.age")
    with pytest.raises(PermanentFailure, match=r"another journal-00000001\.age was received"):
        outside.send_document(effect)
