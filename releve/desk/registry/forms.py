"""The form of a row, made from the declarations of its table's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _

from releve.desk.registry.page import RowPage
from releve.desk.registry.words import (
    describe_causes,
    get_reader_language,
    translate_doc,
    translate_unit,
)
from releve.desk.text import Text, text_now, translate_phrase
from releve.network import Fault, TableColumn, list_columns
from releve.network.cell_text import format_for_form, read_form_value
from releve.network.columns import bare_type, list_options
from releve.network.parsing import format_example
from releve.network.table_words import name_value
from releve.registry.tables import get_row_class

_LONGEST = 2000
_MOST_FAULTS = 30


def build_row_form(page: RowPage, data: Mapping[str, str] | None = None) -> forms.Form:
    """Return the form of a row, filled with its values, or with what was sent."""
    columns, language = list_columns(get_row_class(page.table)), get_reader_language()
    form = forms.Form(data)
    for column in columns:
        form.fields[column.name] = _field(page.table, column)
        if page.key:
            value = getattr(page.values, column.name)
            form.initial[column.name] = format_for_form(
                page.table, column, value, page.time_zone, language
            )
    form.fields["comment"] = forms.CharField(
        label=_("Why (for those who read the versions)"), required=False, max_length=500
    )
    return form


def _field(table: str, column: TableColumn) -> forms.Field:
    label, unit = translate_doc(column.doc), translate_unit(column)
    label = f"{label} ({unit})" if unit else label
    if options := list_options(column):
        language = get_reader_language()
        choices = [(one, name_value(table, column.name, one, language)) for one in options]
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
        help_text=_help(table, column),
        widget=forms.TextInput(attributes),
    )


class _Open(forms.ChoiceField):
    """A choice whose refusal is left to the checks of the operator, like every other's."""

    def valid_value(self, value: object) -> bool:
        return True


def _help(table: str, column: TableColumn) -> str:
    """Return an example, the limits and what an empty field means, as HTML."""
    text = text_now("UTC")
    parts = [
        _("for example {example}").format(example=format_example(table, column, text.language)),
        *_limits(column, text),
    ]
    if bare_type(column) == tuple[str, ...]:
        parts.append(_("several with commas between them"))
    if not column.required and column.default not in (None, "", ()):
        default = format_for_form(table, column, column.default, text.time_zone, text.language)
        parts.append(_("empty = {default}").format(default=default))
    return format_html("{} <code>{}</code>", " · ".join(parts), column.name)


def _limits(column: TableColumn, text: Text) -> list[str]:
    bounds = column.condition
    limits = (
        (_("at least {bound}"), bounds.at_least),
        (_("more than {bound}"), bounds.more_than),
        (_("at most {bound}"), bounds.at_most),
    )
    return [words.format(bound=text.plain(bound)) for words, bound in limits if bound is not None]


def read_values(table: str, form: forms.Form) -> dict[str, str]:
    """Return what was sent as texts of a file; in French a number has a decimal comma."""
    language = get_reader_language()
    return {
        column.name: read_form_value(column, form.cleaned_data[column.name], language)
        for column in list_columns(get_row_class(table))
    }


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
