"""In the browser: a manager makes a pack in two clicks, its client opens and verifies it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

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
from tests.evidence.pack_house import build_operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An open desk of a house with two weeks of events under a root."""
    home = tmp_path_factory.mktemp("packs") / "home"
    line = ("tests.evidence.pack_process", str(home / "first.pdf"), "fill")
    done = processes.run(*line, environ=environ_of(home))
    assert done.returncode == 0, done.stderr
    with served(home, "--open", "--act") as found:
        yield found


def test_a_pack_is_made_by_a_manager_and_verified_by_its_client(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    view, client = View(), build_operator().clients[0]
    manager = [(COOKIE, format_choice(Role.CONTINUITY))]
    with looked_at(browser, address, view, manager) as page:
        page.goto("/packs/")
        expect(page.locator("#history-title")).to_be_visible()
        keep(page, "packs", view)
        assert overflow(page) == 0
        assert serious(page) == []
        page.locator("#id_what").select_option(f"client:{client.id}")
        follow(page.locator("main form button.main"))
        expect(page.locator("#verify-title")).to_be_visible()
    with looked_at(
        browser, address, view, [(COOKIE, format_choice(Role.CLIENT, client.id))]
    ) as page:
        page.goto("/packs/")
        follow(page.locator("main tbody a").first)
        keep(page, "pack", view)
        assert overflow(page) == 0
        assert serious(page) == []
        for link in ("a.button.main", "ol.steps a"):
            with page.expect_download() as download:
                page.locator(f"main {link}").click()
            download.value.save_as(tmp_path / download.value.suggested_filename)
        words = page.locator("pre.command").first.inner_text().split()
    done = subprocess.run(
        [sys.executable, "-I", "-S", *words[1:]],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(("VERIFIED", "VÉRIFIÉ"))
