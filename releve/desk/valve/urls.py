"""Every address of the contracts of relief."""

from __future__ import annotations

from django.urls import path

from releve.desk.valve import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", views.list_all, name="contracts"),
    path("<slug:stream>/<str:name>/", views.show_contract, name="contract"),
    path("<slug:stream>/<str:name>/text.pdf", views.download_text, name="contract_text"),
    path("<slug:stream>/<str:name>/message.json", views.download_message, name="contract_message"),
]
