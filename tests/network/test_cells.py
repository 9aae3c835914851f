"""Cells: as people read and write them, in French Excel too, and rounded to a decimal grid."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from releve import network
from releve.cli.main import load_gettext
from releve.network.cell_text import format_for_form, format_for_reader, read_form_value
from releve.network.columns import TableColumn, TableRow, column, list_options
from releve.network.folder_reader import OPERATOR, RawTable
from releve.network.history_grid import round_to_grid
from releve.network.parsing import BAD, parse_table
from releve.network.table_words import Naming, TableForm, find_table, map_value_spellings, name_unit
from tests.network.clean_tables import as_csv, clean_tables


def find_column(table: str, name: str) -> TableColumn:
    (kind,) = [kind for kind in network.TABLES if kind.table == table]
    (found,) = [column for column in network.list_columns(kind) if column.name == name]
    return found


@pytest.mark.parametrize(
    ("typed", "language", "read"),
    [
        ("1 234,5", "fr", "1234.5"),
        ("1\u202f234", "fr", "1234"),
        ("-0,25", "fr", "-0.25"),
        ("1.5", "fr", "1.5"),
        ("douze", "fr", "douze"),
        ("1,5", "en", "1,5"),
    ],
)
def test_a_number_typed_in_french_has_a_point_in_the_file(typed: str, language: str, read: str) -> None:
    assert read_form_value(find_column("sites", "lat"), typed, language) == read


def test_a_comma_in_a_text_stays() -> None:
    assert read_form_value(find_column("sites", "name"), "1,5", "fr") == "1,5"


def test_a_time_is_shown_to_the_minute_and_kept_with_its_offset_in_a_field() -> None:
    column, at = find_column("shifts", "start"), datetime(2026, 11, 30, 8, tzinfo=UTC)
    shown = {one: format_for_reader("shifts", column, at, "Europe/Paris", one) for one in ("fr", "en")}
    assert shown == {"fr": "30/11/2026 09:00", "en": "2026-11-30 09:00"}
    assert format_for_form("shifts", column, at, "Europe/Paris", "fr") == "2026-11-30T09:00+01:00"
    assert format_for_reader("shifts", column, None, "UTC", "fr") == ""


def test_a_choice_is_shown_by_its_label_and_held_by_its_id() -> None:
    column = find_column("programmes", "kind")
    assert "back_office" in list_options(column)
    assert format_for_form("programmes", column, "back_office", "UTC", "fr") == "back_office"
    assert format_for_reader("programmes", column, "back_office", "UTC", "fr") != "back_office"
    assert list_options(find_column("agents", "home_ready")) == ("true", "false")
    assert list_options(find_column("sites", "name")) == ()


def test_a_unit_is_called_by_its_sign_or_its_word() -> None:
    assert [name_unit(unit) for unit in ("EUR", "share", "km")] == ["€", "share from 0 to 1", "km"]
    assert name_unit("") == ""


@dataclass(frozen=True, slots=True)
class Counted(TableRow):
    table: ClassVar[str] = "counted"
    doc: ClassVar[str] = "Something counted."

    count: int = column("Count", example="3", at_least=0)
    spare: int | None = column("Spare", example="1", default=None)


def test_whole_numbers_are_whole_and_empty_ones_take_their_default() -> None:
    cells = pl.DataFrame({"count": ["3", "2.5", "-1", None, "x"], "spare": ["7", None] + ["1"] * 3})
    names = {name: Naming(name, name) for name in cells.columns}
    form = TableForm("counted", Naming("counted", "comptés"), network.list_columns(Counted), names)
    raw = RawTable(form, cells, np.arange(2, 7), frozenset(), comma_decimals=False)
    table, faults = parse_table(raw)
    assert table.values["count"] == [3, BAD, BAD, BAD, BAD]
    assert table.values["spare"] == [7, None, 1, 1, 1]
    assert [(fault.row, fault.reason) for fault in faults] == [
        (3, "is not a whole number"),
        (4, "must be at least 0"),
        (5, "is empty"),
        (6, "is not a number"),
    ]
    assert repr(BAD) == "BAD"


NOISE = 1e-12


def test_noise_below_the_grid_does_not_pass() -> None:
    values = np.random.default_rng(1).uniform(0.0, 3000.0, 20_000)
    noise = np.random.default_rng(2).uniform(-NOISE, NOISE, values.size)
    assert (values + noise != values).any()
    assert round_to_grid(values).tobytes() == round_to_grid(values + noise).tobytes()


@pytest.mark.parametrize("decimals", [3, 6, 9])
def test_simple_fractions_and_ordinary_ties_are_far_from_an_edge(decimals: int) -> None:
    """Means and halves would lie on the edges of ordinary rounding, where noise decides."""
    steps = 10**decimals
    simple = [k / parts / steps for parts in range(1, 9) for k in range(2 * parts)]
    values = np.array([*simple, *(1 / 2**k for k in range(1, 40))])
    margin = 0.005 / steps
    assert (round_to_grid(values - margin, decimals) == round_to_grid(values + margin, decimals)).all()


def test_a_tie_of_ordinary_rounding_goes_one_way_whatever_the_noise() -> None:
    tie = 0.0078125
    assert len({round(tie + noise, 6) for noise in (-NOISE, NOISE)}) == 2
    assert set(round_to_grid([tie - NOISE, tie, tie + NOISE]).tolist()) == {0.007813}


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_value_moves_by_less_than_a_step_and_then_no_more(value: float, decimals: int) -> None:
    once = round_to_grid(value, decimals)
    assert abs(float(once) - value) <= 0.62 * 10.0**-decimals + 1e-7 * (decimals > 5)
    assert round_to_grid(once, decimals).tobytes() == once.tobytes()


@given(st.integers(-(10**12), 10**12))
def test_decimals_of_the_grid_are_read_back_as_they_are_written(steps: int) -> None:
    value = float(f"{steps // 10**6}.{steps % 10**6:06d}") if steps >= 0 else steps / 10**6
    assert float(round_to_grid(value)) == value


def test_what_is_not_known_stays_so_and_zero_has_no_sign() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, -1e-12]])
    rounded = round_to_grid(values)
    assert rounded.shape == (2, 2)
    assert np.isnan(rounded[0, 0])
    assert rounded[0, 1] == np.inf
    assert rounded[1, 0] == -np.inf
    assert not np.signbit(rounded[1, 1])


def test_values_coarser_than_the_grid_pass() -> None:
    assert float(round_to_grid(2.0**60 + 2.0**10)) == 2.0**60 + 2.0**10


def test_a_grid_of_no_or_too_many_decimals_is_refused() -> None:
    for decimals in (-1, 16):
        with pytest.raises(ValueError, match=f"decimals must be from 0 to 15, got {decimals}"):
            round_to_grid(1.0, decimals)


Rows = Sequence[Sequence[object]]


def workbook(sheets: Mapping[str, Rows]) -> bytes:
    """Return a workbook of rows as Excel holds them: the first row of a sheet is its header."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        formats = {
            kind: book.add_format({"num_format": text})
            for kind, text in ((datetime, "dd/mm/yyyy hh:mm"), (date, "dd/mm/yyyy"), (time, "hh:mm"))
        }
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, datetime | date | time):
                        sheet.write_datetime(r, c, value, formats[type(value)])
                    elif isinstance(value, str):
                        sheet.write_string(r, c, value)
                    elif value is not None:
                        sheet.write(r, c, value)
    return out.getvalue()


def plain(text: str) -> str:
    """Return a text with plain blanks."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def small_book() -> dict[str, list[list[object]]]:
    """Return a French workbook without a fault, as one writes it by hand."""
    return {
        "Prestataire": [["Nom", "Fuseau horaire"], ["Atlas", "Europe/Paris"]],
        "Sites": [
            ["Code du site", "Nom", "Pays", "Ville", "Fuseau horaire", "Latitude", "Longitude", "Nombre de positions"],
            ["casa", "Casablanca", "Maroc", "Casablanca", "Africa/Casablanca", 33.53, -7.65, 20],
            ["lille", "Lille", "france", "Lille", "Europe/Paris", "50,63", "3,06", 10],
        ],
        "Donneurs d’ordre": [["Code", "Nom"], ["azur", "Azur"]],
        "Opérations": [
            [
                "Code",
                "Donneur d'ordre",
                "Nom",
                "Type",
                "Horaires d'ouverture",
                "DMT (s)",
                "Langues",
                "Qualité de service visée",
                "Lieu de travail",
            ],
            [
                "sinistres",
                "azur",
                "Sinistres",
                "Appels entrants",
                "Lun-Ven 8h-20h ; Sam 9h-18h",
                320,
                "français",
                "80 %",
                "Télétravail possible",
            ],
            [
                "accueil",
                "azur",
                "Accueil",
                "appels  entrants",
                "du lundi au vendredi de 8h à 18h",
                "95,5",
                "fr, anglais",
                0.8,
                "SUR SITE",
            ],
        ],
        "Téléconseillers": [
            [
                "Matricule",
                "Site de rattachement",
                "Compétences",
                "Prêt au télétravail",
                "Ligne à domicile",
                "Opérateur de la ligne",
            ],
            ["a1", "casa", "sinistres, accueil", "oui", "Fibre", "Inwi"],
            ["a2", "casa", "sinistres|accueil", "Non", None, None],
            ["a3", "lille", "accueil; sinistres", None, None, None],
        ],
        "Vacations": [
            ["Téléconseiller", "Date", "Début", "Fin", "Pause repas (min)"],
            ["a1", date(2026, 11, 30), time(8, 0), time(16, 30), 30],
            ["a2", "30/11/2026", "8h", "16h30", 30],
            ["a3", date(2026, 11, 30), "22:00", "06:00", 30],
        ],
    }


def read_book(sheets: Mapping[str, Rows]) -> network.Operator:
    return network.read_operator({"plan.xlsx": workbook(sheets)})


def faults_of(sheets: Mapping[str, Rows]) -> tuple[network.Fault, ...]:
    return network.find_faults({"plan.xlsx": workbook(sheets)})[1]


def test_french_sheets_headers_words_days_and_dates_are_read() -> None:
    operator = read_book(small_book())
    sinistres, accueil = operator.programmes
    assert operator.sites[1].destination == "FR"
    assert operator.sites[1].lat == 50.63
    assert (sinistres.kind, sinistres.place, sinistres.languages) == ("inbound", "home_allowed", ("fr",))
    assert (sinistres.opening, sinistres.service_target) == ("Mon-Fri 08:00-20:00; Sat 09:00-18:00", 0.8)
    assert (accueil.aht_s, accueil.languages, accueil.place) == (95.5, ("fr", "en"), "site_only")
    assert [agent.skills for agent in operator.agents] == [
        ("sinistres", "accueil"),
        ("sinistres", "accueil"),
        ("accueil", "sinistres"),
    ]
    assert operator.agents[0].line_type == "fibre"


def test_a_day_and_times_in_columns_of_their_own_make_shifts() -> None:
    shifts = read_book(small_book()).shifts
    assert [(s.start.isoformat(), s.end.isoformat()) for s in shifts] == [
        ("2026-11-30T08:00:00+00:00", "2026-11-30T16:30:00+00:00"),
        ("2026-11-30T08:00:00+00:00", "2026-11-30T16:30:00+00:00"),
        ("2026-11-30T21:00:00+00:00", "2026-12-01T05:00:00+00:00"),
    ]


@pytest.mark.parametrize(
    "text",
    ["14/09/2026 08:15", "14/09/2026 8h15", "14-09-2026 08:15", "14.09.2026 à 8h15", 46279.34375,
     "46279,34375", "2026-09-14T08:15", datetime.fromisoformat("2026-09-14T08:15")],
)  # fmt: skip
def test_a_time_in_one_cell_is_read_however_it_is_written(text: object) -> None:
    book = small_book()
    book["Vacations"] = [["Téléconseiller", "Début", "Fin"], ["a3", text, "14/09/2026 16:00"]]
    assert read_book(book).shifts[0].start.isoformat() == "2026-09-14T06:15:00+00:00"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("lun-ven 8h-20h", "Mon-Fri 08:00-20:00"),
        ("Lundi, mercredi et jeudi 8h30-12h, 14h-18h",
         "Mon 08:30-12:00; Mon 14:00-18:00; Wed 08:30-12:00; Wed 14:00-18:00;"
         " Thu 08:30-12:00; Thu 14:00-18:00"),
        ("du lundi au samedi : 9h00 – 19h00 ; dimanche fermé", "Mon-Sat 09:00-19:00"),
        ("7j/7 24h/24", "Mon-Sun 00:00-24:00"),
        ("tous les jours de 8h à 22h", "Mon-Sun 08:00-22:00"),
        ("monday-friday 8:00-20:00", "Mon-Fri 08:00-20:00"),
    ],
)  # fmt: skip
def test_opening_hours_are_read_in_french(text: str, canonical: str) -> None:
    assert network.parse_opening(text) == network.parse_opening(canonical)
    book = small_book()
    book["Opérations"][1][4] = text
    assert read_book(book).programmes[0].opening == canonical


def test_a_blank_sheet_of_a_template_leaves_room_for_the_same_table_as_a_file() -> None:
    book = small_book() | {"Historique": [["Opération", "Date", "Début", "Reçus"]]}
    history = "Opération;Date;Heure;Reçus\nsinistres;16/11/2026;08:00;12\n"
    files = {"plan.xlsx": workbook(book), "history.csv": history.encode("cp1252")}
    (fault,) = network.find_faults(files)[1]
    assert (fault.table, fault.row) == ("history", 2)


def test_a_misspelt_sheet_is_named_once_with_its_mend() -> None:
    book = small_book()
    book["Effectifs 2026"] = book.pop("Téléconseillers")
    (fault,) = faults_of(book)
    assert (fault.table, fault.fix) == ("Effectifs 2026", "name it agents")
    assert fault.fix.translate_with(str, "fr") == "name it Téléconseillers"


def test_a_header_in_another_unit_is_refused() -> None:
    book = small_book()
    book["Opérations"][0][5] = "DMT (min)"
    (fault,) = faults_of(book)
    assert fault.reason == "the column is headed in min, but is read in s"


def test_a_day_that_is_no_date_is_one_fault_of_its_row() -> None:
    book = small_book()
    book["Vacations"][1][1] = "lundi"
    (fault,) = faults_of(book)
    assert (fault.table, fault.row, fault.column, fault.value) == ("shifts", 2, "date", "lundi")


def test_values_that_must_be_one_of_a_list_are_named_in_french() -> None:
    book = small_book()
    book["Opérations"][1][3] = "appels entrant"
    (fault,) = faults_of(book)
    assert fault.reason == "must be one of appels entrants, appels sortants, back-office"
    assert fault.fix == "write appels entrants"


def test_no_two_tables_columns_or_words_share_a_spelling() -> None:
    for table, rows in clean_tables().items():
        assert find_table(table) == table
        for name in rows[0]:
            assert OPERATOR.forms[table].find_column(name) == name
            map_value_spellings(table, name)
    assert find_table("TELECONSEILLERS ") == "agents"


def test_seats_by_number_make_a_site_with_seats() -> None:
    operator = read_book(small_book())
    assert operator.seats == ()
    assert len(operator.all_seats) == 30
    assert operator.all_seats[0].id == "casa-001"
    assert {operator.site_of_zone[seat.zone] for seat in operator.all_seats} == {"casa", "lille"}


def test_a_distance_rule_needs_the_places_of_the_seats() -> None:
    book = small_book()
    book["Prestataire"] = [["Nom", "Distance entre positions (m)"], ["Atlas", "1,5"]]
    (fault,) = faults_of(book)
    assert (fault.table, fault.column) == ("operator", "distance_m")
    assert "20 of casa have no x and y" in fault.reason


def test_a_number_of_seats_beside_listed_ones_is_a_fault() -> None:
    tables = clean_tables()
    tables["sites"][0]["seats"] = "12"
    (fault,) = network.find_faults(as_csv(tables))[1]
    assert (fault.table, fault.row, fault.column) == ("sites", 2, "seats")


def test_faults_of_one_cause_are_said_once_with_a_count_and_an_example() -> None:
    book = small_book()
    row = book["Vacations"][1]
    book["Vacations"] = [book["Vacations"][0], *([*row[:2], "8 heures", *row[3:]] for _ in range(40))]
    faults = faults_of(book)
    sentences = network.describe_faults(faults, load_gettext("fr"), "fr")
    assert len(faults) == 40
    assert len(sentences) == 1
    assert "Vacations, 40 lignes (par exemple ligne 2), Début « 8 heures »" in plain(sentences[0])
