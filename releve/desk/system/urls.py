"""Addresses for a supervisor of processes and for Prometheus."""

from __future__ import annotations

from django.urls import path

from releve.desk.system import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
