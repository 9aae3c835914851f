"""Sealing: the tally of what was recorded, then the signed root over it; rotation of the key.

Before each seal an entry ``ledger.tallied`` lists the live entries since the last tally by kind,
quarter of an hour, client and site, so that a selection can be shown complete. Lists and names are
salted commitments: an evidence pack shows those of its own kinds, client and sites. Entries about a
person go into no pack and no tally. A rotation is an entry that both keys sign: it says up to which
root the old key holds. A verifier with either key follows it to the other.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from releve.files.atomic import make_folder
from releve.ledger.chain import Draft, append, append_all, lock_head
from releve.ledger.digests import ROTATION_TAG, canonical_json, format_instant, parse_canonical
from releve.ledger.disclosure import PERSON_KINDS
from releve.ledger.guards import SigningKeyError
from releve.ledger.keys import hold_key, next_key, public_hex, public_key, signing_key, take_key_in_place
from releve.ledger.models import LedgerEntry
from releve.ledger.rollback import require_complete
from releve.ledger.roots import SignedRoot, load_last_root, publish_document, sign_entries
from releve.situation import KINDS

TALLY_KIND = "ledger.tallied"
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
            "plan.withdrawn",
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
    last = LedgerEntry.objects.filter(kind=TALLY_KIND).order_by("-seq").values_list("seq", flat=True)
    after = last.first() or 0
    rows = LedgerEntry.objects.filter(stream=STREAM, seq__gt=after, seq__lte=place.seq, kind__in=TALLIED_KINDS)
    body, withheld = _count(rows.order_by("seq").iterator())
    append_all([Draft(TALLY_KIND, {"after": after, **body}, now, stream=STREAM, withheld=withheld)])


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
    clients, sites = (sorted({key[place] for keys in groups.values() for key in keys} - {""}) for place in (1, 2))
    client_numbers = {name: number for number, name in enumerate(clients)}
    site_numbers = {name: number for number, name in enumerate(sites)}
    lists = {
        kind: [
            {"at": at, "client": client_numbers.get(client), "entries": seqs, "site": site_numbers.get(site)}
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


def seal_ledger(now: datetime) -> SignedRoot:
    """Return a new root whose last entry is the tally, or the last one where nothing was added.

    Raises what ``sign_root`` raises; then there is no tally either.
    """
    require_complete(outside=True)  # a folder that answers late is waited for without the lock
    with transaction.atomic():
        return seal_entries(now)


def seal_entries(now: datetime) -> SignedRoot:
    """Return what ``seal_ledger`` does, in a transaction before which the outside was compared."""
    place, last = lock_head(), load_last_root()
    if place.seq and (last is None or last.size < place.seq):
        append_tally(now)
    return sign_entries(now)


KIND, REPLACED = "ledger.key_rotated", "ledger.key_replaced"
FORMAT = "releve ledger rotation 1"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A rotation as both keys have signed it."""

    document: dict[str, Any]

    @property
    def key(self) -> str:
        return str(self.document["rotation"]["key"])

    @property
    def text(self) -> str:
        """The document that leaves the house beside the roots: canonical JSON, one line."""
        return canonical_json(self.document) + "\n"

    @property
    def file_name(self) -> str:
        """The name of the document, by the last root of the old key."""
        return f"rotation-{self.document['rotation']['last_root']:06}.json"

    def publish(self, folder: Path) -> Path:
        """Write the document into a folder; return its path. As ``publish_root``."""
        make_folder(folder)
        return publish_document(folder / self.file_name, self.text.encode())


def rotate_key(now: datetime) -> tuple[KeyRotation, list[SignedRoot]]:
    """Seal under the old key, rotate, and seal under the new one; return what leaves the house.

    Appends wait meanwhile. The old key is destroyed where it stands in a file; where it stands in
    the environment, RELEVE_LEDGER_KEY has to be set to the next one before anything is signed
    again, and the second root is not made here. Raises SigningKeyError.
    """
    given = next_key()
    require_complete(outside=True)
    roots = []
    with transaction.atomic():
        place = lock_head()
        old = signing_key()
        if public_hex(old) == public_hex(given):
            raise SigningKeyError("the next key is the one in force: set another one")
        if place.seq:
            roots.append(seal_entries(now))
        last = load_last_root()
        statement = {
            "format": FORMAT,
            "key": public_hex(given),
            "last_root": last.number if last else 0,
            "previous": public_hex(old),
            "rotated_at": format_instant(now),
        }
        message = ROTATION_TAG + canonical_json(statement).encode()
        document = {
            "next_signature": given.sign(message).hex(),
            "rotation": statement,
            "signature": old.sign(message).hex(),
        }
        append(KIND, document, recorded_at=now)
        hold_key(public_hex(given))
    with suppress(SigningKeyError):  # where the key is the environment's, until it is set there
        roots.append(seal_ledger(now))
    return KeyRotation(document), roots


@transaction.atomic
def replace_key(now: datetime) -> str:
    """Take the key in place, made where there is none, for one that is lost; return it in public.

    No rotation can tie it to the old one, so it has to be made known as the first was. Roots so
    far go on verifying under the old public key. The ledger records both.
    """
    lock_head()
    before, found = take_key_in_place()
    if before is not None and before != found:
        append(REPLACED, {"key": found, "previous": before}, recorded_at=now)
    hold_key(found)
    return found


def iter_rotations() -> Iterator[KeyRotation]:
    for body in _iter_bodies(KIND):
        yield KeyRotation(body)


def list_own_keys() -> list[str]:
    """Return the public keys that this installation's own verification takes.

    The key in force, and those before a replacement on record: no rotation ties those to it. A
    third party takes them only where they were made known to it.
    """
    return [public_key(), *(str(body["previous"]) for body in _iter_bodies(REPLACED))]


def _iter_bodies(kind: str) -> Iterator[dict[str, Any]]:
    rows = LedgerEntry.objects.filter(kind=kind).order_by("seq")
    for text in rows.values_list("body", flat=True):
        yield json.loads(text)
