"""Retention of rows: three calendar years, where nothing asks for longer.

A row about an end that is not known yet, or that protects the person for good, has no day: a
contract in force, a "not interested" or "stop calling me" that forbids any further call, a standing
opposition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

__all__ = ["YEARS", "erase_on", "value_day", "years_later"]

YEARS = 3
"""Of a consent from its collection, of a request's proof from the request; taken for all others."""

Row = Mapping[str, Any]


def years_later(day: date, years: int = YEARS) -> date:
    """Return the same day years later; 1 March for a 29 February that there is not."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def erase_on(table: str, row: Row, loaded: datetime) -> date | None:
    """Return the first day on which a fact may no longer be here; None: no day is known.

    ``row`` holds its values by field; ``loaded`` counts where it says no date of its own.
    """
    rule = _RULES.get(table)
    return None if rule is None else rule(row, loaded)


def value_day(table: str, row: Row, loaded: datetime) -> date | None:
    """Return the day for the values behind a fact's pseudonyms; None while a contract runs.

    What forbids for good does so by the pseudonym alone.
    """
    day = erase_on(table, row, loaded)
    return years_later(loaded.date()) if day is None and table != "contracts" else day


def _years_after(field: str) -> Callable[[Row, datetime], date | None]:
    def found(row: Row, loaded: datetime) -> date | None:
        moment = row[field] or loaded
        return years_later(moment.date())

    return found


def _contract_end(row: Row, loaded: datetime) -> date | None:
    return None if row["last"] is None else years_later(row["last"])


def _refusal_end(row: Row, loaded: datetime) -> date | None:
    """Return the last day of a "not now" alone: any other refusal forbids for good somewhere."""
    return years_later(row["at"].date()) if row["kind"] == "not-now" else None


def _listing_end(row: Row, loaded: datetime) -> date | None:
    return None if row["until"] is None else years_later(row["until"].date())


_RULES: Mapping[str, Callable[[Row, datetime], date | None]] = {
    "consents": _years_after("collected_at"),
    "withdrawals": _years_after("at"),
    "contracts": _contract_end,
    "callbacks": _years_after("requested_at"),
    "refusals": _refusal_end,
    "attempts": _years_after("at"),
    "listings": _listing_end,
    "scrubs": _years_after("at"),
    "mandates": _contract_end,
    "feeds": _years_after("read_at"),
}
