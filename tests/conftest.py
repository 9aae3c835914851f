"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import translation
from hypothesis import Phase, settings
from playwright.sync_api import Browser, sync_playwright

from releve.ledger import guards
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.runs.job_process import execute_job
from tests.homes import DATABASE, make_template, make_test_home

PHASES = {Phase.explicit, Phase.reuse, Phase.generate, Phase.target}
"""Without shrinking, which searches for minutes: RELEVE_SHRINK=1 asks for the least example."""
settings.register_profile("any machine", deadline=None, phases=Phase if os.environ.get("RELEVE_SHRINK") else PHASES)
settings.load_profile("any machine")

HEAVIEST = (
    "tests/test_demo_sector.py",
    "tests/desk_live/test_browser.py",
    "tests/plan/test_same_bits.py",
    "tests/desk_valve/test_browser.py",
    "tests/outbound/test_screening.py",
    "tests/plan/purchases/test_search.py",
    "tests/outbound/test_nothing_opens.py",
    "tests/desk_planning/test_browser.py",
    "tests/test_wheel.py",
    "tests/cli/test_commands.py",
    "tests/desk/access/test_browser.py",
    "tests/desk/test_server.py",
    "tests/desk_planning/test_calendar_browser.py",
    "tests/plan/test_planner.py",
    "tests/desk/access/test_health_measures.py",
    "tests/desk_charter/test_browser.py",
    "tests/live/test_moved_clock.py",
    "tests/validation/test_validation.py",
    "tests/desk_outbound/test_browser.py",
    "tests/plan/test_working_time.py",
    "tests/desk_crashtest/test_browser.py",
    "tests/desk/access/test_reach.py",
    "tests/routing/test_kamailio_outbound.py",
    "tests/routing/test_kamailio_calls.py",
    "tests/live/test_calls_follow.py",
    "tests/live/test_power_cut.py",
    "tests/live/test_database_restart.py",
    "tests/live/test_disk_full.py",
    "tests/live/test_process_kills.py",
    "tests/live/test_stopped_hour.py",
    "tests/upkeep/test_restore.py",
    "tests/ledger/test_chain.py",
    "tests/ledger/test_processes.py",
    "tests/runs/test_jobs.py",
    "tests/cli/test_worktime_cli.py",
    "tests/cli/test_plan_cli.py",
    "tests/test_guide.py",
    "tests/network/test_sample.py",
    "tests/network/test_seats.py",
    "tests/plan/test_cuts.py",
    "tests/desk/test_browser.py",
    "tests/desk_live/test_walk.py",
    "tests/desk_api/test_described.py",
    "tests/registry/test_browser.py",
    "tests/plan/test_planner_laws.py",
    "tests/desk_live/test_proxies_astray.py",
    "tests/live/test_chain.py",
    "tests/live/test_messages.py",
    "tests/desk/access/test_addresses.py",
)
"""Files that start first, so that no worker is left alone with one of them at the end."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without the mark that is asked for first: importing all takes seconds."""
    mark = config.option.markexpr.partition(" ")[0]
    if mark in ("database", "slow") and collection_path.match("test_*.py"):
        return f"mark.{mark}" not in collection_path.read_text(encoding="utf-8") or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the heaviest files first; xdist hands files out in this order."""
    rank = {name: number for number, name in enumerate(HEAVIEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of each later search for garbage, a twentieth of the time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell ``scripts/test`` how many tests passed, for its closing summary."""
    path = os.environ.get("RELEVE_TEST_COUNT")
    if path:
        passed = len(terminalreporter.getreports("passed"))
        Path(path).write_text(f"{passed}\n", encoding="utf-8")


KEPT_TABLES = ("django_content_type", "auth_permission")
"""Tables that only migrations fill: making their rows again takes ten times as long as a flush."""


def _list_deletions(_style: Any, connection: Any, **_how: object) -> list[str]:
    """Return what empties the other tables: on PostgreSQL, TRUNCATE makes the files of each."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(name) for name in names if name not in KEPT_TABLES]
    return [f"DELETE FROM {name}" for name in names]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the database of the tests be a copy of one that has the tables, on PostgreSQL."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = make_template(os.environ[DATABASE])


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
ENDING_SECONDS = 10


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Before the tests' database goes, wait for sessions of processes that are ending; end others.

    PostgreSQL does not drop a database that is in use, which would fail tests that have passed.
    """
    yield
    if connection.vendor != "postgresql":
        return
    until = time.monotonic() + ENDING_SECONDS
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(f"SELECT count(*) {OTHERS}")
            if cursor.fetchone()[0] == 0:
                return
            time.sleep(0.1)
        cursor.execute(f"SELECT application_name, query, pg_terminate_backend(pid) {OTHERS}")
        print("sessions left on the tests' database:", cursor.fetchall(), file=sys.stderr)


@pytest.fixture(autouse=True)
def _readings_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read uploaded files in this process: starting one takes two seconds of processor."""
    monkeypatch.setattr("releve.runs.upload_reader.start_reading", execute_job)


@pytest.fixture
def clearings_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute clearings in this process, within the round that begins them."""
    monkeypatch.setattr("releve.plugins.sector.association.gates.start_job", execute_job)


@pytest.fixture(scope="session", autouse=True)
def _database_that_can_be_emptied() -> Iterator[None]:
    """Let tests that commit empty the database afterwards, which the ledger's triggers refuse."""
    run = BaseDatabaseOperations.execute_sql_flush

    def without_triggers(operations: Any, statements: Any) -> None:
        guards.remove_triggers(operations.connection)
        try:
            run(operations, statements)
        finally:
            guards.install_triggers(operations.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", without_triggers)
        patch.setattr(flush, "sql_flush", _list_deletions)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what a test stores from the home folder of this machine's user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "HOME", make_test_home(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def _no_root_published() -> None:
    """Forget the roots of earlier tests: their database is emptied, the home of all is not."""
    shutil.rmtree(django_settings.HOME / "roots", ignore_errors=True)
    (django_settings.HOME / "receipts.json").unlink(missing_ok=True)
    if rollback := sys.modules.get("releve.ledger.rollback"):
        rollback.forget()


@pytest.fixture(autouse=True)
def _no_request_counted() -> None:
    """Forget the requests of earlier tests, which came from the same address in the same minute."""
    if counts := sys.modules.get("releve.accounts.tokens"):
        counts.forget()


@pytest.fixture(autouse=True)
def _language_of_no_request() -> None:
    """Begin in the settings' language: a request of an earlier test leaves its own active."""
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _passwords_cheap_to_hash() -> Iterator[None]:
    """Hash passwords by the algorithm of the settings, but with the least work: 0.2 s a sign-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScryptPasswordHasher, "work_factor", 2)
        yield


@pytest.fixture(scope="session")
def small() -> Operator:
    """60 agents on 2 sites, as read from its folder."""
    return read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data sets; the test is skipped, and says so, where it is absent.

    It is ``data`` in ``RELEVE_SHARED``, or in ``../shared`` beside the checkout.
    """
    checkout = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("RELEVE_SHARED", checkout.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are absent: set RELEVE_SHARED, or put ../shared beside")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip that says what to install."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with pytest.MonkeyPatch.context() as environment:
        # Under another clock (scripts/test --clock) Chromium starts in minutes; it has the true one
        environment.delenv("LD_PRELOAD", raising=False)
        driver = sync_playwright().start()
    try:
        running = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-background-networking"])
        yield running
        running.close()
    finally:
        driver.stop()
