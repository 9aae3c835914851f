"""Packs: ``pack.json`` inside a PDF/A-3 that prints its figures, and the signed note of its bytes.

The same request under the same root gives the same bytes, in any process, folder and time zone:
nothing of the moment of making goes in. See docs/packs.md for the format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from releve import __version__
from releve.errors import Phrase
from releve.ledger import verify
from releve.ledger.digests import canonical_json, format_instant, parse_canonical
from releve.ledger.disclosure import PERSON_KINDS, prove_history
from releve.ledger.keys import public_key
from releve.ledger.roots import RotatedRoot, SignedRoot, build_checkpoint, sign_note
from releve.ledger.witnesses import list_cosignatures
from releve.network import day_bounds
from releve.plugins.evidence.client_pack import draft_client_pack
from releve.plugins.evidence.incident_pack import draft_incident_pack
from releve.plugins.evidence.inspection_pack import draft_inspection_pack
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.operator_packs import draft_association_pack, draft_audit_pack, draft_crash_test_pack
from releve.plugins.evidence.paper import Attachment, Paper, describe_tools, typeset
from releve.plugins.evidence.records import PackError, PackRefused, compute_statement, prove_records, share_reads
from releve.plugins.evidence.sources import (
    PackDraft,
    PackRequest,
    PackSource,
    find_tallies,
    list_selections,
    open_source,
)
from releve.situation import KINDS, find_time_zone, health_fields

PACK_FILE = verify.PACK_FILE
_MOST_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class PackKind:
    """A kind of pack: its title, who it is for, how it is drafted, whether it shows health."""

    id: str
    title: Phrase
    recipient: str
    """What the recipient names: ``client``, ``site``, ``incident``, ``run``, or nothing (the whole operator)."""
    draft: Callable[[PackSource, Wording], PackDraft]
    shows_health: bool = False


PACK_KINDS: Mapping[str, PackKind] = {
    kind.id: kind
    for kind in (
        PackKind("client", Phrase("Evidence for a client"), "client", draft_client_pack),
        PackKind("inspection", Phrase("Evidence for an inspection"), "site", draft_inspection_pack, shows_health=True),
        PackKind("incident", Phrase("Evidence of an incident"), "incident", draft_incident_pack),
        PackKind("audit", Phrase("Evidence for the audit of the charter"), "", draft_audit_pack),
        PackKind("crashtest", Phrase("Evidence of a crash test"), "run", draft_crash_test_pack),
        PackKind("association", Phrase("Evidence for the association"), "", draft_association_pack),
    )
}


@dataclass(frozen=True)
class BuiltPack:
    """A pack as bytes: the PDF without any signature of its own, and the document inside."""

    request: PackRequest
    root: int
    pdf: bytes
    document: bytes


def build_pack(request: PackRequest, *, checkpoint: str = "") -> BuiltPack:
    """Return the pack that a request asks for; PackRefused where it cannot be had.

    One made again takes the ``checkpoint`` of the earlier make: the key may have been rotated, and
    more witnesses may have cosigned since.
    """
    kind = PACK_KINDS.get(request.kind)
    if kind is None:
        raise PackRefused(Phrase("kind must be one of {0}, got {1}", ", ".join(PACK_KINDS), request.kind))
    source = open_source(request)
    wording = Wording(request.language, source.operator.row.time_zone)
    draft = kind.draft(source, wording)
    _refuse_private_entries(kind, draft)
    pack, documents = _compute_content(source, draft, checkpoint)
    document = f"{canonical_json(pack)}\n".encode()
    attached = [Attachment(name, text) for name, text in documents.items()]
    paper = Paper.compose(kind.title, source, draft, pack, wording)
    pdf = typeset(paper, [Attachment(PACK_FILE, document), *attached])
    return BuiltPack(request, source.root.number, pdf, document)


def write_note(built: BuiltPack, content: bytes) -> str:
    """Return the signed note of a pack's file, which begins with what was built.

    The verifier that strangers use checks file and note; PackError where they do not hold.
    """
    files = ((built.request.file_name, content), (PACK_FILE, built.document))
    rows = [f"{hashlib.sha256(data).hexdigest()}  {len(data)}  {name}\n" for name, data in files]
    note = sign_note("".join([f"{verify.PACK_NOTE}\n", *rows]))
    try:
        keys, language = verify.Keys([public_key()]), built.request.language
        faults, _summary, added = verify.check_noted(content, note, keys, [], language)
    except verify.VerifyError as fault:
        faults, added = [str(fault)], 0
    if faults or added:
        raise PackError(f"the pack does not verify and is not issued: {faults or added}")
    return note


def _compute_content(source: PackSource, draft: PackDraft, checkpoint: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what stands in ``pack.json``, and the documents as bytes by name."""
    selections, tallies = list_selections(find_tallies(source), draft.selections)
    subtree = share_reads()
    records, proved_tallies = (prove_records(rows, source.root, subtree) for rows in (draft.records, tallies))
    by_number = {one["entry"]["seq"]: one for one in records}
    corrected = verify.corrected_events(by_number)
    documents = {name: f"{canonical_json(value)}\n".encode() for name, value in draft.documents.items()}
    request, signed = source.request, parse_canonical(source.root.text)
    pack: dict[str, Any] = {
        "checkpoint": checkpoint or _build_cosigned(source.root),
        "day_ends": _find_day_ends(source, draft),
        "documents": [{"name": name, "sha256": hashlib.sha256(text).hexdigest()} for name, text in documents.items()],
        "entries": records,
        "for": request.recipient,
        "format": verify.PACK,
        "from": request.first.isoformat(),
        "history": prove_history(source.root, subtree),
        "kind": request.kind,
        "language": request.language,
        "made_with": {"releve": __version__, **describe_tools()},
        "operator": {
            "digest": source.version.digest,
            "name": source.operator.row.name,
            "version": source.version.number,
        },
        "root": signed["root"],
        "root_signature": signed["signature"],
        "selections": selections,
        "tallies": proved_tallies,
        "to": request.last.isoformat(),
        **source.period,
    }
    pack["statements"] = [
        compute_statement(one, pack, by_number, corrected, draft.documents) for one in draft.statements
    ]
    return pack, documents


def _find_day_ends(source: PackSource, draft: PackDraft) -> dict[str, dict[str, str]]:
    """Return when the days that entries are about ended, by site and day; "" is the operator."""
    found: dict[str, dict[str, str]] = {}
    for one in draft.records:
        if isinstance(day := one.body.get("day"), str):
            zone_name = find_time_zone(one.site, source.operator)
            ended = day_bounds(date.fromisoformat(day), zone_name)[1]
            found.setdefault(one.site, {})[day] = format_instant(ended)
    return found


def _build_cosigned(root: SignedRoot) -> str:
    """Return the checkpoint of a root with the cosignatures of witnesses that there are."""
    try:
        return build_checkpoint(root) + list_cosignatures(root)
    except RotatedRoot:
        raise PackRefused(
            Phrase("root {0} was signed with a key that is rotated since: choose a later root", root.number)
        ) from None


def _refuse_private_entries(kind: PackKind, draft: PackDraft) -> None:
    """Refuse a pack that would hold an entry about a person, or a value of health in clear."""
    if len(draft.records) > _MOST_ENTRIES:
        raise PackRefused(Phrase("the pack would hold {0} entries: choose fewer days", len(draft.records)))
    for one in draft.records:
        if one.kind in PERSON_KINDS:
            raise PackError(f"entry {one.seq} is about one person and goes into no pack")
        health = health_fields(one.kind) if one.kind in KINDS else ()
        clear = [name for name in health if not _is_withheld(one.body.get(name))]
        if (clear or one.values) and not kind.shows_health:
            raise PackError(f"entry {one.seq} shows values of health, which this pack may not hold")


def _is_withheld(value: object) -> bool:
    return value is None or (isinstance(value, dict) and set(value) == {"commitment"})
