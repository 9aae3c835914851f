"""Tallies: which entries of each kind a root covers, so that a selection can be shown complete.

Before each seal an entry of kind ``ledger.tallied`` lists the live entries since the tally before
it, by kind, quarter of an hour, client and site. The lists and the names are salted commitments:
an evidence pack shows those of its own kinds, client and sites. Entries about a person are in no
tally, since they go into no pack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from releve.ledger.chain import Draft, append_all, lock_head
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import PERSON_KINDS
from releve.ledger.models import LedgerEntry
from releve.situation import KINDS

__all__ = ["KIND", "TALLIED_KINDS", "append_tally", "name_count", "tally_quarter"]

KIND = "ledger.tallied"
STREAM = "live"
TALLIED_KINDS = tuple(
    sorted(
        {
            *(set(KINDS) - PERSON_KINDS),
            "ledger.erased",
            "ledger.key_replaced",
            "ledger.key_rotated",
            "ledger.refused",
            "ledger.restored",
            "plan.activated",
            "relief.covered",
            "service.sealed",
        }
    )
)
"""Every tally names all of them, so that a name says nothing of what happened."""
_QUARTER_MINUTES = 15


def append_tally(now: datetime) -> None:
    """Write the tally of the entries since the last one, in the caller's transaction."""
    place = lock_head()
    last = LedgerEntry.objects.filter(kind=KIND).order_by("-seq").values_list("seq", flat=True)
    after = last.first() or 0
    rows = LedgerEntry.objects.filter(
        stream=STREAM, seq__gt=after, seq__lte=place.seq, kind__in=TALLIED_KINDS
    )
    body, withheld = _count(rows.order_by("seq").iterator())
    append_all([Draft(KIND, {"after": after, **body}, now, stream=STREAM, withheld=withheld)])


def name_count(kind: str) -> str:
    """Return the path at which a tally commits to the list of a kind; dots would part it."""
    return f"counts.{kind.replace('.', '/')}"


def tally_quarter(at: datetime) -> str:
    """Return the quarter of an hour in which an instant lies: 2026-11-24T08:15Z."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H}:{utc.minute - utc.minute % _QUARTER_MINUTES:02d}Z"


def _count(rows: Iterable[LedgerEntry]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the body of a tally and the values that it commits to, by path."""
    groups: dict[str, dict[tuple[str, str, str], list[int]]] = defaultdict(dict)
    for row in rows:
        body = parse_canonical(row.body)
        at = datetime.fromisoformat(body.get("happened_at") or row.recorded_at)
        key = tally_quarter(at), _read_name(body, "client"), _read_name(body, "site")
        groups[row.kind].setdefault(key, []).append(row.seq)
    clients, sites = (
        sorted({key[place] for keys in groups.values() for key in keys} - {""}) for place in (1, 2)
    )
    client_numbers = {name: number for number, name in enumerate(clients)}
    site_numbers = {name: number for number, name in enumerate(sites)}
    lists = {
        kind: [
            {
                "at": at,
                "client": client_numbers.get(client),
                "entries": seqs,
                "site": site_numbers.get(site),
            }
            for (at, client, site), seqs in sorted(groups[kind].items())
        ]
        for kind in TALLIED_KINDS
    }
    withheld: dict[str, Any] = {name_count(kind): found for kind, found in lists.items()}
    withheld |= {f"clients.{number}": name for number, name in enumerate(clients)}
    withheld |= {f"sites.{number}": name for number, name in enumerate(sites)}
    return {"clients": {}, "counts": {}, "sites": {}}, withheld


def _read_name(body: dict[str, Any], field: str) -> str:
    found = body.get(field)
    return found if isinstance(found, str) else ""
