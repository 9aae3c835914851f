"""The form that orders a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

__all__ = ["MOST_DAYS", "PlanForm", "ProposedPlan"]

MOST_DAYS = 7


@dataclass(frozen=True)
class ProposedPlan:
    """What the form proposes: the first day, days, and whether as a hybrid week; None: without
    teams there is none."""

    first: date
    days: int
    hybrid: bool | None


class PlanForm(forms.Form):
    """The first day, and how many, as the roster proposes; where there are teams, a hybrid week."""

    first = forms.DateField(
        label=lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    days = forms.TypedChoiceField(label=lazy("Days"), coerce=int, choices=())
    hybrid = forms.BooleanField(
        label=lazy("As a hybrid week"),
        required=False,
        help_text=lazy("The days are planned together: days at home by contract, teams that meet."),
    )
    week = forms.FileField(
        label=lazy("Week to keep, edited or not (CSV, XLSX)"),
        required=False,
        help_text=lazy(
            "Download it from the page of the week, and edit it in a spreadsheet. Without a file,"
            " the week in force stays unless another is clearly better."
        ),
    )

    def __init__(self, data: Any = None, files: Any = None, *, proposed: ProposedPlan) -> None:
        initial = {"first": proposed.first, "days": proposed.days, "hybrid": proposed.hybrid}
        super().__init__(data, files, initial=initial, label_suffix="")
        if proposed.hybrid is None:
            del self.fields["hybrid"], self.fields["week"]
        field = self.fields["days"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (count, ngettext("{count} day", "{count} days", count).format(count=count))
            for count in range(1, MOST_DAYS + 1)
        ]
