"""The bulletin on the desks: a contribution read and sent, the clerk publishes, all read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import httpx
from playwright.sync_api import Page, expect

from releve.plugins.sector.association.figures import find_publication, load_shipped_bulletin_rules
from releve.plugins.sector.association.keys import Envelope, open_envelope
from releve.plugins.sector.engine.bulletin import TOTAL
from releve.plugins.sector.engine.contribution import Contribution, sign_text
from releve.plugins.sector.engine.panel import find_rule, parse_design
from tests.association.sector_of_seven import sign_key
from tests.browser_tools import follow
from tests.desk_valve.offices import GIVER, OTHERS, Sector, look, press, read_clerk, read_json, wait_for

__all__ = ["approve_contribution", "publish_by_hand", "read_bulletin", "send_others"]

RECEIVED_ALL = "SELECT text FROM association_receivedcontribution"
RECEIVED = f"{RECEIVED_ALL} WHERE member = ?"
ON_SITE = "agents_on_site"
ROUNDING = 5


def send_others(sector: Sector) -> None:
    """Send what the members without a desk contribute, three of them of a second destination."""
    with httpx.Client(base_url=sector.offices["clerk"].address) as client:
        held = {name: {"Authorization": f"Bearer {token}"} for name, token in sector.tokens.items()}
        month = f"{sector.bulletin_day:%Y-%m}"
        answer = client.get(f"/association/designs/{month}", headers=held[OTHERS[0]])
        design = parse_design(open_envelope(answer.content).text)
        for number, name in enumerate(OTHERS):
            figures = {("agents_on_site", "MA"): 80 + 7 * number}
            if number < 3:
                figures["agents_on_site", "SN"] = 30 + number
            sent = Contribution(
                association="sp2c", member=name, day=sector.bulletin_day, design=design.digest,
                figures=figures, seats={"MA": 200, "SN": 200}, nonce=f"{number + 1:064x}",
                software="0.0.9",
                made_at=datetime.combine(sector.bulletin_day + timedelta(days=1), time(6), UTC),
            )  # fmt: skip
            envelope = Envelope("contribution", sent.text, sign_text(sent.text, sign_key(name)))
            answer = client.post(
                "/association/contributions", content=envelope.content,
                headers={**held[name], "Content-Type": "application/json"},
            )  # fmt: skip
            assert answer.status_code == 200, answer.text


def approve_contribution(sector: Sector, member: Page) -> None:
    """Read on the desk what would go out, send it, and find those bytes at the clerk."""
    member.goto("/association/")
    press(member, "Relever chez le secrétariat")
    press(member, "L’établir, pour la lire")
    look(member, "bulletin-contribution")
    shown = json.loads(member.locator("pre").inner_text())
    assert read_clerk(sector, RECEIVED, GIVER) == [], "nothing goes out unread"
    press(member, "L’envoyer")
    ((text,),) = read_clerk(sector, RECEIVED, GIVER)
    assert json.loads(text) == shown["contribution"]


def publish_by_hand(sector: Sector, clerk: Page) -> None:
    """Wait until all seven have contributed, move the clock to the hour, and publish."""
    address = f"/association/clerk?day={sector.bulletin_day}"
    waiting = clerk.get_by_role("cell", name="manquante")

    def all_in() -> bool:
        return clerk.get_by_role("cell", name="reçue").count() == 7 and waiting.count() == 0

    wait_for(clerk, address, all_in, "not all contributions have come")
    publish = clerk.get_by_role("button", name="Publier le bulletin")
    assert publish.count() == 0, "it is not ten o'clock yet"
    rule = find_rule(load_shipped_bulletin_rules(), sector.bulletin_day)
    sector.put_clock(find_publication(sector.bulletin_day, rule) + timedelta(seconds=1))
    clerk.goto(address)
    follow(publish)
    clerk.goto(address)
    expect(clerk.locator("#main")).to_contain_text("Le bulletin de cette journée est publié")
    look(clerk, "bulletin-clerk")


def read_bulletin(sector: Sector, member: Page) -> None:
    """Find the own contribution in the bulletin, a total that is right, and no figure of few."""
    member.goto("/association/")
    press(member, "Relever chez le secrétariat")
    expect(member.locator("section[aria-labelledby=sent-title]")).to_contain_text("dans le bulletin")
    look(member, "bulletin-member")
    on_site = [json.loads(text)["figures"][ON_SITE] for (text,) in read_clerk(sector, RECEIVED_ALL)]
    assert len(on_site) == 7
    cells = read_json(member, "/association/?format=json")["contribution"]["bulletin"]["cells"]
    shown = {cell["group"]: cell["value"] for cell in cells if cell["measure"] == ON_SITE}
    assert abs(shown[TOTAL] - sum(sum(figures.values()) for figures in on_site)) < ROUNDING
    assert shown["other"] is None, "three members alone have this figure"
    assert shown["MA"] is None, "else the total would show it"
