"""What a crash test found, in sentences. Every figure stands with its interval or its band."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.crashtest import ClientResult, CrashResult
from releve.crashtest.outbreak import Estimate
from releve.desk.crashtest.words import case_word
from releve.desk.text import Text


def share(one: Estimate, text: Text, digits: int = 1) -> str:
    """Return a share with its interval: ``99.1% (98.9–99.3)``."""
    value = text.percent(one.value, digits)
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return _("{value} (interval not known)").format(value=value)
    low, high = max(0.0, one.low), min(1.0, one.high)
    return f"{value} ({text.number(100 * low, digits)}–{text.number(100 * high, digits)})"


def number(one: Estimate, text: Text, digits: int | None = None) -> str:
    """Return a number that is never negative, with its interval."""
    found = digits if digits is not None else _digits(one.value)
    value = text.number(one.value, found)
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return _("{value} (interval not known)").format(value=value)
    low = text.number(max(0.0, one.low), found)
    return f"{value} ({low}–{text.number(one.high, found)})"


def change(one: Estimate, text: Text, digits: int | None = None) -> str:
    """Return a difference with its sign and interval: ``+12 (+4 to +20)``."""
    found = digits if digits is not None else _digits(one.value)
    value = _signed(one.value, text, found)
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return _("{value} (interval not known)").format(value=value)
    return _("{value} ({low} to {high})").format(
        value=value, low=_signed(one.low, text, found), high=_signed(one.high, text, found)
    )


def _digits(value: float) -> int:
    return 0 if abs(value) >= 10 or value == 0 else 1 if abs(value) >= 1 else 2


def _signed(value: float, text: Text, digits: int) -> str:
    written = text.number(value, digits)
    return f"+{written}" if value > 0 and round(value, digits) else written


def headline(result: CrashResult, text: Text) -> str:
    """Say the whole in one sentence."""
    quarters = ngettext(
        "Over {count} simulated quarter of {days} days, {share} of all calls are served.",
        "Over {count} simulated quarters of {days} days, {share} of all calls are served.",
        result.quarters,
    )
    return quarters.format(
        count=text.number(result.quarters),
        days=text.number(result.days),
        share=share(result.calls_served, text),
    )


def client_sentence(row: ClientResult, text: Text) -> str:
    """Say what a client gets, and what it loses in one quarter of twenty."""
    served = _("{client} is served {share} of its calls").format(
        client=row.name, share=share(row.calls_served, text)
    )
    worst = text.number(row.lost_band.high)
    calm = text.percent(row.calm_served.value, 1)
    return _(
        "{served}; in one quarter of twenty it loses more than {lost} calls. Without any disaster "
        "it would be served {calm}."
    ).format(served=served, lost=worst, calm=calm)


def outbreak_sentences(result: CrashResult, text: Text) -> Iterator[str]:
    """Say how outbreaks went: two kinds of quarters, if there are two."""
    ill = result.outbreak
    yield _(
        "No agent is infected in {none} of quarters, a tenth of the agents or more in {major}."
    ).format(none=share(ill.none, text, 0), major=share(ill.major, text, 0))
    yield sizes_word(ill.sizes, text)
    yield _(
        "On average {infected} agents are infected a quarter; nine quarters in ten lie between "
        "{low} and {high}."
    ).format(
        infected=number(ill.infected, text),
        low=text.number(ill.infected_band.low),
        high=text.number(ill.infected_band.high),
    )


def sizes_word(sizes: Sequence[int], text: Text) -> str:
    """Say whether outbreaks are of two sizes, small and large, with little between."""
    total = max(1, sum(sizes))
    small, between, large = sum(sizes[:5]), sum(sizes[5:20]), sum(sizes[20:])
    shares = {
        "small": text.percent(small / total),
        "between": text.percent(between / total),
        "large": text.percent(large / total),
    }
    if between < min(small, large):
        return _(
            "Outbreaks are of two kinds: they stay below 5% of the agents ({small} of quarters) "
            "or reach a fifth and more ({large}); few lie between ({between}). A mean describes "
            "neither."
        ).format(**shares)
    return _(
        "There is no gap between small and large outbreaks: below 5% of the agents in {small} of "
        "quarters, 5 to 20% in {between}, more in {large}."
    ).format(**shares)


def rule_sentences(
    results: Sequence[CrashResult], comparison: Sequence[Mapping[str, Any]], text: Text
) -> Iterator[str]:
    """Say what the closure rule does with and without tests of people with symptoms."""
    known = {result.label: result for result in results}
    for label in ("as-given", "no-tests", "no-rule"):
        if label in known:
            row = known[label]
            closed = sum(site.days_lost_by["closure"].value for site in row.sites)
            yield _(
                "{case}: {infected} infected, {closed} days of closed sites a quarter, {share} of "
                "calls served."
            ).format(
                case=_capital(case_word(label)),
                infected=number(row.outbreak.infected, text),
                closed=text.number(closed, _digits(closed)),
                share=share(row.calls_served, text),
            )
    for other in comparison:
        if other["against"] == "as-given" and other["label"] in ("no-rule", "no-tests"):
            yield _rule_difference(other, text)


def _rule_difference(other: Mapping[str, Any], text: Text) -> str:
    lost = Estimate(**{k: math.nan if v is None else v for k, v in other["lost"].items()})
    case = _capital(case_word(str(other["label"])))
    how = change(lost, text)
    if lost.low > 0:
        words = _("{case}: more calls are lost under the same disasters, {change} a quarter.")
    elif lost.high < 0:
        words = _("{case}: fewer calls are lost under the same disasters, {change} a quarter.")
    else:
        words = _(
            "{case}: these quarters do not show whether more or fewer calls are lost,"
            " {change} a quarter."
        )
    return words.format(case=case, change=how)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def limits(result: CrashResult, text: Text) -> Iterator[str]:
    """Say what stands behind the figures and what does not."""
    yield _("These figures are simulated. No real person’s health stands behind any of them.")
    yield _(
        "No study of what a closure of 48 hours after two positives does was found: what is said "
        "about that rule is the model’s."
    )
    yield _(
        "There is no replanning during the quarter, and a place that comes back is staffed"
        " again at once."
    )
    yield _(
        "An interval in brackets (95%) is what the number of simulated quarters leaves open; that "
        "the model is wrong is not in it."
    )
    if result.unplanned:
        days = text.list([str(WEEKDAYS[day]) for day in result.unplanned])
        yield _("Left out for want of a plan: {days}.").format(days=days)
    if result.unknown:
        yield _("Of unknown volume, so without calls here: {programmes}.").format(
            programmes=text.list(list(result.unknown))
        )


def duration(seconds: float, text: Text) -> str:
    """Return a duration as one says it: whole minutes, at least one."""
    minutes = max(1, math.ceil(seconds / 60))
    if minutes < 120:
        words = ngettext("{count} minute", "{count} minutes", minutes)
        return words.format(count=text.number(minutes))
    hours = round(minutes / 60)
    return ngettext("{count} hour", "{count} hours", hours).format(count=text.number(hours))


def lasting(seconds: float, text: Text) -> str:
    """Return how long something has lasted: seconds below two minutes, by tens."""
    if seconds >= 120:
        return duration(seconds - 59, text)
    count = 10 * int(seconds / 10)
    words = ngettext("{count} second", "{count} seconds", count)
    return words.format(count=text.number(count))
