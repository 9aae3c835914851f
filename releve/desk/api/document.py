"""Every address of the API, its OpenAPI document, and a page that lists its operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from operator import itemgetter
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from releve.desk.access.guard import allow_anonymous
from releve.desk.api import events, people, tables
from releve.desk.api.auth import Door, enter
from releve.desk.api.state_routes import OPERATIONS, api
from releve.desk.http import unchanged
from releve.plugin import list_plugins

PREFIX = "api/v1/"
_REGISTERED = (events, people, tables, *(import_module(name) for plugin in list_plugins() for name in plugin.api))
"""Importing them has registered their operations."""
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the OpenAPI document; what each operation takes stands beside it, in words and ids."""
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix=PREFIX)))
    found["components"]["securitySchemes"] = _SCHEMES
    for operation in _operations(found):
        _name, _method, door = OPERATIONS[operation["operationId"]]
        operation["security"] = [{name: []} for name in _SCHEMES] if door.permission else []
        operation["x-permission"] = door.permission
    return found


def _operations(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in found["paths"].values():
        yield from methods.values()


@allow_anonymous
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document: it says what there is, and nothing of what is in it."""
    return unchanged(request, JsonResponse(document()))


@allow_anonymous
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation with the permission it takes; no script, nothing from elsewhere."""
    lines = [
        {
            "method": method.upper(),
            "path": path,
            "summary": str(row.get("description", "")).partition("\n")[0] or row["summary"],
            "permission": row["x-permission"],
            "tag": row["tags"][0],
        }
        for path, methods in document()["paths"].items()
        for method, row in methods.items()
    ]
    lines.sort(key=itemgetter("method"))  # what is read stands first
    return unchanged(request, render(request, "desk/api/docs.html", {"lines": lines}))


def _list_doors(name: str) -> dict[str, Door]:
    """Return the door of each method of an address."""
    return {method: door for own, method, door in OPERATIONS.values() if own == name}


_routed: list[Any] = api.urls[0]
urlpatterns = [
    path("docs", docs, name="api_docs"),
    path("v1/openapi.json", openapi, name="api_openapi"),
    *(
        path(f"v1/{item.pattern}", enter(item.callback, _list_doors(item.name)), name=item.name)
        for item in _routed
        if _list_doors(item.name)
    ),
]
