"""The plug-ins of this distribution, and one of other people from a wheel of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import click
import pytest
from click.testing import CliRunner
from django.urls import path
from django.utils.module_loading import import_string

from releve import plugin
from releve.cli.main import find_subjects, main
from releve.cli.network import network
from releve.desk import urls
from releve.ledger.export import JournalFault, JournalPart
from releve.live import event_service
from releve.live.event_service import build_plugin_check
from releve.plugin import Plugin, PluginError, list_plugins
from releve.runs import job_process
from releve.situation import Event, EventRefusal, PowerDown, Situation, empty_situation, refuse
from releve.upkeep.replay import repeat_acts

PAGE = Path(__file__).parent.parent / "docs" / "plugins.md"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with the wheel of the documentation in it."""
    folder = tmp_path_factory.mktemp("site")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (entry,) = re.findall(r"^(wallboard = .*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    wheel = folder / "acme_wallboard-1.0-py3-none-any.whl"
    info = "acme_wallboard-1.0.dist-info"
    with ZipFile(wheel, "w") as archive:
        for name, text in zip(("__init__", "commands", "pages"), blocks, strict=True):
            archive.writestr(f"acme_wallboard/{name}.py", text)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: acme-wallboard\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[releve.plugins]\n" + entry.replace('"', "") + "\n")
        archive.writestr(f"{info}/RECORD", "")
    with ZipFile(wheel) as archive:  # what an installer does with a wheel of Python alone
        archive.extractall(folder)
    return folder


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True, check=False)


def test_a_plug_in_of_its_own_wheel_adds_its_command(site: Path) -> None:
    found = run(site, "-m", "releve", "wallboard")
    assert (found.stdout, found.stderr) == ("12 calls wait\n", "")
    assert " wallboard " in run(site, "-m", "releve", "--help").stdout


def test_a_page_of_a_plug_in_answers_whom_its_permission_lets_in(site: Path) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.urls import resolve, reverse\n"
        "from releve.desk.access.guard import permission_of\n"
        "print(reverse('wallboard'), permission_of(resolve('/wallboard/').func))\n"
    )
    found = run(site, "-c", code)
    assert found.stdout == "/wallboard/ wallboard.see\n", found.stderr


def test_a_plug_in_adds_permissions_places_in_the_menu_and_checks(site: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "import django; django.setup()\n"
        "from releve.accounts.permissions import list_permissions\n"
        "from releve.desk.navigation import find_permission, list_entries\n"
        "from releve.upkeep.doctor import list_checks\n"
        "from releve.upkeep.findings import Examination\n"
        "names = [entry.name for entry in list_entries()]\n"
        "print(names[names.index('wallboard') + 1], *list_permissions()[find_permission('wallboard')].roles)\n"
        "(check,) = list_checks()['wallboard']\n"
        "from releve.ledger.disclosure import KIND_LABELS; print(KIND_LABELS['wallboard.shown'])\n"
        "print(*check(Examination(Path(sys.argv[1]), datetime(2026, 12, 1, tzinfo=UTC))))\n"
    )
    found = run(site, "-c", code, str(tmp_path))
    assert found.stdout == (
        "drills flow\nWall board shown\n"
        "warning wallboard: there is no wall board; make the folder wallboard in the home\n"
    ), found.stderr


def test_two_plug_ins_that_claim_the_same_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (Plugin("a", urls={"x/": "m"}), Plugin("b", urls={"x/": "n"}))
    monkeypatch.setattr(plugin, "_list_own", lambda: own)
    with pytest.raises(PluginError, match="the address 'x/' is taken by the plug-in 'a'"):
        list_plugins.__wrapped__()


def test_an_entry_that_is_no_plug_in_is_refused(site: Path, tmp_path: Path) -> None:
    (tmp_path / "acme_wallboard").mkdir()
    (tmp_path / "acme_wallboard" / "__init__.py").write_text("PLUGIN = 3\n")
    (tmp_path / "x-1.dist-info").mkdir()
    (tmp_path / "x-1.dist-info" / "METADATA").write_text("Name: x\nVersion: 1\n")
    (tmp_path / "x-1.dist-info" / "entry_points.txt").write_text(
        "[releve.plugins]\nwallboard = acme_wallboard:PLUGIN\n"
    )
    found = run(tmp_path, "-m", "releve", "--help")
    assert found.stderr == (
        "Error: plug-in 'wallboard': expected a releve.plugin.Plugin at acme_wallboard:PLUGIN, found int\n"
    )


def test_a_page_that_declares_no_permission_keeps_the_desk_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = types.ModuleType("acme_open_pages")
    pages.urlpatterns = [path("x", lambda request: None, name="x")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_open_pages", pages)
    with pytest.raises(PluginError, match="the view of 'x' in acme_open_pages declares no perm"):
        urls._include_declared("acme", "acme_open_pages")


def test_an_act_of_the_journal_that_no_plug_in_repeats_stops_the_restore() -> None:
    with pytest.raises(JournalFault, match=r"the act 'wallboard.cleared', .* install the plug-in that noted it"):
        repeat_acts([JournalPart(1, (), ({"act": "wallboard.cleared"},))])


def test_our_own_plug_ins_are_found_without_importing_what_they_add() -> None:
    names = [one.name for one in list_plugins()]
    assert names == ["crashtest", "evidence", "inspection", "outbound", "sector", "telework"]
    code = (
        "import sys; from releve.plugin import list_plugins; list_plugins()\n"
        "print([m for m in sys.modules if m.startswith('releve.plugins.') and m.count('.') > 2])"
    )
    assert run(Path(), "-c", code).stdout == "[]\n"


def test_a_plug_in_adds_a_command_to_a_subject_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = types.ModuleType("acme_network_commands")
    commands.network_wall = click.Command("wall", callback=lambda: click.echo("12 calls wait"))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_network_commands", commands)
    own = Plugin("acme", commands={"network wall": "acme_network_commands"})
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["releve.cli.main"], "list_plugins", lambda: (own,))
        patch.setattr(network, "commands", {})
        assert CliRunner().invoke(main, ["network", "wall"]).output == "12 calls wait\n"
        assert "network wall" not in find_subjects()


JOBS = """
from dataclasses import dataclass
from releve.files.atomic import write_file
from releve.plugin import Plugin
from releve.runs.job_store import Job, JobKind

@dataclass(frozen=True)
class CountOrder:
    by: str
    at: str

def count_calls(job: Job[CountOrder]) -> None:
    write_file(job.folder / COUNTS.result, "12 calls wait", durable=False)

COUNTS = JobKind("wallboards", "counted.txt", CountOrder, count_calls)
PLUGIN = Plugin("counter", jobs={"wallboards": "acme_counter.COUNTS"})
"""


def test_a_job_of_a_plug_in_is_done_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "acme_counter.py").write_text(JOBS)
    (tmp_path / "x-1.dist-info").mkdir()
    (tmp_path / "x-1.dist-info" / "METADATA").write_text("Name: x\nVersion: 1\n")
    (tmp_path / "x-1.dist-info" / "entry_points.txt").write_text("[releve.plugins]\ncounter = acme_counter:PLUGIN\n")
    code = (
        "from pathlib import Path; from acme_counter import COUNTS, CountOrder\n"
        "from releve.runs.job_store import JobStore\n"
        f"print(JobStore(Path({str(tmp_path)!r}), COUNTS).add(CountOrder('amina', '2026-12-01T08:00:00'), {{}}))\n"
    )
    folder = run(tmp_path, "-c", code).stdout.strip()
    assert run(tmp_path, "-m", "releve.runs.job_process", folder).stderr == ""
    assert (Path(folder) / "counted.txt").read_text() == "12 calls wait"


@pytest.mark.parametrize("folder", ["crashtests", "outlooks", "clearings", "planruns", "readings"])
def test_a_kind_of_jobs_is_found_by_its_folder(folder: str) -> None:
    assert job_process.find_kind(folder).folder == folder


def _refuse_any(event: Event, stream: str) -> Callable[[Situation], list[EventRefusal]]:
    return lambda situation: [refuse("draw.anchor_used", plan=stream)]


def test_a_plug_in_refuses_events_by_what_it_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    event = PowerDown(id="e1", happened_at=at, recorded_at=at, actor="amina", site="casa")
    own = Plugin("acme", event_checks=(f"{__name__}._refuse_any",))
    monkeypatch.setattr(event_service, "list_plugins", lambda: (own,))
    (refused,) = build_plugin_check(event, "drill-1")(empty_situation())
    assert (refused.code, refused.params["plan"]) == ("draw.anchor_used", "drill-1")


def test_what_our_own_plug_ins_name_is_there_and_their_own() -> None:
    for one in list_plugins():
        for name in (*one.event_checks, *one.jobs.values()):
            assert name.startswith(f"releve.plugins.{one.name}."), name
            import_string(name)


def test_two_plug_ins_with_the_same_folder_of_jobs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_list_own", lambda: (Plugin("a", jobs={"x": "m.X"}), Plugin("b", jobs={"x": "n.X"})))
    with pytest.raises(PluginError, match="the folder of jobs 'x' is taken by the plug-in 'a'"):
        list_plugins.__wrapped__()
