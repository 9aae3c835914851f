"""What the pages of the crash test and of the outlook hold, in no language, and their words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.desk.access.guard import actor_name
from releve.desk.chart import Bar, Picture, Shape
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words
from releve.desk.http import keep_unstored, page_response
from releve.desk.ledger import translate_actor
from releve.desk.page import PageModel, RunHead, Said, StreamPage
from releve.desk.places.page import moment
from releve.desk.text import NO_BREAK, Text, text_now, translate_phrase
from releve.network.moments import zone
from releve.plugins.crashtest.crash_test_job import (
    KEPT_DAYS,
    OUTLOOK_DAYS,
    Chances,
    CrashTestOrder,
    OutlookHead,
    describe_outlook,
    read_chances,
    remove_expired_outlooks,
)
from releve.plugins.crashtest.engine.outbreak import Band, Estimate
from releve.plugins.crashtest.engine.policies import name_case
from releve.plugins.crashtest.engine.result import (
    CauseLoss,
    ClientResult,
    CrashResult,
    SiteResult,
    list_cause_losses,
    list_site_causes,
    name_cause,
)
from releve.plugins.crashtest.orders import (
    RunSize,
    list_plan_sources,
    open_outlooks,
    record_outlook_view,
    start_outlook,
)
from releve.plugins.crashtest.pages import svg
from releve.plugins.crashtest.results import (
    ComparedCase,
    Differences,
    RunProgress,
    RunResults,
    compute_differences,
    list_differing_inputs,
)
from releve.runs.orders import PLAN_FOLDER
from releve.runs.plan_job import PLAN_IN_FORCE

CrashTestHead = RunHead[CrashTestOrder]


class IndexPage(PageModel):
    """Every run, the newest first; ``acts``: the reader may start one."""

    time_zone: str
    acts: bool
    runs: tuple[CrashTestHead, ...]

    @property
    def finished(self) -> tuple[CrashTestHead, ...]:
        """The runs of which two can be compared."""
        return tuple(one for one in self.runs if one.state == "done")


class StartPage(PageModel):
    """The plans that a run can take, each with its days; the size of the run that is asked for."""

    plans: dict[str, tuple[str, ...]]
    size: RunSize | None = None


class RunPage(PageModel):
    """A run that is not done."""

    run: CrashTestHead
    time_zone: str
    acts: bool
    progress: RunProgress


class RemovePage(PageModel):
    """A run to be removed; not ``possible`` while it is at work."""

    run: CrashTestHead
    time_zone: str
    possible: bool


class ResultPage(PageModel):
    """A finished run: what it found, of which the HTML shows one ``case``."""

    run: CrashTestHead
    acts: bool
    case: int
    found: RunResults

    @property
    def result(self) -> CrashResult:
        return self.found.results[self.case]

    @property
    def clients(self) -> list[ClientResult]:
        """The clients, the worst served first."""
        return sorted(self.result.clients, key=lambda row: row.calls_served.value)

    @property
    def sites(self) -> list[SiteResult]:
        """The sites, the one with most days lost first."""
        return sorted(self.result.sites, key=lambda row: -row.days_lost.value)

    @property
    def harmful(self) -> list[CauseLoss]:
        """The causes that cost calls, the costliest first."""
        return [row for row in list_cause_losses(self.result) if row.lost.value > 0]

    @property
    def helpful(self) -> list[CauseLoss]:
        """The causes that spare more than they cost."""
        return [row for row in list_cause_losses(self.result) if row.lost.high < 0]


class CertificatePage(PageModel):
    """The certificate of a run: what was run, and how anybody runs it to the same figures."""

    run: CrashTestHead
    certificate: Mapping[str, Any]


class ComparedRun(PageModel):
    """One of two runs that are compared: the ``labels`` of its cases, and the result of one."""

    run: CrashTestHead
    case: int
    labels: tuple[str, ...]
    result: CrashResult


class ComparePage(PageModel):
    """Two runs. Where ``differing`` names inputs, they have not met the same disasters."""

    sides: tuple[ComparedRun, ComparedRun]
    differing: tuple[str, ...]
    second_less_first: Differences | None

    @property
    def clients(self) -> list[tuple[ClientResult, ClientResult]]:
        """The clients of both, in both."""
        first, second = (side.result.clients for side in self.sides)
        return [(row, other) for row in first for other in second if other.client == row.client]

    @property
    def sites(self) -> list[tuple[SiteResult, SiteResult]]:
        """The sites of both, in both."""
        first, second = (side.result.sites for side in self.sides)
        return [(row, other) for row in first for other in second if other.site == row.site]


class OutlooksPage(StreamPage):
    """The outlooks of a stream; ``possible``: there is a plan to start one from."""

    outlooks: tuple[OutlookHead, ...]
    possible: bool
    days: int = Field(description="An outlook looks ahead")
    kept_days: int


class OutlookPage(StreamPage):
    """An outlook; ``chances`` once it is done, ``reason`` where it failed."""

    outlook: OutlookHead
    reason: Said
    chances: Chances | None


def compare_page(sides: tuple[ComparedCase, ComparedCase]) -> ComparePage:
    """Return the page of two runs, each with one of its cases."""
    differing = list_differing_inputs(*(side.found.certificate for side in sides))
    one, two = (
        ComparedRun.from_row(
            side, run=CrashTestHead.from_row(side.run), labels=tuple(one.label for one in side.found.results)
        )
        for side in sides
    )
    return ComparePage(
        sides=(one, two), differing=differing, second_less_first=None if differing else compute_differences(sides)
    )


register = Library()

_DIFFERING = {
    "seed": lazy("the seed"),
    "days": lazy("the days of a quarter"),
    "quarters": lazy("the number of quarters"),
    "start": lazy("the first day"),
    "operator": lazy("the reference data"),
    "hazards": lazy("the hazards"),
    "outbreak": lazy("the outbreak’s parameters"),
}
SOURCE_WORDS = {PLAN_IN_FORCE: lazy("the plan in force"), PLAN_FOLDER: lazy("the plan folder of the desk")}
"""Where a plan comes from."""
_TONES = 6
"""Colours of a stack of causes; the rest shares the last one."""
_SAID = 3
"""Causes of a site that are put in words."""

add_words(register, "differing_input", _DIFFERING)


def _text() -> Text:
    return text_now("UTC")


@register.filter
def cause_word(cause: str, name: str = "") -> str:
    """Return a cause in words; a hazard of the operator's own by its name."""
    return translate_phrase(name_cause(cause, name))


@register.filter
def case_word(label: str) -> str:
    """Return a case in words: its policy, and the other plan where it has one."""
    return translate_phrase(name_case(label))


@register.filter
def case_words(labels: Sequence[str]) -> list[str]:
    return [case_word(label) for label in labels]


@register.filter
def share(one: Estimate, digits: int = 1) -> str:
    """Return a share with its interval: ``99.1% (98.9–99.3)``."""
    ends = (100 * min(1.0, max(0.0, end)) for end in (one.low, one.high))
    low, high = (_text().number(end, digits) for end in ends)
    return _within(one, _text().percent(one.value, digits), f"{low}–{high}")


@register.filter
def figure(one: Estimate) -> str:
    """Return a number that is never negative, with its interval."""
    digits = _digits(one.value)
    low, high = (_text().number(max(0.0, end), digits) for end in (one.low, one.high))
    return _within(one, _text().number(one.value, digits), f"{low}–{high}")


@register.filter
def change(one: Estimate | None, digits: int | None = None) -> str:
    """Return a difference with its sign and interval: ``+12 (+4 to +20)``; a dash without one."""
    if one is None:
        return "–"
    digits = _digits(one.value) if digits is None else digits
    value, low, high = (_signed(end, digits) for end in (one.value, one.low, one.high))
    return _within(one, value, _("{low} to {high}").format(low=low, high=high))


def _within(one: Estimate, value: str, interval: str) -> str:
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return _("{value} (interval not known)").format(value=value)
    return f"{value} ({interval})"


def _digits(value: float) -> int:
    return 0 if abs(value) >= 10 or value == 0 else 1 if abs(value) >= 1 else 2


def _signed(value: float, digits: int) -> str:
    written = _text().number(value, digits)
    return f"+{written}" if value > 0 and round(value, digits) else written


@register.filter
def small(value: float) -> str:
    """Return a number of which little is shown as ``< 0.1``, never as none."""
    if 0 < value < 0.05:
        return f"<{NO_BREAK}{_text().number(0.1, 1)}"
    return _text().number(value, 0 if abs(value) >= 10 or value == 0 else 1)


@register.filter
def weekdays(days: Sequence[int]) -> list[str]:
    """Return the names of weekdays; 0: Monday."""
    return [str(WEEKDAYS[day]) for day in days]


@register.filter
def ordered(row: CrashTestOrder | OutlookHead, time_zone: str) -> str:
    """Return when and by whom a run was ordered."""
    text, at = text_now(time_zone), datetime.fromisoformat(str(row.at))
    day = text.day(at.astimezone(zone(time_zone)).date(), weekday=False)
    return _("{day}, {time}, by {who}").format(day=day, time=text.time(at), who=translate_actor(row.by))


@register.filter
def outlook_days(look: OutlookHead) -> str:
    """Return the first and the last day of an outlook."""
    text = _text()
    return _("{first} to {last}").format(
        first=text.day(look.first, weekday=False), last=text.day(look.last, weekday=False)
    )


@register.filter
def run_about(order: CrashTestOrder) -> str:
    """Return how much is simulated, and of which plans."""
    text, plans = _text(), str(SOURCE_WORDS.get(order.plan, order.plan))
    if order.beside:
        other = SOURCE_WORDS.get(order.beside, order.beside)
        plans = _("{plan}, beside {other}").format(plan=plans, other=other)
    quarters = ngettext("{count} quarter", "{count} quarters", order.quarters)
    return _("{quarters} of {days} days · {plans}").format(
        quarters=quarters.format(count=text.number(order.quarters)), days=text.number(order.days), plans=plans
    )


@register.filter
def lasting(seconds: int) -> str:
    """Return how long something has lasted: seconds below two minutes."""
    if seconds >= 120:
        return duration(seconds // 60)
    words = ngettext("{count} second", "{count} seconds", seconds)
    return words.format(count=_text().number(seconds))


@register.filter
def duration(minutes: int) -> str:
    """Return a duration as one says it: minutes below two hours."""
    if minutes < 120:
        words = ngettext("{count} minute", "{count} minutes", minutes)
        return words.format(count=_text().number(minutes))
    hours = round(minutes / 60)
    return ngettext("{count} hour", "{count} hours", hours).format(count=_text().number(hours))


@register.filter
def worst_day(lost: Band) -> str:
    """Return the share lost on the worst day: the median and the middle 90 % of quarters."""
    text = _text()
    low, high = text.number(100 * lost.low), text.number(100 * lost.high)
    return f"{text.percent(lost.median)} ({low}–{high})"


@register.filter
def outbreak_sizes(result: CrashResult) -> str:
    """Say whether outbreaks are of two sizes, small and large, with little between."""
    outbreak, text = result.outbreak, _text()
    if outbreak.of_two_kinds:
        words = _(
            "Outbreaks are of two kinds: they stay below 5% of the agents ({small} of quarters) "
            "or reach a fifth and more ({large}); few lie between ({between}). A mean describes "
            "neither."
        )
    else:
        words = _(
            "There is no gap between small and large outbreaks: below 5% of the agents in {small} "
            "of quarters, 5 to 20% in {between}, more in {large}."
        )
    return words.format(
        small=text.percent(outbreak.small), between=text.percent(outbreak.between), large=text.percent(outbreak.large)
    )


@register.filter
def days_closed(result: CrashResult) -> str:
    """Return the days of sites that the rule closes, a quarter."""
    days = sum(site.days_lost_by["closure"].value for site in result.sites)
    return _text().number(days, _digits(days))


@register.filter
def day_spreads(result: CrashResult) -> str:
    """Say how busy and quiet days were drawn; empty where a result does not know it."""
    rows = result.day_spreads
    if not rows:
        return ""
    drawn = _(
        "Days are busier or quieter than forecast by {busy}. Of that variance {quarter} is common to a whole "
        "quarter and {week} to each week; {client} of every part is common to a client’s programmes."
    )
    known = _("Their own history measures {measured} of these shares; the rest is the default of two banks’ logs.")
    if not any(row.measured for row in rows):
        known = _("No history measures these shares: they are the default of two banks’ logs.")
    return f"{drawn} {known}".format(
        busy=_range([row.busyness for row in rows]),
        quarter=_range([row.quarter for row in rows]),
        week=_range([row.week for row in rows]),
        client=_range([row.client for row in rows]),
        measured=_range([row.measured for row in rows]),
    )


def _range(shares: Sequence[float]) -> str:
    low, high = (_text().percent(end) for end in (min(shares), max(shares)))
    return low if low == high else f"{_text().number(100 * min(shares))}–{high}"


@register.filter
def sizes_picture(result: CrashResult) -> Picture:
    """Draw the sizes of the outbreaks."""
    title = _("Quarters by the share of agents infected")
    return svg.histogram("sizes", result.outbreak.sizes, _text(), title, outbreak_sizes(result))


@register.filter
def client_pictures(row: ClientResult, number: int) -> tuple[Picture, Picture]:
    """Draw the share of a client served day by day, and how long quarters miss no day."""
    text, served = _text(), [day for day in row.fan if day]
    days = _(
        "Day by day the median quarter serves at least {middle}; on the worst day, one quarter in "
        "twenty falls to {low} or lower."
    ).format(
        middle=text.percent(min((day[2] for day in served), default=1.0)),
        low=text.percent(min((day[0] for day in served), default=1.0)),
    )
    last = _("After the last day, {share} of quarters have had no missed day.").format(
        share=text.percent(row.survival[-1] if row.survival else 1.0)
    )
    title = _("{client}: share served, day by day").format(client=row.name)
    other = _("{client}: quarters without a missed day so far").format(client=row.name)
    return (
        svg.fan(f"fan-{number}", row.fan, text, title, days),
        svg.survival(f"survival-{number}", row.survival, text, other, last),
    )


@register.filter
def chance_bar(estimate: Estimate) -> tuple[Bar, Shape]:
    """Draw a chance and its interval."""
    return svg.range_bar(estimate, 1.0)


@register.filter
def loss_bars(rows: Sequence[CauseLoss]) -> list[tuple[CauseLoss, Bar, Shape]]:
    """Draw what each cause costs, and the interval."""
    top = max((row.top for row in rows), default=0.0)
    return [(row, *svg.range_bar(row.lost, top)) for row in rows]


@register.filter
def loss_matrix(
    rows: Sequence[CauseLoss], clients: Sequence[ClientResult]
) -> list[tuple[str, list[tuple[int, float]]]]:
    """Return each client with its calls lost by cause, and how dark each is shown: 0 to 4."""
    lost = [[row.by_client.get(client.client, 0.0) for row in rows] for client in clients]
    top = max((value for line in lost for value in line), default=0.0)
    return [
        (client.name, [(_shade(value, top), value) for value in line])
        for client, line in zip(clients, lost, strict=True)
    ]


def _shade(value: float, top: float) -> int:
    """Return 0 for nothing, 4 for the most, by square root: small losses stay visible."""
    return 0 if value <= 0 or top <= 0 else max(1, math.ceil(4 * math.sqrt(value / top) - 1e-9))


@register.filter
def site_stack(site: SiteResult, result: CrashResult) -> tuple[Bar, ...]:
    """Draw the days that a site loses, by cause."""
    top = max((row.days_lost.value for row in result.sites), default=0.0)
    days = site.days_lost_by
    return svg.stack([(tone, days[cause].value) for cause, tone in _tones(result).items() if cause in days], top)


@register.filter
def site_causes(site: SiteResult, result: CrashResult) -> str:
    """Return the causes that take most days of a site, each with its days."""
    taken, names = site.days_lost_by, _names(result)
    days = {cause: taken[cause].value for cause in _tones(result) if cause in taken}
    worst = sorted((cause for cause in days if days[cause] > 0), key=lambda cause: -days[cause])
    return " · ".join(f"{names[cause]} {small(days[cause])}" for cause in worst[:_SAID])


@register.filter
def legend(result: CrashResult) -> list[tuple[str, str]]:
    """Return the colours of a stack of causes, each with its word."""
    names, last = _names(result), f"cause-{_TONES - 1}"
    words = {tone: names[cause] for cause, tone in _tones(result).items()}
    return [(tone, _("others") if tone == last else word) for tone, word in words.items()]


def _tones(result: CrashResult) -> dict[str, str]:
    """Return the causes that take sites with their colours, those that take most days first."""
    causes = enumerate(list_site_causes(result))
    return {cause: f"cause-{min(at, _TONES - 1)}" for at, cause in causes}


def _names(result: CrashResult) -> dict[str, str]:
    return {row.cause: cause_word(row.cause, row.name) for row in result.causes}


@serve("crashtest.outlook", FORM)
def outlooks(request: HttpRequest) -> HttpResponse:
    """The outlooks of the last weeks, and the start of one."""
    now, held, sources = moment(request), open_outlooks(), list_plan_sources()
    remove_expired_outlooks(held)
    if request.method == "POST" and sources:
        folder = start_outlook(
            now.operator, now.situation, now.at, stream=now.stream, source=next(iter(sources)), by=actor_name(request)
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
    page = OutlookPage(**now.head, outlook=describe_outlook(look), reason=look.reason, chances=read_chances(look))
    return keep_unstored(page_response(request, "desk/crashtest/outlook.html", page))
