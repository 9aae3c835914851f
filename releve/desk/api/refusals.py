"""What the API refuses, in one shape and one language: a code for the program, a sentence for its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from releve.accounts.event_reach import EventElsewhere, EventOfNoSite
from releve.desk.endpoint import refuse_without_operator
from releve.desk.error_codes import ERROR_CODES, FAULT_CODES
from releve.desk.http import failure
from releve.desk.live.words import refusal_text
from releve.desk.registry.page import describe_causes
from releve.desk.text import text_now, translate_error, translate_phrase
from releve.errors import ReleveError
from releve.files.plan_folder import PlanFolderError
from releve.ledger.guards import ProofError
from releve.live import api as live
from releve.network import OperatorFaults
from releve.registry.tables import Conflict, NotThere, RegistryError
from releve.runs.job_store import RunError, StillReading
from releve.situation import REFUSALS, EventFaults

_MOST_FAULTS = 30


class RequestRefused(ReleveError):  # noqa: N818 (a refusal, not a fault of the program)
    """A request that is refused: a code of ``ERROR_CODES``, and why, in the reader's language."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def refuse(request: HttpRequest, code: str, message: str, detail: str = "") -> HttpResponse:
    """Return the error of a code."""
    return failure(request, ERROR_CODES[code][0], message, detail, code=code)


def refuse_faults(request: HttpRequest, faults: Sequence[Mapping[str, str]]) -> HttpResponse:
    return failure(request, 422, _("This was not accepted."), faults[0]["message"], faults, code="faults")


def build_fault(field: str, code: str, message: str) -> dict[str, str]:
    """Return one fault of an answer; ValueError for a code that is listed nowhere."""
    if code not in FAULT_CODES and code not in REFUSALS:
        raise ValueError(f"the code of a fault must be one of FAULT_CODES or REFUSALS, got {code!r}")
    return {"field": field, "code": code, "message": message}


_Handler = Callable[[HttpRequest, Any], HttpResponse]


def answer_failures(api: NinjaAPI) -> None:
    """Answer what operations raise; what neither this nor a plug-in names is a fault of ours, and logged."""
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    for error, (code, message) in _SENTENCES.items():
        api.add_exception_handler(error, _say(code, message))


def _say(code: str, message: Any) -> _Handler:
    return lambda request, error: refuse(request, code, str(message))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return refuse_faults(request, [_explain_value(row) for row in error.errors])


def _explain_value(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the fault of a parameter or a value of the body, whatever language pydantic says it in."""
    kind, limits = str(row["type"]), row.get("ctx", {})
    if kind == "missing":
        code, message = "field.missing", _("It is missing.")
    elif kind == "extra_forbidden":
        code, message = "field.unknown", _("There is no such field here; leave it out.")
    elif kind in _LIMITS:
        name, sentence = _LIMITS[kind]
        code, message = "field.value", str(sentence).format(limit=limits.get(name, ""))
    elif kind == "json_invalid" or kind.endswith(("_type", "_parsing", "_attributes_type")) or "from_date" in kind:
        code, message = "field.type", _("The value is of another type, or cannot be read.")
    else:
        code, message = "field.value", _("The value is not allowed here.")
    return build_fault(_field(row["loc"]), code, message)


_LIMITS: Mapping[str, tuple[str, Any]] = {
    "greater_than_equal": ("ge", lazy("It must be at least {limit}.")),
    "less_than_equal": ("le", lazy("It must be at most {limit}.")),
    "string_pattern_mismatch": ("pattern", lazy("It must match the pattern {limit}")),
    "string_too_short": ("min_length", lazy("It must have at least {limit} characters.")),
    "string_too_long": ("max_length", lazy("It must have at most {limit} characters.")),
    "too_short": ("min_length", lazy("It must have at least {limit} items.")),
    "too_long": ("max_length", lazy("It must have at most {limit} items.")),
    "literal_error": ("expected", lazy("It must be one of {limit}.")),
}
"""By the kind of pydantic's error: the name of the limit, and the sentence."""


def _field(place: Sequence[Any]) -> str:
    """Return a field as it was sent; a place in a body begins with the name of our argument."""
    (where, *path) = place
    return ".".join(map(str, path[1:] if where == "body" and len(path) > 1 else path))


def _event_faults(request: HttpRequest, error: EventFaults) -> HttpResponse:
    faults = [
        build_fault(row.field, row.code, f"{translate_phrase(row.reason)}; {translate_phrase(row.fix)}")
        for row in error.faults
    ]
    return refuse_faults(request, faults)


def _table_faults(request: HttpRequest, error: OperatorFaults) -> HttpResponse:
    rows = error.faults[:_MOST_FAULTS]
    return refuse_faults(request, [build_fault(row.column, "table.row", describe_causes([row])[0]) for row in rows])


def _still_reading(request: HttpRequest, error: StillReading) -> HttpResponse:
    """Answer 503 where a file is still being read; sent again, it is read on."""
    refused = refuse(request, "busy", _("The file is still being read: send it again in a moment."))
    refused["Retry-After"] = "2"
    return refused


def _refused(request: HttpRequest, error: live.Refused) -> HttpResponse:
    operator = live.operator_now()
    text = text_now(operator.row.time_zone)
    rows = error.reasons
    faults = [build_fault(row.field, row.code, refusal_text(row, operator, text)) for row in rows]
    return refuse_faults(request, faults)


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what ninja itself raises, a body that it cannot read (400), and what a plug-in may."""
    if error.status_code == 400:
        return refuse(request, "body.unreadable", _("The body is no JSON."))
    return failure(request, error.status_code, str(error))


def _nowhere(request: HttpRequest, error: Exception) -> HttpResponse:
    given = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return refuse(request, "missing", given or _("There is no page at this address."))


def _conflict(request: HttpRequest, error: Exception) -> HttpResponse:
    return refuse(request, "conflict", translate_error(error))


_HANDLERS: Mapping[type[Exception], _Handler] = {
    ValidationError: _invalid,
    EventFaults: _event_faults,
    live.Refused: _refused,
    RequestRefused: lambda request, error: refuse(request, error.code, error.message),
    HttpError: _http,
    Http404: _nowhere,
    ProofError: _conflict,
    OperatorFaults: _table_faults,
    Conflict: _conflict,
    RegistryError: lambda request, error: refuse(request, "refused", translate_error(error)),
    RunError: _conflict,
    StillReading: _still_reading,
    live.NoOperator: lambda request, error: refuse_without_operator(request),
}
REUSED = lazy("This Idempotency-Key recorded something else before; take another one.")
_SENTENCES: Mapping[type[Exception], tuple[str, Any]] = {
    live.NoSuch: ("missing", lazy("There is nothing of this name.")),
    NotThere: ("missing", lazy("There is nothing of this name.")),
    EventElsewhere: ("missing", lazy("There is no such site.")),
    EventOfNoSite: ("access.reach", lazy("Your role is held for some sites: this is of none of them.")),
    live.KeyReused: ("key.reused", REUSED),
    PlanFolderError: ("nothing.yet", lazy("There is no plan to show.")),
}
"""Code and sentence of the errors that say nothing more."""
