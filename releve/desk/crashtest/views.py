"""The pages of the crash test. No client enters; every figure is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.crashtest import CrashTestError
from releve.desk.access.actor import actor_name
from releve.desk.crashtest.comparison import compare_page
from releve.desk.crashtest.forms import StartForm
from releve.desk.crashtest.result_page import result_page, result_twin
from releve.desk.crashtest.run_page import (
    IndexPage,
    RemovePage,
    StartPage,
    line,
    run_page,
)
from releve.desk.crashtest.service import (
    list_consequences,
    order_crash_test,
)
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import answer, download, failure, fresh, unchanged, wants_json
from releve.desk.live.answers import fragment
from releve.desk.query import read_number, require_found
from releve.desk.text import Text, text_now
from releve.files.run_folder import RunFolderError
from releve.live import api as live
from releve.registry import storage as registry
from releve.runs.crash_test_job import CrashTestJob
from releve.runs.installation import list_plan_sources, open_crash_tests
from releve.runs.job_process import resume_job, stop_job
from releve.runs.job_store import ACTIVE_STATES
from releve.runs.orders import remove_crash_test
from releve.runs.progress import job_to_json, read_progress
from releve.runs.results import ComparedCase, RunResults, compare_to_json, load_run_results


@serve("crashtest.see")
def index(request: HttpRequest) -> HttpResponse:
    """Every run of this installation, the newest first."""
    text, runs = _text(), open_crash_tests().list_jobs()
    lines = tuple(line(one, text) for one in runs)
    finished = tuple(one for one in lines if one.state == "done")
    page = IndexPage(lines, can(request.user, "crashtest.run"), finished)
    twin = {"runs": [job_to_json(one, ()) for one in runs]}
    return fresh(request, "desk/crashtest/index.html", page, twin)


@serve("crashtest.run", FORM)
def start(request: HttpRequest) -> HttpResponse:
    """The form, what it means, and the start: the first sending shows, the second starts."""
    operator, sources = live.operator_now(), list_plan_sources()
    form = StartForm(request.POST if request.method == "POST" else None, sources=sources)
    page, status = StartPage(form), 200
    if request.method == "POST":
        if form.is_valid():
            if request.POST.get("confirmed"):
                folder = order_crash_test(form.cleaned_data, operator, actor_name(request))
                messages.success(request, _("The crash test is on its way."))
                return redirect("crashtest_run", folder.name)
            text = text_now(operator.row.time_zone)
            said = list_consequences(form.cleaned_data, operator, sources, text)
            page = StartPage(form, said, ready=True)
        else:
            status = 422
    twin = {"plans": {name: list(days) for name, days in sources.items()}}
    return answer(request, "desk/crashtest/start.html", page, twin, status)


@serve("crashtest.see")
def run(request: HttpRequest, run: str) -> HttpResponse:
    """A run: on its way, or what it found; ``?part=live`` is asked for every few seconds."""
    found, text = _run(run), _text()
    if found.state == "done":
        if request.GET.get("part") == "live":
            return HttpResponse(status=200, headers={"HX-Refresh": "true"})
        return _result(request, found, text)
    done = read_progress(found)
    page = run_page(found, done, text, acts=can(request.user, "crashtest.run"))
    if request.GET.get("part") == "live":
        if not page.active:
            return HttpResponse(status=200, headers={"HX-Refresh": "true"})
        return fragment(request, "desk/crashtest/_progress.html", page)
    response = answer(request, "desk/crashtest/run.html", page, job_to_json(found, done))
    return unchanged(request, response) if wants_json(request) else response


def _result(request: HttpRequest, run: CrashTestJob, text: Text) -> HttpResponse:
    try:
        found = load_run_results(run)
    except (RunFolderError, CrashTestError) as error:
        return failure(request, 503, _("This run cannot be read."), str(error))
    acts = can(request.user, "crashtest.run")
    page = result_page(run, found, _case(request, found), text, acts=acts)
    return fresh(request, "desk/crashtest/result.html", page, result_twin(run, found))


def _case(request: HttpRequest, found: RunResults, field: str = "case") -> int:
    number = require_found(read_number(request.GET.get(field, "0")), _("There is no such case."))
    if number >= len(found.results):
        raise Http404(_("There is no such case."))
    return number


@serve("crashtest.run", ACT)
def run_stop(request: HttpRequest, run: str) -> HttpResponse:
    """Stop a run; what is done stays."""
    found = _run(run)
    if found.may_stop:
        stop_job(found)
        messages.success(request, _("It stops. What is done stays, and it can go on later."))
    return redirect("crashtest_run", run)


@serve("crashtest.run", ACT)
def run_resume(request: HttpRequest, run: str) -> HttpResponse:
    """Go on with a run that was stopped, broke off or failed."""
    found = _run(run)
    if found.may_resume:
        resume_job(found)
        messages.success(request, _("It goes on where it was."))
    return redirect("crashtest_run", run)


@serve("crashtest.run", FORM)
def run_remove(request: HttpRequest, run: str) -> HttpResponse:
    """Remove a run that is not at work, with its inputs and what it found, once it is confirmed."""
    found = _run(run)
    page = RemovePage(line(found, _text()), found.state not in ACTIVE_STATES)
    if request.method == "POST" and page.possible:
        if remove_crash_test(found, actor_name(request)):
            messages.success(request, _("The run is removed."))
            return redirect("crashtest")
        page = RemovePage(page.line, possible=False)
    status = 200 if page.possible else 409
    return answer(request, "desk/crashtest/remove.html", page, {"possible": page.possible}, status)


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """The certificate of a run: what was run, and how anybody runs it again to the same figures."""

    run: CrashTestJob
    tree: Mapping[str, Any]


@serve("crashtest.see")
def certificate(request: HttpRequest, run: str) -> HttpResponse:
    """What was run, and the command that runs it again."""
    found = _finished(run)
    tree = dict(load_run_results(found).certificate)
    page = CertificatePage(found, tree)
    return fresh(request, "desk/crashtest/certificate.html", page, tree)


@serve("crashtest.see")
def certificate_file(request: HttpRequest, run: str) -> HttpResponse:
    """The certificate as ``--rerun`` takes it."""
    content = (_finished(run).run_folder / "certificate.json").read_bytes()
    return download(content, "certificate.json")


@serve("crashtest.see")
def compare(request: HttpRequest) -> HttpResponse:
    """Two finished runs side by side."""
    sides = (_side(request, "one", "case_first"), _side(request, "two", "case_second"))
    try:
        page, twin = compare_page(sides, _text()), compare_to_json(sides)
    except (RunFolderError, CrashTestError) as error:
        return failure(request, 503, _("This run cannot be read."), str(error))
    return fresh(request, "desk/crashtest/compare.html", page, twin)


def _side(request: HttpRequest, run: str, case: str) -> ComparedCase:
    found = _finished(request.GET.get(run, ""))
    held = load_run_results(found)
    return ComparedCase(found, held, _case(request, held, case))


def _run(name: str) -> CrashTestJob:
    return require_found(open_crash_tests().get(name), _("There is no such run."))


def _finished(name: str) -> CrashTestJob:
    found = _run(name) if name else None
    if found is None or found.state != "done":
        raise Http404(_("There is no such run, or it is not done."))
    return found


def _text() -> Text:
    version = registry.get_current_version()
    return text_now("UTC" if version is None else registry.load_operator(version).row.time_zone)
