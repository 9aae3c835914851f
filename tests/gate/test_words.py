"""Words, sectors, purposes and names of clients at the gate."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Attempt, Call, Contract, Person, judge_call
from releve.plugins.outbound.engine import SpokenRefusal as Fact
from releve.plugins.outbound.engine import Withdrawal as Taken
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.gate.campaigns import load_campaigns, record_campaign
from releve.plugins.outbound.gate.clients import resolve_client
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, read_facts
from releve.plugins.outbound.gate.models import AbandonedRow, ClientName, RefusalRow, WithdrawalRow
from releve.plugins.outbound.gate.models import CampaignRow as Row
from tests.gate.sample_campaign import (
    CALLER,
    CAMPAIGN,
    CLIENT,
    GateDatabase,
    build_consent,
    open_rules,
    phone,
    question,
    record_people,
)
from tests.gate.test_decision import ask

pytestmark = [pytest.mark.django_db, pytest.mark.database]
LONG_AGO = datetime.fromisoformat("2026-11-02T11:00:00+01:00")
CAMPAIGN_ROW = CampaignTerms(
    "Client a", "Électricité", "manuel", "démarchage", "maroc", None, False, None, None, "us",
    "CASA", "Fourniture d'énergie",
)  # fmt: skip


def test_a_campaign_is_recorded_in_the_words_of_the_vocabularies() -> None:
    record_people([])
    assert record_campaign("autumn", CAMPAIGN_ROW, by="tests")
    row = load_campaigns()["autumn"]
    assert (row.client, row.object, row.sector) == (CLIENT, "electricity", "energy-supply")
    assert (row.mode, row.purpose, row.origin) == ("manual", "prospecting", "MA")
    again = dataclasses.replace(CAMPAIGN_ROW, client=CLIENT, object="electricity", origin="MA")
    assert not record_campaign("autumn", again, by="tests")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sector": ""}, "an object and its sector"),
        ({"object": ""}, "an object and its sector"),
        ({"object": "electricty"}, "write 'electricity'"),
        ({"sector": "xyzzy"}, "releve outbound words sector"),
        ({"sector": "telecom"}, "not of the sector 'telecom' but of 'energy-supply'"),
        ({"mode": "telex"}, "one of manual, click-to-call"),
        ({"purpose": ""}, "one of prospecting, service, survey"),
        ({"origin": "Marocco"}, "write"),
    ],
)
def test_a_campaign_with_a_word_that_is_none_is_refused(change: dict[str, str], said: str) -> None:
    with pytest.raises(LoadRefused, match=said):
        record_campaign("autumn", dataclasses.replace(CAMPAIGN_ROW, **change), by="tests")
    assert not Row.objects.exists()


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, "reffus"), "refusals row 2, kind 'reffus'"),
        (Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, basis="consnt:C0"), "basis 'consnt'"),
        (Person("P0", phone(0), LONG_AGO, "custommer"), "people row 2, kind 'custommer'"),
        (Attempt("A", CLIENT, "P0", LONG_AGO, LONG_AGO, purpose="sel"), "purpose 'sel'"),
        (build_consent(0, LONG_AGO, objects=frozenset({"gass", "gas"})), "objects 'gass'"),
    ],
)
def test_a_fact_with_a_word_that_is_none_is_not_recorded(fact: object, said: str) -> None:
    with pytest.raises(LoadRefused, match=said):
        load_facts([fact], source="tests", by="tests")
    load_facts([Fact(CLIENT, "P0", read_clock(), read_clock(), "Refus", "Consentement")], source="tests", by="tests")
    assert RefusalRow.objects.values_list("kind", "basis").get() == ("refusal", "consent")


def test_only_a_cell_of_several_words_is_shown_how_to_join_them() -> None:
    joined = build_consent(0, LONG_AGO, items=frozenset({"identité, choix"}))
    with pytest.raises(LoadRefused, match=r"join words by \|: write 'identity\|choice'$"):
        load_facts([joined], source="tests", by="tests")
    one = Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, "refus, objection")
    with pytest.raises(LoadRefused) as caught:
        load_facts([one], source="tests", by="tests")
    assert "join" not in str(caught.value)


def test_a_client_has_one_name_however_it_is_spelt_and_whatever_its_aliases() -> None:
    record_people(range(2))
    clients = b"client,alias\nclient-a,Alpha SA\nCLIENT-B,\n"
    now = read_clock().isoformat()
    rows = f"client,person,at\nALPHA_sa,P0,{now}\nclient a,P1,{now}\n".encode()
    load_frames(read_tables({"clients.csv": clients, "withdrawals.csv": rows}), source="tests", by="tests")
    assert set(WithdrawalRow.objects.values_list("client", flat=True)) == {CLIENT}
    assert resolve_client("Alpha  SA") == resolve_client("client_A") == CLIENT
    assert resolve_client("Unknown") == "Unknown"
    assert set(ClientName.objects.values_list("name", flat=True)) == {CLIENT, "CLIENT-B"}
    known = read_facts("alpha sa", phone(0), read_clock()).facts()
    (person,) = {row.person for row in known.find_persons(phone(0), read_clock())}
    assert known.select_known("Client A", person, phone(0), "", read_clock()).withdrawals


def test_an_alias_that_is_a_client_already_is_refused() -> None:
    record_people(range(1))
    load_facts([Taken("Beta", "P0", read_clock(), read_clock())], source="tests", by="tests")
    frame = pl.DataFrame({"client": [CLIENT], "alias": ["beta"]})
    with pytest.raises(LoadRefused, match="alias 'beta': stands for the client 'Beta' already"):
        load_frames({"clients": frame}, source="tests", by="tests")


@pytest.mark.django_db(transaction=True)
def test_a_service_call_is_counted_as_one_and_does_not_fill_the_cap(tmp_path: Path) -> None:
    record_people(range(2))
    care = dataclasses.replace(CAMPAIGN_ROW, client=CLIENT, purpose="service", origin="")
    record_campaign("care", care, by="tests")
    ground = GateDatabase(tmp_path)
    ground.ready()
    for k in range(5):
        assert ask(ground, question(1, f"s{k}", camp="care")).status == 200
    statuses = [ask(ground, question(1, f"p{k}")).status for k in range(5)]
    assert set(ground.rows("SELECT DISTINCT purpose FROM gate_attempt")) == {("service",), ("prospecting",)}
    assert statuses == [200, 200, 200, 200, 403]


def test_a_campaign_of_before_sectors_is_refused() -> None:
    record_people(range(1))
    Row.objects.update(sector="")
    now = read_clock()
    known = read_facts(CLIENT, phone(0), now, campaign=CAMPAIGN)
    call = Call(CLIENT, phone(0), now, "electricity", CALLER, CAMPAIGN)
    assert "FR-DATA-SECTOR" in judge_call(call, known.facts(), open_rules(), now).rules


def test_a_contract_under_an_alias_carries_the_call() -> None:
    record_people(range(1))
    frame = pl.DataFrame({"client": [CLIENT], "alias": ["Alpha"]})
    load_frames({"clients": frame}, source="tests", by="tests")
    day = read_clock().date() - timedelta(days=400)
    contract = Contract("K", "ALPHA", "P0", day, None, read_clock(), frozenset({"électricité"}))
    load_facts([contract], source="tests", by="tests")
    now = read_clock()
    known = read_facts(CLIENT, phone(0), now, campaign=CAMPAIGN)
    call = Call(CLIENT, phone(0), now, "electricity", CALLER, CAMPAIGN, sector="energy-supply")
    assert judge_call(call, known.facts(), open_rules(), now).basis == "contract:K"


def test_a_campaign_is_found_however_a_table_spells_it() -> None:
    record_people(range(1))
    head, now = "campaign,day,abandoned,handled,known_at", read_clock().isoformat()
    text = f"{head}\nSPRING,2026-11-24,9,60,{now}\n"
    load_frames(read_tables({"abandoned.csv": text.encode()}), source="tests", by="tests")
    assert AbandonedRow.objects.get().campaign == CAMPAIGN
