"""Who may call an operation of the API, how often; its ETag; every error in one shape.

A program shows a token (``Authorization: Bearer …``). A page of the desk comes with its session,
and then with its CSRF token wherever something is changed. Permissions are those of the pages,
:func:`releve.accounts.scopes.can`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from releve.accounts.event_reach import EventElsewhere, EventOfNoSite
from releve.accounts.tokens import authenticate, is_program, seconds_to_wait
from releve.desk.access.guard import allow_anonymous, require_permission, require_recent_auth
from releve.desk.endpoint import refuse_without_operator
from releve.desk.http import failure, unchanged
from releve.desk.live.words import refusal_text
from releve.desk.registry.page import describe_causes
from releve.desk.text import text_now, translate_error
from releve.files.plan_folder import PlanFolderError
from releve.ledger.guards import ProofError
from releve.live import api as live
from releve.network import OperatorFaults
from releve.registry.tables import Conflict, NotThere, RegistryError
from releve.runs.job_store import RunError, StillReading
from releve.situation import EventFaults

_View = Callable[..., HttpResponse]
_BEARER = "Bearer "
_WRONG_TOKENS_PER_MINUTE = 10
_MOST_FAULTS = 30
MOST_BODY_BYTES = 2 * 1024**2
"""More than any operation takes; each says itself what it takes."""


@dataclass(frozen=True, slots=True)
class Door:
    """What an operation asks of who enters.

    ``permission`` is empty for anyone; ``site`` and ``client`` name the arguments that hold an id;
    ``again``: a person must have proved lately who they are; ``people``: no program may.
    """

    permission: str
    site: str | None = None
    client: str | None = None
    again: bool = False
    people: bool = False
    most_bytes: int = MOST_BODY_BYTES


def enter(view: _View, doors: Mapping[str, Door]) -> _View:
    """Return a view behind the door of each method, for programs and for sessions of the desk."""
    inner = {method: _inner(view, tuple(doors), door) for method, door in doors.items()}
    first = next(iter(doors))

    @wraps(inner[first])
    def entered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        method = request.method or first
        method = method if method in doors else first
        refused = identify_caller(request) or _too_often(request) or _forged(request, doors[method])
        return inner[method](request, *args, **kwargs) if refused is None else refused

    entered.most_bytes = max(door.most_bytes for door in doors.values())  # type: ignore[attr-defined]
    entered.csrf_exempt = True  # type: ignore[attr-defined]  # asked for here, of sessions alone
    return entered


def _inner(view: _View, methods: tuple[str, ...], door: Door) -> _View:
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method not in methods:
            taken = ", ".join(methods)
            refused = failure(request, 405, _("This address takes {method}.").format(method=taken))
            refused["Allow"] = taken
            return refused
        if door.people and is_program(request.user):
            return failure(request, 403, _("A program cannot do this: a person must."))
        response = view(request, *args, **kwargs)
        kept = "no-cache" if request.method == "GET" else "no-store"
        response["Cache-Control"] = f"private, {kept}"
        return unchanged(request, response) if request.method == "GET" else response

    if not door.permission:
        return allow_anonymous(answered)
    asked = require_recent_auth(answered) if door.again else answered
    return require_permission(door.permission, site=door.site, client=door.client)(asked)


def identify_caller(request: HttpRequest) -> HttpResponse | None:
    """Take the token for who asks, where one is shown; a wrong one is never passed over."""
    given = request.headers.get("Authorization", "")
    if not given:
        return None
    found = authenticate(given.removeprefix(_BEARER)) if given.startswith(_BEARER) else None
    if found is not None:
        request.user = found
        return None
    address = get_adapter().get_client_ip(request)
    refused = _slow_down(request, f"wrong:{address}", _WRONG_TOKENS_PER_MINUTE)
    if refused is None:
        refused = failure(request, 401, _("This token opens nothing, or no longer."))
        refused["WWW-Authenticate"] = "Bearer"
    return refused


def _too_often(request: HttpRequest) -> HttpResponse | None:
    who = request.user.get_username() or f"ip:{get_adapter().get_client_ip(request)}"
    return _slow_down(request, who, settings.API_PER_MINUTE)


def _slow_down(request: HttpRequest, who: str, most: int) -> HttpResponse | None:
    wait = seconds_to_wait(who, most, timezone.now())
    if not wait:
        return None
    refused = failure(request, 429, _("Too many requests: wait, then try again."))
    refused["Retry-After"] = str(wait)
    return refused


class _Csrf(CsrfViewMiddleware):
    """The check of Django's pages, answered in the shape of the API."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return failure(request, 403, _("The form token is missing or wrong."), reason)


def _forged(request: HttpRequest, door: Door) -> HttpResponse | None:
    """Ask a session for its CSRF token, wherever something is changed; a program has none."""
    if not door.permission or is_program(request.user):
        return None
    check = _Csrf(lambda request: HttpResponse())
    check.process_request(request)
    refused = check.process_view(request, _asked_here, (), {})
    assert refused is None or isinstance(refused, HttpResponse)
    return refused


def _asked_here(request: HttpRequest) -> HttpResponse:
    """Stand for a view that is not exempt."""
    return HttpResponse()


_Handler = Callable[[HttpRequest, Any], HttpResponse]


def answer_failures(api: NinjaAPI) -> None:
    """Answer what operations raise; what neither this nor a plug-in names is a fault of ours, and logged."""
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    for error, (status, message) in _SENTENCES.items():
        api.add_exception_handler(error, _say(status, message))


def _say(status: int, message: Any) -> _Handler:
    return lambda request, error: failure(request, status, str(message))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [build_fault(_field(row["loc"]), "", row["msg"]) for row in error.errors]
    return refuse_faults(request, faults)


def _field(place: Sequence[Any]) -> str:
    """Return a field as it was sent; a place in a body begins with the name of our argument."""
    (where, *path) = place
    return ".".join(map(str, path[1:] if where == "body" and len(path) > 1 else path))


def _event_faults(request: HttpRequest, error: EventFaults) -> HttpResponse:
    rows = error.faults
    return refuse_faults(request, [build_fault(row.field, "", f"{row.reason}; {row.fix}") for row in rows])


def _table_faults(request: HttpRequest, error: OperatorFaults) -> HttpResponse:
    rows = error.faults[:_MOST_FAULTS]
    return refuse_faults(request, [build_fault(row.column, "", describe_causes([row])[0]) for row in rows])


def _still_reading(request: HttpRequest, error: StillReading) -> HttpResponse:
    """Answer 503 where a file is still being read; sent again, it is read on."""
    refused = failure(request, 503, _("The file is still being read: send it again in a moment."))
    refused["Retry-After"] = "2"
    return refused


def _refused(request: HttpRequest, error: live.Refused) -> HttpResponse:
    operator = live.operator_now()
    text = text_now(operator.row.time_zone)
    rows = error.reasons
    faults = [build_fault(row.field, row.code, refusal_text(row, operator, text)) for row in rows]
    return refuse_faults(request, faults)


def refuse_faults(request: HttpRequest, faults: Sequence[Mapping[str, str]]) -> HttpResponse:
    return failure(request, 422, _("This was not accepted."), faults[0]["message"], faults)


def build_fault(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return failure(request, error.status_code, str(error))


def _nowhere(request: HttpRequest, error: Exception) -> HttpResponse:
    given = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return failure(request, 404, given or _("There is no page at this address."))


def _conflict(request: HttpRequest, error: Exception) -> HttpResponse:
    return failure(request, 409, translate_error(error))


_HANDLERS: Mapping[type[Exception], _Handler] = {
    ValidationError: _invalid,
    EventFaults: _event_faults,
    live.Refused: _refused,
    HttpError: _http,
    Http404: _nowhere,
    ProofError: _conflict,
    OperatorFaults: _table_faults,
    Conflict: _conflict,
    RegistryError: lambda request, error: failure(request, 422, translate_error(error)),
    RunError: _conflict,
    StillReading: _still_reading,
    live.NoOperator: lambda request, error: refuse_without_operator(request),
}
REUSED = lazy("This Idempotency-Key recorded something else before; take another one.")
_SENTENCES: Mapping[type[Exception], tuple[int, Any]] = {
    live.NoSuch: (404, lazy("There is nothing of this name.")),
    NotThere: (404, lazy("There is nothing of this name.")),
    EventElsewhere: (404, lazy("There is no such site.")),
    EventOfNoSite: (403, lazy("Your role is held for some sites: this is of none of them.")),
    live.KeyReused: (409, REUSED),
    PlanFolderError: (503, lazy("There is no plan to show.")),
}
"""Status and sentence of the errors that say nothing more."""
