"""The coming fourteen days from today's situation: started, shown, each look recorded."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.crashtest.page import OutlookPage, OutlooksPage
from releve.desk.endpoint import FORM, serve
from releve.desk.http import keep_unstored, page_response
from releve.desk.places.stream_context import moment
from releve.runs.installation import list_plan_sources, open_outlooks
from releve.runs.orders import record_outlook_view, start_outlook
from releve.runs.outlook_job import (
    KEPT_DAYS,
    OUTLOOK_DAYS,
    describe_outlook,
    read_chances,
    remove_expired_outlooks,
)


@serve("crashtest.outlook", FORM)
def outlooks(request: HttpRequest) -> HttpResponse:
    """The outlooks of the last weeks, and the start of one."""
    now, held, sources = moment(request), open_outlooks(), list_plan_sources()
    remove_expired_outlooks(held)
    if request.method == "POST" and sources:
        folder = start_outlook(
            now.operator,
            now.situation,
            now.at,
            stream=now.stream,
            source=next(iter(sources)),
            by=actor_name(request),
        )
        messages.success(request, _("The outlook is on its way."))
        return redirect("outlook", folder.name)
    looks = (look for look in held.list_jobs() if look.order.stream == now.stream)
    page = OutlooksPage(
        **now.head,
        outlooks=tuple(describe_outlook(look) for look in looks),
        possible=bool(sources),
        days=OUTLOOK_DAYS,
        kept_days=KEPT_DAYS,
    )
    return keep_unstored(page_response(request, "desk/crashtest/outlooks.html", page))


@serve("crashtest.outlook")
def outlook(request: HttpRequest, run: str) -> HttpResponse:
    """One outlook; the ledger records each view of its chances, before it is shown."""
    now, held = moment(request), open_outlooks()
    remove_expired_outlooks(held)
    look = held.get(run)
    if look is None or look.order.stream != now.stream:
        raise Http404(_("There is no such outlook."))
    if look.state == "done":
        record_outlook_view(look, actor_name(request))
    page = OutlookPage(
        **now.head,
        outlook=describe_outlook(look),
        reason=look.reason,
        chances=read_chances(look),
    )
    return keep_unstored(page_response(request, "desk/crashtest/outlook.html", page))
