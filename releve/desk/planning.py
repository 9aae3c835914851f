"""Plans computed on the desk: ordered, watched, compared with the one in force, put in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, get_args

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, perform, serve
from releve.desk.filters import RUN_STATES
from releve.desk.forms import PlainForm, build_day_field, set_choices
from releve.desk.http import FORM_BYTES, download, failure, page_response, read_day, require_found, takes
from releve.desk.page import PageModel, RunHead
from releve.desk.plan.page import PlannedClient, PlanPage, plan_page, show_plan
from releve.desk.plan.words import describe_loss, status_word
from releve.desk.plan.workbook import write_plans
from releve.desk.text import text_now, translate_phrase
from releve.live import api as live
from releve.network import HOME
from releve.network.workbook import WORKBOOK_TYPE
from releve.plan.comparison import ComparedPlan, DayChange, PlanFigures, Post, StatusChange, WorstLoss
from releve.plan.result import BASE
from releve.plan.service_status import COVERED, Status, phrase_security
from releve.plan.week.hybrid_week import HybridWeek, read_week_table
from releve.registry import service as registry
from releve.runs.job_process import resume_job, stop_job
from releve.runs.job_store import StillReading, TooManyJobs
from releve.runs.orders import (
    MOST_DAYS,
    PlanProposal,
    compare_run,
    list_runs_beside,
    open_plan_runs,
    open_readings,
    propose_plan,
    put_run_in_force,
    start_plan_run,
)
from releve.runs.plan_calendar import find_today
from releve.runs.plan_job import (
    PlanJob,
    PlanOrder,
    PlanProgress,
    PlanRemarks,
    has_plan,
    read_plan_progress,
    read_planned_days,
    read_remarks,
    remove_expired_plans,
)
from releve.runs.upload_reader import read_log_upload


class PlanRunHead(RunHead[PlanOrder]):
    """A run: who ordered it, when, of which version of the reference data, and its days."""

    planned: bool = Field(description="Every day is planned; what is missing may still be sought")


class PlanningPage(PageModel):
    """The runs, the newest first, and the version that the next one takes; null: no data yet."""

    version: int | None
    time_zone: str
    runs: tuple[PlanRunHead, ...]
    in_force: int = Field(description="Days in force from today on")


class PlanRunPage(PageModel):
    """A run: how far it is, and once it is planned each day beside the plan in force, or another run."""

    run: PlanRunHead
    time_zone: str
    progress: PlanProgress
    remarks: PlanRemarks
    in_force: bool = Field(description="Each of its days is in force with this plan")
    force: dict[date, str] = Field(description="Digest of the plan in force, of its days that have one")
    beside: PlanRunHead | None = Field(description="Null: beside the plan in force")
    others: tuple[PlanRunHead, ...] = Field(description="Runs that planned some of these days, too")
    planned: tuple[ComparedPlan, ...]
    gaps: dict[date, tuple[PlannedClient, ...]] = Field(description="By day, the clients who are not held, and why")
    data: live.DataDifference | None = Field(description="How its reference data differ from today's")
    names: dict[str, str] = Field(description="Of sites and programmes, by id")

    @property
    def clients(self) -> list[tuple[str, list[StatusChange | None]]]:
        """Each client's name, with its row of every day; the gravest first."""
        rows = {row.client: row.name for day in self.planned for row in day.clients}
        days = [{row.client: row for row in day.clients} for day in self.planned]
        return [(name, [day.get(client) for day in days]) for client, name in rows.items()]


def planning_page(runs: Sequence[PlanJob]) -> PlanningPage:
    """Return the list of runs."""
    version = registry.get_current_version()
    return PlanningPage(
        version=None if version is None else version.number,
        time_zone=registry.current_time_zone(),
        runs=tuple(_head(job) for job in runs),
        in_force=len(live.list_days_in_force(find_today())) if version else 0,
    )


def _head(job: PlanJob) -> PlanRunHead:
    return PlanRunHead.from_row(job, planned=has_plan(job))


def run_page(job: PlanJob, verdicts: Sequence[PlanPage], beside: PlanJob | None = None) -> PlanRunPage:
    """Return the page of a run beside the plan in force, if there is one, or beside another run.

    ``verdicts``: of its planned days.
    """
    found = compare_run(job, beside)
    return PlanRunPage.from_row(
        found,
        force=dict(found.force),
        beside=None if beside is None else _head(beside),
        others=tuple(map(_head, list_runs_beside(job))),
        planned=() if found.preview is None else found.preview.days,
        gaps={page.plan.day: tuple(row for row in page.clients if row.status is not Status.HELD) for page in verdicts},
        data=None if found.preview is None else found.preview.data,
        run=_head(job),
        time_zone=registry.current_time_zone(),
        progress=read_plan_progress(job),
        remarks=read_remarks(job),
    )


register = Library()
register.filter("status_word", status_word)

_STAGES = {
    "usable seats": lazy("it counts the seats that can be used."),
    "floors": lazy("it works out the best that each client can have if a place closes."),
    "n-1 programme": lazy("it looks for the plan that survives the loss of any one place."),
    "whole people": lazy("it turns the plan into whole people."),
    "reliefs": lazy("it prepares the relief of each loss."),
    "bound": lazy("it proves how good the plan is."),
    "days alone": lazy("It plans each day alone, to know what the week is measured against."),
    "week": lazy("It looks for the days at home and the meetings of the teams."),
    "days": lazy("It plans the days of the week with their reliefs."),
}


@register.filter
def security_sentence(day: ComparedPlan) -> str:
    """Return how many clients a day's plan holds whatever single place is lost."""
    return translate_phrase(phrase_security(client.after for client in day.clients))


@register.filter
def status_before(status: Status | None) -> str:
    """Return the verdict of the plan beside; empty without one."""
    return "" if status is None else status_word(status)


@register.filter
def coverage_before(share: float | None) -> str:
    """Return a coverage of the plan beside; empty without one."""
    return "" if share is None else text_now("UTC").coverage(share)


@register.filter
def before_words(row: StatusChange) -> str:
    """Return both coverages of the plan beside, where they differ from those of this one."""
    shares = [(row.worst_before, row.worst_after)]
    shares += [(row.loss_before.coverage, row.loss_after.coverage)] if row.loss_before and row.loss_after else []
    said = [(coverage_before(before), coverage_before(after)) for before, after in shares]
    return "" if all(before in ("", after) for before, after in said) else " · ".join(before for before, _after in said)


@register.filter
def worst_loss_words(loss: WorstLoss | None) -> str:
    """Return ``96 % if Casablanca Nearshore closes``, or the coverage alone where nothing is lost."""
    if loss is None:
        return ""
    share = text_now("UTC").coverage(loss.coverage)
    if loss.kind == BASE or loss.coverage >= COVERED:
        return share
    return _("{share} if {loss}").format(share=share, loss=describe_loss(loss))


@register.filter
def change_sentences(page: PlanRunPage) -> list[str]:
    """Return what putting a run in force changes, in numbers."""
    text = text_now("UTC")
    said = []
    for change in get_args(DayChange):
        days = [day.day for day in page.planned if day.change == change]
        if days:
            words = _DAY_CHANGES[change](len(days))
            said.append(words.format(count=text.number(len(days)), days=days_list(days)))
    asked = [row for row in page.planned if row.figures_before is not None and row.moved]
    for row in asked:
        words = ngettext(
            "{day}: {count} agent is notified, as their work changes.",
            "{day}: {count} agents are notified, as their work changes.",
            row.moved,
        )
        said.append(words.format(day=text.day(row.day), count=text.number(row.moved)))
    if not asked:
        said.append(_("No agent is notified: on the days in force, all agents work as before."))
    for row in page.planned:
        held = security_sentence(row)
        if row.secure_before is not None and row.secure_before != row.secure:
            held = _("{held} (in force: {before})").format(held=held, before=text.number(row.secure_before))
        said.append(_("{day}: {stage}").format(day=text.day(row.day), stage=f"{held}."))
        said.extend(
            _("{day}: {client} becomes worse: {after}, in force {before}.").format(
                day=text.day(row.day),
                client=client.name,
                after=status_word(client.after),
                before=status_before(client.before),
            )
            for client in row.clients
            if client.worse
        )
    return said


_DAY_CHANGES: dict[str, Callable[[int], str]] = {
    "added": lambda n: ngettext("{count} day is added: {days}.", "{count} days are added: {days}.", n),
    "replaced": lambda n: ngettext(
        "{count} day gets another plan: {days}.", "{count} days get another plan: {days}.", n
    ),
    "unchanged": lambda n: ngettext("{count} day stays as it is: {days}.", "{count} days stay as they are: {days}.", n),
}


class FigureRow(NamedTuple):
    """A row of the numbers of a run: a value a day, and how each differs from the plan beside it."""

    label: str
    cells: list[tuple[str, str]]


@register.filter
def figure_rows(page: PlanRunPage) -> list[FigureRow]:
    """Return what the days take in people, hours and money, with the differences."""
    text = text_now("UTC")
    measures: tuple[tuple[str, Callable[[PlanFigures], float | None], Callable[[float], str]], ...] = (
        (_("Agents placed"), lambda day: day.placed, text.number),
        (_("of them at home"), lambda day: day.at_home, text.number),
        (_("In reserve"), lambda day: day.reserve, text.number),
        (_("Hours worked"), lambda day: day.hours, text.number),
        (_("Calls expected to be lost"), lambda day: day.calls_lost, text.number),
        (_("Contract penalties for them"), lambda day: day.penalty, text.euros),
        (_("Price of what is missing"), lambda day: day.cost, text.euros),
    )
    days = [(day.figures, day.figures_before) for day in page.planned]
    rows = [
        FigureRow(label, [_compare_figure(read(has), None if had is None else read(had), write) for has, had in days])
        for label, read, write in measures
    ]
    asked = [(text.number(day.moved) if day.figures_before else "–", "") for day in page.planned]
    return [*rows, FigureRow(_("Agents notified: their work changes"), asked)]


def _compare_figure(value: float | None, before: float | None, write: Callable[[float], str]) -> tuple[str, str]:
    """Return a figure in words, and by how much it is more or less than before; empty where it is the same."""
    if value is None:
        return "–", ""
    if before is None or write(value) == write(before):
        return write(value), ""
    sign = "+" if value > before else "\u2212"
    return write(value), sign + write(abs(value - before))


@register.filter
def days_list(days: Sequence[date]) -> str:
    """Return days as in a sentence."""
    text = text_now("UTC")
    return text.list([text.day(day) for day in days])


@register.filter
def run_title(run: PlanRunHead) -> str:
    """Return ``Monday 30 November 2026, 5 days``, and whether they are a hybrid week."""
    text, order = text_now("UTC"), run.order
    count = ngettext("{count} day", "{count} days", order.days).format(count=text.number(order.days))
    title = _("{day}, {days}").format(day=text.day(date.fromisoformat(order.first)), days=count)
    return _("{title}, as a hybrid week").format(title=title) if order.hybrid else title


@register.filter
def run_state(run: PlanRunHead) -> str:
    """Return the state of a run: planned comes before what is missing beside it."""
    if run.planned and run.may_stop:
        return _("planned; what is missing is being worked out")
    if run.planned and run.state != "done":
        return _("planned; what is missing was not worked out")
    return str(RUN_STATES[run.state])


@register.filter
def step_words(page: PlanRunPage) -> str:
    """Return what a run at work does now."""
    step, day = page.progress.step, page.progress.day
    if step == "reading":
        return _("It reads the reference data and forecasts the calls.")
    stage = str(_STAGES.get(page.progress.stage, ""))
    if not day:
        return stage
    words = text_now(page.time_zone).day(date.fromisoformat(day))
    if step == "missing":
        return _("{day}: it looks for the cheapest set of what is missing.").format(day=words)
    return _("{day}: {stage}").format(day=words, stage=stage)


@register.filter
def post_words(post: Post | None, page: PlanRunPage) -> str:
    """Return where agents work, and for which programme."""
    if post is None:
        return _("in reserve")
    place, programme = post
    where = _("at home") if place == HOME else page.names.get(place, place)
    return f"{where} · {page.names.get(programme, programme)}"


class PlanForm(PlainForm):
    """The first day, and how many, as the roster proposes; where there are teams, a hybrid week."""

    first = build_day_field(lazy("First day"))
    days = forms.TypedChoiceField(label=lazy("Days"), coerce=int, choices=())
    hire_price = forms.FloatField(
        label=lazy("Price of one more agent, in euros"),
        required=False,
        min_value=0,
        help_text=lazy("Hired and trained. Without a price, what is missing proposes no hire."),
    )
    hybrid = forms.BooleanField(
        label=lazy("As a hybrid week"),
        required=False,
        help_text=lazy("The days are planned together: days at home by contract, teams that meet."),
    )
    week = forms.FileField(
        label=lazy("Week to keep, edited or not (CSV, XLSX)"),
        required=False,
        help_text=lazy(
            "Download it from the page of the week, and edit it in a spreadsheet. Without a file,"
            " the week in force stays unless another is clearly better."
        ),
    )

    def __init__(self, data: Any = None, files: Any = None, *, proposed: PlanProposal) -> None:
        initial = {"first": proposed.first, "days": proposed.days, "hybrid": proposed.hybrid}
        super().__init__(data, files, initial=initial)
        if proposed.hybrid is None:
            del self.fields["hybrid"], self.fields["week"]
        counts = range(1, MOST_DAYS + 1)
        said = [ngettext("{count} day", "{count} days", n).format(count=n) for n in counts]
        set_choices(self, "days", [(str(n), words) for n, words in zip(counts, said, strict=True)])


_MOST_WEEK_BYTES = 2_000_000


@serve("plan.publish")
def index(request: HttpRequest) -> HttpResponse:
    """The runs, and the form that starts one."""
    return _show_index(request)


def _too_large() -> str:
    return _("This file is larger than 2 MB.")


@takes(_MOST_WEEK_BYTES + FORM_BYTES, _too_large)
@serve("plan.publish", ACT)
def start(request: HttpRequest) -> HttpResponse:
    """Start to compute a plan."""
    form = _form(request)
    if form is None or not form.is_valid():
        return _show_index(request, form, 422)
    values = form.cleaned_data
    try:
        week = _read_week(values.get("week"), actor_name(request))
    except (StillReading, TooManyJobs):
        raise
    except ValueError as error:
        form.add_error("week", translate_phrase(error.args[0]))
        return _show_index(request, form, 422)
    hybrid = week is not None or bool(values.get("hybrid"))
    return _start(request, PlanProposal(values["first"], values["days"], hybrid), week, values["hire_price"])


def _start(
    request: HttpRequest, plan: PlanProposal, week: HybridWeek | None = None, hire_price: float | None = None
) -> HttpResponse:
    version = registry.get_current_version()
    assert version is not None
    folder = start_plan_run(
        version,
        plan.first,
        plan.days,
        by=actor_name(request),
        hybrid=bool(plan.hybrid),
        week=week,
        hire_price=hire_price,
    )
    return redirect("planning_run", folder.name)


def _read_week(file: UploadedFile[bytes] | None, by: str) -> HybridWeek | None:
    """Return the hybrid week of a file; ValueError names what cannot be read."""
    if file is None:
        return None
    log = read_log_upload(open_readings(), file.name or "", file.read(), by)
    return read_week_table(live.operator_now(), log.whole_frame())


def start_proposed(request: HttpRequest) -> HttpResponse:
    """Start to compute the days that the roster proposes, and lead to the run."""
    return _start(request, propose_plan())


def _form(request: HttpRequest) -> PlanForm | None:
    """Return the form, as sent or as the roster proposes; None without reference data."""
    try:
        proposed = propose_plan()
    except live.NoOperator:
        return None
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    return PlanForm(*sent, proposed=proposed)


def _show_index(request: HttpRequest, form: PlanForm | None = None, status: int = 200) -> HttpResponse:
    store = open_plan_runs()
    remove_expired_plans(store)
    page = planning_page(store.list_jobs())
    context = {"form": form or _form(request)}
    return page_response(request, "desk/planning/index.html", page, context, status=status)


@serve("plan.publish")
def run(request: HttpRequest, run: str) -> HttpResponse:
    """A run on its way, or its days beside the plan in force; a browser polls ``?part=live``."""
    job = _find(run)
    other = request.GET.get("with", "")
    verdicts = _verdicts(job)
    page = run_page(job, verdicts, _find(other) if other else None)
    if request.GET.get("part") == "live":
        if not page.run.active or (page.planned and request.GET.get("planned") != "1"):
            return HttpResponse(status=200, headers={"HX-Refresh": "true"})
        return page_response(request, "desk/planning/_progress.html", page)
    return page_response(
        request, "desk/planning/run.html", page, {"days": tuple(zip(page.planned, verdicts, strict=True))}
    )


def _verdicts(job: PlanJob) -> tuple[PlanPage, ...]:
    """Return the verdict pages of the planned days."""
    plans = read_planned_days(job)
    return tuple(plan_page(show_plan(plan, [one.day for one in plans])) for plan in plans)


@serve("plan.publish")
def workbook(request: HttpRequest, run: str) -> HttpResponse:
    """The days of a run as Excel: who works where and when, who goes where, coverage, what is missing."""
    job = _find(run)
    plans = require_found(read_planned_days(job) or None, _("The plan is not computed yet."))
    operator = registry.load_operator(registry.get_version(job.order.version))
    content = write_plans(plans, operator, datetime.fromisoformat(job.order.at))
    return download(content, f"plan-{plans[0].day}-{run}.xlsx", WORKBOOK_TYPE)


@serve("plan.publish")
def confirm(request: HttpRequest, run: str) -> HttpResponse:
    """What putting a run in force changes, in numbers, before it is done."""
    job = _find(run)
    page = run_page(job, _verdicts(job))
    if not page.planned or page.in_force or (page.data and page.data.breaks):
        return redirect("planning_run", run)
    return page_response(request, "desk/planning/confirm.html", page, {"force": write_force(page.force)})


def write_force(force: Mapping[date, str]) -> str:
    """Return what of some days is in force, as a form sends it back."""
    return ",".join(f"{day}={digest}" for day, digest in sorted(force.items()))


def _read_force(text: str) -> dict[date, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {day: digest for name, _sign, digest in pairs if (day := read_day(name)) is not None}


@serve("plan.publish", ACT)
def stop(request: HttpRequest, run: str) -> HttpResponse:
    """Stop a run; the days that are planned stay."""
    job = _find(run)
    if job.may_stop:
        stop_job(job)
        messages.success(request, _("It stops. The days that are planned stay."))
    return redirect("planning_run", run)


@serve("plan.publish", ACT)
def resume(request: HttpRequest, run: str) -> HttpResponse:
    """Continue a run that was stopped, broke off or failed."""
    job = _find(run)
    if job.may_resume:
        open_plan_runs().require_room(actor_name(request))
        resume_job(job)
        messages.success(request, _("It goes on where it was."))
    return redirect("planning_run", run)


@serve("plan.publish", ACT)
def remove(request: HttpRequest, run: str) -> HttpResponse:
    """Remove a run that is not at work; a plan that is in force stays in force."""
    job = _find(run)
    if job.active or not open_plan_runs().remove(job):
        return failure(request, 409, _("Stop the run first."))
    messages.success(request, _("The run is removed."))
    return redirect("planning")


@serve("plan.publish", ACT, recent=True)
def activate(request: HttpRequest, run: str) -> HttpResponse:
    """Put the days of a run in force, in place of the plans of these days alone.

    ``force``: what was in force when the numbers were shown; other plans meanwhile are a refusal.
    """
    job, force = _find(run), request.POST.get("force")
    seen = None if force is None else _read_force(force)
    return perform(
        request,
        lambda: put_run_in_force(job, actor_name(request), seen),
        f"{reverse('calendar')}?from={job.order.first}",
        said=_("The plan is in force."),
        refused=_("The plan was not put in force."),
    )


def _find(name: str) -> PlanJob:
    return require_found(open_plan_runs().get(name), _("There is no such run."))


urlpatterns = [
    path("", index, name="planning"),
    path("start", start, name="planning_start"),
    path("runs/<slug:run>", run, name="planning_run"),
    path("runs/<slug:run>.xlsx", workbook, name="planning_workbook"),
    path("runs/<slug:run>/confirm", confirm, name="planning_confirm"),
    path("runs/<slug:run>/stop", stop, name="planning_stop"),
    path("runs/<slug:run>/resume", resume, name="planning_resume"),
    path("runs/<slug:run>/remove", remove, name="planning_remove"),
    path("runs/<slug:run>/activate", activate, name="planning_activate"),
]
