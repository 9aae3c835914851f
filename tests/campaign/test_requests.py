"""Requests by number, or to every client, on the sheet, in the pack and beside the call."""

from __future__ import annotations

import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.campaign.packs import iter_consents, iter_proved_calls
from releve.plugins.outbound.campaign.reports import build_report
from releve.plugins.outbound.engine import Person
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request
from releve.plugins.outbound.gate.pseudonyms import person_pseudonym
from tests.gate.sample_campaign import CAMPAIGN, CLIENT, build_consent, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def withdrawn(person: str) -> str:
    """When the pack says that a person's consent was taken back."""
    (one,) = iter_consents(CLIENT, load_current_rules(), None, person=person_pseudonym(person))
    return str(one.columns["withdrawn_at"])


def test_a_request_counts_once_on_the_sheet_and_comes_with_the_consent(called: list[str]) -> None:
    assert not withdrawn("P1")
    record_request(PhoneRequest("k", phone(1), "stop", ""), by="ines")
    today, now = to_legal_day(read_clock()), read_clock()
    found = build_report(load_campaigns()[CAMPAIGN], today, today, load_current_rules(), now, None)
    assert found.content["withdrawals"] == {"oral": 1, "spoken": 1}
    assert found.content["refusals_said"] == {"objection": 1}
    assert withdrawn("P1")


def test_a_request_by_number_before_a_person_was_known_comes_with_their_consent(called: list[str]) -> None:
    load_facts([build_consent(77, read_clock())], source="tests", by="tests")
    record_request(PhoneRequest("k", phone(77), "stop", CLIENT), by="ines")
    assert not withdrawn("P77")
    load_facts([Person("P77", phone(77), read_clock())], source="tests", by="tests")
    assert withdrawn("P77")


@pytest.mark.parametrize("client", [CLIENT, ""])
def test_a_withdrawal_on_the_day_of_a_call_stands_beside_it(called: list[str], client: str) -> None:
    record_request(PhoneRequest("k", phone(1), "stop", client), by="ines")
    record_request(PhoneRequest("k2", phone(77), "stop", client), by="ines")  # of whom no one is known
    today = to_legal_day(read_clock())
    calls = [one.columns for one in iter_proved_calls(CAMPAIGN, today, today, None)]
    by_name = {columns["call"]: columns for columns in calls}
    assert by_name["call-1/1"]["withdrawal_channel"] == "oral"
    assert by_name["call-10/1"]["withdrawal_channel"] == "oral"
