"""The page of what telework does, the import of work records, and the way into the plan."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.demand.telework import RecordFaults, RotaError
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import page_response
from releve.desk.page import PageModel
from releve.desk.query import read_number
from releve.desk.registry.context import require_context
from releve.desk.telework.page import telework_page
from releve.desk.text import translate_error, translate_phrase
from releve.errors import Phrase
from releve.network import Fault
from releve.registry.errors import NotAnUpload
from releve.registry.service import load_operator
from releve.registry.telework import apply_estimate, find_estimate, measure_telework
from releve.registry.upload_files import MOST_BYTES
from releve.runs.installation import open_readings
from releve.runs.upload_reader import forget_reading, read_log_upload

_MOST_FAULTS = 50
_TOO_LARGE = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)


class RecordsForm(forms.Form):
    """One file of work records, and the rota that was drawn where they are an experiment."""

    file = forms.FileField(label=lazy("Work records (.csv, .xlsx, .parquet)"))
    draw = forms.FileField(
        label=lazy("Rota drawn by lot (.json), if there was one"),
        required=False,
        help_text=lazy("The file that releve effect rota draw --out writes."),
    )


class RecordsPage(PageModel):
    """The form that takes work records, with what is wrong with the file that was sent: a sentence
    each, and how many more there are."""

    faults: tuple[str, ...] = ()
    more: int = 0


@serve("reliefs.see")
def show(request: HttpRequest) -> HttpResponse:
    """Which operations are right for home, by how much, and how that is known."""
    page = telework_page(find_estimate(), require_context().version, request.user)
    return page_response(request, "desk/telework/telework.html", page)


def _too_large() -> str:
    return translate_phrase(_TOO_LARGE)


@takes(MOST_BYTES + FORM_BYTES, _too_large)
@serve("registry.edit", FORM, recent=True)
def send_records(request: HttpRequest) -> HttpResponse:
    """Take a file of work records and measure what telework does; the file is not kept."""
    here = require_context()
    if request.method != "POST":
        return _show_form(request, RecordsForm())
    form = RecordsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_form(request, form, 422)
    file, draw = form.cleaned_data["file"], form.cleaned_data["draw"]
    drawn, operator = draw.read() if draw else None, load_operator(here.version)
    data, by = file.read(), actor_name(request)
    try:
        log = read_log_upload(open_readings(), file.name, data, by)
        measure_telework(file.name, data, log, by, operator, drawn)
    except RecordFaults as error:
        form.add_error("file", _("The file cannot be used as it is: nothing was measured."))
        return _show_form(request, form, 422, error.faults)
    except (NotAnUpload, RotaError) as error:
        field = "draw" if isinstance(error, RotaError) else "file"
        form.add_error(field, translate_error(error))
        return _show_form(request, form, 422)
    forget_reading(open_readings(), file.name, data)
    messages.success(request, _("The records were measured; the file is not kept."))
    return redirect("telework" if can(request.user, "reliefs.see") else "registry")


def _show_form(
    request: HttpRequest, form: RecordsForm, status: int = 200, faults: Iterable[Fault] = ()
) -> HttpResponse:
    said = [_describe(fault) for fault in faults]
    page = RecordsPage(faults=tuple(said[:_MOST_FAULTS]), more=max(0, len(said) - _MOST_FAULTS))
    template = "desk/telework/records.html"
    return page_response(request, template, page, {"form": form}, status=status)


def _describe(fault: Fault) -> str:
    """Return a fault of a file with its place."""
    reason, fix = translate_phrase(fault.reason), translate_phrase(fault.fix)
    if fault.row > 1:
        return _("Row {row}, {column}: {reason}; {fix}.").format(
            row=fault.row, column=fault.column, reason=reason, fix=fix
        )
    if fault.column:
        return _("Column {column}: {reason}; {fix}.").format(
            column=fault.column, reason=reason, fix=fix
        )
    return _("{reason}; {fix}.").format(reason=reason, fix=fix)


@serve("registry.edit", ACT, recent=True)
def apply(request: HttpRequest) -> HttpResponse:
    """Put the measured values into the reference data, as a version of its own."""
    estimate, version = (_read_number(request, name) for name in ("estimate", "version"))
    made = apply_estimate(estimate, version, actor_name(request))
    messages.success(
        request,
        _("Stored as version {number}. The next plan uses it.").format(number=made.number),
    )
    return redirect("telework" if can(request.user, "reliefs.see") else "registry")


def _read_number(request: HttpRequest, name: str) -> int:
    return read_number(request.POST.get(name, ""), 9) or 0
