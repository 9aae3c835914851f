"""Whether the database holds all that is known outside it of its own ledger.

A database that was emptied, rolled back, exchanged, or written by a copy of the installation too,
would reuse the numbers of entries and roots that were published. So it is compared with ``roots/``
of the home (each root is written there before it leaves), the receipts of the home (the last root
and part of the journal received elsewhere), and the newest root of ``RELEVE_OUTSIDE`` where that is
a folder. A root counts where a key of this ledger signed it. A ledger that lacks one refuses every
entry and root until the missing entries are put back, or two people have declared them lost
(:mod:`releve.upkeep.restore`).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from releve.files.atomic import lock, write_file
from releve.ledger.digests import ROOT_TAG, canonical_json
from releve.ledger.guards import DocumentConflict, LedgerBehind, SigningKeyError
from releve.ledger.keys import NAME, find_public_key, stored_key_check
from releve.ledger.models import LedgerEntry, LedgerRoot, Restoration

RESTORED, DECLARED = "ledger.restored", "ledger.loss_declared"
"""Kinds of entries: a backup or an older database was put back; two people declared the loss."""
TRUSTED_SECONDS = 5.0
"""For so long a ledger that was found complete is taken for it, by the same process."""
BEHIND_SECONDS = 1.0
"""For so long :func:`is_behind` takes a ledger that was found behind for it, in a process."""
OUTSIDE_SECONDS = 5.0
"""A folder of another machine that does not answer in this time is not waited for."""
_ROOT = re.compile(r"root-(\d{6,})\.json")
_LARGEST_ROOT = 100_000
_NEWEST = 3
"""Files that are read of a folder: one that is not a root of this ledger hides no older one."""


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """How far the ledger once was, as a document outside the database says.

    ``number`` and ``tree`` are those of a root; 0 and empty for a part of the journal.
    """

    path: str
    size: int
    head: str
    number: int = 0
    tree: str = ""

    def __str__(self) -> str:
        if not self.number:
            return f"{self.path} says that entries up to {self.size} were received"
        return f"{self.path} is root {self.number} over {self.size} entries"


@dataclass(frozen=True, slots=True)
class LedgerStanding:
    """How the ledger in the database stands against its marks.

    ``fault``: it ends before the mark (behind), or has other entries there (forked). ``marks`` are
    all that it lacks, the newest first; ``entries`` and ``root`` are then where the database ends;
    ``notes`` say what could not be compared.
    """

    fault: Literal["", "behind", "forked"] = ""
    marks: tuple[LedgerMark, ...] = ()
    entries: int = 0
    root: int = 0
    notes: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence; empty where nothing is."""
        if not self.fault:
            return ""
        last = f"root {self.root}" if self.root else "no root"
        if self.fault == "behind":
            return (
                f"the database is behind its ledger: {self.marks[0]}, and in the database the"
                f" ledger ends with {last} at entry {self.entries}; it was rolled back, emptied or"
                " exchanged for an older one"
            )
        return (
            f"the database has another history than its ledger: {self.marks[0]}, and the database"
            f" has other entries there (it ends with {last} at entry {self.entries}); it was rolled"
            " back and written on, or a copy of this installation writes as well, perhaps on"
            " another host"
        )

    @property
    def fix(self) -> str:
        stop = "stop the other copy; if this one is the one to keep, " * (self.fault == "forked")
        return (
            f"nothing was overwritten and nothing is written until it is mended: {stop}put the"
            " right database back, or make it again from the backup and the journal (`releve"
            " restore`), or have two administrators declare lost what cannot be put back"
            " (`releve ledger declare-loss`); see docs/backup.md"
        )


@dataclass
class _Memory:
    """What this process knows: until when the ledger counts as it was found, and of the outside."""

    complete_until: float = 0.0
    behind_until: float = 0.0
    place: object = None
    outside: tuple[LedgerMark, ...] = ()
    reader: threading.Thread | None = field(default=None, repr=False)


_memory = _Memory()
_allowed: ContextVar[bool] = ContextVar("allowed", default=False)


def roots_folder() -> Path:
    """Return where the signed roots are written: ``roots`` in the home folder."""
    return Path(settings.HOME) / "roots"


def require_complete(*, outside: bool = False) -> None:
    """Refuse to go on with a ledger that lacks what left it; LedgerBehind says the ways out.

    Asked at every start and seal with the outside, and before every entry. A ledger found complete
    counts as such for some seconds, so that entries cost nothing.
    """
    if _allowed.get():
        return
    if not outside and _memory.place == _place() and time.monotonic() < _memory.complete_until:
        return
    found = compare_with_marks(outside=outside)
    if found.fault:
        raise LedgerBehind(f"{found.problem}: {found.fix}")


def is_behind() -> bool:
    """Return whether the ledger is refused; the outside as it was last read in this process."""
    if not _allowed.get() and _memory.place == _place() and time.monotonic() < _memory.behind_until:
        return True
    try:
        require_complete()
    except LedgerBehind:
        _memory.behind_until = time.monotonic() + BEHIND_SECONDS
        return True
    return False


@contextmanager
def allow_writing() -> Iterator[None]:
    """Let this thread write into a ledger that is behind: to restore it, or to declare a loss."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)
        forget()


def forget() -> None:
    """Compare again the next time, and with nothing that was read from outside so far."""
    _memory.complete_until, _memory.behind_until, _memory.outside = 0.0, 0.0, ()


def compare_with_marks(*, outside: bool = True) -> LedgerStanding:
    """Compare the database with the newest marks; files are read before the database is.

    Without ``outside`` the folder of ``RELEVE_OUTSIDE`` is not read again.
    """
    if _memory.place != _place():
        _memory.place, _memory.complete_until, _memory.outside = _place(), 0.0, ()
    notes: list[str] = []
    candidates = [_read_newest(roots_folder())]
    if outside and str(settings.OUTSIDE).startswith("/"):
        found = _read_outside(Path(settings.OUTSIDE), notes)
        if found is not None:
            _memory.outside = ()
            candidates.append(found)
    marks = [*_read_receipts(), *_memory.outside]
    for number, documents in enumerate(candidates):
        mark = _find_mark(documents, notes)
        if mark is not None:
            marks.append(mark)
            if number:
                _memory.outside = (mark,)
    faults = {mark: fault for mark in marks if (fault := _compare(mark))}
    if not faults:
        _memory.complete_until, _memory.behind_until = time.monotonic() + TRUSTED_SECONDS, 0.0
        return LedgerStanding(notes=tuple(notes))
    _memory.complete_until = 0.0
    last = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    root = LedgerRoot.objects.order_by("-number").values_list("number", flat=True).first() or 0
    lacking = tuple(sorted(faults, key=lambda mark: (mark.number, mark.size), reverse=True))
    return LedgerStanding(faults[lacking[0]], lacking, last, root, tuple(notes))


def list_declared_losses() -> list[Mapping[str, Any]]:
    """Return the bodies of restorations whose loss two people have declared, each with ``seq``."""
    restored = list(Restoration.objects.values_list("seq", flat=True))
    if not restored:
        return []
    rows = LedgerEntry.objects.filter(kind=DECLARED, seq__gt=min(restored))
    declared = {json.loads(body)["entry"]: json.loads(body) for body in rows.values_list("body", flat=True)}
    found = LedgerEntry.objects.filter(seq__in=declared.keys() & set(restored), kind=RESTORED)
    return [
        {**json.loads(body), **declared[seq], "seq": seq}
        for seq, body in found.order_by("seq").values_list("seq", "body")
    ]


def find_recorded_loss() -> Mapping[str, Any] | None:
    """Return the loss that the last restoration names, declared or not, with ``seq`` and ``upto``.

    None where it names none.
    """
    last = Restoration.objects.order_by("-seq").values_list("seq", flat=True).first()
    text = LedgerEntry.objects.filter(seq=last or 0).values_list("body", flat=True).first()
    body = {"lost_root": None} if text is None else json.loads(text)
    root = body["lost_root"]
    return None if root is None else {**body, "seq": last, "upto": root["size"]}


def note_receipt(name: str, digest: str, upto: int) -> None:
    """Keep in the home what was received elsewhere, where no rolled-back database takes it back."""
    kind, number = _parse_name(name)
    head = LedgerEntry.objects.filter(seq=upto).values_list("hash", flat=True).first()
    with lock(_receipts_file().with_suffix(".lock")):
        kept = _load_receipts()
        if kind and head is not None and number > _parse_name(kept.get(kind, {}).get("name"))[1]:
            kept[kind] = {"name": name, "sha256": digest, "size": upto, "head": head}
            write_file(_receipts_file(), json.dumps(kept, indent=1, sort_keys=True), mode=0o600)


def check_receipt(name: str, digest: str) -> None:
    """Refuse to send a document of which another one was received; DocumentConflict."""
    kept = _load_receipts().get(_parse_name(name)[0], {})
    if kept.get("name") == name and kept["sha256"] != digest:
        raise DocumentConflict(
            f"another {name} was received already: this one is not sent. The database was rolled"
            " back, or a copy of this installation writes as well: see `releve doctor`"
        )


def find_received(kind: str) -> str:
    """Return the name of the last document of a kind that was received elsewhere, or nothing."""
    return str(_load_receipts().get(kind, {}).get("name", ""))


def _place() -> tuple[str, str, str]:
    database = settings.DATABASES["default"]
    return str(settings.HOME), str(database["NAME"]), str(settings.OUTSIDE)


def _compare(mark: LedgerMark) -> Literal["", "behind", "forked"]:
    fault: Literal["", "behind", "forked"] = "forked"
    own = None
    if mark.number:
        text = LedgerRoot.objects.filter(number=mark.number).values_list("statement", flat=True)
        own = json.loads(text[0]) if text else None
    hashes = LedgerEntry.objects.filter(seq=mark.size).values_list("hash", flat=True)
    if own is not None:
        if (own["size"], own["head"], own["tree"]) == (mark.size, mark.head, mark.tree):
            return ""
    elif not hashes or (mark.number and hashes[0] == mark.head):
        fault = "behind"
    elif hashes[0] == mark.head:
        return ""
    return "" if any(is_lost(mark, loss) for loss in list_declared_losses()) else fault


def is_lost(mark: LedgerMark, loss: Mapping[str, Any]) -> bool:
    """Return whether a mark is of what two people have declared lost."""
    if mark.head in loss.get("heads", ()):  # a fork ends before the entries that it has not
        return True
    root = loss["lost_root"]
    if mark.number and root is not None:
        if all(root[name] == getattr(mark, name) for name in ("number", "size", "head", "tree")):
            return True
        if mark.number >= root["number"]:
            return False
    return bool(loss["seq"] <= mark.size <= loss["upto"])


def _find_mark(documents: Iterable[tuple[Path, bytes]], notes: list[str]) -> LedgerMark | None:
    """Return the newest of some documents that is a root which a key of this ledger signed."""
    for path, content in documents:
        try:
            signed = json.loads(content)
            root, text = signed["root"], canonical_json(signed["root"])
            key = str(root["key"])
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
                bytes.fromhex(signed["signature"]), ROOT_TAG + text.encode()
            )
            if any(key == known for known in _iter_keys()):
                return LedgerMark(str(path), int(root["size"]), str(root["head"]),
                                  int(root["number"]), str(root["tree"]))  # fmt: skip
        except (ValueError, KeyError, TypeError, InvalidSignature):
            pass
        notes.append(f"{path} is not a root that this ledger signed: it was not compared")
    return None


def _iter_keys() -> Iterator[str | None]:
    """Yield the public keys of this ledger: in force, in place, of the last root, and on record.

    Those on record come last: to find them, every entry is read.
    """
    yield stored_key_check(NAME)
    in_place = None
    with suppress(SigningKeyError):
        in_place = find_public_key()
    yield in_place
    last = LedgerRoot.objects.order_by("-number").values_list("statement", flat=True).first()
    if last is not None:
        yield json.loads(last)["key"]
    rows = LedgerEntry.objects.filter(kind__in=("ledger.key_rotated", "ledger.key_replaced"))
    for text in rows.values_list("body", flat=True):
        body = json.loads(text)
        yield body.get("rotation", body)["key"]
        yield body.get("rotation", body)["previous"]


def _read_newest(folder: Path) -> list[tuple[Path, bytes]]:
    """Return the newest roots of a folder, by name; OSError where it cannot be read."""
    if not folder.is_dir():
        return []
    names = [found for path in folder.iterdir() if (found := _ROOT.fullmatch(path.name))]
    newest = sorted(names, key=lambda found: int(found[1]), reverse=True)[:_NEWEST]
    documents = []
    for found in newest:
        with (folder / found[0]).open("rb") as stream:
            documents.append((folder / found[0], stream.read(_LARGEST_ROOT)))
    return documents


def _read_outside(folder: Path, notes: list[str]) -> list[tuple[Path, bytes]] | None:
    """Read a folder of another machine, for some seconds at most; None, and a note, in vain."""
    found: list[list[tuple[Path, bytes]]] = []
    fault = "it does not answer"

    def read() -> None:
        nonlocal fault
        try:
            if not folder.is_dir():
                fault = "it is not there: is its disk mounted?"
                return
            found.append(_read_newest(folder))
        except OSError as error:
            fault = str(error.strerror)

    if _memory.reader is None or not _memory.reader.is_alive():
        _memory.reader = threading.Thread(target=read, name="releve-outside", daemon=True)
        _memory.reader.start()
        _memory.reader.join(OUTSIDE_SECONDS)
    if found:
        return found[0]
    notes.append(f"the folder of RELEVE_OUTSIDE cannot be read, so nothing in it was compared: {fault}")
    return None


def _receipts_file() -> Path:
    return Path(settings.HOME) / "receipts.json"


def _load_receipts() -> dict[str, dict[str, Any]]:
    """Return the last receipts by kind; LedgerBehind for a file that does not say them."""
    path = _receipts_file()
    try:
        found = json.loads(path.read_bytes())
        return {
            str(kind): {
                "name": str(row["name"]), "sha256": str(row["sha256"]),
                "size": int(row["size"]), "head": str(row["head"]),
            }
            for kind, row in found.items()
        }  # fmt: skip
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerBehind(
            f"{path} cannot be read as receipts: put it back from its copy, or remove it: the roots"
            " are compared all the same"
        ) from error


def _read_receipts() -> Iterator[LedgerMark]:
    for row in _load_receipts().values():
        yield LedgerMark(f"{_receipts_file()} ({row['name']})", row["size"], row["head"])


def _parse_name(name: str | None) -> tuple[str, int]:
    """Return the kind and the number of a document that leaves: root-000012.json, root and 12."""
    found = re.fullmatch(r"(root|journal)-(\d+)\.(?:json|age)", name or "")
    return (found[1], int(found[2])) if found else ("", 0)
