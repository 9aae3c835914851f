"""Every address of the reference data."""

from __future__ import annotations

from django.urls import path

from releve.desk.registry import call_views, export_views, import_views, version_views, views

urlpatterns = [
    path("", views.show_index, name="registry"),
    path("versions", version_views.list_versions, name="registry_versions"),
    path("versions/<int:number>", version_views.show_version, name="registry_version"),
    path("versions/<int:number>/undo", version_views.undo_version, name="registry_undo"),
    path("versions/<int:number>/restore", version_views.restore_version, name="registry_restore"),
    path("export.zip", export_views.export_version, name="registry_export"),
    path("export.xlsx", export_views.export_workbook, name="registry_workbook"),
    path("template.xlsx", export_views.download_template, name="registry_template"),
    path("import", import_views.send_file, name="registry_send"),
    path("import/<slug:token>", import_views.show_proposal, name="registry_proposal"),
    path("calls", call_views.send_log, name="registry_calls"),
    path("calls/<slug:token>", call_views.confirm_log, name="registry_calls_confirm"),
    path("tables/<slug:table>", views.show_table, name="registry_table"),
    path("tables/<slug:table>/add", views.add_row, name="registry_add"),
    path("tables/<slug:table>/rows/<ref:key>", views.edit_row, name="registry_row"),
    path("tables/<slug:table>/rows/<ref:key>/remove", views.remove_row, name="registry_remove"),
]
