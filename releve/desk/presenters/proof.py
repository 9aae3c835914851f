"""The proof: how good the plan is known to be, who checked it, and the seats it counts on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.presenters.cells import Desk
from releve.desk.presenters.words import country, kind_title
from releve.network.model import HOME

__all__ = ["Fact", "PlaceView", "Proof", "proof"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A measured or proved figure with its name and what it means."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A place with the agents placed there and the seats they may take."""

    name: str
    country: str
    placed: str
    usable: str
    seats: str
    note: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands behind the verdict."""

    checked: bool
    checker: str
    violations: tuple[str, ...]
    facts: tuple[Fact, ...]
    places: tuple[PlaceView, ...]
    settings: tuple[Fact, ...]


def proof(desk: Desk) -> Proof:
    """Return the bounds, the checker's answer and the places of a plan."""
    plan = desk.plan
    count = len(plan.violations)
    return Proof(
        checked=not count,
        checker=_("The independent checker found no rule broken.")
        if not count
        else ngettext(
            "The independent checker found {count} rule broken.",
            "The independent checker found {count} rules broken.",
            count,
        ).format(count=desk.text.number(count)),
        violations=plan.violations,
        facts=_facts(desk),
        places=_places(desk),
        settings=tuple(
            Fact(name, str(value) if isinstance(value, str) else desk.text.plain(value), "")
            for name, value in plan.settings.items()
        ),
    )


def _facts(desk: Desk) -> tuple[Fact, ...]:
    bound, text = desk.plan.bound, desk.text
    known = _("objective {objective}, proved lower bound {bound} (weighted agent half hours)")
    if not bound.lower_bound > 0 and bound.objective > 0:
        known = _("objective {objective}; the solver ended without proving any bound")
    words = _("{rows} rows, {columns} columns, {entries} entries")
    if not bound.solved:
        words = _(
            "{rows} rows, {columns} columns, {entries} entries; the solver ended before its"
            " optimum: a better plan may exist, the bound stands"
        )
    return (
        Fact(
            _("Gap to the bound"),
            _gap(desk, bound.penalty_gap),
            known.format(
                objective=text.number(bound.objective, 1), bound=text.number(bound.lower_bound, 1)
            ),
        ),
        Fact(
            _("Gap on the requirement"),
            _gap(desk, bound.requirement_gap),
            _("the same difference, over the weighted requirement"),
        ),
        *_regrets(desk),
        Fact(
            _("Penalty, nothing lost"),
            text.number(bound.penalty, 1),
            _("in whole people; {fractional} before rounding").format(
                fractional=text.number(bound.lp_penalty, 1)
            ),
        ),
        Fact(
            _("Linear programme"),
            _("optimal") if bound.solved else _("ended early"),
            words.format(
                rows=text.number(bound.rows),
                columns=text.number(bound.columns),
                entries=text.number(bound.nonzeros),
            ),
        ),
    )


def _regrets(desk: Desk) -> tuple[Fact, ...]:
    """Return the worst regret of each kind of loss in whole people, beside that in fractions."""
    bound, text = desk.plan.bound, desk.text
    found = []
    for kind, regret in bound.regret.items():
        meaning = _("of a client’s day, missing above the least possible")
        if kind in bound.lp_regret:
            meaning = _(
                "of a client’s day, missing above the least possible; {fractional} before rounding"
            ).format(fractional=text.missing(bound.lp_regret[kind], 2))
        name = _("Worst regret: {losses}").format(losses=kind_title(kind))
        found.append(Fact(name, text.missing(regret, 2), meaning))
    return tuple(found)


def _gap(desk: Desk, gap: float) -> str:
    return _("no bound") if math.isnan(gap) else desk.text.missing(gap, 2)


def _places(desk: Desk) -> tuple[PlaceView, ...]:
    number = desk.text.number
    placed = Counter(item.place for item in desk.plan.placements)
    found = [
        PlaceView(
            site.name,
            country(site.destination),
            number(placed[site.id]),
            number(len(site.usable_seats)),
            number(site.seats),
            _seat_note(desk, len(site.usable_seats), site.usable_bound, site.open),
        )
        for site in desk.plan.sites
    ]
    home = PlaceView(_("Home"), "", number(placed[HOME]), "", "", "")
    return (*found, home)


def _seat_note(desk: Desk, usable: int, bound: int, is_open: bool) -> str:
    if not is_open:
        return _("no valid authorisation on the day")
    if usable == bound:
        return _("proved largest")
    return _("at most {bound}").format(bound=desk.text.number(bound))
