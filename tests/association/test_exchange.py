"""A member and the clerk: from the design to the checked bulletin, from a clearing to a signed contract."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from releve.errors import ReleveError
from releve.ledger.models import LedgerEntry
from releve.plugins.sector.association import (
    clerk,
    contract_exchange,
    contracts,
    exchange,
    gate_member,
    gates,
    membership,
    models,
)
from releve.plugins.sector.association.clerk import (
    authenticate_member,
    register_member,
    revoke_member,
    take_contribution,
)
from releve.plugins.sector.association.contract_exchange import (
    TermsBeside,
    draft_contracts,
    list_messages,
    receive_answer,
    take_message,
)
from releve.plugins.sector.association.contracts import export_contract, receive_contract, start_contract, take_step
from releve.plugins.sector.association.exchange import run_member_day, sync_contracts
from releve.plugins.sector.association.gate_member import keep_gate, keep_result, prepare_request
from releve.plugins.sector.association.gates import announce_gate, run_clearings, take_order, wrap_gate, wrap_result
from releve.plugins.sector.association.keys import (
    MOST_BYTES,
    AssociationError,
    Envelope,
    load_signing_key,
    open_envelope,
    public_keys,
)
from releve.plugins.sector.bulletin_commands import contract
from releve.plugins.sector.engine.bulletin import parse_bulletin
from releve.plugins.sector.engine.contribution import ContributionError, parse_contribution, sign_text
from releve.plugins.sector.engine.needs import SectorError
from releve.plugins.sector.valve_pages import ClausesForm
from tests.association.sector_of_seven import DAY, MORNING, OTHERS, OWN, TEN, SectorOfSeven
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


def list_kinds() -> list[str]:
    return list(LedgerEntry.objects.order_by("seq").values_list("kind", flat=True))


def test_nothing_goes_out_until_it_is_switched_on(
    sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    run_member_day(MORNING)
    assert sent_bytes == []
    shown = membership.wrap_contribution(membership.prepare_contribution(DAY, MORNING)).content
    assert sent_bytes == []
    membership.switch_sending(True, "jeanne", MORNING)
    run_member_day(MORNING)
    run_member_day(MORNING + timedelta(minutes=1))
    assert [request.content for request in sent_bytes if request.method == "POST"] == [shown]
    assert "contribution.switched_on" in list_kinds()
    assert list_kinds().count("contribution.sent") == 1
    entry = LedgerEntry.objects.get(kind="contribution.sent")
    assert models.OwnContribution.objects.get().digest in entry.body


def test_the_day_from_contributions_to_the_checked_bulletin(
    sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    membership.switch_sending(True, "jeanne", MORNING)
    run_member_day(MORNING)
    sector.send_all()
    assert {row.state for row in clerk.list_states(DAY)} == {"in"}
    clerk.publish_due(TEN - timedelta(seconds=1))
    assert not models.DayBulletin.objects.exists()
    set_clock(TEN)
    clerk.publish_due(TEN)
    row = models.DayBulletin.objects.get()
    assert clerk.remake_bulletin(DAY).text == row.text
    assert "— " in row.checkpoint
    run_member_day(TEN + timedelta(minutes=1))
    assert models.OwnContribution.objects.get().found == "in"
    bulletin = parse_bulletin(row.text)
    assert bulletin.members == len(bulletin.contributions) == 7
    assert any(cell.value for cell in bulletin.cells)


def test_the_clerk_refuses_by_name_what_cannot_count(sector: SectorOfSeven) -> None:
    sent = sector.make(0)
    forged = Envelope("contribution", sent.text, "0" * 128)
    refusals: list[tuple[Any, str]] = [
        (forged, "signature"),
        (sector.wrap(replace(sent, design="0" * 64)), "panel"),
        (sector.wrap(replace(sent, day=DAY + timedelta(2))), "clock"),
        (sector.wrap(replace(sent, made_at=MORNING + timedelta(days=1))), "clock"),
        (Envelope("contribution", sent.text.replace("contribution 1", "contribution 2"), ""), "version"),
    ]
    for envelope, code in refusals:
        with pytest.raises(ContributionError) as caught:
            take_contribution(envelope, MORNING)
        assert caught.value.code == code
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sent), MORNING, by=OTHERS[1])
    assert caught.value.code == "member"
    assert not models.ReceivedContribution.objects.exists()


def test_the_same_bytes_count_once_and_other_figures_say_what_they_correct(sector: SectorOfSeven) -> None:
    sent = sector.make(0)
    first = take_contribution(sector.wrap(sent), MORNING)
    assert take_contribution(sector.wrap(sent), MORNING).pk == first.pk
    other = replace(sent, nonce="f" * 64)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(other), MORNING)
    assert caught.value.code == "double"
    take_contribution(sector.wrap(replace(other, corrects=first.digest)), MORNING)
    assert clerk.list_states(DAY)[0].state == "corrected"
    assert models.ReceivedContribution.objects.filter(current=True).count() == 1


def test_a_revoked_key_contributes_no_more_until_a_new_one_is_registered(sector: SectorOfSeven) -> None:
    revoke_member(OTHERS[0], MORNING)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(0)), MORNING)
    assert caught.value.code == "revoked"
    with pytest.raises(AssociationError):
        revoke_member(OTHERS[0], MORNING)
    register_member(OTHERS[0], *public_keys(), MORNING)
    with pytest.raises(AssociationError, match="frozen"):
        clerk.publish_design("2026-11", "plain", MORNING, {"MA": ("MA",)})


def test_a_late_one_is_refused_and_a_correction_stands_in_the_next_bulletin(sector: SectorOfSeven) -> None:
    sector.send_all(numbers=range(5))
    take_own(sector, DAY)
    clerk.publish_bulletin(DAY, TEN)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(5)), TEN)
    assert caught.value.code == "late"
    before = models.ReceivedContribution.objects.get(member=OTHERS[0])
    wrong = parse_contribution(before.text)
    right = replace(wrong, corrects=before.digest, nonce="e" * 64,
                    figures={**wrong.figures, ("agents_on_site", "MA"): 300})  # fmt: skip
    take_contribution(sector.wrap(right), TEN)
    next_day = DAY + timedelta(1)
    sector.send_all(next_day, range(5))
    row = clerk.publish_bulletin(next_day, TEN + timedelta(1))
    found = parse_bulletin(row.text).corrections
    assert [(one.day, one.cells) for one in found] == [(DAY, ())]
    assert clerk.remake_bulletin(DAY).text == models.DayBulletin.objects.get(day=DAY).text
    assert clerk.remake_bulletin(next_day).text == row.text


def take_own(sector: SectorOfSeven, day: Any) -> models.OwnContribution:
    membership.keep_design(sector.wrapped_design(), MORNING)
    row = membership.prepare_contribution(day, MORNING)
    take_contribution(membership.wrap_contribution(row), MORNING, by_file=True)
    membership.note_sent(row, "by file", MORNING)
    return row


def test_a_member_finds_a_bulletin_without_it_unsigned_or_second(sector: SectorOfSeven) -> None:
    sector.send_all()
    row = membership.prepare_contribution(DAY, MORNING)
    membership.note_sent(row, "lost on the way", MORNING)
    sent = clerk.wrap_bulletin(clerk.publish_bulletin(DAY, TEN))
    assert open_envelope(sent.content) == sent
    with pytest.raises(AssociationError, match="not signed"):
        membership.keep_bulletin(replace(sent, signature="0" * 128), TEN)
    with pytest.raises(AssociationError, match="proof"):
        membership.keep_bulletin(replace(sent, beside={}), TEN)
    membership.keep_bulletin(sent, TEN)
    assert models.OwnContribution.objects.get().found == "absent"
    models.DayBulletin.objects.update(digest="0" * 64)  # as if another one had come before
    with pytest.raises(AssociationError, match="second bulletin"):
        membership.keep_bulletin(sent, TEN)
    assert models.OwnContribution.objects.get().found == "second"


def test_a_second_design_of_a_month_is_refused_by_a_member(sector: SectorOfSeven) -> None:
    membership.keep_design(sector.wrapped_design(), MORNING)
    models.MonthlyDesign.objects.update(digest="0" * 64)
    with pytest.raises(AssociationError, match="second design"):
        membership.keep_design(sector.wrapped_design(), MORNING)
    models.Membership.objects.update(clerk_key="0" * 64)
    with pytest.raises(AssociationError, match="not signed"):
        membership.keep_design(sector.wrapped_design(), MORNING)


def test_masked_figures_make_the_same_bulletin_and_open_with_the_whole_panel(db: None, settings: Any) -> None:
    sector = SectorOfSeven.begin("masked")
    own = membership.prepare_contribution(DAY, MORNING)
    assert parse_contribution(own.text).figures == {}
    sector.send_all()
    with pytest.raises(SectorError, match=OWN):
        clerk.publish_bulletin(DAY, TEN)
    clerk.publish_due(TEN)  # waits, and says so
    take_contribution(membership.wrap_contribution(own), TEN)
    membership.note_sent(own, "", TEN)
    found = parse_bulletin(clerk.publish_bulletin(DAY, TEN).text)
    values = {(cell.measure, cell.group): cell.value for cell in found.cells}
    assert values["agents_on_site", "MA"] == 210 * 7 + 7 * 15
    with pytest.raises(AssociationError, match="used once"):
        membership.correct_contribution(DAY, TEN)


def test_the_clerk_answers_members_alone(
    sector: SectorOfSeven, client: Client, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    content = sector.wrap(sector.make(0)).content
    for secret, status in (("", 401), ("wrong", 401), (sector.secrets[OTHERS[1]], 409),
                           (sector.secrets[OTHERS[0]], 200)):  # fmt: skip
        answer = client.post(
            "/association/contributions", content, content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip
        assert answer.status_code == status
    held = {"Authorization": f"Bearer {sector.secrets[OWN]}"}
    assert client.get("/association/designs/2026-12", headers=held).status_code == 404
    assert client.get("/association/bulletins/2026-11-26", headers=held).status_code == 404
    assert client.get("/association/bulletins/today", headers=held).status_code == 404
    bad = client.post("/association/contributions", b"{}", content_type="application/json", headers=held)
    assert bad.status_code == 422


def ask_often(client: Client, times: int, secret: str, address: str = "192.0.2.7") -> list[int]:
    return [
        client.get("/association/gates", headers={"Authorization": f"Bearer {secret}"}, REMOTE_ADDR=address).status_code
        for _ in range(times)
    ]


def test_members_behind_one_address_do_not_starve_one_another(
    sector: SectorOfSeven, client: Client, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    busy, quiet = (sector.secrets[name] for name in OTHERS[:2])
    answers = ask_often(client, 40, busy)
    assert answers == sorted(answers)
    assert set(answers) == {200, 429}
    assert ask_often(client, 1, busy, "198.51.100.9") == [429], "a second address gives no more"
    assert ask_often(client, 40, "wrong")[-1] == 429
    assert ask_often(client, 1, "") == [429], "an unknown caller is counted by address"
    assert ask_often(client, 1, "wrong", "198.51.100.9") == [401]
    assert ask_often(client, 1, quiet) == [200]
    set_clock(MORNING + timedelta(minutes=1))
    assert ask_often(client, 1, busy) == [200]


def test_a_day_is_due_on_the_morning_after_by_the_association_clock(sector: SectorOfSeven) -> None:
    assert membership.find_due_day(MORNING) == DAY
    assert membership.find_due_day(datetime(2026, 11, 26, 23, 30, tzinfo=UTC)) == DAY
    assert clerk.list_due_days(TEN) == []


def test_a_member_whose_clock_is_a_day_behind_is_missing_until_it_is_right(sector: SectorOfSeven) -> None:
    """It contributes for a day whose bulletin is out; the day that is due waits for it."""
    before = DAY - timedelta(1)
    sector.send_all(before, range(1, 6))
    clerk.publish_bulletin(before, TEN - timedelta(1))
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(0, before)), MORNING)
    assert caught.value.code == "late"
    states = {row.member: row.state for row in clerk.list_states(DAY)}
    assert states[OTHERS[0]] == "missing"
    take_contribution(sector.wrap(sector.make(0)), MORNING)
    states = {row.member: row.state for row in clerk.list_states(DAY)}
    assert states[OTHERS[0]] == "in"


def test_what_a_clerk_of_another_version_sends_is_refused_by_its_format(sector: SectorOfSeven) -> None:
    """Nothing of it is stored, and the sentence names both formats."""
    sector.send_all()
    notice = announce_gate("g-1", DAY + timedelta(1), TEN, MORNING)
    run_clearings(TEN + timedelta(minutes=15))
    notice.refresh_from_db()
    sent = {
        "design": sector.wrapped_design(),
        "bulletin": clerk.wrap_bulletin(clerk.publish_bulletin(DAY, TEN)),
        "gate": wrap_gate(notice),
        "result": wrap_result(notice, OWN),
    }
    for what, envelope in sent.items():
        form = str(json.loads(envelope.text)["format"])
        newer = envelope.text.replace(form, form[:-1] + "9")
        signed = replace(envelope, text=newer, signature=sign_text(newer, load_signing_key()))
        keep = {"design": membership.keep_design, "bulletin": membership.keep_bulletin, "gate": keep_gate,
                "result": partial(keep_result, "g-1")}[what]  # fmt: skip
        with pytest.raises(ReleveError, match=rf"expected the format {form}, found {form[:-1]}9"):
            keep(signed, TEN)
    assert models.ReliefGate.objects.get().result == ""


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
    keep_result("g-1", wrap_result(models.ReliefGate.objects.get(), OWN), CLEARS)
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


def answer_slowly(monkeypatch: pytest.MonkeyPatch, part: bytes, pause: float = 0) -> list[bytes]:
    """Let the clerk answer without end, with a pause of some seconds before each part; return what was taken."""
    taken: list[bytes] = []

    def send() -> Iterator[bytes]:
        while len(taken) < 100_000:
            time.sleep(pause)
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
    taken = answer_slowly(monkeypatch, b" ", pause=0.001)
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
