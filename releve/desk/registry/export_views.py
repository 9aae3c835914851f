"""Files of the reference data: a version as CSV or a workbook, and a template to fill in."""

from __future__ import annotations

import zipfile
from io import BytesIO

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

from releve.desk.endpoint import serve
from releve.desk.http import download
from releve.desk.query import read_number
from releve.desk.registry.context import require_context
from releve.desk.registry.words import get_reader_language
from releve.desk.text import translate_error
from releve.network import write_operator
from releve.network.workbook import SheetOverflow, write_template, write_workbook
from releve.registry import service
from releve.registry.models import Version

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@serve("registry.see")
def export_version(request: HttpRequest) -> HttpResponse:
    """A version as a zip of CSV tables in the reader's language; imported, it changes nothing."""
    wanted = _find_version(request)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        files = write_operator(service.load_operator(wanted), get_reader_language())
        for name, data in files.items():
            item = zipfile.ZipInfo(name, wanted.made_at.timetuple()[:6])
            archive.writestr(item, data, zipfile.ZIP_DEFLATED)
    return download(out.getvalue(), f"releve-{wanted.number}.zip", "application/zip")


@serve("registry.see")
def export_workbook(request: HttpRequest) -> HttpResponse:
    """A version as a workbook in the reader's language; imported again, it changes nothing."""
    wanted = _find_version(request)
    try:
        data = write_workbook(service.load_operator(wanted), get_reader_language())
    except SheetOverflow as error:
        messages.error(request, translate_error(error))
        return redirect("registry")
    return download(data, f"releve-{wanted.number}.xlsx", _WORKBOOK)


@serve("registry.see")
def download_template(request: HttpRequest) -> HttpResponse:
    """An empty workbook in the reader's language, with lists to choose from."""
    language = get_reader_language()
    name = "modele.xlsx" if language == "fr" else "template.xlsx"
    return download(write_template(language, gettext), name, _WORKBOOK)


def _find_version(request: HttpRequest) -> Version:
    number = read_number(request.GET.get("version", ""))
    return require_context().version if number is None else service.get_version(number)
