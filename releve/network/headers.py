"""The header of a table: where it stands, which columns its cells mean, and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from releve.errors import Phrase
from releve.network.faults import Fault, find_closest
from releve.network.raw_grid import RawGrid, Unreadable
from releve.network.spellings import fold
from releve.network.table_words import (
    DATE_COLUMN,
    TableForm,
    find_header_unit,
    strip_brackets,
)

__all__ = ["Header", "find_header", "join_column_names"]

_HEADER_SEARCHED = 12
"""How many rows are looked at for a header that is not in the first one."""


def find_header(form: TableForm, grid: RawGrid) -> list[str]:
    """Return the cells of the header, empty where it has no name; Unreadable without one."""
    head = grid.cells.head(_HEADER_SEARCHED).rows()
    found = [{form.find_column(cell or "") for cell in row} - {None} for row in head]
    best = max(range(len(found)), key=lambda i: (len(found[i]), -i))
    if best > 0 and len(found[0]) < 2 <= len(found[best]):
        row = int(grid.rows[best])
        if any(low <= grid.rows[0] <= high or low <= row <= high for low, high in grid.merged):
            reason = Phrase("merged cells at the top; the header stands in row {0}", row)
            fix = Phrase("unmerge them and delete the rows above the header")
        else:
            reason = Phrase("the header stands in row {0}, not in the first one", row)
            fix = Phrase("delete the rows above the header")
        raise Unreadable(reason, fix, row=int(grid.rows[0]))
    if not found[best]:
        reason = Phrase("the first row is not a header: no cell is the name of a column")
        raise Unreadable(
            reason,
            Phrase("write the columns {0} there", join_column_names(form)),
            row=int(grid.rows[0]),
        )
    if grid.rows[0] > 1 and grid.from_sheet:
        reason = Phrase("the header is not in the first row: empty rows stand above it")
        raise Unreadable(reason, Phrase("delete the rows above the header"), row=int(grid.rows[0]))
    if any(low <= grid.rows[0] <= high for low, high in grid.merged):
        reason = Phrase("the header has merged cells")
        raise Unreadable(reason, Phrase("unmerge them; each column has its own name"), row=1)
    return [cell or "" for cell in head[0][: grid.header]]


@dataclass(frozen=True)
class Header:
    """The first row of a table, cell by cell."""

    form: TableForm
    cells: list[str]

    @cached_property
    def columns(self) -> list[str | None]:
        """Return the column that each cell means, None where it is none.

        A date alone, beside no start, is the start.
        """
        found = [self.form.find_column(cell) if cell else None for cell in self.cells]
        if DATE_COLUMN in found and "start" not in found:
            found[found.index(DATE_COLUMN)] = "start"
        return found

    @property
    def language(self) -> str:
        """Return ``fr`` where more cells are French alone than English alone."""
        french = english = 0
        for cell, name in zip(self.cells, self.columns, strict=True):
            if name is not None:
                naming = self.form.names[name]
                bare = strip_brackets(cell)
                french += naming.is_french(bare)
                english += naming.is_english(bare) or fold(bare) == fold(name) != fold(naming.fr)
        return "fr" if french > english else "en"

    def list_faults(self, grid: RawGrid) -> list[Fault]:
        """Return the unknown, repeated, unnamed and missing columns, each cause once."""
        table, row = self.form.table, int(grid.rows[0])
        columns = {column.name: column for column in self.form.columns}
        faults: list[Fault] = []
        absent = [name for name in columns if name not in self.columns]
        excused: set[str] = set()
        unnamed = 0
        for i, (cell, name) in enumerate(zip(self.cells, self.columns, strict=True)):
            if not cell:
                if _is_filled(grid, i):
                    unnamed += 1
                    reason = Phrase(
                        "the header of column {0} is empty but the column is not", i + 1
                    )
                    fix: Phrase = Phrase("name the column or delete it")
                    faults.append(Fault(table, row, "", "", reason, fix))
            elif name is None:
                meant = self._find_meant(cell, absent)
                excused |= {meant} if meant else set()
                fix = (
                    Phrase("name it {0}", self.form.name_column(meant))
                    if meant
                    else Phrase("delete it; the columns are {0}", self._join_names())
                )
                reason = Phrase("is not a column of the table")
                faults.append(Fault(table, row, cell, "", reason, fix))
            elif name in self.columns[:i]:
                reason = Phrase("the column stands twice")
                faults.append(Fault(table, row, name, "", reason, Phrase("keep one")))
            else:
                faults += self._find_unit_fault(row, cell, name)
        missing = [name for name in absent if columns[name].required and name not in excused]
        for name in missing[unnamed:]:
            column = columns[name]
            said = column.doc if isinstance(column.doc, Phrase) else Phrase(column.doc)
            fix = Phrase("add it ({0}), like {1}", said, column.example)
            reason = Phrase("the required column is missing")
            faults.append(Fault(table, row, name, "", reason, fix))
        return faults

    def _find_meant(self, cell: str, absent: list[str]) -> str | None:
        spellings = {
            fold(text): name
            for name in absent
            for text in (name, *self.form.names[name].spellings())
        }
        return spellings.get(find_closest(fold(cell), spellings) or "")

    def _find_unit_fault(self, row: int, cell: str, name: str) -> list[Fault]:
        stated = find_header_unit(cell)
        unit = next((c.unit for c in self.form.columns if c.name == name), "")
        if stated is None or not unit or stated == unit:
            return []
        reason = Phrase("the column is headed in {0}, but is read in {1}", stated, unit)
        fix = Phrase("convert its values to {0} and write {0} in the header", unit)
        return [Fault(self.form.table, row, name, cell, reason, fix)]

    def _join_names(self) -> str:
        if self.language == "en":
            return join_column_names(self.form)
        names = (column.name for column in self.form.columns)
        return ", ".join(self.form.names[n].label(self.language) for n in names)


def _is_filled(grid: RawGrid, i: int) -> bool:
    column = grid.cells[1:].get_column(grid.cells.columns[i])
    return column.null_count() < len(grid.rows) - 1


def join_column_names(form: TableForm) -> str:
    """Return the names of a table's columns in a row."""
    return ", ".join(column.name for column in form.columns)
