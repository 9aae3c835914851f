"""Files dropped in a folder and rows over HTTP: each row once, whatever is killed; faults aside."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import Attempt
from releve.plugins.outbound.gate import models, request_feeds
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.request_feeds import (
    FeedMoved,
    FeedResult,
    RowFault,
    feed_position,
    record_reading,
    take_files,
    take_rows,
)
from tests.gate.sample_campaign import CLIENT, phone, record_people

pytestmark = [pytest.mark.database]


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    record_people(range(5))
    found = tmp_path / "drop"
    found.mkdir()
    return found


def line(person: int, key: str = "", said: str = "stop", client: str = CLIENT) -> str:
    return f"{key or person};{phone(person)};{said};{client}\n"


def drop(folder: Path, text: str, name: str = "one.csv") -> Path:
    path = folder / name
    path.write_text(f"id;number;said;client\n{text}", encoding="utf-8")
    return path


def read(folder: Path, **more: object) -> tuple[int, int, int]:
    found = take_files(folder, by="dialler", **{"settle": 0, **more})
    return found.recorded, found.before, found.set_aside


def test_a_file_is_read_once_and_put_away(folder: Path) -> None:
    drop(folder, line(1) + line(2))
    assert read(folder) == (2, 0, 0)
    assert read(folder) == (0, 0, 0)
    assert [path.name for path in (folder / "done").iterdir()] == ["one.csv"]
    assert models.PersonRequestRow.objects.count() == 2
    drop(folder, line(1) + line(2), "again.csv")
    assert read(folder) == (0, 0, 0)
    assert models.WithdrawalRow.objects.count() == 4  # a person and a number each


def test_a_row_may_be_spelt_in_any_way(folder: Path) -> None:
    drop(folder, line(1, said="Ne plus appeler", client="client a"))
    assert read(folder) == (1, 0, 0)
    assert models.PersonRequestRow.objects.get().said == "stop"
    assert set(models.WithdrawalRow.objects.values_list("client", flat=True)) == {CLIENT}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_file_is_read_in_the_form_that_it_has(folder: Path, separator: str, encoding: str) -> None:
    head = (" ID ", "Number", "SAID", "client", "at", "channel", "outcome", "call")
    cells = ("1", phone(1), "stop", CLIENT, "2026-11-20T10:00:00+01:00", "téléphone", "", "")
    text = "".join(f"{separator.join(row)}\n" for row in (head, cells))
    (folder / "ONE.CSV").write_text(text, encoding=encoding)
    assert read(folder) == (1, 0, 0)
    row = models.PersonRequestRow.objects.get()
    assert (row.channel, row.at.isoformat()) == ("téléphone", "2026-11-20T09:00:00+00:00")
    assert (row.by, models.Cursor.objects.get().file) == ("dialler", "ONE.CSV")
    assert models.Load.objects.filter(source="feed ONE.CSV", by="dialler").count() == 1


def test_the_first_line_alone_tells_the_separator_and_a_byte_of_no_encoding_stays_a_cell(folder: Path) -> None:
    row = f'1;{phone(1)};stop;{CLIENT};"by, or for, the wife, she, said"\n'.encode()
    odd = f"2;{phone(2)};stop;{CLIENT};\x81\n".encode("latin-1")
    (folder / "one.csv").write_bytes(b"id;number;said;client;channel\n" + row + odd)
    assert read(folder) == (2, 0, 0)
    channels = models.PersonRequestRow.objects.order_by("pk").values_list("channel", flat=True)
    assert list(channels) == ["by, or for, the wife, she, said", "\ufffd"]


def test_a_row_may_tell_the_outcome_of_the_call_that_it_names(folder: Path) -> None:
    now = read_clock()
    calls = [Attempt(f"{n}/1", CLIENT, "P1", now - timedelta(hours=n), now) for n in (1, 2, 3)]
    load_facts(calls, source="tests", by="tests")
    text = f"id;number;said;client;outcome;call\n1;{phone(1)};outcome;{CLIENT};busy;2\n"
    (folder / "one.csv").write_text(text, encoding="utf-8")
    assert read(folder) == (1, 0, 0)
    assert models.AttemptRow.objects.exclude(outcome="").values_list("ref", "outcome").get() == ("2/1", "busy")
    assert models.PersonRequestRow.objects.get().channel == "dialler"


def test_a_row_in_another_file_counts_once(folder: Path) -> None:
    drop(folder, line(1))
    drop(folder, line(1) + line(2), "two.csv")
    assert read(folder) == (2, 1, 0)


def test_a_file_that_is_being_written_is_left(folder: Path) -> None:
    drop(folder, line(1), "one.csv.part")
    drop(folder, line(1), ".one.csv")
    (folder / "two.csv").mkdir()
    fresh = drop(folder, line(2), "fresh.csv")
    os.utime(fresh, (time.time(), time.time()))
    assert read(folder, settle=60) == (0, 0, 0)
    for path in folder.iterdir():
        if path != fresh:
            os.utime(path, (0, 0))
    assert read(folder, settle=60) == (0, 0, 0)
    os.utime(fresh, (0, 0))
    assert read(folder, settle=60) == (1, 0, 0)
    assert (folder / "one.csv.part").exists()


def test_a_file_is_whole_once_it_has_settled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(folder, line(1))
    os.utime(path, (1000, 1000))
    for now, taken in ((1001.75, 0), (1002, 1)):
        monkeypatch.setattr("releve.plugins.outbound.gate.request_feeds.time.time", lambda now=now: now)
        assert read(folder, settle=2) == (taken, 0, 0)


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_is_written_while_it_is_read_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, grows: bool
) -> None:
    path = drop(folder, line(1))
    whole_text = path.read_text().replace(phone(1), phone(2))
    whole = Path.read_bytes

    def growing(one: Path) -> bytes:
        data = whole(one)
        if grows:
            with one.open("a") as stream:
                stream.write(line(2))
        else:
            one.write_text(whole_text)
            os.utime(one, ns=(1, 1))
        return data

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", growing)
        assert read(folder) == (0, 0, 0)
    assert path.exists()
    assert read(folder) == (1 + grows, 0, 0)


def test_a_file_that_another_process_takes_meanwhile_is_left_to_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(folder, line(1))
    other = drop(folder, line(2) + line(3), "two.csv")
    take = request_feeds._take_rows

    def overtaken(source: str, name: str, *rest: Any) -> FeedResult:
        if name == other.name:
            take(source, name, *rest)
        return take(source, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(request_feeds, "_take_rows", overtaken)
        assert read(folder) == (1, 0, 0)
    assert other.exists()
    assert models.PersonRequestRow.objects.count() == 3


def test_faulty_rows_are_set_aside_with_their_line_and_never_loop(folder: Path) -> None:
    drop(folder, line(1) + line(2, said="go away") + "3;12;stop;CLIENT-A\n" + "4;one cell less\n"
         + line(3, key="1") + line(4, client="") + line(4, key="5", client="*"))  # fmt: skip
    assert read(folder) == (2, 0, 5)
    assert read(folder) == (0, 0, 0)
    assert list(models.FeedFaultRow.objects.order_by("line").values_list("line", "field", "code")) == [
        (2, "said", "said.unknown"), (3, "number", "number.unreadable"),
        (4, "", "row.unreadable"), (5, "id", "key.reused"), (6, "client", "client.unknown"),
    ]  # fmt: skip
    aside = (folder / "set-aside" / "one.csv").read_text(encoding="utf-8").splitlines()
    assert len(aside) == 6
    assert aside[2].startswith("number: number.unreadable;3;12;stop;CLIENT-A")
    for row in models.FeedFaultRow.objects.values():
        assert phone(2)[3:] not in str(row)
    assert models.PersonRequestRow.objects.filter(client="").count() == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id;number;client\n1;0144500001;CLIENT-A\n", "said: columns.missing"),
        ("id;number;said;client;shoe\n", "columns.unknown"),
        ("id;number;said;client;id\n", "columns.unknown"),
        (f"id;number;said;client\n1;{'9' * 200_000};stop;{CLIENT}\n", "row.unreadable"),
        ("", "id: columns.missing"),
    ],
)
def test_a_file_that_is_no_feed_is_set_aside_whole(folder: Path, text: str, fault: str) -> None:
    (folder / "bad.csv").write_text(text, encoding="utf-8")
    assert read(folder) == (0, 0, 1)
    assert read(folder) == (0, 0, 0)
    aside = (folder / "set-aside" / "bad.csv").read_text(encoding="utf-8")
    assert aside == f"fault;id;number;said;client;at;channel;outcome;call\n{fault}\n"
    assert models.FeedFaultRow.objects.count() == 1
    assert (models.Cursor.objects.get().file, models.Cursor.objects.get().offset) == ("bad.csv", 1)


def test_the_faults_of_a_row_stand_together_and_those_of_a_file_in_its_result(folder: Path) -> None:
    drop(folder, line(1) + "2;12;go away;CLIENT-A\n\n3;13;stop;CLIENT-A\n")
    found = take_files(folder, by="dialler", settle=0, delete=True)
    assert (found.recorded, found.before, found.set_aside, found.position) == (1, 0, 2, 0)
    assert found.faults == [RowFault(2, "number", "number.unreadable"),
                            RowFault(2, "said", "said.unknown"),
                            RowFault(3, "number", "number.unreadable")]  # fmt: skip
    (aside,) = (path for path in folder.rglob("*") if path.is_file())
    assert aside.read_text(encoding="utf-8").splitlines() == [
        "fault;id;number;said;client;at;channel;outcome;call",
        "number: number.unreadable, said: said.unknown;2;12;go away;CLIENT-A;;;;",
        "number: number.unreadable;3;13;stop;CLIENT-A;;;;",
    ]
    assert set(models.FeedFaultRow.objects.values_list("file", flat=True)) == {"one.csv"}


def test_a_file_of_a_name_that_is_put_away_already_is_kept_beside_it(folder: Path) -> None:
    first = drop(folder, line(1)).read_bytes()
    assert read(folder) == (1, 0, 0)
    second = drop(folder, line(2)).read_bytes()
    assert read(folder) == (1, 0, 0)
    drop(folder, line(1))
    assert read(folder) == (0, 0, 0)
    name = f"one.{hashlib.sha256(second).hexdigest()[:12]}.csv"
    assert {path.name: path.read_bytes() for path in (folder / "done").iterdir()} == {"one.csv": first, name: second}


def test_a_kill_between_rows_loses_and_doubles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_people(range(5, 45))
    drop(folder, "".join(line(n) for n in range(45)) + "x;12;stop;CLIENT-A\n")
    take, calls = request_feeds.record_requests, []

    def killed(*args: object, **more: object) -> object:
        calls.append(1)
        done = take(*args, **more)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(request_feeds, "record_requests", killed)
        with pytest.raises(KeyboardInterrupt):
            read(folder)
    assert models.Cursor.objects.get().offset == models.PersonRequestRow.objects.count() == 20
    assert read(folder) == (25, 0, 1)
    assert models.PersonRequestRow.objects.count() == 45
    assert models.FeedFaultRow.objects.get().line == 46


def test_deleting_leaves_no_number_on_the_disk(folder: Path) -> None:
    drop(folder, line(1))
    assert read(folder, delete=True) == (1, 0, 0)
    assert not any(path.is_file() for path in folder.rglob("*"))


def test_a_file_that_was_deleted_meanwhile_is_no_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(folder, line(1))
    take = request_feeds._take_rows

    def deleting(*given: Any) -> FeedResult:
        path.unlink()
        return take(*given)

    monkeypatch.setattr(request_feeds, "_take_rows", deleting)
    assert read(folder, delete=True) == (1, 0, 0)


def test_rows_over_http_follow_the_position(folder: Path) -> None:
    rows = [{"id": str(n), "number": phone(n), "said": "stop", "client": CLIENT} for n in range(3)]
    assert take_rows("d", rows[:2], position=0, by="d").position == 2
    assert feed_position("d") == 2
    for wrong in (0, 1, 3):
        with transaction.atomic(), pytest.raises(FeedMoved) as caught:
            take_rows("d", rows[2:], position=wrong, by="d")
        assert caught.value.position == 2
    bad = {**rows[2], "id": "9", "client": "CLIENT-Z"}
    found = take_rows("d", [rows[2], bad], position=2, by="d")
    assert (found.recorded, found.position) == (1, 4)
    assert found.faults == [RowFault(4, "client", "client.unknown")]
    assert feed_position("another") == 0


def test_a_feed_that_is_a_register_counts_as_its_reading_once_a_minute(folder: Path) -> None:
    before = models.WatermarkRow.objects.filter(feed="withdrawals")
    before.update(read_at="2026-01-01T00:00:00+00:00")
    record_reading(["withdrawals"], by="d")
    record_reading(["withdrawals"], by="d")
    assert before.count() == 2
    for seconds, count in ((50, 2), (70, 3)):
        before.update(read_at=read_clock() - timedelta(seconds=seconds))
        record_reading(["withdrawals", "refusals"], by="d")
        assert before.count() == count
    assert models.Load.objects.filter(source="feed read", by="d").count() == 2


def test_what_a_sender_may_not_say_and_what_cannot_be_read_is_set_aside(folder: Path) -> None:
    good = {"id": "1", "number": phone(1), "said": "stop", "client": CLIENT}
    rows = [good, {**good, "client": "*"}, {**good, "client": "CLIENT-B"},
            {**good, "at": "yesterday"}, {**good, "at": "2026-11-20T10:00"}]  # fmt: skip
    found = take_rows("d", rows, position=0, by="d", allowed=lambda client: client == CLIENT)
    assert (found.recorded, found.set_aside, found.position) == (1, 4, 5)
    assert [(one.line, one.field, one.code) for one in found.faults] == [
        (2, "client", "client.elsewhere"), (3, "client", "client.elsewhere"),
        (4, "at", "at.unreadable"), (5, "at", "at.no-offset"),
    ]  # fmt: skip
    assert (models.Cursor.objects.get().file, feed_position("d")) == ("d", 5)
