"""The pages of campaigns and of one person: figures as recorded, a look that is recorded."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.engine import Abandoned, built_in_rules
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import Decision
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from tests.accounts.people import signed_in
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, build_consent, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]
ADDRESS = f"/outbound/campaigns/{CAMPAIGN}"


@pytest.fixture
def manager(called: list[str]) -> Client:
    return signed_in(Role.OUTBOUND)


def test_the_figures_are_those_of_the_decisions(manager: Client, called: list[str]) -> None:
    shown = manager.get(f"{ADDRESS}?format=json").json()
    allowed = sum(text.startswith("allow") for text in called)
    assert (shown["allowed"], shown["refused"]) == (allowed, len(called) - allowed)
    reasons = Counter(rule for d in Decision.objects.all() for rule in set(filter(None, d.rules.split("|"))))
    assert shown["by_rule"] == dict(reasons)
    hours = Counter(d.at.astimezone(zone("Europe/Paris")).hour for d in Decision.objects.filter(allowed=True))
    assert {h: n for h, n in enumerate(shown["by_hour"]) if n} == dict(hours)
    assert shown["several_clocks"] == 0


def test_the_list_counts_today_s_refusals_and_says_when_registers_were_read(manager: Client, called: list[str]) -> None:
    refused = sum(not text.startswith("allow") for text in called)
    (row,) = manager.get("/outbound/?format=json").json()["campaigns"]
    assert row["refused_today"] == refused
    page = html.unescape(manager.get("/outbound/").content.decode())
    assert re.search(rf"{refused} appels? refusés? aujourd’hui", page)
    assert "lu il y a" in page
    other = html.unescape(signed_in(Role.CONTINUITY).get("/outbound/").content.decode())
    assert "lu il y a" not in other


def test_the_object_of_a_campaign_is_a_word_and_no_code(manager: Client) -> None:
    page = re.sub(r"<[^>]+>", " ", html.unescape(manager.get("/outbound/").content.decode()))
    assert "électricité" in page
    assert "electricity" not in page


def test_a_refusal_is_explained_by_the_row_that_refused_it(manager: Client) -> None:
    """The law and our policy share the id FR-AUTO-1; thirty calls were refused by the law."""
    text, policy = (row.rule.of("fr") for row in built_in_rules().rows if row.id == "FR-AUTO-1")
    Decision.objects.update(allowed=False, legal=False, rules="FR-AUTO-1")
    page = html.unescape(manager.get(ADDRESS).content.decode())
    assert text in page
    assert policy not in page
    Decision.objects.update(legal=True)
    page = html.unescape(manager.get(ADDRESS).content.decode())
    assert text not in page
    assert policy in page


def test_consents_that_end_soon_are_counted_on_their_last_day(manager: Client) -> None:
    now = read_clock()
    today = to_legal_day(now)
    soon = today + timedelta(days=5)
    load_facts(
        [
            build_consent(10, now - timedelta(days=2), until=soon),
            build_consent(11, now - timedelta(days=355)),
            build_consent(12, now - timedelta(days=2), until=soon, objects=frozenset({"gas"})),
            build_consent(13, now - timedelta(days=400)),
            build_consent(14, now - timedelta(days=2), until=today + timedelta(days=31)),
        ],
        source="tests", by="tests",
    )  # fmt: skip
    shown = manager.get(f"{ADDRESS}?format=json").json()["expiring"]
    ends = to_legal_day(now - timedelta(days=355)) + timedelta(days=364)
    assert shown == {soon.isoformat(): 1, ends.isoformat(): 1}


def test_the_dialler_is_held_to_its_formula(manager: Client) -> None:
    today, now = to_legal_day(read_clock()), read_clock()
    load_facts([Abandoned(CAMPAIGN, today, 4, 96, now)], source="dialler", by="tests")
    (day,) = manager.get(f"{ADDRESS}?format=json").json()["pacing"]
    assert day == {"day": today.isoformat(), "abandoned": 4.0, "handled": 96.0, "share": 0.04}
    page = manager.get(ADDRESS).content.decode()
    assert "Abandonnés ÷ (abandonnés + appels remis à un téléconseiller)" in page
    assert "au-dessus" in page


def test_a_period_that_is_none_is_said(manager: Client) -> None:
    assert "les trente derniers" in manager.get(f"{ADDRESS}?from=x").content.decode()
    page = manager.get(f"{ADDRESS}?from=2026-11-24&to=2026-11-01").content.decode()
    assert "précède le dernier" in page
    early = manager.get(f"{ADDRESS}?from=2020-01-01&to=2020-01-31&format=json").json()
    assert (early["allowed"], early["refused"], early["by_rule"]) == (0, 0, {})


def test_a_campaign_takes_few_queries_whatever_its_size(manager: Client) -> None:
    manager.get(ADDRESS)
    with CaptureQueriesContext(connection) as seen:
        manager.get(ADDRESS)
    assert len(seen) <= 15


def test_a_client_sees_its_own_campaigns_and_no_others(called: list[str]) -> None:
    own, other = signed_in(Role.CLIENT, clients=[CLIENT]), signed_in(Role.CLIENT, clients=["B"])
    assert CAMPAIGN in own.get("/outbound/").content.decode()
    assert own.get(ADDRESS).status_code == 200
    assert CAMPAIGN not in other.get("/outbound/").content.decode()
    assert other.get(ADDRESS).status_code == 404
    assert own.get("/outbound/person").status_code == 404


def test_a_number_is_found_however_it_is_written(manager: Client) -> None:
    written = "0" + " ".join(phone(0).removeprefix("+33"))
    shown, whole = looked(manager, number=written).json(), looked(manager).json()
    assert shown["history"]["findings"] == whole["history"]["findings"]
    assert not any("DATA-PERSON" in row for row in shown["history"]["findings"])


def looked(web: Client, **shown: str) -> object:
    form = {"number": phone(0), "campaign": CAMPAIGN, "caller": CALLER, "reason": "she asks why we called", **shown}
    return web.post("/outbound/person?format=json", form)


def test_a_look_shows_the_verdict_and_the_history_and_is_recorded_with_its_reason(manager: Client) -> None:
    answered = looked(manager)
    assert answered["Cache-Control"] == "private, no-store"
    shown = answered.json()["history"]
    assert shown["number"] == number_pseudonym(phone(0))
    assert not shown["allowed"]
    assert any(row.startswith("FR-OPTIN-6@") for row in shown["findings"])
    tables = Counter(event["table"] for event in shown["events"])
    assert (tables["consents"], tables["withdrawals"]) == (1, 1)
    assert tables["attempts"] == Decision.objects.filter(allowed=True, number=number_pseudonym(phone(0))).count()
    entry = LedgerEntry.objects.get(kind="outbound.looked")
    assert phone(0) not in entry.body
    kept = {row.path: row.value for row in PersonalValue.objects.filter(entry=entry)}
    assert "she asks why we called" in " ".join(map(str, kept.values()))
    page = manager.post(
        "/outbound/person", {"number": phone(0), "campaign": CAMPAIGN, "caller": CALLER, "reason": "for a complaint"}
    ).content.decode()
    assert "Le consentement C0 a été retiré" in page
    known = " ".join(page.split("<h2>Ce qui est connu</h2>")[1].split("</dl>")[0].split())
    for said in ("référence C0", "donneur d’ordre CLIENT-A", "objet électricité"):
        assert said in known
    assert not re.search(r"\b(objects|electricity|outcome|act|items|table:)\b", known)
    assert re.search(r"métropole, \d+\u00a0h", page)
    assert LedgerEntry.objects.filter(kind="outbound.looked").count() == 2


def test_a_look_without_a_reason_shows_nothing_and_records_nothing(manager: Client) -> None:
    answered = looked(manager, reason="why")
    (fault,) = answered.json()["error"]["faults"]
    assert (answered.status_code, fault["field"]) == (422, "reason")
    assert "history" not in answered.json()
    assert looked(manager, campaign="none").status_code == 422
    assert not LedgerEntry.objects.filter(kind="outbound.looked").exists()


def test_somebody_unknown_is_said_to_be(manager: Client) -> None:
    shown = looked(manager, number="01 99 00 99 99").json()
    assert shown["history"]["persons"] == []
    assert "FR-DATA-PERSON@always" in shown["history"]["findings"]
