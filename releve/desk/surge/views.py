"""The page of a relief for a surge or absences, and the acts that begin and end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.streams import read_stream
from releve.desk.surge.page import surge_page
from releve.live import api as live

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
        page = surge_page(shown, request.user, client, percent, asked=asked)
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
        return redirect(
            f"{reverse('surge')}?{urlencode({'client': client, 'percent': percent or ''})}"
        )
    messages.success(request, _("The relief is in force: people are being notified."))
    return redirect("relief")


@serve("relief.order", ACT, recent=True)
def end(request: HttpRequest) -> HttpResponse:
    """Go back to the plan."""
    live.end_surge_relief(by=actor_name(request), stream=read_stream(request).name)
    messages.success(request, _("The plan applies again: people are being notified."))
    return redirect("relief")
