"""What every file format is brought to: a grid of text with the rows a user sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import Phrase, ReleveError

__all__ = ["RawGrid", "Unreadable", "strip_cells"]


@dataclass(frozen=True)
class RawGrid:
    """Cells as text, the header among them; null is an empty cell.

    ``rows[i]`` is the row of record i in the file, from 1. ``header`` is the number of cells of
    the first record, ``widths[i]`` that of record i (None where the format makes all rows equally
    wide). ``merged`` holds the first and last row of each merged range. ``comma_decimals``:
    numbers may be written with a decimal comma. ``typed`` holds the cells below the header where
    their format has types, and then ``cells`` is the header alone.
    """

    cells: pl.DataFrame
    rows: NDArray[np.int64]
    header: int
    widths: NDArray[np.int64] | None = None
    merged: tuple[tuple[int, int], ...] = ()
    comma_decimals: bool = True
    from_sheet: bool = False
    typed: pl.DataFrame | None = None


class Unreadable(ReleveError):  # noqa: N818 (never leaves the package: becomes a Fault)
    """A file or sheet that cannot be made a table; becomes one fault of it."""

    def __init__(
        self, reason: Phrase, fix: Phrase, *, row: int = 0, column: str = "", value: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.row = row
        self.column = column
        self.value = value


def strip_cells(cells: pl.DataFrame) -> pl.DataFrame:
    """Return cells without blanks around them; a cell of blanks is null."""
    if not cells.width:
        return cells
    text = pl.all().str.strip_chars()
    return cells.select(pl.when(text != "").then(text))
