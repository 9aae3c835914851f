"""Parts of the live chain alone: how clients stand, an incident's log, photos, warm-up, busy databases, due jobs."""

from __future__ import annotations

import sqlite3
import struct
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releve.demand.requirement import INTERVAL
from releve.errors import ReleveError
from releve.live import api as live
from releve.live import due_jobs, plans, worker
from releve.live.coverage import (
    ClientCoverage,
    ClientStanding,
    Coverage,
    compute_coverage,
    cover_client,
    describe_standing,
    find_plan_reach,
    find_worst_client,
    judge_operator,
    rank_clients,
)
from releve.live.due_jobs import LONGEST_WAIT, SHORTEST_WAIT, register_due_job, run_due_jobs
from releve.live.errors import Busy, is_busy
from releve.live.message_texts import write_said
from releve.live.photos import NotAPhoto, detect_photo_type, remove_metadata
from releve.network import Client
from releve.network.sample import FIRST_DAY
from releve.situation import empty_situation, list_site_statuses
from releve.situation.consequences import READY_TASKS, list_ready_tasks
from releve.situation.events import HAZARDS
from tests.live.scenario import Scenario
from tests.situation.rule_chain import HEALTH_RULES, operator

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
STARTS = tuple(AT + at * INTERVAL for at in range(3))
NAMES = ("held", "late", "now", "idle")
OPERATOR = operator(clients=tuple(Client(name, f"Client {name}") for name in (*NAMES, "new")))


def cover(client: str, required: Sequence[float], covered: Sequence[float]) -> ClientCoverage:
    need, got = (np.array([values]).T for values in (required, covered))
    return cover_client(client, "old name", STARTS, need, got, begun=True, limits=(0.05, 0.8))


COVERAGE = Coverage(
    "live",
    AT,
    STARTS,
    (
        cover("held", (2, 2, 2), (2, 2, 2)),
        cover("late", (2, 2, 2), (2, 2, 1)),
        cover("now", (4, 2, 2), (3, 2, 2)),
        cover("idle", (0, 0, 0), (0, 0, 0)),
    ),
    STARTS[-1] + INTERVAL,
    1,
)


def test_those_served_worst_stand_first_and_those_out_of_reach_are_left_out() -> None:
    rows = rank_clients(OPERATOR, COVERAGE)
    assert [row.client for row in rows] == ["now", "late", "idle", "held"]
    assert {row.name for row in rows} == {f"Client {name}" for name in NAMES}
    assert rank_clients(OPERATOR, None) == ()


def test_the_worst_client_is_one_that_is_short_now_before_one_that_will_be() -> None:
    rows = rank_clients(OPERATOR, COVERAGE)
    worst = find_worst_client(rows)
    assert worst is not None
    assert (worst.client, worst.short_now) == ("now", True)
    ahead = find_worst_client([row for row in rows if row.client != "now"])
    assert ahead is not None
    assert (ahead.client, ahead.worst, ahead.worst_at) == ("late", 0.5, STARTS[2])
    assert find_worst_client([row for row in rows if not row.short]) is None


def test_the_list_begins_with_the_client_that_the_headline_names() -> None:
    three = Coverage(
        "live",
        AT,
        STARTS,
        (cover("held", (4, 2, 2), (3, 2, 2)), cover("late", (2, 2, 2), (0, 0, 0)), cover("now", (2, 2, 2), (2, 2, 1))),
        STARTS[-1] + INTERVAL,
        1,
    )
    rows = rank_clients(OPERATOR, three)
    assert [row.client for row in rows] == ["late", "held", "now"]
    assert find_worst_client(rows) == rows[0]


def test_a_client_that_no_plan_reaches_is_unknown() -> None:
    new = OPERATOR.client["new"]
    expected = ClientStanding(client="new", name="Client new", state="unknown")
    assert describe_standing(new, COVERAGE) == describe_standing(new, None) == expected


def test_a_client_is_idle_where_nothing_is_required_of_it() -> None:
    found = {row.client: (row.state, row.idle) for row in rank_clients(OPERATOR, COVERAGE)}
    assert found["idle"] == ("unknown", True)
    assert found["held"] == ("held", False)


def test_an_operator_stands_as_its_worst_client_that_needs_agents() -> None:
    rows, plan = rank_clients(OPERATOR, COVERAGE), find_plan_reach(COVERAGE)
    names = tuple(site.id for site in OPERATOR.sites)
    open_ = list_site_statuses(OPERATOR, empty_situation(names), HEALTH_RULES)
    lost = (replace(open_[0], state="cut_off"), *open_[1:])
    assert judge_operator(rows, open_, plan) == "short_now"
    later = [row for row in rows if not row.short_now]
    assert judge_operator(later, open_, plan) == "missed"
    assert judge_operator([row for row in rows if row.client == "held"], lost, plan) == "held"
    idle = [row for row in rows if row.idle]
    assert judge_operator(idle, open_, plan) == "unknown"
    assert judge_operator(idle, lost, plan) == judge_operator((), lost, plan) == "thin"
    assert judge_operator((), open_, plan) == "held"
    assert judge_operator((), open_, find_plan_reach(None)) == "unknown"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_message_says_why_a_site_is_closed(language: str) -> None:
    causes = [
        "rule",
        "authority",
        "hazard",
        "operator",
        "power",
        "link",
        *(kind for kind in HAZARDS if kind != "other"),
    ]
    said = [write_said({"shifts": [], "closed": [["Rabat", cause]]}, language) for cause in causes]
    assert len({*said}) == len(causes)


def test_the_first_tasks_go_by_the_place_and_by_the_cause() -> None:
    every = [row.text for row in READY_TASKS]
    assert len(set(every)) == len(every)
    kinds = ("hazard", "earthquake", "fire", "flood", "storm", "blocked")
    causes = ("rule", "authority", *kinds, "operator", "power", "link", "")
    found = {cause: list(list_ready_tasks(site=True, cause=cause)) for cause in causes}
    wide = list(list_ready_tasks(site=False, cause=""))
    assert {row.text for rows in (*found.values(), wide) for row in rows} == set(every)
    first = {cause: min(row.within for row in rows if row.within is not None) for cause, rows in found.items()}
    at_once = {"hazard", "earthquake", "fire", "flood"}
    assert {cause for cause in causes if first[cause] == timedelta(minutes=5)} == at_once
    assert min(first[cause] for cause in set(causes) - at_once) > timedelta(minutes=5)
    (reopens,) = (row for row in READY_TASKS if row.text.startswith("Prepare the reopening"))
    assert {cause for cause, rows in found.items() if reopens in rows} == {*causes} - {"power", "link"}
    (contacts,) = (row for row in READY_TASKS if row.owner == "health")
    (beside,) = (row for row in READY_TASKS if row.text.startswith("Let those who worked beside a case"))
    for row in (contacts, beside):
        assert {cause for cause, rows in found.items() if row in rows} == {"rule"}
    assert not any("who is missing" in row.text for row in found["rule"]), "no one is missing where two were tested"
    safe = {"Evacuate", "See that", "Check that everybody on"}
    for cause in set(causes) - {"rule", "link"}:
        assert any(row.text.startswith(tuple(safe)) for row in found[cause]), cause
    (last,) = (row for row in READY_TASKS if row.follow_up)
    assert last.within is None


@pytest.mark.database
@pytest.mark.django_db
def test_a_program_opens_a_room_and_reads_its_log_and_steps(scenario: Scenario) -> None:
    scenario.two_positives()
    for _twice in range(2):
        live.open_incident(scenario.stream, "Closure", scenario.site, "k" * 32, by="tests", write=str.upper)
    (incident,) = live.list_incidents(live.situation_now(scenario.stream), scenario.stream)
    assert [row.set.task for row in incident.tasks] == [
        row.text.upper() for row in list_ready_tasks(site=True, cause="rule")
    ]
    scenario.work()
    start = live.find_incident_start(incident, scenario.stream)
    steps = {row.step: row for row in live.list_response_steps(incident, start, scenario.stream)}
    assert steps["closed"].seconds == 0
    assert steps["relief_made"].at is not None
    assert steps["reopened"].at is None
    task = incident.tasks[0]
    own = {"incident": incident.id, "site": scenario.site, "task": task.id}
    scenario.act("incident.task_done", **own)
    seen = live.list_incident_log(incident, start, scenario.stream, lambda site: True)
    assert {"relief.made", "site.closed"} < {row.kind for row in seen}
    assert not any("agent" in row.params for row in seen), "of people there is a number alone"
    shown = live.list_incident_log(incident, start, scenario.stream, lambda site: False)
    assert {row.kind.partition(".")[0] for row in shown} == {"incident"}, "what is seen alone"
    assert (shown[0].kind, shown[0].params["task"]) == ("incident.task_done", task.set.task)
    assert shown[0].sentence == "{actor} has done: {task}"
    assert [row.params for row in shown if row.kind == "incident.task_set"] == [{"count": len(incident.tasks)}]
    for text in ("Pump", "Buy a pump"):
        scenario.later(minutes=2)
        scenario.act("incident.task_set", incident=incident.id, site=scenario.site, task=text, owner="sites")
    later = live.list_incident_log(incident, start, scenario.stream, lambda site: False)
    assert [row.params.get("task") for row in later if row.kind == "incident.task_set"] == ["Buy a pump", "Pump", None]


@pytest.mark.database
@pytest.mark.django_db
def test_a_room_is_about_the_first_outage_of_its_place_that_lasts(scenario: Scenario) -> None:
    def find(site: str) -> int | None:
        live.open_incident(scenario.stream, "Outage", site, uuid.uuid4().hex, by="tests")
        incident = next(iter(live.list_incidents(live.situation_now(scenario.stream), scenario.stream)))
        found = live.find_opening_outage(scenario.stream, incident.id)
        assert live.find_incident_start(incident, scenario.stream) == (
            incident.opened.recorded_at if found is None else datetime.fromisoformat(found.recorded_at)
        )
        return None if found is None else found.seq

    site, other = scenario.operator.sites[0].id, scenario.operator.sites[1].id
    scenario.power(site)
    scenario.power(site, up=True)
    assert find(site) is None, "it was over"
    scenario.power(site)
    wrong = live.situation_now(scenario.stream).outages["power", site].event
    scenario.act("event.corrected", corrects=wrong, reason="Another site's")
    assert find(site) is None, "it was corrected"
    scenario.power(other)
    first = scenario.act("link.down", site=site)
    scenario.power(site)
    line = scenario.carrier(next(row.carrier for row in scenario.operator.agents if row.carrier))
    assert find(site) == first.seq
    assert find("") == line.seq, "of the operator as a whole a carrier alone"


SECRET = b"33.5731 N 7.5898 W"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(f"{order}HHI", 0x010F, 2, 18) + struct.pack(f"{order}I", 38)
    entries += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = mark + struct.pack(f"{order}IH", 8, 2) + entries + struct.pack(f"{order}I", 0) + SECRET
    return segment(0xE1, b"Exif\0\0" + tiff)


SCAN = segment(0xDA, b"\x01\x01\0\0?\0") + b"\x12\xff\0\x34\xff\xd0\x56"
JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x01" + SECRET)


def jpeg(*parts: bytes, scan: bytes = SCAN, end: bytes = b"\xff\xd9") -> bytes:
    tables = segment(0xDB, bytes(65)) + segment(0xC0, bytes(11)) + segment(0xC4, bytes(17))
    return b"\xff\xd8" + b"".join(parts) + tables + scan + end


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + data + chunk(b"IEND", b"")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


PICTURES = [
    jpeg(JFIF, exif(1), segment(0xFE, SECRET), segment(0xE2, SECRET), segment(0xED, SECRET)),
    jpeg(exif(6), exif(1)) + SECRET,
    jpeg(exif(8, ">"), end=segment(0xC4, bytes(17)) + SCAN + b"\xff\xd9"),
    png(chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET), chunk(b"iCCP", SECRET)) + SECRET,
    webp((b"VP8X", b"\x2c\0\0\0" + bytes(6)), (b"VP8L", b"abc"), (b"EXIF", SECRET), (b"XMP ", SECRET)),
]


@pytest.mark.parametrize("data", PICTURES)
def test_nothing_but_the_picture_is_left_and_once_more_changes_nothing(data: bytes) -> None:
    assert SECRET in data
    found = remove_metadata(data)
    assert SECRET not in found
    assert SECRET[:6] not in found
    assert detect_photo_type(found) == detect_photo_type(data)
    assert remove_metadata(found) == found


@pytest.mark.parametrize(("order", "turned"), [("<", 6), (">", 3), ("<", 8)])
def test_a_photo_keeps_how_it_is_to_be_turned(order: str, turned: int) -> None:
    found = remove_metadata(jpeg(exif(turned, order)))
    assert struct.pack(">HHIH", 0x0112, 3, 1, turned) in found
    assert b"Exif" not in remove_metadata(jpeg(exif(1, order)))


def test_every_scan_of_a_photo_is_copied_whole() -> None:
    bare = jpeg(end=segment(0xC4, bytes(17)) + SCAN + b"\xff\xd9")
    assert remove_metadata(bare) == bare


def test_a_webp_says_no_more_that_it_has_what_was_taken_out() -> None:
    found = remove_metadata(PICTURES[-1])
    assert found[20] == 0
    assert struct.unpack_from("<I", found, 4)[0] == len(found) - 8


@pytest.mark.parametrize("data", PICTURES)
def test_a_cut_picture_is_refused_wherever_it_is_cut(data: bytes) -> None:
    whole = remove_metadata(data)
    for size in range(len(whole)):
        with pytest.raises(NotAPhoto):
            remove_metadata(whole[:size])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"GIF89a",
        b"\xff\xd8\xff\xd9",
        png().replace(b"IDAT", b"IDAX"),
        webp((b"VP8X", bytes(10)), (b"ANIM", bytes(6))),
        webp((b"EXIF", SECRET)),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPhoto):
        remove_metadata(data)


@pytest.mark.database
@pytest.mark.django_db
def test_the_first_look_reads_no_plan_any_more(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    morning = datetime.combine(FIRST_DAY, time(9), UTC)
    monkeypatch.setattr(timezone, "now", lambda: morning)
    plans.clear_plan_cache()
    worker.warm()
    with CaptureQueriesContext(connection) as queries:
        found = compute_coverage()
    assert found is not None
    assert len(found.starts) > 48, "three days are needed"
    assert not [row for row in queries if "plantext" in row["sql"]]


@pytest.mark.django_db
def test_an_empty_installation_is_nothing_to_complain_of(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PLAN_FOLDER = None
    worker.warm()
    assert caplog.records == []


def test_what_cannot_be_read_is_logged_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = []

    def locked() -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(worker, "compute_coverage", locked)
    monkeypatch.setattr(worker, "find_displayed_plan", lambda: read.append("plan"))
    worker.warm()
    assert read == ["plan"]
    assert "could not be read beforehand" in caplog.text


def test_plans_of_days_far_from_the_hours_ahead_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    days = [FIRST_DAY + timedelta(days=number) for number in range(14)]

    def day_plan(digest: str, version: int) -> Any:
        read.append(digest)
        start = datetime.combine(days[int(digest)], time(0), UTC)
        steps = tuple(start + timedelta(minutes=30 * number) for number in range(48))
        return SimpleNamespace(plan=SimpleNamespace(starts=steps))

    def list_days(first: date, last: date = days[-1]) -> plans.DaysInForce:
        return {day: plans.DayInForce(day, str(n), 1, 1) for n, day in enumerate(days) if first <= day <= last}

    monkeypatch.setattr(plans, "load_day_plan", day_plan)
    monkeypatch.setattr(plans, "list_days_in_force", list_days)
    at = datetime.combine(days[5], time(10), UTC)
    assert tuple(plans.list_days_ahead(at, at + timedelta(hours=48))) == tuple(days[5:8])
    assert read == ["3", "4", "5", "6", "7", "8"]
    read.clear()
    assert plans.find_first_start(at) == datetime.combine(days[6], time(0), UTC)
    assert read == ["3", "4", "5", "6"]


def locked() -> OperationalError:
    """What Django raises when SQLite's lock was not had in time."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = OperationalError("database is locked")
    error.__cause__ = cause
    return error


def of_postgres(cause: Exception) -> OperationalError:
    error = OperationalError("away")
    error.__cause__ = cause
    return error


def full() -> OperationalError:
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    error = OperationalError("database or disk is full")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        locked(),
        Busy("busy"),
        of_postgres(psycopg.errors.LockNotAvailable("wait")),
        of_postgres(psycopg.errors.TooManyConnections("many")),
        of_postgres(psycopg.errors.AdminShutdown("bye")),
        of_postgres(psycopg.OperationalError("connection refused")),
    ],
)
def test_what_passes_by_itself_is_busy(error: Exception) -> None:
    assert is_busy(error)


@pytest.mark.parametrize("error", [full(), ValueError("locked"), None, OperationalError("odd")])
def test_what_does_not_pass_by_itself_is_not(error: Exception | None) -> None:
    assert not is_busy(error)


NOON = datetime(2031, 3, 3, 12, tzinfo=UTC)
ran: list[tuple[str, datetime]] = []
failing: set[str] = set()


def run_first(now: datetime) -> None:
    run("first", now)


def run_second(now: datetime) -> None:
    run("second", now)


def run(name: str, now: datetime) -> None:
    ran.append((name, now))
    if name in failing:
        raise ReleveError("away")


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(due_jobs, "_jobs", {})
    for name in ("first", "second"):
        register_due_job(name, f"{__name__}.run_{name}")
    yield
    ran.clear()
    failing.clear()


def run_seconds(begun: datetime, seconds: int) -> list[int]:
    """Run every second; return at which the first job ran."""
    for second in range(seconds):
        run_due_jobs(begun + timedelta(seconds=second))
    return [round((at - begun).total_seconds()) for name, at in ran if name == "first"]


def test_a_failing_job_waits_twice_as_long_each_time_and_holds_up_no_other() -> None:
    failing.add("first")
    seconds = run_seconds(NOON, 5_000)
    waits = [timedelta(seconds=b - a) for a, b in pairwise(seconds)]
    assert waits[0] == SHORTEST_WAIT
    assert waits[-2:] == [LONGEST_WAIT] * 2
    assert all(b == min(2 * a, LONGEST_WAIT) for a, b in pairwise(waits))
    assert sum(name == "second" for name, _ in ran) == 5_000


def test_a_job_that_ran_well_waits_the_shortest_time_after_its_next_failure() -> None:
    failing.add("first")
    run_seconds(NOON, 100)
    failing.clear()
    run_due_jobs(NOON + timedelta(hours=1))
    failing.add("first")
    ran.clear()
    later = NOON + timedelta(hours=2)
    assert run_seconds(later, 11) == [0, SHORTEST_WAIT.seconds]


def test_a_clock_that_is_set_back_makes_no_job_wait() -> None:
    failing.add("first")
    run_due_jobs(NOON)
    ran.clear()
    assert run_seconds(NOON - timedelta(days=1), 1) == [0]
