"""Contracts between two ledgers, searches for agents to lend, and a member's day and the clerk's in short."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils.translation import override

from releve.desk.text import translate_phrase
from releve.errors import Phrase, decode_phrase
from releve.ledger.chain import iter_entries
from releve.ledger.keys import public_hex
from releve.network import sample_operator
from releve.plugins.sector.association import contracts, spare_searches
from releve.plugins.sector.association.bulletin import describe_clerk_day, describe_contribution
from releve.plugins.sector.association.clerk import (
    NotPublished,
    describe_refusal,
    publish_bulletin,
    wrap_day_bulletin,
    wrap_month_design,
)
from releve.plugins.sector.association.contract_exchange import list_signed_steps, may_lend_agents, summarise_contract
from releve.plugins.sector.association.contracts import (
    StoredContract,
    compose_contract,
    export_contract,
    list_contracts,
    load_contract,
    receive_contract,
    start_contract,
    take_step,
    typeset_contract,
)
from releve.plugins.sector.association.gates import wrap_own_result
from releve.plugins.sector.association.membership import prepare_contribution
from releve.plugins.sector.association.models import Membership, SpareSearch
from releve.plugins.sector.association.spare_searches import LEASE, LEND, describe_search, find_search, run_searches
from releve.plugins.sector.engine.needs import SectorError
from tests.association.sector_of_seven import DAY, MORNING, OWN, TEN, SectorOfSeven
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


SPARE_SEARCHES_NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
LATER = SPARE_SEARCHES_NOW + timedelta(minutes=1)


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Return who was named for each contract; the plan can spare two for any."""
    named: dict[str, tuple[str, ...]] = {}

    def note(contract: str, agents: tuple[str, ...], now: datetime, *, stream: str) -> None:
        named[contract] = agents

    set_search(monkeypatch, lambda contract, stream: ("a", "b"))
    monkeypatch.setattr(spare_searches, "lend_agents", note)
    monkeypatch.setattr(spare_searches, "require_giver", lambda contract, stream: None)
    return named


def set_search(monkeypatch: pytest.MonkeyPatch, search: Callable[..., Any]) -> None:
    monkeypatch.setattr(spare_searches, "find_agents_to_lend", search)


def ask(contract: str = "c-1", at: datetime = SPARE_SEARCHES_NOW) -> None:
    spare_searches.ask_for_agents(contract, at)


def read(contract: str = "c-1") -> SpareSearch:
    search = find_search(LEND, contract)
    assert search is not None
    return search


def test_the_worker_makes_every_search_that_waits_once(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("c-1")
    ask("c-2")
    assert lent == {}, "nothing is searched where it is asked for"
    waiting = describe_search(LEND, "c-1", LATER)
    assert waiting is not None
    assert (waiting.state, waiting.active) == ("waiting", True)
    assert describe_search(LEND, "c-3", LATER) is None
    run_searches(LATER)
    assert lent == {"c-1": ("a", "b"), "c-2": ("a", "b")}
    assert (read().begun_at, read().done_at, read().error) == (LATER, LATER, "")
    state = describe_search(LEND, "c-1", LATER)
    assert state is not None
    assert (state.state, state.active, state.seconds) == ("done", False, 0)
    set_search(monkeypatch, lambda contract, stream: pytest.fail("it was done"))
    run_searches(LATER)


def test_a_reason_is_stored_and_read_in_the_reader_s_language(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(contract: str, stream: str) -> tuple[str, ...]:
        raise SectorError(Phrase("no plan in force has {0}: put one in force first", SPARE_SEARCHES_NOW.date()))

    set_search(monkeypatch, refuse)
    ask()
    run_searches(LATER)
    found = read()
    said = Phrase.restore(found.error, found.error_values)
    assert said == "no plan in force has 2026-11-27: put one in force first"
    with override("fr"):
        assert translate_phrase(said).startswith("aucun plan en vigueur ne couvre le 2026-11-27")
    assert lent == {}


def test_a_search_that_is_asked_for_again_while_it_runs_counts_no_more(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def ask_again(contract: str, stream: str) -> tuple[str, ...]:
        searched.append(contract)
        if len(searched) == 1:
            ask(at=LATER)
            return ("old",)
        return ("new",)

    set_search(monkeypatch, ask_again)
    ask()
    run_searches(LATER)
    assert len(searched) == 2
    assert lent == {"c-1": ("new",)}


def test_two_workers_do_not_search_at_once_and_a_killed_one_holds_up_nothing_for_long(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(contract: str, stream: str) -> tuple[str, ...]:
        run_searches(LATER)  # what another worker does meanwhile
        raise KeyboardInterrupt

    with monkeypatch.context() as first:
        set_search(first, be_killed)
        ask("c-1")
        ask("c-2", LATER)
        with pytest.raises(KeyboardInterrupt):
            run_searches(SPARE_SEARCHES_NOW)
    assert lent == {}
    run_searches(SPARE_SEARCHES_NOW + LEASE - timedelta(seconds=1))
    assert lent == {}
    run_searches(SPARE_SEARCHES_NOW + LEASE)
    assert set(lent) == {"c-1", "c-2"}


def test_a_search_that_breaks_is_set_aside_and_the_next_one_runs(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_once(contract: str, stream: str) -> tuple[str, ...]:
        if contract == "c-1":
            raise ZeroDivisionError
        return ("a",)

    set_search(monkeypatch, break_once)
    ask("c-1")
    ask("c-2", LATER)
    run_searches(LATER)
    assert read("c-1").error == "the search failed: ask for it again"
    assert lent == {"c-2": ("a",)}


def test_a_member_reads_what_would_go_out_to_the_byte(sector: SectorOfSeven) -> None:
    before = describe_contribution(MORNING)
    assert before is not None
    assert (before.member, before.due, before.content) == (OWN, DAY, "")
    row = prepare_contribution(DAY, MORNING)
    found = describe_contribution(MORNING)
    assert found is not None
    assert found.digest == row.digest
    assert found.panel == 7
    assert found.figures[0].measure == "agents_on_site"
    Membership.objects.all().delete()
    assert describe_contribution(MORNING) is None


def test_the_clerk_has_the_day_that_is_due_with_its_members(sector: SectorOfSeven) -> None:
    sector.send_all()
    early = describe_clerk_day(None, MORNING)
    assert (early.day, early.due, early.published) == (DAY, False, False)
    assert early.time_zone == "Europe/Paris"
    late = describe_clerk_day(None, TEN)
    assert late.due
    publish_bulletin(DAY, TEN)
    done = describe_clerk_day(DAY, TEN)
    assert done.published
    assert (done.bulletins[0].contributions, done.bulletins[0].members) == (6, 7)


def test_what_is_not_published_is_refused_by_its_name(sector: SectorOfSeven) -> None:
    assert wrap_month_design(f"{DAY:%Y-%m}").what == "design"
    later = DAY + timedelta(days=60)
    with pytest.raises(NotPublished, match="design"):
        wrap_month_design(f"{later:%Y-%m}")
    for day in (str(later), "today"):
        with pytest.raises(NotPublished, match="bulletin"):
            wrap_day_bulletin(day)
    with pytest.raises(NotPublished, match="g-9"):
        wrap_own_result("g-9", OWN)


def test_a_refusal_travels_so_that_it_can_be_translated() -> None:
    said = describe_refusal("none", NotPublished(Phrase("there is no design of {0} yet", "2026-12")))
    assert said["message"] == "there is no design of 2026-12 yet"
    assert decode_phrase(said["phrase"]) == said["message"]
    assert describe_refusal("secret", ValueError())["message"] == ""
