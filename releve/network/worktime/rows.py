"""Working time as dated rows: what a row is, those that ship, an operator's own, which bind a day.

A row states one parameter of one country (that of the site where a person works): a most or a least,
from when to when, its source and how sure that is. Rows of house policy stand in where a country has
none that forbids; an operator's own rows tighten those of the law and replace those of the house.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml

from releve.errors import BilingualPhrase, NumberPhrase, Phrase, ReleveError
from releve.network.rows import Shift

ANY = "ANY"
"""The country of house policy."""
FORBID, COST, WARN = STRENGTHS = ("forbid", "cost", "warn")
"""What a row does: no plan breaks it; it is paid for; it is to be looked at."""
POLICY, OWN = "policy", "own"
CONFIDENCES = ("sure", "likely", "unsure", POLICY, OWN)
"""Of a row: its text was read; a secondary or older text was; none was; it is ours; the operator's."""


class WorkRowError(ReleveError, ValueError):
    """A row of working time that is not valid; the message says what was expected and found."""


@dataclass(frozen=True, slots=True)
class WorkParameter:
    """What a row can state. ``most``: its value is an upper limit, else a lower one.

    ``found`` says what was found against the limit: {0} and {1} are numbers.
    """

    id: str
    label: Phrase
    unit: str
    most: bool
    found: Phrase

    def is_looser(self, value: float, than: float) -> bool:
        """Return whether a limit allows what another forbids."""
        return value > than if self.most else value < than


PARAMETERS: dict[str, WorkParameter] = {
    row.id: row
    for row in (
        WorkParameter(
            "day_hours", Phrase("most hours of work in a day"), "h", True,
            Phrase("{0} h of work in a day, at most {1} h"),
        ),
        WorkParameter(
            "week_hours", Phrase("most hours of work in a week"), "h", True,
            Phrase("{0} h of work in a week, at most {1} h"),
        ),
        WorkParameter(
            "contract_share", Phrase("most hours of a week, as a share of the contract's"), "share", True,
            Phrase("{0} times the hours of the contract in a week, at most {1}"),
        ),
        WorkParameter(
            "day_span", Phrase("longest day from its first start to its last end"), "h", True,
            Phrase("{0} h from the first start of a day to its last end, at most {1} h"),
        ),
        WorkParameter(
            "daily_rest", Phrase("least rest in a row within the 24 hours from each start"), "h", False,
            Phrase("{0} h of rest within 24 h, at least {1} h"),
        ),
        WorkParameter(
            "weekly_rest", Phrase("least rest in a row in a week"), "h", False,
            Phrase("{0} h of rest in a row in a week, at least {1} h"),
        ),
        WorkParameter(
            "free_days", Phrase("least days of a week without work, midnight to midnight"), "days", False,
            Phrase("{0} days of a week without work, at least {1}"),
        ),
        WorkParameter(
            "days_week", Phrase("most days of work in a week"), "days", True,
            Phrase("{0} days of work in a week, at most {1}"),
        ),
        WorkParameter(
            "days_row", Phrase("most days of work in a row"), "days", True,
            Phrase("{0} days of work in a row, at most {1}"),
        ),
        WorkParameter(
            "night_hours", Phrase("most hours of a shift with night work"), "h", True,
            Phrase("{0} h of work in a shift with night work, at most {1} h"),
        ),
        WorkParameter(
            "break_minutes", Phrase("least minutes of break in a long shift"), "min", False,
            Phrase("{0} min of break, at least {1} min"),
        ),
        WorkParameter(
            "notice_days", Phrase("least days of notice of other hours"), "days", False,
            Phrase("{0} days of notice of other hours, at least {1}"),
        ),
        WorkParameter(
            "home_agreement", Phrase("work at home by agreement alone (1 = yes)"), "", False,
            Phrase("{0} agreements to work at home, at least {1}"),
        ),
    )
}  # fmt: skip
"""The closed vocabulary of parameters."""


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One dated row; ``first`` and ``last`` are days of the site, None without an end.

    ``rolling``: a week is any seven days in a row, not Monday to Sunday. ``weeks`` over which hours
    are averaged. Of night work: the ``window`` ("21:00-06:00"), the ``least_hours`` inside it that
    make a night, and from how many ``nights`` a week it binds. ``after_hours`` of work a break is
    due. ``decides``: on which ground, and by whom, it may be loosened.
    """

    id: str
    country: str
    parameter: str
    value: float
    strength: str
    confidence: str
    source: str
    text: str
    first: date | None = None
    last: date | None = None
    rolling: bool = False
    weeks: int = 1
    window: str = ""
    least_hours: float = 0.0
    nights: int = 1
    after_hours: float = 0.0
    decides: str = Phrase("A named manager of the operator: it is house policy.")

    def __post_init__(self) -> None:
        require = WorkRowError.require
        require(self.parameter in PARAMETERS, f"{self.id}: a parameter of {', '.join(PARAMETERS)}", self.parameter)
        require(self.strength in STRENGTHS, f"{self.id}: a strength of {', '.join(STRENGTHS)}", self.strength)
        require(self.confidence in CONFIDENCES, f"{self.id}: one of {', '.join(CONFIDENCES)}", self.confidence)
        require(self.value >= 0 and self.weeks >= 1, f"{self.id}: a value of 0 or more", self.value)
        night = self.parameter == "night_hours"
        require(not night or parse_window(self.window) is not None, f"{self.id}: a window 21:00-06:00", self.window)

    @property
    def kind(self) -> WorkParameter:
        return PARAMETERS[self.parameter]

    def binds_on(self, day: date) -> bool:
        """Return whether the row is in force on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def is_broken_by(self, found: float) -> bool:
        """Return whether what was found is beyond the limit."""
        return found > self.value + HAIR if self.kind.most else found < self.value - HAIR

    def describe(self, found: float) -> Phrase:
        """Return what was found against the limit, in a sentence."""
        return self.kind.found.with_params(_number(found), _number(self.value))


HAIR = 1e-6
_MINUTE = timedelta(minutes=1)


class WorkPeriod(NamedTuple):
    """Work from ``start`` to ``end``, in UTC, with a break inside it; without one both are None."""

    start: datetime
    end: datetime
    break_start: datetime | None = None
    break_end: datetime | None = None

    @classmethod
    def from_shift(cls, shift: Shift) -> WorkPeriod:
        """Return a shift with its break in the middle, on a whole minute."""
        if not shift.break_minutes:
            return cls(shift.start, shift.end)
        length = timedelta(minutes=shift.break_minutes)
        first = shift.start + (shift.end - shift.start - length) / 2 // _MINUTE * _MINUTE
        return cls(shift.start, shift.end, first, first + length)


def _number(value: float) -> NumberPhrase:
    rounded = round(value, 2)
    return NumberPhrase(rounded, 0 if rounded == int(rounded) else 2)


def parse_window(text: str) -> tuple[time, time] | None:
    """Return the two times of a window like ``21:00-06:00``; None for any other text."""
    try:
        first, last = (time.fromisoformat(f"{part.strip():0>5}") for part in text.split("-"))
    except ValueError:
        return None
    return None if first == last else (first, last)


def read_rows(text: str) -> tuple[WorkRow, ...]:
    """Return the rows of a YAML text; WorkRowError for one that is not valid."""
    found = tuple(_build_row(raw) for raw in yaml.safe_load(text))
    ids = [row.id for row in found]
    WorkRowError.require(len(set(ids)) == len(ids), "an id of its own for each row", sorted(ids))
    return found


def _build_row(raw: dict[str, Any]) -> WorkRow:
    values = dict(raw)
    values["text"] = BilingualPhrase(values.pop("en"), values.pop("fr"))
    if "decides_en" in values:
        values["decides"] = BilingualPhrase(values.pop("decides_en"), values.pop("decides_fr"))
    values["first"], values["last"] = values.pop("from", None), values.pop("to", None)
    values["value"] = float(values["value"])
    return WorkRow(**values)


@cache
def load_shipped_rows() -> tuple[WorkRow, ...]:
    """Return the rows that the product ships, country by country, those of house policy last."""
    return read_rows(resources.files("releve.network.worktime").joinpath("rows.yaml").read_text("utf-8"))


class WorkRules:
    """The rows of a country, an operator's own among them; immutable once made."""

    def __init__(self, country: str, rows: Iterable[WorkRow]) -> None:
        self.country = country
        self.rows = tuple(row for row in rows if row.country in (country, ANY))
        self._in_force: dict[date, frozenset[str]] = {}

    def list_in_force(self, day: date) -> tuple[WorkRow, ...]:
        """Return the rows that bind on a day.

        A row of house policy is left out where the operator has a row of its own for the parameter,
        or the law one that forbids (or any, where the house's only warns).
        """
        ids = self.find_ids(day)
        return tuple(row for row in self.rows if row.id in ids)

    def find_ids(self, day: date) -> frozenset[str]:
        """Return the ids of the rows that bind on a day."""
        if day not in self._in_force:
            bound = [row for row in self.rows if row.binds_on(day)]
            stand = [row for row in bound if row.confidence != POLICY]
            house = (row for row in bound if row.confidence == POLICY and not _is_replaced(row, stand))
            self._in_force[day] = frozenset(row.id for row in (*stand, *house))
        return self._in_force[day]


def _is_replaced(house: WorkRow, others: Iterable[WorkRow]) -> bool:
    return any(
        row.parameter == house.parameter
        and row.weeks == 1
        and (row.confidence == OWN or row.strength == FORBID or house.strength != FORBID)
        for row in others
    )


def find_looser(own: WorkRow, rows: Iterable[WorkRow], countries: Iterable[str]) -> WorkRow | None:
    """Return a row of the law that forbids, on a day of both, what an own row would allow; None: it tightens.

    ``countries`` are those where the operator has sites: an own row of every country is held to each.
    """
    held = set(countries) if own.country == ANY else {own.country}
    for row in rows:
        alike = row.parameter == own.parameter and row.weeks == own.weeks and row.rolling <= own.rolling
        if not alike or row.strength != FORBID or row.confidence in (POLICY, OWN) or row.country not in held:
            continue
        apart = (own.last and row.first and own.last < row.first) or (row.last and own.first and row.last < own.first)
        if not apart and row.kind.is_looser(own.value, row.value):
            return row
    return None
