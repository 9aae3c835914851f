"""What outside readers may see of entries, their English names, proofs of entries and of growth.

An entry about one agent (a case, a contact, an absence, its end, a correction of one of these) is
withheld whole: its site, its minute and its author tell more of a single case than the count of
cases, which is hidden below five. A personal value is a salted commitment, shown to the health
officer alone; other readers see that there is one, or that it was erased. A health field about no
person is a commitment too, shown to readers who may see the cases of a site. Kinds of events are
named where they are declared, in :mod:`releve.situation`; the names are the catalogue's sources.

A proof is a small JSON document. It reveals nothing of other entries: their hashes cover a random
number each, so their content cannot be found by trial. For the same reason the tree's tiles
(https://c2sp.org/tlog-tiles), whose bundles hold the 32 bytes of each entry's hash, may be public.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.db.models import Q, QuerySet

from releve.errors import Phrase
from releve.files.atomic import write_file
from releve.ledger import roots
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import canonical_json, parse_canonical
from releve.ledger.guards import ProofError
from releve.ledger.merkle import Subtree, consistency_path, inclusion_path, list_subtrees
from releve.ledger.models import LedgerEntry, LedgerRoot, PersonalValue
from releve.ledger.roots import SignedRoot, build_checkpoint, load_last_root
from releve.ledger.witnesses import list_cosignatures
from releve.plugin import list_plugins
from releve.situation import KINDS, EventCorrected, health_fields, personal_fields


def prove_entry(seq: int, root: SignedRoot, *, disclose: Iterable[str] = ()) -> dict[str, Any]:
    """Return the proof that an entry is under a root, showing the entry and no other.

    ``disclose`` names the fields whose personal values are shown with it; the others stay
    commitments. Raises ProofError.
    """
    row = LedgerEntry.objects.filter(seq=seq).first()
    if row is None or seq > root.size:
        there = "there is no such entry" if row is None else "it was added later: seal first"
        raise ProofError(f"entry {seq} is not under root {root.number}: {there}")
    return {
        "entry": parse_canonical(serialize_entry(row)),
        "format": "releve ledger proof 1",
        "hash": row.hash,
        "path": [node.hex() for node in inclusion_path(seq - 1, root.size, roots.hash_subtree)],
        "values": _disclose_chosen(seq, set(disclose)),
        **parse_canonical(root.text),
    }


def prove_growth(first: SignedRoot, second: SignedRoot) -> dict[str, Any]:
    """Return the proof that a root's entries are the beginning of a later root's.

    Raises ProofError where the second is not the later one.
    """
    if first.size > second.size:
        raise ProofError(f"root {first.number} covers more entries than root {second.number}")
    path = consistency_path(first.size, second.size, roots.hash_subtree)
    return {
        "first": parse_canonical(first.text),
        "format": "releve ledger growth 1",
        "path": [node.hex() for node in path],
        "second": parse_canonical(second.text),
    }


def prove_history(last: SignedRoot, subtree: Subtree) -> list[dict[str, Any]]:
    """Return what shows that every root before one is the beginning of it, the first root first.

    Each has its size and the largest complete subtrees over the entries since the root before it:
    joined in order, they give the tree of every root in turn. An interval of n entries takes about
    log2(n) hashes, where a proof of growth from each root would take twice the tree's height.
    """
    found, start = [], 0
    sizes = LedgerRoot.objects.filter(number__lte=last.number).order_by("number")
    for size in sizes.values_list("size", flat=True):
        nodes = [subtree(level, index).hex() for level, index in list_subtrees(start, size)]
        found.append({"nodes": nodes, "size": size})
        start = size
    return found


def disclose_values(values: Iterable[PersonalValue]) -> list[dict[str, Any]]:
    return [
        {"path": row.path, "salt": row.salt, "value": parse_canonical(row.value)}
        for row in sorted(values, key=lambda row: row.path)
    ]


def _disclose_chosen(seq: int, wanted: set[str]) -> list[dict[str, Any]]:
    rows = list(PersonalValue.objects.filter(entry=seq, path__in=wanted))
    if missing := wanted - {row.path for row in rows}:
        raise ProofError(f"entry {seq} has no value to show for: {', '.join(sorted(missing))}")
    return disclose_values(rows)


_HEIGHT = roots.STRIDE
_WIDTH = 1 << _HEIGHT


def write_tiles(folder: Path, root: SignedRoot) -> int:
    """Write the tiles and the entries of a root into a folder, and the checkpoint last.

    Files that are there stay: a tile never changes. Returns how many were written.
    """
    written = 0
    for name, level, number, width in _list_tiles(root.size):
        path = folder / "tile" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, _read_tile(level, number, width), durable=False)
            written += 1
    write_file(folder / "checkpoint", build_checkpoint(root) + list_cosignatures(root))
    return written


def _list_tiles(size: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield the tiles of a tree: path, level (-1 for entries), number, and width."""
    for level in (-1, *range(size.bit_length() // _HEIGHT + 1)):
        count = size >> _HEIGHT * max(level, 0)
        for number in range(-(-count // _WIDTH)):
            width = min(_WIDTH, count - number * _WIDTH)
            part = f".p/{width}" if width < _WIDTH else ""
            name = "entries" if level < 0 else str(level)
            yield f"{name}/{_format_number(number)}{part}", level, number, width


def _format_number(number: int) -> str:
    """Return the number of a tile in groups of three digits: 1234067 is x001/x234/067."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def _read_tile(level: int, number: int, width: int) -> bytes:
    first = number * _WIDTH
    if level < 0:
        rows = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + width).order_by("seq")
        found = map(bytes.fromhex, rows.values_list("hash", flat=True))
        return b"".join(len(one).to_bytes(2, "big") + one for one in found)
    return b"".join(roots.read_stored(level * _HEIGHT, first, width))


PERSON_KINDS = frozenset(kind for kind, event in KINDS.items() if event.about == ("agent",))
"""Kinds of entries about one agent: cases and absences alike, so that they look the same."""


@dataclass(frozen=True, slots=True)
class DisclosedField:
    """One field of an entry: its ``value`` where it is shown; ``commitment``: it is personal."""

    name: str
    state: Literal["shown", "withheld", "erased"]
    value: Any = None
    commitment: str = ""


def load_personal_values(seqs: Collection[int]) -> dict[int, dict[str, str]]:
    """Return the personal values that are left of entries: canonical JSON by number and path."""
    kept: dict[int, dict[str, str]] = {seq: {} for seq in seqs}
    found = PersonalValue.objects.filter(entry__in=seqs)
    for seq, path, value in found.values_list("entry", "path", "value"):
        kept[seq][path] = value
    return kept


def disclose_fields(
    kind: str, body: Mapping[str, Any], kept: Mapping[str, str], *, counts: bool, personal: bool
) -> Iterator[DisclosedField]:
    """Yield the fields of an entry as a reader may see them, by path.

    ``kept`` are its personal values. ``counts``: the reader may see the number of cases;
    ``personal``: whom they are of.
    """
    health = set(health_fields(kind)) if kind in KINDS else set()
    numbers = health - set(personal_fields(kind)) if kind in KINDS else set()
    for path, value in iter_values(body):
        commitment = value["commitment"] if _is_commitment(value) else ""
        if not commitment:
            sees, found = counts or path not in health, value
        elif path in kept:
            sees, found = counts if path in numbers else personal, parse_canonical(kept[path])
        else:
            yield DisclosedField(path, "erased", None, commitment)
            continue
        state: Literal["shown", "withheld"] = "shown" if sees else "withheld"
        yield DisclosedField(path, state, found if sees else None, commitment)


def iter_values(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a body by path; a commitment is one value."""
    for name, value in sorted(body.items()):
        if isinstance(value, dict) and not _is_commitment(value):
            yield from iter_values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _select_entries(stream: str, kind: str) -> QuerySet[LedgerEntry]:
    wanted = {"stream": stream, "kind": kind}
    return LedgerEntry.objects.filter(**{name: value for name, value in wanted.items() if value})


def count_entries(*, persons: bool, stream: str = "", kind: str = "") -> int | None:
    """Return how many entries there are of every stream or kind or of one.

    None where that would tell a reader without ``persons`` how many of a kind are about one agent.
    """
    return None if kind and not persons else _select_entries(stream, kind).count()


def list_entries(
    most: int, *, persons: bool, stream: str = "", kind: str = "", before: int | None = None, after: int | None = None
) -> list[LedgerEntry]:
    """Return at most so many entries, the newest first, of every stream or kind or of one.

    With ``after`` the first ones after that number, in their order. Without ``persons``, a reader who
    asks for a kind gets no entry of it about one agent.
    """
    if kind in PERSON_KINDS and not persons:
        return []
    order, beyond, edge = ("-seq", "seq__lt", before) if after is None else ("seq", "seq__gt", after)
    rows = _select_entries(stream, kind).order_by(order)
    rest = rows if edge is None else rows.filter(**{beyond: edge})
    if not kind or persons:
        return list(rest[:most])
    found: list[LedgerEntry] = []
    while len(found) < most and (page := list(rest[:most])):
        hidden = find_person_entries(page)
        found += [row for row in page if row.seq not in hidden]
        rest = rows.filter(**{beyond: page[-1].seq})
    return found[:most]


def prove_for_disclosure(seq: int) -> dict[str, Any]:
    """Return the proof of an entry under the last root, with commitments in place of values.

    ProofError, in a phrase, where there is no root or it does not cover the entry, and where the
    entry holds a health field in clear, from before such fields became commitments.
    """
    root = load_last_root()
    if root is None:
        raise ProofError(Phrase("No root has been signed yet."))
    if holds_health_in_clear(seq):
        raise ProofError(Phrase("This entry holds a health field in clear: its proof is not handed out."))
    if seq > root.size:
        raise ProofError(Phrase("Its proof can be had once the next root is signed."))
    return prove_entry(seq, root)


def find_person_entries(rows: Iterable[LedgerEntry]) -> frozenset[int]:
    """Return the numbers of the entries about one agent, corrections of such entries included."""
    found, corrected = set(), {}
    for row in rows:
        if row.kind in PERSON_KINDS:
            found.add(row.seq)
        elif row.kind == EventCorrected.kind:
            corrected[row.seq] = parse_canonical(row.body)["corrects"]
    if corrected:
        about_persons = _find_person_events(set(corrected.values()))
        found |= {seq for seq, event in corrected.items() if event in about_persons}
    return frozenset(found)


def _find_person_events(events: set[str]) -> set[str]:
    """Return which of these events, given by id, are about one agent."""
    named = Q()
    for event in events:
        named |= Q(body__contains=f'"id":{canonical_json(event)}')
    rows = LedgerEntry.objects.filter(named, kind__in=PERSON_KINDS).values_list("body", flat=True)
    return {parse_canonical(body)["id"] for body in rows}


def holds_health_in_clear(seq: int) -> bool:
    """Return whether an entry holds a health field in clear, so that its proof discloses it."""
    row = LedgerEntry.objects.filter(seq=seq, kind__in=KINDS).first()
    if row is None:
        return False
    body = parse_canonical(row.body)
    values = (body.get(name) for name in health_fields(row.kind))
    return any(value is not None and not _is_commitment(value) for value in values)


def _is_commitment(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"commitment"}


KIND_LABELS: Mapping[str, str] = {
    **{kind: event.label for kind, event in KINDS.items()},
    "access.changed": "Account changed by the directory",
    "access.closed": "Account closed",
    "access.handed_over": "Account handed over to the directory",
    "access.made": "Account made by the directory",
    "access.opened": "Account opened again by the directory",
    "access.link_mailed": "Link to choose a password mailed",
    "access.link_shown": "Link to choose a password shown",
    "access.connected": "Account connected to the sign-in service",
    "access.disconnected": "Account disconnected from the sign-in service",
    "access.confirmed": "Account confirmed as one person’s own",
    "access.declared": "Administrators declared to be different people",
    "access.ended": "Role ended",
    "access.factors_asked": "Removal of a second factor asked for",
    "access.factors_forgotten": "Second factor set back",
    "access.given": "Role given",
    "access.group_approved": "Role of a group approved",
    "access.group_asked": "Role of a group asked for",
    "access.group_ended": "Role of a group ended",
    "access.secret_replaced": "Lost secret key replaced",
    "access.secret_rotated": "Secret key rotated",
    "access.subscription_ended": "Webhook ended",
    "access.subscription_made": "Webhook made",
    "access.subscription_renewed": "Secret of a webhook renewed",
    "access.token_ended": "Token ended",
    "access.token_given": "Token given",
    "alert.ended": "Alert ended: the places are back",
    "alert.raised": "Person on call alerted",
    "alert.released": "Messages sent without a person who leads",
    "alert.sent": "Alert sent",
    "alert.taken": "Alert taken",
    "alert.unmanned": "Loss without a person on call",
    "client.approved": "Message to a client approved",
    "client.edited": "Message to a client edited",
    "client.setting": "How messages to a client go out: changed",
    "client.stopped": "Message to a client held",
    "contacts.imported": "Contacts imported",
    "contacts.seen": "Contacts of a case seen",
    "drill.moved": "Drill clock moved",
    "drill.started": "Drill started",
    "drill.stopped": "Drill stopped",
    "effect.aside": "Task set aside",
    "effect.retried": "Task tried again",
    "identity.allowed": "Look behind a pseudonym allowed",
    "identity.asked": "Look behind a pseudonym asked for",
    "identity.erased": "Person erased",
    "identity.imported": "Names imported",
    "identity.seen": "Name behind a pseudonym seen",
    "ledger.erased": "Personal values erased",
    "ledger.key_replaced": "Signing key replaced",
    "ledger.key_rotated": "Signing key rotated",
    "ledger.loss_declared": "Loss of entries declared by two people",
    "ledger.refused": "Growth refused by a witness",
    "ledger.restored": "Database put back",
    "ledger.tallied": "Entries tallied before a root",
    "message.absent": "Message without an answer: counted as absent",
    "message.acknowledged": "Message acknowledged",
    "message.escalated": "Message escalated",
    "message.sent": "Message sent",
    "message.written": "Message written, not sent: no address",
    "message.unanswered": "Message left unanswered",
    "people.notified": "Messages about a relief written",
    "people.released": "Messages that waited for a person who leads, released",
    "photos.erased": "Photos erased",
    "plan.activated": "Plan put in force",
    "plan.withdrawn": "Plan withdrawn",
    "relief.covered": "Coverage of a client announced",
    "relief.ended": "Relief for a surge ended",
    "relief.made": "Relief made",
    "relief.ordered": "Relief for a surge put in force",
    "roll.seen": "Names read at a roll call",
    "rota.changed": "On-call rota changed",
    "rota.link_ended": "Calendar link to the on-call rota revoked",
    "rota.link_made": "Calendar link to the on-call rota made",
    "routing.alarm": "Routing not taken in time",
    "routing.published": "Routing published",
    "routing.restored": "Routing taken again",
    "routing.reverted": "Earlier routing published again",
    "routing.switched": "Calls switched to prepared routing",
    "service.sealed": "Day of a client sealed",
    **{kind: label for plugin in list_plugins() for kind, label in plugin.entry_kinds.items()},
}
"""Kind of an entry -> what happened."""

STREAM_LABELS: Mapping[str, str] = {
    "live": "Live",
    "access": "Access and names",
    **{stream: label for plugin in list_plugins() for stream, label in plugin.streams.items()},
}
"""Stream -> what it is called; each drill has one of its own besides."""

FIELD_LABELS: Mapping[str, str] = {
    "action": "What is done",
    "actor": "Recorded by",
    "adapter": "Published by",
    "after": "Rules after",
    "agent": "Agent",
    "agents": "Agents",
    "association": "Association",
    "attempts": "Attempts",
    "audit": "Audit",
    "audit_clause": "Audit clause",
    "authority": "Authority",
    "basis": "Basis of the sample",
    "batch": "Batch",
    "before": "Rules before",
    "body": "Auditing body",
    "by": "By",
    "calls": "Calls",
    "campaign": "Campaign",
    "carrier": "Carrier",
    "cause": "Cause",
    "charter": "Charter",
    "client": "Client",
    "closed": "Closed sites",
    "closing": "Closing",
    "commission": "Commission",
    "conclusion": "Conclusion",
    "consents": "Consents",
    "contingency": "Contingency",
    "contract": "Contract",
    "contributions": "Contributions",
    "day": "Day",
    "decision": "Decision",
    "decisions": "Decisions",
    "design": "Design of the month",
    "digest": "Digest",
    "due": "Due",
    "earliest_reopening": "Not open before",
    "effective": "Works",
    "evidence": "Evidence",
    "finding": "Finding",
    "findings": "Findings",
    "found": "Found",
    "generation": "Relief number",
    "happened_at": "Happened",
    "home_only": "Home only",
    "id": "Event",
    "incident": "Incident",
    "inspectors": "Inspectors",
    "item": "Item",
    "key": "Public key",
    "late": "After publication",
    "link": "Link of the draw",
    "list_hash": "Hash of the list",
    "list_origin": "Origin of the list",
    "lost": "Places lost",
    "manager": "Manager",
    "mask_key": "Public key of the masks",
    "measure": "Measure",
    "member": "Member",
    "members": "Members",
    "method": "Method",
    "mode": "Mode",
    "month": "Month",
    "moved": "People whose work changes",
    "kinds": "People by kind of change",
    "breaks": "Notes of a break at another time",
    "note": "Note",
    "number": "Number",
    "owner": "Owner",
    "party": "Party",
    "person": "Person",
    "photos": "Photos",
    "plan": "Plan",
    "positive": "Positive",
    "read_back": "Read back",
    "reason": "Reason",
    "recorded_at": "Recorded",
    "reference": "Reference",
    "role": "Role",
    "root": "Root",
    "routes": "Routes",
    "rows": "Rows",
    "rule": "Rule",
    "seen_at": "Seen",
    "severity": "Severity",
    "since": "Since",
    "site": "Site",
    "sites": "Sites",
    "source": "Source",
    "status": "Status",
    "boarded": "Heads in vehicles",
    "symptomatic": "Sent home with symptoms",
    "table": "Table",
    "task": "Task",
    "tested": "Tested",
    "tests": "Tests to make",
    "title": "Title",
    "transport_fill": "Fullest shuttle",
    "units": "Sites and weights",
    "until": "Until",
    "valid_from": "Valid from",
    "valid_to": "Valid to",
    "values": "Values",
    "vehicle": "Vehicle",
    "verdict": "Verdict",
    "version": "Version",
    "visits": "Visits",
    "well": "What went well",
    "withheld": "Link withheld by",
}
"""Field of a body, by the last name of its path -> its label."""
