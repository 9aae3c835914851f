"""From the README to an allowed call with one's own consent."""

from __future__ import annotations

import re
import shlex
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.network.moments import zone
from releve.plugins.outbound.engine import built_in_rules, judge_call
from releve.plugins.outbound.engine.fact_files import TABLES
from releve.plugins.outbound.engine.fact_tables import build_facts, read_tables
from releve.plugins.outbound.engine.starter import build_starter

README = Path(__file__).resolve().parents[2] / "README.md"
PARIS = zone("Europe/Paris")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.mark.parametrize(
    ("now", "at"),
    [
        ("2026-11-24T10:30:00", "2026-11-24T10:30:00"),
        ("2026-11-24T13:00:00", "2026-11-24T14:00:00"),
        ("2026-11-24T23:59:59", "2026-11-25T10:00:00"),
        ("2026-11-28T12:00:00", "2026-11-30T10:00:00"),
        ("2026-12-24T20:00:00", "2026-12-28T10:00:00"),
        ("2027-03-27T20:00:00", "2027-03-30T10:00:00"),
    ],
)
def test_the_first_folder_allows_its_call_at_the_next_hour_of_calls(now: str, at: str) -> None:
    found = build_starter(datetime.fromisoformat(now).replace(tzinfo=PARIS), built_in_rules())
    assert found.call.at == datetime.fromisoformat(at).replace(tzinfo=PARIS)
    facts = build_facts(read_tables(found.files, whole=True))
    assert judge_call(found.call, facts, built_in_rules(), found.call.at).basis == "consent:C1"
    assert set(found.files) == {f"{table}.csv" for table in TABLES}


def test_the_readme_leads_to_an_allowed_call_with_an_own_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^releve (outbound start .*)$", README.read_text("utf-8"), re.MULTILINE)
    started = run(*shlex.split(command))
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed = run(*shlex.split(check), "--lang", "en")
    assert (allowed.exit_code, allowed.stdout[:9]) == (0, "Allowed: ")
    for file in (tmp_path / "my-facts").iterdir():
        text = file.read_text(encoding="utf-8")
        text = text.replace("+33199000001", "+33144556677").replace("example", "Azur")
        file.write_text(text.replace("P1", "ANNE-7"), encoding="utf-8")
    own = check.replace("+33199000001", "+33144556677").replace("--client example", "--client azur")
    assert run(*shlex.split(own), "--lang", "en").stdout.startswith("Allowed: +33144556677")


def test_a_verdict_in_french_has_the_spaces_of_french(tmp_path: Path) -> None:
    started = run("outbound", "start", str(tmp_path), "--at", "2026-11-24T10:30:00+01:00")
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed, refused = (run(*shlex.split(check.replace("11-24T", f"{day}T"))) for day in ("11-24", "11-28"))
    assert (allowed.exit_code, refused.exit_code) == (0, 1)
    assert "\nfondement\u202f: consentement C1\nregistre lu (tentatives)\u202f: " in allowed.stdout
    for text in (allowed.stdout, refused.stdout):
        assert not re.search(r"(?<!\u202f)[:;!?](?=\s|$)", text)


def test_a_folder_with_something_in_it_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    found = run("outbound", "start", str(tmp_path))
    assert (found.exit_code, [file.name for file in tmp_path.iterdir()]) == (2, ["notes"])


def test_a_check_without_facts_says_how_to_begin_and_one_with_facts_what_lacks(tmp_path: Path) -> None:
    words = ["outbound", "check", "+33144556677", "--client", "azur", "--object", "électricité",
             "--sector", "Fourniture d'énergie", "--at", "2026-11-24T10:30:00+01:00"]  # fmt: skip
    bare = run(*words, "--lang", "en")
    assert "no facts were given; next: releve outbound start FOLDER" in bare.stdout
    run("outbound", "start", str(tmp_path / "facts"), "--at", "2026-11-24T10:30:00+01:00")
    found = run(*words, "--lang", "en", "--facts", str(tmp_path / "facts"))
    assert "releve outbound start" not in found.stdout
    assert 'Record the person with their number (table "people", columns' in found.stdout
    assert '(table "registers"' not in found.stdout
    assert "table des personnes" in run(*words, "--facts", str(tmp_path / "facts")).stdout


@pytest.mark.parametrize(
    ("option", "word", "said"),
    [
        ("--object", "heatpumpe", "write 'heat-pump'"),
        ("--sector", "xyzzy", "releve outbound words sector"),
        ("--mode", "prédictivve", "write 'predictive'"),
        ("--purpose", "", "one of prospecting, service, survey"),
    ],
)
def test_an_unknown_word_is_refused_with_the_words_meant(option: str, word: str, said: str) -> None:
    values = {"--object": "gaz", "--sector": "energie", option: word}
    words = [part for pair in values.items() for part in pair]
    found = run("outbound", "check", "+33144556677", "--client", "azur", *words)
    assert found.exit_code == 2
    assert said in re.sub(r"\s+", " ", found.output)


@pytest.mark.parametrize("command", ["check", "screen", "replay"])
def test_a_command_on_a_folder_with_a_misnamed_table_stops_and_names_it(command: str, tmp_path: Path) -> None:
    folder, people = tmp_path / "facts", tmp_path / "people.csv"
    run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    (folder / "withdrawals.csv").rename(folder / "retraitz.csv")
    people.write_text("number\n+33199000001\n", encoding="utf-8")
    call = ["--client", "example", "--object", "electricity", "--sector", "energy-supply",
            "--caller", "+33162000001", "--facts", str(folder), "--lang", "en"]  # fmt: skip
    at = ["--at", "2026-11-24T10:30:00+01:00"]
    words = {
        "check": ["+33199000001", *at],
        "screen": [str(people), "--out", str(tmp_path / "out"), *at],
        "replay": [str(people), "--on", "2026-11-24"],
    }[command]
    found = run("outbound", command, *words, *call)
    assert found.exit_code == 2
    assert "retraitz.csv: not named like a table of facts; name it withdrawals." in found.output
    lenient = run("outbound", command, *words, *call, "--no-strict")
    assert lenient.exit_code == 0
    assert "retraitz.csv: not named like a table of facts, left out" in lenient.stderr
    assert "facts taken: people 1, consents 1, contracts 0" in lenient.stderr


def test_a_folder_within_the_folder_is_a_fault_and_a_hidden_file_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    (folder / ".DS_Store").write_bytes(b"x")
    words = ["outbound", "check", "+33199000001", "--client", "example", "--object", "gaz",
             "--sector", "energie", "--facts", str(folder)]  # fmt: skip
    assert run(*words).exit_code == 1
    (folder / "old").mkdir()
    assert "holds the folder old; move it away" in run(*words).output


def test_faults_are_printed_plainly_and_an_unknown_client_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    started = run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed = run(*shlex.split(check), "--lang", "en")
    assert "next allowed" not in allowed.stdout
    assert "no client is known" not in allowed.stderr
    other = shlex.split(check.replace("--client example", "--client 'Fibre Sud'"))
    found = run(*other, "--lang", "en")
    assert "no client is known as 'Fibre Sud'; the table clients holds: example" in found.stderr
    assert "next allowed" in found.stdout
    rows = "client,person,at\nexample,P1,soon\n"
    (folder / "withdrawals.csv").write_text(rows, encoding="utf-8")
    faulty = run(*shlex.split(check), "--lang", "en")
    assert faulty.exit_code == 2
    assert "Usage" not in faulty.output
    assert "withdrawals.csv, withdrawals, row 2, at “soon”: not a date and" in faulty.output
    assert "known_at" not in faulty.output
