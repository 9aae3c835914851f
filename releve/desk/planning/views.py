"""The pages of computed plans: order one, watch it, compare it, put it in force."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import ACT, perform, serve
from releve.desk.http import failure, page_response
from releve.desk.plan.page import PlanPage, plan_page
from releve.desk.plan.shown import show_plan
from releve.desk.planning.forms import PlanForm
from releve.desk.planning.page import planning_page, run_page
from releve.desk.query import require_found
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.plan.week.hybrid_table import read_week_table
from releve.plan.week.hybrid_week import HybridWeek
from releve.registry import service as registry
from releve.runs.errors import StillReading, TooManyJobs
from releve.runs.installation import open_plan_runs, open_readings
from releve.runs.job_process import resume_job, stop_job
from releve.runs.orders import start_plan_run
from releve.runs.plan_in_force import PlanProposal, propose_plan, put_run_in_force
from releve.runs.plan_job import PlanJob, read_planned_days, remove_expired_plans
from releve.runs.upload_reader import read_log_upload

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
    return _start(request, PlanProposal(values["first"], values["days"], hybrid), week)


def _start(
    request: HttpRequest, plan: PlanProposal, week: HybridWeek | None = None
) -> HttpResponse:
    version = registry.get_current_version()
    assert version is not None
    folder = start_plan_run(
        version, plan.first, plan.days, by=actor_name(request), hybrid=bool(plan.hybrid), week=week
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


def _show_index(
    request: HttpRequest, form: PlanForm | None = None, status: int = 200
) -> HttpResponse:
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
    """Put the plan of a run in force, in place of all those before."""
    job = _find(run)
    return perform(
        request,
        lambda: put_run_in_force(job, actor_name(request)),
        "verdict",
        said=_("The plan is in force."),
        refused=_("The plan was not put in force."),
    )


def _find(name: str) -> PlanJob:
    return require_found(open_plan_runs().get(name), _("There is no such run."))
