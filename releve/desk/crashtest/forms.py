"""The form that starts a crash test."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.crashtest.outbreak.random_ids import DAYS_MOST
from releve.crashtest.policies import POLICIES
from releve.desk.crashtest.words import SOURCE_WORDS
from releve.desk.forms import PlainForm, set_choices
from releve.desk.text import translate_phrase
from releve.runs.crash_test_job import CrashTestOrder
from releve.runs.job_store import current_stamp

QUARTERS_MOST = 100_000


class StartForm(PlainForm):
    """What is run: plan, policies, how many quarters of how many days."""

    name = forms.CharField(label=lazy("Name of the run"), max_length=80)
    plan = forms.ChoiceField(label=lazy("Plan"))
    beside = forms.ChoiceField(label=lazy("Compared with"), required=False)
    policies = forms.MultipleChoiceField(
        label=lazy("Policies side by side"),
        initial=["as-given", "no-rule", "no-tests"],
        widget=forms.CheckboxSelectMultiple,
        help_text=lazy("The first one ticked is what the others are compared with."),
    )
    quarters = forms.IntegerField(
        label=lazy("Simulated quarters"), initial=1000, min_value=1, max_value=QUARTERS_MOST
    )
    days = forms.IntegerField(
        label=lazy("Days of a quarter"), initial=90, min_value=1, max_value=DAYS_MOST
    )
    seed = forms.IntegerField(
        label=lazy("Seed"),
        initial=0,
        min_value=0,
        max_value=2**62,
        help_text=lazy("The same seed meets the same disasters, so that runs can be compared."),
    )
    hazards = forms.BooleanField(
        label=lazy("With outages: power, links, weather, strikes"), required=False, initial=True
    )
    nearest = forms.BooleanField(
        label=lazy("A weekday without a plan takes the one of the nearest weekday"),
        required=False,
    )

    def __init__(self, *args: Any, sources: dict[str, tuple[str, ...]], **options: Any) -> None:
        super().__init__(*args, **options)
        policies = [(row.id, translate_phrase(row.text)) for row in POLICIES.values()]
        set_choices(self, "policies", policies)
        choices = [(name, SOURCE_WORDS.get(name, name)) for name in sources]
        set_choices(self, "plan", choices)
        set_choices(self, "beside", [("", _("no second plan")), *choices])

    def order(self, by: str, version: int, agents: int) -> CrashTestOrder:
        """Return the order that a valid form makes, on a version of the reference data."""
        found = {**self.cleaned_data, "policies": tuple(self.cleaned_data["policies"])}
        return CrashTestOrder(**found, by=by, at=current_stamp(), version=version, agents=agents)

    def clean(self) -> dict[str, Any]:
        """Refuse a plan beside itself."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("beside") and found["beside"] == found.get("plan"):
            self.add_error("beside", _("Name another plan, or none."))
        return found
