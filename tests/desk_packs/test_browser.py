"""In the browser: a manager makes a pack in two clicks, its client opens and verifies it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE, format_choice
from tests import processes
from tests.browser_tools import View, command, environ_of, follow, keep, looked_at, overflow, serious, served
from tests.evidence.pack_house import build_operator
from tests.ledger.witness_server import KEY as WITNESS_KEY
from tests.ledger.witness_server import NAME, WitnessServer, hash_key
from tests.local_server import serve_locally

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OTHER = bytes(32)
OTHER_KEY = f"{NAME}+{hash_key(4, OTHER).hex()}+{base64.b64encode(bytes([4]) + OTHER).decode()}"
"""A verifier key of the witness's name that it did not sign with."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An open desk of a house with two weeks of events under a root that a witness cosigned."""
    home = tmp_path_factory.mktemp("packs") / "home"
    line = ("tests.evidence.pack_process", str(home / "first.pdf"), "fill")
    done = processes.run(*line, environ=environ_of(home))
    assert done.returncode == 0, done.stderr
    with witnessing() as witness:
        command(home, "ledger", "witness", witness, "--key", WITNESS_KEY)
    with served(home, "--open", "--act") as found:
        yield found


@contextmanager
def witnessing() -> Iterator[str]:
    """Run a witness beside the house; yield its address."""
    WitnessServer.seen = {}
    with serve_locally(WitnessServer) as address:
        yield f"http://{address}"


def test_a_pack_is_made_by_a_manager_and_verified_by_its_client(browser: Browser, address: str, tmp_path: Path) -> None:
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
    with looked_at(browser, address, view, [(COOKIE, format_choice(Role.CLIENT, client.id))]) as page:
        page.goto("/packs/")
        follow(page.locator("main tbody a").first)
        keep(page, "pack", view)
        assert overflow(page) == 0
        assert serious(page) == []
        for link in ("a.button.main", "ol.steps a[href$='verify.py']"):
            with page.expect_download() as download:
                page.locator(f"main {link}").click()
            download.value.save_as(tmp_path / download.value.suggested_filename)
        (packed,) = tmp_path.glob("*.zip")
        shutil.unpack_archive(packed, tmp_path)
        plain, witnessed = page.locator("pre.command").all_inner_texts()
    assert f"--witness {WITNESS_KEY}" in witnessed
    assert "--witness" not in plain
    for shown in (plain, witnessed):
        done = run_as_shown(shown, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(("VERIFIED", "VÉRIFIÉ"))
    assert NAME in run_as_shown(witnessed, tmp_path).stdout
    more = run_as_shown(witnessed.replace("--quorum 1", "--quorum 2"), tmp_path)
    assert more.returncode != 0, "fewer witnesses than are asked for"
    other = run_as_shown(witnessed.replace(WITNESS_KEY, OTHER_KEY), tmp_path)
    assert other.returncode != 0, "a witness that has not cosigned"


def run_as_shown(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the page as it stands there, on a bare Python."""
    return subprocess.run(
        [sys.executable, "-I", "-S", *line.split()[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
