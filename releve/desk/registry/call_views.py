"""The pages of a call log: send it, see how its headers are read, confirm the queues, import it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.demand.import_report import describe_import_fault, group_import_faults
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import PlainForm
from releve.desk.http import answer, wants_json
from releve.desk.registry.context import RegistryContext, require_context
from releve.desk.registry.forms import describe_causes
from releve.desk.registry.import_views import FILE_LIMIT
from releve.desk.text import translate_error, translate_phrase
from releve.network import Operator, OperatorFaults
from releve.registry import service
from releve.registry.call_logs import CallImport, RecognizedLog, import_calls, recognize_calls
from releve.registry.errors import RegistryError
from releve.registry.models import Upload
from releve.registry.uploads import discard_upload, find_upload, store_upload

_MOST_FAULTS = 50
_MEANINGS = {
    "start": lazy("Date and time"),
    "programme": lazy("Queue"),
    "offered": lazy("Calls offered"),
    "answered": lazy("Calls answered"),
    "aht_s": lazy("Mean handling time"),
    "outcome": lazy("Outcome of the call"),
    "wait_s": lazy("Wait"),
    "service_s": lazy("Handling time"),
}


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


@dataclass(frozen=True)
class LogPage:
    """How a log is read: its columns, the form of its queues, and what would be stored."""

    name: str
    time_zone: str
    columns: tuple[tuple[str, str], ...]
    form: QueueForm
    facts: tuple[str, ...]
    faults: tuple[str, ...]
    more: str
    ready: bool


@takes(*FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_log(request: HttpRequest) -> HttpResponse:
    """Take a log whose headers are recognised, and lead to how it is read."""
    here = require_context()
    if request.method != "POST":
        return _send(request, LogForm())
    form = LogForm(request.POST, request.FILES)
    if not form.is_valid():
        return _send(request, form, 422)
    file = form.cleaned_data["file"]
    data = file.read()
    try:
        recognize_calls(file.name, data, service.load_operator(here.version))
    except RegistryError as error:
        form.add_error("file", translate_error(error))
        return _send(request, form, 422)
    upload = store_upload(file.name, data, actor_name(request), here.version.number)
    where = reverse("registry_calls_confirm", args=[upload.token])
    return JsonResponse({"confirm": where}) if wants_json(request) else redirect(where)


def _send(request: HttpRequest, form: LogForm, status: int = 200) -> HttpResponse:
    twin = {"refused": [str(item) for item in form.errors.get("file", [])]}
    return answer(request, "desk/registry/calls.html", {"form": form}, twin, status)


@serve("registry.edit", FORM, recent=True)
def confirm_log(request: HttpRequest, token: str) -> HttpResponse:
    """How a log is read; ``check`` reads it again with other queues, ``import`` stores it."""
    upload = find_upload(token, actor_name(request))
    if "discard" in request.POST:
        discard_upload(upload)
        messages.info(request, _("Nothing was changed."))
        return redirect("registry")
    here = require_context()
    operator = service.load_operator(here.version)
    found = recognize_calls(upload.name, bytes(upload.data), operator)
    form = QueueForm(found.queues, operator, request.POST if request.method == "POST" else None)
    if form.is_bound and not form.is_valid():
        return _show(request, here, upload, found, form, None, 422)
    read = import_calls(found, operator, form.chosen if form.is_bound else found.queues)
    if "import" not in request.POST or not read.added:
        return _show(request, here, upload, found, form, read)
    return _store(request, here, upload, found, form, read)


def _store(
    request: HttpRequest,
    here: RegistryContext,
    upload: Upload,
    found: RecognizedLog,
    form: QueueForm,
    read: CallImport,
) -> HttpResponse:
    """Make the operator with the calls the current version."""
    try:
        changes = service.preview_changes(read.operator)
        made = service.apply_changes(changes, actor_name(request), source=upload.name)
    except OperatorFaults as error:
        return _show(request, here, upload, found, form, read, 422, describe_causes(error.faults))
    discard_upload(upload)
    if wants_json(request):
        return JsonResponse({"version": made.number})
    messages.success(request, _("Stored as version {number}.").format(number=made.number))
    return redirect("registry")


def _show(
    request: HttpRequest,
    here: RegistryContext,
    upload: Upload,
    found: RecognizedLog,
    form: QueueForm,
    read: CallImport | None,
    status: int = 200,
    faults: Iterable[str] = (),
) -> HttpResponse:
    said = [*faults, *([] if read is None else _list_faults(read))]
    more = len(said) - _MOST_FAULTS
    page = LogPage(
        name=upload.name,
        time_zone=str(found.mapping["time_zone"]),
        columns=tuple(
            (str(_MEANINGS.get(key, key)), ", ".join(f"“{name}”" for name in names))
            for key, names in found.columns.items()
        ),
        form=form,
        facts=() if read is None else tuple(_list_facts(read, here)),
        faults=tuple(said[:_MOST_FAULTS]),
        more=_("… and {count} more.").format(count=more) if more > 0 else "",
        ready=read is not None and read.added > 0,
    )
    twin = {
        "name": upload.name,
        "columns": {key: list(names) for key, names in found.columns.items()},
        "queues": dict(found.queues),
        "added": 0 if read is None else read.added,
        "replaced": 0 if read is None else read.replaced,
        "faults": said,
    }
    return answer(request, "desk/registry/calls_confirm.html", page, twin, status)


def _list_faults(read: CallImport) -> list[str]:
    language = (get_language() or "fr")[:2]
    return [
        describe_import_fault(fault, gettext, language)
        for fault in group_import_faults(read.report.faults)
    ]


def _list_facts(read: CallImport, here: RegistryContext) -> Iterable[str]:
    """Yield what the log holds and what it would replace, a sentence each."""
    text = here.text
    yield ", ".join(map(translate_phrase, read.report.rows.phrases()))
    if read.first is None or read.last is None:
        yield _("No half hour of an operator’s programme is in the file.")
        return
    yield _("{added} half hours from {first} to {last}; {replaced} of the current ones go.").format(
        added=text.number(read.added),
        first=text.day(read.first.date(), weekday=False),
        last=text.day(read.last.date(), weekday=False),
        replaced=text.number(read.replaced),
    )
    if read.others:
        yield _("Queues left out: {queues}.").format(queues=", ".join(read.others))
    if read.left_out:
        yield _("Half-open days left out: {count}.").format(count=text.number(len(read.left_out)))
