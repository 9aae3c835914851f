"""Files appear whole or not at all; locks; folders of plans, operators and rules; lists as Excel files."""

from __future__ import annotations

import csv
import errno
import io
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import polars
import polars as pl
import pytest
from django.db.utils import ConnectionHandler, OperationalError
from icalendar import Calendar
from pytest_django import DjangoDbBlocker

import releve.files.plan_folder as module
from releve import environment
from releve.files import plan_folder
from releve.files.atomic import create_file, lock, make_folder, replace_file, replace_folder, try_lock, write_file
from releve.files.home import HomeError
from releve.files.operator_folder import (
    RULES,
    FolderError,
    ListSheet,
    list_rule_files,
    read_operator_files,
    write_operator_files,
    write_sheets,
)
from releve.live.current_rules import load_installed_rules
from releve.network.moments import UTC
from releve.plan.plan_json import plan_to_json
from releve.plan.result import PlannedKits, SuddenLoss
from releve.plan.service_status import Status
from releve.plugins.outbound.gate.current_rules import load_current_rules
from tests.desk.fixture_plan import DAY, synthetic_plan, week
from tests.homes import make_test_home


def test_a_written_file_replaces_the_old_one_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_file(path, "ancien")
    write_file(path, "été")
    assert path.read_bytes() == "été".encode()
    assert os.listdir(tmp_path) == ["a.json"]


def test_readers_see_the_old_file_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")
    with replace_file(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_failed_write_keeps_the_old_file_and_removes_its_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")

    def fail_halfway() -> None:
        with replace_file(path) as stream:
            stream.write(b"half")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_durable_file_and_its_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    write_file(tmp_path / "durable", "x")
    assert synced == [False, True]
    write_file(tmp_path / "quick", "x", durable=False)
    assert synced == [False, True]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_is_exact_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "a", "x", mode=mode)
        write_file(tmp_path / "b", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


def test_a_private_file_is_private_while_it_is_written(tmp_path: Path) -> None:
    with replace_file(tmp_path / "a", mode=0o600) as stream:
        assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600


def test_a_file_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_file(path, "first")
    assert not create_file(path, "second")
    assert path.read_text() == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_of_several_creators_at_once_one_wins(tmp_path: Path) -> None:
    path, start, won = tmp_path / "key", Barrier(8), []

    def create(number: int) -> None:
        start.wait()
        if create_file(path, str(number)):
            won.append(str(number))

    threads = [Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [path.read_text()]
    assert os.listdir(tmp_path) == ["key"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    for name in ("old", "new"):
        with replace_folder(path) as draft:
            (draft / name).write_text(name)
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["plan"]


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    with replace_folder(path) as draft:
        (draft / "old").write_text("old")

    def fail_halfway() -> None:
        with replace_folder(path) as draft:
            (draft / "half").write_text("half")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail_halfway()
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["plan"]


def test_a_new_folder_outlives_a_power_cut_and_one_that_is_there_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synchronised.append(Path(f"/proc/self/fd/{handle}").resolve()))
    make_folder(tmp_path / "a" / "b", mode=0o700)
    assert sorted(synchronised) == [tmp_path, tmp_path / "a"]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    make_folder(tmp_path / "a" / "b")
    assert len(synchronised) == 2


def test_a_disk_without_hard_links_creates_a_file_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    assert create_file(tmp_path / "a", "first", mode=0o640)
    assert not create_file(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a"]


def test_a_held_lock_is_not_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = try_lock(path)
    assert held is not None
    assert try_lock(path) is None
    held.close()
    again = try_lock(path)
    assert again is not None
    again.close()


def test_a_second_holder_waits_for_the_first(tmp_path: Path) -> None:
    path, entered = tmp_path / "lock", Event()

    def wait() -> None:
        with lock(path):
            entered.set()

    with lock(path):
        assert try_lock(path) is None
        second = Thread(target=wait)
        second.start()
        assert not entered.wait(0.1)
    second.join(5)
    assert entered.is_set()


@pytest.fixture
def handler(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[ConnectionHandler]:
    found = environment.read_database({}, "RELEVE_DATABASE_URL", tmp_path / "own.sqlite3")
    found["OPTIONS"]["timeout"] = 30
    made = ConnectionHandler({"default": {**found, "CONN_MAX_AGE": 0}})
    with django_db_blocker.unblock():
        with made["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE numbers (writer INTEGER)")
        yield made
        made.close_all()


def test_a_writer_that_waits_is_not_overtaken_by_one_that_begins_again(handler: ConnectionHandler) -> None:
    """With SQLite's own waiting it is, for as long as the other goes on."""
    done: list[int] = []
    waiting, over = threading.Event(), threading.Event()

    def write_on() -> None:
        while not over.is_set():
            write(0)
        handler.close_all()

    def write(writer: int) -> None:
        connection = handler["default"]
        connection.ensure_connection()
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO numbers VALUES (%s)", [writer])
        done.append(writer)
        waiting.wait()
        connection.commit()
        connection.set_autocommit(True)

    thread = threading.Thread(target=write_on)
    thread.start()
    while not done:
        pass
    waiting.set()
    try:
        for _ in range(20):
            before = len(done)
            write(1)
            assert done[before:].count(0) < 100
    finally:
        over.set()
        thread.join()


def test_a_writer_gives_up_after_its_patience(handler: ConnectionHandler) -> None:
    connection = handler["default"]
    connection.settings_dict["OPTIONS"]["timeout"] = 0.05
    holder = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    holder.execute("ROLLBACK")
    holder.close()
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    connection.rollback()


STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days written once."""
    path = tmp_path_factory.mktemp("plans") / "plan"
    plan_folder.write_plans(path, week(2), stamp=STAMP)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_store_gives_every_day_and_a_digest_that_changes_with_any(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    plan_folder.write_plans(path, week(2), stamp=STAMP, calendars=False)
    store = plan_folder.open_plan_store(path)
    both = store.get_all()
    assert [item.plan.day for item in both] == list(store.days())
    assert plan_folder.digest_plans(both) == plan_folder.digest_plans(store.get_all())
    plan_folder.write_plans(path, week(1), stamp=STAMP, calendars=False)
    assert plan_folder.digest_plans(store.get_all()) not in ("", plan_folder.digest_plans(both))
    assert plan_folder.digest_plans(()) == ""


def test_the_days_come_back_in_order_and_exactly(folder: Path) -> None:
    assert list(plan_folder.list_plan_files(folder)) == [DAY, DAY + timedelta(days=1)]
    assert [plan_to_json(p) for p in plan_folder.read_plans(folder)] == [plan_to_json(p) for p in week(2)]


def test_every_placement_has_its_row_with_local_time_and_utc(folder: Path) -> None:
    found = rows(folder / "placements.csv")
    assert len(found) == sum(len(p.placements) for p in week(2))
    at_casablanca = next(r for r in found if r["place"] == "casa-1")
    start = datetime.fromisoformat(at_casablanca["start_utc"])
    assert at_casablanca["time_zone"] == "Africa/Casablanca"
    local = datetime.fromisoformat(at_casablanca["start_local"])
    assert local == start.replace(tzinfo=None), "Morocco is on UTC since 2026-09-20"
    at_home = next(r for r in found if r["place"] == "home")
    assert at_home["time_zone"] == "Europe/Paris"
    assert datetime.fromisoformat(at_home["start_local"]) - datetime.fromisoformat(at_home["start_utc"]).replace(
        tzinfo=None
    ) == timedelta(hours=1)


def test_the_parquet_says_what_the_csv_says(folder: Path) -> None:
    table = pl.read_parquet(folder / "placements.parquet")
    text = rows(folder / "placements.csv")
    assert table["agent"].to_list() == [r["agent"] for r in text]
    assert table["start_utc"].to_list() == [datetime.fromisoformat(r["start_utc"]) for r in text]
    assert table.schema["start_utc"] == pl.Datetime("us", "UTC")


def test_every_contingency_has_a_file_of_its_moves(folder: Path) -> None:
    plan = synthetic_plan()
    for key, scenario in plan.scenarios.items():
        path = folder / "moves" / f"{plan_folder.make_file_name(key)}.csv"
        if key == "base":
            assert not path.exists()
            continue
        found = [r for r in rows(path) if r["day"] == str(DAY)]
        assert [(r["agent"], r["reason"]) for r in found] == [(m.agent, m.reason) for m in scenario.moves]
        assert {r["after_place"] for r in found if r["reason"] != "relief"} <= {""}


def test_the_matrix_has_a_row_for_every_cell_and_unknown_is_empty(folder: Path) -> None:
    found = [r for r in rows(folder / "matrix.csv") if r["day"] == str(DAY)]
    assert len(found) == len(synthetic_plan().cells)
    unknown = [r for r in found if r["status"] == "unknown"]
    assert {r["worst_coverage"] for r in unknown} == {""}
    lost = next(r for r in found if r["client"] == "delta-eau" and r["status"] == "contract")
    assert float(lost["worst_coverage"]) == 0
    assert lost["contingency_name"] == "Rabat Technopolis"


def test_the_matrix_says_what_a_loss_in_the_middle_of_the_day_does(tmp_path: Path) -> None:
    plan = synthetic_plan(DAY)
    cell = next(one for one in plan.cells if one.contingency != "base" and one.status == "held")
    one = SuddenLoss(cell.client, cell.contingency, 4, 0.51, 5, 0.03, 8, Status.THIN)
    plan_folder.write_plans(tmp_path / "plan", [replace(plan, sudden=(one,))], stamp=STAMP)
    found = {(r["client"], r["contingency"]): r for r in rows(tmp_path / "plan" / "matrix.csv")}
    row = found[cell.client, cell.contingency]
    assert (float(row["sudden_worst_coverage"]), row["sudden_status"]) == (0.51, "thin")
    assert row["sudden_start_utc"] < row["sudden_back_utc"]
    assert sum(r["sudden_start_utc"] != "" for r in found.values()) == 1


def test_the_reserve_is_listed_by_day(folder: Path) -> None:
    found = rows(folder / "reserve.csv")
    assert {r["agent"] for r in found if r["day"] == str(DAY)} == set(synthetic_plan().reserve)


def test_who_takes_a_kit_home_is_listed_by_day_and_a_plan_without_kits_has_no_list(tmp_path: Path) -> None:
    plan = synthetic_plan(DAY)
    names = [row.agent for row in plan.placements[:3]]
    kits = (PlannedKits("casa-1", 2, 9, tuple(names[:2])), PlannedKits("rabat-1", 1, 4, (names[2],)))
    target = tmp_path / "plan"
    plan_folder.write_plans(target, [replace(plan, kits=kits)], stamp=STAMP, calendars=False)
    assert rows(target / "kits.csv") == [
        {"day": str(DAY), "site": site, "agent": agent}
        for site, agent in zip(("casa-1", "casa-1", "rabat-1"), names, strict=True)
    ]
    plan_folder.write_plans(target, [plan], stamp=STAMP, calendars=False)
    assert not (target / "kits.csv").exists()


def test_an_agent_has_one_calendar_with_every_day_in_it(folder: Path) -> None:
    plan = synthetic_plan()
    names = {p.name for p in (folder / "calendars").iterdir()}
    assert {f"{p.agent}.ics" for p in plan.placements} <= names
    shift = plan.placements[0]
    calendar = Calendar.from_ical((folder / "calendars" / f"{shift.agent}.ics").read_bytes())
    first, second = calendar.walk("VEVENT")
    assert first.decoded("dtstart") == shift.start
    assert first.decoded("dtend") == shift.end
    assert first["uid"] == f"{shift.agent}-{DAY}@Atlas_Contact-{plan_folder.make_file_name('Atlas Contact')[-8:]}"
    assert second["uid"] != first["uid"]
    assert "07:00-15:30 (Africa/Casablanca)" in str(first["description"])


def test_two_shifts_of_one_day_have_two_uids() -> None:
    plan = synthetic_plan()
    one = plan.placements[0]
    later = replace(one, start=one.end, end=one.end + timedelta(hours=2), break_start=None)
    (_, content), *_ = plan_folder.build_calendars([replace(plan, placements=(later, one))], STAMP)
    uids = [str(e["uid"]) for e in Calendar.from_ical(content).walk("VEVENT")]
    assert len(set(uids)) == 2
    assert uids[1].startswith(f"{one.agent}-{DAY}-2@")


def test_the_same_plan_and_stamp_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    plan_folder.write_plans(tmp_path / "again", week(2), stamp=STAMP)
    assert files(tmp_path / "again") == files(folder)


def test_calendars_can_be_left_out(tmp_path: Path) -> None:
    plan_folder.write_plans(tmp_path / "plan", week(1), stamp=STAMP, calendars=False)
    assert not (tmp_path / "plan" / "calendars").exists()


def test_a_plan_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "plan"
    plan_folder.write_plans(target, week(2), stamp=STAMP, calendars=False)
    plan_folder.write_plans(target, week(1), stamp=STAMP, calendars=False)
    assert list(plan_folder.list_plan_files(target)) == [DAY]
    assert [p.name for p in tmp_path.iterdir()] == ["plan"], "nothing is left beside it"


def test_a_folder_with_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(plan_folder.PlanFolderError, match=r"holds 'thesis\.txt', which is not a plan's"):
        plan_folder.write_plans(tmp_path, week(1), stamp=STAMP)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "plan"
    plan_folder.write_plans(target, week(1), stamp=STAMP, calendars=False)
    before = files(target)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "_write_parquet", full)
    with pytest.raises(OSError, match="no space"):
        plan_folder.write_plans(target, week(2), stamp=STAMP)
    assert files(target) == before
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def test_a_second_plan_of_a_day_is_refused(tmp_path: Path) -> None:
    plan = synthetic_plan()
    with pytest.raises(plan_folder.PlanFolderError, match="one plan for each"):
        plan_folder.write_plans(tmp_path / "plan", [plan, plan], stamp=STAMP)
    with pytest.raises(plan_folder.PlanFolderError, match="one plan for each"):
        plan_folder.write_plans(tmp_path / "plan", [], stamp=STAMP)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(plan_folder.PlanFolderError, match="No such file or directory"):
        plan_folder.list_plan_files(tmp_path / "nowhere")
    with pytest.raises(plan_folder.PlanFolderError, match=r"no plan-YYYY-MM-DD\.json"):
        plan_folder.list_plan_files(tmp_path)
    broken = tmp_path / "plan-2026-11-30.json"
    broken.write_text("{}")
    with pytest.raises(plan_folder.PlanFolderError, match=r"plan-2026-11-30\.json: format is None"):
        plan_folder.read_plan(broken)
    (tmp_path / "plan-2026-13-30.json").write_text("{}")
    with pytest.raises(plan_folder.PlanFolderError, match="month must be"):
        plan_folder.list_plan_files(tmp_path)


def test_a_file_name_is_safe_and_names_stay_apart() -> None:
    assert plan_folder.make_file_name("site:casa-1") == "site-casa-1"
    assert plan_folder.make_file_name("carrier:Maroc Telecom").startswith("carrier-Maroc_Telecom-")
    assert plan_folder.make_file_name("../../etc") != plan_folder.make_file_name("..!..!etc")
    assert "/" not in plan_folder.make_file_name("../../etc")
    assert "." not in plan_folder.make_file_name("..")


def test_a_folder_is_read_without_what_is_not_a_table(tmp_path: Path) -> None:
    for name in ("sites.csv", "agents.PARQUET", "README.md", ".hidden.csv", "~$all.xlsx", "seats.ods"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "old.csv").mkdir()
    assert sorted(read_operator_files(tmp_path)) == ["agents.PARQUET", "seats.ods", "sites.csv"]


def test_a_workbook_is_read_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "all.xlsx").write_bytes(b"x")
    assert read_operator_files(tmp_path / "all.xlsx") == {"all.xlsx": b"x"}


def test_what_holds_no_operator_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path, words in (
        (tmp_path, "holds no CSV"),
        (tmp_path / "notes.txt", "neither a folder nor"),
        (tmp_path / "nowhere", "does not exist"),
    ):
        with pytest.raises(FolderError, match=words):
            read_operator_files(path)


def test_a_written_folder_is_read_back_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    files = {"sites.csv": b"id\n", "README.md": b"hello"}
    write_operator_files(tmp_path / "a" / "op", files)
    assert read_operator_files(tmp_path / "a" / "op") == {"sites.csv": b"id\n"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["op"]


def test_a_folder_gives_way_only_when_asked_and_only_if_it_is_an_operators(tmp_path: Path) -> None:
    path = tmp_path / "op"
    write_operator_files(path, {"sites.csv": b"old", "floors.csv": b"old"})
    with pytest.raises(FolderError, match="is not empty"):
        write_operator_files(path, {"sites.csv": b"new"})
    write_operator_files(path, {"sites.csv": b"new"}, replace=True)
    assert read_operator_files(path) == {"sites.csv": b"new"}
    (path / "thesis.doc").write_text("precious")
    with pytest.raises(FolderError, match=r"thesis\.doc"):
        write_operator_files(path, {}, replace=True)
    assert (path / "thesis.doc").read_text() == "precious"
    with pytest.raises(FolderError, match="is a file"):
        write_operator_files(path / "sites.csv", {}, replace=True)


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "op"
    write_operator_files(path, {"sites.csv": b"old"})
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk full"):
        write_operator_files(path, {"sites.csv": b"new"}, replace=True)
    assert read_operator_files(path) == {"sites.csv": b"old"}


@pytest.fixture
def home(tmp_path: Path, settings: object) -> Path:
    settings.HOME = make_test_home(tmp_path)  # type: ignore[attr-defined]
    return tmp_path


@pytest.mark.parametrize("name", ["house.yml", "house.YAML", "house.yaml.bak", "house"])
def test_a_file_that_would_not_be_read_is_refused_with_the_fix(home: Path, name: str) -> None:
    for folder in ("law", "rules"):
        (home / folder / name).write_text("rows: []")
    for load in (load_current_rules, load_installed_rules, lambda: list_rule_files(home, RULES)):
        with pytest.raises(HomeError, match=f"{name} would not be read.*rename it"):
            load()


def test_a_folder_that_was_renamed_is_refused(home: Path) -> None:
    for name, load in (
        ("law", load_current_rules),
        ("rules", load_installed_rules),
        ("charters", load_installed_rules),
    ):
        (home / name).rename(home / f"{name}.bak")
        with pytest.raises(HomeError, match=f"{home / name} is missing"):
            load()
        (home / name).mkdir()


def test_what_an_editor_keeps_beside_a_file_is_passed_over(home: Path) -> None:
    for name in ("a.yaml", ".a.yaml.swp", "a.yaml~", ".b.yaml"):
        (home / "rules" / name).write_text("[]")
    assert [path.name for path in list_rule_files(home, RULES)] == ["a.yaml"]


AT = datetime(2026, 11, 30, 9, 30)  # noqa: DTZ001 (Excel's times have no zone)


def test_cells_of_each_kind_are_read_back_and_formulas_stay_text() -> None:
    rows = [("=A1", 3, AT), ("b", None, None)]
    content = write_sheets([ListSheet("List", ("Name", "Tries", "Sent"), rows)], AT)
    assert polars.read_excel(io.BytesIO(content)).rows() == rows


def test_a_list_without_rows_has_its_header() -> None:
    sheets = [ListSheet("One", ("Name",), ()), ListSheet("Two", ("Name", "Tries"), [("a", 1)])]
    found = polars.read_excel(io.BytesIO(write_sheets(sheets, AT)), sheet_id=0)
    assert found["One"].columns == ["Name"]
    assert found["Two"].rows() == [("a", 1)]


def test_the_same_lists_are_the_same_bytes() -> None:
    sheets = [ListSheet("List", ("Name",), [("a",)])]
    assert write_sheets(sheets, AT) == write_sheets(sheets, AT)
