"""The current version for a page of the registry, and what is refused, explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.http import HttpRequest, HttpResponse

from releve.desk.http import failure
from releve.desk.text import Text, text_now, translate_error
from releve.errors import Phrase
from releve.registry.errors import Conflict, NotThere, RegistryError
from releve.registry.models import Version
from releve.registry.service import get_current_version, load_operator

__all__ = [
    "RegistryContext",
    "choose_status",
    "explain_refusals",
    "find_context",
    "parse_page_number",
    "require_context",
]


@dataclass(frozen=True, slots=True)
class RegistryContext:
    """The current version with what a page of it needs."""

    version: Version
    text: Text

    @classmethod
    def of(cls, version: Version) -> RegistryContext:
        """Return a version with the writer for this reader in the operator's time zone."""
        return cls(version, text_now(load_operator(version).row.time_zone))


def find_context() -> RegistryContext | None:
    """Return the current version; None where there is none yet."""
    version = get_current_version()
    return None if version is None else RegistryContext.of(version)


def require_context() -> RegistryContext:
    """Return the current version; NotThere where there is none yet."""
    found = find_context()
    if found is None:
        raise NotThere(Phrase("the registry is empty: import an operator first"))
    return found


def explain_refusals(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer what the registry refuses with its sentence: 404 not there, 409 conflict, 422."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RegistryError as error:
            return failure(request, choose_status(error), translate_error(error))

    return answered


def choose_status(error: Exception) -> int:
    """Return the HTTP status of a refusal."""
    if isinstance(error, NotThere):
        return 404
    return 409 if isinstance(error, Conflict) else 422


def parse_page_number(request: HttpRequest) -> int:
    """Return the page of a list that is asked for; NotThere when it is no number."""
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and len(number) < 8):
        raise NotThere(Phrase("there is no page {0!r}", number))
    return int(number)
