"""The forms by which a pack of rules is chosen and ended."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import build_day_field
from releve.desk.live.event_form import EventForm
from releve.situation import PackChosen, PackEnded


class PackForm(EventForm):
    """A form about one pack, on a day of the operator."""

    pack = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, pack: str, today: date, data: Any = None) -> None:
        day = "valid_from" if "valid_from" in self.base_fields else "valid_to"
        first = {"pack": pack, day: today}
        super().__init__(data, initial=first, auto_id=f"{type(self).__name__}_{pack}_%s")


class ChoiceForm(PackForm):
    """The days for which a pack is chosen."""

    records = PackChosen
    valid_from = build_day_field(lazy("First day in force"))
    valid_to = build_day_field(lazy("Last day in force"), lazy("Empty: until you end it."))


class EndForm(PackForm):
    """The last day on which a pack holds."""

    records = PackEnded
    valid_to = build_day_field(
        lazy("Last day in force"),
        help_text=lazy(
            "Yesterday ends it at once. Sites that it closed stay closed until reopened."
        ),
    )
