"""Addresses of the draws of visits."""

from __future__ import annotations

from django.urls import path

from releve.desk.draws import views

urlpatterns = [
    path("", views.index, name="draws"),
    path("preview", views.preview, name="draws_preview"),
]
