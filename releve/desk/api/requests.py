"""What people say on the phone, from programs: one at a time, or as a feed with its position."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Path, Status
from ninja.errors import HttpError
from pydantic import StringConstraints

from releve.accounts.request_reach import can_reach
from releve.desk.access.actor import actor_name
from releve.desk.api import schemas
from releve.desk.api.events import Key
from releve.desk.api.routes import reads, writes
from releve.desk.outbound.words import said
from releve.desk.page import pick_fields
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.fault_sentences import FAULT_SENTENCES
from releve.gate.person_answers import preview_answers
from releve.gate.person_requests import PhoneRequest, record_request
from releve.gate.request_feeds import COLUMNS, EVERY, feed_position, take_rows

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$"), Path()]


@writes(
    "/outbound/requests",
    {200: schemas.Recorded, 201: schemas.Recorded},
    "outbound",
    "outbound.request",
)
def person_request(
    request: HttpRequest, idempotency_key: Key, sent: schemas.PersonRequest
) -> Status[dict[str, Any]]:
    """What the person at a number says: recorded, and counting, before this answers."""
    client = "" if sent.client == EVERY else sent.client
    if not can_reach(request.user, client):
        raise HttpError(403, said(FAULT_SENTENCES["client.elsewhere"]))
    asked = PhoneRequest(
        idempotency_key, sent.number, sent.said, client, sent.at, sent.channel, sent.outcome,
        sent.call,
    )  # fmt: skip
    found = record_request(asked, by=actor_name(request), source="api")
    answers = preview_answers(sent.number, client, load_current_rules(), read_clock())
    recorded = {"recorded": found, "answers": [answer.summary for answer in answers]}
    return Status(200 if found.before else 201, recorded)


@reads("/outbound/feeds/{feed}", schemas.Feed, "outbound", "outbound.request")
def feed(request: HttpRequest, feed: _Name) -> dict[str, Any]:
    """Where a feed of this sender stands."""
    return {"feed": feed, "position": feed_position(_own(request, feed))}


@writes("/outbound/feeds/{feed}/rows", {200: schemas.FeedTaken}, "outbound", "outbound.request")
def send_feed(request: HttpRequest, feed: _Name, sent: schemas.FeedRows) -> dict[str, Any]:
    """Record rows of a feed with its position; set faulty rows aside and report them."""
    if any(name not in COLUMNS for row in sent.rows for name in row):
        raise HttpError(
            422, _("The columns of a row are {names}.").format(names=", ".join(COLUMNS))
        )
    found = take_rows(
        _own(request, feed), sent.rows, position=sent.position, by=actor_name(request),
        allowed=lambda client: can_reach(request.user, client),
    )  # fmt: skip
    faults = [
        {
            "row": one.line,
            "field": one.field,
            "code": one.code,
            "message": said(FAULT_SENTENCES[one.code]),
        }
        for one in found.faults
    ]
    counts = pick_fields(found, "recorded", "before", "set_aside", "position")
    return {**counts, "faults": faults}


def _own(request: HttpRequest, feed: str) -> str:
    return f"{actor_name(request)}/{feed}"
