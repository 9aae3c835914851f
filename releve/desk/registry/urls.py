"""Every address of the reference data."""

from __future__ import annotations

from django.urls import path

from releve.desk.registry import file_views, views

urlpatterns = [
    path("", views.show_index, name="registry"),
    path("versions", views.list_versions, name="registry_versions"),
    path("versions/<int:number>", views.show_version, name="registry_version"),
    path("versions/<int:number>/undo", views.go_back, {"undo": True}, "registry_undo"),
    path("versions/<int:number>/restore", views.go_back, {"undo": False}, "registry_restore"),
    path("export.zip", file_views.export_version, name="registry_export"),
    path("export.xlsx", file_views.export_workbook, name="registry_workbook"),
    path("template.xlsx", file_views.download_template, name="registry_template"),
    path("import", file_views.send_file, name="registry_send"),
    path("import/<slug:token>", file_views.show_proposal, name="registry_proposal"),
    path("calls", file_views.send_log, name="registry_calls"),
    path("calls/<slug:token>", file_views.confirm_log, name="registry_calls_confirm"),
    path("tables/<slug:table>", views.show_table, name="registry_table"),
    path("tables/<slug:table>/add", views.edit_row, name="registry_add"),
    path("tables/<slug:table>/rows/<ref:key>", views.edit_row, name="registry_row"),
    path("tables/<slug:table>/rows/<ref:key>/remove", views.remove_row, name="registry_remove"),
]
