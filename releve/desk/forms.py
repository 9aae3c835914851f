"""What the forms of several subjects have in common: the key of a sending, and kinds of fields."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

__all__ = ["KeyedForm", "build_day_field", "build_id_field", "build_time_field"]

_CLOCK = "%Y-%m-%dT%H:%M"


class KeyedForm(forms.Form):
    """A form with a random key in a hidden field: sent twice, it records once."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("label_suffix", "")
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


def build_day_field(label: Any, **options: Any) -> forms.DateField:
    """Return a field for a day."""
    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, **options)


def build_id_field(label: Any, private: dict[str, str] | None = None, **rest: Any) -> Any:
    """Return a field for a pseudonym or a number, which no keyboard completes or corrects."""
    attributes = {"autocomplete": "off", "autocapitalize": "none", **(private or {})}
    return forms.CharField(label=label, max_length=64, widget=forms.TextInput(attributes), **rest)
