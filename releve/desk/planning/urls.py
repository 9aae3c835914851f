"""Addresses of the plans computed on the desk."""

from __future__ import annotations

from django.urls import path

from releve.desk.planning import views

urlpatterns = [
    path("", views.index, name="planning"),
    path("start", views.start, name="planning_start"),
    path("runs/<slug:run>", views.run, name="planning_run"),
    path("runs/<slug:run>/stop", views.stop, name="planning_stop"),
    path("runs/<slug:run>/resume", views.resume, name="planning_resume"),
    path("runs/<slug:run>/remove", views.remove, name="planning_remove"),
    path("runs/<slug:run>/activate", views.activate, name="planning_activate"),
]
