"""The form of a row, made from the declarations of its table's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _

from releve.desk.registry.words import (
    translate_column,
    translate_doc,
    translate_option,
    translate_table,
    translate_unit,
)
from releve.desk.text import Text, translate_phrase
from releve.network import Fault, Operator, TableColumn, list_columns
from releve.registry.row_text import format_value
from releve.registry.tables import KINDS, bare_type, get_row_class, get_rows

__all__ = [
    "Suggestions",
    "build_row_form",
    "describe_fault",
    "find_suggestions",
    "read_values",
    "show_faults",
]

_LONGEST = 2000
_MOST_SUGGESTED = 500
_MOST_FAULTS = 30
_FRENCH_NUMBER = re.compile(r"[+-]?\d[\d \u00a0\u202f]*(?:,\d+)?")


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The ids that a field may refer to, offered while one types."""

    id: str
    values: tuple[str, ...]


def build_row_form(
    table: str,
    text: Text,
    texts: Mapping[str, str],
    data: Mapping[str, str] | None = None,
) -> forms.Form:
    """Return the form of a row: ``texts`` are its values, ``data`` what was sent, if anything."""
    columns = list_columns(get_row_class(table))
    initial = {
        column.name: _localised(column, texts.get(column.name, ""), text) for column in columns
    }
    form = forms.Form(data, initial=initial)
    for column in columns:
        form.fields[column.name] = _field(column, text)
    form.fields["comment"] = forms.CharField(
        label=_("Why (for those who read the versions)"), required=False, max_length=500
    )
    return form


def find_suggestions(table: str, operator: Operator) -> tuple[Suggestions, ...]:
    """Return what to suggest in the fields of a table, where it is a list one can look through."""
    wanted = {
        column.references for column in list_columns(get_row_class(table)) if column.references
    }
    lists = ((name, get_rows(operator, name)) for name in sorted(wanted))
    return tuple(
        Suggestions(f"ids-{name}", tuple(getattr(row, "id") for row in rows))  # noqa: B009
        for name, rows in lists
        if len(rows) <= _MOST_SUGGESTED
    )


def _field(column: TableColumn, text: Text) -> forms.Field:
    options = ("true", "false") if bare_type(column) is bool else column.condition.one_of
    label = translate_doc(column.doc)
    unit_word = translate_unit(column)
    label = f"{label} ({unit_word})" if unit_word else label
    if options:
        choices = [(value, translate_option(value)) for value in options]
        return _Open(label=label, required=False, choices=choices)
    attributes = {"autocomplete": "off"}
    if column.required:
        attributes["required"] = "required"
    if bare_type(column) is float:
        attributes["inputmode"] = "decimal"
    if column.references and bare_type(column) is str:
        attributes["list"] = f"ids-{column.references}"
    return forms.CharField(
        label=label,
        required=False,
        max_length=_LONGEST,
        help_text=_help(column, text),
        widget=forms.TextInput(attributes),
    )


class _Open(forms.ChoiceField):
    """A choice whose refusal is left to the checks of the operator, like every other's."""

    def valid_value(self, value: object) -> bool:
        return True


def _help(column: TableColumn, text: Text) -> str:
    """Return an example, the limits and what an empty field means, as HTML."""
    parts = [
        _("for example {example}").format(example=_localised(column, column.example, text)),
        *_limits(column, text),
    ]
    if bare_type(column) == tuple[str, ...]:
        parts.append(_("several with | between them"))
    if not column.required and column.default not in (None, "", ()):
        default = _localised(column, format_value(column.default, text.time_zone), text)
        parts.append(_("empty = {default}").format(default=default))
    return format_html("{} <code>{}</code>", " · ".join(parts), column.name)


def _limits(column: TableColumn, text: Text) -> list[str]:
    bounds = column.condition
    limits = []
    if bounds.at_least is not None:
        limits.append(_("at least {bound}").format(bound=text.plain(bounds.at_least)))
    if bounds.more_than is not None:
        limits.append(_("more than {bound}").format(bound=text.plain(bounds.more_than)))
    if bounds.at_most is not None:
        limits.append(_("at most {bound}").format(bound=text.plain(bounds.at_most)))
    return limits


def _localised(column: TableColumn, value: str, text: Text) -> str:
    return value.replace(".", ",") if text.french and bare_type(column) is float else value


def read_values(table: str, form: forms.Form, text: Text) -> dict[str, str]:
    """Return what was sent as texts of a file; in French a number has a decimal comma."""
    return {
        column.name: _plain(column, form.cleaned_data[column.name], text)
        for column in list_columns(get_row_class(table))
    }


def _plain(column: TableColumn, value: str, text: Text) -> str:
    if text.french and bare_type(column) is float and _FRENCH_NUMBER.fullmatch(value.strip()):
        return re.sub("[ \u00a0\u202f]", "", value).replace(",", ".")
    return value


def _describe_reason(fault: Fault) -> str:
    reason, fix = translate_phrase(fault.reason), translate_phrase(fault.fix)
    return _("{reason}; {fix}.").format(reason=reason, fix=fix)


def describe_fault(fault: Fault) -> str:
    """Return a fault with its place: ``Roster, row 12, agent “a00042”: …``."""
    place = [translate_table(fault.table)]
    if fault.row:
        place.append(_("row {number}").format(number=fault.row))
    if fault.column:
        place.append(_column(fault))
    where = ", ".join(place)
    if fault.value:
        where = _("{where} “{value}”").format(where=where, value=fault.value)
    return _("{where}: {reason}; {fix}.").format(
        where=where, reason=translate_phrase(fault.reason), fix=translate_phrase(fault.fix)
    )


def _column(fault: Fault) -> str:
    columns = list_columns(KINDS[fault.table]) if fault.table in KINDS else ()
    return next(
        (translate_column(one) for one in columns if one.name == fault.column), fault.column
    )


def show_faults(form: forms.Form, table: str, row: int, faults: Iterable[Fault]) -> None:
    """Put each fault by the field it is of; those of other rows above the form, with their place.

    ``row`` is the number of the row in its table as a file (the header is row 1).
    """
    elsewhere = []
    for fault in faults:
        sentence = _("{reason}; {fix}.").format(
            reason=translate_phrase(fault.reason), fix=translate_phrase(fault.fix)
        )
        if fault.table == table and fault.row == row and fault.column in form.fields:
            form.add_error(fault.column, sentence)
        else:
            elsewhere.append(fault)
    for fault in elsewhere[:_MOST_FAULTS]:
        form.add_error(None, describe_fault(fault))
    if len(elsewhere) > _MOST_FAULTS:
        more = len(elsewhere) - _MOST_FAULTS
        form.add_error(None, _("… and {count} more.").format(count=more))
