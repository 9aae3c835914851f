"""Addresses of the guide of a rehearsal."""

from __future__ import annotations

from django.urls import path

from releve.desk.rehearsal import views

urlpatterns = [
    path("", views.guide, name="rehearsal"),
    path("start", views.start, name="rehearsal_start"),
]
