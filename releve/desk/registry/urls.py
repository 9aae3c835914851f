"""Every address of the reference data."""

from __future__ import annotations

from django.urls import path

from releve.desk.registry import import_views, version_views, views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", views.index, name="registry"),
    path("versions", version_views.versions, name="registry_versions"),
    path("versions/<int:number>", version_views.version, name="registry_version"),
    path("versions/<int:number>/undo", version_views.undo, name="registry_undo"),
    path("versions/<int:number>/restore", version_views.restore, name="registry_restore"),
    path("export.zip", version_views.export, name="registry_export"),
    path("import", import_views.send, name="registry_send"),
    path("import/<slug:token>", import_views.proposal, name="registry_proposal"),
    path("tables/<slug:table>", views.table, name="registry_table"),
    path("tables/<slug:table>/add", views.add, name="registry_add"),
    path("tables/<slug:table>/rows/<ref:key>", views.row, name="registry_row"),
    path("tables/<slug:table>/rows/<ref:key>/remove", views.remove, name="registry_remove"),
]
