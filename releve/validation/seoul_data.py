"""The published data of the Seoul call centre: the desks of a floor and the onsets by day."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from releve.errors import ReleveError
from releve.validation.seoul import Desk

__all__ = ["SeoulDataError", "read_floor"]

_SEATS, _ONSETS = "park2020_seoul_seats.csv", "park2020_seoul_onsets.csv"
_DAYS = 40


class SeoulDataError(ReleveError, ValueError):
    """The data cannot be read; the text names the file and what is wrong."""


def read_floor(folder: Path) -> tuple[list[Desk], list[int]]:
    """Read the desks, and the onsets of the 11th floor by day from the first one.

    SeoulDataError names the file, or the column or value that is missing.
    """
    try:
        with (folder / _SEATS).open(encoding="utf-8", newline="") as file:
            desks = [
                Desk(
                    float(row["x_pitch"]), float(row["y_pitch"]), row["region"], row["case"] == "1"
                )
                for row in csv.DictReader(file)
            ]
        with (folder / _ONSETS).open(encoding="utf-8", newline="") as file:
            days = [
                (date.fromisoformat(row["onset_date"]), int(row["floor11"]))
                for row in csv.DictReader(file)
            ]
    except OSError as error:
        raise SeoulDataError(f"{error.filename}: {error.strerror}") from None
    except (KeyError, ValueError) as error:
        raise SeoulDataError(f"{folder}: a column or value is missing: {error}") from None
    first = min(day for day, count in days if count > 0)
    onsets = [0] * _DAYS
    for day, count in days:
        if count > 0 and (day - first).days < _DAYS:
            onsets[(day - first).days] += count
    return desks, onsets
