"""A telephony export is recognised by its headers; dates are read as in operator folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.cli.main import load_gettext
from releve.demand import import_log, parse_mapping
from releve.demand.call_log_file import read_log, recognize_log
from releve.demand.import_report import describe_import_fault, group_import_faults

CALLS = (
    "Date;Heure;File d'attente;Statut;Temps d'attente;Durée\n"
    "14/09/2026;08:15;Sinistres;Répondu;00:00:04;00:05:10\n"
    "14/09/2026;08h20;Sinistres;Abandonné;00:01:02;\n"
    "14/09/2026;09:05;Accueil;Répondu;00:00:00;00:01:35\n"
)


def test_a_start_in_two_columns_and_durations_in_clock_form_are_read() -> None:
    mapping = recognize_log(read_log("calls.csv", CALLS.encode()).frame)
    assert mapping is not None
    assert mapping["start"] == ["Date", "Heure"]
    assert mapping["answered"] == ["Répondu"]
    assert mapping["programmes"] == {"Sinistres": "sinistres", "Accueil": "accueil"}
    zone = mapping.pop("time_zone")
    report = import_log("calls.csv", CALLS.encode(), parse_mapping(mapping), zone)
    assert report.faults == ()
    assert report.rows.used == 3
    assert [history.offered.sum() for history in report.histories] == [2, 1]
    assert report.histories[0].aht_s[0] == 310
    assert report.patience_s == {"sinistres": 66}


@pytest.mark.parametrize("text", ["14/09/2026 08:15", "14/09/2026 8h15", "2026-09-14 08:15:00"])
def test_a_call_log_reads_the_dates_that_an_operator_folder_reads(text: str) -> None:
    data = f"came in;queue\n{text};a\n".encode()
    mapping = parse_mapping({"start": "came in", "programme": "queue", "programmes": {"a": "a"}})
    report = import_log("calls.csv", data, mapping, "Europe/Paris")
    assert report.faults == ()
    assert report.rows.used == 1


def test_a_format_that_is_wrong_in_every_row_is_one_fault_that_counts_them() -> None:
    rows = "".join(f"le {n % 28 + 1} septembre;a;{n}\n" for n in range(400))
    mapping = parse_mapping({"start": "came in", "programme": "queue", "programmes": {"a": "a"}})
    report = import_log("c.csv", f"came in;queue;n\n{rows}".encode(), mapping, "Europe/Paris")
    (fault,) = group_import_faults(report.faults)
    assert (fault.row, fault.count) == (2, 400)
    where = "400 rows (for example row 2), came in “le 1 septembre”: no time of day can be read"
    assert str(fault).startswith(where)
    french = describe_import_fault(fault, load_gettext("fr"), "fr")
    assert french.startswith("400 lignes (par exemple ligne 2), came in «")


def test_a_start_that_is_neither_one_nor_two_columns_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="`start` is one column, or two"):
        parse_mapping({"start": ["a", "b", "c"], "programmes": {"x": "x"}})


def test_the_command_shows_the_mapping_and_imports_on_a_yes(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "history.csv"
    file.write_text(CALLS, encoding="cp1252")
    command = ["demand", "import", str(file), "--out", str(out)]
    no = CliRunner().invoke(main, command, input="n\n")
    assert no.exit_code == 1
    assert not out.exists()
    yes = CliRunner().invoke(main, [*command, "--yes"])
    assert yes.exit_code == 0, yes.output
    assert 'start = ["Date", "Heure"]' in yes.stderr
    assert "sinistres" in yes.stdout
    strange = tmp_path / "strange.csv"
    strange.write_text("a;b\n1;2\n", encoding="utf-8")
    refused = CliRunner().invoke(main, ["demand", "import", str(strange)])
    assert refused.exit_code == 2
    assert "give --mapping" in refused.stderr


def test_a_french_log_is_reported_in_french_and_gives_a_french_history(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "historique.csv"
    broken = CALLS + "demain;08:15;Accueil;Répondu;00:00:04;00:05:10\n"
    file.write_text(broken, encoding="cp1252")
    command = ["demand", "import", str(file), "--yes", "--out", str(out), "--force"]
    french = CliRunner().invoke(main, command).stdout.replace("\u202f", " ")
    for line in (
        "erreur : ligne 5, Date + Heure « demain 08:15 » : aucune heure ne peut y être lue ;"
        " la ligne est mise de côté ; écrivez-la comme 05/10/2026 08:00",
        "lignes lues : 4, retenues : 3, mises de côté (heure illisible) : 1",
        "accueil : aucun appelant n’a raccroché : patience inconnue, 100,0 % servis en 20 s",
    ):
        assert line in french, french
    head, first, *_ = out.read_text(encoding="utf-8-sig").splitlines()
    assert head == "Opération;Début;Reçus;Décrochés;DMT (s)"
    assert first == "sinistres;2026-09-14T06:00+00:00;2;1;310"
    english = CliRunner().invoke(main, [*command, "--lang", "en"]).stdout
    assert "4 rows read, 3 used, 1 set aside (time not read)" in english
