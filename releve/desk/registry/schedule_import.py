"""Schedules and time off of workforce suites as roster: how a file is read, who and what its words are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.demand.import_report import ImportFault, group_import_faults
from releve.demand.log_table import LogTable
from releve.demand.report_recognition import OpenQuestion
from releve.demand.schedule_file import (
    MEANINGS,
    Schedule,
    ScheduleMapping,
    guess_kind,
    read_schedule,
    recognize_schedule,
)
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words
from releve.desk.forms import PlainForm
from releve.desk.http import page_response, takes
from releve.desk.page import PageModel
from releve.desk.registry.call_import import digest_fields, show_form, take_examples
from releve.desk.registry.page import confirm_stored, discard, require_context
from releve.desk.registry.upload import FILE_LIMIT, keep_export, let_go, take_file
from releve.desk.text import translate_error, translate_phrase
from releve.network import Fault, Operator
from releve.registry import service
from releve.registry.edits import ChangedTable, list_proposed_changes
from releve.registry.layouts import SCHEDULE, find_layout, store_layout
from releve.registry.models import Upload
from releve.registry.rosters import RosterDay, RosterImport, build_roster, check_roster, match_agents
from releve.registry.tables import NothingChanged
from releve.registry.uploads import discard_upload, find_upload
from releve.runs.orders import open_readings
from releve.runs.upload_reader import read_sheets_upload

_MEANING_WORDS = {
    "agent": lazy("Agent"),
    "activity": lazy("Activity"),
    "day": lazy("Day"),
    "start": lazy("Start"),
    "end_day": lazy("Day of the end"),
    "end": lazy("End"),
    "length": lazy("Length"),
    "break": lazy("Break"),
}
_KIND_WORDS = {
    "work": lazy("work"),
    "break": lazy("break"),
    "meal": lazy("meal"),
    "training": lazy("training"),
    "coaching": lazy("coaching"),
    "meeting": lazy("meeting"),
    "leave": lazy("leave"),
    "absent": lazy("absent, the reason is not stored"),
    "off": lazy("day off: no row"),
}
register = Library()
add_words(register, "schedule_kind", _KIND_WORDS)
_MOST_ASKED = 100
"""Unknown agents that a form asks for; more are named and left out."""
_MOST_SUGGESTED = 2000


class ScheduleFileForm(forms.Form):
    """One file of a schedule."""

    file = forms.FileField(label=lazy("Schedule or time off of a workforce suite (.csv, .txt, .xlsx)"))


class ScheduleForm(PlainForm):
    """The column of each meaning, what is asked, what each activity is, and who an unknown agent is."""

    def __init__(
        self,
        log: LogTable,
        operator: Operator,
        mapping: ScheduleMapping | None,
        answers: Mapping[str, str],
        schedule: Schedule | None,
        kinds: Mapping[str, str],
        data: object = None,
    ) -> None:
        super().__init__(data)
        self.log, self.schedule, self.agents = log, schedule, match_agents(schedule, operator) if schedule else {}
        self.headers = tuple(log.frame.columns)
        for question in mapping.questions if mapping else ():
            self.fields[question.key] = forms.ChoiceField(
                label=capfirst(translate_phrase(question.describe())),
                choices=[("", _("choose")), *((one, show_form(one)) for one in question.choices)],
                initial=answers.get(question.key, ""),
            )
        zones = sorted({operator.row.time_zone, *(row.time_zone for row in operator.sites), "UTC"})
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Zone of times without an offset"),
            choices=[(zone, zone) for zone in zones],
            required=False,
            initial=answers.get("time_zone") or operator.row.time_zone,
        )
        for number, activity in enumerate(schedule.activities if schedule else ()):
            self.fields[f"a{number}"] = forms.ChoiceField(
                label=activity or _("Rows without an activity"),
                choices=[("", _("choose")), *_KIND_WORDS.items()],
                initial=kinds.get(activity) or guess_kind(activity),
            )
        self.unknown = tuple(name for name, agent in self.agents.items() if not agent)
        ids = {agent.id for agent in operator.agents}
        for number, name in enumerate(self.unknown[:_MOST_ASKED]):
            self.fields[f"g{number}"] = AgentField(
                ids, label=name, required=False, help_text=_("agent of the registry; empty: left out")
            )
        column = {header: key for key, header in (mapping.chosen if mapping else answers).items()}
        for number, header in enumerate(self.headers):
            self.fields[f"c{number}"] = forms.ChoiceField(
                label=header,
                choices=[("", _("not used")), *_MEANING_WORDS.items()],
                required=False,
                initial=column.get(header, "") if column.get(header, "") in MEANINGS else "",
            )
        self.examples = {header: take_examples(log, header) for header in self.headers}

    @property
    def main_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name[:1] not in "cg" or not name[1:].isdigit()]

    @property
    def agent_fields(self) -> list[BoundField]:
        return [self[f"g{number}"] for number in range(min(len(self.unknown), _MOST_ASKED))]

    @property
    def column_fields(self) -> list[tuple[BoundField, tuple[str, ...]]]:
        """The field of each column, with some of its cells."""
        return [(self[f"c{number}"], self.examples[header]) for number, header in enumerate(self.headers)]

    @property
    def kinds(self) -> dict[str, str]:
        """What each activity is: as sent, else as it is known; empty where neither says it."""
        return {name: self._read(f"a{at}") for at, name in enumerate(self.schedule.activities if self.schedule else ())}

    @property
    def chosen_agents(self) -> dict[str, str]:
        """The agent of each name of the file."""
        named = {name: self._read(f"g{at}") for at, name in enumerate(self.unknown[:_MOST_ASKED])}
        return self.agents | named

    def _read(self, name: str) -> str:
        found = self.cleaned_data.get(name) if self.is_bound else self.fields[name].initial
        return str(found or "")


class AgentField(forms.CharField):
    """The id of an agent of the registry."""

    def __init__(self, ids: set[str], **options: Any) -> None:
        attributes = {"autocomplete": "off", "autocapitalize": "none", "list": "agent-ids"}
        super().__init__(widget=forms.TextInput(attributes), max_length=64, **options)
        self.ids = ids

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "").strip()
        if text and text not in self.ids:
            raise forms.ValidationError(_("There is no agent {agent}.").format(agent=text))
        return text


class SchedulePage(PageModel):
    """How a schedule is read, and what it changes of the roster."""

    name: str
    sheet: str = Field(description="Of a workbook")
    sheets: tuple[str, ...]
    reason: str = Field(description="Why the columns are not understood; empty: they are")
    fields_digest: str = Field(description="Of the columns, activities and unknown agents that the form is made from")
    questions: tuple[OpenQuestion, ...]
    rows: int = Field(description="Rows of the file")
    used: int
    agents: int = Field(description="Agents of the file")
    hours: dict[str, float] = Field(description="Hours of the file, by activity")
    unknown: int = Field(description="Agents of the file that are not in the registry")
    left_out: int = Field(description="Agents of the file that are left out")
    days: tuple[RosterDay, ...]
    first: date | None
    last: date | None
    tables: tuple[ChangedTable, ...]
    ready: bool = Field(description="The roster can be stored")
    faults: tuple[ImportFault, ...]
    refused: tuple[Fault, ...]


@takes(*FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_schedule(request: HttpRequest) -> HttpResponse:
    """Take a schedule that is a table, and lead to how it is read."""
    require_context()
    return take_file(request, ScheduleFileForm, "schedule", keep_export, "registry_schedule_confirm")


class _ScheduleReading:
    """A schedule while a user confirms how it is read."""

    def __init__(self, request: HttpRequest, upload: Upload) -> None:
        self.upload, self.operator = upload, require_context().operator
        self.sheets = read_sheets_upload(open_readings(), upload.name, bytes(upload.data), actor_name(request))
        only = next(iter(self.sheets.values())) if len(self.sheets) == 1 else None
        self.log = self.sheets.get(request.POST.get("sheet", request.GET.get("sheet", "")), only)
        self.mapping: ScheduleMapping | None = None
        self.schedule: Schedule | None = None
        self.form: ScheduleForm | None = None
        self.answers: dict[str, str] = {}
        self.reason = ""
        if self.log is not None:
            self._recognize(self.log, request.POST if request.method == "POST" else None)

    @property
    def zone_name(self) -> str:
        return self.answers.get("time_zone") or self.operator.row.time_zone

    def _recognize(self, log: LogTable, sent: Mapping[str, str] | None) -> None:
        headers = log.frame.columns
        layout = find_layout(_name_source(self.upload), headers)
        self.answers = dict(layout.answers) if layout and sent is None else {}
        if sent is not None:
            self.answers = {key: sent[key] for key in ("time_format", "time_zone") if sent.get(key)}
            columns = {sent.get(f"c{number}", ""): header for number, header in enumerate(headers)}
            if "c0" in sent:
                self.answers |= {key: columns.get(key, "") for key in MEANINGS}
        try:
            self.mapping = recognize_schedule(log.frame, self.answers, (agent.id for agent in self.operator.agents))
            self.schedule = read_schedule(log, self.mapping, self.zone_name)
        except ValueError as error:
            self.reason = translate_error(error)
        kinds: dict[str, str] = layout.queues if layout else {}
        self.form = ScheduleForm(log, self.operator, self.mapping, self.answers, self.schedule, kinds)
        self.digest = digest_fields([*headers, *self.form.kinds, *self.form.unknown])
        if sent is not None and self.schedule is not None and sent.get("fields") == self.digest:
            self.form = ScheduleForm(log, self.operator, self.mapping, self.answers, self.schedule, kinds, sent)

    @property
    def open(self) -> tuple[OpenQuestion, ...]:
        """The questions without an answer."""
        return self.mapping.list_open(self.answers) if self.mapping else ()

    def build(self) -> RosterImport | None:
        """Return the operator with the roster, None while something is open."""
        form = self.form
        if form is None or self.schedule is None or self.open or (form.is_bound and not form.is_valid()):
            return None
        if not self.schedule.entries or not all(form.kinds.values()):
            return None
        return build_roster(self.schedule, self.operator, form.chosen_agents, form.kinds, self.zone_name)


def _name_source(upload: Upload) -> str:
    return f"{SCHEDULE}{upload.name}"


@serve("registry.edit", FORM, recent=True)
def confirm_schedule(request: HttpRequest, token: str) -> HttpResponse:
    """How a schedule is read and what it changes; ``import`` stores it."""
    upload = find_upload(token, actor_name(request))
    if "discard" in request.POST:
        let_go(upload)
        return discard(request, upload)
    here = _ScheduleReading(request, upload)
    built = here.build()
    tables: tuple[ChangedTable, ...] = ()
    refused: tuple[Fault, ...] = ()
    if built is not None:
        try:
            changes = service.preview_changes(built.operator)
            tables = tuple(list_proposed_changes(changes, built.operator))
            refused = check_roster(built) if tables else ()
            sent = "import" in request.POST and here.form is not None and here.form.is_bound
            if sent and tables and not refused:
                made = service.apply_changes(changes, actor_name(request), source=upload.name)
                assert here.log is not None
                assert here.form is not None
                store_layout(
                    _name_source(upload), here.log.frame.columns, here.answers, here.form.kinds, actor_name(request)
                )
                let_go(upload)
                discard_upload(upload)
                return confirm_stored(request, made)
        except NothingChanged:
            tables = ()
    page = _build_page(here, built, tables, refused)
    invalid = here.form is not None and here.form.is_bound and not here.form.is_valid()
    status = 422 if request.method == "POST" and (refused or invalid or here.reason) else 200
    ids = [agent.id for agent in here.operator.agents[:_MOST_SUGGESTED]] if page.unknown else []
    context = {"form": here.form, "ids": ids}
    return page_response(request, "desk/registry/schedule_confirm.html", page, context, status=status)


def _build_page(
    here: _ScheduleReading, built: RosterImport | None, tables: tuple[ChangedTable, ...], refused: tuple[Fault, ...]
) -> SchedulePage:
    schedule, form = here.schedule, here.form
    days = built.days if built else ()
    return SchedulePage(
        name=here.upload.name,
        sheet=here.log.sheet if here.log else "",
        sheets=tuple(here.sheets),
        reason=here.reason,
        fields_digest=here.digest if form else "",
        questions=here.open,
        rows=schedule.read if schedule else 0,
        used=len(schedule.entries) if schedule else 0,
        agents=len(schedule.agents) if schedule else 0,
        hours=schedule.sum_hours() if schedule else {},
        unknown=len(form.unknown) if form else 0,
        left_out=len(built.left_out) if built else 0,
        days=days,
        first=days[0].day if days else None,
        last=days[-1].day if days else None,
        tables=tables,
        ready=bool(tables) and not refused,
        faults=group_import_faults(schedule.faults) if schedule else (),
        refused=refused,
    )


urlpatterns = [
    path("schedules", send_schedule, name="registry_schedule"),
    path("schedules/<slug:token>", confirm_schedule, name="registry_schedule_confirm"),
]
