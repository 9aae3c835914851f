"""The effect "send", the escalation of unanswered messages, and the acknowledgements.

A message goes to the person's first address; without an acknowledgement within
``RELEVE_ESCALATE_MINUTES`` (15 when not set) it goes to the next one; after the last, the person's
manager receives the number of agents who have not answered. A drill writes every message to a file
of its own.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from releve import environment
from releve.files.plan_folder import build_calendars
from releve.ledger import chain as ledger
from releve.live.channels import CHANNELS, ByFile, Channel, Letter
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.current_operator import operator_now
from releve.live.effect_handlers import register_aside_hook, register_handler
from releve.live.effect_queue import EffectOutcome, append_entries, queue_effects
from releve.live.errors import NoSuch
from releve.live.message_texts import write_message
from releve.live.models import Contact, Effect, Message, Relief
from releve.live.notifications import build_send_effect
from releve.live.plans import load_day_plan
from releve.live.stream_state import read_placement

__all__ = [
    "AcknowledgeResult",
    "MessageCounts",
    "acknowledge",
    "count_messages",
    "escalate_messages",
    "send_message",
]

_BATCH = 200


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many people were notified, and of those: to how many a message was sent, who answered,
    who have not yet, and who have no address left (``exhausted``, counted in ``waiting`` too)."""

    notified: int
    sent: int
    acknowledged: int
    waiting: int
    exhausted: int


@dataclass(frozen=True, slots=True)
class AcknowledgeResult:
    """An answer: when it first came, and whether it had come ``before``."""

    stream: str
    at: datetime
    before: bool


@register_handler("send")
def send_message(effect: Effect) -> EffectOutcome:
    """Send a message to one address, unless it was answered or moved on to another address."""
    message = Message.objects.select_related("relief__activation").get(pk=effect.body["message"])
    if message.acknowledged_at is not None or message.rank != effect.body["rank"]:
        return _skip_effect(effect, "answered")
    if not message.about:
        return _skip_effect(effect, "erased")
    if _filter_newer(message).exists():
        return _skip_effect(effect, "overtaken")
    name, address, language = _choose_address(message)
    subject, text = write_message(
        message.kind,
        _build_parameters(message),
        language,
        f"{_desk_url()}/ack/{message.token}",
        drill=is_drill(message.stream),
    )
    key = f"{message.pk}-{message.rank}"
    _choose_channel(message.stream, name).send(
        address, Letter(key, subject, text, _build_calendar(message))
    )

    def store() -> None:
        at = now(message.stream)
        Message.objects.filter(pk=message.pk, sent_at=None).update(sent_at=at)
        if not _filter_newer(message).exists():
            Message.objects.filter(pk=message.pk, rank=message.rank).update(
                due_at=at + _read_patience()
            )

    body = {"message": str(message.pk), "channel": name, "rank": message.rank}
    return EffectOutcome({"channel": name}, (("message.sent", body),), store=store)


def _skip_effect(effect: Effect, why: str) -> EffectOutcome:
    """Return that nothing is sent; a worker that was killed over it may have sent it before."""
    return EffectOutcome(
        {"skipped": why, **({"perhaps_sent": True} if effect.attempts > 1 else {})}
    )


def _filter_newer(message: Message) -> QuerySet[Message]:
    """Return newer messages to the same person, after which an older one is not sent."""
    return Message.objects.filter(
        stream=message.stream,
        kind=message.kind,
        role=message.role,
        who=message.who,
        relief__generation__gt=message.relief.generation,
    )


@register_aside_hook("send")
def _try_next_address(effect: Effect) -> None:
    """Try the next address at once when one does not work."""
    rows = Message.objects.filter(pk=effect.body["message"], rank=effect.body["rank"])
    for message in rows.filter(acknowledged_at=None).select_related("relief"):
        if not _filter_newer(message).exists():
            rows.update(due_at=now(effect.stream))


def _choose_address(message: Message) -> tuple[str, str, str]:
    """Return channel, address and language; a file where the person has no address."""
    contacts = _list_contacts(message.role, message.who)
    if not contacts:
        return "file", "", "fr"
    contact = contacts[min(message.rank, len(contacts)) - 1]
    return contact.channel, contact.address, contact.language


def _list_contacts(role: str, who: str) -> list[Contact]:
    found = list(Contact.objects.filter(role=role, who=who))
    if not found and role == "manager":
        found = list(Contact.objects.filter(role=role, who="*"))
    return found


def _choose_channel(stream: str, name: str) -> Channel:
    if is_drill(stream):
        return ByFile(settings.HOME / "drills" / stream.partition(":")[2] / "outbox")
    return CHANNELS[name]


def _build_parameters(message: Message) -> dict[str, object]:
    about = dict(message.about)
    if message.kind == "unanswered":
        about["count"] = _filter_unanswered(message).count()
    return about


def _filter_unanswered(message: Message) -> QuerySet[Message]:
    return Message.objects.filter(
        relief=message.relief_id, role="agent", site=message.site, acknowledged_at=None
    )


def _build_calendar(message: Message) -> bytes:
    """Return the new shifts of an agent as iCalendar; each takes the place of the day's old one."""
    if message.kind != "agent":
        return b""
    found = message.relief.activation
    plans = []
    for shift in message.about["shifts"]:
        if shift["place"] is not None:
            plan = load_day_plan(found.days[shift["day"]], found.version).plan
            row = read_placement(message.who, shift["row"])
            plans.append(replace(plan, placements=(row,)))
    return next((data for _, data in build_calendars(plans, real_now())), b"")


def _desk_url() -> str:
    return environment.read_text(os.environ, "RELEVE_DESK_URL", "http://127.0.0.1:8000").rstrip("/")


def _read_patience() -> timedelta:
    return timedelta(
        minutes=float(environment.read_text(os.environ, "RELEVE_ESCALATE_MINUTES", "15"))
    )


def escalate_messages(stream: str) -> int:
    """Try the next address of all who have not answered in time; return how many they were."""
    due = Message.objects.filter(
        stream=stream, acknowledged_at=None, exhausted=False, due_at__lte=now(stream)
    )
    if not due.exists():
        return 0
    with transaction.atomic():
        ledger.lock_head()
        rows = list(due.select_related("relief")[:_BATCH])
        queue_effects(build_send_effect(message) for message in _move_to_next_address(rows))
        append_entries(
            stream,
            [
                (
                    "message.unanswered" if message.exhausted else "message.escalated",
                    {"message": str(message.pk), "rank": message.rank},
                )
                for message in rows
            ],
        )
    return len(rows)


def _move_to_next_address(rows: Iterable[Message]) -> list[Message]:
    """Move messages on to their next address and return those to be sent now."""
    out: list[Message] = []
    for message in rows:
        message.due_at = None
        if message.rank < len(_list_contacts(message.role, message.who)):
            message.rank += 1
            out.append(message)
        else:
            message.exhausted = True
            if message.role == "agent":
                out += _build_manager_message(message)
        message.save(update_fields=["due_at", "rank", "exhausted"])
    return out


def _build_manager_message(message: Message) -> list[Message]:
    """Return the message to a site's manager about unanswered messages, once per relief."""
    unanswered, new = Message.objects.get_or_create(
        relief=message.relief,
        kind="unanswered",
        role="manager",
        who=message.site,
        defaults={
            "stream": message.stream,
            "site": message.site,
            "about": {"site": operator_now().site[message.site].name},
            "token": secrets.token_urlsafe(24),
            "rank": 1,
        },
    )
    return [unanswered] if new else []


def acknowledge(token: str) -> AcknowledgeResult:
    """Record the answer given through a message's link; :class:`NoSuch` for an unknown token.

    A second answer changes nothing.
    """
    with transaction.atomic():
        ledger.lock_head()
        message = Message.objects.filter(token=token).first()
        if message is None:
            raise NoSuch("there is no such message")
        if message.acknowledged_at is not None:
            return AcknowledgeResult(message.stream, message.acknowledged_at, before=True)
        at = now(message.stream)
        Message.objects.filter(pk=message.pk).update(acknowledged_at=at, due_at=None)
        append_entries(message.stream, [("message.acknowledged", {"message": str(message.pk)})])
    return AcknowledgeResult(message.stream, at, before=False)


def count_messages(
    stream: str = LIVE, *, generation: int | None = None, role: str = "agent", site: str = ""
) -> MessageCounts:
    """Count the messages of one relief of a stream to one role, of one site or of all.

    Without a ``generation``, count those of the last relief of which people were notified.
    """
    if generation is None:
        last = Relief.objects.filter(stream=stream, notified=True).first()
        generation = last.generation if last else 0
    rows = Message.objects.filter(stream=stream, relief__generation=generation, role=role)
    rows = rows.exclude(kind="unanswered")
    if site:
        rows = rows.filter(site=site)
    open_ = Q(acknowledged_at=None)
    found = rows.aggregate(
        notified=Count("pk"),
        sent=Count("pk", filter=Q(sent_at__isnull=False)),
        acknowledged=Count("pk", filter=~open_),
        waiting=Count("pk", filter=open_),
        exhausted=Count("pk", filter=open_ & Q(exhausted=True)),
    )
    return MessageCounts(**found)
