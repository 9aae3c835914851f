"""Every address of the API."""

from __future__ import annotations

from django.urls import path

from releve.desk.api.auth import behind_doors
from releve.desk.api.document import docs, openapi
from releve.desk.api.routes import OPERATIONS, api

urlpatterns = [
    path("docs", docs, name="api_docs"),
    path("v1/openapi.json", openapi, name="api_openapi"),
    *(
        path(f"v1/{item.pattern}", item.callback, name=item.name)
        for item in behind_doors(api.urls[0], OPERATIONS)
    ),
]
