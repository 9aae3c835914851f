"""Every address of outbound calls."""

from __future__ import annotations

from django.urls import path

from releve.desk.outbound import (
    campaign_views,
    feed_views,
    request_views,
    rights_views,
    sheet_views,
    views,
)

urlpatterns = [
    path("", campaign_views.campaigns, name="outbound"),
    path("campaigns/<ref:campaign>", campaign_views.campaign, name="outbound_campaign"),
    path("campaigns/<ref:campaign>/sheet", sheet_views.sheet, name="outbound_sheet"),
    path(
        "campaigns/<ref:campaign>/sheet/<str:name>",
        sheet_views.sheet_file,
        name="outbound_sheet_file",
    ),
    path("person", campaign_views.person, name="outbound_person"),
    path("requests", request_views.requests, name="outbound_requests"),
    path("rights", rights_views.rights, name="outbound_rights"),
    path("feeds", feed_views.feeds, name="outbound_feeds"),
    path("rules", views.rules, name="outbound_rules"),
    path("rules/flips", views.flips, name="outbound_flips"),
]
