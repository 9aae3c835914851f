"""On the phone: a number, a client, what was said; then the person's rights."""

from __future__ import annotations

import json
import logging
from typing import get_args

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry
from releve.ledger.models import PersonalValue as LedgerValue
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import Person
from releve.plugins.outbound.engine.vocabulary import get_vocabulary
from releve.plugins.outbound.gate import models, pseudonyms
from releve.plugins.outbound.gate.attempt_outcomes import REPORTED_OUTCOMES
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.person_requests import SAID
from releve.plugins.outbound.gate.person_rights import KIND
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from releve.plugins.outbound.pages import api, views
from releve.plugins.outbound.pages.page import SAYINGS
from releve.plugins.outbound.pages.views import RequestForm
from tests.accounts.people import give, person, sign_in, signed_in
from tests.gate.sample_campaign import CAMPAIGN, CLIENT, campaign_terms, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]
ADDRESS, RIGHTS = "/outbound/requests", "/outbound/rights"
WRITTEN = "01 44 50 00 01"
REASON = "elle demande ce que nous avons"


@pytest.fixture(autouse=True)
def scrubbed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The tables whose files were cleaned: not possible within the transaction of a test."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(views, "scrub_files", found.append)
    return found


@pytest.fixture
def manager(called: list[str]) -> Client:
    user = person("manager")
    give(user, Role.OUTBOUND)
    return sign_in(user, lately=True)


def say(web: Client, **more: str) -> object:
    shown = {"key": "k", "number": WRITTEN, "client": CLIENT, "said": "stop", **more}
    return web.post(f"{ADDRESS}?format=json", shown)


@pytest.fixture
def other_key(manager: Client, settings: Settings) -> Client:
    """A desk whose key is not the one that the rows were written with."""
    settings.GATE_KEY = "6" * 64
    pseudonyms.forget_key()
    return manager


def test_under_another_key_nothing_is_recorded(other_key: Client) -> None:
    answer = say(other_key)
    assert answer.status_code == 503
    assert "clé des pseudonymes" in answer.content.decode()
    assert not models.PersonRequestRow.objects.exists()


@pytest.mark.parametrize("what", ["see", "export", "erase", "history"])
def test_under_another_key_no_person_is_looked_up(other_key: Client, what: str) -> None:
    entries = LedgerEntry.objects.count()
    if what == "history":
        given = {"number": WRITTEN, "campaign": CAMPAIGN, "caller": "", "reason": REASON}
        answer = other_key.post("/outbound/person?format=json", given)
    else:
        answer = act(other_key, what)
    assert answer.status_code == 503
    (fault,) = answer.json()["error"]["faults"]
    assert "clé des pseudonymes" in fault["message"]
    assert LedgerEntry.objects.count() == entries


def test_stop_is_confirmed_in_numbers_and_kept_by_no_browser(manager: Client) -> None:
    page = manager.get(ADDRESS)
    assert page["Cache-Control"] == "private, no-store"
    key = page.context["form"].initial["key"]
    shown = {"key": key, "number": WRITTEN, "client": CLIENT, "said": "stop"}
    answer = manager.post(ADDRESS, shown)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    text = answer.content.decode()
    assert f"«\u202fNe m’appelez plus\u202f» · {CLIENT}" in text
    assert "1 personne est connue à ce numéro." in text
    assert "1 campagne en cours sur 1 refuse" in text
    assert "1 consentement est retiré." in text
    again = manager.post(ADDRESS, shown)
    assert "Déjà enregistré" in again.content.decode()
    assert models.PersonRequestRow.objects.get().by == "manager"
    assert answer.context["form"].initial["key"] != key


def test_an_unmatched_number_says_so_and_binds(manager: Client) -> None:
    found = say(manager, number=phone(55), client="*").json()["recorded"]
    assert (found["persons"], found["client"], found["facts"]) == (0, "", 2)
    assert models.WithdrawalRow.objects.filter(person=number_pseudonym(phone(55)), client="").exists()


def test_what_cannot_be_taken_stands_at_its_field_and_nothing_is_lost(manager: Client) -> None:
    answer = say(manager, number="12")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["error"]["faults"]] == ["number"]
    page = manager.post(ADDRESS, {"key": "k", "number": "12", "client": CLIENT, "said": "stop"})
    assert 'value="12"' in page.content.decode()
    assert say(manager, said="").status_code == say(manager, client="").status_code == 422
    assert say(manager, said="outcome", outcome="").status_code == 422
    assert not models.PersonRequestRow.objects.exists()


@pytest.mark.parametrize("kind", ["refusal", "not-interested", "not-now"])
def test_a_refusal_and_an_outcome(manager: Client, kind: str) -> None:
    before = models.RefusalRow.objects.count()
    assert say(manager, said=kind).status_code == 200
    assert models.RefusalRow.objects.count() == before + 2
    shown = say(manager, said="outcome", outcome="conversation", key="o").json()["recorded"]
    assert (shown["said"], shown["facts"]) == ("outcome", 1)


def test_no_number_is_in_a_log_a_link_or_a_twin(manager: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = say(manager)
        say(manager, number="0144500001999999999")
    digits = phone(1)[3:]
    assert digits not in json.dumps(answer.json())
    assert digits not in caplog.text
    assert WRITTEN not in caplog.text
    for entry in LedgerEntry.objects.values_list("body", flat=True):
        assert digits not in entry


def test_a_site_lead_sees_the_clients_of_their_site_alone(called: list[str]) -> None:
    record_campaign("far", campaign_terms("CLIENT-F", site="TUNIS"), by="tests")
    lead = signed_in(Role.SITE, sites=["CASA"])
    text = lead.get(ADDRESS).content.decode()
    assert CLIENT in text
    assert "CLIENT-F" not in text
    assert 'value="*"' not in text
    assert say(lead).status_code == 200
    assert say(lead, client="CLIENT-F").status_code == say(lead, client="*").status_code == 422


def act(web: Client, what: str, **more: str) -> object:
    shown = {"number": WRITTEN, "person": "", "reason": REASON, "act": what, **more}
    return web.post(f"{RIGHTS}?format=json", shown)


def test_what_is_stored_is_counted_exported_and_erased_each_with_its_reason(
    manager: Client, scrubbed: list[tuple[str, ...]]
) -> None:
    say(manager)
    stored = act(manager, "see").json()["stored"]
    assert stored["rows"][CLIENT] == {"consents": 1, "withdrawals": 2, "refusals": 2, "attempts": 4}
    assert (stored["requests"], stored["values"] >= 2) == (1, True)
    answer = act(manager, "export")
    assert answer["Content-Disposition"] == 'attachment; filename="person.json"'
    document = json.loads(answer.content)
    assert (document["number"], document["person"]) == (phone(1), "P1")
    assert {row["person"] for row in document["facts"]["withdrawals"]} == {"P1", phone(1)}
    assert len(document["facts"]["consents"]) == len(document["requests"]) == 1
    assert "P0" not in answer.content.decode()
    assert act(manager, "erase").json()["erased"] >= 2
    assert scrubbed == [("gate_personal",)]
    assert not models.PseudonymValue.objects.filter(pseudonym=number_pseudonym(phone(1))).exists()
    assert models.WithdrawalRow.objects.filter(person=number_pseudonym(phone(1))).exists()
    entries = LedgerEntry.objects.filter(kind=KIND).order_by("seq")
    shown = [json.loads(body) for body in entries.values_list("body", flat=True)]
    assert [one["act"] for one in shown] == ["seen", "exported", "erased"]
    assert LedgerValue.objects.filter(path="reason").count() >= 3


def test_export_and_erasure_are_of_the_person_who_was_looked_at(manager: Client) -> None:
    shown = {"number": WRITTEN, "person": "", "reason": REASON, "act": "see"}
    text = manager.post(RIGHTS, shown).content.decode()
    (_, acts) = text.split('id="stored-title"')
    assert f'<input type="hidden" name="number" value="{WRITTEN}">' in acts
    assert 'value="erase"' in acts
    assert "Rien n’est conservé" in manager.post(RIGHTS, {**shown, "number": "0155667788"}).content.decode()


def test_a_shared_number_takes_the_id_and_a_reason_is_needed(manager: Client) -> None:
    load_facts([Person("P1b", phone(1), read_clock())], source="tests", by="tests")
    assert act(manager, "see").status_code == 422
    assert act(manager, "see", person="P0").status_code == 422
    assert act(manager, "export", reason="parce que").status_code == 422
    document = json.loads(act(manager, "export", person="P1").content)
    assert {row["person"] for row in document["facts"]["people"]} == {"P1"}
    act(manager, "erase", person="P1")
    assert models.PseudonymValue.objects.filter(pseudonym=number_pseudonym(phone(1))).exists()
    assert LedgerEntry.objects.filter(kind=KIND).count() == 2


def test_what_a_feed_read_and_the_rows_that_it_set_aside_are_shown(manager: Client) -> None:
    models.FeedFaultRow.objects.create(feed="drop:1", file="one.csv", line=3, field="number",
                             code="number.unreadable", at=read_clock())  # fmt: skip
    models.Cursor.objects.create(source="drop:1", file="one.csv", offset=12)
    models.Cursor.objects.create(source="feed:dialler", file="dialler", offset=7)
    models.Cursor.objects.create(source="17:acc", file="acc.log", offset=90_000)
    assert 'href="/outbound/feeds"' in manager.get(ADDRESS).content.decode()
    text = manager.get("/outbound/feeds").content.decode()
    assert "one.csv" in text
    assert "Ce n’est pas un numéro de téléphone" in text
    read = manager.get("/outbound/feeds?format=json").json()["read"]
    assert read == [{"file": "dialler", "rows": 7}, {"file": "one.csv", "rows": 12}]


def test_what_may_be_said_is_the_same_at_every_way_in() -> None:
    outcomes = set(REPORTED_OUTCOMES)
    choices = dict(RequestForm([CLIENT], every=False).fields["outcome"].choices)
    assert set(choices) - {""} == outcomes < set(get_vocabulary("outcome").ids)
    assert set(get_args(api.Outcome)) == {"", *outcomes}
    assert set(SAYINGS) == set(SAID) == set(get_args(api.Said)) == set(get_vocabulary("said").ids)
