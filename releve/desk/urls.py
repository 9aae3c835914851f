"""Every address of the desk."""

from __future__ import annotations

from django.urls import include, path

from releve.desk import views
from releve.desk.access import identity_views, people_views
from releve.desk.access import views as access

urlpatterns = [
    path("", include("releve.desk.plan.urls")),
    path("", include("releve.desk.week.urls")),
    path("telework/", include("releve.desk.telework.urls")),
    path("rehearsal/", include("releve.desk.rehearsal.urls")),
    path("charter/", include("releve.desk.charter.urls")),
    path("draws/", include("releve.desk.draws.urls")),
    path("rules/", include("releve.desk.rules.urls")),
    path("planning/", include("releve.desk.planning.urls")),
    path("", include("releve.desk.system.urls")),
    path("language", views.set_language, name="set_language"),
    path("start", access.redirect_to_start, name="start"),
    path("look", access.choose_role, name="look"),
    path("account", access.show_account, name="account"),
    path("account/read", access.mark_notices_read, name="account_read"),
    path("people", people_views.list_people, name="people"),
    path("people/roles/<int:number>/end", people_views.end_role, name="role_end"),
    path("people/<int:number>/close", people_views.close_person, name="person_close"),
    path("people/<int:number>/link", people_views.show_password_link, name="person_link"),
    path("people/<int:number>/factors", people_views.ask_reset, name="factors_ask"),
    path("people/<int:number>/confirm", people_views.confirm_person, name="person_confirm"),
    path("people/factors/<int:number>/allow", people_views.allow_reset, name="factors_allow"),
    path("people/erase", identity_views.erase, name="erase"),
    path("identity", identity_views.identity, name="identity"),
    path("identity/read", identity_views.mark_notices_read, name="identity_read"),
    path("identity/ask", identity_views.request_identity, name="identity_ask"),
    path("identity/<int:number>/allow", identity_views.approve_request, name="identity_allow"),
    path("identity/<int:number>/see", identity_views.reveal_name, name="identity_see"),
    path("people/tokens", people_views.issue_token, name="token_give"),
    path("people/tokens/<int:number>/end", people_views.revoke_token, name="token_end"),
    path("account/", include("releve.desk.access.urls")),
    path("", include("releve.desk.now.urls")),
    path("", include("releve.desk.service.urls")),
    path("", include("releve.desk.relief.urls")),
    path("surge/", include("releve.desk.surge.urls")),
    path("transport/", include("releve.desk.transport.urls")),
    path("switches/", include("releve.desk.switches.urls")),
    path("", include("releve.desk.live.urls")),
    path("incident/", include("releve.desk.incident.urls")),
    path("health/", include("releve.desk.health.urls")),
    path("api/", include("releve.desk.api.urls")),
    path("registry/", include("releve.desk.registry.urls")),
    path("association/", include("releve.desk.association.urls")),
    path("crashtest/", include("releve.desk.crashtest.urls")),
    path("ledger/", include("releve.desk.ledger.urls")),
    path("packs/", include("releve.desk.packs.urls")),
    path("contracts/", include("releve.desk.valve.urls")),
    path("", include("releve.desk.places.urls")),
    path("outbound/", include("releve.desk.outbound.urls")),
]

handler404 = "releve.desk.views.stranger"
handler500 = "releve.desk.views.server_error"
