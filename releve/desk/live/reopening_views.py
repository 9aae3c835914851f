"""The reopening of a site: its checklist, the people who say yes, the opening itself."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.two_people import build_approval_check
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import page_response
from releve.desk.live.answers import RecordFailure, explain_failure
from releve.desk.live.page import reopening_page
from releve.desk.live.streams import read_stream
from releve.desk.query import require_found
from releve.desk.text import text_now
from releve.live import api as live
from releve.situation import (
    Event,
    EventCorrected,
    ReopeningApproved,
    ReopeningChecked,
    SiteReopened,
    find_undoable_acts,
)

_UNDO = "undo:"


@serve("reopening.approve", FORM, site="site", recent=True)
def reopening(request: HttpRequest, site: str) -> HttpResponse:
    """The checklist, the approvals and the opening of one closed site."""
    operator, shown = live.operator_now(), read_stream(request)
    place = require_found(operator.site.get(site), _("There is no such site."))
    failed = RecordFailure(200, ())
    if request.method == "POST":
        text = text_now(operator.row.time_zone).at_site(place.time_zone)
        try:
            event = _build_event(request, site, shown.name)
            key, judge = _read_key(request), build_approval_check(event)
            live.record(event, key=key, stream=shown.name, judge=judge)
        except live.LiveError as error:
            failed = explain_failure(error, text)
        else:
            return _redirect_next(request, site, shown.name)
    closure = live.situation_now(shown.name).site(site).closure
    if closure is None:
        messages.info(request, _("This site is open."))
        return redirect("now")
    page = reopening_page(shown, operator, site, closure, actor_name(request), failed.sentences)
    context = {"key": uuid.uuid4().hex}
    return page_response(request, "desk/live/reopening.html", page, context, status=failed.status)


def _build_event(request: HttpRequest, site: str, stream: str) -> Event:
    """Return the act that was asked for: an item done, a yes, the opening, or one taken back."""
    actor, act = actor_name(request), request.POST.get("act", "")
    common = live.sign_event(stream, actor)
    if act == "approve":
        return ReopeningApproved(**common, site=site)
    if act == "open":
        return SiteReopened(**common, site=site)
    if not act.startswith(_UNDO):
        note = request.POST.get("note", "")[:500]
        return ReopeningChecked(**common, site=site, item=act[:64], note=note)
    wrong = act.removeprefix(_UNDO)
    if wrong not in find_undoable_acts(live.situation_now(stream), site, actor):
        raise Http404(_("This can no longer be taken back: look at the page again."))
    return EventCorrected(**common, corrects=wrong, reason=_("Taken back on the reopening page"))


def _read_key(request: HttpRequest) -> str:
    return request.POST.get("key", "")[:64] or uuid.uuid4().hex


def _redirect_next(request: HttpRequest, site: str, stream: str) -> HttpResponse:
    if live.situation_now(stream).site(site).closed:
        return redirect("record_reopening", site)
    messages.success(request, _("The site is open again."))
    return redirect("now")
