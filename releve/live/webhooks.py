"""Webhooks of events: what a subscription's program may see, sent to its address as it is recorded.

An entry is one CloudEvent 1.0 (structured, ``application/cloudevents+json``), signed as Standard Webhooks 1.0.0
has it. Entries go in their order, each once it was accepted (2xx) the next: the cursor is stored after the answer,
so that a worker that is killed in between sends that entry again under the same ``webhook-id``, and none is left
out. A receiver that is away, or refuses all (401, 404), keeps its place for as long as it takes. One that refuses an
entry (400, 409, 413, 415, 422) :data:`MOST_REFUSALS` times gets the next; the entry becomes a dead letter. 410 ends
the sending until a person resumes it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from pydantic import TypeAdapter

from releve.accounts.models import DeadLetter, Subscription, User
from releve.accounts.reach import EntryAccess, EntryView, load_entries_after, load_entry
from releve.accounts.subscriptions import read_secrets
from releve.accounts.tokens import build_program
from releve.errors import ReleveError
from releve.ledger.chain import read_head
from releve.live.clock import real_now

WAITS = (5, 30, 120, 300, 600)
"""Seconds after the first, second... failure in a row; the last one for all that follow."""
LONGEST_WAIT = 3600
"""Seconds that a receiver may ask for (``Retry-After``)."""
MOST_REFUSALS = 5
ROUND_SECONDS = 20.0
LEASE = timedelta(seconds=90)
"""Longer than a round and the time-out of its last request."""
TIMEOUT_SECONDS = 15.0
_SOON = timedelta(minutes=1)
_REFUSED = (400, 409, 413, 415, 422)
_GONE = 410
_DATA = TypeAdapter(EntryView)
_log = logging.getLogger("releve.live")


def deliver_events(is_stopping: Callable[[], bool]) -> bool:
    """Send to each subscription what is new, for some seconds each; return whether to look again within a minute."""
    again, now = False, real_now()
    waiting = Subscription.objects.filter(paused=False).select_related("token")
    head = read_head().seq if waiting else 0
    for row in waiting:
        asked = DeadLetter.objects.filter(subscription=row, asked=True).exists()
        if is_stopping() or (row.after == head and not asked):
            continue
        program = build_program(row.token, now)
        if program is None:
            continue
        if row.next_at is not None and row.next_at > now:
            again = again or row.next_at - now < _SOON
        elif _claim(row, now):
            again = _run_round(row, program, is_stopping) or again
    return again


def _claim(row: Subscription, now: datetime) -> bool:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    mine = Subscription.objects.filter(free, pk=row.pk, after=row.after, paused=False)
    return bool(mine.update(claimed_until=now + LEASE))


def _run_round(row: Subscription, program: User, is_stopping: Callable[[], bool]) -> bool:
    """Send what a claimed subscription waits for; return whether more is waiting."""
    until, eyes = time.monotonic() + ROUND_SECONDS, EntryAccess.for_user(program)
    try:
        _send_dead_letters(row, eyes)
        feed = load_entries_after(eyes, row.after, stream=row.stream)
        if feed is None:
            error = f"the ledger ends before {row.after}: it was put back to an earlier state, or is another one"
            return _set(row, paused=True, error=error)
        for entry in feed.entries:
            if is_stopping() or time.monotonic() >= until:
                return True
            if not _wants(row, entry):
                row.after = entry.seq
            elif not _send_next(row, entry):
                return _is_soon(row)
        row.after = feed.last
        return row.after < read_head().seq
    finally:
        _move(row)
        Subscription.objects.filter(pk=row.pk).update(claimed_until=None)


def _wants(row: Subscription, entry: EntryView) -> bool:
    return not entry.concealed and (not row.kinds or entry.kind in row.kinds)


def _send_next(row: Subscription, entry: EntryView) -> bool:
    """Send the next entry; return whether to go on with the one after it."""
    now = real_now()
    status, error, later = _send(row, entry)
    if 200 <= status < 300:
        row.after, row.attempts, row.failing_since, row.next_at = entry.seq, 0, None, None
        _move(row)
        _set(row, attempts=0, failing_since=None, next_at=None, error="", delivered_at=now)
        return True
    row.attempts += 1
    if status == _GONE:
        _log.warning("webhook %s is paused: %s", row.name, error)
        return _set(row, paused=True, error=error)
    if status in _REFUSED and row.attempts >= MOST_REFUSALS:
        _log.warning("webhook %s: entry %d is a dead letter: %s", row.name, entry.seq, error)
        DeadLetter.objects.get_or_create(subscription=row, seq=entry.seq, defaults={"at": now, "error": error})
        row.after, row.attempts = entry.seq, 0
        _move(row)
        _set(row, attempts=0, failing_since=None, next_at=None, error=error)
        return True
    if row.failing_since is None:
        _log.warning("webhook %s fails: %s", row.name, error)
        row.failing_since = now
    wait = WAITS[min(row.attempts, len(WAITS)) - 1]
    row.next_at = now + timedelta(seconds=max(wait, later))
    return _set(row, attempts=row.attempts, failing_since=row.failing_since, next_at=row.next_at, error=error)


def _send_dead_letters(row: Subscription, eyes: EntryAccess) -> None:
    """Send once more what was asked for; what is refused again stays, and is not asked for any more."""
    for dead in DeadLetter.objects.filter(subscription=row, asked=True):
        entry = load_entry(dead.seq, eyes)
        status, error, _later = (200, "", 0) if entry is None or entry.concealed else _send(row, entry)
        if 200 <= status < 300:
            dead.delete()
        else:
            DeadLetter.objects.filter(pk=dead.pk).update(asked=False, at=real_now(), error=error)


def _send(row: Subscription, entry: EntryView) -> tuple[int, str, int]:
    """Return the status (0: no answer), what went wrong in one line, and the seconds the receiver asks to wait."""
    import httpx

    from releve.routing.webhook import parse_address, send_pinned

    private = settings.EVENTS_PRIVATE
    url = parse_address(row.url, private=private)
    if url is None:
        return 0, "the address is not https://host/path", 0
    name, body = f"{entry.seq}-{entry.hash[:16]}", build_event(entry)
    try:
        headers = sign(read_secrets(row, real_now()), name, int(real_now().timestamp()), body)
        timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=5.0)
        headers["Content-Type"] = "application/cloudevents+json"
        answer = send_pinned("POST", url, body, headers, private=private, timeout=timeout)
    except ReleveError as error:
        return 0, str(error)[:300], 0
    later = int(answer.retry_after) if answer.retry_after.isascii() and answer.retry_after.isdigit() else 0
    return answer.status, f"the receiver answered {answer.status}", min(later, LONGEST_WAIT)


def build_event(entry: EntryView) -> bytes:
    """Return an entry as a CloudEvent; its ``data`` is what ``GET /api/v1/events`` has of it."""
    event = {
        "specversion": "1.0",
        "id": f"{entry.seq}-{entry.hash[:16]}",
        "source": f"{settings.DESK_URL}/ledger",
        "type": f"releve.{entry.kind}",
        "time": entry.recorded_at,
        **({"subject": entry.site} if entry.site else {}),
        "sequence": f"{entry.seq:010}",
        "datacontenttype": "application/json",
        "data": _DATA.dump_python(entry, mode="json"),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def sign(keys: Sequence[bytes], name: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks: one signature per key."""
    signed = f"{name}.{timestamp}.".encode() + body
    codes = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{code}" for code in codes),
    }


def _move(row: Subscription) -> None:
    """Store how far a subscription has come; it never goes back."""
    Subscription.objects.filter(pk=row.pk, after__lt=row.after).update(after=row.after)


def _set(row: Subscription, **state: object) -> bool:
    Subscription.objects.filter(pk=row.pk).update(**state)
    return False


def _is_soon(row: Subscription) -> bool:
    return row.next_at is not None and row.next_at - real_now() < _SOON
