"""A small ledger, made once and rolled back: its export, roots, a proof, and how to check them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID
from django.db import transaction
from django.test import override_settings
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger.chain import append_all
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import prove_entry, prove_growth
from releve.ledger.erasure import erase_subject
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.roots import SignedRoot, sign_root
from releve.ledger.verify import Export, Keys, check_root, read_line
from releve.registry import storage
from tests.homes import make_test_home
from tests.ledger.conftest import KEY
from tests.ledger.sample_entries import at, draft_case, draft_closure


@dataclass(frozen=True)
class Ledger:
    """Twelve entries under two roots and two after them; a person's values erased."""

    lines: tuple[str, ...]
    roots: tuple[SignedRoot, ...]
    key: str
    proof: dict[str, Any]
    growth: dict[str, Any]

    def faults(self, lines: Sequence[str | bytes], *outside: SignedRoot) -> list[str]:
        """Return what the verifier says of lines, given roots from outside."""
        given = [check_root(read_line(root.text.encode()), Keys([self.key])) for root in outside]
        export = Export(Keys([self.key]), given)
        export.read(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines)
        return export.faults

    def line_of(self, seq: int) -> int:
        """Return the index of the line of an entry."""
        return next(i for i, line in enumerate(self.lines) if f'"seq":{seq},' in line)

    def but(self, **changed: Any) -> Ledger:
        return replace(self, **changed)


@pytest.fixture(scope="session")
def ledger(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Ledger]:
    with django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY):
        with transaction.atomic():
            made = _make()
            transaction.set_rollback(True)
        yield made


def _make() -> Ledger:
    append_all([draft_case(n) if n % 3 == 2 else draft_closure(n) for n in range(1, 6)])
    first = sign_root(at(100))
    append_all([draft_case(n) for n in range(6, 10)])
    erase_subject("agent-8", now=at(150))
    append_all([draft_closure(11), draft_closure(12, stream="drill:1")])
    second = sign_root(at(200))
    append_all([draft_case(13), draft_closure(14)])
    return Ledger(
        lines=tuple(export_lines(values=True)),
        roots=(first, second),
        key=public_key(),
        proof=prove_entry(7, second, disclose=["agent"]),
        growth=prove_growth(first, second),
    )


@pytest.fixture
def written(ledger: Ledger, tmp_path: Path) -> Path:
    """A folder with every document of the ledger."""
    texts = {
        "export.jsonl": "\n".join(ledger.lines),
        "proof.json": canonical_json(ledger.proof),
        "growth.json": canonical_json(ledger.growth),
        "key.txt": ledger.key,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    for root in ledger.roots:
        (tmp_path / root.file_name).write_text(root.text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def certificate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The operator's certificate, set for packs; the password is "secret"."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Atlas Contact")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "operator.p12"
    locked = BestAvailableEncryption(b"secret")
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"o", key, made, None, locked))
    monkeypatch.setenv("RELEVE_PACK_CERTIFICATE", str(path))
    monkeypatch.setenv("RELEVE_PACK_PASSWORD", "secret")
    return path


@pytest.fixture
def own_house(settings: Settings, tmp_path: Any) -> Iterator[None]:
    settings.HOME, settings.LEDGER_KEY = make_test_home(tmp_path), KEY
    storage.clear_cache()
    yield
    storage.clear_cache()
