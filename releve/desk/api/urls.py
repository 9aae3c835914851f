"""Every address of the API."""

from __future__ import annotations

from typing import Any

from django.urls import path

from releve.desk.api.auth import enter
from releve.desk.api.document import docs, openapi
from releve.desk.api.routes import OPERATIONS, api

_operations: list[Any] = api.urls[0]
urlpatterns = [
    path("docs", docs, name="api_docs"),
    path("v1/openapi.json", openapi, name="api_openapi"),
    *(
        path(f"v1/{item.pattern}", enter(item.callback, *OPERATIONS[item.name]), name=item.name)
        for item in _operations
        if item.name in OPERATIONS
    ),
]
