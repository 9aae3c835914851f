"""The forms of a clearing and of a contract: files, clauses, the next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.association.contract_exchange import TermsBeside
from releve.desk.forms import PlainForm, build_count_field, build_text_field, set_choices
from releve.desk.text import translate_error
from releve.desk.valve.words import REASONS, STEPS
from releve.sector import SectorError, parse_rows
from releve.sector.openings import Row

_LONGEST = 200
_MOST_CENTS = 10**12


class _TableField(forms.FileField):
    """A table as CSV, whose value are its rows; none where it was left out."""

    def clean(self, data: Any, initial: Any = None) -> list[Row]:
        """Return the rows; ValidationError where the file is not UTF-8 text."""
        file = super().clean(data, initial)
        try:
            return parse_rows(file.read()) if file else []
        except SectorError as error:
            raise forms.ValidationError(translate_error(error)) from error


class ReliefRequestForm(PlainForm):
    """What is lost, and the clients' terms as files (docs/sector.md)."""

    contingency = forms.ChoiceField(label=lazy("What is lost"))
    ceilings = _TableField(
        label=lazy("Highest prices, CSV"), help_text=lazy("Columns: client, ceiling_cents.")
    )
    approvals = _TableField(
        label=lazy("Receivers that clients approved, CSV"),
        help_text=lazy("Columns: client, operator, destination, valid_from, valid_to."),
    )
    exclusions = _TableField(
        label=lazy("Operators that clients exclude, CSV"),
        help_text=lazy("Columns: client, operator."),
        required=False,
    )

    def __init__(
        self, *args: Any, contingencies: Sequence[tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        set_choices(self, "contingency", contingencies)
        if not contingencies:
            self.fields["contingency"].help_text = _(
                "No plan in force has this day: put one in force first."
            )


class ReliefOfferForm(PlainForm):
    """Packages, prepared and priced, as a file."""

    packages = _TableField(
        label=lazy("Packages, CSV"),
        help_text=lazy(
            "Columns: package, giver, destination, skill, tools, hours_to_start, block,"
            " price_cents, currency, valid_from, valid_to."
        ),
    )


class ClausesForm(PlainForm):
    """The clauses of the contracts that are drafted from the matches."""

    annex = build_text_field(
        lazy("Annex on data protection"),
        help_text=lazy("Its reference, as the two operators agreed it."),
        longest=_LONGEST,
        required=True,
    )
    law = build_text_field(
        lazy("Law that applies"), longest=_LONGEST, initial="Droit français", required=True
    )
    notice_hours = build_count_field(
        lazy("Notice of a recall, hours"),
        1000,
        help_text=lazy("Empty: firm, only a loss recalls the agents."),
    )
    quality_percent = build_count_field(
        lazy("Calls answered, of 100"), 100, initial=80, required=True
    )
    liability_cap_cents = build_count_field(
        lazy("Cap of the liability, cents"),
        _MOST_CENTS,
        help_text=lazy("As the two operators agreed it; 0: none is paid."),
        required=True,
    )
    sip_address = build_text_field(
        lazy("Where the giver takes the calls (SIP)"),
        help_text=lazy("Such as 203.0.113.7:5060. Empty: no call is routed to the giver."),
        longest=_LONGEST,
    )
    outbound_mandate = build_text_field(
        lazy("Mandate of the client, for outbound calls"), longest=_LONGEST
    )
    drill = forms.BooleanField(label=lazy("A drill: no real call moves"), required=False)

    @property
    def clauses(self) -> TermsBeside:
        """The clauses as the drafted contract takes them."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "drill"}
        return TermsBeside(**values)


class ContractStepForm(PlainForm):
    """A step that this installation may take now, with what the step asks for.

    ``before`` is the digest that the page showed: a step on an older state is refused.
    """

    before = forms.CharField(widget=forms.HiddenInput, max_length=64)
    kind = forms.ChoiceField(label=lazy("Step"))
    reference = build_text_field(
        lazy("Reference"),
        help_text=lazy("Of the client’s agreement, or of the payment: letter, date."),
        longest=_LONGEST,
    )
    reason = forms.ChoiceField(
        label=lazy("Reason of a recall"), choices=[("", "—"), *REASONS.items()], required=False
    )
    cents = build_count_field(lazy("Paid, in cents"), _MOST_CENTS)

    def __init__(self, *args: Any, kinds: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "kind", [(kind, STEPS[kind]) for kind in kinds])
        if "agree" not in kinds and "settle" not in kinds:
            del self.fields["reference"]
        if "recall" not in kinds:
            del self.fields["reason"]
        if "settle" not in kinds:
            del self.fields["cents"]
