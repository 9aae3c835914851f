"""The forms for recording, and the events built from them.

A form keeps its own random key in a hidden field: sent twice, it records once.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import KeyedForm, build_day_field, build_id_field, build_time_field
from releve.desk.live.words import refusal_text
from releve.desk.text import Text
from releve.network import Operator
from releve.network.clock import to_utc, zone
from releve.situation import (
    CaseDeclared,
    CheckDone,
    DeclaredCase,
    Event,
    EventRefusal,
    MeasureFinding,
    SiteClosed,
)
from releve.situation.charter import Charter

__all__ = [
    "PRIVATE",
    "CaseForm",
    "CheckForm",
    "ClosureForm",
    "FindingsForm",
    "Place",
    "RecordForm",
    "show_refusals",
]

_SITE = frozenset({"site.unknown", "closure.closed_already", "closure.past"})
_FIELD_OF = {
    "agent.unknown": "agent",
    "case.nothing_to_clear": "case",
    "case.names_case": "case",
    "case.dates": "until",
    "case.too_long": "until",
    "case.since": "since",
    "closure.cause": "authority",
    "closure.rule": "cause",
    "closure.earliest": "hours",
    "outage.expected": "expected_until",
    "tests.counts": "positive",
    "attendance.counts": "count",
    "attendance.twice": "agents",
    "authorisation.dates": "valid_to",
    "authorisation.taken": "authorisation",
    "audit.expiry": "valid_to",
    "date.future": "happened_at",
    "date.too_old": "happened_at",
    "check.day": "day",
    **dict.fromkeys(_SITE, "site"),
}
"""The field beside which a refusal is shown, by code; the others are shown above the form."""
_VERDICTS = (
    ("kept", lazy("kept")),
    ("partly", lazy("partly")),
    ("not_kept", lazy("not kept")),
    ("not_applicable", lazy("not applicable")),
)
LONGEST = 500
PRIVATE = {"data-private": ""}
"""Marks a control whose value no device keeps: it is of health, or names people."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a form is filled in: the sites to choose from, the stream's time.

    ``carriers`` are the carriers of home lines, for who records for every site; else none.
    """

    operator: Operator
    sites: tuple[str, ...]
    at: datetime
    text: Text
    charter: Charter | None = None
    carriers: tuple[str, ...] = ()

    def instant(self, local: datetime, site: str) -> datetime:
        """Return the instant of a time on the clocks of a site."""
        return to_utc(local.replace(tzinfo=None), self._zone_at(site))

    def day(self, site: str = "") -> date:
        """Return the stream's day on the clocks of a site."""
        return self.at.astimezone(zone(self._zone_at(site))).date()

    def _zone_at(self, site: str) -> str:
        found = self.operator.site.get(site)
        return self.operator.row.time_zone if found is None else found.time_zone


class RecordForm(KeyedForm):
    """The fields of every form: a site, the time of the event there, and the form's key."""

    site = forms.ChoiceField(label=lazy("Site"))
    happened_at = build_time_field(
        lazy("When, on the clocks of the site"), help_text=lazy("Empty: now.")
    )

    def __init__(
        self,
        place: Place,
        data: Mapping[str, Any] | None = None,
        site: str = "",
        files: MultiValueDict[str, UploadedFile[Any]] | None = None,
    ) -> None:
        super().__init__(data, files, initial={"site": site})
        self.place = place
        names = [(key, place.operator.site[key].name) for key in place.sites]
        many = [] if len(names) == 1 else [("", _("choose"))]
        self.set_choices("site", [*many, *names])
        self.prepare(site)

    def prepare(self, site: str) -> None:
        """Put in what depends on the place: choices, first values, order of the fields."""

    def set_choices(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        """Put the choices of a field in their place."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    def common(self, actor: str) -> dict[str, Any]:
        """Return the fields that every event of a site has."""
        site = self.cleaned_data["site"]
        local = self.cleaned_data["happened_at"]
        happened = self.place.at if local is None else self.place.instant(local, site)
        return {
            "id": uuid.uuid4().hex,
            "site": site,
            "happened_at": happened,
            "recorded_at": self.place.at,
            "actor": actor,
        }

    def names(self, field: str) -> tuple[str, ...]:
        """Return the people of a field, separated by commas."""
        found = self.cleaned_data[field].split(",")
        return tuple(name.strip() for name in found if name.strip())

    @abstractmethod
    def event(self, actor: str) -> Event:
        """Return the event that a valid form says."""


class CaseForm(RecordForm):
    """An agent is a case or a contact, or is cleared: status and dates, never a diagnosis."""

    agent = build_id_field(
        lazy("Agent’s pseudonym"),
        help_text=lazy("As in the roster, for example a00042. Never a name."),
    )
    status = forms.ChoiceField(
        label=lazy("What is declared"),
        choices=(
            ("declared_case", lazy("a positive test")),
            ("contact", lazy("contact of a case")),
            ("cleared", lazy("cleared: may come back")),
        ),
        widget=forms.RadioSelect,
        initial="declared_case",
    )
    case = build_id_field(
        lazy("Number of the case that is cleared"),
        PRIVATE,
        required=False,
        help_text=lazy("Needed to clear; the health officer opens this form from the case’s page."),
    )
    since = build_day_field(
        lazy("First day of the measure"),
        required=False,
        help_text=lazy("Empty: the day of the declaration."),
    )
    until = build_day_field(
        lazy("Last day of the measure"),
        required=False,
        help_text=lazy("Empty: as the rule says."),
    )
    field_order = ("site", "agent", "status", "case", "happened_at", "since", "until", "key")

    def prepare(self, site: str) -> None:
        self.initial["status"] = "declared_case"

    def offer_clearing(self, case: DeclaredCase) -> None:
        """Fill the form in with the clearing of a case."""
        names = {"site": case.site, "agent": case.agent, "case": case.event}
        self.initial.update({"status": "cleared", **names})

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        return CaseDeclared(
            **self.common(actor),
            agent=found["agent"].strip(),
            status=found["status"],
            case=found["case"].strip(),
            since=found["since"],
            until=found["until"],
        )


class ClosureForm(RecordForm):
    """A site closes by an order, a hazard or a decision of the operator."""

    cause = forms.ChoiceField(
        label=lazy("Who or what closes it"),
        choices=(
            ("authority", lazy("an authority’s order")),
            ("hazard", lazy("a hazard")),
            ("operator", lazy("the operator’s decision")),
        ),
        widget=forms.RadioSelect,
    )
    authority = forms.CharField(
        label=lazy("Authority"),
        required=False,
        max_length=LONGEST,
        help_text=lazy("Needed for an order."),
    )
    reference = forms.CharField(
        label=lazy("Number of the order"), required=False, max_length=LONGEST
    )
    hours = forms.IntegerField(
        label=lazy("Closed for at least (hours)"),
        required=False,
        min_value=0,
        max_value=8760,
        help_text=lazy("Empty: no least time."),
    )
    home_only = forms.BooleanField(
        label=lazy("Its people may work at home only, not on another site"), required=False
    )
    reason = forms.CharField(
        label=lazy("Reason, without a person’s name"), required=False, max_length=LONGEST
    )
    field_order = (
        "site", "cause", "authority", "reference", "happened_at", "hours", "home_only", "reason",
        "key",
    )  # fmt: skip

    def event(self, actor: str) -> Event:
        found, common = self.cleaned_data, self.common(actor)
        hours = found["hours"]
        return SiteClosed(
            **common,
            cause=found["cause"],
            authority=found["authority"],
            reference=found["reference"],
            earliest_reopening=None
            if hours is None
            else common["happened_at"] + timedelta(hours=hours),
            home_only=found["home_only"],
            reason=found["reason"],
        )


class FindingsForm(RecordForm):
    """A form with a verdict on each measure."""

    def add_measures(self, *, daily: bool) -> None:
        """Add a field for each measure of the charter in force, or for those of the daily check."""
        charter = self.place.charter
        measures = () if charter is None else charter.measures
        self.measures = [row for row in measures if row.daily or not daily]
        for row in self.measures:
            self.fields[f"m-{row.id}"] = forms.ChoiceField(
                label=row.text_fr if self.place.text.french else row.text,
                choices=_VERDICTS,
                required=False,
                widget=forms.RadioSelect({"class": "verdicts"}),
            )

    def findings(self) -> tuple[MeasureFinding, ...]:
        """Return what was found of the measures that were looked at."""
        return tuple(
            MeasureFinding(measure=row.id, verdict=verdict)
            for row in self.measures
            if (verdict := self.cleaned_data[f"m-{row.id}"])
        )


class CheckForm(FindingsForm):
    """The daily check of a site: each measure, the fullest shuttle, who was sent home."""

    day = build_day_field(lazy("Day checked"))
    transport = forms.IntegerField(
        label=lazy("Fullest shuttle (% of its seats)"), required=False, min_value=0, max_value=200
    )
    symptomatic = forms.IntegerField(
        label=lazy("Persons sent home with symptoms (a count)"),
        required=False,
        widget=forms.NumberInput(PRIVATE),
        min_value=0,
        max_value=100_000,
    )
    commission = forms.CharField(
        label=lazy("Who checked, with commas between"),
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput(PRIVATE),
    )
    note = forms.CharField(
        label=lazy("Remark, without a person’s name"), required=False, max_length=LONGEST
    )

    def prepare(self, site: str) -> None:
        self.initial["day"] = self.place.day(site)
        self.add_measures(daily=True)
        last = ("transport", "symptomatic", "commission", "note", "happened_at", "key")
        measures = [name for name in self.fields if name.startswith("m-")]
        self.order_fields(["site", "day", *measures, *last])

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        fill = found["transport"]
        return CheckDone(
            **self.common(actor),
            day=found["day"],
            findings=self.findings(),
            transport_fill=None if fill is None else fill / 100,
            symptomatic=found["symptomatic"],
            commission=self.names("commission"),
            note=found["note"],
        )


def show_refusals(form: RecordForm, reasons: Sequence[EventRefusal]) -> None:
    """Put each refusal by the field it is of; the others above the form."""
    for reason in reasons:
        field = _FIELD_OF.get(reason.code)
        sentence = refusal_text(reason, form.place.operator, form.place.text)
        form.add_error(field if field in form.fields else None, sentence)
