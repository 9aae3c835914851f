"""Names in Arabic or Hebrew letters keep their own direction in every page.

Beside French or English such a name would draw a number or a colon after it to its left. Names
reach a page by many templates and sentences, so they are isolated where the page leaves (Unicode
Standard Annex 9, first strong isolate): those of the operator's places, clients and programmes
whole, with their figures and Latin letters, others from the first to the last such word. Tags, what
a form holds and what is there to be copied are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.utils.html import escape

from releve.evidence.language import isolate_name
from releve.live.api import IdentityCache
from releve.network import Operator
from releve.registry.service import get_current_version, load_operator

_LETTERS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LEAD_BYTES = re.compile(rb"[\xd6-\xdb]|\xe0[\xa0-\xa3]|\xef[\xac-\xbb]")
"""The first bytes of these letters in UTF-8: a page without them is not read any further."""
_WORDS = rf"[{_LETTERS}](?:[ \u00a0\u200c\u200d'’.-]*[{_LETTERS}])*"
_MARKUP = re.compile(r"<(script|style|textarea|pre|code)\b.*?</\1>|<[^>]*>", re.DOTALL)


def name_direction_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: isolate names in pages; files and JSON pass as they are."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        content = getattr(response, "content", b"")  # a file that is streamed has none
        is_page = response.get("Content-Type", "").startswith("text/html")
        if is_page and _LEAD_BYTES.search(content):
            text = isolate_names(content.decode(), _load_operator())
            response.content = text.encode()  # type: ignore[attr-defined]
        return response

    return middleware


def isolate_names(text: str, operator: Operator | None) -> str:
    """Return HTML with its names isolated; the same text where none has such letters."""
    names = _patterns.get((), (operator,), lambda: _compile(operator))
    parts: list[str] = []
    end = 0
    for markup in _MARKUP.finditer(text):
        parts += (names.sub(_isolate, text[end : markup.start()]), markup[0])
        end = markup.end()
    return "".join((*parts, names.sub(_isolate, text[end:])))


def _isolate(found: re.Match[str]) -> str:
    return isolate_name(found[0])


def _load_operator() -> Operator | None:
    version = get_current_version()
    return None if version is None else load_operator(version)


def _compile(operator: Operator | None) -> re.Pattern[str]:
    """Return the pattern of a name: the operator's own, the longest first, else words."""
    names = () if operator is None else _list_names(operator)
    own = {str(escape(name)) for name in names if re.search(f"[{_LETTERS}]", name)}
    return re.compile(
        "|".join((*(re.escape(name) for name in sorted(own, key=len, reverse=True)), _WORDS))
    )


def _list_names(operator: Operator) -> Iterator[str]:
    yield operator.row.name
    for site in operator.sites:
        yield from (site.name, site.city)
    for table in (operator.clients, operator.programmes, operator.stops):
        yield from (row.name for row in table)


_patterns: IdentityCache[re.Pattern[str]] = IdentityCache()
