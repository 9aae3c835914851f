"""Two finished runs side by side; quarter by quarter where both met the same disasters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from releve.crashtest import CrashResult
from releve.crashtest.estimates import estimate_mean
from releve.crashtest.outbreak import FIELDS, Estimate
from releve.desk.crashtest.result_page import Found
from releve.desk.crashtest.sentences import change, number, share
from releve.desk.crashtest.words import case_word
from releve.desk.text import Text
from releve.runs.crash_test_job import CrashTestJob
from releve.runs.progress import QuarterColumns, read_quarter_columns

__all__ = ["ComparePage", "Side", "compare_page", "compare_twin", "differences", "strangers"]

_SAME: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "seed": lambda tree: tree["settings"]["seed"],
    "days": lambda tree: tree["settings"]["days"],
    "quarters": lambda tree: tree["settings"]["quarters"],
    "start": lambda tree: tree["start"] or tree["cases"][0]["days"][0],
    "operator": lambda tree: tree["inputs"]["operator"],
    "hazards": lambda tree: (tree["hazards"], tree["inputs"].get("hazards")),
    "outbreak": lambda tree: (
        tree["illness"],
        tree["reproduction"],
        tree["outside"],
        tree["inputs"].get("incidence"),
        tree["inputs"].get("events"),
    ),
}
"""What must be the same for two runs to have met the same disasters."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a run, what it found, and which of its cases is compared."""

    run: CrashTestJob
    found: Found
    case: int

    @property
    def result(self) -> CrashResult:
        return self.found.results[self.case]

    @property
    def columns(self) -> QuarterColumns:
        return read_quarter_columns(self.run.run_folder, self.case)

    @property
    def clients_of(self) -> list[str] | None:
        """The client of each programme; None in a run of an earlier version, which lacks it."""
        rows = self.found.certificate["cases"][self.case].get("programmes")
        return None if rows is None else [client for _programme, client in rows]


Sides = tuple[Side, Side]
Differences = Mapping[str, Mapping[str, Estimate]]


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


def strangers(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs of that which decides luck, by name."""
    return tuple(name for name, of in _SAME.items() if of(one) != of(other))


def compare_page(sides: Sides, text: Text) -> ComparePage:
    """Return the page of two runs, each with one of its cases."""
    differing = strangers(sides[0].found.certificate, sides[1].found.certificate)
    found = {} if differing else differences(sides)
    one, two = sides
    return ComparePage(
        names=(one.run.order.name, two.run.order.name),
        choices=(_choice(one, "first"), _choice(two, "second")),
        differing=tuple(_words(differing)),
        paired=tuple(_totals(found, text)) if found else (),
        clients=tuple(_clients(sides, found, text)),
        sites=tuple(_sites(sides, found, text)),
    )


def _choice(side: Side, field: str) -> Choice:
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


def differences(sides: Sides) -> Differences:
    """Return the second less the first, quarter by quarter, with intervals: ``total`` by measure,
    ``lost`` calls and ``served`` days by client, ``days`` lost and ``closures`` by site."""
    one, two = (side.columns for side in sides)
    total = {"lost": estimate_mean(two.lost.sum(axis=1) - one.lost.sum(axis=1))}
    for name in ("site_days_closed", "infected"):
        column = FIELDS.index(name)
        total[name] = estimate_mean(two.outbreak[:, column] - one.outbreak[:, column])
    clients = [row.client for row in sides[0].result.clients]
    sites = [row.site for row in sides[0].result.sites]
    return {
        "total": total,
        "lost": _lost(sides, (one, two), clients),
        "served": {
            c: estimate_mean(two.served[:, i] - one.served[:, i]) for i, c in enumerate(clients)
        },
        "days": {s: estimate_mean(two.days[:, i] - one.days[:, i]) for i, s in enumerate(sites)},
        "closures": {
            s: estimate_mean(two.closures[:, i] - one.closures[:, i]) for i, s in enumerate(sites)
        },
    }


def _lost(
    sides: Sides, columns: tuple[QuarterColumns, QuarterColumns], clients: Sequence[str]
) -> dict[str, Estimate]:
    """Return the difference in calls lost by client; nothing where a run does not say whose a
    programme is."""
    owners = [side.clients_of for side in sides]
    if owners[0] is None or owners[1] is None:
        return {}
    found = {}
    for client in clients:
        lost = [
            part.lost[:, [owner == client for owner in of]].sum(axis=1)
            for part, of in zip(columns, (owners[0], owners[1]), strict=True)
        ]
        found[client] = estimate_mean(lost[1] - lost[0])
    return found


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


def compare_twin(sides: Sides) -> dict[str, Any]:
    """Return two runs as data; without differences where their luck was not the same."""
    differing = strangers(sides[0].found.certificate, sides[1].found.certificate)
    found = None if differing else differences(sides)
    return {
        "runs": [side.run.id for side in sides],
        "cases": [side.result.label for side in sides],
        "differing": list(differing),
        "second_less_first": found,
        "clients": [
            {row.client: row.calls_served for row in side.result.clients} for side in sides
        ],
        "sites": [{row.site: row.days_lost for row in side.result.sites} for side in sides],
    }
