"""Every address of the health officer's pages. A case goes by its event: no pseudonym is in one."""

from __future__ import annotations

from django.urls import path

from releve.desk.health import views

urlpatterns = [
    path("", views.list_cases, name="health"),
    path("<ref:case>", views.show_case, name="health_case"),
]
