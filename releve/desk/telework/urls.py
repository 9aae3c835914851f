"""Addresses of what telework does."""

from __future__ import annotations

from django.urls import path

from releve.desk.telework import views

urlpatterns = [
    path("", views.show, name="telework"),
    path("records", views.send_records, name="telework_records"),
    path("apply", views.apply, name="telework_apply"),
]
