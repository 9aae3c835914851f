"""The form of a row, made from the declarations of its table's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django import forms
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext as _

from releve.desk.registry.values import format_for_form, list_options
from releve.desk.registry.words import (
    translate_doc,
    translate_option,
    translate_unit,
)
from releve.desk.text import Text, translate_phrase
from releve.network import Fault, Operator, TableColumn, describe_faults, list_columns
from releve.network.columns import bare_type
from releve.network.parsing import format_example
from releve.registry.tables import get_row_class, get_rows

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
    """Return the form of a row: ``texts`` fill it, ``data`` is what was sent, if anything."""
    columns = list_columns(get_row_class(table))
    form = forms.Form(data, initial=dict(texts))
    for column in columns:
        form.fields[column.name] = _field(table, column, text)
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


def _field(table: str, column: TableColumn, text: Text) -> forms.Field:
    options = list_options(column)
    label = translate_doc(column.doc)
    unit_word = translate_unit(column)
    label = f"{label} ({unit_word})" if unit_word else label
    if options:
        choices = [(value, translate_option(table, column, value)) for value in options]
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
        help_text=_help(table, column, text),
        widget=forms.TextInput(attributes),
    )


class _Open(forms.ChoiceField):
    """A choice whose refusal is left to the checks of the operator, like every other's."""

    def valid_value(self, value: object) -> bool:
        return True


def _help(table: str, column: TableColumn, text: Text) -> str:
    """Return an example, the limits and what an empty field means, as HTML."""
    parts = [
        _("for example {example}").format(example=format_example(table, column, text.language)),
        *_limits(column, text),
    ]
    if bare_type(column) == tuple[str, ...]:
        parts.append(_("several with commas between them"))
    if not column.required and column.default not in (None, "", ()):
        default = format_for_form(table, column, column.default, text, text.time_zone)
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


def describe_fault(fault: Fault) -> str:
    """Return a fault with its place: ``Roster, row 12, agent “a00042”: …``."""
    return describe_causes((fault,))[0]


def describe_causes(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return one sentence for each cause of faults, with its place."""
    return describe_faults(faults, gettext, (get_language() or "fr")[:2])


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
    causes = describe_causes(elsewhere)
    for cause in causes[:_MOST_FAULTS]:
        form.add_error(None, cause)
    if len(causes) > _MOST_FAULTS:
        more = len(causes) - _MOST_FAULTS
        form.add_error(None, _("… and {count} more.").format(count=more))
