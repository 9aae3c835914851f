"""Files of facts: nothing is dropped, cut or guessed; each doubt is named with its fix."""

from __future__ import annotations

import difflib
from datetime import datetime
from io import BytesIO

import polars as pl
import pytest

from releve.plugins.outbound.engine import fact_references
from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_files import NEEDED, TABLES, list_columns, must_be_filled
from releve.plugins.outbound.engine.fact_tables import build_empty_frames, build_facts, read_folder, read_tables
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.starter import build_starter
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, list_word_columns
from tests.outbound.people import count_queries

WITHDRAWALS = "client,person,at,consent,channel\n"
AT = "2026-11-20T11:00:00+01:00"


def faults_of(name: str, text: str | bytes, whole: bool = False, **more: str) -> list[str]:
    """Return the faults of some files; ``whole``: they are all that is known."""
    files = {name: text, **{f"{table}.csv": entry for table, entry in more.items()}}
    data = {file: entry.encode() if isinstance(entry, str) else entry for file, entry in files.items()}
    with pytest.raises(FactFaults) as raised:
        read_tables(data, whole=whole, strict=not whole)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("withdrwals.csv", "withdrwals.csv: not named like a table of facts; name it withdrawals"),
        ("old.csv", "old.csv: not named like a table of facts; name it withdrawals"),
        ("withdrawals.txt", "withdrawals.txt: is neither CSV nor Parquet nor a workbook (XLSX);"),
        ("withdrawals", "withdrawals: is neither CSV nor Parquet nor a workbook (XLSX); save"),
        ("notes.docx", "notes.docx: is neither CSV nor Parquet nor a workbook (XLSX); save"),
    ],
)
def test_a_misnamed_file_is_a_fault_with_the_name_meant(name: str, fix: str) -> None:
    (fault,) = faults_of(name, WITHDRAWALS + "A,P1,2026-11-20T11:00:00+01:00,,\n")
    assert fault.startswith(fix)


@pytest.mark.parametrize(
    "name", ["withdrawal.csv", "retraits.csv", "Révocations.CSV", "Withdrawals.csv", "RETRAIT.csv"]
)
def test_a_table_is_found_by_each_of_its_names(name: str) -> None:
    frame = read_tables({name: f"{WITHDRAWALS}A,P1,{AT},,\n".encode()})["withdrawals"]
    assert frame["person"].to_list() == ["P1"]


def test_a_folder_of_few_rows_takes_few_queries() -> None:
    files = build_starter(datetime.fromisoformat(AT), built_in_rules()).files
    read_tables(files, whole=True)
    assert 20 < count_queries(lambda: read_tables(files, whole=True)) < 150
    files = {**files, "withdrawals.csv": f"{WITHDRAWALS}A,,31/12/2026,,\nA,+331,x,,\n".encode()}
    assert 20 < count_queries(lambda: read_folder(files, whole=True)) < 210


def test_a_table_given_twice_is_a_fault() -> None:
    text = WITHDRAWALS + f"A,P1,{AT},,\n"
    files = {"retraits.csv": text.encode(), "withdrawals.csv": text.encode()}
    with pytest.raises(FactFaults) as raised:
        read_tables(files)
    assert str(raised.value) == ("withdrawals 'withdrawals.csv': the table is given twice; keep one file or sheet")


def test_every_table_that_can_forbid_must_be_in_a_whole_folder() -> None:
    heads = {f"{name}.csv": ",".join(list_columns(name)).encode() for name in TABLES}
    assert all(not frame.height for frame in read_tables(heads, whole=True).values())
    for name in TABLES:
        left = {file: data for file, data in heads.items() if file != f"{name}.csv"}
        if name not in NEEDED:
            assert set(read_tables(left, whole=True)) == set(TABLES)
            continue
        with pytest.raises(FactFaults) as raised:
            read_tables(left, whole=True)
        assert str(raised.value) == (
            f"{name}: the table is missing; add {name}.csv; where there are no rows, with its "
            "first line only (releve outbound start)"
        )
        assert not read_tables(left, whole=True, strict=False)[name].height
        assert not read_tables(left)[name].height


def test_what_is_not_strict_leaves_out_a_file_and_no_row() -> None:
    files = {"notes.txt": b"x", "withdrawals.csv": f"{WITHDRAWALS}A,P1,{AT},,\n".encode()}
    assert read_tables(files, strict=False)["withdrawals"].height == 1
    files["withdrawals.csv"] += b"A,P1\n"
    with pytest.raises(FactFaults, match=r"withdrawals row 3 .*: has 2 cells where the header has 5"):
        read_tables(files, strict=False)
    with pytest.raises(FactFaults, match="given twice"):
        read_tables({"people.csv": b"", "people.parquet": b""}, strict=False)


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("row", "found"), [("A,P1,{at},,oral,and more", 6), ("A,P1,{at},", 4), ("A", 1)])
def test_a_row_with_a_cell_too_many_or_too_few_is_named(row: str, found: int, quote: str) -> None:
    text = f"{WITHDRAWALS}{quote}A{quote},P0,{AT},,\n{row.format(at=AT)}\nA,P2,{AT},,\n"
    (fault,) = faults_of("withdrawals.csv", text)
    assert fault.startswith("withdrawals row 3 'A | ")
    assert fault.endswith(
        f": has {found} cells where the header has 5; give every column a cell; quote a cell that holds the separator"
    )


def test_a_quoted_cell_may_hold_separators_quotation_marks_and_lines() -> None:
    text = f'{WITHDRAWALS}A,P1,{AT},,"oral, ""stop""\nat once"\nB,P2,{AT},,\n\n\n'
    frame = read_tables({"withdrawals.csv": text.encode()})["withdrawals"]
    assert frame["channel"].to_list() == ['oral, "stop"\nat once', ""]
    (fault,) = faults_of("withdrawals.csv", f'{WITHDRAWALS}A,P1,{AT},,"oral\n')
    assert fault == (
        "withdrawals row 2: the quotes cannot be understood (unexpected end of data); "
        'close every quote, and write a quote inside a cell as ""'
    )


@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_is_read_with_each_separator_and_line_end(separator: str, end: str, start: str) -> None:
    rows = [WITHDRAWALS.strip(), f"A, P1 ,{AT},,oral", f"B,P2,{AT},,"]
    text = start + end.join(row.replace(",", separator) for row in rows) + end + end
    frame = read_tables({"withdrawals.csv": text.encode()})["withdrawals"]
    assert frame["person"].to_list() == ["P1", "P2"]
    assert frame["channel"].to_list() == ["oral", ""]


def test_the_first_line_alone_tells_the_separator() -> None:
    rows = f"client;person;at\nA;Durand, Anne, née Petit, Paris;{AT}\n"
    frame = read_tables({"withdrawals.csv": rows.encode()})["withdrawals"]
    assert frame["person"].to_list() == ["Durand, Anne, née Petit, Paris"]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_each_line_is_utf8_or_cp1252_by_itself_and_other_bytes_are_a_fault(start: bytes) -> None:
    good = f"Énergie,P1,{AT},,".encode()
    old = f"Énergie,P2,{AT},,".encode("cp1252")
    data = start + WITHDRAWALS.encode() + good + b"\n" + old + b"\n"
    frame = read_tables({"withdrawals.csv": data})["withdrawals"]
    assert frame["client"].to_list() == ["Énergie", "Énergie"]
    assert "row 3: the file is in the wrong encoding: neither UTF-8 nor Windows" in faults_of(
        "withdrawals.csv", WITHDRAWALS.encode() + good + b"\n\x81\x8d\xff,P1\n"
    )[0]  # fmt: skip
    found = faults_of("people.parquet", b"PAR1 no")
    assert found == ["people: is not a Parquet file that can be read; export it again"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "withdrawals: is empty: it has no header; write the columns client, person, at, "
         "known_at, consent, channel in its first row"),
        ("client,person,at,at", "withdrawals row 1, at: the column stands twice; keep one"),
        ("client,Persone,at", "withdrawals row 1, Persone: is not a column of the table; name it "
         "person"),
        ("client,person,at,xyzzy", "withdrawals row 1, xyzzy: is not a column of the table; delete "
         "it; the columns are client, person, at, known_at, consent, channel"),
        ("client,person", "withdrawals row 1, at: the required column is missing; add it (at), "
         "like 2026-09-15T11:00:00+02:00"),
    ],
)  # fmt: skip
def test_a_first_line_in_doubt_is_named(head: str, said: str) -> None:
    assert said in faults_of("withdrawals.csv", f"{head}\n")


def _row(table: str, column: str, text: str) -> str:
    """Return a table of two rows; in the second one a column holds a text."""
    given = {"at": AT, "collected_at": AT, "requested_at": AT, "read_at": AT, "first": "2026-01-01",
             "day": "2026-11-20", "number": "+33144556677", "objects": "gas", "list": "rpo",
             "feed": "consents", "abandoned": "1", "handled": "2"}  # fmt: skip
    names = [name for name, (_, must) in list_columns(table).items() if must or name == column]
    cells = [given.get(name, "x") for name in names]
    if column not in given:
        cells[names.index(column)] = "not-now" if must_be_filled(table, column) else ""
    wrong = list(cells)
    wrong[names.index(column)] = text
    return "\n".join(map(",".join, (names, cells, wrong))) + "\n"


WORD_COLUMNS = [(table, name) for table in TABLES for name in list_word_columns().get(table, {})]


@pytest.mark.parametrize(("table", "column"), WORD_COLUMNS)
def test_an_unknown_word_is_a_fault_with_its_row_column_and_the_words_meant(table: str, column: str) -> None:
    kind = get_vocabulary(list_word_columns()[table][column])
    slip = kind.words[0].id + "z"
    (fault,) = faults_of(f"{table}.csv", _row(table, column, slip))
    assert fault.startswith(f"{table} row 3, {column} {slip!r}: not a word of the vocabulary {kind.name}; write")
    assert kind.words[0].id in fault
    (fault,) = faults_of(f"{table}.csv", _row(table, column, "0"))
    assert f"releve outbound words {kind.name}" in fault or f"one of {kind.ids[0]}" in fault


@pytest.mark.parametrize("mark", [", ", ";", " / ", "+"])
def test_words_joined_by_another_mark_are_a_fault_that_shows_them_joined(mark: str) -> None:
    head = "id,client,person,collected_at,objects,items\n"
    start = f"C1,CLIENT-A,P1,{AT},électricité,"
    said = f'"Identité{mark}choix{mark}durée"'
    (fault,) = faults_of("consents.csv", f"{head}{start}{said}\n")
    assert fault.endswith("join words by |: write 'identity|choice|period'")
    (fault,) = faults_of("consents.csv", f"{head}{start}{said.replace('choix', 'chois')}\n")
    assert "join" not in fault
    (fault,) = faults_of("feeds.csv", f'feed,read_at\n"consents{mark}refusals",{AT}\n')
    assert "join" not in fault  # the cell holds one word


@pytest.mark.parametrize(("table", "column"), WORD_COLUMNS)
def test_a_word_in_another_spelling_is_read_as_its_id(table: str, column: str) -> None:
    word = get_vocabulary(list_word_columns()[table][column]).words[-1]
    for text in (word.label.fr.upper(), word.label.en, *word.also):
        if "," in text or "|" in text:
            continue
        entry = f"{text}:C1" if column == "basis" else text
        frame = read_tables({f"{table}.csv": _row(table, column, entry).encode()})[table]
        found = frame[column][1]
        words = [found] if isinstance(found, str) else found.to_list()
        assert words == [f"{word.id}:C1" if column == "basis" else word.id]


def test_several_words_may_stand_apart_and_empty_ones_are_none() -> None:
    text = "id,client,person,collected_at,objects,items\n"
    rows = f"C1,A,P1,{AT},gaz | | pompe à chaleur,durée|\n"
    frame = read_tables({"consents.csv": (text + rows).encode()})["consents"]
    assert set(frame["objects"][0]) == {"gas", "heat-pump"}
    assert list(frame["items"][0]) == ["period"]
    assert frame["act"].to_list() == [""]
    (fault,) = faults_of("consents.csv", text + f"C1,A,P1,{AT}, | ,\n")
    assert fault == "consents row 2, objects '|': empty; fill it"


def test_a_client_that_the_table_of_clients_does_not_name_is_a_fault() -> None:
    clients, rows = "client,alias\nAzur,Azur SA\n", f"azur,P1,{AT},,\nAZUR-SA,P1,{AT},,\n"
    files = {"clients.csv": clients.encode(), "withdrawals.csv": (WITHDRAWALS + rows).encode()}
    assert read_tables(files)["withdrawals"].height == 2
    wrong = WITHDRAWALS + rows + f"Azru,P1,{AT},,\nOther,P1,{AT},,\n"
    assert faults_of("withdrawals.csv", wrong, clients=clients) == [
        "withdrawals row 4, client 'Azru': not in the table clients; write 'Azur'",
        "withdrawals row 5, client 'Other': not in the table clients; add it to the table clients",
    ]


def test_what_was_said_by_number_or_to_every_client_needs_both_to_be_readable() -> None:
    clients = "client,alias\nA,\n"
    rows = f"A,+33144556677,{AT},,\n,+33 1 44 55 66 78,{AT},,\n"
    files = {"clients.csv": clients.encode(), "withdrawals.csv": (WITHDRAWALS + rows).encode()}
    assert read_tables(files)["withdrawals"]["client"].to_list() == ["A", ""]
    miswritten = "not a telephone number"
    short = f"{miswritten}: it has a digit too few or too many"
    for wrong, reason in (("+33", miswritten), ("+3314455667a", miswritten),
                          ("+33144556677+1", miswritten), ("+3314455667", short)):  # fmt: skip
        assert faults_of("withdrawals.csv", WITHDRAWALS + f"A,{wrong},{AT},,\n") == [
            f"withdrawals row 2, person {wrong!r}: {reason}; write it like +33144556677, 01 44 55 66 77"
        ]


def test_a_refusal_whose_kind_is_left_open_is_a_fault() -> None:
    text = f"client,person,at,kind\nA,P1,{AT},\n"
    assert faults_of("refusals.csv", text) == ["refusals row 2, kind: empty; fill it"]
    without = read_tables({"refusals.csv": f"client,person,at\nA,P1,{AT}\n".encode()})
    assert without["refusals"]["kind"].to_list() == ["refusal"]


def test_a_person_in_another_case_of_letters_is_a_fault() -> None:
    people = "person,number\nP1,+33144556677\np2,+33144556678\nP2,+33144556679\n"
    rows = WITHDRAWALS + f"A,P1,{AT},,\nA,p2,{AT},,\nA,P2,{AT},,\nA,P3,{AT},,\n"
    files = {"people.csv": people.encode(), "withdrawals.csv": rows.encode()}
    assert read_tables(files)["withdrawals"].height == 4
    assert faults_of("withdrawals.csv", WITHDRAWALS + f"A,p1,{AT},,\n", people=people) == [
        "withdrawals row 2, person 'p1': not in the table people; write 'P1'"
    ]


def test_a_withdrawal_of_a_consent_that_is_not_there_is_a_fault() -> None:
    consents = f"id,client,person,collected_at,objects\nC1,A,P1,{AT},gas\n"
    rows = WITHDRAWALS + f"A,P1,{AT},c1,\n"
    assert faults_of("withdrawals.csv", rows, whole=True, consents=consents) == [
        "withdrawals row 2, consent 'c1': no consent has this id; write 'C1'"
    ]
    alone = read_tables({"withdrawals.csv": (WITHDRAWALS + f"A,P1,{AT},c1,\n").encode()})
    assert alone["withdrawals"].height == 1


def test_typed_tables_are_facts_with_their_words() -> None:
    text = f"client,person,at,kind\nA,P1,{AT},Refusé\n"
    frames = read_tables({"refusals.csv": text.encode()})
    known = build_facts(frames).select_known("a", "P1", "", "", frames["refusals"]["known_at"][0])
    assert [one.kind for one in known.refusals] == ["refusal"]
    assert frames["refusals"].schema["kind"] == pl.String


def test_a_doubtful_first_line_is_one_fault_whatever_follows() -> None:
    for quote in ("", '"'):
        text = f"client,person,at,at\n{quote}A{quote},P1,{AT},{AT}\n"
        assert faults_of("withdrawals.csv", text) == ["withdrawals row 1, at: the column stands twice; keep one"]
        (fault,) = faults_of("withdrawals.csv", f"\n{quote}A{quote},P1,{AT},{AT}\n")
        assert fault.startswith("withdrawals row 2: the first row is not a header")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-20T11:00:00+01:00", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20T11:00:00.5+01:00", "2026-11-20T10:00:00.5+00:00"),
        ("2026-11-20T11:00+01:00", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20 11:00:00+01:00", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00+00:00"),
    ],
)
def test_an_instant_is_read_in_each_of_its_forms(text: str, read: str) -> None:
    frame = read_tables({"withdrawals.csv": f"client,person,at\nA,P1,{text}\n".encode()})
    assert frame["withdrawals"]["at"].to_list() == [datetime.fromisoformat(read)]
    assert frame["withdrawals"]["known_at"].to_list() == [datetime.fromisoformat(read)]


@pytest.mark.parametrize(
    ("table", "column", "text", "said"),
    [
        ("withdrawals", "at", "2026-11-20T11:00:00", "not an instant with its offset; write it"),
        ("withdrawals", "at", "", "empty; fill it"),
        ("withdrawals", "person", " ", "empty; fill it"),
        ("contracts", "first", "20/11/26", "not a day; write it like 2026-09-15"),
        ("contracts", "last", "soon", "not a day"),
        ("callbacks", "named", "perhaps", "neither true nor false; write true or false"),
        ("abandoned", "handled", "many", "not a number; write it like 1234"),
        ("listings", "until", "never", "not a date and time; write it like 2026-09-15T11"),
        ("listings", "until", "20/11/2026", "has no time of day; write it like 2026-09-15T11"),
        ("listings", "until", "31/11/2026 11:00", "does not exist; write a day and a time"),
        ("listings", "until", "25/10/2026 02:30", "exists twice or not at all: the clocks change"),
        ("abandoned", "handled", "-1", "must be at least 0; write it like 1234"),
        ("abandoned", "abandoned", "-0.5", "must be at least 0"),
        ("abandoned", "abandoned", "-1 234", "must be at least 0"),
        ("abandoned", "abandoned", "-inf", "must be a finite number"),
        ("abandoned", "abandoned", "nan", "must be a finite number"),
        ("abandoned", "handled", "inf", "must be a finite number"),
    ],
)
def test_a_cell_of_another_type_is_named_by_its_row(table: str, column: str, text: str, said: str) -> None:
    found = faults_of(f"{table}.csv", _row(table, column, text))
    (fault,) = [fault for fault in found if fault.startswith(f"{table} row 3, {column}")]
    assert said in fault


@pytest.mark.parametrize(("text", "read"), [("1", True), ("Oui", True), ("TRUE", True), ("non", False), ("0", False)])
def test_a_flag_is_read_in_both_languages(text: str, read: bool) -> None:
    frame = read_tables({"callbacks.csv": _row("callbacks", "named", text).encode()})
    assert frame["callbacks"]["named"].to_list() == [False, read]


def test_a_figure_of_a_spreadsheet_may_have_a_comma_for_its_point() -> None:
    text = f"campaign;day;abandoned;handled;known_at\nx;2026-11-20;1,0;2.0;{AT}\n"
    frame = read_tables({"abandoned.csv": text.encode()})["abandoned"]
    assert frame.select("abandoned", "handled").row(0) == (1, 2)
    assert "abandoned row 2, known_at: empty; fill it" in faults_of(
        "abandoned.csv", "campaign;day;abandoned;handled\nx;2026-11-20;1;2\n"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (AT, ""),
        ("45978", "spreadsheet-serial"),
        ("45978,4", "spreadsheet-serial"),
        ("2026-11-20", "no-offset"),
        ("2026-11-20 11:00", "no-offset"),
        ("15/09/2026", "no-date"),
        ("", "no-date"),
    ],
)
def test_a_consent_without_a_date_to_trust_is_kept_and_says_why(text: str, why: str) -> None:
    rows = f"id;client;person;collected_at;objects\nC1;A;P1;{text};gas\n"
    frame = read_tables({"consents.csv": rows.encode()})["consents"]
    assert frame["unreadable"].to_list() == [why]
    assert (frame["collected_at"].null_count() == 0) is (why == "")
    known = AT if not why else "1970-01-01T00:00:00+00:00"
    assert frame["known_at"].to_list() == [datetime.fromisoformat(known)]


def test_a_typed_parquet_file_is_read_as_it_is_and_its_rows_are_named() -> None:
    at = datetime.fromisoformat(AT)
    frame = pl.DataFrame(
        {"client": ["A", "A"], "person": ["P1", None], "at": [at, at], "kind": ["refus", "reffus"]},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    file = BytesIO()
    frame.head(1).write_parquet(file)
    read = read_tables({"refusals.parquet": file.getvalue()})["refusals"]
    assert (read["at"].to_list(), read["kind"].to_list()) == ([at], ["refusal"])
    file = BytesIO()
    frame.write_parquet(file)
    found = faults_of("refusals.parquet", file.getvalue())
    assert [fault.partition(";")[0] for fault in found] == [
        "refusals row 3, person: empty",
        "refusals row 3, kind 'reffus': not a word of the vocabulary refusal-kind",
    ]


def test_a_table_without_rows_is_read_and_one_without_bytes_is_a_fault() -> None:
    head = WITHDRAWALS.encode()
    assert read_tables({"withdrawals.csv": head})["withdrawals"].height == 0
    assert read_tables({"withdrawals.csv": head.strip()})["withdrawals"].height == 0
    assert "is empty: it has no header" in faults_of("withdrawals.csv", b"")[0]


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_has_the_columns_of_one_without_rows(table: str) -> None:
    head = ",".join(list_columns(table)).encode()
    read = read_tables({f"{table}.csv": head}, strict=False)[table]
    assert build_empty_frames()[table].schema == read.schema


@pytest.mark.parametrize(
    ("table", "head", "row", "whole"),
    [
        ("refusals", "client,person,at,kind", f"A,P1,{AT},xyzzy", False),
        ("refusals", "client,person,at", "A,P1,yesterday", False),
        ("abandoned", "campaign,day,abandoned,handled", "spring,2026-11-20,4,96", False),
        ("withdrawals", "client,person,at", f"A,,{AT}", False),
        ("people", "person,number", "P1,0033", False),
        ("withdrawals", "client,person,at", f"A,P1,{AT}", True),
    ],
)
def test_every_fault_is_named_in_one_round(table: str, head: str, row: str, whole: bool) -> None:
    rows = f"{head}\n" + f"{row}\n" * 60
    found = [fault.partition(",")[0].partition(":")[0] for fault in faults_of(f"{table}.csv", rows, whole)]
    assert found == [f"{table} row {n}" for n in range(2, 62)]


@pytest.mark.parametrize(
    ("table", "head", "row"),
    [
        ("refusals", "client,person,at,kind", f"A,P1,{AT},xyzzy{{0}}"),
        ("attempts", "id,client,person,at", f"K{{0}},A{{0}}x,P1,{AT}"),
        ("attempts", "id,client,person,at", f"K{{0}},A,Q{{0}},{AT}"),
        ("attempts", "id,client,person,at", f"K{{0}},A,01990{{0:05d}},{AT}"),
        ("withdrawals", "client,person,at,consent", f"A,P1,{AT},D{{0}}"),
    ],
)
def test_a_column_that_is_wrong_as_a_whole_needs_no_search_for_each_cell(
    table: str, head: str, row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[object]()
    for module, name in ((difflib, "get_close_matches"), (fact_references, "_list_holders")):
        kept = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, k=kept, **b: (calls.append(k), k(*a, **b))[1])
    rows = "\n".join((head, *(row.format(n) for n in range(90))))
    others = {name: ",".join(list_columns(name)) for name in NEEDED if name != table}
    others["people"] = "person,number\nP1,0144556677\n"
    others["clients"] = "client,alias\nA,B\n"
    others["consents"] = f"id,client,person,collected_at,objects\nC1,A,P1,{AT},gas\n"
    found = faults_of(f"{table}.csv", rows, True, **others)
    assert len([one for one in found if one.startswith(f"{table} row")]) == 90
    assert len(calls) <= 52


def test_only_a_basis_may_carry_a_reference() -> None:
    rows = f"client,person,at,kind,basis\nA,P1,{AT},refusal:x,consnt:C1\n"
    found = {fault.partition(": ")[0] for fault in faults_of("refusals.csv", rows)}
    assert found == {"refusals row 2, kind 'refusal:x'", "refusals row 2, basis 'consnt'"}


def test_ids_that_a_parquet_file_holds_as_figures_are_text() -> None:
    at = datetime.fromisoformat(AT)
    frame = pl.DataFrame({"client": ["A"], "person": [17], "at": [at]})
    file = BytesIO()
    frame.write_parquet(file)
    read = read_tables({"withdrawals.parquet": file.getvalue()})["withdrawals"]
    assert read["person"].to_list() == ["17"]


def test_a_negative_count_of_a_typed_table_is_a_fault_too() -> None:
    at = datetime.fromisoformat(AT)
    frame = pl.DataFrame({"campaign": ["a", "b"], "day": [at.date()] * 2, "abandoned": [1, -4],
                          "handled": [9, 96], "known_at": [at] * 2})  # fmt: skip
    file = BytesIO()
    frame.write_parquet(file)
    with pytest.raises(FactFaults) as raised:
        read_tables({"abandoned.parquet": file.getvalue()})
    assert str(raised.value) == ("abandoned row 3, abandoned '-4': must be at least 0; write it like 1234")


PEOPLE = "person,number\nMme Dupont,01 44 55 66 77\nM. Petit,+33144556678\n"
CONSENTS = f"id,client,person,collected_at,objects\nC7,A,Mme Dupont,{AT},gas\n"


@pytest.mark.parametrize("name", ["withdrawals", "refusals"])
@pytest.mark.parametrize(
    "text", ["0144556677", "01 44 55 66 77", "01.44.55.66.77", "0033144556677", "+33 (0)144556677"]
)
def test_what_was_said_by_number_binds_in_every_spelling_of_people(name: str, text: str) -> None:
    rows = f"client,person,at\nA,{text},{AT}\n"
    files = {"people.csv": PEOPLE.encode(), f"{name}.csv": rows.encode()}
    read = read_tables(files, whole=True, strict=False)[name]
    assert read["person"].to_list() == ["+33144556677"]


@pytest.mark.parametrize(
    ("name", "person", "said"),
    [
        ("withdrawals", "33144556677", "not a telephone number; write '+33144556677'"),
        ("refusals", "144556677", "not a telephone number: its first zero is lost; write '0144556677'"),
        ("withdrawals", "Mme Dupond", "no row of people, consents or contracts knows this person; write 'Mme Dupont'"),
        ("refusals", "Durand", "no row of people, consents or contracts knows this person; add the person to people"),
        ("attempts", "0144556677", "a number in place of a person; write 'Mme Dupont'"),
        ("attempts", "0144556699", "a number in place of a person; write the person's id"),
        ("refusals", "Z-12", "no row of people, consents or contracts knows this person; add the person to people"),
        ("attempts", "M Petit", "no row of people, consents or contracts knows this person; write 'M. Petit'"),
    ],
)
def test_a_person_whom_no_table_knows_is_a_fault(name: str, person: str, said: str) -> None:
    own = ("id,", "A1,") if name == "attempts" else ("", "")
    rows = f"{own[0]}client,person,at\n{own[1]}A,{person},{AT}\n"
    files = {f"{name}.csv": rows.encode(), "people.csv": PEOPLE.encode()}
    with pytest.raises(FactFaults) as raised:
        read_tables(files, whole=True, strict=False)
    assert str(raised.value).startswith(f"{name} row 2, person {person!r}: {said}")
    assert read_tables(files)[name].height == 1


def test_a_person_of_consents_or_contracts_alone_is_known() -> None:
    contracts = "id,client,person,first\nK1,A,Client 12,2026-01-01\n"
    rows = f"client,person,at\nA,Mme Dupont,{AT}\nA,Client 12,{AT}\n"
    files = {"consents.csv": CONSENTS.encode(), "contracts.csv": contracts.encode(), "refusals.csv": rows.encode()}
    assert read_tables(files, whole=True, strict=False)["refusals"].height == 2


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("A,M. Petit,{at},C7,", "person 'M. Petit': the consent C7 was given by another person; write 'Mme Dupont'"),
        ("A,01 44 55 66 78,{at},C7,", "person '01 44 55 66 78': the consent C7 was given by"),
        ("B,Mme Dupont,{at},C7,", "client 'B': the consent C7 was given to another client; write 'A'"),
        (
            "A,Mme Dupont,{at},xyzzy,",
            "consent 'xyzzy': no consent has this id; write the id of a consent, or leave it empty for all of them",
        ),
        ("A,Mme Dupont,{at},C7,", ""),
        ("a,0144556677,{at},C7,", ""),
        (",Mme Dupont,{at},C7,", ""),
    ],
)
def test_a_withdrawal_takes_back_the_consent_of_the_person_who_gave_it(cells: str, said: str) -> None:
    rows = WITHDRAWALS + cells.format(at=AT) + "\n"
    files = {"people.csv": PEOPLE.encode(), "consents.csv": CONSENTS.encode(), "withdrawals.csv": rows.encode()}
    try:
        read_tables(files, whole=True, strict=False)
        found = ""
    except FactFaults as error:
        found = str(error).removeprefix("withdrawals row 2, ")
    assert found.startswith(said)
    assert bool(found) is bool(said)


@pytest.mark.parametrize("table", ["people", "listings", "mandates"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+3314455667", "not a telephone number: it has a digit too few or too many"),
        ("01 44 55 66 7", "not a telephone number"),
        ("1.44E+08", "not a telephone number: a spreadsheet made a figure of it"),
        ("144556677", "not a telephone number: its first zero is lost; write '0144556677'"),
        ("33144556677", "not a telephone number; write '+33144556677'"),
    ],
)
def test_a_number_that_no_telephone_has_is_a_fault(table: str, number: str, said: str) -> None:
    (fault,) = faults_of(f"{table}.csv", _row(table, "number", number))
    assert fault.startswith(f"{table} row 3, number {number!r}: {said}")
    for good in ("0144556677", "+34911222333", "0700123456", "+330899123456"):
        read = read_tables({f"{table}.csv": _row(table, "number", good).encode()})
        assert read[table].height == 2


def test_a_short_number_may_be_shown_and_not_listed() -> None:
    assert read_tables({"mandates.csv": _row("mandates", "number", "3001").encode()})
    assert faults_of("listings.csv", _row("listings", "number", "3001"))
