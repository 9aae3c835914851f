"""Operations of the API about people who are called: what one says, and feeds of a telephony system."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from releve.desk.access.guard import actor_name
from releve.desk.api.events import Key
from releve.desk.api.refusals import REUSED, RequestRefused, build_fault, refuse, refuse_faults
from releve.desk.api.state_routes import api, reads, writes
from releve.desk.error_codes import FAULT_CODES
from releve.desk.page import pick_fields
from releve.live.clock import read_clock
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.errors import KeyFault
from releve.plugins.outbound.gate.fact_import import FAULT_SENTENCES
from releve.plugins.outbound.gate.person_requests import (
    PhoneRequest,
    RecordedRequest,
    RequestFaults,
    RequestReused,
    record_request,
)
from releve.plugins.outbound.gate.person_rights import AnswerSummary, preview_answers
from releve.plugins.outbound.gate.request_feeds import COLUMNS, EVERY, FeedMoved, feed_position, take_rows
from releve.plugins.outbound.pages.access import can_reach
from releve.plugins.outbound.pages.page import said

FAULT_CODES.update({code: words.en for code, words in FAULT_SENTENCES.items()})

Said = Literal["stop", "refusal", "not-interested", "not-now", "outcome"]
Outcome = Literal[
    "", "conversation", "abandoned", "voicemail", "answered", "no-answer", "busy", "declined",
    "cancelled", "failed", "unallocated",
]  # fmt: skip


class PersonRequest(Schema):
    """What the person at a number says; ``client`` is ``*`` for every client."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=40, description="Any French or international form")
    said: Said
    client: str = Field(min_length=1, max_length=128)
    at: AwareDatetime | None = Field(default=None, description="When it was said; null: now")
    channel: str = Field(default="oral", max_length=64)
    outcome: Outcome = Field(default="", description="With said = outcome alone")
    call: str = Field(default="", max_length=300, description="Call-ID, or Call-ID/CSeq")


class Recorded(Schema):
    """A request as it stands: counts, and what the gate would answer."""

    recorded: RecordedRequest
    answers: list[AnswerSummary]


class FeedRows(Schema):
    """Rows of a feed that follow ``position``; cells as in the files (docs/gate.md)."""

    model_config = ConfigDict(extra="forbid")

    position: int = Field(ge=0, le=2**53, description="How many rows were sent before these")
    rows: list[dict[str, str]] = Field(max_length=500)


class FeedFault(Schema):
    """A row that was set aside; ``row`` counts from 1 at the beginning of the feed."""

    row: int
    field: str
    code: str
    message: str


class FeedTaken(Schema):
    """What became of the rows; the next ones follow ``position``."""

    recorded: int
    before: int
    set_aside: int
    position: int
    faults: list[FeedFault]


class Feed(Schema):
    """How many rows of a feed were taken."""

    feed: str
    position: int


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$"), Path()]


@writes("/outbound/requests", {200: Recorded, 201: Recorded}, "outbound", "outbound.request")
def person_request(request: HttpRequest, idempotency_key: Key, sent: PersonRequest) -> Status[dict[str, Any]]:
    """What the person at a number says: recorded, and counting, before this answers."""
    client = "" if sent.client == EVERY else sent.client
    if not can_reach(request.user, client):
        raise RequestRefused("access.reach", said(FAULT_SENTENCES["client.elsewhere"]))
    asked = PhoneRequest(
        idempotency_key, sent.number, sent.said, client, sent.at, sent.channel, sent.outcome, sent.call
    )
    found = record_request(asked, by=actor_name(request), source="api")
    answers = preview_answers(sent.number, client, load_current_rules(), read_clock())
    recorded = {"recorded": found, "answers": [answer.summary for answer in answers]}
    return Status(200 if found.before else 201, recorded)


@reads("/outbound/feeds/{feed}", Feed, "outbound", "outbound.request")
def feed(request: HttpRequest, feed: _Name) -> dict[str, Any]:
    """Where a feed of this sender stands."""
    return {"feed": feed, "position": feed_position(_own(request, feed))}


@writes("/outbound/feeds/{feed}/rows", {200: FeedTaken}, "outbound", "outbound.request")
def send_feed(request: HttpRequest, feed: _Name, sent: FeedRows) -> dict[str, Any]:
    """Record rows of a feed with its position; set faulty rows aside and report them."""
    if any(name not in COLUMNS for row in sent.rows for name in row):
        raise RequestRefused("refused", _("The columns of a row are {names}.").format(names=", ".join(COLUMNS)))
    found = take_rows(
        _own(request, feed), sent.rows, position=sent.position, by=actor_name(request),
        allowed=lambda client: can_reach(request.user, client),
    )  # fmt: skip
    faults = [
        {"row": one.line, "field": one.field, "code": one.code, "message": said(FAULT_SENTENCES[one.code])}
        for one in found.faults
    ]
    counts = pick_fields(found, "recorded", "before", "set_aside", "position")
    return {**counts, "faults": faults}


def _own(request: HttpRequest, feed: str) -> str:
    return f"{actor_name(request)}/{feed}"


@api.exception_handler(RequestReused)
def answer_reused(request: HttpRequest, error: RequestReused) -> HttpResponse:
    return refuse(request, "key.reused", str(REUSED))


@api.exception_handler(RequestFaults)
def answer_request_faults(request: HttpRequest, error: RequestFaults) -> HttpResponse:
    rows = error.faults
    faults = [build_fault(row.field, row.code, said(FAULT_SENTENCES[row.code])) for row in rows]
    return refuse_faults(request, faults)


@api.exception_handler(KeyFault)
def answer_missing_key(request: HttpRequest, error: KeyFault) -> HttpResponse:
    return refuse(request, "nothing.yet", said(FAULT_SENTENCES["gate.key"]))


@api.exception_handler(FeedMoved)
def answer_moved_feed(request: HttpRequest, error: FeedMoved) -> HttpResponse:
    message = _("These rows do not follow: the feed stands at {position}.")
    return refuse(request, "conflict", message.format(position=error.position))
