"""Every address of the crash test."""

from __future__ import annotations

from django.urls import path

from releve.desk.crashtest import outlook, views

urlpatterns = [
    path("", views.index, name="crashtest"),
    path("start", views.start, name="crashtest_start"),
    path("compare", views.compare, name="crashtest_compare"),
    path("outlook", outlook.outlooks, name="outlooks"),
    path("outlook/<slug:run>", outlook.outlook, name="outlook"),
    path("runs/<slug:run>", views.run, name="crashtest_run"),
    path("runs/<slug:run>/stop", views.run_stop, name="crashtest_stop"),
    path("runs/<slug:run>/resume", views.run_resume, name="crashtest_resume"),
    path("runs/<slug:run>/remove", views.run_remove, name="crashtest_remove"),
    path("runs/<slug:run>/certificate", views.certificate, name="crashtest_certificate"),
    path(
        "runs/<slug:run>/certificate.json",
        views.certificate_file,
        name="crashtest_certificate_file",
    ),
]
