"""Witnesses outside, which cosign checkpoints (C2SP), and receipts of inclusion as COSE (RFC 9942).

A witness refuses a checkpoint that did not grow from the one before: the history was rewritten or
cut. That alarm stays in the ledger. A receipt is a COSE_Sign1 without its payload, the root hash,
which a verifier computes from the path; the leaf is the 32 bytes of the entry's hash.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from releve.files.atomic import write_file
from releve.ledger import roots
from releve.ledger.chain import append
from releve.ledger.guards import ProofError
from releve.ledger.keys import public_hex, signing_key
from releve.ledger.merkle import consistency_path, inclusion_path
from releve.ledger.roots import RotatedRoot, SignedRoot, build_checkpoint, format_checkpoint, verify_note_line

_SECONDS = 20
_log = logging.getLogger(__name__)
_MOST_BYTES = 100_000


class WitnessAlarm(ProofError):  # noqa: N818 (an alarm, not a mistake)
    """A witness refuses that the ledger grew from what it saw."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness and what it last cosigned; ``size`` 0 = nothing yet."""

    url: str
    verifier_key: str
    size: int = 0
    root: int = 0
    at: str = ""
    alarm: str = ""


def list_witnesses() -> list[Witness]:
    found = [Witness(**json.loads(path.read_text(encoding="utf-8"))) for path in _folder().glob("*.json")]
    return sorted(found, key=lambda witness: witness.url)


def list_cosignatures(root: SignedRoot) -> str:
    """Return the lines with which witnesses cosigned a root's checkpoint."""
    text, path = format_checkpoint(root), _find_lines(root)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    keys = [witness.verifier_key for witness in list_witnesses()]
    return "".join(f"{line}\n" for line in lines if any(verify_note_line(text, line, key) for key in keys))


def ask_witness(url: str, root: SignedRoot, verifier_key: str) -> Witness:
    """Have a witness cosign a root's checkpoint; keep its line and return what it said.

    ProofError where it cannot be reached or its answer does not verify; WitnessAlarm, with an entry
    of kind ``ledger.refused``, where it refuses the growth.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ProofError(f"the address of a witness begins with http:// or https://, got {url!r}")
    known = next((w for w in list_witnesses() if w.url == url), Witness(url, verifier_key))
    known = replace(known, verifier_key=verifier_key)
    status, answer = _post(url, known.size, root)
    if status == 409 and answer.strip().isdigit() and 0 < int(answer) <= root.size:
        known = replace(known, size=int(answer))  # it saw a later one than we know of
        status, answer = _post(url, known.size, root)
    if status in (409, 422):
        return _raise_alarm(known, root, status, answer)
    if status != 200:
        raise ProofError(f"{url} answered {status}: {answer[:200].strip()!r}")
    text = format_checkpoint(root)
    line = next((row for row in answer.splitlines() if verify_note_line(text, row, verifier_key)), None)
    if line is None:
        raise ProofError(f"{url} answered no cosignature by {verifier_key.partition('+')[0]}")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    done = _keep(replace(known, size=root.size, root=root.number, at=at, alarm=""))
    kept = {row.split(" ")[1]: row for row in (*list_cosignatures(root).splitlines(), line)}
    write_file(_find_lines(root), "".join(f"{row}\n" for _name, row in sorted(kept.items())))
    return done


def ask_known_witnesses(root: SignedRoot) -> None:
    """Have every witness that was asked before cosign a root; what goes wrong is said in the log.

    A witness that raised an alarm is not asked again by itself.
    """
    for witness in list_witnesses():
        if witness.root == root.number or witness.alarm:
            continue
        try:
            ask_witness(witness.url, root, witness.verifier_key)
        except WitnessAlarm as alarm:
            _log.critical("%s", alarm)
        except ProofError as error:
            _log.warning("%s", error)


def _post(url: str, old: int, root: SignedRoot) -> tuple[int, str]:
    """Send a checkpoint with the proof of its growth; return the status and the text."""
    if old > root.size:
        return 409, str(old)
    path = consistency_path(old, root.size, roots.hash_subtree) if 0 < old < root.size else []
    proof = "".join(f"{b64encode(node).decode()}\n" for node in path)
    body = f"old {old}\n{proof}\n{build_checkpoint(root)}"
    request = urllib.request.Request(f"{url.rstrip('/')}/add-checkpoint", body.encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.status, answer.read(_MOST_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise ProofError(f"the witness {url} cannot be reached: {error}") from error


def _raise_alarm(witness: Witness, root: SignedRoot, status: int, answer: str) -> Witness:
    said = answer[:200].strip()
    body = {"witness": witness.url, "root": root.number, "size": root.size, "status": status}
    now = datetime.now(UTC)
    with transaction.atomic():
        append("ledger.refused", {**body, "answer": said}, recorded_at=now)
    alarm = f"refused root {root.number} over {root.size} entries ({status} {said})"
    _keep(replace(witness, at=now.isoformat(timespec="seconds"), alarm=alarm))
    raise WitnessAlarm(
        f"ALARM: the witness {witness.url} {alarm}: it saw a history of this ledger that is not the"
        " beginning of this one. Stop, keep all files, and find out what was restored or rewritten"
    )


def _keep(witness: Witness) -> Witness:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(witness.url)
    name = "".join(c if c.isalnum() else "-" for c in f"{parts.netloc}{parts.path}".rstrip("/"))
    write_file(folder / f"{name}.json", json.dumps(asdict(witness), indent=1, ensure_ascii=False))
    return witness


def _find_lines(root: SignedRoot) -> Path:
    return _folder() / f"cosignatures-{root.number:06}.txt"


def _folder() -> Path:
    return Path(settings.HOME) / "witnesses"


ALGORITHM, PROOFS_LABEL, STRUCTURE_LABEL = 1, 396, 395
EDDSA, RFC9162_SHA256, INCLUSION = -8, 1, -1
_SIGN1_TAG = 18
_NULL = b"\xf6"


def build_receipt(seq: int, root: SignedRoot) -> bytes:
    """Return the receipt that an entry is under a root.

    ProofError where it is not; RotatedRoot where the root's key was rotated since.
    """
    if not 1 <= seq <= root.size:
        raise ProofError(f"entry {seq} is not under root {root.number}: seal first")
    key, statement = signing_key(), json.loads(root.statement)
    if statement["key"] != public_hex(key):
        raise RotatedRoot(f"root {root.number} was signed by a key that was rotated since: take a later root")
    path = inclusion_path(seq - 1, root.size, roots.hash_subtree)
    proof = encode_cbor([root.size, seq - 1, list(path)])
    protected = encode_cbor({ALGORITHM: EDDSA, STRUCTURE_LABEL: RFC9162_SHA256})
    signed = encode_cbor(["Signature1", protected, b"", bytes.fromhex(statement["tree"])])
    unprotected = encode_cbor({PROOFS_LABEL: {INCLUSION: [proof]}})
    parts = encode_cbor(protected) + unprotected + _NULL + encode_cbor(key.sign(signed))
    return _encode_head(6, _SIGN1_TAG) + _encode_head(4, 4) + parts


def encode_cbor(value: object) -> bytes:
    """Return a whole number, text, bytes, list or mapping as CBOR (RFC 8949)."""
    if isinstance(value, int):
        return _encode_head(0, value) if value >= 0 else _encode_head(1, -1 - value)
    if isinstance(value, bytes):
        return _encode_head(2, len(value)) + value
    if isinstance(value, str):
        return _encode_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _encode_head(4, len(value)) + b"".join(map(encode_cbor, value))
    if isinstance(value, dict):
        pairs = (encode_cbor(part) for pair in value.items() for part in pair)
        return _encode_head(5, len(value)) + b"".join(pairs)
    raise TypeError(f"receipts hold no {type(value).__name__}")


def _encode_head(kind: int, argument: int) -> bytes:
    """Return the head of an item: its kind, and a count or a number in the fewest bytes."""
    if argument < 24:
        return bytes([kind << 5 | argument])
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([kind << 5 | code]) + argument.to_bytes(width, "big")
    raise ValueError(f"{argument} does not fit into CBOR's 64 bits")
