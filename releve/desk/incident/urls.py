"""Every address of the incident room."""

from __future__ import annotations

from django.urls import path

from releve.desk.incident import views

urlpatterns = [
    path("", views.index, name="incident"),
    path("<ref:incident>", views.room, name="incident_room"),
    path("<ref:incident>/review", views.review, name="incident_review"),
]
