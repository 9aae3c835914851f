"""Operations of the state: now, sites, clients, plan, reliefs, drills; interval statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Path, Query
from pydantic import StringConstraints, WithJsonSchema

from releve import __version__
from releve.accounts.scopes import can
from releve.demand.import_report import describe_import_fault
from releve.desk.api import schemas
from releve.desk.api.auth import MOST_BODY_BYTES, Door
from releve.desk.api.refusals import RequestRefused, answer_failures
from releve.desk.api.schemas import Failure
from releve.desk.day_calendar import CalendarPage, calendar_page
from releve.desk.http import json_response
from releve.desk.live.page import DrillsPage, ShownStream, drills_page, find_stream
from releve.desk.now import NowPage, share_now
from releve.desk.places.page import (
    ClientPage,
    ClientsPage,
    ComparisonPage,
    ReliefsPage,
    SitePage,
    SitesPage,
    StreamContext,
    client_page,
    clients_page,
    comparison_page,
    find_relief,
    load_stream_context,
    reliefs_page,
    site_page,
    sites_page,
)
from releve.desk.plan.page import CellPage, PlanPage, plan_page
from releve.desk.plan.views import find_cell, find_plan
from releve.desk.relief import ReliefChoice, ReliefPage, Shown, relief_page
from releve.desk.text import text_now, translate_error
from releve.live import api as live
from releve.service_record.errors import MappingFault
from releve.service_record.statistics import file_statistics, find_source_mapping, import_rows, read_mapping

_F = TypeVar("_F", bound=Callable[..., Any])
_ERRORS = frozenset({400, 401, 403, 404, 409, 412, 413, 422, 429, 503})

api = NinjaAPI(
    title="Relève",
    version=__version__,
    description=(
        "What happens now, who is served, who takes over, what is on record. Send a token as"
        " `Authorization: Bearer …`. Everything is as the reader may see it on the pages."
    ),
    openapi_url=None,
    docs_url=None,
    urls_namespace="api",
)
answer_failures(api)
OPERATIONS: dict[str, tuple[str, str, Door]] = {}
"""The name of the address of each operation, its method and its door; one address may take several methods."""


def reads(
    address: str, answers: type, tag: str, permission: str, *, site: str | None = None, client: str | None = None
) -> Callable[[_F], _F]:
    """Register what is read at an address, and who may; unchanged it is answered by 304."""
    door = Door(permission, site, client)
    return _register("GET", address, {200: answers, 304: None}, tag, door)


def writes(
    address: str,
    answers: Mapping[int, type],
    tag: str,
    permission: str,
    *,
    again: bool = False,
    people: bool = False,
    summary: str | None = None,
    body: dict[str, Any] | None = None,
    method: str = "POST",
    kind: str = "application/json",
    most_bytes: int = MOST_BODY_BYTES,
) -> Callable[[_F], _F]:
    """Register what is done at an address, and who may, as in :class:`Door`.

    ``body`` is the JSON Schema of what is read by hand, of a content of a ``kind``.
    """
    content = {"required": True, "content": {kind: {"schema": body}}}
    extra = None if body is None else {"requestBody": content}
    door = Door(permission, again=again, people=people, most_bytes=most_bytes)
    return _register(method, address, answers, tag, door, summary=summary, openapi_extra=extra)


_NAMES: dict[str, str] = {}


def _register(
    method: str, address: str, answers: Mapping[int, type | None], tag: str, door: Door, **more: Any
) -> Callable[[_F], _F]:
    def register(operation: _F) -> _F:
        name = _NAMES.setdefault(address, f"api_{operation.__name__}")
        OPERATIONS[operation.__name__] = name, method, door
        return api.api_operation(
            [method],
            address,
            response={**answers, _ERRORS: Failure},
            url_name=name,
            operation_id=operation.__name__,
            tags=[tag],
            **more,
        )(operation)

    return register


_Source = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"), Path()]


@writes("/statistics/{source}", {200: schemas.StatisticsTaken}, "situation", "calls.report")
def send_statistics(request: HttpRequest, source: _Source, sent: schemas.StatisticsRows) -> dict[str, Any]:
    """File interval statistics or agents signed in; of two reports the later one counts.

    The columns are those of the source: ``statistics/SOURCE/mapping.toml`` says what they are.
    """
    operator, now = live.operator_now(), live.real_now()
    text = find_source_mapping(live.find_statistics_folder(), source)
    if text is None:
        raise RequestRefused("missing", _("There is no such source: write its mapping.toml first."))
    try:
        mapping = read_mapping(text, operator)
        read = import_rows(sent.rows, mapping, min(sent.recorded_at or now, now))
    except MappingFault as error:
        raise RequestRefused("conflict", translate_error(error)) from error
    except ValueError as error:
        raise RequestRefused("refused", translate_error(error)) from error
    found = file_statistics(read, source)
    faults = [
        {"row": max(0, fault.row - 1), "column": fault.column, "count": fault.count,
         "message": describe_import_fault(fault, gettext, text_now("UTC").language)}
        for fault in found.faults
    ]  # fmt: skip
    return {"rows": found.rows, "used": found.used, "older": found.older, "faults": faults}


StreamName = Annotated[
    str,
    Query(description="live, or a drill that goes on, for those who work in it", pattern=r"^(live|drill:[0-9]{1,9})$"),
]
Ref = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([A-Za-z0-9_:-]|~[0-9A-F]{2})+$",
            "description": "The id; bytes other than letters, digits, - _ : are written as ~20",
        }
    ),
    Path(),
]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def asked(request: HttpRequest, stream: str) -> StreamContext:
    """Return the moment of the stream asked for; NoSuch where it is not there for the reader."""
    return load_stream_context(find_stream(request, stream))


@reads("/now", NowPage, "situation", "situation.see")
def now(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """Everything as it stands: sites, coverage now and for 48 hours, what is late."""
    return json_response(share_now(find_stream(request, stream), request.user)[0])


@reads("/sites", SitesPage, "situation", "sites.see")
def sites(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """The sites: open or closed, their seats in all, usable and taken."""
    return json_response(sites_page(asked(request, stream), request.user))


@reads("/sites/{ref:site}", SitePage, "situation", "sites.see", site="site")
def site(request: HttpRequest, site: Ref, stream: StreamName = live.LIVE) -> HttpResponse:
    """One site. The cases are a count, hidden below five from who may not see it."""
    return json_response(site_page(asked(request, stream), site, request.user))


@reads("/clients", ClientsPage, "situation", "plan.see")
def clients(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """The clients, with their coverage now and at the worst of 48 hours."""
    return json_response(clients_page(asked(request, stream), request.user))


@reads("/clients/{ref:client}", ClientPage, "situation", "plan.see", client="client")
def client(request: HttpRequest, client: Ref, stream: StreamName = live.LIVE) -> HttpResponse:
    """One client's coverage, half hour by half hour."""
    return json_response(client_page(asked(request, stream), client))


@reads("/relief", ReliefPage, "situation", "relief.people")
def relief_in_force(
    request: HttpRequest,
    stream: StreamName = live.LIVE,
    day: date | None = None,
    site: str = "",
    show: Shown = "all",
    people: int = 1,
    moves: int = 1,
) -> HttpResponse:
    """The relief in force: who moves where, who was notified by what, who has answered."""
    choice = ReliefChoice(day, site, show, people, moves)
    return json_response(relief_page(find_stream(request, stream), request.user, choice))


@reads("/messages", schemas.Messages, "situation", "reliefs.see")
def messages(request: HttpRequest, stream: StreamName = live.LIVE) -> schemas.Messages:
    """How many agents have a message about days ahead: sent, acknowledged, without an address."""
    found = asked(request, stream)
    return schemas.Messages(**found.head, counts=live.count_messages(found.stream))


@reads("/drills", DrillsPage, "situation", "incident.work")
def drills(request: HttpRequest) -> HttpResponse:
    """The drills. Ask for one with stream=: nothing of it is real, and each answer says so."""
    starts, operator = can(request.user, "drill.run"), live.operator_now()
    return json_response(drills_page(ShownStream(live.LIVE), operator, may_start=starts))


@reads("/plan", PlanPage, "plan", "plan.see")
def plan(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """The plan folder's plan of a day, the first by default: verdict and relief matrix."""
    return json_response(plan_page(find_plan(request, day)[1]))


@reads("/plan/{ref:client}/{ref:contingency}", CellPage, "plan", "plan.see", client="client")
def plan_cell(
    request: HttpRequest, client: Ref, contingency: Ref, day: date | None = None, programme: str = ""
) -> HttpResponse:
    """A client under a contingency of that plan: its day, half hour by half hour, and who moves."""
    return json_response(find_cell(find_plan(request, day)[1], client, contingency, programme))


@reads("/calendar", CalendarPage, "plan", "reliefs.see")
def calendar(request: HttpRequest, first: date | None = None) -> HttpResponse:
    """Five weeks of days from the week of a day on, by default last week's: the plans of each."""
    return json_response(calendar_page(first))


@reads("/reliefs", ReliefsPage, "plan", "reliefs.see")
def reliefs(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """The plan in force, and the reliefs made since: the first of them is in force."""
    return json_response(reliefs_page(asked(request, stream)))


@reads("/reliefs/{int:generation}", ComparisonPage, "plan", "reliefs.see")
def relief(request: HttpRequest, generation: Number, stream: StreamName = live.LIVE) -> HttpResponse:
    """A relief beside its plan: people by place and by programme, before and after."""
    found = asked(request, stream)
    row = find_relief(found.stream, generation)
    return json_response(comparison_page(found, None, row))
