"""The form that makes a pack: what it is, its period, its language; sound values stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import PlainForm, build_day_field, set_choices
from releve.evidence.errors import PackRefused
from releve.evidence.reach import PackChoice
from releve.evidence.sources import PackRequest
from releve.evidence.store import IssuedPack, issue_pack

_DAYS = 14
_TITLES = {
    "inspection": lazy("Inspection: {name}"),
    "client": lazy("Client: {name}"),
    "audit": lazy("Audit of the charter"),
    "association": lazy("Association"),
    "crashtest": lazy("Crash test: {name}"),
}
"""What may be made, by its kind."""


class EvidencePackForm(PlainForm):
    """What to make; the period proposed ends before the last root was signed."""

    made: IssuedPack
    what = forms.ChoiceField(label=lazy("Pack"))
    first = build_day_field(lazy("First day"))
    last = build_day_field(lazy("Last day"))
    language = forms.ChoiceField(
        label=lazy("Language"), choices=[("fr", "Français"), ("en", "English")]
    )

    def __init__(
        self, *args: Any, choices: Iterable[PackChoice], sealed: date, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        rows = (
            (f"{one.kind}:{one.recipient}", str(_TITLES[one.kind]).format(name=one.name))
            for one in choices
        )
        set_choices(self, "what", list(rows))
        self.initial.setdefault("first", sealed - timedelta(days=_DAYS))
        self.initial.setdefault("last", sealed - timedelta(days=1))
        self.initial.setdefault("language", (get_language() or "fr")[:2])

    def make(self, by: str) -> None:
        """Make the pack that a valid form says: ``made``."""
        self.made = issue_pack(self.cleaned_data["request"], by, timezone.now())

    def clean(self) -> dict[str, Any]:
        """Return the fields with the request that they make."""
        found = super().clean() or {}
        if {"what", "first", "last", "language"} <= set(found):
            kind, _colon, recipient = found["what"].partition(":")
            try:
                found["request"] = PackRequest(
                    kind, recipient, found["first"], found["last"], found["language"]
                )
            except PackRefused:
                self.add_error(
                    "last", _("The last day comes after the first, at most a year later.")
                )
        return found
