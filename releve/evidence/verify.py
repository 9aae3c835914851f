#!/usr/bin/env python3
"""Verify a ledger's export, a proof of one entry, a proof of growth, or a root.

    python verify.py export.jsonl --key PUBLICKEY [--root root.json ...]
    python verify.py proof.json   --key PUBLICKEY [--root root.json ...]

PUBLICKEY is the ledger's public key, 64 hex digits, or a file that holds it. A root from outside
(one that was sent to you, or published, earlier) also shows a history that was cut short or
rewritten by a holder of the signing key: give each one you have.

Exit status: 0 everything holds; 1 a fault was found, each is named; 2 the call was wrong.

This file is written for Python 3.9 or newer and its standard library, nothing else. It is meant to
be read: first what is hashed, then signatures (RFC 8032), trees (RFC 9162), and the checks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# 1. Canonical JSON (RFC 8785): every value has exactly one text, so every text one hash.

ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
TO_ESCAPE = re.compile(r'["\\\x00-\x1f]')


class VerifyError(Exception):
    """Something does not hold."""


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


def number(value: int | float) -> str:
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


def decode_point(data: bytes) -> Point | None:
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
        joined, self.size, size = leaf_hash(entry), self.size + 1, self.size
        while size & 1:
            joined, size = node_hash(self.subtrees.pop(), joined), size >> 1
        self.subtrees.append(joined)

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
    "proof of growth": {"first": OBJECT, "format": TEXT, "path": LIST, "second": OBJECT},
}  # fmt: skip
EXPORT, PROOF = "releve ledger export 1", "releve ledger proof 1"
GROWTH, ROOT = "releve ledger growth 1", "releve ledger root 1"
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


def check_root(signed: Any, keys: list[str]) -> dict[str, Any]:
    """Return the root of a signed root, whose signature is right."""
    root: dict[str, Any] = shaped(shaped(signed, "signed root")["root"], "root")
    if root["format"] != ROOT or root["size"] < 1 or root["number"] < 1:
        raise VerifyError("it is not a root of this kind of ledger")
    if root["key"] not in keys:
        raise VerifyError(f"root {root['number']} is signed by another key, {root['key']}")
    try:
        signature = bytes.fromhex(signed["signature"])
    except ValueError:
        signature = b""
    if signature.hex() != signed["signature"] or not is_signed(
        signed_bytes(root), signature, bytes.fromhex(root["key"])
    ):
        raise VerifyError(f"the signature of root {root['number']} is wrong")
    return root


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
    """Return the commitments of a body by the path of their field."""
    found: dict[str, str] = {}
    for name, inner in body.items():
        if isinstance(inner, dict):
            if set(inner) == {"commitment"}:
                found[prefix + name] = inner["commitment"]
            else:
                found.update(commitments(inner, prefix + name + "."))
    return found


class Export:
    """An export, checked line by line; ``faults`` are sentences."""

    def __init__(self, keys: list[str], outside: list[dict[str, Any]]) -> None:
        self.keys, self.outside = keys, sorted(outside, key=lambda root: int(root["size"]))
        self.faults: list[str] = []
        self.where = ""  # the line being checked
        self.tree = Tree()
        self.seq, self.head = 0, NO_HASH  # of the last entry
        self.root: dict[str, Any] = {"number": 0, "size": 0}  # the last one
        self.whole = True  # whether the tree can still be compared with roots
        self.matched = 0  # entries under the last root from outside that fits
        self.values = ""  # "all" or "none" of the personal values are shown
        self.held = self.shown = self.erased = 0
        self.ended = False

    def read(self, lines: Iterable[bytes]) -> None:
        """Check every line, then the whole."""
        for count, line in enumerate(lines, 1):
            self.where = f"line {count}, where entry {self.seq + 1} is expected"
            try:
                self.take(count, read_line(line))
            except VerifyError as fault:
                self.note(str(fault))
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
            if document["format"] != EXPORT or self.values not in ("all", "none"):
                raise VerifyError("it is not the first line of an export")
        elif "entry" in names:
            self.take_entry(count, document)
        elif "root" in names:
            self.take_root(count, document)
        else:
            self.take_end(shaped(document, "last line"))

    def take_entry(self, count: int, document: Any) -> None:
        entry = shaped(shaped(document, "record")["entry"], "entry")
        self.where = f"line {count}, entry {entry['seq']}"
        self.follow(entry, document["hash"])
        self.shown += len(document["values"])
        if entry["kind"] == "ledger.erased" and type(entry["body"].get("values")) is int:
            self.erased += entry["body"]["values"]
        self.held += check_record(document)

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
        self.note(
            f"{span(self.matched + 1, self.seq)}: one or more are not what root {root['number']}"
            " from outside was made of: changed, added or removed, and the chain rewritten"
        )
        self.outside.clear()  # every later root would differ too

    def take_root(self, count: int, document: Any) -> None:
        root, before = shaped(shaped(document, "signed root")["root"], "root"), self.root
        self.where = f"line {count}, root {root['number']}"
        previous = sha256(signed_bytes(before)) if before["number"] else NO_HASH
        if root["number"] != before["number"] + 1 or root["previous"] != previous:
            self.note(f"it does not follow root {before['number']}: one was changed or removed")
        if root["size"] != self.seq:
            self.note(f"it covers {root['size']} entries and stands after entry {self.seq}")
        elif self.whole and (root["tree"], root["head"]) != (self.tree.root(), self.head):
            self.whole = False  # every later root would differ too
            entries = span(before["size"] + 1, self.seq)
            self.note(f"{entries}: one or more are not what it was made of")
        self.root = root
        check_root(document, self.keys)

    def take_end(self, end: dict[str, int]) -> None:
        self.ended = True
        if (end["entries"], end["roots"]) != (self.seq, self.root["number"]):
            counts = f"{end['entries']} entries and {end['roots']} roots"
            self.note(f"the file says it ends after {counts}: it was cut, or something is missing")

    def finish(self) -> None:
        if not self.ended:
            self.note("the file has no last line: it was cut")
        if self.outside:
            root = self.outside[-1]
            missing = span(self.seq + 1, root["size"])
            self.note(f"cut short: root {root['number']} from outside covers {missing} too")
        if not self.root["number"] and not self.matched:
            self.note("there is no signed root: anybody could have written this")
        lacking = self.held - self.shown
        if self.values == "all" and not self.faults and lacking != self.erased:
            self.note(f"{lacking} personal values are missing, {self.erased} were erased on record")

    def summary(self) -> str:
        lines = [f"{self.seq} entries in one unbroken chain, {self.root['number']} roots"]
        sealed = max(self.root["size"], self.matched)
        if sealed < self.seq:
            lines.append(f"{span(sealed + 1, self.seq)}: under no root yet, only chained")
        if self.matched:
            lines.append(f"{span(1, self.matched)}: as a root from outside has them")
        lines.append(f"personal values: {self.shown} shown, {self.held - self.shown} not")
        return "\n".join(lines)


def span(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def check_path(path: list[Any]) -> None:
    if not all(is_hash(node) for node in path):
        raise VerifyError("the path must be a list of hashes")


def check_proof(proof: Any, keys: list[str], outside: list[dict[str, Any]]) -> str:
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
    check_outside([root], outside)
    lines = [f"entry {seq} is under root {root['number']}, sealed at {root['sealed_at']!a}"]
    lines.append(json.dumps(proof["entry"], indent=2, sort_keys=True))  # ASCII, safe to print
    lines += [f"{value['path']!a} is {json.dumps(value['value'])}" for value in proof["values"]]
    return "\n".join(lines)


def check_growth(proof: Any, keys: list[str], outside: list[dict[str, Any]]) -> str:
    """Check that one root's entries are the beginning of another's; return what it proves."""
    shaped(proof, "proof of growth")
    first, second = check_root(proof["first"], keys), check_root(proof["second"], keys)
    check_path(proof["path"])
    if not first["size"] <= second["size"] or not is_grown(first, second, proof["path"]):
        raise VerifyError(
            f"root {second['number']} is not shown to have grown from {first['number']}"
        )
    check_outside([first, second], outside)
    return f"the entries under root {first['number']} are the first under root {second['number']}"


def check_outside(roots: list[dict[str, Any]], outside: list[dict[str, Any]]) -> None:
    for given in outside:
        if given not in roots:
            raise VerifyError(
                f"it is not about root {given['number']} from outside: ask for one that is"
            )


def check_file(path: Path, keys: list[str], outside: list[dict[str, Any]]) -> tuple[list[str], str]:
    """Check a file of any kind; return the faults, and what holds where there are none."""
    with path.open("rb") as stream:
        try:
            first = read_line(stream.readline())
            form = first.get("format") if isinstance(first, dict) else None
            if form == EXPORT:
                stream.seek(0)
                export = Export(keys, outside)
                export.read(stream)
                return export.faults, export.summary()
            if stream.read(1):
                raise VerifyError("it has more than one line and is not an export")
            if form == PROOF:
                return [], check_proof(first, keys, outside)
            if form == GROWTH:
                return [], check_growth(first, keys, outside)
            root = check_root(first, keys)
            check_outside([root], outside)
            return [], f"root {root['number']} over {root['size']} entries is signed"
        except VerifyError as fault:
            return [str(fault)], ""


# 7. The command line.


def read_key(text: str) -> str:
    """Return a public key given in hex, or in a file."""
    found = text if is_hash(text) else Path(text).read_text(encoding="ascii").strip()
    if not is_hash(found):
        raise ValueError(f"{text} holds no public key of 64 hex digits")
    return found


def read_root(path: str, keys: list[str]) -> dict[str, Any]:
    """Return a root from outside."""
    try:
        return check_root(read_line(Path(path).read_bytes()), keys)
    except VerifyError as fault:
        raise ValueError(f"{path}: {fault}") from None


def report(faults: list[str], summary: str) -> int:
    """Print what was found; return the exit status."""
    for fault in faults[:50]:
        print(f"FAULT {fault}")
    print(f"NOT VERIFIED, faults: {len(faults)}" if faults else f"VERIFIED {summary}")
    return 1 if faults else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        usage="verify.py FILE --key PUBLICKEY [--root ROOTFILE ...]",
        description="Verify a ledger's export, a proof, or a root. Exit status: 0 everything holds,"
        " 1 a fault was found, 2 the call was wrong.",
    )
    parser.add_argument("file", type=Path, help="export, proof or root")
    parser.add_argument("--key", action="append", required=True, help="public key, hex or a file")
    parser.add_argument("--root", action="append", default=[], help="root you have from outside")
    given = parser.parse_args(arguments)
    try:
        keys = [read_key(text) for text in given.key]
        outside = [read_root(path, keys) for path in given.root]
        faults, summary = check_file(given.file, keys, outside)
    except (OSError, ValueError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    return report(faults, summary)


if __name__ == "__main__":
    sys.exit(main())
