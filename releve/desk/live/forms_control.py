"""The forms of outages, tests on a visit, attendance, authorisations and audits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import build_day_field, build_id_field, build_time_field
from releve.desk.live.forms import LONGEST, RecordForm
from releve.situation import (
    AgentsPresent,
    AuditVerdict,
    AuthorisationGranted,
    Event,
    LinkDown,
    LinkUp,
    PeopleTested,
    PowerDown,
    PowerUp,
)

__all__ = ["AttendanceForm", "AuditForm", "AuthorisationForm", "OutageForm", "TestsForm"]

_MOST_PEOPLE = 1_000_000


class OutageForm(RecordForm):
    """A link, the home lines of a carrier or the power of a site: down, or back."""

    what = forms.ChoiceField(
        label=lazy("What"),
        choices=(
            ("link", lazy("the link of a site")),
            ("power", lazy("the power of a site")),
            ("carrier", lazy("the home lines of a carrier")),
        ),
        widget=forms.RadioSelect,
        initial="link",
    )
    state = forms.ChoiceField(
        label=lazy("How it is"),
        choices=(("down", lazy("down")), ("up", lazy("back"))),
        widget=forms.RadioSelect,
        initial="down",
    )
    carrier = forms.ChoiceField(label=lazy("Carrier"), required=False)
    expected_until = build_time_field(lazy("Expected back"), lazy("Empty: not known."))
    field_order = ("what", "site", "carrier", "state", "happened_at", "expected_until", "key")

    def prepare(self, site: str) -> None:
        self.initial.update({"what": "link", "state": "down"})
        self.fields["site"].required = False
        self.set_choices(
            "carrier", [("", _("choose")), *((row, row) for row in self.place.carriers)]
        )
        if not self.place.carriers:
            del self.fields["carrier"]
            self.set_choices("what", list(self.fields["what"].choices)[:2])  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for the site or the carrier, whichever it is about."""
        found = super().clean() or {}
        field = "carrier" if found.get("what") == "carrier" else "site"
        if not found.get(field) and field not in self.errors:
            self.add_error(field, _("Say which one."))
        return found

    def event(self, actor: str) -> Event:
        found, common = self.cleaned_data, self.common(actor)
        until = found["expected_until"]
        if until is not None:
            until = self.place.instant(until, found["site"])
        down, what = found["state"] == "down", found["what"]
        if what == "power":
            return PowerDown(**common, expected_until=until) if down else PowerUp(**common)
        of_carrier = what == "carrier"
        common["site"] = "" if of_carrier else found["site"]
        carrier = found["carrier"] if of_carrier else ""
        if down:
            return LinkDown(**common, carrier=carrier, expected_until=until)
        return LinkUp(**common, carrier=carrier)


class TestsForm(RecordForm):
    """Tests done on a visit: counts only."""

    tested = forms.IntegerField(
        label=lazy("How many were tested"), min_value=0, max_value=_MOST_PEOPLE
    )
    positive = forms.IntegerField(
        label=lazy("How many were positive"),
        required=False,
        min_value=0,
        max_value=_MOST_PEOPLE,
        help_text=lazy("Empty: not known yet. Each positive is declared by itself, too."),
    )
    inspection = forms.ChoiceField(
        label=lazy("On which inspection"), required=False, help_text=lazy("Empty: on none.")
    )
    field_order = ("site", "inspection", "tested", "positive", "happened_at", "key")

    def offer(self, visits: Sequence[tuple[str, str]]) -> None:
        """Offer inspections to choose from, as (id, label)."""
        self.set_choices("inspection", [("", "–"), *visits])

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        return PeopleTested(
            **self.common(actor),
            tested=found["tested"],
            positive=found["positive"],
            inspection=found["inspection"],
        )


class AttendanceForm(RecordForm):
    """The attendance of a site on a day, as a number or as names."""

    day = build_day_field(lazy("Day"))
    count = forms.IntegerField(
        label=lazy("How many"), required=False, min_value=0, max_value=_MOST_PEOPLE
    )
    agents = forms.CharField(
        label=lazy("Who, by pseudonym, with commas between"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea({"rows": 3, "autocapitalize": "none"}),
        help_text=lazy("May stay empty: then only the number is recorded."),
    )
    field_order = ("site", "day", "count", "agents", "happened_at", "key")

    def prepare(self, site: str) -> None:
        self.initial["day"] = self.place.day(site)

    def clean(self) -> dict[str, Any]:
        """Ask for a number or for names."""
        found = super().clean() or {}
        if found.get("count") is None and not found.get("agents") and "count" not in self.errors:
            self.add_error("count", _("Say how many, or who."))
        return found

    def event(self, actor: str) -> Event:
        found, agents = self.cleaned_data, self.names("agents")
        count = len(agents) if found["count"] is None else found["count"]
        return AgentsPresent(**self.common(actor), day=found["day"], count=count, agents=agents)


class AuthorisationForm(RecordForm):
    """A dated permit of a site, a vehicle or the movement of an agent."""

    of = forms.ChoiceField(
        label=lazy("Of what"),
        choices=(
            ("site", lazy("a site")),
            ("vehicle", lazy("a vehicle")),
            ("agent", lazy("the movement of an agent")),
        ),
        widget=forms.RadioSelect,
        initial="site",
    )
    authorisation = forms.CharField(label=lazy("Its number"), max_length=64)
    vehicle = forms.CharField(label=lazy("Vehicle"), required=False, max_length=64)
    agent = build_id_field(lazy("Agent’s pseudonym"), required=False)
    authority = forms.CharField(label=lazy("Who granted it"), required=False, max_length=LONGEST)
    valid_from = build_day_field(lazy("First day"))
    valid_to = build_day_field(lazy("Last day"))
    field_order = (
        "of", "site", "vehicle", "agent", "authorisation", "authority", "valid_from", "valid_to",
        "happened_at", "key",
    )  # fmt: skip

    def prepare(self, site: str) -> None:
        self.initial["of"] = "site"
        self.fields["site"].required = False

    def clean(self) -> dict[str, Any]:
        """Ask for the site, the vehicle or the agent, whichever it is of."""
        found = super().clean() or {}
        field = found.get("of", "site")
        if not found.get(field) and field not in self.errors:
            self.add_error(field, _("Say which one."))
        return found

    def event(self, actor: str) -> Event:
        found, common = self.cleaned_data, self.common(actor)
        of = found["of"]
        common["site"] = found["site"] if of == "site" else ""
        return AuthorisationGranted(
            **common,
            of=of,
            authorisation=found["authorisation"].strip(),
            vehicle=found["vehicle"].strip() if of == "vehicle" else "",
            agent=found["agent"].strip() if of == "agent" else "",
            authority=found["authority"],
            valid_from=found["valid_from"],
            valid_to=found["valid_to"],
        )


class AuditForm(RecordForm):
    """The auditor's verdict on one measure of the charter."""

    measure = forms.ChoiceField(label=lazy("Measure of the charter"))
    evidence = forms.CharField(
        label=lazy("What was seen"), max_length=LONGEST, widget=forms.Textarea({"rows": 3})
    )
    verdict = forms.ChoiceField(
        label=lazy("Verdict"),
        choices=(
            ("met", lazy("met")),
            ("partly", lazy("partly met")),
            ("not_met", lazy("not met")),
        ),
        widget=forms.RadioSelect,
    )
    valid_to = build_day_field(lazy("Last day it holds"))
    auditor = forms.CharField(label=lazy("Auditing body"), max_length=LONGEST)
    field_order = (
        "site", "measure", "evidence", "verdict", "valid_to", "auditor", "happened_at", "key",
    )  # fmt: skip

    def prepare(self, site: str) -> None:
        measures = () if self.place.charter is None else self.place.charter.measures
        french = self.place.text.french
        rows = [(row.id, row.text_fr if french else row.text) for row in measures]
        self.set_choices("measure", [("", _("choose")), *rows])
        if len(self.place.sites) == len(self.place.operator.sites) > 1:
            names = [(key, self.place.operator.site[key].name) for key in self.place.sites]
            self.set_choices("site", [("", _("the operator as a whole")), *names])
            self.fields["site"].required = False

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        return AuditVerdict(
            **self.common(actor),
            measure=found["measure"],
            evidence=found["evidence"],
            verdict=found["verdict"],
            valid_to=found["valid_to"],
            auditor=found["auditor"],
        )
