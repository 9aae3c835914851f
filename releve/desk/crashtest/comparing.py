"""Two finished runs side by side; quarter by quarter where both met the same disasters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from releve.crashtest.estimates import mean
from releve.crashtest.outbreak import FIELDS, Estimate
from releve.desk.crashtest.home import Crashed
from releve.desk.crashtest.progress import Lost, lost_of
from releve.desk.crashtest.result_page import Found
from releve.desk.crashtest.sentences import change, share
from releve.desk.crashtest.words import case_word
from releve.desk.presenters.text import Text

__all__ = ["ComparePage", "compare_page", "compare_twin", "strangers"]

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
class ComparePage:
    """Two runs. ``differing`` names what keeps them from having met the same disasters."""

    names: tuple[str, str]
    differing: tuple[str, ...]
    paired: tuple[tuple[str, str], ...]
    clients: tuple[tuple[str, str, str], ...]
    what: str


def strangers(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs of that which decides luck, by name."""
    return tuple(name for name, of in _SAME.items() if of(one) != of(other))


def compare_page(
    runs: tuple[Crashed, Crashed], found: tuple[Found, Found], text: Text
) -> ComparePage:
    """Return the page of two runs, each with its first case."""
    differing = strangers(found[0].certificate, found[1].certificate)
    paired = () if differing else tuple(_paired(runs, text))
    known = {row.client: row for row in found[1].results[0].clients}
    clients = [
        (row.name, share(row.calls_served, text), share(known[row.client].calls_served, text))
        for row in found[0].results[0].clients
        if row.client in known
    ]
    first, second = (case_word(one.results[0].label) for one in found)
    return ComparePage(
        names=(runs[0].asked.name, runs[1].asked.name),
        differing=tuple(_words(differing)),
        paired=paired,
        clients=tuple(clients),
        what=_("Of each run its first case: {first}; {second}.").format(first=first, second=second),
    )


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


def _paired(runs: tuple[Crashed, Crashed], text: Text) -> Iterator[tuple[str, str]]:
    differences = paired(runs)
    yield _("Calls lost a quarter"), change(differences["lost"], text)
    yield _("Days of sites closed by the rule"), change(differences["site_days_closed"], text)
    yield _("Agents infected"), change(differences["infected"], text)


def paired(runs: tuple[Crashed, Crashed]) -> dict[str, Estimate]:
    """Return the second run less the first, quarter by quarter, with intervals."""
    one, other = (_joined(lost_of(run.run, 0)) for run in runs)
    found = {"lost": mean(other.lost - one.lost)}
    for name in ("site_days_closed", "infected"):
        column = FIELDS.index(name)
        found[name] = mean(other.outbreak[:, column] - one.outbreak[:, column])
    return found


def _joined(parts: Sequence[Lost]) -> Lost:
    names = ("offered", "lost", "outbreak", "served")
    return Lost(0, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def compare_twin(runs: tuple[Crashed, Crashed], found: tuple[Found, Found]) -> dict[str, Any]:
    """Return two runs as data; without differences where their luck was not the same."""
    differing = strangers(found[0].certificate, found[1].certificate)
    return {
        "runs": [run.id for run in runs],
        "differing": list(differing),
        "second_less_first": None
        if differing
        else {name: asdict(one) for name, one in paired(runs).items()},
        "clients": [
            {row.client: asdict(row.calls_served) for row in one.results[0].clients}
            for one in found
        ],
    }
