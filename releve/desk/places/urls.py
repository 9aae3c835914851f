"""Every address of sites, clients and reliefs."""

from __future__ import annotations

from django.urls import path

from releve.desk.places import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("sites", views.sites, name="sites"),
    path("sites/<ref:site>", views.site, name="site"),
    path("clients", views.clients, name="clients"),
    path("clients/<ref:client>", views.client, name="client"),
]
