"""The desk in a real browser: French and English, a desk's width and a phone's, with and without
JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from releve.accounts.permissions import PROVISIONS, WATCHING, Role
from tests.browser_tools import (
    SIZES,
    VIEWS,
    View,
    faults_above,
    faults_of,
    follow,
    keep,
    looked_at,
    overflow,
    serious,
    served,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = "/cell/banque-rive/site:casa-1"
WORDS = {
    "fr-FR": ("donneurs d’ordre tenus quel que soit le lieu perdu", "Qui va où", "si Casablanca Nearshore ferme"),
    "en-GB": ("of 12 clients held", "Who moves where", "if Casablanca Nearshore closes"),
}


@pytest.fixture(scope="module")
def address(plan_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk served by its own command, as a user starts it."""
    with served(tmp_path_factory.mktemp("home"), str(plan_folder), "--open") as found:
        yield found


def context(
    browser: Browser, address: str, language: str = "fr-FR", size: str = "desk", js: bool = True
) -> BrowserContext:
    width, height = SIZES[size]
    return browser.new_context(
        base_url=address, locale=language, viewport={"width": width, "height": height}, java_script_enabled=js
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", WORDS)
def test_the_pages_fit_and_speak_the_language(browser: Browser, address: str, language: str, size: str) -> None:
    verdict, moves, loss = WORDS[language]
    with context(browser, address, language, size) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        page.goto("/")
        expect(page.locator("h1")).to_contain_text(verdict)
        assert overflow(page) == 0
        page.goto(CELL)
        expect(page.locator("h2")).to_contain_text(loss)
        expect(page.get_by_role("heading", name=moves)).to_be_visible()
        assert overflow(page) == 0
        assert faults == []


@pytest.mark.parametrize("language", WORDS)
def test_a_click_on_a_cell_shows_its_chart_and_moves_in_place(browser: Browser, address: str, language: str) -> None:
    _verdict, moves, loss = WORDS[language]
    with context(browser, address, language) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        page.goto("/")
        page.locator(f'.matrix a[href="{CELL}"]').click()
        panel = page.locator("#panel")
        expect(panel.locator("#cell-title")).to_contain_text(loss)
        expect(panel.locator("svg.chart.wide")).to_be_visible()
        expect(panel.get_by_role("heading", name=moves)).to_be_visible()
        expect(page.locator("table.matrix")).to_be_visible()
        expect(panel.locator("#cell-title")).to_be_focused()
        assert page.url.endswith(CELL)
        assert faults == []


def test_the_filter_and_the_next_cell_work_in_the_panel(browser: Browser, address: str) -> None:
    with context(browser, address, "en-GB") as visitor:
        page = visitor.new_page()
        page.goto("/")
        page.locator(f'.matrix a[href="{CELL}"]').click()
        panel = page.locator("#panel")
        expect(panel.locator("#cell-title")).to_contain_text("Banque de la Rive")
        panel.locator("#programme").select_option("banque-rive-2")
        panel.get_by_role("button", name="Show").click()
        expect(panel.locator("#chart-heading")).to_contain_text("Conseil")
        expect(page.locator("table.matrix")).to_be_visible()
        page.locator('.matrix a[href="/cell/azur/site:casa-1"]').click()
        expect(panel.locator("#cell-title")).to_contain_text("Azur Assurances")
        page.go_back()
        expect(page.locator("#cell-title")).to_contain_text("Banque de la Rive")


@pytest.mark.parametrize("size", SIZES)
def test_without_javascript_everything_is_there_by_plain_links(browser: Browser, address: str, size: str) -> None:
    with context(browser, address, "fr-FR", size, js=False) as visitor:
        page = visitor.new_page()
        page.goto("/")
        link = ".matrix a" if size == "desk" else ".client .chips a"
        follow(page.locator(f'{link}[href="/cell/banque-rive/site:rabat-1"]').first)
        assert page.url.endswith("/cell/banque-rive/site:rabat-1")
        shown = "wide" if size == "desk" else "narrow"
        expect(page.locator(f"svg.chart.{shown}")).to_be_visible()
        expect(page.get_by_role("heading", name="Qui va où")).to_be_visible()
        page.locator("#programme").select_option("banque-rive-1")
        follow(page.get_by_role("button", name="Afficher"))
        assert "programme=banque-rive-1" in page.url
        expect(page.locator("#chart-heading")).to_contain_text("Cartes et oppositions")
        follow(page.get_by_role("button", name="EN", exact=True))
        expect(page.get_by_role("heading", name="Who moves where")).to_be_visible()
        assert "programme=banque-rive-1" in page.url, "the language changes, the page stays"


def test_a_phone_has_cards_with_the_worst_cells_instead_of_the_matrix(browser: Browser, address: str) -> None:
    with context(browser, address, "fr-FR", "phone") as visitor:
        page = visitor.new_page()
        page.goto("/")
        expect(page.locator("table.matrix")).to_be_hidden()
        first = page.locator(".client").first
        expect(first.locator(".chip").first).to_contain_text("29")
        first.locator(".chip").first.click()
        expect(page.locator("#panel #cell-title")).to_contain_text("Banque de la Rive")
        expect(page.locator("#panel svg.chart.narrow")).to_be_visible()
        assert overflow(page) == 0


def test_the_keyboard_reaches_a_cell_and_its_focus_is_seen(browser: Browser, address: str) -> None:
    with context(browser, address) as visitor:
        page = visitor.new_page()
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
        cell = page.locator(".matrix a").first
        page.locator(".relief .scroll").focus()
        page.keyboard.press("Tab")
        expect(cell).to_be_focused()
        assert cell.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator("#panel #cell-title")).to_be_focused()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_navigation_is_a_row_or_two_on_a_phone_and_its_menus_open(browser: Browser, address: str, view: View) -> None:
    with looked_at(browser, address, view) as page:
        for role in (role for role in Role if role not in WATCHING | PROVISIONS):
            place = {Role.SITE: "casa-1", Role.CLIENT: "banque-rive"}.get(role, "")
            cookie = {"name": "releve_role", "value": f"{role.value}:{place}", "url": address}
            page.context.add_cookies([cookie])
            page.goto("/look")
            boxes = [item.bounding_box() for item in page.locator(".pages-of-desk .inner > li").all()]
            shown = [box for box in boxes if box]
            tops = [box["y"] for box in shown]
            bottoms = [box["y"] + box["height"] for box in shown]
            rows = {round(top / 20) for top in tops} if view.size == "phone" else {0}
            assert max(tops) < min(bottoms) or 1 < len(rows) < 3, (role, "rows", tops)
            assert faults_above(page) == [], role
            menus = page.locator(".pages-of-desk details")
            for at in range(menus.count()):
                menus.nth(at).locator("summary").click()
                expect(menus.nth(at).get_by_role("link").last).to_be_in_viewport()
                expect(page.locator(".pages-of-desk details[open]")).to_have_count(1)
                assert overflow(page) == 0, role
            assert serious(page) == [], role
            keep(page, f"navigation-{role.value}", view)
            page.keyboard.press("Escape")
            expect(page.locator(".pages-of-desk details[open]")).to_have_count(0)


CONTRAST = """
(selector) => [...document.querySelectorAll(selector)].map(element => {
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  let ground = element, colour;
  do { colour = rgba(getComputedStyle(ground).backgroundColor); ground = ground.parentElement; }
  while (colour[3] === 0 && ground);
  const [a, b] = [light(rgba(getComputedStyle(element).color)), light(colour)];
  return [element.className + ' ' + element.textContent.trim().slice(0, 20),
          (Math.max(a, b) + .05) / (Math.min(a, b) + .05)];
})
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser: Browser, address: str, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: contrast of at least 4.5 to 1."""
    width, height = SIZES["desk"]
    with browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme="light" if scheme == "light" else "dark",
    ) as visitor:
        page = visitor.new_page()
        for path in ("/", CELL):
            page.goto(path)
            pairs = page.evaluate(CONTRAST, "main :is(h1, h2, h3, p, b, small, th, td, dt, a, li)")
            assert len(pairs) > 50
            assert [pair for pair in pairs if pair[1] < 4.5] == []


@pytest.mark.parametrize("language", WORDS)
def test_the_verdict_prints_on_one_page(browser: Browser, address: str, language: str) -> None:
    with context(browser, address, language) as visitor:
        page = visitor.new_page()
        page.goto("/")
        expect(page.locator("h1")).to_contain_text(WORDS[language][0])
        with pikepdf.open(BytesIO(page.pdf(prefer_css_page_size=True))) as printed:
            assert len(printed.pages) == 1
        page.emulate_media(media="print")
        for shown in (".banner h1", ".clients", ".causes", ".matrix"):
            expect(page.locator(shown)).to_be_visible()
        expect(page.locator(".workings > .facts")).to_be_hidden()


def test_paper_is_white_even_from_a_dark_screen(browser: Browser, address: str) -> None:
    with browser.new_context(base_url=address, color_scheme="dark") as visitor:
        page = visitor.new_page()
        page.goto("/")
        ground = "getComputedStyle(document.querySelector('.banner')).backgroundColor"
        assert page.evaluate(ground) == "rgb(23, 30, 38)"
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        expect(page.locator(".language")).to_be_hidden()
