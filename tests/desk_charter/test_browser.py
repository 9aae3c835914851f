"""In the browser: the commission sees its draw, visits and records; the auditor concludes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE, format_choice
from tests import processes
from tests.browser_tools import View, command, environ_of, follow, keep, looked_at, overflow, serious, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AUDIT = "/charter/audits/audit-1"
FRENCH, ENGLISH, PHONE = View(), View("en-GB"), View(size="phone")


@dataclass(frozen=True)
class House:
    """An open desk with an audit and a draw of ``today``, and the commission's link."""

    home: Path
    address: str
    today: str
    link: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("charter") / "home"
    done = processes.run("tests.desk_charter.house", environ=environ_of(home))
    assert done.returncode == 0, done.stderr
    with served(home, "--open", "--act") as address:
        yield House(home, address, *done.stdout.split()[-2:])


def judge(page: Page, name: str, view: View) -> None:
    """Keep a picture of a page and require that it fits and that all can read it."""
    keep(page, name, view)
    assert overflow(page) == 0, name
    assert serious(page) == [], name


def cookies(role: Role) -> list[tuple[str, str]]:
    return [(COOKIE, format_choice(role))]


def test_the_commission_sees_the_draw_of_today_its_visit_and_the_record_of_it(browser: Browser, house: House) -> None:
    """It computes the visit alone; the link is revealed at the door, the visit then recorded."""
    with looked_at(browser, house.address, FRENCH, cookies(Role.INSPECTOR)) as page:
        page.goto("/draws/")
        expect(page.locator("main table tbody tr")).to_have_count(3)
        page.locator("input[name=link]").fill(house.link)
        follow(page.locator("main form button.main"))
        expect(page.locator(".outcome li b")).to_have_count(1)
        name = page.locator(".outcome li b").inner_text()
        judge(page, "draws", FRENCH)
        assert page.request.get("/record/inspection").status == 404, "it records nothing"
    plan = ("tirages-2026", "--day", house.today)
    command(house.home, "inspection", "reveal", *plan, "--party", "commission", "--link", house.link)
    site = command(house.home, "inspection", "draw", *plan).split()[-1]
    with looked_at(browser, house.address, FRENCH, cookies(Role.CONTINUITY)) as page:
        page.goto("/record/inspection")
        expect(page.locator(f"select[name=site] option[value={site}]")).to_have_text(name)
        page.locator("select[name=site]").select_option(site)
        page.locator("input[name=authority]").fill("Commission mixte (synthétique)")
        page.locator("input[name=m-masks][value=not_kept]").check()
        follow(page.locator("main form button.main"))
    with looked_at(browser, house.address, FRENCH, cookies(Role.INSPECTOR)) as page:
        page.goto("/draws/")
        visit = page.locator("ul.visits li")
        expect(visit).to_have_class("is-held")
        expect(visit).to_contain_text(name)
        expect(visit).to_contain_text("Commission mixte (synthétique)")
        judge(page, "draws-held", FRENCH)
        page.goto(f"/sites/{site}")
        records = page.locator("section", has=page.locator("#inspections-title"))
        expect(records.locator(".wanting")).to_contain_text("un masque")
        judge(page, "records-of-site", FRENCH)
        page.goto("/ledger/?kind=inspection.held")
        expect(page.locator("ol.entries a.seq")).to_have_count(1)
        judge(page, "records-in-ledger", FRENCH)


def test_the_auditor_observes_and_concludes(browser: Browser, house: House) -> None:
    address = house.address
    auditor = cookies(Role.AUDITOR)
    with looked_at(browser, address, FRENCH, auditor) as page:
        page.goto("/charter/")
        judge(page, "charter", FRENCH)
        for measure, verdict in (("masks", "not_kept"), ("signs", "kept")):
            page.goto(f"{AUDIT}/observe?site=casa&measure={measure}")
            page.locator(f"input[name=verdict][value={verdict}]").check()
            page.locator("input[name=method][value=test]").check()
            follow(page.locator("main form button.main"))
        page.goto(f"{AUDIT}/raise")
        page.locator("select[name=subject]").select_option("casa masks")
        page.locator("input[name=severity][value=major]").check()
        page.locator("input[name=due]").fill("2199-12-31")
        page.locator("textarea[name=note]").fill("Pas de masque neuf à la vacation du soir")
        follow(page.locator("main form button.main"))
        page.goto(f"{AUDIT}/conclude")
        page.locator("input[name=conclusion][value=conforms_with_findings]").check()
        follow(page.locator("main form button.main"))
        expect(page.locator("h1")).to_contain_text("conforme, avec constats")
        judge(page, "audit", FRENCH)
    for view in (ENGLISH, PHONE):
        with looked_at(browser, address, view, cookies(Role.INSPECTOR)) as page:
            page.goto("/draws/")
            judge(page, "draws", view)
        with looked_at(browser, address, view, auditor) as page:
            for name, path in (
                ("charter", "/charter/"), ("charter-site", "/charter/sites/casa"),
                ("audit", AUDIT), ("audit-sheet", f"{AUDIT}/sheet"),
            ):  # fmt: skip
                page.goto(path)
                judge(page, name, view)
