#!/usr/bin/env python3
"""Verify a ledger's export, a proof of one entry, a proof of growth, a root, or an evidence pack.

    python verify.py export.jsonl --key PUBLICKEY [--root root.json ...]
    python verify.py proof.json   --key PUBLICKEY [--root root.json ...]
    python verify.py pack.pdf     --key PUBLICKEY [--root root.json ...] [--lang fr]
                                  [--witness VERIFIERKEY ... --origin NAME --quorum N]

Beside pack.pdf stands its note, pack.pdf.note (or --note FILE): it says, signed with the ledger's
key, of how many bytes the pack was when it was issued, and of which SHA-256. The bytes are compared
first; the figures are computed from the data second. What a PDF shows is not judged here.

PUBLICKEY is the ledger's public key, 64 hex digits, or a file that holds it. A root from outside
(one that was sent to you, or published, earlier) also shows a history that was cut short or
rewritten by a holder of the signing key: give each one you have. A pack is compared with every root
before its own; for a later root, and for a proof of one entry, ask for the proof of growth between
the two roots and give it as well (--growth growth.json). Where the key was rotated, an
export says so itself; for a proof give the rotation too (--rotation rotation.json), signed by both
keys: it says up to which root the old key holds, and from which the new one.

A house that was restored from a backup may have lost entries under a root that is outside. Its
entry ledger.restored says which: where that entry is under a signed root of the export, the loss
is reported and is not a fault. A root from outside that fits neither is a fault.

Where you trust witnesses of the ledger (C2SP), give their verifier keys, and by --origin the name
under which they know the ledger: a pack then holds only where at least --quorum of them (all, where
it is not given) cosigned the checkpoint of its root under that name. A witness keeps a history for
each name, so that of another name shows nothing: take the name from the witness too.

Exit status: 0 everything holds; 1 a fault was found, each is named; 2 the call was wrong, or
something is missing; 3 a pack as it was issued, behind which bytes were added that are not ours.

This file is written for Python 3.9 or newer and its standard library, nothing else. It is meant to
be read: first what is hashed, then signatures (RFC 8032), trees (RFC 9162), and the checks.
"""

import sys  # built in; the first import, so no "from __future__": that reads __future__.py here

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # this folder: a json.py that came with the files would run in place of ours

import argparse
import base64
import hashlib
import io
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

# 1. Canonical JSON (RFC 8785): every value has exactly one text, so every text one hash.

ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
TO_ESCAPE = re.compile(r'["\\\x00-\x1f]')


class VerifyError(Exception):
    """Something does not hold."""


MALFORMED = (
    TypeError, LookupError, ArithmeticError, ValueError, AttributeError, RecursionError
)  # fmt: skip
"""What Python raises over a document that has other values than those its shape promises."""


def canonical(value: Any) -> str:
    """Return the canonical JSON of a value."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + TO_ESCAPE.sub(escape, value) + '"'
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join([canonical(item) for item in value]) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join([canonical(name) + ":" + canonical(value[name]) for name in names]) + "}"


def escape(match: re.Match[str]) -> str:
    """Return how a character is written in a JSON text."""
    return ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}"


def number(value: "int | float") -> str:
    """Return a number as ECMAScript writes it; Python finds the same shortest digits."""
    if isinstance(value, int) and abs(value) < 2**53:
        return str(value)
    value = float(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise VerifyError("a number is not finite")
    if value == 0:
        return "0"
    sign, text = ("-", repr(-value)) if value < 0 else ("", repr(value))
    digits, _, exponent = text.partition("e")
    whole, _, part = digits.partition(".")
    point = len(whole) + int(exponent or 0)  # where the decimal point stands in all the digits
    digits = whole + ("" if part == "0" else part)
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if 0 < point <= 21:
        ahead, behind = digits[:point].ljust(point, "0"), digits[point:]
        return sign + ahead + ("." + behind if behind else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{sign}{mantissa}e{point - 1:+d}"


# 2. What is hashed. Each kind of bytes starts with a tag of its own.


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry_hash(entry: dict[str, Any]) -> str:
    return sha256(b"releve ledger entry 1\n" + canonical(entry).encode())


def commitment(value: Any, salt: str) -> str:
    return sha256(b"releve ledger value 1\n" + bytes.fromhex(salt) + canonical(value).encode())


def signed_bytes(root: dict[str, Any]) -> bytes:
    return b"releve ledger root 1\n" + canonical(root).encode()


def rotation_bytes(rotation: dict[str, Any]) -> bytes:
    return b"releve ledger rotation 1\n" + canonical(rotation).encode()


# 3. Ed25519 (RFC 8032, section 5.1), verification only. Points are (X, Y, Z, T) of section 5.1.4.

Point = tuple[int, int, int, int]

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a: Point, b: Point) -> Point:
    s = (a[1] - a[0]) * (b[1] - b[0]) % P
    t = (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def decode_point(data: bytes) -> "Point | None":
    """Section 5.1.3; None where the bytes are no point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(message: bytes, signature: bytes, key: bytes) -> bool:
    """Section 5.1.7: whether [S]B = R + [k]A."""
    if len(signature) != 64 or len(key) != 32:
        return False
    r, a = decode_point(signature[:32]), decode_point(key)
    s = int.from_bytes(signature[32:], "little")
    if r is None or a is None or BASE is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = multiply(s, BASE), add(r, multiply(k, a))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


# 4. Merkle trees (RFC 9162, section 2.1). Leaves are the hashes of the entries, in their order.


def leaf_hash(entry: str) -> str:
    return sha256(b"\x00" + bytes.fromhex(entry))


def node_hash(left: str, right: str) -> str:
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right))


class Tree:
    """A tree that grows leaf by leaf and keeps its complete subtrees alone."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[str] = []  # from the largest to the smallest

    def add(self, entry: str) -> None:
        self.join(leaf_hash(entry), 0)

    def join(self, joined: str, level: int) -> None:
        """Take the next complete subtree, over 2**level leaves."""
        size, self.size = self.size >> level, self.size + (1 << level)
        while size & 1:
            joined, size = node_hash(self.subtrees.pop(), joined), size >> 1
        self.subtrees.append(joined)

    def grow(self, size: int, nodes: list[str]) -> None:
        """Take the largest complete subtrees that lead to a size, in their order."""
        fault = VerifyError(f"the history does not lead to a root over {size} entries")
        for node in nodes:
            left = size - self.size
            if left < 1:
                raise fault
            step = min(left, self.size & -self.size or left)  # none crosses a multiple of its size
            self.join(node, step.bit_length() - 1)
        if self.size != size:
            raise fault

    def root(self) -> str:
        joined = self.subtrees[-1]
        for left in reversed(self.subtrees[:-1]):
            joined = node_hash(left, joined)
        return joined


def is_included(entry: str, seq: int, size: int, path: list[str], root: str) -> bool:
    """Section 2.1.3.2."""
    leaf, last, joined = seq - 1, size - 1, leaf_hash(entry)
    for node in path:
        if last == 0:
            return False
        if leaf & 1 or leaf == last:
            joined = node_hash(node, joined)
            while not leaf & 1 and leaf:
                leaf, last = leaf >> 1, last >> 1
        else:
            joined = node_hash(joined, node)
        leaf, last = leaf >> 1, last >> 1
    return last == 0 and joined == root


def is_grown(first: dict[str, Any], second: dict[str, Any], path: list[str]) -> bool:
    """Section 2.1.4.2: whether the second root's tree begins with the first's."""
    if first["size"] == second["size"]:
        return not path and first["tree"] == second["tree"]
    at, last = first["size"] - 1, second["size"] - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    nodes = list(path) if at else [first["tree"], *path]  # at 0: a power of two, its own subtree
    if not nodes:
        return False
    old = new = nodes.pop(0)
    for node in nodes:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, node)
        at, last = at >> 1, last >> 1
    return last == 0 and [old, new] == [first["tree"], second["tree"]]


# 5. The shape of documents: exactly these names, each of its kind.

HASH, TEXT, WHOLE, OBJECT, LIST = "hash", "text", "number", "object", "list"
SHAPES: dict[str, dict[str, str]] = {
    "first line": {"format": TEXT, "values": TEXT},
    "last line": {"entries": WHOLE, "roots": WHOLE},
    "record": {"entry": OBJECT, "hash": HASH, "values": LIST},
    "withheld entry": {"hash": HASH, "prev": HASH, "seq": WHOLE},
    "entry": {
        "body": OBJECT, "kind": TEXT, "nonce": TEXT, "prev": HASH, "recorded_at": TEXT,
        "seq": WHOLE, "stream": TEXT,
    },
    "value": {"path": TEXT, "salt": HASH, "value": ""},
    "signed root": {"root": OBJECT, "signature": TEXT},
    "root": {
        "format": TEXT, "head": HASH, "key": HASH, "number": WHOLE, "previous": HASH,
        "sealed_at": TEXT, "size": WHOLE, "tree": HASH,
    },
    "proof": {
        "entry": OBJECT, "format": TEXT, "hash": HASH, "path": LIST, "root": OBJECT,
        "signature": TEXT, "values": LIST,
    },
    "rotation": {
        "format": TEXT, "key": HASH, "last_root": WHOLE, "previous": HASH, "rotated_at": TEXT,
    },
    "lost root": {"head": HASH, "number": WHOLE, "size": WHOLE, "tree": HASH},
    "pack": {
        "checkpoint": TEXT, "day_ends": OBJECT, "documents": LIST, "end": TEXT, "entries": LIST,
        "for": TEXT, "format": TEXT, "from": TEXT, "history": LIST, "kind": TEXT, "language": TEXT,
        "made_with": OBJECT, "operator": OBJECT, "root": OBJECT, "root_signature": TEXT,
        "selections": LIST, "start": TEXT, "statements": LIST, "tallies": LIST, "to": TEXT,
    },
    "root of the history": {"nodes": LIST, "size": WHOLE},
    "selection": {"client": TEXT, "kinds": LIST, "sites": ""},
    "tally": {"after": WHOLE, "clients": OBJECT, "counts": OBJECT, "sites": OBJECT},
    "list of a tally": {"at": TEXT, "client": "", "entries": LIST, "site": ""},
    "entry of a pack": {"entry": OBJECT, "hash": HASH, "path": LIST, "values": LIST},
    "statement": {
        "document": TEXT, "en": TEXT, "fr": TEXT, "how": TEXT, "id": TEXT, "kinds": LIST,
        "late": WHOLE, "of": LIST, "path": TEXT, "unit": TEXT, "value": "", "where": OBJECT,
    },
    "document": {"name": TEXT, "sha256": HASH},
    "signed rotation": {"next_signature": TEXT, "rotation": OBJECT, "signature": TEXT},
    "proof of growth": {"first": OBJECT, "format": TEXT, "path": LIST, "second": OBJECT},
}  # fmt: skip


class Result(NamedTuple):
    """The faults; what holds where there are none; bytes behind a pack that are not ours."""

    faults: list[str]
    summary: str = ""
    added: int = 0


EXPORT, PROOF = "releve ledger export 1", "releve ledger proof 1"
NARROWED = "releve ledger export 2"  # some entries are withheld: their place and hash alone
GROWTH, ROOT = "releve ledger growth 1", "releve ledger root 1"
ROTATION, ROTATED = "releve ledger rotation 1", "ledger.key_rotated"
REWRITTEN = "the history was rewritten, or a part of it lost in a restore, which the ledger's export shows"
RESTORED, TALLIED = "ledger.restored", "ledger.tallied"
NO_HASH = "0" * 64


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def shaped(value: Any, what: str) -> Any:
    """Return the value; Fault unless it has exactly the names of its shape, each of its kind."""
    shape = SHAPES[what]
    if not isinstance(value, dict) or set(value) != set(shape):
        raise VerifyError(f"the {what} must have exactly: {', '.join(shape)}")
    for name, kind in shape.items():
        found = value[name]
        fits = {
            HASH: is_hash(found),
            TEXT: isinstance(found, str),
            WHOLE: type(found) is int and found >= 0,
            OBJECT: isinstance(found, dict),
            LIST: isinstance(found, list),
        }
        if not fits.get(kind, True):
            raise VerifyError(f"{name} of the {what} is no {kind}")
    return value


def read_line(line: bytes) -> Any:
    """Return the value of a line, which must be the value's canonical JSON."""
    try:
        value = json.loads(line.decode("utf-8"))
        same = (canonical(value) + "\n").encode("utf-8") == line
    except (ValueError, RecursionError, OverflowError) as error:
        raise VerifyError(f"it cannot be read as JSON ({type(error).__name__})") from None
    if not same:
        raise VerifyError("it is not written in the one canonical way")
    return value


# 6. The checks.


class Keys:
    """Which key signs which roots: those given, and those that a rotation ties to one of them.

    ``witnesses`` are the verifier keys of witnesses, of which ``quorum`` have to cosign under
    ``origin``, the name by which they know the ledger.
    """

    def __init__(
        self, given: list[str], witnesses: Iterable[str] = (), quorum: "int | None" = None,
        origin: str = "",
    ) -> None:  # fmt: skip
        self.known = set(given)
        self.rotations: list[dict[str, Any]] = []
        self.grown: list[list[dict[str, Any]]] = []  # pairs of roots, the second grown of the first
        self.witnesses = {public: name for name, public in map(read_verifier_key, witnesses)}
        self.quorum = len(self.witnesses) if quorum is None else quorum
        self.origin = origin
        if self.witnesses and not origin:
            raise ValueError("witnesses take --origin as well: the name under which they know this ledger")
        if self.quorum > len(self.witnesses):
            raise ValueError(f"a quorum of {quorum} takes as many witnesses: give their keys")

    def add(self, signed: Any) -> dict[str, Any]:
        """Take a rotation that both keys have signed; it ends the one and begins the other."""
        rotation: dict[str, Any] = shaped(shaped(signed, "signed rotation")["rotation"], "rotation")
        if rotation["format"] != ROTATION:
            raise VerifyError("it is not a rotation of this kind of ledger")
        for name, key in (("signature", "previous"), ("next_signature", "key")):
            if not has_signature(rotation_bytes(rotation), signed[name], rotation[key]):
                raise VerifyError(f"the rotation is not signed by the key {rotation[key]}")
        if rotation in self.rotations:
            return rotation
        for other in self.rotations:
            for name in ("previous", "key"):
                if other[name] == rotation[name]:
                    raise VerifyError(f"another rotation names the key {rotation[name]} as well")
        self.rotations.append(rotation)
        return rotation

    def trusted(self) -> set[str]:
        """Return the keys given, and those that rotations tie to them."""
        found = set(self.known)
        for _ in self.rotations:  # each may tie one key more
            for one in self.rotations:
                if found & {one["key"], one["previous"]}:
                    found |= {one["key"], one["previous"]}
        return found

    def fault(self, root: dict[str, Any]) -> str:
        """Return why the key of a root does not hold for it, or nothing."""
        key, number = root["key"], root["number"]
        if key not in self.trusted():
            return f"root {number} is signed by another key, {key}"
        for one in self.rotations:
            ended, begins = one["previous"] == key, one["key"] == key
            if ended and number > one["last_root"]:
                return f"root {number} is signed by a key that held up to root {one['last_root']}"
            if begins and number <= one["last_root"]:
                first = one["last_root"] + 1
                return f"root {number} is signed by a key that holds from root {first}"
        return ""


def has_signature(message: bytes, text: str, key: str) -> bool:
    """Return whether a signature, in lower-case hex, is a key's of a message."""
    try:
        signature = bytes.fromhex(text)
    except ValueError:
        return False
    return signature.hex() == text and is_signed(message, signature, bytes.fromhex(key))


def read_signed_root(signed: Any) -> dict[str, Any]:
    """Return the root of a signed root, whose own key has signed it."""
    root: dict[str, Any] = shaped(shaped(signed, "signed root")["root"], "root")
    if root["format"] != ROOT or root["size"] < 1 or root["number"] < 1:
        raise VerifyError("it is not a root of this kind of ledger")
    if not has_signature(signed_bytes(root), signed["signature"], root["key"]):
        raise VerifyError(f"the signature of root {root['number']} is wrong")
    return root


def check_root(signed: Any, keys: Keys) -> dict[str, Any]:
    """Return the root of a signed root, whose signature and key are right."""
    root = shaped(shaped(signed, "signed root")["root"], "root")
    if fault := keys.fault(root):
        raise VerifyError(fault)
    return read_signed_root(signed)


def check_record(record: dict[str, Any]) -> int:
    """Check an entry by itself, and its values; return how many commitments it holds."""
    entry = shaped(record["entry"], "entry")
    if entry_hash(entry) != record["hash"]:
        raise VerifyError("its content or its hash was changed: they do not belong together")
    open_places = commitments(entry["body"], "")
    held = len(open_places)
    for value in record["values"]:
        shaped(value, "value")
        path = value["path"]
        if path not in open_places:
            raise VerifyError(f"it has no commitment for a value of {path!a}, or two values of it")
        if commitment(value["value"], value["salt"]) != open_places.pop(path):
            raise VerifyError(f"the value or salt of {path!a} is not what the entry commits to")
    return held


def commitments(body: dict[str, Any], prefix: str) -> dict[str, str]:
    """Return the commitments of a body by the path of their field.

    A name on the way that holds a dot is refused: {"a.b": X} and {"a": {"b": X}} have one path, and
    the order of the names in a file, which no hash covers, would choose between them.
    """
    found: dict[str, str] = {}
    for name, inner in body.items():
        if isinstance(inner, dict):
            if set(inner) == {"commitment"}:
                below = {prefix + name: inner["commitment"]}
            else:
                below = commitments(inner, prefix + name + ".")
            if below and "." in name:
                raise VerifyError(f"it commits to a value under {name!a}: a name holds no dot")
            found.update(below)
    return found


class Export:
    """An export, checked line by line; ``faults`` are sentences."""

    def __init__(self, keys: Keys, outside: list[dict[str, Any]]) -> None:
        self.keys, self.outside = keys, sorted(outside, key=lambda root: int(root["size"]))
        self.faults: list[str] = []
        self.signed: list[tuple[str, dict[str, Any]]] = []  # where a root stands, and the root
        self.held_keys: list[str] = []  # in the order in which they held
        self.where = ""  # the line being checked
        self.tree = Tree()
        self.seq, self.head = 0, NO_HASH  # of the last entry
        self.root: dict[str, Any] = {"number": 0, "size": 0}  # the last one
        self.whole = True  # whether the tree can still be compared with roots
        self.matched = 0  # entries under the last root from outside that fits
        self.values = ""  # "all" or "none" of the personal values are shown
        self.held = self.shown = self.erased = 0
        self.late = 0  # entries recorded late
        self.narrowed, self.withheld = False, 0  # entries of which the hash alone is shown
        self.ended = False
        self.losses: list[tuple[int, dict[str, Any]]] = []  # where it was restored, root lost
        self.tallied = 0  # the last tally
        self.counts: dict[str, Any] = {}  # kind -> hash over the live entries since then
        self.lost_outside: list[dict[str, Any]] = []  # roots from outside over what was lost

    def read(self, lines: Iterable[bytes]) -> None:
        """Check every line, then the whole."""
        for count, line in enumerate(lines, 1):
            self.where = f"line {count}, where entry {self.seq + 1} is expected"
            try:
                self.take(count, read_line(line))
            except VerifyError as fault:
                self.note(str(fault))
            except MALFORMED as error:
                self.note(f"it is not formed as a line of an export is ({type(error).__name__})")
        for where, root in self.signed:
            self.where = where
            if wrong := self.keys.fault(root):
                self.note(wrong)
        self.where = "at the end"
        self.finish()

    def note(self, fault: str) -> None:
        self.faults.append(f"{self.where}: {fault}")

    def take(self, count: int, document: Any) -> None:
        names = set(document) if isinstance(document, dict) else set()
        if self.ended:
            raise VerifyError("there is something after the last line")
        if count == 1:
            self.values = shaped(document, "first line")["values"]
            self.narrowed = document["format"] == NARROWED
            known = self.narrowed or document["format"] == EXPORT
            if not known or self.values not in ("all", "none"):
                raise VerifyError("it is not the first line of an export")
        elif "entry" in names:
            self.take_entry(count, document)
        elif self.narrowed and "hash" in names:
            self.follow(shaped(document, "withheld entry"), document["hash"])
            self.withheld += 1
        elif "root" in names:
            self.take_root(count, document)
        else:
            self.take_end(shaped(document, "last line"))

    def take_entry(self, count: int, document: Any) -> None:
        entry = shaped(shaped(document, "record")["entry"], "entry")
        self.where = f"line {count}, entry {entry['seq']}"
        if entry["kind"] == RESTORED and entry["body"].get("lost_root") is not None:
            self.losses.append((entry["seq"], shaped(entry["body"]["lost_root"], "lost root")))
        self.follow(entry, document["hash"])
        self.shown += len(document["values"])
        if entry["kind"] == "ledger.erased" and type(entry["body"].get("values")) is int:
            self.erased += entry["body"]["values"]
        self.held += check_record(document)
        self.late += late_minutes(document) > 0
        if entry["kind"] == ROTATED:
            self.take_rotation(entry["body"])
        if entry["stream"] != "live":
            return
        if entry["kind"] == TALLIED:
            self.take_tally(document)
        elif self.values == "all":
            count_entry(self.counts, entry["kind"], entry_row(entry))

    def take_tally(self, document: dict[str, Any]) -> None:
        """Compare a tally with the entries since the one before, where all its lists are shown."""
        seq, body = document["entry"]["seq"], shaped(document["entry"]["body"], "tally")
        if body["after"] != self.tallied:
            self.note(f"the tally does not begin after the tally at entry {self.tallied}")
        if len(document["values"]) == len(commitments(body, "")):
            counted: dict[str, Any] = {}
            for kind, rows in tally_rows(document).items():
                for row in sorted(rows):
                    count_entry(counted, kind, row)
            for kind in (name.replace("/", ".") for name in body["counts"]):
                found, said = self.counts.get(kind), counted.get(kind)
                if (found and found.digest()) != (said and said.digest()):
                    self.note(f"the tally lists other entries of {kind} than there are")
        self.tallied, self.counts = seq, {}

    def take_rotation(self, body: dict[str, Any]) -> None:
        rotation = self.keys.add({name: body[name] for name in SHAPES["signed rotation"]
                                  if name in body})  # fmt: skip
        if rotation["last_root"] != self.root["number"]:
            last = rotation["last_root"]
            self.note(f"it rotates the key after root {last}, and stands elsewhere")
        if self.root["number"] and rotation["previous"] != self.root["key"]:
            self.note("it rotates another key than that of the root before it")
        self.held_keys += [rotation["previous"], rotation["key"]]

    def follow(self, entry: dict[str, Any], claimed: str) -> None:
        """Check the place of an entry, taking its hash as it stands."""
        if entry["seq"] <= self.seq:
            self.whole = False
            return self.note(f"it is out of order: it stands after entry {self.seq}")
        if entry["seq"] > self.seq + 1:
            self.whole = False
            self.note(f"missing before it: {span(self.seq + 1, entry['seq'] - 1)}")
        elif entry["prev"] != self.head:
            before = f"entry {self.seq}" if self.seq else "the beginning"
            self.note(f"it does not follow {before} as that stands: one of the two was changed")
        self.seq, self.head = entry["seq"], claimed
        self.tree.add(claimed)
        while self.outside and self.outside[0]["size"] <= self.seq:
            self.compare(self.outside.pop(0))
        return None

    def compare(self, root: dict[str, Any]) -> None:
        """Compare the entries so far with a root from outside."""
        if not self.whole or root["size"] != self.seq:
            return
        if (self.tree.root(), self.head) == (root["tree"], root["head"]):
            self.matched = self.seq
            return
        if self.is_lost(root):
            self.lost_outside.append(root)
            return
        self.note(
            f"{span(self.matched + 1, self.seq)}: one or more are not what root {root['number']}"
            " from outside was made of: changed, added or removed, and the chain rewritten"
        )
        self.outside.clear()  # every later root would differ too

    def is_lost(self, root: dict[str, Any]) -> bool:
        """Return whether a root from outside is over entries that a restore says it lost."""
        for seq, lost in self.losses:
            named = all(root[name] == lost[name] for name in lost)
            before = root["number"] < lost["number"] and root["size"] < lost["size"]
            if seq <= root["size"] and (named or before):
                return True
        return False

    def take_root(self, count: int, document: Any) -> None:
        root, before = shaped(shaped(document, "signed root")["root"], "root"), self.root
        self.where = f"line {count}, root {root['number']}"
        previous = sha256(signed_bytes(before)) if before["number"] else NO_HASH
        lost = max([0, *(one["number"] for _, one in self.losses)])  # numbers that stay taken
        expected = (before["number"] + 1, max(before["number"], lost) + 1)
        if root["number"] not in expected or root["previous"] != previous:
            self.note(f"it does not follow root {before['number']}: one was changed or removed")
        if root["size"] != self.seq:
            self.note(f"it covers {root['size']} entries and stands after entry {self.seq}")
        elif self.whole and (root["tree"], root["head"]) != (self.tree.root(), self.head):
            self.whole = False  # every later root would differ too
            entries = span(before["size"] + 1, self.seq)
            self.note(f"{entries}: one or more are not what it was made of")
        self.root = root
        read_signed_root(document)
        self.signed.append((self.where, root))
        if self.held_keys[-1:] != [root["key"]]:
            if root["key"] in self.held_keys:
                self.note(f"root {root['number']} is signed by a key that another has followed")
            self.held_keys.append(root["key"])

    def take_end(self, end: dict[str, int]) -> None:
        self.ended = True
        if (end["entries"], end["roots"]) != (self.seq, self.root["number"]):
            counts = f"{end['entries']} entries and {end['roots']} roots"
            self.note(f"the file says it ends after {counts}: it was cut, or something is missing")

    def finish(self) -> None:
        if not self.ended:
            self.note("the file has no last line: it was cut")
        self.lost_outside += [root for root in self.outside if self.is_lost(root)]
        self.outside = [root for root in self.outside if not self.is_lost(root)]
        if self.lost_outside and self.losses[-1][0] > self.root["size"]:
            self.note(
                f"entry {self.losses[-1][0]} says that a restore lost entries, and is under no root"
                " yet, so that anybody could have written it: ask for an export with a later root"
            )
        if self.outside:
            root = self.outside[-1]
            missing = span(self.seq + 1, root["size"])
            self.note(f"cut short: root {root['number']} from outside covers {missing} too")
        if not self.root["number"] and not self.matched:
            self.note("there is no signed root: anybody could have written this")
        lacking = self.held - self.shown
        if self.values == "all" and not self.faults and lacking != self.erased:
            self.note(f"{lacking} personal values are missing, {self.erased} were erased on record")

    def summary(self, *, counts: bool = True) -> str:
        """Return what was checked; ``counts``: also how many personal values are shown."""
        lines = [f"{self.seq} entries in one unbroken chain, {self.root['number']} roots"]
        sealed = max(self.root["size"], self.matched)
        if sealed < self.seq:
            lines.append(f"{span(sealed + 1, self.seq)}: under no root yet, only chained")
        if self.matched:
            lines.append(f"{span(1, self.matched)}: as a root from outside has them")
        for seq, lost in self.losses:
            lines.append(
                f"restored from a backup at entry {seq}: {span(seq, lost['size'])} as root"
                f" {lost['number']} had them are lost"
            )
        lines += [f"root {root['number']} from outside is over entries that were lost" for root in self.lost_outside]
        if self.withheld:
            lines.append(f"entries withheld, of which the hash alone is shown: {self.withheld}")
        if counts:
            lines.append(f"personal values: {self.shown} shown, {self.held - self.shown} not")
        if counts and self.late:
            lines.append(
                f"recorded late: {self.late} entries (more than {LATE_MINUTES} minutes after it"
                " happened, or after the day that it is about had ended everywhere)"
            )
        return "\n".join(lines)


def span(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def check_path(path: list[Any]) -> None:
    if not all(is_hash(node) for node in path):
        raise VerifyError("the path must be a list of hashes")


def check_proof(proof: Any, keys: Keys, outside: list[dict[str, Any]]) -> str:
    """Check a proof of one entry; return what it proves."""
    shaped(proof, "proof")
    root = check_root({"root": proof["root"], "signature": proof["signature"]}, keys)
    check_path(proof["path"])
    seq = shaped(proof["entry"], "entry")["seq"]
    try:
        check_record(proof)
    except VerifyError as fault:
        raise VerifyError(f"entry {seq}: {fault}") from None
    inside = 0 < seq <= root["size"]
    if not inside or not is_included(proof["hash"], seq, root["size"], proof["path"], root["tree"]):
        raise VerifyError(f"entry {seq} is not shown to be under root {root['number']}")
    check_outside([root], outside, keys)
    lines = [f"entry {seq} is under root {root['number']}, sealed at {root['sealed_at']!a}"]
    lines.append(json.dumps(proof["entry"], indent=2, sort_keys=True))  # ASCII, safe to print
    lines += [f"{value['path']!a} is {json.dumps(value['value'])}" for value in proof["values"]]
    late = late_minutes(proof)
    if late:
        lines.append(f"recorded late: by {figure_text(late, 'min', 'en')}")
    return "\n".join(lines)


def check_growth(proof: Any, keys: Keys, outside: list[dict[str, Any]]) -> str:
    """Check that one root's entries are the beginning of another's; return what it proves."""
    first, second = read_growth(proof, keys)
    check_outside([first, second], outside, keys)
    return f"the entries under root {first['number']} are the first under root {second['number']}"


def read_growth(proof: Any, keys: Keys) -> list[dict[str, Any]]:
    """Return the two roots of a proof of growth, the second shown to have grown from the first."""
    shaped(proof, "proof of growth")
    first, second = check_root(proof["first"], keys), check_root(proof["second"], keys)
    check_path(proof["path"])
    if not first["size"] <= second["size"] or not is_grown(first, second, proof["path"]):
        raise VerifyError(f"root {second['number']} is not shown to have grown from {first['number']}")
    return [first, second]


def check_outside(roots: list[dict[str, Any]], outside: list[dict[str, Any]], keys: Keys) -> None:
    """Compare roots from outside with those of a document, directly or by a proof of growth.

    VerifyError where they differ; ValueError where nothing shows how one belongs to the other.
    """
    for given in outside:
        if given in roots or any(given in two and (two[0] in roots or two[1] in roots)
                                 for two in keys.grown):  # fmt: skip
            continue
        if any(given[name] == root[name] for root in roots for name in ("number", "size")):
            raise VerifyError(f"root {given['number']} from outside is another: {REWRITTEN}")
        first, second = sorted((given["number"], roots[-1]["number"]))
        raise ValueError(
            f"how root {given['number']}, which you gave, belongs to root {roots[-1]['number']} of"
            f" this file takes a proof of growth: ask the operator for it (releve ledger growth"
            f" {first} {second} --out growth.json) and add --growth growth.json"
        )


# 7. Checkpoints (C2SP): the root in a standard form, which witnesses cosign; and tallies, entries
# of the ledger that list those before them by kind, quarter of an hour, client and site.

NOTE_KEY, WITNESS_KEY = 1, 4
MOST_SIGNATURES = 100  # each takes some milliseconds, and anybody can add one


def read_verifier_key(text: str) -> tuple[str, bytes]:
    """Return the name and the public key of a witness."""
    name, _, rest = text.partition("+")
    shown, _, encoded = rest.partition("+")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) != 33 or key[0] != WITNESS_KEY or note_key(name, key).hex() != shown:
        raise ValueError(f"{text!r} is not a verifier key of a witness: NAME+HASH+KEY")
    return name, key[1:]


def note_key(name: str, key: bytes) -> bytes:
    """Return the four bytes that name a key in a note; ``key`` begins with its kind."""
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]


def read_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a signed note, and its signatures with their names."""
    text, _, rest = note.partition("\n\n")
    lines, found = rest.rstrip("\n").split("\n"), []  # mail may add empty lines
    if len(lines) > MOST_SIGNATURES:
        raise VerifyError(f"the note has more than {MOST_SIGNATURES} signatures")
    for line in lines:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            found.append((name, base64.b64decode(encoded, validate=True)))
        except ValueError:
            dash = ""
        if dash != "\u2014":
            raise VerifyError("a line under the note is not a signature")
    return text + "\n", found


def find_signers(text: str, lines: list[tuple[str, bytes]], key: str) -> list[str]:
    """Return the names under which a key signed the text of a note."""
    own = bytes.fromhex(key)
    return [
        name
        for name, blob in lines
        if blob[:4] == note_key(name, bytes([NOTE_KEY]) + own) and is_signed(text.encode(), blob[4:], own)
    ]


def check_checkpoint(note: str, root: dict[str, Any], keys: Keys, before: str = "") -> list[tuple[str, str]]:
    """Check that a note is the checkpoint of a root, and cosigned as the reader asks for.

    Returns the cosignatures, each with its witness and its time, "" where no key was given for it.
    With ``before``, a day, only those made before it (UTC) count for the quorum.
    """
    text, lines = read_note(note)
    origin = text.split("\n")[0]
    tree = base64.b64encode(bytes.fromhex(root["tree"])).decode()
    if text != f"{origin}\n{root['size']}\n{tree}\n":
        raise VerifyError(f"the checkpoint is not that of root {root['number']}")
    if origin not in find_signers(text, lines, root["key"]):
        raise VerifyError(f"the checkpoint is not signed by the key of root {root['number']}")
    if keys.witnesses and origin != keys.origin:
        raise VerifyError(
            f"the checkpoint names the ledger {origin!a}, expected {keys.origin!a}: witnesses know"
            " another history by each name"
        )
    cosigned, found = [], set()
    for name, blob in lines:
        moment = ""
        for public, witness in keys.witnesses.items():
            if name == witness and blob[:4] == note_key(name, bytes([WITNESS_KEY]) + public):
                at = int.from_bytes(blob[4:12], "big")
                signed = f"cosignature/v1\ntime {at}\n{text}".encode()
                if is_signed(signed, blob[12:], public):
                    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 (Python 3.9)
                    moment = (epoch + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")
                    if not before or moment < before:
                        found.add(public)
        if name != origin:
            cosigned.append((name, moment))
    if len(found) < keys.quorum:
        raise VerifyError(
            f"{len(found)} of the witnesses given cosigned root {root['number']}, expected at least {keys.quorum}"
        )
    return cosigned


Row = tuple[int, str, str, str]  # an entry's number, quarter of an hour, client and site


HIDDEN = "\0"


def entry_row(entry: dict[str, Any]) -> Row:
    """Return an entry as a tally lists it."""
    body = entry["body"]
    try:
        said = instant(body.get("happened_at") or entry["recorded_at"])
        at = said.astimezone(timezone.utc)  # noqa: UP017 (Python 3.9)
    except (AttributeError, ArithmeticError, TypeError, ValueError):
        raise VerifyError("when it happened is not an instant") from None
    names = [body.get(field) for field in ("client", "site")]
    client, site = (name if isinstance(name, str) else "" for name in names)
    return entry["seq"], f"{at:%Y-%m-%dT%H}:{at.minute // 15 * 15:02d}Z", client, site


def count_entry(counts: dict[str, Any], kind: str, row: Row) -> None:
    counts.setdefault(kind, hashlib.sha256()).update(canonical(list(row)).encode())


def tally_rows(record: dict[str, Any]) -> dict[str, list[Row]]:
    """Return the entries that a tally lists, by kind, for the kinds whose lists are shown.

    A client or a site that is not shown is named by its number in the tally, after HIDDEN.
    """
    values = {value["path"]: value["value"] for value in record["values"]}
    found: dict[str, list[Row]] = {}
    for path in values:
        if path.startswith("counts."):
            rows = found.setdefault(path[len("counts.") :].replace("/", "."), [])
            for one in values[path]:
                said = shaped(one, "list of a tally")
                client, site = (
                    "" if number is None else values.get(f"{name}.{number}", f"{HIDDEN}{number}")
                    for name, number in (("clients", said["client"]), ("sites", said["site"]))
                )
                rows += [(seq, said["at"], client, site) for seq in said["entries"]]
    return found


def check_selections(
    pack: dict[str, Any], entries: dict[int, Any], root: dict[str, Any]
) -> tuple[list[str], list[int]]:
    """Return the faults of a pack's selections: entries that its tallies list and it lacks.

    And for each selection, of how many entries its tallies do not show whether they belong to it:
    their client or site is not named.

    A selection says that the pack holds every entry of its kinds that happened in the period, of
    its client and its sites ("" for none), where it names these.
    """
    if not pack["selections"]:
        return [], []
    tallies, faults = check_entries(pack["tallies"], root)
    if faults:
        return [f"tally: {fault}" for fault in faults], []
    try:
        counted = order_tallies(tallies, pack, root)
    except VerifyError as fault:
        return [f"tally: {fault}"], []
    hidden: list[int] = []
    listed = {seq: tally_rows(tallies[seq]) for seq in counted}
    for said in pack["selections"]:
        selection = shaped(said, "selection")
        hidden.append(0)
        whom, sites = pack["for"], selection["sites"]
        other_client = pack["kind"] == "client" and selection["client"] not in ("", whom)
        other_site = sites is not None and (not sites or (pack["kind"] == "inspection" and whom not in sites))
        if other_client or other_site:
            faults.append(f"tally: a selection is not of what the pack is for, {whom!a}")
        for kind in selection["kinds"]:
            held = {
                seq
                for seq, record in entries.items()
                if record["entry"]["kind"] == kind and is_selected(entry_row(record["entry"]), selection, pack)
            }
            for seq, rows in listed.items():
                if kind not in rows:
                    faults.append(f"tally: entry {seq} does not show its list of {kind}")
                wanted = {row[0] for row in rows.get(kind, ()) if is_selected(row, selection, pack)}
                faults += [
                    f"entry {one}: it is missing; the tally at entry {seq} lists it under {kind}"
                    for one in sorted(wanted - held)
                ]
                held -= wanted
                hidden[-1] += sum(is_hidden(row, selection, pack) for row in rows.get(kind, ()))
            faults += [f"entry {seq}: no tally lists it under {kind}" for seq in sorted(held)]
    return faults, hidden


def order_tallies(tallies: dict[int, Any], pack: dict[str, Any], root: dict[str, Any]) -> list[int]:
    """Return the numbers of the tallies that together list what was recorded from the start on.

    The last one ends the root. Before the first stands nothing, or a tally recorded before the
    period, whose lists then do not matter.
    """
    order = sorted(tallies)
    for seq in order:
        entry = tallies[seq]["entry"]
        if (entry["kind"], entry["stream"]) != (TALLIED, "live"):
            raise VerifyError(f"entry {seq} is not a tally")
        shaped(entry["body"], "tally")
    if not order or order[-1] != root["size"]:
        raise VerifyError(f"the tally that ends root {root['number']} is missing")
    for place, seq in enumerate(order[1:]):
        after = tallies[seq]["entry"]["body"]["after"]
        if after != order[place]:
            raise VerifyError(f"the tally at entry {after}, before entry {seq}, is missing")
    first = tallies[order[0]]["entry"]
    if first["body"]["after"] == 0:
        return order
    if instant(first["recorded_at"]) >= instant(pack["start"]):
        raise VerifyError(f"the tally at entry {first['body']['after']} is missing")
    return order[1:]


def is_selected(row: Row, selection: dict[str, Any], pack: dict[str, Any]) -> bool:
    _seq, at, client, site = row
    sites = selection["sites"]
    return (
        instant(pack["start"]) <= instant(at) < instant(pack["end"])
        and selection["client"] in ("", client)
        and (sites is None or site in sites)
    )


def is_hidden(row: Row, selection: dict[str, Any], pack: dict[str, Any]) -> bool:
    """Return whether a row could be of a selection, but for a name that the tally does not show."""
    seq, at, client, site = row
    client = selection["client"] if client.startswith(HIDDEN) else client
    if site.startswith(HIDDEN) and selection["sites"]:
        site = selection["sites"][0]
    shown = (seq, at, client, site)
    return is_selected(shown, selection, pack) and not is_selected(row, selection, pack)


# 8. Evidence packs: a PDF, and a signed note of its length and SHA-256. The PDF is not read: its
# bytes are compared, and pack.json is what stands packed in them with the SHA-256 of the note.

ROWS = {"story.json", "coverage.json"}  # documents whose every row is what an entry says
PACK, PACK_FILE, PACK_NOTE = "releve pack 3", "pack.json", "releve pack note 1"
MOST_BYTES, PIECE = 1 << 28, 1 << 16
LATE_MINUTES = 60  # up to so many minutes after what happened its record is in time
NOTE_ROW = re.compile(r"([0-9a-f]{64})  ([1-9][0-9]{0,11})  ([^\x00-\x1f\x7f]+)")


class NotedFile(NamedTuple):
    """A file as a note has it."""

    sha256: str
    length: int
    name: str

    def begins(self, data: bytes) -> bool:
        return len(data) >= self.length and sha256(data[: self.length]) == self.sha256


def read_pack_note(note: str) -> tuple[str, list[tuple[str, bytes]], NotedFile, NotedFile]:
    """Return the text of a pack's note, its signatures, and the two files: the PDF, its data."""
    text, lines = read_note(note)
    first, *rows = text[:-1].split("\n")
    found = [NOTE_ROW.fullmatch(row) for row in rows]
    files = [NotedFile(match[1], int(match[2]), match[3]) for match in found if match]
    if first != PACK_NOTE or len(rows) != 2 or len(files) != 2 or files[1].name != PACK_FILE:
        raise VerifyError("it is not the note of a pack: its PDF and its pack.json, in two lines")
    return text, lines, files[0], files[1]


class PackedFiles(Mapping[str, bytes]):
    """What stands packed in a file, by its SHA-256, which is all that is asked of it.

    Each is unpacked in pieces to be hashed, and once more where it is read: a few bytes can stand
    for gigabytes, so that only the place is kept.
    """

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.places: dict[str, int] = {}
        for match in re.finditer(rb"stream\r?\n", data):
            digest = hashlib.sha256()
            try:
                for text in self.unpack(match.end()):
                    digest.update(text)
            except zlib.error:
                continue
            self.places[digest.hexdigest()] = match.end()

    def unpack(self, place: int) -> Iterator[bytes]:
        """Yield in pieces what is packed from a place on, MOST_BYTES of it at most."""
        opened, left = zlib.decompressobj(), MOST_BYTES
        for start in range(place, len(self.data), PIECE):
            packed: bytes | memoryview = self.data[start : start + PIECE]
            while packed and left and not opened.eof:
                text = opened.decompress(packed, min(PIECE, left))
                packed, left = opened.unconsumed_tail, left - len(text)
                yield text
            if opened.eof or not left:
                return

    def __getitem__(self, digest: str) -> bytes:
        return b"".join(self.unpack(self.places[digest]))

    def __contains__(self, digest: object) -> bool:
        return digest in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def find_packed(data: bytes) -> Mapping[str, bytes]:
    """Return what stands packed in a file, by its SHA-256."""
    return PackedFiles(data)


def check_noted(data: bytes, note: str, keys: Keys, outside: list[dict[str, Any]], language: str) -> Result:
    """Check a pack by its note: who signed that, which bytes these are, then what they say."""
    text, lines, pdf, document = read_pack_note(note)
    signers = [key for key in sorted(keys.trusted()) if find_signers(text, lines, key)]
    if not signers:
        raise VerifyError(
            "its note is not signed by the key given: changed, of another ledger, or of a key that"
            " was rotated, which --rotation ties to it"
        )
    words, packed = PACK_WORDS[language], None
    if pdf.begins(data):
        said = words["issued"].format(**pdf._asdict())
        packed = find_packed(data[: pdf.length])
        data, added = packed.get(document.sha256, b""), len(data) - pdf.length
        if len(data) != document.length:
            raise VerifyError(f"its {PACK_FILE} is not in it as its note says")
    elif document.begins(data) and len(data) == document.length:
        said, added = words["alone"].format(**document._asdict()), 0
    else:
        raise VerifyError(
            f"it is not the file that was issued as {pdf.name!a}: that had {pdf.length} bytes and"
            f" SHA-256 {pdf.sha256}, this has {len(data)} bytes and {sha256(data)}"
        )
    pack = read_line(data)
    faults, summary, _ = check_pack(pack, keys, outside, packed, language)
    if not faults:
        root = pack["root"]
        if root["key"] not in signers:
            faults = [f"its note is not signed by the key of root {root['number']}"]
        later = [given for given in outside if given["number"] > root["number"]]
        check_outside([root], later, keys)
    grown = [words["grown"].format(**given) for given in outside]
    if not faults:
        grown += [words["dated"].format(first=seqs[0], entries=len(seqs), **given)
                  for given in outside if (seqs := find_dated_before(pack, given))]  # fmt: skip
    return Result(faults, "\n".join([one_line(said), *grown, summary]), added)


def check_pack(
    pack: Any, keys: Keys, outside: list[dict[str, Any]], packed: "Mapping[str, bytes] | None", language: str
) -> Result:
    """Check what a pack says: its entries under its root, and each figure from them.

    ``packed`` are the files in its PDF by their SHA-256; None where the pack alone is at hand.
    """
    try:
        return check_content(pack, keys, outside, packed, language)
    except MALFORMED as error:
        raise VerifyError(f"it is not formed as a pack is ({type(error).__name__})") from None


def check_content(
    pack: Any, keys: Keys, outside: list[dict[str, Any]], packed: "Mapping[str, bytes] | None", language: str
) -> Result:
    if shaped(pack, "pack")["format"] != PACK:
        raise VerifyError("it is not a pack that this verifier knows")
    root = check_root({"root": pack["root"], "signature": pack["root_signature"]}, keys)
    faults: list[str] = []
    cosigned: list[tuple[str, str]] = []
    try:
        check_period(pack)
        check_history(pack["history"], root, outside)
        cosigned = check_checkpoint(pack["checkpoint"], root, keys)
    except VerifyError as fault:
        faults.append(str(fault))
    entries, wrong = check_entries(pack["entries"], root)
    streams = {seq: record["entry"]["stream"] for seq, record in entries.items()}
    wrong += [
        f"entry {seq}: it is of the stream {stream!a}, and not live"
        for seq, stream in streams.items()
        if stream != "live" and not find_drill(pack)
    ]
    if list(entries) != sorted(entries):
        wrong.append("the entries do not stand in the order of the ledger")
    lacking, hidden = check_selections(pack, entries, root)
    faults += wrong + lacking
    texts, wrong = check_documents(pack["documents"], packed)
    faults += wrong + check_rows(texts or {}, entries)
    corrected = corrected_events(entries)
    for said in pack["statements"]:
        try:
            check_statement(shaped(said, "statement"), pack, entries, corrected, texts)
        except VerifyError as fault:
            faults.append(f"statement {said.get('id')!a}: {fault}")
    late = [late_minutes(record, pack) for record in entries.values()]
    if faults:
        return Result(faults)
    shown = [*describe_cosignatures(cosigned, keys, language),
             *describe_selections(pack, entries, hidden, language)]  # fmt: skip
    shown += [
        PACK_WORDS[language]["rows"].format(name=name, rows=len(rows))
        for name, rows in sorted((texts or {}).items())
        if name in ROWS
    ]
    if drill := find_drill(pack):
        shown.insert(0, PACK_WORDS[language]["drill"].format(drill=drill))
    return Result(faults, describe_pack(pack, root, shown, late, packed is None, language))


def check_period(pack: dict[str, Any]) -> None:
    """Check that the instants between which an entry counts are those of the days it names."""
    first, last = (instant(f"{pack[name]}T00:00:00Z") for name in ("from", "to"))
    for at, midnight in (("start", first), ("end", last + timedelta(days=1))):
        if not timedelta(hours=-14) <= instant(pack[at]) - midnight <= timedelta(hours=12):
            raise VerifyError(
                f"its figures count from {pack['start']!a} to before {pack['end']!a}: in no time"
                f" zone are these the days {pack['from']!a} to {pack['to']!a}"
            )


def check_history(history: list[Any], root: dict[str, Any], outside: list[dict[str, Any]]) -> None:
    """Check that a root grew from each one before it, and compare those from outside with them.

    For each root the history has the largest complete subtrees over the entries since the one
    before it: joined from the first on, they give the tree of every root in turn.
    """
    tree, roots = Tree(), [(0, "")]
    for one in history:
        check_path(shaped(one, "root of the history")["nodes"])
        tree.grow(one["size"], one["nodes"])
        roots.append((one["size"], tree.root()))
    if len(roots) != root["number"] + 1 or roots[-1] != (root["size"], root["tree"]):
        raise VerifyError(f"the history is not that of root {root['number']}")
    for given in outside:
        number = given["number"]
        if number <= root["number"] and roots[number] != (given["size"], given["tree"]):
            raise VerifyError(f"root {number} from outside is another: {REWRITTEN}")
        if number == root["number"] and given != root:
            raise VerifyError(f"root {number} from outside was signed otherwise: there are two of it")


def find_dated_before(pack: dict[str, Any], root: dict[str, Any]) -> list[int]:
    """Return the entries that a root does not hold, and that bear a time before it was signed."""
    records = [record["entry"] for record in pack["entries"] + pack["tallies"]]
    return sorted(
        entry["seq"]
        for entry in records
        if entry["stream"] == "live"
        and entry["seq"] > root["size"]
        and instant(entry["recorded_at"]) < instant(root["sealed_at"])
    )


def check_entries(records: list[Any], root: dict[str, Any]) -> tuple[dict[int, Any], list[str]]:
    """Return the entries of a pack by number, each shown to be under the root; and the faults."""
    found: dict[int, Any] = {}
    faults: list[str] = []
    for place, record in enumerate(records, 1):
        where = f"entry at place {place}"
        try:
            seq = shaped(shaped(record, "entry of a pack")["entry"], "entry")["seq"]
            where = f"entry {seq}"
            if seq in found:
                raise VerifyError("it stands there twice")
            found[seq] = record
            check_record(record)
            check_path(record["path"])
            inside = 0 < seq <= root["size"]
            if not inside or not is_included(record["hash"], seq, root["size"], record["path"], root["tree"]):
                raise VerifyError(f"it is not shown to be under root {root['number']}")
        except VerifyError as fault:
            faults.append(f"{where}: {fault}")
    return found, faults


def check_documents(
    listed: list[Any], packed: "Mapping[str, bytes] | None"
) -> "tuple[dict[str, Any] | None, list[str]]":
    """Return the documents of a pack that are JSON, by name; and the faults. None without a PDF."""
    found: dict[str, Any] = {}
    faults: list[str] = []
    names = [row["name"] for row in listed]
    faults += [f"document {name!a}: two have this name" for name in names if names.count(name) > 1]
    for row in listed:
        name, digest = shaped(row, "document")["name"], row["sha256"]
        if packed is not None and digest not in packed:
            faults.append(f"document {name!a}: it is missing")
        elif packed is not None and name.endswith(".json"):
            found[name] = json.loads(packed[digest])
    return None if packed is None else found, faults


def find_drill(pack: dict[str, Any]) -> str:
    """Return the drill that all entries of an incident's pack are of; empty: it is of no drill."""
    streams = {record["entry"]["stream"] for record in pack["entries"]}
    found = str(next(iter(streams))) if pack["kind"] == "incident" and len(streams) == 1 else ""
    return found if found.startswith("drill:") else ""


def check_rows(texts: dict[str, Any], entries: dict[int, Any]) -> list[str]:
    """Return the faults of the rows that the documents of ROWS hold: each is what its entry says.

    ``values`` has the values of a row by name; ``paths`` where they stand in the entry, for those
    that do not stand there under their name.
    """
    faults: list[str] = []
    for name in sorted(ROWS & set(texts)):
        for place, row in enumerate(texts[name], 1):
            try:
                record = entries.get(row["entry"])
                if record is None:
                    raise VerifyError(f"entry {row['entry']}, which it is made of, is missing")
                entry = record["entry"]
                at = entry["body"].get("happened_at") or entry["recorded_at"]
                found = {name: entry_value(record, row["paths"].get(name, name)) for name in row["values"]}
                for said, value in (
                    ([row["kind"], row["at"], row["recorded_at"]], [entry["kind"], at, entry["recorded_at"]]),
                    (row["values"], found),
                ):
                    compare_value({"value": said}, value)
            except VerifyError as fault:
                faults.append(f"document {name!a}, row {place}: {fault}")
    return faults


def check_statement(
    said: dict[str, Any],
    pack: dict[str, Any],
    entries: dict[int, Any],
    corrected: set[str],
    texts: "dict[str, Any] | None",
) -> None:
    """Compute a statement again; VerifyError where its value or what it is made of differs."""
    if said["how"] == "stated":
        return
    if said["document"]:
        if texts is not None:
            if said["document"] not in texts:
                raise VerifyError(f"the document that it is read from, {said['document']!a}, is missing")
            compare_value(said, read_document(said, texts[said["document"]]))
        return
    if len(set(said["of"])) < len(said["of"]):
        raise VerifyError("it counts an entry twice")
    missing = [seq for seq in said["of"] if seq not in entries]
    if missing:
        raise VerifyError(f"entry {missing[0]}, which it is made of, is missing")
    if said["kinds"]:
        counted = [seq for seq, record in entries.items() if belongs(record, said, pack, corrected)]
        if counted != said["of"]:
            other = sorted(set(counted) ^ set(said["of"])) or said["of"]
            raise VerifyError(f"it leaves out, or takes in wrongly, entry {other[0]}")
    late = sum(late_minutes(entries[seq], pack) > 0 for seq in said["of"])
    if late != said["late"]:
        raise VerifyError(f"it says that {said['late']} of its entries were recorded late, computed is {late}")
    compare_value(said, compute_entries(said, [entries[seq] for seq in said["of"]]))


def corrected_events(entries: dict[int, Any]) -> set[str]:
    """Return the ids of events that no longer count: another entry corrects them."""
    bodies = (record["entry"]["body"] for record in entries.values() if record["entry"]["kind"] == "event.corrected")
    return {str(body.get("corrects")) for body in bodies}


def late_minutes(record: dict[str, Any], pack: "dict[str, Any] | None" = None) -> int:
    """Return by how many minutes an entry was recorded late; 0 where it was recorded in time.

    Of what is about a day: since it ended at its site, as the pack says; without a pack since it
    ended everywhere. Of the rest: since it happened or was seen, where that is more than
    LATE_MINUTES.
    """
    body, passed, in_time = record["entry"]["body"], timedelta(0), timedelta(0)
    said, day = body.get("seen_at") or body.get("happened_at"), body.get("day")
    if not isinstance(said, str):
        return 0
    try:
        recorded_at = instant(record["entry"]["recorded_at"])
        if isinstance(day, str):
            midnight = instant(f"{day}T00:00:00Z") + timedelta(days=1)
            since = midnight + timedelta(hours=12)
            if pack is not None:
                site = body["site"] if isinstance(body.get("site"), str) else ""
                since = instant(pack["day_ends"][site][day])
                if not timedelta(hours=-14) <= since - midnight <= timedelta(hours=12):
                    raise VerifyError(f"day_ends: {day} does not end at {since} in any time zone")
            passed = recorded_at - since
        else:
            passed, in_time = recorded_at - instant(said), timedelta(minutes=LATE_MINUTES)
    except (AttributeError, ArithmeticError, TypeError, ValueError):
        raise VerifyError("when it happened is not an instant") from None
    return -(-passed // timedelta(minutes=1)) if passed > in_time else 0


def belongs(record: dict[str, Any], said: dict[str, Any], pack: dict[str, Any], corrected: set[str]) -> bool:
    """Return whether a statement counts an entry: kind, fields, period, not corrected since."""
    entry = record["entry"]
    body = entry["body"]
    at = body.get("happened_at", entry["recorded_at"])
    return (
        entry["kind"] in said["kinds"]
        and all(body.get(name) == value for name, value in said["where"].items())
        and instant(pack["start"]) <= instant(at) < instant(pack["end"])
        and body.get("id", "") not in corrected
    )


def entry_value(record: dict[str, Any], path: str) -> Any:
    """Return a value of an entry: from its body, or shown beside it; None where it is neither."""
    for value in record["values"]:
        if value["path"] == path:
            return value["value"]
    found = read_path(record["entry"]["body"], path)
    return None if isinstance(found, dict) and set(found) == {"commitment"} else found


def read_document(said: dict[str, Any], document: Any) -> Any:
    """Return the value of a statement that is read from a document, or computed over its rows."""
    if said["how"] == "document":
        return read_path(document, said["path"])
    rows = [row for row in document if all(read_path(row, name) == value for name, value in said["where"].items())]
    return compute_figure(said["how"], [read_path(row, said["path"]) for row in rows])


def compute_entries(said: dict[str, Any], records: list[dict[str, Any]]) -> Any:
    """Return the value of a statement over its entries, in their order.

    ``passed``: seconds from the record of the first one to that of the last; ``known``: seconds
    from when the last one happened to its record; ``waiting``: of the people that messages were
    written to, how many have neither answered, nor been counted as absent, nor been sent a newer message.
    """
    entries = [record["entry"] for record in records]
    if said["how"] in ("passed", "known"):
        if not entries:
            return None
        first = entries[-1]["body"]["happened_at"] if said["how"] == "known" else entries[0]["recorded_at"]
        return (instant(entries[-1]["recorded_at"]) - instant(first)) / timedelta(seconds=1)
    if said["how"] == "waiting":
        bodies = [entry["body"] for entry in entries]
        done = {body["message"] for body in bodies if "message" in body}
        asked = {body["generation"] for body in bodies if "message" not in body}
        replaced = (pair for body in bodies for pair in body.get("replaces", ()))
        done.update(message for message, generation in replaced if generation in asked)
        return sum(body.get("agents", 0) for body in bodies) - len(done)
    return compute_figure(said["how"], [entry_value(record, said["path"]) for record in records])


def read_path(value: Any, path: str) -> Any:
    """Return what stands at a path of names with dots; numbers count the items of a list."""
    for name in path.split(".") if path else ():
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def compute_figure(how: str, values: list[Any]) -> Any:
    """Return a figure over values: None where there is nothing that it could be made of."""
    if how == "count":
        return len(values)
    known = [value for value in values if value is not None]
    if how == "distinct":
        return len({canonical(value) for value in known})
    if how == "sum":
        return math.fsum(known) if any(isinstance(n, float) for n in known) else sum(known)
    if not known:
        return None
    if how == "last":
        return known[-1]
    if how == "span":  # minutes from the first to the last
        passed = instant(known[-1]) - instant(known[0])
        return passed.days * 1440 + passed.seconds // 60
    if how in ("min", "max"):
        return min(known) if how == "min" else max(known)
    raise VerifyError(f"it is computed in a way that this verifier does not know, {how!a}")


def compare_value(said: dict[str, Any], found: Any) -> None:
    if canonical(found) != canonical(said["value"]):
        raise VerifyError(f"it says {json.dumps(said['value'])}, computed is {json.dumps(found)}")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def describe_pack(
    pack: dict[str, Any], root: dict[str, Any], shown: list[str], late: list[int], alone: bool, language: str
) -> str:
    """Return what holds, with every figure, to be compared with the pages."""
    words = PACK_WORDS[language]
    groups: dict[str, list[str]] = {"counted": [], "unread_figures": [], "stated": []}
    for said in pack["statements"]:
        read = "unread_figures" if said["document"] and alone else "counted"
        groups["stated" if said["how"] == "stated" else read].append(figure_line(said, language))
    lines = [
        words["pack"].format(whom=words["whom"].format(**pack) if pack["for"] else "", **pack),
        words["root"].format(entries=len(pack["entries"]), **root),
        *([words["unfinished"].format(**pack, sealed_at=root["sealed_at"])] if is_unfinished(pack, root) else []),
        *shown,
        words["late" if any(late) else "in_time"].format(
            late=sum(minutes > 0 for minutes in late),
            entries=len(late),
            most=figure_text(max(late, default=0), "min", language),
            minutes=LATE_MINUTES,
        ),
    ]  # fmt: skip
    for group, figures in groups.items():
        lines += [words[group], *figures] if figures or group == "counted" else []
    for row in pack["documents"]:
        lines.append(words["unread" if alone else "document"].format(**row))
    return "\n".join(map(one_line, lines))


def is_unfinished(pack: dict[str, Any], root: dict[str, Any]) -> bool:
    """Return whether the last day of a pack went on when its root was signed; a drill has a clock of its own."""
    return instant(root["sealed_at"]) < instant(pack["end"]) and not find_drill(pack)


def describe_cosignatures(cosigned: list[tuple[str, str]], keys: Keys, language: str) -> Iterable[str]:
    """Yield what was found of each cosignature; one whose key was not given was not checked."""
    for name, at in cosigned:
        known = "no_cosignature" if name in keys.witnesses.values() else "unchecked"
        yield PACK_WORDS[language]["cosigned" if at else known].format(name=name, at=at)


def describe_selections(
    pack: dict[str, Any], entries: dict[int, Any], hidden: list[int], language: str
) -> Iterable[str]:
    """Yield of which entries the tallies show that all are there, and of which they do not."""
    words, covered = PACK_WORDS[language], set()
    for place, said in enumerate(pack["selections"]):
        if said["kinds"]:
            sites, unnamed = said["sites"], hidden[place]
            yield words["complete"].format(
                kinds=", ".join(said["kinds"]),
                client=said["client"] or words["any"],
                sites=words["any"] if sites is None else ", ".join(s or words["no"] for s in sites),
            ) + (words["unnamed"].format(entries=unnamed) if unnamed else "")
        covered.update(said["kinds"])
    counted = [said for said in pack["statements"] if said["how"] != "stated" and not said["document"]]
    used = {kind for said in counted for kind in said["kinds"]}
    used |= {entries[seq]["entry"]["kind"] for said in counted for seq in said["of"]}
    if used - covered:
        yield words["chosen"].format(kinds=", ".join(sorted(used - covered)))
    if used:
        yield words["taken_back"]


UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066\u2067]")


def one_line(text: str) -> str:
    """Return a text of others so that it neither begins a line nor moves what stands beside it."""
    return UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def figure_line(said: dict[str, Any], language: str) -> str:
    colon = "\u202f:" if language == "fr" else ":"
    late = PACK_WORDS[language]["of_late"].format(late=said["late"], entries=len(said["of"]))
    shown = figure_text(said["value"], said["unit"], language)
    return f"  {said[language]}{colon} {shown}{late if said['late'] else ''}"


def figure_text(value: Any, unit: str, language: str) -> str:
    """Return a value as the pages print it."""
    if value is None:
        return "–"
    if isinstance(value, (str, bool)):
        return FINDINGS[language].get(str(value), str(value))
    if not isinstance(value, (int, float)):
        return json.dumps(value)
    if unit == "share":
        percent = 100 * value
        whole = round(percent, 6) == round(percent)
        if 0 < value < 1 and not whole:
            percent = min(max(percent, 0.1), 99.9)
        shown = number_text(percent, 0 if whole else 1, language)
        return shown + ("\u202f%" if language == "fr" else "%")
    if unit == "delay":
        return delay_text(value, language)
    if unit == "min":
        return f"{number_text(int(value) // 60, 0, language)} h {int(value) % 60:02d} min"
    return f"{number_text(value, 0 if float(value).is_integer() else 2, language)} {unit}".rstrip()


def delay_text(seconds: float, language: str) -> str:
    """Return a time that passed: 1.2 s, 3 min 05 s, 48 h 02 min."""
    if seconds < 60:
        return f"{number_text(seconds, 1, language)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{number_text(round(seconds / 60) // 60, 0, language)} h {round(seconds / 60) % 60:02d} min"


def number_text(value: float, decimals: int, language: str) -> str:
    text = f"{value:,.{decimals}f}"
    return text.translate({44: "\u202f", 46: ","}) if language == "fr" else text


FINDINGS = {
    "en": {"not_kept": "not kept", "not_applicable": "not applicable", "not_met": "not met"},
    "fr": {
        "kept": "respectée", "partly": "en partie", "not_kept": "non respectée",
        "not_applicable": "sans objet", "met": "respectée", "not_met": "non respectée",
    },
}  # fmt: skip

PACK_WORDS = {
    "en": {
        "pack": "the pack {kind}{whom}, {from} to {to}, as the holder of the key issued it",
        "whom": " for {for}",
        "root": "{entries} entries are under root {number}, sealed at {sealed_at}, signed by the key {key}",
        "drill": "A DRILL ({drill}): nothing that it tells of happened, and its times are of the drill’s clock",
        "rows": "{name}: {rows} rows, each compared with its entry; the wording is the operator’s",
        "unfinished": "its last day, {to}, was not over: the pack tells what was recorded until {sealed_at}, when"
        " its root was signed, and nothing after it",
        "cosigned": "cosigned by the witness {name} at {at}",
        "unchecked": "a cosignature of {name} was not checked: give its key, --witness",
        "no_cosignature": "a line in the name of {name} is not a cosignature by the key given",
        "complete": "complete: it holds every entry of the period that the ledger’s tallies list"
        " under {kinds} (client: {client}; sites: {sites})",
        "any": "all",
        "no": "(none)",
        "unnamed": "; they list {entries} more of which the pack does not name the client or the"
        " site: that these are others’ is the operator’s word",
        "chosen": "not shown to be complete, the operator chose the entries: {kinds}",
        "taken_back": "which entries were taken back (event.corrected) is the operator’s word",
        "late": "recorded late: {late} of {entries} entries, by up to {most} (late is more than"
        " {minutes} minutes after it happened, or after the end of the day that it is about)",
        "in_time": "recorded late: none of {entries} entries (late is more than {minutes} minutes"
        " after it happened, or after the end of the day that it is about)",
        "of_late": " ({late} of its {entries} entries recorded late)",
        "counted": "computed again here; the wording is the operator’s; compare with the pages:",
        "unread_figures": "not computed again, since the documents are not at hand:",
        "stated": "stated by the operator, which no entry shows:",
        "document": "document {name}, SHA-256 {sha256}",
        "unread": "document {name}: not at hand, only named; give the PDF",
        "issued": "{name} as issued, {length} bytes, SHA-256 {sha256}",
        "alone": "{name} as issued, {length} bytes, SHA-256 {sha256}; its PDF is not at hand",
        "grown": "root {number} from outside: the history under it was not rewritten since",
        "dated": "dated back, or by a clock that was set back: {entries} entries, the first of them"
        " entry {first}, bear a time before root {number}, signed at {sealed_at}, which does not"
        " hold them",
        "added": "NOT THE FILE AS ISSUED: its bytes, then {added} bytes that are not ours. They may"
        " change what any page shows, and nothing is said of them here: ask who sent them; pyHanko"
        " says who signed them. To see the pages as issued, add --issued FILE. What was issued:",
    },
    "fr": {
        "pack": "le dossier {kind}{whom}, du {from} au {to}, tel que l’a émis le détenteur de la clé",
        "whom": " pour {for}",
        "root": "{entries} entrées sont sous la racine {number}, scellée le {sealed_at}, signée par la clé {key}",
        "drill": "UN EXERCICE ({drill})\u202f: rien de ce qu’il raconte n’a eu lieu, et ses heures sont celles de"
        " l’horloge de l’exercice",
        "rows": "{name}\u202f: {rows} lignes, chacune comparée à son entrée\u202f; les libellés sont ceux"
        " du prestataire",
        "unfinished": "son dernier jour, le {to}, n’était pas terminé\u202f: le dossier dit ce qui était enregistré"
        " le {sealed_at}, quand sa racine a été scellée, et rien de ce qui a suivi",
        "cosigned": "cosigné par le témoin {name} le {at}",
        "unchecked": "la cosignature de {name} n’a pas été vérifiée\u202f: donnez sa clé (--witness)",
        "no_cosignature": "une ligne au nom de {name} n’est pas une cosignature par la clé donnée",
        "complete": "complet\u202f: il contient toutes les entrées de la période que les décomptes"
        " du registre énumèrent sous {kinds} (client\u202f: {client}\u202f; sites\u202f: {sites})",
        "any": "tous",
        "no": "(aucun)",
        "unnamed": "\u202f; ils en énumèrent {entries} de plus, dont le dossier ne nomme pas le"
        " client ou le site\u202f: seul le prestataire dit qu’elles en concernent d’autres",
        "chosen": "sans preuve d’exhaustivité, le prestataire a choisi les entrées\u202f: {kinds}",
        "taken_back": "les entrées annulées depuis (event.corrected) sont celles que dit le prestataire",
        "late": "enregistrées tardivement\u202f: {late} des {entries} entrées, jusqu’à {most} après"
        " (est tardif ce qui est enregistré plus de {minutes} minutes après les faits, ou après la"
        " fin de la journée concernée)",
        "in_time": "enregistrées tardivement\u202f: aucune des {entries} entrées (est tardif ce qui"
        " est enregistré plus de {minutes} minutes après les faits, ou après la fin de la journée"
        " concernée)",
        "of_late": " ({late} de ses {entries} entrées enregistrées tardivement)",
        "counted": "recalculé ici\u202f; les libellés sont ceux du prestataire\u202f; à comparer avec les pages\u202f:",
        "unread_figures": "non recalculé, faute des documents\u202f:",
        "stated": "déclaré par le prestataire, sans entrée qui le montre\u202f:",
        "document": "document {name}, SHA-256 {sha256}",
        "unread": "document {name}\u202f: non fourni, seulement nommé\u202f; donnez le PDF",
        "issued": "{name} tel qu’émis, {length} octets, SHA-256 {sha256}",
        "alone": "{name} tel qu’émis, {length} octets, SHA-256 {sha256}\u202f; son PDF n’est pas fourni",
        "grown": "racine {number}, que vous avez donnée\u202f: l’historique qu’elle couvre n’a pas été réécrit depuis",
        "dated": "antidatées, ou d’une horloge retardée depuis\u202f: {entries} entrées, dont"
        " l’entrée {first}, sont datées d’avant la racine {number}, scellée le {sealed_at}, qui ne"
        " les contient pas",
        "added": "CE N’EST PAS LE FICHIER TEL QU’ÉMIS\u202f: ses octets, puis {added} octets qui ne"
        " sont pas de nous. Ceux-ci peuvent changer ce que montre toute page, et rien n’en est dit"
        " ici\u202f: demandez qui les a ajoutés\u202f; pyHanko dit qui les a signés. Pour voir les"
        " pages telles qu’émises, ajoutez --issued FICHIER. Ce qui a été émis\u202f:",
    },
}


# 9. The command line.


def check_file(
    path: Path,
    keys: Keys,
    outside: list[dict[str, Any]],
    language: str,
    note: "Path | None" = None,
    issued: "Path | None" = None,
) -> Result:
    """Check a file of any kind; ``note`` is that of a pack, where it does not stand beside it.

    ``issued`` takes a pack as it was issued: the bytes that were checked, read once.
    """
    with path.open("rb") as stream:
        try:
            start = stream.readline()
            if start.startswith(b"PK"):
                raise ValueError(f"{path} is a .zip: unpack it, and give the PDF that is in it")
            if start.startswith(b"%PDF-"):
                said, data = read_beside(path, note), start + stream.read()
                result = check_noted(data, said, keys, outside, language)
                if issued and not result.faults:
                    with issued.open("xb") as out:
                        out.write(data[: len(data) - result.added])
                return result
            if issued:
                raise ValueError(f"--issued takes the PDF of a pack, and {path} is another file")
            if path.suffix.lower() == ".pdf":  # programs look for the head of a PDF further on too
                raise VerifyError("it does not begin as a PDF does")
            first = read_line(start)
            form = first.get("format") if isinstance(first, dict) else None
            if form in (EXPORT, NARROWED):
                stream.seek(0)
                export = Export(keys, outside)
                export.read(stream)
                return Result(export.faults, export.summary())
            if stream.read(1):
                raise VerifyError("it has more than one line and is not an export")
            if form == PROOF:
                return Result([], check_proof(first, keys, outside))
            if form == GROWTH:
                return Result([], check_growth(first, keys, outside))
            if form == PACK:
                return check_noted(start, read_beside(path, note), keys, outside, language)
            if isinstance(first, dict) and "pack" in first:
                raise VerifyError("it is a pack of an older form: ask for it to be made again")
            root = check_root(first, keys)
            check_outside([root], outside, keys)
            return Result([], f"root {root['number']} over {root['size']} entries is signed")
        except VerifyError as fault:
            return Result([str(fault)])
        except (TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            return Result([f"it is not formed as its kind is ({type(error).__name__})"])


def read_beside(path: Path, note: "Path | None") -> str:
    """Return the note of a pack; ValueError where there is none."""
    found = note or path.with_name(f"{path.name}.note")
    if not found.is_file():
        raise ValueError(
            f"there is no note beside {path}: put PACK.pdf.note, which came with the pack, into the"
            " same folder, or give it by --note; without it nothing can be said of this file"
        )
    return found.read_text(encoding="utf-8-sig", errors="replace")  # mail may change ends of lines


FRENCH = {
    "the {} must have exactly: {}": "«\u00a0{}\u00a0» doit avoir exactement\u202f: {}",
    "{} of the {} is no {}": "{} de «\u00a0{}\u00a0» n’est pas du type {}",
    "it cannot be read as JSON ({})": "ce n’est pas du JSON lisible ({})",
    "it is not written in the one canonical way": "ce n’est pas écrit dans la forme canonique",
    "it is not a root of this kind of ledger": "ce n’est pas une racine de ce type de registre",
    "the signature of root {} is wrong": "la signature de la racine {} est fausse",
    "root {} is signed by another key, {}": "la racine {} est signée par une autre clé, {}",
    "root {} is signed by a key that held up to root {}":
    "la racine {} est signée par une clé qui valait jusqu’à la racine {}",
    "root {} is signed by a key that holds from root {}":
    "la racine {} est signée par une clé qui vaut à partir de la racine {}",
    "root {} from outside is another: {}":
    "la racine {} que vous avez donnée est une autre\u202f: {}",
    REWRITTEN: "l’historique a été réécrit, ou une partie en a été perdue lors d’une restauration,"
    " ce que montre l’export du registre",
    "the history does not lead to a root over {} entries":
    "l’historique ne mène pas à une racine sur {} entrées",
    "the history is not that of root {}": "l’historique n’est pas celui de la racine {}",
    "how root {}, which you gave, belongs to root {} of this file takes a proof of growth: ask the"
    " operator for it (releve ledger growth {} {} --out growth.json) and add --growth growth.json":
    "le lien entre la racine {}, que vous avez donnée, et la racine {} de ce fichier demande une"
    " preuve de croissance\u202f: demandez-la au prestataire (releve ledger growth {} {} --out"
    " growth.json) et ajoutez --growth growth.json",
    "it is not the note of a pack: its PDF and its pack.json, in two lines":
    "ce n’est pas la note d’un dossier\u202f: son PDF et son pack.json, en deux lignes",
    "its note is not signed by the key given: changed, of another ledger, or of a key that was"
    " rotated, which --rotation ties to it":
    "sa note n’est pas signée par la clé donnée\u202f: modifiée, d’un autre registre, ou d’une clé"
    " remplacée depuis, que --rotation relie à celle-ci",
    "its note is not signed by the key of root {}":
    "sa note n’est pas signée par la clé de la racine {}",
    "its {} is not in it as its note says": "son {} n’y est pas tel que le dit sa note",
    "it is not the file that was issued as {}: that had {} bytes and SHA-256 {}, this has {} bytes"
    " and {}":
    "ce n’est pas le fichier émis sous le nom {}\u202f: celui-là avait {} octets et le SHA-256 {},"
    " celui-ci a {} octets et {}",
    "it has more than one line and is not an export":
    "il a plus d’une ligne et n’est pas un export",
    "it does not begin as a PDF does": "il ne commence pas comme un PDF",
    "it is a pack of an older form: ask for it to be made again":
    "c’est un dossier d’une forme ancienne\u202f: demandez qu’il soit refait",
    "{} is a .zip: unpack it, and give the PDF that is in it":
    "{} est un .zip\u202f: ouvrez-le, et donnez le PDF qu’il contient",
    "there is no note beside {}: put PACK.pdf.note, which came with the pack, into the same"
    " folder, or give it by --note; without it nothing can be said of this file":
    "il n’y a pas de note à côté de {}\u202f: mettez DOSSIER.pdf.note, reçu avec le dossier, dans"
    " le même répertoire, ou donnez-la par --note\u202f; sans elle, rien ne peut être dit de ce"
    " fichier",
    "its content or its hash was changed: they do not belong together":
    "son contenu ou son empreinte a été modifié\u202f: ils ne vont pas ensemble",
    "it has no commitment for a value of {}, or two values of it":
    "elle n’a pas d’engagement pour une valeur de {}, ou en a deux valeurs",
    "the value or salt of {} is not what the entry commits to":
    "la valeur ou le sel de {} ne correspond pas à l’engagement de l’entrée",
    "it commits to a value under {}: a name holds no dot":
    "elle s’engage sur une valeur sous {}\u202f: un nom ne contient pas de point",
    "the path must be a list of hashes": "le chemin doit être une liste d’empreintes",
    "a line under the note is not a signature": "une ligne sous la note n’est pas une signature",
    "the checkpoint is not that of root {}":
    "le point de contrôle n’est pas celui de la racine {}",
    "the checkpoint is not signed by the key of root {}":
    "le point de contrôle n’est pas signé par la clé de la racine {}",
    "the checkpoint names the ledger {}, expected {}: witnesses know another history by each name":
    "le point de contrôle nomme le registre {}, attendu {}\u202f: sous chaque nom, les témoins"
    " connaissent un autre historique",
    "witnesses take --origin as well: the name under which they know this ledger":
    "avec --witness, donnez aussi --origin\u202f: le nom sous lequel les témoins connaissent ce"
    " registre",
    "{} of the witnesses given cosigned root {}, expected at least {}":
    "{} des témoins donnés ont cosigné la racine {}, il en faut au moins {}",
    "when it happened is not an instant": "le moment des faits n’est pas un instant",
    "day_ends: {} does not end at {} in any time zone":
    "day_ends\u202f: {} ne finit à {} dans aucun fuseau horaire",
    "it says that {} of its entries were recorded late, computed is {}":
    "il dit {} de ses entrées tardives, le recalcul en donne {}",
    "tally: {}": "décompte\u202f: {}",
    "entry {} does not show its list of {}": "l’entrée {} ne montre pas sa liste de {}",
    "entry {}: it is missing; the tally at entry {} lists it under {}":
    "entrée {}\u202f: elle manque\u202f; le décompte de l’entrée {} l’énumère sous {}",
    "entry {}: no tally lists it under {}": "entrée {}\u202f: aucun décompte ne l’énumère sous {}",
    "entry {} is not a tally": "l’entrée {} n’est pas un décompte",
    "the tally that ends root {} is missing": "le décompte qui clôt la racine {} manque",
    "the tally at entry {}, before entry {}, is missing":
    "le décompte de l’entrée {}, avant l’entrée {}, manque",
    "the tally at entry {} is missing": "le décompte de l’entrée {} manque",
    "it is not formed as its kind is ({})": "ce n’est pas la forme de ce type de fichier ({})",
    "it is not formed as a pack is ({})": "ce n’est pas la forme d’un dossier de preuves ({})",
    "it is not a pack that this verifier knows":
    "ce n’est pas un dossier que ce vérificateur connaît",
    "statement {}: {}": "énoncé {}\u202f: {}",
    "it stands there twice": "elle y figure deux fois",
    "entry {}: it is of the stream {}, and not live":
    "entrée {}\u202f: elle est du flux {}, et non du flux live",
    "a selection is not of what the pack is for, {}":
    "une sélection n’est pas de ce que vise le dossier, {}",
    "the entries do not stand in the order of the ledger":
    "les entrées ne suivent pas l’ordre du registre",
    "its figures count from {} to before {}: in no time zone are these the days {} to {}":
    "ses chiffres comptent de {} à {} exclu\u202f: dans aucun fuseau horaire ce ne sont les jours"
    " du {} au {}",
    "root {} from outside was signed otherwise: there are two of it":
    "la racine {}, que vous avez donnée, a été signée autrement\u202f: il y en a deux",
    "the document that it is read from, {}, is missing":
    "le document dont il est tiré, {}, n’y est pas",
    "it counts an entry twice": "il compte une entrée deux fois",
    "two have this name": "deux portent ce nom",
    "the note has more than {} signatures": "la note porte plus de {} signatures",
    "--issued takes the PDF of a pack, and {} is another file":
    "--issued prend le PDF d’un dossier, et {} est un autre fichier",
    "it is not shown to be under root {}": "il n’est pas montré qu’elle est sous la racine {}",
    "document {}, row {}: {}": "document {}, ligne {}\u202f: {}",
    "document {}: {}": "document {}\u202f: {}",
    "it is missing": "il manque",
    "entry {}, which it is made of, is missing": "l’entrée {}, dont il est fait, manque",
    "it leaves out, or takes in wrongly, entry {}": "il omet, ou compte à tort, l’entrée {}",
    "it is computed in a way that this verifier does not know, {}":
    "il est calculé d’une manière que ce vérificateur ne connaît pas, {}",
    "it says {}, computed is {}": "il indique {}, le calcul donne {}",
    "entry at place {}: {}": "entrée à la place {}\u202f: {}",
    "entry {}: {}": "entrée {}\u202f: {}",
}  # fmt: skip


def translate_fault(fault: str) -> str:
    """Return a fault of a pack in French; another one as it is."""
    for english, words in FRENCH.items():
        found = re.fullmatch(re.escape(english).replace(r"\{\}", "(.+?)"), fault, re.DOTALL)
        if found:
            return words.format(*map(translate_fault, found.groups()))
    return fault


def read_key(text: str) -> str:
    """Return a public key given in hex, or in a file; what could be a key names no file."""
    given = re.fullmatch("[0-9A-Fa-f]{16,}", text.strip()) is not None
    found = (text if given else Path(text).read_text(encoding="ascii")).strip().lower()
    if not is_hash(found):
        raise ValueError(f"{text} holds no public key of 64 hex digits")
    return found


def read_root(path: str, keys: Keys) -> dict[str, Any]:
    """Return a root from outside."""
    try:
        return check_root(read_line(Path(path).read_bytes()), keys)
    except VerifyError as fault:
        raise ValueError(f"{path}: {fault}; where the key was rotated, give --rotation") from None


def read_rotation(path: str, keys: Keys) -> None:
    """Take a rotation from outside."""
    try:
        keys.add(read_line(Path(path).read_bytes()))
    except VerifyError as fault:
        raise ValueError(f"{path}: {fault}") from None


def read_growth_file(path: str, keys: Keys) -> None:
    """Take a proof of growth from outside."""
    try:
        keys.grown.append(read_growth(read_line(Path(path).read_bytes()), keys))
    except VerifyError as fault:
        raise ValueError(f"{path}: {fault}") from None


def report(result: Result, language: str = "en") -> int:
    """Print what was found; return the exit status."""
    faults, summary, added = result
    french = language == "fr"
    for fault in map(one_line, faults[:50]):
        print(f"DÉFAUT {translate_fault(fault)}" if french else f"FAULT {fault}")
    if faults:
        failed = "NON VÉRIFIÉ, défauts\u202f:" if french else "NOT VERIFIED, faults:"
        print(f"{failed} {len(faults)}")
        return 1
    if added:
        print(f"{PACK_WORDS[language]['added'].format(added=added)}\n{summary}")
        return 3
    print(f"{'VÉRIFIÉ' if french else 'VERIFIED'} {summary}")
    return 0


def main(arguments: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(
        usage="verify.py FILE --key PUBLICKEY [--root FILE ... [--growth FILE ...]]"
        " [--rotation FILE ...] [--note FILE] [--issued FILE]"
        " [--witness VERIFIERKEY ... --origin NAME [--quorum N]] [--lang fr]",
        description="Verify a ledger's export, a proof, a root, or a pack. Exit status: 0 all of it"
        " holds, 1 a fault was found, 2 the call was wrong or something is missing, 3 a pack as"
        " issued with bytes added behind it.",
    )
    parser.add_argument("file", type=Path, help="export, proof, root or pack (PDF)")
    parser.add_argument("--key", action="append", required=True, help="public key, hex or a file")
    parser.add_argument("--root", action="append", default=[], help="root you have from outside")
    parser.add_argument("--growth", action="append", default=[], help="proof of growth to a root")
    parser.add_argument("--rotation", action="append", default=[], help="rotation of the key")
    parser.add_argument("--note", type=Path, help="note of a pack; FILE.note beside it")
    parser.add_argument("--issued", type=Path, help="write the pack without what was added to it")
    parser.add_argument("--lang", choices=("en", "fr"), default="en", help="of what is said of a pack")
    parser.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    parser.add_argument("--origin", default="", help="name under which witnesses know the ledger")
    parser.add_argument("--quorum", type=int, help="witnesses that have to cosign a pack; all")
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a page of codes may lack the spaces of French
        sys.stdout.reconfigure(errors="replace")
    try:
        keys = Keys([read_key(text) for text in given.key], given.witness, given.quorum,
                    given.origin)  # fmt: skip
        for path in given.rotation:
            read_rotation(path, keys)
        outside = [read_root(path, keys) for path in given.root]
        for path in given.growth:
            read_growth_file(path, keys)
        result = check_file(given.file, keys, outside, given.lang, given.note, given.issued)
    except (OSError, ValueError) as error:
        said = str(error)
        said = translate_fault(said) if given.lang == "fr" else said
        print(f"verify.py: {one_line(said)}", file=sys.stderr)
        return 2
    return report(result, given.lang)


if __name__ == "__main__":
    sys.exit(main())
