"""Packs against forgery: the bytes as issued and no others are verified; earlier roots are too."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.test import override_settings
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger import verify
from releve.ledger.chain import append_all
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import prove_growth
from releve.ledger.keys import public_key
from releve.ledger.roots import build_checkpoint, iter_roots, read_origin
from releve.ledger.seal import seal_ledger
from releve.plugins.evidence.pack import build_pack, write_note
from releve.plugins.evidence.sources import PackRequest
from releve.registry import storage
from tests.evidence.forgeries import APPENDED, DRAWN, REWRITTEN
from tests.evidence.pack_house import FIRST, LAST, SEALED, SITE, fill_house, record_event
from tests.ledger.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.database]
KINDS = ("client", "inspection", "audit", "association")
OTHER_KEY = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
OWN = 3
"""The root that the packs stand under: two were signed before it, one after."""


@dataclass(frozen=True)
class Issued:
    """Packs with their notes, the roots of their ledger, and the growth from their own root."""

    packs: dict[str, tuple[bytes, str]]
    roots: dict[int, str]
    growth: dict[int, str]
    checkpoint: str
    origin: str
    key: str

    @property
    def pdf(self) -> bytes:
        return self.packs["client"][0]

    @property
    def note(self) -> str:
        return self.packs["client"][1]

    def sign(self, text: str, secret: str = KEY) -> str:
        """Return a text as a note that the holder of a key signs."""
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        public = b"\x01" + key.public_key().public_bytes_raw()
        head = hashlib.sha256(self.origin.encode() + b"\n" + public).digest()[:4]
        blob = base64.b64encode(head + key.sign(text.encode())).decode()
        return f"{text}\n— {self.origin} {blob}\n"

    @property
    def text(self) -> str:
        """What the note of the client's pack says, without its signature."""
        return self.note.partition("\n\n")[0] + "\n"


@pytest.fixture(scope="module")
def issued(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Issued]:
    storage.clear_cache()
    with django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY), transaction.atomic():
        for day in (1, 3):
            seal_after("power.down", datetime(2026, 11, day, 6, tzinfo=UTC))
        operator, _root = fill_house()
        seal_after("power.up", SEALED + timedelta(hours=1))
        recipients = {"client": operator.clients[0].id, "inspection": SITE}
        built = {kind: build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST, root=OWN)) for kind in KINDS}
        roots = {root.number: root for root in iter_roots()}
        made = Issued(
            packs={kind: (one.pdf, write_note(one, one.pdf)) for kind, one in built.items()},
            roots={number: root.text for number, root in roots.items()},
            growth={
                number: canonical_json(prove_growth(*pair))
                for number, root in roots.items()
                for pair in [(root, roots[OWN]) if number < OWN else (roots[OWN], root)]
            },
            checkpoint=build_checkpoint(roots[OWN]),
            origin=read_origin(),
            key=public_key(),
        )
        transaction.set_rollback(True)
    yield made
    storage.clear_cache()


def seal_after(kind: str, at: datetime) -> None:
    append_all([record_event(kind, at.isoformat(), site=SITE)])
    seal_ledger(at)


@dataclass(frozen=True)
class Verdict:
    status: int
    out: str
    error: str


@pytest.fixture
def check(issued: Issued, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Verdict]:
    """Run the verifier over a PDF and a note, as their reader does."""

    def run(pdf: bytes, note: str | None = None, *more: str) -> Verdict:
        (tmp_path / "pack.pdf").write_bytes(pdf)
        if note != "":
            (tmp_path / "pack.pdf.note").write_text(note or issued.note, encoding="utf-8")
        status = verify.main([str(tmp_path / "pack.pdf"), "--key", issued.key, *more])
        return Verdict(status, *capsys.readouterr())

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_pack_is_verified_as_issued(kind: str, issued: Issued, check: Callable[..., Verdict]) -> None:
    pdf, note = issued.packs[kind]
    done = check(pdf, note)
    assert (done.status, done.error) == (0, ""), done.out
    assert done.out.startswith(f"VERIFIED releve-{kind}-")
    assert f"as issued, {len(pdf)} bytes, SHA-256 {hashlib.sha256(pdf).hexdigest()}" in done.out
    assert check(pdf, note.replace("\n", "\r\n")).status == 0, "mail may change the ends of lines"


@pytest.mark.parametrize("forgery", REWRITTEN)
def test_another_file_is_not_the_one_that_was_issued(
    forgery: str, issued: Issued, check: Callable[..., Verdict]
) -> None:
    forged = REWRITTEN[forgery](issued.pdf)
    done = check(forged)
    assert done.status == 1
    assert done.out.startswith("FAULT it is not the file that was issued as 'releve-client-")
    assert f"this has {len(forged)} bytes" in done.out
    assert done.out.endswith("NOT VERIFIED, faults: 1\n")


@pytest.mark.parametrize("forgery", APPENDED)
def test_bytes_behind_those_issued_are_counted_and_never_verified(
    forgery: str, issued: Issued, check: Callable[..., Verdict], tmp_path: Path
) -> None:
    forged = APPENDED[forgery](issued.pdf)
    assert forged.startswith(issued.pdf), "else it belongs to the other table"
    done = check(forged, None, "--issued", str(tmp_path / "issued.pdf"))
    assert done.status == 3
    added = len(forged) - len(issued.pdf)
    expected = f"NOT THE FILE AS ISSUED: its bytes, then {added} bytes that are not ours."
    assert done.out.startswith(expected)
    assert "VERIFIED" not in done.out
    assert (tmp_path / "issued.pdf").read_bytes() == issued.pdf, "the pages as issued"


def test_the_two_forgeries_of_the_pages_show_what_was_not_issued(issued: Issued) -> None:
    """Else the tables above would prove nothing of them."""
    shadow = REWRITTEN["a shadow of page 1's content, typed as metadata"](issued.pdf)
    with pikepdf.open(io.BytesIO(shadow)) as opened:
        assert opened.pages[0].obj.Contents.read_bytes() == DRAWN
    stamped = APPENDED["a stamp over page 1 under a ByteRange that no key signed"](issued.pdf)
    with pikepdf.open(io.BytesIO(stamped)) as opened:
        (stamp,) = opened.pages[0].obj.Annots
        assert stamp.AP.N.read_bytes() == DRAWN
        spans = [one.ByteRange for one in opened.objects if isinstance(one, pikepdf.Dictionary) and "/ByteRange" in one]
    assert [int(spans[0][2]) + int(spans[0][3]) for _ in spans] == [len(stamped)]


def change_length(by: int) -> Callable[[Issued], str]:
    return lambda one: one.note.replace(f"  {len(one.pdf)}  ", f"  {len(one.pdf) + by}  ")


def sign_rows(change: Callable[[list[str]], list[str]]) -> Callable[[Issued], str]:
    """Return a note whose rows the operator itself changed and signed."""

    def write(one: Issued) -> str:
        first, *rows = one.text.splitlines()
        return one.sign("".join(f"{row}\n" for row in (first, *change(rows))))

    return write


def sign_raw(text: str, secret: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(text.encode())


def forge_signature(one: Issued, change: Callable[[bytes, bytes], bytes]) -> str:
    """Return the note with another blob: ``change`` takes its four bytes and its signature."""
    said, _, encoded = one.note.rstrip().rpartition(" ")
    blob = base64.b64decode(encoded)
    return f"{said} {base64.b64encode(change(blob[:4], blob[4:])).decode()}\n"


UNSIGNED = "its note is not signed by the key given"
FORM = "it is not the note of a pack"
NOT_ISSUED = "it is not the file that was issued as"
NOTES: dict[str, tuple[Callable[[Issued], str], str]] = {
    "of another pack": (lambda one: one.packs["audit"][1], NOT_ISSUED),
    "of another house": (lambda one: one.sign(one.text, OTHER_KEY), UNSIGNED),
    "of another house under this one's signature": (
        lambda one: one.note.partition("— ")[0] + "— " + one.packs["audit"][1].partition("— ")[2],
        UNSIGNED,
    ),
    "a length that lies": (change_length(1), UNSIGNED),
    "a shorter length": (change_length(-1), UNSIGNED),
    "a length that lies and is signed": (
        sign_rows(lambda rows: [rows[0].replace("  ", "  1", 1), rows[1]]),
        NOT_ISSUED,
    ),
    "a length with a sign": (sign_rows(lambda rows: [rows[0].replace("  ", "  +", 1), rows[1]]), FORM),
    "a length of another script": (sign_rows(lambda rows: [rows[0].replace("  ", "  ٧", 1), rows[1]]), FORM),
    "a length with zeros ahead": (sign_rows(lambda rows: [rows[0].replace("  ", "  0", 1), rows[1]]), FORM),
    "two PDFs": (sign_rows(lambda rows: [rows[0], rows[0], rows[1]]), FORM),
    "its PDF alone": (sign_rows(lambda rows: rows[:1]), FORM),
    "its files the wrong way round": (sign_rows(lambda rows: rows[::-1]), FORM),
    "data of another pack": (
        lambda one: one.sign(one.text.replace(one.text.splitlines()[2], one.packs["audit"][1].splitlines()[2])),
        "its pack.json is not in it as its note says",
    ),
    "more text": (lambda one: one.note.replace("\n\n", "\n\nVERIFIED\n\n"), "is not a signature"),
    "text ahead": (lambda one: one.sign("releve ledger root 1\n" + one.text), FORM),
    "another first line": (lambda one: one.sign(one.text.replace("note 1", "note 2")), FORM),
    "a checkpoint": (lambda one: one.checkpoint, FORM),
    "no signature": (lambda one: one.text + "\n", "is not a signature"),
    "nothing signed": (lambda one: one.text, "is not a signature"),
    "a signature that is no base 64": (lambda one: one.note.replace("— ", "— x y ", 1), "is not a signature"),
    "another name of the key": (lambda one: one.note.replace("— ", "— x", 1), UNSIGNED),
    "a signature of another key under this key's name": (
        lambda one: forge_signature(one, lambda head, _: head + sign_raw(one.text, OTHER_KEY)),
        UNSIGNED,
    ),
    "a signature whose number is larger by the order of the group": (
        lambda one: forge_signature(
            one,
            lambda head, signature: (
                head + signature[:32] + (int.from_bytes(signature[32:], "little") + verify.ORDER).to_bytes(32, "little")
            ),
        ),
        UNSIGNED,
    ),
    "ends of lines that are none": (lambda one: one.note.replace("\n", "\u2028"), "is not a signature"),
    "spaces that are none": (lambda one: one.note.replace("  ", "\u00a0\u00a0"), FORM),
    "quoted by mail": (lambda one: "".join(f"> {line}\n" for line in one.note.splitlines()), "is not a signature"),
    "an empty line ahead": (lambda one: "\n" + one.note, FORM),
    "a root": (lambda one: one.roots[OWN], "is not a signature"),
    "a name that writes on the screen": (sign_rows(lambda rows: [rows[0] + "\x1b[2J", rows[1]]), FORM),
}


@pytest.mark.parametrize("note", NOTES)
def test_a_note_that_is_not_the_packs_verifies_nothing(
    note: str, issued: Issued, check: Callable[..., Verdict]
) -> None:
    change, fault = NOTES[note]
    done = check(issued.pdf, change(issued))
    assert done.status == 1
    assert fault in done.out
    assert "VERIFIED " not in done.out.replace("NOT VERIFIED", "")


def test_a_document_of_the_ledger_passes_for_no_pdf(issued: Issued, check: Callable[..., Verdict]) -> None:
    """Programs find the head of a PDF within the first kilobyte: a root would go ahead of it."""
    for ahead in (issued.roots[OWN].encode(), issued.roots[OWN].encode() + issued.pdf):
        done = check(ahead)
        assert done.status == 1
        assert done.out.startswith("FAULT it does not begin as a PDF does")


def test_a_pack_without_its_note_is_not_judged(issued: Issued, check: Callable[..., Verdict], tmp_path: Path) -> None:
    done = check(issued.pdf, "")
    assert (done.status, done.out) == (2, "")
    assert "there is no note beside" in done.error
    (tmp_path / "kept").write_text(issued.note, encoding="utf-8")
    assert check(issued.pdf, "", "--note", str(tmp_path / "kept")).status == 0
    (tmp_path / "kept").write_bytes(b"\xef\xbb\xbf" + issued.note.encode())
    assert check(issued.pdf, "", "--note", str(tmp_path / "kept")).status == 0, "of an editor"
    (tmp_path / "kept").write_bytes(b"\xff" + issued.note.encode())
    assert check(issued.pdf, "", "--note", str(tmp_path / "kept")).status == 1
    assert check(b"PK\x03\x04").status == 2


def test_a_note_passes_for_no_checkpoint(issued: Issued) -> None:
    root = json.loads(issued.roots[OWN])["root"]
    for note in (issued.note, issued.sign(f"{verify.PACK_NOTE}\n{root['size']}\n")):
        with pytest.raises(verify.VerifyError, match="the checkpoint is not that of root"):
            verify.check_checkpoint(note, root, verify.Keys([issued.key]))


@pytest.mark.parametrize("python", ["3.9", "3.11", "3.13"])
def test_packs_are_verified_by_a_bare_python(python: str, issued: Issued, tmp_path: Path) -> None:
    found = shutil.which(f"python{python}")
    if found is None or subprocess.run([found, "-V"], capture_output=True).returncode:
        pytest.skip(f"no Python {python} here; the test of imports holds the syntax of 3.9")
    for kind, (pdf, note) in issued.packs.items():
        path, detached = tmp_path / f"{kind}.pdf", tmp_path / f"{kind}.json"
        path.write_bytes(pdf)
        Path(f"{path}.note").write_text(note, encoding="utf-8")
        with pikepdf.open(path) as opened:
            detached.write_bytes(opened.attachments["pack.json"].get_file().read_bytes())
        roots = [tmp_path / f"{number}.json" for number in range(1, OWN + 1)]
        for number, root in enumerate(roots, 1):
            root.write_text(issued.roots[number])
        for file, expected in ((path, "VÉRIFIÉ releve-"), (detached, "VÉRIFIÉ pack.json tel")):
            line = [found, "-I", "-S", verify.__file__, str(file), "--key", issued.key]
            line += ["--lang", "fr", "--note", f"{path}.note"]
            line += [word for root in roots for word in ("--root", str(root))]
            done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
            assert (done.returncode, done.stderr) == (0, ""), done.stdout
            assert done.stdout.startswith(expected)
            assert done.stdout.count("n’a pas été réécrit depuis") == OWN


def give(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_any_root_up_to_the_packs_own_verifies(issued: Issued, check: Callable[..., Verdict], tmp_path: Path) -> None:
    for number in range(1, OWN + 1):
        root = give(tmp_path, "root.json", issued.roots[number])
        done = check(issued.pdf, None, "--root", root)
        assert (done.status, done.error) == (0, ""), done.out
        expected = f"root {number} from outside: the history under it was not rewritten since"
        assert expected in done.out


def test_a_later_root_takes_the_proof_of_growth_that_the_sentence_names(
    issued: Issued, check: Callable[..., Verdict], tmp_path: Path
) -> None:
    later = ("--root", give(tmp_path, "root.json", issued.roots[OWN + 1]))
    done = check(issued.pdf, None, *later)
    assert (done.status, done.out) == (2, ""), "no alarm, and no verdict"
    assert f"releve ledger growth {OWN} {OWN + 1} --out growth.json" in done.error
    french = check(issued.pdf, None, *later, "--lang", "fr")
    assert "demandez-la au prestataire" in french.error
    for number, status in ((OWN + 1, 0), (1, 2)):
        growth = give(tmp_path, "growth.json", issued.growth[number] + "\n")
        done = check(issued.pdf, None, *later, "--growth", growth)
        assert done.status == status, (number, done)
    assert check(REWRITTEN["the last byte"](issued.pdf), None, *later).status == 1


def test_a_root_of_another_history_is_a_fault(issued: Issued, check: Callable[..., Verdict], tmp_path: Path) -> None:
    """As the holder of the key would have signed it over entries that were rewritten since."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEY))
    for number in range(1, OWN + 1):
        for change in ({"tree": "1" * 64}, {"size": 50 + number}):
            root = json.loads(issued.roots[number])["root"] | change
            signed = {"root": root, "signature": key.sign(verify.signed_bytes(root)).hex()}
            given = give(tmp_path, "root.json", canonical_json(signed) + "\n")
            done = check(issued.pdf, None, "--root", given)
            assert done.status == 1, done.out
            assert f"root {number} from outside is another: the history was rewritten" in done.out


HISTORIES: dict[str, Callable[[list[Any]], object]] = {
    "a root left out": lambda history: history.pop(0),
    "a root too many": lambda history: history.append({"nodes": [], "size": 30}),
    "another size": lambda history: history[0].update(size=1),
    "a node changed": lambda history: history[0]["nodes"].__setitem__(0, "1" * 64),
    "a node left out": lambda history: history[-1]["nodes"].pop(),
    "a node too many": lambda history: history[-1]["nodes"].append("1" * 64),
    "no root": lambda history: history.clear(),
    "something else": lambda history: history.append("1" * 64),
}


@pytest.mark.parametrize("change", HISTORIES)
def test_a_history_that_does_not_lead_to_the_root_is_a_fault(change: str, issued: Issued) -> None:
    text, _lines, _pdf, data = verify.read_pack_note(issued.note)
    pack = verify.read_line(verify.find_packed(issued.pdf)[data.sha256])
    HISTORIES[change](pack["history"])
    faults, _summary, _added = verify.check_pack(pack, verify.Keys([issued.key]), [], None, "en")
    assert len(faults) == 1
    assert "history" in faults[0], text


def read_pack(one: Issued, kind: str = "client") -> tuple[Any, Mapping[str, bytes]]:
    """Return what a pack says, and the files packed in its PDF."""
    pdf, note = one.packs[kind]
    packed = verify.find_packed(pdf)
    return verify.read_line(packed[verify.read_pack_note(note)[3].sha256]), packed


def find_said(pack: Any, name: str) -> Any:
    return next(said for said in pack["statements"] if said["id"] == name)


def read_drill(pack: Any) -> None:
    """A drill's entry needs no proof here: that it is of a drill is a fault of its own."""
    pack["entries"][0]["entry"]["stream"] = "drill:1"


BENT: dict[str, tuple[Callable[[Any], object], str]] = {
    "a shorter period": (lambda pack: pack.update(end="2026-11-20T00:00:00Z"),
                         "in no time zone are these the days '2026-11-16' to '2026-11-29'"),
    "a later start": (lambda pack: pack.update(start="2026-11-23T00:00:00Z"),
                      "in no time zone are these the days"),
    "a selection of no site": (lambda pack: pack["selections"][0].update(sites=[]),
                               "a selection is not of what the pack is for"),
    "a selection of another client": (lambda pack: pack["selections"][1].update(client="another"),
                                      "a selection is not of what the pack is for"),
    "an entry of a drill": (read_drill, "it is of the stream 'drill:1', and not live"),
    "entries in another order": (lambda pack: pack["entries"].reverse(),
                                 "the entries do not stand in the order of the ledger"),
    "an entry counted twice": (lambda pack: find_said(pack, "closures").update(
        kinds=[], of=2 * find_said(pack, "closures")["of"], value=2), "it counts an entry twice"),
    "a figure of a document that is none": (
        lambda pack: pack["statements"][0].update(document="terms.json", value=0.99),
        "the document that it is read from, 'terms.json', is missing"),
    "a figure of a document that is not JSON": (
        lambda pack: [pack["documents"][0].update(name="terms.txt"),
                      pack["statements"][0].update(document="terms.txt", value=0.99)],
        "the document that it is read from, 'terms.txt', is missing"),
    "two documents of one name": (
        lambda pack: pack["documents"].append({**pack["documents"][1], "name": "programmes.json"}),
        "document 'programmes.json': two have this name"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", BENT)
def test_what_the_holder_of_the_key_bends_is_a_fault(forgery: str, issued: Issued) -> None:
    pack, packed = read_pack(issued)
    change, expected = BENT[forgery]
    assert verify.check_pack(pack, verify.Keys([issued.key]), [], packed, "en").faults == []
    change(pack)
    faults = verify.check_pack(pack, verify.Keys([issued.key]), [], packed, "en").faults
    assert any(expected in fault for fault in faults), faults


def test_an_inspections_selection_is_of_its_site(issued: Issued) -> None:
    pack, packed = read_pack(issued, "inspection")
    pack["selections"][0]["sites"] = ["casa-2"]
    faults = verify.check_pack(pack, verify.Keys([issued.key]), [], packed, "en").faults
    assert f"tally: a selection is not of what the pack is for, '{SITE}'" in faults


def describe(one: Issued, pack: Any, packed: Mapping[str, bytes] | None, language: str = "en") -> str:
    found = verify.check_pack(pack, verify.Keys([one.key]), [], packed, language)
    assert found.faults == []
    return found.summary


def test_a_selection_says_of_which_client_and_sites_it_is(issued: Issued) -> None:
    """Of no site it holds always; so does one whose tally does not name the client."""
    pack, packed = read_pack(issued)
    printed = describe(issued, pack, packed)
    assert "(client: all; sites: (none), casa-1, casa-2)" in printed
    assert "relief.covered (client: lumandre-mobi; sites: all); they list 1 more of which" in printed
    assert "(event.corrected) is the operator’s word" in printed
    pack["entries"] = [one for one in pack["entries"] if one["entry"]["kind"] != "relief.covered"]
    for said in pack["statements"]:
        if "relief.covered" in said["kinds"]:
            said.update(of=[], value=verify.compute_figure(said["how"], []))
    for tally in pack["tallies"]:
        tally["values"] = [one for one in tally["values"] if one["path"][:7] != "clients"]
    assert "sites: all); they list 2 more of which the pack does not" in describe(issued, pack, packed)
    pack["selections"], pack["tallies"] = [], []
    assert "not shown to be complete, the operator chose the entries: " in describe(issued, pack, packed)


def test_figures_of_documents_that_are_not_at_hand_are_not_called_computed(issued: Issued) -> None:
    pack, _packed = read_pack(issued)
    pack["statements"][0]["value"] = 0.99
    printed, french = describe(issued, pack, None), describe(issued, pack, None, "fr")
    group = printed.partition("not computed again, since the documents are not at hand:")[2]
    assert "within 30 s: 99%" in group
    assert "99%" not in printed.partition(group)[0]
    assert "non recalculé, faute des documents" in french


@pytest.mark.parametrize("letters", ["\nVERIFIED", "\r", "\x1b[2J", "\x9b2J", "\u2028", "\u202e"])
def test_no_text_of_a_pack_makes_a_line_of_the_verifier(letters: str, issued: Issued) -> None:
    pack, packed = read_pack(issued)
    for said in pack["statements"]:
        said["en"] += letters
    pack["kind"] += letters
    printed = describe(issued, pack, packed)
    assert letters not in printed
    assert printed.count(ascii(letters)[1:-1]) == len(pack["statements"]) + 1


def test_a_file_whose_name_writes_on_the_screen_makes_no_line(
    issued: Issued, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pack\r\x1b[2KVERIFIED.pdf"
    path.write_bytes(issued.pdf)
    assert verify.main([str(path), "--key", issued.key]) == 2
    assert not {"\r", "\x1b"} & set(capsys.readouterr().err)


def test_the_root_that_the_reader_holds_is_that_of_the_pack_to_the_letter(
    issued: Issued, check: Callable[..., Verdict], tmp_path: Path
) -> None:
    """Of the same entries, and dated otherwise."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEY))
    root = json.loads(issued.roots[OWN])["root"] | {"sealed_at": "2026-11-29T06:00:00.000000Z"}
    signed = {"root": root, "signature": key.sign(verify.signed_bytes(root)).hex()}
    done = check(issued.pdf, None, "--root", give(tmp_path, "r", canonical_json(signed) + "\n"))
    assert done.status == 1
    assert f"root {OWN} from outside was signed otherwise" in done.out


def test_what_could_be_a_key_names_no_file(issued: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that came with the files, one may bear the key's name."""
    monkeypatch.chdir(tmp_path)
    for given in (issued.key.upper(), issued.key[:-1], f" {issued.key}"):
        give(tmp_path, given, "0" * 64)
    assert verify.read_key(issued.key.upper()) == verify.read_key(f" {issued.key}") == issued.key
    with pytest.raises(ValueError, match="holds no public key"):
        verify.read_key(issued.key[:-1])


def test_the_bytes_given_out_as_issued_are_those_that_were_checked(
    issued: Issued, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe, or a folder of others, gives something else when it is read again."""
    pipe, note, out = (tmp_path / name for name in ("pipe", "note", "issued.pdf"))
    os.mkfifo(pipe)
    note.write_text(issued.note, encoding="utf-8")
    writer = threading.Thread(target=pipe.write_bytes, args=(issued.pdf + b"stamp",))
    writer.start()
    command = [sys.executable, verify.__file__, str(pipe), "--key", issued.key]
    command += ["--note", str(note), "--issued", str(out)]
    assert subprocess.run(command, capture_output=True, timeout=20).returncode == 3
    writer.join()
    assert out.read_bytes() == issued.pdf
    root = give(tmp_path, "root.json", issued.roots[OWN])
    assert verify.main([root, "--key", issued.key, "--issued", str(tmp_path / "other")]) == 2
    assert "--issued takes the PDF of a pack" in capsys.readouterr().err


def test_a_note_with_very_many_signatures_is_not_computed(issued: Issued, check: Callable[..., Verdict]) -> None:
    line = issued.note.splitlines()[-1]
    done = check(issued.pdf, issued.note + f"{line}\n" * 100)
    assert (done.status, done.out.splitlines()[0]) == (1, "FAULT the note has more than 100 signatures")


def test_an_entry_dated_before_a_root_that_does_not_hold_it_is_counted(
    issued: Issued, check: Callable[..., Verdict], tmp_path: Path
) -> None:
    """Late entries that the operator dates back: a root of another day shows when they were not."""
    root = give(tmp_path, "root.json", issued.roots[2])
    for language, words in (("en", "dated back, or by a clock"), ("fr", "antidatées, ou d’une")):
        assert words not in check(*issued.packs["client"], "--root", root, "--lang", language).out
        done = check(*issued.packs["inspection"], "--root", root, "--lang", language)
        assert done.status == 0
        assert words in done.out, "the authorisation of the 2nd stands after the root of the 3rd"


def test_an_export_of_other_values_than_its_shape_is_a_fault(
    issued: Issued, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    salt = "0" * 64
    body = {"after": 0, "clients": {}, "sites": {}, "counts": {"x": {"commitment": verify.commitment(5, salt)}}}
    entry = {"body": body, "kind": "ledger.tallied", "nonce": "", "prev": salt, "seq": 1,
             "recorded_at": "", "stream": "live"}  # fmt: skip
    values = [{"path": "counts.x", "salt": salt, "value": 5}]
    record = {"entry": entry, "hash": verify.entry_hash(entry), "values": values}
    first = {"format": verify.EXPORT, "values": "all"}
    text = "".join(f"{canonical_json(line)}\n" for line in (first, record))
    assert verify.main([give(tmp_path, "export.jsonl", text), "--key", issued.key]) == 1
    assert "it is not formed as a line of an export is (TypeError)" in capsys.readouterr().out


FILES: dict[str, tuple[bytes, str]] = {
    "nested deeply": (b"[" * 200_000 + b"]" * 200_000, "cannot be read as JSON (RecursionError)"),
    "a number of a million digits": (b"9" * 1_000_000, "cannot be read as JSON (ValueError)"),
    "a number that is not finite": (b"1e999", "a number is not finite"),
    "a name twice": (b'{"format":"releve pack 3","format":"releve pack 3"}', "the one canonical"),
    "half a letter": (b'{"format":"\\ud800"}', "cannot be read as JSON (UnicodeEncodeError)"),
    "a pack of nothing": (b'{"format":"releve pack 3"}', NOT_ISSUED),
}


@pytest.mark.parametrize("file", FILES)
def test_a_document_that_no_pack_holds_is_a_fault(
    file: str, issued: Issued, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, fault = FILES[file]
    path = tmp_path / "pack.json"
    path.write_bytes(data + b"\n")
    given = ["--key", issued.key, "--note", give(tmp_path, "note", issued.note)]
    assert verify.main([str(path), *given]) == 1
    assert fault in capsys.readouterr().out


def test_a_signature_set_later_by_pyhanko_is_bytes_that_are_not_ours(
    issued: Issued, check: Callable[..., Verdict], certificate: Path, tmp_path: Path
) -> None:
    signer = signers.SimpleSigner.load_pkcs12(str(certificate), passphrase=b"secret")
    assert signer is not None
    meta = signers.PdfSignatureMetadata(field_name="Reader")
    writer = IncrementalPdfFileWriter(io.BytesIO(issued.pdf))
    signed = signers.sign_pdf(writer, meta, signer=signer).getvalue()
    done = check(signed, None, "--issued", str(tmp_path / "issued.pdf"))
    assert done.status == 3
    added = len(signed) - len(issued.pdf)
    assert done.out.startswith(f"NOT THE FILE AS ISSUED: its bytes, then {added} bytes that are not ours.")
    assert (tmp_path / "issued.pdf").read_bytes() == issued.pdf
