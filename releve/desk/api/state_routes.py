"""What stands: now, sites, clients, the plan, its reliefs, drills, who has answered."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.desk.api import schemas
from releve.desk.api.auth import opens
from releve.desk.api.routes import reads
from releve.desk.api.shared import Number, Ref, StreamName, asked, clock
from releve.desk.http import json_response
from releve.desk.live.streams import named
from releve.desk.now.page import NowPage, client_now, now_page, plan_reach
from releve.desk.page import known
from releve.desk.places.reliefs import compare_reliefs, comparison_twin, relief_twin
from releve.desk.places.sites import FEWEST, cases_count, row_twin, site_rows
from releve.desk.places.stream_context import StreamContext
from releve.desk.plan.cell_page import CellPage
from releve.desk.plan.page import PlanPage, plan_page
from releve.desk.plan.views import find_cell, find_plan
from releve.live import api as live
from releve.live.api import Relief

__all__ = [
    "client",
    "clients",
    "drills",
    "messages",
    "now",
    "plan",
    "plan_cell",
    "relief",
    "reliefs",
    "site",
]


@reads("/now", NowPage, "situation")
@opens("situation.see")
def now(request: HttpRequest, stream: StreamName = live.LIVE) -> HttpResponse:
    """Everything as it stands: sites, coverage now and for 48 hours, what is late."""
    return json_response(now_page(named(request, stream), request.user))


@reads("/sites", schemas.Sites, "situation")
@opens("sites.see")
def sites(request: HttpRequest, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """The sites: open or closed, their seats in all, usable and taken."""
    found, seen = asked(request, stream), scope_for(request.user, "sites.see")
    wanted = [row for row in found.operator.sites if seen.has_site(row.id)]
    rows = site_rows(found, live.load_scene(found.stream), wanted)
    return {**clock(found), "sites": [_site(found, row) for row in rows]}


def _site(now: StreamContext, row: Any) -> dict[str, Any]:
    return {**row_twin(row, now), "url": reverse("api_site", args=[row.id])}


@reads("/sites/{ref:site}", schemas.SiteDetail, "situation")
@opens("sites.see", site="site")
def site(request: HttpRequest, site: Ref, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """One site. The cases are a count, hidden below five from who may not see it."""
    found = asked(request, stream)
    wanted = found.operator.site.get(site)
    if wanted is None:
        raise Http404(_("There is no such site."))
    (row,) = site_rows(found, live.load_scene(found.stream), [wanted])
    closure, cases = found.situation.site(site).closure, cases_count(found, site)
    shown = can(request.user, "health.see", site=site) or cases >= FEWEST
    return {
        **clock(found),
        "site": _site(found, row),
        "cases": cases if shown else None,
        "cases_below": None if shown else FEWEST,
        "approvals": None if closure is None else len(closure.approvals),
        "checks": sum(where == site for where, _day in found.situation.checks),
        "inspections": sum(visit.site == site for visit in found.situation.inspections),
    }


@reads("/clients", schemas.Clients, "situation")
@opens("plan.see")
def clients(request: HttpRequest, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """The clients, with their coverage now and at the worst of 48 hours."""
    found, seen = asked(request, stream), scope_for(request.user, "plan.see")
    covered = live.compute_coverage(found.stream) if seen.clients is None or seen.clients else None
    own = {row.client: row for row in covered.clients} if covered is not None else {}
    rows = [
        client_now(row, own.get(row.id))
        for row in found.operator.clients
        if seen.has_client(row.id)
    ]
    return {**clock(found), "plan": plan_reach(covered), "clients": rows}


@reads("/clients/{ref:client}", schemas.ClientDetail, "situation")
@opens("plan.see", client="client")
def client(request: HttpRequest, client: Ref, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """One client's coverage, half hour by half hour."""
    found = asked(request, stream)
    row = next((row for row in found.operator.clients if row.id == client), None)
    if row is None:
        raise Http404(_("There is no such client."))
    covered = live.compute_coverage(found.stream)
    own = next((row for row in covered.clients if row.client == client), None) if covered else None
    halves = []
    if covered is not None and own is not None:
        columns = zip(covered.starts, own.required, own.covered, own.share, strict=True)
        halves = [
            {"start": start, "required": known(need), "covered": known(have), "share": known(share)}
            for start, need, have, share in columns
        ]
    return {
        **clock(found),
        "client": client_now(row, own),
        "plan": plan_reach(covered),
        "half_hours": halves,
    }


@reads("/messages", schemas.Messages, "situation")
@opens("reliefs.see")
def messages(request: HttpRequest, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """How many agents were notified of the last relief, and how many have acknowledged it."""
    found = asked(request, stream)
    counts = live.count_messages(found.stream)
    names = ("notified", "sent", "acknowledged", "waiting", "exhausted")
    return {**clock(found), **{name: getattr(counts, name) for name in names}}


@reads("/drills", schemas.Drills, "situation")
@opens("incident.work")
def drills(request: HttpRequest) -> dict[str, Any]:
    """The drills. Ask for one with stream=: nothing of it is real, and each answer says so."""
    names = ("title", "started_by", "started_at", "stopped_at")
    return {
        "drills": [
            {"stream": row.name, **{name: getattr(row, name) for name in names}}
            for row in live.list_drills()
        ]
    }


@reads("/plan", PlanPage, "plan")
@opens("plan.see")
def plan(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """The plan folder's plan of a day, the first by default: verdict and relief matrix."""
    return json_response(plan_page(find_plan(request, day)[1]))


@reads("/plan/{ref:client}/{ref:contingency}", CellPage, "plan")
@opens("plan.see", client="client")
def plan_cell(
    request: HttpRequest,
    client: Ref,
    contingency: Ref,
    day: date | None = None,
    programme: str = "",
) -> HttpResponse:
    """A client under a contingency of that plan: its day, half hour by half hour, and who moves."""
    return json_response(find_cell(find_plan(request, day)[1], client, contingency, programme))


@reads("/reliefs", schemas.Reliefs, "plan")
@opens("reliefs.see")
def reliefs(request: HttpRequest, stream: StreamName = live.LIVE) -> dict[str, Any]:
    """The plan in force, and the reliefs made since: the first of them is in force."""
    found, force = asked(request, stream), live.load_activation()
    names = ("at", "by", "version", "days")
    return {
        **clock(found),
        "plan": None if force is None else {name: getattr(force, name) for name in names},
        "reliefs": [_relief(row) for row in live.list_reliefs(found.stream)],
    }


@reads("/reliefs/{int:generation}", schemas.ReliefDetail, "plan")
@opens("reliefs.see")
def relief(
    request: HttpRequest, generation: Number, stream: StreamName = live.LIVE
) -> dict[str, Any]:
    """A relief beside its plan: people by place and by programme, before and after."""
    found = asked(request, stream)
    rows = Relief.objects.filter(stream=found.stream, generation=generation)
    row = rows.select_related("activation").first()
    if row is None:
        raise Http404(_("There is no relief of this number."))
    twin = comparison_twin(compare_reliefs(found, None, row, row.activation))
    return {**clock(found), "relief": _relief(row), "days": twin["days"]}


def _relief(row: Relief) -> dict[str, Any]:
    return {**relief_twin(row), "url": reverse("api_relief", args=[row.generation])}
