"""What stands: now, sites, clients, the plan, its reliefs, drills, who has answered."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse

from releve.accounts.scopes import can
from releve.desk.api import schemas
from releve.desk.api.routes import reads
from releve.desk.api.shared import Number, Ref, StreamName, asked
from releve.desk.http import json_response
from releve.desk.live.page import DrillsPage, drills_page
from releve.desk.live.streams import ShownStream, find_stream
from releve.desk.now.page import NowPage, now_page
from releve.desk.places.client_pages import ClientPage, ClientsPage, client_page, clients_page
from releve.desk.places.relief_pages import (
    ComparisonPage,
    ReliefsPage,
    comparison_page,
    find_relief,
    reliefs_page,
)
from releve.desk.places.site_pages import SitePage, SitesPage, site_page, sites_page
from releve.desk.plan.cell_page import CellPage
from releve.desk.plan.page import PlanPage, plan_page
from releve.desk.plan.views import find_cell, find_plan
from releve.desk.relief.page import ReliefChoice, ReliefPage, Shown, relief_page
from releve.live import api as live


@reads("/now", NowPage, "situation", "situation.see")
def now(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """Everything as it stands: sites, coverage now and for 48 hours, what is late."""
    return json_response(now_page(find_stream(request, stream), request.user))


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
    request: HttpRequest,
    client: Ref,
    contingency: Ref,
    day: date | None = None,
    programme: str = "",
) -> HttpResponse:
    """A client under a contingency of that plan: its day, half hour by half hour, and who moves."""
    return json_response(find_cell(find_plan(request, day)[1], client, contingency, programme))


@reads("/reliefs", ReliefsPage, "plan", "reliefs.see")
def reliefs(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """The plan in force, and the reliefs made since: the first of them is in force."""
    return json_response(reliefs_page(asked(request, stream)))


@reads("/reliefs/{int:generation}", ComparisonPage, "plan", "reliefs.see")
def relief(
    request: HttpRequest, generation: Number, stream: StreamName = live.LIVE
) -> HttpResponse:
    """A relief beside its plan: people by place and by programme, before and after."""
    found = asked(request, stream)
    row = find_relief(found.stream, generation)
    return json_response(comparison_page(found, None, row, row.activation))
