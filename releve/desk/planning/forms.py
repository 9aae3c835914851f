"""The form that orders a plan."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.forms import PlainForm, build_day_field, set_choices
from releve.runs.plan_in_force import MOST_DAYS, PlanProposal


class PlanForm(PlainForm):
    """The first day, and how many, as the roster proposes; where there are teams, a hybrid week."""

    first = build_day_field(lazy("First day"))
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

    def __init__(self, data: Any = None, files: Any = None, *, proposed: PlanProposal) -> None:
        initial = {"first": proposed.first, "days": proposed.days, "hybrid": proposed.hybrid}
        super().__init__(data, files, initial=initial)
        if proposed.hybrid is None:
            del self.fields["hybrid"], self.fields["week"]
        counts = range(1, MOST_DAYS + 1)
        said = [ngettext("{count} day", "{count} days", n).format(count=n) for n in counts]
        set_choices(self, "days", [(str(n), words) for n, words in zip(counts, said, strict=True)])
