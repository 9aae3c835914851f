"""Operator files as bytes by name, transport folders, Excel lists, and the home's folders of rows.

A transport folder holds ``runs.csv`` (vehicle, site, leg, shift, when it is at the site, load),
``manifests.csv`` (run, agent, stop, time) and ``sheets/*.txt``, a sheet per vehicle for its driver:
stops, local times and the number of riders, without names. Tables are in UTC. An own folder of rows
that was renamed, or a file saved as ``.yml``, would drop stricter rows silently: both are refused.

OSError
└── FolderError     the path holds no operator's files, or may not be written
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from releve.errors import ReleveError
from releve.extras import LazyModule
from releve.files.atomic import replace_folder
from releve.files.home import HomeError, is_home
from releve.files.plan_folder import make_file_name
from releve.network import Operator, zone
from releve.network.table_words import find_table
from releve.transport import TO_SITE, Fleet, Run, TransportPlan, Wave

if TYPE_CHECKING:
    import xlsxwriter
else:
    xlsxwriter = LazyModule("xlsxwriter")

_SUFFIXES = frozenset((".csv", ".parquet", ".xlsx"))


class FolderError(ReleveError, OSError):
    """A path that holds no operator's files, or that may not be written."""


def read_operator_files(path: Path) -> dict[str, bytes]:
    """Return the files of an operator folder, or of one workbook, by name.

    Files that are not tables (a README, hidden files, Excel's lock files) are left out; a file
    that has a table's name but another format is kept, so that the reader can name it.
    """
    if path.is_file():
        if path.suffix.lower() != ".xlsx":
            raise FolderError(f"{path} is neither a folder nor an XLSX workbook")
        return {path.name: path.read_bytes()}
    if not path.is_dir():
        raise FolderError(f"{path} does not exist")
    found = {file.name: file.read_bytes() for file in sorted(path.iterdir()) if _is_table(file)}
    if not found:
        raise FolderError(f"{path} holds no CSV, Parquet or XLSX file")
    return found


def _is_table(file: Path) -> bool:
    if not file.is_file() or file.name.startswith((".", "~$")):
        return False
    return file.suffix.lower() in _SUFFIXES or find_table(file.stem) is not None


def write_operator_files(path: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a folder of files; it appears whole or not at all.

    FolderError when the path is there already and is not empty; with ``replace`` an operator
    folder (nothing but tables and Markdown in it) gives way.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"{path} is a file")
    held = sorted(path.iterdir()) if path.exists() else []
    if held and not replace:
        raise FolderError(f"{path} is not empty")
    strange = [file.name for file in held if not (_is_table(file) or file.suffix == ".md")]
    if strange:
        raise FolderError(f"{path} also holds {strange[0]}, which is not an operator's; not replaced")
    with replace_folder(path) as draft:
        for name, data in files.items():
            (draft / name).write_bytes(data)


_RUN_COLUMNS = (
    "run", "vehicle", "leg", "site", "shift_utc", "at_site_utc", "riders", "cap", "seats", "km",
    "estimated", "busy_from_utc", "busy_until_utc",
)  # fmt: skip
_RIDE_COLUMNS = ("run", "agent", "stop", "time_utc")


class TransportFolderError(ReleveError, ValueError):
    """A folder that holds no runs, or whose runs cannot be read; the message says where."""


def write_transport(path: Path, operator: Operator, fleet: Fleet, plan: TransportPlan) -> None:
    """Write the runs of a day; the folder appears whole or not at all.

    TransportFolderError when the folder holds something else.
    """
    runs = [_RUN_COLUMNS, *(_list_run_cells(run) for run in plan.runs)]
    rides = [_RIDE_COLUMNS, *(row for run in plan.runs for row in _list_ride_rows(run))]
    files = {"runs.csv": _render_csv(runs), "manifests.csv": _render_csv(rides)}
    for vehicle in sorted({run.vehicle for run in plan.runs}):
        own = [run for run in plan.runs if run.vehicle == vehicle]
        name = f"sheets/{make_file_name(vehicle)}.txt"
        files[name] = render_sheet(operator, fleet, vehicle, own)
    if path.is_dir() and any(path.iterdir()) and not (path / "runs.csv").is_file():
        raise TransportFolderError(f"{path} holds other files; choose an empty folder")
    with replace_folder(path) as folder:
        (folder / "sheets").mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")


def _list_run_cells(run: Run) -> tuple[object, ...]:
    return (
        run.id, run.vehicle, run.wave.leg, run.wave.site, run.wave.at.isoformat(),
        run.at_site.isoformat(), run.count, run.cap, run.seats, f"{run.km:.1f}",
        "true" if run.estimated else "false", run.busy_from.isoformat(),
        run.busy_until.isoformat(),
    )  # fmt: skip


def _list_ride_rows(run: Run) -> list[tuple[object, ...]]:
    return [
        (run.id, agent, stop, at.isoformat())
        for stop, at, names in zip(run.stops, run.times, run.agents, strict=True)
        for agent in names
    ]


def _render_csv(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def render_sheet(operator: Operator, fleet: Fleet, vehicle: str, runs: Sequence[Run]) -> str:
    """Return a driver's sheet: every run of a vehicle in the order of the day, in local time."""
    stops = {row.id: row.name for row in operator.stops}
    permits = [
        row.id
        for row in operator.authorisations
        if row.kind == "vehicle" and row.subject == vehicle and row.valid_from <= fleet.day <= row.valid_to
    ]
    lines = [f"{vehicle}   {fleet.day.isoformat()}"]
    if permits:
        lines.append(f"Autorisation / permit: {', '.join(permits)}")
    for run in sorted(runs, key=lambda one: min(one.at_site, *one.times)):
        tz = zone(operator.site[run.wave.site].time_zone)
        site = (run.at_site, operator.site[run.wave.site].name, f"{run.count} / {run.cap}")
        calls = [
            (at, stops[stop], f"{'+' if run.wave.leg == TO_SITE else '-'}{len(names)}")
            for stop, at, names in zip(run.stops, run.times, run.agents, strict=True)
            if names
        ]
        rows = [*calls, site] if run.wave.leg == TO_SITE else [site, *calls]
        lines += ["", run.id]
        lines += [f"  {at.astimezone(tz):%H:%M}  {place:<40} {count}" for at, place, count in rows]
    return "\n".join(lines) + "\n"


def read_runs(path: Path) -> tuple[Run, ...]:
    """Return the runs of a folder; TransportFolderError names a row that cannot be read."""
    runs, rides = (_read_rows(path / name) for name in ("runs.csv", "manifests.csv"))
    calls: dict[str, dict[tuple[datetime, str], list[str]]] = {}
    for n, row in enumerate(rides, 2):
        try:
            key = (datetime.fromisoformat(row["time_utc"]), row["stop"])
            calls.setdefault(row["run"], {}).setdefault(key, []).append(row["agent"])
        except (KeyError, ValueError) as error:
            raise _refuse(path / "manifests.csv", n, error) from None
    known = {row.get("run") for row in runs}
    for name in calls:
        if name not in known:
            raise TransportFolderError(f"{path / 'manifests.csv'}: run {name} is not in runs.csv")
    found = []
    for n, row in enumerate(runs, 2):
        try:
            found.append(_read_run(row, calls.get(row["run"], {})))
        except (KeyError, ValueError) as error:
            raise _refuse(path / "runs.csv", n, error) from None
    return tuple(found)


def _refuse(path: Path, row: int, error: Exception) -> TransportFolderError:
    return TransportFolderError(f"{path} row {row}: {error}; write the runs again")


def _read_rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise TransportFolderError(f"{path} does not exist; write it with releve transport runs --out")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read_run(row: Mapping[str, str], calls: Mapping[tuple[datetime, str], Sequence[str]]) -> Run:
    order = sorted(calls)
    return Run(
        id=row["run"],
        vehicle=row["vehicle"],
        wave=Wave(row["site"], row["leg"], datetime.fromisoformat(row["shift_utc"])),
        stops=tuple(stop for _, stop in order),
        times=tuple(at for at, _ in order),
        at_site=datetime.fromisoformat(row["at_site_utc"]),
        agents=tuple(tuple(calls[key]) for key in order),
        cap=int(row["cap"]),
        seats=int(row["seats"]),
        km=float(row["km"]),
        estimated=row["estimated"] == "true",
        busy_from=datetime.fromisoformat(row["busy_from_utc"]),
        busy_until=datetime.fromisoformat(row["busy_until_utc"]),
    )


Cell = str | int | date | None
"""A cell; a time is a datetime without a zone, as in Excel, and None is an empty cell."""
_WIDTH = 18
_MOST_ROWS = 1_048_575
"""Rows of a sheet below its titles."""


@dataclass(frozen=True, slots=True)
class ListSheet:
    """A list: the title of each column, and rows of as many cells."""

    name: str
    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def write_sheets(sheets: Iterable[ListSheet], created: datetime) -> bytes:
    """Return a workbook; ``created`` is in its properties, so that its bytes are the same again.

    A list that is longer than a sheet goes on in the next one, ``NAME 2``.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": created.replace(tzinfo=None)})
    for sheet in sheets:
        for part, at in enumerate(range(0, max(1, len(sheet.rows)), _MOST_ROWS), 1):
            name = sheet.name if part == 1 else f"{sheet.name} {part}"
            _write_sheet(book, replace(sheet, name=name, rows=sheet.rows[at : at + _MOST_ROWS]))
    book.close()
    return out.getvalue()


def _write_sheet(book: xlsxwriter.Workbook, sheet: ListSheet) -> None:
    page = book.add_worksheet(sheet.name)
    bold = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    page.write_row(0, 0, sheet.titles, bold)
    page.freeze_panes(1, 1)
    page.set_column(0, len(sheet.titles) - 1, _WIDTH)
    for number, row in enumerate(sheet.rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                page.write_datetime(number, column, value, moment)
            elif isinstance(value, date):
                page.write_datetime(number, column, value, day)
            elif isinstance(value, int):
                page.write_number(number, column, value)
            elif value:
                page.write_string(number, column, value)
    page.autofilter(0, 0, max(1, len(sheet.rows)), len(sheet.titles) - 1)


LAW, RULES, CHARTERS = "law", "rules", "charters"
_SUFFIX = ".yaml"


def list_rule_files(home: Path, name: str) -> tuple[Path, ...]:
    """Return the files of a folder of the home, in order; HomeError where one would not count."""
    folder = home / name
    try:
        found = [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        refuse_missing(home, name)
        return ()
    strays = find_stray_files(found)
    if strays:
        raise HomeError(
            f"{folder}: {', '.join(strays)} would not be read: a file of rules is named"
            f" NAME{_SUFFIX}; rename it, or move it out of the folder"
        )
    return tuple(folder / file for file in sorted(found) if _is_rule_file(file))


def find_stray_files(names: list[str]) -> list[str]:
    """Return the names that are not files of rules; hidden files and copies of editors aside."""
    return sorted(name for name in names if not _is_rule_file(name) and name[:1] != "." and name[-1:] != "~")


def refuse_missing(home: Path, name: str) -> None:
    """Refuse a home without one of its folders; other folders need not have them."""
    if is_home(home):
        raise HomeError(
            f"the folder {home / name} is missing, and with it the house's own rows: put it back,"
            f" or make it empty if the house has none"
        )


def _is_rule_file(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")
