"""Calls of a telephony system as history: how a file is read, what a user chooses of it, and the layouts kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import AwareDatetime, Field

from releve.demand.import_report import ImportFault, RowCount, describe_import_fault
from releve.demand.log_table import LogTable
from releve.demand.report_recognition import MEANINGS, QUESTIONS, OpenQuestion
from releve.desk.access.guard import actor_name
from releve.desk.chart import Label, Picture, Shape, find_scale
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words
from releve.desk.forms import PlainForm
from releve.desk.http import page_response, takes
from releve.desk.page import PageModel
from releve.desk.registry.page import confirm_stored, discard, get_reader_language, require_context
from releve.desk.registry.upload import FILE_LIMIT, keep_export, let_go, take_file
from releve.desk.text import text_now, translate_error, translate_phrase
from releve.network import Fault, Operator
from releve.network.corrections import list_corrections
from releve.registry import service
from releve.registry.layouts import SCHEDULE, find_layout, get_layout, merge_queues, store_layout
from releve.registry.models import FileLayout, Upload
from releve.registry.tables import NotAnUpload
from releve.registry.uploads import (
    CallImport,
    CallSummary,
    RecognizedLog,
    check_calls,
    discard_upload,
    find_upload,
    import_calls,
    recognize_calls,
)
from releve.runs.orders import open_readings
from releve.runs.upload_reader import read_sheets_upload

register = Library()
_MEANING_WORDS = {
    "start": lazy("Date and time"),
    "day": lazy("Day"),
    "clock": lazy("Time of day"),
    "end": lazy("End of the interval"),
    "programme": lazy("Queue"),
    "offered": lazy("Calls offered"),
    "answered": lazy("Calls answered"),
    "abandoned": lazy("Calls abandoned"),
    "handle": lazy("Handling time"),
    "talk": lazy("Talk time"),
    "hold": lazy("Hold time"),
    "wrap": lazy("After-call work"),
    "outcome": lazy("Outcome of the call"),
    "wait": lazy("Wait"),
    "call": lazy("Number of the call"),
}
add_words(
    register,
    "log_meaning",
    {
        **_MEANING_WORDS,
        "aht_s": lazy("Mean handling time"),
        "handle_s": lazy("Handling time of all calls answered"),
        "aht_unit": lazy("Unit of the handling time"),
        "time_format": lazy("Form of the times"),
        "key": lazy("Number of the call"),
        "wait_s": lazy("Wait"),
        "service_s": lazy("Handling time"),
    },
    else_code=True,
)
_ANSWERS = {
    "s": lazy("seconds"),
    "ms": lazy("milliseconds"),
    "min": lazy("minutes"),
    "day": lazy("days (times of a spreadsheet)"),
    "m:s": lazy("minutes and seconds"),
    "h:m": lazy("hours and minutes"),
    "aht_s": lazy("the mean of a call"),
    "handle_s": lazy("the total of an interval"),
    "d/m": lazy("the day, then the month"),
    "m/d": lazy("the month, then the day"),
    "offered": lazy("all calls offered"),
    "answered": lazy("the calls answered only"),
    "history": lazy("calls that came"),
    "forecast": lazy("a forecast"),
}
_EXAMPLES = 3
_EXAMPLE_TIME = datetime(2026, 12, 31, 8, 30)  # noqa: DTZ001 (shows a form of times)


@register.filter
def log_fault(fault: ImportFault) -> str:
    """Return a fault of a call log with its place."""
    return describe_import_fault(fault, _, get_reader_language())


@register.filter
def row_counts(rows: RowCount) -> str:
    """Return where the rows of a call log went."""
    return ", ".join(map(translate_phrase, rows.phrases()))


@register.filter
def show_form(text: str) -> str:
    """Return an example of a form of times; another text as it is."""
    return _EXAMPLE_TIME.strftime(text) if "%" in text else text


@register.filter
def name_zone(name: str) -> str:
    """Return what a zone is called: one that is an offset alone, by the offset."""
    hours = name.removeprefix("Etc/GMT")
    return f"UTC{-int(hours):+03d}:00" if hours != name else name


@register.filter
def proposed_zones(faults: Sequence[Fault]) -> list[str]:
    """Return the zones that the fixes of faults propose for the times of a file."""
    return list(dict.fromkeys(one.written for one in list_corrections(faults) if one.table == "history"))


def _name_answer(choice: str) -> str:
    return str(_ANSWERS[choice]) if choice in _ANSWERS else show_form(choice)


class LogForm(forms.Form):
    """One file of calls."""

    file = forms.FileField(label=lazy("Call log or interval statistics (.csv, .xlsx, .parquet)"))


class LayoutForm(PlainForm):
    """What each column of a file means, the questions that it leaves open, the zone of its times, and the programme of
    each queue; empty leaves it out.

    ``chosen``: the column of each meaning; ``examples``: cells of each column; ``asked``: the choices of each question
    by its key.
    """

    def __init__(
        self,
        headers: Sequence[str],
        operator: Operator,
        *,
        chosen: Mapping[str, str],
        queues: Mapping[str, str],
        time_zone: str,
        asked: Mapping[str, tuple[str, Sequence[str]]],
        answers: Mapping[str, str],
        examples: Mapping[str, Sequence[str]],
        data: object = None,
    ) -> None:
        super().__init__(data)
        self.headers, self.queues, self.asked, self.examples = tuple(headers), tuple(queues), dict(asked), examples
        for key, (label, choices) in asked.items():
            self.fields[key] = forms.ChoiceField(
                label=capfirst(label),
                choices=[("", _("choose")), *((one, _name_answer(one)) for one in choices)],
                initial=answers.get(key, ""),
            )
        zones = sorted({operator.row.time_zone, *(row.time_zone for row in operator.programmes), "UTC", time_zone})
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Zone of times without an offset"),
            choices=[(zone, name_zone(zone)) for zone in zones],
            required=False,
            initial=time_zone,
        )
        clients = {row.id: row.name for row in operator.clients}
        programmes = [
            ("", _("leave it out")),
            *((row.id, f"{row.name} ({clients[row.client]})") for row in operator.programmes),
        ]
        for number, (queue, programme) in enumerate(queues.items()):
            self.fields[f"q{number}"] = forms.ChoiceField(
                label=queue or _("All calls of the file"), choices=programmes, required=False, initial=programme
            )
        meanings = [("", _("not used")), *_MEANING_WORDS.items()]
        column = {header: key for key, header in chosen.items()}
        for number, header in enumerate(headers):
            self.fields[f"c{number}"] = forms.ChoiceField(
                label=header, choices=meanings, required=False, initial=column.get(header, "")
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if twice := _describe_twice(self.headers, cleaned):
            self.add_error(None, twice)
        return cleaned

    @property
    def main_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if not _is_column(name)]

    @property
    def column_fields(self) -> list[tuple[BoundField, tuple[str, ...]]]:
        """The field of each column, with some of its cells."""
        return [
            (self[f"c{number}"], tuple(self.examples.get(header, ()))) for number, header in enumerate(self.headers)
        ]

    @property
    def chosen_queues(self) -> dict[str, str]:
        """The programme of each queue of a valid form."""
        return {queue: self.cleaned_data[f"q{at}"] for at, queue in enumerate(self.queues)}


def _describe_twice(headers: Sequence[str], sent: Mapping[str, str]) -> str:
    """Return that two columns were given one meaning, empty where none were."""
    used = [sent.get(f"c{number}", "") for number in range(len(headers))]
    twice = next((key for key in MEANINGS if used.count(key) > 1), "")
    return _("Two columns are “{meaning}”: leave one.").format(meaning=_MEANING_WORDS[twice]) if twice else ""


def _is_column(name: str) -> bool:
    return name[:1] == "c" and name[1:].isdigit()


def _read_answers(headers: Sequence[str], sent: Mapping[str, str]) -> dict[str, str]:
    """Return the answers of a form that was sent: of questions, the zone, and the column of each meaning."""
    answers = {key: sent[key] for key in (*QUESTIONS, "time_zone") if sent.get(key)}
    if headers and "c0" in sent:
        columns = {sent.get(f"c{number}", ""): header for number, header in enumerate(headers)}
        answers |= {key: columns.get(key, "") for key in MEANINGS}
    return answers


class CallLogPage(PageModel):
    """How a log is read; ``read``: with the queues that were chosen, null where one is wrong or something is open."""

    name: str
    time_zone: str
    sheet: str = Field(description="Of a workbook")
    sheets: tuple[str, ...] = Field(description="Those with data; one has to be chosen where none is")
    reason: str = Field(description="Why the columns are not understood; empty: they are")
    remembered: AwareDatetime | None = Field(description="When a file with these headers was last imported")
    fields_digest: str = Field(description="Of the headers that the form is made from")
    queues_digest: str = Field(description="Of the queues that it is made from")
    columns: dict[str, tuple[str, ...]] = Field(description="Headers by what they mean")
    queues: dict[str, str] = Field(description="Programme of each queue; empty: left out")
    questions: tuple[OpenQuestion, ...] = Field(description="What the cells leave open")
    missing: tuple[str, ...] = Field(description="Meanings without a column")
    notes: tuple[str, ...] = Field(description="What to know of the figures")
    read: CallSummary | None
    refused: tuple[Fault, ...] = Field(description="Faults that these calls would be to a plan: they are not stored")
    whole: bool = Field(description="All that is stored of these programmes is replaced")


class LayoutRow(PageModel):
    """How files with a set of headers are read."""

    id: int
    name: str
    headers: tuple[str, ...]
    answers: dict[str, str]
    queues: dict[str, str]
    used_at: AwareDatetime
    used_by: str

    @property
    def schedule(self) -> bool:
        """Whether the file is a schedule: ``queues`` are then the kinds of its activities."""
        return self.name.startswith(SCHEDULE)

    @property
    def file(self) -> str:
        """The name of the file that was read last."""
        return self.name.removeprefix(SCHEDULE)

    @property
    def columns(self) -> dict[str, str]:
        """The column of each meaning that a user chose."""
        return {key: self.answers[key] for key in MEANINGS if self.answers.get(key)}


class LayoutsPage(PageModel):
    """The layouts of files that are kept."""

    time_zone: str
    layouts: tuple[LayoutRow, ...]


@takes(*FILE_LIMIT)
@serve("registry.edit", FORM, recent=True)
def send_log(request: HttpRequest) -> HttpResponse:
    """Take a log that is a table, and lead to how it is read."""
    require_context()
    return take_file(request, LogForm, "calls", keep_export, "registry_calls_confirm")


class _CallReading:
    """A file of calls while a user confirms how it is read."""

    def __init__(self, request: HttpRequest, upload: Upload) -> None:
        self.operator = require_context().operator
        self.upload = upload
        self.sent = request.POST if request.method == "POST" else None
        self.sheets = read_sheets_upload(open_readings(), upload.name, bytes(upload.data), actor_name(request))
        wanted = request.POST.get("sheet", request.GET.get("sheet", ""))
        only = next(iter(self.sheets.values())) if len(self.sheets) == 1 else None
        self.log = self.sheets.get(wanted, only)
        self.found: RecognizedLog | None = None
        self.reason = ""
        self.layout: FileLayout | None = None
        self.answers: dict[str, str] = {}
        self.form: LayoutForm | None = None
        self.whole = "whole" in request.POST
        if self.log is not None:
            self._recognize(self.log)

    def _recognize(self, log: LogTable) -> None:
        headers = log.frame.columns
        self.layout = find_layout(self.upload.name, headers)
        # what was chosen for another sheet counts for nothing
        if self.sent is not None and self.sent.get("fields", "") not in ("", digest_fields(headers)):
            self.sent = None
        kept: dict[str, str] = {} if self.layout is None else self.layout.answers
        self.answers = dict(kept) if self.sent is None else _read_answers(headers, self.sent)
        self.reason = "" if self.sent is None else _describe_twice(headers, self.sent)
        if not self.reason:
            try:
                self.found = recognize_calls(self.upload.name, log, self.operator, self.answers)
            except NotAnUpload as error:
                self.reason = translate_error(error)
        self.form = self._build_form(log)

    def _build_form(self, log: LogTable) -> LayoutForm:
        found, queues = self.found, dict(self.found.queues if self.found else {})
        if self.layout is not None:
            queues = merge_queues(self.layout, queues, self.operator.programme)
        questions = found.questions if found else ()
        sent = self.sent
        if sent is not None and (
            sent.get("queues", "") not in ("", digest_fields(list(queues)))
            or any(
                name not in sent for name in (*(one.key for one in questions), *(f"q{at}" for at in range(len(queues))))
            )
        ):
            sent = None  # made from other queues, or without these fields
        return LayoutForm(
            log.frame.columns,
            self.operator,
            chosen=found.chosen if found else {key: self.answers.get(key, "") for key in MEANINGS},
            queues=queues,
            time_zone=self.answers.get("time_zone") or self.operator.row.time_zone,
            asked={one.key: (translate_phrase(one.describe()), one.choices) for one in questions},
            answers=self.answers,
            examples={name: take_examples(log, name) for name in log.frame.columns},
            data=sent if found else None,
        )

    @property
    def queues(self) -> dict[str, str]:
        """The programme of each queue, as chosen, kept or recognised."""
        assert self.form is not None
        if self.form.is_bound:
            return self.form.chosen_queues
        return {queue: self.form.fields[f"q{at}"].initial for at, queue in enumerate(self.form.queues)}

    def build_page(self, read: CallImport | None, refused: tuple[Fault, ...] = ()) -> CallLogPage:
        """Return the page; ``read``: what would be stored, None where that is not known."""
        found = self.found
        return CallLogPage(
            name=self.upload.name,
            time_zone=str(found.mapping["time_zone"]) if found else self.operator.row.time_zone,
            sheet=self.log.sheet if self.log else "",
            sheets=tuple(self.sheets),
            reason=self.reason,
            remembered=self.layout.used_at if self.layout else None,
            fields_digest=digest_fields(self.log.frame.columns) if self.log else "",
            queues_digest=digest_fields(list(found.queues)) if found else "",
            columns=dict(found.columns) if found else {},
            queues=self.queues if self.form and (not self.form.is_bound or self.form.is_valid()) else {},
            questions=found.open if found else (),
            missing=found.missing if found else (),
            notes=tuple(map(translate_phrase, found.notes)) if found else (),
            read=None if read is None else read.summary,
            refused=refused,
            whole=self.whole,
        )


def digest_fields(headers: Sequence[str]) -> str:
    """Return a short name of the columns or queues that a form is made from."""
    return hashlib.sha256("\0".join(headers).encode()).hexdigest()[:16]


def take_examples(log: LogTable, column: str) -> tuple[str, ...]:
    """Return some cells of a column."""
    cells = log.frame[column].drop_nulls().head(200).unique(maintain_order=True)
    return tuple(str(cell)[:30] for cell in cells.head(_EXAMPLES).to_list())


@serve("registry.edit", FORM, recent=True)
def confirm_log(request: HttpRequest, token: str) -> HttpResponse:
    """How a log is read; ``check`` reads it again with other answers, columns and queues, ``import`` stores it."""
    upload = find_upload(token, actor_name(request))
    if "discard" in request.POST:
        let_go(upload)
        return discard(request, upload)
    here = _CallReading(request, upload)
    form, found = here.form, here.found
    if form is None or found is None or found.open:
        wrong = here.reason or (form is not None and form.is_bound and not form.is_valid())
        return _show_reading(request, here, None, status=422 if here.sent is not None and wrong else 200)
    if form.is_bound and not form.is_valid():
        return _show_reading(request, here, None, status=422)
    try:
        read = import_calls(found, here.operator, here.queues, whole=here.whole)
    except NotAnUpload as error:
        here.reason = translate_error(error)
        return _show_reading(request, here, None, status=422)
    refused = check_calls(read) if read.summary.added else ()
    sent = "import" in request.POST and form.is_bound
    if refused or not sent or not read.summary.added:
        return _show_reading(request, here, read, refused, 422 if refused and sent else 200)
    made = service.apply_changes(service.preview_changes(read.operator), actor_name(request), source=upload.name)
    store_layout(upload.name, found.log.frame.columns, here.answers, here.queues, actor_name(request))
    let_go(upload)
    discard_upload(upload)
    return confirm_stored(request, made)


def _show_reading(
    request: HttpRequest,
    here: _CallReading,
    read: CallImport | None,
    refused: tuple[Fault, ...] = (),
    status: int = 200,
) -> HttpResponse:
    page = here.build_page(read, refused)
    context = {"form": here.form, "week": draw_week(read.summary) if read and read.summary.added else None}
    return page_response(request, "desk/registry/calls_confirm.html", page, context, status=status)


_HOURS = 168
_LEFT, _RIGHT, _TOP, _BASE = 46, 944, 10, 164


def draw_week(read: CallSummary) -> Picture:
    """Draw the calls of an average week of a log, hour by hour, beside those of the last weeks that are stored."""
    text = text_now("UTC")
    top = max([1.0, *(value for value in (*read.week, *read.week_stored) if value is not None)])
    step = 10 ** math.floor(math.log10(top)) * (0.5 if top < 5 * 10 ** math.floor(math.log10(top)) else 1)
    ceiling = step * math.ceil(top / step - 1e-9)
    x, y = find_scale(0, _HOURS, _LEFT, _RIGHT), find_scale(0, ceiling, _BASE, _TOP)

    def outline(week: Sequence[float | None]) -> str:
        path, drawn = "", False
        for hour, value in enumerate(week):
            if value is not None:
                path += f"{'L' if drawn else 'M'}{x(hour):.1f} {y(value):.1f}H{x(hour + 1):.1f}"
            drawn = value is not None
        return path

    days = [text.weekday(day) for day in range(7)]
    ticks = [Label("y", _LEFT, y(at * step), text.plain(at * step)) for at in range(round(ceiling / step) + 1)]
    names = [Label("x", x(24 * day + 12), _BASE + 17, name) for day, name in enumerate(days)]
    shapes = [Shape("middle", outline(read.week))]
    stored = any(value is not None for value in read.week_stored)
    if stored:
        shapes.insert(0, Shape("zero before", outline(read.week_stored)))
    totals = [sum(value or 0.0 for value in week) for week in (read.week, read.week_stored)]
    said = _("{file} calls in an average week of the file").format(file=text.number(totals[0]))
    if stored:
        said = _("{file} calls in an average week of the file, {stored} in one of the last four weeks stored").format(
            file=text.number(totals[0]), stored=text.number(totals[1])
        )
    return Picture(
        "week", _("Calls offered by hour"), said, tuple(shapes), labels=(*ticks, *names), width=960, right=_RIGHT
    )


@serve("registry.edit")
def list_layouts(request: HttpRequest) -> HttpResponse:
    """The layouts of files that are kept."""
    rows = tuple(map(LayoutRow.from_row, FileLayout.objects.all()))
    page = LayoutsPage(time_zone=require_context().time_zone, layouts=rows)
    return page_response(request, "desk/registry/layouts.html", page)


@serve("registry.edit", FORM, recent=True)
def edit_layout(request: HttpRequest, number: int) -> HttpResponse:
    """What is kept of a layout, to change or to forget."""
    layout, operator = get_layout(number), require_context().operator
    if "forget" in request.POST:
        layout.delete()
        messages.info(request, _("The layout is forgotten: the next file of its kind is asked about again."))
        return redirect("registry_layouts")
    page = LayoutRow.from_row(layout)
    if page.schedule:  # changed where the next file is read
        return page_response(request, "desk/registry/layout.html", page)
    asked = {key: choices for key, choices in _CHOICES.items() if key in layout.answers}
    form = LayoutForm(
        layout.headers,
        operator,
        chosen={key: layout.answers.get(key, "") for key in MEANINGS},
        queues=layout.queues,
        time_zone=layout.answers.get("time_zone", operator.row.time_zone),
        asked={
            key: (translate_phrase(QUESTIONS[key](_("the file"))), (*choices, *_add_kept(layout, key, choices)))
            for key, choices in asked.items()
        },
        answers=layout.answers,
        examples={},
        data=request.POST if request.method == "POST" else None,
    )
    if form.is_bound and form.is_valid():
        answers = _read_answers(layout.headers, request.POST)
        chosen = {key: value for key, value in answers.items() if key not in MEANINGS}
        if any(answers.get(key) for key in MEANINGS):  # none chosen: the words of the headers count
            chosen = answers
        layout.answers, layout.queues = chosen, form.chosen_queues
        layout.save(update_fields=["answers", "queues"])
        messages.success(request, _("The layout is kept."))
        return redirect("registry_layouts")
    return page_response(
        request, "desk/registry/layout.html", page, {"form": form}, status=422 if form.is_bound else 200
    )


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "aht_unit": ("s", "ms", "min", "day", "m:s", "h:m"),
    "aht_kind": ("aht_s", "handle_s"),
    "date_order": ("d/m", "m/d"),
    "counts": ("offered", "answered"),
    "time_format": (),
}


def _add_kept(layout: FileLayout, key: str, choices: Sequence[str]) -> tuple[str, ...]:
    kept = layout.answers[key]
    return () if kept in choices else (kept,)


urlpatterns = [
    path("calls", send_log, name="registry_calls"),
    path("calls/<slug:token>", confirm_log, name="registry_calls_confirm"),
    path("layouts", list_layouts, name="registry_layouts"),
    path("layouts/<int:number>", edit_layout, name="registry_layout"),
]
