"""Two finished runs side by side; quarter by quarter where both met the same disasters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.desk.crashtest.sentences import change, number, share
from releve.desk.crashtest.words import case_word
from releve.desk.text import Text
from releve.runs.results import (
    ComparedCase,
    Differences,
    compute_differences,
    list_differing_inputs,
)

Sides = tuple[ComparedCase, ComparedCase]


@dataclass(frozen=True, slots=True)
class Choice:
    """The cases of a run to choose from: number, name, whether it is the one compared."""

    name: str
    field: str
    run: str
    cases: tuple[tuple[int, str, bool], ...]


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two runs. ``differing`` names what keeps them from having met the same disasters; without
    that, rows of ``clients`` and ``sites`` end with paired differences, else those are empty."""

    names: tuple[str, str]
    choices: tuple[Choice, Choice]
    differing: tuple[str, ...]
    paired: tuple[tuple[str, str], ...]
    clients: tuple[tuple[str, ...], ...]
    sites: tuple[tuple[str, ...], ...]


def compare_page(sides: Sides, text: Text) -> ComparePage:
    """Return the page of two runs, each with one of its cases."""
    differing = list_differing_inputs(sides[0].found.certificate, sides[1].found.certificate)
    found = {} if differing else compute_differences(sides)
    one, two = sides
    return ComparePage(
        names=(one.run.order.name, two.run.order.name),
        choices=(_choice(one, "first"), _choice(two, "second")),
        differing=tuple(_words(differing)),
        paired=tuple(_totals(found, text)) if found else (),
        clients=tuple(_clients(sides, found, text)),
        sites=tuple(_sites(sides, found, text)),
    )


def _choice(side: ComparedCase, field: str) -> Choice:
    cases = [
        (at, case_word(one.label), at == side.case) for at, one in enumerate(side.found.results)
    ]
    return Choice(side.run.order.name, f"case_{field}", side.run.id, tuple(cases))


def _words(differing: Sequence[str]) -> Iterator[str]:
    words = {
        "seed": _("the seed"),
        "days": _("the days of a quarter"),
        "quarters": _("the number of quarters"),
        "start": _("the first day"),
        "operator": _("the reference data"),
        "hazards": _("the hazards"),
        "outbreak": _("the outbreak’s parameters"),
    }
    return (words[name] for name in differing)


def _totals(found: Differences, text: Text) -> Iterator[tuple[str, str]]:
    total = found["total"]
    yield _("Calls lost a quarter"), change(total["lost"], text)
    yield _("Days of sites closed by the rule"), change(total["site_days_closed"], text)
    yield _("Agents infected"), change(total["infected"], text)


def _clients(sides: Sides, found: Differences, text: Text) -> Iterator[tuple[str, ...]]:
    """Yield a client's share served in both, and what the second changes."""
    known = {row.client: row for row in sides[1].result.clients}
    for row in sides[0].result.clients:
        if row.client in known:
            other = known[row.client]
            yield (
                row.name,
                share(row.calls_served, text),
                share(other.calls_served, text),
                *(_change(found, name, row.client, text) for name in ("lost", "served") if found),
            )


def _sites(sides: Sides, found: Differences, text: Text) -> Iterator[tuple[str, ...]]:
    """Yield a site's days lost in both, and what the second changes."""
    known = {row.site: row for row in sides[1].result.sites}
    for row in sides[0].result.sites:
        if row.site in known:
            yield (
                row.name,
                number(row.days_lost, text),
                number(known[row.site].days_lost, text),
                *(_change(found, name, row.site, text) for name in ("days", "closures") if found),
            )


def _change(found: Differences, name: str, key: str, text: Text) -> str:
    one = found[name].get(key)
    return "–" if one is None else change(one, text)
