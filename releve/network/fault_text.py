"""Faults as sentences in English or French; those of one cause are one that counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.network.folder_reader import OPERATOR
from releve.network.table_words import TableForm

__all__ = ["FaultGroup", "describe_faults", "describe_group", "group_faults"]

_MOST_APART = 3
"""Up to so many faults of one cause are said each on its own."""
_MOST_ROWS = 10
"""Up to so many rows of one cause are all named."""


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Faults of one cause: the first of them, and the rows of all."""

    first: Fault
    rows: tuple[int, ...]


def group_faults(faults: Iterable[Fault]) -> tuple[FaultGroup, ...]:
    """Return faults by cause, in the order of the first of each.

    One cause is one reason and one kind of mend in one column of a table.
    """
    causes: dict[tuple[str, ...], list[Fault]] = {}
    for fault in faults:
        key = (fault.table, fault.column, _get_template(fault.reason), _get_template(fault.fix))
        causes.setdefault(key, []).append(fault)
    found: list[FaultGroup] = []
    for same in causes.values():
        if len(same) <= _MOST_APART:
            found += [FaultGroup(fault, (fault.row,)) for fault in same]
        else:
            found.append(FaultGroup(same[0], tuple(fault.row for fault in same)))
    return tuple(found)


def _get_template(text: str) -> str:
    return text.template if isinstance(text, Phrase) else text


def describe_faults(
    faults: Iterable[Fault],
    gettext: Callable[[str], str] = str,
    language: str = "en",
    forms: Mapping[str, TableForm] = OPERATOR.forms,
    sources: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Return one sentence a cause; ``sources`` names the file of each table."""
    return tuple(
        describe_group(group, gettext, language, forms, sources or {})
        for group in group_faults(faults)
    )


def describe_group(
    group: FaultGroup,
    gettext: Callable[[str], str],
    language: str,
    forms: Mapping[str, TableForm] = OPERATOR.forms,
    sources: Mapping[str, str] | None = None,
) -> str:
    """Return where the faults of a group stand, what is wrong and how to mend it."""

    def say(text: str) -> str:
        return text.translate_with(gettext, language) if isinstance(text, Phrase) else text

    fault = group.first
    form = forms.get(fault.table)
    place = [source] if (source := (sources or {}).get(fault.table)) else []
    place.append(form.naming.label(language) if form else fault.table)
    if rows := [row for row in group.rows if row]:
        place.append(say(_name_rows(rows)))
    if fault.column:
        naming = form.names.get(fault.column) if form else None
        place.append(naming.label(language) if naming else fault.column)
    where: str = ", ".join(place)
    if fault.value:
        where = say(Phrase("{0} “{1}”", where, fault.value))
    return say(Phrase("{0}: {1}; {2}.", where, say(fault.reason), say(fault.fix)))


def _name_rows(rows: list[int]) -> Phrase:
    if len(rows) == 1:
        return Phrase("row {0}", rows[0])
    if len(rows) <= _MOST_ROWS:
        return Phrase("rows {0}", ", ".join(map(str, rows)))
    return Phrase("{0} rows (for example row {1})", len(rows), rows[0])
