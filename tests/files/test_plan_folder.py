"""A plan folder holds what a plan says, in local time and UTC, and is replaced in one go."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from icalendar import Calendar

import releve.files.plan_folder as module
from releve.files.plan_folder import (
    PlanFolderError,
    build_calendars,
    digest_plans,
    list_plan_files,
    make_file_name,
    open_plan_store,
    read_plan,
    read_plans,
    write_plans,
)
from releve.network.moments import UTC
from releve.plan.plan_json import plan_to_json
from tests.desk.fixture_plan import DAY, synthetic_plan, week

STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days written once."""
    path = tmp_path_factory.mktemp("plans") / "plan"
    write_plans(path, week(2), stamp=STAMP)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_store_gives_every_day_and_a_digest_that_changes_with_any(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    write_plans(path, week(2), stamp=STAMP, calendars=False)
    store = open_plan_store(path)
    both = store.get_all()
    assert [item.plan.day for item in both] == list(store.days())
    assert digest_plans(both) == digest_plans(store.get_all())
    write_plans(path, week(1), stamp=STAMP, calendars=False)
    assert digest_plans(store.get_all()) not in ("", digest_plans(both))
    assert digest_plans(()) == ""


def test_the_days_come_back_in_order_and_exactly(folder: Path) -> None:
    assert list(list_plan_files(folder)) == [DAY, DAY + timedelta(days=1)]
    assert [plan_to_json(p) for p in read_plans(folder)] == [plan_to_json(p) for p in week(2)]


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
        path = folder / "moves" / f"{make_file_name(key)}.csv"
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


def test_the_reserve_is_listed_by_day(folder: Path) -> None:
    found = rows(folder / "reserve.csv")
    assert {r["agent"] for r in found if r["day"] == str(DAY)} == set(synthetic_plan().reserve)


def test_an_agent_has_one_calendar_with_every_day_in_it(folder: Path) -> None:
    plan = synthetic_plan()
    names = {p.name for p in (folder / "calendars").iterdir()}
    assert {f"{p.agent}.ics" for p in plan.placements} <= names
    shift = plan.placements[0]
    calendar = Calendar.from_ical((folder / "calendars" / f"{shift.agent}.ics").read_bytes())
    first, second = calendar.walk("VEVENT")
    assert first.decoded("dtstart") == shift.start
    assert first.decoded("dtend") == shift.end
    assert first["uid"] == f"{shift.agent}-{DAY}@Atlas_Contact-{make_file_name('Atlas Contact')[-8:]}"
    assert second["uid"] != first["uid"]
    assert "07:00-15:30 (Africa/Casablanca)" in str(first["description"])


def test_two_shifts_of_one_day_have_two_uids() -> None:
    plan = synthetic_plan()
    one = plan.placements[0]
    later = replace(one, start=one.end, end=one.end + timedelta(hours=2), break_start=None)
    (_, content), *_ = build_calendars([replace(plan, placements=(later, one))], STAMP)
    uids = [str(e["uid"]) for e in Calendar.from_ical(content).walk("VEVENT")]
    assert len(set(uids)) == 2
    assert uids[1].startswith(f"{one.agent}-{DAY}-2@")


def test_the_same_plan_and_stamp_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_plans(tmp_path / "again", week(2), stamp=STAMP)
    assert files(tmp_path / "again") == files(folder)


def test_calendars_can_be_left_out(tmp_path: Path) -> None:
    write_plans(tmp_path / "plan", week(1), stamp=STAMP, calendars=False)
    assert not (tmp_path / "plan" / "calendars").exists()


def test_a_plan_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "plan"
    write_plans(target, week(2), stamp=STAMP, calendars=False)
    write_plans(target, week(1), stamp=STAMP, calendars=False)
    assert list(list_plan_files(target)) == [DAY]
    assert [p.name for p in tmp_path.iterdir()] == ["plan"], "nothing is left beside it"


def test_a_folder_with_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PlanFolderError, match=r"holds 'thesis\.txt', which is not a plan's"):
        write_plans(tmp_path, week(1), stamp=STAMP)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "plan"
    write_plans(target, week(1), stamp=STAMP, calendars=False)
    before = files(target)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "_write_parquet", full)
    with pytest.raises(OSError, match="no space"):
        write_plans(target, week(2), stamp=STAMP)
    assert files(target) == before
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def test_a_second_plan_of_a_day_is_refused(tmp_path: Path) -> None:
    plan = synthetic_plan()
    with pytest.raises(PlanFolderError, match="one plan for each"):
        write_plans(tmp_path / "plan", [plan, plan], stamp=STAMP)
    with pytest.raises(PlanFolderError, match="one plan for each"):
        write_plans(tmp_path / "plan", [], stamp=STAMP)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanFolderError, match="No such file or directory"):
        list_plan_files(tmp_path / "nowhere")
    with pytest.raises(PlanFolderError, match=r"no plan-YYYY-MM-DD\.json"):
        list_plan_files(tmp_path)
    broken = tmp_path / "plan-2026-11-30.json"
    broken.write_text("{}")
    with pytest.raises(PlanFolderError, match=r"plan-2026-11-30\.json: format is None"):
        read_plan(broken)
    (tmp_path / "plan-2026-13-30.json").write_text("{}")
    with pytest.raises(PlanFolderError, match="month must be"):
        list_plan_files(tmp_path)


def test_a_file_name_is_safe_and_names_stay_apart() -> None:
    assert make_file_name("site:casa-1") == "site-casa-1"
    assert make_file_name("carrier:Maroc Telecom").startswith("carrier-Maroc_Telecom-")
    assert make_file_name("../../etc") != make_file_name("..!..!etc")
    assert "/" not in make_file_name("../../etc")
    assert "." not in make_file_name("..")
