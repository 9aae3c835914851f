"""Corrections of an operator's files: what the fixes of faults propose, made in the cells before they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import polars as pl

from releve.network.columns import bare_type
from releve.network.faults import Correction, Fault
from releve.network.folder_reader import RawTable
from releve.network.moments import UTC, parse_moment, zone

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_SEPARATORS = re.compile(r"([|,;\n])")
_OWNER = "programme"
"""The column of the history that says whose its times are."""


def list_corrections(faults: Iterable[Fault]) -> tuple[Correction, ...]:
    """Return what the fixes of faults propose, each once."""
    return tuple(dict.fromkeys(fault.correction for fault in faults if fault.correction is not None))


def correct_cells(raw: RawTable, corrections: Sequence[Correction]) -> RawTable:
    """Return a table of text with corrections made; its rows stay where they are in the file."""
    cells = raw.cells
    for one in corrections:
        if one.table != raw.form.table or one.column not in cells.columns:
            continue
        texts = cells[one.column].to_list()
        if any(column.name == one.column and bare_type(column) is datetime for column in raw.form.columns):
            owners = cells[_OWNER].to_list()
            written = [
                _set_zone(text, one.written) if owner == one.found else text
                for text, owner in zip(texts, owners, strict=True)
            ]
        else:
            written = [_write_word(text, one) for text in texts]
        cells = cells.with_columns(pl.Series(one.column, written, pl.String))
    return replace(raw, cells=cells)


def _write_word(text: str | None, one: Correction) -> str | None:
    """Return a cell with the word in place of the wrong one: the whole cell, or one of its values."""
    if text is None or one.found not in text:
        return text
    if text == one.found:
        return one.written
    pieces = _SEPARATORS.split(text)
    return "".join(one.written if piece.strip() == one.found else piece for piece in pieces)


def _set_zone(text: str | None, name: str) -> str | None:
    """Return a time that has no offset with that of a zone; one that the clocks skip or repeat stays as it is."""
    found = parse_moment(text or "")
    if not isinstance(found, tuple) or found[0].tzinfo is not None or not found[1]:
        return text
    offsets = {find_zone_offset(name, found[0].replace(fold=fold)) for fold in (0, 1)}
    if len(offsets) > 1:
        return text
    moment: datetime = found[0].replace(tzinfo=timezone(offsets.pop())).astimezone(UTC)
    return moment.isoformat()


def find_zone_offset(name: str, at: datetime) -> timedelta:
    """Return how far a zone, or an offset like ``+03:00``, is ahead of UTC at an instant, or at a local time."""
    if match := _OFFSET.fullmatch(name):
        ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return -ahead if match[1] == "-" else ahead
    here = at.astimezone(zone(name)) if at.tzinfo else at.replace(tzinfo=zone(name))
    return here.utcoffset() or timedelta()
