"""The form that takes a step of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import PlainForm, set_choices
from releve.desk.valve.words import REASONS, STEPS

__all__ = ["ContractStepForm"]


class ContractStepForm(PlainForm):
    """A step that this installation may take now, with what the step asks for.

    ``before`` is the digest that the page showed: a step on an older state is refused.
    """

    before = forms.CharField(widget=forms.HiddenInput, max_length=64)
    kind = forms.ChoiceField(label=lazy("Step"))
    reference = forms.CharField(
        label=lazy("Reference"),
        help_text=lazy("Of the client’s agreement, or of the payment: letter, date."),
        max_length=200,
        required=False,
    )
    reason = forms.ChoiceField(
        label=lazy("Reason of a recall"), choices=[("", "—"), *REASONS.items()], required=False
    )
    cents = forms.IntegerField(
        label=lazy("Paid, in cents"), min_value=0, max_value=10**12, required=False
    )

    def __init__(self, *args: Any, kinds: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "kind", [(kind, STEPS[kind]) for kind in kinds])
        if "agree" not in kinds and "settle" not in kinds:
            del self.fields["reference"]
        if "recall" not in kinds:
            del self.fields["reason"]
        if "settle" not in kinds:
            del self.fields["cents"]
