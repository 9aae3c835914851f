"""SCIM 2.0 for the organisation's directory: ``/scim/v2``, by a token that may do this and nothing else.

The protocol is scim2-server's, which is loaded with the first request: it takes most of a second.
"""

from __future__ import annotations

import json
from functools import wraps

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from releve.accounts.tokens import is_program
from releve.desk.access.guard import actor_name
from releve.desk.api.auth import Door, enter
from releve.desk.api.refusals import refuse
from releve.desk.http import SCIM
from releve.ledger.chain import lock_head


def _answer(request: HttpRequest, rest: str) -> HttpResponse:
    if not is_program(request.user):
        return refuse(request, "access.role", _("Only a program with a token for it provisions accounts."))
    from scim2_models import SCIMException
    from scim2_server.handler import ScimHandler
    from scim2_server.requests import ScimRequest

    from releve.desk.access.scim_users import SERVICE, AccountStorage

    root = settings.DESK_URL if settings.DESK_URL_IS_SET else request.build_absolute_uri("/").rstrip("/")
    asked = ScimRequest(
        method=request.method or "GET",
        base_url=root + SCIM.rstrip("/"),
        path=f"/{rest}",
        query=request.GET.dict(),
        headers=dict(request.headers),
        body=request.body,
    )
    handler = ScimHandler(SERVICE, AccountStorage(actor_name(request)))
    try:
        if request.method == "GET":
            found = handler.handle(asked)
        else:
            with transaction.atomic():
                lock_head()  # what is read is what is changed: an older reading would open an account again
                found = handler.handle(asked)
    except SCIMException as error:
        found = SERVICE.error_response(error)
    content = b"" if found.body is None else json.dumps(found.body).encode()
    return HttpResponse(content, status=found.status.value, headers=found.headers)


_entered = enter(_answer, {method: Door("accounts.provision") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")})


@wraps(_entered)
def scim(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer a directory; refusals of the desk itself (no token, too many) in the standard's form too."""
    try:
        response = _entered(request, rest)
    except Http404:  # to an outsider
        response = refuse(request, "missing", _("There is no page at this address."))
    if response.status_code < 400 or response["Content-Type"].startswith("application/scim"):
        return response
    said = json.loads(response.content)["error"]
    error = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(response.status_code),
        "detail": f"{said['message']} {said['detail']}".strip(),
    }
    response.content = json.dumps(error).encode()
    response["Content-Type"] = "application/scim+json"
    return response


urlpatterns = [path("", scim, name="scim"), path("<path:rest>", scim, name="scim_resource")]
