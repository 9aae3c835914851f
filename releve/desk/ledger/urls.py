"""Every address of the ledger."""

from __future__ import annotations

from django.urls import path

from releve.desk.ledger import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", views.index, name="ledger"),
    path("<int:seq>", views.entry, name="ledger_entry"),
    path("<int:seq>/proof.json", views.proof, name="ledger_proof"),
    path("export.jsonl", views.export, name="ledger_export"),
    path("root.json", views.root_file, name="ledger_root"),
    path("verify", views.verify, name="ledger_verify"),
    path("verify.py", views.verifier_file, name="ledger_verifier"),
]
