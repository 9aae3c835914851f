"""Addresses of the packs of rules."""

from __future__ import annotations

from django.urls import path

from releve.desk.rules import views

urlpatterns = [
    path("", views.index, name="rules"),
    path("choose", views.choose, name="rules_choose"),
    path("end", views.end, name="rules_end"),
]
