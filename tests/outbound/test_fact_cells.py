"""Cells of facts, lines of lists, closed vocabularies: what is read, and what is said of others."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from releve.network.table_words import fold
from releve.plugins.outbound.commands.outbound import outbound
from releve.plugins.outbound.engine import vocabulary
from releve.plugins.outbound.engine.errors import FactFaults, ListFault, WordFault
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns, must_be_filled
from releve.plugins.outbound.engine.fact_tables import mark_unknown_words, read_tables
from releve.plugins.outbound.engine.list_rows import read_header, read_rows
from releve.plugins.outbound.engine.phrases import render_vocabularies
from releve.plugins.outbound.engine.rule_files import built_in_rules

AT = "2026-11-20T11:00:00+01:00"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


def read(table: str, head: str, row: str) -> dict[str, Any]:
    """Return the only row of a table."""
    frame = read_tables({f"{table}.csv": f"{head}\n{row}\n".encode()})[table]
    (found,) = frame.iter_rows(named=True)
    return found


def fault(table: str, head: str, row: str) -> str:
    with pytest.raises(FactFaults) as raised:
        read(table, head, row)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("yes", True), ("oui", True), ("Oui", True), ("0", False),
     ("false", False), ("no", False), ("non", False), ("FALSE", False), ("", None)],
)  # fmt: skip
def test_a_flag_is_read_in_each_of_its_words(text: str, value: bool | None) -> None:
    row = read("mandates", "id,client,number,first,linked", f"M,A,+33162000001,2026-01-01,{text}")
    assert row["linked"] is value
    head = "id,client,person,requested_at,objects,named"
    assert read("callbacks", head, f"B,A,P1,{AT},gas,{text}")["named"] is bool(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-20T11:00:00+01:00", TEN),
        ("2026-11-20 11:00:00+01:00", TEN),
        ("2026-11-20T11:00+01:00", TEN),
        ("2026-11-20 10:00Z", TEN),
        ("2026-11-20T10:00:00Z", TEN),
        ("2026-11-20T11:00:00.250+01:00", TEN.replace(microsecond=250_000)),
    ],
)
def test_an_instant_is_read_with_its_offset_in_each_form(text: str, value: datetime) -> None:
    row = read("withdrawals", "client,person,at", f"A,P1,{text}")
    assert (row["at"], row["known_at"]) == (value, value)
    consent = read("consents", "id,client,person,collected_at,objects", f"C,A,P1,{text},gas")
    assert (consent["collected_at"], consent["unreadable"]) == (value, "")


@pytest.mark.parametrize(
    ("table", "head", "row", "said"),
    [
        ("withdrawals", "client,person,at", "A,P1,2026-11-20T11:00:00",
         "withdrawals row 2, at '2026-11-20T11:00:00': not an instant with its offset; "
         "write it like 2026-09-15T11:00:00+02:00"),
        ("contracts", "id,client,person,first", "K,A,P1,20/11",
         "contracts row 2, first '20/11': not a day; write it like 2026-09-15"),
        ("mandates", "id,client,number,first,linked", "M,A,+33162000001,2026-01-01,perhaps",
         "mandates row 2, linked 'perhaps': neither true nor false; write true or false"),
        ("abandoned", "campaign,day,abandoned,handled,known_at", f"K,2026-11-20,few,96,{AT}",
         "abandoned row 2, abandoned 'few': not a number; write it like 1234"),
        ("abandoned", "campaign,day,abandoned,handled", "K,2026-11-20,4,96",
         "abandoned row 2, known_at: empty; fill it"),
        ("refusals", "client,person,at,kind", f"A,P1,{AT},",
         "refusals row 2, kind: empty; fill it"),
        ("withdrawals", "client,person,at", f"A,,{AT}",
         "withdrawals row 2, person: empty; fill it"),
    ],
)  # fmt: skip
def test_a_cell_of_another_form_is_named_with_the_form_meant(table: str, head: str, row: str, said: str) -> None:
    assert fault(table, head, row) == said


def test_a_count_is_read_as_a_whole_number_and_a_day_as_one() -> None:
    head = "campaign,day,abandoned,handled,known_at"
    row = read("abandoned", head, f'K,2026-11-20,"12,0",1 234,{AT}')
    assert (row["abandoned"], row["handled"]) == (12, 1234)
    assert (row["day"], row["known_at"]) == (date(2026, 11, 20), TEN)


@pytest.mark.parametrize("text", ["1,234", "1.234", "1,000", "12.5", "0,5"])
def test_a_count_with_a_fraction_or_a_mark_between_its_thousands_is_a_fault(text: str) -> None:
    head = "campaign,day,abandoned,handled,known_at"
    said = fault("abandoned", head, f'K,2026-11-20,4,"{text}",{AT}')
    assert said.endswith(f"handled '{text}': must be a whole number; write it like 1234")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("462", "no-date"), ("4628", "spreadsheet-serial"), ("46280.5", "spreadsheet-serial"),
        ("46280,25", "spreadsheet-serial"), ("462801", "spreadsheet-serial"),
        ("4628012", "no-date"), ("46280.", "no-date"), ("x46280", "no-date"),
        ("2026-09-15", "no-offset"), ("2026-09-15 11:00", "no-offset"),
        ("2026-09-15T11:00:00", "no-offset"), ("2026-09-15T11", "no-date"),
        ("15/09/2026", "no-date"), ("", "no-date"),
    ],
)  # fmt: skip
def test_why_the_date_of_a_consent_cannot_be_trusted_is_kept(text: str, why: str) -> None:
    row = read("consents", "id;client;person;collected_at;objects", f"C;A;P1;{text};gas")
    assert (row["collected_at"], row["unreadable"], row["known_at"]) == (None, why, LONG_AGO)


def test_no_date_is_trusted_beside_one_that_can_only_have_its_month_first() -> None:
    head = "id,client,person,collected_at,objects"
    rows = [f"C1,A,P1,{AT},gas", "C2,A,P2,11/02/2026 11:00,gas", "C3,A,P3,09/15/2026 11:00,gas"]
    table = "\n".join((head, *rows)).encode()
    frame = read_tables({"consents.csv": table})["consents"]
    assert frame["unreadable"].to_list() == ["", "month-first", "month-first"]
    assert frame["collected_at"].to_list() == [TEN, None, None]
    day_first = table.replace(b"09/15", b"15/09")
    assert read_tables({"consents.csv": day_first})["consents"]["collected_at"].null_count() == 0


def test_a_date_with_its_month_first_makes_faults_of_all_such_dates_of_its_column() -> None:
    rows = "client,person,at\nA,P1,11/02/2026 11:00\nA,P2,9/15/2026 11:00\n"
    with pytest.raises(FactFaults) as raised:
        read_tables({"withdrawals.csv": rows.encode()})
    assert [one.row for one in raised.value.faults] == [2, 3]
    assert "has dates with the month first" in raised.value.faults[0].reason


@pytest.mark.parametrize(
    ("table", "head", "row", "known"),
    [
        ("people", "person,number", "P1,+33144556677", LONG_AGO),
        ("contracts", "id,client,person,first", "K,A,P1,2026-01-01", LONG_AGO),
        ("mandates", "id,client,number,first", "M,A,+33162000001,2026-01-01", LONG_AGO),
        ("consents", "id,client,person,collected_at,objects", f"C,A,P1,{AT},gas", TEN),
        ("callbacks", "id,client,person,requested_at,objects", f"B,A,P1,{AT},gas", TEN),
        ("refusals", "client,person,at", f"A,P1,{AT}", TEN),
        ("attempts", "id,client,person,at", f"1,A,P1,{AT}", TEN),
        ("listings", "list,number,at", f"bloctel,+33144556677,{AT}", TEN),
        ("scrubs", "list,client,at", f"bloctel,A,{AT}", TEN),
    ],
)
def test_a_fact_that_does_not_say_when_it_was_known_was_known_when_it_came_to_be(
    table: str, head: str, row: str, known: datetime
) -> None:
    assert read(table, head, row)["known_at"] == known
    later = "2026-11-25T11:00:00+01:00"
    stated = read(table, f"{head},known_at", f"{row},{later}")["known_at"]
    assert stated == datetime.fromisoformat(later)


def test_what_is_left_out_has_its_default() -> None:
    row = read("people", "person,number,address", "P1,+33144556677,")
    assert (row["kind"], row["address"]) == ("consumer", "")
    refusal = read("refusals", "client,person,at", f",P1,{AT}")
    assert (refusal["client"], refusal["kind"], refusal["basis"]) == ("", "refusal", "")
    consent = read("consents", "id,client,person,collected_at,objects", f"C,A,P1,{AT},gas|")
    assert (consent["objects"], consent["items"], consent["until"]) == (["gas"], [], None)
    assert (consent["proof"], consent["act"], consent["slot_from"]) == ("", "", None)


NEEDED = {"collected_at": AT, "requested_at": AT, "read_at": AT, "at": AT, "first": "2026-01-01",
          "day": "2026-11-20", "number": "+33144556677", "objects": "gas", "list": "rpo",
          "feed": "consents", "abandoned": "1", "handled": "2"}  # fmt: skip
DEFAULTS = {"text": "", "words": [], "flag": False, "instant": None, "day": None}
OTHERS = {("people", "kind"): "consumer", ("refusals", "kind"): "refusal", ("mandates", "linked"): None}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("empty", [True, False])
def test_a_column_that_is_left_out_or_empty_says_nothing(table: str, empty: bool) -> None:
    columns = list_columns(table)
    cells = {name: NEEDED.get(name, "x") for name, (_, must) in columns.items() if must}
    known = {"known_at": AT} if "known_at" in columns else {}
    left = {name: kind for name, (kind, must) in columns.items() if not must and name not in known}
    if empty:
        known |= {name: "" for name in left if not must_be_filled(table, name)}
    given = cells | known
    row = read(table, ",".join(given), ",".join(given.values()))
    assert {name: row[name] for name in left} == {
        name: OTHERS.get((table, name), DEFAULTS[kind]) for name, kind in left.items()
    }


NUMBER = "+33144556677"
HEAD = b"number;person;callee\n"
GOOD = {
    f"{NUMBER};P1;": (NUMBER, "P1", ""),
    f" {NUMBER} ;Zoé;consumer\r\n": (f" {NUMBER} ", "Zoé", "consumer"),
    f'{NUMBER};"P;1";business\n': (NUMBER, "P;1", "business"),
    f'{NUMBER};"a ""b""";Entreprise\n': (NUMBER, 'a "b"', "Entreprise"),
    f"{NUMBER};{'x' * (10_000 - len(NUMBER) - 2)};": (NUMBER, "x" * 9_986, ""),
    f'{NUMBER};"{"x" * (10_000 - len(NUMBER) - 4)}";': (NUMBER, "x" * 9_984, ""),
}
BROKEN = {
    f"{NUMBER};{'x' * (10_001 - len(NUMBER) - 2)};": "longer than 10000 characters",
    f"{NUMBER};P1": "2 cells where the first line has 3",
    f"{NUMBER};P1;;": "4 cells where the first line has 3",
    f'{NUMBER};"P1;': "a quotation mark is not closed",
    ";P1;consumer": "the number is empty",
    f"{NUMBER};P1;martian": "callee 'martian' is not one of consumer, business",
    f"{NUMBER};P\0;": "neither UTF-8 nor cp1252 text",
}


def test_a_line_is_the_same_row_alone_and_among_others_of_every_kind() -> None:
    head = read_header(HEAD, ())
    lines = dict(enumerate([*GOOD, "", *BROKEN, " \r\n", *GOOD], 7))
    cells = [text.encode() for text in lines.values()]
    rows, broken, blank = read_rows(head, cells, 7)
    assert rows.height + broken.height + blank == len(lines)
    assert rows.rows() == [(place, *GOOD[text]) for place, text in lines.items() if text in GOOD]
    assert broken.rows() == [
        (place, BROKEN[text], text.replace("\0", "\\x00")[:200]) for place, text in lines.items() if text in BROKEN
    ]
    for place, cell in zip(lines, cells, strict=True):
        one, fault, blank = read_rows(head, [cell], place)
        assert one.height + fault.height + blank == 1
        assert one.rows() == [row for row in rows.rows() if row[0] == place]
        assert fault.rows() == [row for row in broken.rows() if row[0] == place]


def test_each_line_is_utf8_or_cp1252_by_itself() -> None:
    lines = [f"{NUMBER},Zoé\n".encode("cp1252"), f"{NUMBER},Zoé\n".encode(), b"1,\x81\n", b"1,a\n"]
    rows, broken, _ = read_rows(read_header(b"number,person", ()), lines, 2)
    assert rows.rows() == [(2, NUMBER, "Zoé"), (3, NUMBER, "Zoé"), (5, "1", "a")]
    assert broken.rows() == [(4, "neither UTF-8 nor cp1252 text", "1,\\x81")]


@pytest.mark.parametrize(
    ("line", "separator", "columns", "read"),
    [
        (b"number", ",", ("number",), {"number": "number"}),
        (b"\xef\xbb\xbf Number ;PERSONNE\r\n", ";", ("Number", "PERSONNE"),
         {"number": "Number", "person": "PERSONNE"}),
        ("Téléphone\tCode postal\tcallee\n".encode("cp1252"), "\t",
         ("Téléphone", "Code postal", "callee"),
         {"number": "Téléphone", "address": "Code postal", "callee": "callee"}),
        (b'"number","a, b",phone', ",", ("number", "a, b", "phone"), {"number": "number"}),
        (b"territoire,numero,postcode", ",", ("territoire", "numero", "postcode"),
         {"number": "numero", "address": "territoire"}),
    ],
)  # fmt: skip
def test_the_first_line_names_the_columns_in_any_of_their_words(
    line: bytes, separator: str, columns: tuple[str, ...], read: dict[str, str]
) -> None:
    head = read_header(line, ("line",))
    assert (head.separator, head.columns, head.read) == (separator, columns, read)


@pytest.mark.parametrize(
    ("name", "meant"),
    [(name, "number") for name in ("numéro", "numero", "téléphone", "telephone", "phone")]
    + [("personne", "person"), ("person", "person"), ("callee", "callee")]
    + [(name, "address") for name in ("address", "territory", "territoire", "postcode", "code postal", "code_postal")],
)
def test_a_column_is_known_by_each_of_its_names_alone(name: str, meant: str) -> None:
    others = "" if meant == "number" else "number;"
    head = read_header(f"{others}{name.upper()};colour".encode(), ())
    assert head.read == {**({"number": "number"} if others else {}), meant: name.upper()}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b" \r\n", "the first line is empty; write the names of the columns there"),
        (b"num\0ber", "the first line is not text; save the list as CSV in UTF-8"),
        (b"number,line", "column 'line' is there twice or is written here; rename it"),
        (b"numbr,who", "the first line has no column number; write 'numbr'"),
        (b"mobil," + b"x" * 300, f"no column number; name one of: mobil, {'x' * 193}"),
    ],
)
def test_a_first_line_without_a_number_is_refused_with_its_fix(line: bytes, said: str) -> None:
    with pytest.raises(ListFault) as caught:
        read_header(line, ("line",))
    assert str(caught.value).endswith(said)


NAMES = sorted(vocabulary.get_vocabularies())


@pytest.mark.parametrize(
    ("name", "text", "id_"),
    [
        ("person-kind", "Consumer", "consumer"),
        ("person-kind", "particulier", "consumer"),
        ("person-kind", " PARTICULIÈRE ", "consumer"),
        ("object", "pompe-a-chaleur", "heat-pump"),
        ("object", "Pompe à chaleur", "heat-pump"),
        ("object", "isolation", "insulation"),
        ("object", "Energy_Equipment", "energy-equipment"),
        ("object", "formation-cpf", "cpf-training"),
        ("object", "assurance", "insurance"),
        ("refusal-kind", "refus", "refusal"),
        ("list", "Bloctel", "bloctel"),
        ("list", "RPO", "rpo"),
        ("act", "case pré-cochée", "pre-ticked-box"),
        ("act", "case precochee", "pre-ticked-box"),
        ("item", "durée", "period"),
        ("item", "proof-access", "proof_access"),
        ("origin", "maroc", "MA"),
        ("table", "retraits", "withdrawals"),
        ("table", "withdrawal", "withdrawals"),
    ],
)
def test_a_word_is_known_by_its_spellings(name: str, text: str, id_: str) -> None:
    assert vocabulary.parse_word(name, text).id == vocabulary.find_word_id(name, text) == id_


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_counts_in_any_case_and_form(name: str) -> None:
    for word in vocabulary.get_vocabulary(name).words:
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            for form in (text, text.upper(), unicodedata.normalize("NFD", text), f"  {text}_"):
                assert vocabulary.find_word_id(name, form.replace(" ", "_")) == word.id


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", " ", "-", "\u00a0", "xyzzy", "null"])
def test_no_other_text_is_a_word(name: str, text: str) -> None:
    assert vocabulary.find_word_id(name, text) is None
    with pytest.raises(WordFault, match="not a known word"):
        vocabulary.parse_word(name, text)


def test_what_is_said_on_the_phone_is_said_in_the_words_of_refusals() -> None:
    for word in vocabulary.get_vocabulary("refusal-kind").words:
        said = "stop" if word.id == "objection" else word.id
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            assert vocabulary.find_word_id("said", text) == said, text
    for word in vocabulary.get_vocabulary("said").words:
        kind = {"stop": "objection", "outcome": None}.get(word.id, word.id)
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            assert vocabulary.find_word_id("refusal-kind", text) == kind, text


@pytest.mark.parametrize("text", ["Ne plus appeler", "Stop calling me", "NE M'APPELEZ PLUS"])
def test_stop_calling_me_is_an_objection(text: str) -> None:
    assert vocabulary.parse_word("refusal-kind", text).id == "objection"


def test_an_unknown_word_names_those_it_resembles() -> None:
    with pytest.raises(WordFault) as raised:
        vocabulary.parse_word("object", "heatpumpe")
    assert raised.value.near == ("heat-pump",)
    assert "write 'heat-pump'" in str(raised.value)
    with pytest.raises(WordFault, match="one of consumer, business"):
        vocabulary.parse_word("person-kind", "")
    with pytest.raises(WordFault, match="releve outbound words object"):
        vocabulary.parse_word("object", "")
    with pytest.raises(WordFault, match="write 'object'"):
        vocabulary.get_vocabulary("objet")


def test_twelve_words_are_listed_and_more_are_named_by_the_command() -> None:
    command = "; all are listed by `releve outbound words some`"
    for count, said in ((12, "w10, w11$"), (13, f"w10, w11, …{command}$")):
        words = ", ".join(f"{{id: w{n}, fr: mot {n}, en: term {n}}}" for n in range(count))
        values = vocabulary.parse_vocabulary("some", f"title: {{fr: f, en: e}}\ncolumns: []\nwords: [{words}]")
        with pytest.raises(WordFault, match=said):
            values.parse("")


@pytest.mark.parametrize(
    ("table", "column", "cells", "marks"),
    [
        ("refusals", "kind", ["refusal", "", "x", "refusal:C1"], [False, False, True, True]),
        ("refusals", "basis", ["consent:C1", "consent", "", "x:C1"], [False, False, False, True]),
        ("consents", "items", [["choice"], [], [""], ["choice", "x"]], [False, False, False, True]),
    ],
)
def test_exactly_the_cells_with_an_unknown_word_are_marked(
    table: str, column: str, cells: list[object], marks: list[bool]
) -> None:
    assert mark_unknown_words(table, column, pl.Series(cells)).to_list() == marks


def test_folding_joins_what_is_written_apart() -> None:
    assert fold("Œuvre  d’ÉTÉ_n°2") == "oeuvre-d-ete-n-2"
    assert fold(" Æ æ Œ œ ß ") == "ae-ae-oe-oe-ss"


def test_an_object_has_its_family_and_its_sector() -> None:
    assert vocabulary.find_lineage("PAC") == {"heat-pump", "energy-equipment"}
    assert vocabulary.find_lineage("insurance") == {"insurance"}
    assert vocabulary.find_lineage("xyzzy") == frozenset()
    assert vocabulary.find_sector("mutuelle") == "insurance"
    assert vocabulary.find_sector("xyzzy") == ""
    for word in vocabulary.get_vocabulary("object").words:
        assert word.sector in vocabulary.get_vocabulary("sector").by_id


def test_rows_name_only_words() -> None:
    for row in built_in_rules().rows:
        objects = {*row.parameters.get("objects", ()), *row.parameters.get("named_for", ())}
        objects |= row.applies.objects or set()
        named = {
            "object": objects,
            "list": {row.parameters["list"]} if "list" in row.parameters else set(),
            "outcome": row.parameters.get("outcomes", set()),
            "act": row.parameters.get("not_positive", set()),
            "item": row.parameters.get("items", set()),
            "refusal-kind": row.parameters.get("counts", set()),
        }
        for name, words in named.items():
            assert set(words) <= set(vocabulary.get_vocabulary(name).ids), row.id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("[{id: a, fr: b, en: c}, {id: d, fr: B, en: e}]", "stands for two words"),
        ("[{id: a, fr: '-', en: c}]", "is empty"),
        ("[{id: a, fr: b}]", "must have id, fr, en"),
        ("[{id: a, fr: b, en: c, like: d}]", "must have id, fr, en"),
        ("[{id: a, fr: b, en: no}]", "False is read as bool; quote it"),
        ("[{id: a, fr: b, en: c}, {id: a, fr: d, en: e}]", "an id is given twice"),
        ("[{id: a, fr: b, en: c, family: z}]", "a family 'z' that is none"),
        ("[{id: a, fr: b, en: c, family: a}]", "a family 'a' that is none"),
    ],
)
def test_a_vocabulary_with_nonsense_is_refused(words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        vocabulary.parse_vocabulary("some", f"title: {{fr: f, en: e}}\ncolumns: []\nwords: {words}")


def test_the_command_prints_every_word_of_every_vocabulary() -> None:
    found = CliRunner().invoke(outbound, ["words"])
    assert found.exit_code == 0
    assert found.output == render_vocabularies()
    assert re.findall(r"^## (.+)$", found.output, re.MULTILINE) == list(vocabulary.get_vocabularies())
    for one in vocabulary.get_vocabularies().values():
        assert all(f"| `{word.id}` | {word.label.fr} | {word.label.en} |" in found.output for word in one.words)


def test_the_command_prints_one_vocabulary() -> None:
    found = CliRunner().invoke(outbound, ["words", "refusal-kind"])
    assert "| `not-now` | pas maintenant | not now |" in found.output
    assert "## object" not in found.output
    wrong = CliRunner().invoke(outbound, ["words", "refusals"])
    assert wrong.exit_code == 2
    assert "refusal-kind" in wrong.output
