"""Addresses of the charter and its audits."""

from __future__ import annotations

from django.urls import path

from releve.desk.charter import audit_views, views

urlpatterns = [
    path("", views.index, name="charter"),
    path("sites/<ref:site>", views.show_site, name="charter_site"),
    path("audits/open", audit_views.open_one, name="audit_open"),
    path("audits/<ref:audit>", audit_views.show, name="audit"),
    path("audits/<ref:audit>/observe", audit_views.observe, name="audit_observe"),
    path("audits/<ref:audit>/raise", audit_views.raise_finding, name="audit_raise"),
    path("audits/<ref:audit>/conclude", audit_views.conclude, name="audit_conclude"),
    path("audits/<ref:audit>/sheet", audit_views.print_sheet, name="audit_sheet"),
    path("audits/<ref:audit>/sheet.csv", audit_views.download_sheet, name="audit_sheet_csv"),
    path("audits/<ref:audit>/sheet/import", audit_views.import_sheet, name="audit_sheet_import"),
    path(
        "audits/<ref:audit>/findings/<ref:finding>/answer",
        audit_views.answer_finding,
        name="finding_answer",
    ),
    path(
        "audits/<ref:audit>/findings/<ref:finding>/verify",
        audit_views.verify_finding,
        name="finding_verify",
    ),
]
