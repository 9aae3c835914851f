"""``releve outbound screen``, and from the README to an allowed call with one's own consent."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.network.moments import zone
from releve.plugins.outbound.commands import facts as command
from releve.plugins.outbound.engine.errors import ListFault
from releve.plugins.outbound.engine.fact_files import TABLES, escape_cell, escape_column
from releve.plugins.outbound.engine.fact_tables import build_facts, read_tables
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.list_rows import read_header, read_rows
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.starter import build_starter
from releve.plugins.outbound.engine.verdict import judge_call
from tests.outbound.people import people_of
from tests.outbound.table import CALLER, CLIENT

AT = "2026-11-24T11:00:00+01:00"
CALL = Call(CLIENT, "", datetime.fromisoformat(AT), "electricity", CALLER, sector="energy-supply")
OPTIONS = ["--client", CLIENT, "--at", AT, "--object", "electricity", "--caller", CALLER]
OPTIONS += ["--sector", "energy-supply"]


def screened(path: Path, out: Path, *more: str) -> Result:
    command = ["outbound", "screen", str(path), "--out", str(out), *OPTIONS, *more]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def cells_of(path: Path, separator: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=separator))


def outcome_of(out: Path) -> dict[str, bytes]:
    assert not (out / "chunks").exists()
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """Facts about forty random people, as Parquet; ``people.csv`` beside them is the list."""
    rows, frames = people_of(40, CALL.at, 5, slips=False)
    folder = tmp_path / "facts"
    folder.mkdir()
    for name, frame in frames.items():
        frame.drop("unreadable", strict=False).write_parquet(folder / f"{name}.parquet")
    rows.write_csv(tmp_path / "people.csv")
    return folder


def test_every_row_is_in_one_list_with_the_verdict_of_the_plain_engine(facts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = screened(tmp_path / "people.csv", out, "--facts", str(facts), "--chunk", "25")
    assert given.exit_code == 0, given.output
    found = [*cells_of(out / "callable.csv"), *cells_of(out / "refused.csv")]
    assert sorted(int(row["line"]) for row in found) == list(range(2, 42))
    frames = {file.stem: pl.read_parquet(file) for file in facts.glob("*.parquet")}
    frames["consents"] = frames["consents"].with_columns(unreadable=pl.lit(""))
    known, rules = build_facts(frames), built_in_rules()
    for row in found:
        who = {name: row[name] for name in ("number", "person", "address", "callee")}
        one = judge_call(replace(CALL, **who), known, rules, CALL.at)
        said = (row["allowed"], row["legal"], row["rules"], row["basis"])
        flags = (str(one.allowed).lower(), str(one.legal).lower())
        assert said == (*flags, "|".join(one.rules), one.basis), row
        following = row["next_allowed"] and datetime.fromisoformat(row["next_allowed"])
        assert (following or None) == one.next_allowed
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert sum(summary["rows"].values()) == 40
    assert {"fr", "en", "rows"} == set(summary["by_rule"]["FR-OPTIN-1"])
    assert " / " in summary["by_rule"]["FR-OPTIN-1"]["en"]


def test_a_french_list_in_cp1252_is_understood(tmp_path: Path) -> None:
    path, out = tmp_path / "liste.csv", tmp_path / "out"
    text = 'Nom;Téléphone;Code postal\r\n"Élodie; dite ""Lo""";01 44 55 66 77;75001\r\n'
    path.write_bytes(text.encode("cp1252"))
    assert screened(path, out).exit_code == 0
    (row,) = cells_of(out / "refused.csv", ";")
    assert (row["Nom"], row["international"]) == ('Élodie; dite "Lo"', "+33144556677")
    assert row["Code postal"] == "75001"


FORMULAS = ("=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1")


def test_no_cell_of_a_list_becomes_a_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    path, out = tmp_path / "list.csv", tmp_path / "out"
    rows = [f"+33 1 44 55 66 7{n};{cell}" for n, cell in enumerate(FORMULAS)]
    broken = [f"{cell};too;many" for cell in FORMULAS]
    path.write_text("\n".join(["number;=note", *rows, *broken]), encoding="utf-8")
    assert screened(path, out).exit_code == 0
    given = cells_of(out / "refused.csv", ";")
    assert [row["'=note"] for row in given] == [f"'{cell}" for cell in FORMULAS]
    assert [row["number"] for row in given] == [f"+33 1 44 55 66 7{n}" for n in range(5)]
    assert [row["international"] for row in given] == [f"+3314455667{n}" for n in range(5)]
    shown = [row["text"] for row in cells_of(out / "broken.csv", ";")]
    assert shown == [f"'{line}" for line in broken]
    for name in command.LISTS:
        lines = (out / f"{name}.csv").read_text("utf-8").splitlines()
        cells = [cell for row in csv.reader(lines, delimiter=";") for cell in row]
        assert not any(cell.startswith(tuple("=-@\t")) for cell in cells)


@pytest.mark.parametrize("value", [*FORMULAS, "+33 1 44", "plain", "", "é=1", "+1(2)", None, 3])
def test_a_cell_is_made_harmless_alike_alone_and_in_a_column(value: object) -> None:
    frame = pl.DataFrame({"text": [value]}, strict=False, schema={"text": pl.String})
    whole = frame.select(escape_column("text"))["text"][0]
    assert (whole or "") == str(escape_cell(value))


BROKEN = {
    b"only one cell": "1 cells",
    b"+33144556677,P1,extra": "3 cells",
    b'"+33144556677,P1': "not closed",
    b"+3314455\x006677,P1": "neither UTF-8",
    b"\x81\x8d,P1": "neither UTF-8",
    b" ,P1": "number is empty",
}


def test_one_row_in_a_hundred_broken_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [f"+331445{n:05},P{n}".encode() for n in range(1200)]
    bad = {50 + 100 * k: line for k, line in enumerate([*BROKEN, *BROKEN])}
    for place, line in bad.items():
        lines[place] = line
    path, out = tmp_path / "list.csv", tmp_path / "out"
    path.write_bytes(b"\n".join([b"number,person", *lines, b"", b"\r"]))
    given = screened(path, out, "--chunk", "500", "--lang", "en")
    assert given.exit_code == 0
    assert "broken rows: 12" in given.output
    broken = cells_of(out / "broken.csv")
    assert [int(row["line"]) for row in broken] == [place + 2 for place in bad]
    for row, reason in zip(broken, [*BROKEN.values()] * 2, strict=True):
        assert reason in row["reason"]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["rows"] == {"callable": 0, "refused": 1188, "broken": 12, "blank": 2}
    assert sum(summary["by_fault"].values()) == 12


def test_each_line_of_a_list_is_in_exactly_one_part(tmp_path: Path) -> None:
    kinds = (b"+33144556677", b"", b"  \r", b"no number;at;all", b";", b"0144556678", b'"')
    lines = [kinds[n * n % len(kinds)] for n in range(500)]
    path, out = tmp_path / "list.csv", tmp_path / "out"
    path.write_bytes(b"\n".join([b"number;note", *lines]) + b"\n")
    given = screened(path, out, "--chunk", "90", "--lang", "en")
    counts = json.loads((out / "summary.json").read_text(encoding="utf-8"))["rows"]
    assert sum(counts.values()) == len(lines)
    assert counts["blank"] == sum(not line.strip() for line in lines)
    assert f"blank rows: {counts['blank']}" in given.output


def test_a_callee_that_is_none_breaks_its_row_alone() -> None:
    head = read_header(b"number,callee\n", ())
    rows, broken, _ = read_rows(head, [b"+33144556677,martian\n", b"+33144556677,business\n"], 2)
    assert rows["line"].to_list() == [3]
    assert "martian" in broken["reason"][0]


def test_a_line_without_end_is_one_broken_row() -> None:
    head = read_header(b"number\n", ())
    rows, broken, _ = read_rows(head, [b"1" * 20_000, b"+33144556677\n"], 2)
    assert rows["line"].to_list() == [3]
    assert len(broken["text"][0]) == 200


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"name;mobil\n", "no column number"),
        (b"number,number\n", "twice"),
        (b"number,allowed\n", "written here"),
        ("number\n".encode("utf-16"), "save the list as CSV"),
        (b"", "the first line is empty"),
    ],
)
def test_a_list_that_names_nobody_is_refused_with_its_fix(first: bytes, said: str) -> None:
    with pytest.raises(ListFault, match=said):
        read_header(first, ("line", "allowed"))


def test_a_list_without_rows_gives_empty_lists(tmp_path: Path) -> None:
    path, out = tmp_path / "list.csv", tmp_path / "out"
    path.write_text("number\n", encoding="utf-8")
    assert screened(path, out).exit_code == 0
    assert [cells_of(out / f"{name}.csv") for name in command.LISTS] == [[], [], []]


@pytest.mark.slow
def test_what_was_killed_goes_on_and_does_no_chunk_twice(
    facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, more = tmp_path / "people.csv", ("--facts", str(facts), "--chunk", "10")
    assert screened(path, tmp_path / "whole", *more).exit_code == 0
    out, judged, real = tmp_path / "out", [], command.read_rows

    def killed(head: object, lines: list[bytes], first: int) -> object:
        judged.append(first)
        if len(judged) == 3:
            draft = out / "chunks" / ".000002-killed"
            draft.mkdir()
            (draft / "callable.csv").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt
        return real(head, lines, first)

    monkeypatch.setattr(command, "read_rows", killed)
    assert screened(path, out, *more).exit_code != 0
    assert not (out / "summary.json").exists()
    assert screened(path, out, *more).exit_code == 0
    assert judged == [2, 12, 22, 22, 32]
    assert outcome_of(out) == outcome_of(tmp_path / "whole")
    assert screened(path, out, *more).exit_code == 0
    assert len(judged) == 5


def test_a_folder_of_another_screening_or_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("number\n+33144556677\n", encoding="utf-8")
    assert screened(path, tmp_path / "out").exit_code == 0
    before = outcome_of(tmp_path / "out")
    given = screened(path, tmp_path / "out", "--campaign", "another")
    assert (given.exit_code, outcome_of(tmp_path / "out")) == (2, before)
    assert "another list, call or facts" in given.output
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    assert "holds no screening" in screened(path, tmp_path / "mine").output


def test_progress_is_said_on_the_error_output_once_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("number\n" + "+33144556677\n" * 4, encoding="utf-8")
    assert screened(path, tmp_path / "quick").stderr == ""
    monkeypatch.setattr("releve.plugins.outbound.commands.facts._QUIET_SECONDS", -1.0)
    given = screened(path, tmp_path / "slow", "--chunk", "2")
    assert given.stderr.splitlines() == [" 56%  2 rows", "100%  4 rows"]


@pytest.mark.slow
def test_a_process_that_was_killed_outright_is_gone_on_with(facts: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "people.csv", tmp_path / "out"
    more = ("--facts", str(facts), "--chunk", "2")
    assert screened(path, tmp_path / "whole", *more).exit_code == 0
    command = [sys.executable, "-m", "releve", "outbound", "screen", str(path), "--out", str(out)]
    for chunk in (3, 8, 13):
        process = subprocess.Popen([*command, *OPTIONS, *more], env=os.environ)
        end = time.monotonic() + 120
        while not (out / "chunks" / f"{chunk:06}").exists() and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    assert screened(path, out, *more).exit_code == 0
    assert outcome_of(out) == outcome_of(tmp_path / "whole")


README = Path(__file__).resolve().parents[2] / "README.md"
PARIS = zone("Europe/Paris")


def start_run(*words: str) -> Result:
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
    started = start_run(*shlex.split(command))
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed = start_run(*shlex.split(check), "--lang", "en")
    assert (allowed.exit_code, allowed.stdout[:9]) == (0, "Allowed: ")
    for file in (tmp_path / "my-facts").iterdir():
        text = file.read_text(encoding="utf-8")
        text = text.replace("+33199000001", "+33144556677").replace("example", "Azur")
        file.write_text(text.replace("P1", "ANNE-7"), encoding="utf-8")
    own = check.replace("+33199000001", "+33144556677").replace("--client example", "--client azur")
    assert start_run(*shlex.split(own), "--lang", "en").stdout.startswith("Allowed: +33144556677")


def test_a_verdict_in_french_has_the_spaces_of_french(tmp_path: Path) -> None:
    started = start_run("outbound", "start", str(tmp_path), "--at", "2026-11-24T10:30:00+01:00")
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed, refused = (start_run(*shlex.split(check.replace("11-24T", f"{day}T"))) for day in ("11-24", "11-28"))
    assert (allowed.exit_code, refused.exit_code) == (0, 1)
    assert "\nfondement\u202f: consentement C1\nregistre lu (tentatives)\u202f: " in allowed.stdout
    for text in (allowed.stdout, refused.stdout):
        assert not re.search(r"(?<!\u202f)[:;!?](?=\s|$)", text)


def test_a_folder_with_something_in_it_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    found = start_run("outbound", "start", str(tmp_path))
    assert (found.exit_code, [file.name for file in tmp_path.iterdir()]) == (2, ["notes"])


def test_a_check_without_facts_says_how_to_begin_and_one_with_facts_what_lacks(tmp_path: Path) -> None:
    words = ["outbound", "check", "+33144556677", "--client", "azur", "--object", "électricité",
             "--sector", "Fourniture d'énergie", "--at", "2026-11-24T10:30:00+01:00"]  # fmt: skip
    bare = start_run(*words, "--lang", "en")
    assert "no facts were given; next: releve outbound start FOLDER" in bare.stdout
    start_run("outbound", "start", str(tmp_path / "facts"), "--at", "2026-11-24T10:30:00+01:00")
    found = start_run(*words, "--lang", "en", "--facts", str(tmp_path / "facts"))
    assert "releve outbound start" not in found.stdout
    assert 'Record the person with their number (table "people", columns' in found.stdout
    assert '(table "registers"' not in found.stdout
    assert "table des personnes" in start_run(*words, "--facts", str(tmp_path / "facts")).stdout


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
    found = start_run("outbound", "check", "+33144556677", "--client", "azur", *words)
    assert found.exit_code == 2
    assert said in re.sub(r"\s+", " ", found.output)


@pytest.mark.parametrize("command", ["check", "screen", "replay"])
def test_a_command_on_a_folder_with_a_misnamed_table_stops_and_names_it(command: str, tmp_path: Path) -> None:
    folder, people = tmp_path / "facts", tmp_path / "people.csv"
    start_run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
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
    found = start_run("outbound", command, *words, *call)
    assert found.exit_code == 2
    assert "retraitz.csv: not named like a table of facts; name it withdrawals." in found.output
    lenient = start_run("outbound", command, *words, *call, "--no-strict")
    assert lenient.exit_code == 0
    assert "retraitz.csv: not named like a table of facts, left out" in lenient.stderr
    assert "facts taken: people 1, consents 1, contracts 0" in lenient.stderr


def test_a_folder_within_the_folder_is_a_fault_and_a_hidden_file_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    start_run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    (folder / ".DS_Store").write_bytes(b"x")
    words = ["outbound", "check", "+33199000001", "--client", "example", "--object", "gaz",
             "--sector", "energie", "--facts", str(folder)]  # fmt: skip
    assert start_run(*words).exit_code == 1
    (folder / "old").mkdir()
    assert "holds the folder old; move it away" in start_run(*words).output


def test_faults_are_printed_plainly_and_an_unknown_client_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    started = start_run("outbound", "start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    (check,) = re.findall(r"^  releve (.*)$", started.output, re.MULTILINE)
    allowed = start_run(*shlex.split(check), "--lang", "en")
    assert "next allowed" not in allowed.stdout
    assert "no client is known" not in allowed.stderr
    other = shlex.split(check.replace("--client example", "--client 'Fibre Sud'"))
    found = start_run(*other, "--lang", "en")
    assert "no client is known as 'Fibre Sud'; the table clients holds: example" in found.stderr
    assert "next allowed" in found.stdout
    rows = "client,person,at\nexample,P1,soon\n"
    (folder / "withdrawals.csv").write_text(rows, encoding="utf-8")
    faulty = start_run(*shlex.split(check), "--lang", "en")
    assert faulty.exit_code == 2
    assert "Usage" not in faulty.output
    assert "withdrawals.csv, withdrawals, row 2, at “soon”: not a date and" in faulty.output
    assert "known_at" not in faulty.output
