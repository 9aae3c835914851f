"""Every address of sites, clients and reliefs."""

from __future__ import annotations

from django.urls import path

from releve.desk.places import relief_views, views

urlpatterns = [
    path("sites", views.sites, name="sites"),
    path("sites/<ref:site>", views.site, name="site"),
    path("photos/<slug:digest>", views.photo, name="photo"),
    path("clients", views.clients, name="clients"),
    path("clients/<ref:client>", views.client, name="client"),
    path("reliefs", relief_views.reliefs, name="reliefs"),
    path("reliefs/compare", relief_views.compare, name="reliefs_compare"),
    path("reliefs/publish", relief_views.publish, name="plan_publish"),
]
