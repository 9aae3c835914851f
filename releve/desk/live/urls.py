"""Every address of the live pages."""

from __future__ import annotations

from django.urls import path

from releve.desk.live import control_views, drills, record_views, reopening_views, views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("ack/<slug:token>", views.ack, name="ack"),
    path("drills", drills.index, name="drills"),
    path("drills/look", drills.look, name="drill_look"),
    path("drills/start", drills.start, name="drill_start"),
    path("drills/<int:number>/move", drills.move, name="drill_move"),
    path("drills/<int:number>/stop", drills.stop, name="drill_stop"),
    path("record/", record_views.index, name="record"),
    path("record/case", record_views.case, name="record_case"),
    path("record/closure", record_views.closure, name="record_closure"),
    path("record/check", record_views.check, name="record_check"),
    path("record/inspection", record_views.inspection, name="record_inspection"),
    path("record/outage", control_views.outage, name="record_outage"),
    path("record/tests", control_views.tests, name="record_tests"),
    path("record/attendance", control_views.attendance, name="record_attendance"),
    path("record/authorisation", control_views.authorisation, name="record_authorisation"),
    path("record/audit", control_views.audit, name="record_audit"),
    path("record/reopening/<ref:site>", reopening_views.reopening, name="record_reopening"),
]
