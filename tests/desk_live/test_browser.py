"""A closure from the first positive to the reopening, clicked through the French desk."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import Error as PlaywrightError

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE as ROLE_COOKIE
from releve.desk.live.page import COOKIE as STREAM_COOKIE
from releve.files.plan_folder import write_plans
from releve.network import write_operator
from releve.plan import Plan
from tests import processes
from tests.browser_tools import (
    PRINTED,
    VIEWS,
    WAIT_MS,
    View,
    command,
    context,
    environ_of,
    faults_above,
    faults_of,
    follow,
    keep,
    looked_at,
    overflow,
    serious,
    served,
)
from tests.live.scenario import three_days

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE = "casa-1"
TALLEST = {"/now": 2600, "/relief": 4200, "/relief/aim": 1900}
"""Pixels that a page amid a closure may be tall, on a phone as on a desk: what comes first is found at once."""
ON_A_PHONE = {"/relief": 4 * 844}
"""The same where a phone folds more: four screens."""


@dataclass(frozen=True)
class Installation:
    """A served open desk with a plan in force, and a worker beside it."""

    home: Path
    address: str
    agents: tuple[str, ...]
    seats: tuple[str, ...]
    busy: tuple[str, ...]

    def cookies(self, role: Role, drill: str = "") -> list[tuple[str, str]]:
        found = [(ROLE_COOKIE, f"{role.value}:")]
        return [*found, (STREAM_COOKIE, drill)] if drill else found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("desk_live")
    home, tables, plan = folder / "home", folder / "operator", folder / "plan"
    operator, plans = three_days()
    tables.mkdir()
    for name, data in write_operator(operator).items():
        (tables / name).write_bytes(data)
    command(home, "registry", "import", str(tables), "--yes")
    write_plans(plan, plans, stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    command(home, "live", "activate", str(plan))
    command(home, "live", "rules", "choose", "health-2020", "--from", "2020-03-20")
    with (
        served(home, str(plan), "--open", "--act") as address,
        processes.start("releve", "live", "work", environ=environ_of(home), quiet=True) as worker,
    ):
        try:
            yield Installation(home, address, agents_at(plans[0], SITE), seats_of(plans[0], SITE), busy_in(plans[0]))
        finally:
            worker.terminate()
            worker.wait(20)


def agents_at(plan: Plan, site: str) -> tuple[str, ...]:
    """Return who is placed on a site."""
    return tuple(sorted(row.agent for row in plan.placements if row.place == site))


def busy_in(plan: Plan) -> tuple[str, ...]:
    """Return who works late for the programme with the most people: calls are missed without them."""
    by_programme: dict[str, list[str]] = {}
    for row in plan.placements:
        if row.end > plan.starts[30]:
            by_programme.setdefault(row.programme, []).append(row.agent)
    return tuple(sorted(max(by_programme.values(), key=len)))


def seats_of(plan: Plan, site: str) -> tuple[str, ...]:
    """Return the usable seats of a site."""
    return next(row.usable_seats for row in plan.sites if row.id == site)


@contextmanager
def acting_as(browser: Browser, desk: Installation, cookies: Sequence[tuple[str, str]]) -> Iterator[Page]:
    """Yield a page; the browser may complain of nothing but the refusals (422) that are meant."""
    with context(browser, desk.address, View(), cookies) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert [fault for fault in faults if "422" not in fault] == []


def declare(page: Page, agent: str, *, closes: bool = False) -> None:
    """Declare a case; one that closes the site shows what it brings about before it is recorded."""
    page.goto("/record/")
    follow(page.get_by_role("link", name="Test positif"))
    page.get_by_label("Site", exact=True).select_option(SITE)
    page.get_by_label("Pseudonyme").fill(agent)
    follow(page.get_by_role("button", name="Déclarer"))
    if closes:
        expect(page.locator("#main")).to_contain_text("Un cas de plus ferme")
        assert serious(page) == []
        follow(page.get_by_role("button", name="Déclarer"))
    expect(page).to_have_url(re.compile("/now$"))


def test_a_closure_is_lived_through_from_the_first_positive_to_the_proof(
    browser: Browser, installation: Installation, tmp_path: Path
) -> None:
    """From two declarations to a proof of the closure alone, on a drill's clock, by three."""
    desk, view = installation, View()
    with acting_as(browser, desk, desk.cookies(Role.CONTINUITY)) as manager:
        manager.goto("/drills")
        manager.get_by_label("Scénario").fill("Deux cas à Casablanca")
        manager.get_by_label("Son horloge part de").fill("2026-11-30T10:40")
        follow(manager.get_by_role("button", name="Commencer l’exercice"))
        expect(manager.locator(".drill")).to_contain_text("Deux cas à Casablanca")
        before = manager.locator(".coverages").inner_text()
        drill = manager.context.cookies()
        stream = next(row["value"] for row in drill if row["name"] == STREAM_COOKIE)
        officer_cookies = desk.cookies(Role.HEALTH, stream)
        with acting_as(browser, desk, officer_cookies) as officer:
            declare(officer, desk.agents[0])
            expect(officer.locator(f"#sites-open a[href$='/{SITE}']")).to_be_visible()
            declare(officer, desk.agents[1], closes=True)
            closed = officer.locator(f"#site-{SITE}")
            expect(closed).to_contain_text("fermé d’office")
            expect(closed.locator(".countdown")).to_contain_text(re.compile(r"4[78]\sh"))
            look_at_contacts(officer, desk)
            manager.goto("/now")
            moments = manager.locator(".moments")
            expect(moments).to_contain_text("Une relève a été établie", timeout=WAIT_MS)
            expect(moments).to_contain_text("La répartition des appels a été publiée")
            expect(moments).to_contain_text("Messages de la relève rédigés", timeout=WAIT_MS)
            changed = "before => document.querySelector('.coverages').innerText !== before"
            manager.wait_for_function(changed, arg=before)
            keep(manager, "closed", view)
            acknowledge(browser, desk, manager, stream)
            list_unanswered(browser, desk, manager, stream)
            room = open_room(manager)
            reopen(manager, officer)
            look_back(manager, room)
        prove(desk, manager, tmp_path)


def test_a_false_alarm_is_undone_by_two_people(browser: Browser, installation: Installation) -> None:
    """The officer corrects the wrong test from its page, the site lead lifts the closure on a phone."""
    desk, phone = installation, View(size="phone")
    with acting_as(browser, desk, desk.cookies(Role.CONTINUITY)) as manager:
        manager.goto("/drills")
        manager.get_by_label("Scénario").fill("Fausse alerte")
        manager.get_by_label("Son horloge part de").fill("2026-11-30T10:40")
        follow(manager.get_by_role("button", name="Commencer l’exercice"))
        stream = next(row["value"] for row in manager.context.cookies() if row["name"] == STREAM_COOKIE)
    with acting_as(browser, desk, desk.cookies(Role.HEALTH, stream)) as officer:
        declare(officer, desk.agents[0])
        declare(officer, desk.agents[1], closes=True)
        officer.goto("/health/")
        follow(officer.get_by_role("link", name=desk.agents[1], exact=True))
        follow(officer.locator("a[href*='/record/corrections/']"))
        expect(officer.locator("#main")).to_contain_text(desk.agents[1])
        officer.locator("input[name=truth][value=withdrawn]").check()
        officer.locator("[name=reason]").fill("Échantillons intervertis")
        follow(officer.locator("form.form button.main"))
        expect(officer.locator("button[name=confirmed]")).to_be_visible()
        assert serious(officer) == []
        keep(officer, "correction-consequences", View())
        follow(officer.locator("button[name=confirmed]"))
        expect(officer.locator("#main")).to_contain_text("Échantillons intervertis")
    cookies = [(ROLE_COOKIE, f"{Role.SITE.value}:{SITE}"), (STREAM_COOKIE, stream)]
    with looked_at(browser, desk.address, phone, cookies) as lead:
        lead.goto(f"/record/reopening/{SITE}")
        expect(lead.locator("#main")).to_contain_text("Échantillons intervertis")
        expect(lead.locator("#main")).not_to_contain_text(desk.agents[1])
        assert serious(lead) == []
        assert overflow(lead) == 0
        keep(lead, "lifting", phone)
        follow(lead.locator("button[value=lift]"))
        lead.goto(f"/sites/{SITE}")
        expect(lead.locator("#state-title")).to_contain_text("Ouvert")
        expect(lead.locator(".outcome")).to_contain_text("Échantillons intervertis")
        assert serious(lead) == []
        keep(lead, "lifted", phone)


def look_at_contacts(officer: Page, desk: Installation) -> None:
    """The contacts of the first case: without seats, with the seats noted; each look is listed."""
    officer.goto("/health/")
    follow(officer.get_by_role("link", name=desk.agents[0], exact=True))
    expect(officer.locator("h1")).to_contain_text(desk.agents[0])
    expect(officer.locator("#contacts-title + .quiet")).to_contain_text("est consignée")
    seats, see = officer.locator("#id_seating"), officer.get_by_role("button", name="Voir les cont")
    seats.fill(f"{desk.agents[0]};nulle-part")
    follow(see)
    expect(officer.locator(".errorlist")).to_contain_text("il n’y a pas de position nulle-part")
    seats.fill("")
    follow(see)
    expect(officer.locator(".note")).to_contain_text("Aucune position n’a été indiquée")
    pairs = zip(desk.agents, desk.seats, strict=False)
    seats.fill("\n".join(f"{agent};{seat}" for agent, seat in pairs))
    follow(see)
    expect(officer.get_by_role("table").first).to_contain_text("même zone")
    assert serious(officer) == []
    keep(officer, "contacts", View())
    follow(officer.get_by_role("link", name="Voir qui est derrière un pseudonyme"))
    looks = officer.locator("div.scroll").last
    expect(looks.get_by_role("row")).to_have_count(3)
    expect(looks).to_contain_text("exercice")
    officer.goto("/now")


def open_room(manager: Page) -> str:
    """The room of the closure: a role taken, a decision with its reason; return its address."""
    manager.goto("/now")
    follow(manager.locator(f"#site-{SITE}").get_by_role("link", name="Cellule de crise"))
    follow(manager.get_by_role("button", name="Ouvrir la cellule"))
    follow(manager.get_by_role("button", name="Prendre le rôle : direction de crise"))
    manager.get_by_text("Noter une décision").click()
    manager.get_by_label("Décision", exact=True).fill("Travail à domicile")
    manager.get_by_label("Pourquoi", exact=True).fill("Site fermé par la règle")
    follow(manager.get_by_role("button", name="Enregistrer la décision"))
    expect(manager.locator(".moments")).to_contain_text("Travail à domicile. Pourquoi")
    keep(manager, "incident-room", View())
    room = manager.url
    manager.goto("/now")
    return room


def look_back(manager: Page, room: str) -> None:
    """The review: every step of the chain has its time."""
    manager.goto(f"{room}/review")
    expect(manager.get_by_role("row", name="première relève établie")).not_to_contain_text("encore")
    expect(manager.get_by_role("row", name="site rouvert")).to_contain_text("48")
    keep(manager, "incident-review", View())


def prove(desk: Installation, manager: Page, folder: Path) -> None:
    """The whole verifies with the verifier alone; so does the closure, without the rest."""
    command(desk.home, "ledger", "seal")
    manager.goto("/ledger/")
    download(manager, folder / "ledger.jsonl", "Exporter")
    follow(manager.get_by_role("link", name="Vérifier", exact=True))
    download(manager, folder / "verify.py", "verify.py")
    manager.goto("/ledger/")
    manager.get_by_label("Type").select_option("site.closed")
    follow(manager.get_by_role("button", name="Filtrer"))
    follow(manager.locator("a.seq").first)
    download(manager, folder / "proof.json", "Télécharger sa preuve")
    key = command(desk.home, "ledger", "key").strip()
    proof = folder / "proof.json"
    assert verifier(folder, "ledger.jsonl", key) == 0
    assert verifier(folder, "proof.json", key) == 0
    text = proof.read_text(encoding="utf-8")
    assert f'"{SITE}"' in text
    assert "case.declared" not in text, "nothing else of the ledger is shown by it"
    assert not any(agent in text for agent in desk.agents)
    proof.write_text(text.replace(SITE, "casa-2"), encoding="utf-8")
    assert verifier(folder, "proof.json", key) == 1


def download(page: Page, path: Path, link: str) -> None:
    with page.expect_download() as waited:
        page.get_by_role("link", name=link, exact=True).click()
    waited.value.save_as(path)


def verifier(folder: Path, name: str, key: str) -> int:
    """Run the verifier that was handed out, apart from everything installed here."""
    line = [sys.executable, "-I", "-S", "verify.py", name, "--key", key]
    return subprocess.run(line, cwd=folder, check=False, capture_output=True).returncode


def acknowledge(browser: Browser, desk: Installation, manager: Page, stream: str) -> None:
    """An agent answers by the link of the message, on a phone, without a sign-in."""
    expect(manager.locator("#notified-waiting")).not_to_have_text("0", timeout=WAIT_MS)
    outbox = desk.home / "drills" / stream.partition(":")[2] / "outbox"
    with looked_at(browser, desk.address, View(size="phone")) as agent:
        agent.goto(sent_home(outbox, manager))
        keep(agent, "ack", View(size="phone"))
        follow(agent.get_by_role("button", name=re.compile("^(Je (viens|l’ai lu)$|D’accord, )")))
        expect(agent.get_by_role("heading", name="Merci")).to_be_visible()
    manager.goto("/now")
    expect(manager.locator("#notified-answered")).to_have_text("1")


def list_unanswered(browser: Browser, desk: Installation, manager: Page, stream: str) -> None:
    """One click from Now to the people who have not answered; an answer by voice; every view."""
    waiting = int(manager.locator("#notified-waiting").inner_text())
    follow(manager.get_by_role("link", name="Qui n’a pas répondu"))
    rows = manager.locator(".calls tbody tr")
    expect(rows).to_have_count(waiting)
    expect(rows.first).to_contain_text("aucune adresse")
    follow(rows.first.get_by_role("button"))
    expect(rows).to_have_count(waiting - 1)
    for view in VIEWS:
        with looked_at(browser, desk.address, view, desk.cookies(Role.CONTINUITY, stream)) as page:
            for path in ("/relief", "/relief/aim", "/now", f"/record/reopening/{SITE}"):
                page.goto(path)
                assert serious(page) == [], path
                assert overflow(page) == 0, path
                most = (ON_A_PHONE if view.size == "phone" else TALLEST).get(path, TALLEST.get(path, 1500))
                assert page.evaluate("document.documentElement.scrollHeight") <= most, path
                keep(page, f"drill-{path.rpartition('/')[2]}", view)
    for path in ("/now", "/relief"):
        manager.goto(path)
        manager.emulate_media(media="print")
        for name, width in PRINTED.items():
            manager.set_viewport_size({"width": width, "height": 900})
            assert overflow(manager) == 0, f"{path} on A4 {name} is cut off"
            keep(manager, f"printed-{name}-{path.strip('/')}", View())
        manager.emulate_media(media="screen")
        manager.set_viewport_size({"width": 1280, "height": 900})
    manager.goto("/now")


def sent_home(outbox: Path, manager: Page) -> str:
    """Return the link in the letter of an agent who is not to come, once there is such a letter.

    Managers and clients answer by a link too and are not counted with the agents; nor are agents
    whom the first case alone moved, notified before the closure.
    """
    for _ in range(WAIT_MS // 100):
        for path in outbox.glob("*.json"):
            text = path.read_text(encoding="utf-8")
            link = re.search(r"/ack/[\w-]+", text)
            if link and "Ne vous rendez pas sur le site" in text:
                return link[0]
        manager.wait_for_timeout(100)
    raise AssertionError(f"no letter in {outbox} says not to come")


def reopen(manager: Page, officer: Page) -> None:
    """Refused too early and to one person; granted to two, after 48 hours."""
    follow(manager.locator(f"#reopen-{SITE}"))
    reopening = manager.url
    opens = manager.get_by_role("button", name="Rouvrir le site")
    expect(opens).to_have_count(0)
    done = manager.get_by_role("button", name=re.compile("^Fait"))
    for left in range(done.count(), 0, -1):
        follow(done.first)
        expect(done).to_have_count(left - 1)
    yes = "J’approuve la réouverture"
    follow(manager.get_by_role("button", name=yes))
    expect(manager.get_by_text("Une autre personne doit approuver")).to_be_visible()
    expect(manager.get_by_role("button", name=yes)).to_have_count(0)
    manager.goto("/drills")
    manager.get_by_label("Heures", exact=True).fill("48")
    follow(manager.get_by_role("button", name="Avancer l’horloge"))
    manager.goto(reopening)
    expect(manager.get_by_text("approbation de 2 personnes différentes")).to_be_visible()
    keep(manager, "waiting", View())
    officer.goto(reopening)
    follow(officer.get_by_role("button", name=yes))
    manager.goto(reopening)
    follow(opens)
    expect(manager.locator(f"#sites-open a[href$='/{SITE}']")).to_be_visible()


def test_an_absence_for_tomorrow_and_some_for_now_are_followed_by_reliefs(
    browser: Browser, installation: Installation
) -> None:
    """A planner states them on the form; others take over, are notified, and the absent are not called."""
    desk, away = installation, {"tomorrow": installation.agents[:6], "now": installation.busy[:8]}
    with acting_as(browser, desk, desk.cookies(Role.CONTINUITY)) as manager:
        manager.goto("/drills")
        manager.get_by_label("Scénario").fill("Absences")
        manager.get_by_label("Son horloge part de").fill("2026-11-30T10:40")
        follow(manager.get_by_role("button", name="Commencer l’exercice"))
        stream = next(row["value"] for row in manager.context.cookies() if row["name"] == STREAM_COOKIE)
        made = manager.locator(".moments").get_by_text("Une relève a été établie")
        reliefs = made.count()
        with acting_as(browser, desk, desk.cookies(Role.PLANNER, stream)) as planner:
            for when, agents in away.items():
                for agent in agents:
                    planner.goto("/record/absence")
                    planner.locator("[name=agent]").fill(agent)
                    planner.locator("[name=reason]").select_option("sickness")
                    if when == "tomorrow":
                        planner.locator("[name=start]").fill("2026-12-01T00:00")
                        planner.locator("[name=until]").fill("2026-12-02T00:00")
                    if agent == agents[0]:
                        assert serious(planner) == []
                        keep(planner, f"absence-{when}", View())
                    follow(planner.locator("button.main"))
                expect(made.nth(reliefs)).to_be_visible(timeout=WAIT_MS)
                expect(manager.locator("#notified-waiting")).not_to_have_text("0", timeout=WAIT_MS)
                reliefs = made.count()
                list_called_without(manager, agents)
                assert "sickness" not in manager.content()
                manager.goto("/now")


def list_called_without(manager: Page, absent: Sequence[str]) -> None:
    """Wait until no absent person is among those to be called, also one whom an earlier relief had moved."""
    for _ in range(WAIT_MS // 500):
        manager.goto("/relief")
        called = "".join(manager.locator(".calls").all_inner_texts())
        if not [agent for agent in absent if agent in called]:
            return
        manager.wait_for_timeout(500)
    raise AssertionError(f"absent people are called: {called}")


@contextmanager
def phone(browser: Browser, desk: Installation) -> Iterator[Page]:
    """Yield a phone's page; of the browser's complaints those of a lost network are meant."""
    view = View(size="phone")
    with context(browser, desk.address, view, desk.cookies(Role.CONTINUITY)) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert [fault for fault in faults if "ERR_" not in fault] == []


def fill_in_check(page: Page) -> None:
    """One touch per measure, as on a walk through a site."""
    page.goto("/record/check")
    page.get_by_label("Site", exact=True).select_option(SITE)
    for measure in page.locator("fieldset").all():
        measure.get_by_text("respectée", exact=True).click()
    page.get_by_label("symptômes").fill("3")
    page.get_by_label("Contrôleurs").fill("K. Bennani")


def kept(page: Page) -> dict[str, str]:
    """Return what the device keeps."""
    found: dict[str, str] = page.evaluate("Object.fromEntries(Object.entries(localStorage))")
    return found


def recorded(page: Page) -> dict[str, int]:
    """Return how many checks and inspections the site has."""
    twin = page.request.get(f"/sites/{SITE}?format=json").json()
    return {name: len(twin[name]) for name in ("checks", "inspections")}


def test_a_check_filled_in_without_a_network_is_sent_once_when_it_is_back(
    browser: Browser, installation: Installation
) -> None:
    with phone(browser, installation) as page:
        before = recorded(page)["checks"]
        fill_in_check(page)
        status = page.locator(".draft")
        expect(status).to_contain_text("Gardé sur cet appareil")
        page.context.set_offline(True)
        page.get_by_role("button", name="Enregistrer").click()
        expect(status).to_contain_text("Pas de réseau")
        (text,) = kept(page).values()
        names = [name for name, _value in json.loads(text)["values"]]
        assert "m-distancing" in names
        assert not {"symptomatic", "commission", "csrfmiddlewaretoken"} & set(names)
        assert "Bennani" not in text
        keep(page, "record-check-waiting", View(size="phone"))
        page.context.set_offline(False)
        expect(page).to_have_url(re.compile("/now$"), timeout=WAIT_MS)
        expect(page.locator(".messages")).to_contain_text("entrée")
        assert kept(page) == {}
        assert recorded(page)["checks"] == before + 1


def test_an_answer_that_is_lost_on_its_way_leads_to_no_second_record(
    browser: Browser, installation: Installation
) -> None:
    with phone(browser, installation) as page:
        before = recorded(page)["inspections"]

        def lose(route: Route) -> None:
            route.fetch()  # the server has it
            route.abort()  # and the phone does not know

        page.goto("/record/inspection")
        page.get_by_label("Site", exact=True).select_option(SITE)
        page.get_by_label("Autorité dont relève").fill("Commission mixte")
        page.route("**/record/inspection?format=json", lose)
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.locator(".draft")).to_contain_text("Pas de réseau")
        page.unroute("**/record/inspection?format=json")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator(".messages")).to_contain_text("Déjà enregistré", timeout=WAIT_MS)
        assert recorded(page)["inspections"] == before + 1


def test_what_was_typed_is_back_after_a_reload_and_gone_after_signing_out(
    browser: Browser, installation: Installation
) -> None:
    with phone(browser, installation) as page:
        fill_in_check(page)
        page.reload()
        expect(page.locator(".draft")).to_contain_text("Votre saisie est revenue")
        expect(page.get_by_label("Site", exact=True)).to_have_value(SITE)
        assert page.locator("input[name=m-distancing]:checked").get_attribute("value") == "kept"
        expect(page.get_by_label("Contrôleurs")).to_have_value("")
        page.goto("/account/logout/")
        follow(page.locator("form[data-draft-wipe] button"))
        page.goto("/account/login/")
        assert kept(page) == {}


PAGES = (
    "/now", "/record/", "/record/case", "/record/closure", "/record/check", "/record/inspection",
    "/record/outage", "/record/tests", "/record/attendance", "/record/absence", "/record/authorisation",
    "/record/audit", "/incident/", "/drills", "/ack/none",
)  # fmt: skip


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_page_is_for_everybody(browser: Browser, installation: Installation, view: View) -> None:
    """No serious fault for axe, nothing wider than the screen, no complaint of the browser."""
    cookies = installation.cookies(Role.CONTINUITY)
    with looked_at(browser, installation.address, view, cookies) as page:
        for path in PAGES:
            page.goto(path)
            assert serious(page) == [], path
            assert overflow(page) == 0, path
            keep(page, path.strip("/").replace("/", "-"), view)
        for path in incident_pages(page):
            page.goto(path)
            assert serious(page) == [], path
            assert overflow(page) == 0, path
            keep(page, f"incident-{path.rpartition('/')[2][:6]}", view)


LED_TO = (f"/sites/{SITE}", "/registry/tables/agents", f"/registry/tables/sites/rows/{SITE}")


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("role", [Role.PLANNER, Role.CONTINUITY], ids=str)
def test_every_page_of_the_menus_is_for_everybody(
    browser: Browser, installation: Installation, view: View, role: Role
) -> None:
    """As above, of all that the menus lead to and the pages of a day and a site; on a phone what stands
    above a page is a fifth of the first screen at most, and no name in the menu is cut."""
    with looked_at(browser, installation.address, view, installation.cookies(role)) as page:
        page.goto("/")
        menus = [link.get_attribute("href") for link in page.locator(".pages-of-desk a").all()]
        assert len(menus) > 15
        wrong: list[tuple[str, object]] = []
        for path in dict.fromkeys((*filter(None, menus), *LED_TO)):
            page.goto(path)
            wrong += [(path, fault) for fault in serious(page)]
            wrong += [(path, f"{more} px too wide") for more in (overflow(page),) if more]
            keep(page, f"menu-{role.value}-{path.strip('/').replace('/', '-')}", view)
            wrong += [(path, fault) for fault in faults_above(page)]
        assert wrong == []


def incident_pages(page: Page) -> tuple[str, str]:
    """Return the addresses of a room and of its review; the room is opened if there is none."""
    page.goto("/incident/")
    if page.locator(".rows a").count() == 0:
        page.locator("#id_open-title").fill("Coupure du courant")
        follow(page.locator("form.act button"))
        page.wait_for_url(re.compile(r"/incident/\w+$"))
        page.locator("[name=task-task]").evaluate("field => field.closest('details').open = true")
        page.locator("[name=task-task]").fill("Appeler le fournisseur")
        follow(page.locator("form:has([name=task-task]) button"))
        return page.url, f"{page.url}/review"
    found = page.locator(".rows a").first.get_attribute("href")
    return f"{found}", f"{found}/review"


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_pages_behind_a_pseudonym_are_for_everybody(
    browser: Browser, installation: Installation, view: View
) -> None:
    """As the pages before, through the eyes of the two roles."""
    for role, paths in (
        (Role.HEALTH, ("/identity", "/health/")),
        (Role.ADMINISTRATOR, ("/identity", "/people", "/people/erase")),
    ):
        with looked_at(browser, installation.address, view, installation.cookies(role)) as page:
            for path in paths:
                page.goto(path)
                assert serious(page) == [], path
                assert overflow(page) == 0, path
                keep(page, f"{role.value}-{path.strip('/').replace('/', '-')}", view)


def test_a_phone_without_a_network_shows_what_it_read_last_with_its_time(
    browser: Browser, installation: Installation
) -> None:
    cookies = installation.cookies(Role.CONTINUITY)
    with context(browser, installation.address, View(size="phone"), cookies, keeps=True) as visitor:
        page = visitor.new_page()
        page.goto("/now")
        page.evaluate("navigator.serviceWorker.ready")
        page.wait_for_function("navigator.serviceWorker.controller !== null", timeout=WAIT_MS)
        for path in ("/now", "/relief", f"/sites/{SITE}", "/ledger/"):
            page.goto(path)
            expect(page.locator(".kept")).to_be_hidden()
        kept = """async () => {
            const found = await caches.open("releve-pages");
            return (await found.keys()).map((row) => new URL(row.url).pathname).sort();
        }"""
        page.wait_for_function(f"({kept})().then((paths) => paths.length >= 3)", timeout=WAIT_MS)
        assert page.evaluate(kept) == ["/now", "/relief", f"/sites/{SITE}"], "the journal is kept on no device"
        visitor.set_offline(True)
        unkept = visitor.new_page()  # of its own: a kept page reloads by itself, in the midst of another visit
        with pytest.raises(PlaywrightError):
            unkept.goto("/ledger/")
        unkept.close()
        for path in ("/relief", f"/sites/{SITE}", "/now"):
            page.goto(path)
            expect(page.locator(".kept")).to_be_visible()
            expect(page.locator(".kept time")).to_have_text(re.compile(r"\d\d:\d\d"))
            assert page.evaluate("getComputedStyle(document.body).fontFamily") != "", "with its styles"
        visitor.set_offline(False)  # the page renews itself: to ask for it too would interrupt that
        expect(page.locator(".kept")).to_be_hidden(timeout=WAIT_MS)
        # another reader of the same browser finds nothing of the first one's
        visitor.add_cookies([{"name": ROLE_COOKIE, "value": f"{Role.SITE.value}:{SITE}", "url": installation.address}])
        page.goto("/now")
        page.wait_for_function(f"({kept})().then((paths) => paths.length === 1)", timeout=WAIT_MS)
        page.evaluate("navigator.serviceWorker.controller.postMessage('wipe')")
        page.wait_for_function(f"({kept})().then((paths) => paths.length === 0)", timeout=WAIT_MS)
        manifest = page.request.get("/manifest.webmanifest").json()
        assert page.request.get(manifest["start_url"]).ok
        assert page.request.get(manifest["icons"][0]["src"]).ok
