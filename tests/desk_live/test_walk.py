"""Every page that a role reaches by links, in both languages: words of that language alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import resolve
from django.urls.exceptions import Resolver404

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.situation import KINDS
from tests.accounts.people import give, person, sign_in
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

A_ROUTE = 2
"""Pages of one address pattern that a role looks at."""
QUOTED = ("space", "/outbound/rules")
"""References to laws stand as their sources write them."""
NOT_WALKED = ("api_docs", "account_logout", "set_language")
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "use", "path"}
SILENT = {"script", "style", "code", "pre", "textarea"}
COUNTED = {
    "fr": "jours heures minutes sites personnes téléconseillers positions trimestres appels",
    "en": "days hours minutes sites people agents seats quarters calls",
}
FOREIGN = {
    "fr": r"\b(the|of|and|with|is|are|not|this|was|were|has|have|your|from|by)\b",
    "en": r"\b(les|des|une|est|sont|pour|avec|aux|dans|cette|vous)\b",
}


class Reader(HTMLParser):
    """Collects links, and text that is neither code nor said to be of another language."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language, self.links, self.texts = language, list[str](), list[str]()
        self.open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]).partition("#")[0])
        for name in ("aria-label", "title", "placeholder"):
            if given.get(name):
                self.texts.append(str(given[name]))
        if tag not in VOID:
            foreign = given.get("lang", self.language) != self.language
            self.open.append((tag, tag in SILENT or foreign))

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag not in VOID:
            if self.open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        text = " ".join(data.strip(" \n\t").split(" "))
        if text and not any(silent for _tag, silent in self.open):
            self.texts.append(text)


def faults_of(text: str, language: str, names: re.Pattern[str]) -> Iterator[str]:
    """What a text has that no reader should see."""
    text = re.sub(r"«[^»]*»|“[^”]*”|\"[^\"]*\"", "X", names.sub("X", text))  # names of columns
    if re.search(r"\{\w*\}|\{[{%]|%\(\w+\)", text):
        yield "braces"
    if re.search(r"^None$|\bNone\W*$|\bnan\b", text):
        yield "None"
    if re.search(r"\b[a-z]+_[a-z_]+\b(?!\.)", text) or any(kind in text.split() for kind in KINDS):
        yield "code"
    if re.search(rf"(?<![\d.,])\b1\s(?:{COUNTED[language].replace(' ', '|')})\b", text):
        yield "plural"
    if re.search(FOREIGN[language], text, re.IGNORECASE):
        yield "language"
    if language == "fr" and re.search(r"[ ][;:!?%»](?:\s|$)|«[ ]|[^\W\d_][;!?](?:\s|$)", text):
        yield "space"


def walk(web: Client, start: str) -> Iterator[tuple[str, str]]:
    """Pages by links from a page on, a few of each pattern: (address, HTML)."""
    waiting, seen, routes = [start], set[str](), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        try:
            match = resolve(path.partition("?")[0])
        except Resolver404:
            continue
        routes[match.route] += 1
        if match.url_name in NOT_WALKED or routes[match.route] > A_ROUTE:
            continue
        answer = web.get(path, follow=True)
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        assert answer.status_code in (200, 422, 503), (path, answer.status_code)  # never a 403
        page = answer.content.decode()
        yield path, page
        reader = Reader("")
        reader.feed(page)
        waiting += reader.links


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("role", list(Role))
def test_a_page_holds_words_of_its_language_and_nothing_raw(scenario: Scenario, role: Role, language: str) -> None:
    scenario.two_positives()
    scenario.work()
    operator = scenario.operator
    user = person("zoé")
    give(user, role, sites=[scenario.site], clients=[operator.clients[0].id])
    web = sign_in(user, lately=True)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    web.cookies[COOKIE] = scenario.stream
    rows = [operator.row, *operator.sites, *operator.clients, *operator.programmes]
    known = sorted({row.name for row in rows}, key=len, reverse=True)
    names = re.compile("|".join(map(re.escape, known)))
    found, pages = set[tuple[str, str, str]](), 0
    for path, page in walk(web, "/start"):
        reader = Reader(language)
        reader.feed(page)
        pages += 1
        for text in reader.texts:
            found |= {(fault, path, text) for fault in faults_of(text, language, names)}
    found = {one for one in found if one[:2] != QUOTED}
    assert pages > 3
    assert found == set()
