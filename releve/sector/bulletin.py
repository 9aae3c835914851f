"""The bulletin of a day: the panel's contributions as totals in which no member can be read.

The same design, contributions, corrections and earlier bulletins give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from releve.errors import Phrase
from releve.sector.bulletin_format import TOTAL, Bulletin, BulletinCell, BulletinCorrection
from releve.sector.contribution import (
    ALL,
    MEASURES,
    Contribution,
    ContributionError,
    hash_contribution,
)
from releve.sector.mask import NUMBERS, unmask_sums
from releve.sector.openings import SectorError
from releve.sector.panel import BulletinDesign
from releve.sector.suppression import (
    CellSums,
    EarlierDay,
    MaskedJudge,
    PlainJudge,
    Publication,
    Unit,
    UnitJudge,
    choose_publication,
    is_safe,
    round_count,
)

__all__ = [
    "ClosedDay",
    "build_bulletin",
    "check_contribution",
    "list_cells",
    "sum_groups",
]

_Figures = dict[str, dict[str, int]]
"""Member -> destination -> count."""


@dataclass(frozen=True)
class ClosedDay:
    """An earlier bulletin with the design and the contributions that it was made of."""

    design: BulletinDesign
    contributions: tuple[Contribution, ...]
    bulletin: Bulletin


def check_contribution(sent: Contribution, design: BulletinDesign) -> None:
    """Raise ContributionError unless a contribution is one of this design's."""
    if sent.design != design.digest:
        raise ContributionError("panel", Phrase(
            "the contribution was made for another panel than that of {0}: take the design of the"
            " month from the clerk and make it again", design.month,
        ))  # fmt: skip
    if sent.association != design.association or not design.holds(sent.day):
        raise ContributionError("panel", Phrase(
            "the design is of {0} in {1}; the contribution of {2} is not", design.association,
            design.month, sent.day,
        ))  # fmt: skip
    if sent.member not in {member.id for member in design.members}:
        raise ContributionError("panel", Phrase(
            "{0} is not in the panel of {1}: a joiner waits for the next month", sent.member,
            design.month,
        ))  # fmt: skip
    if bool(sent.masked) != (design.mode == "masked"):
        raise ContributionError("panel", Phrase("the panel's mode is {0}", design.mode))
    expected = NUMBERS * len(list_cells(design))
    if sent.masked and len(sent.masked) != expected:
        raise ContributionError("format", Phrase(
            "expected {0} masked numbers, found {1}", expected, len(sent.masked)
        ))  # fmt: skip
    for cell in sent.figures:
        if design.find_group(cell) is None:
            raise ContributionError("panel", Phrase(
                "{0} is in no group of the design: leave it out until the next month", cell[1]
            ))  # fmt: skip


def list_cells(design: BulletinDesign) -> list[tuple[str, str]]:
    """Return the cells of a bulletin in their order: (measure, group)."""
    return [
        (row.id, group)
        for row in MEASURES.values()
        for group in ([*design.groups, TOTAL] if row.by_destination else [ALL])
    ]


def sum_groups(sent: Contribution, design: BulletinDesign) -> list[int | None]:
    """Return a member's own figures in the order of :func:`list_cells`: what it masks.

    None where it reports no figure.
    """
    found: list[int | None] = []
    for measure, group in list_cells(design):
        unit = _find_unit(design, group)
        counts = [
            n for (name, where), n in sent.figures.items() if name == measure and where in unit
        ]
        found.append(sum(counts) if counts else None)
    return found


def build_bulletin(
    design: BulletinDesign,
    day: date,
    contributions: Sequence[Contribution],
    history: Sequence[ClosedDay] = (),
    corrections: Sequence[Contribution] = (),
) -> Bulletin:
    """Return the bulletin of a day; at most one contribution of each member of the panel.

    ``history`` are the bulletins before it; those of the last days of the rule count. SectorError
    in masked mode where a member's contribution is missing.
    """
    for sent in contributions:
        check_contribution(sent, design)
        if sent.day != day:
            raise SectorError(f"a contribution of {sent.day} is not of {day}")
    if len({sent.member for sent in contributions}) != len(contributions):
        raise SectorError("a member has one contribution a day: choose the last one")
    first = day - timedelta(days=design.rule.disclosure.history)
    recent = [one for one in history if first <= one.bulletin.day < day]
    chosen = _choose_all(design, contributions, recent)
    cells = []
    for measure, group in list_cells(design):
        judge, publication = chosen[measure]
        shown = publication.total if group == TOTAL else group in publication.groups
        linked = MEASURES[measure].with_measure
        shown = shown and (not linked or bool(chosen[linked][1].groups))
        cells += _state_cell(judge, design, measure, group) if shown else [
            BulletinCell(measure, group, None)
        ]  # fmt: skip
    return Bulletin(
        design.association,
        day,
        design.digest,
        design.mode,
        len(design.members),
        tuple(sorted(hash_contribution(sent.text) for sent in contributions)),
        tuple(cells),
        tuple(_restate(corrections, history)),
    )


def _state_cell(
    judge: UnitJudge, design: BulletinDesign, measure: str, group: str
) -> list[BulletinCell]:
    """Return the cell of a figure that may be known; none where it is not reported.

    A zero is stated where enough members sent it. With fewer, it would say no more than that a
    member is there, which has nothing.
    """
    rule, unit = design.rule.disclosure, _find_unit(design, group)
    value = judge.measure_unit(unit)
    if not value and judge.count_reports(unit) < rule.min_contributors:
        return []
    return [BulletinCell(measure, group, round_count(value, rule.rounding))]


def _choose_all(
    design: BulletinDesign, contributions: Sequence[Contribution], history: Sequence[ClosedDay]
) -> dict[str, tuple[UnitJudge, Publication]]:
    """Return what is published of each measure, with the judge that knows its figures."""
    found: dict[str, tuple[UnitJudge, Publication]] = {}
    sums = _unmask(design, contributions) if design.mode == "masked" else None
    for row in MEASURES.values():
        judge: UnitJudge
        rule = design.rule.disclosure
        if sums is None:
            judge = PlainJudge(_gather(contributions, row.id), rule, persistent=row.persistent)
        else:
            panel = [member.id for member in design.members]
            judge = MaskedJudge(sums[row.id], panel, rule, persistent=row.persistent)
        groups = (
            {name: frozenset(group) for name, group in design.groups.items()}
            if row.by_destination
            else {ALL: frozenset([ALL])}
        )
        earlier = [_recall(one, row.id) for one in history]
        found[row.id] = (
            judge,
            choose_publication(judge, groups, earlier, with_total=row.by_destination),
        )
    return found


def _unmask(
    design: BulletinDesign, contributions: Sequence[Contribution]
) -> dict[str, dict[Unit, CellSums]]:
    """Return measure -> unit -> sums; the total's is of the members' own totals."""
    masked = {sent.member: sent.masked for sent in contributions}
    opened = unmask_sums(masked, [member.id for member in design.members])
    found: dict[str, dict[Unit, CellSums]] = {measure: {} for measure in MEASURES}
    for (measure, group), sums in zip(list_cells(design), opened, strict=True):
        found[measure].setdefault(_find_unit(design, group), sums)
    return found


def _find_unit(design: BulletinDesign, group: str) -> Unit:
    if group == ALL:
        return frozenset([ALL])
    if group == TOTAL:
        return frozenset(where for inside in design.groups.values() for where in inside)
    return frozenset(design.groups[group])


def _gather(contributions: Sequence[Contribution], measure: str) -> _Figures:
    return {
        sent.member: {where: n for (name, where), n in sent.figures.items() if name == measure}
        for sent in contributions
    }


def _recall(one: ClosedDay, measure: str) -> EarlierDay:
    """Return what a measure of an earlier bulletin lets a reader compute."""
    design = one.design
    shown = set(_list_known_groups(one, measure))
    atoms = [_find_unit(design, group) for group in sorted(shown - {TOTAL})]
    if TOTAL in shown:
        rest = _find_unit(design, TOTAL).difference(*atoms)
        atoms += [rest] if rest else []
    if design.mode == "plain":
        return EarlierDay(tuple(atoms), _gather(one.contributions, measure))
    panel = tuple(member.id for member in design.members)
    sums = _unmask(design, one.contributions)[measure]
    return EarlierDay(tuple(atoms), {}, panel, sums)


def _list_known_groups(one: ClosedDay, measure: str) -> Iterator[str]:
    """Yield the groups whose figure a bulletin lets be known: one not reported is known as zero."""
    for name, group in list_cells(one.design):
        cell = one.bulletin.find_cell(name, group)
        if name == measure and (cell is None or cell.value is not None):
            yield group


def _restate(
    corrections: Sequence[Contribution], history: Sequence[ClosedDay]
) -> Iterator[BulletinCorrection]:
    """Yield what corrections make of earlier bulletins, by day.

    New values stand only where the differences, as well as the new figures, show no member's.
    """
    days = {one.bulletin.day: one for one in history}
    for day in sorted({sent.day for sent in corrections}):
        if day not in days:
            raise SectorError(f"no bulletin of {day} can be corrected: none was published")
        sent = [one for one in corrections if one.day == day]
        digests = tuple(sorted(hash_contribution(one.text) for one in sent))
        yield BulletinCorrection(day, digests, _restate_cells(days[day], sent))


def _restate_cells(
    closed: ClosedDay, corrections: Sequence[Contribution]
) -> tuple[BulletinCell, ...]:
    design, rule = closed.design, closed.design.rule.disclosure
    known = {sent.member for sent in closed.contributions}
    if design.mode == "masked" or not {sent.member for sent in corrections} <= known:
        return ()
    latest = {sent.member: sent for sent in (*closed.contributions, *corrections)}
    cells: list[BulletinCell] = []
    for measure in MEASURES:
        judge = PlainJudge(_gather(list(latest.values()), measure), rule, persistent=True)
        for group in _list_known_groups(closed, measure):
            unit = _find_unit(design, group)
            before = _sum_by_member(closed.contributions, measure, unit)
            after = _sum_by_member(list(latest.values()), measure, unit)
            changes = [abs(after[member] - before[member]) for member in before]
            if any(changes) and not (is_safe(changes, rule) and is_safe(after.values(), rule)):
                return ()
            cells += _state_cell(judge, design, measure, group)
    return tuple(cells)


def _sum_by_member(
    contributions: Sequence[Contribution], measure: str, unit: Unit
) -> Mapping[str, int]:
    return {
        sent.member: sum(sent.figures.get((measure, where), 0) for where in unit)
        for sent in contributions
    }
