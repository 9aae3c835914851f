"""The wall view, in large figures for a screen on the floor, and the statement of a client."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.endpoint import serve
from releve.desk.http import failure, page_response, part_response
from releve.desk.query import require_found
from releve.desk.service.page import service_now
from releve.desk.service.statement_page import read_period, statement_page
from releve.live import api as live


@serve("plan.see")
def wall(request: HttpRequest) -> HttpResponse:
    """The calls of today, of no person; the screen polls ``?part=live``."""
    page = service_now(live.real_now(), request.user, live.load_scene())
    if page is None:
        raise live.NoOperator("the registry is empty: import an operator first")
    if request.GET.get("part") == "live":
        return part_response(request, "desk/service/_wall.html", page, {})
    return page_response(request, "desk/service/wall.html", page, {})


@serve("plan.see", client="client")
def statement(request: HttpRequest, client: str) -> HttpResponse:
    """What was promised and delivered to a client on a day, by default yesterday, or in a month."""
    operator = live.operator_now()
    row = require_found(operator.client.get(client), _("There is no such client."))
    period = read_period(request.GET, operator.row.time_zone, live.real_now())
    if period is None:
        text = _("Write the day as 2026-11-30, or the month as 2026-11.")
        return failure(request, 400, _("This is neither a day nor a month."), text)
    page = statement_page(row, operator, request.user, *period)
    context = {"operator": operator, "reads_ledger": can(request.user, "ledger.see")}
    return page_response(request, "desk/service/statement.html", page, context)
