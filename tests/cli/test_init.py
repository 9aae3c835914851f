"""`releve init` makes an installation; every other command refuses to make one by the way."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.files.home import FOLDERS, HomeError, make_home, require_home
from tests.homes import make_home_with_tables, make_test_home


def run(home: Path, *arguments: str, umask: int = 0o022) -> tuple[int, str]:
    """Run a command with a home, from the root of the file system; return status and output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    checkout = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "releve", *arguments],
        cwd="/",
        env={**environ, "PYTHONPATH": checkout, "RELEVE_HOME": str(home)},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
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
