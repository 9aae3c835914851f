"""Who has not answered at any address is absent for the shifts that begin soon, so that a relief puts others there.

An empty place is worth a call that is lost; one person too many is worth nothing lost, and goes away by the answer
"I come". So silence counts, but only where it says something of the person: a message was sent, every address was
tried, and the shift takes the person elsewhere or at another time, within ``RELEVE_NO_ANSWER_ABSENT_HOURS`` (4 when
not set: the time others take to be called and to come; 0: never). Where more than half of those who were written to
are silent, the channel fails or the night is on, and no absence is recorded: people call.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from releve import environment
from releve.ledger import chain as ledger
from releve.live.answers import state_absence
from releve.live.clock import now
from releve.live.contacts import name_message
from releve.live.effect_queue import append_entries
from releve.live.errors import Refused
from releve.live.event_service import is_recorded
from releve.live.models import Message
from releve.live.situation_cache import situation_now
from releve.plan.work_changes import WorkKind
from releve.situation import AgentUnavailable

_ELSEWHERE = frozenset({WorkKind.HOME, WorkKind.SITE, WorkKind.CALLED_IN, WorkKind.HOURS})
_FEW = 3
"""Silent people who never say that a channel fails: half of a handful is no sign."""


def read_silence_hours() -> float:
    return float(environment.read_text(os.environ, "RELEVE_NO_ANSWER_ABSENT_HOURS", "4"))


def says_channel_fails(stream: str) -> bool:
    """Return whether so many are silent that their silence says nothing of them."""
    sent = Message.objects.filter(stream=stream, kind="agent", replaced=False, sent_at__isnull=False)
    sent = sent.filter(Q(over_at=None) | Q(over_at__gt=now(stream)))
    silent = sent.filter(exhausted=True, acknowledged_at=None, unclear_at=None).count()
    return silent > _FEW and 2 * silent > sent.count()


def record_silence(stream: str) -> int:
    """Record the absences that are due; return how many people's."""
    _note_returns(stream)
    hours, at = read_silence_hours(), now(stream)
    rows = Message.objects.filter(stream=stream, kind="agent", replaced=False, exhausted=True, sent_at__isnull=False)
    rows = rows.filter(Q(over_at=None) | Q(over_at__gt=at), acknowledged_at=None, absent=False, unclear_at=None)
    due = [row for row in rows.exclude(channel=Message.NO_ADDRESS) if _list_due(row, at, hours)] if hours > 0 else []
    if not due or says_channel_fails(stream):
        return 0
    return sum(_record_absences(message, at, hours) for message in due)


def _note_returns(stream: str) -> None:
    """Await answers again of those whose absence is over, or was ended by a user."""
    rows = Message.objects.filter(stream=stream, silent=True, acknowledged_at=None)
    if not rows.exists():
        return
    at, absences = now(stream), situation_now(stream).absences
    for message in rows:
        said = (row for row in absences.get(message.who, ()) if row.actor == AgentUnavailable.BY_SILENCE)
        if not any(row.until is None or row.until > at for row in said):
            Message.objects.filter(pk=message.pk, acknowledged_at=None).update(silent=False, substituted=False)


def _list_due(message: Message, at: datetime, hours: float) -> list[tuple[str, datetime, datetime]]:
    """Return the key and the times of each shift of a message for which silence is to be recorded."""
    found, until = [], at + timedelta(hours=hours)
    for number, shift in enumerate(message.about.get("shifts", ())):
        if shift["place"] is None or shift.get("kind") not in _ELSEWHERE:
            continue
        start, end = (datetime.fromisoformat(shift[name]) for name in ("start", "end"))
        key = f"silence-{message.pk}-{number}"
        if start <= until and end > at and not is_recorded(key, message.stream):
            found.append((key, max(at, start), end))
    return found


def _record_absences(message: Message, at: datetime, hours: float) -> bool:
    with transaction.atomic():
        ledger.lock_head()
        found = Message.objects.filter(pk=message.pk, acknowledged_at=None, unclear_at=None, replaced=False).first()
        if found is None:  # answered, or notified otherwise, meanwhile
            return False
        try:
            with transaction.atomic():
                for key, start, end in _list_due(found, at, hours):
                    state_absence(found, key, start, end, AgentUnavailable.BY_SILENCE)
        except Refused:  # the agent has left: people see to it
            return False
        Message.objects.filter(pk=message.pk).update(silent=True)
        append_entries(message.stream, [("message.absent", name_message(found))])
    return True
