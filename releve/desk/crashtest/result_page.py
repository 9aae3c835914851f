"""The page of a finished run: verdict, clients, causes, sites, outbreak, cases side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from releve.crashtest import CauseResult, ClientResult, CrashResult, result_to_json
from releve.crashtest.outbreak import Estimate
from releve.desk.crashtest.cause_breakdown import HarmView, harm_view, small
from releve.desk.crashtest.sentences import (
    change,
    client_sentence,
    headline,
    limits,
    number,
    outbreak_sentences,
    rule_sentences,
    share,
)
from releve.desk.crashtest.svg import (
    Bar,
    Picture,
    fan,
    histogram,
    stack,
    survival,
)
from releve.desk.crashtest.words import case_word, cause_word
from releve.desk.text import Text
from releve.runs.crash_test_job import CrashTestJob
from releve.runs.results import RunResults

_TONES = 6
"""Colours of a stack of causes; the rest shares the last one."""


_SAID = 3
"""Causes of a site that are put in words."""


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client: its line of the table, its sentence and its two pictures."""

    name: str
    sentence: str
    figures: tuple[str, ...]
    fan: Picture
    survival: Picture
    tone: str


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site: how often the rule closes it, and its days lost by cause."""

    name: str
    closes: str
    days: str
    bars: tuple[Bar, ...]
    causes: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case beside the first one."""

    name: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What the page of a finished run shows; of one case, with a way to the others."""

    run: CrashTestJob
    case: str
    cases: tuple[tuple[str, str, bool], ...]
    headline: str
    clients: tuple[ClientView, ...]
    harm: HarmView
    sites: tuple[SiteView, ...]
    legend: tuple[tuple[str, str], ...]
    outbreak: tuple[str, ...]
    sizes: Picture
    rule: tuple[str, ...]
    against: str
    differences: tuple[CaseView, ...]
    limits: tuple[str, ...]
    certificate_url: str
    acts: bool


def result_page(
    run: CrashTestJob, found: RunResults, at: int, text: Text, *, acts: bool = False
) -> ResultPage:
    """Return the page of a case of a run; ``acts``: the reader may remove it."""
    result = found.results[at]
    tones = {row.cause: min(i, _TONES - 1) for i, row in enumerate(_by_days(result))}
    worst = sorted(result.clients, key=lambda row: row.calls_served.value)
    url = reverse("crashtest_run", args=[run.id])
    cases = [
        (case_word(one.label), f"{url}?case={i}", i == at) for i, one in enumerate(found.results)
    ]
    return ResultPage(
        run=run,
        case=case_word(result.label),
        cases=tuple(cases) if len(cases) > 1 else (),
        headline=headline(result, text),
        clients=tuple(_client(row, i, text) for i, row in enumerate(worst)),
        harm=harm_view(result, worst, text),
        sites=tuple(_sites(result, tones, text)),
        legend=tuple(_legend(result, tones)),
        outbreak=tuple(outbreak_sentences(result, text)),
        sizes=_sizes(result, text),
        rule=tuple(rule_sentences(found.results, found.comparison, text)),
        against=case_word(found.results[0].label),
        differences=tuple(_difference(row, text) for row in found.comparison),
        limits=tuple(limits(result, text)),
        certificate_url=reverse("crashtest_certificate", args=[run.id]),
        acts=acts,
    )


def _client(row: ClientResult, at: int, text: Text) -> ClientView:
    last = row.survival[-1] if row.survival else 1.0
    breaks = row.breaks_target.value
    return ClientView(
        name=row.name,
        sentence=client_sentence(row, text),
        figures=(
            share(row.calls_served, text),
            text.percent(row.calm_served.value, 1),
            share(row.days_served, text),
            f"{text.percent(row.worst_day.median)} ({text.number(100 * row.worst_day.low)}–"
            f"{text.number(100 * row.worst_day.high)})",
            share(row.breaks_target, text, 0),
            text.percent(row.calm_breaks_target.value),
            text.euros(row.penalty.value),
            f"{text.euros(row.penalty_band.low)}–{text.euros(row.penalty_band.high)}",
        ),
        fan=_fan(row, at, text),
        survival=survival(
            f"survival-{at}",
            row.survival,
            text,
            _("{client}: quarters without a missed day so far").format(client=row.name),
            _("After the last day, {share} of quarters have had no missed day.").format(
                share=text.percent(last)
            ),
        ),
        tone="held" if breaks < 0.05 else "thin" if breaks < 0.5 else "missed",
    )


def _fan(row: ClientResult, at: int, text: Text) -> Picture:
    served = [day for day in row.fan if day]
    low = min((day[0] for day in served), default=1.0)
    middle = min((day[2] for day in served), default=1.0)
    return fan(
        f"fan-{at}",
        row.fan,
        text,
        _("{client}: share served, day by day").format(client=row.name),
        _(
            "Day by day the median quarter serves at least {middle}; on the worst day, one quarter "
            "in twenty falls to {low} or lower."
        ).format(middle=text.percent(middle), low=text.percent(low)),
    )


def _by_days(result: CrashResult) -> list[CauseResult]:
    """Return the causes that take sites, by the days they take in all; home lines are no site."""

    def days(row: CauseResult) -> float:
        return sum(
            site.days_lost_by[row.cause].value
            for site in result.sites
            if row.cause in site.days_lost_by
        )

    return sorted((row for row in result.causes if days(row) > 0), key=lambda row: -days(row))


def _sites(result: CrashResult, tones: Mapping[str, int], text: Text) -> Iterator[SiteView]:
    names = {row.cause: cause_word(row.cause, row.name) for row in result.causes}
    top = max((site.days_lost.value for site in result.sites), default=0.0)
    for site in sorted(result.sites, key=lambda row: -row.days_lost.value):
        days = [
            (cause, site.days_lost_by[cause].value) for cause in tones if cause in site.days_lost_by
        ]
        worst = sorted((pair for pair in days if pair[1] > 0), key=lambda pair: -pair[1])
        said = [f"{names[cause]} {small(value, text)}" for cause, value in worst[:_SAID]]
        yield SiteView(
            site.name,
            share(site.closes, text, 0),
            number(site.days_lost, text),
            stack([(f"cause-{tones[cause]}", value) for cause, value in days], top),
            " · ".join(said),
        )


def _legend(result: CrashResult, tones: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    names = {row.cause: cause_word(row.cause, row.name) for row in result.causes}
    for cause, tone in tones.items():
        if tone < _TONES - 1:
            yield f"cause-{tone}", names[cause]
    if len(tones) >= _TONES:
        yield f"cause-{_TONES - 1}", _("others")


def _sizes(result: CrashResult, text: Text) -> Picture:
    sentences = tuple(outbreak_sentences(result, text))
    return histogram(
        "sizes",
        result.outbreak.sizes,
        text,
        _("Quarters by the share of agents infected"),
        sentences[1],
    )


def _difference(row: Mapping[str, Any], text: Text) -> CaseView:
    def of(name: str) -> Estimate:
        return Estimate(**{k: math.nan if v is None else v for k, v in row[name].items()})

    euros = of("penalty")
    return CaseView(
        case_word(str(row["label"])),
        (
            change(of("lost"), text),
            change(euros, text, 0),
            change(of("site_days_closed"), text),
            change(of("infected"), text),
        ),
    )


def result_twin(run: CrashTestJob, found: RunResults) -> dict[str, Any]:
    """Return a finished run as data: the results as their files hold them."""
    return {
        "run": run.id,
        "name": run.order.name,
        "state": run.state,
        "results": [json.loads(result_to_json(one)) for one in found.results],
        "comparison": list(found.comparison),
        "certificate": dict(found.certificate),
    }
