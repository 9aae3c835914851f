"""The message catalogues: complete, fresh, and set as French is set."""

from __future__ import annotations

import gettext
import io
import re
import string

import pytest

from releve.desk.catalogue import (
    HERE,
    LANGUAGES,
    Message,
    compile_mo,
    extract,
    main,
    merge,
    parse_po,
    write_po,
)


def catalogue(language: str) -> dict[tuple[str, str], Message]:
    path = HERE / "locale" / language / "LC_MESSAGES" / "django.po"
    return parse_po(path.read_text(encoding="utf-8"))


FRENCH = [text for message in catalogue("fr").values() for text in message.strings]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    known = catalogue(language)
    assert set(known) == set(extract(HERE)), "run scripts/messages"
    assert [m.text for m in known.values() if not m.done] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    path = HERE / "locale" / language / "LC_MESSAGES" / "django.mo"
    fresh = compile_mo(language, list(catalogue(language).values()))
    assert path.read_bytes() == fresh, "run scripts/messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_source(language: str) -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for message in catalogue(language).values():
        for text in message.strings:
            assert names(text) == names(message.text), message.text


NOT_FRENCH = re.compile(r"%\(\w+\)s|`[^`]*`|\d\d:\d\d;?|https?:\S+")
"""Placeholders, code, and what a file or an address has to hold as it is."""


def test_french_has_narrow_spaces_before_double_punctuation_and_curly_apostrophes() -> None:
    for text in FRENCH:
        plain = NOT_FRENCH.sub("x", text).replace("{", " {")
        assert not re.search(r"[^\u202f][;:!?%»]", plain), text
        assert not re.search(r"«(?!\u202f)", text), text
        assert "'" not in text, text


def test_the_compiled_form_is_what_gettext_reads() -> None:
    messages = [
        Message("a day", strings=("un jour",)),
        Message("{n} day", "{n} days", strings=("{n} jour", "{n} jours")),
        Message("held", context="clients", strings=("tenus",)),
        Message("not yet", strings=("",)),
    ]
    found = gettext.GNUTranslations(io.BytesIO(compile_mo("fr", messages)))
    assert found.gettext("a day") == "un jour"
    assert [found.ngettext("{n} day", "{n} days", n) for n in (0, 1, 2)] == [
        "{n} jour",
        "{n} jour",
        "{n} jours",
    ]
    assert found.pgettext("clients", "held") == "tenus"
    assert found.gettext("not yet") == "not yet"


def test_a_catalogue_comes_back_from_its_text() -> None:
    messages = [
        Message('say "no"\\', strings=("dire « non »",), places=("a.py",)),
        Message("one", "many", "ctx", ("un", "des"), ("b.html", "c.py")),
    ]
    back = parse_po(write_po("fr", messages))
    assert [replace_places(m) for m in messages] == list(back.values())


def replace_places(message: Message) -> Message:
    return Message(message.text, message.plural, message.context, message.strings)


def test_a_broken_line_is_named() -> None:
    with pytest.raises(ValueError, match=r"not a line of a \.po file: 'msgid unquoted'"):
        parse_po("msgid unquoted\n")


def test_merging_keeps_what_is_translated_and_drops_what_is_gone() -> None:
    wanted = {m.key: m for m in (Message("new"), Message("old"), Message("two", "twos"))}
    known = {m.key: m for m in (Message("old", strings=("vieux",)), Message("gone"))}
    merged = merge(wanted, known, stands_for_itself=False)
    assert [(m.text, m.strings) for m in merged.values()] == [
        ("new", ("",)),
        ("old", ("vieux",)),
        ("two", ("", "")),
    ]
    english = merge(wanted, {}, stands_for_itself=True)
    assert [m.strings for m in english.values()] == [("new",), ("old",), ("two", "twos")]


def test_the_command_says_what_is_left_to_translate(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("app")
    (root / "a.py").write_text('_("one"); ngettext("n", "ns", 2); print("no")\n')
    (root / "b.html").write_text(
        '{% load i18n %}{% translate "two" %}{% include "c.html" with d=_("three") %}'
    )
    assert main(root) == 1
    assert "fr: 4 messages, 4 to translate" in capsys.readouterr().out
    assert (root / "locale" / "en" / "LC_MESSAGES" / "django.mo").exists()
