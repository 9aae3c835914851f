"""The pages of the tables, of one row and of the versions."""

from __future__ import annotations

from dataclasses import replace

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, choose_status, serve
from releve.desk.http import page_response
from releve.desk.query import read_number
from releve.desk.registry.context import (
    RegistryContext,
    confirm_stored,
    find_context,
    parse_page_number,
    read_comment,
    require_context,
)
from releve.desk.registry.forms import (
    build_row_form,
    read_values,
    show_faults,
)
from releve.desk.registry.page import (
    RowPage,
    VersionPage,
    VersionRow,
    VersionsPage,
    registry_page,
    row_page,
    table_page,
)
from releve.desk.text import translate_error
from releve.errors import Phrase
from releve.network import OperatorFaults
from releve.registry import service
from releve.registry.change_list import list_differences, list_version_changes
from releve.registry.edits import Edit, prepare_edit
from releve.registry.errors import RegistryError
from releve.registry.models import Version
from releve.registry.row_search import FIRST_ROW
from releve.registry.row_text import get_position
from releve.registry.tables import get_rows, list_referenced_ids

_VERSIONS = 50
_MOST_SUGGESTED = 500


@serve("registry.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """The current version and its tables."""
    page = registry_page(find_context(), can(request.user, "registry.edit"))
    return page_response(request, "desk/registry/index.html", page)


@serve("registry.see")
def show_table(request: HttpRequest, table: str) -> HttpResponse:
    """The rows of a table, page by page, or those that hold a text."""
    query, number = request.GET.get("q", "").strip(), parse_page_number(request)
    page = table_page(require_context(), table, query, number, can(request.user, "registry.edit"))
    return page_response(request, "desk/registry/table.html", page)


@serve("registry.edit", FORM, recent=True)
def edit_row(request: HttpRequest, table: str, key: str = "") -> HttpResponse:
    """The form of a row that is there, or of a new one; each fault stands by its field."""
    here = require_context()
    page = row_page(here, table, key, _read_seen(request, here))
    if request.method != "POST":
        return _show(request, here, page, build_row_form(page))
    form = build_row_form(page, request.POST)
    if not form.is_valid():
        return _show(request, here, page, form, 422)
    try:
        values = read_values(table, form)
        changes = prepare_edit(Edit(table, key, values, page.version if key else None))
        made = service.apply_changes(changes, actor_name(request), form.cleaned_data["comment"])
    except OperatorFaults as error:
        rows = get_rows(here.operator, table)
        at = get_position(here.operator, table, key) if key else len(rows)
        show_faults(form, table, at + FIRST_ROW, error.faults)
        return _show(request, here, page, form, 422)
    except RegistryError as error:
        form.add_error(None, translate_error(error))
        return _show(request, here, page, form, choose_status(error))
    return confirm_stored(request, made, "registry_table", table)


def _show(
    request: HttpRequest,
    here: RegistryContext,
    page: RowPage,
    form: forms.Form,
    status: int = 200,
) -> HttpResponse:
    suggestions = list_referenced_ids(here.operator, page.table, _MOST_SUGGESTED)
    context = {"form": form, "suggestions": suggestions}
    return page_response(request, "desk/registry/row.html", page, context, status=status)


@serve("registry.edit", FORM, recent=True)
def remove_row(request: HttpRequest, table: str, key: str) -> HttpResponse:
    """The question whether to remove a row, with what still needs it."""
    here = require_context()
    page = row_page(here, table, key, _read_seen(request, here))
    status = 200
    try:
        changes = prepare_edit(Edit(table, key, None, page.version))
        if request.method == "POST":
            made = service.apply_changes(changes, actor_name(request), read_comment(request))
            return confirm_stored(request, made, "registry_table", table)
    except OperatorFaults as error:
        # No likely spelling is proposed, since all was right with the row.
        fix = Phrase("remove this row first, or change it")
        faults = tuple(replace(fault, fix=fix) for fault in error.faults)
        page, status = page.model_copy(update={"faults": faults}), 422
    return page_response(request, "desk/registry/remove.html", page, status=status)


def _read_seen(request: HttpRequest, here: RegistryContext) -> int:
    """Return the version that the form was made from."""
    seen = read_number(request.POST.get("seen", ""))
    return here.version.number if seen is None else seen


@serve("registry.see")
def list_versions(request: HttpRequest) -> HttpResponse:
    """Every version, the current one first."""
    found = Paginator(Version.objects.all(), _VERSIONS).get_page(parse_page_number(request))
    page = VersionsPage(
        time_zone=require_context().time_zone,
        versions=tuple(map(VersionRow.from_row, found)),
        page=found.number,
        pages=found.paginator.num_pages,
    )
    return page_response(request, "desk/registry/versions.html", page)


@serve("registry.see")
def show_version(request: HttpRequest, number: int) -> HttpResponse:
    """One version and what it changed."""
    here = require_context()
    wanted = service.get_version(number)
    edits = can(request.user, "registry.edit")
    current = number == here.version.number
    page = VersionPage(
        time_zone=here.time_zone,
        version=VersionRow.from_row(wanted),
        tables=list_version_changes(wanted),
        current=current,
        may_undo=edits and current and number > 1,
        may_restore=edits and wanted.digest != here.version.digest,
    )
    return page_response(request, "desk/registry/version.html", page)


@serve("registry.edit", FORM, recent=True)
def go_back(request: HttpRequest, number: int, *, undo: bool) -> HttpResponse:
    """The question whether to undo the current version or restore one, with what that changes."""
    wanted = service.get_version(number)
    target = service.get_before(wanted) if undo else wanted
    if request.method == "POST":
        act = service.undo_version if undo else service.restore_version
        return confirm_stored(request, act(wanted, actor_name(request), read_comment(request)))
    here = require_context()
    page = VersionPage(
        time_zone=here.time_zone,
        version=VersionRow.from_row(target),
        tables=list_differences(here.version, target),
    )
    return page_response(request, "desk/registry/back.html", page, {"wanted": wanted})
