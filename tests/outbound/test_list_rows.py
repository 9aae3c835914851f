"""Lines of a list of people to call: their columns and cells, and which lines are refused."""

from __future__ import annotations

import pytest

from releve.plugins.outbound.engine.errors import ListFault
from releve.plugins.outbound.engine.list_rows import read_header, read_rows

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
