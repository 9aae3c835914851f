"""Faults planted in a clean operator, each with the place where the check must name it.

``python -m tests.network.planted_faults FOLDER`` writes a folder with the thirty of :data:`THIRTY`
and prints where they are; ``releve network check FOLDER`` has to name them and nothing else.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.network.clean_tables import Tables, as_csv, clean_tables, moved

Place = tuple[str, dict[str, str] | int, str]
"""Table, row (a dict of the tables, or its number) and column of an expected fault."""

PLANTS: dict[str, Callable[[Tables], Place]] = {}
"""Every plant by its name; each touches rows that no other touches."""


def _plant(function: Callable[[Tables], Place]) -> Callable[[Tables], Place]:
    PLANTS[function.__name__] = function
    return function


def _row(tables: Tables, table: str, name: str) -> dict[str, str]:
    return next(row for row in tables[table] if row["id"] == name)


def _cell(name: str, table: str, row: str | int, column: str, value: str) -> None:
    """Register a plant that writes one cell."""

    def plant(tables: Tables) -> Place:
        found = _row(tables, table, row) if isinstance(row, str) else tables[table][row]
        found[column] = value
        return table, found, column

    PLANTS[name] = plant


def _added(name: str, table: str, row: dict[str, str], column: str) -> None:
    """Register a plant that adds a row."""

    def plant(tables: Tables) -> Place:
        added = dict(row)
        tables[table].append(added)
        return table, added, column

    PLANTS[name] = plant


_cell("operator_distance_negative", "operator", 0, "distance_m", "-1")
_cell("site_time_zone_unknown", "sites", "casa-2", "time_zone", "Africa/Casablanka")
_cell("site_latitude_out_of_range", "sites", "rabat-1", "lat", "134")
_cell("site_coordinates_swapped", "sites", "fes-1", "lat", "-34.03")
_cell("site_longitude_not_a_number", "sites", "agadir-1", "lon", "9,58 W")
_cell("site_city_empty", "sites", "tanger-1", "city", "")
_cell("site_destination_unknown", "sites", "oujda-1", "destination", "MRC")
_cell("floor_of_unknown_site", "floors", "lyon-1-f1", "site", "lyon-7")
_cell("zone_without_volume", "zones", "casa-1-z1", "volume_m3", "0")
_cell("zone_volume_not_a_number", "zones", "casa-2-z1", "volume_m3", "grand")
_cell("zone_air_changes_too_many", "zones", "fes-1-z1", "air_changes_per_hour", "720")
_cell("seat_in_unknown_zone", "seats", "casa-1-s1", "zone", "casa-1-zz")
_cell("seat_across_absurd", "seats", "casa-1-s2", "x_m", "4800")
_cell("seat_along_not_a_number", "seats", "casa-1-s3", "y_m", "deux")
_cell("programme_of_unknown_client", "programmes", "prog-00", "client", "no-such-client")
_cell("programme_kind_unknown", "programmes", "prog-01", "kind", "incoming")
_cell("programme_without_hours", "programmes", "prog-02", "opening", "")
_cell("programme_hours_not_understood", "programmes", "prog-03", "opening", "9h-12h")
_cell("programme_aht_zero", "programmes", "prog-04", "aht_s", "0")
_cell("programme_patience_zero", "programmes", "prog-05", "patience_s", "0")
_cell("programme_language_unknown", "programmes", "prog-06", "languages", "fr|french")
_cell("programme_holidays_unknown", "programmes", "prog-07", "holidays", "XX")
_cell("programme_open_holiday_unknown", "programmes", "prog-13", "open_holidays", "Pentecote")
_cell("programme_target_in_percent", "programmes", "prog-08", "service_target", "80")
_cell("programme_without_allowed_site", "programmes", "prog-09", "allowed_destinations", "MG|RE")
_cell("programme_destination_unknown", "programmes", "prog-10", "allowed_destinations", "Maghreb")
_cell("programme_place_unknown", "programmes", "prog-11", "place", "anywhere")
_cell("programme_list_with_empty_item", "programmes", "prog-12", "languages", "fr||en")
_cell("agent_of_unknown_site", "agents", "a001", "home_site", "casa-9")
_cell("agent_skill_for_no_programme", "agents", "a002", "skills", "prog-02|prog-99")
_cell("agent_without_skill", "agents", "a003", "skills", "")
_cell("agent_home_ready_without_line", "agents", "a006", "line_type", "none")
_cell("agent_home_ready_without_carrier", "agents", "a009", "carrier", "")
_cell("agent_home_ready_with_a_kit", "agents", "a015", "home_kit", "true")
_cell("agent_truth_not_understood", "agents", "a011", "own_transport", "sometimes")
_cell("agent_line_type_misspelt", "agents", "a012", "line_type", "fibber")
_cell("agent_rate_negative", "agents", "a013", "line_mbps", "-3")
_cell("agent_stop_unknown", "agents", "a014", "stop", "stop-nowhere")
_cell("agent_skill_twice", "agents", "a016", "skills", "prog-16|prog-16")
_cell("stop_on_the_equator", "stops", "stop-maarif", "lat", "0")
_cell("stop_far_from_its_site", "stops", "stop-bellecour", "lat", "48.3")
_cell("shuttle_without_ride", "shuttles", 1, "ride_minutes", "0")
_cell("shuttle_to_unknown_site", "shuttles", 2, "site", "nowhere")
_cell("depot_serves_unknown_site", "depots", "rabat-depot", "sites", "rabat-7")
_cell("vehicle_without_depot", "vehicles", "bus-0", "depot", "casa-garage")
_cell("vehicle_that_carries_no_rider", "vehicles", "bus-1", "fill_cap", "0.05")
_cell("vehicle_hours_not_understood", "vehicles", "bus-2", "hours", "5h-23h")
_cell("vehicle_without_seat", "vehicles", "bus-3", "seats", "0")
_cell("agent_with_a_stop_and_own_transport", "agents", "a020", "own_transport", "true")
_cell("drive_back_takes_four_times_as_long", "travel", 1, "minutes", "80")
_cell("drive_of_no_time", "travel", 2, "minutes", "0")
_cell("curfew_without_hour", "curfews", "night-1", "from_time", "21h")
_cell("curfew_ends_before_it_starts", "curfews", "night-2", "valid_to", "2026-10-01")
_cell("agent_least_days_above_most", "agents", "a030", "home_days_min", "4")
_cell("agent_at_home_without_being_ready", "agents", "a031", "home_days_min", "2")
_cell("agent_wishes_no_day", "agents", "a033", "home_wish", "Mon|Someday")
_cell("agent_wishes_more_than_the_contract", "agents", "a036", "home_wish", "Mon|Tue|Wed|Thu")
_cell("agent_of_a_team_elsewhere", "agents", "a041", "team", "team-2")
_cell("team_led_from_another", "teams", "team-3", "supervisor", "a004")
_cell("team_beyond_its_seats", "teams", "team-4", "quorum", "1.5")
_cell("team_meets_too_often", "teams", "team-5", "meets_per_fortnight", "11")
_cell("permit_of_unknown_site", "authorisations", "permit-casa-1", "subject", "casa-99")
_cell("permit_ends_before_it_starts", "authorisations", "permit-casa-2", "valid_to", "2026-10-01")
_cell("permit_day_not_a_date", "authorisations", "permit-fes-1", "valid_from", "novembre")
_cell("permit_of_what", "authorisations", "permit-lyon-1", "kind", "place")
_cell("measure_at_unknown_site", "measures", "m-1", "site", "nowhere")
_cell("measure_ends_before_it_starts", "measures", "m-2", "valid_to", "2026-10-31")
_cell("contingency_of_nothing", "contingencies", "c-1", "sites", "")
_cell("contingency_of_unknown_carrier", "contingencies", "c-2", "carriers", "Inwii")
_cell("contingency_of_unknown_site", "contingencies", "c-3", "sites", "fes-1|fes-99")

_SITE = {"name": "Zéro", "destination": "SN", "city": "Dakar", "time_zone": "Africa/Dakar"}
_added("site_id_is_home", "sites", {"id": "home", "lat": "14.7", "lon": "-17.4"} | _SITE, "id")
_added("site_in_the_gulf_of_guinea", "sites", {"id": "z", "lat": "0", "lon": "0"} | _SITE, "lat")
_added("client_without_programme", "clients", {"id": "lonely", "name": "Lonely"}, "id")
_added("shuttle_twice", "shuttles", {"stop": "stop-agdal", "site": "rabat-1", "ride_minutes": "9"}, "stop")
_added("drive_from_nowhere", "travel", {"origin": "stop-nowhere", "target": "casa-1", "minutes": "20"}, "origin")
_added("drive_twice", "travel", {"origin": "stop-maarif", "target": "casa-1", "minutes": "19"}, "origin")
_added(
    "vehicle_hours_of_no_shift",
    "vehicles",
    {"id": "bus-late", "depot": "casa-depot", "seats": "16", "hours": "Sun 01:00-02:00"},
    "hours",
)
_added("id_with_a_bar", "stops", {"id": "a|b", "name": "A", "lat": "33.5", "lon": "-7.6"}, "id")


@_plant
def stop_beyond_the_longest_ride(tables: Tables) -> Place:
    far = {"id": "stop-settat", "name": "Settat", "lat": "33.0", "lon": "-7.62"}
    tables["stops"].append(far)
    tables["agents"].append(_row(tables, "agents", "a000") | {"id": "settat", "stop": far["id"]})
    return "stops", far, "id"


@_plant
def operator_twice(tables: Tables) -> Place:
    tables["operator"].append(dict(tables["operator"][0], distance_m="1"))
    return "operator", tables["operator"][-1], ""


@_plant
def site_id_twice(tables: Tables) -> Place:
    tables["sites"].append(dict(_row(tables, "sites", "casa-1"), name="Another"))
    return "sites", tables["sites"][-1], "id"


@_plant
def site_without_seat(tables: Tables) -> Place:
    tables["seats"] = [row for row in tables["seats"] if row["zone"] != "tunis-1-z1"]
    return "sites", _row(tables, "sites", "tunis-1"), "id"


@_plant
def seat_in_the_same_spot(tables: Tables) -> Place:
    first, second = _row(tables, "seats", "rabat-1-s0"), _row(tables, "seats", "rabat-1-s1")
    second["x_m"], second["y_m"] = "0.1", first["y_m"]
    return "seats", second, "x_m"


@_plant
def seat_id_twice(tables: Tables) -> Place:
    tables["seats"].append(dict(_row(tables, "seats", "fes-1-s0")))
    return "seats", tables["seats"][-1], "id"


@_plant
def agent_id_twice(tables: Tables) -> Place:
    tables["agents"].append(dict(_row(tables, "agents", "a017")))
    return "agents", tables["agents"][-1], "id"


@_plant
def agent_with_a_kit_without_line(tables: Tables) -> Place:
    row = _row(tables, "agents", "a008")
    row["home_kit"] = "true"
    return "agents", row, "line_type"


@_plant
def site_without_kits(tables: Tables) -> Place:
    _row(tables, "agents", "a019").update(home_kit="true", line_type="fibre", carrier="Inwi")
    return "sites", _row(tables, "sites", "lyon-1"), "home_kits"


@_plant
def column_misspelt(tables: Tables) -> Place:
    for row in tables["clients"]:
        row["names"] = row.pop("name")
    return "clients", 1, "names"


@_plant
def column_unknown(tables: Tables) -> Place:
    for row in tables["floors"]:
        row["colour"] = "blue"
    return "floors", 1, "colour"


def _shift(name: str, of: str, column: str, start: str = "", end: str = "", **cells: str) -> None:
    """Register a plant that rewrites the first shift of one agent."""

    def plant(tables: Tables) -> Place:
        row = next(row for row in tables["shifts"] if row["agent"] == of)
        row |= {"start": start} if start else {}
        row |= {"end": end} if end else {}
        row |= cells
        return "shifts", row, column

    PLANTS[name] = plant


# a020 + n belongs to the site n of the clean operator: a028, a038, a048 to lille-1.
_shift("shift_ends_before_it_starts", "a020", "end", "2026-11-30T22:00", "2026-11-30T06:00")
_shift("shift_of_20_hours", "a021", "end", "2026-11-30T04:00", "2026-12-01T00:00")
_shift("shift_overlaps", "a022", "start", "2026-12-01T15:00", "2026-12-01T20:00")
_shift("shift_over_a_clock_change", "a028", "start", "2026-10-24T22:00", "2026-10-25T06:00")
_shift("shift_at_a_skipped_hour", "a038", "start", "2026-03-29T02:30", "2026-03-29T09:00")
_shift("shift_at_a_repeated_hour", "a048", "end", "2026-10-24T20:00", "2026-10-25T02:30")
_shift("shift_of_unknown_agent", "a023", "agent", agent="z999")
_shift("shift_break_longer", "a024", "break_minutes", end="2026-11-30T10:30", break_minutes="90")
_shift("shift_break_negative", "a025", "break_minutes", break_minutes="-30")
_shift("shift_start_not_a_time", "a026", "start", "lundi 8h")
_shift("shift_start_without_time_of_day", "a027", "start", "2026-11-30")
_shift("shift_day_not_in_the_calendar", "a029", "start", "2026-11-31T09:00")


@_plant
def shift_end_empty(tables: Tables) -> Place:
    row = next(row for row in tables["shifts"] if row["agent"] == "a030")
    row["end"] = ""
    return "shifts", row, "end"


@_plant
def shift_twice(tables: Tables) -> Place:
    row = next(row for row in tables["shifts"] if row["agent"] == "a031")
    tables["shifts"].append(dict(row))
    return "shifts", tables["shifts"][-1], "start"


def _history(tables: Tables, programme: str) -> list[dict[str, str]]:
    return [row for row in tables["history"] if row["programme"] == programme]


def _in_history(name: str, programme: str, at: int, column: str, value: str) -> None:
    def plant(tables: Tables) -> Place:
        row = _history(tables, programme)[at]
        row[column] = value
        return "history", row, column

    PLANTS[name] = plant


_in_history("history_of_unknown_programme", "prog-15", 3, "programme", "prog-1S")
_in_history("history_of_no_programme", "prog-16", 6, "programme", "")
_in_history("history_offered_negative", "prog-17", 3, "offered", "-4")
_in_history("history_answered_more", "prog-18", 3, "answered", "99")
_in_history("history_aht_zero", "prog-19", 3, "aht_s", "0")
_in_history("history_start_not_a_time", "prog-20", 3, "start", "16 nov. 10:30")
_in_history("history_between_intervals", "prog-21", 3, "start", "2026-11-16T10:37")


@_plant
def history_twice(tables: Tables) -> Place:
    tables["history"].append(dict(_history(tables, "prog-22")[4]))
    return "history", tables["history"][-1], "start"


def _remove(tables: Tables, gone: Iterable[dict[str, str]]) -> None:
    ids = {id(row) for row in gone}
    tables["history"] = [row for row in tables["history"] if id(row) not in ids]


@_plant
def history_with_a_gap(tables: Tables) -> Place:
    rows = _history(tables, "prog-23")
    _remove(tables, rows[8:10])
    return "history", rows[7], "start"


@_plant
def history_with_a_half_open_day(tables: Tables) -> Place:
    rows = _history(tables, "prog-24")
    _remove(tables, rows[-3:])
    return "history", rows[-4], "start"


@_plant
def history_with_a_hole(tables: Tables) -> Place:
    rows = _history(tables, "prog-25")
    _remove(tables, rows[12:48])
    return "history", rows[11], "start"


@_plant
def history_by_the_hour(tables: Tables) -> Place:
    rows = _history(tables, "prog-26")
    _remove(tables, rows[1::2])
    return "history", rows[0], "start"


@_plant
def history_in_utc(tables: Tables) -> Place:
    rows = _history(tables, "prog-27")
    for row in rows:
        row["start"] = moved(row["start"], -1)
    return "history", rows[0], "start"


@_plant
def history_five_hours_early(tables: Tables) -> Place:
    rows = _history(tables, "prog-28")
    for row in rows:
        row["start"] = moved(row["start"], 5)
    return "history", rows[0], "start"


THIRTY = (
    "operator_distance_negative",
    "site_id_twice",
    "site_id_is_home",
    "site_time_zone_unknown",
    "site_latitude_out_of_range",
    "site_coordinates_swapped",
    "floor_of_unknown_site",
    "zone_without_volume",
    "seat_in_the_same_spot",
    "seat_along_not_a_number",
    "client_without_programme",
    "programme_without_hours",
    "programme_aht_zero",
    "programme_patience_zero",
    "programme_without_allowed_site",
    "agent_of_unknown_site",
    "agent_skill_for_no_programme",
    "agent_without_skill",
    "agent_home_ready_without_line",
    "agent_truth_not_understood",
    "column_misspelt",
    "shift_ends_before_it_starts",
    "shift_overlaps",
    "shift_over_a_clock_change",
    "shift_at_a_skipped_hour",
    "history_twice",
    "history_with_a_gap",
    "history_in_utc",
    "permit_ends_before_it_starts",
    "contingency_of_unknown_carrier",
)


def planted(names: Iterable[str]) -> tuple[Tables, set[tuple[str, int, str]]]:
    """Return the clean operator with faults planted, and (table, row, column) of each."""
    tables = clean_tables()
    last = sorted(names, key=lambda name: name.startswith("column_"))  # they touch every row
    places = [PLANTS[name](tables) for name in last]
    expected = set()
    for table, row, column in places:
        if not isinstance(row, int):
            row = next(i for i, held in enumerate(tables[table], 2) if held is row)
        expected.add((table, row, column))
    return tables, expected


def main() -> None:
    folder = Path(sys.argv[1])
    tables, expected = planted(THIRTY)
    folder.mkdir(parents=True)
    for name, data in as_csv(tables).items():
        (folder / name).write_bytes(data)
    csv.writer(sys.stdout).writerows([("table", "row", "column"), *sorted(expected)])


if __name__ == "__main__":
    main()
