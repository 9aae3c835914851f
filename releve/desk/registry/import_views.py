"""The pages of an import: send a file, see what it changes, say yes or no."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import FORM, choose_status, serve
from releve.desk.http import answer, wants_json
from releve.desk.page import pick_fields
from releve.desk.planning.views import start_proposed
from releve.desk.registry.forms import describe_causes
from releve.desk.registry.versions import ChangeList, build_change_lists, build_changes_twin
from releve.desk.text import text_now, translate_error, translate_phrase
from releve.errors import Phrase
from releve.network import Fault, Operator, OperatorFaults
from releve.registry import service
from releve.registry.changes import Changes
from releve.registry.errors import NotAnUpload, NothingChanged, RegistryError
from releve.registry.models import Upload
from releve.registry.uploads import (
    MOST_BYTES,
    apply_upload,
    discard_upload,
    find_upload,
    read_upload,
    store_upload,
)

_MOST_FAULTS = 200
_TOO_LARGE = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)
FILE_LIMIT = (MOST_BYTES + FORM_BYTES, lambda: translate_phrase(_TOO_LARGE))
"""The most bytes of a form with a file, and what is said of more."""


class FileForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label=lazy("Workbook (.xlsx), or zip of tables (.zip)"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".xlsx,.zip"}),
    )


@dataclass(frozen=True)
class SendPage:
    """The form that takes a file, and the faults of the file that was sent."""

    form: FileForm
    faults: tuple[str, ...]
    more: str


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """What a file would change; ``may_compute``: the reader may compute a plan from it."""

    name: str
    base: int | None
    changes: tuple[ChangeList, ...]
    may_compute: bool


@takes(*FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_file(request: HttpRequest) -> HttpResponse:
    """The form that takes a file; every fault of it, or the way to what it changes."""
    if request.method != "POST":
        return _send(request, FileForm())
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _send(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        if file.size > MOST_BYTES:
            raise NotAnUpload(_TOO_LARGE)
        data = file.read()
        upload = _kept(file.name, data, actor_name(request))
    except OperatorFaults as error:
        return _send(request, form, error.faults, 422)
    except RegistryError as error:
        form.add_error("file", translate_error(error))
        return _send(request, form, status=choose_status(error))
    if wants_json(request):
        return JsonResponse({"proposal": reverse("registry_proposal", args=[upload.token])})
    return redirect("registry_proposal", upload.token)


def _kept(name: str, data: bytes, by: str) -> Upload:
    """Read a file, compare it with the registry and keep it for the answer."""
    changes = service.preview_changes(read_upload(Upload(name=name, data=data)))
    if not changes:
        raise NothingChanged(
            Phrase("nothing would change: the operator is the current one already")
        )
    return store_upload(name, data, by, changes.base)


def _send(
    request: HttpRequest, form: FileForm, faults: tuple[Fault, ...] = (), status: int = 200
) -> HttpResponse:
    causes = describe_causes(faults)
    more = len(causes) - _MOST_FAULTS
    page = SendPage(
        form,
        causes[:_MOST_FAULTS],
        _("… and {count} more.").format(count=more) if more > 0 else "",
    )
    names = ("table", "row", "column", "value", "reason", "fix")
    twin = {
        "faults": [pick_fields(fault, *names) for fault in faults],
        "refused": [str(item) for item in form.errors.get("file", [])],
    }
    return answer(request, "desk/registry/send.html", page, twin, status)


@serve("registry.edit", FORM, recent=True)
def show_proposal(request: HttpRequest, token: str) -> HttpResponse:
    """What a file that was sent would change; a yes applies it, a no lets go of it."""
    upload = find_upload(token, actor_name(request))
    if request.method == "POST" and "discard" in request.POST:
        discard_upload(upload)
        messages.info(request, _("Nothing was changed."))
        return redirect("registry")
    if request.method == "POST":
        made = apply_upload(upload, actor_name(request), request.POST.get("comment", "")[:500])
        if wants_json(request):
            return JsonResponse({"version": made.number})
        messages.success(request, _("Stored as version {number}.").format(number=made.number))
        if "compute" in request.POST and can(request.user, "plan.publish"):
            return start_proposed(request)
        return redirect("registry")
    operator = read_upload(upload)
    return _proposed(request, upload, operator, service.preview_changes(operator))


def _proposed(
    request: HttpRequest, upload: Upload, operator: Operator, changes: Changes
) -> HttpResponse:
    """Show the changes; they count from now on, whatever was current when the file was sent."""
    if (changes.base or 0) != upload.base:
        upload.base = changes.base or 0
        upload.save(update_fields=["base"])
    text = text_now(operator.row.time_zone)
    base = service.get_current_version()
    operators = [operator] + ([] if base is None else [service.load_operator(base)])
    counts = changes.counts()
    # Of a first import every row is new: the counts say it.
    tables = changes.tables if changes.base is not None else {}
    page = ProposalPage(
        upload.name,
        changes.base,
        build_change_lists(counts, tables, operators, text),
        can(request.user, "plan.publish"),
    )
    twin = {
        "name": upload.name,
        "base": changes.base,
        "tables": build_changes_twin(counts, tables),
    }
    return answer(request, "desk/registry/proposal.html", page, twin)
