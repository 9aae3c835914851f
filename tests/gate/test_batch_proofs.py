"""Facts under roots in the ledger: each proved alone, none twice, whatever the order of loads."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from releve.ledger import verify
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot, sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Withdrawal as Taken
from releve.plugins.outbound.gate import proofs
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import ConsentRow, FactBatch, Load, MandateRow, WithdrawalRow
from releve.plugins.outbound.gate.proofs import FactProver, seal_facts, serialize_fact
from tests.gate.sample_campaign import CLIENT, build_consent, record_people

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def holds(proof: dict[str, object]) -> bool:
    """Return whether a proof holds, by the verifier that stands alone."""
    verify.check_proof(proof["entry"], verify.Keys([verify.read_key(public_key())]), [])
    row = hashlib.sha256(b"releve gate row 1\n" + str(proof["text"]).encode()).hexdigest()
    root = proof["entry"]["entry"]["body"]["root"]
    return verify.is_included(row, proof["place"] + 1, proof["size"], proof["path"], root)


def withdrawn(person: int) -> None:
    now = read_clock()
    load_facts([Taken(CLIENT, f"P{person}", now, now)], source="tests", by="tests")


def sealed_now() -> SignedRoot:
    seal_facts(timezone.now())
    return sign_root(timezone.now())


def test_every_fact_is_proved_alone_and_once() -> None:
    record_people(range(7))
    withdrawn(0)
    root = sealed_now()
    assert seal_facts(timezone.now()) == 0
    prover = FactProver(root)
    for model in (ConsentRow, WithdrawalRow, MandateRow):
        for row in model.objects.all():
            proof = prover.proof(row)
            assert proof is not None
            assert holds(dict(proof))
            assert json.loads(proof["text"])["id"] == row.pk
    assert LedgerEntry.objects.filter(kind=proofs.FACTS_KIND, body__contains="gate_consent").count() == 1


def test_what_comes_later_comes_into_later_trees_also_within_one_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "MAX_BATCH_ROWS", 3)
    record_people(range(7))
    early = sealed_now()
    assert [b.rows for b in FactBatch.objects.filter(table="gate_consent")] == [3, 3, 1]
    load_facts([build_consent(8, read_clock() - timedelta(days=1))], source="tests", by="tests")
    later = ConsentRow.objects.order_by("pk").last()
    assert later is not None
    assert FactProver(early).proof(later) is None
    root = sealed_now()
    assert all(holds(dict(FactProver(root).proof(row) or {})) for row in ConsentRow.objects.all())
    assert FactProver(early).proof(later) is None


def test_a_load_that_is_not_closed_is_not_proved() -> None:
    record_people(range(1))
    load = Load.objects.create(source="killed", by="tests", opened_at=read_clock())
    first = ConsentRow.objects.get()
    first.pk, first.load = None, load
    first.save()
    assert seal_facts(timezone.now()) > 0
    assert [b.rows for b in FactBatch.objects.filter(table="gate_consent")] == [1]


def test_a_fact_that_was_changed_has_no_proof_and_one_that_was_erased_spoils_no_other() -> None:
    record_people(range(3))
    root = sealed_now()
    changed, gone, kept = ConsentRow.objects.order_by("pk")
    changed.wording = "other words"
    assert FactProver(root).proof(changed) is None
    gone.delete()
    proof = FactProver(root).proof(kept)
    assert proof is not None
    assert holds(dict(proof))


def test_the_text_of_a_fact_holds_pseudonyms_and_when_it_was_known() -> None:
    record_people(range(1))
    columns = json.loads(serialize_fact(ConsentRow.objects.get()))
    assert columns["ref"] == "C0"
    assert columns["recorded_at"] == columns["known_at"]
    assert "P0" not in columns["person"]
    assert {"digest", "erase_on"}.isdisjoint(columns)
