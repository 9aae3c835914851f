"""Addresses of the vehicles' runs."""

from __future__ import annotations

from django.urls import path

from releve.desk.transport import views

urlpatterns = [
    path("", views.runs, name="transport"),
    path("runs.json", views.runs, name="transport_json"),
    path("vehicles/<ref:vehicle>", views.sheet, name="transport_sheet"),
]
