"""The verifier's parts beside standards and other implementations; its words in French."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import secrets
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from releve.ledger import verify
from releve.ledger.digests import parse_canonical
from releve.ledger.merkle import consistency_path, fold_hashes, inclusion_path, leaf_hash, list_subtrees, tree_hash
from releve.ledger.verify import (
    FRENCH,
    ORDER,
    P,
    Tree,
    VerifyError,
    canonical,
    is_grown,
    is_included,
    is_signed,
    read_line,
    translate_fault,
)
from releve.plugins.evidence.language import Wording

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)

# RFC 8785, appendix B: the bits of a double and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize("bits", NUMBERS)
def test_numbers_are_written_as_the_standard_lists_them(bits: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value) == NUMBERS[bits]


@given(VALUES)
def test_every_value_is_written_as_another_implementation_does(value: Any) -> None:
    assert canonical(value).encode() == rfc8785.dumps(value)


@given(VALUES)
def test_what_is_read_back_is_written_the_same(value: Any) -> None:
    text = rfc8785.dumps(value).decode()
    assert rfc8785.dumps(parse_canonical(text)).decode() == text
    assert canonical(json.loads(text)) == text
    assert canonical(read_line(text.encode() + b"\n")) == text


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 1}\n',
        b'{"a":1}',
        b'{"a":1}\r\n',
        b' {"a":1}\n',
        b'{"b":1,"a":2}\n',
        b'{"a":1,"a":1}\n',
        b'{"a":1.0}\n',
        b'{"a":01}\n',
        b'{"a":-0}\n',
        b'{"a":1e0}\n',
        b'{"a":1E400}\n',
        b'{"a":NaN}\n',
        b'{"a":"\\u0041"}\n',
        b'{"a":"\\/"}\n',
        b'{"a":"\\ud800"}\n',
        b'{"\\ud800":1}\n',
        b'{"a":"\xff"}\n',
        b'{"a":"\xc3\xa9"}',
        b"9007199254740993\n",
        b"1" * 400 + b"\n",
        b"1" * 5000 + b"\n",
        b"[" * 100_000 + b"\n",
        b"",
        b"\n",
    ],
)
def test_a_line_written_in_any_other_way_is_refused(line: bytes) -> None:
    with pytest.raises(VerifyError):
        read_line(line)


SALT = "5" * 64
ONE, OTHER = ({"commitment": verify.commitment(value, SALT)} for value in (1, 2))


def build_record(body: dict[str, Any], path: str, value: int) -> dict[str, Any]:
    entry = {
        "body": body, "kind": "x.y", "nonce": "", "prev": verify.NO_HASH, "recorded_at": "",
        "seq": 1, "stream": "live",
    }  # fmt: skip
    shown = [{"path": path, "salt": SALT, "value": value}]
    return {"entry": entry, "hash": verify.entry_hash(entry), "values": shown}


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_two_commitments_that_share_a_path_are_refused(first: int, second: int) -> None:
    """One hash covers both; the order of the names in the file would choose the value."""
    parts = {1: {"a.b": ONE}, 2: {"a": {"b": OTHER}}}
    record = build_record(parts[first] | parts[second], "a.b", second)
    with pytest.raises(verify.VerifyError, match=r"under 'a\.b': a name holds no dot"):
        verify.check_record(record)


def test_a_commitment_below_a_name_with_a_dot_is_refused() -> None:
    for body in ({"a.b": ONE, "a": {"b": 2}}, {"a.b": {"c": ONE}, "a": {"b": {"c": OTHER}}}):
        with pytest.raises(verify.VerifyError, match="a name holds no dot"):
            verify.check_record(build_record(body, "a.b", 1))


def test_names_with_dots_that_hold_no_commitment_stand_in_an_entry() -> None:
    assert verify.check_record(build_record({"a.b": 3, "a": {"b": ONE}}, "a.b", 1)) == 1


# RFC 8032, section 7.1: public key, message, signature.
CASES = {
    "empty": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "one byte": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "two bytes": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cases_of_the_standard_hold(case: str) -> None:
    key, message, signature = (bytes.fromhex(text) for text in CASES[case])
    assert is_signed(message, signature, key)
    assert not is_signed(message + b"x", signature, key)


def test_it_agrees_with_another_implementation_on_signatures_and_damaged_ones() -> None:
    for size in range(40):
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        message = secrets.token_bytes(size * 7)
        signature = key.sign(message)
        assert is_signed(message, signature, public)
        bit = secrets.randbelow(512)
        damaged = bytearray(signature)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not is_signed(message, bytes(damaged), public)


@settings(max_examples=60, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_any_bytes_are_judged_as_the_other_implementation_does(key: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"text")
        other = True
    except InvalidSignature:
        other = False
    assert is_signed(b"text", signature, key) is other


def test_a_signature_written_in_a_second_way_is_refused() -> None:
    """Adding the order of the group to s would give a second signature of the same message."""
    key, message, signature = (bytes.fromhex(text) for text in CASES["two bytes"])
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not is_signed(message, signature[:32] + s.to_bytes(32, "little"), key)


@pytest.mark.parametrize("length", [0, 31, 63, 65])
def test_lengths_that_are_wrong_are_refused(length: int) -> None:
    key, message, signature = (bytes.fromhex(text) for text in CASES["empty"])
    assert not is_signed(message, (signature + b"\0")[:length], key)
    assert not is_signed(message, signature, (key * 3)[:length])


def test_what_is_no_point_is_refused() -> None:
    _, message, signature = (bytes.fromhex(text) for text in CASES["empty"])
    for y in (P, P + 1, 2, 2**255 - 1):  # too large, or of no x
        assert not is_signed(message, signature, y.to_bytes(32, "little"))
    minus_nothing = (1 | 1 << 255).to_bytes(32, "little")  # x = 0 with a sign
    assert not is_signed(message, signature, minus_nothing)


ENTRIES = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(71)]
LEAVES = [bytes.fromhex(text) for text in ENTRIES]
SIZES = (*range(1, 35), 63, 64, 65, 70)


def subtree(level: int, index: int) -> bytes:
    width = 1 << level
    return fold_hashes([leaf_hash(data) for data in LEAVES[index * width : (index + 1) * width]])


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left, right = by_definition(leaves[:half]), by_definition(leaves[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_definition(size: int) -> None:
    root = by_definition(LEAVES[:size])
    tree = Tree()
    for entry in ENTRIES[:size]:
        tree.add(entry)
    assert tree_hash(size, subtree) == root
    assert tree.root() == root.hex()
    assert len(tree.subtrees) == size.bit_count()


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_and_no_other(size: int) -> None:
    root = by_definition(LEAVES[:size]).hex()
    for leaf in range(size):
        path = [node.hex() for node in inclusion_path(leaf, size, subtree)]
        assert len(path) <= (size - 1).bit_length()
        assert is_included(ENTRIES[leaf], leaf + 1, size, path, root)
        assert not is_included(ENTRIES[leaf + 1], leaf + 1, size, path, root)
        assert not is_included(ENTRIES[leaf], leaf + 1, size, [*path, root], root)
        assert not is_included(ENTRIES[leaf], leaf + 1, size, path[:-1], root) or not path
        others = [seq for seq in range(1, size + 1) if seq != leaf + 1]
        assert not any(is_included(ENTRIES[leaf], seq, size, path, root) for seq in others)


@pytest.mark.parametrize("second", SIZES)
def test_every_growth_is_proved_and_no_other(second: int) -> None:
    new = {"size": second, "tree": by_definition(LEAVES[:second]).hex()}
    for first in range(1, second + 1):
        old = {"size": first, "tree": by_definition(LEAVES[:first]).hex()}
        path = [node.hex() for node in consistency_path(first, second, subtree)]
        assert is_grown(old, new, path)
        forged = {"size": first, "tree": by_definition(LEAVES[1 : first + 1]).hex()}
        assert not is_grown(forged, new, path)
        assert not is_grown(old, new, [*path, new["tree"]])
        if path:
            assert not is_grown(old, new, path[:-1])
            assert not is_grown(old, {**new, "tree": old["tree"]}, path)


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (5, 6, 33, 70), (64, 65), (63, 70), (70,)])
def test_a_history_gives_the_root_of_every_size_in_it(sizes: tuple[int, ...]) -> None:
    """What a proof of growth from each would show, joined from left to right."""
    tree = Tree()
    for start, size in pairwise((0, *sizes)):
        nodes = [subtree(level, index).hex() for level, index in list_subtrees(start, size)]
        tree.grow(size, nodes)
        assert (tree.size, tree.root()) == (size, by_definition(LEAVES[:size]).hex())
        for wrong in (nodes[:-1], [*nodes, nodes[0]]):
            with pytest.raises(VerifyError, match="does not lead to a root"):
                grow_from(start, nodes=wrong, size=size)


def grow_from(start: int, nodes: list[str], size: int) -> None:
    tree = Tree()
    for entry in ENTRIES[:start]:
        tree.add(entry)
    tree.grow(size, nodes)


def other_tree(size: int) -> Any:
    tree = InmemoryTree(algorithm="sha256")
    for data in LEAVES[:size]:
        tree.append_entry(data)
    return tree


@pytest.mark.parametrize("size", [1, 2, 7, 8, 33, 70])
def test_another_implementation_finds_the_same(size: int) -> None:
    other = other_tree(size)
    root = tree_hash(size, subtree)
    assert other.get_root() == root
    for leaf in range(size):
        proof = other.prove_inclusion(leaf + 1, size)
        verify_inclusion(leaf_hash(LEAVES[leaf]), root, proof)
        assert proof.path[1:] == inclusion_path(leaf, size, subtree)
    for first in range(1, size + 1):
        verify_consistency(tree_hash(first, subtree), root, other.prove_consistency(first, size))


OF_PACKS = {
    "check_checkpoint", "read_note", "entry_row", "check_selections", "order_tallies", "Tree",
    "read_pack_note", "check_noted", "check_pack", "check_content", "check_history",
    "check_entries", "check_documents", "check_statement", "compute_figure", "compare_value",
    "shaped", "read_line", "check_record", "commitments", "late_minutes", "check_path",
    "check_outside", "read_signed_root", "check_file", "read_beside",
}  # fmt: skip

ERRORS = ("VerifyError", "ValueError")


def read_faults() -> Iterator[str]:
    """Yield the sentences of the faults that the functions of packs name, "7" for each value."""
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    for part in tree.body:
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and part.name in OF_PACKS:
            for node in ast.walk(part):
                named = isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS
                if named and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                    yield "".join(
                        str(piece.value) if isinstance(piece, ast.Constant) else "7"
                        for piece in getattr(node.args[0], "values", [node.args[0]])
                    )


def test_every_fault_of_a_pack_has_its_french() -> None:
    faults = set(read_faults())
    assert len(faults) > 35
    assert {fault for fault in faults if translate_fault(fault) == fault} == set()


def test_a_fault_within_another_is_translated_too() -> None:
    fault = "tally: entry 7: its content or its hash was changed: they do not belong together"
    assert translate_fault(fault) == (
        "décompte\u202f: entrée 7\u202f: son contenu ou son empreinte a été modifié\u202f: ils ne vont pas ensemble"
    )
    assert translate_fault("something new") == "something new"
    assert all(words.count("{}") == english.count("{}") for english, words in FRENCH.items())


@pytest.mark.parametrize("code_page", ["cp1252", "ascii"])
def test_a_console_without_the_spaces_of_french_shows_the_rest(code_page: str, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "x.pdf.note").write_text("none", encoding="utf-8")
    line = [sys.executable, "-S", verify.__file__, "x.pdf", "--key", "0" * 64, "--lang", "fr"]
    done = subprocess.run(
        line, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": code_page}, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert b"une ligne sous la note n" in done.stdout


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("value", "unit"),
    [(None, ""), (0, ""), (12_345, ""), (1234.5, "s"), (0.875, "share"), (0.8, "share"),
     (1, "share"), (3030, "min"), (100_000, "min"), ("kept", ""), ("not_met", ""), ("1–4", ""),
     (0.999999999, "share"), (0.9996, "share"), (0.0004, "share")],
)  # fmt: skip
def test_figures_are_written_as_the_pages_print_them(value: object, unit: str, language: str) -> None:
    printed = Wording(language).value(value, unit).replace("\u00a0", " ")
    assert verify.figure_text(value, unit, language) == printed


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_share_that_is_not_all_is_never_written_as_100_nor_as_0(share: float) -> None:
    percent = float(Wording("en").value(share, "share").removesuffix("%"))
    assert 0 < percent < 100
    assert abs(percent - 100 * share) <= 0.1
