"""Closed vocabularies: every spelling is one word, no other text is any."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from releve.network.table_words import fold
from releve.plugins.outbound.commands.outbound import outbound
from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.errors import WordFault
from releve.plugins.outbound.engine.phrases import render_vocabularies
from releve.plugins.outbound.engine.vocabulary import (
    find_lineage,
    find_sector,
    find_word_id,
    get_vocabularies,
    get_vocabulary,
    parse_vocabulary,
    parse_word,
)
from releve.plugins.outbound.engine.word_frames import mark_unknown_words

PAGE = Path(__file__).resolve().parents[2] / "docs" / "outbound-words.md"
NAMES = sorted(get_vocabularies())


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
    assert parse_word(name, text).id == find_word_id(name, text) == id_


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_counts_in_any_case_and_form(name: str) -> None:
    for word in get_vocabulary(name).words:
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            for form in (text, text.upper(), unicodedata.normalize("NFD", text), f"  {text}_"):
                assert find_word_id(name, form.replace(" ", "_")) == word.id


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", " ", "-", "\u00a0", "xyzzy", "null"])
def test_no_other_text_is_a_word(name: str, text: str) -> None:
    assert find_word_id(name, text) is None
    with pytest.raises(WordFault, match="not a known word"):
        parse_word(name, text)


def test_what_is_said_on_the_phone_is_said_in_the_words_of_refusals() -> None:
    for word in get_vocabulary("refusal-kind").words:
        said = "stop" if word.id == "objection" else word.id
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            assert find_word_id("said", text) == said, text
    for word in get_vocabulary("said").words:
        kind = {"stop": "objection", "outcome": None}.get(word.id, word.id)
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            assert find_word_id("refusal-kind", text) == kind, text


@pytest.mark.parametrize("text", ["Ne plus appeler", "Stop calling me", "NE M'APPELEZ PLUS"])
def test_stop_calling_me_is_an_objection(text: str) -> None:
    assert parse_word("refusal-kind", text).id == "objection"


def test_an_unknown_word_names_those_it_resembles() -> None:
    with pytest.raises(WordFault) as raised:
        parse_word("object", "heatpumpe")
    assert raised.value.near == ("heat-pump",)
    assert "write 'heat-pump'" in str(raised.value)
    with pytest.raises(WordFault, match="one of consumer, business"):
        parse_word("person-kind", "")
    with pytest.raises(WordFault, match="releve outbound words object"):
        parse_word("object", "")
    with pytest.raises(WordFault, match="write 'object'"):
        get_vocabulary("objet")


def test_twelve_words_are_listed_and_more_are_named_by_the_command() -> None:
    command = "; all are listed by `releve outbound words some`"
    for count, said in ((12, "w10, w11$"), (13, f"w10, w11, …{command}$")):
        words = ", ".join(f"{{id: w{n}, fr: mot {n}, en: term {n}}}" for n in range(count))
        values = parse_vocabulary("some", f"title: {{fr: f, en: e}}\ncolumns: []\nwords: [{words}]")
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
    assert find_lineage("PAC") == {"heat-pump", "energy-equipment"}
    assert find_lineage("insurance") == {"insurance"}
    assert find_lineage("xyzzy") == frozenset()
    assert find_sector("mutuelle") == "insurance"
    assert find_sector("xyzzy") == ""
    for word in get_vocabulary("object").words:
        assert word.sector in get_vocabulary("sector").by_id


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
            assert set(words) <= set(get_vocabulary(name).ids), row.id


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
        parse_vocabulary("some", f"title: {{fr: f, en: e}}\ncolumns: []\nwords: {words}")


def test_the_page_is_what_the_command_prints() -> None:
    found = CliRunner().invoke(outbound, ["words"])
    assert found.exit_code == 0
    assert found.output == render_vocabularies() == PAGE.read_text(encoding="utf-8")


def test_the_command_prints_one_vocabulary() -> None:
    found = CliRunner().invoke(outbound, ["words", "refusal-kind"])
    assert "| `not-now` | pas maintenant | not now |" in found.output
    assert "## object" not in found.output
    wrong = CliRunner().invoke(outbound, ["words", "refusals"])
    assert wrong.exit_code == 2
    assert "refusal-kind" in wrong.output
