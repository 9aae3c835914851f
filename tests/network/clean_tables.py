"""A small operator without a fault, as rows of text, and the formats it can be written in."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta

import polars as pl
import xlsxwriter

Tables = dict[str, list[dict[str, str]]]

SITES = (
    ("casa-1", "MA", "Casablanca", "Africa/Casablanca", 33.53, -7.65),
    ("casa-2", "MA", "Casablanca", "Africa/Casablanca", 33.60, -7.62),
    ("rabat-1", "MA", "Rabat", "Africa/Casablanca", 34.00, -6.85),
    ("fes-1", "MA", "Fès", "Africa/Casablanca", 34.03, -5.00),
    ("agadir-1", "MA", "Agadir", "Africa/Casablanca", 30.42, -9.58),
    ("tanger-1", "MA", "Tanger", "Africa/Casablanca", 35.76, -5.83),
    ("oujda-1", "MA", "Oujda", "Africa/Casablanca", 34.68, -1.91),
    ("tunis-1", "TN", "Tunis", "Africa/Tunis", 36.84, 10.19),
    ("lille-1", "FR", "Lille", "Europe/Paris", 50.63, 3.06),
    ("lyon-1", "FR", "Lyon", "Europe/Paris", 45.76, 4.84),
)
PROGRAMMES = tuple(f"prog-{n:02}" for n in range(30))
AGENTS_PER_SITE = 5
ROSTER = (date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2))
HISTORY = tuple(date(2026, 11, day) for day in (16, 17, 18, 19, 20, 23, 24, 25, 26, 27))


def clean_tables() -> Tables:
    """Return the tables of a small operator in which nothing is wrong."""
    tables: Tables = {
        "operator": [
            {"name": "Atlas (synthétique)", "time_zone": "Europe/Paris", "distance_m": "1.5"} | {"synthetic": "true"}
        ],
        "clients": [{"id": f"client-{n}", "name": f"Client {n}"} for n in range(4)],
        "programmes": [_programme(n, name) for n, name in enumerate(PROGRAMMES)],
        "stops": [
            {"id": "stop-maarif", "name": "Maârif", "lat": "33.58", "lon": "-7.63"},
            {"id": "stop-ain-sebaa", "name": "Aïn Sebaâ", "lat": "33.61", "lon": "-7.54"},
            {"id": "stop-agdal", "name": "Agdal", "lat": "34", "lon": "-6.85"},
            {"id": "stop-bellecour", "name": "Bellecour", "lat": "45.76", "lon": "4.83"},
        ],
        "shuttles": [
            {"stop": "stop-maarif", "site": "casa-1", "ride_minutes": "25"},
            {"stop": "stop-maarif", "site": "casa-2", "ride_minutes": "30.5"},
            {"stop": "stop-ain-sebaa", "site": "casa-1", "ride_minutes": "40"},
            {"stop": "stop-agdal", "site": "rabat-1", "ride_minutes": "20"},
            {"stop": "stop-bellecour", "site": "lyon-1", "ride_minutes": "20"},
        ],
        "depots": [
            {"id": "casa-depot", "lat": "33.57", "lon": "-7.6", "sites": "casa-1|casa-2"},
            {"id": "rabat-depot", "lat": "34", "lon": "-6.84", "sites": "rabat-1"},
        ],
        "vehicles": [
            {"id": f"bus-{n}", "depot": "casa-depot", "seats": "16", "fill_cap": "0.5"}
            | {"hours": "Mon-Sat 05:00-23:00"}
            for n in range(4)
        ],
        "travel": [
            {"origin": "stop-maarif", "target": "casa-1", "minutes": "18", "km": "7.2"},
            {"origin": "casa-1", "target": "stop-maarif", "minutes": "21.5", "km": "7.5"},
            {"origin": "stop-ain-sebaa", "target": "casa-1", "minutes": "33", "km": "15"},
        ],
        "curfews": [
            {"id": f"night-{n}", "site": f"casa-{n}", "from_time": "21:00", "to_time": "05:00"} | _days()
            for n in (1, 2)
        ],
        "authorisations": [_permit(site[0]) for site in SITES],
        "measures": [
            {"id": "m-1", "site": "casa-1", "kind": "distance_m", "value": "2"} | _days(),
            {"id": "m-2", "site": "fes-1", "kind": "max_people", "value": "40"} | _days(),
        ],
        "uplifts": [
            {"id": "u-1", "programme": PROGRAMMES[0], "change": "0.2", "reason": "Campaign"} | _days(),
            {"id": "u-2", "programme": PROGRAMMES[1], "change": "-0.1", "reason": "Branch closed"} | _days(),
        ],
        "contingencies": [
            {"id": "c-1", "name": "Power", "sites": "casa-1|casa-2", "carriers": ""},
            {"id": "c-2", "name": "Fibre", "sites": "", "carriers": "Inwi"},
            {"id": "c-3", "name": "Both", "sites": "fes-1", "carriers": "Orange"},
        ],
        "working_time": [
            {"id": "own-week", "parameter": "week_hours", "value": "42", "source": "Agreement", "country": "MA"}
            | {"strength": "forbid"}
            | _days()
        ],
    }
    tables |= _places()
    tables["agents"] = _agents()
    tables["teams"] = [
        {"id": f"team-{n}", "site": SITES[n][0], "supervisor": f"a{n:03}", "quorum": "0.5"} for n in range(len(SITES))
    ]
    tables["shifts"] = [_shift(agent["id"], day) for agent in tables["agents"] for day in ROSTER]
    tables["breaks"] = [
        {"id": "coffee", "minutes": "15", "site": "casa-1", "min_hours": "6", "valid_from": "2027-02-08"}
    ]
    tables["absences"] = [
        {"agent": tables["agents"][-1]["id"], "start": "2026-12-07T00:00", "end": "2026-12-12T00:00", "kind": "leave"}
    ]
    tables["history"] = [
        {"programme": name, "start": f"{day}T{9 + slot // 2:02}:{slot % 2 * 3}0"}
        | {"offered": str(10 + slot), "answered": str(9 + slot), "aht_s": "310.5"}
        for name in PROGRAMMES
        for day in HISTORY
        for slot in range(6)
    ]
    return tables


def _days() -> dict[str, str]:
    return {"valid_from": "2026-11-01", "valid_to": "2026-12-31"}


def _permit(site: str) -> dict[str, str]:
    return {"id": f"permit-{site}", "kind": "site", "subject": site} | _days()


def _programme(n: int, name: str) -> dict[str, str]:
    return {
        "id": name,
        "client": f"client-{n % 4}",
        "name": f"Opération {n}",
        "kind": "inbound",
        "opening": "Mon-Fri 09:00-12:00",
        "aht_s": "320",
        "languages": "fr|en",
        "holidays": "FR",
        "service_target": "0.8",
        "patience_s": "120",
        "place": "home_allowed",
        "allowed_destinations": "MA|TN|FR",
    }


def _places() -> Tables:
    sites, floors, zones, seats = [], [], [], []
    for name, code, city, zone, lat, lon in SITES:
        sites.append(
            {"id": name, "name": f"{city} {name[-1]}", "destination": code, "city": city}
            | {"time_zone": zone, "lat": str(lat), "lon": str(lon), "home_kits": "0" if name == "lyon-1" else "2"}
        )
        floors.append({"id": f"{name}-f1", "site": name, "name": "1er étage"})
        zones.append({"id": f"{name}-z1", "floor": f"{name}-f1", "volume_m3": "720"} | {"air_changes_per_hour": "3"})
        seats += [{"id": f"{name}-s{n}", "zone": f"{name}-z1", "x_m": f"{1.6 * n:g}", "y_m": "2.4"} for n in range(6)]
    return {"sites": sites, "floors": floors, "zones": zones, "seats": seats}


def _agents() -> list[dict[str, str]]:
    carriers = ("Maroc Telecom", "Inwi", "Orange")
    return [
        {
            "id": f"a{n:03}",
            "home_site": SITES[n % len(SITES)][0],
            "skills": f"{PROGRAMMES[n % 30]}|{PROGRAMMES[(n + 7) % 30]}",
            "home_ready": "true" if n % 3 == 0 else "false",
            "line_type": "fibre" if n % 3 == 0 else "none",
            "line_mbps": "38.5" if n % 3 == 0 else "0",
            "carrier": carriers[n // 3 % 3] if n % 3 == 0 else "",
            "stop": "stop-maarif" if n % 5 == 0 else "",
            "own_transport": "false" if n % 5 == 0 else "true",
            "team": f"team-{n % len(SITES)}",
            "home_days_min": "1" if n % 3 == 0 else "0",
            "home_days_max": "3" if n % 3 == 0 else "",
            "home_wish": "Mon|Fri" if n % 3 == 0 else "",
        }
        for n in range(AGENTS_PER_SITE * len(SITES))
    ]


def _shift(agent: str, day: date) -> dict[str, str]:
    return {"agent": agent, "start": f"{day}T09:00", "end": f"{day}T17:00", "break_minutes": "30"}


def columns_in(rows: list[dict[str, str]]) -> list[str]:
    """Return the columns of rows in the order they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def as_csv(tables: Tables) -> dict[str, bytes]:
    """Write UTF-8 with commas."""
    return {f"{name}.csv": _csv(rows, ",").encode("utf-8") for name, rows in tables.items()}


def as_french_csv(tables: Tables) -> dict[str, bytes]:
    """Write as a French Excel does: `;`, decimal comma, dd/mm/yyyy, VRAI and FAUX, cp1252."""
    return {
        f"{name}.csv": _csv([{key: _french(cell) for key, cell in row.items()} for row in rows], ";").encode("cp1252")
        for name, rows in tables.items()
    }


def _csv(rows: list[dict[str, str]], separator: str) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns_in(rows), delimiter=separator, lineterminator="\r\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _french(cell: str) -> str:
    if cell in ("true", "false"):
        return {"true": "VRAI", "false": "FAUX"}[cell]
    typed = _typed(cell)
    if isinstance(typed, float):
        return cell.replace(".", ",")
    if isinstance(typed, datetime):
        return typed.strftime("%d/%m/%Y %H:%M")
    return typed.strftime("%d/%m/%Y") if isinstance(typed, date) else cell


def _typed(cell: str) -> object:
    for parse in (float, date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(cell)
        except ValueError:
            continue
    return {"true": True, "false": False, "": None}.get(cell, cell)


def as_workbook(tables: Tables) -> dict[str, bytes]:
    """Write one XLSX workbook with numbers, dates, times and truths as Excel has them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        time = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        for name, rows in tables.items():
            sheet = book.add_worksheet(name)
            columns = columns_in(rows)
            sheet.write_row(0, 0, columns)
            for r, row in enumerate(rows, 1):
                for c, column in enumerate(columns):
                    value = _typed(row.get(column, ""))
                    if isinstance(value, datetime):
                        sheet.write_datetime(r, c, value, time)
                    elif isinstance(value, date):
                        sheet.write_datetime(r, c, value, day)
                    elif value is not None:
                        sheet.write(r, c, value)
    return {"operator.xlsx": out.getvalue()}


def as_parquet(tables: Tables) -> dict[str, bytes]:
    """Write Parquet with typed columns; `|` columns of agents become lists."""
    files = {}
    for name, rows in tables.items():
        columns = {}
        for column in columns_in(rows):
            values = [_typed(row.get(column, "")) for row in rows]
            if column == "skills":
                values = [str(value).split("|") for value in values]
            columns[column] = pl.Series(values, strict=False)
        out = io.BytesIO()
        pl.DataFrame(columns).write_parquet(out)
        files[f"{name}.parquet"] = out.getvalue()
    return files


def moved(start: str, hours: float) -> str:
    """Return an ISO local time some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).isoformat(timespec="minutes")
