"""Tools of the browser tests: a served desk, the views it is looked at in, and what axe finds.

A test takes the ``browser`` fixture and calls these::

    from tests.browser_tools import VIEWS, looked_at, served

    @pytest.mark.parametrize("view", VIEWS, ids=str)
    def test_the_page_is_for_everybody(browser: Browser, address: str, view: View) -> None:
        with looked_at(browser, address, view) as page:
            page.goto("/now")
            assert serious(page) == []
            keep(page, "now")

With RELEVE_PICTURES set to a folder, ``keep`` writes a picture of the page there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests import processes
from tests.homes import make_home_with_tables

__all__ = [
    "PRINTED",
    "SIZES",
    "VIEWS",
    "WAIT_MS",
    "View",
    "command",
    "context",
    "environ_of",
    "faults_above",
    "faults_of",
    "follow",
    "keep",
    "looked_at",
    "overflow",
    "serious",
    "served",
    "with_styles",
]

SIZES = {"desk": (1280, 900), "phone": (390, 844)}
PRINTED = {"portrait": 703, "landscape": 1032}
"""Width of a printed A4 page between its margins, in CSS pixels."""
WAIT_MS = 600_000
"""What bounds a wait for work beside the page: seconds on an idle machine, minutes on another."""
expect.set_options(timeout=20_000)  # a page may be waited for: other tests run beside


@dataclass(frozen=True, slots=True)
class View:
    """One way to look: a language, a screen, a scheme of colours."""

    language: str = "fr-FR"
    size: str = "desk"
    scheme: Literal["light", "dark"] = "light"

    def __str__(self) -> str:
        return f"{self.language[:2]}-{self.size}-{self.scheme}"


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_ALL = tuple(View(*parts) for parts in product(("fr-FR", "en-GB"), SIZES, SCHEMES))
VIEWS = _ALL if os.environ.get("RELEVE_ALL_VIEWS") else (_ALL[3], _ALL[4])
"""French on a dark phone, where its longer words are narrowest, and English on a light desk, which
differ in all three; all eight on request."""


def environ_of(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of an installation, whose home is made where there is none."""
    make_home_with_tables(home)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
    return {**environ, "RELEVE_HOME": str(home), "PYTHONUNBUFFERED": "1", **(more or {})}


def command(home: Path, *args: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a ``releve`` command of an installation to its end; return what it wrote."""
    done = processes.run("releve", *args, environ=environ_of(home, environ))
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def served(home: Path, *args: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a desk by its own command, as a user starts it; yield its address."""
    line = ("releve", "desk", "serve", *args, "--port", "0")
    with processes.start(*line, environ=environ_of(home, environ), quiet=True) as process:
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        try:
            assert found is not None, "the server did not say where it listens"
            yield found[0]
        finally:
            process.terminate()
            process.wait(10)


def context(
    browser: Browser, address: str, view: View, cookies: Sequence[tuple[str, str]] = (), *, keeps: bool = False
) -> BrowserContext:
    """Return a browser context of a view, with cookies such as an open desk's role.

    ``keeps``: with the script that keeps pages for a phone without a network.
    """
    width, height = SIZES[view.size]
    found = browser.new_context(
        base_url=address,
        locale=view.language,
        viewport={"width": width, "height": height},
        color_scheme=view.scheme,
        has_touch=view.size == "phone",
        service_workers="allow" if keeps else "block",
    )
    found.add_cookies([{"name": k, "value": v, "url": address} for k, v in cookies])
    return found


@contextmanager
def looked_at(browser: Browser, address: str, view: View, cookies: Sequence[tuple[str, str]] = ()) -> Iterator[Page]:
    """Yield a page of a view; afterwards the browser must not have complained of anything."""
    with context(browser, address, view, cookies) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert faults == []


def faults_of(page: Page) -> list[str]:
    """Collect what the browser complains about: errors, content that the policy refuses."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    return faults


def follow(link: Locator) -> None:
    """Click what leads to another page, and wait for that page to have loaded.

    A click alone returns before the browser has left, and what is looked at next is then the old
    page, or the moment between the two; going elsewhere next may break off what was sent.
    """
    with link.page.expect_navigation():
        link.click()


_ABOVE = "document.querySelector('main').getBoundingClientRect().top + scrollY"
_CUT = """[...document.querySelectorAll('.pages-of-desk .inner > li > :is(a, details > summary)')]
    .filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent.trim())"""


def faults_above(page: Page) -> list[str]:
    """Return what is wrong above a page: names of the menu that are cut, on a phone more than a fifth of the screen."""
    found = [f"{name} is cut" for name in page.evaluate(_CUT)]
    size = page.viewport_size
    assert size is not None
    height = float(page.evaluate(_ABOVE))
    if size["width"] == SIZES["phone"][0] and height > size["height"] / 5:
        found.append(f"{height} px of the first screen are above it")
    return found


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))


def with_styles(html: str) -> str:
    """Return a page of the desk that needs no server: its own styles within it, no script."""

    def inline(link: re.Match[str]) -> str:
        found = finders.find(link[1])
        assert isinstance(found, str), link[1]
        return f"<style>{Path(found).read_text(encoding='utf-8')}</style>"

    styled = re.sub(r'<link rel="stylesheet" href="/static/([^"]+)">', inline, html)
    assert styled.count("<style>") >= 3
    return re.sub(r"<script.*?</script>", "", styled, flags=re.S)


def serious(page: Page) -> list[str]:
    """Return what axe finds serious or critical, each with the first element it stands on."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


def keep(page: Page, name: str, view: View | None = None) -> None:
    """Write a picture of the whole page where RELEVE_PICTURES says, if it says so."""
    folder = os.environ.get("RELEVE_PICTURES")
    if folder:
        path = Path(folder) / f"{name}-{view or View()}.png"
        page.screenshot(path=str(path), full_page=True)
