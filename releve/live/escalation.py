"""The effect "send", and the escalation of messages that are not answered.

A message goes to the person's first address; without an acknowledgement within
``RELEVE_ESCALATE_MINUTES`` (15 when not set) to the next one; after the last, the person's manager
receives the number of agents who have not answered. A drill writes every message to a file of its own. One written
while the person had no address is sent once there is one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from releve import environment
from releve.files.plan_folder import build_calendars
from releve.ledger import chain as ledger
from releve.live.channels import CHANNELS, ByFile, Channel, Letter
from releve.live.clock import is_drill, now, real_now
from releve.live.contacts import count_messages, find_number, name_message
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    NewEffect,
    append_entries,
    queue_effects,
    register_aside_hook,
    register_handler,
)
from releve.live.message_texts import UNSET_ADDRESS, write_message, write_ride_lines
from releve.live.models import Contact, Effect, Message
from releve.live.plans import list_days_in_force, operator_now
from releve.live.reply_gateways import build_reply_address, can_answer_by_key
from releve.live.stream_state import find_plan_day, read_placement
from releve.plan.result import build_duty_key


def build_send_effect(message: Message) -> NewEffect:
    key = f"send:{message.pk}:{message.rank}"
    body = {"message": str(message.pk), "rank": message.rank}
    return NewEffect(message.stream, OUTSIDE, "send", key, body)


_BATCH = 200


@register_handler("send")
def send_message(effect: Effect) -> EffectOutcome:
    """Send a message to one address, unless it was answered or moved on to another address."""
    message = Message.objects.select_related("relief").get(pk=effect.body["message"])
    if message.acknowledged_at is not None or message.rank != effect.body["rank"]:
        return _skip_effect(effect, "answered")
    if not message.about:
        return _skip_effect(effect, "erased")
    if message.replaced or message.held:
        return _skip_effect(effect, "overtaken")
    if message.over_at is not None and message.over_at <= now(message.stream):
        return _skip_effect(effect, "over")
    name, address, language = _choose_address(message)
    promised = promise_news(message) | _promise_patience(message, name)
    subject, text = write_message(
        message.kind,
        build_parameters(message) | promised | {"keys": _can_answer(message, name)},
        language,
        write_link(f"/ack/{message.token}", language),
        drill=is_drill(message.stream),
    )
    key = f"{message.pk}-{message.rank}"
    letter = Letter(key, subject, text, _build_calendar(message), reply_to=_choose_reply_address(message))
    choose_channel(message.stream, name).send(address, letter)

    def store() -> None:
        at, own = now(message.stream), Message.objects.filter(pk=message.pk)
        if name != Message.NO_ADDRESS:
            own.filter(sent_at=None).update(sent_at=at)
        own.update(channel=name, **({"about": {**message.about, **promised}} if promised else {}))
        if message.kind != Message.BREAK:
            own.filter(rank=message.rank, replaced=False).update(due_at=_find_limit(message))

    entry = "message.written" if name == Message.NO_ADDRESS else "message.sent"
    body = {**name_message(message), "channel": name, "rank": message.rank}
    return EffectOutcome({"channel": name}, ((entry, body),), store=store)


def _can_answer(message: Message, channel: str) -> bool:
    """Return whether a message can be answered as it comes, by a digit or a word."""
    if channel == "email":
        return bool(_choose_reply_address(message))
    return channel == "apprise" and can_answer_by_key()


def _choose_reply_address(message: Message) -> str:
    return build_reply_address(message.token) if message.kind == "agent" and not is_drill(message.stream) else ""


def write_link(path: str, language: str) -> str:
    """Return the link of an answer; without RELEVE_URL it names no address, not a wrong one."""
    if settings.DESK_URL_IS_SET:
        return f"{settings.DESK_URL}{path}"
    return f"({UNSET_ADDRESS[language]}) {path}"


def _skip_effect(effect: Effect, why: str) -> EffectOutcome:
    """Return that nothing is sent; a worker that was killed over it may have sent it before."""
    return EffectOutcome({"skipped": why, **({"perhaps_sent": True} if effect.attempts > 1 else {})})


@register_aside_hook("send")
def _try_next_address(effect: Effect) -> None:
    """Try the next address at once when one does not work."""
    rows = Message.objects.filter(pk=effect.body["message"], rank=effect.body["rank"])
    rows.filter(acknowledged_at=None, replaced=False).update(due_at=now(effect.stream))


def _choose_address(message: Message) -> tuple[str, str, str]:
    """Return channel, address and language; NO_ADDRESS where the person has none."""
    contacts = list_contacts(message.role, message.who)
    if not contacts:
        return Message.NO_ADDRESS, "", "fr"
    contact = contacts[min(message.rank, len(contacts)) - 1]
    return contact.channel, contact.address, contact.language


def list_contacts(role: str, who: str) -> list[Contact]:
    """Return a person's addresses in the order in which they are tried."""
    found = list(Contact.objects.filter(role=role, who=who))
    if not found and role == "manager":
        found = list(Contact.objects.filter(role=role, who="*"))
    return found


def choose_channel(stream: str, name: str) -> Channel:
    if is_drill(stream):
        return ByFile(settings.HOME / "drills" / stream.partition(":")[2] / "outbox")
    return ByFile() if name == Message.NO_ADDRESS else CHANNELS[name]


def build_parameters(message: Message) -> dict[str, Any]:
    """Return what a message's text is made from: what was stored with it, and whom to call as it is now."""
    about = dict(message.about)
    if message.kind == "unanswered":
        about["count"] = count_messages(message.stream, [message.site]).waiting
    if message.kind == "agent":
        about["operator"] = operator_now().row.name
        rows = list_contacts("manager", message.site)
        reached = [row.address for row in rows if row.channel != "file" or find_number(row.address)]
        about["call"] = next(filter(find_number, reached), reached[0] if reached else "")
    if message.role == "manager":
        about["contact"] = read_crisis_contact()
    if message.role == "client":
        about["contact"] = read_client_contact()
    return about


def _build_calendar(message: Message) -> bytes:
    """Return the new shifts of an agent as iCalendar; each takes the place of the day's old one."""
    if message.kind not in ("agent", Message.BREAK):
        return b""
    found = list_days_in_force(until=message.relief.activation_id)
    plans, rides = [], {}
    for shift in message.about["shifts"]:
        if shift["place"] is not None:
            day, duty = date.fromisoformat(shift["day"]), shift.get("duty", "")
            plan = found[find_plan_day(day, duty)].load().plan
            row = read_placement(build_duty_key(message.who, duty), shift["row"])
            plans.append(replace(plan, placements=(row,)))
            rides[day, message.who] = write_ride_lines(shift)
    return next((data for _, data in build_calendars(plans, real_now(), rides)), b"")


def read_minutes(name: str, default: float) -> timedelta:
    """Return a span of minutes from the environment."""
    return timedelta(minutes=float(environment.read_text(os.environ, name) or default))


def _read_patience() -> timedelta:
    return read_minutes("RELEVE_ESCALATE_MINUTES", 15)


def _find_limit(message: Message) -> datetime:
    """Return by when an answer to a message that is sent now is awaited: no later than what it says is over."""
    limit = now(message.stream) + _read_patience()
    return limit if message.over_at is None else min(limit, message.over_at)


def promise_news(message: Message) -> dict[str, str]:
    """Return when the next news comes to a client, where a place is lost and none is promised yet."""
    if message.role != "client" or not message.about.get("lost") or message.about.get("next"):
        return {}
    return {"next": (now(message.stream) + read_minutes("RELEVE_NEWS_MINUTES", 60)).isoformat()}


def _promise_patience(message: Message, channel: str) -> dict[str, str]:
    """Return by when an agent is to answer, before the next address is tried; empty where nothing is sent."""
    if message.kind != "agent" or channel == Message.NO_ADDRESS:
        return {}
    return {"by": _find_limit(message).isoformat()}


def read_client_contact() -> str:
    """Return whom clients call, by name and number: ``RELEVE_CLIENT_CONTACT``; empty where it is not set."""
    return environment.read_text(os.environ, "RELEVE_CLIENT_CONTACT")


def read_crisis_contact() -> str:
    """Return whom the house calls while something is lost: ``RELEVE_CRISIS_CONTACT``; empty where it is not set."""
    return environment.read_text(os.environ, "RELEVE_CRISIS_CONTACT")


def escalate_messages(stream: str) -> int:
    """Try the next address of all who have not answered in time; return how many they were."""
    at = now(stream)
    come = Q(due_at__lte=at) | Q(due_at__gt=at + 2 * _read_patience())  # by a clock set back since
    late = Message.objects.filter(come, stream=stream, acknowledged_at=None, exhausted=False, absent=False)
    due = late.filter(Q(over_at=None) | Q(over_at__gt=at))
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
                    {**name_message(message), "rank": message.rank},
                )
                for message in rows
            ],
        )
    return len(rows)


def send_to_new_addresses(stream: str) -> int:
    """Send what was written to agents and managers without an address, once one is known and while it still holds.

    Return how many messages are queued. Clients are left out: who writes to them sees what is held or not sent.
    """
    known = Contact.objects.filter(Q(who=OuterRef("who")) | Q(role="manager", who="*"), role=OuterRef("role"))
    rows = Message.objects.filter(stream=stream, role__in=("agent", "manager"), channel=Message.NO_ADDRESS, held="")
    rows = rows.filter(replaced=False, absent=False, silent=False, acknowledged_at=None)
    rows = rows.filter(Q(over_at=None) | Q(over_at__gt=now(stream))).filter(Exists(known))
    if not rows.exists():
        return 0
    with transaction.atomic():
        ledger.lock_head()
        found = list(rows[:_BATCH])
        for row in found:
            row.rank, row.channel, row.due_at, row.exhausted = 1, "", None, False
        Message.objects.bulk_update(found, ["rank", "channel", "due_at", "exhausted"])
        # a key of its own: under that of its first address it was written before
        queue_effects(replace(build_send_effect(row), key=f"send:{row.pk}:{secrets.token_hex(8)}") for row in found)
    return len(found)


def _move_to_next_address(rows: Iterable[Message]) -> list[Message]:
    """Move messages on to their next address and return those to be sent now."""
    out: list[Message] = []
    for message in rows:
        message.due_at = None
        if message.rank < len(list_contacts(message.role, message.who)):
            message.rank += 1
            out.append(message)
        else:
            message.exhausted = True
            if message.kind == "agent":
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
