"""The form of seats: who sat where on the days in question, if it was noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.network import Operator

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
        self._agents = frozenset(operator.agent)
        self._seats = frozenset(seat.id for seat in operator.all_seats)

    @property
    def seats(self) -> Mapping[str, str] | None:
        """The seat by agent; None where nothing was sent, or nothing sound."""
        return self.cleaned_data["seating"] if self.is_valid() else None

    def clean_seating(self) -> Mapping[str, str]:
        """Return the seat by agent; ValidationError names the lines that say nothing known."""
        seating: dict[str, str] = {}
        faults = []
        for number, line in enumerate(self.cleaned_data["seating"].splitlines(), start=1):
            if not line.strip():
                continue
            agent, _separator, seat = (part.strip() for part in line.partition(";"))
            fault = self._fault(agent, seat, seating)
            if fault:
                faults.append(_("Line {number}: {fault}").format(number=number, fault=fault))
            seating[agent] = seat
        if faults:
            raise forms.ValidationError(faults[:_MOST_FAULTS])
        return seating

    def _fault(self, agent: str, seat: str, before: Mapping[str, str]) -> str:
        if agent not in self._agents:
            return _("there is no agent {agent}; check the pseudonym.").format(agent=agent)
        if seat not in self._seats:
            return _("there is no seat {seat}; check it.").format(seat=seat)
        if agent in before:
            return _("{agent} has a seat already; keep one.").format(agent=agent)
        return ""
