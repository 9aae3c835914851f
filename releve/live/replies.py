"""Replies by SMS, by a key of the telephone and by mail: whose they are, what they say, each once.

A reply is the answer of the page (:func:`~releve.live.answers.take_answer`), in one transaction with its receipt, so
that one which is sent again, after a kill too, is one answer. One by SMS is to the newest message that was sent to
its number; where two people share it, or it is not understood, no answer is recorded: the list to call says so, and
an SMS says once which answers there are. Texts and numbers are in no table, entry or log. A drill writes to no
person, so that only messages of the live stream are answered here.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable
from typing import Literal

from django.db import transaction

from releve.ledger import chain as ledger
from releve.live.answers import AnswerTooLate, take_answer
from releve.live.channels import CHANNELS, Letter
from releve.live.clock import LIVE, now, real_now
from releve.live.contacts import Answer
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect, queue_effects, register_handler
from releve.live.message_texts import write_hint
from releve.live.models import Contact, Effect, Message, ReplyReceipt
from releve.live.reply_gateways import AgentReply
from releve.live.reply_words import read_answer

ReplyOutcome = Literal["taken", "again", "unclear", "late", "unmatched"]
"""An answer; sent again; not understood; a no to a message that is not the newest; of no message."""


def take_reply(reply: AgentReply) -> ReplyOutcome:
    """Record what a reply by SMS or key answers."""
    found = _find_by_key(reply.key) if reply.key else _find_by_number(reply.number)
    return take_answer_once(reply.gateway, reply.id, found, read_answer(reply.text), hints=not reply.key)


def take_answer_once(
    gateway: str, name: str, found: dict[uuid.UUID, int], answer: Answer | None, *, hints: bool = False
) -> ReplyOutcome:
    """Record the answer to a message, unless the same reply came before.

    ``found``: the messages that it may be to, each with the rank of the address; of one person, or none is answered.
    ``answer`` None: not understood. ``hints``: the person may be notified which answers there are.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    with transaction.atomic():
        ledger.lock_head()
        if ReplyReceipt.objects.filter(gateway=gateway, digest=digest).exists():
            return "again"
        only = next(iter(found)) if len(found) == 1 else None
        outcome: ReplyOutcome = "unclear" if found else "unmatched"
        if only is not None and answer is not None:
            try:
                take_answer(Message.objects.filter(pk=only), answer)
                outcome = "taken"
            except AnswerTooLate:
                outcome = "late"
        if outcome in ("unclear", "late"):
            _note_unclear(found)
        if outcome == "unclear" and only is not None and hints:
            body = {"message": str(only), "rank": found[only]}
            queue_effects([NewEffect(LIVE, OUTSIDE, "hint", f"hint:{only}", body)])
        ReplyReceipt.objects.create(gateway=gateway, digest=digest, at=real_now(), message=only, outcome=outcome)
    return outcome


def _note_unclear(found: Iterable[uuid.UUID]) -> None:
    """Put the people of messages on the list to call, by their message in force; who does not come stays so."""
    people = Message.objects.filter(pk__in=list(found)).values_list("who", flat=True)
    rows = Message.objects.filter(stream=LIVE, kind="agent", replaced=False, held="", who__in=list(people))
    rows.exclude(answer="no").update(unclear_at=now(LIVE))


def _find_by_key(key: str) -> dict[uuid.UUID, int]:
    """Return the message of a letter's key, ``MESSAGE-RANK``."""
    name, _, rank = key.rpartition("-")
    try:
        return _keep_live({uuid.UUID(name): int(rank)})
    except ValueError:
        return {}


def find_by_token(token: str) -> dict[uuid.UUID, int]:
    """Return the message of a link's token, in small letters or as it is: some mail servers fold addresses."""
    rows = Message.objects.filter(stream=LIVE, kind="agent", token__iexact=token) if token else ()
    return _keep_live({row.pk: row.rank for row in rows})


def find_by_letter(keys: Iterable[str], sender: str) -> dict[uuid.UUID, int]:
    """Return the message of one of the keys of letters, where the sender is an address of the person."""
    for key in keys:
        for pk, rank in _find_by_key(key).items():
            who = Message.objects.values_list("who", flat=True).get(pk=pk)
            known = Contact.objects.filter(role="agent", who=who, channel="email", address__iexact=sender)
            if known.exists():
                return {pk: rank}
    return {}


def _keep_live(found: dict[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    rows = Message.objects.filter(pk__in=found, stream=LIVE, kind="agent", sent_at__isnull=False).exclude(about={})
    return {pk: found[pk] for pk in rows.values_list("pk", flat=True)}


def _find_by_number(number: str) -> dict[uuid.UUID, int]:
    """Return the newest message sent to a number, of each person who has it."""
    wanted = normalise_number(number)
    found: dict[uuid.UUID, int] = {}
    if not wanted:
        return found
    for contact in Contact.objects.filter(role="agent", channel="apprise"):
        if normalise_number(contact.address) != wanted:
            continue
        rows = Message.objects.filter(stream=LIVE, kind="agent", who=contact.who, rank__gte=contact.rank)
        rows = rows.filter(sent_at__isnull=False).exclude(about={}).order_by("-relief__generation")
        message = rows.first()
        if message is not None and (message.over_at is None or message.over_at > now(LIVE)):
            found[message.pk] = contact.rank
    return found


def normalise_number(number: str) -> str:
    """Return the digits of an international number, however it is written; empty: it is none."""
    digits = re.sub(r"\D", "", number.replace("(0)", ""))
    digits = digits.removeprefix("00") if digits.startswith("00") else digits
    return "" if digits.startswith("0") or len(digits) < 6 else digits


def count_national_numbers() -> int:
    """Return how many agents' numbers are in no international form, so that no reply from them is matched."""
    rows = Contact.objects.filter(role="agent", channel="apprise").values_list("address", flat=True)
    return sum(not normalise_number(address) for address in rows)


@register_handler("hint")
def send_hint(effect: Effect) -> EffectOutcome:
    """Say once which answers there are, by the address that was replied from."""
    message = Message.objects.get(pk=effect.body["message"])
    contact = Contact.objects.filter(role="agent", who=message.who, rank=effect.body["rank"]).first()
    if message.unclear_at is None or message.replaced or contact is None:
        return EffectOutcome({"skipped": "answered"})
    subject, text = write_hint(contact.language)
    CHANNELS[contact.channel].send(contact.address, Letter(f"{message.pk}-hint", subject, text))
    return EffectOutcome({"channel": contact.channel})
