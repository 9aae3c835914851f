"""Files of the reference data: operators and call logs sent, versions as files, a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import FORM, choose_status, serve
from releve.desk.forms import PlainForm
from releve.desk.http import download, page_response, wants_json
from releve.desk.planning.views import start_proposed
from releve.desk.query import read_number
from releve.desk.registry.context import (
    confirm_stored,
    discard,
    read_comment,
    require_context,
)
from releve.desk.registry.page import (
    CallLogPage,
    ProposalPage,
    UploadPage,
    call_log_page,
)
from releve.desk.registry.words import get_reader_language
from releve.desk.text import translate_error, translate_phrase
from releve.errors import Phrase
from releve.network import Fault, Operator, OperatorFaults
from releve.network.folder_writer import zip_operator
from releve.network.workbook import WORKBOOK_TYPE, SheetOverflow, write_template, write_workbook
from releve.registry import service
from releve.registry.call_logs import import_calls, recognize_calls
from releve.registry.change_list import list_proposed_changes
from releve.registry.errors import RegistryError
from releve.registry.models import Upload, Version
from releve.registry.upload_files import MOST_BYTES
from releve.registry.uploads import (
    apply_upload,
    discard_upload,
    find_upload,
    preview_upload,
    store_upload,
)
from releve.runs.errors import StillReading
from releve.runs.installation import open_readings
from releve.runs.upload_reader import (
    forget_reading,
    read_log_upload,
    read_operator_upload,
)

_TOO_LARGE = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)
_FILE_LIMIT = (MOST_BYTES + FORM_BYTES, lambda: translate_phrase(_TOO_LARGE))
"""The most bytes of a form with a file, and what is said of more."""


class FileForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label=lazy("Workbook (.xlsx), or zip of tables (.zip)"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".xlsx,.zip"}),
    )


class LogForm(forms.Form):
    """One file of calls."""

    file = forms.FileField(label=lazy("Call log or interval statistics (.csv, .xlsx, .parquet)"))


class QueueForm(PlainForm):
    """The programme of each queue of a log; empty leaves it out."""

    def __init__(self, queues: Mapping[str, str], operator: Operator, data: object = None) -> None:
        super().__init__(data)
        self.queues = tuple(queues)
        clients = {row.id: row.name for row in operator.clients}
        choices = [
            ("", _("leave it out")),
            *((row.id, f"{row.name} ({clients[row.client]})") for row in operator.programmes),
        ]
        for number, (queue, programme) in enumerate(queues.items()):
            self.fields[f"q{number}"] = forms.ChoiceField(
                label=queue or _("All calls of the file"),
                choices=choices,
                required=False,
                initial=programme,
            )

    @property
    def chosen(self) -> dict[str, str]:
        """The programme of each queue of a valid form."""
        return {queue: self.cleaned_data[f"q{at}"] for at, queue in enumerate(self.queues)}


@takes(*_FILE_LIMIT)
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

    return _take_file(request, FileForm, "send", keep, "registry_proposal")


def _read_operator(request: HttpRequest, upload: Upload) -> Operator:
    data = bytes(upload.data)
    return read_operator_upload(open_readings(), upload.name, data, actor_name(request))


def _let_go(upload: Upload) -> None:
    """Remove what was read of an upload that was applied or discarded."""
    forget_reading(open_readings(), upload.name, bytes(upload.data))


def _take_file(
    request: HttpRequest,
    kind: type[forms.Form],
    template: str,
    keep: Callable[[str, bytes, str], Upload],
    following: str,
) -> HttpResponse:
    """Show a form for a file; once it is sent, ``keep`` it and lead to the page ``following``."""
    form = kind(request.POST, request.FILES) if request.method == "POST" else kind()
    faults: tuple[Fault, ...] = ()
    status = 422 if form.is_bound else 200
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            upload = keep(file.name, file.read(), actor_name(request))
        except OperatorFaults as error:
            faults = error.faults
        except RegistryError as error:
            form.add_error("file", translate_error(error))
            status = choose_status(error)
        else:
            where = reverse(following, args=[upload.token])
            return JsonResponse({"confirm": where}) if wants_json(request) else redirect(where)
    page = UploadPage(faults=faults)
    template = f"desk/registry/{template}.html"
    return page_response(request, template, page, {"form": form}, status=status)


@serve("registry.edit", FORM, recent=True)
def show_proposal(request: HttpRequest, token: str) -> HttpResponse:
    """What a file that was sent would change; a yes applies it, a no lets go of it."""
    upload = find_upload(token, actor_name(request))
    may_compute = can(request.user, "plan.publish")
    if "discard" in request.POST:
        _let_go(upload)
        return discard(request, upload)
    try:
        operator = _read_operator(request, upload)
    except OperatorFaults as error:
        shown, form = UploadPage(faults=error.faults), {"form": FileForm()}
        return page_response(request, "desk/registry/send.html", shown, form, status=422)
    if request.method != "POST":
        changes = preview_upload(upload, operator)
        page = ProposalPage(
            name=upload.name,
            base=changes.base,
            tables=list_proposed_changes(changes, operator),
            may_compute=may_compute,
        )
        return page_response(request, "desk/registry/proposal.html", page)
    made = apply_upload(upload, operator, actor_name(request), read_comment(request))
    _let_go(upload)
    response = confirm_stored(request, made)
    computes = "compute" in request.POST and may_compute and not wants_json(request)
    return start_proposed(request) if computes else response


@takes(*_FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_log(request: HttpRequest) -> HttpResponse:
    """Take a log whose headers are recognised, and lead to how it is read."""
    here = require_context()

    def keep(name: str, data: bytes, by: str) -> Upload:
        with suppress(StillReading):  # the next page waits for it
            log = read_log_upload(open_readings(), name, data, by)
            recognize_calls(name, log, here.operator)
        return store_upload(name, data, by, here.version.number)

    return _take_file(request, LogForm, "calls", keep, "registry_calls_confirm")


@serve("registry.edit", FORM, recent=True)
def confirm_log(request: HttpRequest, token: str) -> HttpResponse:
    """How a log is read; ``check`` reads it again with other queues, ``import`` stores it."""
    upload = find_upload(token, actor_name(request))
    if "discard" in request.POST:
        _let_go(upload)
        return discard(request, upload)
    operator, data = require_context().operator, bytes(upload.data)
    log = read_log_upload(open_readings(), upload.name, data, actor_name(request))
    found = recognize_calls(upload.name, log, operator)
    form = QueueForm(found.queues, operator, request.POST if request.method == "POST" else None)
    if form.is_bound and not form.is_valid():
        return _show(request, call_log_page(upload.name, found, None), form, 422)
    read = import_calls(found, operator, form.chosen if form.is_bound else found.queues)
    if "import" not in request.POST or not read.summary.added:
        return _show(request, call_log_page(upload.name, found, read), form)
    try:
        changes = service.preview_changes(read.operator)
        made = service.apply_changes(changes, actor_name(request), source=upload.name)
    except OperatorFaults as error:
        return _show(request, call_log_page(upload.name, found, read, error.faults), form, 422)
    _let_go(upload)
    discard_upload(upload)
    return confirm_stored(request, made)


def _show(
    request: HttpRequest, page: CallLogPage, form: QueueForm, status: int = 200
) -> HttpResponse:
    template = "desk/registry/calls_confirm.html"
    return page_response(request, template, page, {"form": form}, status=status)


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
