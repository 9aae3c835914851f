"""Every address of outbound calls."""

from __future__ import annotations

from django.urls import path

from releve.desk.outbound import views

urlpatterns = [
    path("", views.campaigns, name="outbound"),
    path("campaigns/<ref:campaign>", views.campaign, name="outbound_campaign"),
    path("campaigns/<ref:campaign>/sheet", views.sheet, name="outbound_sheet"),
    path("campaigns/<ref:campaign>/sheet/<str:name>", views.sheet_file, name="outbound_sheet_file"),
    path("person", views.person, name="outbound_person"),
    path("requests", views.requests, name="outbound_requests"),
    path("rights", views.rights, name="outbound_rights"),
    path("feeds", views.feeds, name="outbound_feeds"),
    path("rules", views.rules, name="outbound_rules"),
    path("rules/flips", views.flips, name="outbound_flips"),
]
