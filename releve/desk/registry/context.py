"""The current version for a page of the registry."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from releve.desk.query import read_number
from releve.desk.text import Text, text_now
from releve.errors import Phrase
from releve.registry.errors import NotThere
from releve.registry.models import Version
from releve.registry.service import get_current_version, load_operator


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


def parse_page_number(request: HttpRequest) -> int:
    """Return the page of a list that is asked for; NotThere when it is no number."""
    asked = request.GET.get("page", "1")
    number = read_number(asked, 7)
    if number is None:
        raise NotThere(Phrase("there is no page {0!r}", asked))
    return number
