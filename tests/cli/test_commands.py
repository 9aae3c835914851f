"""Commands before their work: an installation made or refused, parts started, arguments refused with the fix."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.cli import main
from releve.cli.options import replace_unprintable
from releve.files.home import FOLDERS, HomeError, make_home, require_home
from releve.files.plan_folder import PlanFolderError, check_overwritable
from tests import processes
from tests.homes import make_home_with_tables, make_test_home
from tests.ledger.ledger_processes import create_installation
from tests.processes import ROOT, wait_until


def run(home: Path, *arguments: str, umask: int | None = None) -> tuple[int, str]:
    """Run a command with a home, from the root of the file system; return status and output.

    With a mask of modes by a Python of its own, else forked.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    environ |= {"PYTHONPATH": str(ROOT), "RELEVE_HOME": str(home)}
    if umask is None:
        done = processes.run("releve", *arguments, environ=environ, folder=Path("/"), timeout=120)
    else:
        line = [sys.executable, "-m", "releve", *arguments]
        done = subprocess.run(
            line, cwd="/", env=environ, umask=umask, capture_output=True, text=True, timeout=120, check=False
        )
    return done.returncode, done.stdout + done.stderr


def modes(folder: Path) -> dict[str, int]:
    """Permissions of everything in a folder, and of itself."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


@pytest.mark.slow
def test_init_makes_a_home_for_its_owner_alone_and_can_be_run_again(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    home.mkdir(mode=0o755, parents=True)  # as another program makes folders
    (home / "server.key").write_text("of TLS\n")
    (home / "gate.key").write_text("7" * 64 + "\n")  # from another machine, beforehand
    for path in home.glob("*.key"):
        path.chmod(0o600)
    two = ("--administrator", "marie", "--administrator", "youssef")
    status, said = run(home, "init", *two, umask=0)
    assert status == 0, said
    for name in ("marie", "youssef"):
        assert re.search(rf"{name}, choose a password: http\S+/key/\S+", said)
    assert "releve desk user declare marie youssef" in said
    early = run(home, "desk", "user", "declare", "marie", "youssef")
    assert early[0] == 1
    assert "marie has to sign in first" in early[1]
    found = modes(home)
    assert set(FOLDERS) <= set(found)
    assert {"ledger.key", "gate.key", "secret-key", "releve.sqlite3"} <= set(found)
    opened = {name: oct(mode) for name, mode in found.items() if mode & 0o077}
    opened.pop("migrate.lock", None)  # empty
    assert opened == {}
    kept = {path.name: path.read_bytes() for path in home.glob("*key")}
    status, said = run(home, "init")
    assert status == 0, said
    assert "choose a password" not in said
    assert {path.name: path.read_bytes() for path in home.glob("*key")} == kept
    assert run(home, "ledger", "erase") == (0, "0 rows, values and files erased\n")


def test_a_command_without_a_home_makes_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    status, said = run(home, "ledger", "erase")
    assert status == 1
    assert f"there is no installation in {home}" in said
    assert "releve init" in said
    assert not home.exists()


def test_a_home_whose_database_is_gone_gets_no_empty_one(tmp_path: Path) -> None:
    (make_test_home(tmp_path) / "releve.sqlite3").unlink()
    for command in (["ledger", "erase"], ["init"]):
        status, said = run(tmp_path, *command)
        assert status == 1
        assert "releve.sqlite3 is missing: put it back from its copy" in said
    assert not (tmp_path / "releve.sqlite3").exists()


@pytest.mark.slow
def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = make_home_with_tables(tmp_path) / "releve.sqlite3"
    path.chmod(0o644)
    assert run(tmp_path, "ledger", "erase")[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_home_does_not_depend_on_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SERVICE_HOME", tmp_path / "service")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = environment.find_home
    assert found({"RELEVE_HOME": "/srv/releve"}) == Path("/srv/releve")
    assert found({"XDG_STATE_HOME": "/state"}) == Path("/state/releve")
    assert found({}) == Path.home() / ".local/state/releve"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert found({}) == tmp_path / "service"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "service").mkdir()
    assert found({}) == tmp_path / "service", "the service's, once it is there"
    (tmp_path / "service").rmdir()
    for name in ("RELEVE_HOME", "XDG_STATE_HOME"):
        with pytest.raises(ImproperlyConfigured, match=f"{name} must be a path that begins with /"):
            found({name: "var/home"})


def test_a_folder_is_a_home_once_it_was_made_one(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no installation in"):
        require_home(tmp_path)
    assert make_home(tmp_path, datetime(2026, 11, 30, tzinfo=UTC))
    assert not make_home(tmp_path, datetime(2026, 12, 1, tzinfo=UTC))
    require_home(tmp_path)
    with pytest.raises(HomeError, match="cannot be made: "):
        make_home(tmp_path / "releve-home.json" / "home", datetime(2026, 12, 1, tzinfo=UTC))


OPEN = (
    "import click\n"
    "from releve.cli.database import open_database, open_new_database\n"
    "try:\n"
    "    {}()\n"
    "except click.ClickException as error:\n"
    "    raise SystemExit(error.message)\n"
    "from releve.accounts.models import User\n"
    "print(User.objects.count())\n"
)


def start(home: Path, name: str = "open_database", **variables: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "RELEVE_DATABASE_URL"}
    environment |= {"RELEVE_HOME": str(home), **variables}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [sys.executable, "-c", OPEN.format(name)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_commands_started_together_make_a_new_database_once(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    running = [start(make_test_home(home), "open_new_database") for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in running]
    assert answers == [("0\n", "")] * 3
    assert start(home).communicate(timeout=60) == ("0\n", ""), "and the next one finds it"


@pytest.mark.slow
def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (make_test_home(tmp_path) / "releve.sqlite3").write_text("no database " * 100)
    assert "the database cannot be opened" in start(tmp_path).communicate(timeout=60)[1]


def test_settings_that_make_no_sense_are_said(tmp_path: Path) -> None:
    error = start(tmp_path, RELEVE_DATABASE_URL="mysql://x").communicate(timeout=60)[1]
    assert "RELEVE_DATABASE_URL must start with postgres://" in error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def status(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.slow
def test_desk_worker_and_gate_run_under_one_parent_and_end_together(tmp_path: Path) -> None:
    desk, gate = free_port(), free_port()
    with create_installation(tmp_path) as environment:
        releve = [sys.executable, "-m", "releve"]
        subprocess.run([*releve, "init"], cwd=ROOT, env=environment, check=True)
        line = ["serve", "desk", "worker", "gate", "--port", str(desk), "--gate-port", str(gate)]
        with subprocess.Popen(
            [*releve, *line], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            said: list[str] = []
            assert process.stderr is not None
            reader = threading.Thread(target=said.extend, args=(process.stderr,))
            reader.start()

            def started(name: str) -> list[int]:
                found = re.findall(rf"^{name} started \(process (\d+)\)", "".join(said), re.M)
                return [int(number) for number in found]

            try:
                wait_until(lambda: status(desk, "/readyz") == 200, 300, "it did not happen")
                wait_until(lambda: status(gate, "/health"), 300, "it did not happen")
                wait_until(lambda: started("worker"), 300, "it did not happen")
                os.kill(started("worker")[0], signal.SIGKILL)
                wait_until(lambda: len(started("worker")) == 2, 300, "it did not happen")
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
            reader.join()
            assert status(desk, "/healthz") == 0, "nothing answers any more"
            for pid in (*started("desk"), *started("worker"), *started("gate")):
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)


_POOL = """
import time
from releve.cli.desk import two_processes
with two_processes() as run:
    for _ in run(time.sleep, (0, 0)):
        pass
    print("begun", flush=True)
    list(run(time.sleep, (300, 300)))
"""


def test_a_command_of_two_processes_that_is_ended_leaves_none() -> None:
    begun = [sys.executable, "-c", _POOL]
    with subprocess.Popen(begun, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1]  # ends only when all that hold the pipe have ended
    assert process.returncode == 128 + signal.SIGTERM
    assert not said, "no semaphore is left to warn of"


_HELP = """
import json
import click
from click.testing import CliRunner
from releve.cli.main import find_subjects, main
results = {name: CliRunner().invoke(main, [name, "--help"]) for name in find_subjects()}
loaded = click.HelpFormatter(width=80)  # as the runner has it
click.Group.format_commands(main, click.Context(main), loaded)
said = {name: [one.exit_code, one.output] for name, one in results.items()}
print(json.dumps([said, loaded.getvalue(), CliRunner().invoke(main, ["--help"]).output]))
"""


@pytest.mark.slow
def test_each_subject_shows_its_help_before_django_is_set_up() -> None:
    environ = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", _HELP]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    results, loaded, whole = json.loads(found.stdout)
    assert whole.endswith(loaded), "each subject's line is the docstring of its command"
    assert len(results) == 27
    broken = {name: output for name, (code, output) in results.items() if code}
    assert broken == {}
    assert all(f" {name} " in output.splitlines()[0] for name, (_, output) in results.items())


UNUSED = {"django", "highspy", "holidays", "numba", "scipy"}
"""Large libraries that neither help nor a check on files takes."""


def list_loaded(*arguments: str) -> set[str]:
    """Return the modules that a command imports, in a Python of its own."""
    line = [sys.executable, "-X", "importtime", "-m", "releve", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return {row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:")}


def test_the_help_of_the_program_imports_no_subject_and_no_large_library() -> None:
    found = list_loaded("--help")
    assert "releve.cli.main" in found
    assert found & (UNUSED | {"numpy", "polars", "yaml"}) == set()
    assert {name for name in found if name.startswith("releve.cli.")} == {"releve.cli.main", "releve.cli.options"}


def test_a_check_of_a_call_on_files_imports_no_library_that_it_does_not_use(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["outbound", "start", str(tmp_path / "facts")])
    line = next(line for line in made.output.splitlines() if line.startswith("  releve outbound check"))
    found = list_loaded(*shlex.split(line)[1:])
    assert "releve.plugins.outbound.engine.verdict" in found
    assert found & UNUSED == set()


def test_french_spaces_stay_and_control_characters_go() -> None:
    assert replace_unprintable("Ville\u202f: «\xa0Lyon\xa0»") == "Ville\u202f: «\xa0Lyon\xa0»"
    assert replace_unprintable("a\x1b[2Jb\rc\u202e") == "a\ufffd[2Jb\ufffdc\ufffd"


CALL = ["outbound", "check", "0144556677", "--client", "A", "--object", "electricity"]
CALL += ["--sector", "energy-supply"]
LIST = ["outbound", "screen", "LIST", "--out", "OUT", "--client", "A", "--object", "electricity"]
LIST += ["--sector", "energy-supply"]
NOON = "2026-11-24T10:30:00+01:00"


def refusals_run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("24/11/2026", "is not an instant"),
        ("10h30", "is not an instant"),
        ("2026-11-24T25:30:00+01:00", "is not an instant"),
        ("2026-11-24", "has no time"),
        ("2026-11-24T10:30:00", "has no offset"),
    ],
)
def test_an_instant_that_is_none_is_refused_with_the_form_wanted(at: str, says: str) -> None:
    for more in (["--at", at], ["--at", NOON, "--known-at", at]):
        found = refusals_run(*CALL, *more)
        assert found.exit_code == 2
        assert f"{at!r} {says}; write it like {NOON}" in found.output
        assert more[-2] in found.output


def test_a_relief_needs_a_time_and_no_offset(tmp_path: Path) -> None:
    for at, says in (("2026-11-30", "has no time"), ("10h30", "is not an instant")):
        found = refusals_run("relief", str(tmp_path), "--plan", str(tmp_path), "--close", "a", "--at", at)
        assert found.exit_code == 2
        assert f"{at!r} {says}; write it like 2026-12-01T10:30" in found.output


def test_a_folder_that_cannot_be_written_to_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "operator"
    found = refusals_run("network", "sample", str(out), "--agents", "60", "--sites", "2")
    assert found.exit_code == 1
    assert isinstance(found.exception, SystemExit), "no traceback"
    assert found.output.splitlines()[-1].startswith("Error: ")
    assert "/." not in found.output, "the name of a file that was made up meanwhile says nothing"


def test_a_plan_is_not_begun_where_it_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_overwritable(tmp_path / "new" / "plan")
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(PlanFolderError, match="no folder may be made in it"):
        check_overwritable(tmp_path / "new" / "plan")


def test_an_empty_list_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    words = {"LIST": str(tmp_path / "empty.csv"), "OUT": str(tmp_path / "out")}
    found = refusals_run(*(words.get(word, word) for word in LIST), "--at", NOON)
    assert found.exit_code == 2
    assert "the first line is empty; write the names of the columns there" in found.output


def test_a_mapping_that_is_none_is_named(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("a,b\n1,2\n")
    latin = tmp_path / "map.toml"
    latin.write_bytes('kind = "é"'.encode("cp1252"))
    for mapping, says in ((latin, "is not in UTF-8"), (calls, "is not a mapping in TOML or JSON")):
        found = refusals_run("demand", "import", str(calls), "--mapping", str(mapping))
        assert found.exit_code == 2
        assert f"{mapping} {says}" in found.output


def test_the_folder_of_a_history_must_be_there(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("a,b\n1,2\n")
    out = tmp_path / "nowhere" / "history.csv"
    found = refusals_run("demand", "import", str(calls), "--mapping", str(calls), "--out", str(out))
    assert found.exit_code == 2
    assert f"there is no folder {out.parent}; make it" in found.output


@pytest.mark.django_db
def test_what_the_desk_refuses_is_said_in_english_here() -> None:
    found = refusals_run("desk", "user", "add", "nadia", "--role", "auditor")
    assert found.exit_code == 1
    assert "Say until when: this role is held for a time." in found.output
