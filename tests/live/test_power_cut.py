"""After a power cut no acknowledged entry is lost, and no root is out without its entries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests import processes
from tests.homes import make_test_home
from tests.live.postgresql_server import Server, serve_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.database]
SOURCE = Path(__file__).with_name("forgetful_disk.c")
ALL = ["1 photo", "2 photo", "3 photo", "4 photo"]
"""What was recorded: the last entry is under no root yet."""


class Disk:
    """A disk that forgets: the library that makes one, and what was synchronised on it."""

    def __init__(self, folder: Path) -> None:
        self.kept, self.library = folder / "kept", folder / "forgetful.so"
        for name in ("names", "inodes"):
            (self.kept / name).mkdir(parents=True)
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler: the forgetful disk cannot be built")
        command = [compiler, "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"]
        subprocess.run(command, check=True)

    @property
    def environ(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "RELEVE_FORGETFUL": str(self.kept)}

    def synchronise(self, folder: Path) -> None:
        """Take all that is in a folder for what was there long before."""
        for path in (folder, *folder.rglob("*")):
            number = str(path.stat().st_ino)
            if path.is_dir():
                rows = (f"{row.stat().st_ino} {row.name}\n" for row in path.iterdir())
                (self.kept / "names" / number).write_text("".join(rows), encoding="utf-8")
            else:
                shutil.copyfile(path, self.kept / "inodes" / number)

    def cut_power(self, folder: Path, after: Path, *, files_keep_names: bool = False) -> None:
        """Rebuild a folder as the disk has it: names and contents as last synchronised.

        ``files_keep_names``: who synchronises a new file has its name synchronised, as ext4 and
        XFS do, which PostgreSQL trusts in.
        """
        shutil.copytree(folder, after)
        for found in (after, *sorted(path for path in after.rglob("*") if path.is_dir())):
            if not found.exists():
                continue
            old = folder / found.relative_to(after)
            names = self._read_names(old)
            for path in list(found.iterdir()):
                inode = str((old / path.name).stat().st_ino)
                content = self.kept / "inodes" / inode
                named = names.get(path.name) == inode or (files_keep_names and content.exists())
                if path.is_dir():
                    if not named:
                        shutil.rmtree(path)
                elif not named:
                    path.unlink()
                elif content.exists():
                    shutil.copyfile(content, path)
                else:
                    path.write_bytes(b"")

    def _read_names(self, folder: Path) -> dict[str, str]:
        listing = self.kept / "names" / str(folder.stat().st_ino)
        lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else ()
        return dict(line.split(" ", 1)[::-1] for line in lines)


class House:
    """A home on a forgetful disk; its database beside it, or on a server."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.disk, self.home = Disk(folder), make_test_home(folder / "home")
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        self._environ |= {"DJANGO_SETTINGS_MODULE": "releve.settings"}
        if url:
            self._environ["RELEVE_DATABASE_URL"] = url
        self._run("releve", "init")
        self.disk.synchronise(self.home)

    def live_until_the_cut(self, *others: Path, synchronous: str = "") -> None:
        """Record, seal and publish; then the power of this disk and of others is cut."""
        command = [sys.executable, "-m", "tests.live.power_cut", "work", str(self.disk.kept)]
        command += [*map(str, others), "--synchronous", synchronous]
        environ = {**self._environ, "RELEVE_HOME": str(self.home), **self.disk.environ}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "recorded 4" in done.stdout

    def rebuild(self) -> None:
        """Go on with what the disk has."""
        before, self.home = self.home, self.home.with_name("after")
        self.disk.cut_power(before, self.home)

    def list_entries(self) -> list[str]:
        return self._run("tests.live.power_cut", "read")[1].splitlines()

    def verify(self) -> int:
        """Return the status of verifying the ledger against the newest root that is out."""
        roots = sorted((self.home / "roots").glob("root-*.json"))
        assert [path.name for path in roots][-1] == "root-000003.json", "published for good"
        status, said = self._run("releve", "ledger", "verify", "--root", str(roots[-1]))
        print(said)
        return status

    def _run(self, module: str, *arguments: str) -> tuple[int, str]:
        environ = {**self._environ, "RELEVE_HOME": str(self.home)}
        done = processes.run(module, *arguments, environ=environ)
        return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, synchronous: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite's file; PostgreSQL has the next test")
    house = House(tmp_path)
    house.live_until_the_cut(synchronous="" if synchronous == "FULL" else synchronous)
    house.rebuild()
    if synchronous == "FULL":
        assert house.verify() == 0
        assert house.list_entries() == ALL
    else:
        assert house.verify() == 1, "the disk of this test forgets: the old setting lost entries"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that waits for its disk: one in memory, where no inode's number comes back."""
    folder = Path("/dev/shm")
    with serve_postgresql(folder if folder.is_dir() else Path("/tmp"), fsync=True) as found:
        yield found


@pytest.mark.postgresql
@pytest.mark.parametrize("commits", ["on", "off"])
def test_a_power_cut_under_postgresql_takes_no_entry_of_a_root_that_is_out(
    tmp_path: Path, server: Server, commits: str
) -> None:
    """A server whose commits do not wait may lose what is acknowledged, a root's entries never."""
    house, disk = House(tmp_path, server.url), Disk(server.folder)
    with psycopg.connect(server.url, autocommit=True) as opened:
        opened.execute(f"ALTER ROLE releve SET synchronous_commit TO {commits}")
        opened.execute("ALTER SYSTEM SET wal_writer_delay TO '10s'")
    server.stop()
    disk.synchronise(server.data)
    for path in (disk.kept, *disk.kept.rglob("*")):
        os.chown(path, *server.owner)
    server.come_back(disk.environ)
    house.live_until_the_cut(disk.kept)
    server.die()
    lost = server.data.rename(server.data.with_name("lost"))
    disk.cut_power(lost, server.data, files_keep_names=True)
    for path in (server.data, *server.data.rglob("*")):
        os.chown(path, *server.owner)
    server.come_back()
    house.rebuild()
    assert house.verify() == 0
    expected = ALL if commits == "on" else ALL[:3]  # which shows that the disk forgets
    assert house.list_entries() == expected
