"""Those who try to read a member in bulletins, and the made-up members that they try on.

Used by the tests and by ``bench/bulletin.py``. An attacker sees what is published, as rounded, and
knows the rounding; an insider knows its own figures besides.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.optimize import linprog

from releve.plugins.sector.engine import disclosure

RULE = disclosure.DisclosureRule(5, 10, 50, 5, 31)
FIRST = date(2026, 11, 1)
Figures = dict[str, dict[str, int]]


@dataclass(frozen=True)
class TableDay:
    """One measure of a day: the figures of those that contributed, and what was published."""

    day: date
    figures: Figures
    publication: disclosure.Publication
    groups: dict[str, disclosure.Unit]

    @property
    def shown(self) -> dict[str, int]:
        """Published group, or total -> rounded value."""
        found = {
            name: disclosure.round_count(self.sum(self.groups[name]), RULE.rounding) for name in self.publication.groups
        }
        if self.publication.total:
            whole = frozenset().union(*self.groups.values())
            found["total"] = disclosure.round_count(self.sum(whole), RULE.rounding)
        return found

    def sum(self, unit: disclosure.Unit, but: str = "") -> int:
        """Return the sum over a unit, without one member's figures."""
        return sum(row.get(where, 0) for member, row in self.figures.items() for where in unit if member != but)


def draw_days(seed: int, days: int = 31) -> Iterator[Figures]:
    """Yield figures of a sector: uneven members, a slow drift, some late, one that leaves."""
    rng = random.Random(seed)
    members = [f"m{i:02}" for i in range(rng.randrange(8, 21))]
    places = ["CI", "FR", "MA", "MG", "SN", "TN"][: rng.randrange(2, 6)]
    sizes = {
        (member, where): rng.lognormvariate(5.5, 1.2)
        for member in members
        for where in places
        if rng.random() < rng.choice((0.35, 0.6, 0.9))
    }
    leaver, leaves = rng.choice(members), rng.randrange(2, max(3, days))
    for day in range(days):
        for cell in sizes:
            sizes[cell] *= rng.gauss(1, 0.02)
        yield {
            member: {
                where: max(0, round(sizes[member, where] * rng.gauss(1, 0.01)))
                for where in places
                if (member, where) in sizes
            }
            for member in members
            if (member != leaver or day < leaves) and rng.random() > 0.01
        }


def publish_days(seed: int, days: int = 31, *, history: bool = True) -> list[TableDay]:
    """Return the bulletins of a measure over days; without ``history`` each is judged alone."""
    drawn = list(draw_days(seed, days))
    places = sorted({where for figures in drawn for row in figures.values() for where in row})
    groups = {where: frozenset([where]) for where in places}
    published: list[TableDay] = []
    for number, figures in enumerate(drawn):
        earlier = [disclosure.EarlierDay(one.publication.atoms, one.figures) for one in published]
        judge = disclosure.PlainJudge(figures, RULE, persistent=True)
        chosen = disclosure.choose_publication(judge, groups, earlier if history else ())
        published.append(TableDay(FIRST + timedelta(number), figures, chosen, groups))
    return published


def bound_cells(table: TableDay, own: dict[str, int] | None = None) -> dict[str, tuple[float, float]]:
    """Return the least and the most that a linear programme allows each hidden cell.

    With ``own``, the figures of an insider by group, of the others' part of the cell. One equation
    ties the cells, so the optimum is known in closed form; :func:`solve_cells` finds it by HiGHS.
    """
    half, own = RULE.rounding / 2, own or {}
    ranges = {
        name: (max(0.0, value - own.get(name, 0) - half), value - own.get(name, 0) + half)
        for name, value in table.shown.items()
        if name != "total"
    }
    least, most = (sum(ends[i] for ends in ranges.values()) for i in (0, 1))
    hidden = [name for name in table.groups if name not in ranges]
    if "total" not in table.shown:
        return {**dict.fromkeys(hidden, (0.0, np.inf)), "total": (least, np.inf if hidden else most)}
    total = table.shown["total"] - sum(own.values())
    low = max(0.0, total - half - most) if len(hidden) == 1 else 0.0
    return dict.fromkeys(hidden, (low, total + half - least))


def solve_cells(table: TableDay, own: dict[str, int] | None = None) -> dict[str, tuple[float, float]]:
    """Return what :func:`bound_cells` does, by a linear programme for each end."""
    names = sorted(table.groups)
    half, rows, limits = RULE.rounding / 2, [], []
    for name, value in table.shown.items():
        row = np.array([float(name in (one, "total")) for one in names])
        known = sum((own or {}).get(one, 0) for one in names if name in (one, "total"))
        rows += [row, -row]
        limits += [value - known + half, -(value - known - half)]
    found = {}
    for name in [*names, "total"]:
        if name in table.shown:
            continue
        goal = np.array([float(name in (one, "total")) for one in names])
        ends = []
        for sign in (1, -1):
            best = linprog(
                sign * goal,
                A_ub=np.array(rows) if rows else None,
                b_ub=limits or None,
                bounds=(0, None),
                method="highs",
            )
            ends.append(np.inf if best.status in (3, 4) else sign * best.fun)
        found[name] = (ends[0], ends[1])
    return found


def attack_from_outside(table: TableDay) -> list[str]:
    """Return the hidden cells that an outside linear programme knows within ten per cent."""
    faults = []
    for name, (least, most) in bound_cells(table).items():
        value = table.sum(table.groups.get(name) or frozenset().union(*table.groups.values()))
        if value and (most < 1.1 * value - 1e-6 or least > 0.9 * value + 1e-6):
            faults.append(f"{table.day} {name}: {value} in [{least:.1f}, {most:.1f}]")
    return faults


def attack_from_inside(table: TableDay, insiders: Sequence[str]) -> list[str]:
    """Return the members' figures that an insider with its own ones knows within ten per cent."""
    faults = []
    whole = frozenset().union(*table.groups.values())
    for insider in insiders:
        own = {name: sum(table.figures[insider].get(where, 0) for where in unit) for name, unit in table.groups.items()}
        hidden = bound_cells(table, own)
        for name in [*table.groups, "total"]:
            unit = table.groups.get(name, whole)
            if name in hidden:
                most = hidden[name][1]
            else:
                most = table.shown[name] + RULE.rounding / 2 - sum(
                    own[one] for one in table.groups if name in (one, "total")
                )  # fmt: skip
            others = [row for member, row in table.figures.items() if member != insider]
            largest = max(sum(row.get(where, 0) for where in unit) for row in others)
            if largest and most < 1.1 * largest - 1e-6:
                faults.append(f"{table.day} {name}: {insider} reads {largest} under {most:.1f}")
    return faults


def attack_by_leave(tables: Sequence[TableDay]) -> list[str]:
    """Return the figures guessed within ten per cent from two totals that one member is not in."""
    faults = []
    for number, late in enumerate(tables):
        for early in tables[max(0, number - RULE.history) : number]:
            gone = late.figures.keys() ^ early.figures.keys()
            for before in early.publication.atoms:
                if len(gone) != 1 or before not in late.publication.atoms:
                    continue
                has = {**late.figures, **early.figures}[next(iter(gone))]
                figure = sum(has.get(where, 0) for where in before)
                guess = abs(early.sum(before) - late.sum(before))
                if figure and abs(guess - figure) <= 0.1 * figure:
                    faults.append(f"{early.day} to {late.day}: {figure} guessed as {guess}")
    return faults
