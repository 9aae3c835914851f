"""The form for what a person says on the phone, and its answer in numbers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.forms import PlainForm, build_radio_field, set_choices
from releve.desk.outbound.request_words import FAULTS, OUTCOMES, SAYINGS
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.gate.person_answers import CampaignAnswer
from releve.gate.person_requests import OUTCOME, PhoneRequest, RecordedRequest, RequestFault
from releve.outbound.facts import EVERY_CLIENT

_EVERY = "*"
"""The value of the choice of every client: an empty one is none."""


class RequestForm(PlainForm):
    """A number, the client, what was said; a form sent twice has one ``key``: one record."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=128)
    number = forms.CharField(
        label=lazy("Number of the person"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "tel", "type": "tel"}),
    )
    client = forms.ChoiceField(label=lazy("Client"))
    said = build_radio_field(lazy("What was said"), *SAYINGS.items())
    outcome = forms.ChoiceField(
        label=lazy("Outcome"),
        choices=[("", lazy("Only for an outcome")), *OUTCOMES.items()],
        required=False,
    )

    def __init__(self, clients: Sequence[str], every: bool, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(client, client) for client in clients]
        if every:
            named.append((_EVERY, _("Every client")))
        first = [] if len(named) == 1 else [("", _("Choose the client"))]
        set_choices(self, "client", [*first, *named])

    def request(self) -> PhoneRequest:
        """Return what is asked to be recorded."""
        values = self.cleaned_data
        client = EVERY_CLIENT if values["client"] == _EVERY else values["client"]
        outcome = values["outcome"] if values["said"] == OUTCOME else ""
        return PhoneRequest(
            values["key"], values["number"], values["said"], client, outcome=outcome
        )

    def refuse(self, faults: Sequence[RequestFault]) -> None:
        """Show faults at their fields."""
        for fault in faults:
            shown = fault.field if fault.field in self.fields and fault.field != "key" else None
            shown = "number" if fault.field == "call" else shown
            self.add_error(shown, str(FAULTS[fault.code]))


def build_form(clients: Sequence[str], every: bool) -> RequestForm:
    """Return an empty form with a key of its own."""
    return RequestForm(clients, every, initial={"key": secrets.token_urlsafe(16)})


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was recorded and what is refused from now on: a sentence each."""

    headline: str
    number: str
    sentences: tuple[str, ...]
    matched: bool


@dataclass(frozen=True, slots=True)
class RequestPage:
    """The form, and what became of the one before."""

    form: RequestForm
    done: Confirmation | None
    may_see_rights: bool
    may_see_feeds: bool


def build_confirmation(
    found: RecordedRequest, answers: Sequence[CampaignAnswer], number: str, text: Text
) -> Confirmation:
    """Return the confirmation in numbers."""
    client = found.client or _("Every client")
    sentences = [f"{SAYINGS[found.said]} · {client}", _describe_persons(found.persons)]
    if found.said == OUTCOME:
        sentences.append(_("The outcome was recorded."))
    else:
        sentences += _describe_refusals(found, answers, text)
    headline = _("Recorded already") if found.before else _("Recorded")
    return Confirmation(headline, number, tuple(sentences), found.persons > 0)


def _describe_persons(count: int) -> str:
    if not count:
        return _(
            "No person is known under this number. The request stays with the number: it binds any"
            " person recorded under it later."
        )
    sentence = ngettext("{count} person is known under this number.",
                    "{count} people are known under this number.", count)  # fmt: skip
    return sentence.format(count=count)


def _describe_refusals(
    found: RecordedRequest, answers: Sequence[CampaignAnswer], text: Text
) -> list[str]:
    refusing = [one for one in answers if one.for_request]
    sentence = ngettext(
        "From now on, {refusing} of {count} running campaign refuses to call this number.",
        "From now on, {refusing} of {count} running campaigns refuse to call this number.",
        len(answers),
    ).format(refusing=len(refusing), count=len(answers))
    sentences = [sentence] if found.persons or refusing else []
    if found.consents:
        consents = ngettext("{count} consent was taken back.", "{count} consents were taken back.",
                            found.consents)  # fmt: skip
        sentences.append(consents.format(count=found.consents))
    instants = [one.next_allowed for one in refusing if one.next_allowed is not None]
    if refusing and not instants:
        sentences.append(_("Only a consent given later would allow a call again."))
    elif instants:
        sentences.append(
            _("The first call could be placed again: {when}.").format(
                when=when(min(instants), text)
            )
        )
    return sentences
