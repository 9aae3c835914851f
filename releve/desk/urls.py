"""Every address of the desk."""

from __future__ import annotations

from django.urls import include, path, register_converter

from releve.desk import views
from releve.desk.access import desk_people
from releve.desk.access import views as access
from releve.desk.converters import RefConverter

__all__ = ["handler404", "handler500", "urlpatterns"]

register_converter(RefConverter, "ref")

urlpatterns = [
    path("", views.verdict, name="verdict"),
    path("verdict.json", views.verdict, name="verdict_json"),
    path("cell/<ref:client>/<ref:contingency>", views.cell, name="cell"),
    path("cell/<ref:client>/<ref:contingency>.json", views.cell, name="cell_json"),
    path("healthz", views.healthz, name="healthz"),
    path("language", views.set_language, name="set_language"),
    path("start", access.start, name="start"),
    path("look", access.look, name="look"),
    path("account", access.account, name="account"),
    path("people", desk_people.people, name="people"),
    path("people/roles/<int:number>/end", desk_people.role_end, name="role_end"),
    path("people/<int:number>/close", desk_people.person_close, name="person_close"),
    path("people/<int:number>/link", desk_people.person_link, name="person_link"),
    path("account/", include("releve.desk.access.urls")),
    path("", include("releve.desk.live.urls")),
    path("registry/", include("releve.desk.registry.urls")),
    path("ledger/", include("releve.desk.ledger.urls")),
    path("", include("releve.desk.places.urls")),
    path("outbound/", include("releve.desk.outbound.urls")),
]

handler404 = "releve.desk.views.stranger"
handler500 = "releve.desk.views.server_error"
