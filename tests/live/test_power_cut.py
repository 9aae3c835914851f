"""After a power cut no acknowledged entry is lost, and no root is out without its entries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.cli.test_init import run
from tests.homes import make_test_home

pytestmark = [pytest.mark.slow, pytest.mark.database]
SOURCE = Path(__file__).with_name("forgetful_disk.c")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The library of the forgetful disk, beside the folders that it remembers in."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the forgetful disk cannot be built")
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's own disk is not on this one")
    library = tmp_path / "forgetful.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    for name in ("names", "inodes"):
        (tmp_path / "kept" / name).mkdir(parents=True)
    return library


def cut_power(home: Path, kept: Path, after: Path) -> None:
    """Rebuild a home as the disk has it: names and contents as they were last synchronised."""
    shutil.copytree(home, after)
    for folder in (after, *(path for path in after.rglob("*") if path.is_dir())):
        old = home / folder.relative_to(after)
        listing = kept / "names" / str(old.stat().st_ino)
        names = dict(
            line.split(" ", 1)[::-1] for line in listing.read_text().splitlines()
        ) if listing.exists() else {}  # fmt: skip
        for path in [path for path in folder.iterdir() if path.is_file()]:
            inode = names.get(path.name)
            content = kept / "inodes" / str(inode)
            if inode is None or str((old / path.name).stat().st_ino) != inode:
                path.unlink()
            elif content.exists():
                shutil.copyfile(content, path)
            else:
                path.write_bytes(b"")


def live(home: Path, disk: Path, *arguments: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.live.power_cut", *arguments],
        env=kept | {
            "DJANGO_SETTINGS_MODULE": "releve.settings", "RELEVE_HOME": str(home),
            "LD_PRELOAD": str(disk), "RELEVE_FORGETFUL": str(disk.parent / "kept"),
        },
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_power_cut_takes_nothing_that_was_acknowledged(
    tmp_path: Path, disk: Path, synchronous: str
) -> None:
    home = make_test_home(tmp_path / "home")
    assert run(home, "ledger", "key")[0] == 0
    for path in [home, *home.iterdir()]:  # what was there long before is on the disk
        number = path.stat().st_ino
        if path.is_file():
            shutil.copyfile(path, disk.parent / "kept" / "inodes" / str(number))
    names = "".join(f"{path.stat().st_ino} {path.name}\n" for path in home.iterdir())
    (disk.parent / "kept" / "names" / str(home.stat().st_ino)).write_text(names)
    arguments = ["3"] if synchronous == "FULL" else ["3", synchronous]
    said = live(home, disk, *arguments)
    assert "recorded 3" in said
    after = tmp_path / "after"
    cut_power(home, disk.parent / "kept", after)
    roots = sorted((after / "roots").glob("root-*.json"))
    assert [path.name for path in roots][-1] == "root-000003.json", "published for good"
    status, found = run(after, "ledger", "verify", "--root", str(roots[-1]))
    if synchronous == "FULL":
        assert status == 0, found
    else:
        assert status == 1, "the disk of this test forgets: the old setting lost entries"
