"""The pages of the versions: the list, one of them, going back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, wants_json
from releve.desk.registry.context import parse_page_number, require_context
from releve.desk.registry.versions import (
    ChangeList,
    build_change_lists,
    build_changes_twin,
    build_version_twin,
    select_listed_tables,
)
from releve.errors import Phrase
from releve.registry import service
from releve.registry.errors import NothingBefore
from releve.registry.models import Version

_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """A page of the list of versions; times are in the operator's zone."""

    time_zone: str
    versions: tuple[Version, ...]
    position: str
    previous: str
    following: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A version, what it changed, and what may be done with it; or the question whether to."""

    time_zone: str
    version: Version
    current: bool
    changes: tuple[ChangeList, ...]
    undo_url: str
    restore_url: str
    export_url: str
    back_url: str


@serve("registry.see")
def list_versions(request: HttpRequest) -> HttpResponse:
    """Every version, the current one first."""
    found = require_context()
    page = Paginator(Version.objects.all(), _VERSIONS).get_page(parse_page_number(request))
    shown = VersionsPage(
        found.text.time_zone,
        tuple(page),
        _("Page {page} of {pages}").format(page=page.number, pages=page.paginator.num_pages)
        if page.has_other_pages()
        else "",
        f"?page={page.previous_page_number()}" if page.has_previous() else "",
        f"?page={page.next_page_number()}" if page.has_next() else "",
    )
    twin = {
        "versions": [build_version_twin(item) for item in page],
        "page": page.number,
        "pages": page.paginator.num_pages,
    }
    return answer(request, "desk/registry/versions.html", shown, twin)


@serve("registry.see")
def show_version(request: HttpRequest, number: int) -> HttpResponse:
    """One version and what it changed."""
    found = require_context()
    wanted = service.get_version(number)
    listed = select_listed_tables(wanted.summary) if number > 1 else frozenset()
    tables = service.load_changes(wanted, listed) if listed else {}
    before = service.get_version(number - 1) if number > 1 else wanted
    operators = [service.load_operator(item) for item in (wanted, before)] if tables else []
    is_current = wanted.number == found.version.number
    edits = can(request.user, "registry.edit")
    page = VersionPage(
        found.text.time_zone,
        wanted,
        is_current,
        build_change_lists(wanted.summary, tables, operators, found.text),
        reverse("registry_undo", args=[number]) if edits and is_current and number > 1 else "",
        reverse("registry_restore", args=[number])
        if edits and wanted.digest != found.version.digest
        else "",
        f"{reverse('registry_export')}?version={number}",
        "",
    )
    twin = build_version_twin(wanted) | {"tables": build_changes_twin(wanted.summary, tables)}
    return answer(request, "desk/registry/version.html", page, twin)


@serve("registry.edit", FORM, recent=True)
def undo_version(request: HttpRequest, number: int) -> HttpResponse:
    """The question whether to undo the current version, with what that changes."""
    wanted = service.get_version(number)
    if number == 1:
        raise NothingBefore(
            Phrase("version 1 is the first one: there is none before it to go back to")
        )
    return _back(request, wanted, service.get_version(number - 1), service.undo_version)


@serve("registry.edit", FORM, recent=True)
def restore_version(request: HttpRequest, number: int) -> HttpResponse:
    """The question whether to go back to an earlier version, with what that changes."""
    wanted = service.get_version(number)
    return _back(request, wanted, wanted, service.restore_version)


def _back(
    request: HttpRequest,
    wanted: Version,
    target: Version,
    act: Callable[[Version, str, str], Version],
) -> HttpResponse:
    """Ask, with the changes from the current version to the target; on a yes, act."""
    if request.method == "POST":
        made = act(wanted, actor_name(request), request.POST.get("comment", "")[:500])
        if wants_json(request):
            return JsonResponse({"version": made.number})
        messages.success(request, _("Stored as version {number}.").format(number=made.number))
        return redirect("registry")
    found = require_context()
    tables = service.compare_versions(found.version, target)
    summary = {table: changes.counts() for table, changes in tables.items()}
    operators = [service.load_operator(item) for item in (target, found.version)]
    page = VersionPage(
        found.text.time_zone,
        target,
        False,
        build_change_lists(summary, tables, operators, found.text),
        "",
        "",
        "",
        reverse("registry_version", args=[wanted.number]),
    )
    twin = build_version_twin(target) | {"tables": build_changes_twin(summary, tables)}
    return answer(request, "desk/registry/back.html", page, twin)
