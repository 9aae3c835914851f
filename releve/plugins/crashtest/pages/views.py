"""The pages of the crash test. No client enters; every figure is simulated."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import PlainForm, read_sent, set_choices
from releve.desk.http import download, failure, page_response, read_number, require_found
from releve.desk.navigation import Entry
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.plugins.crashtest.crash_test_job import CrashTestJob, CrashTestOrder
from releve.plugins.crashtest.decision import list_choices, read_calm_targets
from releve.plugins.crashtest.engine.outbreak.rng import DAYS_MOST
from releve.plugins.crashtest.engine.policies import POLICIES
from releve.plugins.crashtest.engine.settings import CrashTestError
from releve.plugins.crashtest.execution import RunFolderError
from releve.plugins.crashtest.orders import (
    list_plan_sources,
    measure_run_size,
    open_crash_tests,
    remove_crash_test,
    start_crash_test,
)
from releve.plugins.crashtest.pages import page
from releve.plugins.crashtest.pages.decision import DecisionPage
from releve.plugins.crashtest.pages.page import (
    SOURCE_WORDS,
    CertificatePage,
    CrashTestHead,
    IndexPage,
    RemovePage,
    ResultPage,
    RunPage,
    StartPage,
    compare_page,
)
from releve.plugins.crashtest.results import ComparedCase, RunResults, load_run_results, read_run_progress
from releve.registry import service as registry
from releve.runs.job_process import resume_job, stop_job
from releve.runs.job_store import current_stamp

QUARTERS_MOST = 100_000


class StartForm(PlainForm):
    """What is run: plan, policies, how many quarters of how many days."""

    name = forms.CharField(label=lazy("Name of the run"), max_length=80)
    plan = forms.ChoiceField(label=lazy("Plan"))
    beside = forms.ChoiceField(label=lazy("Compared with"), required=False)
    policies = forms.MultipleChoiceField(
        label=lazy("Policies side by side"),
        initial=["as-given", "no-rule", "no-tests"],
        widget=forms.CheckboxSelectMultiple,
        help_text=lazy("The first one ticked is what the others are compared with."),
    )
    quarters = forms.IntegerField(label=lazy("Simulated quarters"), initial=1000, min_value=1, max_value=QUARTERS_MOST)
    days = forms.IntegerField(label=lazy("Days of a quarter"), initial=90, min_value=1, max_value=DAYS_MOST)
    seed = forms.IntegerField(
        label=lazy("Seed"),
        initial=0,
        min_value=0,
        max_value=2**62,
        help_text=lazy("The same seed meets the same disasters, so that runs can be compared."),
    )
    hazards = forms.BooleanField(
        label=lazy("With outages: power, links, weather, strikes"), required=False, initial=True
    )
    nearest = forms.BooleanField(
        label=lazy("A weekday without a plan takes the one of the nearest weekday"), required=False
    )

    def __init__(self, *args: Any, sources: dict[str, tuple[str, ...]], **options: Any) -> None:
        super().__init__(*args, **options)
        policies = [(row.id, translate_phrase(row.text)) for row in POLICIES.values()]
        set_choices(self, "policies", policies)
        choices = [(name, SOURCE_WORDS.get(name, name)) for name in sources]
        set_choices(self, "plan", choices)
        set_choices(self, "beside", [("", _("no second plan")), *choices])

    def order(self, by: str, version: int, agents: int) -> CrashTestOrder:
        """Return the order that a valid form makes, on a version of the reference data."""
        found = {**self.cleaned_data, "policies": tuple(self.cleaned_data["policies"])}
        return CrashTestOrder(**found, by=by, at=current_stamp(), version=version, agents=agents)

    def clean(self) -> dict[str, Any]:
        """Refuse a plan beside itself."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("beside") and found["beside"] == found.get("plan"):
            self.add_error("beside", _("Name another plan, or none."))
        return found


_View = Callable[..., HttpResponse]


def _explain_unreadable(view: _View) -> _View:
    """Answer 503 where the folder of a run cannot be read."""

    @wraps(view)
    def explained(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (RunFolderError, CrashTestError) as error:
            return failure(request, 503, _("This run cannot be read."), str(error))

    return explained


@serve("crashtest.see")
def index(request: HttpRequest) -> HttpResponse:
    """Every run of this installation, the newest first."""
    page = IndexPage(
        time_zone=registry.current_time_zone(),
        acts=can(request.user, "crashtest.run"),
        runs=tuple(CrashTestHead.from_row(one) for one in open_crash_tests().list_jobs()),
    )
    return page_response(request, "desk/crashtest/index.html", page)


@serve("crashtest.run", FORM)
def start(request: HttpRequest) -> HttpResponse:
    """The form, what it means, and the start: the first sending shows, the second starts."""
    operator, sources = live.operator_now(), list_plan_sources()
    form, size = StartForm(read_sent(request), sources=sources), None
    if form.is_valid():
        version = registry.get_current_version()
        assert version is not None
        order = form.order(actor_name(request), version.number, len(operator.agents))
        if request.POST.get("confirmed"):
            folder = start_crash_test(order, operator)
            messages.success(request, _("The crash test is on its way."))
            return redirect("crashtest_run", folder.name)
        size = measure_run_size(order, operator)
    page, status = StartPage(plans=sources, size=size), 422 if form.errors else 200
    return page_response(request, "desk/crashtest/start.html", page, {"form": form}, status=status)


@serve("crashtest.see")
@_explain_unreadable
def run(request: HttpRequest, run: str) -> HttpResponse:
    """A run: on its way, or what it found; ``?part=live`` is asked for every few seconds."""
    found, acts = _find(run), can(request.user, "crashtest.run")
    polled = request.GET.get("part") == "live"
    if polled and not found.active:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if found.state == "done":
        held = load_run_results(found)
        case = _read_case(request, held)
        head = CrashTestHead.from_row(found)
        result = ResultPage(run=head, acts=acts, case=case, found=held)
        return page_response(request, "desk/crashtest/result.html", result)
    page = RunPage(
        run=CrashTestHead.from_row(found),
        time_zone=registry.current_time_zone(),
        acts=acts,
        progress=read_run_progress(found),
    )
    template = "desk/crashtest/_progress.html" if polled else "desk/crashtest/run.html"
    return page_response(request, template, page)


def _read_case(request: HttpRequest, found: RunResults, field: str = "case") -> int:
    number = require_found(read_number(request.GET.get(field, "0")), _("There is no such case."))
    if number >= len(found.results):
        raise Http404(_("There is no such case."))
    return number


@serve("crashtest.run", ACT)
def run_stop(request: HttpRequest, run: str) -> HttpResponse:
    """Stop a run; what is done stays."""
    found = _find(run)
    if found.may_stop:
        stop_job(found)
        messages.success(request, _("It stops. What is done stays, and it can go on later."))
    return redirect("crashtest_run", run)


@serve("crashtest.run", ACT)
def run_resume(request: HttpRequest, run: str) -> HttpResponse:
    """Go on with a run that was stopped, broke off or failed."""
    found = _find(run)
    if found.may_resume:
        open_crash_tests().require_room(actor_name(request))
        resume_job(found)
        messages.success(request, _("It goes on where it was."))
    return redirect("crashtest_run", run)


@serve("crashtest.run", FORM)
def run_remove(request: HttpRequest, run: str) -> HttpResponse:
    """Remove a run that is not at work, with its inputs and what it found, once it is confirmed."""
    found = _find(run)
    possible = not found.active
    if request.method == "POST" and possible:
        possible = remove_crash_test(found, actor_name(request))
        if possible:
            messages.success(request, _("The run is removed."))
            return redirect("crashtest")
    page = RemovePage(run=CrashTestHead.from_row(found), time_zone=registry.current_time_zone(), possible=possible)
    status = 200 if possible else 409
    return page_response(request, "desk/crashtest/remove.html", page, status=status)


@serve("crashtest.see")
@_explain_unreadable
def certificate(request: HttpRequest, run: str) -> HttpResponse:
    """What was run, and the command that runs it again."""
    found = _find_finished(run)
    page = CertificatePage(run=CrashTestHead.from_row(found), certificate=load_run_results(found).certificate)
    return page_response(request, "desk/crashtest/certificate.html", page)


@serve("crashtest.see")
@_explain_unreadable
def decision(request: HttpRequest, run: str) -> HttpResponse:
    """What a run says to the person who decides."""
    found = _find_finished(run)
    held = load_run_results(found)
    page = DecisionPage(
        run=CrashTestHead.from_row(found),
        results=held.results,
        choices=list_choices(held.comparison, found.order.agents),
        calm=read_calm_targets(found.run_folder),
    )
    return page_response(request, "desk/crashtest/decision.html", page)


@serve("crashtest.see")
def certificate_file(request: HttpRequest, run: str) -> HttpResponse:
    """The certificate as ``--rerun`` takes it."""
    content = (_find_finished(run).run_folder / "certificate.json").read_bytes()
    return download(content, "certificate.json")


@serve("crashtest.see")
@_explain_unreadable
def compare(request: HttpRequest) -> HttpResponse:
    """Two finished runs side by side."""
    sides = (_side(request, "one", "case_first"), _side(request, "two", "case_second"))
    page = compare_page(sides)
    return page_response(request, "desk/crashtest/compare.html", page)


def _side(request: HttpRequest, run: str, case: str) -> ComparedCase:
    found = _find_finished(request.GET.get(run, ""))
    held = load_run_results(found)
    return ComparedCase(found, held, _read_case(request, held, case))


def _find(name: str) -> CrashTestJob:
    return require_found(open_crash_tests().get(name), _("There is no such run."))


def _find_finished(name: str) -> CrashTestJob:
    found = open_crash_tests().get(name) if name else None
    if found is None or found.state != "done":
        raise Http404(_("There is no such run, or it is not done."))
    return found


MENU = (
    Entry(lazy("Plan"), lazy("Crash test"), "crashtest", before="registry"),
    Entry(lazy("Plan"), lazy("Outlook"), "outlooks", before="registry"),
)

urlpatterns = [
    path("", index, name="crashtest"),
    path("start", start, name="crashtest_start"),
    path("compare", compare, name="crashtest_compare"),
    path("outlook", page.outlooks, name="outlooks"),
    path("outlook/<slug:run>", page.outlook, name="outlook"),
    path("runs/<slug:run>", run, name="crashtest_run"),
    path("runs/<slug:run>/stop", run_stop, name="crashtest_stop"),
    path("runs/<slug:run>/resume", run_resume, name="crashtest_resume"),
    path("runs/<slug:run>/remove", run_remove, name="crashtest_remove"),
    path("runs/<slug:run>/decision", decision, name="crashtest_decision"),
    path("runs/<slug:run>/certificate", certificate, name="crashtest_certificate"),
    path("runs/<slug:run>/certificate.json", certificate_file, name="crashtest_certificate_file"),
]
