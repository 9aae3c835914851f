"""The handbook names what stands on the desk, and links to what its reader may open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import unescape

import pytest
from django.test import Client
from django.urls import resolve
from django.utils.translation import override
from markdown_it import MarkdownIt
from markdown_it.token import Token

from releve.accounts.permissions import Role
from releve.accounts.scopes import can
from releve.desk.access.guard import build_visitor, permission_of
from releve.desk.handbook.views import FOLDER, LANGUAGES, PAGES, name_page, read_source
from tests.accounts.people import give, person, sign_in
from tools.catalogue import FRENCH, HERE, parse_po

EVERY = [(page, language) for page in PAGES for language in LANGUAGES]
WORDS_AT_MOST = 900


@cache
def labels(language: str) -> frozenset[str]:
    """Return every text that the desk can show in a language, without the kinds of its spaces."""
    messages = parse_po((HERE / FRENCH).read_text(encoding="utf-8")).values()
    texts = (text for row in messages for text in (row.strings if language == "fr" else (row.text, row.plural)))
    return frozenset(plain(text) for text in texts)


def plain(text: str) -> str:
    return re.sub(r"\s", " ", unescape(text))


def walk(page: str, language: str) -> Iterator[tuple[str, str, str]]:
    """Yield each bold, slanted and linked text: its kind, the text, the address of a link."""
    for block in MarkdownIt("commonmark").parse(read_source(page, language)):
        opened: list[tuple[Token, list[str]]] = []
        for token in block.children or ():
            if token.nesting == 1:
                opened.append((token, []))
            elif token.nesting == -1:
                start, parts = opened.pop()
                yield start.tag, plain("".join(parts)), str(start.attrGet("href") or "")
            elif opened:
                opened[-1][1].append(token.content or " ")


@pytest.mark.parametrize(("page", "language"), EVERY)
def test_what_is_bold_slanted_or_a_link_stands_on_the_desk_word_for_word(page: str, language: str) -> None:
    named = [text for _kind, text, _address in walk(page, language)]
    assert len(named) > 10
    assert [text for text in named if text not in labels(language)] == []


@pytest.mark.parametrize(("page", "language"), EVERY)
def test_a_link_leads_to_a_page_that_each_of_its_roles_may_open(page: str, language: str) -> None:
    addresses = [address for kind, _text, address in walk(page, language) if kind == "a"]
    assert addresses
    for role in PAGES[page]:
        reader = build_visitor(role, {Role.SITE: "casa-1", Role.CLIENT: "banque-rive"}.get(role, ""))
        assert [it for it in addresses if not can(reader, permission_of(resolve(it).func) or "")] == []


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_say_the_same_in_the_same_order_on_four_printed_pages(page: str) -> None:
    french, english = ([(kind, address) for kind, _text, address in walk(page, one)] for one in LANGUAGES)
    assert french == english
    sources = [read_source(page, language) for language in LANGUAGES]
    marks = [re.findall(r"(?m)^(#+|\d+\.) ", source) for source in sources]
    assert marks[0] == marks[1]
    assert marks[0].count("##") == 3, "the normal day, the closure, the questions"
    assert 5 <= marks[0].count("###") <= 8
    assert max(len(source.split()) for source in sources) <= WORDS_AT_MOST


def test_every_file_is_a_page_and_names_its_role() -> None:
    for language in LANGUAGES:
        assert {path.stem for path in (FOLDER / language).glob("*.md")} == set(PAGES)
        with override(language):
            for page in PAGES:
                assert read_source(page, language).startswith(f"# {name_page(page)}\n")


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_help_shows_each_role_its_own_page_and_lists_the_others(stocked: None, role: Role) -> None:
    user = person("zoe")
    give(user, role)
    web: Client = sign_in(user, lately=True)
    account = web.get("/account").content.decode()
    assert re.search(r'href="/help/"[^>]*>Aide<', account)
    text = web.get("/help/").content.decode()
    own = [page for page, roles in PAGES.items() if role in roles]
    assert re.findall(r'href="/help/([^"]+)"\s+aria-current', text) == own
    assert "Le guide, par rôle" in text
    assert all(f'href="/help/{page}"' in text for page in PAGES)


@pytest.mark.django_db
def test_the_page_is_in_the_readers_language_and_a_strange_name_is_not_found(stocked: None) -> None:
    user = person("zoe")
    give(user, Role.SITE)
    web = sign_in(user, lately=True)
    assert "Les questions qui viennent" in web.get("/help/site-lead").content.decode()
    assert "A normal day" in web.get("/help/site-lead", headers={"accept-language": "en"}).content.decode()
    assert web.get("/help/nothing").status_code == 404


@pytest.mark.django_db
def test_a_link_to_what_the_reader_may_not_open_is_text(stocked: None) -> None:
    user = person("zoe")
    give(user, Role.SITE)
    web = sign_in(user, lately=True)
    assert 'href="/registry/"' not in web.get("/help/planner").content.decode()
    give(user, Role.PLANNER)
    assert 'href="/registry/"' in web.get("/help/planner").content.decode()
