"""Operations that record events, and those that read what is on record.

What may be sent is read from the event's own fields, the same that the pages, the ledger and the
documentation go by. Who records it, when that is, and the event's id are set here and not sent.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from threading import BoundedSemaphore
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Header, Query, Status

from releve.accounts.event_reach import check_event_reach, narrow_return
from releve.accounts.reach import EntryAccess, EntryFeed, EntryView, load_entries, load_entries_after
from releve.desk.access.guard import actor_name
from releve.desk.api import schemas
from releve.desk.api.refusals import RequestRefused
from releve.desk.api.state_routes import Number, StreamName, reads, writes
from releve.desk.http import STOPPING, require_found
from releve.desk.ledger import find_entry
from releve.desk.live.forms import build_record_check
from releve.desk.live.page import find_stream
from releve.desk.registry.page import VersionRow
from releve.errors import Phrase
from releve.ledger.disclosure import count_entries, prove_for_disclosure
from releve.ledger.roots import load_last_root
from releve.live import api as live
from releve.registry import service as registry
from releve.registry.models import Version
from releve.situation import KINDS, AgentUnavailable, EventFaults, EventRefusal, FieldFault, event_from_json
from releve.situation.codec import build_event_schema

OWN = ("id", "recorded_at", "actor")
"""Fields that are set here."""
_AGAIN = frozenset({"event.correct", "event.record.closure", "reopening.approve"})
"""What has such consequences that a person proves again who they are, as on the pages."""
_MOST_BYTES = 1_000_000
_WAITING = BoundedSemaphore(4)
"""Requests that wait for an entry, each in a thread of its own: a third of the desk's by default. One
more is answered at once."""
_LOOK_SECONDS = 0.5
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Names what is sent for its sender: sent again, it is recorded once",
    ),
]


def _recorder(kind: str) -> Callable[..., Any]:
    def record(request: HttpRequest, idempotency_key: Key, stream: StreamName = live.LIVE) -> Status[dict[str, Any]]:
        sent = _sent(request, kind)
        shown = find_stream(request, stream)
        at = live.now(shown.name)
        own = {"id": uuid.uuid4().hex, "recorded_at": at, "actor": actor_name(request)}
        event, named = event_from_json(kind, {"happened_at": at, **sent, **own}, OWN), set(sent)
        if isinstance(event, AgentUnavailable) and event.start is None and event.happened_at > at:
            event, named = replace(event, start=event.happened_at, happened_at=at), {*named, "start"} - {"happened_at"}
        who = (live.operator_now(), live.situation_now(shown.name))
        check_event_reach(request.user, event, *who)
        narrowed = narrow_return(request.user, event, *who)
        if isinstance(narrowed, EventRefusal):
            raise live.Refused((narrowed,))
        key = hashlib.sha256(f"{actor_name(request)}\n{idempotency_key}".encode()).hexdigest()
        judge = build_record_check(request.user, narrowed, shown.name)
        done = live.record(narrowed, key=key, stream=shown.name, judge=judge)
        if done.before:
            live.refuse_reused_key(done.seq, narrowed, tuple(named))
        return Status(200 if done.before else 201, {**asdict(done), "stream": shown.name})

    record.__name__ = f"record_{kind.replace('.', '_')}"
    record.__doc__ = KINDS[kind].doc
    return record


def _sent(request: HttpRequest, kind: str) -> dict[str, Any]:
    """Return the object that was sent, without a field that is set here."""
    found = read_object(request)
    reason, fix = Phrase("is set here"), Phrase("leave it out")
    own = [FieldFault(name, "", reason, fix, "field.own") for name in OWN if name in found]
    if own:
        raise EventFaults(kind, tuple(own))
    return found


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    try:
        found = json.loads(request.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RequestRefused("body.unreadable", _("The body is no JSON.")) from None
    if not isinstance(found, dict):
        raise RequestRefused("body.unreadable", _("The body is no JSON object."))
    return found


def _no_number(text: str) -> float:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise ValueError(text)


for _kind in KINDS:
    writes(
        f"/events/{_kind}",
        {200: schemas.Accepted, 201: schemas.Accepted},
        "events",
        KINDS[_kind].permission,
        again=KINDS[_kind].permission in _AGAIN,
        people=_kind == "reopening.approved",
        summary=_kind,
        body=build_event_schema(_kind, OWN),
        most_bytes=_MOST_BYTES,
    )(_recorder(_kind))


@writes("/acknowledgements", {200: live.AcknowledgeResult}, "situation", "")
def acknowledge(request: HttpRequest, sent: schemas.Acknowledgement) -> live.AcknowledgeResult:
    """Answer a message by the secret of its link, which is all that it takes."""
    return live.acknowledge(sent.token)


_MOST_VERSIONS = 200
_Word = Annotated[str, Query(max_length=64, pattern=r"^[a-zA-Z0-9_.:-]*$")]
_Before = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@reads("/ledger", schemas.Entries, "record", "ledger.see")
def ledger(request: HttpRequest, stream: _Word = "", kind: _Word = "", before: _Before = None) -> dict[str, Any]:
    """Entries, the newest first, of every stream or kind or of one; fifty at a time."""
    eyes = EntryAccess.for_user(request.user)
    found = load_entries(eyes, stream=stream, kind=kind, before=before)
    count = count_entries(persons=eyes.counts, stream=stream, kind=kind)
    return {"count": count, "entries": found.entries, "older": found.older}


_After = Annotated[int, Query(ge=0, le=2**31 - 1, description="The `last` of the answer before; 0 at the beginning")]
_Wait = Annotated[int, Query(ge=0, le=20, description="Seconds to wait for the next entry where there is none yet")]


@reads("/events", EntryFeed, "record", "ledger.see")
def events(request: HttpRequest, after: _After = 0, wait: _Wait = 0, stream: _Word = "", kind: _Word = "") -> EntryFeed:
    """Entries in the order in which they were written, at most five hundred, for a program that follows.

    Keep `last` with what you have stored and ask with it as `after`: whatever happens in between, you
    see each entry once. An entry that you may not see is a place in the chain.
    """
    eyes, until = EntryAccess.for_user(request.user), time.monotonic() + wait
    seat = wait > 0 and _WAITING.acquire(blocking=False)
    try:
        while True:
            found = load_entries_after(eyes, after, stream=stream, kind=kind)
            if found is None:
                raise RequestRefused(
                    "ledger.shorter", _("The ledger ends before {seq}. Is it another one?").format(seq=after)
                )
            if found.entries or not seat or time.monotonic() >= until or STOPPING.wait(_LOOK_SECONDS):
                return found
            after = found.last
    finally:
        if seat:
            _WAITING.release()


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
def versions(request: HttpRequest, before: _Before = None) -> dict[str, Any]:
    """The versions of the reference data, the current one first; two hundred at a time."""
    found = Version.objects.all() if before is None else Version.objects.filter(number__lt=before)
    rows = list(found[: _MOST_VERSIONS + 1])
    older = rows[_MOST_VERSIONS - 1].number if len(rows) > _MOST_VERSIONS else None
    return {"versions": [VersionRow.from_row(row) for row in rows[:_MOST_VERSIONS]], "older": older}


@reads("/registry/versions/{int:number}", VersionRow, "record", "registry.see")
def version(request: HttpRequest, number: Number) -> VersionRow:
    """One version."""
    return VersionRow.from_row(registry.get_version(number))
