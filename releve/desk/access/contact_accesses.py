"""Who has looked at the contacts of a case, as the ledger has it: by the case's event, no name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from releve.accounts.grants import STREAM
from releve.desk.ledger.words import translate_actor
from releve.desk.live.words import when
from releve.desk.text import Text
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry
from releve.live import api as live


@dataclass(frozen=True, slots=True)
class ContactAccess:
    """One view of the contacts of a case; ``stream`` says whether it was a drill's."""

    entry: int
    case: str
    looked_by: str
    at: str
    stream: str


def list_contact_accesses(text: Text, most: int) -> tuple[ContactAccess, ...]:
    """Return the looks at contacts, the newest first."""
    rows = LedgerEntry.objects.filter(stream=STREAM, kind="contacts.seen").order_by("-seq")[:most]
    bodies = [json.loads(row.body) for row in rows]
    restore_names(bodies)
    return tuple(_row(row, body, text) for row, body in zip(rows, bodies, strict=True))


def _row(row: LedgerEntry, body: Mapping[str, Any], text: Text) -> ContactAccess:
    return ContactAccess(
        row.seq,
        body["case"],
        translate_actor(body["actor"]),
        when(datetime.fromisoformat(row.recorded_at), text),
        _("a drill") if live.is_drill(body["of"]) else _("live"),
    )
