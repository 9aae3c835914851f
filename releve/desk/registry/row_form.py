"""The form of a row: fields called as the columns of the workbook, lists of the rows that it may refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from releve.desk.forms import PlainForm
from releve.desk.registry.page import RowPage, describe_causes, get_reader_language, translate_doc
from releve.desk.text import Text, text_now, translate_phrase
from releve.network import Fault, Operator, TableColumn, list_columns
from releve.network.cell_text import format_for_form, join_items, read_form_value
from releve.network.columns import bare_type, list_options
from releve.network.parsing import format_example
from releve.network.table_words import label_header, name_value
from releve.registry.tables import get_row_class, list_referenced_rows

_LONGEST = 2000
_MOST_FAULTS = 30
_MOST_CHOICES = 500
_MAIN_FIRST = frozenset((("agents", "skills"),))
"""Columns of several values whose first one counts for more."""


def build_row_form(page: RowPage, operator: Operator, data: Mapping[str, str] | None = None) -> forms.Form:
    """Return the form of a row, filled with its values, or with what was sent.

    A row of another table is chosen by its name, several from a list; a table of many rows is written in as ids.
    """
    columns, language = list_columns(get_row_class(page.table)), get_reader_language()
    named = list_referenced_rows(operator, page.table, _MOST_CHOICES)
    form = PlainForm(data)
    for column in columns:
        choices = named.get(column.references)
        value = getattr(page.values, column.name) if page.key else None
        if choices is not None and bare_type(column) == tuple[str, ...]:
            held = tuple(value or ())
            # What is chosen stands first, in its order, so that a form sent back as it is changes nothing.
            choices = sorted(choices, key=lambda one: held.index(one[0]) if one[0] in held else len(held))
            form.initial[column.name] = list(held)
            if (page.table, column.name) in _MAIN_FIRST:
                main = gettext("{column}: the main one").format(
                    column=label_header(page.table, column.name, "", language)
                )
                form.fields[f"{column.name}_main"] = _OpenChoice(
                    label=main, required=False, choices=[("", _("choose")), *choices], initial=next(iter(held), "")
                )
        elif page.key:
            form.initial[column.name] = format_for_form(page.table, column, value, page.time_zone, language)
        form.fields[column.name] = _build_field(page.table, column, choices)
    form.fields["comment"] = forms.CharField(
        label=_("Why (for those who read the versions)"), required=False, max_length=500
    )
    return form


def _build_field(table: str, column: TableColumn, named: Sequence[tuple[str, str]] | None) -> forms.Field:
    """Return the field of a column, called as in the workbook; ``named``: the rows that it may refer to."""
    language = get_reader_language()
    label = label_header(table, column.name, column.unit, language)
    if options := list_options(column):
        choices = [(one, name_value(table, column.name, one, language)) for one in options]
        if not column.required and column.default is None:
            choices.insert(0, ("", _("not given")))
        return _OpenChoice(label=label, required=False, choices=choices, help_text=translate_doc(column.doc))
    if named is not None and bare_type(column) is str:
        choices = [("", _("choose") if column.required else _("none")), *named]
        return _OpenChoice(label=label, required=False, choices=choices, help_text=translate_doc(column.doc))
    if named is not None:
        return _OpenList(named, label=label, help_text=translate_doc(column.doc))
    attributes = {"autocomplete": "off"}
    if column.required:
        attributes["required"] = "required"
    if bare_type(column) is float:
        attributes["inputmode"] = "decimal"
    return forms.CharField(
        label=label,
        required=False,
        max_length=_LONGEST,
        help_text=_help(table, column),
        widget=forms.TextInput(attributes),
    )


class _OpenChoice(forms.ChoiceField):
    """A choice whose refusal is left to the checks of the operator, like every other's."""

    def valid_value(self, value: object) -> bool:
        return True


class _OpenList(forms.MultipleChoiceField):
    """Several of a list, whose refusal is left to the checks of the operator; sent as one text by a program."""

    def __init__(self, named: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(choices=named, widget=forms.CheckboxSelectMultiple, required=False, **options)
        self.known = frozenset(key for key, _label in named)

    def valid_value(self, value: object) -> bool:
        return True


def _help(table: str, column: TableColumn) -> str:
    """Return what a column holds, an example, the limits and what an empty field means."""
    text = text_now("UTC")
    parts = [
        translate_doc(column.doc),
        _("for example {example}").format(example=format_example(table, column, text.language)),
        *_limits(column, text),
    ]
    if bare_type(column) == tuple[str, ...]:
        parts.append(_("several with commas between them"))
    if not column.required and column.default not in (None, "", ()):
        default = format_for_form(table, column, column.default, text.time_zone, text.language)
        parts.append(_("empty = {default}").format(default=default))
    return " · ".join(parts)


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
    values = {}
    for column in list_columns(get_row_class(table)):
        sent, field = form.cleaned_data[column.name], form.fields[column.name]
        if isinstance(field, _OpenList):
            main = form.cleaned_data.get(f"{column.name}_main")
            sent = [main, *(one for one in sent if one != main)] if main else sent
            sent = join_items(tuple(sent), "|") if field.known.issuperset(sent) else "|".join(sent)
        values[column.name] = read_form_value(column, sent, language)
    return values


def show_faults(form: forms.Form, table: str, row: int, faults: Iterable[Fault]) -> None:
    """Put each fault by the field it is of; those of other rows above the form, with their place.

    ``row`` is the number of the row in its table as a file (the header is row 1).
    """
    elsewhere = []
    for fault in faults:
        sentence = _("{reason}; {fix}.").format(reason=translate_phrase(fault.reason), fix=translate_phrase(fault.fix))
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
