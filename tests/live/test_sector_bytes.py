"""Every byte between a member and the clerk: no agent, no client, nothing of health."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.network import Operator
from releve.plan.spare import list_skill_names
from releve.plugins.sector.association import exchange
from releve.plugins.sector.association.bulletin import draft_offers, draft_requests
from releve.plugins.sector.association.contract_exchange import TermsBeside, draft_contracts
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
from releve.plugins.sector.association.models import ReliefGate
from releve.plugins.sector.engine import ClientTerms, GateOrder, ReliefPackage, SectorOffer, parse_gate, seal_offer
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
