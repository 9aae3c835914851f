"""Every address of the live pages."""

from __future__ import annotations

from django.urls import path

from releve.desk.live import drills, record_views, reopening_views, views
from releve.desk.live.forms_control import FORMS

urlpatterns = [
    path("ack/<slug:token>", views.ack, name="ack"),
    path("drills", drills.index, name="drills"),
    path("drills/look", drills.look, name="drill_look"),
    path("drills/start", drills.start, name="drill_start"),
    path("drills/<int:number>/move", drills.move, name="drill_move"),
    path("drills/<int:number>/stop", drills.stop, name="drill_stop"),
    path("record/", record_views.index, name="record"),
    *(
        path(
            f"record/{form.name.removeprefix('record_')}",
            record_views.build_record_view(form),
            name=form.name,
        )
        for form in FORMS
    ),
    path("record/reopening/<ref:site>", reopening_views.reopening, name="record_reopening"),
]
