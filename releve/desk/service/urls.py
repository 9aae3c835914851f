"""Addresses of the wall view and of the statements."""

from __future__ import annotations

from django.urls import path

from releve.desk.service import views

urlpatterns = [
    path("wall", views.wall, name="wall"),
    path("statements/<ref:client>", views.statement, name="statement"),
]
