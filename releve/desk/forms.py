"""What the forms of several subjects have in common: the key of a sending, and kinds of fields."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict

from releve.desk.text import translate_error
from releve.errors import ReleveError

LONGEST = 500
"""Characters of a field for words."""
_CLOCK = "%Y-%m-%dT%H:%M"


class PlainForm(forms.Form):
    """A form whose labels end as they are written, without a colon."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})


class KeyedForm(PlainForm):
    """A form with a random key in a hidden field: sent twice, it records once."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("key", uuid.uuid4().hex)

    @property
    def key_text(self) -> str:
        """The key of this sending of the form; a new one where it came without."""
        return self.cleaned_data.get("key") or uuid.uuid4().hex


def build_time_field(label: Any, help_text: Any) -> forms.DateTimeField:
    """Return a field for a local time, which may stay empty."""
    return forms.DateTimeField(
        label=label,
        required=False,
        help_text=help_text,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=_CLOCK),
        input_formats=[_CLOCK, f"{_CLOCK}:%S", "%d/%m/%Y %H:%M"],
    )


def build_day_field(label: Any, empty: Any = "", **options: Any) -> forms.DateField:
    """Return a field for a day, which may stay empty where it is said what that means."""
    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    options.setdefault("required", not empty)
    options.setdefault("help_text", empty)
    return forms.DateField(label=label, widget=widget, **options)


def build_id_field(label: Any, private: dict[str, str] | None = None, *, longest: int = 64, **rest: Any) -> Any:
    """Return a field for a pseudonym or a number, which no keyboard completes or corrects."""
    attributes = {"autocomplete": "off", "autocapitalize": "none", **(private or {})}
    widget = forms.TextInput(attributes)
    return forms.CharField(label=label, max_length=longest, widget=widget, **rest)


def build_text_field(
    label: Any, *, longest: int = LONGEST, rows: int = 0, required: bool = False, **options: Any
) -> forms.CharField:
    """Return a field for words: of one line, or of some ``rows``."""
    if rows:
        options["widget"] = forms.Textarea({"rows": rows})
    return forms.CharField(label=label, required=required, max_length=longest, **options)


def build_count_field(label: Any, most: int, **options: Any) -> forms.IntegerField:
    """Return a field for a whole number from 0 to ``most``, which may stay empty."""
    options.setdefault("required", False)
    return forms.IntegerField(label=label, min_value=0, max_value=most, **options)


def build_radio_field(label: Any, *choices: tuple[str, Any], **options: Any) -> forms.ChoiceField:
    """Return a field with all its choices in sight."""
    return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect, **options)


def set_choices(form: forms.Form, name: str, choices: Sequence[tuple[str, Any]]) -> None:
    """Set the choices of a field that depend on the reader."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


def read_sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with; None where its page is only read."""
    return request.POST if request.method == "POST" else None


def act_on(form: forms.Form, act: Callable[[], object], *refusals: type[Exception], field: str | None = None) -> bool:
    """Return whether a form was sound and ``act`` done; otherwise the form says why not.

    Refusals are every ReleveError, and the exceptions that ``refusals`` names; they are shown by
    a ``field``, or above the form.
    """
    refused: tuple[type[Exception], ...] = (ReleveError, *refusals)
    if form.is_valid():
        try:
            act()
        except refused as error:
            form.add_error(field, translate_error(error))
    return form.is_valid()
