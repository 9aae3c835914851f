"""The form that orders a plan."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

__all__ = ["MOST_DAYS", "PlanForm"]

MOST_DAYS = 7


class PlanForm(forms.Form):
    """The first day, and how many; the roster proposes both."""

    first = forms.DateField(
        label=lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    days = forms.TypedChoiceField(label=lazy("Days"), coerce=int, choices=())

    def __init__(self, data: Any = None, *, first: date, days: int) -> None:
        super().__init__(data, initial={"first": first, "days": days}, label_suffix="")
        field = self.fields["days"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (count, ngettext("{count} day", "{count} days", count).format(count=count))
            for count in range(1, MOST_DAYS + 1)
        ]
