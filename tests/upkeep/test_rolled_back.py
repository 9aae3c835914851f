"""A database that is empty, rolled back or doubled behind its home: refused, nothing lost."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests import processes
from tests.upkeep.conftest import House, make_house

pytestmark = [pytest.mark.database, pytest.mark.slow, pytest.mark.postgresql]

WRITING = (
    ("ledger", "seal"),
    ("live", "work", "--once"),
    ("desk", "user", "add", "eve", "--role", "planner"),
    ("outbound", "serve", "--port", "1"),
)
READING = (("desk", "user", "list"), ("ledger", "export"))


@dataclass
class Lived:
    """A house that has lived two days, with a copy of its database from the first."""

    house: House
    copy: Path
    published: dict[str, str]
    state: dict[str, Any]

    def put_copy_in_place(self) -> House:
        """Put the first day's database behind the home."""
        if not self.house.url:
            for path in self.house.home.glob("releve.sqlite3*"):
                path.unlink()
            shutil.copyfile(self.copy, self.house.home / "releve.sqlite3")
        return self.house


def find_documents(house: House) -> dict[str, str]:
    """Return the digests of all documents that left, by place and name."""
    folders = {"home": house.home / "roots", "outside": house.outside}
    return {
        f"{place}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for place, folder in folders.items()
        for path in sorted(folder.glob("*"))
    }


def copy_database(url: str, source: Path, target: Path, new_url: Callable[[], str]) -> str:
    """Copy a database as an administrator does: the file, or by pg_dump and pg_restore."""
    if not url:
        shutil.copyfile(source / "releve.sqlite3", target)
        return ""
    found, programs = new_url(), sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    subprocess.run([programs / "pg_dump", "-Fc", "-d", url, "-f", target], check=True)
    subprocess.run([programs / "pg_restore", "-d", found, target], check=True)
    return found


@pytest.fixture
def lived(tmp_path: Path, identity: Path, new_url: Any) -> Lived:
    """Yield a house of two days; on PostgreSQL its address is that of the first day's copy."""
    house = make_house(tmp_path, identity, new_url() if connection.vendor == "postgresql" else "")
    house.do("begin")
    url = copy_database(house.url, house.home, tmp_path / "copy", new_url)
    (state,) = house.do("go_on_by", "second day", "and more")
    published = find_documents(house)
    assert {"home/root-000002.json", "outside/root-000002.json"} <= set(published)
    return Lived(replace(house, url=url), tmp_path / "copy", published, state)


def test_an_empty_database_behind_a_home_gets_no_table_and_no_root(lived: Lived, new_url: Any) -> None:
    house = lived.house
    if house.url:
        house = replace(house, url=new_url())
    else:
        for path in house.home.glob("releve.sqlite3*"):
            path.unlink()
        (house.home / "releve.sqlite3").touch()
    for words in (("init",), ("migrate",), *WRITING, *READING[:1]):
        said = house.releve(*words, status=1)
        assert "its database is gone, or RELEVE_DATABASE_URL names another one" in said
        assert "No table was made" in said
        assert "releve restore" in said
    said = house.releve("doctor", status=1)
    assert "FAULT migrations: the database" in said
    assert "is empty" in said
    assert find_documents(house) == lived.published


def test_a_database_of_another_installation_is_refused(lived: Lived, tmp_path: Path, new_url: Any) -> None:
    house, other = lived.house, tmp_path / "other"
    url = new_url() if house.url else ""
    replace(house, home=other, url=url, outside=tmp_path / "none").releve("init")
    if not url:
        shutil.copyfile(other / "releve.sqlite3", house.home / "releve.sqlite3")
    house = replace(house, url=url)
    assert "is of another installation" in house.releve("ledger", "seal", status=1)
    assert "is of another installation" in house.releve("doctor", status=1)


def test_a_rolled_back_database_refuses_to_work_and_catches_up_from_the_journal(
    lived: Lived, identity: Path, tmp_path: Path
) -> None:
    house = lived.put_copy_in_place()
    for words in WRITING:
        said = house.releve(*words, status=75)
        assert "the database is behind its ledger" in said
        assert "root-000002.json is root 2 over" in said
        assert "`releve restore`" in said
        assert "`releve ledger declare-loss`" in said
    assert "warning: the database is behind" in house.releve("desk", "user", "list")
    assert "warning: the database is behind" in house.releve("ledger", "export", tmp_path / "out")
    said = house.releve("ledger", "verify", status=1)
    assert "NOT VERIFIED" in said
    assert "VERIFIED" not in said.replace("NOT VERIFIED", "")
    assert "FAULT ledger: the database is behind its ledger" in house.releve("doctor", status=1)
    assert find_documents(house) == lived.published, "nothing was overwritten"

    said = house.releve("ledger", "catch-up", "--outside", house.outside, "--identity", identity)
    assert "from the journal: " in said
    assert "lost:" not in said
    (state,) = house.do("go_on_by", "third day")
    assert state["notes"] == ["second day", "and more", "third day"], "nothing is lost"
    after = find_documents(house)
    assert lived.published.items() <= after.items()
    assert "outside/root-000003.json" in after
    roots = sorted(house.outside.glob("root-*.json"))
    given = [word for path in roots for word in ("--root", path)]
    assert "VERIFIED" in house.releve("ledger", "verify", *given)


def test_a_loss_that_two_people_declare_is_recorded_and_its_numbers_stay_taken(lived: Lived) -> None:
    house = lived.put_copy_in_place()
    said = house.call("tests.upkeep.drill_house", "declare")
    assert "declared lost in entry" in said
    (state,) = house.do("go_on_by", "third day")
    assert state["notes"] == ["third day"]
    assert state["aside"] == state["unsent"] == []
    after = find_documents(house)
    assert lived.published.items() <= after.items(), "nothing was overwritten"
    assert "outside/root-000003.json" in after, "root 2 stays that of the lost entries"
    roots = sorted(house.outside.glob("root-*.json"))
    given = [word for path in roots for word in ("--root", path)]
    said = house.releve("ledger", "verify", *given)
    assert "as root 2 had them are lost" in said
    assert "nothing is missing from the database" in house.releve(
        "ledger", "declare-loss", "amina", "zoe", "--reason", "a second time, why not", status=1
    )


def test_two_hosts_with_copies_of_one_home_overwrite_nothing(lived: Lived, tmp_path: Path, new_url: Any) -> None:
    first = lived.house
    if first.url:
        copy_database(first.url, first.home, tmp_path / "dump", new_url)
    first = lived.put_copy_in_place()
    first.do("declare")  # the first day again, on the ground of which both go on
    first.do("go_on_by", "before the copy")
    second = replace(first, home=tmp_path / "second")
    shutil.copytree(first.home, second.home)
    if first.url:
        url = copy_database(first.url, first.home, tmp_path / "twin", new_url)
        second = replace(second, url=url)
    before = find_documents(first)
    running = [
        processes.start("tests.upkeep.drill_house", "go_on_by", name, environ=house.environ())
        for name, house in (("first host", first), ("second host", second))
    ]
    ended = [process.communicate(timeout=240) for process in running]
    after = find_documents(first)
    assert before.items() <= after.items(), ended
    for host in (first, second):
        host.call("tests.upkeep.drill_house", "print_state")
    states = [host.releve("ledger", "verify", status=None) for host in (first, second)]
    refused = [said for said in states if "NOT VERIFIED" in said]
    assert len(refused) == 1, "one history went out, the other host has stopped"
    assert "a copy of this installation writes as well, perhaps on another host" in refused[0]
    loser = (first, second)["NOT VERIFIED" in states[1]]
    assert "has another history" in loser.releve("live", "work", "--once", status=75)
    (state,) = loser.do("print_state")
    assert state["notes"][-1] == ("first host", "second host")[loser is second], "nothing is lost"
    assert find_documents(first).items() >= after.items()
