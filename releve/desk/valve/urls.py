"""Every address of the contracts of relief."""

from __future__ import annotations

from django.urls import path

from releve.desk.valve import agreement_views, gate_views, views

urlpatterns = [
    path("", views.list_all, name="contracts"),
    path("sync", gate_views.sync, name="contracts_sync"),
    path("agreements/", agreement_views.list_agreements, name="agreements"),
    path(
        "agreements/<slug:stream>/<str:name>/decide",
        agreement_views.decide,
        name="agreement_decide",
    ),
    path("gates/", gate_views.list_gates, name="gates"),
    path("gates/fetch", gate_views.fetch, name="gates_fetch"),
    path("gates/<slug:gate>/", gate_views.show, name="gate"),
    path("gates/<slug:gate>/ask", gate_views.ask, name="gate_ask"),
    path("gates/<slug:gate>/offer", gate_views.offer, name="gate_offer"),
    path("gates/<slug:gate>/send", gate_views.send, name="gate_send"),
    path("gates/<slug:gate>/result", gate_views.result, name="gate_result"),
    path("gates/<slug:gate>/draft", gate_views.draft, name="gate_draft"),
    path("<slug:stream>/<str:name>/lend", gate_views.lend, name="contract_lend"),
    path("<slug:stream>/<str:name>/", views.show_contract, name="contract"),
    path("<slug:stream>/<str:name>/text.pdf", views.download_text, name="contract_text"),
    path("<slug:stream>/<str:name>/message.json", views.download_message, name="contract_message"),
]
