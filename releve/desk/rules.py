"""The packs of rules: what each says, and which of them the operator has chosen for which days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.forms import build_day_field
from releve.desk.http import page_response
from releve.desk.live.forms import EventForm
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.page import StreamContext, moment
from releve.live import api as live
from releve.situation import (
    ChosenPack,
    Event,
    PackChosen,
    PackEnded,
    RulePack,
    SiteClosed,
    SituationRule,
    SituationRules,
    find_refusals,
)


class PackCard(PageModel):
    """A pack: its rules, and the days for which it is chosen."""

    pack: RulePack
    rules: tuple[SituationRule, ...]
    days: tuple[ChosenPack, ...]
    lasting: bool = Field(description="Chosen for today or later")


class SiteRulesPage(StreamPage):
    """The packs that can be chosen; ``closing``: a rule closes sites today."""

    today: date
    closing: bool
    packs: tuple[PackCard, ...]


def rules_page(now: StreamContext, today: date) -> SiteRulesPage:
    """Return the page of a stream on a day."""
    rules = live.select_rules(now.situation)
    return SiteRulesPage(
        **now.head,
        today=today,
        closing=rules.closes_on(today),
        packs=tuple(_build_card(pack, rules, now.situation.packs, today) for pack in rules.packs),
    )


def _build_card(pack: RulePack, rules: SituationRules, chosen: tuple[ChosenPack, ...], today: date) -> PackCard:
    days = tuple(row for row in chosen if row.pack == pack.id)
    return PackCard(
        pack=pack,
        rules=tuple(row for row in rules.offered if row.pack == pack.id),
        days=days,
        lasting=any(row.state_on(today) != "over" for row in days),
    )


class PackForm(EventForm):
    """A form about one pack, on a day of the operator."""

    pack = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, pack: str, today: date, data: Any = None) -> None:
        day = "valid_from" if "valid_from" in self.base_fields else "valid_to"
        first = {"pack": pack, day: today}
        super().__init__(data, initial=first, auto_id=f"{type(self).__name__}_{pack}_%s")


class ChoiceForm(PackForm):
    """The days for which a pack is chosen."""

    records = PackChosen
    valid_from = build_day_field(lazy("First day in force"))
    valid_to = build_day_field(lazy("Last day in force"), lazy("Empty: until you end it."))


class EndForm(PackForm):
    """The last day on which a pack holds."""

    records = PackEnded
    valid_to = build_day_field(
        lazy("Last day in force"),
        help_text=lazy("Yesterday ends it at once. Sites that it closed stay closed until reopened."),
    )


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


register = Library()
_STATES = {"in_force": lazy("in force"), "to_come": lazy("not yet in force"), "over": lazy("over")}


@register.filter
def days_state(row: ChosenPack, today: date) -> str:
    """Return whether days are over, running or to come."""
    return str(_STATES[row.state_on(today)])


urlpatterns = [
    path("", index, name="rules"),
    path("choose", choose, name="rules_choose"),
    path("end", end, name="rules_end"),
]
