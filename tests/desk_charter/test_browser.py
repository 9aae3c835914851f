"""In the browser: the commission sees its visits, the auditor observes and concludes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.accounts.roles import Role
from releve.desk.access.open_mode import COOKIE, format_choice
from tests import processes
from tests.browser_tools import (
    View,
    environ_of,
    follow,
    keep,
    looked_at,
    overflow,
    serious,
    served,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AUDIT = "/charter/audits/audit-1"
FRENCH, ENGLISH, PHONE = View(), View("en-GB"), View(size="phone")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """An open desk with an audit and a draw of today; its address and the commission's link."""
    home = tmp_path_factory.mktemp("charter") / "home"
    done = processes.run("tests.desk_charter.house", environ=environ_of(home))
    assert done.returncode == 0, done.stderr
    with served(home, "--open", "--act") as address:
        yield address, done.stdout.split()[-1]


def judge(page: Page, name: str, view: View) -> None:
    """Keep a picture of a page and require that it fits and that all can read it."""
    keep(page, name, view)
    assert overflow(page) == 0, name
    assert serious(page) == [], name


def test_the_commission_sees_its_visits_and_the_auditor_observes_and_concludes(
    browser: Browser, house: tuple[str, str]
) -> None:
    address, link = house
    with looked_at(browser, address, FRENCH, [(COOKIE, format_choice(Role.INSPECTOR))]) as page:
        page.goto("/draws/")
        page.locator("input[name=link]").fill(link)
        follow(page.locator("main form button.main"))
        expect(page.locator(".outcome li b")).to_have_count(1)
        judge(page, "draws", FRENCH)
    auditor = [(COOKIE, format_choice(Role.AUDITOR))]
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
        inspector = [(COOKIE, format_choice(Role.INSPECTOR))]
        with looked_at(browser, address, view, inspector) as page:
            page.goto("/draws/")
            judge(page, "draws", view)
        with looked_at(browser, address, view, auditor) as page:
            for name, path in (
                ("charter", "/charter/"), ("charter-site", "/charter/sites/casa"),
                ("audit", AUDIT), ("audit-sheet", f"{AUDIT}/sheet"),
            ):  # fmt: skip
                page.goto(path)
                judge(page, name, view)
