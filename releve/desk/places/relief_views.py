"""The pages of reliefs: the generations, two of them compared, a plan folder put in force."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.http import answer, fresh
from releve.desk.places.reliefs import (
    Comparison,
    DayChange,
    ReliefRow,
    compare_reliefs,
    comparison_twin,
    day_changes,
    relief_rows,
    relief_twin,
)
from releve.desk.places.stream_context import moment, when
from releve.files.plan_folder import PlanFolderError
from releve.files.plan_store import StoredPlan, open_plan_store
from releve.live import api as live
from releve.live.api import LiveError, Relief

__all__ = ["compare", "publish", "reliefs"]


@dataclass(frozen=True, slots=True)
class ReliefsPage:
    """The generations of a stream, and the plan they change."""

    rows: tuple[ReliefRow, ...]
    plan: str
    may_publish: bool


@dataclass(frozen=True, slots=True)
class PublishPage:
    """The changes from putting the plan folder in force; ``digest`` identifies the plans shown."""

    days: tuple[DayChange, ...]
    digest: str
    current: str
    fault: str


@require_permission("reliefs.see")
@require_safe
def reliefs(request: HttpRequest) -> HttpResponse:
    """Every generation, the one in force first."""
    now, found = moment(request), live.load_activation()
    rows = live.list_reliefs(now.stream)
    plan = ""
    if found is not None:
        plan = _("In force since {when}, by {who}: {days} days.").format(
            when=when(found.at, now.text), who=found.by, days=len(found.days)
        )
    page = ReliefsPage(relief_rows(now, rows), plan, can(request.user, "plan.publish"))
    twin = {
        "stream": now.stream,
        "plan": None if found is None else {"at": found.at, "days": found.days},
        "reliefs": [relief_twin(row) for row in rows],
    }
    return fresh(request, "desk/places/reliefs.html", page, twin, drill=now.drill)


@require_permission("reliefs.see")
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two generations beside each other; ``a=0`` is the plan itself."""
    now, found = moment(request), live.load_activation()
    numbers = [request.GET.get(name, "") for name in ("a", "b")]
    if found is None or not all(n.isascii() and n.isdigit() and len(n) < 9 for n in numbers):
        raise Http404(_("Choose two reliefs to compare."))
    first, second = sorted(int(number) for number in numbers)
    rows = Relief.objects.filter(stream=now.stream, generation__in=(first, second))
    known = {row.generation: row for row in rows.select_related("activation")}
    if second not in known or (first and first not in known):
        raise Http404(_("There is no relief of this number."))
    page: Comparison = compare_reliefs(now, known.get(first), known[second], found)
    twin = {"first": first, "second": second} | comparison_twin(page)
    return fresh(request, "desk/places/compare.html", page, twin, drill=now.drill)


@require_permission("plan.publish")
@require_recent_auth
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest) -> HttpResponse:
    """Put the plan folder in force, after its consequences were shown."""
    try:
        stored = _load_plan_folder()
    except PlanFolderError as error:
        return _render_question(request, (), str(error), 503)
    if request.method != "POST":
        return _render_question(request, stored, "", 200)
    if request.POST.get("digest") != _digest_plans(stored):
        fault = _("The plan folder changed meanwhile: look at its consequences again.")
        return _render_question(request, stored, fault, 409)
    try:
        live.put_in_force([item.plan for item in stored], by=actor_name(request))
    except LiveError as error:
        return _render_question(request, stored, str(error), 422)
    messages.success(request, _("The plan is in force."))
    return redirect("reliefs")


def _load_plan_folder() -> tuple[StoredPlan, ...]:
    """Return every plan of the folder; PlanFolderError says why there is none."""
    store = open_plan_store(settings.PLAN_FOLDER)
    found = (store.get(day) for day in store.days())
    return tuple(item for item in found if item is not None)


def _digest_plans(stored: Sequence[StoredPlan]) -> str:
    return hashlib.sha256("".join(item.digest for item in stored).encode()).hexdigest()


def _render_question(
    request: HttpRequest, stored: Sequence[StoredPlan], fault: str, status: int
) -> HttpResponse:
    now, found = moment(request), live.load_activation()
    plans = [item.plan for item in stored]
    page = PublishPage(
        tuple(day_changes(plans, found, now.operator, now.text)),
        _digest_plans(stored) if stored else "",
        "" if found is None else when(found.at, now.text),
        fault,
    )
    twin = {"days": [plan.day for plan in plans], "digest": page.digest, "fault": fault}
    return answer(request, "desk/places/publish.html", page, twin, status, drill=now.drill)
