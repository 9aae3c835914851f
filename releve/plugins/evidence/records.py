"""Entries of the ledger as packs hold them, statements computed from them, errors, and signing.

Personal values stay commitments. Values of health that concern no particular person are shown where
a pack asks for them, with their salts. Statements are computed by the verifier's own code.

``RELEVE_PACK_CERTIFICATE`` names a PKCS #12 file, ``RELEVE_PACK_PASSWORD`` opens it and
``RELEVE_PACK_TIMESTAMP`` is the address of a time-stamping authority (RFC 3161). That signature
(PAdES) follows the pack's bytes, so that what was issued stays a prefix of the file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from releve.errors import Phrase, ReleveError
from releve.extras import LazyModule
from releve.ledger import roots, verify
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import disclose_values
from releve.ledger.merkle import Subtree, fold_hashes, inclusion_path, leaf_hash
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import SignedRoot
from releve.live.api import LIVE
from releve.plugins.evidence.language import Wording
from releve.situation import KINDS, health_fields, personal_fields

_BLOCK_LEVEL = 8


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """An entry: its number, kind, instant, body, and what is disclosed of its committed values."""

    seq: int
    kind: str
    at: datetime
    """When it happened; when it was recorded where the entry says nothing else."""
    body: dict[str, Any]
    row: LedgerEntry
    values: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        return str(self.body.get("id", ""))

    @property
    def site(self) -> str:
        found = self.body.get("site")
        return found if isinstance(found, str) else ""

    @property
    def content(self) -> dict[str, Any]:
        """The entry as an object of JSON."""
        found: dict[str, Any] = parse_canonical(serialize_entry(self.row))
        return found

    def as_json(self, path: Sequence[str] = ()) -> dict[str, Any]:
        """Return the entry as a pack holds it, with the path of its proof."""
        return {"entry": self.content, "hash": self.row.hash, "path": list(path), "values": list(self.values)}


def load_records(
    kinds: Collection[str],
    root: SignedRoot,
    keep: Callable[[EvidenceRecord], bool],
    *,
    disclose_health: bool = False,
    streams: Collection[str] = (LIVE,),
) -> list[EvidenceRecord]:
    """Return the entries of some kinds under a root, in order, that are to be kept.

    Corrections of kept entries come with them, since what was corrected no longer counts.
    """
    rows = LedgerEntry.objects.filter(stream__in=streams, kind__in={*kinds, "event.corrected"}, seq__lte=root.size)
    found = [_read_record(row) for row in rows.order_by("seq").iterator()]
    kept = [one for one in found if one.kind != "event.corrected" and keep(one)]
    names = {one.id for one in kept if one.id}
    kept += [one for one in found if one.kind == "event.corrected" and one.body.get("corrects") in names]
    kept.sort(key=lambda one: one.seq)
    return _disclose_health(kept) if disclose_health else kept


def _read_record(row: LedgerEntry) -> EvidenceRecord:
    body = parse_canonical(row.body)
    said = body.get("happened_at") or row.recorded_at
    return EvidenceRecord(row.seq, row.kind, datetime.fromisoformat(said).astimezone(UTC), body, row)


def _disclose_health(records: Sequence[EvidenceRecord]) -> list[EvidenceRecord]:
    """Return entries with the counts of health that they commit to; of no person is any shown."""
    wanted = {
        one.seq: set(health_fields(one.kind)) - set(personal_fields(one.kind)) for one in records if one.kind in KINDS
    }
    shown: dict[int, list[PersonalValue]] = {}
    for value in PersonalValue.objects.filter(entry__in=[seq for seq, w in wanted.items() if w]):
        if value.path in wanted[value.entry_id]:
            shown.setdefault(value.entry_id, []).append(value)
    return [
        EvidenceRecord(one.seq, one.kind, one.at, one.body, one.row, tuple(disclose_values(shown.get(one.seq, ()))))
        for one in records
    ]


def prove_records(records: Iterable[EvidenceRecord], root: SignedRoot, subtree: Subtree) -> list[dict[str, Any]]:
    """Return entries with the paths that lead to a root."""
    return [one.as_json([node.hex() for node in inclusion_path(one.seq - 1, root.size, subtree)]) for one in records]


def share_reads() -> Subtree:
    """Return subtree hashes that are read once: leaves by blocks of 256, nodes by themselves."""

    @lru_cache(maxsize=64)
    def read_block(block: int) -> list[bytes]:
        first = block << _BLOCK_LEVEL
        rows = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + (1 << _BLOCK_LEVEL))
        hashes = rows.order_by("seq").values_list("hash", flat=True)
        return [leaf_hash(bytes.fromhex(text)) for text in hashes]

    @lru_cache(maxsize=100_000)
    def subtree(level: int, index: int) -> bytes:
        if level >= _BLOCK_LEVEL:
            return roots.hash_subtree(level, index)
        first = (index << level) & ((1 << _BLOCK_LEVEL) - 1)
        leaves = read_block((index << level) >> _BLOCK_LEVEL)
        return fold_hashes(leaves[first : first + (1 << level)])

    return subtree


How = Literal[
    "count", "distinct", "sum", "min", "max", "last", "span", "passed", "known", "waiting", "document", "stated"
]


@dataclass(frozen=True, slots=True)
class Statement:
    """A figure of a pack, before it is computed.

    ``kinds`` and ``where`` say which entries of the period it counts: all of them. Without
    ``kinds`` it is of the entries ``of``. ``path`` names the value that is taken from each, or from
    the ``document``; with another ``how`` than that, from those of its rows that ``where`` says. A
    figure that is ``stated`` has its value here: no entry shows it.
    """

    id: str
    how: How
    text: Phrase
    _: KW_ONLY
    unit: Literal["", "share", "min", "s", "delay"] = ""
    path: str = ""
    kinds: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    of: tuple[int, ...] = ()
    document: str = ""
    value: Any = None


def compute_statement(
    one: Statement,
    pack: dict[str, Any],
    records: dict[int, dict[str, Any]],
    corrected: set[str],
    documents: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a statement as a pack holds it, with its value.

    ``pack`` needs the instants ``start`` and ``end`` and its ``day_ends``; ``records`` are the
    pack's entries by number, ``corrected`` the ids of those that no longer count.
    """
    found: dict[str, Any] = {
        "document": one.document,
        "en": Wording("en").say(one.text),
        "fr": Wording("fr").say(one.text),
        "how": one.how,
        "id": one.id,
        "kinds": list(one.kinds),
        "late": 0,
        "of": list(one.of),
        "path": one.path,
        "unit": one.unit,
        "value": one.value,
        "where": dict(one.where),
    }
    if one.document:
        found["value"] = verify.read_document(found, documents[one.document])
    elif one.how != "stated":
        if one.kinds:
            found["of"] = [seq for seq, record in records.items() if verify.belongs(record, found, pack, corrected)]
        found["late"] = sum(verify.late_minutes(records[seq], pack) > 0 for seq in found["of"])
        found["value"] = verify.compute_entries(found, [records[seq] for seq in found["of"]])
    return found


class PackError(ReleveError, ValueError):
    """A pack that cannot be made, read or stored."""


class PackRefused(PackError):  # noqa: N818 (named after what happens)
    """A pack that may not be made as asked; the message names the fix."""


signers: Any = LazyModule("pyhanko.sign.signers")
timestamps: Any = LazyModule("pyhanko.sign.timestamps")
writers: Any = LazyModule("pyhanko.pdf_utils.incremental_writer")
fields: Any = LazyModule("pyhanko.sign.fields")


def sign_pack(pdf: bytes) -> bytes:
    """Return a pack with the operator's signature; as it is where no certificate is set."""
    path = os.environ.get("RELEVE_PACK_CERTIFICATE", "")
    if not path:
        return pdf
    password = os.environ.get("RELEVE_PACK_PASSWORD", "").encode()
    signer = signers.SimpleSigner.load_pkcs12(path, passphrase=password or None)
    if signer is None:
        raise PackError(f"RELEVE_PACK_CERTIFICATE: {path} cannot be opened: check the file and RELEVE_PACK_PASSWORD")
    stamp = os.environ.get("RELEVE_PACK_TIMESTAMP", "")
    try:
        signed = signers.sign_pdf(
            writers.IncrementalPdfFileWriter(io.BytesIO(pdf)),
            signers.PdfSignatureMetadata(
                field_name="Signature1", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
            ),
            signer=signer,
            timestamper=timestamps.HTTPTimeStamper(stamp) if stamp else None,
        )
    except OSError as error:
        raise PackError(
            f"RELEVE_PACK_TIMESTAMP: the authority at {stamp} gave no time stamp ({error}): check"
            " the address, or leave it empty"
        ) from error
    content: bytes = signed.getvalue()
    if not content.startswith(pdf):
        raise PackError("the signature changed the pack: it is not issued")
    return content
