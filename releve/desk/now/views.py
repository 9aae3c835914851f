"""The page *Now*, and the retry of a task from it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from releve.desk.access.actor import actor_name
from releve.desk.access.guard import require_permission
from releve.desk.http import page_response
from releve.desk.live.answers import explained
from releve.desk.live.streams import looked_at
from releve.desk.now.page import now_page
from releve.live import api as live

__all__ = ["effect_retry", "now"]


@require_permission("situation.see")
@require_safe
@explained
def now(request: HttpRequest) -> HttpResponse:
    """Everything as it stands; the browser polls ``?part=live``."""
    looked = looked_at(request)
    page = now_page(looked, request.user)
    context = {"operator": live.operator_now(), "drill": looked.banner}
    if request.GET.get("part") == "live":
        return page_response(request, "desk/now/_live.html", page, context, forms=False)
    return page_response(request, "desk/now/now.html", page, context)


@require_permission("incident.work")
@require_POST
@explained
def effect_retry(request: HttpRequest, number: int) -> HttpResponse:
    """Retry a task that was set aside."""
    live.retry_effect(number, by=actor_name(request))
    messages.success(request, _("It is being tried again."))
    return redirect("now")
