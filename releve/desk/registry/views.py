"""The pages of the tables and of one row."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, choose_status, serve
from releve.desk.http import answer, wants_json
from releve.desk.query import read_number
from releve.desk.registry.context import (
    RegistryContext,
    find_context,
    parse_page_number,
    require_context,
)
from releve.desk.registry.forms import (
    Suggestions,
    build_row_form,
    describe_fault,
    find_suggestions,
    read_values,
    show_faults,
)
from releve.desk.registry.tables import (
    build_index_page,
    build_index_twin,
    build_table_page,
    build_table_twin,
)
from releve.desk.registry.values import format_for_form
from releve.desk.registry.words import translate_doc, translate_table
from releve.desk.text import translate_error
from releve.errors import Phrase
from releve.network import OperatorFaults, list_columns
from releve.registry.edits import Edit, prepare_edit
from releve.registry.errors import RegistryError
from releve.registry.row_text import find_zone, get_position
from releve.registry.service import apply_changes, load_operator
from releve.registry.tables import get_row_class, get_rows


@dataclass(frozen=True)
class RowPage:
    """The form of a row, new or old, or the question whether to remove it."""

    title: str
    table: str
    table_url: str
    about: str
    key: str
    seen: int
    form: forms.Form
    suggestions: tuple[Suggestions, ...]
    refusals: tuple[str, ...]
    remove_url: str


@serve("registry.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """The current version and its tables."""
    found = find_context()
    page = build_index_page(found, can(request.user, "registry.edit"))
    return answer(request, "desk/registry/index.html", page, build_index_twin(found))


@serve("registry.see")
def show_table(request: HttpRequest, table: str) -> HttpResponse:
    """The rows of a table, page by page, or those that hold a text."""
    found = require_context()
    query, page = request.GET.get("q", "").strip(), parse_page_number(request)
    may_edit = can(request.user, "registry.edit")
    return answer(
        request,
        "desk/registry/table.html",
        build_table_page(found, table, query, page, may_edit),
        build_table_twin(found, table, query, page),
    )


@serve("registry.edit", FORM, recent=True)
def add_row(request: HttpRequest, table: str) -> HttpResponse:
    """The form of a new row."""
    found = require_context()
    title = _("New row: {table}").format(table=translate_table(table))
    page = _row_page(request, found, table, "", title)
    return _sent(request, page, table) if request.method == "POST" else _row(request, page)


@serve("registry.edit", FORM, recent=True)
def edit_row(request: HttpRequest, table: str, key: str) -> HttpResponse:
    """The form of a row that is there."""
    found = require_context()
    page = _row_page(request, found, table, key, key)
    return _sent(request, page, table) if request.method == "POST" else _row(request, page)


@serve("registry.edit", FORM, recent=True)
def remove_row(request: HttpRequest, table: str, key: str) -> HttpResponse:
    """The question whether to remove a row, with what still needs it."""
    found = require_context()
    page = _row_page(request, found, table, key, _("Remove {key}").format(key=key))
    wanted = Edit(table, key, None, page.seen)
    try:
        changes = prepare_edit(wanted)
        if request.method == "POST":
            made = apply_changes(
                changes, actor_name(request), request.POST.get("comment", "")[:500]
            )
            return _done(request, made.number, table)
    except (OperatorFaults, RegistryError) as error:
        page = replace(page, refusals=_needing(error))
        status = 422 if isinstance(error, OperatorFaults) else choose_status(error)
        return _row(request, page, "desk/registry/remove.html", status)
    return _row(request, page, "desk/registry/remove.html")


def _row_page(
    request: HttpRequest, found: RegistryContext, table: str, key: str, title: str
) -> RowPage:
    """Return the form of a row, filled with what was sent, else with what the row holds."""
    operator = load_operator(found.version)
    kind = get_row_class(table)
    seen = _seen(request, found)
    texts = {}
    if key and request.method != "POST":
        row = get_rows(operator, table)[get_position(operator, table, key)]
        zone_name = find_zone(operator, table)(row)
        texts = {
            c.name: format_for_form(table, c, getattr(row, c.name), found.text, zone_name)
            for c in list_columns(kind)
        }
    return RowPage(
        title=title,
        table=translate_table(table),
        table_url=reverse("registry_table", args=[table]),
        about=translate_doc(kind.doc),
        key=key,
        seen=seen,
        form=build_row_form(
            table, found.text, texts, request.POST if request.method == "POST" else None
        ),
        suggestions=find_suggestions(table, operator),
        refusals=(),
        remove_url=reverse("registry_remove", args=[table, key])
        if key and table != "operator"
        else "",
    )


def _seen(request: HttpRequest, found: RegistryContext) -> int:
    """Return the version that the form was made from."""
    seen = read_number(request.POST.get("seen", ""))
    return found.version.number if seen is None else seen


def _sent(request: HttpRequest, page: RowPage, table: str) -> HttpResponse:
    """Apply what was sent; else show it again with each fault by its field."""
    if not page.form.is_valid():
        return _row(request, page, status=422)
    found = require_context()
    values = read_values(table, page.form, found.text)
    try:
        changes = prepare_edit(Edit(table, page.key, values, page.seen if page.key else None))
        made = apply_changes(changes, actor_name(request), page.form.cleaned_data["comment"])
    except OperatorFaults as error:
        operator = load_operator(found.version)
        at = get_position(operator, table, page.key) if page.key else len(get_rows(operator, table))
        show_faults(page.form, table, at + 2, error.faults)
        return _row(request, page, status=422)
    except RegistryError as error:
        page.form.add_error(None, translate_error(error))
        return _row(request, page, status=choose_status(error))
    return _done(request, made.number, table)


def _done(request: HttpRequest, number: int, table: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"version": number})
    messages.success(request, _("Stored as version {number}.").format(number=number))
    return redirect("registry_table", table)


def _row(
    request: HttpRequest, page: RowPage, template: str = "desk/registry/row.html", status: int = 200
) -> HttpResponse:
    return answer(request, template, page, _row_twin(page), status)


def _row_twin(page: RowPage) -> dict[str, object]:
    """Return the form as plain values: what is in it, and what is wrong with it."""
    form = page.form
    values = form.data if form.is_bound else form.initial
    errors = form.errors if form.is_bound else {}
    return {
        "key": page.key,
        "version": page.seen,
        "values": {name: values.get(name, "") for name in form.fields},
        "faults": {name: [str(item) for item in items] for name, items in errors.items()},
        "refusals": list(page.refusals),
    }


def _needing(error: OperatorFaults | RegistryError) -> tuple[str, ...]:
    """Return what would be wrong without a row: no likely spelling, since it was right with it."""
    if isinstance(error, RegistryError):
        return _refusals(error)
    fix = Phrase("remove this row first, or change it")
    return tuple(describe_fault(replace(fault, fix=fix)) for fault in error.faults)


def _refusals(error: OperatorFaults | RegistryError) -> tuple[str, ...]:
    if isinstance(error, RegistryError):
        return (translate_error(error),)
    return tuple(describe_fault(fault) for fault in error.faults)
