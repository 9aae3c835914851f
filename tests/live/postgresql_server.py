"""A PostgreSQL server of a test's own, to be crashed, starved or cut off its power."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.processes import ROOT

__all__ = ["Server", "serve_postgresql"]


class Server:
    """The server of ``scripts/with-postgres`` and its data, which the script removes at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.folder = Path(unquote(urlsplit(url).hostname or ""))
        self.data = self.folder / "data"
        process = (self.data / "postmaster.pid").read_text(encoding="ascii").split()[0]
        program = Path(f"/proc/{process}/exe").readlink().with_name("pg_ctl")
        owner = self.data.stat()
        self.owner = owner.st_uid, owner.st_gid
        self._control = [str(program), "-D", str(self.data), "-w"]
        self._as = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        if os.geteuid():
            self._as = {}
        options = (self.data / "postmaster.opts").read_text(encoding="utf-8")
        self._arguments = options.strip().partition(" ")[2]

    def die(self) -> None:
        """Lose every connection and transaction, as in a crash."""
        self._run("stop", "-m", "immediate")

    def stop(self) -> None:
        """Write all to the files, and end."""
        self._run("stop", "-m", "fast")

    def come_back(self, environ: Mapping[str, str] | None = None) -> None:
        """Start with the options that it was first started with, and perhaps more environment."""
        log = str(self.folder / "again.log")
        self._run("start", "-l", log, "-o", self._arguments, environ=environ or {})

    @property
    def runs(self) -> bool:
        """Whether the server process is there."""
        return (
            subprocess.run([*self._control, "status"], cwd="/", stdout=subprocess.DEVNULL, **self._as).returncode == 0
        )

    def _run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        subprocess.run(
            [*self._control, *arguments], cwd="/", check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, **(environ or {})}, **self._as,
        )  # fmt: skip


@contextmanager
def serve_postgresql(folder: Path = Path("/tmp"), *, fsync: bool = False) -> Iterator[Server]:
    """Yield a server with its data below a folder; skip where no test is to use PostgreSQL."""
    if not os.environ.get("RELEVE_DATABASE_URL"):
        pytest.skip("a drill of PostgreSQL: run it by scripts/with-postgres")
    environ = {"RELEVE_PG_FOLDER": str(folder), "RELEVE_PG_FSYNC": "on" if fsync else "off"}
    command = [str(ROOT / "scripts" / "with-postgres"), "sh", "-c"]
    with subprocess.Popen(
        [*command, "echo $RELEVE_DATABASE_URL; exec cat"], env={**os.environ, **environ},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        yield Server(running.stdout.readline().strip())
