"""An export that was tampered with: the verifier names the entry and the fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from releve.ledger.digests import ROOT_TAG, canonical_json, hash_entry, hash_root, parse_canonical
from tests.evidence.conftest import Ledger
from tests.ledger.conftest import KEY


def names(faults: Iterable[str], entry: int) -> bool:
    """Return whether a fault names an entry, alone or in a span."""
    text = "\n".join(faults)
    spans = re.findall(r"entr(?:y|ies) (\d+)(?: to (\d+))?", text)
    return any(int(first) <= entry <= int(last or first) for first, last in spans)


def change_entry(ledger: Ledger, seq: int, change: Callable[[dict[str, Any]], object]) -> list[str]:
    """Return the lines with one entry's document changed, written canonically again."""
    lines = list(ledger.lines)
    document = parse_canonical(lines[ledger.line_of(seq)])
    change(document)
    lines[ledger.line_of(seq)] = canonical_json(document)
    assert lines != list(ledger.lines)
    return lines


@pytest.mark.database  # the others read the lines that it holds to be right
def test_what_is_as_it_was_written_holds(ledger: Ledger) -> None:
    assert ledger.faults(ledger.lines) == []
    assert ledger.faults(ledger.lines, *ledger.roots) == []
    assert len(ledger.lines) == 1 + 14 + 2 + 1


@pytest.mark.parametrize("seq", range(1, 15))
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "drill:9"),
        ("kind", "site.opened"),
        ("recorded_at", "2026-11-24T08:00:00.000000Z"),
        ("nonce", "0" * 32),
        ("body", {}),
        ("prev", "1" * 64),
    ],
)
def test_any_field_changed_is_named(ledger: Ledger, seq: int, field: str, value: Any) -> None:
    faults = ledger.faults(change_entry(ledger, seq, lambda line: line["entry"].update({field: value})))
    assert any(f"entry {seq}: its content or its hash was changed" in fault for fault in faults)


@pytest.mark.parametrize("seq", range(1, 15))
def test_a_hash_changed_is_named(ledger: Ledger, seq: int) -> None:
    faults = ledger.faults(change_entry(ledger, seq, lambda line: line.update(hash="1" * 64)))
    assert any(f"entry {seq}: its content or its hash was changed" in fault for fault in faults)


@pytest.mark.parametrize("seq", range(1, 15))
@pytest.mark.parametrize("other", [0, 3, 99])
def test_a_number_changed_is_named(ledger: Ledger, seq: int, other: int) -> None:
    if seq != other:
        lines = change_entry(ledger, seq, lambda line: line["entry"].update(seq=other))
        assert names(ledger.faults(lines), seq)


def rehashed(document: dict[str, Any]) -> None:
    document["entry"]["kind"] = "site.opened"
    document["hash"] = hash_entry(canonical_json(document["entry"]))


@pytest.mark.parametrize("seq", range(1, 13))
def test_an_entry_rewritten_with_its_hash_is_found_by_the_next(ledger: Ledger, seq: int) -> None:
    faults = ledger.faults(change_entry(ledger, seq, rehashed))
    assert names(faults, seq)
    assert any("it does not follow" in fault or "not what it was made of" in fault for fault in faults)


@pytest.mark.parametrize("seq", range(1, 14))
def test_two_entries_swapped_are_named(ledger: Ledger, seq: int) -> None:
    lines = list(ledger.lines)
    here, there = ledger.line_of(seq), ledger.line_of(seq + 1)
    lines[here], lines[there] = lines[there], lines[here]
    faults = ledger.faults(lines)
    assert names(faults, seq)
    assert names(faults, seq + 1)
    assert any("out of order" in fault for fault in faults)


@pytest.mark.parametrize("seq", range(1, 15))
def test_an_entry_removed_is_named(ledger: Ledger, seq: int) -> None:
    lines = [line for line in ledger.lines if f'"seq":{seq},' not in line]
    faults = ledger.faults(lines)
    assert names(faults, seq) or any(f"stands after entry {seq - 1}" in fault for fault in faults)
    if seq < 14:
        assert any(f"missing before it: entry {seq}" in fault for fault in faults)
    else:
        assert faults == [
            f"line {len(lines)}, where entry 14 is expected: the file says it ends after 14 entries"
            " and 2 roots: it was cut, or something is missing"
        ]


@pytest.mark.parametrize("seq", range(1, 15))
def test_an_entry_written_twice_is_named(ledger: Ledger, seq: int) -> None:
    at = ledger.line_of(seq)
    lines = [*ledger.lines[: at + 1], *ledger.lines[at:]]
    assert f"entry {seq}: it is out of order" in ledger.faults(lines)[0]


def end(entries: int, roots: int) -> str:
    return canonical_json({"entries": entries, "roots": roots})


def test_a_tail_cut_cleanly_shows_only_beside_a_root_from_outside(ledger: Ledger) -> None:
    """Without one, what is left is what the ledger was after its first root."""
    first, second = ledger.roots
    lines = [*ledger.lines[: ledger.line_of(5) + 2], end(5, 1)]
    assert ledger.faults(lines) == []
    assert ledger.faults(lines, first) == []
    faults = ledger.faults(lines, first, second)
    assert faults == ["at the end: cut short: root 2 from outside covers entries 6 to 12 too"]


@pytest.mark.parametrize("kept", range(1, 18))
def test_a_file_that_breaks_off_is_said_to(ledger: Ledger, kept: int) -> None:
    assert "at the end: the file has no last line: it was cut" in ledger.faults(ledger.lines[:kept])


def test_nothing_may_follow_the_last_line(ledger: Ledger) -> None:
    faults = ledger.faults([*ledger.lines, ledger.lines[1]])
    assert ["there is something after the last line" in fault for fault in faults] == [True]


def test_without_any_root_nothing_is_vouched_for(ledger: Ledger) -> None:
    lines = [line for line in ledger.lines if not line.startswith('{"root"')]
    lines[-1] = end(14, 0)
    faults = ledger.faults(lines)
    assert faults == ["at the end: there is no signed root: anybody could have written this"]
    assert ledger.faults(lines, ledger.roots[1]) == []


def test_a_root_removed_is_missed_by_the_next(ledger: Ledger) -> None:
    lines = list(ledger.lines)
    del lines[ledger.line_of(5) + 1]
    assert any("root 2: it does not follow root 0" in fault for fault in ledger.faults(lines))


def test_a_root_of_another_key_is_refused(ledger: Ledger) -> None:
    other = ledger.but(key="1" * 64)
    faults = other.faults(ledger.lines)
    assert [f"signed by another key, {ledger.key}" in fault for fault in faults] == [True, True]


@pytest.mark.parametrize("field", ["head", "tree", "previous", "size", "number", "sealed_at", "key", "format"])
def test_any_field_of_a_root_changed_is_found(ledger: Ledger, field: str) -> None:
    lines = list(ledger.lines)
    at = ledger.line_of(5) + 1
    signed = json.loads(lines[at])
    value = signed["root"][field]
    signed["root"][field] = value + 1 if isinstance(value, int) else value[:-1] + "0"
    if signed["root"][field] == value:
        signed["root"][field] = value[:-1] + "1"
    lines[at] = canonical_json(signed)
    faults = ledger.faults(lines)
    changed = r"signature of root|signed by another|not a root of this"
    assert any(re.search(changed, fault) for fault in faults)


def forge(ledger: Ledger, seq: int) -> list[str]:
    """Return a history with one entry changed, and all later ones chained and signed again."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEY))
    from releve.ledger.verify import Tree  # the tree of the forger

    tree, head, previous, lines = Tree(), "0" * 64, "0" * 64, []
    for line in ledger.lines:
        document = parse_canonical(line)
        if "entry" in document:
            if document["entry"]["seq"] == seq:
                document["entry"]["kind"] = "site.opened"
            document["entry"]["prev"] = head
            head = document["hash"] = hash_entry(canonical_json(document["entry"]))
            tree.add(head)
        elif "root" in document:
            document["root"].update(head=head, tree=tree.root(), previous=previous)
            previous = hash_root(document["root"])
            text = canonical_json(document["root"])
            document["signature"] = key.sign(ROOT_TAG + text.encode()).hex()
        lines.append(canonical_json(document))
    return lines


@pytest.mark.parametrize(("seq", "span"), [(3, "entries 1 to 5"), (9, "entries 6 to 12")])
def test_a_history_rewritten_with_the_key_shows_beside_old_roots(ledger: Ledger, seq: int, span: str) -> None:
    """Only who kept a root from outside can tell; several say between which two it was."""
    forged = forge(ledger, seq)
    assert ledger.faults(forged) == []
    (fault,) = ledger.faults(forged, *ledger.roots)
    assert f"{span}: one or more are not what root" in fault
    assert "from outside was made of" in fault


def test_values_shown_are_checked_against_the_entry(ledger: Ledger) -> None:
    def value(line: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = line["values"][0]
        return found

    for change in (lambda line: value(line).update(value="agent-3"), lambda line: value(line).update(salt="1" * 64)):
        faults = ledger.faults(change_entry(ledger, 7, change))
        assert len(faults) == 1
        assert "entry 7: the value or salt of 'agent' is not what the entry commits to" in faults[0]
    for change in (
        lambda line: value(line).update(path="site"),
        lambda line: value(line).update(path="other"),
        lambda line: line.update(values=line["values"] * 2),
    ):
        faults = ledger.faults(change_entry(ledger, 7, change))
        assert "entry 7: it has no commitment for a value of" in faults[0]


def test_a_value_missing_without_an_erasure_on_record_is_counted(ledger: Ledger) -> None:
    faults = ledger.faults(change_entry(ledger, 7, lambda line: line.update(values=[])))
    assert faults == ["at the end: 2 personal values are missing, 1 were erased on record"]


@pytest.mark.parametrize(
    "line", ["null", "[]", "1", "{}", '{"entry":{}}', '{"entry":{},"hash":"","values":[]}', '{"root":1}', ""]
)
def test_a_line_of_no_shape_is_said_to_be_and_the_rest_is_checked(ledger: Ledger, line: str) -> None:
    faults = ledger.faults([*ledger.lines[:4], line, *ledger.lines[4:]])
    assert len(faults) == 1
    assert faults[0].startswith("line 5, where entry 4 is expected: ")


def test_an_unknown_name_in_an_entry_is_refused(ledger: Ledger) -> None:
    faults = ledger.faults(change_entry(ledger, 4, lambda line: line["entry"].update(more=1)))
    assert "the entry must have exactly: body, kind" in faults[0]


@given(data=st.data())
def test_any_single_byte_changed_is_named(ledger: Ledger, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, 14), "entry")
    line = bytearray(f"{ledger.lines[ledger.line_of(seq)]}\n".encode())
    at = data.draw(st.integers(0, len(line) - 2), "place")
    line[at] ^= data.draw(st.integers(1, 255), "bits")
    lines: list[str | bytes] = list(ledger.lines)
    lines[ledger.line_of(seq)] = bytes(line)
    assert names(ledger.faults(lines), seq)


@given(data=st.data())
def test_any_byte_of_a_root_or_the_frame_changed_is_found(ledger: Ledger, data: st.DataObject) -> None:
    lines: list[str | bytes] = list(ledger.lines)
    frame = [i for i, line in enumerate(ledger.lines) if not line.startswith('{"entry"')]
    which = data.draw(st.sampled_from(frame), "line")
    line = bytearray(f"{ledger.lines[which]}\n".encode())
    line[data.draw(st.integers(0, len(line) - 2))] ^= data.draw(st.integers(1, 255))
    lines[which] = bytes(line)
    assert ledger.faults(lines) != []


@pytest.mark.parametrize("seq", range(1, 5))
def test_every_byte_of_an_entry_counts(ledger: Ledger, seq: int) -> None:
    """Each byte, one bit of it turned: all of them, not a sample."""
    at, whole = ledger.line_of(seq), f"{ledger.lines[ledger.line_of(seq)]}\n".encode()
    for place in range(len(whole) - 1):
        damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        lines = [*ledger.lines[:at], damaged, ledger.lines[at + 1]]
        assert names(ledger.faults(lines), seq), (seq, place)


def narrow(ledger: Ledger, *seqs: int) -> list[str]:
    """Return the lines of an export that withholds entries."""
    lines = list(ledger.lines)
    lines[0] = lines[0].replace("export 1", "export 2").replace('"all"', '"none"')
    for i, line in enumerate(lines):
        document = parse_canonical(line)
        if "entry" in document:
            entry, digest = document["entry"], document["hash"]
            place = {"hash": digest, "prev": entry["prev"], "seq": entry["seq"]}
            lines[i] = canonical_json(place if entry["seq"] in seqs else {**document, "values": []})
    return lines


def test_a_withheld_entry_keeps_its_place_in_chain_and_tree(ledger: Ledger) -> None:
    lines = narrow(ledger, 2, 8)
    assert ledger.faults(lines, *ledger.roots) == []
    for name, value in (("hash", "0" * 64), ("prev", "0" * 64), ("seq", 3)):
        changed = list(lines)
        row = next(i for i, line in enumerate(lines) if line.endswith('"seq":2}'))
        changed[row] = canonical_json({**parse_canonical(lines[row]), name: value})
        assert names(ledger.faults(changed), 2), name
    assert ledger.faults([lines[0].replace("export 2", "export 1"), *lines[1:]])
