"""What a test of killed processes runs in processes of their own: ``python -m tests.live.killed_processes NAME ...``.

The product's own commands, on the clock of the test, and what prepares and checks their database.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["PROGRAM", "main"]

real_now: Any = None
"""The clock before it was put ahead."""
PROGRAM = "switchboard"
"""The program whose token the events are sent with."""


def main(name: str, *arguments: str) -> None:
    """Put the clock ahead and run a function of this module; no database is opened."""
    import django

    django.setup()
    from django.utils import timezone

    global real_now
    real_now = timezone.now
    ahead = timedelta(seconds=float(os.environ["TEST_CLOCK_AHEAD_SECONDS"]))
    moved = os.environ.get("TEST_CLOCK_FILE")
    timezone.now = lambda: real_now() + ahead + (_read_shift(moved) if moved else timedelta())
    functions = (address, age, check, check_gate, check_replies, prepare, prepare_gate, run, run_gate, run_into, settle)
    {function.__name__: function for function in functions}[name](*arguments)


def _read_shift(path: str) -> timedelta:
    """Return by how much a test has moved the clock under processes that run."""
    return timedelta(seconds=float(Path(path).read_text(encoding="ascii")))


def run(*arguments: str) -> None:
    """Run a ``releve`` command on the clock of the test until it is killed, or ends."""
    from releve.cli import main as releve

    releve(list(arguments), standalone_mode=False)


def run_gate(*arguments: str) -> None:
    """Run the gate on the database's clock, which no test moves."""
    from django.utils import timezone

    timezone.now = real_now
    run(*arguments)


def run_into(out: str, *arguments: str) -> None:
    """Run a ``releve`` command as a user does; what it prints goes into a file."""
    from releve.cli import main as releve

    for stream in (1, 2):
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    releve(list(arguments))


def prepare_gate(people: str) -> None:
    """Record a campaign and people who may be called, at any hour."""
    from django.conf import settings
    from django.utils import timezone

    from releve.cli.database import open_new_database
    from tests.gate.sample_campaign import AT_ANY_HOUR, record_people

    timezone.now = real_now
    (settings.HOME / "law" / "open.yaml").write_text(AT_ANY_HOUR, encoding="utf-8")
    open_new_database()
    record_people(range(int(people)))


def age(seconds: str) -> None:
    """Let what waits, and what workers reported, be older by so many seconds."""
    from django.db.models import F

    from releve.live.models import Effect, WorkerBeat

    by = timedelta(seconds=float(seconds))
    Effect.objects.filter(state=Effect.QUEUED).update(made_at=F("made_at") - by, next_at=F("next_at") - by)
    WorkerBeat.objects.update(beat_at=F("beat_at") - by, decided_at=F("decided_at") - by)


def check_gate(out: str) -> None:
    """Write the gate's decisions and attempts to a file, as JSON."""
    from tests.gate.gate_processes import write_state

    write_state(os.environ, out)


def prepare(out: str) -> None:
    """Import an operator, put the plans of its first days in force, give a token; write it out."""
    from django.utils import timezone

    from releve.accounts import tokens
    from releve.accounts.grants import RoleRequest
    from releve.accounts.two_people import COMMAND_LINE
    from releve.cli.database import open_new_database
    from releve.live import api as live
    from releve.registry.service import apply_changes, preview_changes
    from tests.live.scenario import three_days

    open_new_database()
    operator, plans = three_days()
    apply_changes(preview_changes(operator), "tests")
    live.put_in_force(plans, by="tests")
    until = (timezone.now() + timedelta(days=7)).date()
    _, secret = tokens.issue_token(PROGRAM, RoleRequest("continuity", last_day=until), by=COMMAND_LINE)
    document = {
        "token": secret,
        "sites": [site.id for site in operator.sites],
        "agents": [agent.id for agent in operator.agents],
        "day": plans[0].day.isoformat(),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")


def address(contacts: str) -> None:
    """Import the addresses of people from a file."""
    from releve.live import api as live

    live.import_contacts(Path(contacts).read_bytes(), by="tests")


def check_replies(out: str) -> None:
    """Write the newest messages to agents to a file, as JSON, with what answers made of them."""
    from releve.ledger.chain import iter_entries
    from releve.live import api as live
    from releve.live.models import Message, ReplyReceipt

    entries = list(iter_entries(live.LIVE))
    answered = Counter(row.body["message"] for row in entries if row.kind == "message.acknowledged")
    absences = live.situation_now(live.LIVE).absences
    scene = live.load_scene(live.LIVE)
    assert scene is not None
    placed = [row for day in scene.days for row in scene.list_placements(day) if row.end > scene.at]

    def works_as_said(message: Message) -> bool:
        said = [shift for shift in message.about["shifts"] if shift["place"] is not None]
        spans = [(datetime.fromisoformat(shift["start"]), datetime.fromisoformat(shift["end"])) for shift in said]
        own = [row for row in placed if row.agent == message.who]
        return any(start < row.end and row.start < end for row in own for start, end in spans)

    rows = [
        {
            "agent": row.who, "message": str(row.pk), "token": row.token, "channel": row.channel, "answer": row.answer,
            "open": bool((found := live.find_letter(row.token, "fr")) and found.open),
            "sent": row.sent_at is not None, "unclear": row.unclear_at is not None, "substituted": row.substituted,
            "shifts": sum(shift["place"] is not None for shift in row.about["shifts"]),
            "absences": [[str(one.start), str(one.until)] for one in absences.get(row.who, ())],
            "answered": answered[str(row.pk)], "working": works_as_said(row),
        }
        for row in Message.objects.filter(stream=live.LIVE, kind="agent", replaced=False)
    ]  # fmt: skip
    receipts = list(ReplyReceipt.objects.values_list("gateway", "outcome"))
    Path(out).write_text(json.dumps({"messages": rows, "receipts": receipts}), encoding="utf-8")


def settle() -> None:
    """End once nothing is left to do: an effect that waits, or a relief that is not made yet."""
    from releve.live.models import Effect
    from releve.live.stream_state import load_scene

    until = time.monotonic() + 240
    quiet = 0
    while quiet < 10:
        scene = load_scene("live")
        busy = Effect.objects.filter(state__in=("queued", "claimed")).exists()
        quiet = 0 if busy or scene is None or scene.unanswered else quiet + 1
        assert time.monotonic() < until, "there is still something to do"
        time.sleep(0.2)


def check(out: str) -> None:
    """Write what stands in the database to a file, as JSON."""
    from django.conf import settings

    from releve.ledger.chain import iter_entries, serialize_entry
    from releve.ledger.digests import NO_HASH, hash_entry
    from releve.ledger.models import LedgerEntry
    from releve.live.models import Effect, IdempotencyKey, Message, Relief, Routes

    prev, broken = NO_HASH, []
    for number, row in enumerate(LedgerEntry.objects.order_by("seq"), 1):
        if (row.seq, row.prev, row.hash) != (number, prev, hash_entry(serialize_entry(row))):
            broken.append(row.seq)
        prev = row.hash
    kinds = [(row.kind, json.dumps(row.body, sort_keys=True)) for row in iter_entries("live")]
    once = ("routing.published", "message.sent", "message.written", "relief.made", "people.notified")
    twice = [body for (kind, body), n in Counter(kinds).items() if kind in once and n > 1]
    newest = Routes.objects.order_by("number").last()
    document = {
        "routes": None if newest is None else newest.number,
        "broken": broken,
        "acts": {row.key: row.seq for row in IdempotencyKey.objects.all()},
        "events": Counter(kind for kind, _ in kinds),
        "twice": twice,
        "effects": Counter(Effect.objects.values_list("state", flat=True)),
        "errors": list(Effect.objects.exclude(error="").values_list("key", "error")),
        "again": Effect.objects.filter(attempts__gt=1).count(),
        "perhaps": [
            row.body["message"] for row in Effect.objects.filter(kind="send") if row.result.get("perhaps_sent")
        ],
        "sent": [str(m.pk) for m in Message.objects.exclude(channel="")],
        "letters": [path.stem[:-2] for path in (settings.HOME / "outbox").glob("*.json")],
        "generations": list(Relief.objects.order_by("generation").values_list("generation", flat=True)),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
