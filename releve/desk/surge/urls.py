"""Addresses of the relief for a surge or absences."""

from __future__ import annotations

from django.urls import path

from releve.desk.surge import views

urlpatterns = [
    path("", views.show, name="surge"),
    path("order", views.order, name="surge_order"),
    path("end", views.end, name="surge_end"),
]
