"""Addresses of the page *Now*."""

from __future__ import annotations

from django.urls import path

from releve.desk.now import views

urlpatterns = [
    path("now", views.now, name="now"),
    path("now.json", views.now, name="now_json"),
    path("effects/<int:number>/retry", views.effect_retry, name="effect_retry"),
]
