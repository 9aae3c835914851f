"""The page of roles by group: which group of the sign-in service gives which role, asked for, approved and ended."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.translation import gettext as _

from releve.accounts import group_roles
from releve.accounts.group_roles import GroupRoleLine
from releve.accounts.models import GroupRole
from releve.desk.access.forms import GroupRoleForm
from releve.desk.access.guard import act_and_lead, actor_name
from releve.desk.access.views import refuse_visitor
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import page_response
from releve.desk.page import PageModel
from releve.live import api as live


class GroupsPage(PageModel):
    """Every row that is not ended; ``claims``: the claim that says the groups, by the service that gives roles."""

    claims: dict[str, str]
    rows: tuple[GroupRoleLine, ...]


@serve("users.manage", FORM, recent=True)
def index(request: HttpRequest) -> HttpResponse:
    """List the rows; ask for one."""
    form, by = GroupRoleForm(live.list_named_places(), read_sent(request)), actor_name(request)

    def ask() -> None:
        refuse_visitor(request)
        group_roles.ask_row(form.cleaned_data["group"], form.wanted(), by=by)

    if form.is_bound and act_on(form, ask):
        messages.success(request, _("Asked: another administrator has to approve it."))
        return redirect("groups")
    page = GroupsPage(claims=settings.GROUP_CLAIMS, rows=group_roles.list_rows(by))
    status = 422 if form.errors else 200
    return page_response(request, "desk/people/groups.html", page, {"form": form}, status=status)


@serve("users.manage", ACT, recent=True)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Approve a row that another administrator has asked for."""
    row, by = get_object_or_404(GroupRole, pk=number), actor_name(request)
    said = _("Approved: the group gives the role from the next sign-in on.")
    return act_and_lead(request, lambda: group_roles.approve_row(row, by=by), said, "groups")


@serve("users.manage", ACT, recent=True)
def end(request: HttpRequest, number: int) -> HttpResponse:
    """End a row, and the roles that came by it."""
    row, by = get_object_or_404(GroupRole, pk=number), actor_name(request)
    said = _("Ended, with every role that came by it.")
    return act_and_lead(request, lambda: group_roles.end_row(row, by=by), said, "groups")


urlpatterns = [
    path("", index, name="groups"),
    path("<int:number>/approve", approve, name="group_approve"),
    path("<int:number>/end", end, name="group_end"),
]
