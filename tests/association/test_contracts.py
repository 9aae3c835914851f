"""Contracts between two ledgers: each step in both, signed by one, countersigned by the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.ledger.chain import iter_entries
from releve.ledger.keys import public_hex
from releve.network import sample_operator
from releve.plugins.sector.association import contracts
from releve.plugins.sector.association.contract_exchange import list_signed_steps, may_lend_agents, summarise_contract
from releve.plugins.sector.association.contract_text import compose_contract, typeset_contract
from releve.plugins.sector.association.contracts import (
    StoredContract,
    export_contract,
    list_contracts,
    load_contract,
    receive_contract,
    start_contract,
    take_step,
)
from releve.plugins.sector.engine import SectorError
from tests.sector.sector_case import CLERK, NOW, bring_to, make_terms

pytestmark = [pytest.mark.django_db, pytest.mark.database]

KEYS = {name: Ed25519PrivateKey.generate() for name in ("atlas", "rif", CLERK)}
PUBLIC = {name: public_hex(key) for name, key in KEYS.items()}
As = Callable[[str], str]
"""Act as a party from here on; its ledger is a stream of its own."""


@pytest.fixture
def act_as(monkeypatch: pytest.MonkeyPatch) -> As:
    def become(party: str) -> str:
        monkeypatch.setattr(contracts, "signing_key", lambda: KEYS[party])
        return f"relief-{party}"

    return become


def send(act_as: As, sender: str, to: str, at: datetime) -> StoredContract:
    message = export_contract("c-1", stream=act_as(sender))
    stream = act_as(to)
    return receive_contract(message, to, PUBLIC, at, stream=stream)


STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rif", "offer", {}),
    (CLERK, "match", {}),
    ("atlas", "agree", {"reference": "lettre du 1er décembre"}),
    ("atlas", "sign", {}),
    ("rif", "sign", {}),
    ("rif", "start", {}),
    ("rif", "end", {}),
    ("atlas", "settle", {"cents": 7_200}),
)


def run_contract(act_as: As, upto: int) -> datetime:
    """Take the first steps, each handed to both others; return the instant of the last."""
    at = NOW
    start_contract(make_terms(), CLERK, at, stream=act_as("atlas"))
    for other in ("rif", CLERK):
        send(act_as, "atlas", other, at)
    for party, kind, more in STEPS[:upto]:
        at += timedelta(minutes=1)
        take_step("c-1", kind, party, at, stream=act_as(party), **more)
        for other in {"atlas", "rif", CLERK} - {party}:
            send(act_as, party, other, at)
    return at


def test_every_step_stands_in_both_ledgers_with_the_same_digest(act_as: As) -> None:
    run_contract(act_as, len(STEPS))
    for party in ("rif", CLERK):
        send(act_as, party, "atlas", NOW + timedelta(hours=1))
    send(act_as, "atlas", "rif", NOW + timedelta(hours=1))
    ours = load_contract("c-1", "relief-atlas")
    theirs = load_contract("c-1", "relief-rif")
    assert ours.contract == theirs.contract
    assert ours.contract.state == "settled"
    assert ours.digests == theirs.digests
    assert ours.is_countersigned
    assert theirs.is_countersigned
    for stored in (ours, theirs):
        for digest in stored.digests:
            assert {"atlas", "rif"} <= set(stored.signatures[digest])
    kinds = [one.kind for one in iter_entries("relief-rif")]
    assert kinds.count("contract.step") == len(STEPS) + 1


def test_a_summary_has_state_people_and_signatures_and_no_price(act_as: As) -> None:
    start_contract(make_terms(), CLERK, NOW, stream=act_as("atlas"))
    operator = sample_operator(50, 2, 1, weeks_of_history=1)
    stored, own = load_contract("c-1", "relief-atlas"), operator.programmes[0]
    found = summarise_contract(stored, "relief", operator, {stored.contract.terms.programme: own.id})
    assert (found.contract, found.programme_name) == ("c-1", own.name)
    assert found.client_name == operator.client[own.client].name
    assert found.total == sum(count for _at, count in found.half_hours) >= found.most > 0
    assert not hasattr(found, "price_cents")
    other = summarise_contract(stored, "relief", operator, {})
    assert other.client_name == stored.contract.terms.client
    steps = list_signed_steps(stored)
    assert [step.kind for step in steps] == [step.kind for step in stored.contract.steps]
    assert steps[0].signed == ("atlas",)
    assert not steps[0].countersigned
    assert not may_lend_agents(stored, "rif"), "nothing is matched yet"


def test_receiving_a_message_again_changes_nothing(act_as: As) -> None:
    run_contract(act_as, 3)
    before = len(list(iter_entries(None)))
    send(act_as, "atlas", "rif", NOW + timedelta(hours=1))
    after = len(list(iter_entries(None)))
    send(act_as, "atlas", "rif", NOW + timedelta(hours=1))
    assert len(list(iter_entries(None))) == after
    assert after - before <= 4


def change(message: str, do: Callable[[Any], None]) -> str:
    tree = json.loads(message)
    do(tree)
    return json.dumps(tree)


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda tree: tree["terms"].update(price_cents=1), "takes? it|follows digest|differ"),
        (lambda tree: tree["steps"][-1].update(signatures={}), "is not signed by rif"),
        (lambda tree: tree["steps"][-1]["signatures"].update(rif="00" * 64), "signature of rif does not verify"),
        (lambda tree: tree["steps"][0].update(reason="changed"), "step 1 .ask. differs"),
        (lambda tree: tree.update(format="releve relief contract 9"), "older of the two"),
        (lambda tree: tree.pop("steps"), "not a contract"),
    ],
)
def test_a_changed_message_is_refused_and_nothing_is_stored(act_as: As, do: Callable[[Any], None], words: str) -> None:
    start_contract(make_terms(), CLERK, NOW, stream=act_as("atlas"))
    send(act_as, "atlas", "rif", NOW)
    take_step("c-1", "offer", "rif", NOW, stream=act_as("rif"))
    message = change(export_contract("c-1", stream="relief-rif"), do)
    before = load_contract("c-1", "relief-atlas")
    act_as("atlas")
    with pytest.raises(SectorError, match=words):
        receive_contract(message, "atlas", PUBLIC, NOW, stream="relief-atlas")
    assert load_contract("c-1", "relief-atlas").contract == before.contract


def test_a_party_without_a_key_is_named(act_as: As) -> None:
    start_contract(make_terms(), CLERK, NOW, stream=act_as("atlas"))
    message = export_contract("c-1", stream="relief-atlas")
    stream = act_as("rif")
    with pytest.raises(SectorError, match="no public key of atlas is known"):
        receive_contract(message, "rif", {}, NOW, stream=stream)
    assert list_contracts(stream) == {}


def test_a_contract_of_that_name_is_started_once(act_as: As) -> None:
    start_contract(make_terms(), CLERK, NOW, stream=act_as("atlas"))
    with pytest.raises(SectorError, match="c-1 is there already"):
        start_contract(make_terms(), CLERK, NOW, stream=act_as("atlas"))
    with pytest.raises(SectorError, match="no contract 'c-2'; there are: c-1"):
        load_contract("c-2", "relief-atlas")


def test_a_loss_after_matching_recalls_in_both_ledgers(act_as: As) -> None:
    at = run_contract(act_as, 2)
    take_step("c-1", "recall", "rif", at, reason="loss", stream=act_as("rif"))
    assert send(act_as, "rif", "atlas", at).contract.state == "recalled"


def list_signers(stream: str) -> list[set[str]]:
    stored = load_contract("c-1", stream)
    return [set(stored.signatures[digest]) for digest in stored.digests]


@pytest.mark.parametrize("first", ["atlas", "rif"])
def test_both_sign_before_they_exchange_and_neither_signature_is_lost(act_as: As, first: str) -> None:
    """Through the clerk, in both orders; each ledger keeps the order in which it learnt."""
    at = run_contract(act_as, 3) + timedelta(minutes=5)
    for party in ("rif", "atlas"):
        take_step("c-1", "sign", party, at, stream=act_as(party))
    second = "rif" if first == "atlas" else "atlas"
    exchange = ((first, CLERK), (second, CLERK), (CLERK, second), (CLERK, first))
    for sender, to in exchange * 2:
        send(act_as, sender, to, at)
    ours, theirs, clerk = (load_contract("c-1", f"relief-{who}") for who in ("atlas", "rif", CLERK))
    assert ours.contract == theirs.contract == clerk.contract
    assert ours.contract.state == "both signed"
    assert ours.is_countersigned
    assert theirs.is_countersigned
    for stream in ("relief-atlas", "relief-rif"):
        assert all({"atlas", "rif"} <= signers for signers in list_signers(stream)[-2:])
    last = [
        [entry.body["step"]["by"] for entry in iter_entries(f"relief-{who}") if entry.kind == "contract.step"][-2:]
        for who in ("atlas", "rif")
    ]
    assert last == [["atlas", "rif"], ["rif", "atlas"]]
    started = take_step("c-1", "start", "rif", at, stream=act_as("rif"))
    assert send(act_as, "rif", "atlas", at).contract == started.contract
    assert started.contract.state == "started"


def test_a_recall_that_crosses_a_signature_holds_on_both_sides(act_as: As) -> None:
    at = run_contract(act_as, 3) + timedelta(minutes=5)
    take_step("c-1", "sign", "atlas", at, stream=act_as("atlas"))
    take_step("c-1", "recall", "rif", at, reason="loss", stream=act_as("rif"))
    assert not load_contract("c-1", "relief-rif").is_countersigned
    assert send(act_as, "atlas", "rif", at).contract.state == "recalled"
    back = send(act_as, "rif", "atlas", at)
    assert back.contract == load_contract("c-1", "relief-rif").contract
    assert back.contract.signed == {"atlas"}
    with pytest.raises(SectorError, match="sign follows client agreed"):
        take_step("c-1", "sign", "rif", at, stream=act_as("rif"))


def test_a_partner_that_signs_twice_on_one_state_is_named(act_as: As) -> None:
    at = run_contract(act_as, 3) + timedelta(minutes=5)
    before = load_contract("c-1", "relief-rif").contract.digest
    take_step("c-1", "sign", "rif", at, stream=act_as("rif"))
    send(act_as, "rif", "atlas", at)
    other = change(export_contract("c-1", stream="relief-rif"), lambda tree: tree["steps"][-1].update(reason="other"))
    act_as("atlas")
    with pytest.raises(SectorError, match=r"step 5 \(sign\) differs"):
        receive_contract(other, "atlas", PUBLIC, at, stream="relief-atlas")
    assert load_contract("c-1", "relief-atlas").contract.steps[-1].before == before


def test_a_drill_and_a_real_contract_of_one_name_do_not_meet(act_as: As) -> None:
    act_as("atlas")
    start_contract(make_terms(), CLERK, NOW, stream=contracts.DRILL)
    assert list_contracts() == {}
    start_contract(make_terms(), CLERK, NOW)
    assert list(list_contracts(contracts.DRILL)) == list(list_contracts())


def test_the_text_has_every_term_and_is_the_same_bytes_again() -> None:
    contract = bring_to("both signed", notice_hours=1, outbound_mandate="mandat 7")
    paper = compose_contract(contract, "Europe/Paris")
    text = json.dumps(paper, ensure_ascii=False)
    for word in (
        "atlas", "rif", "azur", "9,00", "72,00", "annex-1", "Droit marocain", "85", "mandat 7",
        "lettre du 1er décembre", "20\u202f000,00", contract.digest, "signé des deux parts",
        "appels entrants, français, en télétravail",
    ):  # fmt: skip
        assert word in text, word
    pdf = typeset_contract(contract, "Europe/Paris")
    assert pdf.startswith(b"%PDF")
    assert pdf == typeset_contract(contract, "Europe/Paris")
