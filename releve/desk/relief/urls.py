"""Addresses of the relief in force and its people."""

from __future__ import annotations

from django.urls import path

from releve.desk.relief import views

urlpatterns = [
    path("relief", views.relief, name="relief"),
    path("relief.json", views.relief, name="relief_json"),
    path("relief.xlsx", views.workbook, name="relief_workbook"),
    path("relief/answers/<uuid:message>", views.answer, name="relief_answer"),
]
