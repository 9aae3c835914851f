"""Addresses of the plan's pages."""

from __future__ import annotations

from django.urls import path

from releve.desk.plan import views

urlpatterns = [
    path("", views.verdict, name="verdict"),
    path("verdict.json", views.verdict, name="verdict_json"),
    path("cell/<ref:client>/<ref:contingency>", views.cell, name="cell"),
    path("cell/<ref:client>/<ref:contingency>.json", views.cell, name="cell_json"),
]
