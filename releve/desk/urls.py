"""Every address of the desk, and the views that belong to no subject: the language, errors."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language as django_set_language

from releve.desk.access import views
from releve.desk.access.guard import allow_anonymous, changes_nothing, permission_of
from releve.desk.http import answer_if_busy, failure
from releve.plugin import PluginError, list_plugins

set_language = changes_nothing(allow_anonymous(csrf_exempt(django_set_language)))
"""Keeps the language in a cookie. Exempt from the CSRF token on purpose: all it changes is a
reader's language, and without a token in them the pages are the same for everybody and cacheable.
"""


def stranger(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with the reason the view gave, if it gave one."""
    given = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return failure(request, 404, given or _("There is no page at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without saying what went wrong; the log does. A busy database is no fault."""
    busy = answer_if_busy(request, sys.exception())
    if busy is not None:
        return busy
    return failure(request, 500, _("Something went wrong. It has been logged."))


def _include_declared(plugin: str, module: str) -> Any:
    """Include a plug-in's pages; one that declares no permission would be open to anyone."""
    for pattern in import_module(module).urlpatterns:
        if permission_of(getattr(pattern, "callback", None)) is None:
            raise PluginError(
                f"plug-in {plugin!r}: the view of {str(pattern.pattern)!r} in {module} declares no "
                "permission; open it by releve.desk.endpoint.serve"
            )
    return include(module)


urlpatterns = [
    path("", include("releve.desk.plan.views")),
    path("", include("releve.desk.week")),
    path("rehearsal/", include("releve.desk.rehearsal")),
    path("rules/", include("releve.desk.rules")),
    path("planning/", include("releve.desk.planning")),
    path("calendar/", include("releve.desk.day_calendar")),
    path("forecast/", include("releve.desk.forecast")),
    path("grid/", include("releve.desk.grid.views")),
    path("", include("releve.desk.system")),
    path("language", set_language, name="set_language"),
    path("start", views.redirect_to_start, name="start"),
    path("look", views.choose_role, name="look"),
    path("account", views.show_account, name="account"),
    path("account/read", views.mark_notices_read, name="account_read"),
    path("people", views.list_people, name="people"),
    path("people/roles/<int:number>/end", views.end_role, name="role_end"),
    path("people/<int:number>/close", views.close_person, name="person_close"),
    path("people/<int:number>/hand-over", views.hand_over_person, name="person_hand_over"),
    path("people/<int:number>/link", views.show_password_link, name="person_link"),
    path("people/<int:number>/factors", views.ask_reset, name="factors_ask"),
    path("people/<int:number>/confirm", views.confirm_person, name="person_confirm"),
    path("people/factors/<int:number>/allow", views.allow_reset, name="factors_allow"),
    path("people/erase", views.erase, name="erase"),
    path("identity", views.identity, name="identity"),
    path("identity/read", views.mark_identity_read, name="identity_read"),
    path("identity/ask", views.request_identity, name="identity_ask"),
    path("identity/<int:number>/allow", views.approve_request, name="identity_allow"),
    path("identity/<int:number>/see", views.reveal_name, name="identity_see"),
    path("people/tokens", views.issue_token, name="token_give"),
    path("people/tokens/<int:number>/end", views.revoke_token, name="token_end"),
    path("people/groups/", include("releve.desk.access.groups")),
    path("people/webhooks/", include("releve.desk.access.webhooks")),
    path("account/", include("releve.desk.access.views")),
    path("", include("releve.desk.now")),
    path("", include("releve.desk.service")),
    path("", include("releve.desk.relief")),
    path("", include("releve.desk.relief_aim")),
    path("surge/", include("releve.desk.surge")),
    path("transport/", include("releve.desk.transport")),
    path("switches/", include("releve.desk.switches")),
    path("", include("releve.desk.live.corrections")),
    path("", include("releve.desk.live.replies")),
    path("", include("releve.desk.live.lookup")),
    path("", include("releve.desk.live.views")),
    path("", include("releve.desk.live.rota")),
    path("", include("releve.desk.live.client_news")),
    path("incident/", include("releve.desk.incident")),
    path("health/", include("releve.desk.health")),
    path("help/", include("releve.desk.handbook.views")),
    path("api/", include("releve.desk.api.document")),
    path("scim/v2/", include("releve.desk.access.scim")),
    path("registry/", include("releve.desk.registry.views")),
    path("ledger/", include("releve.desk.ledger")),
    path("", include("releve.desk.places.views")),
    *(
        path(prefix, _include_declared(plugin.name, module))
        for plugin in list_plugins()
        for prefix, module in plugin.urls.items()
    ),
]

handler404 = "releve.desk.urls.stranger"
handler500 = "releve.desk.urls.server_error"
