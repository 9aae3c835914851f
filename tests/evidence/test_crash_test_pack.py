"""The pack of a crash test that really ran: on the command line, on the desk, and by its reader."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from click.testing import CliRunner
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.cli import main
from releve.files.plan_folder import list_plan_files, write_plans
from releve.ledger import verify
from releve.ledger.keys import public_key
from releve.network import write_operator
from releve.plugins.crashtest.crash_test_job import CRASH_TESTS, CrashTestOrder, execute_crash_test
from releve.registry import storage
from releve.runs.job_store import JobStore
from tests.accounts.people import signed_in
from tests.crashtest.rough_quarter import plan_operator
from tests.evidence.pack_house import fill_house
from tests.homes import make_test_home

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
DAYS = ["--from", "2026-11-16", "--to", "2026-11-29"]


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> str:
    """The id of a finished crash test of four quarters, in a house with its entries sealed."""
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()
    fill_house()
    operator, plan = plan_operator()
    stamp = datetime(2026, 11, 24, tzinfo=UTC)
    write_plans(tmp_path / "plan", [plan], stamp=stamp, calendars=False)
    store = JobStore(settings.HOME, CRASH_TESTS)
    order = CrashTestOrder(
        name="Hiver", by="amina", at="2026-11-24T09:00:00+00:00", version=1, agents=120,
        plan="folder", beside="", policies=("as-given",), quarters=4, days=7, seed=7,
        hazards=True, nearest=True,
    )  # fmt: skip
    texts = {path.name: path.read_bytes() for path in list_plan_files(tmp_path / "plan").values()}
    inputs = {"operator": dict(write_operator(operator)), "plan": texts}
    name = store.add(order, inputs).name
    job = store.get(name)
    assert job is not None
    execute_crash_test(job)
    return name


def test_a_crash_test_is_given_away_with_its_figures_and_its_certificate(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.cli.ledger.open_database", lambda **_how: None)
    out = tmp_path / "pack.pdf"
    command = ["evidence", "pack", "crashtest", "--for", run, *DAYS, "--out", str(out)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    line = [sys.executable, "-I", "-S", verify.__file__, str(out), "--key", public_key()]
    found = subprocess.run([*line, "--lang", "fr"], capture_output=True, encoding="utf-8", check=False)
    assert found.returncode == 0, found.stdout
    assert "document certificate.json" in found.stdout
    assert "part des appels servis, sur 4 trimestres simulés" in found.stdout
    assert "la règle de fermeture, avec tests des personnes symptomatiques" in found.stdout
    with pikepdf.open(out) as opened:
        pack, results, certificate = (
            json.loads(opened.attachments[name].get_file().read_bytes())
            for name in ("pack.json", "results.json", "certificate.json")
        )
    values: dict[str, Any] = {one["id"]: one["value"] for one in pack["statements"]}
    for place, row in enumerate(results[0]["clients"]):
        assert values[f"calls_served-0-{place}"] == row["calls_served"]["value"]
    assert certificate["settings"]["quarters"] == 4
    remade = CliRunner().invoke(main, ["evidence", "remake", str(out)])
    assert remade.exit_code == 0, remade.output

    web = signed_in(Role.CONTINUITY)
    sent = {"what": f"crashtest:{run}", "first": DAYS[1], "last": DAYS[3], "language": "fr"}
    answer = web.post("/packs/", sent)
    assert answer.status_code == 302, answer.content.decode()
    address = answer["Location"]
    assert web.get(f"{address}/file.pdf").content == out.read_bytes()
    assert web.get(f"{address}/file.pdf.note").content == Path(f"{out}.note").read_bytes()
