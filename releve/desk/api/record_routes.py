"""What is on record: the ledger's entries and their proofs, the versions of the reference data."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query

from releve.desk.api import schemas
from releve.desk.api.routes import reads
from releve.desk.api.shared import Number
from releve.desk.ledger.entries import EntryAccess, EntryView, build_entry_views
from releve.desk.ledger.page import PAGE
from releve.desk.query import require_found
from releve.ledger.chain import read_head
from releve.ledger.disclosure import list_entries, prove_for_disclosure
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import load_last_root
from releve.registry import service as registry
from releve.registry.models import Version

_MOST_VERSIONS = 200
_Word = Annotated[str, Query(max_length=64, pattern=r"^[a-zA-Z0-9_.:-]*$")]
_Before = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@reads("/ledger", schemas.Entries, "record", "ledger.see")
def ledger(
    request: HttpRequest, stream: _Word = "", kind: _Word = "", before: _Before = None
) -> dict[str, Any]:
    """Entries, the newest first, of every stream or kind or of one; fifty at a time."""
    eyes = EntryAccess.for_user(request.user)
    rows = list_entries(PAGE + 1, persons=eyes.counts, stream=stream, kind=kind, before=before)
    views = build_entry_views(rows[:PAGE], eyes)
    more = len(rows) > PAGE
    return {
        "count": read_head().seq,
        "entries": [_entry(view) for view in views],
        "older": views[-1].seq if more else None,
    }


@reads("/ledger/{int:seq}", schemas.EntrySchema, "record", "ledger.see")
def entry(request: HttpRequest, seq: Number) -> schemas.EntrySchema:
    """One entry. What the reader may not see is named as withheld, what was erased as erased."""
    return _entry(_view(request, seq))


@reads("/ledger/{int:seq}/proof", schemas.Proof, "record", "ledger.prove")
def proof(request: HttpRequest, seq: Number) -> dict[str, Any]:
    """The proof of one entry under the last root, without any other entry.

    It shows nothing personal and nothing of anybody's health: those values are commitments.
    """
    view = _view(request, seq)
    if view.concealed:
        raise Http404
    return prove_for_disclosure(seq)


@reads("/roots/last", schemas.Root, "record", "ledger.see")
def root(request: HttpRequest) -> Any:
    """The last signed root, to be kept out of the house."""
    found = require_found(load_last_root(), _("No root has been signed yet."))
    return json.loads(found.text)


def _view(request: HttpRequest, seq: int) -> EntryView:
    rows = LedgerEntry.objects.filter(seq=seq)
    if not rows:
        raise Http404(_("There is no entry of this number."))
    (view,) = build_entry_views(list(rows), EntryAccess.for_user(request.user))
    return view


def _entry(view: EntryView) -> schemas.EntrySchema:
    return schemas.EntrySchema.from_row(view, url=reverse("api_entry", args=[view.seq]))


@reads("/registry/versions", schemas.Versions, "record", "registry.see")
def versions(request: HttpRequest) -> dict[str, Any]:
    """The versions of the reference data, the current one first; the last two hundred."""
    return {"versions": Version.objects.all()[:_MOST_VERSIONS]}


@reads("/registry/versions/{int:number}", schemas.VersionSchema, "record", "registry.see")
def version(request: HttpRequest, number: Number) -> Version:
    """One version."""
    return registry.get_version(number)
