"""A transport folder: the runs of a day as files for people and programs.

===================  =======================================================================
``runs.csv``         a row per run: vehicle, site, leg, shift, when it is at the site, load
``manifests.csv``    a row per rider: run, agent, stop, time
``sheets/*.txt``     a sheet per vehicle for its driver: stops, local times, how many riders
===================  =======================================================================

Times in the tables are in UTC. A sheet names no agent: a driver needs the number of riders.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from releve.errors import ReleveError
from releve.files.atomic import replace_folder
from releve.files.plan_folder import make_file_name
from releve.network import Operator, zone
from releve.transport import TO_SITE, Fleet, Run, TransportPlan, Wave

__all__ = ["TransportFolderError", "read_runs", "render_sheet", "write_transport"]

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
        if row.kind == "vehicle"
        and row.subject == vehicle
        and row.valid_from <= fleet.day <= row.valid_to
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
        raise TransportFolderError(
            f"{path} does not exist; write it with releve transport runs --out"
        )
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
