"""The forecast of a programme: what came, what is expected, and its uplifts with their effect on the agents.

An uplift is a row of the reference data, so that plans use it, a version says who kept it, and it can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import AwareDatetime, Field

from releve.accounts.scopes import can
from releve.demand import Forecast, Requirement, build_forecast, build_histories, compute_requirement
from releve.demand.forecast import count_quantile
from releve.demand.localtime import local_slots, number_to_day
from releve.desk.access.guard import actor_name
from releve.desk.chart import Bar, Label, Picture, Shape, draw_band, draw_steps, find_scale, find_step
from releve.desk.endpoint import ACT, FORM, perform, serve
from releve.desk.forms import PlainForm, act_on, build_day_field, build_text_field, read_sent
from releve.desk.http import page_response, read_day, require_found
from releve.desk.page import PageModel
from releve.desk.registry.page import RegistryContext, read_comment, require_context
from releve.desk.text import text_now
from releve.live.api import IdentityCache, now
from releve.network import Operator, Programme, Uplift, list_columns
from releve.registry import service
from releve.registry.edits import Edit, prepare_edit
from releve.registry.models import Version

_AHEAD_DAYS = 14
_PAST_DAYS = 28
_LEVELS = (0.1, 0.9)


class ForecastDay(PageModel):
    """A day ahead; figures are null where they are not known."""

    day: date
    week_before: float | None = Field(description="Calls offered seven days before")
    calls: float | None = Field(description="Expected, with the uplifts")
    low: float | None = Field(description="Fewer calls than these come on one day in ten")
    high: float | None = Field(description="More calls than these come on one day in ten")
    without: float | None = Field(description="Expected by the history alone")
    agent_hours: float | None = Field(description="Hours of agents to roster, with the uplifts")
    agent_hours_without: float | None
    peak_agents: float | None = Field(description="Agents to roster in the busiest half hour, with the uplifts")
    peak_agents_without: float | None


class PastDay(PageModel):
    """A day that the history holds."""

    day: date
    calls: float | None


class KeptUplift(PageModel):
    """An uplift in the reference data, with who kept it; empty where its version is not there any more."""

    id: str
    first: date
    last: date
    change: float
    reason: str
    by: str
    at: AwareDatetime | None


class ForecastPage(PageModel):
    """A programme's forecast of two weeks; ``tried``: an uplift is shown that is not kept yet."""

    programme: str
    name: str
    client: str
    version: int
    time_zone: str
    first: date
    earlier: date
    later: date
    unknown: str = Field(description="Why there is no forecast; empty where there is one")
    past: tuple[PastDay, ...]
    days: tuple[ForecastDay, ...]
    uplifts: tuple[KeptUplift, ...]
    tried: bool
    may_edit: bool


class ForecastListRow(PageModel):
    """A programme and how many uplifts it has."""

    programme: str
    name: str
    client: str
    uplifts: int


class ForecastListPage(PageModel):
    """The programmes of the reference data."""

    programmes: tuple[ForecastListRow, ...]


_forecasts: IdentityCache[Forecast] = IdentityCache(most=32)


def _forecast(operator: Operator, programme: Programme, days: Sequence[date], uplifts: tuple[Uplift, ...]) -> Forecast:
    """Return a forecast of one programme, computed once for a version of the reference data."""
    return _forecasts.get(
        (programme.id, days[0], uplifts),
        (operator,),
        lambda: build_forecast(
            build_histories(operator), [programme], days, operator.row.time_zone,
            levels=_LEVELS, day_start=operator.day_start, uplifts=uplifts,
        ),
    )  # fmt: skip


def forecast_page(
    here: RegistryContext, programme: Programme, first: date, may_edit: bool, tried: Uplift | None = None
) -> ForecastPage:
    """Return the page of a programme from a day on, with an uplift that is not kept yet."""
    operator = here.operator
    days = [first + timedelta(days=number) for number in range(_AHEAD_DAYS)]
    own = tuple(row for row in operator.uplifts if row.programme == programme.id)
    shown = own if tried is None else (*own, tried)
    with_them, without = (_forecast(operator, programme, days, rows) for rows in (shown, ()))
    past = _sum_history(operator, programme)
    return ForecastPage(
        programme=programme.id,
        name=programme.name,
        client=operator.client[programme.client].name,
        version=here.version.number,
        time_zone=operator.row.time_zone,
        first=first,
        earlier=first - timedelta(days=_AHEAD_DAYS),
        later=first + timedelta(days=_AHEAD_DAYS),
        unknown=with_them.unknown.get(programme.id, ""),
        past=tuple(
            PastDay(day=day, calls=past.get(day))
            for day in (first - timedelta(days=number) for number in range(_PAST_DAYS, 0, -1))
        ),
        days=tuple(_build_day(operator, programme, day, with_them, without, past) for day in days),
        uplifts=_list_uplifts(own),
        tried=tried is not None,
        may_edit=may_edit,
    )


def _build_day(
    operator: Operator, programme: Programme, day: date, with_them: Forecast, without: Forecast, past: dict[date, float]
) -> ForecastDay:
    need, plain = (
        compute_requirement(one, [programme], day, operator.row.time_zone, day_start=operator.day_start)
        for one in (with_them, without)
    )
    calls = _known(need.calls.sum())
    low, high = (
        None if calls is None else float(count_quantile(level, np.array([calls]), with_them.day_factor_cv**2)[0])
        for level in _LEVELS
    )
    return ForecastDay(
        day=day,
        week_before=past.get(day - timedelta(days=7)),
        calls=calls,
        low=low,
        high=high,
        without=_known(plain.calls.sum()),
        agent_hours=_count_hours(need),
        agent_hours_without=_count_hours(plain),
        peak_agents=_known(need.agents.max()),
        peak_agents_without=_known(plain.agents.max()),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _count_hours(need: Requirement) -> float | None:
    return _known(need.agents.sum() * 0.5)


def _sum_history(operator: Operator, programme: Programme) -> dict[date, float]:
    """Return the calls offered on each day of the programme's clock; a half hour not known leaves its day out."""
    history = build_histories(operator).get(programme.id)
    if history is None:
        return {}
    local, _slot = local_slots(history.starts, programme.time_zone)
    numbers, place = np.unique(local, return_inverse=True)
    totals = np.bincount(place, weights=history.offered)
    return {
        number_to_day(int(number)): float(total)
        for number, total in zip(numbers, totals, strict=True)
        if not np.isnan(total)
    }


def _list_uplifts(rows: Sequence[Uplift]) -> tuple[KeptUplift, ...]:
    """Return the uplifts with the version that last wrote each."""
    makers: dict[str, Version] = {}
    wanted = {row.id for row in rows}
    for version in Version.objects.order_by("-number") if rows else ():
        if "uplifts" in version.summary:
            for change in service.load_changes(version, ["uplifts"])["uplifts"].rows():
                makers.setdefault(change.key, version)
        if wanted <= makers.keys():
            break
    found = []
    for row in sorted(rows, key=lambda row: (row.valid_from, row.id)):
        maker = makers.get(row.id)
        by, at = ("", None) if maker is None else (maker.made_by, maker.made_at)
        found.append(
            KeptUplift(
                id=row.id, first=row.valid_from, last=row.valid_to, change=row.change, reason=row.reason, by=by, at=at
            )
        )
    return tuple(found)


class UpliftForm(PlainForm):
    """More or fewer calls on some days, and why."""

    first = build_day_field(lazy("First day"))
    last = build_day_field(lazy("Last day"), lazy("empty: one day"))
    percent = forms.FloatField(
        label=lazy("Change of the calls, in %"),
        help_text=lazy("20 = a fifth more; -10 = a tenth less"),
        localize=True,
        min_value=-100,
        max_value=900,
    )
    reason = build_text_field(lazy("Why (campaign, mailing, closed branch)"), longest=200, required=True)

    def clean(self) -> dict[str, Any]:
        """Refuse a last day before the first."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = found.get("first"), found.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first one."))
        return found

    def build(self, programme: Programme, operator: Operator) -> Uplift:
        """Return the row of a sound form, with an id that no other has."""
        data = self.cleaned_data
        taken = {row.id for row in operator.uplifts}
        name = next(key for n in range(1, len(taken) + 2) if (key := f"{programme.id}-{n}") not in taken)
        change = round(data["percent"] / 100, 6)
        return Uplift(name, programme.id, data["first"], data["last"] or data["first"], change, data["reason"])


register = Library()


@register.filter
def change_words(change: float) -> str:
    """Return ``+20 %``."""
    text = text_now("UTC")
    return ("+" if change > 0 else "") + text.percent(change)


@register.filter
def forecast_sum(page: ForecastPage) -> str:
    """Return what the uplifts change over the days shown, in hours of agents."""
    text = text_now(page.time_zone)
    pairs = [(one.agent_hours, one.agent_hours_without) for one in page.days]
    known = [(new, old) for new, old in pairs if new is not None and old is not None]
    new, old = sum(pair[0] for pair in known), sum(pair[1] for pair in known)
    if abs(new - old) < 0.5:
        return _("Over these days {hours} h of agents are needed; no uplift changes that.").format(
            hours=text.number(new)
        )
    return _("Over these days {hours} h of agents are needed, {change} h against the history alone.").format(
        hours=text.number(new), change=("+" if new > old else "") + text.number(new - old)
    )


@register.filter
def forecast_picture(page: ForecastPage) -> Picture:
    """Return the days that came as bars and the days ahead as steps in their interval."""
    text = text_now(page.time_zone)
    left, right, top, base = 46, 950, 12, 250
    past = [one.calls for one in page.past]
    ahead = np.array([[np.nan if v is None else v for v in (d.low, d.calls, d.high)] for d in page.days])
    reach = max([1.0, *(value or 0.0 for value in past), float(np.nanmax(np.nan_to_num(ahead)))])
    x = find_scale(0, len(past) + len(page.days), left, right)
    y = find_scale(0, reach, base, top)
    step = find_step(reach)
    ticks = tuple(Label("y", left, y(value), text.number(value)) for value in np.arange(0, reach + 1e-9, step).tolist())
    every = [*(one.day for one in page.past), *(one.day for one in page.days)]
    days = tuple(
        Label("x", x(number + 0.5), base + 18, text.short_day(every[number])) for number in range(0, len(every), 7)
    )
    at = find_scale(0, 1, x(len(past)), x(len(past) + 1))
    known = np.nan_to_num(ahead)
    return Picture(
        "forecast",
        _("Calls a day"),
        _("Bars: what came in the last four weeks. Line and band: what is expected, eight days in ten."),
        shapes=(
            Shape("outer", draw_band(known[:, 0], known[:, 2], at, y)),
            Shape("middle", draw_steps(known[:, 1], at, y)),
        ),
        bars=tuple(
            Bar("bar", x(number + 0.15), y(value), x(0.7) - x(0), base - y(value))
            for number, value in enumerate(past)
            if value
        ),
        labels=(*ticks, *days),
        width=960,
        height=280,
        left=left,
        right=right,
    )


@serve("registry.see")
def list_forecasts(request: HttpRequest) -> HttpResponse:
    """The programmes, each with the way to its forecast."""
    operator = require_context().operator
    rows = tuple(
        ForecastListRow(
            programme=row.id,
            name=row.name,
            client=operator.client[row.client].name,
            uplifts=sum(one.programme == row.id for one in operator.uplifts),
        )
        for row in operator.programmes
    )
    return page_response(request, "desk/forecast/index.html", ForecastListPage(programmes=rows))


@serve("registry.see")
def show_forecast(request: HttpRequest, programme: str) -> HttpResponse:
    """History, forecast, interval and requirement of a programme, day by day."""
    return _respond(request, *_find(programme), UpliftForm())


@serve("registry.edit", FORM, recent=True)
def add_uplift(request: HttpRequest, programme: str) -> HttpResponse:
    """Show what an uplift does to the agents needed, or keep it."""
    here, row = _find(programme)
    form = UpliftForm(read_sent(request))
    if "keep" not in request.POST:
        tried = form.build(row, here.operator) if form.is_valid() else None
        return _respond(request, here, row, form, tried, 422 if form.errors else 200)

    def keep() -> None:
        made = form.build(row, here.operator)
        values = {column.name: str(getattr(made, column.name)) for column in list_columns(Uplift)}
        service.apply_changes(prepare_edit(Edit("uplifts", "", values)), actor_name(request), made.reason)

    if not act_on(form, keep):
        return _respond(request, here, row, form, status=422)
    return redirect("forecast", programme)


@serve("registry.edit", ACT, recent=True)
def undo_uplift(request: HttpRequest, programme: str, key: str) -> HttpResponse:
    """Take an uplift out of the reference data."""
    _here, row = _find(programme)
    return perform(
        request,
        lambda: service.apply_changes(
            prepare_edit(Edit("uplifts", key, None)), actor_name(request), read_comment(request)
        ),
        "forecast",
        row.id,
        said=_("The uplift is undone: the forecast of these days is as it was before it."),
    )


def _find(programme: str) -> tuple[RegistryContext, Programme]:
    here = require_context()
    return here, require_found(here.operator.programme.get(programme), _("There is no such programme."))


def _respond(
    request: HttpRequest,
    here: RegistryContext,
    programme: Programme,
    form: UpliftForm,
    tried: Uplift | None = None,
    status: int = 200,
) -> HttpResponse:
    asked = request.GET.get("from", "")
    first = require_found(read_day(asked), _("There is no such day.")) if asked else None
    start = first or (tried.valid_from if tried else here.operator.find_day(now()))
    page = forecast_page(here, programme, start, can(request.user, "registry.edit"), tried)
    return page_response(request, "desk/forecast/programme.html", page, {"form": form}, status=status)


urlpatterns = [
    path("", list_forecasts, name="forecasts"),
    path("<ref:programme>", show_forecast, name="forecast"),
    path("<ref:programme>.json", show_forecast, name="forecast_json"),
    path("<ref:programme>/uplift", add_uplift, name="forecast_uplift"),
    path("<ref:programme>/uplift/<ref:key>/undo", undo_uplift, name="forecast_undo"),
]
