"""The routes in a file: whole or not there, never older, found out when altered."""

from __future__ import annotations

import csv
import os
import stat
import threading
from pathlib import Path

import pytest

from releve.routing import EmptySet, Stale, Unreachable, build_adapters
from releve.routing.file_csv import FileCsv
from tests.routing.generations import generation, nothing_open, publish


@pytest.fixture
def adapter(tmp_path: Path) -> FileCsv:
    return FileCsv(tmp_path / "out" / "routes.csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_was_published_is_read_back(adapter: FileCsv) -> None:
    assert adapter.observe() is None
    sent = generation(3, closed="casa-1")
    done = publish(adapter, sent, key="k")
    seen = adapter.observe()
    assert seen is not None
    assert (done.number, done.digest) == (seen.number, seen.digest) == (3, sent.digest)
    assert seen.whole


def test_a_closed_site_stands_in_the_file_at_zero(adapter: FileCsv) -> None:
    publish(adapter, generation(closed="casa-1"), key="k")
    shares = {
        row["place"]: (row["state"], float(row["weight"]))
        for row in rows_of(adapter.path)
        if row["programme"] == "azur-sinistres"
    }
    assert shares == {"casa-1": ("closed", 0.0), "home": ("open", 0.25), "rabat-1": ("open", 0.75)}


def test_an_empty_set_changes_nothing(adapter: FileCsv) -> None:
    publish(adapter, generation(), key="k")
    before = adapter.path.read_bytes()
    with pytest.raises(EmptySet):
        publish(adapter, nothing_open(), key="k2")
    assert adapter.path.read_bytes() == before


def test_an_older_generation_does_not_overwrite_a_newer_one(adapter: FileCsv) -> None:
    publish(adapter, generation(5), key="5")
    with pytest.raises(Stale, match="holds generation 5"):
        publish(adapter, generation(4), key="4")
    publish(adapter, generation(5), key="5")
    seen = adapter.observe()
    assert seen is not None
    assert seen.number == 5


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_file_cut_or_changed_by_hand_is_found_out(adapter: FileCsv, cut: int) -> None:
    publish(adapter, generation(2), key="k")
    whole = adapter.path.read_text(encoding="utf-8")
    changed = whole[:cut] if cut > 0 else whole.replace("0.6000", "0.5999")
    assert changed != whole
    adapter.path.write_text(changed, encoding="utf-8")
    seen = adapter.observe()
    assert seen is not None
    assert not seen.whole


def test_a_file_that_makes_no_sense_gives_way_to_the_next_publication(adapter: FileCsv) -> None:
    publish(adapter, generation(9), key="k")
    adapter.path.write_text("stream,generation\nlive,seven\n", encoding="utf-8")
    publish(adapter, generation(1), key="k")
    seen = adapter.observe()
    assert seen is not None
    assert (seen.number, seen.whole) == (1, True)


def test_readers_see_a_whole_file_at_any_instant(adapter: FileCsv) -> None:
    publish(adapter, generation(1), key="1")
    halves: list[bool] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen = adapter.observe()
            halves.append(seen is None or not seen.whole)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 40):
        publish(adapter, generation(number, closed="casa-1" if number % 2 else ""), key="k")
    stop.set()
    reader.join()
    assert halves
    assert not any(halves)


def test_a_failed_write_leaves_the_old_file_and_no_other(adapter: FileCsv, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(adapter, generation(1), key="1")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unreachable, match="No space left"):
        publish(adapter, generation(2), key="2")
    seen = adapter.observe()
    assert seen is not None
    assert seen.number == 1
    assert {path.name for path in adapter.path.parent.iterdir()} == {"routes.csv", ".routes.csv.lock"}


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(Unreachable):
        publish(FileCsv(tmp_path / "out" / "routes.csv"), generation(), key="k")


def test_the_file_can_be_read_by_others(adapter: FileCsv) -> None:
    publish(adapter, generation(), key="k")
    assert stat.S_IMODE(adapter.path.stat().st_mode) == 0o644


def test_it_is_the_adapter_when_nothing_is_set(tmp_path: Path) -> None:
    (adapter,) = build_adapters({}, tmp_path)
    assert isinstance(adapter, FileCsv)
    assert adapter.path == tmp_path / "routing" / "routes.csv"
    (named,) = build_adapters({"RELEVE_ROUTING_FILE": "/srv/routes.csv"}, tmp_path)
    assert isinstance(named, FileCsv)
    assert named.path == Path("/srv/routes.csv")
