"""The page of the packs of rules: read them, choose one for some days, end one."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.rules.forms import ChoiceForm, EndForm, PackForm
from releve.desk.rules.page import rules_page
from releve.live import api as live
from releve.situation import Event, SiteClosed, find_refusals


@serve("event.record.rules")
def index(request: HttpRequest) -> HttpResponse:
    """The packs with their sentences, and those that are in force."""
    return _show(request, moment(request), {})


@serve("event.record.rules", ACT, recent=True)
def choose(request: HttpRequest) -> HttpResponse:
    """Choose a pack; where sites would close at once, only after that was shown."""
    return _record(request, ChoiceForm, _("The pack is chosen."))


@serve("event.record.rules", ACT, recent=True)
def end(request: HttpRequest) -> HttpResponse:
    """End a pack after a day."""
    return _record(request, EndForm, _("The pack is ended."))


def _record(request: HttpRequest, kind: type[PackForm], said: str) -> HttpResponse:
    now, pack = moment(request), request.POST.get("pack", "")
    form = kind(pack, now.find_day(), request.POST)
    if form.is_valid():
        event = form.build_event(**live.sign_event(now.stream, actor_name(request)))
        if not live.is_recorded(form.key_text, now.stream):
            rules = live.select_rules(now.situation)
            form.refuse(find_refusals(event, now.situation, now.operator, rules))
        closes = () if form.errors else _list_closures(event, now)
        if closes and request.POST.get("confirmed") != "yes":
            return _show(request, now, {pack: form}, closes=closes)
        if not form.errors and form.record(event, now.stream, request.user) is not None:
            messages.success(request, said)
            return redirect("rules")
    return _show(request, now, {pack: form}, status=form.http_status)


def _list_closures(event: Event, now: StreamContext) -> tuple[str, ...]:
    """Return the names of the sites that would close as soon as the event is recorded."""
    answers = live.preview_answers(event, now.stream)
    return tuple(now.operator.site[row.site].name for row in answers if isinstance(row, SiteClosed))


def _show(
    request: HttpRequest,
    now: StreamContext,
    sent: Mapping[str, PackForm],
    *,
    closes: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    today = now.find_day()
    page = rules_page(now, today)
    kinds = {card.pack.id: EndForm if card.lasting else ChoiceForm for card in page.packs}
    forms = {pack: sent.get(pack) or kind(pack, today) for pack, kind in kinds.items()}
    context = {"forms": forms, "closes": now.text.list(closes)}
    return page_response(request, "desk/rules/index.html", page, context, status=status)
