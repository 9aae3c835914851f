"""The Health page: cases, clusters and contacts, for the health officer alone.

It shows status, dates and site under a pseudonym, and nothing else of a person. A case goes by its
event, so that no pseudonym is in an address; a look at its contacts is recorded before it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.accounts.grants import STREAM
from releve.accounts.scopes import Scope, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words
from releve.desk.forms import read_sent
from releve.desk.http import keep_unstored, page_response, require_found, takes
from releve.desk.page import StreamPage
from releve.desk.places.page import StreamContext, moment
from releve.desk.text import NO_BREAK, text_now, translate_phrase
from releve.ledger.chain import append
from releve.live import api as live
from releve.network import Operator
from releve.situation import CaseCluster, OpenCase, TracedContact, list_open_cases, read_seating


class _HealthPage(StreamPage):
    """Every cluster of the sites that the reader may see, the largest first."""

    clusters: tuple[CaseCluster, ...]
    sites: dict[str, str] = Field(description="Names of the sites, by id")


class CasesPage(_HealthPage):
    """Every open case, the newest first."""

    cases: tuple[OpenCase, ...]
    cluster_days: float = Field(description="From one case of a cluster to the next, at most")


class CasePage(_HealthPage):
    """One case; ``contacts`` is null until they are asked for."""

    case: OpenCase
    days_before: float = Field(description="Days before the case in which contacts are sought")
    contacts: tuple[TracedContact, ...] | None
    seated: bool = Field(description="Seats were given with the question")


def cases_page(
    now: StreamContext, reach: Scope, cases: tuple[OpenCase, ...], seating: Mapping[str, str] | None
) -> CasesPage:
    """Return the page of every open case; clusters of floors and zones where a seating is given."""
    rule = live.find_tracing_rule(now.situation, now.operator, now.at)
    return CasesPage(
        **_build_head(now, reach),
        clusters=_list_clusters(now, reach, seating),
        cases=cases,
        cluster_days=rule.cluster_days,
    )


def case_page(now: StreamContext, reach: Scope, case: OpenCase, seating: Mapping[str, str] | None) -> CasePage:
    """Return the page of one case; its contacts where a ``seating`` is given, even an empty one."""
    found = live.trace_case(now.stream, now.operator, now.situation, case.event, seating)
    clusters = _list_clusters(now, reach, seating)
    return CasePage(
        **_build_head(now, reach),
        clusters=tuple(row for row in clusters if case.pseudonym in row.agents),
        case=case,
        days_before=found.days_before,
        contacts=found.contacts,
        seated=bool(seating),
    )


def _build_head(now: StreamContext, reach: Scope) -> dict[str, Any]:
    names = {row.id: row.name for row in now.operator.sites if reach.has_site(row.id)}
    return {**now.head, "sites": names}


def _list_clusters(now: StreamContext, reach: Scope, seating: Mapping[str, str] | None) -> tuple[CaseCluster, ...]:
    return live.find_case_clusters(now.stream, now.operator, now.situation, now.at, reach.has_site, seating or {})


_MOST_CHARACTERS = 200_000
_MOST_FAULTS = 5


class SeatingForm(forms.Form):
    """``cleaned_data["seating"]`` is the seat by agent; it serves one answer and is not kept."""

    seating = forms.CharField(
        label=lazy("Seats of those days, if they were noted"),
        required=False,
        max_length=_MOST_CHARACTERS,
        widget=forms.Textarea({"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=lazy("One line an agent: pseudonym, semicolon, seat. It serves this answer and is not kept."),
    )

    def __init__(self, operator: Operator, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._operator = operator

    @property
    def seats(self) -> Mapping[str, str] | None:
        """The seat by agent; None where nothing was sent, or nothing sound."""
        return self.cleaned_data["seating"] if self.is_valid() else None

    def clean_seating(self) -> Mapping[str, str]:
        """Return the seat by agent; ValidationError names the lines that say nothing known."""
        seating, faults = read_seating(self.cleaned_data["seating"], self._operator)
        if faults:
            raise forms.ValidationError([translate_phrase(row) for row in faults[:_MOST_FAULTS]])
        return seating


_SEATING_BYTES = 2 * 1024**2
"""A line for each agent of the largest operator; Django itself takes no larger form."""


def _say_too_large() -> str:
    return _("The seats of a case take at most {size} MB.").format(size=_SEATING_BYTES // 1024**2)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def list_cases(request: HttpRequest) -> HttpResponse:
    """Open cases and what they share."""
    now, reach = moment(request), scope_for(request.user, "health.cases")
    form = SeatingForm(now.operator, read_sent(request))
    page = cases_page(now, reach, _list_cases(now, reach), form.seats)
    return _show(request, "desk/health/cases.html", page, form)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def show_case(request: HttpRequest, case: str) -> HttpResponse:
    """One case; its contacts in answer to the form alone, after the look is recorded."""
    now, reach = moment(request), scope_for(request.user, "health.cases")
    known = {row.event: row for row in _list_cases(now, reach)}
    found = require_found(known.get(case), _("There is no such open case."))
    form = SeatingForm(now.operator, read_sent(request))
    if form.is_valid():
        _note(request, found, now.stream)
    return _show(request, "desk/health/case.html", case_page(now, reach, found, form.seats), form)


def _list_cases(now: StreamContext, reach: Scope) -> tuple[OpenCase, ...]:
    rules = live.select_rules(now.situation)
    return list_open_cases(now.situation, now.operator, rules, now.at, reach.has_site)


def _show(request: HttpRequest, template: str, page: CasesPage | CasePage, form: SeatingForm) -> HttpResponse:
    """Return a page that no browser keeps."""
    status = 422 if form.errors else 200
    return keep_unstored(page_response(request, template, page, {"form": form}, status=status))


@transaction.atomic
def _note(request: HttpRequest, case: OpenCase, stream: str) -> None:
    """Record the look by the case's event, not by the agent.

    A log of looks is kept longer than what is known of a case: once that is erased, this entry
    must not name anybody either.
    """
    body = {"case": case.event, "of": stream, "actor": actor_name(request)}
    append("contacts.seen", body, stream=STREAM, recorded_at=timezone.now())


register = Library()
_STATUSES = {"declared_case": lazy("Declared case"), "contact": lazy("Contact")}
_KINDS = {
    "floor": lazy("Floor {name}"),
    "zone": lazy("Zone {name}"),
    "shuttle": lazy("Shuttle of {name}"),
    "shift": lazy("Shift {name}"),
}
add_words(register, "case_status", _STATUSES)


@register.filter
def cluster_word(row: CaseCluster) -> str:
    """Return what the cases of a cluster shared."""
    return str(_KINDS[row.kind]).format(name=row.name)


@register.filter
def in_days(days: float) -> str:
    """Return a number of days with its noun."""
    written = text_now("UTC").number(days, 0 if days == int(days) else 1)
    return ngettext("{days} day", "{days} days", int(days)).format(days=written)


@register.filter
def duration(minutes: float) -> str:
    """Return a length as ``7 h 30 min``, with spaces that do not break."""
    hours, rest = divmod(round(minutes), 60)
    parts = [f"{text_now('UTC').number(hours)}{NO_BREAK}h"] if hours else []
    parts += [f"{rest}{NO_BREAK}min"] if rest or not hours else []
    return NO_BREAK.join(parts)


urlpatterns = [path("", list_cases, name="health"), path("<ref:case>", show_case, name="health_case")]
