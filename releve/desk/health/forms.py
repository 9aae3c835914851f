"""The form of seats: who sat where on the days in question, if it was noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy

from releve.desk.text import translate_phrase
from releve.network import Operator
from releve.situation import read_seating

_MOST_CHARACTERS = 200_000
_MOST_FAULTS = 5


class SeatingForm(forms.Form):
    """``cleaned_data["seating"]`` is the seat by agent; it serves one answer and is not kept."""

    seating = forms.CharField(
        label=lazy("Seats of those days, if they were noted"),
        required=False,
        max_length=_MOST_CHARACTERS,
        widget=forms.Textarea({"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=lazy(
            "One line an agent: pseudonym, semicolon, seat. It serves this answer and is not kept."
        ),
    )

    def __init__(self, operator: Operator, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._operator = operator

    @property
    def seats(self) -> Mapping[str, str] | None:
        """The seat by agent; None where nothing was sent, or nothing sound."""
        return self.cleaned_data["seating"] if self.is_valid() else None

    def clean_seating(self) -> Mapping[str, str]:
        """Return the seat by agent; ValidationError names the lines that say nothing known."""
        seating, faults = read_seating(self.cleaned_data["seating"], self._operator)
        if faults:
            raise forms.ValidationError([translate_phrase(row) for row in faults[:_MOST_FAULTS]])
        return seating
