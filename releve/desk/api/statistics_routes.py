"""Interval statistics from programs, in the columns of the source that its mapping names."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from ninja import Path
from ninja.errors import HttpError
from pydantic import StringConstraints

from releve.demand.import_report import describe_import_fault
from releve.desk.api import schemas
from releve.desk.api.routes import writes
from releve.desk.text import text_now, translate_error
from releve.live import api as live
from releve.service_record.errors import MappingFault
from releve.service_record.statistics import file_statistics, import_rows, read_mapping
from releve.service_record.statistics_folder import find_source_mapping

_Source = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"), Path()]


@writes("/statistics/{source}", {200: schemas.StatisticsTaken}, "situation", "calls.report")
def send_statistics(
    request: HttpRequest, source: _Source, sent: schemas.StatisticsRows
) -> dict[str, Any]:
    """File interval statistics or agents signed in; of two reports the later one counts.

    The columns are those of the source: ``statistics/SOURCE/mapping.toml`` says what they are.
    """
    operator, now = live.operator_now(), live.real_now()
    text = find_source_mapping(live.find_statistics_folder(), source)
    if text is None:
        raise HttpError(404, _("There is no such source: write its mapping.toml first."))
    try:
        mapping = read_mapping(text, operator)
        read = import_rows(sent.rows, mapping, min(sent.recorded_at or now, now))
    except MappingFault as error:
        raise HttpError(409, translate_error(error)) from error
    except ValueError as error:
        raise HttpError(422, translate_error(error)) from error
    found = file_statistics(read, source)
    faults = [
        {"row": max(0, fault.row - 1), "column": fault.column, "count": fault.count,
         "message": describe_import_fault(fault, gettext, text_now("UTC").language)}
        for fault in found.faults
    ]  # fmt: skip
    return {"rows": found.rows, "used": found.used, "older": found.older, "faults": faults}
