"""From a clearing to a signed contract through the clerk: what travels names no client."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.plugins.sector.association import contract_exchange, contracts, exchange, gate_member, gates
from releve.plugins.sector.association.clerk_intake import authenticate_member, revoke_member
from releve.plugins.sector.association.contract_exchange import (
    TermsBeside,
    draft_contracts,
    list_messages,
    receive_answer,
    take_message,
)
from releve.plugins.sector.association.contracts import export_contract, receive_contract, start_contract, take_step
from releve.plugins.sector.association.envelopes import MOST_BYTES, AssociationError, Envelope
from releve.plugins.sector.association.exchange import sync_contracts
from releve.plugins.sector.association.gate_member import keep_result, prepare_request
from releve.plugins.sector.association.gates import announce_gate, run_clearings, take_order, wrap_result
from releve.plugins.sector.association.models import ReliefGate
from releve.plugins.sector.bulletin_commands import contract
from releve.plugins.sector.engine import SectorError
from releve.plugins.sector.valve_pages import ClausesForm
from tests.association.sector_of_seven import OWN, SectorOfSeven
from tests.association.test_gates import (
    APPROVALS,
    CLEARS,
    GIVER,
    OPENS,
    REQUEST,
    START,
    THIRD,
    SetClock,
    make_commit,
    make_offer,
    make_opening,
    wrap,
)
from tests.sector.sector_case import make_terms

pytestmark = pytest.mark.database
KEYS = {name: Ed25519PrivateKey.generate() for name in (OWN, GIVER, "sp2c")}
BESIDE = TermsBeside("annex-1", "Droit français", None, 85, 1_000_000)


def public(party: str) -> str:
    return KEYS[party].public_key().public_bytes_raw().hex()


class House:
    """Three installations in one database: each acts with its own key and its own stream."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def become(self, party: str) -> str:
        self._patch.setattr(contracts, "signing_key", lambda: KEYS[party])
        for room in (contracts, contract_exchange):
            self._patch.setattr(room, "public_key", lambda: public(party))
        stream = f"relief-{party}"
        self._patch.setattr(contract_exchange, "RELIEF", stream)
        return stream

    def to_clerk(self, message: str, by: str) -> str:
        self.become("sp2c")
        return take_message(message, CLEARS + timedelta(hours=1), by=by, drill=False)


@pytest.fixture
def house(sector: SectorOfSeven, set_clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> House:
    """A cleared gate: the own request was served by one giver."""
    monkeypatch.setattr(gates, "public_key", lambda: public("sp2c"))
    monkeypatch.setattr(gate_member, "public_key", lambda: public(OWN))
    announce_gate("g-1", date(2026, 11, 27), START + timedelta(minutes=30), START)
    key = {"contract_key": public(GIVER)}
    take_order(wrap(replace(make_commit(make_offer()), **key)), START)
    row = prepare_request("g-1", [REQUEST], APPROVALS, START)
    take_order(Envelope("order", row.text, row.signature), START)
    take_order(wrap(replace(make_opening(make_offer()), **key)), OPENS)
    run_clearings(CLEARS)
    keep_result("g-1", wrap_result(ReliefGate.objects.get(), OWN), CLEARS)
    return House(monkeypatch)


def draft(house: House) -> Any:
    house.become(OWN)
    (stored,) = draft_contracts("g-1", BESIDE, CLEARS)
    return stored.contract.terms


def test_a_match_becomes_a_contract_that_all_three_ledgers_hold(house: House) -> None:
    terms = draft(house)
    assert (terms.giver, terms.agents) == (GIVER, ((20, 4), (21, 5)))
    name, at = terms.contract, CLEARS + timedelta(hours=1)
    message = export_contract(name, stream=house.become(OWN))
    assert "azur" not in message
    at_clerk = house.to_clerk(message, OWN)

    giver_keys = {OWN: public(OWN), "sp2c": public("sp2c"), GIVER: public(GIVER)}
    stream = house.become(GIVER)
    receive_contract(at_clerk, GIVER, giver_keys, at, stream=stream)
    take_step(name, "offer", GIVER, at, stream=stream)
    answer = house.to_clerk(export_contract(name, stream=stream), GIVER)
    assert json.loads(answer)["steps"][-1]["kind"] == "match", "the clerk takes its own step"

    house.become(OWN)
    assert receive_answer(answer, at, drill=False).contract.state == "matched"
    house.become("sp2c")
    assert list_messages(THIRD, drill=False).messages == ()
    assert len(list_messages(GIVER, drill=False).messages) == 1
    assert draft(house).contract == name, "drafted again, it is the same contract"


def test_a_contract_is_sent_again_only_when_the_clerk_has_another(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exchange of many contracts stays far below the clerk's limit of requests."""
    name, at = draft(house).contract, CLEARS + timedelta(hours=1)
    methods: list[str] = []

    def ask(method: str, what: str, kind: str, content: bytes = b"", after: str = "") -> bytes:
        methods.append(method)
        if method == "GET":
            house.become("sp2c")
            found = json.dumps(asdict(list_messages(OWN, drill=False, after=after)))
        else:
            found = house.to_clerk(content.decode(), OWN)
        house.become(OWN)
        return found.encode()

    def sync() -> list[str]:
        methods.clear()
        house.become(OWN)
        assert sync_contracts(at) == 1
        return list(methods)

    monkeypatch.setattr(exchange, "_ask", ask)
    assert sync() == ["GET", "POST"]
    assert sync() == ["GET"]
    keys = {OWN: public(OWN), "sp2c": public("sp2c"), GIVER: public(GIVER)}
    at_clerk = export_contract(name, stream=house.become("sp2c"))
    stream = house.become(GIVER)
    receive_contract(at_clerk, GIVER, keys, at, stream=stream)
    take_step(name, "offer", GIVER, at, stream=stream)
    house.to_clerk(export_contract(name, stream=stream), GIVER)
    assert sync() == ["GET", "POST"], "the countersignatures of what came"
    assert sync() == ["GET"]


@pytest.mark.parametrize("room", [0, 1, 2, 3, 100])
def test_contracts_that_one_answer_does_not_hold_follow_in_the_next_requests(
    sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: SetClock,
    monkeypatch: pytest.MonkeyPatch, room: int,
) -> None:  # fmt: skip
    """Not one is lost, in whatever parts they come, and no answer is longer than it may be."""
    set_clock(CLEARS)
    names = [f"g-1.{OWN}.{number}" for number in (1, 2, 10, 11, 3)]
    for name in names:
        terms = make_terms(contract=name, asker=OWN, giver=GIVER)
        start_contract(terms, "sp2c", CLEARS, stream=contracts.RELIEF)
    whole = list_messages(OWN, drill=False)
    assert (len(whole.messages), whole.next) == (5, "")
    size = max(len(json.dumps(message)) + 2 for message in whole.messages)
    monkeypatch.setattr(contract_exchange, "MOST_BYTES", contract_exchange._BESIDE + room * size)
    assert tuple(exchange._fetch_messages("real")) == whole.messages
    parts = [request.url.params.get("after") for request in sent_bytes]
    assert parts[0] is None
    assert len(parts) == -(-5 // max(1, min(room, 5)))


def answer_slowly(monkeypatch: pytest.MonkeyPatch, part: bytes) -> list[bytes]:
    """Let the clerk answer without end; return the parts that were taken."""
    taken: list[bytes] = []

    def send() -> Iterator[bytes]:
        while len(taken) < 100_000:
            taken.append(part)
            yield part

    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=send()))
    monkeypatch.setattr(exchange, "open_client", lambda: httpx.Client(transport=transport))
    return taken


def test_an_answer_that_is_too_long_is_refused_with_a_sentence_and_not_read_to_its_end(
    sector: SectorOfSeven, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = answer_slowly(monkeypatch, b" " * 1000)
    with pytest.raises(AssociationError, match="more than 500,000 bytes: nothing of it was taken"):
        sync_contracts(CLEARS)
    assert len(taken) <= MOST_BYTES // 1000 + 2


def test_an_answer_that_comes_too_slowly_is_left(sector: SectorOfSeven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ANSWER_SECONDS", 0.05)
    taken = answer_slowly(monkeypatch, b" ")
    with pytest.raises(AssociationError, match="took more than 0 seconds"):
        sync_contracts(CLEARS)
    assert len(taken) < 100_000


def test_an_answer_that_is_packed_is_refused_before_it_is_unpacked(
    sector: SectorOfSeven, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Accept-Encoding"])
        packed = gzip.compress(b" " * 10_000_000)
        return httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": "gzip"})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(exchange, "open_client", lambda: httpx.Client(transport=transport))
    with pytest.raises(AssociationError, match="is compressed"):
        sync_contracts(CLEARS)
    assert asked == ["identity"]


def test_a_clerk_whose_messages_do_not_end_is_left(sector: SectorOfSeven, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = json.dumps({"messages": [], "next": "a"}).encode()
    monkeypatch.setattr(exchange, "_ask", lambda *args, **more: endless)
    with pytest.raises(AssociationError, match="do not end"):
        sync_contracts(CLEARS)


def test_the_clerk_takes_no_contract_that_its_clearing_does_not_have(house: House) -> None:
    terms = draft(house)
    message = export_contract(terms.contract, stream=house.become(OWN))
    with pytest.raises(SectorError, match="not one of"):
        house.to_clerk(message, THIRD)
    with pytest.raises(SectorError, match="not a contract"):
        house.to_clerk("{}", OWN)
    changed = json.loads(message)
    changed["terms"]["price_cents"] = 1
    with pytest.raises(SectorError):
        house.to_clerk(json.dumps(changed), OWN)
    other = replace(terms, contract="g-1.rive.2", agents=((20, 400),))
    start_contract(other, "sp2c", CLEARS, stream=house.become(OWN))
    signed = export_contract("g-1.rive.2", stream=house.become(OWN))
    with pytest.raises(SectorError, match="no such match"):
        house.to_clerk(signed, OWN)
    house.become("sp2c")
    assert list_messages(OWN, drill=False).messages == ()


def test_the_cap_of_the_liability_is_never_assumed() -> None:
    """A contract drafted without one would hold its giver to nothing."""
    refused = CliRunner().invoke(contract, ["draft", "g-1", "--annex", "annex-1"])
    assert refused.exit_code == 2
    assert "--cap" in refused.output
    values = {"annex": "annex-1", "law": "Droit français", "quality_percent": "80"}
    assert set(ClausesForm(values).errors) == {"liability_cap_cents"}
    assert ClausesForm({**values, "liability_cap_cents": "0"}).is_valid(), "where it is agreed"
    assert 'name="liability_cap_cents" value' not in str(ClausesForm())
    with pytest.raises(SectorError, match="liability_cap_cents must not be negative"):
        make_terms(liability_cap_cents=-1)


def test_a_member_that_leaves_in_a_crisis_leaves_its_partners_contracts_as_they_stand(
    house: House, sector: SectorOfSeven
) -> None:
    """The clerk hears the leaver no more; by file it may still recall, and its partner knows."""
    name, at = draft(house).contract, CLEARS + timedelta(hours=1)
    keys = {OWN: public(OWN), "sp2c": public("sp2c"), GIVER: public(GIVER)}
    at_clerk = house.to_clerk(export_contract(name, stream=house.become(OWN)), OWN)
    giver = house.become(GIVER)
    receive_contract(at_clerk, GIVER, keys, at, stream=giver)
    take_step(name, "offer", GIVER, at, stream=giver)
    answer = house.to_clerk(export_contract(name, stream=giver), GIVER)

    revoke_member(GIVER, at)
    assert authenticate_member(sector.secrets[GIVER]) is None
    own = house.become(OWN)
    assert receive_answer(answer, at, drill=False).contract.state == "matched"
    for kind, more in (("agree", {"reference": "lettre du 27 novembre"}), ("sign", {})):
        take_step(name, kind, OWN, at, stream=own, **more)
    again = house.to_clerk(export_contract(name, stream=house.become(OWN)), OWN)
    assert json.loads(again)["steps"][-1]["kind"] == "sign"

    giver = house.become(GIVER)
    receive_contract(answer, GIVER, keys, at, stream=giver)
    take_step(name, "recall", GIVER, at, reason="loss", stream=giver)
    message = export_contract(name, stream=giver)
    own = house.become(OWN)
    assert receive_contract(message, OWN, keys, at, stream=own).contract.state == "recalled"
