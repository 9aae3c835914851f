"""An association on its own desks: a bulletin, then relief from the question to the recall."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import format_choice
from releve.files.plan_folder import read_plans
from releve.plugins.sector.association.contracts import DRILL
from tests.browser_tools import WAIT_MS, follow, overflow
from tests.desk_valve.bulletin_steps import approve_contribution, publish_by_hand, read_bulletin, send_others
from tests.desk_valve.offices import (
    ASKER,
    GIVER,
    OPENINGS,
    Sector,
    desk_of,
    look,
    open_sector,
    press,
    read_clerk,
    read_json,
    start_worker,
    wait_for,
)
from tests.live.killed_house import LONGEST_SECONDS, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOST = "destination:MA"
"""Both sites of the asker: the loss that leaves most to ask for."""


@pytest.fixture(scope="module")
def sector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sector]:
    with open_sector(tmp_path_factory.mktemp("sector")) as found:
        yield found


def sync(*desks: Page) -> None:
    """Exchange contracts through the clerk, at one desk after the other."""
    for page in desks:
        page.goto("/contracts/")
        press(page, "Échanger avec les partenaires")
        expect(page).to_have_url(re.compile("/contracts/$"))


def take(page: Page, contract: str, step: str) -> None:
    page.goto(f"/contracts/{DRILL}/{contract}/")
    page.locator("#id_kind").select_option(step)
    press(page, "Enregistrer et signer")


def read_shares(sector: Sector) -> dict[str, float]:
    """Return the share of calls of each partner in the asker's newest routes of the drill."""
    with closing(sqlite3.connect(sector.offices[ASKER].home / "releve.sqlite3")) as database:
        row = database.execute(
            "SELECT body FROM live_routes WHERE stream = 'drill:1' ORDER BY number DESC LIMIT 1"
        ).fetchone()
    found: dict[str, float] = {}
    for routes in json.loads(row[0]).values() if row else ():
        for place, *_rest, weight in routes:
            if place.startswith("partner:"):
                found[place] = max(found.get(place, 0.0), weight)
    return found


def ask_and_offer(sector: Sector, giver: Page, asker: Page) -> None:
    """Prepare an offer and a request on the two desks, read them, and send both."""
    for page in (giver, asker):
        page.goto("/contracts/gates/")
        press(page, "Relever les bourses")
        follow(page.get_by_role("link", name="g-1"))
    giver.locator("#id_packages").set_input_files(sector.folder / "packages.csv")
    press(giver, "Préparer l’offre, pour la lire")
    look(giver, "valve-searched")
    expect(giver.locator("#order-commit")).to_be_visible(timeout=WAIT_MS)
    assert overflow(giver) == 0
    press(giver, "L’envoyer")
    expect(giver.locator("#main")).to_contain_text("Envoyé")

    clients = sorted(set(sector.programmes.values()))
    asker.locator("#id_contingency").select_option(LOST)
    ceilings = [("client", "ceiling_cents"), *((name, "9000") for name in clients)]
    approvals = [("client", "operator", "destination"), *((name, GIVER, "MA") for name in clients)]
    for name, rows in (("ceilings", ceilings), ("approvals", approvals)):
        file = sector.write(f"own-{name}.csv", rows)
        asker.locator(f"#id_{name}").set_input_files(file)
    press(asker, "Préparer la demande, pour la lire")
    expect(asker.locator("#order-request")).to_be_visible()
    assert not any(c in asker.locator("pre").inner_text() for c in clients), "no client goes out"
    press(asker, "L’envoyer")


def is_cleared(sector: Sector) -> bool:
    """Return whether the clerk has cleared."""
    return read_clerk(sector, "SELECT state FROM association_reliefgate") == [("cleared",)]


def wait_for_result(sector: Sector, page: Page) -> None:
    page.goto("/contracts/gates/g-1/")

    def came() -> bool:
        page.reload()
        return page.locator("#result-title").count() > 0

    wait_until(came, LONGEST_SECONDS, "the result has not come")


def test_members_publish_together_and_relieve_each_other_on_their_desks(browser: Browser, sector: Sector) -> None:
    """From the contribution approved to the bulletin, and from the question to the recall."""
    manager = format_choice(Role.CONTINUITY)
    with desk_of(browser, sector, GIVER, manager) as giver, desk_of(browser, sector, ASKER, manager) as asker:
        with desk_of(browser, sector, "clerk", manager) as clerk:
            asker.goto("/association/")
            press(asker, "Activer")  # its worker sends
            send_others(sector)
            approve_contribution(sector, giver)
            publish_by_hand(sector, clerk)
            read_bulletin(sector, giver)
        start_worker(sector.stack, sector.offices["clerk"])
        closes = sector.announce()
        ask_and_offer(sector, giver, asker)
        sector.put_clock(closes + timedelta(seconds=5))
        opened = giver.locator("section[aria-labelledby=order-open] p.quiet")
        wait_for(giver, "/contracts/gates/g-1/", lambda: opened.count() > 0, "no opening was sent")
        sector.put_clock(closes + OPENINGS + timedelta(seconds=5))
        wait_until(lambda: is_cleared(sector), LONGEST_SECONDS, "the clerk has not cleared")
        sector.put_clock(closes + OPENINGS + timedelta(minutes=2))
        for page in (giver, asker):
            wait_for_result(sector, page)
        look(asker, "valve-result")
        expect(asker.locator("#main")).to_contain_text(GIVER)
        asker.locator("#id_annex").fill("annexe 1")
        asker.locator("#id_liability_cap_cents").fill("2000000")
        asker.locator("#id_sip_address").fill("203.0.113.7:5060")
        asker.locator("#id_outbound_mandate").fill("m-1")
        asker.locator("#id_drill").check()
        press(asker, "Rédiger et signer")
        (contract, *_more) = sorted(row["contract"] for row in read_json(asker, "/contracts/?format=json")["contracts"])
        sync(asker, giver)
        take(giver, contract, "offer")
        sync(giver, asker)
        agree_as_client(browser, sector, asker, contract)
        sync(asker, giver)
        for page in (asker, giver):
            take(page, contract, "sign")  # neither has seen the other's
        sync(asker, giver, asker)
        name_agents(giver, contract)
        help_and_recall(sector, giver, asker, contract)
        found = asker.get_by_role("cell", name="dans le bulletin")
        wait_for(asker, "/association/", lambda: found.count() > 0, "its worker reads no bulletin")


def agree_as_client(browser: Browser, sector: Sector, asker: Page, contract: str) -> None:
    """Have the client agree on its own page, where it reads no price."""
    programme = next(
        row for row in read_json(asker, "/contracts/?format=json")["contracts"] if row["contract"] == contract
    )
    assert programme["state"] == "matched"
    for client in sorted(set(sector.programmes.values())):
        with desk_of(browser, sector, ASKER, format_choice(Role.CLIENT, client)) as page:
            page.goto("/contracts/agreements/")
            button = page.get_by_role("button", name="Donner son accord")
            if button.count():
                look(page, "valve-agreement")
                assert "centimes" not in page.locator("#main").inner_text()
                follow(button.first)
                return
    pytest.fail("no client was asked")


def name_agents(giver: Page, contract: str) -> None:
    """Have the giver's worker name the agents; the page answers at once and says what came."""
    giver.goto(f"/contracts/{DRILL}/{contract}/")
    press(giver, "Désigner les téléconseillers prêtés")
    named = giver.locator("#main", has_text=re.compile("comptent? comme absent"))
    expect(named).to_be_visible(timeout=WAIT_MS)
    look(giver, "valve-contract")


def help_and_recall(sector: Sector, giver: Page, asker: Page, contract: str) -> None:
    """Lose both sites in a drill: the partner's agents cover and take calls until the recall."""
    (plan,) = read_plans(sector.folder / "plans" / ASKER)
    contracts = read_json(asker, "/contracts/?format=json")["contracts"]
    (half_hours,) = [row["half_hours"] for row in contracts if row["contract"] == contract]
    # which half hours are matched is drawn by lot
    at, _agents = max(half_hours, key=lambda row: row[1])
    begins = datetime.fromisoformat(at).astimezone(ZoneInfo("Europe/Paris"))
    begins += timedelta(minutes=5)
    asker.goto("/drills")
    asker.get_by_label("Scénario").fill("Entraide")
    asker.get_by_label("Son horloge part de").fill(f"{begins:%Y-%m-%dT%H:%M}")
    follow(asker.get_by_role("button", name="Commencer l’exercice"))
    for site in plan.sites:
        asker.goto("/record/closure")
        asker.locator("#id_site").select_option(site.id)
        asker.get_by_label("un sinistre").check()
        follow(asker.get_by_role("button", name="Montrer les conséquences"))
        follow(asker.get_by_role("button", name="Fermer le site"))
    asker.goto("/now")
    expect(asker.locator(".moments")).to_contain_text("Messages de la relève", timeout=WAIT_MS)
    place = f"partner:{GIVER}"
    wait_until(lambda: read_shares(sector).get(place, 0.0) > 0, LONGEST_SECONDS, "no call goes to the partner")
    look(asker, "valve-now")

    def count_missing() -> float:
        rows = read_json(asker, "/now?format=json")["clients"]
        return float(sum(row["missing"] or 0.0 for row in rows))

    helped = count_missing()
    take_recall(giver, contract)
    sync(giver, asker)
    wait_until(lambda: place not in read_shares(sector), LONGEST_SECONDS, "calls still go to the partner")
    assert count_missing() > helped, "what the partner covered is missing again"
    asker.goto(f"/contracts/{DRILL}/{contract}/")
    expect(asker.locator("p.lead")).to_contain_text("Repris")


def take_recall(giver: Page, contract: str) -> None:
    giver.goto(f"/contracts/{DRILL}/{contract}/")
    giver.locator("#id_kind").select_option("recall")
    giver.locator("#id_reason").select_option("loss")
    press(giver, "Enregistrer et signer")
