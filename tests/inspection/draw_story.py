"""Two days of draws by the commands, as the operator and the commission go through them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from django.db import transaction

from releve.cli.main import main
from releve.ledger import verify
from releve.ledger.keys import public_key
from releve.plugins.inspection import verify_draw

__all__ = ["DAY", "FOLLOWING", "Clock", "Draws", "judge", "run"]

DAY, FOLLOWING = "2026-12-01", "2026-12-02"
EVENING = datetime(2026, 11, 30, 19, tzinfo=UTC)


class Clock:
    """The clock of the desk, which the test moves."""

    def __init__(self) -> None:
        self.at = EVENING

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def run(*arguments: object, code: int = 0) -> str:
    """Run a command and return what it says."""
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == code, (done.output, done.exc_info)
    return done.output.strip()


class Draws:
    """A plan of draws with the files of both parties in a folder."""

    def __init__(self, folder: Path, clock: Clock, plan: str = "p1") -> None:
        self.folder, self.clock, self.plan_id = folder, clock, plan
        self.chain = folder / "commission.json"
        self.anchor = ""

    def do(self, command: str, *arguments: object, code: int = 0) -> str:
        return run("inspection", command, *arguments, code=code)

    def seal(self) -> Path:
        """Sign a root and return its file, as it leaves the house."""
        run("ledger", "seal", "--out", self.folder / "roots")
        return max((self.folder / "roots").glob("root-*.json"))

    def plan(self, *, name: str = "operator.json", visits: int = 1) -> None:
        anchor = self.do("chain", self.folder / name, "--days", 30)
        self.do("plan", self.plan_id, "--first-day", DAY, "--days", 30, "--visits", visits,
                "--least", 100, "--operator-anchor", anchor)  # fmt: skip

    def pack(self, day: str = "", name: str = "draw.json") -> Any:
        path = self.folder / name
        self.do("pack", self.plan_id, *(("--day", day) if day else ()), "--out", path,
                "--verifiers", self.folder / "given")  # fmt: skip
        return json.loads(path.read_text())

    def join(self, root: Path) -> None:
        """The commission verifies the plan, makes its chain, and the anchor goes on record."""
        draw = judge(self.pack(name="plan.json"), root)
        assert (draw.faults, draw.missing) == ([], [])
        said = verify_draw.make_chain(draw, self.chain)
        self.anchor = said.splitlines()[0].split()[-1]
        self.do("join", self.plan_id, "--anchor", self.anchor, "--root", root)

    def frame(self) -> None:
        self.do("frame", self.plan_id)

    def reveal(self, party: str, day: str = DAY, name: str = "") -> None:
        path = self.folder / (name or f"{party}.json")
        self.do("reveal", self.plan_id, "--day", day, "--party", party, "--chain", path)

    def draw(self, *without: str) -> str:
        return self.do("draw", self.plan_id, "--day", DAY, *without)

    def prepare(self) -> list[Path]:
        """Plan, join and frame the first day; return the root over the plan and the one over it."""
        self.plan()
        first = self.seal()
        self.join(first)
        self.frame()
        return [first, self.seal()]

    def finish(self, chain: str = "") -> Any:
        """Reveal both links on the morning, draw, seal, and return the pack."""
        self.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
        self.reveal("operator", name=chain)
        self.reveal("commission")
        self.draw()
        self.seal()
        return self.pack(DAY)

    @contextmanager
    def second_home(self) -> Iterator[None]:
        """Do what is inside in a copy of the house, with the same key; undo it afterwards."""
        at, kept = self.clock.at, set((self.folder / "roots").glob("*"))
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
        self.clock.at = at
        for path in set((self.folder / "roots").glob("*")) - kept:
            path.unlink()


def judge(
    pack: Any, *roots: Path, anchor: str = "", chain: Path | None = None,
    witnesses: tuple[str, ...] = (), quorum: int | None = None, origin: str = "", day: str = DAY,
    link: str = "",
) -> verify_draw.Draw:  # fmt: skip
    """Return what the stand-alone verifier finds for a reader who holds these roots."""
    keys = verify.Keys([public_key()], witnesses, quorum, origin)
    held = [verify.read_root(str(path), keys) for path in roots]
    own = json.loads(chain.read_text()) if chain else None
    reader = verify_draw.DrawReader(verify, keys, held, anchor, own, day, link)
    return verify_draw.Draw(pack, reader)
