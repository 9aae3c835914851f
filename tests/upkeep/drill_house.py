"""The house of the restore drill: what each of its processes does, and says as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import django
from click.testing import CliRunner

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from releve.accounts import grants  # noqa: E402
from releve.accounts.models import User  # noqa: E402
from releve.accounts.person_erasure import erase_agent  # noqa: E402
from releve.cli.backup import save_backup  # noqa: E402
from releve.cli.main import main  # noqa: E402
from releve.ledger.chain import append, read_head  # noqa: E402
from releve.ledger.keys import public_key  # noqa: E402
from releve.ledger.models import LedgerEntry, OutgoingDocument, PersonalValue  # noqa: E402
from releve.ledger.rollback import RESTORED, roots_folder  # noqa: E402
from releve.ledger.roots import publish_root  # noqa: E402
from releve.ledger.seal import seal_ledger  # noqa: E402
from releve.live.effect_queue import queue_effects  # noqa: E402
from releve.live.escalation import build_send_effect  # noqa: E402
from releve.live.models import Activation, Effect, Message, Relief  # noqa: E402
from releve.live.outside import queue_documents  # noqa: E402
from releve.live.worker import run_until_idle  # noqa: E402
from releve.plugins.outbound.gate.connections import open_connection  # noqa: E402
from releve.plugins.outbound.gate.decision import PendingQuestion  # noqa: E402
from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request  # noqa: E402
from releve.upkeep.migrations import make_tables  # noqa: E402
from tests.gate.sample_campaign import brief, open_rules, question, read_feeds, record_people  # noqa: E402
from tests.gate.sync_decisions import build_decider  # noqa: E402

PASSWORD = "correct horse battery 2026"


def build() -> None:
    """Record agents, an account, people who consented, and a message that is about to leave."""
    make_tables()
    public_key()  # made by `releve init`, before any backup
    (settings.HOME / "rules").mkdir(exist_ok=True)
    (settings.HOME / "rules" / "house.yaml").write_text("rows: []\n")
    grants.give_role("bob", grants.RoleRequest("administrator"), by="command line")
    for name in ("amina", "zoe"):
        grants.give_role(name, grants.RoleRequest("administrator"), by="command line", password=PASSWORD)
    User.objects.filter(username__in=("amina", "zoe")).update(last_login=timezone.now())
    with transaction.atomic():
        for agent in ("agent-7", "agent-8"):
            append("case.noted", {"agent": ""}, personal={"agent": agent}, subject=agent, recorded_at=timezone.now())
    record_people(range(2))
    at = timezone.now()
    plan = Activation.objects.create(at=at, by="drill", version=1)
    relief = Relief.objects.create(
        stream="live", generation=1, source="planned", lost={}, activation=plan, cause=1,
        from_at=at, asked_at=at, made_at=at,
    )  # fmt: skip
    message = Message.objects.create(
stream="live", relief=relief, kind="unanswered", role="manager", who="casa-1", site="casa-1",
        about={"site": "Casablanca"}, token="t", rank=1,
    )  # fmt: skip
    with transaction.atomic():
        queue_effects([build_send_effect(message)])


def go_on() -> None:
    """Do what happens after the backup: the message, an erasure, a withdrawal, a closed account."""
    run_until_idle()
    erase_agent("agent-7", actor="drill")
    record_request(PhoneRequest("k1", question(0, "x").to, "stop"), by="drill")
    grants.close_account("bob", by="drill")
    with transaction.atomic():
        append("note", {"text": "after the backup"}, recorded_at=timezone.now())
    queue_documents(timezone.now() + timedelta(minutes=2))
    run_until_idle()


def live() -> None:
    """Live until the fire: with a backup on the way."""
    build()
    save_backup(Path(sys.argv[2]), ())
    go_on()
    look()


def revive() -> None:
    """Go on as a restored house: look, read the registers, call, seal, verify."""
    look()
    read_feeds()
    print(json.dumps({"calls": [ask(person) for person in range(2)]}))
    for arguments in (["seal"], ["verify", "--root", sys.argv[2]]):
        done = CliRunner().invoke(main, ["ledger", *arguments])
        assert done.exit_code == 0, done.output


def verify() -> None:
    """Declare the loss, then verify the ledger beside the root that it lost; print what it says."""
    declare()
    for arguments in (["seal"], ["verify", "--root", sys.argv[2]]):
        done = CliRunner().invoke(main, ["ledger", *arguments])
        assert done.exit_code == 0, done.output
    assert "had them are lost" in done.output
    (body,) = LedgerEntry.objects.filter(kind=RESTORED).values_list("body", flat=True)
    print(body)


def declare() -> None:
    """Have two administrators declare lost what is missing, each with the own password."""
    done = CliRunner().invoke(
        main,
        ["ledger", "declare-loss", "amina", "zoe", "--reason", "the disk of the server is gone"],
        input=f"{PASSWORD}\n{PASSWORD}\n",
    )
    assert done.exit_code == 0, done.output
    print(done.output)


def begin() -> None:
    """Live through a first day: it is sealed, and leaves."""
    build()
    run_until_idle()
    print_state()


def go_on_by(*texts: str) -> None:
    """Live on: record notes, seal, publish, and let it leave with the journal."""
    for text in texts:
        with transaction.atomic():
            append("note", {"text": text}, recorded_at=timezone.now())
    publish_root(seal_ledger(timezone.now()), roots_folder())
    queue_documents(timezone.now() + timedelta(minutes=2))
    run_until_idle()
    print_state()


def print_state() -> None:
    """Print the notes, and where the ledger ends."""
    notes = LedgerEntry.objects.filter(kind="note").order_by("seq").values_list("body", flat=True)
    head = read_head()
    print(json.dumps({
        "notes": [json.loads(body)["text"] for body in notes], "entries": head.seq,
        "head": head.hash, "aside": list(Effect.objects.filter(state=Effect.ASIDE, kind="leave")
                                         .values_list("key", "error")),
        "unsent": list(OutgoingDocument.objects.filter(received_at=None)
                       .values_list("name", flat=True)),
    }))  # fmt: skip


def look() -> None:
    """Say how the house stands, after its worker has run."""
    run_until_idle()
    said = {
        "vendor": connection.vendor,
        "entries": read_head().seq,
        "subjects": sorted(set(PersonalValue.objects.values_list("subject", flat=True)) - {""}),
        "bob": User.objects.get(username="bob").is_active,
        "letters": sorted(path.name for path in (Path(settings.HOME) / "outbox").glob("*.json")),
        "aside": list(Effect.objects.filter(state=Effect.ASIDE).values_list("kind", flat=True)),
        "calls": [ask(person) for person in range(2)],
        "rules": (Path(settings.HOME) / "rules" / "house.yaml").is_file(),
    }
    print(json.dumps(said))


def ask(person: int) -> str:
    decider = build_decider(open_rules, open_connection)
    asked = PendingQuestion(question(person, f"c{time.time_ns()}"), time.monotonic() + 10)
    (reply,) = asyncio.run(decider.answer([asked]))
    decider.close()
    return brief(reply)


if __name__ == "__main__":
    step = sys.argv[1]
    go_on_by(*sys.argv[2:]) if step == "go_on_by" else globals()[step]()
