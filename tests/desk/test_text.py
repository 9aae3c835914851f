"""Texts: numbers and dates as readers write them, the French catalogue, names with Arabic letters, words of units."""

from __future__ import annotations

import ast
import gettext
import io
import math
import re
import string
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client as Web
from django.utils import translation
from django.utils.translation import override
from playwright.sync_api import Browser
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk.navigation import isolate_names
from releve.desk.registry.page import translate_unit
from releve.desk.text import Text, text_now
from releve.network import TABLES, Client, list_columns, parse_opening
from releve.network.moments import UTC
from releve.plugins.crashtest.engine.policies import POLICIES
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from releve.situation import KINDS
from tests.accounts.people import signed_in
from tests.homes import make_test_home
from tests.situation.rule_chain import operator
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

FR, EN = Text("fr", "Europe/Paris"), Text("en", "Europe/Paris")
MORNING = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "digits", "french", "english"),
    [
        (1234567.891, 1, "1\u202f234\u202f567,9", "1,234,567.9"),
        (0.0, 0, "0", "0"),
        (-3.2, 1, "\u22123,2", "\u22123.2"),
        (-0.04, 1, "0,0", "0.0"),
        (math.nan, 2, "?", "?"),
    ],
)
def test_numbers_have_the_separators_of_the_language(value: float, digits: int, french: str, english: str) -> None:
    assert FR.number(value, digits) == french
    assert EN.number(value, digits) == english


def test_a_percentage_has_a_narrow_space_in_french_only() -> None:
    assert FR.percent(0.1234, 1) == "12,3\u202f%"
    assert EN.percent(0.1234, 1) == "12.3%"


def test_a_coverage_is_rounded_down_so_that_full_means_full() -> None:
    assert EN.coverage(0.9999) == "99%"
    assert EN.coverage(1.0) == "100%"
    assert EN.coverage(0.29) == "29%", "0.29 * 100 is a hair below 29 in floating point"
    assert EN.coverage(math.nan) == "?"


def test_a_little_missing_is_never_shown_as_none() -> None:
    assert EN.missing(0.0) == "0%"
    assert EN.missing(0.00001) == "<\u00a00.1%"
    assert FR.missing(0.0512) == "5,1\u202f%"


def test_money_is_in_whole_euros() -> None:
    assert FR.euros(12600) == "12\u202f600\u00a0€"
    assert EN.euros(12600) == "€12,600"


def test_times_have_24_hours_in_the_time_zone_of_the_operator() -> None:
    assert FR.time(MORNING) == "10\u00a0h\u00a030"
    assert EN.time(MORNING) == "10:30"
    assert FR.time(MORNING.replace(minute=0)) == "10\u00a0h"
    assert Text("en", "Africa/Casablanca").time(MORNING) == "09:30"
    assert FR.span(MORNING, MORNING.replace(hour=17)) == "10:30–18:30"


@pytest.mark.parametrize(
    ("written", "french", "english"),
    [
        ("Mon-Sat 08:00-20:00", "lun.–sam. 8\u00a0h–20\u00a0h", "Mon–Sat 08:00–20:00"),
        (
            "Mon-Fri 08:30-12:00; Mon-Fri 14:00-24:00; Sun 9:00-13:00",
            "lun.–ven. 8\u00a0h\u00a030–12\u00a0h, 14\u00a0h–24\u00a0h\u202f; dim. 9\u00a0h–13\u00a0h",
            "Mon–Fri 08:30–12:00, 14:00–24:00; Sun 09:00–13:00",
        ),
        ("Wed 10:00-11:00", "mer. 10\u00a0h–11\u00a0h", "Wed 10:00–11:00"),
    ],
)
def test_opening_hours_are_in_the_words_of_the_reader(written: str, french: str, english: str) -> None:
    opening = parse_opening(written)
    assert (FR.opening_hours(opening), EN.opening_hours(opening)) == (french, english)


def test_dates_are_in_words_and_the_first_is_premier() -> None:
    assert FR.day(date(2026, 12, 1)) == "mardi 1er décembre 2026"
    assert FR.day(date(2026, 11, 30)) == "lundi 30 novembre 2026"
    assert EN.day(date(2026, 11, 30)) == "Monday 30 November 2026"
    assert FR.day(date(2026, 11, 30), weekday=False) == "30 novembre 2026"
    assert (FR.short_day(date(2026, 11, 30)), EN.short_day(date(2026, 11, 30))) == ("lun.\u00a030", "Mon\u00a030")


def test_durations_show_the_digits_that_matter() -> None:
    assert FR.seconds(3.912) == "3,91\u00a0s"
    assert EN.seconds(127.04) == "127.0\u00a0s"


def test_enumerations_follow_the_language() -> None:
    with override("fr"):
        assert FR.list(["a", "b", "c"]) == "a, b et c"
        assert FR.either(["a", "b"]) == "a ou b"
    with override("en"):
        assert EN.list(["a", "b", "c"]) == "a, b and c"
        assert EN.list(["a"]) == "a"
        assert EN.either([]) == ""


@pytest.mark.parametrize(("active", "language"), [("fr", "fr"), ("en-gb", "en"), ("en", "en"), ("fr-ca", "fr")])
def test_the_language_of_the_request_is_the_language_of_the_numbers(active: str, language: str) -> None:
    with override(active):
        assert text_now("Europe/Paris").language == language


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


def test_a_part_of_a_count_has_no_plural_noun_between_the_two_in_french() -> None:
    value = r"(?:\{\w+\}|%\(\w+\)s)"
    found = [
        text
        for message in CATALOGUE.values()
        for text in message.strings
        if not message.plural and re.search(rf"{value} [\w’ ]*s (?:sur|parmi) {value}|{value} sur {value} \w", text)
    ]
    assert [text for text in found if not text.startswith(_NEVER_ONE)] == []


_NEVER_ONE = ("Les %(shown)s plus graves sur", "Probabilités sur", "{0} n’est pas parmi")
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


FILLED_LATER = (
    "evidence/narrative.py",
    "network/parsing.py",
    "live/message_texts.py",
    "plan/staleness.py",
    "worktime/rows.py",
    "live/publication.py",
)
"""Modules with tables of sentences: ``with_params``, or names, fill them where they are used."""


def test_every_phrase_of_the_engines_is_translated_with_a_value_for_each_brace() -> None:
    phrases = [
        (path.parent.name + "/" + path.name, node)
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
        filled = name in FILLED_LATER and not values
        assert spread or len(values) == braces or filled, first.value


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


def test_no_verb_agrees_in_the_plural_with_a_count_that_may_be_one() -> None:
    """« 1 sont nommés »: a count of people or things stands after its word, or has a plural form."""
    agreed = re.compile(
        r"(?:\{(?:count|agents|people|placed|riders|moved|n)\}|%\((?:count|agents|people|placed)\)s)[\s\w]* sont\b"
    )
    found = [text for entry in CATALOGUE.values() if not entry.plural for text in entry.strings if agreed.search(text)]
    assert found == []
    assert agreed.search("{count} présents, mais {agents} sont nommés")


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


SITE, LONGER, CLIENT = "موقع 2", "موقع 2 (Port) 24/7", "شركة «Atlas» & أبناؤها"
HOUSE = operator(
    clients=(Client("c", CLIENT),),
    sites=tuple(replace(row, name=name) for row, name in zip(operator().sites, (SITE, LONGER, "Lille"), strict=True)),
)
OPEN, CLOSE = "\u2068", "\u2069"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"<b>{SITE}</b> : 12", f"<b>{OPEN}{SITE}{CLOSE}</b> : 12"),
        (f"<p>Fermé : {LONGER}, 3 agents</p>", f"<p>Fermé : {OPEN}{LONGER}{CLOSE}, 3 agents</p>"),
        (f"{SITE}, {LONGER}", f"{OPEN}{SITE}{CLOSE}, {OPEN}{LONGER}{CLOSE}"),
        ("<td>شركة «Atlas» &amp; أبناؤها 7</td>", f"<td>{OPEN}شركة «Atlas» &amp; أبناؤها{CLOSE} 7</td>"),
        ("Vu par سارة العلوي : 3", f"Vu par {OPEN}سارة العلوي{CLOSE} : 3"),
        ("שרה 3", f"{OPEN}שרה{CLOSE} 3"),
    ],
)
def test_a_name_is_isolated_whole(before: str, after: str) -> None:
    assert isolate_names(before, HOUSE) == after


@pytest.mark.parametrize(
    "text",
    [
        f'<a href="/sites/{SITE}" title="{SITE}">x</a>',
        f'<input value="{SITE}">',
        f"<textarea>{SITE}</textarea>",
        f"<pre class=command>releve x '{SITE}'</pre>",
        f"<script>'{SITE}'</script>",
        "<p>Casablanca Port 2, d’été : 3 %</p>",
        "",
    ],
)
def test_what_is_sent_back_copied_or_without_such_letters_is_left(text: str) -> None:
    assert isolate_names(text, HOUSE) == text


def test_without_an_operator_a_name_of_a_person_is_isolated_too() -> None:
    assert isolate_names("سارة 3", None) == f"{OPEN}سارة{CLOSE} 3"


@pytest.mark.browser
@pytest.mark.slow
def test_a_number_stands_behind_the_name_in_the_browser(browser: Browser) -> None:
    """In French text what follows a name stands to its right."""
    page = browser.new_page()
    plain = f"{SITE} : 12 agents"
    for text in (plain, isolate_names(plain, HOUSE)):
        page.set_content(f"<p lang=fr>{text}</p>")
        name, number = page.evaluate(_PLACES, [text.index(SITE[0]), text.rindex("12")])
        assert (name < number) is (text != plain)
    page.close()


_PLACES = """places => places.map(at => {
    const range = document.createRange(), text = document.querySelector("p").firstChild;
    range.setStart(text, at); range.setEnd(text, at + 1);
    return range.getBoundingClientRect().left;
})"""


@pytest.mark.database
@pytest.mark.django_db
def test_pages_isolate_names_and_their_twins_hold_them_as_they_are(settings: Settings, tmp_path: Path) -> None:
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()
    apply_changes(preview_changes(HOUSE), "tests")
    web: Web = signed_in(Role.CONTINUITY)
    for path in ("/sites", "/sites/casa", "/now", "/record/inspection", "/clients"):
        answer = web.get(path)
        text = answer.content.decode()
        assert answer.status_code == 200, path
        shown = re.sub("<[^>]*>", "", text)
        assert SITE in shown or CLIENT.split()[0] in shown, path
        rest = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", "", shown)
        assert not re.search("[\u0600-\u06ff]", rest), path
        assert OPEN not in rest
        assert int(answer.headers.get("Content-Length", len(answer.content))) == len(answer.content)
    assert OPEN not in web.get("/sites?format=json").content.decode()
    storage.clear_cache()


def test_every_unit_of_the_tables_has_a_word_in_both_languages() -> None:
    columns = [column for row in TABLES for column in list_columns(row)]
    for language in ("fr", "en"):
        with override(language):
            assert all(translate_unit(column) for column in columns if column.unit)


def test_an_instant_near_by_is_said_without_its_date() -> None:
    now, text = datetime(2026, 12, 2, 23, 30, tzinfo=UTC), Text("fr", "Europe/Paris")  # 3 December in Paris
    with override("fr"):
        said = [text.near(now + timedelta(hours=hours), now) for hours in (0.5, 24, -24, 48)]
    said = [words.replace("\u00a0", " ") for words in said]
    assert said == ["1 h", "demain à 0 h 30", "hier à 0 h 30", "samedi 5 décembre 2026 à 0 h 30"]
