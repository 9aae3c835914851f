"""Every address of the evidence packs."""

from __future__ import annotations

from django.urls import path

from releve.desk.packs import views

urlpatterns = [
    path("", views.list_all, name="packs"),
    path("verify.py", views.download_verifier, name="pack_verifier"),
    path("<slug:digest>", views.show_pack, name="pack"),
    path("<slug:digest>/pack.zip", views.download_pack, name="pack_zip"),
    path("<slug:digest>/file.pdf", views.download_pdf, name="pack_file"),
    path("<slug:digest>/file.pdf.note", views.download_note, name="pack_note"),
]
