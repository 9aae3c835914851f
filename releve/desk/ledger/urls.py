"""Every address of the ledger."""

from __future__ import annotations

from django.urls import path

from releve.desk.ledger import views

urlpatterns = [
    path("", views.show_index, name="ledger"),
    path("<int:seq>", views.show_entry, name="ledger_entry"),
    path("<int:seq>/proof.json", views.download_proof, name="ledger_proof"),
    path("export.jsonl", views.export_ledger, name="ledger_export"),
    path("root.json", views.download_root, name="ledger_root"),
    path("verify", views.verify, name="ledger_verify"),
    path("verify.py", views.download_verifier, name="ledger_verifier"),
]
