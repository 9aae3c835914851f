"""The page of what telework does: the operations right for home, the way into the plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.chart import Label, Picture, Scale, Shape, find_scale
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.filters import add_words
from releve.desk.http import FORM_BYTES, page_response, read_number, takes
from releve.desk.navigation import Entry
from releve.desk.page import PageModel
from releve.desk.registry.page import require_context
from releve.desk.text import Text, text_now, translate_error, translate_phrase
from releve.errors import Phrase
from releve.network import Fault
from releve.plugins.telework.engine.panel import RecordFaults
from releve.plugins.telework.engine.rota import RotaError
from releve.plugins.telework.engine.verdicts import (
    MOST,
    MOST_BOUND,
    EffectInterval,
    EffectStep,
    MeasuredEffect,
    ProgrammeVerdict,
    TeleworkVerdicts,
    judge_programmes,
)
from releve.plugins.telework.estimates import apply_estimate, find_estimate, measure_telework
from releve.registry.blocks import MOST_BYTES
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import load_operator
from releve.registry.tables import NotAnUpload
from releve.runs.orders import open_readings
from releve.runs.upload_reader import forget_reading, read_log_upload

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


_WIDTH, _HEIGHT = 400, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 28
_LEAST = 0.05
"""Share of the work that the axis shows at least on either side: little looks like little."""
_MOST_LABELS = 12


def draw_steps(key: str, steps: Sequence[EffectStep], text: Text, title: str, description: str) -> Picture:
    """Draw each month's difference with its interval; those before the move are hollow."""
    ends = [math.expm1(v) for s in steps for v in (s.value, s.low, s.high) if v is not None]
    top = max(_LEAST, *(abs(end) for end in ends)) if ends else _LEAST
    unit = next(u for u in (0.05, 0.1, 0.2, 0.5, 1.0, 5.0, math.inf) if top <= 2 * u)
    reach = unit * math.ceil(top / unit - 1e-9) if unit < math.inf else top
    place = {step.month: at for at, step in enumerate(steps)}
    wide = (_WIDTH - _LEFT - _RIGHT) / max(1, len(steps))

    def x(month: int) -> float:
        return _LEFT + wide * (place[month] + 0.5)

    scale = find_scale(reach, -reach, _TOP, _HEIGHT - _BOTTOM)

    def y(share: float) -> float:
        return scale(max(-reach, min(reach, share)))

    shapes = [Shape("zero", f"M{_LEFT} {y(0):.1f}H{_WIDTH - _RIGHT}")]
    first = next((step.month for step in steps if step.month >= 0), None)
    if first is not None and place[first]:
        at = _LEFT + wide * place[first]
        shapes.append(Shape("move", f"M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"))
    for step in steps:
        across, up = x(step.month), y(math.expm1(step.value))
        if step.low is not None and step.high is not None:
            low, high = y(math.expm1(step.low)), y(math.expm1(step.high))
            caps = f"M{across - 4:.1f} {low:.1f}h8M{across - 4:.1f} {high:.1f}h8"
            shapes.append(Shape("whisker", f"M{across:.1f} {low:.1f}V{high:.1f}{caps}"))
        ring = f"M{across - 4:.1f} {up:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"
        shapes.append(Shape("dot before" if step.month < 0 else "dot", ring))
    return Picture(
        key,
        title,
        description,
        tuple(shapes),
        labels=(*_label_shares(reach, y, text), *_label_months(steps, x, text)),
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
    )


def _label_shares(reach: float, y: Scale, text: Text) -> list[Label]:
    found = []
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        share = reach * part
        digits = 0 if abs(100 * share - round(100 * share)) < 1e-9 else 1
        sign = "+" if share > 0 else ""
        words = sign + text.percent(share, digits)
        found.append(Label("y", _LEFT, round(y(share), 1), words))
    return found


def _label_months(steps: Sequence[EffectStep], x: Callable[[int], float], text: Text) -> list[Label]:
    """Return the months: -1 the last before the move, 1 the first at home."""
    every = math.ceil(len(steps) / _MOST_LABELS)
    return [
        Label("x", round(x(step.month), 1), _HEIGHT - _BOTTOM + 18, text.number(step.month + (step.month >= 0)))
        for at, step in enumerate(steps)
        if at % every == 0
    ]


register = Library()

_TONES = {
    "right": "held",
    "unsure": "thin",
    "loses": "missed",
    "guard": "missed",
    "refused": "unknown",
    "absent": "unknown",
}
_VERDICTS = {
    "right": lazy("right for home"),
    "unsure": lazy("not shown to be right for home"),
    "loses": lazy("not right for home"),
    "guard": lazy("not right for home"),
    "refused": lazy("nothing can be learnt"),
    "absent": lazy("no records"),
}
_DESIGNS = {"assumed": lazy("assumed"), "compared": lazy("compared"), "randomised": lazy("drawn by lot")}
add_words(register, "design", _DESIGNS)
add_words(register, "verdict_tone", _TONES)


@register.filter
def verdict_words(row: ProgrammeVerdict) -> str:
    """Return what follows for a programme, and of one that is not right for home each reason."""
    known, reasons = row.measured, []
    if row.verdict == "loses":
        reasons.append(_("work is lost"))
    if known is not None and known.quality_falls:
        reasons.append(_("quality falls"))
    if known is not None and known.repeats_rise:
        reasons.append(_("repeats rise"))
    verdict = str(_VERDICTS[row.verdict])
    if not reasons:
        return verdict
    return _("{verdict}: {reasons}").format(verdict=verdict, reasons=", ".join(reasons))


def _signed(share: float, text: Text, digits: int = 1) -> str:
    written = text.percent(share, digits)
    return f"+{written}" if round(100 * share, digits) > 0 else written


@register.filter
def change(ratio: float) -> str:
    """Return the difference that a ratio makes."""
    return _signed(ratio - 1, text_now("UTC"))


@register.filter
def log_change(difference: float) -> str:
    """Return the difference that one of logarithms makes."""
    return _signed(math.expm1(difference), text_now("UTC"))


@register.filter
def chance_words(row: MeasuredEffect) -> str:
    """Return the chance that home loses less than is allowed; never said to be certain."""
    if row.chance > 0.99:
        return _("over 99%")
    return _("under 1%") if row.chance < 0.01 else text_now("UTC").percent(row.chance)


@register.filter
def rota_words(row: ProgrammeVerdict) -> str:
    """Return what a rota drawn by lot would show; empty where that is not known."""
    if row.rota_finds is None:
        return ""
    text = text_now("UTC")
    return _(
        "In {weeks} weeks, a rota by lot among its {agents} agents would show a difference of {share} or more."
    ).format(
        weeks=text.number(row.rota_weeks),
        agents=text.number(row.rota_agents),
        share=text.percent(math.expm1(row.rota_finds), 1),
    )


@register.filter
def before_words(row: ProgrammeVerdict) -> str:
    """Return whether people differed before they moved; it proves nothing where they did not."""
    if row.design == "randomised":
        return _("The lot decided who was at home when: each agent is compared with themselves.")
    known = row.measured
    if known is None or known.chance_before is None or known.drift is None:
        return _("What came before the move cannot be compared.")
    share = text_now("UTC").percent(math.expm1(known.drift), 1)
    if known.chance_before < 0.05:
        return _("Those who moved already differed before: a drift that went on would explain {share}.").format(
            share=share
        )
    return _(
        "No difference is seen before the move, which proves nothing: a drift could explain up to {share}."
    ).format(share=share)


@register.filter
def quality_words(row: EffectInterval) -> str:
    """Return a change of quality with its interval."""
    return _write_change(row, 1, 2)


@register.filter
def repeats_words(row: EffectInterval) -> str:
    """Return a change of the share of repeats with its interval, in points of percent."""
    return _write_change(row, 100, 1)


def _write_change(row: EffectInterval, unit: int, digits: int) -> str:
    text = text_now("UTC")
    value, low, high = (
        ("+" if round(unit * end, digits) > 0 else "") + text.number(unit * end, digits)
        for end in (row.value, row.low, row.high)
    )
    return _("{value} ({low} to {high})").format(value=value, low=low, high=high)


@register.filter
def steps_picture(row: ProgrammeVerdict) -> Picture | None:
    """Return the drawing of the months before and after the move."""
    if row.measured is None or not row.measured.steps:
        return None
    text = text_now("UTC")
    months = [step for step in row.measured.steps if step.month >= 0]
    parts = [
        _("month {month}: {share}").format(
            month=text.number(step.month + 1), share=_signed(math.expm1(step.value), text)
        )
        for step in months
    ]
    return draw_steps(f"steps-{row.programme}", row.measured.steps, text, f"{row.name}, {row.client}", "; ".join(parts))


class TeleworkPage(PageModel):
    """The newest estimate, and what follows for every programme of the operator. ``estimate`` 0:
    nothing was measured yet. ``most`` and ``most_bound``: what the reference data hold of an
    efficiency and of its interval; ``edits`` and ``plans``: what the reader may do."""

    time_zone: str
    estimate: int
    version: int
    source: str
    made_at: datetime | None
    verdicts: TeleworkVerdicts
    most: float = MOST
    most_bound: float = MOST_BOUND
    edits: bool
    plans: bool


def telework_page(found: TeleworkEstimate | None, version: Version, user: AnyUser) -> TeleworkPage:
    """Return the page of the newest estimate for a reader."""
    operator = load_operator(version)
    return TeleworkPage(
        time_zone=operator.row.time_zone,
        estimate=0 if found is None else found.pk,
        version=version.number,
        source="" if found is None else found.source,
        made_at=None if found is None else found.made_at,
        verdicts=judge_programmes(operator, None if found is None else found.content),
        edits=can(user, "registry.edit"),
        plans=can(user, "plan.publish"),
    )


_MOST_FAULTS = 50
_TOO_LARGE = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)


class RecordsForm(forms.Form):
    """One file of work records, and the rota that was drawn where they are an experiment."""

    file = forms.FileField(label=lazy("Work records (.csv, .xlsx, .parquet)"))
    draw = forms.FileField(
        label=lazy("Rota drawn by lot (.json), if there was one"),
        required=False,
        help_text=lazy("The file that releve effect rota draw --out writes."),
    )


class RecordsPage(PageModel):
    """The form that takes work records, with what is wrong with the file that was sent: a sentence
    each, and how many more there are."""

    faults: tuple[str, ...] = ()
    more: int = 0


@serve("reliefs.see")
def show(request: HttpRequest) -> HttpResponse:
    """Which operations are right for home, by how much, and how that is known."""
    page = telework_page(find_estimate(), require_context().version, request.user)
    return page_response(request, "desk/telework/telework.html", page)


def _too_large() -> str:
    return translate_phrase(_TOO_LARGE)


@takes(MOST_BYTES + FORM_BYTES, _too_large)
@serve("registry.edit", FORM, recent=True)
def send_records(request: HttpRequest) -> HttpResponse:
    """Take a file of work records and measure what telework does; the file is not kept."""
    here = require_context()
    if request.method != "POST":
        return _show_form(request, RecordsForm())
    form = RecordsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_form(request, form, 422)
    file, draw = form.cleaned_data["file"], form.cleaned_data["draw"]
    drawn, operator = draw.read() if draw else None, load_operator(here.version)
    data, by = file.read(), actor_name(request)
    try:
        log = read_log_upload(open_readings(), file.name, data, by)
        measure_telework(file.name, data, log, by, operator, drawn)
    except RecordFaults as error:
        form.add_error("file", _("The file cannot be used as it is: nothing was measured."))
        return _show_form(request, form, 422, error.faults)
    except (NotAnUpload, RotaError) as error:
        field = "draw" if isinstance(error, RotaError) else "file"
        form.add_error(field, translate_error(error))
        return _show_form(request, form, 422)
    forget_reading(open_readings(), file.name, data)
    messages.success(request, _("The records were measured; the file is not kept."))
    return redirect("telework" if can(request.user, "reliefs.see") else "registry")


def _show_form(
    request: HttpRequest, form: RecordsForm, status: int = 200, faults: Iterable[Fault] = ()
) -> HttpResponse:
    said = [_describe(fault) for fault in faults]
    page = RecordsPage(faults=tuple(said[:_MOST_FAULTS]), more=max(0, len(said) - _MOST_FAULTS))
    template = "desk/telework/records.html"
    return page_response(request, template, page, {"form": form}, status=status)


def _describe(fault: Fault) -> str:
    """Return a fault of a file with its place."""
    reason, fix = translate_phrase(fault.reason), translate_phrase(fault.fix)
    if fault.row > 1:
        return _("Row {row}, {column}: {reason}; {fix}.").format(
            row=fault.row, column=fault.column, reason=reason, fix=fix
        )
    if fault.column:
        return _("Column {column}: {reason}; {fix}.").format(column=fault.column, reason=reason, fix=fix)
    return _("{reason}; {fix}.").format(reason=reason, fix=fix)


@serve("registry.edit", ACT, recent=True)
def apply(request: HttpRequest) -> HttpResponse:
    """Put the measured values into the reference data, as a version of its own."""
    estimate, version = (_read_number(request, name) for name in ("estimate", "version"))
    made = apply_estimate(estimate, version, actor_name(request))
    messages.success(request, _("Stored as version {number}. The next plan uses it.").format(number=made.number))
    return redirect("telework" if can(request.user, "reliefs.see") else "registry")


def _read_number(request: HttpRequest, name: str) -> int:
    return read_number(request.POST.get(name, ""), 9) or 0


MENU = (Entry(lazy("Plan"), lazy("Telework"), "telework", before="clients"),)

urlpatterns = [
    path("", show, name="telework"),
    path("records", send_records, name="telework_records"),
    path("apply", apply, name="telework_apply"),
]
