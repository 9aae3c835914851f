"""Plans computed on the desk: ordered, watched, compared with the one in force, put in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

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
from releve.desk.http import FORM_BYTES, failure, page_response, require_found, takes
from releve.desk.page import PageModel, RunHead
from releve.desk.plan.page import PlanPage, plan_page, show_plan
from releve.desk.plan.words import status_word
from releve.desk.text import text_now, translate_phrase
from releve.live import api as live
from releve.network import HOME
from releve.plan.comparison import ComparedPlan, Post
from releve.plan.service_status import phrase_security
from releve.plan.week.hybrid_week import HybridWeek, read_week_table
from releve.registry import service as registry
from releve.runs.job_process import resume_job, stop_job
from releve.runs.job_store import StillReading, TooManyJobs
from releve.runs.orders import (
    MOST_DAYS,
    PlanProposal,
    compare_run,
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

if TYPE_CHECKING:
    pass


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
    """A run: how far it is, and once it is planned each day beside the plan in force."""

    run: PlanRunHead
    time_zone: str
    progress: PlanProgress
    remarks: PlanRemarks
    in_force: bool = Field(description="Each of its days is in force with this plan")
    planned: tuple[ComparedPlan, ...]
    data: live.DataDifference | None = Field(description="How its reference data differ from today's")
    names: dict[str, str] = Field(description="Of sites and programmes, by id")


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


def run_page(job: PlanJob) -> PlanRunPage:
    """Return the page of a run beside the plan in force, if there is one."""
    found = compare_run(job)
    return PlanRunPage.from_row(
        found,
        planned=() if found.preview is None else found.preview.days,
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
def days_list(days: tuple[date, ...]) -> str:
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
    page = run_page(job)
    if request.GET.get("part") == "live":
        if not page.run.active or (page.planned and request.GET.get("planned") != "1"):
            return HttpResponse(status=200, headers={"HX-Refresh": "true"})
        return page_response(request, "desk/planning/_progress.html", page)
    return page_response(request, "desk/planning/run.html", page, {"verdicts": _verdicts(job)})


def _verdicts(job: PlanJob) -> tuple[PlanPage, ...]:
    """Return the verdict pages of the days with something missing, for their lists."""
    plans = read_planned_days(job)
    days = [plan.day for plan in plans]
    shown = (plan for plan in plans if plan.missing is not None and plan.missing.purchases)
    return tuple(plan_page(show_plan(plan, days)) for plan in shown)


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
    """Put the days of a run in force, in place of the plans of these days alone."""
    job = _find(run)
    return perform(
        request,
        lambda: put_run_in_force(job, actor_name(request)),
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
    path("runs/<slug:run>/stop", stop, name="planning_stop"),
    path("runs/<slug:run>/resume", resume, name="planning_resume"),
    path("runs/<slug:run>/remove", remove, name="planning_remove"),
    path("runs/<slug:run>/activate", activate, name="planning_activate"),
]
