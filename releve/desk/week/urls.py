"""Addresses of the hybrid week."""

from __future__ import annotations

from django.urls import path

from releve.desk.week import views

urlpatterns = [
    path("week", views.week, name="week"),
    path("week/sheet", views.download_week, name="week_sheet"),
    path("week.json", views.week, name="week_json"),
]
