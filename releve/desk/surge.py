"""The page of a relief for a surge or absences: proposed with its price, then put in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import PageModel, StreamPage
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.live.api import ClientMissing
from releve.plan.extra_hours import KeptOut
from releve.plan.work_changes import KindCount

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


register = Library()


class Proposal(PageModel):
    """Who would work differently for the rest of a day, and what that costs and brings.

    ``missing_before`` and ``missing_after`` are half hours of agents, weighted by the penalty of a
    missed call.
    """

    day: date
    absent: int
    moved: int
    kinds: tuple[KindCount, ...]
    missing_before: float
    missing_after: float
    clients: tuple[ClientMissing, ...]
    digest: str = Field(description="Names the moves; asked for when they are put in force")


class MoreHours(PageModel):
    """What hours beside the roster would bring: agent half hours, and whom working time keeps out."""

    people: int = Field(description="Who would work longer or be called in")
    missing_before: float
    missing_after: float
    lost_share: float = Field(description="Of what more hours could cover, the share that the rows keep out")
    helpful: int = Field(description="People who could help, whatever the rows")
    kept_out: int = Field(description="Of these, whom rows refuse all hours that would help")
    left_out: tuple[KeptOut, ...]


@register.filter
def describe_left_out(row: KeptOut) -> str:
    """Return how many people a row keeps out, what they would bring, and who may decide."""
    return translate_phrase(row.sentence)


class SurgePage(StreamPage):
    """A proposal for some calls; null before it is asked for."""

    clients: dict[str, str] = Field(description="Every client by id")
    client: str = Field(description="Whose calls are more; empty: every client's")
    percent: int | None = Field(
        description="Calls to come over calls planned, in hundredths; null: as they are foreseen"
    )
    foreseen: dict[str, int] = Field(
        description="By programme, from today's calls; without those of which no call is known"
    )
    names: dict[str, str] = Field(description="Of these programmes")
    proposal: Proposal | None
    more_hours: MoreHours | None = Field(description="Asked for by `hours`; nothing of it is put in force")
    orders: bool = Field(description="Whether the reader may put it in force")
    in_force: bool = Field(description="Whether a relief for a surge is in force")
    lost: tuple[str, ...] = Field(default=(), description="Names of the places that are lost, which it counts without")

    @property
    def named_factors(self) -> list[tuple[str, float]]:
        """Each of these programmes' name and factor."""
        return [(self.names[key], percent / 100) for key, percent in self.foreseen.items()]

    @property
    def foreseen_json(self) -> str:
        """The factors as the form that orders the relief sends them back."""
        return json.dumps(self.foreseen)


def surge_page(
    shown: ShownStream, user: AnyUser, client: str, percent: int | None, *, asked: bool, hours: bool = False
) -> SurgePage:
    """Return the page; ``asked``: with the proposal, worked out now; ``hours``: and what more hours would bring.

    Without one where it is asked for as foreseen, and no call of today is known.
    """
    operator = live.operator_now()
    lost = live.situation_now(shown.name).lost_places(live.now(shown.name))
    foreseen: dict[str, int] = {}
    if asked and percent is None:
        factors_now = live.foresee_factors(shown.name)
        foreseen = {name: round(100 * factor) for name, factor in factors_now.items()}
    factors = live.list_surge_factors(operator, client, percent, foreseen)
    found = live.propose_surge_relief(factors, shown.name) if asked and factors else None
    extra = live.find_more_hours(found, shown.name) if found is not None and hours else None
    return SurgePage(
        **shown.build_head(operator.row.time_zone),
        clients={row.id: row.name for row in operator.clients},
        client=client,
        percent=percent,
        foreseen=foreseen,
        names={row.id: row.name for row in operator.programmes if row.id in foreseen},
        proposal=None if found is None else Proposal.from_row(found),
        more_hours=None if extra is None else MoreHours.from_row(extra, people=len(extra.proposals)),
        orders=can(user, "relief.order"),
        in_force=live.has_surge_relief(live.load_scene(shown.name)),
        lost=(*(operator.site[name].name for name in sorted(lost.sites)), *sorted(lost.carriers)),
    )


LEAST, MOST = 10, 500
"""Calls to come over calls planned, in hundredths."""
_REFUSALS: Mapping[type[Exception], Any] = {
    live.ProposalChanged: lazy("The relief of a loss is being made: ask again in a moment."),
    live.NoSuch: lazy("No planned day runs now: no agent can be moved."),
}


class SurgeForm(forms.Form):
    """Whose calls are more, and by how much."""

    client = forms.CharField(max_length=64, required=False)
    percent = forms.IntegerField(min_value=LEAST, max_value=MOST, required=False)
    foreseen = forms.JSONField(required=False)

    def clean_client(self) -> str:
        found = str(self.cleaned_data["client"])
        if found and found not in {row.id for row in live.operator_now().clients}:
            raise forms.ValidationError("")
        return found

    def clean_foreseen(self) -> dict[str, int]:
        """Return hundredths by programme, as the page that was shown had them."""
        found = self.cleaned_data["foreseen"] or {}
        sound = isinstance(found, dict) and all(
            type(percent) is int and LEAST <= percent <= MOST for percent in found.values()
        )
        if not sound:
            raise forms.ValidationError("")
        return found


@serve("reliefs.see")
def show(request: HttpRequest) -> HttpResponse:
    """The question and, once asked, the proposal with its price."""
    shown, form = read_stream(request), SurgeForm(request.GET)
    asked = "percent" in request.GET
    if asked and not form.is_valid():
        messages.error(request, _("Give the calls as 10 to 500 % of those planned."))
        asked = False
    client, percent = "", None
    if asked:
        client, percent = form.cleaned_data["client"], form.cleaned_data["percent"]
    try:
        page = surge_page(shown, request.user, client, percent, asked=asked, hours="hours" in request.GET)
        if asked and page.proposal is None:
            messages.error(request, _("No calls of today are known: give a percentage."))
    except tuple(_REFUSALS) as error:
        messages.error(request, _REFUSALS[type(error)])
        page = surge_page(shown, request.user, client, percent, asked=False)
    return page_response(request, "desk/surge/surge.html", page)


@serve("relief.order", ACT, recent=True)
def order(request: HttpRequest) -> HttpResponse:
    """Put the proposal that was shown in force; show it again where it has changed."""
    form = SurgeForm(request.POST)
    if not form.is_valid():
        return redirect("surge")
    client, percent = form.cleaned_data["client"], form.cleaned_data["percent"]
    foreseen = form.cleaned_data["foreseen"]
    factors = live.list_surge_factors(live.operator_now(), client, percent, foreseen)
    digest, stream = request.POST.get("digest", ""), read_stream(request).name
    try:
        live.order_surge_relief(factors, digest=digest, by=actor_name(request), stream=stream)
    except live.ProposalChanged:
        messages.error(request, _("The proposal has changed meanwhile: here it is as of now."))
        return redirect(f"{reverse('surge')}?{urlencode({'client': client, 'percent': percent or ''})}")
    messages.success(request, _("The relief is in force: people are being notified."))
    return redirect("relief")


@serve("relief.order", ACT, recent=True)
def end(request: HttpRequest) -> HttpResponse:
    """Go back to the plan."""
    live.end_surge_relief(by=actor_name(request), stream=read_stream(request).name)
    messages.success(request, _("The plan applies again: people are being notified."))
    return redirect("relief")


urlpatterns = [
    path("", show, name="surge"),
    path("order", order, name="surge_order"),
    path("end", end, name="surge_end"),
]
