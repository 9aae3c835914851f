"""The address at which an exchange asks for the route of a call: open, since each request shows a secret.

It reads one file and no database, so that calls are routed while the database is away.
"""

from __future__ import annotations

import base64
import os
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from releve.desk.access.guard import allow_anonymous
from releve.desk.http import keep_unstored
from releve.routing import build_adapters
from releve.routing.lookup import Lookup, order_addresses


@allow_anonymous
def route_call(request: HttpRequest, key: str) -> HttpResponse:
    """Answer ``route|ADDRESS|ADDRESS`` by a number or a programme, or ``none`` where no place serves it.

    Any other status than 200 has an empty body, and the exchange takes its default: 401 without the secret, 404
    where there is neither such a number nor such a programme, 503 where no routes are published.
    """
    adapters = [one for one in build_adapters(os.environ, settings.HOME) if isinstance(one, Lookup)]
    if request.method not in ("GET", "HEAD"):
        return _answer(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")
    if not adapters:
        return _answer(HTTPStatus.NOT_FOUND)
    if not adapters[0].admits(_read_secret(request)):
        return _answer(HTTPStatus.UNAUTHORIZED, **{"WWW-Authenticate": "Basic"})
    table = adapters[0].read_table()
    if table is None:
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE)
    places = table.places.get(key.removeprefix("+"))
    if places is None:
        return _answer(HTTPStatus.NOT_FOUND)
    text = "|".join(("route", *order_addresses(places))) if places else "none"
    return _answer(HTTPStatus.OK, text, **{"X-Releve-Generation": str(table.number)})


def _read_secret(request: HttpRequest) -> str:
    """Return what the request shows, as a bearer or as the password of any user; empty without it."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2] if scheme.lower() == "basic" else ""
    except ValueError:
        return ""


def _answer(status: HTTPStatus, text: str = "", **headers: str) -> HttpResponse:
    return keep_unstored(HttpResponse(text, content_type="text/plain; charset=utf-8", status=status, headers=headers))


urlpatterns = [path("routing/<str:key>", route_call, name="route_call")]
