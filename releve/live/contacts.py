"""Addresses of people, imported from a file, and who was notified and has answered.

The file is CSV with the columns ``role`` (agent, manager, client or lead), ``who`` (the agent's id, the
manager's site or ``*``, the client's id, the account of a person on call), ``channel``, ``address`` and optionally
``language`` (fr or en). A person's addresses are tried in the order of their lines. A message stays open across
reliefs until it is answered, replaced by a newer one, or its last day is over.
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from releve.ledger import chain as ledger
from releve.live.channels import CHANNELS
from releve.live.clock import LIVE, now, real_now
from releve.live.effect_queue import append_entries
from releve.live.errors import ChannelFaults, ContactFaults, NoSuch
from releve.live.lost_places import Absent
from releve.live.message_texts import write_said
from releve.live.models import Contact, Message, Relief, ShiftLink
from releve.live.plans import operator_now
from releve.live.reply_gateways import list_promised, read_reply_secret
from releve.live.rota import list_accounts, list_duties
from releve.network import Operator
from releve.network.duties import Away, cut_periods

ROLES = ("agent", "manager", "client", "lead")
LANGUAGES = ("fr", "en")
_NEEDED = ("role", "who", "channel", "address")
_LONGEST = 254
_ACCOUNT = "user:"
"""By this and the name of the account a member of staff is erased."""


def import_contacts(data: bytes, *, by: str) -> int:
    """Replace every contact by those of a file; return how many there are.

    :class:`ContactFaults` names every fault by its line; then nothing is changed.
    """
    faults: list[str] = []
    rows = list(_parse_rows(_decode(data), operator_now(), faults))
    if faults:
        raise ContactFaults(tuple(faults))
    with transaction.atomic():
        ledger.lock_head()
        Contact.objects.all().delete()
        Contact.objects.bulk_create(rows, batch_size=1000)
        append_entries(LIVE, [("contacts.imported", {"count": len(rows), "by": by})])
    return len(rows)


def check_channels() -> None:
    """Raise ChannelFaults where contacts use a channel that cannot send, or RELEVE_REPLIES cannot be read.

    Messages that leave the house hold a link for the answer, so the desk needs an address that
    people reach.
    """
    used = Contact.objects.values_list("channel", flat=True).distinct().order_by("channel")
    faults = [f"{name}: {fault}" for name in used if (fault := CHANNELS[name].setup_fault())]
    if any(name != "file" for name in used) and _is_loopback(settings.DESK_URL):
        own = f"RELEVE_URL is {settings.DESK_URL}" if settings.DESK_URL_IS_SET else "RELEVE_URL is not set"
        faults.append(f"{own}: the links in messages would lead to this machine")
    try:
        for name in list_promised():
            read_reply_secret(name)
    except ImproperlyConfigured as error:
        faults.append(str(error))
    if faults:
        raise ChannelFaults("; ".join(faults))


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContactFaults((f"the file is not UTF-8 (byte {error.start})",)) from error


def _parse_rows(text: str, operator: Operator, faults: list[str]) -> Iterator[Contact]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first else ",")
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        faults.append(f"the first line lacks the column {', '.join(missing)}")
        return
    ranks: Counter[tuple[str, str]] = Counter()
    known = {
        "agent": set(operator.agent),
        "manager": {*operator.site, "*"},
        "client": set(operator.client),
        "lead": list_accounts(),
    }
    for line in reader:
        row = {name: (value or "").strip() for name, value in line.items() if name}
        reason = _find_fault(row, known)
        if reason:
            faults.append(f"line {reader.line_num}: {reason}")
            continue
        key = (row["role"], row["who"])
        ranks[key] += 1
        yield Contact(
            role=row["role"],
            who=row["who"],
            rank=ranks[key],
            channel=row["channel"],
            address=row["address"],
            language=row.get("language") or "fr",
        )


def _find_fault(row: dict[str, str], known: dict[str, set[str]]) -> str:
    """Return what is wrong with a line; addresses are not quoted."""
    if row["role"] not in known:
        return f"role {row['role']!r} is none of {', '.join(ROLES)}"
    if row["who"] not in known[row["role"]]:
        where = "among the accounts" if row["role"] == "lead" else "in the registry"
        return f"there is no {row['role']} {row['who']!r} {where}"
    if row["channel"] not in CHANNELS:
        return f"channel {row['channel']!r} is none of {', '.join(CHANNELS)}"
    if (row.get("language") or "fr") not in LANGUAGES:
        return f"language {row['language']!r} is none of {', '.join(LANGUAGES)}"
    if len(row["address"]) > _LONGEST:
        return f"the address has more than {_LONGEST} characters"
    return CHANNELS[row["channel"]].fault(row["address"])


def count_missing_addresses(operator: Operator) -> dict[str, int]:
    """Return how many agents, sites, clients and people on call no message reaches, by the role of a contact."""
    known = {role: set[str]() for role in ROLES}
    for role, who in Contact.objects.values_list("role", "who").distinct():
        known[role].add(who)
    everyone = {
        "lead": {name for row in list_duties(real_now()) for name in (row.led_by, row.deputised_by) if name},
        "agent": {row.id for row in operator.agents},
        "manager": set() if "*" in known["manager"] else set(operator.site),
        "client": {row.id for row in operator.clients},
    }
    return {role: len(everyone[role] - known[role]) for role in ROLES}


def count_held_at_night() -> int:
    """Return how many agents are reached by the service of RELEVE_APPRISE_URL alone."""
    others = Contact.objects.filter(role="agent").exclude(channel__in=("apprise", "file")).values("who")
    held = Contact.objects.filter(role="agent", channel="apprise").exclude(who__in=others)
    return held.values("who").distinct().count()


def find_addresses(agent: str) -> QuerySet[Contact]:
    """Return the addresses of an agent; of an account (``user:NAME``) those of a person on call."""
    role = "lead" if agent.startswith(_ACCOUNT) else "agent"
    return Contact.objects.filter(role=role, who=agent.removeprefix(_ACCOUNT))


def erase_person(agent: str) -> None:
    """Remove an agent's addresses and calendar link, the content of messages to the agent, and the letters in files.

    The counts stay. Queued messages are not sent, and no answer is awaited.
    """
    with transaction.atomic():
        ledger.lock_head()
        find_addresses(agent).delete()
        ShiftLink.objects.filter(agent=agent).delete()
        found = list(Message.objects.filter(role="agent", who=agent))
        remove_letters(found)  # first: a message without its agent cannot be found again
        for message in found:
            message.who, message.about, message.due_at = f"erased:{message.pk}", {}, None
            message.save(update_fields=["who", "about", "due_at"])
    remove_letters(found)  # one that was being written meanwhile


def remove_letters(messages: Iterable[Message]) -> None:
    """Remove the letters of messages from the outboxes, live and of drills."""
    home = Path(settings.HOME)
    outboxes = [home / "outbox", *home.glob("drills/*/outbox")]
    for message in messages:
        for rank in range(message.rank + 1):
            for outbox in outboxes:
                (outbox / f"{message.pk}-{rank}.json").unlink(missing_ok=True)


AnswerState = Literal[
    "unaddressed", "exhausted", "unclear", "waiting", "queued", "held", "absent", "silent", "declined", "acknowledged"
]
"""No address: written, not sent; every address tried; replied what was not understood; sent; to be sent; held until a
person leads; absent, so that no answer is awaited; counted as absent, since no answer came; does not come; answered
otherwise."""
Answer = Literal["", "yes", "late", "transport", "no"]
"""What an agent answers: nothing but that it was read, comes, comes late, needs transport, does not come."""
ANSWERS: tuple[Answer, ...] = ("yes", "late", "transport", "no")


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many people messages were written to, and of those: to how many one was sent, who
    answered, who are absent, and who have not answered yet; of the last: who have no address left
    (``exhausted``), who have none at all (``unaddressed``: their message was written to a file and not sent) and who
    replied what was not understood (``unclear``). Of those who answered: who come late, need transport, do not come
    (``declined``); of the absent: who are counted so since they did not answer (``silent``). Of those who do not come:
    in whose place a relief has put others (``substituted``). ``held``: those whose message waits until a person leads,
    and is not sent, while no older one is in force: they are not among those who have not answered."""

    notified: int
    sent: int
    acknowledged: int
    waiting: int
    exhausted: int
    unaddressed: int
    absent: int = 0
    late: int = 0
    transport: int = 0
    declined: int = 0
    unclear: int = 0
    silent: int = 0
    coming: int = 0
    substituted: int = 0
    held: int = 0


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
    answer: Answer = ""


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


def find_message_site(stream: str, message: uuid.UUID) -> str | None:
    """Return the home site of the agent that a message is to; None: there is no such message."""
    rows = Message.objects.filter(stream=stream, pk=message, role="agent")
    return rows.values_list("site", flat=True).first()


def list_addresses(agents: Iterable[str]) -> dict[str, list[str]]:
    """Return the addresses of agents in the order in which they are tried."""
    found: dict[str, list[str]] = {}
    for who, address in Contact.objects.filter(role="agent", who__in=list(agents)).values_list("who", "address"):
        found.setdefault(who, []).append(address)
    return found


_NUMBER = re.compile(r"\+?\d(?:[ .()\u00a0\u202f-]{0,2}\d){5,17}")


def find_number(text: str) -> str:
    """Return the telephone number that an address is, or that a text names, by its digits; empty: there is none."""
    found = None if "@" in text or "://" in text else _NUMBER.search(text)
    return "" if found is None else re.sub(r"[^\d+]", "", found[0])


def store_answer(rows: QuerySet[Message], by: str, answer: Answer = "") -> AcknowledgeResult:
    """Store an answer, unless the same or a no came before; :class:`NoSuch` where there is no message."""
    with transaction.atomic():
        ledger.lock_head()
        message = rows.first()
        if message is None:
            raise NoSuch("there is no such message")
        if message.acknowledged_at is not None and (answer in ("", message.answer) or message.answer == "no"):
            rows.update(unclear_at=None)
            return AcknowledgeResult(message.stream, message.acknowledged_at, before=True)
        at = now(message.stream)
        rows.update(acknowledged_at=at, due_at=None, answered_to=by, answer=answer, unclear_at=None, silent=False)
        if answer != "no":
            rows.update(substituted=False)
        body = {**name_message(message), **({"answer": answer} if answer else {}), **({"by": by} if by else {})}
        append_entries(message.stream, [("message.acknowledged", body)])
    return AcknowledgeResult(message.stream, at, before=False)


def name_message(message: Message) -> dict[str, Any]:
    """Return what entries of the ledger say of a message: its number, relief and kind, of no person."""
    return {"message": str(message.pk), "generation": message.relief.generation, "letter": message.kind}


def replace_older(relief: Relief, messages: Sequence[Message]) -> list[list[Any]]:
    """Put messages of a relief that go out in the place of older ones to the same people.

    Return the number of each that awaits an answer, and the generation of its relief.
    """
    replaced: list[list[Any]] = []
    for kind in {message.kind for message in messages}:  # a note of a break replaces none that waits for an answer
        kinds = [kind, Message.BREAK] if kind == "agent" else [kind]
        older = Message.objects.filter(stream=relief.stream, kind__in=kinds, replaced=False)
        older = older.exclude(relief=relief).filter(who__in=[row.who for row in messages if row.kind == kind])
        if kind == "agent":  # of one that was held, no answer was asked
            waiting = older.filter(kind=kind, acknowledged_at=None).exclude(held=Message.FOR_LEAD)
            numbers = waiting.order_by("pk").values_list("pk", "relief__generation")
            replaced += [[str(number), generation] for number, generation in numbers]
        older.update(replaced=True, due_at=None)
    return replaced


def _filter_newest(stream: str) -> QuerySet[Message]:
    """Return the messages to agents about days that are not over: the newest that goes out, and one that is held."""
    rows = Message.objects.filter(stream=stream, kind="agent", replaced=False)
    return rows.filter(Q(over_at=None) | Q(over_at__gt=now(stream)))


def _filter_open(stream: str, sites: Iterable[str] | None) -> QuerySet[Message]:
    """Return the message in force to each agent about days that are not over, answered or not.

    One that is held is in force where none went before it: the agent knows nothing of it yet.
    """
    rows = _filter_newest(stream)
    rows = rows.filter(Q(held="") | ~Exists(rows.filter(who=OuterRef("who"), held="")))
    return rows if sites is None else rows.filter(site__in=list(sites))


def count_messages(stream: str = LIVE, sites: Iterable[str] | None = None) -> MessageCounts:
    """Count the agents notified of days that are not over, of some sites or of all."""
    given = {"unclear": "unclear_at", "answered": "acknowledged_at", "sent": "sent_at"}
    flags = {f"is_{name}": Q(**{f"{column}__isnull": False}) for name, column in given.items()}
    columns = (*flags, "absent", "silent", "held", "channel", "exhausted", "answer", "substituted")
    groups = _filter_open(stream, sites).order_by().annotate(**flags).values_list(*columns).annotate(Count("pk"))
    found: Counter[str] = Counter()
    for unclear, answered, sent, absent, silent, held, channel, exhausted, answer, substituted, count in groups:
        state = _find_state(unclear, answered, sent, absent, silent, held, channel, exhausted, answer)
        names = ["notified", *_COUNTED_AS.get(state, (state,))]
        names += ["sent"] * sent + ["substituted"] * (substituted and state in ("declined", "silent"))
        if state == "acknowledged" and answer in ("yes", "late", "transport"):
            names += ["coming", *([] if answer == "yes" else [answer])]
        found.update(dict.fromkeys(names, count))
    return MessageCounts(**{row.name: found[row.name] for row in fields(MessageCounts)})


_COUNTED_AS: Mapping[AnswerState, tuple[str, ...]] = {
    "unclear": ("unclear", "waiting"),
    "declined": ("declined", "acknowledged"),
    "silent": ("silent", "absent"),
    "unaddressed": ("unaddressed", "waiting"),
    "exhausted": ("exhausted", "waiting"),
    "queued": ("waiting",),
}
"""Counts of a state that has others than its own name."""


def list_notified_agents(stream: str, sites: Iterable[str] | None = None) -> list[NotifiedAgent]:
    """Return the agents notified of days that are not over, of some sites or of all.

    Those out of reach come first, then those who have not answered, then the others.
    """
    rows = _filter_open(stream, sites).exclude(who__startswith="erased:")
    found = [_describe_message(row) for row in rows.select_related("relief").defer("about", "relief__lost")]
    return sorted(found, key=lambda row: (_STATES.index(row.state), row.site, row.agent))


def list_said(people: Iterable[NotifiedAgent], language: str) -> dict[str, str]:
    """Return what the message to each of some agents says of their shifts, by agent."""
    agents = {row.message: row.agent for row in people}
    found = Message.objects.filter(pk__in=agents).values_list("pk", "about")
    return {agents[key]: write_said(about, language) for key, about in found if about}


def note_absent(stream: str, at: datetime, absent: Absent) -> None:
    """Await no answer of agents who are absent for all that their message says; await it again when they are back.

    ``absent``: when agents are not available. A shift that is over counts for neither.
    """
    rows = _filter_newest(stream).filter(acknowledged_at=None).exclude(who__startswith="erased:")
    rows = rows.filter(Q(absent=True) | Q(who__in=absent)) if absent else rows.filter(absent=True)
    for message in rows:
        away = _is_away(message, absent.get(message.who, ()), at)
        if away != message.absent:
            due = None if away or message.sent_at is None or message.exhausted else at
            Message.objects.filter(pk=message.pk, acknowledged_at=None).update(absent=away, due_at=due)


def _is_away(message: Message, away: Sequence[Away], at: datetime) -> bool:
    """Return whether absences leave nothing of the shifts ahead that a message says; of one without any, whether
    the agent is absent until it is over."""
    said = [
        (datetime.fromisoformat(shift["start"]), datetime.fromisoformat(shift["end"]))
        for shift in message.about.get("shifts", ())
        if shift["place"] is not None
    ]
    ahead = [(max(at, start), end) for start, end in said if end > at]
    if not said and message.over_at is not None:
        ahead = [(at, message.over_at)]
    return bool(ahead) and not cut_periods(ahead, away)


def list_notified_rides(stream: str, agents: Iterable[str], day: date) -> dict[str, tuple[NotifiedRide, ...]]:
    """Return the rides of a day in the newest message to each agent; those without are left out."""
    found = {}
    for row in _filter_open(stream, None).filter(who__in=list(agents)):
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
    "unclear",
    "waiting",
    "queued",
    "held",
    "absent",
    "silent",
    "declined",
    "acknowledged",
)


def _describe_message(row: Message) -> NotifiedAgent:
    return NotifiedAgent(
        message=row.pk,
        agent=row.who,
        site=row.site,
        generation=row.relief.generation,
        state=_find_state(
            row.unclear_at is not None,
            row.acknowledged_at is not None,
            row.sent_at is not None,
            row.absent,
            row.silent,
            row.held,
            row.channel,
            row.exhausted,
            row.answer,
        ),
        channel=row.channel,
        tries=row.rank,
        sent_at=row.sent_at,
        next_try_at=row.due_at,
        acknowledged_at=row.acknowledged_at,
        answered_to=row.answered_to,
        answer=row.answer,  # type: ignore[arg-type]
    )


def _find_state(
    unclear: bool,
    answered: bool,
    sent: bool,
    absent: bool,
    silent: bool,
    held: str,
    channel: str,
    exhausted: bool,
    answer: str,
) -> AnswerState:
    if unclear:
        return "unclear"
    if answered:
        return "declined" if answer == "no" else "acknowledged"
    if absent or silent:
        return "silent" if silent else "absent"
    if held:
        return "held"
    if channel == Message.NO_ADDRESS:
        return "unaddressed"
    if exhausted:
        return "exhausted"
    return "waiting" if sent else "queued"
