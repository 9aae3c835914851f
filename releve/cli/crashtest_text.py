"""The words and tables of ``releve crashtest``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from releve.crashtest import CrashResult
from releve.crashtest.comparison import Difference
from releve.crashtest.outbreak import Band, Estimate
from releve.crashtest.outbreak.population import (
    ASSUMED_AIR_CHANGES,
    ASSUMED_M3_PER_SEAT,
    ASSUMED_PITCH_M,
    count_assumed_places,
)
from releve.crashtest.policies import POLICIES, Mix
from releve.crashtest.replay_worst_days import ReplayedDay
from releve.network import Operator

__all__ = [
    "build_cause_tables",
    "build_client_table",
    "build_difference_table",
    "build_site_table",
    "describe_mixes",
    "describe_outbreak",
    "describe_outlook",
    "describe_replays",
]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _format_share(one: Estimate) -> str:
    return f"{one.value:.1%} ({max(0.0, one.low):.1%} to {min(1.0, one.high):.1%})"


def _format_figure(value: float, sign: str = "") -> str:
    """Write a number for people: thousands apart, three figures or so, never an exponent."""
    if not math.isfinite(value):
        return "not known"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    rounded = round(value, digits) + 0.0
    return f"{rounded:{sign},.{digits}f}" if rounded else "0"


def _format_number(one: Estimate) -> str:
    """Write a quantity that is never below zero."""
    value, low, high = map(_format_figure, (one.value, max(0.0, one.low), one.high))
    return f"{value} ({low} to {high})"


def _format_change(one: Estimate) -> str:
    value, low, high = (_format_figure(number, "+") for number in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"


def _format_harm(harm: Estimate, seen: Estimate) -> str:
    """Write the harm of a cause; of one that no quarter met there is nothing to measure."""
    return _format_change(harm) if seen.value else "never happened"


def _format_band(one: Band) -> str:
    return f"{one.median:.1%} ({one.low:.1%} to {one.high:.1%})"


def _build_table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table that breaks lines between words, never inside a number."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        words = [word for cell in (name, *column) for word in cell.split()]
        table.add_column(name, min_width=max(map(len, words)))
    for row in rows:
        table.add_row(*row)
    return table


def build_client_table(result: CrashResult) -> Table:
    """Return the clients of a result."""
    names = ("client", "calls served", "calm", "days served", "worst day lost",
             "breaks its target", "calm", "penalty, EUR a quarter")  # fmt: skip
    rows = [
        (
            row.name,
            _format_share(row.calls_served),
            f"{row.calm_served.value:.1%}",
            f"{row.days_served.value:.1%}",
            _format_band(row.worst_day),
            _format_share(row.breaks_target),
            f"{row.calm_breaks_target.value:.1%}",
            _format_number(row.penalty),
        )
        for row in result.clients
    ]
    title = f"{result.label}: {result.quarters:,} quarters of {result.days} days"
    return _build_table(title, names, rows)


def build_site_table(result: CrashResult) -> Table:
    """Return the sites of a result."""
    rows = []
    for row in result.sites:
        causes = sorted(row.days_lost_by.items(), key=lambda item: -item[1].value)[:2]
        worst = ", ".join(
            f"{name} {_format_figure(days.value)}" for name, days in causes if days.value > 0
        )
        rows.append(
            (
                row.name,
                _format_number(row.closures),
                _format_share(row.closes),
                _format_number(row.days_lost),
                worst,
            )
        )
    names = ("site", "closures", "P(closes)", "days lost", "worst causes")
    return _build_table("Sites: closures by the rule and days lost a quarter", names, rows)


def build_cause_tables(result: CrashResult) -> Iterator[Table]:
    """Return what did the harm: what a quarter loses less without each cause, where that was
    simulated, and what was lost shared among those at work at the time."""
    if result.removed:
        rows = [
            (
                row.name,
                _format_harm(row.lost, row.changes),
                _format_harm(row.penalty, row.changes),
                _format_share(row.changes),
            )
            for row in result.removed
        ]
        names = ("without", "calls lost less", "penalty less, EUR", "quarters it changes")
        title = (
            f"Calls a quarter saves without a cause: {result.removed_quarters:,} quarters rerun"
            " with it removed, all else the same"
        )
        yield _build_table(title, names, rows)
    rows = [
        (
            row.name,
            _format_harm(row.lost, row.occurs),
            _format_share(row.occurs),
            _format_number(row.place_days),
        )
        for row in result.causes
    ]
    names = ("cause", "calls lost", "P(occurs)", "days of places lost")
    title = "Calls lost a quarter beyond a calm one, shared by the people each cause took that day"
    yield _build_table(title, names, rows)


def describe_outbreak(result: CrashResult, operator: Operator) -> Iterator[str]:
    """Say how outbreaks went, what was assumed, and what was left out."""
    ill = result.outbreak
    assumed = count_assumed_places(operator)
    if assumed.zones:
        yield (
            f"Assumed, where {assumed.zones} zones have no air volume or air changes:"
            f" {ASSUMED_M3_PER_SEAT:g} m3 a seat, {ASSUMED_AIR_CHANGES:g} air change an hour."
        )
    if assumed.seats:
        yield (
            f"Assumed, where {assumed.seats} seats have no x and y: rows of seats"
            f" {ASSUMED_PITCH_M:g} m apart."
        )
    yield (
        f"Outbreaks: no agent infected in {ill.none.value:.0%} of quarters, a tenth of the agents"
        f" or more in {ill.major.value:.0%}; the middle nine tenths have"
        f" {ill.infected_band.low:.0f} to {ill.infected_band.high:.0f} infected,"
        f" {ill.away_band.low:.0f} to {ill.away_band.high:.0f} agent-days away."
    )
    yield "No study of a closure of 48 hours after two positives was found; this is the model's."
    if result.unplanned:
        names = ", ".join(WEEKDAYS[day] for day in result.unplanned)
        yield f"Left out, having no plan: {names} (plan them, or --nearest)."
    for name in result.unknown:
        yield f"{name}: its volume is not known on a planned day and counts as no calls."


def describe_outlook(result: CrashResult) -> Iterator[str]:
    """Say what the coming days bring: each site's chance to close, each client's to miss."""
    yield "Assumed: each known case has infected one colleague of the zones they worked in."
    for site in result.sites:
        yield f"{site.name}: closes within {result.days} days with {_format_share(site.closes)}"
    for client in result.clients:
        yield (
            f"{client.name}: P(a day is missed) {1 - client.survival[-1]:.1%},"
            f" P(breaks its target) {_format_share(client.breaks_target)}"
        )


def build_difference_table(differences: Sequence[Difference]) -> Table:
    """Return cases beside the first, under the same disasters."""
    rows = [
        (
            row.label,
            _format_change(row.lost),
            _format_change(row.penalty),
            _format_change(row.site_days_closed),
            _format_change(row.infected),
            f"{_format_figure(row.wider)} x" if math.isfinite(row.wider) else "all of it",
        )
        for row in differences
    ]
    title = f"Against {differences[0].against}, under the same disasters, a quarter"
    names = ("case", "calls lost", "penalty, EUR", "site-days closed", "infected",
             "variance saved")  # fmt: skip
    return _build_table(title, names, rows)


def describe_mixes(mixes: Sequence[Mix], budget: float) -> Iterator[str]:
    """Say which mix of measures that a budget buys leaves the least to pay, and whether it pays."""
    nothing = next(mix for mix in mixes if not mix.measures)
    best = mixes[0]
    names = ", ".join(POLICIES[name].text for name in best.measures) or "nothing"
    yield (
        f"Least penalties for {budget:,.0f} EUR a quarter: {names}: costs {best.cost:,.0f},"
        f" penalties {best.penalty:,.0f} instead of {nothing.penalty:,.0f}."
    )
    cheapest = min(mixes, key=lambda mix: mix.cost + mix.penalty)
    if cheapest != best:
        yield (
            f"That costs more than it saves: {', '.join(cheapest.measures) or 'nothing'} has the"
            f" least of both together, {cheapest.cost + cheapest.penalty:,.0f} against"
            f" {best.cost + best.penalty:,.0f}."
        )
    for mix in mixes[1:4]:
        yield f"  then {', '.join(mix.measures) or 'nothing'}: {mix.cost:,.0f}, {mix.penalty:,.0f}"


def describe_replays(redone: Sequence[ReplayedDay]) -> Iterator[str]:
    """Say what the simulator makes of the worst days."""
    for row in redone:
        yield (
            f"{row.client}, quarter {row.replication}, day {row.day}: lost {row.formula:.1%} by"
            f" formula, {_format_share(row.simulated)} call by call"
            f" ({100 * (row.simulated.value - row.formula):+.1f} points)"
        )
