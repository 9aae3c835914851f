"""The pages of contracts of relief: asked, agreed by the client, signed, recalled, in French."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.plugins.sector.association import contracts
from releve.plugins.sector.association.contracts import RELIEF, load_contract, start_contract, take_step
from releve.plugins.sector.association.spare_searches import run_searches
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import signed_in
from tests.evidence.pack_house import build_operator
from tests.homes import make_test_home
from tests.sector.sector_case import CLERK, make_terms

pytestmark = [pytest.mark.database, pytest.mark.django_db]
THEN = datetime(2026, 1, 5, 8, tzinfo=UTC)
ADDRESS = "/contracts/relief/c-1/"


@pytest.fixture
def web(settings: Settings, tmp_path: Path) -> Client:
    """A manager's browser; the operator has asked and its contract is matched."""
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()
    apply_changes(preview_changes(build_operator()), "tests")
    start_contract(make_terms(), CLERK, THEN)
    return signed_in(Role.CONTINUITY)


def match() -> None:
    for kind, by in (("offer", "rif"), ("match", CLERK)):
        take_step("c-1", kind, by, THEN)


def read(web: Client, path: str = ADDRESS) -> str:
    answer = web.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def send(web: Client, **values: str) -> tuple[int, str]:
    found = re.search(r'name="before" value="([0-9a-f]{64})"', read(web))
    before = found[1] if found else ""
    answer = web.post(ADDRESS, {"before": before, **values})
    return answer.status_code, answer.content.decode()


def test_the_list_and_a_contract_say_its_state_in_french(web: Client) -> None:
    listed = read(web, "/contracts/")
    assert "Contrats d’entraide" in listed
    assert "Appels entrants, français, à domicile" in listed
    assert ADDRESS in listed
    assert "Demandé : offre du partenaire attendue" in read(web).replace("\u202f", " ")
    (row,) = web.get("/contracts/?format=json").json()["contracts"]
    assert row["state"] == "asked"


def test_each_state_of_a_contract_is_said_of_a_contract(web: Client) -> None:
    """Calls are offered, too, and in French they are another word."""
    take_step("c-1", "offer", "rif", THEN)
    assert "Offert : appariement du secrétariat attendu" in read(web).replace("\u202f", " ")


def test_a_client_s_agreement_needs_its_reference_then_both_sign(web: Client) -> None:
    match()
    status, shown = send(web, kind="agree")
    assert status == 422
    assert "reference" in shown
    assert send(web, kind="agree", reference="lettre du 1er décembre")[0] == 302
    assert "lettre du 1er décembre" in read(web)
    assert send(web, kind="sign")[0] == 302
    assert load_contract("c-1").contract.signed == {"atlas"}


def test_a_step_on_an_older_state_or_of_another_party_is_refused(web: Client) -> None:
    match()
    before = "0" * 64
    answer = web.post(ADDRESS, {"before": before, "kind": "agree", "reference": "x"})
    assert answer.status_code == 422
    assert load_contract("c-1", RELIEF).contract.state == "matched"
    assert send(web, kind="recall", reason="loss")[0] == 422


def test_text_and_message_are_handed_out(web: Client) -> None:
    pdf = web.get(f"{ADDRESS}text.pdf")
    assert pdf.content.startswith(b"%PDF")
    message = web.get(f"{ADDRESS}message.json")
    assert message.json()["format"] == "releve relief contract 1"
    assert web.get("/contracts/live/c-1/").status_code == 404


def test_agents_are_named_by_the_worker_and_the_page_says_what_came_of_it(
    web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert web.post(f"{ADDRESS}lend").status_code == 409, "the asker names no agents"
    with monkeypatch.context() as partner:
        key = Ed25519PrivateKey.generate()
        partner.setattr(contracts, "signing_key", lambda: key)
        start_contract(replace(make_terms(), contract="c-2"), CLERK, THEN)
    take_step("c-2", "offer", "rif", THEN)
    take_step("c-2", "match", CLERK, THEN)
    page = "/contracts/relief/c-2/"
    assert "?part=search" not in read(web, page)
    assert web.post(f"{page}lend").status_code == 302
    assert "hx-get" in read(web, page)
    assert web.get(f"{page}?format=json").json()["search"]["state"] == "waiting"
    part = read(web, f"{page}?part=search")
    assert "commence dans un instant" in part
    assert "<html" not in part
    run_searches(timezone.now())
    assert web.get(f"{page}?part=search").headers["HX-Refresh"] == "true"
    done = read(web, page)
    assert "aucun plan en vigueur ne couvre" in done
    assert "hx-get" not in done
    assert "Désigner les téléconseillers" in done, "it can be asked for again"
