"""The drill: back up, destroy, restore elsewhere on either database; and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from releve.files.backup_notes import NOTES
from tests.cli.test_commands import modes
from tests.upkeep.conftest import House, make_house

pytestmark = [pytest.mark.database, pytest.mark.slow]

PATHS = [("sqlite", "sqlite")]
if connection.vendor == "postgresql":
    PATHS = [("sqlite", "postgresql"), ("postgresql", "sqlite")]
    if os.environ.get("RELEVE_ALL_ENGINES"):
        PATHS.append(("postgresql", "postgresql"))


@pytest.mark.parametrize(("first", "second"), PATHS)
def test_a_house_that_burnt_down_goes_on_elsewhere(
    tmp_path: Path, identity: Path, new_url: Any, first: str, second: str
) -> None:
    house = make_house(tmp_path, identity, new_url() if first == "postgresql" else "")
    file = tmp_path / "backup.tar"
    (before,) = house.do("live", file)
    assert json.loads((house.home / NOTES).read_text())["name"] == "backup.tar"
    assert "agent-7" not in before["subjects"]
    assert len(before["letters"]) == 1, "the message left after the backup"
    opened = sorted(path.name for path in Path(tempfile.gettempdir()).glob("releve-rehearsal-*"))
    said = house.releve("restore", file, "--rehearse", "--identity", identity, "--outside", house.outside)
    assert re.search(r"REHEARSED .*backup.tar in \d+ s: \d+ entries in one unbroken chain", said)
    assert f"{house.home} notes the rehearsal" in said
    assert json.loads((house.home / NOTES).read_text())["rehearsed_at"]
    assert sorted(path.name for path in Path(tempfile.gettempdir()).glob("releve-rehearsal-*")) == opened
    (house.home / NOTES).unlink()
    assert "notes the rehearsal" in house.releve("backup", file, "--rehearsed")
    shutil.rmtree(house.home)
    check = house.releve("backup", file, "--check", "--identity", identity)
    assert "decrypted and followed" in check, "on a machine without an installation"
    assert "signed by " in check

    new = House(tmp_path / "new", new_url() if second == "postgresql" else "", house.outside, house.recipient)
    said = new.releve("restore", file, "--home", new.home, "--database", new.url,
                      "--identity", identity, "--outside", house.outside)  # fmt: skip
    assert "lost:" not in said
    assert "signed by the ledger's key " in said
    opened = [name for name, mode in modes(new.home).items() if mode & 0o077]
    assert opened in ([], ["migrate.lock"]), "for its owner alone; the lock is empty"
    last = max(house.outside.glob("root-*.json"))
    found, calls = new.do("revive", last)
    assert found["vendor"] == second
    assert found["entries"] >= before["entries"], "the ledger goes on where it stood"
    assert "agent-7" not in found["subjects"], "erased people stay erased"
    assert "agent-8" in found["subjects"]
    assert found["bob"] is False
    assert found["rules"] is True
    assert found["letters"] == [], "no message leaves twice"
    assert found["aside"] == ["send"]
    assert found["calls"] == ["503 refuse GATE-RESTORED"] * 2
    withdrawn, consented = calls["calls"]
    assert withdrawn.startswith("403 refuse")
    assert consented.startswith("200 allow")

    for part in house.outside.glob("journal-*.age"):
        part.unlink()
    said = new.releve("restore", file, "--rehearse", "--identity", identity, "--outside", house.outside, status=1)
    assert "the rehearsal failed" in said
    short = House(tmp_path / "short", "", house.outside, house.recipient)
    said = short.releve("restore", file, "--home", short.home, "--identity", identity, "--outside", house.outside)
    assert "under the published root" in said
    assert "the database is behind its ledger" in short.releve("ledger", "seal", status=75)
    (body,) = short.do("verify", str(max(house.outside.glob("root-*.json"))))
    assert body["lost_entries"] > 0
    assert body["lost_root"]["size"] == body["backup_entries"] + body["lost_entries"]
