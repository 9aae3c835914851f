"""Packs that were issued: their files in the home folder, their entries in the ledger.

``pack.made`` says what a pack is, with the length and the SHA-256 of its file as issued and their
signed note; ``pack.received`` which account took it. The file is named by that SHA-256. A pack made
again from the ledger is compared with its file.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from releve.files.atomic import make_folder, write_file
from releve.ledger import verify
from releve.ledger.account_names import restore_names
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import parse_canonical
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import verify_note_line
from releve.ledger.verify import NotedFile
from releve.ledger.witnesses import list_witnesses
from releve.plugins.evidence.pack import PACK_KINDS, build_pack, write_note
from releve.plugins.evidence.records import PackError, sign_pack
from releve.plugins.evidence.sources import PackRequest

STREAM = "evidence"
MADE, RECEIVED = "pack.made", "pack.received"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class IssuedPack:
    """A pack as the ledger has it: entry ``seq``, when and by which account it was made."""

    seq: int
    sha256: str
    length: int
    note: str
    """What leaves beside the file: a signed note of its bytes. Empty, and the length 0, in a pack
    that an earlier version made."""
    kind: str
    recipient: str
    first: date
    last: date
    language: str
    root: int
    made_at: datetime
    by: str

    @property
    def is_older(self) -> bool:
        """Whether an earlier version made the pack, which today's verifier cannot verify."""
        return not self.note

    @property
    def request(self) -> PackRequest:
        return PackRequest(self.kind, self.recipient, self.first, self.last, self.language, self.root)

    @property
    def file_name(self) -> str:
        return self.request.file_name

    def begins(self, content: bytes) -> bool:
        return NotedFile(self.sha256, self.length, "").begins(content)

    @property
    def zip_name(self) -> str:
        return self.file_name.removesuffix("pdf") + "zip"


@dataclass(frozen=True, slots=True)
class PackReceipt:
    """An account that took a pack, and when it did so first."""

    pack: str
    by: str
    at: datetime


def issue_pack(request: PackRequest, by: str, now: datetime) -> IssuedPack:
    """Make a pack, store its file and record it; the same pack is recorded once.

    The operator's signature has the time of making: a pack that bears one is taken as it stands, as
    long as its file does.
    """
    built = build_pack(request)
    stored = (load_pack_file(one) or b"" for one in list_packs() if one.root == built.root)
    signed = (one for one in stored if len(one) > len(built.pdf) and one.startswith(built.pdf))
    content = next(signed, b"") or sign_pack(built.pdf)
    body: dict[str, Any] = {
        "by": by,
        "for": request.recipient,
        "from": request.first.isoformat(),
        "language": request.language,
        "length": len(content),
        "note": write_note(built, content),
        "pack": request.kind,
        "root": built.root,
        "sha256": hashlib.sha256(content).hexdigest(),
        "signed": content != built.pdf,
        "to": request.last.isoformat(),
    }
    if (names := PACK_KINDS[request.kind].recipient) in ("client", "site"):
        body[names] = request.recipient
    path = _find_path(body["sha256"])
    make_folder(path.parent, mode=0o700)
    write_file(path, content, mode=0o600)
    with transaction.atomic():
        lock_head()
        if find_pack(body["sha256"]) is None:
            append(MADE, body, stream=STREAM, recorded_at=now)
    found = find_pack(body["sha256"])
    assert found is not None
    return found


def record_receipt(pack: IssuedPack, by: str, now: datetime) -> None:
    """Record that an account took a pack, the first time that it does."""
    with transaction.atomic():
        lock_head()
        if any(one.by == by for one in list_receipts(pack.sha256)):
            return
        body: dict[str, Any] = {"by": by, "sha256": pack.sha256}
        if (names := PACK_KINDS[pack.kind].recipient) in ("client", "site"):
            body[names] = pack.recipient
        append(RECEIVED, body, stream=STREAM, recorded_at=now)


def load_pack_file(pack: IssuedPack) -> bytes | None:
    """Return the file of a pack; None where it was removed, cut or changed.

    That of an earlier version is returned as it is: how many bytes were issued is not on record.
    """
    path = _find_path(pack.sha256)
    content = path.read_bytes() if path.is_file() else b""
    return content if pack.begins(content) or (pack.is_older and content) else None


def zip_pack(pack: IssuedPack) -> bytes | None:
    """Return a .zip of a pack's file and its note, to be kept together; None without either."""
    content = load_pack_file(pack)
    if content is None or pack.is_older:
        return None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for name, data in ((pack.file_name, content), (f"{pack.file_name}.note", pack.note)):
            at = pack.made_at.timetuple()[:6]
            files.writestr(zipfile.ZipInfo(name, at), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def find_pack(sha256: str) -> IssuedPack | None:
    if not _DIGEST.fullmatch(sha256):
        return None
    return next((pack for pack in list_packs() if pack.sha256 == sha256), None)


def list_packs() -> list[IssuedPack]:
    """Return every pack issued, the newest first."""
    return [
        IssuedPack(
            seq=row.seq,
            sha256=body["sha256"],
            length=body.get("length", 0),
            note=body.get("note", ""),
            kind=body["pack"],
            recipient=body["for"],
            first=date.fromisoformat(body["from"]),
            last=date.fromisoformat(body["to"]),
            language=body["language"],
            root=body["root"],
            made_at=datetime.fromisoformat(row.recorded_at),
            by=body["by"],
        )
        for row, body in _iter_entries(MADE)
    ]


def list_receipts(sha256: str = "") -> list[PackReceipt]:
    """Return which accounts took a pack, or any pack, the first of them first."""
    found = [
        PackReceipt(body["sha256"], body["by"], datetime.fromisoformat(row.recorded_at))
        for row, body in _iter_entries(RECEIVED)
        if not sha256 or body["sha256"] == sha256
    ]
    return found[::-1]


def _iter_entries(kind: str) -> Iterator[tuple[LedgerEntry, dict[str, Any]]]:
    """Yield the entries of a kind, the newest first, with the names of accounts in them."""
    rows = list(LedgerEntry.objects.filter(stream=STREAM, kind=kind).order_by("-seq"))
    bodies = [parse_canonical(row.body) for row in rows]
    restore_names(bodies)
    yield from zip(rows, bodies, strict=True)


def _find_path(sha256: str) -> Path:
    return Path(settings.HOME) / "packs" / f"{sha256}.pdf"


def read_data(pack: IssuedPack, content: bytes) -> dict[str, Any]:
    """Return what stands in the ``pack.json`` of a file that begins as a pack was issued."""
    _text, _lines, _pdf, data = verify.read_pack_note(pack.note)
    found: dict[str, Any] = verify.read_line(verify.find_packed(content)[data.sha256])
    return found


def read_cosigners(pack: IssuedPack, content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the name under which the checkpoint in a pack names the ledger, and who cosigned it.

    These are the verifier keys of the ledger's witnesses.
    """
    text, _, lines = read_data(pack, content)["checkpoint"].partition("\n\n")
    return text.partition("\n")[0], tuple(
        witness.verifier_key
        for witness in list_witnesses()
        if any(verify_note_line(f"{text}\n", line, witness.verifier_key) for line in lines.splitlines())
    )


def compare_remade(content: bytes) -> tuple[bool, str]:
    """Return whether the pack in a file is made again as it is, and a sentence that says why not.

    The ledger has what was issued. PackError where the file does not begin with any of it.
    """
    pack = next((one for one in list_packs() if one.begins(content)), None)
    digest = hashlib.sha256(content).hexdigest()
    if pack is None and any(one.is_older and one.sha256 == digest for one in list_packs()):
        raise PackError("the pack is of an earlier version: make it again with this one")
    if pack is None:
        raise PackError("the ledger has no pack of these bytes: the file was changed, cut, or made elsewhere")
    data = read_data(pack, content)
    again = build_pack(pack.request, checkpoint=data["checkpoint"])
    if content.startswith(again.pdf):
        behind = len(content) - len(again.pdf)
        more = f"; {behind} more bytes, a signature, stand behind them" if behind else ""
        return True, f"the same bytes: SHA-256 {hashlib.sha256(again.pdf).hexdigest()}{more}"
    other = verify.read_line(again.document)
    differ = sorted(name for name in data if data[name] != other[name])
    if differ == ["made_with"]:
        tools = [name for name in data["made_with"] if data["made_with"][name] != other["made_with"].get(name)]
        return False, (f"the content is the same; the bytes cannot be, since other tools made it: {', '.join(tools)}")
    return False, f"the ledger gives another content today: {', '.join(differ)} differ"
