"""The pages of Help: the handbook of the reader's role first, those of the other roles listed.

A page is a file ``LANGUAGE/NAME.md``. Bold names what stands on the desk, word for word; a link
leads to a page that the role may open, and is text to another reader. The tests hold both.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, resolve
from django.urls.exceptions import Resolver404
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from releve.accounts.permissions import Role
from releve.accounts.scopes import can, roles_held
from releve.desk.access.guard import allow_anonymous, permission_of
from releve.desk.http import require_found
from releve.desk.text import NARROW

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

FOLDER = Path(__file__).parent
LANGUAGES = ("fr", "en")
PAGES = {
    "continuity": (Role.CONTINUITY,),
    "planner": (Role.PLANNER,),
    "flow": (Role.FLOW,),
    "site-lead": (Role.SITE,),
    "health": (Role.HEALTH,),
    "outbound": (Role.OUTBOUND,),
    "client": (Role.CLIENT,),
    "auditor": (Role.AUDITOR, Role.INSPECTOR),
}
"""The roles that each page is for, in the order in which they are listed."""

_LINK = re.compile(r'<a href="([^"#]*)[^"]*">(.*?)</a>', re.DOTALL)
_FRENCH_SPACE = re.compile(r" (?=[;:!?»])|(?<=«) ")


def read_source(page: str, language: str) -> str:
    """Return a page's Markdown, with the narrow spaces of French."""
    text = (FOLDER / language / f"{page}.md").read_text(encoding="utf-8")
    return _FRENCH_SPACE.sub(NARROW, text) if language == "fr" else text


@cache
def render_page(page: str, language: str) -> str:
    """Return a page as HTML; what a source holds of HTML is shown as text."""
    return str(MarkdownIt("commonmark", {"html": False}).render(read_source(page, language)))


def _close_links(text: str, user: AnyUser) -> str:
    """Return a page with its links to what a reader may not open as text."""

    def choose(link: re.Match[str]) -> str:
        try:
            permission = permission_of(resolve(link[1]).func)
        except Resolver404:  # a page of a plug-in that is not installed here
            return link[2]
        return link[0] if not permission or can(user, permission) else link[2]

    return _LINK.sub(choose, text)


def name_page(page: str) -> str:
    """Return the names of a page's roles in the reader's language."""
    return ", ".join(str(role.label) for role in PAGES[page])


@allow_anonymous
@require_safe
@login_required
def show_own(request: HttpRequest) -> HttpResponse:
    """Show the page of the reader's role; where the role has none, list them all."""
    held = {row.role for row in roles_held(request.user)}
    return _answer(request, next((page for page, roles in PAGES.items() if held & set(roles)), ""))


@allow_anonymous
@require_safe
@login_required
def show_page(request: HttpRequest, page: str) -> HttpResponse:
    """Show the page of one role."""
    require_found(page if page in PAGES else None, _("The handbook has no such page."))
    return _answer(request, page)


def _answer(request: HttpRequest, page: str) -> HttpResponse:
    language = get_language() or ""
    text = render_page(page, language if language in LANGUAGES else "en") if page else ""
    text = _close_links(text, request.user)
    pages = [(name, name_page(name)) for name in PAGES]
    title = name_page(page) if page else ""
    return render(request, "desk/handbook/page.html", {"text": text, "page": page, "title": title, "pages": pages})


urlpatterns = [path("", show_own, name="help"), path("<slug:page>", show_page, name="help_page")]
