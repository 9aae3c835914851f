"""A crash test started, watched and read in a browser, its process a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE
from releve.files.plan_folder import write_plans
from releve.network import write_operator
from tests.browser_tools import WAIT_MS, View, command, follow, keep, looked_at, overflow, serious, served
from tests.desk.access.conftest import STAMP
from tests.live.scenario import three_days

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLANNER = [(COOKIE, f"{Role.PLANNER.value}:")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("desk_crashtest")
    operator, plans = three_days()
    (folder / "operator").mkdir()
    for name, content in write_operator(operator).items():
        (folder / "operator" / name).write_bytes(content)
    write_plans(folder / "plan", plans[:1], stamp=STAMP, calendars=False)
    home = Path(folder / "home")
    command(home, "registry", "import", str(folder / "operator"), "--yes")
    with served(home, str(folder / "plan"), "--open", "--act") as found:
        yield found


def test_a_crash_test_is_started_watched_and_read(browser: Browser, address: str) -> None:
    with looked_at(browser, address, View("fr-FR", "desk", "light"), PLANNER) as page:
        page.goto("/crashtest/start")
        page.get_by_label("Nom du crash test").fill("Essai")
        page.get_by_label("Trimestres simulés").fill("6")
        page.get_by_label("Jours d’un trimestre").fill("10")
        page.get_by_label("Un jour de la semaine sans plan").check()
        follow(page.get_by_role("button", name="Voir les conséquences"))
        expect(page.get_by_text("3 × 6 trimestres de 10 jours")).to_be_visible()
        follow(page.get_by_role("button", name="Lancer le crash test"))
        expect(page.get_by_role("heading", name="Avancement")).to_be_visible()
        assert serious(page) == []
        keep(page, "crashtest-progress")
        page.get_by_role("link", name="Certificat").wait_for(timeout=WAIT_MS)
        expect(page.get_by_text("Sur 6 trimestres simulés")).to_be_visible()
        assert serious(page) == []
        run = page.url
        follow(page.get_by_role("link", name="Pour décider"))
        expect(page.get_by_role("heading", name="Client par client, et pourquoi")).to_be_visible()
        assert serious(page) == []
        keep(page, "crashtest-decision")
    with looked_at(browser, address, View("en-GB", "phone", "dark"), PLANNER) as page:
        page.goto(run)
        expect(page.get_by_text("Over 6 simulated quarters")).to_be_visible()
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "crashtest-result", View("en-GB", "phone", "dark"))
        follow(page.get_by_role("link", name="To decide"))
        expect(page.get_by_role("heading", name="Calls lost a quarter, by policy")).to_be_visible()
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "crashtest-decision", View("en-GB", "phone", "dark"))
