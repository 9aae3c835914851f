"""Files that are sent to the registry: how large one may be, the form that takes it, and letting go of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from releve.desk.access.guard import actor_name
from releve.desk.endpoint import choose_status
from releve.desk.http import FORM_BYTES, page_response, wants_json
from releve.desk.registry.page import UploadPage, require_context
from releve.desk.text import translate_error, translate_phrase
from releve.errors import Phrase
from releve.network import Fault, OperatorFaults
from releve.network.corrections import list_corrections
from releve.registry.blocks import MOST_BYTES
from releve.registry.models import Upload
from releve.registry.service import get_current_version
from releve.registry.tables import RegistryError
from releve.registry.uploads import store_upload
from releve.runs.job_store import StillReading
from releve.runs.orders import open_readings
from releve.runs.upload_reader import forget_reading, read_sheets_upload

_TOO_LARGE = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)
FILE_LIMIT = (MOST_BYTES + FORM_BYTES, lambda: translate_phrase(_TOO_LARGE))
"""The most bytes of a form with a file, and what is said of more."""


def let_go(upload: Upload) -> None:
    """Remove what was read of an upload that was applied or discarded."""
    forget_reading(open_readings(), upload.name, bytes(upload.data))


def keep_export(name: str, data: bytes, by: str) -> Upload:
    """Keep an export of calls or schedules; its reading begins, and the next page waits for it."""
    with suppress(StillReading):
        read_sheets_upload(open_readings(), name, data, by)
    return store_upload(name, data, by, require_context().version.number)


def keep_faulty(name: str, data: bytes, by: str, faults: Sequence[Fault]) -> str:
    """Keep a file whose fixes propose corrections; return where they are made, empty where there are none."""
    if not list_corrections(faults):
        return ""
    now = get_current_version()
    upload = store_upload(name, data, by, None if now is None else now.number)
    return reverse("registry_proposal", args=[upload.token])


def take_file(
    request: HttpRequest,
    kind: type[forms.Form],
    template: str,
    keep: Callable[[str, bytes, str], Upload],
    following: str,
) -> HttpResponse:
    """Show a form for a file; once it is sent, ``keep`` it and lead to the page ``following``."""
    form = kind(request.POST, request.FILES) if request.method == "POST" else kind()
    faults: tuple[Fault, ...] = ()
    kept = ""
    status = 422 if form.is_bound else 200
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            upload = keep(file.name, file.read(), actor_name(request))
        except OperatorFaults as error:
            faults = error.faults
            file.seek(0)
            kept = keep_faulty(file.name, file.read(), actor_name(request), faults)
        except RegistryError as error:
            form.add_error("file", translate_error(error))
            status = choose_status(error)
        else:
            where = reverse(following, args=[upload.token])
            return JsonResponse({"confirm": where}) if wants_json(request) else redirect(where)
    page = UploadPage(faults=faults, kept=kept)
    template = f"desk/registry/{template}.html"
    return page_response(request, template, page, {"form": form}, status=status)
