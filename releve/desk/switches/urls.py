"""Addresses of the prepared switches."""

from __future__ import annotations

from django.urls import path

from releve.desk.switches import views

urlpatterns = [
    path("", views.index, name="switches"),
    path("undo", views.undo, name="switch_undo"),
    path("<ref:contingency>", views.show, name="switch"),
    path("<ref:contingency>/press", views.press, name="switch_press"),
]
