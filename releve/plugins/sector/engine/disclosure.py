"""What leaves a clearing and a bulletin: who sees what, and which cells may be published.

A member sees its matches with the partner of each, and why its own offers and requests got no more;
an auditor sees everything.

The cells of a measure are groups of destinations and their total, so what a reader can compute of
one day are the published groups and, under a published total, the sum of the hidden ones. Each of
these *atoms* is judged like a cell (frequency, dominance and p % rule against two members acting
together), and so is the difference between atoms of this bulletin and of earlier ones: members that
contributed on one of the days alone, destinations that moved between groups. Sources: Hundepool et
al., Statistical Disclosure Control (Wiley, 2012), chapter 4. Proof of the masked rule: the three
largest of n figures sum to at most the root of three times their squares.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import isqrt
from typing import Any

from releve.plugins.sector.engine.matches import Clearing, clear, describe_clearing
from releve.plugins.sector.engine.needs import Openings, SectorError, SectorOffer, SectorRequest


def disclose_to_member(openings: Openings, cleared: Clearing, member: str) -> dict[str, Any]:
    """Return what a member may see, as JSON values.

    The ``reason`` of an own offer or request, why it got no more: ``full``, or the first hurdle
    ``skill``, ``approval``, ``price`` or ``others``, where what fits is used up.
    """
    offers = {one.offer: one for one in openings.offers}
    requests = {one.request: one for one in openings.requests}
    mine = []
    for match in cleared.matches:
        offer, request = offers[match.offer], requests[match.request]
        if member in (offer.giver, request.asker):
            mine.append(
                {**asdict(match), "giver": offer.giver, "asker": request.asker,
                 "price_cents": offer.price_cents, "skill": offer.skill,
                 "destination": offer.destination}
            )  # fmt: skip
    taken = Counter[str]()
    for match in cleared.matches:
        taken[match.offer] += match.agents
    served = dict(cleared.served)
    return {
        "member": member,
        "matches": mine,
        "offers": [
            {
                "offer": one.offer,
                "offered": sum(agents for _, agents in one.agents),
                "taken": taken[one.offer],
                "reason": _explain_offer(openings, one, taken[one.offer]),
            }
            for one in openings.offers
            if one.giver == member
        ],
        "requests": [
            {
                "request": one.request,
                "asked": sum(agents for _, agents in one.agents),
                "served": served[one.request],
                "reason": _explain_request(openings, one, served[one.request]),
            }
            for one in openings.requests
            if one.asker == member
        ],
    }


def disclose_to_auditor(openings: Openings, cleared: Clearing, seed: bytes) -> dict[str, Any]:
    """Return all that a clearing was made from, and the digest that a second run must give."""
    return {
        "offers": [asdict(one) for one in openings.offers],
        "requests": [asdict(one) for one in openings.requests],
        "approvals": sorted(openings.approvals),
        "seed": seed.hex(),
        "clearing": describe_clearing(cleared),
        "digest": compute_clearing_digest(cleared),
    }


def rerun(openings: Openings, seed: bytes, digest: str) -> Clearing:
    """Clear again; SectorError when the digest of the result is another one."""
    again = clear(openings, seed)
    found = compute_clearing_digest(again)
    if found != digest:
        raise SectorError(
            f"the clearing gives digest {found}, {digest} was published: ask the clerk for the"
            " openings and the seed of that clearing"
        )
    return again


def compute_clearing_digest(cleared: Clearing) -> str:
    """Return the SHA-256 of a clearing's canonical JSON, in hexadecimal."""
    text = json.dumps(describe_clearing(cleared), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _explain_offer(openings: Openings, offer: SectorOffer, taken: int) -> str:
    if taken == sum(agents for _, agents in offer.agents):
        return "full"
    return _explain(openings, [(offer, one) for one in openings.requests])


def _explain_request(openings: Openings, request: SectorRequest, served: int) -> str:
    if served == sum(agents for _, agents in request.agents):
        return "full"
    return _explain(openings, [(one, request) for one in openings.offers])


def _explain(openings: Openings, pairs: list[tuple[SectorOffer, SectorRequest]]) -> str:
    """Return the first hurdle that no pair of an offer and a request takes."""
    pairs = [
        (offer, request)
        for offer, request in pairs
        if offer.giver != request.asker
        and f"{offer.skill}:".startswith(f"{request.skill}:")
        and {t for t, _ in offer.agents} & {t for t, _ in request.agents}
    ]
    if not pairs:
        return "skill"
    approved = [
        (offer, request)
        for offer, request in pairs
        if (request.request, offer.giver, offer.destination) in openings.approvals
    ]
    if not approved:
        return "approval"
    if all(offer.price_cents > request.ceiling_cents for offer, request in approved):
        return "price"
    return "others"


Unit = frozenset[str]
"""Destinations whose figures are summed."""
_ROOT_OF_3 = 17_321
"""The square root of three, in ten thousandths, rounded up."""


@dataclass(frozen=True, slots=True)
class DisclosureRule:
    """The parameters of the rules; per cent where the name says so."""

    min_contributors: int
    p_percent: int
    largest_share_percent: int
    rounding: int
    history: int

    def __post_init__(self) -> None:
        for name, least in (("min_contributors", 3), ("p_percent", 1), ("rounding", 1),
                            ("largest_share_percent", 1), ("history", 0)):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")


@dataclass(frozen=True, slots=True)
class CellSums:
    """All that a masked cell shows.

    Members that have a figure, those above zero, sum of figures, sum of their squares.
    """

    reports: int
    contributors: int
    total: int
    squares: int


@dataclass(frozen=True)
class EarlierDay:
    """One measure of an earlier bulletin: who contributed what, and the atoms it let be computed.

    ``figures`` is member -> destination -> count; empty in a masked bulletin, where ``panel`` and
    ``sums`` by group say what is known.
    """

    atoms: tuple[Unit, ...]
    figures: Mapping[str, Mapping[str, int]]
    panel: tuple[str, ...] = ()
    sums: Mapping[Unit, CellSums] | None = None


@dataclass(frozen=True)
class Publication:
    """What of one measure is published: groups by name, and whether their total is."""

    groups: frozenset[str]
    total: bool
    atoms: tuple[Unit, ...]


class UnitJudge(ABC):
    """Answers whether sums over destinations may be known."""

    rule: DisclosureRule

    @abstractmethod
    def is_safe_unit(self, unit: Unit) -> bool:
        """Return whether the sum over a unit shows no member's figure."""

    @abstractmethod
    def is_safe_change(self, unit: Unit, earlier: EarlierDay, before: Unit) -> bool:
        """Return whether a unit and that of an earlier bulletin show no member's figure."""

    @abstractmethod
    def covers(self, hidden: Unit, cell: Unit) -> bool:
        """Return whether a cell stays hidden when the sum of the hidden ones is known."""

    @abstractmethod
    def measure_unit(self, unit: Unit) -> int:
        """Return the sum over a unit."""

    @abstractmethod
    def count_reports(self, unit: Unit) -> int:
        """Return the least number of members with a figure (zero included) in a unit."""

    @abstractmethod
    def is_empty(self, unit: Unit, earlier: Iterable[EarlierDay]) -> bool:
        """Return whether no member stands above zero in a unit, today and on the earlier days."""

    def covers_total(self, shown: Unit, whole: Unit) -> bool:
        """Return whether the published groups leave the hidden total open by p %."""
        shares = 100 - self.rule.p_percent
        return 100 * self.measure_unit(shown) <= shares * self.measure_unit(whole)


class PlainJudge(UnitJudge):
    """Judges with every member's figures: member -> destination -> count, of contributors alone."""

    def __init__(self, figures: Mapping[str, Mapping[str, int]], rule: DisclosureRule, *, persistent: bool) -> None:
        self.figures, self.rule, self.persistent = figures, rule, persistent

    def is_safe_unit(self, unit: Unit) -> bool:
        return is_safe((_sum(row, unit) for row in self.figures.values()), self.rule)

    def is_safe_change(self, unit: Unit, earlier: EarlierDay, before: Unit) -> bool:
        if earlier.sums is not None:
            return False
        changed = [size for size in self._iter_changes(unit, earlier.figures, before) if size]
        return not changed or is_safe(changed, self.rule)

    def _iter_changes(self, unit: Unit, earlier: Mapping[str, Mapping[str, int]], before: Unit) -> Iterator[int]:
        """Yield by how much each member's leave or arrival, or another grouping, tells the sums."""
        both = unit & before
        for member in self.figures.keys() | earlier.keys():
            now, then = self.figures.get(member), earlier.get(member)
            if now is None or then is None:
                yield max(_sum(now or {}, unit), _sum(then or {}, before))
            elif self.persistent:
                size = _sum(now, unit - before) + _sum(then, before - unit)
                left, right = _sum(now, both), _sum(then, both)
                yield size + (max(left, right) if (left == 0) != (right == 0) else 0)

    def covers(self, hidden: Unit, cell: Unit) -> bool:
        """Each member alone, subtracting its own figures, stays p % above the rest of the cell."""
        p, total, inside = self.rule.p_percent, self.measure_unit(hidden), self.measure_unit(cell)
        return all(
            100 * (total - _sum(row, hidden)) >= (100 + p) * (inside - _sum(row, cell))
            for row in (*self.figures.values(), {})
        )

    def measure_unit(self, unit: Unit) -> int:
        return sum(_sum(row, unit) for row in self.figures.values())

    def count_reports(self, unit: Unit) -> int:
        return sum(not unit.isdisjoint(row) for row in self.figures.values())

    def is_empty(self, unit: Unit, earlier: Iterable[EarlierDay]) -> bool:
        earlier = list(earlier)
        if any(day.sums is not None for day in earlier):
            return False
        days = [self.figures, *(day.figures for day in earlier)]
        return not any(_sum(row, unit) for figures in days for row in figures.values())


class MaskedJudge(UnitJudge):
    """Judges by sums alone; what it lets through, the plain judge lets through.

    Two things it cannot see: in a persistent measure a member that goes to zero while another
    leaves it, and changes of the panel, after which it publishes nothing for the whole history.
    """

    def __init__(
        self, sums: Mapping[Unit, CellSums], panel: Sequence[str], rule: DisclosureRule, *, persistent: bool
    ) -> None:
        self.sums, self.panel, self.rule = sums, tuple(panel), rule
        self.persistent = persistent

    def is_safe_unit(self, unit: Unit) -> bool:
        contributors, total, root = self._bound(unit)
        rule = self.rule
        return (
            contributors >= rule.min_contributors
            and 100 * root <= rule.largest_share_percent * total
            and 10_000 * total >= (_ROOT_OF_3 + 100 * rule.p_percent) * root
        )

    def is_safe_change(self, unit: Unit, earlier: EarlierDay, before: Unit) -> bool:
        if earlier.sums is None or earlier.panel != self.panel:
            return False
        if not self.persistent:
            return True
        cells = [cell for cell in self.sums if cell <= unit & before]
        if any(
            cell not in earlier.sums or earlier.sums[cell].contributors != self.sums[cell].contributors
            for cell in cells
        ):
            return False
        moved = unit ^ before
        return not moved or self.is_safe_unit(moved)

    def covers(self, hidden: Unit, cell: Unit) -> bool:
        _, total, root = self._bound(hidden)
        return 100 * (total - root) >= (100 + self.rule.p_percent) * self.measure_unit(cell)

    def measure_unit(self, unit: Unit) -> int:
        return self._bound(unit)[1]

    def count_reports(self, unit: Unit) -> int:
        return max((part.reports for part in self._list_parts(unit)), default=0)

    def is_empty(self, unit: Unit, earlier: Iterable[EarlierDay]) -> bool:
        days = [self.sums]
        for day in earlier:
            if day.sums is None:
                return False
            days.append(day.sums)
        return not any(sums.total for cells in days for cell, sums in cells.items() if cell & unit)

    def _bound(self, unit: Unit) -> tuple[int, int, int]:
        """Return contributors, sum, and an upper bound of the root of the squares' sum.

        Of a union of groups the root is at most the sum of theirs (Minkowski).
        """
        parts = self._list_parts(unit)
        return (
            max((part.contributors for part in parts), default=0),
            sum(part.total for part in parts),
            sum(isqrt(part.squares) + 1 for part in parts),
        )

    def _list_parts(self, unit: Unit) -> list[CellSums]:
        if unit in self.sums:
            return [self.sums[unit]]
        return [sums for cell, sums in self.sums.items() if cell < unit]


def is_safe(figures: Iterable[int], rule: DisclosureRule) -> bool:
    """Return whether the sum of these figures shows none of them.

    Enough members stand above zero, the largest has at most its share, and two members together
    that subtract their own figures stay p % above any third (the worst: the second and third
    against the largest).
    """
    sizes = sorted((size for size in figures if size > 0), reverse=True)
    if len(sizes) < max(rule.min_contributors, 3):
        return False
    total = sum(sizes)
    return (
        100 * sizes[0] <= rule.largest_share_percent * total
        and 100 * (total - sum(sizes[:3])) >= rule.p_percent * sizes[0]
    )


def round_count(count: int, base: int) -> int:
    """Return a count rounded to the nearest multiple of ``base``, a half upwards."""
    return base * ((2 * count + base) // (2 * base))


def choose_publication(
    judge: UnitJudge, groups: Mapping[str, Unit], history: Sequence[EarlierDay], *, with_total: bool = True
) -> Publication:
    """Return the publication that hides the fewest figures; of as many, one with the total.

    Then the groups of the smallest sum are hidden. Every choice is tried, in that order, so the
    work doubles with each group; a design has at most twelve.
    """
    search = _Search(judge, groups, history, with_total=with_total)
    unsafe = [name for name in sorted(groups) if not search.is_safe_atom(groups[name])]
    free = [name for name in sorted(groups) if name not in unsafe]
    for count in range(len(free) + 2):
        for total in (True, False) if with_total else (False,):
            more = count if total or not with_total else count - 1
            found = _find_choice(search, unsafe, free, more, total=total)
            if found is not None:
                return found
    return Publication(frozenset(), False, ())


def _find_choice(
    search: _Search, unsafe: Sequence[str], free: Sequence[str], count: int, *, total: bool
) -> Publication | None:
    """Return the first admissible publication that hides ``count`` safe groups besides."""
    if not 0 <= count <= len(free):
        return None
    sums = {name: search.judge.measure_unit(search.groups[name]) for name in free}
    for more in sorted(combinations(free, count), key=lambda names: (sum(sums[name] for name in names), names)):
        hidden = [*unsafe, *more]
        atoms = search.find_atoms(hidden, total=total)
        if atoms is not None:
            return Publication(frozenset(search.groups) - set(hidden), total, atoms)
    return None


class _Search:
    """The checks of one search, each made once."""

    def __init__(
        self, judge: UnitJudge, groups: Mapping[str, Unit], history: Sequence[EarlierDay], *, with_total: bool
    ) -> None:
        self.judge, self.groups, self.history = judge, groups, history
        self.with_total = with_total
        self._atoms: dict[Unit, bool] = {}
        self._changes: dict[tuple[Unit, int, Unit], bool] = {}

    def find_atoms(self, hidden: Sequence[str], *, total: bool) -> tuple[Unit, ...] | None:
        """Return what a reader can compute with these groups hidden; None where it is unsafe."""
        atoms = [unit for name, unit in sorted(self.groups.items()) if name not in hidden]
        if total and hidden:
            rest = _unite(self.groups[name] for name in hidden)
            if not self.is_safe_atom(rest):
                return None
            if not all(self.judge.covers(rest, self.groups[name]) for name in hidden):
                return None
            atoms.append(rest)
        elif self.with_total and not total and atoms:
            whole = _unite(self.groups.values())
            if not self.judge.covers_total(_unite(atoms), whole):
                return None
        for number, day in enumerate(self.history):
            for before in day.atoms:
                inside = _unite(atom for atom in atoms if atom <= before)
                if inside and not self._is_safe_change(inside, number, before):
                    return None
        return tuple(atoms)

    def is_safe_atom(self, unit: Unit) -> bool:
        """Return whether a unit is safe, alone and beside what earlier bulletins showed of it."""
        if unit not in self._atoms:
            self._atoms[unit] = self.judge.is_empty(unit, self.history) or (
                self.judge.is_safe_unit(unit)
                and all(
                    self._is_safe_change(unit, number, inside)
                    for number, day in enumerate(self.history)
                    if (inside := _unite(atom for atom in day.atoms if atom <= unit))
                )
            )
        return self._atoms[unit]

    def _is_safe_change(self, unit: Unit, number: int, before: Unit) -> bool:
        key = (unit, number, before)
        if key not in self._changes:
            self._changes[key] = self.judge.is_safe_change(unit, self.history[number], before)
        return self._changes[key]


def _sum(row: Mapping[str, int], unit: Unit) -> int:
    return sum(row.get(where, 0) for where in unit)


def _unite(units: Iterable[Unit]) -> Unit:
    return frozenset().union(*units)
