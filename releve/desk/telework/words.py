"""Template filters that say in words what the page of telework holds as codes."""

from __future__ import annotations

import math

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.demand.telework.document import MOST, MOST_BOUND
from releve.desk.crashtest.svg import Picture
from releve.desk.filters import add_words
from releve.desk.telework.page import EffectInterval, Measured, TeleworkPage, TeleworkRow
from releve.desk.telework.shapes import draw_steps
from releve.desk.text import Text, text_now, translate_phrase
from releve.errors import Phrase

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
add_words(register, "verdict_tone", _TONES)


@register.filter
def telework_headline(page: TeleworkPage) -> str:
    """Return how many operations are right for home."""
    if not page.estimate:
        return _("What telework does was not measured yet")
    text, right = text_now(page.time_zone), len(page.right)
    if not right:
        return _("No operation is shown to be right for home")
    return ngettext(
        "{right} operation of {count} is right for home",
        "{right} operations of {count} are right for home",
        right,
    ).format(right=text.number(right), count=text.number(len(page.programmes)))


@register.filter
def telework_tone(page: TeleworkPage) -> str:
    """Return the tone of the page."""
    return "held" if page.right else "unknown"


@register.filter
def telework_source(page: TeleworkPage) -> str:
    """Return what was measured, from when to when."""
    if page.first_day is None or page.last_day is None:
        return ""
    text = text_now(page.time_zone)
    return _("Work records from {first} to {last}, {count} in all.").format(
        first=text.day(page.first_day, weekday=False),
        last=text.day(page.last_day, weekday=False),
        count=text.number(sum(row.records for row in page.programmes)),
    )


@register.filter
def telework_rule(page: TeleworkPage) -> str:
    """Return when an operation is right for home."""
    text = text_now(page.time_zone)
    return _(
        "An operation is right for home when home loses less than {loss} of the work with a chance"
        " above {chance}, and neither does quality fall nor do repeats rise."
    ).format(loss=text.percent(page.most_loss), chance=text.percent(page.least_chance))


@register.filter
def verdict_words(row: TeleworkRow) -> str:
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
def ratio_words(row: Measured) -> str:
    """Return the difference that home makes."""
    return _signed(row.ratio - 1, text_now("UTC"))


@register.filter
def interval_words(row: Measured) -> str:
    """Return the interval of the difference that home makes."""
    text = text_now("UTC")
    return _("{low} to {high}").format(
        low=_signed(row.low - 1, text), high=_signed(row.high - 1, text)
    )


@register.filter
def chance_words(row: Measured) -> str:
    """Return the chance that home loses less than is allowed; never said to be certain."""
    if row.chance > 0.99:
        return _("over 99%")
    return _("under 1%") if row.chance < 0.01 else text_now("UTC").percent(row.chance)


@register.filter
def design_words(row: TeleworkRow) -> str:
    """Return how an effect is known, and from whom."""
    text = text_now("UTC")
    agents = ngettext(
        "{count} agent, {movers} in both places",
        "{count} agents, {movers} in both places",
        row.agents,
    ).format(count=text.number(row.agents), movers=text.number(row.movers))
    return f"{_DESIGNS[row.design]} ({agents})"


@register.filter
def drawn_words(row: TeleworkRow) -> str:
    """Return how many records are not where the lot put the agent; empty where all are."""
    if not row.drawn_against:
        return ""
    text = text_now("UTC")
    return ngettext(
        "{count} of {drawn} records of the rota is not where the lot put the agent: the comparison"
        " is not by lot.",
        "{count} of {drawn} records of the rota are not where the lot put the agent: the"
        " comparison is not by lot.",
        row.drawn_against,
    ).format(count=text.number(row.drawn_against), drawn=text.number(row.drawn))


@register.filter
def planned_words(row: TeleworkRow) -> str:
    """Return the efficiency in the reference data, and how it is known."""
    text = text_now("UTC")
    value = text.percent(row.planned, 1)
    return f"{value} ({_DESIGNS[row.planned_design]})"


@register.filter
def would_be_words(row: TeleworkRow) -> str:
    """Return the efficiency that the estimate puts in its place."""
    text = text_now("UTC")
    if row.measured is None or row.would_be is None:
        return ""
    return _("{value} ({low} to {high})").format(
        value=text.percent(row.would_be, 1),
        low=text.percent(row.measured.low, 1),
        high=text.percent(row.measured.high, 1),
    )


@register.filter
def beyond_words(row: TeleworkRow) -> str:
    """Return that the reference data cannot hold what was measured, and what then counts."""
    if row.measured is None:
        return ""
    text = text_now("UTC")
    return _(
        "{name}: {value} ({low} to {high}) was measured. The reference data take a value above 0"
        " and up to {most}, with an interval up to {bound}: {planned} stays, assumed. Look at its"
        " {records} records, or measure over more weeks."
    ).format(
        name=f"{row.name}, {row.client}",
        value=text.percent(row.measured.ratio, 1),
        low=text.percent(row.measured.low, 1),
        high=text.percent(row.measured.high, 1),
        most=text.percent(MOST),
        bound=text.percent(MOST_BOUND),
        planned=text.percent(row.planned, 1),
        records=text.number(row.records),
    )


@register.filter
def refusal_words(row: TeleworkRow) -> str:
    """Return why nothing can be learnt."""
    return translate_phrase(Phrase.restore(row.refusal, row.refusal_values))


@register.filter
def rota_words(row: TeleworkRow) -> str:
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
def naive_words(row: Measured) -> str:
    """Return the plain difference, which also holds who the people are."""
    if row.naive is None:
        return ""
    share = _signed(math.expm1(row.naive), text_now("UTC"))
    return _("Those at home against those on site, as they are: {share}.").format(share=share)


@register.filter
def before_words(row: TeleworkRow) -> str:
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
def steps_picture(row: TeleworkRow) -> Picture | None:
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
