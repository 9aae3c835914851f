"""The forms with a verdict on each measure: the daily check, and the base of an inspection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import build_count_field, build_day_field, build_text_field
from releve.desk.live.forms import PRIVATE, VERDICTS, RecordForm
from releve.live import api as live
from releve.situation import CheckDone, MeasureFinding


class FindingsForm(RecordForm):
    """A form with a verdict on each measure."""

    def add_measures(self, *, daily: bool) -> list[str]:
        """Add a field for each measure of the charter in force, or for those of the daily check.

        Return the names of the fields.
        """
        charter, words = self.place.charter, dict(self.place.list_measures())
        measures = () if charter is None else charter.measures
        self.measures = [row.id for row in measures if row.daily or not daily]
        for measure in self.measures:
            self.fields[f"m-{measure}"] = forms.ChoiceField(
                label=words[measure],
                choices=VERDICTS,
                required=False,
                widget=forms.RadioSelect({"class": "verdicts"}),
            )
        return [f"m-{measure}" for measure in self.measures]

    def findings(self, otherwise: str = "") -> tuple[MeasureFinding, ...]:
        """Return what was found of the measures that were looked at.

        ``otherwise``: the verdict on those without one; empty = they were not looked at.
        """
        return tuple(
            MeasureFinding(measure=measure, verdict=verdict)
            for measure in self.measures
            if (verdict := self.cleaned_data[f"m-{measure}"] or otherwise)
        )


class CheckForm(FindingsForm):
    """The daily check of a site: each measure, the fullest shuttle, who was sent home."""

    name = "record_check"
    permission = "event.record.check"
    answers = ("check.late", "check.missing", "measure.")
    title = lazy("Daily check")
    teaser = lazy("Measure by measure")
    intro = lazy(
        "Tick that all are kept and mark the exceptions; or mark measure by measure: what is left"
        " empty then is shown as left out, never as kept."
    )
    draft = "check"
    records = CheckDone

    day = build_day_field(lazy("Day checked"))
    all_kept = forms.BooleanField(
        label=lazy("All measures are kept, except those marked otherwise below"), required=False
    )
    transport = build_count_field(lazy("Fullest shuttle (% of its seats)"), 200)
    boarded = build_text_field(
        lazy("Heads in each vehicle, one line each: vehicle, hour at the site, heads"),
        longest=20_000,
        widget=forms.Textarea({"rows": 4, "autocapitalize": "none", "spellcheck": "false"}),
        help_text=lazy("A planned run without a count is left out."),
    )
    symptomatic = build_count_field(
        lazy("Persons sent home with symptoms (a count)"),
        100_000,
        widget=forms.NumberInput(PRIVATE),
    )
    commission = build_text_field(
        lazy("Who checked, with commas between"), widget=forms.TextInput(PRIVATE)
    )
    note = build_text_field(lazy("Remark, without a person’s name"))

    def prepare(self, site: str) -> None:
        self.initial["day"] = self.place.find_day(site)
        measures = self.add_measures(daily=True)
        if not self.place.operator.vehicles:
            del self.fields["boarded"]
        self.order_fields(["site", "day", "all_kept", *measures])

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        fill = self.cleaned_data["transport"]
        return {
            "findings": self.findings("kept" if self.cleaned_data["all_kept"] else ""),
            "transport_fill": None if fill is None else fill / 100,
            "commission": self.names("commission"),
            "boarded": _read_counts(self.cleaned_data.get("boarded", "")),
        }

    def fill(self, request: HttpRequest) -> None:
        """Offer the planned runs to a site to be counted, a line each."""
        own = self.place.sites
        site = own[0] if len(own) == 1 else request.GET.get("site", "")
        if "boarded" in self.fields and site in own:
            self.initial["boarded"] = "\n".join(live.list_runs_to(self.place.stream, site))


def _read_counts(text: str) -> tuple[str, ...]:
    """Return the lines that end in a count; the planned runs that were left as they are do not."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return tuple(line for line in lines if line and not _UNCOUNTED.search(line))


_UNCOUNTED = re.compile(r"(^| )\d\d:\d\d$")
