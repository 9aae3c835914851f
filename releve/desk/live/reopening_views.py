"""The reopening of a site: its checklist, the people who say yes, the opening itself."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import build_text_field, read_sent
from releve.desk.http import page_response
from releve.desk.live.event_form import EventForm
from releve.desk.live.page import reopening_page
from releve.desk.live.streams import read_stream
from releve.desk.query import require_found
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


class ReopeningForm(EventForm):
    """An act on a reopening, by a button: an item done, a yes, the opening, or one taken back."""

    act = forms.CharField(max_length=128)
    note = build_text_field("")

    def read_event(self, stream: str, site: str, actor: str) -> Event:
        """Return the event of a valid form; Http404 for an act that cannot be taken back."""
        act = self.cleaned_data["act"]
        own: dict[str, Any] = {**live.sign_event(stream, actor)}
        if act == "approve":
            return ReopeningApproved(**own, site=site)
        if act == "open":
            return SiteReopened(**own, site=site)
        if not act.startswith(_UNDO):
            return ReopeningChecked(**own, site=site, item=act, note=self.cleaned_data["note"])
        wrong = act.removeprefix(_UNDO)
        if wrong not in find_undoable_acts(live.situation_now(stream), site, actor):
            raise Http404(_("This can no longer be taken back: look at the page again."))
        return EventCorrected(**own, corrects=wrong, reason=_("Taken back on the reopening page"))


@serve("reopening.approve", FORM, site="site", recent=True)
def reopening(request: HttpRequest, site: str) -> HttpResponse:
    """The checklist, the approvals and the opening of one closed site."""
    operator, shown, reader = live.operator_now(), read_stream(request), actor_name(request)
    place = require_found(operator.site.get(site), _("There is no such site."))
    form = ReopeningForm(read_sent(request))
    form.clocks_of = site
    done = form.is_valid() and form.record(
        form.read_event(shown.name, site, reader), shown.name, request.user
    )
    page = reopening_page(shown, operator, place, reader)
    if page is None:
        if done:
            messages.success(request, _("The site is open again."))
        else:
            messages.info(request, _("This site is open."))
        return redirect("now")
    if done:
        return redirect("record_reopening", site)
    context = {"form": form, "key": uuid.uuid4().hex}
    return page_response(
        request, "desk/live/reopening.html", page, context, status=form.http_status
    )
