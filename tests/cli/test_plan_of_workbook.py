"""An operator of 80 agents, typed into the French template, is planned at once."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import fastexcel
import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.cli.main import load_gettext
from releve.network.workbook import write_template
from tests.network.test_french import workbook

DAY = date(2026, 11, 30)
SITES = (
    ("CASA", "Casablanca", "Maroc", "Casablanca", "Africa/Casablanca", 33.57, -7.59, 40),
    ("TUN", "Tunis Lac", "Tunisie", "Tunis", "Africa/Tunis", 36.84, 10.24, 30),
    ("LIL", "Lille", "France", "Lille", "Europe/Paris", 50.63, 3.06, 30),
)
WORK = (
    ("sinistres", "azur", "Sinistres auto", 320, 14),
    ("accueil", "azur", "Accueil", 150, 16),
    ("support", "box", "Support technique", 420, 10),
    ("ventes", "mode", "Service commandes", 240, 8),
)


def typed_rows() -> dict[str, list[dict[str, object]]]:
    """Return what a person types, sheet by sheet, under the headers of the template."""
    names = [row[0] for row in WORK]
    agents = [
        {
            "Code du téléconseiller": f"tc{n:03}",
            "Site de rattachement": SITES[n % 3][0],
            "Compétences": f"{names[n % 4]}, {names[(n + 1) % 4]}",
            "Prêt au télétravail": "oui" if n % 3 else "non",
            "Ligne à domicile": "fibre" if n % 3 else None,
            "Opérateur de la ligne": ("Orange", "Inwi")[n % 2] if n % 3 else None,
            "Transport personnel": "oui",
        }
        for n in range(80)
    ]
    heads = ("Code du site", "Nom", "Pays", "Ville", "Fuseau horaire", "Latitude", "Longitude")
    return {
        "Prestataire": [{"Nom": "Atlas Relation Client"}],
        "Sites": [dict(zip((*heads, "Nombre de positions"), row, strict=True)) for row in SITES],
        "Donneurs d’ordre": [
            {"Code du donneur d’ordre": code, "Nom": code.title()} for code in ("azur", "box", "mode")
        ],
        "Opérations": [
            {
                "Code de l’opération": code,
                "Donneur d’ordre": client,
                "Nom": name,
                "Type": "appels entrants",
                "Horaires d’ouverture": "Lun-Ven 9h-17h",
                "DMT (s)": aht,
                "Lieu de travail": "télétravail possible",
            }
            for code, client, name, aht, _ in WORK
        ],
        "Téléconseillers": agents,
        "Vacations": [
            {"Téléconseiller": agent["Code du téléconseiller"], "Date": DAY, "Début": time(9), "Fin": time(17)}
            for agent in agents
        ],
        "Historique": [
            {"Opération": code, "Date": day, "Début": time(hour, minute), "Reçus": calls + (hour + day.day) % 3}
            for code, *_, calls in WORK
            for day in (DAY - timedelta(days=n) for n in range(28, 0, -1))
            if day.weekday() < 5
            for hour in range(9, 17)
            for minute in (0, 30)
        ],
    }


def fill_template(rows: dict[str, list[dict[str, object]]]) -> bytes:
    """Return the template with rows under its own headers."""
    book = fastexcel.read_excel(write_template("fr", load_gettext("fr")))
    sheets = {}
    for name in book.sheet_names[1:]:
        header = book.load_sheet(name, header_row=None, dtypes="string").to_polars().row(0)
        assert {key for row in rows.get(name, ()) for key in row} <= set(header), name
        typed = [[row.get(key) for key in header] for row in rows.get(name, ())]
        sheets[name] = [list(header), *typed]
    return workbook(sheets)


@pytest.mark.slow
def test_a_workbook_of_80_agents_is_checked_and_planned_with_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "atlas.xlsx"
    file.write_bytes(fill_template(typed_rows()))
    checked = CliRunner().invoke(main, ["network", "check", str(file)])
    assert checked.exit_code == 0, checked.output
    assert "100" in next(line for line in checked.output.splitlines() if "  positions" in line)
    planned = CliRunner().invoke(main, ["plan", str(file), "--no-missing", "--json"])
    assert planned.exit_code == 0, planned.output
    assert '"CASA"' in planned.stdout
    assert '"usable_seats"' in planned.stdout
