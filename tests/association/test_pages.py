"""The member's page and the clerk's, from what is shown to what is sent and published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.network import read_operator, write_operator
from releve.network.sample import sample_operator
from releve.plugins.sector.association import models
from releve.plugins.sector.association.clerk import publish_bulletin, revoke_member
from releve.plugins.sector.association.contracts import start_contract
from releve.plugins.sector.association.gate_member import keep_result, prepare_commit, wrap_order
from releve.plugins.sector.association.gates import announce_gate, run_clearings, take_order, wrap_result
from releve.plugins.sector.association.membership import wrap_contribution
from releve.plugins.sector.engine.needs import SectorOffer
from releve.plugins.sector.valve_pages import REFUSALS
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import look_as
from tests.association.sector_of_seven import DAY, MORNING, OTHERS, OWN, TEN, SectorOfSeven
from tests.sector.sector_case import make_terms

pytestmark = pytest.mark.database


@pytest.fixture
def desk(sector: SectorOfSeven, settings: Settings) -> Iterator[Client]:
    """A continuity manager at the desk of an operator that is a member, and the clerk as well."""
    storage.clear_cache()
    operator = read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))
    apply_changes(preview_changes(operator), "tests")
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    yield look_as(Role.CONTINUITY)
    storage.clear_cache()


def test_a_member_reads_what_goes_out_and_sends_exactly_that(
    desk: Client, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    assert desk.post("/association/prepare").status_code == 302
    row = models.OwnContribution.objects.get()
    shown = unescape(desk.get("/association/").content.decode())
    assert wrap_contribution(row).content.decode() in shown
    assert sent_bytes == []
    assert desk.post("/association/send", {"digest": "0" * 64}).status_code == 409
    assert desk.post("/association/send", {"digest": row.digest}).status_code == 302
    assert [request.content for request in sent_bytes] == [wrap_contribution(row).content]
    assert desk.post("/association/prepare").status_code == 409
    assert row.digest[:16] in desk.get("/association/").content.decode()


def test_a_member_fetches_the_design_and_the_bulletin_by_hand(
    desk: Client, sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    """On the first of a month it is still about the last day of the one before."""
    set_clock(MORNING + timedelta(days=4))
    last_day = DAY + timedelta(days=4)
    page = "/association/?format=json"
    design = models.MonthlyDesign.objects.get()
    models.MonthlyDesign.objects.all().delete()
    assert desk.post("/association/fetch").status_code == 409, "the clerk has none either"
    assert desk.get(page).json()["contribution"]["panel"] == 0
    design.save()
    assert desk.post("/association/fetch").status_code == 302
    assert desk.post("/association/prepare").status_code == 302
    assert [request.method for request in sent_bytes] == ["GET"], "nothing goes out"
    desk.post("/association/send", {"digest": models.OwnContribution.objects.get().digest})
    shown = desk.get(page).json()["contribution"]
    assert (shown["due"], shown["panel"]) == (None, 7)
    sector.send_all(last_day)
    set_clock(TEN + timedelta(days=4, minutes=1))
    publish_bulletin(last_day, TEN + timedelta(days=4))
    assert desk.post("/association/fetch").status_code == 302
    assert models.OwnContribution.objects.get().found == "in"


def test_a_member_switches_the_daily_contribution_and_states_relief(
    desk: Client, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    for on in (True, False):
        assert desk.post("/association/switch", {"on": "yes" if on else ""}).status_code == 302
        assert (models.Membership.objects.get().sends_since is not None) is on
    destination = live.operator_now().sites[0].destination
    assert desk.post("/association/state", {f"relief_spare-{destination}": "-1"}).status_code == 422
    assert desk.post("/association/state", {f"relief_spare-{destination}": "12"}).status_code == 302
    assert models.Membership.objects.get().stated["relief_spare"] == {destination: 12}
    assert desk.post("/association/state", {f"relief_spare-{destination}": "0"}).status_code == 302
    stated = models.Membership.objects.get().stated
    assert stated == {"relief_spare": {destination: 0}, "relief_wanted": {}}, "empty is not reported"


def test_the_clerk_sees_who_is_missing_and_publishes_when_it_is_time(
    desk: Client, sector: SectorOfSeven, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    sector.send_all()
    assert desk.post("/association/clerk/publish", {"day": "2026-11-26"}).status_code == 409
    assert desk.post("/association/clerk/publish", {"day": "today"}).status_code == 409
    states = {row["member"]: row["state"] for row in
              desk.get("/association/clerk?format=json").json()["clerk"]["members"]}  # fmt: skip
    assert [member for member, state in states.items() if state == "missing"] == ["rive"]
    set_clock(TEN)
    assert desk.post("/association/clerk/publish", {"day": "2026-11-26"}).status_code == 302
    assert models.DayBulletin.objects.count() == 1
    shown = desk.get("/association/clerk?format=json").json()["clerk"]["bulletins"][0]
    assert (shown["contributions"], shown["members"]) == (6, 7)
    assert [cell["value"] for cell in shown["cells"][:2]] == [1365, 825]
    states = {cell["measure"]: cell["state"] for cell in shown["cells"]}
    assert (states["sites_closed"], states["calls_offered"]) == ("stated", "not_reported")
    page = desk.get("/association/clerk").content.decode()
    for words in ("6 sur 7", "1\u202f365", "Sites fermés", "Appels reçus", "non communiqué"):
        assert words in page
    papers = [desk.get("/association/clerk/2026-11-26.pdf").content for _ in range(2)]
    assert papers[0] == papers[1]
    assert papers[0].startswith(b"%PDF")


def test_what_the_clerk_refuses_is_said_in_french(
    desk: Client, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    desk.post("/association/prepare")
    sent = {"digest": models.OwnContribution.objects.get().digest}
    revoke_member(OWN, MORNING)
    answer = desk.post("/association/send", sent)
    assert answer.status_code == 409
    words = "refus du secrétariat\u202f: aucun adhérent de l’association n’a ce secret"
    assert words in unescape(answer.content.decode())
    assert models.OwnContribution.objects.get().sent_at is None


def test_an_own_offer_that_was_left_out_is_explained_in_the_reader_s_language(
    desk: Client, set_clock: Callable[[datetime], None]
) -> None:
    closes = MORNING + timedelta(minutes=30)
    offer = SectorOffer(f"{OWN}/p1", OWN, "TN", "inbound:fr:home", 1, 900, ((20, 5),))
    set_clock(MORNING)
    announce_gate("g-1", DAY + timedelta(1), closes, MORNING)
    take_order(wrap_order(prepare_commit("g-1", [offer], MORNING)), MORNING)
    run_clearings(closes + timedelta(minutes=15))
    row = models.ReliefGate.objects.get()
    keep_result("g-1", wrap_result(row, OWN), closes + timedelta(minutes=16))
    set_clock(closes + timedelta(minutes=17))
    page = "/contracts/gates/g-1/"
    assert f"{OWN}/p1\u202f: pas ouverte après la clôture." in desk.get(page).content.decode()

    row.refresh_from_db()
    result = json.loads(row.result)
    at = closes.isoformat()
    params = {"gate": ["g-0", "g-1"], "late": [at, at], "other": ["rif/p2", "rif"]}
    result["refused"] = [{"offer": f"{OWN}/{code}", "code": code, "params": params.get(code, [])} for code in REFUSALS]
    models.ReliefGate.objects.update(result=json.dumps(result))
    french, english = (
        unescape(desk.get(page, headers={"accept-language": language}).content.decode()) for language in ("fr", "en")
    )
    for code in REFUSALS:
        assert f"{OWN}/{code}\u202f: " in french
        assert f"{OWN}/{code}: " in english
    assert "reçue le 27 novembre 2026 à 7 h 30" in french.replace("\u202f", " ").replace("\u00a0", " ")


def test_the_list_of_contracts_names_the_client_of_an_own_request(desk: Client) -> None:
    operator = live.operator_now()
    programme, reference = operator.programmes[0], f"{OWN}/g-1-0001"
    models.OwnOrder.objects.create(gate="g-1", kind="request", digest="0" * 64, text="{}", signature="",
                            private={"programmes": {reference: programme.id}},
                            made_at=MORNING)  # fmt: skip
    for number, name in enumerate((reference, f"{OTHERS[0]}/g-1-0001")):
        start_contract(make_terms(contract=f"g-{number}", asker=OWN, client=name, programme=name), "sp2c", MORNING)
    shown = unescape(desk.get("/contracts/").content.decode())
    assert operator.client[programme.client].name in shown
    assert reference not in shown
    assert f"{OTHERS[0]}/g-1-0001" in shown, "of a partner's request no more is known"


def test_an_operator_without_an_association_is_shown_how_to_join(desk: Client, settings: Settings) -> None:
    models.Membership.objects.all().delete()
    settings.CLERK_OF = ""
    assert "releve sector contribute join" in desk.get("/association/").content.decode()
    assert "RELEVE_CLERK_OF" in desk.get("/association/clerk").content.decode()
    assert desk.post("/association/state", {}).status_code == 409
    assert desk.post("/association/switch", {"on": "yes"}).status_code == 409
