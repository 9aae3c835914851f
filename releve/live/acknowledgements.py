"""Who was notified, by which channel, and who has answered.

A message stays open across reliefs: until it is answered, a newer message to the same person
replaces it, or the last day that it is about is over.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from releve.ledger import chain as ledger
from releve.live.clock import LIVE, now
from releve.live.effect_queue import append_entries
from releve.live.errors import NoSuch
from releve.live.models import Contact, Message

__all__ = [
    "AcknowledgeResult",
    "AnswerState",
    "MessageCounts",
    "NotifiedAgent",
    "NotifiedRide",
    "acknowledge",
    "count_messages",
    "find_message_site",
    "list_addresses",
    "list_notified_agents",
    "list_notified_rides",
    "record_spoken_answer",
]

AnswerState = Literal["unaddressed", "exhausted", "waiting", "queued", "acknowledged"]
"""No address: written, not sent; every address tried; sent; to be sent; answered."""


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many people messages were written to, and of those: to how many one was sent, who
    answered, who have not yet; of the last: who have no address left (``exhausted``) and who have
    none at all (``unaddressed``: their message was written to a file and not sent)."""

    notified: int
    sent: int
    acknowledged: int
    waiting: int
    exhausted: int
    unaddressed: int


@dataclass(frozen=True, slots=True)
class NotifiedAgent:
    """An agent and the newest message to them; instants on the stream's clock.

    ``channel`` is how it was sent last, ``next_try_at`` when the next address is tried,
    ``answered_to`` who recorded a spoken answer.
    """

    message: uuid.UUID
    agent: str
    site: str
    generation: int
    state: AnswerState
    channel: str
    tries: int
    sent_at: datetime | None
    next_try_at: datetime | None
    acknowledged_at: datetime | None
    answered_to: str


@dataclass(frozen=True, slots=True)
class NotifiedRide:
    """A ride in a message to an agent, to a site or from it (``leg``): at the stop ``at``, at the
    site ``at_site``; ``stop`` and ``site`` are names."""

    leg: str
    vehicle: str
    stop: str
    site: str
    at: datetime
    at_site: datetime
    time_zone: str


@dataclass(frozen=True, slots=True)
class AcknowledgeResult:
    """An answer: when it first came, and whether it had come ``before``."""

    stream: str
    at: datetime
    before: bool


def acknowledge(token: str) -> AcknowledgeResult:
    """Record the answer given through a message's link; :class:`NoSuch` for an unknown token.

    A second answer changes nothing.
    """
    return _store_answer(Message.objects.filter(token=token), "")


def record_spoken_answer(stream: str, message: uuid.UUID, *, by: str) -> AcknowledgeResult:
    """Record that an agent answered by voice; :class:`NoSuch` for an unknown message."""
    return _store_answer(Message.objects.filter(stream=stream, pk=message, role="agent"), by)


def find_message_site(stream: str, message: uuid.UUID) -> str | None:
    """Return the home site of the agent that a message is to; None: there is no such message."""
    rows = Message.objects.filter(stream=stream, pk=message, role="agent")
    return rows.values_list("site", flat=True).first()


def list_addresses(agents: Iterable[str]) -> dict[str, list[str]]:
    """Return the addresses of agents in the order in which they are tried."""
    found: dict[str, list[str]] = {}
    for who, address in Contact.objects.filter(role="agent", who__in=list(agents)).values_list(
        "who", "address"
    ):
        found.setdefault(who, []).append(address)
    return found


def _store_answer(rows: QuerySet[Message], by: str) -> AcknowledgeResult:
    with transaction.atomic():
        ledger.lock_head()
        message = rows.first()
        if message is None:
            raise NoSuch("there is no such message")
        if message.acknowledged_at is not None:
            return AcknowledgeResult(message.stream, message.acknowledged_at, before=True)
        at = now(message.stream)
        rows.update(acknowledged_at=at, due_at=None, answered_to=by)
        body = {"message": str(message.pk), **({"by": by} if by else {})}
        append_entries(message.stream, [("message.acknowledged", body)])
    return AcknowledgeResult(message.stream, at, before=False)


def _filter_open(stream: str, sites: Iterable[str] | None) -> QuerySet[Message]:
    """Return the newest message to each agent about days that are not over, answered or not."""
    rows = Message.objects.filter(stream=stream, role="agent", replaced=False)
    rows = rows.filter(Q(over_at=None) | Q(over_at__gt=now(stream)))
    return rows if sites is None else rows.filter(site__in=list(sites))


def count_messages(stream: str = LIVE, sites: Iterable[str] | None = None) -> MessageCounts:
    """Count the agents notified of days that are not over, of some sites or of all."""
    open_ = Q(acknowledged_at=None)
    unaddressed = open_ & Q(channel=Message.NO_ADDRESS)
    found = _filter_open(stream, sites).aggregate(
        notified=Count("pk"),
        sent=Count("pk", filter=Q(sent_at__isnull=False)),
        acknowledged=Count("pk", filter=~open_),
        waiting=Count("pk", filter=open_),
        exhausted=Count("pk", filter=open_ & Q(exhausted=True) & ~unaddressed),
        unaddressed=Count("pk", filter=unaddressed),
    )
    return MessageCounts(**found)


def list_notified_agents(stream: str, sites: Iterable[str] | None = None) -> list[NotifiedAgent]:
    """Return the agents notified of days that are not over, of some sites or of all.

    Those out of reach come first, then those who have not answered, then the others.
    """
    rows = _filter_open(stream, sites).exclude(who__startswith="erased:")
    found = [_describe_message(row) for row in rows.select_related("relief")]
    return sorted(found, key=lambda row: (_STATES.index(row.state), row.site, row.agent))


def list_notified_rides(
    stream: str, agents: Iterable[str], day: date
) -> dict[str, tuple[NotifiedRide, ...]]:
    """Return the rides of a day in the newest message to each agent; those without are left out."""
    found = {}
    for row in _filter_open(stream, None).filter(kind="agent", who__in=list(agents)):
        rides = [
            _read_ride(ride)
            for shift in row.about["shifts"]
            if shift["day"] == day.isoformat()
            for ride in shift.get("rides", ())
        ]
        if rides:
            found[row.who] = tuple(rides)
    return found


def _read_ride(ride: Mapping[str, str]) -> NotifiedRide:
    return NotifiedRide(
        leg=ride["leg"],
        vehicle=ride["vehicle"],
        stop=ride["stop"],
        site=ride["site"],
        at=datetime.fromisoformat(ride["at"]),
        at_site=datetime.fromisoformat(ride["at_site"]),
        time_zone=ride["zone"],
    )


_STATES: tuple[AnswerState, ...] = (
    "unaddressed",
    "exhausted",
    "waiting",
    "queued",
    "acknowledged",
)


def _describe_message(row: Message) -> NotifiedAgent:
    return NotifiedAgent(
        message=row.pk,
        agent=row.who,
        site=row.site,
        generation=row.relief.generation,
        state=_find_state(row),
        channel=row.channel,
        tries=row.rank,
        sent_at=row.sent_at,
        next_try_at=row.due_at,
        acknowledged_at=row.acknowledged_at,
        answered_to=row.answered_to,
    )


def _find_state(row: Message) -> AnswerState:
    if row.acknowledged_at is not None:
        return "acknowledged"
    if row.channel == Message.NO_ADDRESS:
        return "unaddressed"
    if row.exhausted:
        return "exhausted"
    return "queued" if row.sent_at is None else "waiting"
