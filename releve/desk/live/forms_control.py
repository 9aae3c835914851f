"""The forms of outages, tests, attendance, authorisations and audits; the list of all forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from releve.accounts.scopes import scope_for
from releve.desk.access.guard import actor_name
from releve.desk.forms import (
    build_count_field,
    build_day_field,
    build_id_field,
    build_radio_field,
    build_text_field,
    build_time_field,
    set_choices,
)
from releve.desk.live.forms import PRIVATE, CaseForm, CheckForm, ClosureForm, RecordForm, read_clocks
from releve.desk.live.photo_field import InspectionForm
from releve.desk.live.words import when
from releve.live import api as live
from releve.situation import (
    AgentBack,
    AgentsPresent,
    AgentUnavailable,
    AuditVerdict,
    AuthorisationGranted,
    Event,
    LinkDown,
    LinkUp,
    Notice,
    PeopleTested,
    PowerDown,
    PowerUp,
    list_notices,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

_MOST_PEOPLE = 1_000_000
_MOST_VISITS = 20
_OUTAGES: Mapping[tuple[str, str], type[Event]] = {
    ("link", "down"): LinkDown,
    ("link", "up"): LinkUp,
    ("power", "down"): PowerDown,
    ("power", "up"): PowerUp,
    ("carrier", "down"): LinkDown,
    ("carrier", "up"): LinkUp,
}
"""What is recorded of what is down or back."""


class OutageForm(RecordForm):
    """A link, the home lines of a carrier or the power of a site: down, or back."""

    name = "record_outage"
    permission = "event.record.other"
    answers = ("outage.",)
    recent = True
    title = lazy("Link or power")
    teaser = lazy("Down, with its consequences first; or back")
    intro = lazy("What goes down is lost for the plan: the consequences are shown in numbers first.")
    confirm = lazy("Record that it is down")
    several = True

    what = build_radio_field(
        lazy("What"),
        ("link", lazy("the link of a site")),
        ("power", lazy("the power of a site")),
        ("carrier", lazy("the home lines of a carrier")),
        initial="link",
    )
    state = build_radio_field(lazy("How it is"), ("down", lazy("down")), ("up", lazy("back")), initial="down")
    carrier = forms.ChoiceField(label=lazy("Carrier"), required=False)
    expected_until = build_time_field(lazy("Expected back"), lazy("Empty: not known."))
    field_order = ("what", "site", "also", "carrier", "state", "happened_at")

    def prepare(self, site: str) -> None:
        self.fields["site"].required = False
        carriers = [(row, row) for row in self.place.carriers]
        set_choices(self, "carrier", [("", _("choose")), *carriers])
        if not carriers:
            del self.fields["carrier"]
            set_choices(self, "what", list(self.fields["what"].choices)[:2])  # type: ignore[attr-defined]

    def fill(self, request: HttpRequest) -> None:
        """Fill the form in for the return of what a link names, by what of it is down."""
        carrier, site = request.GET.get("carrier", ""), request.GET.get("site", "")
        if request.GET.get("state") == "up":
            down = [what for what, name in self.place.situation.outages if name == (carrier or site)]
            self.initial.update({"state": "up", "carrier": carrier, "what": down[0] if down else "link"})

    def clean(self) -> dict[str, Any]:
        """Ask for the site or the carrier, whichever it is about."""
        found = super().clean() or {}
        asked, other = ("carrier", "site") if found.get("what") == "carrier" else ("site", "carrier")
        _ask_for(self, asked)
        return {**found, other: ""}

    def event(self, actor: str) -> Event:
        self.records = _OUTAGES[self.cleaned_data["what"], self.cleaned_data["state"]]
        return super().event(actor)


class TestsForm(RecordForm):
    """Tests done on a visit: counts only."""

    name = "record_tests"
    permission = "event.record.case"
    title = lazy("Tests on a visit")
    teaser = lazy("How many, and how many positive")
    intro = lazy("Numbers only, never who. The number of positives is health data.")
    records = PeopleTested

    inspection = forms.ChoiceField(label=lazy("On which inspection"), required=False, help_text=lazy("Empty: on none."))
    tested = build_count_field(lazy("How many were tested"), _MOST_PEOPLE, required=True)
    positive = build_count_field(
        lazy("How many were positive"),
        _MOST_PEOPLE,
        help_text=lazy("Empty: not known yet. Each positive is declared by itself, too."),
    )

    def fill(self, request: HttpRequest) -> None:
        """Offer the last inspections of the sites, the newest first."""
        place = self.place
        found = place.situation.inspections
        newest = [row for row in found if row.site in place.sites][-_MOST_VISITS:]
        visits = [
            (row.id, f"{place.operator.site[row.site].name}, {when(row.happened_at, place.text)} ({row.authority})")
            for row in reversed(newest)
        ]
        set_choices(self, "inspection", [("", "–"), *visits])


class AttendanceForm(RecordForm):
    """The attendance of a site on a day, as a number or as names."""

    name = "record_attendance"
    permission = "event.record.other"
    title = lazy("Attendance")
    teaser = lazy("How many are at a site, or who")
    intro = lazy("The last record of a day counts.")
    records = AgentsPresent

    day = build_day_field(lazy("Day"))
    count = build_count_field(lazy("How many"), _MOST_PEOPLE)
    agents = build_text_field(
        lazy("Who, by pseudonym, with commas between"),
        longest=200_000,
        widget=forms.Textarea({"rows": 3, "autocapitalize": "none"}),
        help_text=lazy("May stay empty: then only the number is recorded."),
    )

    def prepare(self, site: str) -> None:
        self.initial["day"] = self.place.propose_day(site)

    def clean(self) -> dict[str, Any]:
        """Ask for a number or for names."""
        found = super().clean() or {}
        if found.get("count") is None and not found.get("agents") and "count" not in self.errors:
            self.add_error("count", _("Say how many, or who."))
        return found

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        count, agents = self.cleaned_data["count"], self.names("agents")
        return {"count": len(agents) if count is None else count, "agents": agents}


class AbsenceForm(RecordForm):
    """An agent is not available for a time, now or ahead, or is available again.

    Times are those of the agent's home site. The absences that the user noted are offered with their
    reasons, which no other user sees but the health officer.
    """

    name = "record_absence"
    permission = "event.record.other"
    title = lazy("Absence or activity")
    teaser = lazy("Leave, training, a meeting: now or ahead")
    intro = lazy(
        "Who is away is not placed, not counted and not called; where others can take the calls, the relief"
        " follows at once. The reason is for you and the health officer alone: all others see “absent”."
    )
    answers = ("absence.",)
    records = AgentUnavailable
    aliases: ClassVar[Mapping[str, str]] = {"happened_at": "start"}
    field_order = ("what", "absence", "agent", "start", "until", "reason")

    what = build_radio_field(
        lazy("What is recorded"),
        ("away", lazy("the agent is not available")),
        ("back", lazy("the agent is available again")),
        initial="away",
    )
    absence = forms.ChoiceField(
        label=lazy("Which absence ends"), required=False, help_text=lazy("Those that you noted and that are not over.")
    )
    agent = build_id_field(
        lazy("Agent’s pseudonym"), help_text=lazy("As in the roster, for example a00042. Never a name."), required=False
    )
    start = build_time_field(lazy("From, on the clocks of the agent’s home site"), lazy("Empty: now."))
    until = build_time_field(lazy("Available again from"), lazy("Empty: not known yet."))
    reason = forms.ChoiceField(label=lazy("What for"), required=False, widget=forms.Select(PRIVATE))

    def prepare(self, site: str) -> None:
        del self.fields["site"], self.fields["happened_at"]
        set_choices(self, "reason", [("", _("not said")), *ABSENCE_REASON_WORDS.items()])

    def fill(self, request: HttpRequest) -> None:
        """Offer the absences that the user noted, and those that agents stated by a link, which are not over."""
        self.reach, self.own = scope_for(request.user, "health.see"), dict[str, str]()
        place, choices = self.place, [("", _("every one that has begun"))]
        for agent, rows in sorted(place.situation.absences.items()):
            home = self._find_home(agent)
            for row in rows if home else ():
                noted = row.actor in (actor_name(request), *AgentUnavailable.BY_MESSAGE)
                if noted and (row.until is None or row.until > place.at):
                    self.own[row.event] = agent
                    text = place.text.at_site(place.operator.site[home].time_zone)
                    ends = _("end not known") if row.until is None else when(row.until, text)
                    why = ABSENCE_REASON_WORDS.get(row.reason, _("not said"))
                    choices.append((row.event, f"{agent}: {when(row.start, text)} – {ends} ({why})"))
        set_choices(self, "absence", choices)

    def _find_home(self, agent: str) -> str:
        """Return the home site of an agent of one of the user's sites; empty: there is none."""
        row = self.place.operator.agent.get(agent)
        return row.home_site if row is not None and row.home_site in self.place.sites else ""

    def clean(self) -> dict[str, Any]:
        """Ask for an agent of one of the user's sites, and for an end after the start."""
        found = super().clean() or {}
        agent = self.own.get(found.get("absence", ""), "") if found.get("what") == "back" else ""
        agent = agent or found.get("agent", "")
        self.clocks_of = self._find_home(agent)
        if not self.clocks_of and "agent" not in self.errors:
            self.add_error("agent", _("There is no agent of this pseudonym at your sites: write it as in the roster."))
        return {**found, "agent": agent}

    def event(self, actor: str) -> Event:
        said = self.cleaned_data
        signed, site = live.sign_event(self.place.stream, actor), self.clocks_of
        start, until = (None if said[name] is None else read_clocks(said[name], site) for name in ("start", "until"))
        if said["what"] == "away":
            return AgentUnavailable(**signed, agent=said["agent"], start=start, until=until, reason=said["reason"])
        signed["happened_at"] = min(start or self.place.at, self.place.at)
        ends = said["absence"] or ("" if self.reach.has_site(site) else AgentBack.OWN)
        return AgentBack(**signed, agent=said["agent"], absence=ends)


ABSENCE_REASON_WORDS = {
    "leave": pgettext_lazy("reason of an absence", "leave"),
    "sickness": pgettext_lazy("reason of an absence", "sickness"),
    "training": pgettext_lazy("reason of an absence", "training"),
    "coaching": pgettext_lazy("reason of an absence", "coaching"),
    "meeting": pgettext_lazy("reason of an absence", "meeting"),
    "other": pgettext_lazy("reason of an absence", "other"),
}


class AuthorisationForm(RecordForm):
    """A dated permit of a site, a vehicle or the movement of an agent."""

    name = "record_authorisation"
    permission = "event.record.other"
    answers = ("authorisation.", "site.not_plannable")
    title = lazy("Authorisation")
    teaser = lazy("Of a site, a vehicle or an agent’s movement")
    intro = lazy("A site that needs one and has none is not planned. None ends soon.")
    records = AuthorisationGranted

    of = build_radio_field(
        lazy("Of what"),
        ("site", lazy("a site")),
        ("vehicle", lazy("a vehicle")),
        ("agent", lazy("the movement of an agent")),
        initial="site",
    )
    authorisation = build_text_field(lazy("Its number"), longest=64, required=True)
    vehicle = build_text_field(lazy("Vehicle"), longest=64)
    agent = build_id_field(lazy("Agent’s pseudonym"), required=False)
    authority = build_text_field(lazy("Who granted it"))
    valid_from = build_day_field(lazy("First day"))
    valid_to = build_day_field(lazy("Last day"))
    field_order = ("of", "site", "vehicle", "agent")

    def prepare(self, site: str) -> None:
        self.fields["site"].required = False

    def notes(self) -> Iterator[Notice]:
        return _list_notices(self)

    def introduce(self, notes: Sequence[Notice]) -> StrPromise:
        ending = lazy("A site that needs one and has none is not planned. Ending soon, or ended:")
        return ending if notes else self.intro

    def clean(self) -> dict[str, Any]:
        """Ask for the site, the vehicle or the agent, whichever it is of."""
        found = super().clean() or {}
        _ask_for(self, found.get("of", "site"))
        return found

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        found = self.cleaned_data
        subjects = ("site", "vehicle", "agent")
        return {name: found[name] if name == found["of"] else "" for name in subjects}


class AuditForm(RecordForm):
    """The auditor's verdict on one measure of the charter."""

    name = "record_audit"
    permission = "event.record.inspection"
    answers = ("audit.",)
    title = lazy("Audit of the charter")
    teaser = lazy("Evidence, verdict and until when it holds")
    intro = lazy("One measure at a time; the last verdict on a measure counts.")
    records = AuditVerdict

    measure = forms.ChoiceField(label=lazy("Measure of the charter"))
    evidence = build_text_field(lazy("What was seen"), rows=3, required=True)
    verdict = build_radio_field(
        lazy("Verdict"), ("met", lazy("met")), ("partly", lazy("partly met")), ("not_met", lazy("not met"))
    )
    valid_to = build_day_field(lazy("Last day it holds"))
    auditor = build_text_field(lazy("Auditing body"), required=True)

    def prepare(self, site: str) -> None:
        set_choices(self, "measure", [("", _("choose")), *self.place.list_measures()])
        if len(self.place.sites) == len(self.place.operator.sites) > 1:
            names = self.place.list_names()
            set_choices(self, "site", [("", _("the operator as a whole")), *names])
            self.fields["site"].required = False

    def notes(self) -> Iterator[Notice]:
        return _list_notices(self)


def _ask_for(form: RecordForm, field: str) -> None:
    """Refuse a form without the field that it is about."""
    if not form.cleaned_data.get(field) and field not in form.errors:
        form.add_error(field, _("Say which one."))


def _list_notices(form: RecordForm) -> Iterator[Notice]:
    """Yield the notices that a form answers, at the sites that the user may see."""
    place = form.place
    every = len(place.sites) == len(place.operator.sites)
    rules = live.select_rules(place.situation)
    for row in list_notices(place.situation, place.operator, rules, place.at):
        if row.code.startswith(form.answers) and (row.site in place.sites if row.site else every):
            yield row


FORMS: tuple[type[RecordForm], ...] = (
    CaseForm,
    ClosureForm,
    CheckForm,
    InspectionForm,
    TestsForm,
    OutageForm,
    AttendanceForm,
    AbsenceForm,
    AuthorisationForm,
    AuditForm,
)
"""In the order in which they are offered."""
