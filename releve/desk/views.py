"""What belongs to no subject: the language, errors."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language as django_set_language

from releve.desk.access.guard import allow_anonymous
from releve.desk.access.open_mode import changes_nothing
from releve.desk.database_errors import answer_if_busy
from releve.desk.http import failure

set_language = changes_nothing(allow_anonymous(csrf_exempt(django_set_language)))
"""Keeps the language in a cookie. Exempt from the CSRF token on purpose: all it changes is a
reader's language, and without a token in them the pages are the same for everybody and cacheable.
"""


def stranger(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with the reason the view gave, if it gave one."""
    given = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return failure(request, 404, given or _("There is no page at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without saying what went wrong; the log does. A busy database is no fault."""
    busy = answer_if_busy(request, sys.exception())
    if busy is not None:
        return busy
    return failure(request, 500, _("Something went wrong. It has been logged."))
