"""Every address of the contracts of relief."""

from __future__ import annotations

from django.urls import path

from releve.desk.valve import views

urlpatterns = [
    path("", views.list_all, name="contracts"),
    path("sync", views.sync, name="contracts_sync"),
    path("agreements/", views.list_agreements, name="agreements"),
    path("agreements/<slug:stream>/<str:name>/decide", views.decide, name="agreement_decide"),
    path("gates/", views.list_gates, name="gates"),
    path("gates/fetch", views.fetch_clearings, name="gates_fetch"),
    path("gates/<slug:gate>/", views.show_gate, name="gate"),
    path("gates/<slug:gate>/ask", views.ask, name="gate_ask"),
    path("gates/<slug:gate>/offer", views.offer, name="gate_offer"),
    path("gates/<slug:gate>/send", views.send, name="gate_send"),
    path("gates/<slug:gate>/result", views.result, name="gate_result"),
    path("gates/<slug:gate>/draft", views.draft, name="gate_draft"),
    path("<slug:stream>/<str:name>/lend", views.lend, name="contract_lend"),
    path("<slug:stream>/<str:name>/", views.show_contract, name="contract"),
    path("<slug:stream>/<str:name>/text.pdf", views.download_text, name="contract_text"),
    path("<slug:stream>/<str:name>/message.json", views.download_message, name="contract_message"),
]
