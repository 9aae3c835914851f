"""Relief between operators on their own desks: asked, offered, cleared, agreed, at work, recalled.

Three installations with their workers, on one clock that the test moves past the gate's closing.
"""

from __future__ import annotations

import csv
import json
import os
import re
import secrets
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.accounts.roles import Role
from releve.association.contracts import DRILL
from releve.desk.access.open_mode import COOKIE, format_choice
from releve.files.plan_folder import read_plans
from tests.browser_tools import (
    View,
    command,
    context,
    environ_of,
    faults_of,
    follow,
    keep,
    overflow,
    serious,
)
from tests.live.killed_house import move_clock, nursery_of, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
GIVER, ASKER = "member-01", "member-02"
WAIT_MS = 60_000
OPENINGS = timedelta(minutes=5)
LOST = "destination:MA"
"""Both sites of the asker: the loss that leaves most to ask for."""


@dataclass(frozen=True)
class Office:
    """An installation: its home, and where its desk is served."""

    home: Path
    address: str


@dataclass(frozen=True)
class Sector:
    """A clerk's and two members' installations, their files, and the clock of all of them."""

    offices: dict[str, Office]
    environs: dict[str, dict[str, str]]
    folder: Path
    clock: Path
    day: date
    programmes: dict[str, str]
    """Client of each of the asker's programmes."""

    def run(self, office: str, *args: str) -> str:
        return command(self.offices[office].home, *args, environ=self.environs[office])

    def announce(self) -> datetime:
        """Announce a clearing as the clerk; return when it closes."""
        minutes = ("--in", "30", "--openings", str(OPENINGS // timedelta(minutes=1)))
        said = self.run(
            "clerk", "sector", "gate", "announce", "g-1", "--day", str(self.day), *minutes
        )
        closes = re.search(r"closes at (.{19}) UTC", said)
        assert closes is not None, said
        return datetime.fromisoformat(f"{closes[1]}+00:00")

    def put_clock(self, at: datetime) -> None:
        """Put the clock of all three to an instant."""
        move_clock(self.clock, (at - datetime.now(UTC)).total_seconds())

    def write(self, name: str, rows: Sequence[Sequence[str]]) -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        return path


def serve_offices(
    stack: ExitStack, folder: Path, environs: dict[str, dict[str, str]], names: Sequence[str]
) -> dict[str, Office]:
    """Start the desk and the worker of some installations; return where the desks are served."""
    found = {}
    for name in names:
        home, out = folder / name, folder / f"{name}.out"
        nursery = stack.enter_context(nursery_of(environ_of(home, environs[name])))
        line = ("desk", "serve", "--port", "0")
        for child in (
            nursery.start("run_into", str(out), *line),
            nursery.start("run_into", str(folder / f"{name}-worker.out"), "live", "work"),
        ):
            stack.callback(nursery.wait, child)
            stack.callback(end, child)
        out.touch()

        def address(out: Path = out) -> re.Match[str] | None:
            return re.search(r"http://127\.0\.0\.1:\d+", out.read_text(encoding="utf-8"))

        wait_until(address, 60, f"the desk of {name} does not say where it listens")
        served = address()
        assert served is not None
        found[name] = Office(home, served[0])
    return found


def print_logs(folder: Path) -> None:
    """Print what desks and workers said, which the report of a failure shows."""
    for out in sorted(folder.glob("*.out")):
        print(f"{out.name}:\n{out.read_text(encoding='utf-8')}")


def end(child: int) -> None:
    os.kill(child, signal.SIGTERM)


@pytest.fixture(scope="module")
def sector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sector]:
    """A clerk and two members with a plan of the next Monday in force, one as the other's help."""
    folder = tmp_path_factory.mktemp("sector")
    clock, made = folder / "clock", folder / "made"
    move_clock(clock, 0)
    today = datetime.now(UTC).date()
    day = today + timedelta(days=7 - today.weekday())
    size = ("--operators", "2", "--agents", "240", "--sites", "4", "--seed", "3")
    command(folder / "maker", "network", "sector", *size, "--start", str(day), str(made))
    command(folder / "maker", "sector", "plan", str(made), "--day", str(day))
    common = {
        "RELEVE_SECRET_KEY": secrets.token_urlsafe(48),
        "RELEVE_OPEN": "1",
        "RELEVE_OPEN_ACTS": "1",
        "TEST_CLOCK_AHEAD_SECONDS": "0",
        "TEST_CLOCK_FILE": str(clock),
    }
    environs = {"clerk": {**common, "RELEVE_CLERK_OF": "sp2c"}, GIVER: common, ASKER: common}

    def run(name: str, *args: str) -> str:
        return command(folder / name, *args, environ=environs[name]).strip()

    with ExitStack() as stack:
        stack.callback(print_logs, folder)
        offices = serve_offices(stack, folder, environs, ["clerk"])
        clerk_key = run("clerk", "sector", "clerk", "keys")
        for name in (GIVER, ASKER):
            run(name, "registry", "import", str(made / "members" / name), "--yes")
            run(name, "live", "activate", str(made / "plans" / name))
            lines = run(name, "sector", "contribute", "keys").split("\n")
            keys = dict(line.rsplit(" ", 1) for line in lines)
            token = run("clerk", "sector", "clerk", "register", name, "--key", keys["key"],
                        "--mask-key", keys["mask key"])  # fmt: skip
            environs[name] = {**common, "RELEVE_CLERK_TOKEN": token}
            run(name, "sector", "contribute", "join", "sp2c", name, "--clerk-key", clerk_key,
                "--url", offices["clerk"].address)  # fmt: skip
        offices |= serve_offices(stack, folder, environs, [GIVER, ASKER])
        with (made / "members" / ASKER / "programmes.csv").open(encoding="utf-8") as stream:
            programmes = {row["id"]: row["client"] for row in csv.DictReader(stream)}
        yield Sector(offices, environs, made, clock, day, programmes)


@contextmanager
def desk_of(browser: Browser, sector: Sector, name: str, role: str) -> Iterator[Page]:
    """Yield a page of an office's desk, seen in a role; the browser must not complain."""
    with context(browser, sector.offices[name].address, View(), [(COOKIE, role)]) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert [fault for fault in faults if "409" not in fault] == [], (
            "but for a clerk that is busy"
        )


def press(page: Page, button: str) -> None:
    follow(page.get_by_role("button", name=button, exact=True))


def look(page: Page, name: str) -> None:
    """Keep a picture of a page, which fits the screen and which axe finds nothing serious on."""
    keep(page, name)
    assert overflow(page) == 0
    assert serious(page) == []


def sync(*desks: Page) -> None:
    """Exchange contracts through the clerk, at one desk after the other.

    The clerk takes thirty requests a minute of a member, and says so: then it is tried again.
    """
    for page in desks:

        def exchange(page: Page = page) -> bool:
            page.goto("/contracts/")
            press(page, "Échanger avec les partenaires")
            if page.url.endswith("/contracts/"):
                return True
            expect(page.locator("#main")).to_contain_text("too many requests")
            page.wait_for_timeout(5_000)
            return False

        wait_until(exchange, 150, "the contracts are not exchanged")


def take(page: Page, contract: str, step: str) -> None:
    page.goto(f"/contracts/{DRILL}/{contract}/")
    page.locator("#id_kind").select_option(step)
    press(page, "Enregistrer et signer")


def read_json(page: Page, path: str) -> Any:
    answer = page.request.get(path)
    assert answer.status == 200, path
    return answer.json()


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
    with closing(sqlite3.connect(sector.offices["clerk"].home / "releve.sqlite3")) as database:
        row = database.execute("SELECT state FROM association_reliefgate").fetchone()
    return bool(row == ("cleared",))


def wait_for_result(sector: Sector, page: Page) -> None:
    page.goto("/contracts/gates/g-1/")

    def came() -> bool:
        page.reload()
        return page.locator("#result-title").count() > 0

    wait_until(came, 120, "the result has not come")


def wait_for(page: Page, path: str, holds: Callable[[], bool], what: str) -> None:
    def holds_now() -> bool:
        page.goto(path)
        return holds()

    wait_until(holds_now, 90, what)


def test_two_operators_relieve_each_other_on_their_desks_from_the_question_to_the_recall(
    browser: Browser, sector: Sector
) -> None:
    manager = format_choice(Role.CONTINUITY)
    closes = sector.announce()
    with (
        desk_of(browser, sector, GIVER, manager) as giver,
        desk_of(browser, sector, ASKER, manager) as asker,
    ):
        ask_and_offer(sector, giver, asker)
        sector.put_clock(closes + timedelta(seconds=5))
        opened = giver.locator("section[aria-labelledby=order-open] p.quiet")
        wait_for(giver, "/contracts/gates/g-1/", lambda: opened.count() > 0, "no opening was sent")
        sector.put_clock(closes + OPENINGS + timedelta(seconds=5))
        wait_until(lambda: is_cleared(sector), 60, "the clerk has not cleared")
        sector.put_clock(closes + OPENINGS + timedelta(minutes=2))
        for page in (giver, asker):
            wait_for_result(sector, page)
        look(asker, "valve-result")
        expect(asker.locator("#main")).to_contain_text(GIVER)
        asker.locator("#id_annex").fill("annexe 1")
        asker.locator("#id_sip_address").fill("203.0.113.7:5060")
        asker.locator("#id_outbound_mandate").fill("m-1")
        asker.locator("#id_drill").check()
        press(asker, "Rédiger et signer")
        (contract, *_more) = sorted(
            row["contract"] for row in read_json(asker, "/contracts/?format=json")["contracts"]
        )
        sync(asker, giver)
        take(giver, contract, "offer")
        sync(giver, asker)
        agree_as_client(browser, sector, asker, contract)
        sync(asker, giver)
        for page in (asker, giver):
            take(page, contract, "sign")
            sync(page, asker, giver)
        name_agents(giver, contract)
        help_and_recall(sector, giver, asker, contract)


def agree_as_client(browser: Browser, sector: Sector, asker: Page, contract: str) -> None:
    """Have the client agree on its own page, where it reads no price."""
    programme = next(
        row for row in read_json(asker, "/contracts/?format=json")["contracts"]
        if row["contract"] == contract
    )  # fmt: skip
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
    (half_hours,) = [row["agents"] for row in contracts if row["contract"] == contract]
    # which half hours are matched is drawn by lot
    busiest = max(half_hours, key=lambda row: row["agents"])
    begins = datetime.fromisoformat(busiest["at"]).astimezone(ZoneInfo("Europe/Paris"))
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
    wait_until(lambda: read_shares(sector).get(place, 0.0) > 0, 60, "no call goes to the partner")
    look(asker, "valve-now")

    def count_missing() -> float:
        rows = read_json(asker, "/now?format=json")["clients"]
        return float(sum(row["missing"] or 0.0 for row in rows))

    helped = count_missing()
    take_recall(giver, contract)
    sync(giver, asker)
    wait_until(lambda: place not in read_shares(sector), 60, "calls still go to the partner")
    assert count_missing() > helped, "what the partner covered is missing again"
    asker.goto(f"/contracts/{DRILL}/{contract}/")
    expect(asker.locator("p.lead")).to_contain_text("Repris")


def take_recall(giver: Page, contract: str) -> None:
    giver.goto(f"/contracts/{DRILL}/{contract}/")
    giver.locator("#id_kind").select_option("recall")
    giver.locator("#id_reason").select_option("loss")
    press(giver, "Enregistrer et signer")
