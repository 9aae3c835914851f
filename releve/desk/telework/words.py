"""Template filters that say in words what the page of telework holds as codes."""

from __future__ import annotations

import math

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.demand.telework import EffectInterval, MeasuredEffect, ProgrammeVerdict
from releve.desk.crashtest.svg import Picture
from releve.desk.filters import add_words
from releve.desk.telework.shapes import draw_steps
from releve.desk.text import Text, text_now

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
_DESIGNS = {
    "assumed": lazy("assumed"),
    "compared": lazy("compared"),
    "randomised": lazy("drawn by lot"),
}
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
        "In {weeks} weeks, a rota by lot among its {agents} agents would show a difference of"
        " {share} or more."
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
        return _(
            "Those who moved already differed before: a drift that went on would explain {share}."
        ).format(share=share)
    return _(
        "No difference is seen before the move, which proves nothing: a drift could explain up to"
        " {share}."
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
    return draw_steps(
        f"steps-{row.programme}",
        row.measured.steps,
        text,
        f"{row.name}, {row.client}",
        "; ".join(parts),
    )
