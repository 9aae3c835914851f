"""How a page is served: who may enter, by which methods, and the ids in its address.

::

    @serve("sites.see", site="site")  # read alone
    @serve("drill.run", ACT)  # changed alone
    @serve("plan.publish", FORM, recent=True)  # both, by a user who lately proved who they are

An id is any text as one path segment without a dot or a slash (tilde encoding).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import register_converter
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.http import failure, wants_json
from releve.desk.text import translate_error
from releve.errors import ReleveError
from releve.live import api as live
from releve.registry.tables import Conflict, NotThere, RegistryError
from releve.runs.job_store import StillReading, TooManyJobs

_View = Callable[..., HttpResponse]

_REFRESH_SECONDS = 2
READ = ("GET", "HEAD")
ACT = ("POST",)
FORM = (*READ, *ACT)


def serve(
    permission: str,
    methods: tuple[str, ...] = READ,
    *,
    site: str | None = None,
    client: str | None = None,
    recent: bool = False,
) -> Callable[[_View], _View]:
    """Open a view to those who hold a permission, by some methods.

    ``site`` and ``client`` name the arguments for which it must be held; ``recent``: the user is
    asked again who they are, unless that was done lately.
    """

    def decorate(view: _View) -> _View:
        answered = require_http_methods(list(methods))(explain_errors(view))
        asked = require_recent_auth(answered) if recent else answered
        return require_permission(permission, site=site, client=client)(asked)

    return decorate


def perform(
    request: HttpRequest, act: Callable[[], object], view: str, *place: str, said: str = "", refused: str = ""
) -> HttpResponse:
    """Act, then lead to a page, which says ``said``; 409 with ``refused`` where it is refused."""
    try:
        act()
    except ReleveError as error:
        return failure(request, 409, refused or _("Nothing was changed."), translate_error(error))
    if said:
        messages.success(request, said)
    return redirect(view, *place)


def explain_errors(view: _View) -> _View:
    """Answer what the services refuse with a sentence instead of a fault."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except live.NoOperator:
            return refuse_without_operator(request)
        except live.NoSuch:
            return failure(request, 404, _("This drill or effect is not there any more."))
        except TooManyJobs as error:
            return failure(request, 409, _("Nothing was started."), translate_error(error))
        except StillReading as error:
            return _wait_for_reading(request, error.seconds)
        except RegistryError as error:
            return failure(request, choose_status(error), translate_error(error))

    return answered


def _wait_for_reading(request: HttpRequest, seconds: float) -> HttpResponse:
    """Answer 202: a file is being read; a page asks again by itself, what is sent is sent again."""
    if wants_json(request):
        return JsonResponse({"reading": round(seconds)}, status=202)
    said = _("The file is being read, for {seconds} seconds now.").format(seconds=round(seconds))
    then = (
        _("This page goes on by itself.")
        if request.method == "GET"
        else _("Nothing was changed. Send it again in a moment: what has been read is kept.")
    )
    response = failure(request, 202, said, then)
    if request.method == "GET":
        response["Refresh"] = str(_REFRESH_SECONDS)
    return response


def refuse_without_operator(request: HttpRequest) -> HttpResponse:
    """Answer 503: there are no reference data, and how to get some."""
    fix = _("Import its reference data first, or the sample operator.")
    return failure(request, 503, _("There is no operator yet."), fix)


def choose_status(error: Exception) -> int:
    """Return the HTTP status of a refusal of the registry: 404 not there, 409 conflict, 422."""
    if isinstance(error, NotThere):
        return 404
    return 409 if isinstance(error, Conflict) else 422


_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:")
_ESCAPE = re.compile(rb"~([0-9A-F]{2})")


class RefConverter:
    """``carrier:Maroc Telecom`` <-> ``carrier:Maroc~20Telecom``; ``.json`` can follow an id."""

    regex = r"(?:[A-Za-z0-9_:-]|~[0-9A-F]{2})+"

    def to_python(self, value: str) -> str:
        """Return the id; ValueError (no such page) when the bytes are not UTF-8."""
        raw = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), value.encode("ascii"))
        return raw.decode("utf-8")

    def to_url(self, value: str) -> str:
        """Return the path segment."""
        return "".join(chr(b) if b in _SAFE else f"~{b:02X}" for b in value.encode("utf-8"))


register_converter(RefConverter, "ref")
