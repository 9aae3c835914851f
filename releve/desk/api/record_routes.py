"""What is on record: the ledger's entries and their proofs, the versions of the reference data."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Query

from releve.accounts.entry_reach import EntryAccess, EntryView, load_entries
from releve.desk.api import schemas
from releve.desk.api.routes import reads
from releve.desk.api.shared import Number
from releve.desk.ledger.views import find_entry
from releve.desk.query import require_found
from releve.desk.registry.page import VersionRow
from releve.ledger.chain import read_head
from releve.ledger.disclosure import prove_for_disclosure
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
    found = load_entries(eyes, stream=stream, kind=kind, before=before)
    return {"count": read_head().seq, "entries": found.entries, "older": found.older}


@reads("/ledger/{int:seq}", EntryView, "record", "ledger.see")
def entry(request: HttpRequest, seq: Number) -> EntryView:
    """One entry. What the reader may not see is named as withheld, what was erased as erased."""
    return find_entry(request, seq)


@reads("/ledger/{int:seq}/proof", schemas.Proof, "record", "ledger.prove")
def proof(request: HttpRequest, seq: Number) -> dict[str, Any]:
    """The proof of one entry under the last root, without any other entry.

    It shows nothing personal and nothing of anybody's health: those values are commitments.
    """
    if find_entry(request, seq).concealed:
        raise Http404
    return prove_for_disclosure(seq)


@reads("/roots/last", schemas.Root, "record", "ledger.see")
def root(request: HttpRequest) -> Any:
    """The last signed root, to be kept out of the house."""
    found = require_found(load_last_root(), _("No root has been signed yet."))
    return json.loads(found.text)


@reads("/registry/versions", schemas.Versions, "record", "registry.see")
def versions(request: HttpRequest) -> dict[str, Any]:
    """The versions of the reference data, the current one first; the last two hundred."""
    rows = Version.objects.all()[:_MOST_VERSIONS]
    return {"versions": [VersionRow.from_row(row) for row in rows]}


@reads("/registry/versions/{int:number}", VersionRow, "record", "registry.see")
def version(request: HttpRequest, number: Number) -> VersionRow:
    """One version."""
    return VersionRow.from_row(registry.get_version(number))
