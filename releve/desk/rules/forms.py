"""The forms by which a pack of rules is chosen and ended."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import KeyedForm, build_day_field
from releve.desk.live.words import refusal_text
from releve.desk.text import Text
from releve.network import Operator
from releve.situation import EventRefusal, PackChosen, PackEnded

_FIELDS = {"pack.dates": "valid_to", "pack.past": "valid_to", "pack.chosen_already": "valid_from"}


class PackForm(KeyedForm):
    """A form about one pack, on a day of the operator."""

    pack = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, pack: str, today: date, data: Any = None) -> None:
        first: dict[str, Any] = {"pack": pack, "valid_from": today}
        if "valid_from" not in self.base_fields:
            first = {"pack": pack, "valid_to": today}
        super().__init__(data, initial=first, auto_id=f"{type(self).__name__}_{pack}_%s")

    def show_refusals(
        self, reasons: Sequence[EventRefusal], operator: Operator, text: Text
    ) -> None:
        """Put each refusal by the field it is of; the others above the form."""
        for reason in reasons:
            field = _FIELDS.get(reason.code)
            shown = field if field in self.fields else None
            self.add_error(shown, refusal_text(reason, operator, text))

    def common(self, actor: str, at: datetime) -> dict[str, Any]:
        """Return the fields that every event has."""
        return {
            "id": uuid.uuid4().hex,
            "happened_at": at,
            "recorded_at": at,
            "actor": actor,
            "pack": self.cleaned_data["pack"],
        }


class ChoiceForm(PackForm):
    """The days for which a pack is chosen."""

    valid_from = build_day_field(lazy("First day in force"))
    valid_to = build_day_field(lazy("Last day in force"), lazy("Empty: until you end it."))

    def event(self, actor: str, at: datetime) -> PackChosen:
        """Return the event that a valid form says."""
        found = self.cleaned_data
        return PackChosen(
            **self.common(actor, at), valid_from=found["valid_from"], valid_to=found["valid_to"]
        )


class EndForm(PackForm):
    """The last day on which a pack holds."""

    valid_to = build_day_field(
        lazy("Last day in force"),
        help_text=lazy(
            "Yesterday ends it at once. Sites that it closed stay closed until reopened."
        ),
    )

    def event(self, actor: str, at: datetime) -> PackEnded:
        """Return the event that a valid form says."""
        return PackEnded(**self.common(actor, at), valid_to=self.cleaned_data["valid_to"])
