"""The forms for recording, each declared once: the event it records, and the words of its page.

A form keeps its own random key in a hidden field: sent twice, it records once.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.event_reach import build_health_check
from releve.accounts.scopes import scope_for
from releve.accounts.two_people import build_approval_check
from releve.desk.forms import (
    KeyedForm,
    build_count_field,
    build_day_field,
    build_id_field,
    build_radio_field,
    build_text_field,
    build_time_field,
    set_choices,
)
from releve.desk.http import unrecorded
from releve.desk.live.words import refusal_text
from releve.desk.places.page import StreamContext
from releve.desk.text import text_now
from releve.live import api as live
from releve.network.moments import to_utc
from releve.situation import (
    CaseDeclared,
    CheckDone,
    ClosureRule,
    Event,
    EventRefusal,
    MeasureFinding,
    Notice,
    SiteClosed,
    Situation,
    list_fields,
)
from releve.situation.charter import Charter

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    from releve.accounts.scopes import AnyUser


_T = TypeVar("_T")


class EventForm(KeyedForm):
    """A form that records an event of the kind ``records``, whose fields have the same names.

    ``aliases`` are the fields that are called otherwise in the event; ``clocks_of`` is the site by
    whose clocks refusals are written, empty: the operator's.
    """

    records: type[Event]
    aliases: ClassVar[Mapping[str, str]] = {}
    clocks_of = ""
    failed = 422

    @property
    def http_status(self) -> int:
        """The status of a page with this form: 200, or why nothing was recorded."""
        return self.failed if self.errors else 200

    def build_event(self, *, site: str = "", **given: Any) -> Event:
        """Return the event that a valid form says; what is ``given`` replaces its own fields.

        Times of the form are those of the clocks of ``site``.
        """
        named = {row.name for row in list_fields(self.records)}
        said = {name: value for name, value in self.cleaned_data.items() if name in named}
        times = {name: read_clocks(value, site) for name, value in said.items() if isinstance(value, datetime)}
        place = {"site": site} if "site" in named else {}
        return self.records(**{**said, **times, **place, **given})

    def record(
        self, event: Event, stream: str, user: AnyUser, further: Sequence[Event] = ()
    ) -> live.RecordResult | None:
        """Record an event, and further ones with it, once; None where it is not recorded, and the form says why."""
        checks = [build_record_check(user, one, stream) for one in (event, *further)]

        def judge(situation: Situation) -> Iterable[EventRefusal]:
            return chain.from_iterable(check(situation) for check in checks)

        return self.attempt(lambda: live.record(event, key=self.key_text, stream=stream, judge=judge, further=further))

    def attempt(self, act: Callable[[], _T]) -> _T | None:
        """Return what ``act`` recorded; None where it did not, and the form says why."""
        try:
            return act()
        except live.Refused as error:
            self.refuse(error.reasons)
        except live.Busy as error:
            self.failed = 503
            self.add_error(None, unrecorded(error))
        except live.KeyReused:
            self.failed = 409
            self.add_error(None, _("This form recorded something else before; open it again."))
        return None

    def refuse(self, reasons: Iterable[EventRefusal]) -> None:
        """Put each refusal by the field it is of; the others above the form."""
        operator = live.operator_now()
        text = text_now(operator.row.time_zone)
        if self.clocks_of:
            text = text.at_site(operator.site[self.clocks_of].time_zone)
        for reason in reasons:
            field = self.aliases.get(reason.field, reason.field)
            sentence = refusal_text(reason, operator, text)
            self.add_error(field if field in self.fields else None, sentence)


def build_record_check(user: AnyUser, event: Event, stream: str) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses an event beyond its own checks: one person as two, a plug-in, a reach."""
    checks = (
        build_approval_check(event),
        build_health_check(user, event, live.operator_now()),
        live.build_plugin_check(event, stream),
        live.build_reach_check(user, event, stream, live.operator_now()),
    )
    return lambda situation: chain.from_iterable(check(situation) for check in checks)


def read_clocks(local: datetime, site: str) -> datetime:
    """Return the instant of a time on the clocks of a site; on the operator's where it is none."""
    operator = live.operator_now()
    found = operator.site.get(site)
    name = operator.row.time_zone if found is None else found.time_zone
    return to_utc(local.replace(tzinfo=None), name)


VERDICTS = (
    ("kept", lazy("kept")),
    ("partly", lazy("partly")),
    ("not_kept", lazy("not kept")),
    ("not_applicable", lazy("not applicable")),
)
PRIVATE = {"data-private": ""}
"""Marks a control whose value no device keeps: it is of health, or names people."""


@dataclass(frozen=True)
class Place(StreamContext):
    """Where and when a form is filled in: the stream, and the sites to choose from.

    ``carriers`` are the carriers of home lines, for who records for every site; else none.
    """

    sites: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()

    @property
    def charter(self) -> Charter | None:
        """The charter in force."""
        return live.rules_now(self.stream).charter(self.at.date())

    def list_measures(self) -> tuple[tuple[str, str], ...]:
        """Return the measures of the charter in force, as (id, text)."""
        rows = () if self.charter is None else self.charter.measures
        return tuple((row.id, self.text.own(row)) for row in rows)

    def propose_day(self, site: str) -> date:
        """Return the day of a site, or one that has begun at each where none is chosen yet."""
        return min(map(self.find_day, (site,) if site else self.sites), default=self.find_day())

    def list_names(self) -> list[tuple[str, str]]:
        """Return the sites to choose from, as (id, name)."""
        return [(key, self.operator.site[key].name) for key in self.sites]


class RecordForm(EventForm):
    """The fields of every form: a site, the time of the event there, and the form's key.

    ``name`` is that of its address; ``intro`` stands above the form, ``teaser`` in the list of
    forms; ``confirm`` is the button once the consequences are shown, empty where none are;
    ``answers`` are the beginnings of the codes of the notices that it answers;
    ``draft`` names what the browser keeps of it without a network; ``takes`` is the most bytes, and
    what is said of more; ``several``: other sites may be named to which the same happened.
    ``happened_at`` stands last unless ``field_order`` names it.
    """

    name: ClassVar[str]
    permission: ClassVar[str]
    answers: ClassVar[tuple[str, ...]] = ()
    recent: ClassVar[bool] = False
    title: ClassVar[StrPromise]
    teaser: ClassVar[StrPromise]
    intro: ClassVar[StrPromise]
    send: ClassVar[StrPromise] = lazy("Record")
    confirm: ClassVar[StrPromise | str] = ""
    draft: ClassVar[str] = ""
    takes: ClassVar[tuple[int, Callable[[], str]] | None] = None
    several: ClassVar[bool] = False
    field_order: Any = ("site",)

    site = forms.ChoiceField(label=lazy("Site"))
    happened_at = build_time_field(lazy("When, on the clocks of the site"), help_text=lazy("Empty: now."))

    def __init__(
        self,
        place: Place,
        data: Mapping[str, Any] | None = None,
        site: str = "",
        files: MultiValueDict[str, UploadedFile[Any]] | None = None,
    ) -> None:
        super().__init__(data, files, initial={"site": site})
        self.place = place
        if "happened_at" not in self.field_order:
            self.fields["happened_at"] = self.fields.pop("happened_at")
        names = place.list_names()
        many = [] if len(names) == 1 else [("", _("choose"))]
        set_choices(self, "site", [*many, *names])
        if self.several and many:
            self.fields["also"] = forms.MultipleChoiceField(
                label=_("Other sites, by the same cause at the same time"),
                choices=names, required=False, widget=forms.CheckboxSelectMultiple,
                help_text=_("One record each, and one relief for all."),
            )  # fmt: skip
            self.order_fields(self.field_order)
        self.prepare(site)

    def prepare(self, site: str) -> None:
        """Put in what depends on the place: choices, first values, order of the fields."""

    def fill(self, request: HttpRequest) -> None:
        """Put in what depends on the request."""

    @property
    def closing(self) -> bool | None:
        """Whether a rule closes a site on what is recorded; None where that is not asked."""
        return None

    def notes(self) -> Iterable[Notice]:
        """Yield what is worth knowing before the form is filled in."""
        return ()

    def introduce(self, notes: Sequence[Notice]) -> StrPromise | str:
        """Return what stands above the form, before its notes."""
        return self.intro

    def names(self, field: str) -> tuple[str, ...]:
        """Return the people of a field, separated by commas."""
        found = self.cleaned_data[field].split(",")
        return tuple(name.strip() for name in found if name.strip())

    def common(self, actor: str) -> dict[str, Any]:
        """Return the fields that every event of a site has."""
        site, local = self.cleaned_data["site"], self.cleaned_data["happened_at"]
        own = {**live.sign_event(self.place.stream, actor), "site": site}
        return own if local is None else {**own, "happened_at": read_clocks(local, site)}

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the event that are not those of the form as they are."""
        return {}

    def event(self, actor: str) -> Event:
        """Return the event that a valid form says."""
        common = self.common(actor)
        return self.build_event(**{**common, **self.values(common)})

    def list_further(self, event: Event) -> list[Event]:
        """Return the same of the other sites that a valid form names, if its event is of a site."""
        own = str(getattr(event, "site", ""))
        others = [site for site in self.cleaned_data.get("also", ()) if own and site != own]
        return [replace(event, id=uuid.uuid4().hex, site=site) for site in others]  # type: ignore[call-arg]


class CaseForm(RecordForm):
    """An agent is a case or a contact, or is cleared: status and dates, never a diagnosis."""

    name = "record_case"
    permission = "event.record.case"
    title = lazy("Positive test")
    teaser = lazy("A case, a contact, or a case cleared")
    intro = lazy("Status and dates under a pseudonym. Never a name, a symptom or a result.")
    send = lazy("Declare")
    confirm = lazy("Declare it: the site closes")
    records = CaseDeclared

    agent = build_id_field(
        lazy("Agent’s pseudonym"), help_text=lazy("As in the roster, for example a00042. Never a name.")
    )
    status = build_radio_field(
        lazy("What is declared"),
        ("declared_case", lazy("a positive test")),
        ("contact", lazy("contact of a case")),
        ("cleared", lazy("cleared: may come back")),
        initial="declared_case",
    )
    case = build_id_field(
        lazy("Number of the case that is cleared, or whose contact it is"),
        PRIVATE,
        required=False,
        help_text=lazy(
            "Needed to clear; a contact of a case that proves wrong is released with it. The health"
            " officer opens this form from the case’s page."
        ),
    )
    since = build_day_field(lazy("First day of the measure"), lazy("Empty: the day of the declaration."))
    until = build_day_field(lazy("Last day of the measure"), lazy("Empty: as the rule says."))
    field_order = ("site", "agent", "status", "case", "happened_at")

    def fill(self, request: HttpRequest) -> None:
        """Fill the form in with the clearing of the case that a link names, or a contact of it, if it may be seen."""
        reach = scope_for(request.user, "health.cases")
        cleared, contact_of = request.GET.get("case", ""), request.GET.get("contact_of", "")
        for case in self.place.situation.cases:
            if case.event in (cleared, contact_of) and reach.has_site(case.site):
                own = {"status": "cleared", "agent": case.agent} if case.event == cleared else {"status": "contact"}
                self.initial.update({"site": case.site, "case": case.event, **own})

    @property
    def closing(self) -> bool:
        """Whether a rule closes a site of the place on the stream's day."""
        rules, place = live.rules_now(self.place.stream), self.place
        return any(rules.in_force(ClosureRule, place.find_day(site), place.operator.site[site]) for site in place.sites)


class ClosureForm(RecordForm):
    """A site closes by an order, a hazard or a decision of the operator."""

    name = "record_closure"
    permission = "event.record.closure"
    recent = True
    title = lazy("Closure of a site")
    teaser = lazy("Its consequences are shown first")
    intro = lazy("The consequences are shown in numbers before anything is recorded.")
    send = lazy("Show the consequences")
    confirm = lazy("Close the site")
    several = True
    records = SiteClosed

    cause = build_radio_field(
        lazy("Who or what closes it"),
        ("authority", lazy("an authority’s order")),
        ("hazard", lazy("a hazard")),
        ("operator", lazy("the operator’s decision")),
    )
    hazard = forms.ChoiceField(
        label=lazy("Kind of hazard"),
        choices=(
            ("earthquake", lazy("earthquake")),
            ("fire", lazy("fire")),
            ("flood", lazy("flood")),
            ("storm", lazy("storm")),
            ("blocked", lazy("strike or blocked access")),
            ("other", lazy("other")),
        ),
        initial="other",
        required=False,
        help_text=lazy("The first tasks follow it."),
    )
    authority = build_text_field(lazy("Authority"), help_text=lazy("Needed for an order."))
    reference = build_text_field(lazy("Number of the order"))
    hours = build_count_field(lazy("Closed for at least (hours)"), 8760, help_text=lazy("Empty: no least time."))
    home_only = forms.BooleanField(label=lazy("Its people may work at home only, not on another site"), required=False)
    reason = build_text_field(lazy("Reason, without a person’s name"))
    field_order = ("site", "also", "cause", "hazard", "authority", "reference", "happened_at")
    aliases: ClassVar = {"earliest_reopening": "hours"}

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        hours = self.cleaned_data["hours"]
        until = None if hours is None else common["happened_at"] + timedelta(hours=hours)
        kind = self.cleaned_data["hazard"] or "other"
        return {"earliest_reopening": until, "hazard": kind if self.cleaned_data["cause"] == "hazard" else ""}


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
                label=words[measure], choices=VERDICTS, required=False, widget=forms.RadioSelect({"class": "verdicts"})
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
        lazy("Persons sent home with symptoms (a count)"), 100_000, widget=forms.NumberInput(PRIVATE)
    )
    commission = build_text_field(lazy("Who checked, with commas between"), widget=forms.TextInput(PRIVATE))
    note = build_text_field(lazy("Remark, without a person’s name"))

    def prepare(self, site: str) -> None:
        self.initial["day"] = self.place.propose_day(site)
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
