"""Every address of the reference data."""

from __future__ import annotations

from django.urls import path

from releve.desk.registry import import_views, version_views, views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", views.show_index, name="registry"),
    path("versions", version_views.list_versions, name="registry_versions"),
    path("versions/<int:number>", version_views.show_version, name="registry_version"),
    path("versions/<int:number>/undo", version_views.undo_version, name="registry_undo"),
    path("versions/<int:number>/restore", version_views.restore_version, name="registry_restore"),
    path("export.zip", version_views.export_version, name="registry_export"),
    path("import", import_views.send_file, name="registry_send"),
    path("import/<slug:token>", import_views.show_proposal, name="registry_proposal"),
    path("tables/<slug:table>", views.show_table, name="registry_table"),
    path("tables/<slug:table>/add", views.add_row, name="registry_add"),
    path("tables/<slug:table>/rows/<ref:key>", views.edit_row, name="registry_row"),
    path("tables/<slug:table>/rows/<ref:key>/remove", views.remove_row, name="registry_remove"),
]
