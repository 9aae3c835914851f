"""The bulletin of a day: the panel's contributions as totals in which no member can be read.

The same design, contributions, corrections and earlier bulletins give the same bytes, as canonical
JSON and as CSV.

Masked contributions show the clerk sums alone. Each pair of members shares a secret (X25519) from
which both draw the same pad for a day (HKDF, ChaCha20); one adds it, the other subtracts it, modulo
2^64, so the pads cancel in the sum of the whole panel. Each figure x goes as four numbers: 1 where
there is one, 1 where x > 0, x, and x²; four zeros where the member has none. A pad is used once:
two closings of a day with other lists, or two contributions under one pad, would show a member's
figures, so a member's software refuses the second.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import rfc8785
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from releve.errors import Phrase
from releve.plugins.sector.engine.contribution import ALL, MEASURES, Contribution, ContributionError, hash_contribution
from releve.plugins.sector.engine.disclosure import (
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
from releve.plugins.sector.engine.needs import SectorError, compare_formats
from releve.plugins.sector.engine.panel import BulletinDesign

FORMAT = "releve bulletin 1"
TAG = b"releve bulletin 1\n"
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class BulletinCell:
    """A figure of the bulletin, rounded; None = hidden."""

    measure: str
    group: str
    """A group of the design, ``total``, or ``all`` where there are no groups."""
    value: int | None


@dataclass(frozen=True)
class BulletinCorrection:
    """Corrections of an earlier day; ``cells`` are empty where they would show a member's."""

    day: date
    contributions: tuple[str, ...]
    cells: tuple[BulletinCell, ...]


@dataclass(frozen=True)
class Bulletin:
    """What is published of a day; ``contributions`` are the digests of those that are in it.

    A figure that is not reported has no cell: no member sent one, or fewer than the rule's least
    number of contributors sent zero.
    """

    association: str
    day: date
    design: str
    mode: str
    members: int
    contributions: tuple[str, ...]
    cells: tuple[BulletinCell, ...]
    corrections: tuple[BulletinCorrection, ...] = ()

    @property
    def text(self) -> str:
        """The canonical JSON."""
        return rfc8785.dumps(
            {
                "association": self.association,
                "cells": [asdict(cell) for cell in self.cells],
                "contributions": list(self.contributions),
                "corrections": [
                    {**asdict(one), "day": one.day.isoformat(),
                     "contributions": list(one.contributions),
                     "cells": [asdict(cell) for cell in one.cells]}
                    for one in self.corrections
                ],
                "day": self.day.isoformat(),
                "design": self.design,
                "format": FORMAT,
                "members": self.members,
                "mode": self.mode,
            }
        ).decode()  # fmt: skip

    @property
    def digest(self) -> str:
        """What the clerk's ledger holds of it."""
        return hashlib.sha256(TAG + self.text.encode()).hexdigest()

    def find_cell(self, measure: str, group: str) -> BulletinCell | None:
        """Return a cell; None where the figure is not reported."""
        return next((cell for cell in self.cells if (cell.measure, cell.group) == (measure, group)), None)


def parse_bulletin(text: str) -> Bulletin:
    """Return the bulletin that a text holds; SectorError where it holds none."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise SectorError(compare_formats(FORMAT, found["format"]))
        read = Bulletin(
            found["association"],
            date.fromisoformat(found["day"]),
            found["design"],
            found["mode"],
            found["members"],
            tuple(found["contributions"]),
            tuple(BulletinCell(**cell) for cell in found["cells"]),
            tuple(
                BulletinCorrection(
                    date.fromisoformat(one["day"]),
                    tuple(one["contributions"]),
                    tuple(BulletinCell(**cell) for cell in one["cells"]),
                )
                for one in found["corrections"]
            ),
        )
    except SectorError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise SectorError(Phrase("not a bulletin: {0}", str(error))) from error
    if read.text != text:
        raise SectorError(Phrase("a bulletin is canonical JSON, with its own fields and no other"))
    return read


def write_bulletin_csv(bulletin: Bulletin) -> str:
    """Return the cells as CSV; a hidden value is empty."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["day", "measure", "group", "value"])
    for cell in bulletin.cells:
        shown = "" if cell.value is None else cell.value
        rows.writerow([bulletin.day.isoformat(), cell.measure, cell.group, shown])
    return out.getvalue()


MODULUS = 2**64
_INFO = b"releve mask 1\n"
_BYTES = 8
NUMBERS = 4
"""Numbers of a figure: whether there is one, whether above zero, the figure, its square."""


def mask_figures(
    figures: Sequence[int | None], member: str, key: X25519PrivateKey, panel: Mapping[str, str], closing: str
) -> list[int]:
    """Return a member's masked numbers, :data:`NUMBERS` a figure, each below 2^64.

    A figure is None where the member reports none. ``panel`` is member -> public mask key (hex) of
    the whole panel, ``closing`` the digest of the day and the list, see :func:`hash_closing`.
    SectorError where the panel has another key of the member than its own.
    """
    own = key.public_key().public_bytes_raw().hex()
    if panel.get(member) != own:
        raise SectorError(f"the panel has another mask key of {member}: register the current one")
    masked = [number for x in figures for number in _count_figure(x)]
    for other, public in sorted(panel.items()):
        if other != member:
            sign = 1 if member < other else -1
            pad = _draw_pad(key, public, closing, (member, other), len(masked))
            masked = [(value + sign * p) % MODULUS for value, p in zip(masked, pad, strict=True)]
    return masked


def unmask_sums(masked: Mapping[str, Sequence[int]], panel: Sequence[str]) -> list[CellSums]:
    """Return the sums of each figure over the whole panel; SectorError where one is missing."""
    missing = sorted(set(panel) - set(masked))
    if missing or set(masked) != set(panel):
        raise SectorError(
            f"masks open with the whole panel alone; missing: {', '.join(missing) or 'none'}: the"
            " bulletin of this day cannot be made"
        )
    lengths = {len(row) for row in masked.values()}
    if len(lengths) != 1 or (count := lengths.pop()) % NUMBERS:
        raise SectorError("the masked contributions of a day have the same number of figures")
    sums = [sum(row[i] for row in masked.values()) % MODULUS for i in range(count)]
    return [CellSums(*sums[i : i + NUMBERS]) for i in range(0, count, NUMBERS)]


def hash_closing(day: str, design: str, members: Sequence[str]) -> str:
    """Return the digest of a closing: the day, the design and the list of members."""
    parts = [day, design, *sorted(members)]
    text = "".join(f"{len(part)} {part}\n" for part in parts)
    return hashlib.sha256(b"releve closing 1\n" + text.encode()).hexdigest()


def check_one_closing(known: str, asked: str) -> None:
    """Raise ContributionError unless the closing asked for is the one already answered that day."""
    if known and known != asked:
        raise ContributionError("second_closing", Phrase(
            "a second closing of the same day, with another list, is refused: it would show a"
            " member's figures; ask the association's clerk why"
        ))  # fmt: skip


def _count_figure(x: int | None) -> tuple[int, ...]:
    return (0,) * NUMBERS if x is None else (1, int(x > 0), x, x * x)


def _draw_pad(key: X25519PrivateKey, public: str, closing: str, pair: tuple[str, str], count: int) -> list[int]:
    """Return the numbers that the pair shares for a closing."""
    secret = key.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    info = _INFO + f"{closing}\n{min(pair)}\n{max(pair)}".encode()
    pad_key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret)
    stream = Cipher(ChaCha20(pad_key, bytes(16)), mode=None).encryptor().update(bytes(_BYTES * count))
    return [int.from_bytes(stream[i : i + _BYTES], "little") for i in range(0, len(stream), _BYTES)]


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
        raise ContributionError(
            "panel",
            Phrase("{0} is not in the panel of {1}: a joiner waits for the next month", sent.member, design.month),
        )
    if bool(sent.masked) != (design.mode == "masked"):
        raise ContributionError("panel", Phrase("the panel's mode is {0}", design.mode))
    expected = NUMBERS * len(list_cells(design))
    if sent.masked and len(sent.masked) != expected:
        raise ContributionError("format", Phrase("expected {0} masked numbers, found {1}", expected, len(sent.masked)))
    for cell in sent.figures:
        if design.find_group(cell) is None:
            raise ContributionError(
                "panel", Phrase("{0} is in no group of the design: leave it out until the next month", cell[1])
            )


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
        counts = [n for (name, where), n in sent.figures.items() if name == measure and where in unit]
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
        cells += _state_cell(judge, design, measure, group) if shown else [BulletinCell(measure, group, None)]
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


def _state_cell(judge: UnitJudge, design: BulletinDesign, measure: str, group: str) -> list[BulletinCell]:
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
        found[row.id] = (judge, choose_publication(judge, groups, earlier, with_total=row.by_destination))
    return found


def _unmask(design: BulletinDesign, contributions: Sequence[Contribution]) -> dict[str, dict[Unit, CellSums]]:
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


def _restate(corrections: Sequence[Contribution], history: Sequence[ClosedDay]) -> Iterator[BulletinCorrection]:
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


def _restate_cells(closed: ClosedDay, corrections: Sequence[Contribution]) -> tuple[BulletinCell, ...]:
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


def _sum_by_member(contributions: Sequence[Contribution], measure: str, unit: Unit) -> Mapping[str, int]:
    return {sent.member: sum(sent.figures.get((measure, where), 0) for where in unit) for sent in contributions}
