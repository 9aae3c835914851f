"""What happened after a backup was made, taken from what was published since.

The parts of the journal hold the entries of the ledger and the acts to repeat; the roots say how
long the ledger was. So the ledger goes on where it stood, and no published root is contradicted;
where the journal ends before the last root, the difference is said and recorded.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from django.utils import timezone
from django.utils.module_loading import import_string

from releve.accounts import grants, group_roles
from releve.accounts.models import Grant, GroupRole, Token, User
from releve.accounts.person_erasure import AGENT, erase_agent
from releve.accounts.two_people import is_service
from releve.files.atomic import make_folder
from releve.ledger import roots
from releve.ledger.chain import append, lock_head, read_head, serialize_entry
from releve.ledger.digests import NO_HASH, canonical_json, hash_entry, hash_root
from releve.ledger.erasure import ERASED, SUBJECT, erase_subject, find_values
from releve.ledger.export import JournalFault, JournalPart, parse_part
from releve.ledger.merkle import tree_hash
from releve.ledger.models import LedgerEntry, LedgerHead, LedgerRoot, OutgoingDocument, PersonalValue
from releve.ledger.rollback import LedgerMark, find_recorded_loss, is_lost, list_declared_losses, roots_folder
from releve.ledger.roots import load_last_root, publish_document
from releve.ledger.verify import VerifyError, read_signed_root
from releve.plugin import list_plugins

_BY = "restore"
_COMMITMENT = re.compile(r'\{"commitment":"[0-9a-f]{64}"\}')


@dataclass(frozen=True)
class Outside:
    """Parts of the journal by number and roots by number, as found in a folder, and their names."""

    parts: Mapping[int, JournalPart] = field(default_factory=dict)
    roots: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each document by its name."""

    def parts_after(self, number: int) -> list[JournalPart]:
        """Return the parts that follow one, in order; JournalFault where one is missing."""
        found: list[JournalPart] = []
        last = max(self.parts, default=number)
        for wanted in range(number + 1, last + 1):
            if wanted not in self.parts:
                raise JournalFault(
                    f"journal-{wanted:08}.age is missing between others: fetch it from where the"
                    " documents left to; without it, what it says would be lost in silence"
                )
            found.append(self.parts[wanted])
        return found


def read_outside(folder: Path, identities: Sequence[pyrage.x25519.Identity]) -> Outside:
    """Read the published documents; JournalFault names the one that cannot be read."""
    parts: dict[int, JournalPart] = {}
    roots: dict[int, Mapping[str, Any]] = {}
    documents: dict[str, str] = {}
    for path in sorted([*folder.glob("journal-*.age"), *folder.glob("root-*.json")]):
        content = path.read_bytes()
        documents[path.name] = hashlib.sha256(content).hexdigest()
        try:
            if path.suffix == ".age":
                parts[int(path.stem.removeprefix("journal-"))] = parse_part(content, identities)
            else:
                signed = json.loads(content)
                read_signed_root(signed)
                roots[int(signed["root"]["number"])] = signed
        except (JournalFault, VerifyError, ValueError, KeyError, TypeError) as error:
            raise JournalFault(f"{path}: {error}") from error
    return Outside(parts, roots, documents)


def publish_roots(outside: Outside) -> None:
    """Keep the roots found outside in the home too, where every start compares the database."""
    make_folder(roots_folder(), mode=0o700)
    for number, signed in outside.roots.items():
        text = f'{{"root":{canonical_json(signed["root"])},"signature":"{signed["signature"]}"}}\n'
        publish_document(roots_folder() / f"root-{number:06}.json", text.encode(), mode=0o600)


def resume_ledger(outside: Outside, parts: Iterable[JournalPart]) -> dict[str, Any]:
    """Append the entries and roots that the database lacks; return what is still missing.

    For the caller's transaction. ``entries`` and ``roots``: how many were appended; ``lost_root``
    and ``lost_entries``: the last published root and how many entries under it are lost, where the
    journal does not reach it and two people have not declared it yet; ``recorded``: whether a
    restoration names it already.
    """
    begun = lock_head().seq
    for part in parts:
        for line in part.entries:
            _append_entry(line["entry"], line["hash"])
    stored = sum(_store_root(outside.roots[number]) for number in sorted(outside.roots))
    head = read_head()
    for name, digest in outside.documents.items():
        row, _ = OutgoingDocument.objects.get_or_create(
            name=name,
            defaults={
                "content": b"", "digest": digest, "upto": head.seq, "made_at": timezone.now(),
                "received_at": timezone.now(), "receipt": "found outside by a restore",
            },
        )  # fmt: skip
        if row.digest not in ("", digest):
            raise JournalFault(
                f"{name} outside is not the one that this database made: a copy of it wrote"
                " there as well; restore the database that did, or have the loss declared"
            )
    found: dict[str, Any] = {"entries": head.seq - begun, "roots": stored}
    if outside.roots:
        last = outside.roots[max(outside.roots)]["root"]
        size, loss = int(last["size"]), find_recorded_loss()
        recorded = loss is not None and _is_lost(last, [loss])
        if (recorded or size > head.seq) and not _is_lost(last, list_declared_losses()):
            missing = loss["lost_entries"] if loss and recorded else size - head.seq
            found |= {"lost_root": last, "lost_entries": missing, "recorded": recorded}
    return found


def settle_values(parts: Iterable[JournalPart], now: datetime) -> int:
    """Erase the ledger's values that are due or were erased, and record those that are missing.

    For a transaction that holds the lock. Values of entries from the journal are lost with the
    house. Erasures since the backup are on record in these entries already, so only the difference
    is recorded: a verifier expects as many missing values as were erased on record. Returns how
    many were added to the record.
    """
    subjects = {
        act.get("subject") or act.get("agent") for part in parts for act in part.acts if act["act"] in (AGENT, SUBJECT)
    }
    PersonalValue.objects.filter(erase_on__lte=now.date()).delete()
    for subject in subjects:
        find_values(str(subject)).delete()
    committed = recorded = 0
    for kind, body in LedgerEntry.objects.values_list("kind", "body").iterator():
        committed += len(_COMMITMENT.findall(body))
        recorded += json.loads(body)["values"] if kind == ERASED else 0
    missing = committed - PersonalValue.objects.count() - recorded
    if missing > 0:
        append(ERASED, {"cause": "restored", "values": missing}, recorded_at=now)
    return max(0, missing)


def repeat_acts(parts: Iterable[JournalPart]) -> dict[str, int]:
    """Repeat the acts of the journal; return how many by kind. Repeated twice, they change nothing.

    An act that cannot be repeated because what it was about is gone is passed over; JournalFault
    where no plug-in that is installed knows it.
    """
    added = {name: import_string(to) for plugin in list_plugins() for name, to in plugin.acts.items()}
    counts: dict[str, int] = {}
    for part in parts:
        for act in part.acts:
            repeat = _ACTS.get(act["act"]) or added.get(act["act"])
            if repeat is None:
                raise JournalFault(
                    f"the journal has the act {act['act']!r}, which nothing here repeats: install the plug-in"
                    " that noted it, then restore again"
                )
            repeat(act)
            counts[act["act"]] = counts.get(act["act"], 0) + 1
    return counts


def _append_entry(entry: Mapping[str, Any], stored: str) -> None:
    head = read_head()
    row = LedgerEntry(**{**entry, "body": canonical_json(entry["body"])}, hash=stored)
    if hash_entry(serialize_entry(row)) != stored:
        raise JournalFault(f"entry {row.seq} of the journal does not have the hash that it names")
    if row.seq <= head.seq:
        if LedgerEntry.objects.filter(seq=row.seq, hash=stored).exists():
            return
        raise JournalFault(f"entry {row.seq} of the journal is not the one of the backup")
    if row.seq != head.seq + 1 or row.prev != head.hash:
        raise JournalFault(f"entry {row.seq} of the journal does not follow entry {head.seq}")
    LedgerEntry.objects.bulk_create([row])
    LedgerHead.objects.update_or_create(pk=1, defaults={"seq": row.seq, "hash": stored})


def _store_root(signed: Mapping[str, Any]) -> bool:
    """Store a published root that the database lacks, where its entries are here."""
    said = signed["root"]
    before = load_last_root()
    number, size = (before.number, before.size) if before else (0, 0)
    losses = [*list_declared_losses(), *filter(None, [find_recorded_loss()])]
    head = LedgerEntry.objects.filter(seq=said["size"]).values_list("hash", flat=True).first()
    if said["number"] <= number or head is None or _is_lost(said, losses):
        return False
    if said["previous"] != (hash_root(json.loads(before.statement)) if before else NO_HASH):
        raise JournalFault(f"a root is missing between root {number} and root {said['number']}")
    roots.extend_tree(size, said["size"])
    found = tree_hash(said["size"], roots.hash_subtree).hex()
    if (head, found) != (said["head"], said["tree"]):
        raise JournalFault(f"root {said['number']} is not over the entries that are here")
    LedgerRoot.objects.create(
        number=said["number"], size=said["size"], sealed_at=said["sealed_at"],
        statement=canonical_json(said), signature=signed["signature"],
    )  # fmt: skip
    return True


def _is_lost(said: Mapping[str, Any], losses: Iterable[Mapping[str, Any]]) -> bool:
    mark = LedgerMark("", said["size"], said["head"], said["number"], said["tree"])
    return any(is_lost(mark, loss) for loss in losses)


def _close(act: Mapping[str, Any]) -> None:
    if User.objects.filter(username=act["name"], is_active=True).exists():
        grants.close_account(act["name"], by=_BY)


def _end(act: Mapping[str, Any]) -> None:
    for grant in Grant.objects.filter(pk=act["grant"], user__username=act["name"]):
        if grant.is_active_at(timezone.now()):
            by = act.get("by", "")
            grants.end_grant(grant, by=by if is_service(by) else _BY)


def _end_group(act: Mapping[str, Any]) -> None:
    for row in GroupRole.objects.filter(pk=act["row"], group=act["group"], ended_at=None):
        group_roles.end_row(row, by=_BY)


def _revoke(act: Mapping[str, Any]) -> None:
    for token in Token.objects.filter(name=act["name"], ends_at__gt=timezone.now()):
        grants.revoke_token(token, by=_BY)


_ACTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    AGENT: lambda act: erase_agent(act["agent"], actor=_BY),
    SUBJECT: lambda act: erase_subject(act["subject"], now=timezone.now(), cause="person"),
    grants.CLOSED: _close,
    grants.ENDED: _end,
    group_roles.ENDED: _end_group,
    grants.REVOKED: _revoke,
}
