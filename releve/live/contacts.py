"""Addresses of people: stored in one table, imported from a file, erased by person.

The file is CSV with the columns ``role`` (agent, manager or client), ``who`` (the agent's id, the
manager's site or ``*``, the client's id), ``channel``, ``address`` and, if wanted, ``language``
(fr or en). A person's addresses are tried in the order of their lines.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from releve.ledger import chain as ledger
from releve.live.channels import CHANNELS
from releve.live.clock import LIVE
from releve.live.current_operator import operator_now
from releve.live.effect_queue import append_entries
from releve.live.errors import ChannelFaults, ContactFaults
from releve.live.models import Contact, Message
from releve.network import Operator

__all__ = [
    "ROLES",
    "check_channels",
    "count_missing_addresses",
    "erase_person",
    "import_contacts",
    "remove_letters",
]

ROLES = ("agent", "manager", "client")
LANGUAGES = ("fr", "en")
_NEEDED = ("role", "who", "channel", "address")
_LONGEST = 254


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
    """Raise ChannelFaults where contacts use a channel that cannot send as it is set up.

    Messages that leave the house hold a link for the answer, so the desk needs an address that
    people reach.
    """
    used = Contact.objects.values_list("channel", flat=True).distinct().order_by("channel")
    faults = [f"{name}: {fault}" for name in used if (fault := CHANNELS[name].setup_fault())]
    if any(name != "file" for name in used) and _is_loopback(settings.DESK_URL):
        faults.append("RELEVE_URL is not set: the links in messages would lead to this machine")
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
        return f"there is no {row['role']} {row['who']!r} in the registry"
    if row["channel"] not in CHANNELS:
        return f"channel {row['channel']!r} is none of {', '.join(CHANNELS)}"
    if (row.get("language") or "fr") not in LANGUAGES:
        return f"language {row['language']!r} is none of {', '.join(LANGUAGES)}"
    if len(row["address"]) > _LONGEST:
        return f"the address has more than {_LONGEST} characters"
    return CHANNELS[row["channel"]].fault(row["address"])


def count_missing_addresses(operator: Operator) -> dict[str, int]:
    """Return how many agents, sites and clients no message reaches, by the role of a contact."""
    known = {role: set[str]() for role in ROLES}
    for role, who in Contact.objects.values_list("role", "who").distinct():
        known[role].add(who)
    everyone = {
        "agent": {row.id for row in operator.agents},
        "manager": set() if "*" in known["manager"] else set(operator.site),
        "client": {row.id for row in operator.clients},
    }
    return {role: len(everyone[role] - known[role]) for role in ROLES}


def erase_person(agent: str) -> None:
    """Remove an agent's addresses, the content of messages to the agent, and the letters in files.

    The counts stay. Queued messages are not sent, and no answer is awaited.
    """
    with transaction.atomic():
        ledger.lock_head()
        Contact.objects.filter(role="agent", who=agent).delete()
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
