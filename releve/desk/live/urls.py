"""Every address of the live pages."""

from __future__ import annotations

from django.urls import path

from releve.desk.live import drills, recording, recording_control, reopening, views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("now", views.now, name="now"),
    path("now.json", views.now, name="now_json"),
    path("effects/<int:number>/retry", views.effect_retry, name="effect_retry"),
    path("ack/<slug:token>", views.ack, name="ack"),
    path("drills", drills.index, name="drills"),
    path("drills/look", drills.look, name="drill_look"),
    path("drills/start", drills.start, name="drill_start"),
    path("drills/<int:number>/move", drills.move, name="drill_move"),
    path("drills/<int:number>/stop", drills.stop, name="drill_stop"),
    path("record/", recording.index, name="record"),
    path("record/case", recording.case, name="record_case"),
    path("record/closure", recording.closure, name="record_closure"),
    path("record/check", recording.check, name="record_check"),
    path("record/inspection", recording.inspection, name="record_inspection"),
    path("record/outage", recording_control.outage, name="record_outage"),
    path("record/tests", recording_control.tests, name="record_tests"),
    path("record/attendance", recording_control.attendance, name="record_attendance"),
    path("record/authorisation", recording_control.authorisation, name="record_authorisation"),
    path("record/audit", recording_control.audit, name="record_audit"),
    path("record/reopening/<ref:site>", reopening.reopening, name="record_reopening"),
]
