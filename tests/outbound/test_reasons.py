"""Every sentence of every row, read as a person would; the pages about the law are the tables."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from releve.plugins.outbound.engine import row_text
from releve.plugins.outbound.engine.fact_files import COLUMN_LABELS, FACT_LABELS, TABLES, format_cell, list_columns
from releve.plugins.outbound.engine.legal_rows import SOURCES, LegalRow, Words, cite_sources, list_source_numbers
from releve.plugins.outbound.engine.phrases import (
    REASONS,
    format_basis,
    list_jurisdictions,
    render_rules,
    render_sentence,
    select_rows_on,
)
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.rule_kinds import GATES, KINDS, SURE
from releve.plugins.outbound.engine.verdict import judge_call
from releve.plugins.outbound.engine.vocabulary import get_vocabularies
from tests.outbound.reasons import all_findings, page, record
from tests.outbound.table import case_of

RECORD = Path(__file__).parent / "cases" / "sentences.txt"
QUOTED = {"fr": re.compile("«\u202f[^»]*\u202f»"), "en": re.compile('"[^"]*"')}
NAMES = ("Ne m'appelez plus", "Ne m’appelez plus", "Lista Robinson", "Registro Pubblico delle Opposizioni", "CPF")
FOREIGN = {
    "fr": "the and of was were is are not with without which call consent number before would a-an",
    "en": "le la les des est avec sans pour une dans du au aux par qui que pas appel consentement",
}
FACTS_OF = {
    "exception_callback": "callbacks", "exception_consent": "consents",
    "exception_contract": "contracts", "exception_request": "callbacks",
    "exception_slot": "consents",
}  # fmt: skip
CODE = re.compile(r"[{}|]|[a-z]+_[a-z]+|\b[A-Z]{2,}-[A-Z0-9-]+\b|\b\w+:\w+\b(?<!\d)|\b\d{4}-\d\d-\d\d|\bNone\b")


@cache
def sentences() -> tuple[tuple[str, str, str], ...]:
    """Return row, language and sentence of every refusal of every case, each once."""
    found = {
        (finding.id, language, text)
        for _, finding in all_findings()
        for language in ("fr", "en")
        for text in (finding.says(language), finding.remedy(language))
    }
    return tuple(sorted(found))


def bare(text: str, language: str) -> str:
    """Return a sentence without what it names: columns, commands, lists, consents, people."""
    text = QUOTED[language].sub(" ", text)
    for name in NAMES:
        text = text.replace(name, " ")
    return re.sub(r"\b([Cc]onsent(ement)?) \S+?(?=[\s,.:])", r"\1", text)


def test_every_row_that_refuses_is_said_with_its_remedy() -> None:
    said = {(f.id, f.row.gate, f.row.kind) for _, f in all_findings()}
    for row in built_in_rules().rows:
        if row.refuses is not None:
            assert row.remedy is not None, row.version
            assert (row.id, row.gate, row.kind) in said


def test_no_sentence_holds_a_code() -> None:
    hyphened = {
        word.id
        for vocabulary in get_vocabularies().values()
        for word in vocabulary.words
        if "-" in word.id and word.id not in (word.label.en, word.label.fr)
    }
    codes = hyphened | {code for code in REASONS if "-" in code}
    for row, language, text in sentences():
        plain = bare(text, language)
        assert not CODE.search(plain), (row, text)
        assert not any(re.search(rf"\b{code}\b", plain) for code in codes), (row, text)
        assert text[0].isupper(), (row, text)
        assert text.endswith("."), (row, text)


def test_no_sentence_holds_words_of_the_other_language() -> None:
    for row, language, text in sentences():
        words = set(re.findall(r"[^\W\d_]+", bare(text, language).lower()))
        assert not words & set(FOREIGN[language].split()), (row, text)


def test_every_class_of_numbers_has_its_words() -> None:
    assert built_in_rules().numbers.classes() - REASONS.keys() == set()


def test_every_column_that_a_remedy_names_is_one_of_its_table() -> None:
    labels = {word.id: word.label.of("fr") for word in get_vocabularies()["table"].words}
    met = set()
    for row, language, text in sentences():
        french = language == "fr"
        quoted = "«\u202f(\\w+)\u202f»" if french else r'"(\w+)"'
        table = rf"table des ([^«]*) {quoted}" if french else rf"(table) {quoted}"
        for label, name, after in re.findall(rf"{table}([^)]*)", text):
            met.add(name)
            assert not french or label == labels[name], (row, text)
            assert set(re.findall(quoted, after)) <= set(list_columns(name)), (row, text)
        assert len(re.findall(r"\btable\b", text)) == len(re.findall(table, text)), (row, text)
    assert met == TABLES.keys() - {"withdrawals", "clients"}


def test_french_is_set_as_the_french_set_it() -> None:
    for row, language, text in sentences():
        if language == "fr":
            wrong = re.search("'|[^\u202f][;:!?%](?!\\d\\d)|«[^\u202f]|[^\u202f]»", text)
            assert wrong is None, (row, wrong, text)


@pytest.mark.parametrize(
    "row",
    [row for row in built_in_rules().rows if row.remedy and row.exceptions],
    ids=lambda row: f"{row.id}-{row.gate}-{row.kind}",
)
def test_a_remedy_names_the_table_of_every_exception(row: LegalRow) -> None:
    assert row.remedy is not None
    kinds = {one.kind for one in built_in_rules().rows if one.id in row.exceptions}
    for kind in kinds & FACTS_OF.keys():
        assert f'table "{FACTS_OF[kind]}"' in row.remedy.en, kind


def test_no_sentence_changes_unseen() -> None:
    """A change shows in the record, to be read: ``python -m tests.outbound.reasons record >`` writes it."""
    assert record() == RECORD.read_text(encoding="utf-8"), f"write {RECORD.name} again and read what changed"


def test_the_page_of_sentences_has_every_row_that_refuses_once() -> None:
    headings = re.findall(r"^## (.+)$", page(), re.MULTILINE)
    refusing = {(row.id, row.gate) for row in built_in_rules().rows if row.refuses is not None}
    assert {(name, gate) for name, _, gate in (heading.partition(", ") for heading in headings)} == {
        (name, "text" if gate == "H" else "policy") for name, gate in refusing
    }


SAID: list[tuple[dict[str, Any], str, str, str]] = [
    ({"at": "2026-11-11 15:00"}, "FR-HOURS-1",
     "Chez la personne appelée (métropole), l’appel tomberait le mercredi 11/11/2026 à"
     " 15\u00a0h\u00a000\u202f: c’est"
     " un jour férié (armistice de 1918). Les appels sont permis du lundi au vendredi de 10\u00a0h"
     " à 13\u00a0h et de 14\u00a0h à 20\u00a0h, hors jours fériés.",
     "For the person called (mainland France), the call would fall on Wednesday 11 November 2026 at"
     " 15:00: it is a public holiday (Armistice Day). Calls are permitted Monday to Friday from"
     " 10:00 to 13:00 and from 14:00 to 20:00, not on public holidays."),
    ({"attempts": ["2026-11-05 11:00", "2026-11-06 11:00", "2026-11-06 12:00", "2026-11-09 11:00"]},
     "FR-FREQ-1",
     "Déjà 4 appels ou tentatives en 30 jours\u202f: 05/11/2026, 06/11/2026 (2 fois) et"
     " 09/11/2026. La limite est de 4.",
     "Already 4 calls or attempts in 30 days: 5 November 2026, 6 November 2026 (2 times) and"
     " 9 November 2026. The limit is 4."),
    ({"at": "2026-08-10 10:30"}, "FR-BLOCTEL-2",
     "Les numéros inscrits sur la liste d’opposition «\u202fBloctel\u202f» n’ont pas été retirés du"
     " fichier dans les 30 jours qui précèdent l’appel\u202f: aucune expurgation n’est connue.",
     "The numbers on the opposition list \"Bloctel\" were not removed from the file in the 30"
     " days before the call: no scrub is known."),
    ({"consents": [{"at": "2026-09-15 11:00", "objects": ["gas"]}]}, "FR-OPTIN-4",
     "Le consentement C1 ne couvre pas cet appel\u202f: il porte sur un autre objet (gaz) que"
     " l’appel (électricité).",
     "Consent C1 does not cover this call: it is about another object (gas) than the call"
     " (electricity)."),
    ({"consents": [{"at": "2026-09-15 11:00", "objects": [""]}]}, "FR-OPTIN-4",
     "Le consentement C1 ne couvre pas cet appel\u202f: il ne nomme aucun objet.",
     "Consent C1 does not cover this call: it names no object."),
    ({"object": "", "consents": [{"at": "2026-09-15 11:00", "objects": ["gas"]}]}, "FR-OPTIN-4",
     "Le consentement C1 ne couvre pas cet appel\u202f: il porte sur un objet (gaz) et l’appel n’en"
     " déclare aucun.",
     "Consent C1 does not cover this call: it is about an object (gas) and the call declares"
     " none."),
    ({"object": "energy-works"}, "FR-BAN-ENERGY-2",
     "La prospection par téléphone est interdite pour cet objet (travaux d’économie d’énergie),"
     " même avec un consentement.",
     "Prospecting by telephone is forbidden for this object (energy-saving works), even with"
     " consent."),
    ({"feeds": dict.fromkeys(("attempts", "consents", "refusals", "withdrawals"), "never")},
     "FR-DATA-STALE",
     "Ces registres n’ont pas été lus dans les 15 minutes qui précèdent l’appel (entre parenthèses,"
     " leur dernière lecture)\u202f: tentatives (aucune avant l’appel), consentements"
     " (aucune avant l’appel), refus (aucune avant l’appel) et retraits (aucune avant l’appel).",
     "These registers were not read in the 15 minutes before the call (their last reading in"
     " brackets): attempts (none before the call), consents (none before the call), refusals"
     " (none before the call) and withdrawals (none before the call)."),
    ({"consents": [{"at": None, "unreadable": "no-date"}]}, "FR-DATA-CONSENT",
     "La date de recueil du consentement C1 n’est pas sûre\u202f: elle manque, ou n’est pas écrite"
     " comme une date avec son heure.",
     "The date on which consent C1 was collected cannot be trusted: it is missing, or not written"
     " as a date with its time."),
    ({"consents": [{"at": "2026-09-15 11:00", "act": "pre-ticked-box",
                    "lacks": ["identity", "choice", "period", "withdrawal", "proof_access"]}]},
     "FR-OPTIN-2",
     "Le consentement C1 ne vaut pas, car sa demande ne mentionne pas\u202f: identité et nature des"
     " biens, choix d’accepter ou non, durée, droit de retrait et accès à la preuve\u202f; de plus,"
     " il a été donné sans acte positif (case pré-cochée).",
     "Consent C1 is void, because its request lacks: identity and nature of the goods, choice to"
     " accept or not, period, right to withdraw and access to the proof; moreover, it was given"
     " without a positive act (pre-ticked box)."),
    ({"object": ""}, "FR-DATA-OBJECT",
     "L’objet de l’appel n’est pas déclaré\u202f: on ne sait pas ce qu’il propose.",
     "The object of the call is not declared, so what it offers is not known."),
    ({"caller": ""}, "FR-CLI-1",
     "L’appel serait passé en numéro masqué\u202f: aucun numéro à afficher n’est indiqué.",
     "The call would be placed with a hidden number: no number to show is given."),
    ({"number": ""}, "FR-DATA-NUMBER",
     "Le numéro demandé ne peut pas être appelé\u202f: il manque.",
     "The number asked for cannot be called: it is missing."),
    ({"sector": "telecom"}, "FR-DATA-SECTOR",
     "Le secteur de la campagne ne permet pas l’appel\u202f: l’objet de l’appel (électricité)"
     " relève d’un autre secteur (fourniture d’énergie) que celui déclaré (télécommunications).",
     "The sector of the campaign does not permit the call: the object of the call (electricity)"
     " belongs to another sector (energy supply) than the one declared (telecommunications)."),
    # the consent is ten weeks old: the period that it states is over
    ({"number": "+34915123456",
      "consents": [{"at": "2026-09-15 11:00", "until": date(2026, 10, 1)}]},
     "ES-4",
     "Le consentement C1, recueilli le mardi 15/09/2026 à 11\u00a0h\u00a000, a expiré\u202f: par"
     " politique il vaut deux ans au plus, et son dernier jour était le 01/10/2026.",
     "Consent C1, collected on Tuesday 15 September 2026 at 11:00, has expired: by policy it is"
     " valid for two years at most, and its last day was 1 October 2026."),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "row", "french", "english"), SAID)
def test_the_worst_sentences_are_said_plainly(entry: dict[str, Any], row: str, french: str, english: str) -> None:
    shown = case_of({"id": "s", "row": row, "at": "2026-11-24 10:30", **entry})
    found = judge_call(shown.call, shown.facts, built_in_rules(), shown.known_at).findings
    finding = next(f for f in found if f.id == row)
    assert (finding.says("fr"), finding.says("en")) == (french, english)
    assert finding.explains("fr") == f"{french} {finding.remedy('fr')}"


def test_the_ground_of_a_call_is_said_in_words() -> None:
    assert format_basis("consent:C1", "fr") == "consentement C1"
    assert format_basis("callback:R1", "en") == "request to be called R1"
    assert format_basis("object:press", "fr") == "objet exempté (journaux, périodiques et magazines)"
    assert format_basis("none-needed", "en") == "no basis needed"


def test_an_act_that_is_not_stated_is_said_so() -> None:
    row = next(row for row in built_in_rules().rows if row.kind == "consent_items")
    quotes = {"consent": "C1", "missing": (), "act": ""}
    assert row.refuses is not None
    assert render_sentence(row.refuses, row, quotes, "fr") == (
        "Le consentement C1 ne vaut pas, car il a été donné sans acte positif (acte non précisé)."
    )


def test_several_words_are_listed_and_none_is_a_dash() -> None:
    row = next(row for row in built_in_rules().rows if row.kind == "data")
    words = (Words("gaz", "gas"), Words("fioul", "oil"), Words("bois", "wood"))
    template = Words("{near}", "{near}")
    assert render_sentence(template, row, {"near": words}, "fr") == "gaz, fioul et bois"
    assert render_sentence(template, row, {"near": ()}, "en") == "—"


def test_a_word_of_the_law_reads_as_in_its_vocabulary() -> None:
    assert row_text.value_label("heat-pump", "fr") == "pompe à chaleur"
    assert row_text.value_label("manual", "en") == "manual"
    assert row_text.value_label("row-of-its-own", "fr") == "row-of-its-own"


def test_every_code_that_a_row_may_hold_has_a_label() -> None:
    assert set(row_text.GATE_LABELS) == set(GATES)
    assert set(row_text.SURENESS_LABELS) == set(SURE)
    assert set(row_text.JURISDICTION_LABELS) == {row.jurisdiction for row in built_in_rules().rows}
    named = {name for row in built_in_rules().rows for name in row.parameters}
    known = {name for kind in KINDS.values() for name in kind.parameters}
    assert named <= set(row_text.PARAMETER_LABELS) <= known


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_limit_is_written_as_python_writes_it(language: str) -> None:
    for row in built_in_rules().rows:
        for label, value in row_text.describe_limits(row, language).items():
            assert label[0].isupper(), row.version
            assert value, (row.version, label)
            assert not set("{}[]") & set(value), (row.version, label, value)


def test_days_and_hours_of_a_row_stand_together_where_they_are_alike() -> None:
    (hours,) = (row for row in built_in_rules().rows if row.version == "FR-HOURS-1@2023-03-01")
    assert row_text.describe_limits(hours, "fr")["Heures permises"] == ("lundi–vendredi 10:00–13:00, 14:00–20:00")
    assert row_text.describe_limits(hours, "en")["Permitted hours"] == ("Monday–Friday 10:00–13:00, 14:00–20:00")


def test_a_cell_reads_as_its_vocabulary_its_truth_or_itself() -> None:
    assert format_cell("attempts", "outcome", "no-answer", "fr") == "sans réponse"
    assert format_cell("consents", "items", ("choice", "period"), "en") == ("choice to accept or not and period")
    assert format_cell("callbacks", "in_call", True, "fr") == "oui"
    assert format_cell("attempts", "id", "A1", "fr") == "A1"
    with pytest.raises(ValueError, match="must be no day"):
        format_cell("contracts", "last", date(2026, 1, 1), "fr")


def test_every_table_that_a_person_has_facts_in_is_labelled_with_its_columns() -> None:
    apart = {"person", "number", "proof", "known_at"}
    when = {"at", "collected_at", "requested_at"}
    for table in FACT_LABELS:
        assert set(list_columns(table)) - apart - when <= set(COLUMN_LABELS), table


def test_jurisdictions_stand_france_first_and_any_country_last() -> None:
    rules = built_in_rules()
    codes = list_jurisdictions(rules.rows)
    assert (codes[0], codes[-1]) == ("FR", "ANY")
    shown = select_rows_on(rules, date(2026, 11, 30))
    assert list_jurisdictions(shown) == tuple(dict.fromkeys(row.jurisdiction for row in shown))
    belgian = select_rows_on(rules, None, "BE")
    assert {row.jurisdiction for row in belgian} == {"BE"}


def test_the_sources_of_rows_are_those_that_they_cite() -> None:
    rows = select_rows_on(built_in_rules(), None, "ES")
    cited = cite_sources(rows)
    assert set(cited) == {number for row in rows for number in list_source_numbers(row.source)}
    assert all(cited[number] == SOURCES[number] for number in cited)


DOCS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "outbound.md"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_table_of_rules_has_a_line_for_every_row(language: str) -> None:
    lines = re.findall(r"^\| ([A-Z]+-\S+) \| ([HPIN]) \|", render_rules(built_in_rules(), language), re.MULTILINE)
    assert sorted(lines) == sorted((row.id, row.gate) for row in built_in_rules().rows)


def test_the_page_names_every_column_of_the_facts() -> None:
    lines = DOCS_PAGE.read_text(encoding="utf-8").splitlines()
    for table in TABLES:
        line = next(line for line in lines if line.startswith(f"| {table} |"))
        for column, (_, must) in list_columns(table).items():
            assert (f"**{column}**" if must else column) in line


def test_the_rows_of_a_day_are_those_in_force() -> None:
    ids = {row.id for row in select_rows_on(built_in_rules(), date(2026, 8, 11))}
    assert "FR-OPTIN-1" in ids
    assert "FR-BLOCTEL-1" not in ids


def test_every_row_from_memory_or_interpretation_is_marked_unsure() -> None:
    for row in built_in_rules().rows:
        assert row.unsure or not {"M", "I"}.intersection(row.sure)
