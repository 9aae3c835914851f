"""The values behind pseudonyms, stored apart from the facts so that each can be erased alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from releve.gate.models import PseudonymValue

__all__ = ["NewPersonalValue", "read_value", "store_values"]


@dataclass(frozen=True, slots=True)
class NewPersonalValue:
    """A value to be kept: what it is, its pseudonym, itself, its salt, until when (None: open)."""

    what: str
    pseudonym: str
    value: str
    salt: str
    erase_on: date | None


def store_values(values: Iterable[NewPersonalValue]) -> None:
    """Keep values that are not kept yet; the latest day of erasure of the same value counts."""
    wanted = {(value.what, value.pseudonym): value for value in _keep_latest(values)}
    there = PseudonymValue.objects.filter(pseudonym__in={pseudonym for _, pseudonym in wanted})
    later = []
    for row in there:
        value = wanted.pop((row.what, row.pseudonym), None)
        if value is not None and _is_after(value.erase_on, row.erase_on):
            row.erase_on = value.erase_on
            later.append(row)
    PseudonymValue.objects.bulk_update(later, ["erase_on"])
    PseudonymValue.objects.bulk_create(
        [
            PseudonymValue(
                what=v.what, pseudonym=v.pseudonym, value=v.value, salt=v.salt, erase_on=v.erase_on
            )
            for v in wanted.values()
        ],
        ignore_conflicts=True,
    )


def read_value(what: str, pseudonym: str) -> str | None:
    """Return the value behind a pseudonym, None when it was erased or never kept.

    A caller that shows the value records the look and its reason.
    """
    rows = PseudonymValue.objects.filter(what=what, pseudonym=pseudonym)
    return rows.values_list("value", flat=True).first()


def _keep_latest(values: Iterable[NewPersonalValue]) -> list[NewPersonalValue]:
    found: dict[tuple[str, str], NewPersonalValue] = {}
    for value in values:
        other = found.get((value.what, value.pseudonym))
        if other is None or _is_after(value.erase_on, other.erase_on):
            found[value.what, value.pseudonym] = value
    return list(found.values())


def _is_after(day: date | None, other: date | None) -> bool:
    return other is not None and (day is None or day > other)
