"""The current version for a page of the registry, and what all of its pages do."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.desk.http import wants_json
from releve.desk.query import read_number
from releve.errors import Phrase
from releve.network import Operator
from releve.registry.errors import NotThere
from releve.registry.models import Upload, Version
from releve.registry.service import get_current_version, load_operator
from releve.registry.uploads import discard_upload


@dataclass(frozen=True, slots=True)
class RegistryContext:
    """The current version with its operator."""

    version: Version
    operator: Operator

    @property
    def time_zone(self) -> str:
        return self.operator.row.time_zone


def find_context() -> RegistryContext | None:
    """Return the current version; None where there is none yet."""
    version = get_current_version()
    return None if version is None else RegistryContext(version, load_operator(version))


def require_context() -> RegistryContext:
    """Return the current version; NotThere where there is none yet."""
    found = find_context()
    if found is None:
        raise NotThere(Phrase("the registry is empty: import an operator first"))
    return found


def parse_page_number(request: HttpRequest) -> int:
    """Return the page of a list that is asked for; NotThere when it is no number."""
    asked = request.GET.get("page", "1")
    number = read_number(asked, 7)
    if number is None:
        raise NotThere(Phrase("there is no page {0!r}", asked))
    return number


def read_comment(request: HttpRequest) -> str:
    """Return why a version was made, as it was sent."""
    return request.POST.get("comment", "")[:500]


def confirm_stored(request: HttpRequest, made: Version, *where: str) -> HttpResponse:
    """Return the answer to a change: the version made, and the page to go to next."""
    if wants_json(request):
        return JsonResponse({"version": made.number})
    messages.success(request, _("Stored as version {number}.").format(number=made.number))
    return redirect(*where or ("registry",))


def discard(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Let go of a file that was sent."""
    discard_upload(upload)
    messages.info(request, _("Nothing was changed."))
    return redirect("registry")
