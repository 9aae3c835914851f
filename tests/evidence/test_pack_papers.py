"""The paper of packs: PDF/A-3 by a checker, the operator's signature behind it, letters shown."""

from __future__ import annotations

import hashlib
import io
import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel

from releve.plugins.evidence.paper import Attachment, Paper, typeset
from releve.plugins.evidence.records import PackError, sign_pack
from tests.local_server import serve_locally


def build_paper(title: str = "Dossier de preuves", **changed: object) -> Paper:
    content = {
        "language": "fr", "title": title, "author": "شركة الدار البيضاء", "year": 2026, "month": 11,
        "day": 30, "facts": [["Pour", "محمد العلوي"]], "page": "page", "attachments": "pack.json",
        "tables": [{"heading": "Chiffres", "columns": ["a", "b", "c"], "rows": [["1", "2", "3"]],
                    "note": "", "wide": 0}],
        "check": {"heading": "Vérifier", "steps": ["1", "2", "3", "4"], "command": "python",
                  "limits": "", "root": [["Racine", "1"]]},
        **changed,
    }  # fmt: skip
    return Paper(content, 1_795_000_000)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return typeset(build_paper(), [Attachment("pack.json", b"{}\n")])


def find_structure_faults(content: bytes) -> list[str]:
    """Return what of PDF/A-3 (ISO 19005-3) a file lacks, as far as pikepdf shows it."""
    faults = []
    with pikepdf.open(io.BytesIO(content)) as found:
        root = found.Root
        with found.open_metadata() as said:
            if said.get("pdfaid:part") != "3" or said.get("pdfaid:conformance") not in ("A", "B"):
                faults.append("XMP does not say PDF/A-3")
        if not any(one.get("/S") == "/GTS_PDFA1" for one in root.get("/OutputIntents", ())):
            faults.append("no output intent")
        named = {str(spec.UF) for spec in root.get("/AF", ())}
        if named != set(found.attachments):
            faults.append("attachments that are no associated files")
        faults += [
            f"{spec.UF} without relationship or type"
            for spec in root.get("/AF", ())
            if "/AFRelationship" not in spec or "/Subtype" not in spec.EF.F
        ]
        for one in found.objects:
            if not isinstance(one, pikepdf.Dictionary):
                continue
            kind = one.get("/Type")
            files = ("/FontFile", "/FontFile2", "/FontFile3")
            if kind == "/FontDescriptor" and not any(name in one for name in files):
                faults.append(f"font {one.FontName} is not embedded")
            if one.get("/S") in ("/JavaScript", "/Launch") or "/Encrypt" in one:
                faults.append(f"{one.get('/S')} is not allowed")
            if kind == "/Annot" and not int(one.get("/F", 0)) & 4:
                faults.append("an annotation that does not print")
    return faults


def test_the_structure_is_that_of_pdf_a_3(pdf: bytes) -> None:
    assert find_structure_faults(pdf) == []
    plain = pikepdf.new()
    plain.add_blank_page()
    out = io.BytesIO()
    plain.save(out)
    assert find_structure_faults(out.getvalue()) == ["XMP does not say PDF/A-3", "no output intent"]


def test_arabic_letters_have_a_font_of_theirs(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as found:
        fonts = {
            str(one.FontName)
            for one in found.objects
            if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/FontDescriptor"
        }
    assert any("Amiri" in name for name in fonts)
    assert not any("DejaVuSans" in name and "Mono" not in name for name in fonts), fonts


def test_a_missing_font_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("releve.plugins.evidence.paper.amiri", type("Font", (), {"ROOT": tmp_path}))
    with pytest.raises(PackError, match="the font of Arabic letters is missing"):
        typeset(build_paper(), [])


def test_the_operators_signature_stands_behind_the_packs_bytes(pdf: bytes, certificate: Path) -> None:
    signed = sign_pack(pdf)
    assert signed.startswith(pdf)
    assert len(signed) > len(pdf)
    assert find_structure_faults(signed) == []
    (signature,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    assert signature.evaluate_signature_coverage() == SignatureCoverageLevel.ENTIRE_FILE


TSA_CONFIG = """
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[str]:
    """A time-stamping authority: openssl behind an address on loopback."""
    (tmp_path / "ts.cnf").write_text(TSA_CONFIG)
    (tmp_path / "serial").write_text("01\n")
    openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key",
        "-out", "tsa.pem", "-days", "2", "-subj", "/CN=Authority",
        "-addext", "extendedKeyUsage=critical,timeStamping",
    )  # fmt: skip

    class Authority(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (tmp_path / "query").write_bytes(query)
            openssl(tmp_path, "ts", "-reply", "-config", "ts.cnf", "-section", "tsa",
                    "-queryfile", "query", "-out", "reply")  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((tmp_path / "reply").read_bytes())

    with serve_locally(Authority) as address:
        yield f"http://{address}"


def openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_time_stamp_of_an_authority_is_verified_by_openssl(
    pdf: bytes, certificate: Path, authority: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_PACK_TIMESTAMP", authority)
    signed = sign_pack(pdf)
    assert signed.startswith(pdf)
    (signature,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    signer = signature.signer_info
    (token,) = next(
        one["values"] for one in signer["unsigned_attrs"] if one["type"].native == "signature_time_stamp_token"
    )
    (tmp_path / "token").write_bytes(token.dump())
    digest = hashlib.sha256(signer["signature"].native).hexdigest()
    openssl(tmp_path, "ts", "-verify", "-digest", digest, "-in", "token", "-token_in", "-CAfile", "tsa.pem")


def test_an_authority_that_is_away_is_named(pdf: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        away = f"http://127.0.0.1:{bound.getsockname()[1]}"
        monkeypatch.setenv("RELEVE_PACK_TIMESTAMP", away)
        with pytest.raises(PackError, match="RELEVE_PACK_TIMESTAMP: the authority at http"):
            sign_pack(pdf)


def test_a_certificate_that_does_not_open_is_named(
    pdf: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_PACK_PASSWORD", "wrong")
    with pytest.raises(PackError, match="RELEVE_PACK_CERTIFICATE"):
        sign_pack(pdf)


def test_without_a_certificate_a_pack_stays_as_it_is(pdf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELEVE_PACK_CERTIFICATE", raising=False)
    assert sign_pack(pdf) is pdf
