"""Faults of an operator's files as sentences, grouped by cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from releve.errors import Phrase
from releve.network.corrections import list_corrections
from releve.network.faults import Correction, Fault
from releve.network.folder_reader import OPERATOR
from releve.network.table_words import TableForm

_MOST_APART = 3
"""Up to this many faults of one cause are listed one by one."""
_MOST_VALUES = 10
"""Up to this many distinct values of one cause stand each with its rows and its mend."""
_MOST_LISTED = 50
"""Up to this many of a cause with more values are named together."""
_MOST_ROWS = 10
"""Up to this many rows of one cause are all named."""


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Faults of one cause: the first of them, the rows, distinct values and corrections of all."""

    first: Fault
    rows: tuple[int, ...]
    values: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()


def group_faults(faults: Iterable[Fault]) -> tuple[FaultGroup, ...]:
    """Return faults by cause, in the order of the first of each.

    One cause is one reason and one kind of mend in one column of a table; its values are parted where they are few, so
    that no misspelling hides behind another.
    """
    causes: dict[tuple[str, ...], list[Fault]] = {}
    for fault in faults:
        key = (fault.table, fault.column, _get_template(fault.reason), _get_template(fault.fix))
        causes.setdefault(key, []).append(fault)
    found: list[FaultGroup] = []
    for same in causes.values():
        if len(same) <= _MOST_APART:
            found += [FaultGroup(fault, (fault.row,), (), list_corrections([fault])) for fault in same]
            continue
        values: dict[str, list[Fault]] = {}
        for fault in same:
            values.setdefault(fault.value, []).append(fault)
        parts = values.values() if len(values) <= _MOST_VALUES else [same]
        listed = tuple(values) if len(values) > _MOST_VALUES else ()
        found += [
            FaultGroup(part[0], tuple(fault.row for fault in part), listed, list_corrections(part)) for part in parts
        ]
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
    return tuple(describe_group(group, gettext, language, forms, sources or {}) for group in group_faults(faults))


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
        where = say(Phrase("{0} “{1}”", where, "”, “".join(group.values[:_MOST_LISTED] or (fault.value,))))
        where += ", …" * (len(group.values) > _MOST_LISTED)
    return say(Phrase("{0}: {1}; {2}.", where, say(fault.reason), say(fault.fix)))


def _name_rows(rows: list[int]) -> Phrase:
    if len(rows) == 1:
        return Phrase("row {0}", rows[0])
    if len(rows) <= _MOST_ROWS:
        return Phrase("rows {0}", ", ".join(map(str, rows)))
    return Phrase("{0} rows (for example row {1})", len(rows), rows[0])
