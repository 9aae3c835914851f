"""Every address of outbound calls."""

from __future__ import annotations

from django.urls import path

from releve.desk.outbound import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("rules", views.rules, name="outbound_rules"),
    path("rules/flips", views.flips, name="outbound_flips"),
]
