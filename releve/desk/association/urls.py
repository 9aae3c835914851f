"""Addresses of the bulletin: pages for people, and what members' software sends and fetches."""

from __future__ import annotations

from django.urls import path

from releve.desk.association import exchange_views, views

urlpatterns = [
    path("", views.show, name="contribution"),
    path("fetch", views.fetch, name="contribution_fetch"),
    path("prepare", views.prepare, name="contribution_prepare"),
    path("state", views.state_relief_figures, name="contribution_state"),
    path("send", views.send, name="contribution_send"),
    path("switch", views.switch, name="contribution_switch"),
    path("clerk", views.show_clerk, name="clerk"),
    path("clerk/publish", views.publish, name="clerk_publish"),
    path("clerk/<str:day>.pdf", views.download_paper, name="clerk_paper"),
    path("contributions", exchange_views.take, name="exchange_contributions"),
    path("gates", exchange_views.send_gates, name="exchange_gates"),
    path("messages/<slug:kind>", exchange_views.exchange_messages, name="exchange_messages"),
    path("orders", exchange_views.take_gate_order, name="exchange_orders"),
    path("results/<slug:gate>", exchange_views.send_result, name="exchange_result"),
    path("designs/<str:month>", exchange_views.send_design, name="exchange_design"),
    path("bulletins/<str:day>", exchange_views.send_bulletin, name="exchange_bulletin"),
]
