"""Names with Arabic letters keep their own direction in pages, whatever stands beside them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client as Web
from playwright.sync_api import Browser
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk.navigation import isolate_names
from releve.network import Client
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import signed_in
from tests.homes import make_test_home
from tests.situation.rule_chain import operator

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
