"""A member asks, another offers, calls move in a drill; every byte between a member and the clerk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from html import unescape

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.network import Operator
from releve.plan.spare import list_skill_names
from releve.plugins.sector.association import contracts, exchange
from releve.plugins.sector.association.bulletin import draft_offers, draft_requests
from releve.plugins.sector.association.contract_exchange import TermsBeside, draft_contracts
from releve.plugins.sector.association.contracts import DRILL, list_contracts, take_step
from releve.plugins.sector.association.exchange import (
    fetch_gates,
    fetch_result,
    run_member_gates,
    send_contribution,
    send_order,
    sync_contracts,
)
from releve.plugins.sector.association.gate_member import prepare_commit, prepare_request
from releve.plugins.sector.association.gates import announce_gate, run_clearings, take_order
from releve.plugins.sector.association.membership import prepare_contribution
from releve.plugins.sector.association.models import OwnOrder, ReliefGate
from releve.plugins.sector.association.spare_searches import run_searches
from releve.plugins.sector.engine.gate_orders import GateOrder, parse_gate, parse_order, seal_offer
from releve.plugins.sector.engine.needs import ClientTerms, ReliefPackage, SectorOffer
from releve.plugins.sector.valve_pages import OUTCOMES
from tests.accounts.people import look_as
from tests.association.sector_of_seven import OTHERS, OWN, SectorOfSeven
from tests.association.test_gates import KEY, NONCE, wrap
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("clearings_at_once")]


GIVER = OTHERS[0]
HEALTH = ("covid", "positive", "sick", "malad", "symptom", "patient", "fever", "isolat", "infect")


class Wire:
    """A clerk without a network, by its own views; keeps every byte of both directions."""

    def __init__(self, client: Client) -> None:
        self.sent: list[bytes] = []
        self.client = client

    def answer(self, request: httpx.Request) -> httpx.Response:
        found = self.client.generic(
            request.method, request.url.path, request.content,
            content_type=request.headers.get("Content-Type", ""),
            headers={"Authorization": request.headers["Authorization"]},
        )  # fmt: skip
        head = [str(request.url), *(f"{name}: {text}" for name, text in request.headers.items())]
        self.sent += ["\n".join(head).encode(), request.content, found.content]
        return httpx.Response(found.status_code, content=found.content)


def list_forbidden(operator: Operator) -> set[str]:
    """Return what names an agent, a client, a programme or a site of the operator."""
    words = {row.id for row in operator.agents}
    for rows in (operator.clients, operator.programmes, operator.sites):
        words |= {text for row in rows for text in (row.id, row.name)}
    return {word.lower() for word in words if len(word) > 2}


def read_words(sent: Iterable[bytes]) -> str:
    """Return what was sent without digests and keys, which may spell an agent like a00012."""
    return re.sub("[0-9a-f]{32,}", "", b"\n".join(sent).decode().lower())


@pytest.mark.usefixtures("before_the_plan")
def test_no_byte_of_a_run_names_a_person_a_client_or_an_illness(
    scenario: Scenario, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, day = scenario.operator, scenario.plans[0].day
    settings.CLERK_OF = "sp2c"
    places = sorted({site.destination for site in operator.sites})
    sector = SectorOfSeven.begin(month=f"{day:%Y-%m}", places=places)
    settings.CLERK_TOKEN = sector.secrets[OWN]
    wire = Wire(client)
    transport = httpx.MockTransport(wire.answer)
    monkeypatch.setattr(exchange, "open_client", lambda: httpx.Client(transport=transport))

    def set_clock(at: datetime) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: at)
        return at

    # A case is known, so that there is something of health that could slip through.
    scenario.positive(scenario.agents_at(scenario.site)[0])
    start = set_clock(datetime.combine(day - timedelta(days=1), time(8), UTC))
    announce_gate("g-1", day, start + timedelta(minutes=30), start)
    (notice,) = fetch_gates(start)
    lost = max(scenario.plans[0].contingencies, key=lambda row: scenario.plans[0].scenarios[row.id].penalty)
    receivers = frozenset((GIVER, place) for place in places)
    terms = {row.id: ClientTerms(row.id, 9_000, receivers) for row in operator.clients}
    requests, approvals = draft_requests(notice, lost.id, terms, start)
    assert requests, "the loss leaves something to ask for"
    send_order(prepare_request("g-1", requests, approvals, start), start)
    offers, _ = draft_offers(notice, list_packages(operator, day), start)
    assert offers, "the plan can spare agents"
    send_order(prepare_commit("g-1", offers, start), start)
    partner = SectorOffer(f"{GIVER}/p", GIVER, places[0], f"{requests[0].skill}:home"
                          if not requests[0].skill.endswith("site") else requests[0].skill,
                          1, 500, requests[0].agents)  # fmt: skip
    answer_as_partner(partner, start, notice.closes_at)
    opens = set_clock(notice.closes_at + timedelta(minutes=1))
    run_member_gates(opens)
    done = set_clock(notice.opens_until + timedelta(minutes=2))
    run_clearings(done)
    fetch_result("g-1", done)
    beside = TermsBeside("annex-1", "Droit français", None, 80, 0, outbound_mandate="m-1")
    assert draft_contracts("g-1", beside, done)
    assert sync_contracts(done) > 0
    after = set_clock(datetime.combine(day + timedelta(days=1), time(6), UTC))
    send_contribution(prepare_contribution(day, after), after)

    assert len(wire.sent) >= 18
    text = read_words(wire.sent)
    assert sorted(word for word in list_forbidden(operator) if word in text) == []
    assert [word for word in HEALTH if re.search(rf"\b{word}", text)] == []
    assert not re.search(r"[\w.]+@[\w.]+", text), "no address of a person"


def list_packages(operator: Operator, day: date) -> list[ReliefPackage]:
    skills = {name for agent in operator.agents for name in list_skill_names(operator, agent)}
    places = {site.destination for site in operator.sites}
    return [
        ReliefPackage(f"p-{number}", OWN, place, f"{skill}:{where}", "web", 0, 1, 900, day, day)
        for number, (place, skill, where) in enumerate(
            sorted((p, s, w) for p in places for s in skills for w in ("home", "site"))
        )
    ]


def answer_as_partner(offer: SectorOffer, start: datetime, closes_at: datetime, key: str = KEY) -> None:
    """Have another member's offer committed to and opened."""
    notice = parse_gate(ReliefGate.objects.get(name="g-1").text)
    sealed = {offer.offer: seal_offer(notice.sector_gate, offer, NONCE)}
    later = closes_at + timedelta(seconds=30)
    take_order(wrap(GateOrder("commit", "g-1", "sp2c", GIVER, start, "1", key, commitments=sealed)), start)
    opening = GateOrder("open", "g-1", "sp2c", GIVER, later, "1", key, offers=(offer,),
                        nonces={offer.offer: NONCE.hex()})  # fmt: skip
    take_order(wrap(opening), later)


@pytest.fixture
def desk(scenario: Scenario, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A continuity manager at the desk of a member; the clerk is reached without a network."""
    settings.CLERK_OF = "sp2c"
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    places = sorted({site.destination for site in scenario.operator.sites})
    sector = SectorOfSeven.begin(month=f"{scenario.plans[0].day:%Y-%m}", places=places)
    settings.CLERK_TOKEN = sector.secrets[OWN]
    transport = httpx.MockTransport(Wire(client).answer)
    monkeypatch.setattr(exchange, "open_client", lambda: httpx.Client(transport=transport))
    return look_as(Role.CONTINUITY)


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("table.csv", text.encode(), content_type="text/csv")


def read(web: Client, path: str) -> str:
    answer = web.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.content.decode())


def press(web: Client, path: str, **values: object) -> HttpResponse:
    answer = web.post(path, values)
    assert answer.status_code == 302, unescape(answer.content.decode())
    return answer


@pytest.mark.usefixtures("before_the_plan")
def test_from_a_shortfall_to_calls_that_a_partner_answers_in_a_drill(
    scenario: Scenario, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, operator = scenario.plans[0].day, scenario.operator

    def set_clock(at: datetime) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: at)
        return at

    start = set_clock(datetime.combine(day - timedelta(days=1), time(8), UTC))
    notice_row = announce_gate("g-1", day, start + timedelta(minutes=30), start)
    press(desk, "/contracts/gates/fetch")
    assert "Ouverte : demandes" in read(desk, "/contracts/gates/").replace("\u202f", " ")

    lost = max(scenario.plans[0].contingencies, key=lambda row: scenario.plans[0].scenarios[row.id].penalty)
    places = sorted({site.destination for site in operator.sites})
    ceilings = "client,ceiling_cents\n" + "".join(f"{row.id},9000\n" for row in operator.clients)
    approvals = "client,operator,destination\n" + "".join(
        f"{row.id},{GIVER},{place}\n" for row in operator.clients for place in places
    )
    ask = "/contracts/gates/g-1/ask"
    bad = desk.post(ask, {"contingency": lost.id, "ceilings": upload("client\nx\n"), "approvals": upload(approvals)})
    assert bad.status_code == 422
    assert "ceilings.csv" in unescape(bad.content.decode())
    press(desk, ask, contingency=lost.id, ceilings=upload(ceilings), approvals=upload(approvals))
    order = OwnOrder.objects.get(kind="request")
    shown = read(desk, "/contracts/gates/g-1/")
    assert order.text in shown, "exactly what goes out"
    assert order.sent_at is None
    assert desk.post("/contracts/gates/g-1/send", {"digest": "0" * 64}).status_code == 409
    press(desk, "/contracts/gates/g-1/send", digest=order.digest)

    rows = list_packages(operator, day)
    names = ("package", "giver", "destination", "skill", "tools", "hours_to_start", "block",
             "price_cents", "valid_from", "valid_to")  # fmt: skip
    table = (
        ",".join([*names, "currency"])
        + "\n"
        + "".join(",".join([*(str(getattr(row, name)) for name in names), "EUR"]) + "\n" for row in rows)
    )
    press(desk, "/contracts/gates/g-1/offer", packages=upload(table))
    assert not OwnOrder.objects.filter(kind="commit").exists(), "the page did not search"
    waiting = read(desk, "/contracts/gates/g-1/")
    assert "?part=search" in waiting
    assert "commence dans un instant" in read(desk, "/contracts/gates/g-1/?part=search")
    run_searches(timezone.now())
    assert desk.get("/contracts/gates/g-1/?part=search").headers["HX-Refresh"] == "true"
    assert "L’offre est prête" in read(desk, "/contracts/gates/g-1/")
    commit = OwnOrder.objects.get(kind="commit")
    press(desk, "/contracts/gates/g-1/send", digest=commit.digest)
    assert "Offre scellée" in read(desk, "/contracts/gates/g-1/")

    key = Ed25519PrivateKey.generate()
    partner_offer(order, places, start, notice_row.closes_at, key)
    run_clearings(set_clock(notice_row.opens_until + timedelta(minutes=2)))
    press(desk, "/contracts/gates/g-1/result")
    result = read(desk, "/contracts/gates/g-1/")
    assert GIVER in result
    assert "Ce que vos demandes et vos offres ont obtenu" in result
    assert any(str(reason) in result for reason in OUTCOMES.values())
    press(desk, "/contracts/gates/g-1/draft", annex="annexe 1", law="Droit français",
          quality_percent="80", liability_cap_cents="0", outbound_mandate="m-1", drill="on",
          sip_address="203.0.113.7:5060")  # fmt: skip
    name, stored = next(iter(list_contracts(DRILL).items()))
    assert stored.contract.state == "asked"
    programme = OwnOrder.objects.get(kind="request").private["programmes"][stored.contract.terms.programme]
    client_id = operator.programme[programme].client
    step_as(monkeypatch, key, "offer", name)
    take_step(name, "match", "sp2c", timezone.now(), stream=DRILL)

    stranger = "another-client"
    decide = f"/contracts/agreements/{DRILL}/{name}/decide"
    assert "Donner son accord" not in read(look_as(Role.CLIENT, stranger), "/contracts/agreements/")
    assert look_as(Role.CLIENT, stranger).post(decide, {"decision": "agree"}).status_code == 404
    own = look_as(Role.CLIENT, client_id)
    page = read(own, "/contracts/agreements/")
    assert operator.programme[programme].name in page
    before = re.search(r'name="before" value="([0-9a-f]{64})"', page)
    assert before is not None
    press(own, decide, decision="agree", before=before[1])
    decided = list_contracts(DRILL)[name]
    assert decided.contract.state == "client agreed"
    assert client_id not in decided.contract.steps[-1].reference, "the partner reads no name"
    assert LedgerEntry.objects.filter(kind="contract.client_decided", stream=DRILL).exists()

    contract = f"/contracts/{DRILL}/{name}/"
    assert operator.programme[programme].name in read(desk, contract), "no reference of a request"
    before = re.search(r'name="before" value="([0-9a-f]{64})"', read(desk, contract))
    assert before is not None
    press(desk, contract, before=before[1], kind="sign")
    step_as(monkeypatch, key, "sign", name)
    terms = list_contracts(DRILL)[name].contract.terms
    drill = live.start_drill("Entraide", by="tests", at=terms.starts_at + timedelta(minutes=5))
    scenario.stream = drill.name
    scenario.work()
    assert scenario.shares[programme, f"partner:{GIVER}"] > 0
    step_as(monkeypatch, key, "recall", name, reason="loss")
    scenario.work()
    assert scenario.shares.get((programme, f"partner:{GIVER}"), 0.0) == 0
    assert "Repris" in read(desk, contract)


def partner_offer(
    order: OwnOrder, places: list[str], start: datetime, closes_at: datetime, key: Ed25519PrivateKey
) -> None:
    """Have the partner offer what the first request asks for."""
    request = parse_order(order.text).requests[0]
    skill = request.skill if request.skill.endswith("site") else f"{request.skill}:home"
    offer = SectorOffer(f"{GIVER}/p", GIVER, places[0], skill, 1, 500, request.agents)
    answer_as_partner(offer, start, closes_at, key.public_key().public_bytes_raw().hex())


def step_as(monkeypatch: pytest.MonkeyPatch, key: Ed25519PrivateKey, kind: str, name: str, **more: str) -> None:
    """Have the partner take a step, by its own key."""
    with monkeypatch.context() as other:
        other.setattr(contracts, "signing_key", lambda: key)
        take_step(name, kind, GIVER, timezone.now(), stream=DRILL, **more)  # type: ignore[arg-type]
