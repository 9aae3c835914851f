"""Signing in as people do: the first link, the second factor, asked again; in every view."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import hotp_value
from playwright.sync_api import Browser, Page, expect

from releve.files.plan_folder import write_plans
from releve.network.moments import UTC
from tests.browser_tools import VIEWS, View, command, follow, keep, looked_at, overflow, serious, served
from tests.desk.fixture_plan import week

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "quatre lampes au balcon"
STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Installation:
    """A served desk with its home folder."""

    home: Path
    address: str

    def link(self, name: str, *args: str) -> str:
        """Give a user an account and return the path of the link they are given."""
        printed = command(self.home, "desk", "user", "add", name, *args)
        found = re.search(r"http://[^/]+(/\S+)", printed)
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("access")
    write_plans(folder / "plan", week(1), stamp=STAMP, calendars=False)
    with served(folder / "home", str(folder / "plan")) as address:
        yield Installation(folder / "home", address)


def code_of(secret: str) -> str:
    """What an application with codes shows now."""
    return f"{hotp_value(secret, int(time.time()) // 30):06d}"


def choose_password(page: Page, link: str) -> None:
    page.goto(link)
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    follow(page.locator("main form button.main"))


def sign_in(page: Page, name: str) -> None:
    page.goto("/account/login/")
    page.locator("#id_login").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    follow(page.locator("main form button.main"))


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_new_planner_comes_from_the_link_to_the_plan(
    browser: Browser, installation: Installation, view: View
) -> None:
    """The whole way: the link, a password, the sign-in, the second factor, the plan."""
    name = f"planner-{view}"
    link = installation.link(name, "--role", "planner")
    with looked_at(browser, installation.address, view) as page:

        def good(label: str) -> None:
            assert serious(page) == [], label
            assert overflow(page) == 0, label
            keep(page, label, view)

        page.goto("/")
        assert "/account/login/" in page.url
        good("sign-in")
        choose_password(page, link)
        good("chosen")
        sign_in(page, name)
        page.wait_for_url("**/account/2fa/**")
        good("second-factor")
        set_up = "Configurer" if view.language == "fr-FR" else "Set it up"
        follow(page.get_by_role("link", name=set_up))
        if "reauthenticate" in page.url:
            good("again")
            page.locator("#id_password").fill(PASSWORD)
            follow(page.locator("main form button.main"))
        expect(page.locator(".qr svg")).to_be_visible()
        good("application")
        page.locator("#id_code").fill(code_of(page.locator(".secret").inner_text()))
        follow(page.locator("main form button.main"))
        expect(page.locator(".codes li")).to_have_count(10)
        good("recovery-codes")
        page.goto("/")
        expect(page.locator("h1")).to_contain_text("N-1")
        good("plan")
        page.locator(".reader summary").click()
        good("reader")
        follow(page.locator(".reader").get_by_role("link").first)
        good("account")
        page.goto("/account/sessions/")
        good("sessions")
        page.goto("/account/2fa/webauthn/add/")
        good("key")
        page.goto("/account/logout/")
        good("sign-out")
        follow(page.locator("main form button.main"))
        expect(page.locator("#id_login")).to_be_visible()
