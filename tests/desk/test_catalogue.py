"""The French catalogue is complete, compiled, and set as French is set; English has none."""

from __future__ import annotations

import ast
import gettext
import io
import re
import string
from pathlib import Path

import pytest
from django.utils import translation

from releve.plugins.crashtest.engine.policies import POLICIES
from releve.situation import KINDS
from tools.catalogue import (
    FRENCH,
    HERE,
    CatalogueEntry,
    compile_mo,
    extract,
    extract_declared,
    main,
    merge,
    parse_po,
    write_po,
)

CATALOGUE = parse_po((HERE / FRENCH).read_text(encoding="utf-8"))
TRANSLATIONS = [text for message in CATALOGUE.values() for text in message.strings]


def test_every_sentence_is_translated_and_none_is_left_over() -> None:
    assert set(CATALOGUE) == {*extract(HERE), *extract_declared()}, "run scripts/messages"
    assert [m.text for m in CATALOGUE.values() if not m.done] == []


def test_a_count_before_its_noun_has_a_singular() -> None:
    never_one = {"photos", "quarters"}
    found = [
        message.text
        for message in CATALOGUE.values()
        if not message.plural
        for noun in re.findall(r"(?:\{(?:count|days)\}|%\((?:count|days)\)s) (\w+s)\b", message.text)
        if noun not in never_one and not message.text.startswith(_LONG_SPANS)
    ]
    assert found == []


_LONG_SPANS = (
    "Easter Sunday {days}",
    "It starts from the cases and closures known",
    "%(cases)s × %(quarters)s quarters of %(days)s days",
    "{quarters} of {days} days",
    "The cases are written down for its process",
    "breaks its target over the %(days)s days",
    "{happened_at} is more than {days} days ago",
)
"""Sentences whose days are a constant above one."""


def test_every_phrase_of_the_engines_is_translated_with_a_value_for_each_brace() -> None:
    phrases = [
        (path.name, node)
        for path in HERE.parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "Phrase"
    ]
    assert len(phrases) > 200
    assert [row.text for row in POLICIES.values() if ("", row.text) not in CATALOGUE] == []
    assert [kind.label for kind in KINDS.values() if ("", kind.label) not in CATALOGUE] == []
    for name, node in phrases:
        first, *values = node.args
        if not isinstance(first, ast.Constant):
            source = ast.unparse(first)  # all are declared, and so in the catalogue
            ends = (".doc", ".headline", "known.text")
            declared = source.startswith(("_FORMATS[", "KINDS[")) or source.endswith(ends)
            assert declared, (name, node.lineno)
            continue
        assert ("", first.value) in CATALOGUE, first.value
        braces = len({field for _, field, _, _ in string.Formatter().parse(str(first.value)) if field})
        spread = any(isinstance(value, ast.Starred) for value in values)
        by_name = name in ("parsing.py", "message_texts.py")  # filled with what has these names
        assert spread or len(values) == braces or by_name, first.value


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    compiled = (HERE / FRENCH).with_suffix(".mo").read_bytes()
    assert compiled == compile_mo(list(CATALOGUE.values())), "run scripts/messages"


def test_english_is_the_language_of_the_sources_and_has_no_catalogue() -> None:
    assert [path.name for path in (HERE / "locale").iterdir()] == ["fr"]
    with translation.override("en"):
        for message in CATALOGUE.values():
            one, many = message.text, message.plural
            if message.context:
                assert translation.pgettext(message.context, one) == one
                forms = [translation.npgettext(message.context, one, many, n) for n in (0, 1, 2)]
            else:
                assert translation.gettext(one) == one
                forms = [translation.ngettext(one, many, n) for n in (0, 1, 2)]
            assert forms == [many, one, many]


def test_a_translation_has_the_placeholders_of_its_source() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for message in CATALOGUE.values():
        for text in message.strings:
            assert names(text) == names(message.text), message.text


NOT_FRENCH = re.compile(r"%\(\w+\)s|(?<=\{)(\w*)![rs](?=\})|`[^`]*`|\d\d(?::\d\d)+;?|\d+\.\d+:\d+|;\w+=|https?:\S+")
"""Placeholders, code, and what a file or an address has to hold as it is."""


def test_french_has_narrow_spaces_before_double_punctuation_and_curly_apostrophes() -> None:
    for text in TRANSLATIONS:
        plain = NOT_FRENCH.sub("x", text).replace("{", " {")
        assert not re.search(r"[^\u202f][;:!?%»]", plain), text
        assert not re.search(r"«(?!\u202f)", text), text
        assert not re.search(r"[\w:;]\u202f(?=%\()", text), f"a narrow space before a value: {text}"
        assert "'" not in text, text


def test_no_word_that_loses_its_vowel_stands_before_a_name() -> None:
    """« La fermeture de Antananarivo »: names begin as they like, so the sentence goes round it."""
    names = "site|client|carrier|subject|member|association|measure"
    elided = re.compile(rf"\b(?:de|que|jusque) (?:\{{|%\()(?:{names})\b", re.IGNORECASE)
    assert [text for text in TRANSLATIONS if elided.search(text)] == []


def test_the_compiled_form_is_what_gettext_reads() -> None:
    messages = [
        CatalogueEntry("a day", strings=("un jour",)),
        CatalogueEntry("{n} day", "{n} days", strings=("{n} jour", "{n} jours")),
        CatalogueEntry("held", context="clients", strings=("tenus",)),
        CatalogueEntry("not yet", strings=("",)),
    ]
    found = gettext.GNUTranslations(io.BytesIO(compile_mo(messages)))
    assert found.gettext("a day") == "un jour"
    assert [found.ngettext("{n} day", "{n} days", n) for n in (0, 1, 2)] == ["{n} jour", "{n} jour", "{n} jours"]
    assert found.pgettext("clients", "held") == "tenus"
    assert found.gettext("not yet") == "not yet"


def test_a_catalogue_comes_back_from_its_text() -> None:
    messages = [
        CatalogueEntry('say "no"\\', strings=("dire « non »",), places=("a.py",)),
        CatalogueEntry("one", "many", "ctx", ("un", "des"), ("b.html", "c.py")),
    ]
    back = parse_po(write_po(messages))
    assert [replace_places(m) for m in messages] == list(back.values())


def replace_places(message: CatalogueEntry) -> CatalogueEntry:
    return CatalogueEntry(message.text, message.plural, message.context, message.strings)


def test_a_broken_line_is_named() -> None:
    with pytest.raises(ValueError, match=r"not a line of a \.po file: 'msgid unquoted'"):
        parse_po("msgid unquoted\n")


def test_merging_keeps_what_is_translated_and_drops_what_is_gone() -> None:
    wanted = {m.key: m for m in (CatalogueEntry("new"), CatalogueEntry("old"), CatalogueEntry("two", "twos"))}
    known = {m.key: m for m in (CatalogueEntry("old", strings=("vieux",)), CatalogueEntry("gone"))}
    merged = merge(wanted, known)
    assert [(m.text, m.strings) for m in merged.values()] == [("new", ("",)), ("old", ("vieux",)), ("two", ("", ""))]


def test_the_command_says_what_is_left_to_translate(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("app")
    (root / "a.py").write_text('_("one"); ngettext("n", "ns", 2); print("no")\n')
    (root / "b.html").write_text('{% load i18n %}{% translate "two" %}{% include "c.html" with d=_("three") %}')
    assert main(root) == 1
    assert "fr: 4 messages, 4 to translate" in capsys.readouterr().out
    assert (root / FRENCH).with_suffix(".mo").exists()


def test_a_message_of_a_template_keeps_its_context(tmp_path: Path) -> None:
    text = '{% load i18n %}{% translate "Refused" context "calls" %} {% translate "Refused" %}'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert set(extract(tmp_path)) == {("calls", "Refused"), ("", "Refused")}


def test_a_message_of_a_template_keeps_its_plural(tmp_path: Path) -> None:
    block = "{% blocktranslate count n=x %}{{ n }} site{% plural %}{{ n }} sites"
    text = "{% load i18n %}" + block + "{% endblocktranslate %}"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (found,) = extract(tmp_path).values()
    assert (found.text, found.plural) == ("%(n)s site", "%(n)s sites")
