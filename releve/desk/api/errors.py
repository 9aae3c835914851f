"""Every error of the API in the one shape of the desk, with what to do about it."""

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
from releve.desk.http import failure
from releve.desk.live.words import refusal_text
from releve.desk.outbound.words import said
from releve.desk.text import text_now, translate_error
from releve.files.plan_folder import PlanFolderError
from releve.gate.errors import KeyFault
from releve.gate.fault_sentences import FAULT_SENTENCES
from releve.gate.person_requests import RequestFaults, RequestReused
from releve.gate.request_feeds import FeedMoved
from releve.ledger.errors import ProofError
from releve.live import api as live
from releve.registry.errors import NotThere
from releve.situation import EventFaults

_Handler = Callable[[HttpRequest, Any], HttpResponse]


def answer_failures(api: NinjaAPI) -> None:
    """Answer what operations raise; what is not named here is a fault of ours, and logged."""
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    for error, (status, message) in _SENTENCES.items():
        api.add_exception_handler(error, _say(status, message))


def _say(status: int, message: Any) -> _Handler:
    return lambda request, error: failure(request, status, str(message))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [_fault(_field(row["loc"]), "", row["msg"]) for row in error.errors]
    return _unacceptable(request, faults)


def _field(place: Sequence[Any]) -> str:
    """Return a field as it was sent; a place in a body begins with the name of our argument."""
    (where, *path) = place
    return ".".join(map(str, path[1:] if where == "body" and len(path) > 1 else path))


def _event_faults(request: HttpRequest, error: EventFaults) -> HttpResponse:
    rows = error.faults
    return _unacceptable(
        request, [_fault(row.field, "", f"{row.reason}; {row.fix}") for row in rows]
    )


def _refused(request: HttpRequest, error: live.Refused) -> HttpResponse:
    operator = live.operator_now()
    text = text_now(operator.row.time_zone)
    rows = error.reasons
    faults = [_fault(row.field, row.code, refusal_text(row, operator, text)) for row in rows]
    return _unacceptable(request, faults)


def _unacceptable(request: HttpRequest, faults: Sequence[Mapping[str, str]]) -> HttpResponse:
    return failure(request, 422, _("This was not accepted."), faults[0]["message"], faults)


def _fault(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return failure(request, error.status_code, str(error))


def _nowhere(request: HttpRequest, error: Exception) -> HttpResponse:
    given = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return failure(request, 404, given or _("There is no page at this address."))


def _request_faults(request: HttpRequest, error: RequestFaults) -> HttpResponse:
    rows = error.faults
    faults = [_fault(row.field, row.code, said(FAULT_SENTENCES[row.code])) for row in rows]
    return _unacceptable(request, faults)


def _no_gate_key(request: HttpRequest, error: KeyFault) -> HttpResponse:
    return failure(request, 503, said(FAULT_SENTENCES["gate.key"]))


def _feed_moved(request: HttpRequest, error: FeedMoved) -> HttpResponse:
    message = _("These rows do not follow: the feed stands at {position}.")
    return failure(request, 409, message.format(position=error.position))


def _no_proof(request: HttpRequest, error: Exception) -> HttpResponse:
    return failure(request, 409, translate_error(error))


_HANDLERS: Mapping[type[Exception], _Handler] = {
    ValidationError: _invalid,
    EventFaults: _event_faults,
    live.Refused: _refused,
    HttpError: _http,
    Http404: _nowhere,
    RequestFaults: _request_faults,
    KeyFault: _no_gate_key,
    FeedMoved: _feed_moved,
    ProofError: _no_proof,
    live.NoOperator: lambda request, error: refuse_without_operator(request),
}
_REUSED = lazy("This Idempotency-Key recorded something else before; take another one.")
_SENTENCES: Mapping[type[Exception], tuple[int, Any]] = {
    live.NoSuch: (404, lazy("There is nothing of this name.")),
    NotThere: (404, lazy("There is nothing of this name.")),
    EventElsewhere: (404, lazy("There is no such site.")),
    EventOfNoSite: (403, lazy("Your role is held for some sites: this is of none of them.")),
    live.KeyReused: (409, _REUSED),
    RequestReused: (409, _REUSED),
    PlanFolderError: (503, lazy("There is no plan to show.")),
}
"""Status and sentence of the errors that say nothing more."""
