"""The page of a person's rights: what is stored, in numbers, to be exported or erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.forms import build_id_field
from releve.desk.outbound.request_words import FAULTS
from releve.gate.person_rights import SHORTEST_REASON, RightsRefused, StoredData

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

_REFUSED: Mapping[str, StrPromise] = {
    "number.unreadable": FAULTS["number.unreadable"],
    "reason.short": lazy("Say why, in ten characters or more."),
    "person.several": lazy("Several people hold this number: name the one who asks by their id."),
    "person.elsewhere": lazy("No person of this id is known to hold the number."),
}
_TABLES: Mapping[str, StrPromise] = {
    "consents": lazy("Consents"),
    "withdrawals": lazy("Withdrawals"),
    "contracts": lazy("Contracts"),
    "callbacks": lazy("Requests to be called"),
    "refusals": lazy("Refusals"),
    "attempts": lazy("Calls and attempts"),
}


class RightsForm(forms.Form):
    """The number that the person gives, their id where several hold it, and why it is looked at."""

    number = build_id_field(lazy("Number of the person"), longest=40)
    person = build_id_field(
        lazy("Id of the person, where several hold the number"), longest=255, required=False
    )
    reason = forms.CharField(
        label=lazy("Why (it is recorded)"),
        max_length=500,
        min_length=SHORTEST_REASON,
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def refuse(self, error: RightsRefused) -> None:
        """Show what cannot be done at its field."""
        self.add_error(error.field, str(_REFUSED[error.code]))


@dataclass(frozen=True, slots=True)
class StoredView:
    """What is stored: by client, how many rows of each table; then the counts over all of them."""

    clients: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    counts: tuple[tuple[str, int], ...]
    anything: bool


@dataclass(frozen=True, slots=True)
class RightsPage:
    """The form; what is stored where it was asked for; what was erased."""

    form: RightsForm
    stored: StoredView | None
    erased: str


def build_stored_view(stored: StoredData) -> StoredView:
    """Return what is stored in the words of the desk."""
    return StoredView(
        tuple(
            (
                client or _("Every client"),
                tuple((str(_TABLES[name]), n) for name, n in rows.items()),
            )
            for client, rows in stored.rows.items()
        ),
        (
            (_("Calls decided"), stored.decisions),
            (_("Requests recorded by number"), stored.requests),
            (_("Values in clear, which an erasure takes"), stored.values),
        ),
        stored.anything,
    )


def describe_erasure(count: int) -> str:
    """Return what an erasure did."""
    sentence = ngettext("{count} value was erased.", "{count} values were erased.", count)
    return sentence.format(count=count)
