"""The pages of the tables, of one row, of the versions, and of files sent or downloaded."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, choose_status, serve
from releve.desk.http import download, page_response, read_number, takes, wants_json
from releve.desk.planning import start_proposed
from releve.desk.registry import call_import, feeds, schedule_import
from releve.desk.registry.page import (
    ProposalPage,
    RegistryContext,
    RowPage,
    UploadPage,
    VersionPage,
    VersionRow,
    VersionsPage,
    confirm_stored,
    discard,
    find_context,
    get_reader_language,
    list_causes,
    list_work_findings,
    parse_page_number,
    read_comment,
    registry_page,
    require_context,
    row_page,
    table_page,
)
from releve.desk.registry.row_form import build_row_form, read_values, show_faults
from releve.desk.registry.upload import FILE_LIMIT, let_go, take_file
from releve.desk.text import translate_error
from releve.errors import Phrase
from releve.network import Operator, OperatorFaults
from releve.network.corrections import list_corrections
from releve.network.folder_reader import zip_operator
from releve.network.workbook import WORKBOOK_TYPE, SheetOverflow, write_template, write_workbook
from releve.registry import service
from releve.registry.edits import Edit, list_differences, list_proposed_changes, list_version_changes, prepare_edit
from releve.registry.models import Upload, Version
from releve.registry.row_text import FIRST_ROW, get_position
from releve.registry.tables import NotAnUpload, RegistryError, get_rows
from releve.registry.uploads import apply_upload, find_upload, mend_upload, preview_upload, store_upload
from releve.runs.job_store import StillReading
from releve.runs.orders import open_readings
from releve.runs.upload_reader import read_operator_upload


class FileForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label=lazy("Workbook (.xlsx), or zip of tables (.zip)"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".xlsx,.zip"}),
    )


@takes(*FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_file(request: HttpRequest) -> HttpResponse:
    """The form that takes a file; every fault of it, or the way to what it changes."""

    def keep(name: str, data: bytes, by: str) -> Upload:
        try:
            changes = service.preview_changes(read_operator_upload(open_readings(), name, data, by))
        except StillReading:  # the next page waits for it
            now = service.get_current_version()
            return store_upload(name, data, by, None if now is None else now.number)
        changes.require_any()
        return store_upload(name, data, by, changes.base)

    return take_file(request, FileForm, "send", keep, "registry_proposal")


def _read_operator(request: HttpRequest, upload: Upload) -> Operator:
    data = bytes(upload.data)
    return read_operator_upload(open_readings(), upload.name, data, actor_name(request))


@serve("registry.edit", FORM, recent=True)
def show_proposal(request: HttpRequest, token: str) -> HttpResponse:
    """What a file that was sent would change; a yes applies it, a no lets go of it.

    ``correct``: the corrections of a cause of faults, or ``all`` that are proposed, are made in the file.
    """
    upload = find_upload(token, actor_name(request))
    may_compute = can(request.user, "plan.publish")
    if "discard" in request.POST:
        let_go(upload)
        return discard(request, upload)
    try:
        operator = _read_operator(request, upload)
    except OperatorFaults as error:
        if "correct" in request.POST:
            wanted = request.POST["correct"]
            let_go(upload)
            chosen = (one.corrections for one in list_causes(error.faults) if wanted in ("all", one.key))
            mend_upload(upload, tuple(chain.from_iterable(chosen)))
            return redirect("registry_proposal", token)
        kept = request.path if list_corrections(error.faults) else ""
        shown, form = UploadPage(faults=error.faults, kept=kept), {"form": FileForm()}
        return page_response(request, "desk/registry/send.html", shown, form, status=422)
    except NotAnUpload as error:
        if wants_json(request):
            raise
        messages.error(request, capfirst(translate_error(error)))
        return redirect("registry_send")
    if request.method != "POST":
        changes = preview_upload(upload, operator)
        page = ProposalPage(
            name=upload.name,
            base=changes.base,
            tables=list_proposed_changes(changes, operator),
            working_time=list_work_findings(operator),
            may_compute=may_compute,
        )
        return page_response(request, "desk/registry/proposal.html", page)
    made = apply_upload(upload, operator, actor_name(request), read_comment(request))
    let_go(upload)
    response = confirm_stored(request, made)
    computes = "compute" in request.POST and may_compute and not wants_json(request)
    return start_proposed(request) if computes else response


@serve("registry.see")
def export_version(request: HttpRequest) -> HttpResponse:
    """A version as a zip of CSV tables in the reader's language; imported, it changes nothing."""
    wanted = _find_version(request)
    operator = service.load_operator(wanted)
    data = zip_operator(operator, get_reader_language(), wanted.made_at)
    return download(data, f"releve-{wanted.number}.zip", "application/zip")


@serve("registry.see")
def export_workbook(request: HttpRequest) -> HttpResponse:
    """A version as a workbook in the reader's language; imported again, it changes nothing."""
    wanted = _find_version(request)
    try:
        data = write_workbook(service.load_operator(wanted), get_reader_language())
    except SheetOverflow as error:
        messages.error(request, translate_error(error))
        return redirect("registry")
    return download(data, f"releve-{wanted.number}.xlsx", WORKBOOK_TYPE)


@serve("registry.see")
def download_template(request: HttpRequest) -> HttpResponse:
    """An empty workbook in the reader's language, with lists to choose from."""
    language = get_reader_language()
    name = "modele.xlsx" if language == "fr" else "template.xlsx"
    return download(write_template(language, gettext), name, WORKBOOK_TYPE)


def _find_version(request: HttpRequest) -> Version:
    number = read_number(request.GET.get("version", ""))
    return require_context().version if number is None else service.get_version(number)


_VERSIONS = 50


@serve("registry.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """The current version and its tables."""
    page = registry_page(find_context(), can(request.user, "registry.edit"), can(request.user, "plan.publish"))
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
        return _show(request, page, build_row_form(page, here.operator))
    form = build_row_form(page, here.operator, request.POST)
    if not form.is_valid():
        return _show(request, page, form, 422)
    try:
        values = read_values(table, form)
        changes = prepare_edit(Edit(table, key, values, page.version if key else None))
        made = service.apply_changes(changes, actor_name(request), form.cleaned_data["comment"])
    except OperatorFaults as error:
        rows = get_rows(here.operator, table)
        at = get_position(here.operator, table, key) if key else len(rows)
        show_faults(form, table, at + FIRST_ROW, error.faults)
        return _show(request, page, form, 422)
    except RegistryError as error:
        form.add_error(None, translate_error(error))
        return _show(request, page, form, choose_status(error))
    return confirm_stored(request, made, _find_list(request, table))


def _find_list(request: HttpRequest, table: str) -> str:
    """Return the address of the list that a row was opened from: with its search and page."""
    return reverse("registry_table", args=[table]) + _find_query(request)


def _find_query(request: HttpRequest) -> str:
    kept = {key: request.GET[key] for key in ("q", "page") if request.GET.get(key)}
    return f"?{urlencode(kept)}" if kept else ""


def _show(request: HttpRequest, page: RowPage, form: forms.Form, status: int = 200) -> HttpResponse:
    context = {"form": form, "list_url": _find_list(request, page.table), "list_query": _find_query(request)}
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
            return confirm_stored(request, made, _find_list(request, table))
    except OperatorFaults as error:
        # No likely spelling is proposed, since all was right with the row.
        fix = Phrase("remove this row first, or change it")
        faults = tuple(replace(fault, fix=fix) for fault in error.faults)
        page, status = page.model_copy(update={"faults": faults}), 422
    return page_response(
        request, "desk/registry/remove.html", page, {"list_url": _find_list(request, table)}, status=status
    )


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
        time_zone=here.time_zone, version=VersionRow.from_row(target), tables=list_differences(here.version, target)
    )
    return page_response(request, "desk/registry/back.html", page, {"wanted": wanted})


urlpatterns = [
    path("", show_index, name="registry"),
    path("versions", list_versions, name="registry_versions"),
    path("versions/<int:number>", show_version, name="registry_version"),
    path("versions/<int:number>/undo", go_back, {"undo": True}, "registry_undo"),
    path("versions/<int:number>/restore", go_back, {"undo": False}, "registry_restore"),
    path("export.zip", export_version, name="registry_export"),
    path("export.xlsx", export_workbook, name="registry_workbook"),
    path("template.xlsx", download_template, name="registry_template"),
    path("import", send_file, name="registry_send"),
    path("import/<slug:token>", show_proposal, name="registry_proposal"),
    *call_import.urlpatterns,
    *schedule_import.urlpatterns,
    *feeds.urlpatterns,
    path("tables/<slug:table>", show_table, name="registry_table"),
    path("tables/<slug:table>/add", edit_row, name="registry_add"),
    path("tables/<slug:table>/rows/<ref:key>", edit_row, name="registry_row"),
    path("tables/<slug:table>/rows/<ref:key>/remove", remove_row, name="registry_remove"),
]
