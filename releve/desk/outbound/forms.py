"""The forms of outbound calls: a look at a person, a request, a person's rights, a rule trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.campaign.person_lookup import SHORTEST_REASON
from releve.campaign.rule_trial import TooManyCalls, try_files
from releve.desk.forms import KeyedForm, build_id_field, build_radio_field, set_choices
from releve.desk.outbound.page import FlipsPage
from releve.desk.outbound.words import SAYINGS, said, word
from releve.desk.text import text_now
from releve.gate.attempt_outcomes import REPORTED_OUTCOMES
from releve.gate.errors import KeyFault
from releve.gate.fault_sentences import FAULT_SENTENCES
from releve.gate.person_requests import OUTCOME, PhoneRequest, RequestFaults, RequestReused
from releve.gate.person_rights import RightsRefused
from releve.network import describe_faults
from releve.outbound import OutboundError
from releve.outbound.errors import FactFaults
from releve.outbound.fact_files import get_forms
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.rule_impact import CALL_COLUMNS

MOST_BYTES = 5_000_000
_EVERY = "*"
"""The value of the choice of every client: an empty one is none."""

_T = TypeVar("_T")


def ask_gate(form: forms.Form, ask: Callable[[dict[str, Any]], _T]) -> tuple[_T | None, int]:
    """Return what ``ask`` makes of the fields, and the status; None where the form shows why not.

    503 where the pseudonyms cannot be computed, 422 for any other fault.
    """
    if not form.is_valid():
        return None, 422
    try:
        return ask(form.cleaned_data), 200
    except KeyFault:
        form.add_error(None, said(FAULT_SENTENCES["gate.key"]))
        return None, 503
    except RightsRefused as error:
        _refuse(form, error.field, error.code)
    except RequestReused:
        _refuse(form, "key", "key.reused")
    except RequestFaults as error:
        for fault in error.faults:
            _refuse(form, "number" if fault.field == "call" else fault.field, fault.code)
    return None, 422


def _refuse(form: forms.Form, field: str, code: str) -> None:
    """Show a fault at its field, where people see that field."""
    shown = field in form.fields and field != "key"
    form.add_error(field if shown else None, said(FAULT_SENTENCES[code]))


class PersonForm(forms.Form):
    """A number whose history is asked for, and why."""

    number = build_id_field(lazy("Number of the person"), longest=40)
    campaign = forms.ChoiceField(label=lazy("Campaign"))
    caller = forms.CharField(label=lazy("Number shown"), max_length=32, required=False)
    reason = forms.CharField(
        label=lazy("Why you look (it is recorded)"), max_length=500, min_length=SHORTEST_REASON
    )

    def __init__(self, names: Sequence[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "campaign", [(name, name) for name in names])


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


class RequestForm(KeyedForm):
    """A number, the client, what was said."""

    number = forms.CharField(
        label=lazy("Number of the person"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "tel", "type": "tel"}),
    )
    client = forms.ChoiceField(label=lazy("Client"))
    said = build_radio_field(lazy("What was said"), *SAYINGS.items())
    outcome = forms.ChoiceField(label=lazy("Outcome"), required=False)

    def __init__(self, clients: Sequence[str], every: bool, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        outcomes = [(name, word(name, "outcome")) for name in REPORTED_OUTCOMES]
        set_choices(self, "outcome", [("", _("Only for an outcome")), *outcomes])
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
            self.key_text, values["number"], values["said"], client, outcome=outcome
        )


class FlipsForm(forms.Form):
    """The calls that wait, the rows that would change, and what is known about the people."""

    calls = forms.FileField(
        label=lazy("Calls that wait (CSV)"),
        help_text=format_lazy(lazy("Columns: {names}."), names=", ".join(CALL_COLUMNS)),
        widget=forms.FileInput({"accept": ".csv"}),
    )
    rows = forms.FileField(
        label=lazy("Rows that add, close or amend (YAML)"),
        help_text=lazy("As they would be added to the table; nothing is loaded."),
        widget=forms.FileInput({"accept": ".yaml,.yml"}),
    )
    facts = forms.FileField(
        label=lazy("What is known (zip of the tables of facts)"),
        help_text=lazy(
            "Without it, what is recorded here is taken; that it was looked at is recorded."
        ),
        widget=forms.FileInput({"accept": ".zip"}),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what is too large to be judged within a request."""
        found = super().clean() or self.cleaned_data
        for name, file in found.items():
            if isinstance(file, UploadedFile) and (file.size or 0) > MOST_BYTES:
                self.add_error(name, say_too_large())
        return found


def say_too_large() -> str:
    """Return what to do with a file that is larger than MOST_BYTES."""
    return _("This file is larger than 5 MB; use the command.")


def describe_table_faults(error: FactFaults) -> tuple[str, ...]:
    """Return what is wrong with tables of facts in the reader's language, a sentence a cause."""
    if not error.faults:
        return (str(error),)
    language = text_now("UTC").language
    return describe_faults(error.faults, _, language, get_forms(), error.sources)


def run_flips(form: FlipsForm, *, by: str) -> FlipsPage:
    """Return what the change would do, or what is wrong with the files; nothing is loaded."""
    files = {name: file.read() for name, file in form.cleaned_data.items() if file}
    name = form.cleaned_data["rows"].name
    try:
        count, found = try_files(
            files["calls"], files["rows"], files.get("facts"), name=name, by=by
        )
    except TooManyCalls as error:
        limit = text_now("UTC").number(error.most)
        fault = _("One call at least and {limit} at most are judged here.").format(limit=limit)
        return FlipsPage(faults=(fault,))
    except FactFaults as error:
        return FlipsPage(faults=describe_table_faults(error))
    except OutboundError as error:
        return FlipsPage(faults=tuple(str(error).split("\n")))
    return FlipsPage(calls=count, flips=found)
