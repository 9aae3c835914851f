"""The bulletin of a day as it is published: figures by group, as canonical JSON and as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import asdict, dataclass
from datetime import date

import rfc8785

from releve.errors import Phrase
from releve.sector.openings import SectorError, compare_formats

__all__ = [
    "TOTAL",
    "Bulletin",
    "BulletinCell",
    "BulletinCorrection",
    "parse_bulletin",
    "write_bulletin_csv",
]

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
        return next(
            (cell for cell in self.cells if (cell.measure, cell.group) == (measure, group)), None
        )


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
