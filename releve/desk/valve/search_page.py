"""What a page shows of a search for agents who can be lent, while the worker is at it and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.association.models import LentAgent, SpareSearch
from releve.association.spare_searches import LEND
from releve.desk.page import pick_fields
from releve.desk.places.stream_context import when
from releve.desk.text import Text, translate_phrase
from releve.errors import Phrase, decode_phrase

PART = "search"
"""Asked for as ``?part=search`` by a page that waits."""


@dataclass(frozen=True, slots=True)
class SearchShown:
    """A search: its state (waiting, running, failed or done), what is said of it, its page."""

    state: str
    said: str
    url: str

    @property
    def active(self) -> bool:
        """Whether the worker has not finished it."""
        return self.state in ("waiting", "running")


def build_search(
    search: SpareSearch | None, url: str, now: datetime, text: Text
) -> SearchShown | None:
    """Return a search as the page of ``url`` shows it; None where there was none."""
    if search is None:
        return None
    state = _find_state(search)
    return SearchShown(state, _describe(search, state, now, text), url)


def build_search_twin(search: SpareSearch | None) -> dict[str, Any] | None:
    """Return a search as JSON; null where there was none."""
    if search is None:
        return None
    times = pick_fields(search, "asked_at", "begun_at", "done_at")
    return {"state": _find_state(search), **times}


def answer_search(request: HttpRequest, shown: SearchShown | None) -> HttpResponse | None:
    """Return the part of a page that waits for a search; None where the whole page is asked for."""
    if request.GET.get("part") != PART:
        return None
    if shown is None or not shown.active:
        return HttpResponse(status=200, headers={"HX-Refresh": "true"})
    return render(request, "desk/valve/_search.html", {"search": shown})


def _find_state(search: SpareSearch) -> str:
    if search.done_at is not None:
        return "failed" if search.error else "done"
    return "waiting" if search.begun_at is None else "running"


def _describe(search: SpareSearch, state: str, now: datetime, text: Text) -> str:
    if state == "failed":
        return translate_phrase(
            Phrase.restore(search.error, map(decode_phrase, search.error_values))
        )
    if state == "waiting":
        return _("Asked for on {at}: the worker begins in a moment.").format(
            at=when(search.asked_at, text)
        )
    if state == "running":
        assert search.begun_at is not None
        seconds = max(0, int((now - search.begun_at).total_seconds()))
        return _("The plan in force is searched for agents who can be lent: {seconds} s.").format(
            seconds=text.number(seconds)
        )
    if search.kind != LEND:
        return _("The offer is prepared: read it, then send it.")
    count = LentAgent.objects.filter(contract=search.name, drill=search.drill).count()
    return ngettext(
        "{count} agent is named and counts as absent while the contract lasts.",
        "{count} agents are named and count as absent while the contract lasts.",
        count,
    ).format(count=text.number(count))
