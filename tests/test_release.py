"""A release has the same bytes wherever and by whomever it is made, and is refused where it would not be one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from releve import __version__
from tests.test_wheel import OTHER_USER, ROOT

pytestmark = pytest.mark.slow

AUTHOR = {
    **{f"GIT_{who}_NAME": "Ines" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ines@example.org" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2026-11-30T08:00:00+01:00" for who in ("AUTHOR", "COMMITTER")},
}
NAMES = [f"releve-{__version__}{end}" for end in ("-py3-none-any.whl", ".cdx.json", ".requirements.txt", ".tar.gz")]


class Checkout:
    """The files as they are here, committed in a folder of their own; the environment is that of the tests."""

    def __init__(self, folder: Path, user: int | None = None, umask: str = "022", **environ: str) -> None:
        self.folder, self.user, self.umask = folder, user, umask
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))}
        self.environ = {**clean, **AUTHOR, "HOME": str(folder), "TZ": "UTC", **environ}
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():  # one that was deleted is listed too
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
        (folder / ".venv" / "pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
        (folder / ".venv" / "lib").symlink_to(Path(sys.prefix) / "lib")
        if user is not None:
            subprocess.run(["chown", "-R", "-h", f"{user}:{user}", str(folder)], check=True)
        self.run("git init -q && git add . && git commit -qm 'The files as they are'")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        line = ["sh", "-c", f"umask {self.umask} && {command}"]
        return subprocess.run(
            line, cwd=self.folder, env=self.environ, user=self.user, group=self.user, check=False,
            extra_groups=None if self.user is None else [], capture_output=True, text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("first"))


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Another folder, umask, zone and clock of files; another user where root asks."""
    folder = Path("/var/tmp" if os.geteuid() == 0 else tmp_path_factory.mktemp("x")) / f"releve release {os.getpid()}"
    folder.mkdir()
    try:
        user = OTHER_USER if os.geteuid() == 0 else None
        yield Checkout(folder, user, "077", TZ="Pacific/Kiritimati", LANG="fr_FR.UTF-8", SOURCE_DATE_EPOCH="1")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_two_folders_and_two_users_make_the_same_bytes(checkout: Checkout, other: Checkout) -> None:
    made = []
    for one in (checkout, other):
        done = one.run("./scripts/release out")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(rf"tag it: git tag -s v{re.escape(__version__)} -m '.+' [0-9a-f]{{40}}\n", done.stderr)
        made.append(read_files(one.folder / "out"))
    assert made[0] == made[1]
    assert [*made[0]] == ["SHA256SUMS", *NAMES]
    sums = (checkout.folder / "out" / "SHA256SUMS").read_text(encoding="ascii")
    assert sums == "".join(f"{made[0][name]}  {name}\n" for name in sorted(NAMES))
    check_content(checkout.folder / "out")


def check_content(folder: Path) -> None:
    """Check that the sdist and the wheel hold the package as it is here, and the bill of materials its version."""
    wheel, bill, pins, sdist = (folder / name for name in NAMES)
    assert pins.read_bytes() == (ROOT / "requirements" / "run.txt").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if name.startswith("releve/")}
        (about,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        assert f"\nVersion: {__version__}\n" in archive.read(about).decode()
    assert held["releve/__init__.py"] == (ROOT / "releve" / "__init__.py").read_bytes()
    with tarfile.open(sdist) as archive:
        rows = [row for row in archive.getmembers() if row.isfile()]
        root = f"releve-{__version__}/"
        for row in rows:
            assert (row.uid, row.gid, row.mode & 0o77, row.mtime) == (0, 0, 0o44, rows[0].mtime), row.name
        assert {row.name.removeprefix(root) for row in rows} >= held.keys()
        assert f"{root}PKG-INFO" in archive.getnames()
    assert json.loads(bill.read_text(encoding="utf-8"))["metadata"]["component"]["version"] == __version__


def test_what_is_no_release_is_refused(checkout: Checkout) -> None:
    def refuse(spoil: str, says: str) -> None:
        assert checkout.run(spoil).returncode == 0
        done = checkout.run("./scripts/release refused")
        assert done.returncode == 1
        assert says in done.stderr
        assert not any((checkout.folder / "refused").glob("releve-*"))

    refuse("echo >>README.md", "changes that are not committed")
    refuse("git checkout -q README.md && mkdir -p refused && touch refused/old", "is not empty")
    assert checkout.run(f"rm -r refused && git tag v{__version__}").returncode == 0
    refuse("git commit -qm Later --allow-empty", "is the tag of another commit")
    listed = "tests/upkeep/released-migrations.txt"
    refuse(
        f"sed -i /live.0001_initial/d {listed} && git commit -qam Unlisted && git tag -f v{__version__}",
        "live.0001_initial",
    )
    refuse(
        f"git tag -d v{__version__} && sed -i 's/^## .{__version__}.*/## Unreleased/' CHANGELOG.md"
        " && git commit -qam Unreleased",
        f"CHANGELOG.md has no section [{__version__}]",
    )
