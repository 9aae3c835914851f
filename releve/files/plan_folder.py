"""A plan folder: one or several days planned for one operator, as files for people and programs.

==========================  ===================================================================
``plan-YYYY-MM-DD.json``    the whole plan of a day, exact (:mod:`releve.plan.plan_json`)
``placements.csv``          who works where: place, programme, shift and break, local and UTC
``placements.parquet``      the same, typed
``moves/CONTINGENCY.csv``   what changes against the base plan when a place is lost
``matrix.csv``              the relief matrix: a row per client and contingency
``reserve.csv``             rostered agents without a placement
``kits.csv``                where agents share kits of their site: who takes one home
``verification.csv``        of a plan that was verified: what the simulator found, by client
``calendars/AGENT.ics``     an agent's shifts as iCalendar
``hybrid-week.csv``         of a hybrid week: home, site or meeting, by agent and day
``packs.json``              the chosen packs of rules, by which a crash test of the plan goes
==========================  ===================================================================

A folder is written beside its place and renamed, so a reader never sees half of it. Local times are
those of the site; at home, those of the operator. Plans in memory are read again when their file
changes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import polars as pl

from releve.errors import ReleveError
from releve.files.atomic import replace_folder
from releve.network.model import HOME
from releve.network.moments import UTC, zone
from releve.plan.plan_json import PlanFormatError, plan_from_json, plan_to_json
from releve.plan.result import BASE, Move, Placement, Plan, ReliefCell, read_agent
from releve.situation import ChosenPack

if TYPE_CHECKING:
    from icalendar import Event


PACK_FILE = "packs.json"


class PackFileError(ReleveError, ValueError):
    """The file of packs of a plan folder cannot be read."""


def format_packs(chosen: Iterable[ChosenPack]) -> str:
    """Return packs and their days as JSON; ``to`` null: until ended."""
    rows = [{"pack": one.pack, "from": str(one.first), "to": one.last and str(one.last)} for one in chosen]
    return json.dumps(rows, indent=1) + "\n"


def read_packs(folder: Path) -> tuple[ChosenPack, ...]:
    """Return the packs that a plan folder names; none where it has no such file."""
    path = folder / PACK_FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            ChosenPack(
                row["pack"],
                date.fromisoformat(row["from"]),
                None if row["to"] is None else date.fromisoformat(row["to"]),
            )
            for row in rows
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackFileError(
            f'{path}: {error}: write [{{"pack": "health-2020", "from": "2026-12-01", "to": null}}]'
        ) from None


_PLAN_NAME = re.compile(r"plan-(\d{4}-\d{2}-\d{2})\.json")
HYBRID_FILE = "hybrid-week.csv"
KITS_FILE = "kits.csv"
_OWN_NAMES = frozenset(
    {
        "placements.csv",
        "placements.parquet",
        "moves",
        "matrix.csv",
        "reserve.csv",
        KITS_FILE,
        "verification.csv",
        "calendars",
        HYBRID_FILE,
        PACK_FILE,
    }
)
_PLACEMENT_COLUMNS = (
    "day",
    "agent",
    "place",
    "programme",
    "time_zone",
    "start_local",
    "end_local",
    "break_start_local",
    "break_end_local",
    "start_utc",
    "end_utc",
    "break_start_utc",
    "break_end_utc",
)
_DUTY_COLUMNS = ("duty", "pauses_utc")
"""Added where a day has duties that were carried in, second or split ones; ``pauses_utc``: its gaps and further
breaks, as ``start/end``."""
_MOVE_COLUMNS = (
    "day",
    "contingency",
    "agent",
    "reason",
    "before_place",
    "before_programme",
    "after_place",
    "after_programme",
    "time_zone",
    "start_local",
    "end_local",
    "start_utc",
    "end_utc",
    "before_break_start_local",
    "before_break_end_local",
    "after_break_start_local",
    "after_break_end_local",
    "before_break_start_utc",
    "before_break_end_utc",
    "after_break_start_utc",
    "after_break_end_utc",
)
_MATRIX_COLUMNS = (
    "day",
    "client",
    "client_name",
    "contingency",
    "contingency_name",
    "kind",
    "status",
    "worst_coverage",
    "worst_start_utc",
    "shortfall",
    "floor",
    "regret",
    "calls_lost",
    "sudden_start_utc",
    "sudden_status",
    "sudden_worst_coverage",
    "sudden_back_utc",
)
"""``sudden``: of the loss in the middle of the day, at the half hour at which it does most."""
VERIFICATION_COLUMNS = (
    "day",
    "client",
    "erlang_before",
    "found_before",
    "found_after",
    "missed_before",
    "missed_after",
    "short_after",
    "worst_after",
    "worst_answered_after",
    "worst_start_utc",
    "required_hours_before",
    "required_hours_after",
    "placed_hours_before",
    "placed_hours_after",
)
"""Of a verified plan: shares of calls served in time, half hours, agent hours."""

_Value = str | float | int | date | datetime | None


class PlanFolderError(ReleveError, ValueError):
    """A folder cannot be read or must not be overwritten; the message says which and why."""


def list_plan_files(folder: Path) -> dict[date, Path]:
    """Return the plan files of a folder by day, in order; :class:`PlanFolderError` if none."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise PlanFolderError(f"{folder}: {error.strerror}") from error
    found: dict[date, Path] = {}
    for match in filter(None, map(_PLAN_NAME.fullmatch, names)):
        try:
            found[date.fromisoformat(match[1])] = folder / match[0]
        except ValueError as error:
            raise PlanFolderError(f"{folder / match[0]}: {error}") from error
    if not found:
        raise PlanFolderError(f"{folder}: no plan-YYYY-MM-DD.json in it")
    return found


def read_plan(path: Path) -> Plan:
    """Return the plan of one file; :class:`PlanFolderError` names the file and the fault."""
    try:
        return plan_from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanFolderError(f"{path}: {error.strerror}") from error
    except (PlanFormatError, UnicodeDecodeError) as error:
        raise PlanFolderError(f"{path}: {error}") from error


def read_plans(folder: Path) -> tuple[Plan, ...]:
    return tuple(read_plan(path) for path in list_plan_files(folder).values())


def write_plans(
    folder: Path,
    plans: Sequence[Plan],
    *,
    stamp: datetime,
    calendars: bool = True,
    verification: Sequence[Sequence[_Value]] = (),
    packs: Sequence[ChosenPack] = (),
    hybrid_week: Sequence[Sequence[str]] = (),
) -> None:
    """Write a plan folder in one go, replacing a plan folder that stands there.

    ``stamp`` is the instant written in the calendars (DTSTAMP): the same plans and stamp give the
    same bytes. ``verification`` are rows of :data:`VERIFICATION_COLUMNS`; without any there is no
    such file; likewise ``packs``. ``hybrid_week`` is the table of one, its header first.
    :class:`PlanFolderError` when no plan is given, two are of one
    day, or the folder holds anything that is not a plan's.
    """
    days = [plan.day for plan in plans]
    if not plans or len(set(days)) != len(days):
        raise PlanFolderError(f"one plan for each of one or more days, got {len(plans)} of {days}")
    target = folder.resolve()
    check_overwritable(target)
    ordered = sorted(plans, key=lambda plan: plan.day)
    with replace_folder(target) as draft:
        _write_files(draft, ordered, stamp, calendars)
        if verification:
            _write_csv(draft / "verification.csv", VERIFICATION_COLUMNS, verification)
        if hybrid_week:
            _write_csv(draft / HYBRID_FILE, hybrid_week[0], hybrid_week[1:])
        if packs:
            (draft / PACK_FILE).write_text(format_packs(packs), encoding="utf-8", newline="")


def make_file_name(name: str) -> str:
    """Return an id as a file name: ``:`` becomes ``-``; other changes add a digest of the id."""
    plain = name.replace(":", "-")
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", plain)
    if safe == plain:
        return safe
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def build_calendars(
    plans: Sequence[Plan], stamp: datetime, rides: Mapping[tuple[date, str], Sequence[str]] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield each placed agent's id and shifts as iCalendar; a UID is decided by agent and day.

    Times are in UTC, so they stand even where the reader's own time zone data are old; the local
    time is said in the description, with the ``rides[day, agent]``.
    """
    from icalendar import Calendar  # 50 ms that only a plan's export needs

    events: dict[str, list[Event]] = {}
    days = {plan.day for plan in plans}
    for plan in plans:
        seen: dict[str, int] = {}
        names, before = _PlanNames(plan), plan.day - timedelta(days=1)
        for item in sorted(plan.placements, key=lambda placement: placement.start):
            if item.carried and before in days:
                continue  # an event of the day in which the duty starts
            day, number = (before, 1) if item.carried else (plan.day, seen.get(item.agent, 0) + 1)
            if not item.carried:
                number = seen[item.agent] = max(number, int(item.duty or 1))
            event = _event(names, item, day, number, stamp, (rides or {}).get((day, item.agent), ()))
            events.setdefault(item.agent, []).append(event)
    for agent in sorted(events):
        calendar = Calendar()
        calendar.add("prodid", "-//Releve//plan//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        for event in events[agent]:
            calendar.add_component(event)
        yield agent, calendar.to_ical()


class _PlanNames:
    """What the ids of a plan are called and which clock hangs at a place."""

    def __init__(self, plan: Plan) -> None:
        clients = dict(plan.clients)
        self.plan = plan
        self.zones = {HOME: plan.time_zone, **{site.id: site.time_zone for site in plan.sites}}
        self.places = {HOME: "Domicile / home", **{site.id: site.name for site in plan.sites}}
        self.work = {key: f"{name} ({clients[client]})" for key, client, name in plan.programmes}


def _event(names: _PlanNames, item: Placement, day: date, number: int, stamp: datetime, rides: Sequence[str]) -> Event:
    from icalendar import Event

    tz = names.zones[item.place]
    lines = [f"{_wall(item.start, tz):%H:%M}-{_wall(item.end, tz):%H:%M} ({tz})"]
    if item.break_start is not None and item.break_end is not None:
        pause = f"{_wall(item.break_start, tz):%H:%M}-{_wall(item.break_end, tz):%H:%M}"
        lines.append(f"Pause / break {pause}")
    for one in item.pauses:
        word = "Coupure / gap" if one.away else "Pause / break"
        lines.append(f"{word} {_wall(one.start, tz):%H:%M}-{_wall(one.end, tz):%H:%M}")
    suffix = "" if number == 1 else f"-{number}"
    event = Event()
    event.add("uid", f"{item.agent}-{day}{suffix}@{make_file_name(names.plan.operator)}")
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", item.start.astimezone(UTC))
    event.add("dtend", item.end.astimezone(UTC))
    event.add("summary", names.work[item.programme])
    event.add("location", names.places[item.place])
    event.add("description", "\n".join((*lines, *rides)))
    return event


def check_overwritable(folder: Path) -> None:
    """Raise PlanFolderError where a plan cannot or must not be written.

    That is in a folder without write permission, on a file, or beside other files.
    """
    target = folder.resolve()
    there = next(one for one in target.parents if one.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise PlanFolderError(f"{there}: no folder may be made in it; name another")
    if not target.exists():
        return
    if not target.is_dir():
        raise PlanFolderError(f"{target}: is a file, a folder is needed")
    strangers = [
        name for name in sorted(os.listdir(target)) if name not in _OWN_NAMES and not _PLAN_NAME.fullmatch(name)
    ]
    if strangers:
        raise PlanFolderError(f"{target}: holds {strangers[0]!r}, which is not a plan's; name a new or empty folder")


def _write_files(folder: Path, plans: Sequence[Plan], stamp: datetime, calendars: bool) -> None:
    for plan in plans:
        text = plan_to_json(plan)
        (folder / f"plan-{plan.day}.json").write_text(text, encoding="utf-8", newline="")
    several = _has_several_duties(plans)
    placements = [
        (*_placement_row(names, item), *(_describe_duty(item) if several else ()))
        for names in map(_PlanNames, plans)
        for item in names.plan.placements
    ]
    _write_csv(folder / "placements.csv", (*_PLACEMENT_COLUMNS, *(_DUTY_COLUMNS if several else ())), placements)
    _write_parquet(folder / "placements.parquet", placements)
    _write_moves(folder / "moves", plans)
    matrix = [row for plan in plans for row in _matrix_rows(plan)]
    _write_csv(folder / "matrix.csv", _MATRIX_COLUMNS, matrix)
    reserve = [
        (plan.day, read_agent(key), *((key[len(read_agent(key)) + 1 :],) if several else ()))
        for plan in plans
        for key in plan.reserve
    ]
    _write_csv(folder / "reserve.csv", ("day", "agent", *(_DUTY_COLUMNS[:1] if several else ())), reserve)
    if any(plan.kits for plan in plans):
        held = [(plan.day, one.site, agent) for plan in plans for one in plan.kits for agent in one.holders]
        _write_csv(folder / KITS_FILE, ("day", "site", "agent"), held)
    if calendars:
        (folder / "calendars").mkdir()
        for agent, content in build_calendars(plans, stamp):
            (folder / "calendars" / f"{make_file_name(agent)}.ics").write_bytes(content)


def _has_several_duties(plans: Sequence[Plan]) -> bool:
    """Return whether a day has duties that need more columns: carried in, second or split ones."""
    return any(item.duty or item.pauses for plan in plans for item in plan.placements) or any(
        key != read_agent(key) for plan in plans for key in plan.reserve
    )


def _describe_duty(item: Placement) -> tuple[_Value, ...]:
    pauses = (f"{_text(one.start.astimezone(UTC))}/{_text(one.end.astimezone(UTC))}" for one in item.pauses)
    return item.duty, " ".join(pauses)


def _write_moves(folder: Path, plans: Sequence[Plan]) -> None:
    folder.mkdir()
    named = [_PlanNames(plan) for plan in plans]
    for key in sorted({key for plan in plans for key in plan.scenarios} - {BASE}):
        rows = [
            _move_row(names, key, move)
            for names in named
            if key in names.plan.scenarios
            for move in names.plan.scenarios[key].moves
        ]
        _write_csv(folder / f"{make_file_name(key)}.csv", _MOVE_COLUMNS, rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[_Value]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_text(cell) for cell in row] for row in rows)


def _write_parquet(path: Path, rows: Sequence[Sequence[_Value]]) -> None:
    utc, local = pl.Datetime("us", "UTC"), pl.Datetime("us")
    kinds = (pl.Date, *[pl.String] * 4, *[local] * 4, *[utc] * 4, *[pl.String] * 2)
    wide = max((len(row) for row in rows), default=len(_PLACEMENT_COLUMNS))
    schema: dict[str, Any] = dict(zip((*_PLACEMENT_COLUMNS, *_DUTY_COLUMNS)[:wide], kinds[:wide], strict=True))
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)


def _text(cell: _Value) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, datetime):
        text = cell.isoformat(timespec="minutes" if cell.second == 0 else "seconds")
        return text.replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _placement_row(names: _PlanNames, item: Placement) -> tuple[_Value, ...]:
    tz = names.zones[item.place]
    times = (item.start, item.end, item.break_start, item.break_end)
    return (
        *(names.plan.day, item.agent, item.place, item.programme, tz),
        *(None if time is None else _wall(time, tz) for time in times),
        *(None if time is None else time.astimezone(UTC) for time in times),
    )


def _move_row(names: _PlanNames, key: str, move: Move) -> tuple[_Value, ...]:
    before, after = move.before, move.after
    shift = after or before
    when: tuple[_Value, ...] = (None,) * 13
    if shift is not None:
        tz = names.zones[shift.place]
        pauses = [
            time for side in (before, after) for time in ((side.break_start, side.break_end) if side else (None,) * 2)
        ]
        local = (None if time is None else _wall(time, tz) for time in pauses)
        when = (tz, _wall(shift.start, tz), _wall(shift.end, tz), shift.start, shift.end, *local, *pauses)
    return (
        *(names.plan.day, key, move.agent, move.reason),
        *((None, None) if before is None else (before.place, before.programme)),
        *((None, None) if after is None else (after.place, after.programme)),
        *when,
    )


def _matrix_rows(plan: Plan) -> Iterable[tuple[_Value, ...]]:
    names = dict(plan.clients)
    lost = {item.id: item for item in plan.contingencies}
    for cell in plan.cells:
        contingency = lost.get(cell.contingency)
        known = cell.status != "unknown"
        worst = plan.starts[cell.worst_interval] if known and cell.worst_interval >= 0 else None
        figures = (cell.worst_coverage, worst, cell.shortfall, cell.floor, cell.regret)
        yield (
            *(plan.day, cell.client, names.get(cell.client), cell.contingency),
            *(("", BASE) if contingency is None else (contingency.name, contingency.kind)),
            cell.status,
            *(figures if known else (None,) * len(figures)),
            cell.calls_lost if known else None,
            *_list_sudden_figures(plan, cell),
        )


def _list_sudden_figures(plan: Plan, cell: ReliefCell) -> tuple[_Value, ...]:
    """Return when a loss in the middle of the day does most, what it does, and from when on it is made good."""
    found = plan.sudden_loss.get((cell.client, cell.contingency))
    if found is None or found.status == "unknown":
        return (None,) * 4
    back = plan.starts[found.back] if found.back >= 0 else None
    return (plan.starts[found.interval], found.status, found.worst_coverage, back)


def _wall(time: datetime, tz: str) -> datetime:
    return time.astimezone(zone(tz)).replace(tzinfo=None)


@dataclass(frozen=True)
class StoredPlan:
    """A plan with its digest, the days planned beside it, and the one shown by default."""

    plan: Plan
    digest: str
    days: tuple[date, ...]
    default: date


@dataclass(frozen=True)
class _Read:
    signature: tuple[int, int, int]
    digest: str
    plan: Plan


class PlanStore:
    """Reads each day once and again when its file is another one (inode, time, size)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._read: dict[date, _Read] = {}

    def days(self) -> tuple[date, ...]:
        return tuple(list_plan_files(self._folder))

    def get(self, day: date | None = None) -> StoredPlan | None:
        """Return the plan of a day (the first one by default); None when there is no such day.

        PlanFolderError when the folder or the file cannot be read.
        """
        files = list_plan_files(self._folder)
        chosen = next(iter(files)) if day is None else day
        if chosen not in files:
            return None
        with self._lock:
            read = self._fresh(chosen, files[chosen])
        return StoredPlan(read.plan, read.digest, tuple(files), next(iter(files)))

    def get_all(self) -> tuple[StoredPlan, ...]:
        """Return every plan of the folder, by day; PlanFolderError as for one."""
        found = (self.get(day) for day in self.days())
        return tuple(item for item in found if item is not None)

    def _fresh(self, day: date, path: Path) -> _Read:
        try:
            status = path.stat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            known = self._read.get(day)
            if known is not None and known.signature == signature:
                return known
            content = path.read_bytes()
            plan = plan_from_json(content.decode("utf-8"))
        except OSError as error:
            raise PlanFolderError(f"{path}: {error.strerror}") from error
        except (PlanFormatError, UnicodeDecodeError) as error:
            raise PlanFolderError(f"{path}: {error}") from error
        digest = hashlib.sha256(content).hexdigest()
        self._read[day] = _Read(signature, digest, plan)
        return self._read[day]


def digest_plans(plans: Iterable[StoredPlan]) -> str:
    """Return what identifies some plans of a folder together; empty for none."""
    digests = "".join(item.digest for item in plans)
    return hashlib.sha256(digests.encode()).hexdigest() if digests else ""


_stores: dict[Path, PlanStore] = {}


def open_plan_store(folder: Path | None) -> PlanStore:
    """Return the store of a folder, one per folder and process."""
    if folder is None:
        raise PlanFolderError("RELEVE_PLAN_FOLDER is not set")
    return _stores.setdefault(folder, PlanStore(folder))
